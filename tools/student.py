"""Write the copies for students: pages without outputs, exercises without their solutions.

Run from the root of the repository; `make student` does so:

    python tools/student.py --into build/student

Everything comes from notebooks/ and notebooks/solutions/: nothing is maintained twice. What is
written can be handed out as it is: it holds the package and says how to install it.
"""

import argparse
import ast
from collections.abc import Iterator, Sequence
from copy import deepcopy
from pathlib import Path
import shutil
import sys
from tempfile import TemporaryDirectory

from build_site import replace_folder
from dependence import names
import nbformat
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell
from notebook_parts import (
    CHECK,
    INSTALL,
    SOLUTION,
    SOLUTIONS,
    Exercise,
    code_cells,
    find_notebooks,
    headings,
    save,
    solved,
    syntax,
    tags,
    without_install,
    writing_to,
    written,
)
from run_notebooks import forget_outputs
from stamp_colab import ANY_BADGE, published

ROOT = Path(__file__).resolve().parents[1]
FOLDER = "exercises"
TITLE = "# Autoencoders, checked: pages and exercises"
# What the notebooks need beside them: the package, and what they link to.
TAKEN = ("aelib", "pyproject.toml", "LICENSE", "docs/*.svg", "docs/glossary.md")
README = f"""\
{TITLE}

`notebooks/` holds the pages, `notebooks/{FOLDER}/` the exercises that close them, each with a cell
for your answer and a check of it. With Python 3.11, 3.12 or 3.13, in this folder:

    python3 -m venv .venv
    .venv/bin/python -m pip install . jupyterlab
    AELIB_PROFILE=quick .venv/bin/python -m jupyterlab

The quick profile takes 5,000 digits that come inside a package, and seconds where the texts' own
sizes take minutes; the checks are made for it.
"""
FRONT = """\
# Exercises: {title}

The exercises that close [the page](../{name}), with checks. Write each answer where a cell waits \
for it: its comment names what the check below reads. The check itself shows which keys and \
columns it looks up."""


# One notebook -------------------------------------------------------------------------------------


def emptied(notebook: NotebookNode) -> NotebookNode:
    """Return a copy without outputs, counts, digests of a run and badges of the original."""
    copy = deepcopy(notebook)
    forget_outputs(copy)
    for part in [copy, *copy.cells]:
        part.metadata.pop("aelib", None)
    for cell in copy.cells[:1]:
        cell.source = ANY_BADGE.sub("", cell.source)
    return copy


def asked(notebook: NotebookNode, page: NotebookNode | None, name: str) -> NotebookNode:
    """Return a copy of a notebook of solutions without them: exercises, empty cells, checks.

    Parameters
    ----------
    notebook : the notebook of solutions
    page : the page whose exercises it solves; None if it stands by itself, and keeps its front
    name : the page's file name
    """
    copy = emptied(notebook)
    first = [exercise.tagged(SOLUTION, "code")[:1] for exercise in solved(copy)]
    places = {cell.id: e for e, cells in zip(solved(copy), first, strict=True) for cell in cells}
    copy.cells = list(without_solutions(copy.cells, places))
    if page is not None:
        front = FRONT.format(title=headings(page)[0][1], name=name)
        copy.cells[0] = new_markdown_cell(front, id=copy.cells[0].id)
    return copy


def without_solutions(
    cells: Sequence[NotebookNode], places: dict[str, Exercise]
) -> Iterator[NotebookNode]:
    """Yield cells, an empty one where an exercise's solution begins, nothing for the rest of it.

    Parameters
    ----------
    cells : all cells of a notebook
    places : the exercises by the id of the cell where their solution begins
    """
    for cell in cells:
        if cell.id in places:
            yield new_code_cell(waiting(places[cell.id]), id=cell.id)
        elif SOLUTION not in tags(cell):
            yield cell


def waiting(exercise: Exercise) -> str:
    """Return the comment in the cell for an answer: it names what the checks read of it."""
    checks = exercise.tagged(CHECK, "code")
    read = set().union(*(read_first(syntax(cell)) for cell in checks))
    wanted = sorted(read & written(exercise.tagged(SOLUTION, "code")))
    return f"# Your answer; the check reads: {', '.join(wanted)}" if wanted else "# Your answer"


def read_first(tree: ast.Module) -> set[str]:
    """Collect the names that a cell reads before it writes them itself."""
    found: set[str] = set()
    own: set[str] = set()
    for statement in tree.body:
        nodes = list(ast.walk(statement))
        loops = [node.target for node in nodes if isinstance(node, ast.comprehension | ast.For)]
        local = {n.id for loop in loops for n in ast.walk(loop) if isinstance(n, ast.Name)}
        found |= names(statement) - own - local
        own |= {n.id for n in nodes if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
    return found


# All of them --------------------------------------------------------------------------------------


def write_copies(root: Path, into: Path) -> int:
    """Write the copies of a repository's notebooks and what they need beside them.

    Parameters
    ----------
    root : the repository
    into : a new folder

    Returns
    -------
    How many notebooks were written.
    """
    repository = published((root / "pyproject.toml").read_text(encoding="utf-8"))
    pages = {p.name: nbformat.read(p, as_version=4) for p in find_notebooks(root / "notebooks")}
    copies = {Path(name): emptied(page) for name, page in pages.items()}
    for path in find_notebooks(root / "notebooks" / SOLUTIONS):
        copy = asked(nbformat.read(path, as_version=4), pages.get(path.name), path.name)
        if repository:
            setup = code_cells(copy)[0]
            setup.source = INSTALL.format(repository=repository) + without_install(setup.source)
        copies[Path(FOLDER, path.name)] = copy
    for name, copy in copies.items():
        save(copy, into / "notebooks" / name)
    for pattern in TAKEN:
        for path in root.glob(pattern):
            target = into / path.relative_to(root)
            target.parent.mkdir(parents=True, exist_ok=True)
            if path.is_dir():
                shutil.copytree(path, target, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy(path, target)
    (into / "README.md").write_text(README, encoding="utf-8")
    return len(copies)


def main(argv: list[str] | None = None) -> int:
    """Run the command; return its exit code: 2 if nothing was written."""
    parser = argparse.ArgumentParser(description="Write the copies for students.")
    parser.add_argument("--root", type=Path, default=Path(), help="the repository")
    parser.add_argument("--into", type=Path, default=Path("build/student"), help="made anew")
    options = parser.parse_args(argv)
    into = options.into
    try:
        if into.exists() and any(into.iterdir()) and not is_ours(into):
            raise ValueError(f"{into} holds something else than students' copies; name another")
        with writing_to(into.parent):
            into.parent.mkdir(parents=True, exist_ok=True)
            with TemporaryDirectory(prefix=".student-", dir=into.parent) as folder:
                count = write_copies(options.root, Path(folder, "new"))
                replace_folder(Path(folder, "new"), into, Path(folder, "old"))
    except ValueError as error:
        print(error, file=sys.stderr)
        return 2
    print(f"{count} notebooks without outputs and solutions lie in {into}, ready to hand out.")
    return 0


def is_ours(folder: Path) -> bool:
    """Tell whether an earlier run wrote a folder."""
    readme = folder / "README.md"
    return readme.exists() and readme.read_text(encoding="utf-8").startswith(TITLE)


if __name__ == "__main__":
    sys.exit(main())
