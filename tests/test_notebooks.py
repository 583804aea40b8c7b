"""The committed notebooks keep the rules, and each rule notices when it is broken."""

from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
import re

from aelib.claims import Claims
from aelib.profile import VERSIONS, Setup
import nbformat
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from notebook_parts import code_cells, find_notebooks
import notebook_rules as rules
import pytest

FOLDER = Path(__file__).parents[1] / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))
CHECKS = """\
ledger = Claims()
ledger.check("Deeper is better", source="Rivas, Fig. 7.7", holds=deep < shallow, measured=f"{deep}")
ledger.check(
    "Shallow is "
    "good enough",
    source="Zen",
    holds=bool(shallow < 0.1),
    measured=f"{shallow}",
    why="It learns the mean image.",
)
ledger"""


# The committed notebooks --------------------------------------------------------------------------


def test_there_are_notebooks():
    assert NOTEBOOKS


def test_every_notebook_has_a_number_of_its_own():
    assert find_notebooks(FOLDER) == NOTEBOOKS
    assert len({path.name[:2] for path in NOTEBOOKS}) == len(NOTEBOOKS)


@pytest.mark.parametrize("rule", rules.RULES, ids=lambda rule: rule.__name__)
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebook_keeps_the_rule(path, rule):
    problems = list(rule(nbformat.read(path, as_version=4)))
    assert not problems, "\n".join([f"{path.name}:", *problems])


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebook_is_not_too_large(path):
    assert not list(rules.not_too_large(path))


# The rules, each broken on purpose ----------------------------------------------------------------


def ledger_output(**change: str) -> NotebookNode:
    """Return what the ledger of the good notebook displays, its last row changed."""
    refuted = {
        "statement": "Shallow is good enough",
        "source": "Zen",
        "verdict": "not reproduced",
        "measured": "0.2",
        "why": "It learns the mean image.",
    }
    first = {
        "statement": "Deeper is better",
        "source": "Rivas, Fig. 7.7",
        "verdict": "reproduced",
        "measured": "0.1",
        "why": "",
    }
    data, metadata = Claims.from_rows([first, refuted | change])._repr_mimebundle_()
    return new_output("execute_result", data, metadata=metadata, execution_count=3)


def setup_output(profile: str = "full", data: str = "", complete: bool | None = None):
    """Return what `profile.start` shows."""
    setup = Setup(profile, data, complete, dict.fromkeys(VERSIONS, "1.0"), "CPU, 2 cores")
    data, metadata = setup._repr_mimebundle_()
    return new_output("display_data", data, metadata=metadata)


def forged() -> NotebookNode:
    """Return the output of a full run below another line."""
    output = setup_output()
    output.data["text/plain"] += " · MNIST"
    return output


@pytest.fixture
def good() -> NotebookNode:
    """Return a notebook that keeps every rule."""
    setup_line = setup_output(data="MNIST", complete=True)
    cells = [
        new_markdown_cell("# Title\n\nA promise.\n\n```bash\n# a comment\n```"),
        new_code_cell("%matplotlib inline\nfrom aelib import profile", outputs=[setup_line]),
        new_code_cell("deep, shallow = 0.1, 0.2\n(deep\n % shallow)"),
        new_code_cell(CHECKS, outputs=[ledger_output()], metadata={"tags": ["nbval-check-output"]}),
        new_markdown_cell("## Exercises\n\n1. Run it.\n\n## References\n\nhttps://x.org/home/y"),
    ]
    notebook = new_notebook(cells=cells)
    for n, cell in enumerate(code_cells(notebook), start=1):
        cell.execution_count = n
    return notebook


def problems(notebook: NotebookNode) -> dict[str, list[str]]:
    """Collect what each rule finds, the rules that find nothing left out."""
    found = {rule.__name__: list(rule(notebook)) for rule in rules.RULES}
    return {name: lines for name, lines in found.items() if lines}


def edit(cell: int, old: str, new: str) -> Callable[[NotebookNode], None]:
    """Return a change of one cell's source."""

    def change(notebook: NotebookNode) -> None:
        assert old in notebook.cells[cell].source
        notebook.cells[cell].source = notebook.cells[cell].source.replace(old, new)

    return change


def show(output: NotebookNode, cell: int = 2) -> Callable[[NotebookNode], None]:
    """Return a change that gives one cell this output and no other."""
    return lambda notebook: notebook.cells[cell].update(outputs=[output])


def set_count(count: int | None) -> Callable[[NotebookNode], None]:
    """Return a change of the second code cell's execution count."""
    return lambda notebook: notebook.cells[2].update(execution_count=count)


def set_metadata(key: str, cell: int | None = None) -> Callable[[NotebookNode], None]:
    """Return a change that enters a key into the metadata of a cell or of the notebook."""

    def change(notebook: NotebookNode) -> None:
        where = notebook if cell is None else notebook.cells[cell]
        where.metadata[key] = {"some": "value"}

    return change


def text(printed: str, name: str = "stdout") -> NotebookNode:
    """Return a printed output."""
    return new_output("stream", name=name, text=printed)


def redrawn(**data: str) -> NotebookNode:
    """Return the ledger's output, drawn otherwise than by `Claims`."""
    output = ledger_output()
    output.data.update({f"text/{kind}": drawn for kind, drawn in data.items()})
    return output


WIDGET = new_output("display_data", {"application/vnd.jupyter.widget-view+json": {}})
ERROR = new_output("error", ename="ValueError", evalue="", traceback=[])
BROKEN = [
    ("executed_in_order", set_count(None)),
    ("executed_in_order", set_count(7)),
    ("no_errors", show(ERROR)),
    ("no_stderr", show(text("a warning", "stderr"))),
    ("no_widgets", show(WIDGET)),
    ("no_widgets", set_metadata("widgets")),
    ("no_timing", set_metadata("execution", 2)),
    ("no_timing", set_metadata("ExecuteTime", 2)),
    ("no_timing", set_metadata("papermill")),
    ("full_profile", show(setup_output("quick"), 1)),
    ("full_profile", show(setup_output("full", "5,000 digits", complete=False), 1)),
    ("full_profile", show(setup_output("full", "digits of my own"), 1)),
    ("full_profile", show(text(f"{setup_output().data['text/plain']}\n"), 1)),
    ("full_profile", lambda notebook: notebook.cells[1].update(outputs=[])),
    ("setup_is_rendered", show(forged(), 1)),
    ("no_local_paths", edit(4, "1. Run it.", "see /home/me/notes")),
    ("no_local_paths", edit(2, "shallow = 0.1", "shallow = '../shared/data', ")),
    ("no_local_paths", show(text("/root/.keras/mnist.npz"))),
    ("no_local_paths", show(new_output("display_data", {"text/html": "<a>file:///work/x</a>"}))),
    ("explorers_are_current", show(new_output("display_data", {"text/html": '<i srcdoc="x">'}))),
    ("plain_python", edit(2, "deep, shallow", "%time deep, shallow")),
    ("plain_python", edit(1, "inline", "notebook")),
    ("plain_python", edit(2, "deep, shallow", "!ls\ndeep, shallow")),
    ("short_cells", edit(1, "from", "pass\n" * 7 + "from")),
    ("short_cells", edit(2, "deep, shallow", "pass\n" * 23 + "deep, shallow")),
    ("one_title", edit(0, "# Title", "## Title")),
    ("one_title", edit(4, "1. Run it.", "# Another title")),
    ("one_title", lambda notebook: notebook.cells.insert(0, new_markdown_cell("No title"))),
    ("sections", edit(4, "## Exercises", "Exercises")),
    ("sections", edit(4, "## References", "## Refs")),
    ("spelt_out", edit(3, '"Zen"', 'f"Zen"')),
    ("spelt_out", edit(3, '"Deeper is better"', "statement")),
    ("ledger_is_current", edit(3, "good enough", "not good enough")),
    ("ledger_is_current", edit(3, "Fig. 7.7", "Fig. 7.8")),
    ("ledger_is_current", edit(3, "ledger = Claims()", "ledger = Claims()\nledger.check('New')")),
    ("ledger_is_current", lambda notebook: notebook.cells[3].outputs.append(ledger_output())),
    ("ledger_is_current", lambda notebook: notebook.cells[3].update(outputs=[])),
    ("ledger_is_rendered", show(redrawn(html="<table></table>"), 3)),
    ("ledger_is_rendered", show(redrawn(plain="1. reproduced"), 3)),
    ("refuted_with_reason", show(ledger_output(why=""), 3)),
    ("measured_verdicts", edit(3, "deep < shallow", "True")),
    ("measured_verdicts", edit(3, "bool(shallow < 0.1)", "bool(1 < 0.1)")),
    ("ledger_is_tested", lambda notebook: notebook.cells[3].metadata.pop("tags")),
]


def test_good_notebook_keeps_every_rule(good):
    assert problems(good) == {}


def test_a_notebook_without_data_keeps_every_rule(good):
    show(setup_output(), 1)(good)
    assert problems(good) == {}


@pytest.mark.parametrize(("rule", "change"), BROKEN)
def test_broken_rule_is_noticed(good, rule, change):
    broken = deepcopy(good)
    change(broken)
    assert rule in problems(broken)


def test_every_rule_is_broken_once():
    assert {rule for rule, _ in BROKEN} == {rule.__name__ for rule in rules.RULES}


def test_large_file_is_noticed(tmp_path, good):
    path = tmp_path / "01_good.ipynb"
    nbformat.write(good, path)
    assert not list(rules.not_too_large(path))
    good.cells[4].source = "x" * rules.LARGEST_FILE
    nbformat.write(good, path)
    assert re.match(r"has 70\d,\d{3} bytes", next(rules.not_too_large(path)))


def test_large_explorer_is_noticed_and_a_small_one_not_counted(tmp_path, good):
    path = tmp_path / "01_good.ipynb"
    for size, wrong in ((rules.LARGEST_EXPLORER - 100, 0), (rules.LARGEST_EXPLORER, 1)):
        page = {"text/html": f'<iframe srcdoc="{"x" * size}">'}
        good.cells[2].outputs = [new_output("display_data", page)]
        nbformat.write(good, path)
        assert len(list(rules.not_too_large(path))) == wrong
