"""Execute the notebooks in one profile, save them clean, and report their verdicts.

Run from the root of the repository; `make run`, `make full` and `make solutions` do so:

    python tools/run_notebooks.py --profile quick --into build/notebooks 02 03
    python tools/run_notebooks.py --profile full --in-place
    python tools/run_notebooks.py --folder notebooks/solutions --in-place
    python tools/run_notebooks.py --nbval --solutions 02 03
    python tools/run_notebooks.py --list --solutions 02 03

Pages are saved in place from full runs, the solutions of their exercises from quick ones.
"""

import argparse
import asyncio
from base64 import b64decode, b64encode
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from io import BytesIO
import os
from pathlib import Path
import re
import subprocess
import sys
from tempfile import TemporaryFile, gettempdir
import time

from aelib.claims import NOT_REPRODUCED, REPRODUCED
import digests
from jupyter_client import AsyncKernelManager
from jupyter_core.paths import jupyter_runtime_dir
import kernels
import last_run
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError
import nbformat
from nbformat import NotebookNode
from notebook_parts import (
    SOLUTIONS,
    UnwritableError,
    claims,
    code_cells,
    find_notebooks,
    lacks_mnist,
    number,
    save,
    writing_to,
)
from PIL import Image
from tqdm import tqdm

ROOT = Path(__file__).resolve().parents[1]
VERDICTS = (REPRODUCED, NOT_REPRODUCED)  # the columns of the table; further words follow
COLOURS = re.compile(r"\x1b\[[0-9;]*m")
TIMING = ("execution", "ExecuteTime", "papermill")
KERNEL = {"display_name": "Python 3", "language": "python", "name": "python3"}
# Keeps what C++ code logs out of the outputs: it would differ on every machine.
KERNEL_ARGUMENTS = ["--IPKernelApp.capture_fd_output=False"]
NBVAL = [
    "--nbval-lax",
    "--nbval-current-env",
    f"--nbval-sanitize-with={ROOT / 'tests' / 'nbval_sanitize.cfg'}",
    "--nbval-cell-timeout=600",  # nbval notices that a kernel died no sooner than that
    "--dist=loadscope",  # the cells of a notebook stay together
]
WHEN_KILLED = "If it ran out of memory, JOBS=1 runs one notebook at a time."
LOOK_FOR_MNIST = """
from aelib import data
digits = data.load_mnist()
raise SystemExit(None if digits.complete else f"There are only {digits.source}.")
"""
SPACE = 2 * 2**20  # bytes; few notebooks need more


@dataclass
class Result:
    """What came of one notebook.

    Attributes
    ----------
    path : the notebook
    seconds : how long it ran
    verdicts : how often each verdict stands in its ledgers
    failure : why it stopped, such as "failed in cell 12"; empty if it ran to its end
    traceback : what Python said about the failure
    """

    path: Path
    seconds: float
    verdicts: Counter[str] = field(default_factory=Counter)
    failure: str = ""
    traceback: str = ""


# Which notebooks ----------------------------------------------------------------------------------


def select(notebooks: list[Path], wanted: list[str]) -> list[Path]:
    """Pick notebooks by number; no number picks them all.

    Parameters
    ----------
    notebooks : what there is
    wanted : numbers, with or without the leading zero

    Raises
    ------
    ValueError
        If there is no notebook at all, or none of a wanted number; names those that exist.
    """
    if not notebooks:
        raise ValueError("there are no notebooks")
    numbers = {name.zfill(2) for name in wanted}
    unknown = sorted(numbers - {number(path) for path in notebooks})
    if unknown:
        stems = sorted({path.stem for path in notebooks})
        there = "\n".join(f"  {stem.split('_')[0]}  {stem}" for stem in stems)
        raise ValueError(f"no notebook has the number {', '.join(unknown)}; there are\n{there}")
    return [path for path in notebooks if not numbers or number(path) in numbers]


# One notebook -------------------------------------------------------------------------------------


class Loop(asyncio.SelectorEventLoop):
    """An event loop that nbclient cannot take Ctrl-C from: it would end one kernel and go on."""

    def add_signal_handler(self, *_) -> None:
        """Refuse, as outside the main thread, where nbclient does without."""
        raise RuntimeError("Ctrl-C ends the whole run")


async def execute(
    notebook: NotebookNode, folder: Path, environment: Mapping[str, str], bar: tqdm
) -> tuple[str, str]:
    """Execute a notebook in place, in a fresh kernel, and move the bar one step a code cell.

    Parameters
    ----------
    notebook : what to execute; its outputs are replaced
    folder : where its kernel runs
    environment : the kernel's environment
    bar : a progress bar that counts code cells

    Returns
    -------
    Why it stopped, with the cell's number as in `In [12]`, and the traceback; empty if it did not.
    """
    started: list[int] = []
    # With a manager of its own, nbclient at Ctrl-C leaves a task behind that ends in a traceback.
    manager = AsyncKernelManager(kernel_name=KERNEL["name"])
    client = NotebookClient(
        notebook,
        km=manager,
        timeout=None,
        record_timing=False,
        store_widget_state=False,
        coalesce_streams=True,
        extra_arguments=KERNEL_ARGUMENTS,
        resources={"metadata": {"path": str(folder)}},
        on_cell_execute=lambda cell_index, **_: started.append(cell_index),
        on_cell_executed=lambda **_: bar.update(),
    )
    with TemporaryFile() as log:  # what the kernel prints past Python, kept off the progress bar
        try:
            with writing_to(Path(jupyter_runtime_dir())):  # the kernel's address stands in a file
                await client.async_execute(env=environment, stdout=log, stderr=log)
        except CellExecutionError as error:
            return f"failed in cell {len(started)}", str(error)
        except RuntimeError as error:  # the kernel died, or nbclient takes a Ctrl-C for that
            if asyncio.current_task().cancelling():
                raise asyncio.CancelledError from error
            log.seek(0)
            where = f"failed in cell {len(started)}" if started else "did not start"
            return where, f"{error}. {WHEN_KILLED}\n{log.read().decode(errors='replace')}"
        finally:
            if client.km is None:  # It did not start; nbclient asks for it again when Python ends.
                client.km = manager
            elif manager.has_kernel:
                await manager.shutdown_kernel(now=asyncio.current_task().cancelling() > 0)
            if client.kc:
                client.kc.stop_channels()
    return "", ""


def forget_outputs(notebook: NotebookNode) -> None:
    """Empty a notebook, so that a later failure leaves no old output below it."""
    for cell in code_cells(notebook):
        cell.outputs = []
        cell.execution_count = None


def clean(notebook: NotebookNode) -> None:
    """Drop what would differ between two machines: timing, widgets, Python's patch version."""
    for cell in notebook.cells:
        for key in TIMING:
            cell.metadata.pop(key, None)
    for key in ("widgets", *TIMING):
        notebook.metadata.pop(key, None)
    notebook.metadata.kernelspec = NotebookNode(KERNEL)
    notebook.metadata.language_info = NotebookNode(name="python")


def shrink_pictures(notebook: NotebookNode) -> None:
    """Store figures in 256 colours: a third of the size, and no difference to the eye."""
    for cell in code_cells(notebook):
        for output in cell.outputs:
            if picture := output.get("data", {}).get("image/png"):
                image = Image.open(BytesIO(b64decode(picture))).convert("RGB")
                small = BytesIO()
                image.quantize(
                    256, method=Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE
                ).save(small, "PNG", optimize=True)
                output.data["image/png"] = b64encode(small.getvalue()).decode()


async def run_notebook(
    path: Path, target: Path, environment: Mapping[str, str], bar: tqdm
) -> Result:
    """Execute one notebook and save it.

    Parameters
    ----------
    path : the notebook to execute, in its own folder
    target : where the executed notebook goes; if that is `path`, only a success is saved, and of
        full runs only one that had all of MNIST
    environment : the kernel's environment
    bar : a progress bar that counts code cells
    """
    started = time.monotonic()
    try:
        notebook = nbformat.read(path, as_version=4)
    except (OSError, ValueError, nbformat.ValidationError) as error:
        return Result(path, 0.0, failure="cannot be read", traceback=str(error))
    forget_outputs(notebook)
    try:
        with writing_to(Path(gettempdir())):
            failure, traceback = await execute(notebook, path.parent, environment, bar)
    except (OSError, UnwritableError) as error:
        failure, traceback = "did not start", str(error)
    clean(notebook)
    shrink_pictures(notebook)
    full = environment.get("AELIB_PROFILE") == "full"
    if not failure and target == path and full and lacks_mnist(notebook):
        failure, traceback = "is not saved", "It ran without all of MNIST: see its set-up cell."
    if not failure:
        digests.sign(notebook)
    if not failure or target != path:
        try:
            save(notebook, target)
        except UnwritableError as error:
            failure = ", ".join(filter(None, [failure, "is not saved"]))
            traceback = "\n".join(filter(None, [traceback, str(error)]))
    return Result(path, time.monotonic() - started, count_verdicts(notebook), failure, traceback)


# Verdicts -----------------------------------------------------------------------------------------


def count_verdicts(notebook: NotebookNode) -> Counter[str]:
    """Count how often each verdict stands in a notebook's ledgers."""
    return Counter(claim["verdict"] for claim in claims(notebook))


# The report ---------------------------------------------------------------------------------------


def report(results: list[Result], seconds: float, jobs: int) -> str:
    """Lay the results out as an aligned table with a row of totals.

    Parameters
    ----------
    results : one for each notebook
    seconds : how long they took together
    jobs : how many ran at once
    """
    verdicts = sum((result.verdicts for result in results), Counter())
    together = f"{jobs} at once" if jobs > 1 else ""
    rows = [*results, Result(Path("all"), seconds, verdicts, together)]
    words = list(dict.fromkeys([*VERDICTS, *verdicts]))
    lines = align(
        [["notebook", "seconds", *words, "total"], *[table_row(row, words) for row in rows]]
    )
    notes = ["", *[row.failure for row in rows]]
    return "\n".join(f"{line}  {note}".rstrip() for line, note in zip(lines, notes, strict=True))


def table_row(result: Result, words: list[str]) -> list[str]:
    """Return a result's cells in the table, with a column for each word of a verdict."""
    counts = [*[result.verdicts[word] for word in words], result.verdicts.total()]
    return [result.path.stem, f"{result.seconds:.0f}", *map(str, counts)]


def align(rows: list[list[str]]) -> list[str]:
    """Pad the rows' cells to columns: the first to the left, the others to the right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(
            cell.rjust(width) if n else cell.ljust(width)
            for n, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        for row in rows
    ]


def noted(result: Result, jobs: int) -> dict[str, int | str]:
    """Return what the page about this run is to say of a notebook; see `last_run.Executed`."""
    return {"seconds": round(result.seconds), "failure": result.failure, "jobs": jobs}


def where_next(results: list[Result], into: Path | None) -> str:
    """Say in one line what to look at now."""
    failed = [number(result.path) for result in results if result.failure]
    if failed:
        return f"{len(failed)} of {len(results)} failed ({', '.join(failed)}): see above for where."
    if into is None:
        return "The executed notebooks are saved in their place."
    return f"The executed notebooks lie in {into}; `make lab` opens the course to change and rerun."


def describe_failure(result: Result) -> str:
    """Name a failed notebook and show its traceback, in colour only on a terminal."""
    traceback = result.traceback if sys.stdout.isatty() else COLOURS.sub("", result.traceback)
    return f"\n{result.path} {result.failure}\n{traceback.rstrip()}\n"


# The command --------------------------------------------------------------------------------------


def count_code_cells(path: Path) -> int:
    """Count the cells that will run; none in a file that is not a notebook."""
    with suppress(OSError, ValueError, nbformat.ValidationError):
        cells = code_cells(nbformat.read(path, as_version=4))
        return sum(bool(cell.source.strip()) for cell in cells)
    return 0


def describe_running(paths: list[Path]) -> str:
    """Name the notebooks that run: one by its name, several by their numbers."""
    return paths[0].stem if len(paths) == 1 else ", ".join(map(number, paths))


async def run_all(paths: list[Path], into: Path | None, profile: str, jobs: int) -> list[Result]:
    """Execute notebooks, several at once; a failing one does not stop the others.

    They start in the order of their numbers. To start those with the most cells first saves
    nothing: how long a notebook takes has little to do with that.

    Parameters
    ----------
    paths : the notebooks
    into : folder for the executed notebooks; None saves each in its own place
    profile : "full" or "quick"
    jobs : how many run at once

    Returns
    -------
    The results in the order of the notebooks.
    """
    total = sum(map(count_code_cells, paths))
    often = 0.1 if sys.stderr.isatty() else 30.0
    environment = kernels.environment(profile, jobs)
    free, running = asyncio.Semaphore(jobs), []
    with tqdm(total=total, unit="cell", mininterval=often, dynamic_ncols=True) as bar:

        async def run(path: Path) -> Result:
            async with free:
                running.append(path)
                bar.set_description(describe_running(running))
                target = path if into is None else into / path.name
                result = await run_notebook(path, target, environment, bar)
                running.remove(path)
            if result.failure:
                bar.write(describe_failure(result))
            bar.set_description(describe_running(running) or "done")
            return result

        async with asyncio.TaskGroup() as group:  # at Ctrl-C it waits until every kernel has ended
            tasks = [group.create_task(run(path)) for path in paths]
    return [task.result() for task in tasks]


def check_space(folder: Path) -> None:
    """Try whether a folder takes a notebook, before any is run for nothing.

    Raises
    ------
    UnwritableError
        If it does not; says why and what helps.
    """
    with writing_to(folder):
        folder.mkdir(parents=True, exist_ok=True)
        with TemporaryFile(dir=folder) as probe:
            probe.write(bytes(SPACE))


def find_mnist(folder: Path) -> str:
    """Look for all of MNIST as a notebook will, and download it if need be.

    In a process of its own: this one need not start TensorFlow.

    Parameters
    ----------
    folder : where the kernels will run

    Returns
    -------
    What is wrong; empty if it is there.
    """
    looked = subprocess.run(
        [sys.executable, "-c", LOOK_FOR_MNIST],
        cwd=folder,
        env=kernels.environment("full", jobs=1),
        capture_output=True,
        text=True,
    )
    if looked.returncode == 0:
        return ""
    return looked.stdout + "".join(looked.stderr.strip().splitlines()[-1:])


def check_in_place(options: argparse.Namespace) -> None:
    """Refuse to save over the notebooks what another run made than the committed ones are from.

    A page is from a full run on all of MNIST, a notebook of solutions from a quick one.

    Raises
    ------
    ValueError
        If it is the other profile, or if MNIST is not there; says what to do.
    """
    wanted = "quick" if options.folder.name == SOLUTIONS else "full"
    if options.profile != wanted:
        raise ValueError(
            f"only a {wanted} run is saved in place; add --profile {wanted}, or use --into"
        )
    if wanted == "quick":
        return
    print("Looking for all of MNIST.", file=sys.stderr)
    if problem := find_mnist(options.folder):
        raise ValueError(f"all of MNIST is needed for what is saved in place.\n{problem}")


def check_into(options: argparse.Namespace) -> None:
    """Refuse an --into that would save over the notebooks themselves, unchecked.

    Raises
    ------
    ValueError
        If it is the folder of the pages or that of their solutions; says what to do.
    """
    folder, into = options.folder.resolve(), options.into.resolve()
    pages = folder.parent if folder.name == SOLUTIONS else folder
    if into in (folder, pages, pages / SOLUTIONS):
        raise ValueError(
            f"--into is {options.into}, where the notebooks themselves lie; name another folder, "
            "or save over them with --in-place"
        )


def run_nbval(paths: list[Path], jobs: int) -> int:
    """Run notebooks in the quick profile and compare their checked cells with what is saved.

    Returns
    -------
    The exit code of pytest.
    """
    command = [sys.executable, "-m", "pytest", *NBVAL, "-n", str(jobs if jobs > 1 else 0)]
    environment = kernels.environment("quick", jobs)
    return subprocess.run([*command, *paths], env=environment).returncode


def whole_number(text: str) -> int:
    """Read a number from 1 on."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f'JOBS is "{text}"; it takes a whole number from 1 on')
    return int(text)


def arguments(argv: list[str] | None) -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(description="Execute notebooks and report their verdicts.")
    parser.add_argument("numbers", nargs="*", help="notebooks by number, such as 02 03; none: all")
    parser.add_argument("--folder", type=Path, default=Path("notebooks"), help="where they lie")
    parser.add_argument("--solutions", action="store_true", help="the exercises' solutions as well")
    parser.add_argument("--profile", choices=("full", "quick"), default="quick")
    parser.add_argument("--jobs", type=whole_number, help="how many at once; none: as fits")
    where = parser.add_mutually_exclusive_group()
    where.add_argument("--into", type=Path, default=Path("build/notebooks"), help="save here")
    where.add_argument("--in-place", action="store_true", help="save over the notebooks themselves")
    where.add_argument("--nbval", action="store_true", help="save nothing, compare with nbval")
    where.add_argument("--list", action="store_true", help="print the paths and run nothing")
    return parser.parse_args(argv)


def main(argv: list[str] | None = None) -> int:
    """Run the command; return its exit code: 1 if a notebook failed, 2 if none was started."""
    options = arguments(argv)
    try:
        paths = find_notebooks(options.folder)
        if options.solutions:
            paths += find_notebooks(options.folder / SOLUTIONS)
        paths = select(paths, options.numbers)
    except ValueError as error:
        print(f"{options.folder}: {error}", file=sys.stderr)
        return 2
    if options.list:
        print(*paths, sep="\n")
        return 0
    jobs = kernels.jobs_for(len(paths), options.jobs)
    if options.nbval:
        return run_nbval(paths, jobs)
    into = None if options.in_place else options.into
    try:
        if into is not None:
            check_into(options)
        check_space(into or options.folder)
        if options.in_place:
            check_in_place(options)
    except ValueError as error:
        print(f"Nothing was run: {error}", file=sys.stderr)
        return 2
    started = time.monotonic()
    with asyncio.Runner(loop_factory=Loop) as runner:
        results = runner.run(run_all(paths, into, options.profile, jobs))
    print(f"\n{report(results, time.monotonic() - started, jobs)}\n\n{where_next(results, into)}")
    if into is not None:
        try:
            last_run.note(into, {result.path.stem: noted(result, jobs) for result in results})
        except UnwritableError as error:
            print(f"The site will lack its page about this run: {error}", file=sys.stderr)
            return 1
    return int(any(result.failure for result in results))


def speak_anywhere() -> None:
    """Keep a terminal that knows ASCII only, or a closed stderr, from stopping a run."""
    sys.stderr = sys.stderr or open(os.devnull, "w")
    sys.stdout.reconfigure(errors="replace")


if __name__ == "__main__":
    speak_anywhere()
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        print("\ninterrupted", file=sys.stderr)
        sys.exit(130)  # as a shell has it; 1 would mean that a notebook failed
