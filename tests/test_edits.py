"""Tests of the tests: a small course whose notebook is edited after it ran is refused."""

from collections.abc import Callable
from pathlib import Path
import shutil

from aelib.claims import Claims
import bibliography
import digests
import figures
import nbformat
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from notebook_outputs import setup_output
from notebook_parts import code_cells
import notebook_rules as rules
import prose
import pytest

ROOT = Path(__file__).parents[1]
NAME = "02_small.ipynb"
SETUP = """\
from aelib import claims, data, models, profile, training, yardsticks
import keras

profile.start(seed=0)
digits = data.load_mnist()"""
BUILD = """\
keras.utils.set_random_seed(4)
net = models.dense_autoencoder(784, (32,), hidden="relu")"""
TRAIN = """\
history = training.fit(net.model, digits.x_train, digits.x_train, epochs=26)
print("epochs:", len(history.epoch))"""
MEASURE = """\
error = yardsticks.reconstruction("mse", net.model, digits.x_test)
spread = yardsticks.reconstruction("mse", net.model, digits.x_train)
print("error on new digits:", error, "and on known ones:", spread)"""
CHECKS = """\
ledger = claims.Claims()
ledger.check("It restores digits", source="Zen", holds=error < 0.02, measured=f"{error:.4f}")
ledger.check("It knows them all", source="Zen", holds=spread > error, measured="-", why="No.")
ledger"""
REFERENCE = """\
- Y. LeCun, L. Bottou, Y. Bengio, P. Haffner (1998). Gradient-based learning applied to document \
recognition. doi:10.1109/5.726791"""
README = """\
<!-- table -->
| net | new | known | faster |
| --- | --- | --- | --- |
| 784-32 | 0.1815 | 0.1902 | 1.1 to 450 times |
<!-- /table -->
"""
TEMPLATE = """\
{% set errors = found("02", "error on new digits: # and on known ones: #") %}
<!-- table -->
| net | new | known | faster |
| --- | --- | --- | --- |
| 784-32 | {{ errors[0]|to(4) }} | {{ errors[1]|to(4) }} | {{ measured("toy", "nets") }} times |
<!-- /table -->
"""
FIRST = {
    "statement": "It restores digits",
    "source": "Zen",
    "verdict": "reproduced",
    "measured": "0.1815",
    "why": "",
}
SECOND = FIRST | {
    "statement": "It knows them all",
    "verdict": "not reproduced",
    "measured": "-",
    "why": "No.",
}


def printed(text: str) -> NotebookNode:
    """Return what `print` leaves."""
    return new_output("stream", name="stdout", text=text)


def ledger(*rows: dict[str, str]) -> NotebookNode:
    """Return the output of a ledger."""
    data, metadata = Claims.from_rows(rows)._repr_mimebundle_()
    return new_output("execute_result", data, metadata=metadata, execution_count=6)


def picture(content: str) -> NotebookNode:
    """Return the output of a figure."""
    return new_output("display_data", {"image/png": content, "text/plain": "<Figure>"})


def small_notebook(profile: str = "full") -> NotebookNode:
    """Return a notebook as a run saves it."""
    alt = {"image": {"alt": "Eight digits, and below them what the net makes of them."}}
    folded = {"tags": ["nbval-check-output", "hide-input"], "jupyter": {"source_hidden": True}}
    cells = [
        new_markdown_cell("# 02 · Small\n\nA net copies digits.\n\n**Time** | about 3 minutes"),
        new_code_cell(SETUP, outputs=[setup_output(profile, "MNIST", complete=True)]),
        new_markdown_cell("## Training\n\nThe code has 32 numbers."),
        new_code_cell(BUILD),
        new_code_cell(TRAIN, outputs=[printed("epochs: 26\n")]),
        new_markdown_cell("After 26 epochs we look at digits that it has never seen."),
        new_code_cell(
            MEASURE,
            outputs=[printed("error on new digits: 0.181534 and on known ones: 0.190211\n")],
        ),
        new_markdown_cell("The error is 0.1815."),
        new_code_cell(
            "draw(net)",
            outputs=[picture("aGVsbG8=")],
            metadata={"tags": ["gallery"], "mystnb": alt},
        ),
        new_code_cell(CHECKS, outputs=[ledger(FIRST, SECOND)], metadata=folded),
        new_markdown_cell(f"## Exercises\n\n1. Change it.\n\n## References\n\n{REFERENCE}\n"),
    ]
    notebook = new_notebook(cells=cells)
    for n, cell in enumerate(code_cells(notebook), start=1):
        cell.execution_count = n
    digests.sign(notebook)
    return notebook


@pytest.fixture
def course(tmp_path) -> Path:
    """Return a folder with a course of one notebook."""
    for folder in ("notebooks", "docs", "benchmarks"):
        (tmp_path / folder).mkdir()
    nbformat.write(small_notebook(), tmp_path / "notebooks" / NAME)
    (tmp_path / "README.md").write_text(README)
    (tmp_path / "docs/readme.jinja").write_text(TEMPLATE)
    for name in ("teaching.jinja", "teaching.md"):
        (tmp_path / "docs" / name).touch()
    shutil.copy(ROOT / "docs/published.toml", tmp_path / "docs")
    spans = '{"toy": {"lowest": 310, "highest": 450}, "nets": {"lowest": 1.14, "highest": 1.9}}'
    (tmp_path / "benchmarks/results.json").write_text(spans)
    return tmp_path


def refusals(course: Path) -> dict[str, list[str]]:
    """Return what refuses a course, by the name of the check."""
    notebook = nbformat.read(course / "notebooks" / NAME, as_version=4)
    found = {rule.__name__: list(rule(notebook)) for rule in rules.RULES}
    found["prose"] = prose.problems(notebook)
    listed = bibliography.entries(notebook)
    found["references"] = list(bibliography.faults_of_list(listed, bibliography.load()))
    current = figures.filled(course)[Path("README.md")] == (course / "README.md").read_text()
    found["readme"] = [] if current else ["make claims"]
    return {name: problems for name, problems in found.items() if problems}


def change(course: Path, edit: Callable[[NotebookNode], None]) -> None:
    """Edit the notebook of a course where it lies."""
    path = course / "notebooks" / NAME
    notebook = nbformat.read(path, as_version=4)
    edit(notebook)
    nbformat.write(notebook, path)


# Edits --------------------------------------------------------------------------------------------


def cell_with(notebook: NotebookNode, text: str) -> NotebookNode:
    """Return the first cell whose source holds a text."""
    return next(cell for cell in notebook.cells if text in cell.source)


def source(old: str, new: str) -> Callable[[NotebookNode], None]:
    """Return an edit of the first cell that holds a text."""

    def edit(notebook: NotebookNode) -> None:
        cell = cell_with(notebook, old)
        cell.source = cell.source.replace(old, new)

    return edit


def shown(text: str, *outputs: NotebookNode) -> Callable[[NotebookNode], None]:
    """Return an edit that gives the cell with a text these outputs."""
    return lambda notebook: cell_with(notebook, text).update(outputs=list(outputs))


def swap(one: str, other: str) -> Callable[[NotebookNode], None]:
    """Return an edit that swaps the sources of two cells."""

    def edit(notebook: NotebookNode) -> None:
        first, second = cell_with(notebook, one), cell_with(notebook, other)
        first.source, second.source = second.source, first.source

    return edit


def swap_cells(one: str, other: str) -> Callable[[NotebookNode], None]:
    """Return an edit that swaps two cells, metadata and all."""

    def edit(notebook: NotebookNode) -> None:
        cells = notebook.cells
        i, j = (cells.index(cell_with(notebook, text)) for text in (one, other))
        cells[i], cells[j] = cells[j], cells[i]

    return edit


def drop(text: str) -> Callable[[NotebookNode], None]:
    """Return an edit that removes the cell with a text."""
    return lambda notebook: notebook.cells.remove(cell_with(notebook, text))


def untag(text: str) -> Callable[[NotebookNode], None]:
    """Return an edit that takes the tags off the cell with a text."""
    return lambda notebook: cell_with(notebook, text).metadata.pop("tags")


def tag(text: str, name: str) -> Callable[[NotebookNode], None]:
    """Return an edit that adds a tag to the cell with a text."""
    return lambda notebook: cell_with(notebook, text).metadata.setdefault("tags", []).append(name)


def with_holds(holds: str) -> Callable[[NotebookNode], None]:
    """Return an edit that has the first check hold by this code."""
    return source("holds=error < 0.02", f"holds={holds}")


def unfold(notebook: NotebookNode) -> None:
    """Open the cell of checks in JupyterLab."""
    cell_with(notebook, "Claims").metadata.pop("jupyter")


def checks_apart(notebook: NotebookNode) -> None:
    """Move the second check, of the same section, to a cell of its own."""
    cell = cell_with(notebook, "Claims")
    *first, second, last = cell.source.splitlines()
    cell.source = "\n".join(first)
    rest = new_code_cell(f"{second}\n{last}", outputs=cell.outputs, metadata=cell.metadata)
    rest.execution_count = cell.execution_count + 1
    cell.outputs = []
    notebook.cells.insert(-1, rest)


def without_the_second(notebook: NotebookNode) -> None:
    """Drop the failed statement from code and ledger."""
    cell = cell_with(notebook, "claims.Claims()")
    cell.source = "\n".join(line for line in cell.source.splitlines() if "knows" not in line)
    cell.outputs = [ledger(FIRST)]


def forged_full_run(notebook: NotebookNode) -> None:
    """Put a quick run in the notebook's place, under the set-up line of a full one."""
    quick = small_notebook("quick")
    notebook.update(cells=quick.cells, metadata=quick.metadata)
    cell_with(notebook, "profile.start").outputs = [setup_output(data="MNIST", complete=True)]


AFTER_THE_RUN = {
    "a layer's width": ("as_it_ran", source("(32,)", "(16,)")),
    "an activation": ("as_it_ran", source('"relu"', '"tanh"')),
    "a seed": ("as_it_ran", source("random_seed(4)", "random_seed(5)")),
    "a stored number": ("as_it_ran", shown("epochs=26", printed("epochs: 36\n"))),
    "a measured value": ("as_it_ran", shown("Claims", ledger(FIRST | {"measured": "0"}, SECOND))),
    "a verdict": (
        "as_it_ran",
        shown("Claims", ledger(FIRST, SECOND | {"verdict": "reproduced", "why": ""})),
    ),
    "an output removed": ("as_it_ran", shown("epochs=26")),
    "a picture removed": ("as_it_ran", shown("draw(net)")),
    "another picture": ("as_it_ran", shown("draw(net)", picture("d29ybGQ="))),
    "outputs swapped": (
        "as_it_ran",
        shown("draw(net)", picture("aGVsbG8="), printed("hello")),
    ),
    "texts swapped": ("as_it_stood", swap("After 26", "The error is")),
    "cells of text swapped": ("as_it_stood", swap_cells("After 26", "The error is")),
    "cells of code swapped": ("as_it_ran", swap_cells("epochs=26", "draw(net)")),
    "a text that says 36": ("prose", source("After 26", "After 36")),
    "a text with digits swapped": ("prose", source("0.1815", "0.1851")),
    "a garbled DOI": ("references", source("5.726791", "5.726719")),
    "a bound loosened": ("as_it_ran", source("error < 0.02", "error < 0.2")),
    "test data replaced": ("as_it_ran", source("digits.x_test", "digits.x_train")),
    "a failed statement dropped": ("as_it_ran", without_the_second),
    "a cell dropped": ("as_it_ran", drop("epochs=26")),
    "a check's tag taken off": ("as_it_stood", untag("Claims")),
    "a forged set-up line": ("as_it_ran", forged_full_run),
    "a picture without its text": (
        "pictures_described",
        lambda notebook: cell_with(notebook, "draw(net)").metadata.pop("mystnb"),
    ),
    "another text for the picture": (
        "as_it_stood",
        lambda notebook: cell_with(notebook, "draw(net)").metadata.mystnb.image.update(
            alt="x" * 30
        ),
    ),
    "the picture out of the gallery": ("as_it_stood", untag("draw(net)")),
}
# These are refused even if the edited notebook is run again.
IN_A_RUN_TOO = {
    "a training in a try": (
        "no_try",
        source(TRAIN, "try:\n    training.fit(net)\nexcept TypeError:\n    print(26)"),
    ),
    "a constant verdict": ("measured_verdicts", source("holds=error < 0.02", "holds=True")),
    "a constant by a name": (
        "measured_verdicts",
        source(CHECKS, f"OK = True\n{CHECKS.replace('error < 0.02', 'OK')}"),
    ),
    "a constant beside a result": (
        "measured_verdicts",
        source(CHECKS, f"OK, loss = True, error\n{CHECKS.replace('error < 0.02', 'OK')}"),
    ),
    "a module for a verdict": ("measured_verdicts", with_holds("keras is not None")),
    "a version for a verdict": ("measured_verdicts", with_holds("len(keras.__version__) > 0")),
    "a constant of a module": (
        "measured_verdicts",
        with_holds("data.FIRST_TEST_LABELS[0] == 7"),
    ),
    "a result or True": ("measured_verdicts", with_holds("error < 0.02 or True")),
    "a result that is itself": ("measured_verdicts", with_holds("error is error")),
    "a cell that nbval skips": ("only_known_tags", tag("epochs=26", "nbval-skip")),
    "an output that nbval ignores": ("only_known_tags", tag("Claims", "nbval-ignore-output")),
    "a cell that may fail": ("only_known_tags", tag("epochs=26", "raises-exception")),
    "a cell that the site leaves out": ("only_known_tags", tag("epochs=26", "remove-cell")),
    "a comment that has nbval skip": ("only_known_tags", source(TRAIN, f"# NBVAL_SKIP\n{TRAIN}")),
    "a comment that has nbval ignore": (
        "only_known_tags",
        source("ledger = ", "# NBVAL_IGNORE_OUTPUT\nledger = "),
    ),
    "a comment that lets a cell fail": (
        "only_known_tags",
        source("print(", "# NBVAL_RAISES_EXCEPTION\nprint("),
    ),
    "checks unfolded on the site": (
        "checks_are_folded",
        lambda notebook: cell_with(notebook, "Claims").metadata.tags.remove("hide-input"),
    ),
    "checks unfolded in JupyterLab": ("checks_are_folded", unfold),
    "checks in two cells of a section": ("checks_stand_together", checks_apart),
    "pip by IPython": (
        "no_other_programs",
        source("import keras", "import IPython\nimport keras\nIPython.get_ipython().system('pip')"),
    ),
    "pip by a magic": (
        "no_other_programs",
        source("import keras", "import keras\nget_ipython().run_line_magic('pip', 'list')"),
    ),
    "a shell by aelib": (
        "no_other_programs",
        source("import keras", "import keras\nprofile.os.system('pip')"),
    ),
    "a shell by pathlib": (
        "no_other_programs",
        source("import keras", "import keras, pathlib\npathlib.os.popen('pip')"),
    ),
    "a shell by asyncio": (
        "no_other_programs",
        source("import keras", "import asyncio\nasyncio.create_subprocess_shell('pip')"),
    ),
    "pip in a subprocess": (
        "no_other_programs",
        source("import keras", "import keras\nimport subprocess\nsubprocess.run(['pip'])"),
    ),
}
IN_README = {
    "digits swapped": ("0.1815", "0.1851"),
    "numbers swapped": ("0.1815 | 0.1902", "0.1902 | 0.1815"),
    "a benchmark": ("1.1 to 450", "3,100"),
}


def test_course_as_it_ran_is_taken(course):
    assert refusals(course) == {}


@pytest.mark.parametrize(
    "edit",
    [
        source("epochs=26)", "epochs=26,\n)  # a comment"),
        source("that it has never seen", "it has not met so far"),
        lambda notebook: notebook.cells.insert(2, new_markdown_cell("A further text.")),
    ],
)
def test_formatting_and_prose_are_free(course, edit):
    change(course, edit)
    assert refusals(course) == {}


@pytest.mark.parametrize("name", AFTER_THE_RUN)
def test_edit_after_the_run_is_refused(course, name):
    rule, edit = AFTER_THE_RUN[name]
    change(course, edit)
    assert rule in refusals(course)


@pytest.mark.parametrize("name", IN_A_RUN_TOO)
def test_edit_before_the_run_is_refused(course, name):
    rule, edit = IN_A_RUN_TOO[name]
    change(course, edit)
    change(course, digests.sign)
    assert list(refusals(course)) == [rule]


@pytest.mark.parametrize("name", IN_README)
def test_edit_of_the_readme_is_refused(course, name):
    old, new = IN_README[name]
    assert old in README
    (course / "README.md").write_text(README.replace(old, new))
    assert list(refusals(course)) == ["readme"]


def test_readme_is_filled_from_the_outputs(course):
    (course / "README.md").write_text(README.replace("0.1815", "0.3"))
    assert figures.main(["--root", str(course), "--check"]) == 1
    assert figures.main(["--root", str(course)]) == 0
    assert (course / "README.md").read_text() == README
    assert figures.main(["--root", str(course), "--check"]) == 0


@pytest.mark.parametrize(
    ("template", "said"),
    [
        ('{{ found("02", "no such text #") }}', "nowhere"),
        ('{{ found("02", "e… #") }}', "with 2 different results"),
        ('{{ published("Zen", "loss") }}', "0 entries"),
        ("<!-- other -->\n<!-- /other -->", "0 places"),
    ],
)
def test_figure_that_is_not_to_be_found_is_named(course, template, said, capsys):
    (course / "docs/readme.jinja").write_text(template)
    assert figures.main(["--root", str(course)]) == 2
    assert said in capsys.readouterr().err
    assert (course / "README.md").read_text() == README
