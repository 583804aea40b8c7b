"""Execute the notebooks in one profile, save them clean, and report their verdicts.

Run from the root of the repository; `make run` and `make full` do so:

    python tools/run_notebooks.py --profile quick --into build/notebooks 02 03
    python tools/run_notebooks.py --profile full --in-place
    python tools/run_notebooks.py --list 02 03
"""

import argparse
import asyncio
from base64 import b64decode, b64encode
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from io import BytesIO
import os
from pathlib import Path
import re
import signal
import sys
from tempfile import TemporaryFile
import time

from aelib.claims import NOT_REPRODUCED, REPRODUCED
import digests
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError
import nbformat
from nbformat import NotebookNode
from notebook_parts import claims, code_cells, find_notebooks, number, save
from PIL import Image
from tqdm import tqdm

VERDICTS = (REPRODUCED, NOT_REPRODUCED)  # the columns of the table; further words follow
COLOURS = re.compile(r"\x1b\[[0-9;]*m")
TIMING = ("execution", "ExecuteTime", "papermill")
KERNEL = {"display_name": "Python 3", "language": "python", "name": "python3"}
# Keeps what C++ code logs out of the outputs: it would differ on every machine.
KERNEL_ARGUMENTS = ["--IPKernelApp.capture_fd_output=False"]


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
        there = "\n".join(f"  {number(path)}  {path.stem}" for path in notebooks)
        raise ValueError(f"no notebook has the number {', '.join(unknown)}; there are\n{there}")
    return [path for path in notebooks if not numbers or number(path) in numbers]


# One notebook -------------------------------------------------------------------------------------


def kernel_environment(profile: str) -> dict[str, str]:
    """Return this process's environment with the profile set and progress bars off."""
    return os.environ | {"AELIB_PROFILE": profile, "TQDM_DISABLE": "1"}


def leave_ctrl_c_alone(notebook: NotebookNode) -> None:
    """Undo nbclient's handling of Ctrl-C, which would end one kernel and start the next."""
    for name in (signal.SIGINT, signal.SIGTERM):
        with suppress(NotImplementedError, RuntimeError):
            asyncio.get_running_loop().remove_signal_handler(name)


def execute(notebook: NotebookNode, folder: Path, profile: str, bar: tqdm) -> tuple[str, str]:
    """Execute a notebook in place, in a fresh kernel, and move the bar one step a code cell.

    Parameters
    ----------
    notebook : what to execute; its outputs are replaced
    folder : where its kernel runs
    profile : "full" or "quick"
    bar : a progress bar that counts code cells

    Returns
    -------
    Why it stopped, with the cell's number as in `In [12]`, and the traceback; empty if it did not.
    """
    started: list[int] = []
    client = NotebookClient(
        notebook,
        kernel_name="python3",
        timeout=None,
        record_timing=False,
        store_widget_state=False,
        coalesce_streams=True,
        extra_arguments=KERNEL_ARGUMENTS,
        resources={"metadata": {"path": str(folder)}},
        on_notebook_start=leave_ctrl_c_alone,
        on_cell_execute=lambda cell_index, **_: started.append(cell_index),
        on_cell_executed=lambda **_: bar.update(),
    )
    with TemporaryFile() as log:  # what the kernel prints past Python, kept off the progress bar
        try:
            client.execute(env=kernel_environment(profile), stdout=log, stderr=log)
        except CellExecutionError as error:
            return f"failed in cell {len(started)}", str(error)
        except RuntimeError as error:  # the kernel died
            log.seek(0)
            where = f"failed in cell {len(started)}" if started else "did not start"
            return where, f"{error}\n{log.read().decode(errors='replace')}"
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


def run_notebook(path: Path, target: Path, profile: str, bar: tqdm) -> Result:
    """Execute one notebook and save it.

    Parameters
    ----------
    path : the notebook to execute, in its own folder
    target : where the executed notebook goes; if that is `path`, only a success is saved
    profile : "full" or "quick"
    bar : a progress bar that counts code cells
    """
    started = time.monotonic()
    try:
        notebook = nbformat.read(path, as_version=4)
    except (OSError, ValueError, nbformat.ValidationError) as error:
        return Result(path, 0.0, failure="cannot be read", traceback=str(error))
    forget_outputs(notebook)
    failure, traceback = execute(notebook, path.parent, profile, bar)
    clean(notebook)
    shrink_pictures(notebook)
    if not failure:
        digests.sign(notebook)
    if not failure or target != path:
        save(notebook, target)
    return Result(path, time.monotonic() - started, count_verdicts(notebook), failure, traceback)


# Verdicts -----------------------------------------------------------------------------------------


def count_verdicts(notebook: NotebookNode) -> Counter[str]:
    """Count how often each verdict stands in a notebook's ledgers."""
    return Counter(claim["verdict"] for claim in claims(notebook))


# The report ---------------------------------------------------------------------------------------


def report(results: list[Result]) -> str:
    """Lay the results out as an aligned table with a row of totals."""
    verdicts = sum((result.verdicts for result in results), Counter())
    seconds = sum(result.seconds for result in results)
    rows = [*results, Result(Path("all"), seconds, verdicts)]
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


def run_all(paths: list[Path], into: Path | None, profile: str) -> list[Result]:
    """Execute notebooks one after the other; a failing one does not stop the others.

    Parameters
    ----------
    paths : the notebooks
    into : folder for the executed notebooks; None saves each in its own place
    profile : "full" or "quick"
    """
    results = []
    total = sum(map(count_code_cells, paths))
    often = 0.1 if sys.stderr.isatty() else 30.0
    with tqdm(total=total, unit="cell", mininterval=often, dynamic_ncols=True) as bar:
        for path in paths:
            bar.set_description(path.stem)
            target = path if into is None else into / path.name
            results.append(run_notebook(path, target, profile, bar))
            if results[-1].failure:
                bar.write(describe_failure(results[-1]))
        bar.set_description("done")
    return results


def arguments(argv: list[str] | None) -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(description="Execute notebooks and report their verdicts.")
    parser.add_argument("numbers", nargs="*", help="notebooks by number, such as 02 03; none: all")
    parser.add_argument("--folder", type=Path, default=Path("notebooks"), help="where they lie")
    parser.add_argument("--profile", choices=("full", "quick"), default="quick")
    where = parser.add_mutually_exclusive_group()
    where.add_argument("--into", type=Path, default=Path("build/notebooks"), help="save here")
    where.add_argument("--in-place", action="store_true", help="save over the notebooks themselves")
    where.add_argument("--list", action="store_true", help="print the paths and run nothing")
    return parser.parse_args(argv)


def main(argv: list[str] | None = None) -> int:
    """Run the command; return its exit code: 1 if a notebook failed, 2 if none could be chosen."""
    options = arguments(argv)
    try:
        paths = select(find_notebooks(options.folder), options.numbers)
    except ValueError as error:
        print(f"{options.folder}: {error}", file=sys.stderr)
        return 2
    if options.list:
        print(*paths, sep="\n")
        return 0
    into = None if options.in_place else options.into
    results = run_all(paths, into, options.profile)
    print(f"\n{report(results)}\n\n{where_next(results, into)}")
    return int(any(result.failure for result in results))


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        print("\ninterrupted", file=sys.stderr)
        sys.exit(130)  # as a shell has it; 1 would mean that a notebook failed
