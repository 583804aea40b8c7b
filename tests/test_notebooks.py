"""The committed notebooks keep the rules, and each rule notices when it is broken."""

from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
import re

from aelib.claims import Claims
import digests
import nbformat
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from notebook_outputs import setup_output
from notebook_parts import code_cells, find_notebooks, number
import notebook_rules as rules
import prose
import pytest

FOLDER = Path(__file__).parents[1] / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))
CHECKS = """\
ledger = Claims()
ledger.check("Deeper is better", of="R077 Z04", holds=deep < shallow, measured=f"{deep}")
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


@pytest.fixture(scope="module")
def course() -> dict[str, NotebookNode]:
    """Return all notebooks by number."""
    return {number(path): nbformat.read(path, as_version=4) for path in NOTEBOOKS}


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_every_number_in_the_text_is_borne_out(path, course):
    problems = prose.problems(course[number(path)], course)
    assert not problems, "\n".join([f"{path.name}:", *problems])


# The rules, each broken on purpose ----------------------------------------------------------------


def ledger_output(section: bool = False, **change: str) -> NotebookNode:
    """Return what the good notebook's ledger, or its section, displays, its last row changed."""
    refuted = {
        "statement": "Shallow is good enough",
        "source": "Zen",
        "verdict": "not reproduced",
        "measured": "0.2",
        "why": "It learns the mean image.",
    }
    first = {
        "statement": "Deeper is better",
        "of": "R077 Z04",
        "verdict": "reproduced",
        "measured": "0.1",
        "why": "",
    }
    ledger = Claims.from_rows([first, refuted | change])
    data, metadata = (ledger.section() if section else ledger)._repr_mimebundle_()
    return new_output("execute_result", data, metadata=metadata, execution_count=3)


def forged() -> NotebookNode:
    """Return the output of a full run below another line."""
    output = setup_output()
    output.data["text/plain"] += " · MNIST"
    return output


@pytest.fixture
def good() -> NotebookNode:
    """Return a notebook that keeps every rule."""
    picture = new_output("display_data", {"image/png": "aGVsbG8="})
    gallery = {"tags": ["gallery"], "mystnb": {"image": {"alt": "Two lines that never meet."}}}
    folded = {"tags": ["nbval-check-output", "hide-input"], "jupyter": {"source_hidden": True}}
    setup_line = setup_output(data="MNIST", complete=True)
    cells = [
        new_markdown_cell("# Title\n\nA promise.\n\n```bash\n# a comment\n```"),
        new_code_cell("%matplotlib inline\nfrom aelib import training", outputs=[setup_line]),
        new_code_cell("loss = training.fit()\ndeep, shallow = 0.1, loss\n(deep\n % shallow)"),
        new_code_cell(CHECKS, outputs=[ledger_output()], metadata=folded),
        new_code_cell("draw()", outputs=[picture], metadata=gallery),
        new_markdown_cell("## Exercises\n\n1. Run it.\n\n## References\n\nhttps://x.org/home/y"),
    ]
    notebook = new_notebook(cells=cells)
    for n, cell in enumerate(code_cells(notebook), start=1):
        cell.execution_count = n
    digests.sign(notebook)
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


def tag(name: str, cell: int = 2) -> Callable[[NotebookNode], None]:
    """Return a change that adds a tag to a cell."""
    return lambda notebook: notebook.cells[cell].metadata.setdefault("tags", []).append(name)


def check_again(*above: str) -> Callable[[NotebookNode], None]:
    """Return a change that adds cells of checks, each below a text."""

    def change(notebook: NotebookNode) -> None:
        for text in above:
            notebook.cells[5:5] = [new_markdown_cell(text), notebook.cells[3]]

    return change


def set_metadata(key: str, cell: int | None = None) -> Callable[[NotebookNode], None]:
    """Return a change that enters a key into the metadata of a cell or of the notebook."""

    def change(notebook: NotebookNode) -> None:
        where = notebook if cell is None else notebook.cells[cell]
        where.metadata[key] = {"some": "value"}

    return change


def text(printed: str, name: str = "stdout") -> NotebookNode:
    """Return a printed output."""
    return new_output("stream", name=name, text=printed)


def redrawn(section: bool = False, **data: str) -> NotebookNode:
    """Return the ledger's output, or its section's, drawn otherwise than by `Claims`."""
    output = ledger_output(section)
    output.data.update({f"text/{kind}": drawn for kind, drawn in data.items()})
    return output


WIDGET = new_output("display_data", {"application/vnd.jupyter.widget-view+json": {}})
ERROR = new_output("error", ename="ValueError", evalue="", traceback=[])
BROKEN = [
    ("as_it_ran", edit(2, "0.1", "0.2")),
    ("as_it_stood", lambda notebook: notebook.cells[3].metadata.pop("tags")),
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
    ("no_local_paths", edit(5, "1. Run it.", "see /home/me/notes")),
    ("no_local_paths", edit(2, "shallow = 0.1", "shallow = '../shared/data', ")),
    ("no_local_paths", show(text("/root/.keras/mnist.npz"))),
    ("no_local_paths", show(new_output("display_data", {"text/html": "<a>file:///work/x</a>"}))),
    ("explorers_are_current", show(new_output("display_data", {"text/html": '<i srcdoc="x">'}))),
    ("plain_python", edit(2, "deep, shallow", "%time deep, shallow")),
    ("plain_python", edit(1, "inline", "notebook")),
    ("plain_python", edit(2, "deep, shallow", "!ls\ndeep, shallow")),
    ("no_try", edit(2, "loss = training.fit()", "try:\n    pass\nfinally:\n    pass")),
    ("no_other_programs", edit(2, "loss = training.fit()", "from subprocess import run")),
    ("no_other_programs", edit(2, "loss = training.fit()", "import os.path")),
    ("no_other_programs", edit(2, "loss = training.fit()", "__import__('pip')")),
    ("no_other_programs", edit(2, "loss = training.fit()", "from pathlib import os as o")),
    ("no_other_programs", edit(2, "loss = training.fit()", "import x\nx.os.remove('a')")),
    ("no_other_programs", edit(2, "loss = training.fit()", "getattr(x, 'sys').exit()")),
    ("no_other_programs", edit(2, "loss = training.fit()", "run = exec\nrun('1')")),
    ("only_known_tags", tag("nbval-skip")),
    ("only_known_tags", tag("nbval-ignore-output", 3)),
    ("only_known_tags", tag("raises-exception")),
    ("only_known_tags", tag("remove-cell", 5)),
    ("only_known_tags", edit(2, "loss", "# NBVAL_SKIP\nloss")),
    ("only_known_tags", edit(3, "ledger = Claims()", "ledger = Claims()\n##NBVAL_IGNORE_OUTPUT")),
    ("only_known_tags", edit(2, "(deep", "  # NBVAL_RAISES_EXCEPTION\n(deep")),
    ("only_known_tags", edit(2, "loss", "# PYTEST_VALIDATE_IGNORE_OUTPUT\nloss")),
    ("pictures_described", lambda notebook: notebook.cells[4].update(outputs=[])),
    ("pictures_described", lambda notebook: notebook.cells[4].metadata.pop("mystnb")),
    ("pictures_described", lambda notebook: notebook.cells.append(notebook.cells[4])),
    ("short_cells", edit(1, "from", "pass\n" * 9 + "from")),
    ("short_cells", edit(2, "deep, shallow", "pass\n" * 23 + "deep, shallow")),
    ("short_cells", edit(2, "deep, shallow", "print(\n1, 'text',\n)\n" * 12 + "deep, shallow")),
    ("one_title", edit(0, "# Title", "## Title")),
    ("one_title", edit(5, "1. Run it.", "# Another title")),
    ("one_title", lambda notebook: notebook.cells.insert(0, new_markdown_cell("No title"))),
    ("sections", edit(5, "## Exercises", "Exercises")),
    ("sections", edit(5, "## References", "## Refs")),
    ("pictures_are_there", edit(5, "1. Run it.", "![a](attachment:a.png)")),
    ("pictures_are_there", edit(5, "1. Run it.", "![a](../docs/nowhere.svg)")),
    ("pictures_are_there", edit(5, "1. Run it.", "![a][b]\n\n[b]: gone/a%20b.png 'c'")),
    ("pictures_are_there", edit(5, "1. Run it.", "Inside <img alt='a' src='gone.png'>.")),
    ("pictures_are_there", edit(5, "1. Run it.", '\n<p>\n<img\n  src="gone.png">\n</p>\n')),
    ("checks_are_folded", lambda notebook: notebook.cells[3].metadata.pop("jupyter")),
    ("checks_are_folded", lambda notebook: notebook.cells[3].metadata.tags.remove("hide-input")),
    ("checks_stand_together", check_again("A text.")),
    ("checks_stand_together", check_again("## One", "A text.")),
    ("checks_stand_together", check_again("### Two", "## One")),
    ("spelt_out", edit(3, '"Zen"', 'f"Zen"')),
    ("spelt_out", edit(3, '"Deeper is better"', "statement")),
    ("spelt_out", edit(3, '"R077 Z04"', "ids")),
    ("spelt_out", edit(3, 'of="R077 Z04", ', "")),
    ("spelt_out", edit(3, "R077 Z04", "R077 Z99")),
    ("ledger_is_current", edit(3, "good enough", "not good enough")),
    ("ledger_is_current", edit(3, '"Zen"', '"Zen, 2"')),
    ("ledger_is_current", edit(3, "R077 Z04", "R077")),
    ("ledger_is_current", edit(3, "ledger = Claims()", "ledger = Claims()\nledger.check('New')")),
    ("ledger_is_current", lambda notebook: notebook.cells[3].outputs.append(ledger_output())),
    ("ledger_is_current", lambda notebook: notebook.cells[3].update(outputs=[])),
    ("ledger_is_rendered", show(redrawn(html="<table></table>"), 3)),
    ("ledger_is_rendered", show(redrawn(plain="1. reproduced"), 3)),
    ("ledger_is_rendered", show(redrawn(section=True, html="<table></table>"), 2)),
    ("sections_are_of_the_ledger", show(ledger_output(section=True, measured="0.3"), 2)),
    ("refuted_with_reason", show(ledger_output(why=""), 3)),
    ("refuted_with_reason", show(ledger_output(verdict="depends", why=""), 3)),
    ("refuted_with_reason", show(ledger_output(verdict="full profile only"), 3)),
    ("measured_verdicts", edit(3, "deep < shallow", "True")),
    ("measured_verdicts", edit(3, "bool(shallow < 0.1)", "bool(1 < 0.1)")),
    ("measured_verdicts", edit(3, "deep < shallow", "training is not None")),
    ("measured_verdicts", edit(3, "deep < shallow", "deep < shallow or True")),
    ("measured_verdicts", edit(3, "deep < shallow", "shallow == shallow")),
    ("ledger_is_tested", lambda notebook: notebook.cells[3].metadata.pop("tags")),
]


def test_good_notebook_keeps_every_rule(good):
    assert problems(good) == {}


def test_section_of_the_ledger_keeps_the_rules(good):
    good.cells[2].outputs = [ledger_output(section=True)]
    for rule in (rules.ledger_is_rendered, rules.sections_are_of_the_ledger):
        assert not list(rule(good))


def test_subsections_may_have_a_cell_of_checks_each(good):
    check_again("### Two", "## One\n\n### One")(good)
    good.cells.insert(5, new_markdown_cell("## Before"))
    assert not list(rules.checks_stand_together(good))


def test_pictures_that_are_there_are_no_problem(good):
    good.cells[5].attachments = {"a b.png": {"image/png": "iVBORw0KGgo="}}
    good.cells[5].source += """

![attached](attachment:a%20b.png) ![a file](../docs/latent_map.png)
![inline](data:image/png;base64,) <img src="../docs/explorer.png">
![elsewhere](https://example.org/a.png) `![code](gone.png)`
"""
    assert problems(good) == {}


def test_a_notebook_without_data_keeps_every_rule(good):
    show(setup_output(), 1)(good)
    digests.sign(good)
    assert problems(good) == {}


@pytest.mark.parametrize(("rule", "change"), BROKEN)
def test_broken_rule_is_noticed(good, rule, change):
    broken = deepcopy(good)
    change(broken)
    assert rule in problems(broken)


def test_every_rule_is_broken_once():
    assert {rule for rule, _ in BROKEN} == {rule.__name__ for rule in rules.RULES}


def test_a_player_is_no_fault_whatever_its_sound_spells(good):
    player = '<audio controls><source src="data:audio/wav;base64,UklGR+/tmp/x+/home/y"></audio>'
    show(new_output("display_data", {"text/html": player, "text/plain": "HTML"}))(good)
    digests.sign(good)
    assert not problems(good)


def test_large_file_is_noticed(tmp_path, good):
    path = tmp_path / "01_good.ipynb"
    nbformat.write(good, path)
    assert not list(rules.not_too_large(path))
    good.cells[5].source = "x" * rules.LARGEST_FILE
    nbformat.write(good, path)
    assert re.match(r"has 70\d,\d{3} bytes", next(rules.not_too_large(path)))


def test_large_explorer_is_noticed_and_a_small_one_not_counted(tmp_path, good):
    path = tmp_path / "01_good.ipynb"
    for size, wrong in ((rules.LARGEST_EXPLORER - 100, 0), (rules.LARGEST_EXPLORER, 1)):
        page = {"text/html": f'<iframe srcdoc="{"x" * size}">'}
        good.cells[2].outputs = [new_output("display_data", page)]
        nbformat.write(good, path)
        assert len(list(rules.not_too_large(path))) == wrong
