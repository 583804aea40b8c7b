"""What the notebooks hold: headings, code, statements and ledgers; and how files are saved."""

import ast
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
import os
from pathlib import Path
import re
from typing import Any

import nbformat
from nbformat import NotebookNode

MAGIC = "%matplotlib inline"
FENCED = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
HEADING = re.compile(r"^(#+)\s+(.+?)\s*$", re.MULTILINE)
# What `make colab` puts at the top of a set-up cell.
INSTALL = """\
import sys

if "google.colab" in sys.modules:
    %pip install --quiet "git+https://github.com/{repository}"

"""
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
    def source(self) -> str | None:
        """The source that the call spells out; None if it is no literal string."""
        return literal(keyword(self.call, "source"))


# Files --------------------------------------------------------------------------------------------


def number(path: Path) -> str:
    """Return the number that a notebook's name starts with: "02" for 02_mnist_autoencoder.ipynb."""
    return path.stem.split("_")[0]


def find_notebooks(folder: Path) -> list[Path]:
    """List the numbered notebooks of a folder in their order."""
    return sorted(folder.glob("[0-9][0-9]_*.ipynb"))


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Lend a file beside a path to write to; it takes the path's place if the block ends well."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.part")
    try:
        yield beside
        os.replace(beside, path)
    finally:
        beside.unlink(missing_ok=True)


def save(notebook: NotebookNode, path: Path) -> None:
    """Write a notebook whole or not at all."""
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
