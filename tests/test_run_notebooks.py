"""The tool that executes notebooks: what it saves, reports and refuses."""

from base64 import b64decode, b64encode
from collections import Counter
import errno
import io
import json
import os
from pathlib import Path
import signal
import subprocess
import sys
import time

import digests
import kernels
import last_run
import nbformat
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
import numpy as np
from PIL import Image
import psutil
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
SLOW = ["import os, time", "open('started', 'w').close()\ntime.sleep(60)"]
WITHOUT_MNIST = [
    """
from IPython.display import display
display({"text/plain": ""}, metadata={"aelib": {"setup": {"complete": False}}}, raw=True)
"""
]
# Stands in for the package: what a full run looks for before it starts.
DATA = """
from types import SimpleNamespace
def load_mnist():
    {}
    return SimpleNamespace(complete={}, source="5,000 MNIST digits")
"""
GIB = 2**30
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
        code = tool.main(["--folder", str(course), "--into", str(into), "--jobs", "2"])
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


def test_how_each_ran_is_noted_for_the_page_about_the_run(run):
    noted = last_run.notes(run[2])
    assert noted["01_fails"]["failure"] == "failed in cell 3"
    assert noted["02_good"]["failure"] == "" and noted["02_good"]["seconds"] > 0
    assert {note["jobs"] for note in noted.values()} == {2}


def test_failed_notebook_is_saved_up_to_the_failure(run):
    cells = tool.code_cells(read(run[2] / "01_fails.ipynb"))
    assert cells[1].outputs[0].text == "so far\n"
    assert cells[2].outputs[0].ename == "ZeroDivisionError"
    assert not cells[3].outputs


def test_table_counts_the_verdicts(run):
    lines = run[1].splitlines()
    row = next(line.split() for line in lines if line.startswith("02_good"))
    total = next(line.split() for line in lines if line.startswith("all"))
    assert row[2:] == ["2", "1", "3"]
    assert total[2:] == ["2", "1", "3", "2", "at", "once"]
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
    table = tool.report(
        [tool.Result(Path("01_a"), 1.0, counts), tool.Result(Path("02_b"), 2.0)], 3.0, 1
    )
    header, first, second, total = map(str.split, table.splitlines())
    words = "notebook seconds reproduced not reproduced depends full profile only total"
    assert header == words.split()
    assert first[2:] == total[2:] == ["2", "0", "1", "3", "6"] and set(second[2:]) == {"0"}


# Saved in place -----------------------------------------------------------------------------------


@pytest.fixture
def in_place(tmp_path, monkeypatch) -> Path:
    """Return a folder with notebooks that a full run would save in place; MNIST is there."""
    write(tmp_path / "01_good.ipynb", GOOD)
    write(tmp_path / "02_fails.ipynb", FAILS)
    write(tmp_path / "03_without.ipynb", WITHOUT_MNIST)
    package = tmp_path / "packages" / "aelib"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    (package / "data.py").write_text(DATA.format("", True))
    monkeypatch.setenv("PYTHONPATH", str(package.parent))
    return tmp_path


def save_in_place(folder: Path, *wanted: str, profile: str = "full") -> int:
    """Run the command as `make full` does; return its exit code."""
    return tool.main(["--folder", str(folder), "--in-place", "--profile", profile, *wanted])


def test_in_place_saves_a_success_and_leaves_a_failure_untouched(in_place, capsys):
    good, fails = in_place / "01_good.ipynb", in_place / "02_fails.ipynb"
    before = fails.read_bytes()
    assert save_in_place(in_place, "1") == 0
    assert "saved in their place" in capsys.readouterr().out
    assert save_in_place(in_place, "2") == 1
    assert tool.code_cells(read(good))[0].outputs[0].text == "full\n"
    assert fails.read_bytes() == before
    assert not [path for path in in_place.iterdir() if path.name.startswith(".")]


@pytest.mark.parametrize(
    ("body", "complete", "said"),
    [
        ("print('No network: do this.')", False, "No network: do this.\nThere are only 5,000"),
        ("raise ValueError('the file is damaged')", True, "ValueError: the file is damaged"),
    ],
)
def test_without_mnist_nothing_starts_that_would_be_saved_in_place(
    in_place, capsys, body, complete, said
):
    (in_place / "packages/aelib/data.py").write_text(DATA.format(body, complete))
    before = (in_place / "01_good.ipynb").read_bytes()
    assert save_in_place(in_place, "1") == 2
    printed = capsys.readouterr()
    assert "Nothing was run: all of MNIST is needed" in printed.err and said in printed.err
    assert "cell" not in printed.err and not printed.out
    assert (in_place / "01_good.ipynb").read_bytes() == before


def test_notebook_that_ran_without_mnist_all_the_same_is_not_saved_in_place(in_place, capsys):
    before = (in_place / "03_without.ipynb").read_bytes()
    assert save_in_place(in_place, "3") == 1
    assert "is not saved\nIt ran without all of MNIST" in capsys.readouterr().out
    assert (in_place / "03_without.ipynb").read_bytes() == before


def test_quick_run_is_not_saved_in_place(in_place, capsys):
    before = (in_place / "01_good.ipynb").read_bytes()
    assert save_in_place(in_place, "1", profile="quick") == 2
    assert "only a full run is saved in place" in capsys.readouterr().err
    assert (in_place / "01_good.ipynb").read_bytes() == before


@pytest.mark.parametrize("folder", ["pages", "pages/solutions"])
@pytest.mark.parametrize(
    "into", ["pages", "{}/pages", "pages/solutions", "pages/../pages/solutions/", "link"]
)
def test_into_the_folder_of_the_notebooks_is_refused(tmp_path, monkeypatch, capsys, folder, into):
    monkeypatch.chdir(tmp_path)
    paths = [Path("pages/01_a.ipynb"), Path("pages/solutions/01_a.ipynb")]
    paths[1].parent.mkdir(parents=True)
    Path("link").symlink_to("pages")
    for path in paths:
        write(path, ["1"])
    before = [path.read_bytes() for path in paths]
    assert tool.main(["--folder", folder, "--into", into.format(tmp_path)]) == 2
    said = capsys.readouterr().err
    assert f"Nothing was run: --into is {Path(into.format(tmp_path))}, where the" in said
    assert "name another folder, or save over them with --in-place" in said
    assert [path.read_bytes() for path in paths] == before


@pytest.mark.parametrize(("ran", "collected"), [(0, True), (1, True), (2, False), (130, False)])
def test_make_full_collects_verdicts_only_if_notebooks_ran(tmp_path, ran, collected):
    stamp = tmp_path / "stamp"
    stamp.touch()
    done = subprocess.run(
        [
            "make",
            "--silent",
            "full",
            f"STAMP={stamp}",
            f"NOTEBOOKS=sh -c 'exit {ran}'",
            "VERDICTS=echo collected",
        ],
        cwd=tool.ROOT,
        env={key: value for key, value in os.environ.items() if key != "MAKEFLAGS"},
        capture_output=True,
        text=True,
    )
    assert (done.returncode == 0) == (ran == 0)
    assert ("collected" in done.stdout) == collected


# A disk that takes nothing ------------------------------------------------------------------------


def refuse(code: int) -> OSError:
    """Return what the system raises if it refuses to write."""
    return OSError(code, os.strerror(code))


def test_disk_that_fills_up_is_named_and_the_others_still_run(tmp_path, capsys, monkeypatch):
    for n in (1, 2, 3):
        write(tmp_path / f"{n:02}_a.ipynb", ["1"])
    whole, written = nbformat.write, []

    def write_once(notebook: NotebookNode, path: Path) -> None:
        written.append(path)
        if len(written) > 1:
            path.write_text("half of it")
            raise refuse(errno.ENOSPC)
        whole(notebook, path)

    monkeypatch.setattr(nbformat, "write", write_once)
    into = tmp_path / "build"
    assert tool.main(["--folder", str(tmp_path), "--into", str(into), "--jobs", "1"]) == 1
    printed = capsys.readouterr().out
    assert f"{tmp_path / '02_a.ipynb'} is not saved\n{into} cannot be written to" in printed
    assert "free some space on its disk, then run the command again" in printed
    assert "Traceback" not in printed
    assert "2 of 3 failed (02, 03)" in printed
    assert sorted(path.name for path in into.iterdir()) == ["01_a.ipynb", last_run.NOTES]


def test_disk_that_takes_no_notes_is_named(tmp_path, capsys, monkeypatch):
    write(tmp_path / "01_a.ipynb", ["1"])
    into = tmp_path / "build"

    def stop(*_, **__):
        raise refuse(errno.ENOSPC)

    monkeypatch.setattr(last_run, "notes", stop)
    assert tool.main(["--folder", str(tmp_path), "--into", str(into)]) == 1
    printed = capsys.readouterr()
    assert "01_a" in printed.out
    assert f"lack its page about this run: {into} cannot be written to" in printed.err


@pytest.mark.parametrize(
    ("code", "remedy"),
    [
        (errno.ENOSPC, "free some space on its disk"),
        (errno.EROFS, "make its disk writable"),
        (errno.EACCES, "make the folder yours"),
    ],
)
def test_nothing_runs_where_nothing_can_be_saved(
    course, tmp_path, capsys, monkeypatch, code, remedy
):
    def no_file(*_, **__):
        raise refuse(code)

    monkeypatch.setattr(tool, "TemporaryFile", no_file)
    into = tmp_path / "build"
    assert tool.main(["--folder", str(course), "--into", str(into)]) == 2
    printed = capsys.readouterr()
    assert f"Nothing was run: {into} cannot be written to" in printed.err
    assert remedy in printed.err and not printed.out


def test_kernel_that_the_system_does_not_start_stops_no_other(tmp_path, capsys, monkeypatch):
    for n in (1, 2):
        write(tmp_path / f"{n:02}_a.ipynb", ["1"])

    async def start(*_, **__):
        raise refuse(errno.ENOMEM)

    monkeypatch.setattr(tool.AsyncKernelManager, "start_kernel", start)
    assert tool.main(["--folder", str(tmp_path), "--into", str(tmp_path / "build")]) == 1
    printed = capsys.readouterr().out
    assert "02_a.ipynb did not start\n" in printed and os.strerror(errno.ENOMEM) in printed
    assert "2 of 2 failed (01, 02)" in printed


# Several at once ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("cores", "gib", "jobs"),
    [(1, 16, 1), (2, 16, 2), (2, 5, 1), (2, 1, 1), (3, 16, 2), (4, 16, 2), (8, 64, 4), (8, 9, 3)],
)
def test_one_kernel_for_two_cores_two_on_two_and_memory_for_each(cores, gib, jobs):
    assert kernels.default_jobs(cores, gib * GIB) == jobs


def test_kernels_run_at_once_each_with_its_share(tmp_path, capsys, monkeypatch):
    for name in ("OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(kernels, "cpu_count", lambda: 6)
    # Each waits for the other, so neither ends if they do not run at once; the first ends last.
    wait = """
import os, time
from pathlib import Path
Path("ran{mine}").touch()
until = time.monotonic() + 30
while not Path("ran{other}").exists() and time.monotonic() < until:
    time.sleep(0.01)
time.sleep({more})
print(os.environ["OMP_NUM_THREADS"], os.environ["TF_NUM_INTRAOP_THREADS"])
assert Path("ran{other}").exists()
"""
    write(tmp_path / "01_a.ipynb", [wait.format(mine=1, other=2, more=1)])
    write(tmp_path / "02_b.ipynb", [wait.format(mine=2, other=1, more=0)])
    into = tmp_path / "build"
    assert tool.main(["--folder", str(tmp_path), "--into", str(into), "--jobs", "2"]) == 0
    for name in ("01_a", "02_b"):
        assert tool.code_cells(read(into / f"{name}.ipynb"))[0].outputs[0].text == "3 3\n"
    rows = capsys.readouterr().out.split("\n\n")[0].strip().splitlines()
    assert [row.split()[0] for row in rows] == ["notebook", "01_a", "02_b", "all"]
    assert rows[-1].endswith("2 at once")


def test_a_kernel_alone_has_the_whole_machine(monkeypatch):
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    assert "OMP_NUM_THREADS" not in kernels.environment("quick", jobs=1)
    monkeypatch.setenv("OMP_NUM_THREADS", "5")
    assert kernels.environment("quick", jobs=2)["OMP_NUM_THREADS"] == "5"
    assert kernels.jobs_for(notebooks=1, wanted=4) == 1


@pytest.mark.parametrize("jobs", ["0", "-1", "two", "1.5"])
def test_jobs_is_a_whole_number(course, capsys, jobs):
    with pytest.raises(SystemExit) as stopped:
        tool.main(["--folder", str(course), f"--jobs={jobs}"])
    assert stopped.value.code == 2
    assert f'JOBS is "{jobs}"; it takes a whole number from 1 on' in capsys.readouterr().err


def test_ctrl_c_ends_every_kernel_and_leaves_nothing_half_written(tmp_path):
    for n in (1, 2):
        sources = [SLOW[0], SLOW[1].replace("started", f"started{n}")]
        write(tmp_path / f"{n:02}_slow.ipynb", sources)
    command = [sys.executable, tool.__file__, "--folder", str(tmp_path), "--jobs", "2"]
    run = subprocess.Popen(
        [*command, "--into", str(tmp_path / "build")], stdout=-1, stderr=-1, text=True
    )
    started = [tmp_path / f"started{n}" for n in (1, 2)]
    try:
        while not all(path.exists() for path in started):
            assert run.poll() is None, run.communicate()
            time.sleep(0.1)
        ended = psutil.Process(run.pid).children(recursive=True)
        run.send_signal(signal.SIGINT)
        printed, said = run.communicate(timeout=30)
    finally:
        run.kill()
    assert run.returncode == 130
    assert said.endswith("\ninterrupted\n") and "Traceback" not in said and not printed
    assert len(ended) == 2 and not any(kernel.is_running() for kernel in ended)
    assert not list((tmp_path / "build").iterdir())


def test_timing_and_widgets_are_dropped_and_tags_kept():
    cell = new_code_cell(metadata={"execution": {}, "ExecuteTime": {}, "tags": ["a"]})
    notebook = new_notebook(cells=[cell], metadata={"widgets": {}, "papermill": {}})
    tool.clean(notebook)
    assert cell.metadata == {"tags": ["a"]}
    assert set(notebook.metadata) == {"kernelspec", "language_info"}


def test_output_that_c_code_prints_stays_out(tmp_path):
    write(tmp_path / "01_c.ipynb", ["import os", "_ = os.write(2, b'from C')"])
    tool.main(["--folder", str(tmp_path), "--into", str(tmp_path / "build")])
    assert not tool.code_cells(read(tmp_path / "build/01_c.ipynb"))[1].outputs


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


def test_ascii_and_a_closed_stderr_stop_nothing(tmp_path):
    write(tmp_path / "01_a.ipynb", ["raise ValueError('× · –')"])
    command = [sys.executable, tool.__file__, "--folder", tmp_path, "--into", tmp_path / "done"]
    done = subprocess.run(
        ["sh", "-c", 'exec "$0" "$@" 2>&-', *command],
        env=os.environ | {"PYTHONIOENCODING": "ascii"},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert done.returncode == 1
    assert "ValueError: ? ? ?" in done.stdout and "1 of 1 failed (01)" in done.stdout
