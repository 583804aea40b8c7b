"""Digests that tie a notebook to the run that made it: what was edited afterwards shows.

A run writes into each code cell's metadata a digest of its source, of its outputs and of its marks,
and into the notebook's the order of all cells and the course's own functions that it shows:

    cell.metadata.aelib      source, outputs, marks
    notebook.metadata.aelib  order, shown

They keep honest people honest: a notebook in which edits slipped in by mistake is refused. They are
no lock: whoever computes them anew can claim anything.
"""

import ast
from collections.abc import Iterator
from hashlib import sha256
import json
from pathlib import Path
from textwrap import dedent
from typing import Any

from aelib.source import without_docstring
from nbformat import NotebookNode
from notebook_parts import calls, code_cells, syntax

KEY = "aelib"
PACKAGE = Path(__file__).resolve().parents[1] / "aelib"
MARKS = ("nbval-check-output", "gallery")  # the tags that a test or the site goes by
LENGTH = 12
OPENING_WORDS = 8
AGAIN = "run it again"


# What is digested ---------------------------------------------------------------------------------


def digest(value: Any) -> str:
    """Return a short digest of anything that JSON can hold."""
    text = json.dumps(value, sort_keys=True, ensure_ascii=False)
    return sha256(text.encode()).hexdigest()[:LENGTH]


def tree(node: Any) -> Any:
    """Turn a syntax tree into lists and strings, the same from every version of Python.

    `ast.dump` is not: newer versions have fields that older ones lack, empty where not used, and
    3.12 ends the format of a field in an f-string with an empty text.
    """
    if isinstance(node, ast.JoinedStr):
        parts = [part for part in node.values if getattr(part, "value", None) != ""]
        return ["JoinedStr", tree(parts)]
    if isinstance(node, ast.AST):
        fields = [(name, tree(value)) for name, value in ast.iter_fields(node)]
        used = [[name, value] for name, value in fields if name != "kind" and value not in ([], "")]
        return [type(node).__name__, used]
    if isinstance(node, list):
        return [tree(part) for part in node]
    return "" if node is None else repr(node)


def source(cell: NotebookNode) -> str:
    """Digest a code cell's syntax tree: comments and formatting are free, and `make colab` is."""
    return digest(tree(syntax(cell)))


def outputs(cell: NotebookNode) -> str:
    """Digest all that a code cell displays: data, pictures, metadata, and their order."""
    shown = [{**output, "execution_count": None} for output in cell.outputs]
    return digest(shown)


def marks(cell: NotebookNode) -> str:
    """Digest what tests and site go by: tags, and the text that stands for the picture."""
    tags = [tag for tag in MARKS if tag in cell.metadata.get("tags", [])]
    return digest([tags, cell.metadata.get("mystnb", {})])


def of_cell(cell: NotebookNode) -> dict[str, str]:
    """Return the digests of a code cell."""
    return {"source": source(cell), "outputs": outputs(cell), "marks": marks(cell)}


def place(cell: NotebookNode) -> str:
    """Name a cell as the order of cells records it.

    Of text only its first words count: the rest may be mended after the run.
    """
    if cell.cell_type == "code":
        return f"code {digest([source(cell), outputs(cell)])}"
    return f"text {digest(cell.source.split()[:OPENING_WORDS])}"


# The course's own code on the page ----------------------------------------------------------------


def definition(name: str) -> str:
    """Return the source of a function or class of `aelib`, as in its file, less its docstring.

    Parameters
    ----------
    name : as a notebook writes it, such as "layers.TiedDense.call"; the file is found by it, so
        that nothing need be imported

    Raises
    ------
    ValueError
        If there is no such definition.
    """
    package, *path = name.split(".")
    for file in [PACKAGE / f"{package}.py", *sorted((PACKAGE / package).rglob("*.py"))]:
        if not file.exists():
            continue
        text = file.read_text(encoding="utf-8")
        node: ast.AST | None = ast.parse(text)
        for part in path:
            inside = getattr(node, "body", [])
            node = next((child for child in inside if getattr(child, "name", "") == part), None)
        if path and node is not None:
            first = min([node.lineno, *(d.lineno for d in node.decorator_list)])
            lines = text.splitlines()[first - 1 : node.end_lineno]
            return without_docstring(dedent("\n".join(lines)))
    raise ValueError(f"aelib has no {name}")


def shown_code(notebook: NotebookNode) -> Iterator[tuple[str, NotebookNode]]:
    """Yield what `show_source` displays: the name in the call, and the output."""
    for cell in code_cells(notebook):
        for call in calls(syntax(cell)):
            if ast.unparse(call.func).split(".")[-1] == "show_source" and call.args:
                for output in cell.outputs:
                    if output.get("data", {}).get("text/markdown", "").startswith("```python"):
                        yield ast.unparse(call.args[0]), output


def of_code(text: str) -> str:
    """Digest the syntax tree of code that stands in a fenced block or in a file."""
    lines = [line for line in text.splitlines() if not line.startswith("```")]
    return digest(tree(ast.parse("\n".join(lines))))


# Signing and checking -----------------------------------------------------------------------------


def sign(notebook: NotebookNode) -> None:
    """Write all digests into a notebook that has just run, or was just drawn anew."""
    for cell in code_cells(notebook):
        cell.metadata.setdefault(KEY, NotebookNode()).update(of_cell(cell))
    shown = {name: of_code(output.data["text/markdown"]) for name, output in shown_code(notebook)}
    order = [place(cell) for cell in notebook.cells]
    notebook.metadata.setdefault(KEY, NotebookNode()).update(order=order, shown=shown)


def changed_since_the_run(notebook: NotebookNode) -> Iterator[str]:
    """Name what only a new run may change: code, outputs, their order, the functions shown."""
    record = notebook.metadata.get(KEY, {})
    if "order" not in record:
        yield f"carries no digests of a run: {AGAIN}"
        return
    for n, cell in enumerate(code_cells(notebook), start=1):
        signed = cell.metadata.get(KEY, {})
        if signed.get("source") != source(cell):
            yield f"cell {n}: its code is not what ran; {AGAIN}"
        if signed.get("outputs") != outputs(cell):
            yield f"cell {n}: its outputs are not those of the run; {AGAIN}"
    ran = [name for name in record["order"] if name.startswith("code")]
    if ran != [place(cell) for cell in code_cells(notebook)]:
        yield f"its code cells are not those that ran, or not in their order; {AGAIN}"
    shown = shown_code(notebook)
    if record["shown"] != {name: of_code(output.data["text/markdown"]) for name, output in shown}:
        yield f"does not show the functions that its run showed; {AGAIN}"
    for name, digested in record["shown"].items():
        try:
            now = of_code(definition(name))
        except ValueError as error:
            yield f"shows what is gone: {error}; {AGAIN}"
            continue
        if digested != now:
            yield f"shows {name} as it was, not as aelib has it now; {AGAIN}"


def changed_by_hand(notebook: NotebookNode) -> Iterator[str]:
    """Name what an author may change without a run, once `make redraw ACCEPT=1` has noted it.

    Tags and alternative texts, and text cells in another order; new and rewritten text is free.
    """
    for n, cell in enumerate(code_cells(notebook), start=1):
        if cell.metadata.get(KEY, {}).get("marks") != marks(cell):
            yield f"cell {n}: its tags or its picture's alternative text changed after the run"
    order = notebook.metadata.get(KEY, {}).get("order", [])
    found = [name for name in map(place, notebook.cells) if name in order]
    left = iter(order)
    if not all(name in left for name in found):
        yield "its text cells stand in another order than at the run"
