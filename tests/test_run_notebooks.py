"""The tool that executes notebooks: what it saves, reports and refuses."""

from base64 import b64decode, b64encode
from collections import Counter
import io
import json
from pathlib import Path

import digests
import nbformat
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
import numpy as np
from PIL import Image
import pytest
import run_notebooks as tool

LEDGER = """
class Ledger:
    def _repr_mimebundle_(self, include=None, exclude=None):
        rows = [{"verdict": "reproduced"}, {"verdict": "not reproduced"}, {"verdict": "reproduced"}]
        return {"text/plain": "three"}, {"aelib": {"claims": rows}}
"""
GOOD = ["import os\nprint(os.environ['AELIB_PROFILE'])", "print(os.getcwd())", LEDGER, "Ledger()"]
FAILS = ["1 + 1", "print('so far')", "1 / 0", "'never reached'"]
DIES = ["import os", "os.write(2, b'last words')\nos._exit(1)", "'never reached'"]


def write(path: Path, sources: list[str]) -> None:
    """Write a notebook that is not executed, with a text cell before its code."""
    cells = [new_markdown_cell("# Title"), *map(new_code_cell, sources)]
    nbformat.write(new_notebook(cells=cells), path)


@pytest.fixture(scope="module")
def course(tmp_path_factory) -> Path:
    """Return a folder with two notebooks that run and two that do not."""
    folder = tmp_path_factory.mktemp("course")
    write(folder / "01_fails.ipynb", FAILS)
    write(folder / "02_good.ipynb", GOOD)
    (folder / "03_broken.ipynb").write_text("not JSON")
    write(folder / "04_dies.ipynb", DIES)
    write(folder / "unnumbered.ipynb", ["1 / 0"])
    return folder


@pytest.fixture(scope="module")
def run(course, tmp_path_factory) -> tuple[int, str, Path]:
    """Execute them all once; return exit code, what was printed, and where the results lie."""
    into = tmp_path_factory.mktemp("build") / "notebooks"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sys.stdout", io.StringIO())
        code = tool.main(["--folder", str(course), "--into", str(into)])
        return code, tool.sys.stdout.getvalue(), into


def read(path: Path) -> NotebookNode:
    """Read a notebook."""
    return nbformat.read(path, as_version=4)


def test_outputs_are_saved(run):
    cells = tool.code_cells(read(run[2] / "02_good.ipynb"))
    assert [cell.execution_count for cell in cells] == [1, 2, 3, 4]
    assert cells[3].outputs[0].data["text/plain"] == "three"


def test_profile_reaches_the_kernel(run):
    assert tool.code_cells(read(run[2] / "02_good.ipynb"))[0].outputs[0].text == "quick\n"


def test_kernel_runs_in_the_folder_of_the_notebook(run, course):
    printed = tool.code_cells(read(run[2] / "02_good.ipynb"))[1].outputs[0].text
    assert Path(printed.strip()) == course.resolve()


def test_metadata_holds_nothing_of_this_machine(run):
    saved = json.loads((run[2] / "02_good.ipynb").read_text())
    assert all(set(cell["metadata"]) <= {"aelib"} for cell in saved["cells"])
    assert saved["metadata"].pop("aelib").keys() == {"order", "shown"}
    assert saved["metadata"] == {"kernelspec": tool.KERNEL, "language_info": {"name": "python"}}


def test_a_run_is_signed_and_a_failed_one_is_not(run):
    for name, signed in (("02_good.ipynb", True), ("01_fails.ipynb", False)):
        notebook = read(run[2] / name)
        assert (not list(digests.changed_since_the_run(notebook))) is signed
        assert (not list(digests.changed_by_hand(notebook))) is signed


def test_cells_keep_their_ids(run, course):
    before, after = read(course / "02_good.ipynb"), read(run[2] / "02_good.ipynb")
    assert [cell.id for cell in before.cells] == [cell.id for cell in after.cells]


def test_quick_run_leaves_the_notebooks_alone(run, course):
    cells = tool.code_cells(read(course / "02_good.ipynb"))
    assert all(cell.execution_count is None and not cell.outputs for cell in cells)


def test_failures_are_named_and_the_others_still_run(run, course):
    code, printed, into = run
    assert code == 1
    assert f"{course / '01_fails.ipynb'} failed in cell 3" in printed
    assert "ZeroDivisionError: division by zero" in printed
    assert f"{course / '03_broken.ipynb'} cannot be read" in printed
    assert f"{course / '04_dies.ipynb'} failed in cell 2" in printed
    assert "last words" in printed
    assert "3 of 4 failed (01, 03, 04)" in printed
    assert "\x1b" not in printed
    assert (into / "02_good.ipynb").exists() and not list(into.glob("*unnumbered*"))


def test_failed_notebook_is_saved_up_to_the_failure(run):
    cells = tool.code_cells(read(run[2] / "01_fails.ipynb"))
    assert cells[1].outputs[0].text == "so far\n"
    assert cells[2].outputs[0].ename == "ZeroDivisionError"
    assert not cells[3].outputs


def test_table_counts_the_verdicts(run):
    lines = run[1].splitlines()
    row = next(line.split() for line in lines if line.startswith("02_good"))
    total = next(line.split() for line in lines if line.startswith("all"))
    assert row[2:] == total[2:] == ["2", "1", "3"]
    failed = next(line for line in lines if line.startswith("01_fails "))
    assert failed.endswith("0  failed in cell 3")


def test_every_ledger_counts():
    def shows(*verdicts: str) -> NotebookNode:
        ledger = {"aelib": {"claims": [{"verdict": verdict} for verdict in verdicts]}}
        output = new_output("execute_result", {"text/plain": ""}, metadata=ledger)
        return new_code_cell(outputs=[output])

    cells = [shows("reproduced", "not reproduced"), new_code_cell("1"), shows("reproduced")]
    assert tool.count_verdicts(new_notebook(cells=cells)) == {"reproduced": 2, "not reproduced": 1}
    assert tool.count_verdicts(new_notebook(cells=cells[1:2])) == {}


def test_every_word_of_a_verdict_has_a_column():
    counts = Counter({"reproduced": 2, "depends": 1, "full profile only": 3})
    table = tool.report([tool.Result(Path("01_a"), 1.0, counts), tool.Result(Path("02_b"), 2.0)])
    header, first, second, total = map(str.split, table.splitlines())
    words = "notebook seconds reproduced not reproduced depends full profile only total"
    assert header == words.split()
    assert first[2:] == total[2:] == ["2", "0", "1", "3", "6"] and set(second[2:]) == {"0"}


def test_in_place_saves_a_success_and_leaves_a_failure_untouched(tmp_path, capsys):
    good, fails = tmp_path / "01_good.ipynb", tmp_path / "02_fails.ipynb"
    write(good, GOOD)
    write(fails, FAILS)
    before = fails.read_bytes()
    options = ["--folder", str(tmp_path), "--in-place", "--profile", "full"]
    assert tool.main([*options, "1"]) == 0
    assert tool.main([*options, "2"]) == 1
    assert tool.code_cells(read(good))[0].outputs[0].text == "full\n"
    assert fails.read_bytes() == before
    assert sorted(path.name for path in tmp_path.iterdir()) == [good.name, fails.name]
    assert "saved in their place" in capsys.readouterr().out


def test_timing_and_widgets_are_dropped_and_tags_kept():
    cell = new_code_cell(metadata={"execution": {}, "ExecuteTime": {}, "tags": ["a"]})
    notebook = new_notebook(cells=[cell], metadata={"widgets": {}, "papermill": {}})
    tool.clean(notebook)
    assert cell.metadata == {"tags": ["a"]}
    assert set(notebook.metadata) == {"kernelspec", "language_info"}


def test_output_that_c_code_prints_stays_out(tmp_path):
    write(tmp_path / "01_c.ipynb", ["import os", "_ = os.write(2, b'from C')"])
    tool.main(["--folder", str(tmp_path), "--in-place"])
    assert not tool.code_cells(read(tmp_path / "01_c.ipynb"))[1].outputs


@pytest.mark.parametrize("wanted", [["2", "04"], ["04", "02", "02"]])
def test_selection_by_number(course, capsys, wanted):
    assert tool.main(["--folder", str(course), "--list", *wanted]) == 0
    listed = capsys.readouterr().out.split()
    assert listed == [str(course / "02_good.ipynb"), str(course / "04_dies.ipynb")]


def test_no_number_selects_all(course):
    notebooks = tool.find_notebooks(course)
    assert len(tool.select(notebooks, [])) == 4


def test_unknown_number_names_those_that_exist(course, capsys):
    assert tool.main(["--folder", str(course), "2", "7", "x"]) == 2
    said = capsys.readouterr().err
    assert "no notebook has the number 07, 0x" in said
    assert "02  02_good" in said


def test_empty_folder_is_an_error(tmp_path, capsys):
    assert tool.main(["--folder", str(tmp_path)]) == 2
    assert "there are no notebooks" in capsys.readouterr().err


def test_pictures_shrink_and_look_the_same():
    drawn = np.random.default_rng(0).integers(0, 256, (60, 60, 3), dtype=np.uint8)
    drawn = np.kron(drawn, np.ones((4, 4, 1), np.uint8)) // 64 * 64
    plain = io.BytesIO()
    Image.fromarray(drawn).save(plain, "PNG", compress_level=1)
    picture = b64encode(plain.getvalue()).decode()
    output = new_output("display_data", data={"image/png": picture, "text/plain": "a figure"})
    notebook = new_notebook(cells=[new_code_cell("figure", outputs=[output])])
    tool.shrink_pictures(notebook)
    small = notebook.cells[0].outputs[0].data["image/png"]
    seen = np.asarray(Image.open(io.BytesIO(b64decode(small))).convert("RGB")).astype(int)
    assert len(small) < 0.7 * len(picture)
    assert np.abs(seen - drawn).max() <= 8
    assert notebook.cells[0].outputs[0].data["text/plain"] == "a figure"
