"""Draw ledgers, explorers and shown code anew, from the facts in the notebooks' outputs.

A change of looks needs no training. Run from the root of the repository; `make redraw` does so:

    python tools/redraw.py             # all notebooks
    python tools/redraw.py 02 03
    python tools/redraw.py --accept    # tags, alternative texts and order of texts as they stand

A notebook whose code or outputs were edited after it ran is refused, and so is one whose tags,
alternative texts or order of text cells changed, until that is accepted.
"""

import argparse
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
import sys

from aelib.claims import Claims
from aelib.explorer import Explorer
import digests
import nbformat
from nbformat import NotebookNode
from notebook_parts import code_cells, find_notebooks, save
from run_notebooks import select


def drawn_anew(output: NotebookNode) -> dict[str, str] | None:
    """Return what an output's facts look like now; None if it holds none to draw from."""
    facts = output.get("metadata", {}).get("aelib", {})
    if "claims" in facts:
        return Claims.from_rows(facts["claims"])._repr_mimebundle_()[0]
    if "section" in facts:  # the small table of a section
        return Claims.from_rows(facts["section"]).section()._repr_mimebundle_()[0]
    html = output.get("data", {}).get("text/html", "")
    if "srcdoc=" in html:
        explorer = Explorer.from_html(html)
        return {"text/html": explorer._repr_html_(), "text/plain": repr(explorer)}
    return None


def draw(notebook: NotebookNode) -> int:
    """Draw a notebook's ledgers, explorers and shown code anew; return how many changed."""
    before = deepcopy(notebook)
    for cell in code_cells(notebook):
        for output in cell.outputs:
            if data := drawn_anew(output):
                output.data.update(data)
    for name, output in digests.shown_code(notebook):
        output.data["text/markdown"] = f"```python\n{digests.definition(name)}\n```"
    pairs = zip(code_cells(before), code_cells(notebook), strict=True)
    return sum(old.outputs != new.outputs for old, new in pairs)


def objections(notebook: NotebookNode, accept: bool) -> Iterator[str]:
    """Name what forbids to draw a notebook anew: the digests would cover it up."""
    yield from digests.changed_since_the_run(notebook)
    if not accept:
        for problem in digests.changed_by_hand(notebook):
            yield f"{problem}; if that is meant: make redraw ACCEPT=1"


def redraw(path: Path, accept: bool = False) -> list[str]:
    """Draw one notebook anew and save it with its digests.

    Parameters
    ----------
    path : the notebook
    accept : whether tags, alternative texts and the order of text cells are right as they stand

    Returns
    -------
    What was done, in words; empty if nothing was to do.

    Raises
    ------
    ValueError
        If it was edited after it ran; names what, and the notebook stays as it is.
    """
    notebook = nbformat.read(path, as_version=4)
    if problems := list(objections(notebook, accept)):
        raise ValueError("\n".join(f"{path}: {problem}" for problem in problems))
    done = [f"accepted: {problem}" for problem in digests.changed_by_hand(notebook)]
    if drawn := draw(notebook):
        done.append(f"{drawn} outputs drawn anew")
    if done:
        digests.sign(notebook)
        save(notebook, path)
    return done


def main(argv: list[str] | None = None) -> int:
    """Run the command; return its exit code: 1 if a notebook was refused, 2 if none was chosen."""
    parser = argparse.ArgumentParser(description="Draw ledgers, explorers and shown code anew.")
    parser.add_argument("numbers", nargs="*", help="notebooks by number, such as 02 03; none: all")
    parser.add_argument("--folder", type=Path, default=Path("notebooks"), help="where they lie")
    parser.add_argument(
        "--accept", action="store_true", help="take tags, alternative texts and order of texts"
    )
    options = parser.parse_args(argv)
    try:
        paths = select(find_notebooks(options.folder), options.numbers)
    except ValueError as error:
        print(f"{options.folder}: {error}", file=sys.stderr)
        return 2
    refused = False
    for path in paths:
        try:
            for line in redraw(path, options.accept) or ["looks as it would be drawn now"]:
                print(f"{path.name}: {line}")
        except ValueError as error:
            refused = True
            print(error, file=sys.stderr)
    return int(refused)


if __name__ == "__main__":
    sys.exit(main())
