"""The solutions of the exercises keep their form, and each rule notices when it is broken."""

from collections.abc import Callable
from pathlib import Path

import digests
import nbformat
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook
from notebook_outputs import setup_output
from notebook_parts import code_cells, exercises, find_notebooks, number, solved
import notebook_rules
import prose
import pytest
import run_notebooks
import solution_rules as rules

PAGES = Path(__file__).parents[1] / "notebooks"
SOLUTIONS = find_notebooks(PAGES / "solutions")
PAGE = """\
Summing up.

## Exercises

1. Train the net for 3 epochs.
   Does it learn? See [02](02_b.ipynb).
2. Why is 1.5 more than 1?

## References

1. Nobody (2020). Nothing.
"""


def read(path: Path) -> NotebookNode:
    """Read a notebook."""
    return nbformat.read(path, as_version=4)


# The committed notebooks --------------------------------------------------------------------------


def test_every_page_has_its_solutions_and_there_are_broken_nets_to_mend():
    pages = [path.name for path in find_notebooks(PAGES)]
    assert [path.name for path in SOLUTIONS] == ["00_debugging.ipynb", *pages]


@pytest.fixture(scope="module")
def course() -> dict[str, NotebookNode]:
    """Return the pages by number."""
    return {number(path): read(path) for path in find_notebooks(PAGES)}


@pytest.mark.parametrize("rule", rules.RULES, ids=lambda rule: rule.__name__)
@pytest.mark.parametrize("path", SOLUTIONS, ids=lambda path: path.stem)
def test_solutions_keep_the_rule(path, rule):
    problems = list(rule(read(path)))
    assert not problems, "\n".join([f"solutions of {path.name}:", *problems])


@pytest.mark.parametrize("path", SOLUTIONS, ids=lambda path: path.stem)
def test_solutions_are_of_their_page(path):
    page = PAGES / path.name
    problems = list(rules.of_its_page(read(path), read(page), path.name)) if page.exists() else []
    assert not problems, "\n".join([f"solutions of {path.name}:", *problems])


@pytest.mark.parametrize("path", SOLUTIONS, ids=lambda path: path.stem)
def test_solutions_are_not_too_large(path):
    assert not list(notebook_rules.not_too_large(path))


@pytest.mark.parametrize("path", SOLUTIONS, ids=lambda path: path.stem)
def test_every_number_in_a_solution_is_borne_out(path, course):
    problems = prose.problems(read(path), course)
    assert not problems, "\n".join([f"solutions of {path.name}:", *problems])


# The rules, each broken on purpose ----------------------------------------------------------------


def cell(source: str, tag: str = "", make=new_code_cell) -> NotebookNode:
    """Return a cell with a tag."""
    return make(source, metadata={"tags": [tag]} if tag else {})


@pytest.fixture
def good() -> NotebookNode:
    """Return a notebook of solutions that keeps every rule."""
    cells = [
        new_markdown_cell("# Solutions: 01 · A\n\nWorked, for [the page](../01_a.ipynb)."),
        new_code_cell("from aelib import training", outputs=[setup_output("quick")]),
        new_markdown_cell(
            "## Exercise 1\n\nTrain the net for 3 epochs. Does it learn? See [02](02_b.ipynb)."
        ),
        cell("loss = training.fit()\nlosses = [loss]", "solution"),
        cell("last = losses[-1]\nassert last < 0.1, 'it did not learn'", "check"),
        cell("It learns.", "solution", new_markdown_cell),
        new_markdown_cell("## Exercise 2\n\nWhy is 1.5 more than 1?"),
        cell("more = 1.5 > 1", "solution"),
        cell("assert more, 'it is'", "check"),
        cell("It lies to the right.", "solution", new_markdown_cell),
    ]
    notebook = new_notebook(cells=cells)
    for n, code in enumerate(code_cells(notebook), start=1):
        code.execution_count = n
    digests.sign(notebook)
    return notebook


@pytest.fixture
def page() -> NotebookNode:
    """Return the page that the good notebook solves."""
    return new_notebook(cells=[new_markdown_cell("# 01 · A\n\nA."), new_markdown_cell(PAGE)])


def problems(notebook: NotebookNode) -> dict[str, list[str]]:
    """Collect what each rule finds, the rules that find nothing left out."""
    found = {rule.__name__: list(rule(notebook)) for rule in rules.RULES}
    return {name: lines for name, lines in found.items() if lines}


def edit(place: int, old: str, new: str) -> Callable[[NotebookNode], None]:
    """Return a change of one cell's source."""

    def change(notebook: NotebookNode) -> None:
        assert old in notebook.cells[place].source
        notebook.cells[place].source = notebook.cells[place].source.replace(old, new)

    return change


def drop(place: int) -> Callable[[NotebookNode], None]:
    """Return a change that takes a cell away."""
    return lambda notebook: notebook.cells.pop(place)


BROKEN = [
    ("quick_profile", lambda notebook: notebook.cells[1].update(outputs=[setup_output("full")])),
    ("quick_profile", lambda notebook: notebook.cells[1].update(outputs=[])),
    ("numbered", edit(6, "Exercise 2", "Exercise 3")),
    ("numbered", lambda notebook: notebook.cells.__delitem__(slice(2, None))),
    ("answered", drop(3)),
    ("answered", drop(4)),
    ("answered", drop(5)),
    ("answered", lambda notebook: notebook.cells.insert(3, notebook.cells.pop(4))),
    ("checks_can_fail", edit(4, "assert last < 0.1, 'it did not learn'", "last < 0.1")),
    ("checks_can_fail", edit(4, ", 'it did not learn'", "")),
    ("checks_can_fail", edit(4, "assert last", "assert training.best")),
    ("checks_can_fail", edit(8, "assert more", "assert 2 > 1")),
    ("checks_can_fail", edit(8, "assert more", "assert losses")),
]


def test_good_solutions_keep_every_rule(good, page):
    assert problems(good) == {}
    assert not list(rules.of_its_page(good, page, "01_a.ipynb"))


@pytest.mark.parametrize(("rule", "change"), BROKEN)
def test_broken_rule_is_noticed(good, rule, change):
    change(good)
    assert rule in problems(good)


def test_every_rule_of_its_own_is_broken_once():
    assert {rule for rule, _ in BROKEN} == {rule.__name__ for rule in rules.OWN}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (edit(0, "Solutions: 01 · A", "01 · A"), 'title is not "Solutions: 01 · A"'),
        (edit(0, "../01_a", "01_a"), "does not link to ../01_a.ipynb"),
        (edit(2, "3 epochs", "4 epochs"), "exercise 1 is not word for word"),
        (lambda notebook: notebook.cells.__delitem__(slice(6, None)), "2 exercises, here are 1"),
    ],
)
def test_solutions_of_another_page_are_noticed(good, page, change, said):
    change(good)
    (problem,) = rules.of_its_page(good, page, "01_a.ipynb")
    assert said in problem


# What is read -------------------------------------------------------------------------------------


def test_exercises_are_read_off_a_page(page):
    first, second = exercises(page)
    assert first.startswith("Train the net") and first.endswith("See [02](02_b.ipynb).")
    assert second == "Why is 1.5 more than 1?"
    assert exercises(new_notebook(cells=[new_markdown_cell("# Title")])) == []


def test_numbers_of_exercises_need_no_output_and_those_of_solutions_do(good):
    good.cells[6].source += " And 12.25?"
    assert not prose.problems(good)
    good.cells[9].source += " As 12.25 shows."
    assert len(prose.problems(good)) == 1


def test_solved_exercises_hold_their_cells(good):
    first, second = solved(good)
    assert (first.number, second.number) == (1, 2)
    assert [cell.source[:4] for cell in first.tagged("solution", "code")] == ["loss"]
    assert [cell.source[:4] for cell in second.tagged("solution", "markdown")] == ["It l"]


# How they are run ---------------------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path) -> Path:
    """Return a folder with a page, its solutions, and solutions without a page."""
    source = "import os\nprint(os.environ['AELIB_PROFILE'])"
    for name in ("01_a", "solutions/00_debugging", "solutions/01_a"):
        path = tmp_path / f"{name}.ipynb"
        path.parent.mkdir(exist_ok=True)
        nbformat.write(new_notebook(cells=[new_code_cell(source)]), path)
    return tmp_path


def run(*options: str) -> int:
    """Run the command as `make solutions` and `make test` do."""
    return run_notebooks.main(list(options))


def test_solutions_are_saved_in_place_from_a_quick_run(folder, capsys):
    solutions = folder / "solutions"
    assert run("--folder", str(solutions), "--in-place", "01") == 0
    assert code_cells(read(solutions / "01_a.ipynb"))[0].outputs[0].text == "quick\n"
    assert run("--folder", str(solutions), "--in-place", "--profile", "full", "01") == 2
    assert "only a quick run is saved in place" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("wanted", "listed"),
    [
        ([], ["01_a", "solutions/00_debugging", "solutions/01_a"]),
        (["1"], ["01_a", "solutions/01_a"]),
        (["0"], ["solutions/00_debugging"]),
    ],
)
def test_pages_and_solutions_are_listed_together(folder, capsys, wanted, listed):
    assert run("--folder", str(folder), "--list", "--solutions", *wanted) == 0
    assert capsys.readouterr().out.split() == [str(folder / f"{name}.ipynb") for name in listed]
    assert run("--folder", str(folder), "--list", "--solutions", "7") == 2
    assert capsys.readouterr().err.count("01_a") == 1
