"""What a run on this machine produced: noted beside the executed notebooks, and a page about it."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
import json
from pathlib import Path
import platform

from aelib.claims import FULL_ONLY, Verdict
from joblib import cpu_count
import nbformat
from nbformat import NotebookNode
from notebook_parts import claims, number, replacing, setup_output
from psutil import virtual_memory
from verdicts import escape, markdown_table, sentence

NOTES = "run.json"
EXECUTED = "run"  # the folder of the site's source that holds the executed notebooks
COLUMNS = ("seconds", "same verdict", FULL_ONLY, "other verdict")
PAGE = """\
# The run on this machine

{machine}

The pages of the course show what full runs on all of MNIST printed, and their text speaks of \
those numbers. This page alone is about the run that was made here. Its notebooks, executed:

{table}

{times}

{differences}
"""
ONE_AT_A_TIME = "Each notebook had the machine to itself."
SHARED = "Up to {jobs} notebooks ran at once, so alone each would be faster."


def note(folder: Path, runs: dict[str, dict[str, int | str]]) -> None:
    """Write down beside executed notebooks how they ran; notes on others stay.

    Parameters
    ----------
    folder : where the executed notebooks lie
    runs : the fields `seconds`, `failure` and `jobs` of `Executed`, by the notebook's name without
        its ending

    Raises
    ------
    UnwritableError
        If the folder takes no file.
    """
    with replacing(folder / NOTES) as beside:
        beside.write_text(json.dumps(notes(folder) | runs, indent=1), encoding="utf-8")


def notes(folder: Path) -> dict[str, dict[str, int | str]]:
    """Return what is noted on executed notebooks; nothing if there are no notes."""
    path = folder / NOTES
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}


@dataclass(frozen=True)
class Executed:
    """A notebook of the course and what a run made of it.

    Attributes
    ----------
    committed : the notebook as it is committed
    path : the notebook as it was executed
    seconds : how long it ran
    failure : why it stopped; empty if it ran to its end
    jobs : how many ran at once
    """

    committed: Path
    path: Path
    seconds: int
    failure: str
    jobs: int

    @cached_property
    def notebooks(self) -> tuple[NotebookNode, NotebookNode]:
        """The notebook as committed and as executed."""
        return tuple(nbformat.read(path, as_version=4) for path in (self.committed, self.path))

    @property
    def current(self) -> bool:
        """Whether the run was of the notebook as it is now, text and code."""
        committed, executed = ([cell.source for cell in book.cells] for book in self.notebooks)
        return committed == executed

    @property
    def pairs(self) -> list[tuple[Verdict, Verdict]]:
        """The rows of the course's ledgers, each with the run's; none if the run stopped before."""
        rows = [[Verdict(**row) for row in claims(book)] for book in self.notebooks]
        return list(zip(*rows, strict=True)) if all(rows) else []

    @property
    def differences(self) -> list[tuple[Verdict, Verdict]]:
        """The rows that the run decides otherwise than the course."""
        return [
            (committed, here)
            for committed, here in self.pairs
            if here.verdict not in (FULL_ONLY, committed.verdict)
        ]


def executed(committed: Sequence[Path], folder: Path) -> list[Executed]:
    """List the notebooks of the course that ran as they are now.

    Parameters
    ----------
    committed : the notebooks of the course
    folder : where executed ones lie, with the notes on them
    """
    noted = notes(folder)
    runs = [
        Executed(path, folder / path.name, **noted[path.stem])
        for path in committed
        if path.stem in noted and (folder / path.name).exists()
    ]
    return [run for run in runs if run.current]


# The page -----------------------------------------------------------------------------------------


def page(runs: Sequence[Executed]) -> str:
    """Write the page about a run, in MyST; its links are those of a page at the top level."""
    jobs = max(run.jobs for run in runs)
    return PAGE.format(
        machine=machine(runs[0]),
        table=markdown_table(["notebook", *COLUMNS, "executed"], [row(run) for run in runs]),
        times=SHARED.format(jobs=jobs) if jobs > 1 else ONE_AT_A_TIME,
        differences=differences(runs),
    )


def machine(run: Executed) -> str:
    """Say in a line what this machine is and what the run had."""
    memory = f"{virtual_memory().total / 2**30:.0f} GiB of memory"
    here = f"{platform.system()} on {platform.machine()}, {cpu_count()} cores, {memory}"
    output = setup_output(run.notebooks[1])
    return " · ".join(filter(None, [here, output and escape(output.data["text/plain"])]))


def row(run: Executed) -> list[str]:
    """Return a notebook's cells in the table."""
    name = f"[{run.path.stem}](notebooks/{run.path.name})"
    file = f"{{download}}`{run.path.name} <{EXECUTED}/{run.path.name}>`"
    if run.failure:
        return [name, str(run.seconds), "", "", run.failure, file]
    left = sum(here.verdict == FULL_ONLY for _, here in run.pairs)
    others = len(run.differences)
    counts = [len(run.pairs) - left - others, left, others]
    return [name, str(run.seconds), *map(str, counts), file]


def differences(runs: Sequence[Executed]) -> str:
    """List the verdicts that the run decides otherwise, with what both measured."""
    items = [
        f"- {number(run.path)}: *{sentence(committed.statement)}* "
        f"Here {here.verdict}: {sentence(here.measured)} "
        f"In the course {committed.verdict}: {sentence(committed.measured)}"
        for run in runs
        for committed, here in run.differences
    ]
    if not items:
        return "No verdict of the run differs from the course's."
    return "\n".join(["## Verdicts that differ", "", *items])
