"""What the notebooks hold: headings, exercises, code, ledgers; and how files are saved."""

import ast
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
import errno
import os
from pathlib import Path
import re
from typing import Any

import nbformat
from nbformat import NotebookNode

MAGIC = "%matplotlib inline"
FENCED = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
HEADING = re.compile(r"^(#+)\s+(.+?)\s*$", re.MULTILINE)
SOLUTIONS = "solutions"  # the folder beside the pages with the solutions of their exercises
SOLUTION, CHECK = "solution", "check"  # tags of cells there
EXERCISES = re.compile(r"^## Exercises\s*$(.*?)(?=^## |\Z)", re.MULTILINE | re.DOTALL)
EXERCISE = re.compile(r"## Exercise (\d+)\b[^\n]*")
# What `make colab` puts at the top of a set-up cell.
INSTALL = """\
import sys

if "google.colab" in sys.modules:
    %pip install --quiet "git+https://github.com/{repository}"

"""
# Why a disk takes no file, and what helps.
REMEDIES = {
    errno.ENOSPC: "free some space on its disk",
    errno.EDQUOT: "free some space in your quota",
    errno.EROFS: "make its disk writable, or work in a copy of the course elsewhere",
    errno.EACCES: "make the folder yours, or work in a copy of the course elsewhere",
    errno.EPERM: "make the folder yours, or work in a copy of the course elsewhere",
}
ANY_INSTALL = re.compile(re.escape(INSTALL).replace(r"\{repository\}", r'[^"\s]+'))


@dataclass(frozen=True)
class Check:
    """A call of `check` in a notebook's code: a statement entered into a ledger.

    Attributes
    ----------
    call : the call, as parsed
    cell : the place of its code cell, counted from 1
    heading : the nearest heading above that cell; empty if there is none
    """

    call: ast.Call
    cell: int
    heading: str

    @property
    def statement(self) -> str | None:
        """The statement that the call spells out; None if it is no literal string."""
        return literal(self.call.args[0] if self.call.args else None)

    @property
    def of(self) -> str | None:
        """The ids that the call spells out; empty without `of`, None if it is no literal string."""
        return "" if keyword(self.call, "of") is None else literal(keyword(self.call, "of"))

    @property
    def ids(self) -> list[str]:
        """The ids one by one."""
        return (self.of or "").split()

    @property
    def source(self) -> str | None:
        """The source that the call spells out; empty without, None if it is no literal string."""
        given = keyword(self.call, "source")
        return "" if given is None else literal(given)


@dataclass(frozen=True)
class Exercise:
    """An exercise in a notebook of solutions: its text, and the cells below it.

    Attributes
    ----------
    number : as its heading, "## Exercise 3", has it
    text : what stands below the heading in the same cell
    cells : the cells up to the next exercise
    """

    number: int
    text: str
    cells: list[NotebookNode]

    def tagged(self, tag: str, kind: str) -> list[NotebookNode]:
        """List its cells of a kind, "code" or "markdown", that carry a tag."""
        return [cell for cell in self.cells if cell.cell_type == kind and tag in tags(cell)]


# Files --------------------------------------------------------------------------------------------


def number(path: Path) -> str:
    """Return the number that a notebook's name starts with: "02" for 02_mnist_autoencoder.ipynb."""
    return path.stem.split("_")[0]


def find_notebooks(folder: Path) -> list[Path]:
    """List the numbered notebooks of a folder in their order."""
    return sorted(folder.glob("[0-9][0-9]_*.ipynb"))


class UnwritableError(ValueError):
    """A folder takes no file; says which, why, and what helps."""


@contextmanager
def writing_to(folder: Path) -> Iterator[None]:
    """Say in a sentence what is wrong if the block cannot write to a folder.

    Raises
    ------
    UnwritableError
        If the disk is full or read-only, or the folder belongs to another user.
    """
    try:
        yield
    except OSError as error:
        if error.errno not in REMEDIES:
            raise
        raise UnwritableError(
            f"{folder.resolve()} cannot be written to ({os.strerror(error.errno)}): "
            f"{REMEDIES[error.errno]}, then run the command again. What was there is as it was."
        ) from error


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Lend a file beside a path to write to; it takes the path's place if the block ends well.

    Raises
    ------
    UnwritableError
        If the folder takes no file; the path is as it was.
    """
    beside = path.with_name(f".{path.name}.part")
    with writing_to(path.parent):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            yield beside
            os.replace(beside, path)
        finally:
            beside.unlink(missing_ok=True)


def save(notebook: NotebookNode, path: Path) -> None:
    """Write a notebook whole or not at all.

    Raises
    ------
    UnwritableError
        If the folder takes no file; the notebook is as it was.
    """
    with replacing(path) as beside:
        nbformat.write(notebook, beside)


# Text ---------------------------------------------------------------------------------------------


def headings(notebook: NotebookNode) -> list[tuple[int, str]]:
    """List the headings of all text cells as (level, title)."""
    return [pair for cell in notebook.cells for pair in headings_of(cell)]


def headings_of(cell: NotebookNode) -> list[tuple[int, str]]:
    """List the headings of one cell as (level, title); there are none in code."""
    page = FENCED.sub("", cell.source) if cell.cell_type == "markdown" else ""
    return [(len(marks), title) for marks, title in HEADING.findall(page)]


def exercises(page: NotebookNode) -> list[str]:
    """List the exercises that a page closes with, word for word, without their numbers."""
    for cell in page.cells:
        if cell.cell_type == "markdown" and (found := EXERCISES.search(cell.source)):
            return [item.strip() for item in re.split(r"(?m)^\d+\. ", found[1])[1:]]
    return []


def solved(notebook: NotebookNode) -> list[Exercise]:
    """List the exercises of a notebook of solutions."""
    found: list[Exercise] = []
    for cell in notebook.cells:
        head = EXERCISE.match(cell.source) if cell.cell_type == "markdown" else None
        if head:
            found.append(Exercise(int(head[1]), cell.source[head.end() :].strip(), []))
        elif found:
            found[-1].cells.append(cell)
    return found


def tags(cell: NotebookNode) -> list[str]:
    """List the tags of a cell."""
    return cell.metadata.get("tags", [])


# Code ---------------------------------------------------------------------------------------------


def code_cells(notebook: NotebookNode) -> list[NotebookNode]:
    """List a notebook's code cells."""
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def setup_output(notebook: NotebookNode) -> NotebookNode | None:
    """Return the output of the set-up cell, the first with code, in which `profile.start` speaks.

    The facts stand in the output's metadata, where `aelib.profile.Setup` puts them.
    """
    outputs = [output for cell in code_cells(notebook)[:1] for output in cell.outputs]
    return next((o for o in outputs if "setup" in o.get("metadata", {}).get("aelib", {})), None)


def setup_facts(notebook: NotebookNode) -> dict[str, Any]:
    """Return what a notebook ran with: profile, data, complete, versions, device; else nothing."""
    output = setup_output(notebook)
    return output.metadata.aelib.setup if output else {}


def lacks_mnist(notebook: NotebookNode) -> bool:
    """Tell whether a notebook ran on a part of its data set, such as the package's own digits."""
    return setup_facts(notebook).get("complete") is False


def without_install(source: str) -> str:
    """Return a set-up cell's source as it was before `make colab`; any other as it is."""
    found = ANY_INSTALL.match(source)
    return source[found.end() :] if found else source


def syntax(cell: NotebookNode) -> ast.Module:
    """Parse a code cell; an empty module stands for one that is not Python."""
    lines = without_install(cell.source).splitlines()
    try:
        return ast.parse("\n".join("" if line == MAGIC else line for line in lines))
    except SyntaxError:
        return ast.parse("")


def written(cells: list[NotebookNode]) -> set[str]:
    """Collect the names that code cells assign or define."""
    nodes = [node for cell in cells for node in ast.walk(syntax(cell))]
    stored = {n.id for n in nodes if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
    return stored | {n.name for n in nodes if isinstance(n, ast.FunctionDef | ast.ClassDef)}


def calls(node: ast.AST) -> Iterator[ast.Call]:
    """Yield the calls below a node in the order in which they are written."""
    found = [child for child in ast.walk(node) if isinstance(child, ast.Call)]
    yield from sorted(found, key=lambda call: (call.lineno, call.col_offset))


def keyword(call: ast.Call, name: str) -> ast.expr | None:
    """Return the value of a call's keyword argument."""
    return next((pair.value for pair in call.keywords if pair.arg == name), None)


def literal(node: ast.expr | None) -> str | None:
    """Return the string that an expression spells out, or None if it is anything else."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    return None


# Ledgers ------------------------------------------------------------------------------------------


def checks(notebook: NotebookNode) -> list[Check]:
    """List all calls of a method `check`, in order: the statements entered into ledgers."""
    found, place, heading = [], 0, ""
    for cell in notebook.cells:
        for _, title in headings_of(cell):
            heading = title
        if cell.cell_type == "code":
            place += 1
            for call in calls(syntax(cell)):
                if isinstance(call.func, ast.Attribute) and call.func.attr == "check":
                    found.append(Check(call, place, heading))
    return found


def ledgers(notebook: NotebookNode) -> Iterator[list[dict[str, Any]]]:
    """Yield the claims of each ledger that a notebook displays.

    They stand in the output's metadata, where `aelib.claims.Claims` puts them.
    """
    for cell in code_cells(notebook):
        for output in cell.outputs:
            claims = output.get("metadata", {}).get("aelib", {}).get("claims")
            if claims is not None:
                yield claims


def claims(notebook: NotebookNode) -> list[dict[str, Any]]:
    """List the rows of all ledgers that a notebook displays."""
    return [claim for rows in ledgers(notebook) for claim in rows]
