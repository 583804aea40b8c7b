"""Give every notebook an "Open in Colab" badge and the line that installs `aelib` there.

Run from the root of the repository; `make colab` does so:

    python tools/stamp_colab.py owner/name   # the repository, as in github.com/owner/name
    python tools/stamp_colab.py none         # take badges and lines away

The repository stands in pyproject.toml, as `repository` under [tool.aelib]. Outside Colab the line
does nothing and prints nothing.
"""

import argparse
from copy import deepcopy
from pathlib import Path
import re
import sys
import tomllib

import nbformat
from nbformat import NotebookNode
from notebook_parts import INSTALL, code_cells, find_notebooks, replacing, save, without_install

BRANCH = "main"
# The picture lies in the project: a page of the course asks no other host for anything.
BADGE = (
    "[![Open in Colab](../docs/open_in_colab.svg)]"
    "(https://colab.research.google.com/github/{repository}/blob/{branch}/notebooks/{name})"
)
ANY_BADGE = re.compile(r"\n\n\[!\[Open in Colab\]\([^)]*\)\]\([^)]*\)")
REPOSITORY = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]*/(?!\.+$)[\w.-]+(?<!\.git)", re.ASCII)
SETTING = re.compile(r'^repository = ".*"$', re.MULTILINE)
NONE = "none"


# The repository -----------------------------------------------------------------------------------


def checked(repository: str) -> str:
    """Return a repository as it goes into pyproject.toml: "owner/name", empty for `NONE`.

    Raises
    ------
    ValueError
        If it is neither; says what to write.
    """
    if repository == NONE:
        return ""
    if not REPOSITORY.fullmatch(repository):
        given = f'REPO is "{repository}"' if repository else "REPO is missing"
        raise ValueError(
            f"{given}; write the repository as in github.com/owner/name: "
            f"make colab REPO=owner/name (REPO={NONE} takes the badges away)"
        )
    return repository


def published(pyproject: str) -> str:
    """Return the repository that pyproject.toml names, "owner/name"; empty if it names none."""
    tables = tomllib.loads(pyproject)
    return tables.get("tool", {}).get("aelib", {}).get("repository", "")


def enter(repository: str, pyproject: str) -> str:
    """Return the text of pyproject.toml with the repository in it.

    Raises
    ------
    ValueError
        If there is not exactly one line for it.
    """
    text = SETTING.sub(f'repository = "{repository}"', pyproject)
    if len(SETTING.findall(pyproject)) != 1 or published(text) != repository:
        raise ValueError('pyproject.toml needs one line `repository = ""`, under [tool.aelib]')
    return text


# Notebooks ----------------------------------------------------------------------------------------


def unstamp(notebook: NotebookNode) -> None:
    """Take badge and install line away, to the last character."""
    for cell in notebook.cells[:1]:
        cell.source = ANY_BADGE.sub("", cell.source)
    for cell in code_cells(notebook)[:1]:
        cell.source = without_install(cell.source)


def stamp(notebook: NotebookNode, name: str, repository: str) -> None:
    """Give a notebook the badge and the install line of a repository, in place of any others.

    The badge goes below title and promise, the line to the top of the set-up cell. Outputs, counts
    and metadata stay as they are.

    Parameters
    ----------
    notebook : what to stamp
    name : its file's name
    repository : "owner/name"; empty leaves the notebook without a stamp

    Raises
    ------
    ValueError
        If the notebook does not begin with text, or has no code.
    """
    cells = code_cells(notebook)
    if not cells or notebook.cells[0].cell_type != "markdown":
        raise ValueError(f"{name}: needs a text cell with its title first, and a set-up cell")
    unstamp(notebook)
    if repository:
        paragraphs = notebook.cells[0].source.split("\n\n")
        paragraphs.insert(2, BADGE.format(repository=repository, branch=BRANCH, name=name))
        notebook.cells[0].source = "\n\n".join(paragraphs)
        cells[0].source = INSTALL.format(repository=repository) + cells[0].source


def stamp_all(root: Path, repository: str) -> list[Path]:
    """Stamp the notebooks of a repository and enter its name into pyproject.toml.

    Nothing is written before everything has been read and stamped.

    Parameters
    ----------
    root : where pyproject.toml and `notebooks` are
    repository : "owner/name"; empty takes the stamps away

    Returns
    -------
    The files that changed.

    Raises
    ------
    ValueError
        If pyproject.toml has no place for the name, or a notebook none for the stamp.
    """
    project = root / "pyproject.toml"
    settings = project.read_text(encoding="utf-8")
    entered = enter(repository, settings)
    stamped = {}
    for path in find_notebooks(root / "notebooks"):
        notebook = nbformat.read(path, as_version=4)
        before = deepcopy(notebook)
        stamp(notebook, path.name, repository)
        if notebook != before:
            stamped[path] = notebook
    for path, notebook in stamped.items():
        save(notebook, path)
    if entered != settings:
        with replacing(project) as beside:
            beside.write_text(entered, encoding="utf-8")
        return [project, *stamped]
    return list(stamped)


# The command --------------------------------------------------------------------------------------


def main(argv: list[str] | None = None) -> int:
    """Run the command; return its exit code: 2 if nothing could be stamped."""
    parser = argparse.ArgumentParser(description='Stamp every notebook with "Open in Colab".')
    parser.add_argument("repository", nargs="?", default="", help=f"owner/name, or {NONE}")
    parser.add_argument("--root", type=Path, default=Path(), help="where pyproject.toml is")
    options = parser.parse_args(argv)
    try:
        repository = checked(options.repository)
        changed = stamp_all(options.root, repository)
    except ValueError as error:
        print(error, file=sys.stderr)
        return 2
    state = f"lead to github.com/{repository} in Colab" if repository else "carry no link to Colab"
    print(f"The notebooks {state}; {len(changed)} files changed.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
