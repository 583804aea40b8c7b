"""Students' copies hold what the originals hold, less outputs and solutions."""

from copy import deepcopy
from pathlib import Path
import re

import nbformat
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from notebook_parts import code_cells, find_notebooks, headings, solved, tags
import pytest
import run_notebooks
import stamp_colab
import student

ROOT = Path(__file__).parents[1]
ORIGINALS = find_notebooks(ROOT / "notebooks") + find_notebooks(ROOT / "notebooks/solutions")
ANSWER = "# Your answer; the check reads: double"


def cell(source: str, tag: str = "", make=new_code_cell) -> NotebookNode:
    """Return a cell with a tag, as a run leaves it."""
    ran = {"aelib": {"source": "0"}} | ({"tags": [tag]} if tag else {})
    shown = {"outputs": [new_output("stream", text="secret")], "execution_count": 1}
    return make(source, metadata=ran, **(shown if make is new_code_cell else {}))


@pytest.fixture
def page() -> NotebookNode:
    """Return a page as a run left it."""
    cells = [
        new_markdown_cell("# 01 · A\n\nA promise.\n\n| a |"),
        cell("start = 1"),
        new_markdown_cell("## Exercises\n\n1. Double it.\n2. Say why."),
    ]
    return new_notebook(cells=cells, metadata={"aelib": {"order": []}})


@pytest.fixture
def solutions() -> NotebookNode:
    """Return the solutions of its exercises."""
    cells = [
        new_markdown_cell("# Solutions: 01 · A\n\nWorked, for [the page](../01_a.ipynb)."),
        cell("start = 1"),
        new_markdown_cell("## Exercise 1\n\nDouble it."),
        cell("helper = 2", "solution"),
        cell("The trick is to add.", "solution", new_markdown_cell),
        cell("double = start + start\ndouble", "solution"),
        cell("helper = double\nassert helper == 2 * start, 'not the double'", "check"),
        new_markdown_cell("## Exercise 2\n\nSay why."),
        cell("given = 5"),
        cell("import this", "solution"),
        cell("assert given == 5, 'it was given'", "check"),
        cell("Because.", "solution", new_markdown_cell),
    ]
    return new_notebook(cells=cells, metadata={"aelib": {"order": []}})


@pytest.fixture
def course(tmp_path, page, solutions) -> Path:
    """Return a small repository."""
    (tmp_path / "notebooks/solutions").mkdir(parents=True)
    nbformat.write(page, tmp_path / "notebooks/01_a.ipynb")
    nbformat.write(solutions, tmp_path / "notebooks/solutions/01_a.ipynb")
    alone = new_notebook(cells=[new_markdown_cell("# Broken"), *solutions.cells[1:7]])
    nbformat.write(alone, tmp_path / "notebooks/solutions/00_debugging.ipynb")
    (tmp_path / "pyproject.toml").write_text('[tool.aelib]\nrepository = ""\n')
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs/drawn.svg").touch()
    (tmp_path / "aelib/__pycache__").mkdir(parents=True)
    (tmp_path / "aelib/data.py").touch()
    return tmp_path


def write(course: Path) -> Path:
    """Run the command; return the folder that it wrote."""
    into = course / "build/student"
    assert student.main(["--root", str(course), "--into", str(into)]) == 0
    return into


def test_exercises_lose_solutions_and_outputs_and_keep_their_checks(page, solutions):
    copy = student.asked(solutions, page, "01_a.ipynb")
    sources = [cell.source for cell in copy.cells[1:]]
    assert sources == [
        "start = 1",
        "## Exercise 1\n\nDouble it.",
        ANSWER,
        "helper = double\nassert helper == 2 * start, 'not the double'",
        "## Exercise 2\n\nSay why.",
        "given = 5",
        "# Your answer",
        "assert given == 5, 'it was given'",
    ]
    assert headings(copy)[0] == (1, "Exercises: 01 · A")
    assert "](../01_a.ipynb)" in copy.cells[0].source
    assert copy.cells[0].source.endswith("which keys and columns it looks up.")
    assert "secret" not in nbformat.writes(copy) and "aelib" not in copy.metadata
    nbformat.validate(copy)


@pytest.mark.parametrize(
    ("check", "read"),
    [
        ("assert a + b == 3", "a, b"),
        ("b = 2 * a\nassert b == 4", "a"),
        ("assert b == 4\nb = a", "a, b"),
        ("b = b / 2\nassert b", "b"),
        ("for a in b:\n    assert a", "b"),
        ("assert all(a > 0 for a in b)", "b"),
        ("a, b = c\nassert a == b", "c"),
    ],
)
def test_the_cell_for_an_answer_names_what_the_check_does_not_make_itself(check, read, page):
    cells = [
        new_markdown_cell("# Solutions: 01 · A\n\nWorked."),
        new_markdown_cell("## Exercise 1\n\nDouble it."),
        cell("a, b, c = 1, 2, 3", "solution"),
        cell(check, "check"),
    ]
    copy = student.asked(new_notebook(cells=cells), page, "01_a.ipynb")
    assert copy.cells[2].source == f"# Your answer; the check reads: {read}"


def test_originals_stay_as_they_are(page, solutions):
    before = deepcopy((page, solutions))
    student.emptied(page), student.asked(solutions, page, "01_a.ipynb")
    assert (page, solutions) == before


def test_a_page_keeps_all_but_what_a_run_left(page):
    stamp_colab.stamp(page, "01_a.ipynb", "owner/name")
    copy = student.emptied(page)
    assert [c.cell_type for c in copy.cells] == [c.cell_type for c in page.cells]
    assert "colab.research" not in copy.cells[0].source and "google.colab" in copy.cells[1].source
    assert all(not c.outputs and c.execution_count is None for c in code_cells(copy))
    assert not any(c.metadata for c in copy.cells)


def test_the_folder_can_be_handed_out(course):
    into = write(course)
    written = {str(path.relative_to(into)) for path in into.rglob("*") if path.is_file()}
    exercises = {f"notebooks/exercises/{name}.ipynb" for name in ("00_debugging", "01_a")}
    beside = {"README.md", "pyproject.toml", "aelib/data.py", "docs/drawn.svg"}
    assert written == {"notebooks/01_a.ipynb", *exercises, *beside}
    alone = nbformat.read(into / "notebooks/exercises/00_debugging.ipynb", as_version=4)
    assert alone.cells[0].source == "# Broken"


def test_a_second_run_replaces_the_first_and_nothing_else(course, capsys):
    (write(course) / "notebooks/02_old.ipynb").touch()
    assert not (write(course) / "notebooks/02_old.ipynb").exists()
    other = course / "docs"
    assert student.main(["--root", str(course), "--into", str(other)]) == 2
    assert "holds something else" in capsys.readouterr().err
    assert list(other.iterdir()) == [other / "drawn.svg"]
    assert [path.name for path in (course / "build").iterdir()] == ["student"]


def test_where_the_course_is_published_exercises_open_in_colab(course):
    (course / "pyproject.toml").write_text('[tool.aelib]\nrepository = "owner/name"\n')
    copy = nbformat.read(write(course) / "notebooks/exercises/01_a.ipynb", as_version=4)
    assert "git+https://github.com/owner/name" in code_cells(copy)[0].source


def test_the_check_of_a_copy_fails_until_it_is_answered(course, capsys):
    exercises = write(course) / "notebooks/exercises"
    into = ["--folder", str(exercises), "--into", str(course / "ran")]
    assert run_notebooks.main([*into, "1"]) == 1
    assert "name 'double' is not defined" in capsys.readouterr().out
    path = exercises / "01_a.ipynb"
    for answer, code in (("double = 3", 1), ("double = 2", 0)):
        copy = nbformat.read(path, as_version=4)
        copy.cells[3].source = f"{ANSWER}\n{answer}"
        nbformat.write(copy, path)
        assert run_notebooks.main([*into, "1"]) == code
        assert ("not the double" in capsys.readouterr().out) == bool(code)


# The course's own ---------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def handed_out(tmp_path_factory) -> Path:
    """Return the folder of students' copies of the whole course."""
    into = tmp_path_factory.mktemp("course") / "student"
    assert student.main(["--root", str(ROOT), "--into", str(into)]) == 0
    return into


def test_every_notebook_has_its_copy(handed_out):
    copies = sorted(path.name for path in (handed_out / "notebooks").rglob("*.ipynb"))
    assert copies == sorted(path.name for path in ORIGINALS)


def test_no_solution_and_no_output_is_handed_out(handed_out):
    for path in (handed_out / "notebooks").rglob("*.ipynb"):
        copy = nbformat.read(path, as_version=4)
        assert not any(cell.outputs or cell.execution_count for cell in code_cells(copy))
        assert not any("solution" in tags(cell) for cell in copy.cells)
    for path in ORIGINALS:
        notebook = nbformat.read(path, as_version=4)
        for n, exercise in enumerate(solved(notebook)):
            copy = nbformat.read(handed_out / "notebooks/exercises" / path.name, as_version=4)
            asked = solved(copy)[n]
            assert asked.text == exercise.text
            kept = [cell.source for cell in asked.cells]
            assert [c.source for c in exercise.tagged("check", "code")] == [
                c.source for c in asked.tagged("check", "code")
            ]
            answers = [c.source for c in exercise.cells if "solution" in tags(c)]
            assert not set(answers) & set(kept)


def test_every_broken_autoencoder_fails_its_check_until_it_is_mended(handed_out):
    """Each check speaks of what is wrong, not of a name that is missing."""
    exercises = handed_out / "notebooks/exercises"
    copy = nbformat.read(exercises / "00_debugging.ipynb", as_version=4)
    checks = [cell for cell in code_cells(copy) if "check" in tags(cell)]
    assert len(checks) == 6
    for cell in checks:  # else the first would end the run
        cell.metadata.tags.append("raises-exception")
    folder = handed_out.parent / "broken"
    folder.mkdir()
    nbformat.write(copy, folder / "00_debugging.ipynb")
    options = ["--folder", str(folder), "--into", str(folder / "ran")]
    assert run_notebooks.main(options) == 0
    ran = nbformat.read(folder / "ran/00_debugging.ipynb", as_version=4)
    raised = [
        [output.get("ename") for output in cell.outputs]
        for cell in code_cells(ran)
        if "check" in tags(cell)
    ]
    assert raised == [["AssertionError"]] * 6


def test_links_of_the_copies_lead_somewhere(handed_out):
    for path in (handed_out / "notebooks").rglob("*.ipynb"):
        for cell in nbformat.read(path, as_version=4).cells:
            for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", cell.source):
                if cell.cell_type == "markdown" and "://" not in target:
                    assert (path.parent / target).exists(), f"{path.name} links to {target}"


def test_what_is_handed_out_installs_the_package(handed_out):
    assert (handed_out / "aelib/statements.csv").exists() and (handed_out / "LICENSE").exists()
    assert "pip install ." in (handed_out / "README.md").read_text()
