"""What is drawn from facts is drawn anew without a run, and nothing edited slips in with it."""

from pathlib import Path

from aelib.claims import Claims
from aelib.explorer import Explorer, latent_explorer
from aelib.models import dense_autoencoder
import digests
import nbformat
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
import numpy as np
import pytest
import redraw as tool

ROW = {
    "statement": "Deeper is better",
    "source": "Rivas",
    "verdict": "reproduced",
    "measured": "0.1",
    "why": "",
}


@pytest.fixture(scope="module")
def explorer() -> Explorer:
    """Return an explorer of a small net."""
    net = dense_autoencoder(16, (2,))
    codes = np.random.default_rng(0).normal(size=(20, 2))
    return latent_explorer(net, codes, np.arange(20) % 10, title="A < small net")


@pytest.fixture
def path(tmp_path, explorer) -> Path:
    """Save a notebook whose ledger, explorer and shown code were drawn by an older version."""
    _, metadata = Claims.from_rows([ROW])._repr_mimebundle_()
    older = {"text/html": "<table>older</table>", "text/plain": "older"}
    page = explorer._repr_html_().replace("max-width", "min-width").replace("body", "corpus")
    code = digests.definition("noise.gaussian").replace("(", "( ")
    shown = {"text/markdown": f"```python\n{code}\n```", "text/plain": "<Markdown>"}
    outputs = {
        "ledger": new_output("execute_result", older, metadata=metadata),
        "explorer": new_output("execute_result", {"text/html": page, "text/plain": "older"}),
        "source.show_source(noise.gaussian)": new_output("execute_result", shown),
        "plain": new_output("execute_result", {"text/html": "<p>1</p>", "text/plain": "1"}),
    }
    cells = [new_code_cell(name, outputs=[output]) for name, output in outputs.items()]
    texts = [new_markdown_cell("# Title"), new_markdown_cell("One."), new_markdown_cell("Two.")]
    notebook = new_notebook(cells=[*texts, *cells])
    digests.sign(notebook)
    nbformat.write(notebook, tmp_path / "02_a.ipynb")
    return tmp_path / "02_a.ipynb"


def read(path: Path) -> NotebookNode:
    """Read a notebook."""
    return nbformat.read(path, as_version=4)


def run(path: Path, *options: str) -> int:
    """Run the command on the folder of a notebook."""
    return tool.main(["--folder", str(path.parent), *options])


def test_everything_is_drawn_as_now_and_signed(path, explorer, capsys):
    assert run(path) == 0
    assert "3 outputs drawn anew" in capsys.readouterr().out
    notebook = read(path)
    ledger, page, code, plain = (cell.outputs[0].data for cell in notebook.cells[3:])
    assert ledger == Claims.from_rows([ROW])._repr_mimebundle_()[0]
    assert page == {"text/html": explorer._repr_html_(), "text/plain": repr(explorer)}
    assert code["text/markdown"] == f"```python\n{digests.definition('noise.gaussian')}\n```"
    assert plain == {"text/html": "<p>1</p>", "text/plain": "1"}
    assert not list(digests.changed_since_the_run(notebook))
    drawn = path.read_bytes()
    assert run(path, "2") == 0
    assert "looks as it would be drawn now" in capsys.readouterr().out
    assert path.read_bytes() == drawn


def test_edited_notebook_is_refused_and_left_alone(path, capsys):
    notebook = read(path)
    notebook.cells[-1].outputs[0].data["text/plain"] = "2"
    nbformat.write(notebook, path)
    before = path.read_bytes()
    assert run(path, "--accept") == 1
    assert "its outputs are not those of the run" in capsys.readouterr().err
    assert path.read_bytes() == before


def test_what_is_made_by_hand_is_taken_once_accepted(path, capsys):
    notebook = read(path)
    notebook.cells[1], notebook.cells[2] = notebook.cells[2], notebook.cells[1]
    notebook.cells[-1].metadata["tags"] = ["gallery"]
    nbformat.write(notebook, path)
    assert run(path) == 1
    assert "make redraw ACCEPT=1" in capsys.readouterr().err
    assert run(path, "--accept") == 0
    said = capsys.readouterr().out
    assert "accepted: cell 4: its tags" in said and "accepted: its text cells" in said
    assert not list(digests.changed_by_hand(read(path)))


def test_unknown_number_is_an_error(path, capsys):
    assert run(path, "7") == 2
    assert "no notebook has the number 07" in capsys.readouterr().err


def test_html_without_an_explorer_is_refused():
    with pytest.raises(ValueError, match="html shows no explorer"):
        Explorer.from_html("<p>srcdoc</p>")
