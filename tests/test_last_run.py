"""The page about a run on this machine: what it compares, counts and leaves out."""

from pathlib import Path

import last_run as tool
import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output


def write(path: Path, verdicts: list[str], text: str = "Text.") -> Path:
    """Write a notebook as executed, with a ledger of some verdicts; none of them, no ledger."""
    rows = [
        {"statement": f"Statement {n}", "verdict": verdict, "measured": f"{path.parent.name} {n}"}
        for n, verdict in enumerate(verdicts)
    ]
    setup = {"aelib": {"setup": {"profile": "quick"}}}
    outputs = [
        [new_output("display_data", {"text/plain": "aelib 1 · quick profile"}, metadata=setup)],
        [new_output("display_data", metadata={"aelib": {"claims": rows}})] if rows else [],
    ]
    cells = [new_markdown_cell(f"# {path.stem}"), new_markdown_cell(text)]
    cells += [new_code_cell("ledger", outputs=output) for output in outputs]
    for n, cell in enumerate(cells):
        cell.id = f"cell-{n}"
    path.parent.mkdir(exist_ok=True)
    nbformat.write(new_notebook(cells=cells), path)
    return path


def ran(tmp_path: Path, here: list[str], failure: str = "") -> tool.Executed:
    """Return a run whose course says: reproduced, not reproduced, depends."""
    committed = write(tmp_path / "course/01_one.ipynb", ["reproduced", "not reproduced", "depends"])
    executed = write(tmp_path / "here/01_one.ipynb", here)
    return tool.Executed(committed, executed, seconds=31, failure=failure, jobs=1)


def test_equal_verdicts_are_counted(tmp_path):
    page = tool.page([ran(tmp_path, ["reproduced", "not reproduced", "depends"])])
    assert "| [01_one](notebooks/01_one.ipynb) | 31 | 3 | 0 | 0 | " in page
    assert "No verdict of the run differs" in page and "aelib 1 · quick profile" in page


def test_another_verdict_is_shown_with_what_both_measured(tmp_path):
    page = tool.page([ran(tmp_path, ["depends", "not reproduced", "full profile only"])])
    assert "| 31 | 1 | 1 | 1 | " in page
    listed = [line for line in page.splitlines() if line.startswith("- ")]
    assert listed == [
        "- 01: *Statement 0.* Here depends: here 0. In the course reproduced: course 0."
    ]


def test_a_run_that_stopped_says_where(tmp_path):
    page = tool.page([ran(tmp_path, [], failure="failed in cell 12")])
    assert "| 31 |  |  | failed in cell 12 | " in page


def test_several_at_once_are_said_to_share_the_machine(tmp_path):
    run = ran(tmp_path, ["depends"] * 3)
    assert "had the machine to itself" in tool.page([run])
    shared = tool.Executed(run.committed, run.path, seconds=31, failure="", jobs=2)
    assert "Up to 2 notebooks ran at once" in tool.page([run, shared])


def test_notes_on_other_notebooks_stay(tmp_path):
    first, second = ({"seconds": n, "failure": "", "jobs": 2} for n in (1, 2))
    tool.note(tmp_path, {"01_one": first, "02_two": first})
    tool.note(tmp_path, {"02_two": second})
    assert tool.notes(tmp_path) == {"01_one": first, "02_two": second}
    assert [path.name for path in tmp_path.iterdir()] == [tool.NOTES]


def test_only_runs_of_the_course_as_it_is_count(tmp_path):
    course = [
        write(tmp_path / f"course/{name}.ipynb", []) for name in ("01_a", "02_b", "03_c", "04_d")
    ]
    here = tmp_path / "here"
    write(here / "01_a.ipynb", [])
    write(here / "02_b.ipynb", [], text="The text of an older course.")
    write(here / "04_d.ipynb", [])  # not noted: another tool left it there
    noted = {"seconds": 5, "failure": "", "jobs": 1}
    assert tool.executed(course, here) == []
    tool.note(here, dict.fromkeys(("01_a", "02_b", "03_c", "99_gone"), noted))
    assert tool.executed(course, here) == [
        tool.Executed(course[0], here / "01_a.ipynb", seconds=5, failure="", jobs=1)
    ]
