"""Build the site from the notebooks as they are committed; execute nothing.

What a run on this machine produced stands on a page of its own, never beside the course's text.

Run from the root of the repository; `make site` and `make run` do so:

    python tools/build_site.py
    python tools/build_site.py --run build/notebooks --into build/site
"""

import argparse
from base64 import b64decode
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
import os
from pathlib import Path
from pkgutil import iter_modules
import re
import shutil
import subprocess
import sys
from tempfile import TemporaryDirectory
from urllib.parse import unquote

import bibliography
import jinja2
import last_run
from myst_parser.mdit_to_docutils.base import default_slugify
import nbformat
from nbformat import NotebookNode
from notebook_parts import (
    REMEDIES,
    code_cells,
    find_notebooks,
    number,
    writing_to,
)
from run_notebooks import count_verdicts, select
import verdicts

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"
PACKAGE = ROOT / "aelib"
PARTS = {
    "Foundations": range(1, 8),
    "Regularised autoencoders": range(8, 11),
    "Architectures": range(11, 14),
    "Probabilistic and discrete codes": range(14, 17),
    "Codes with meaning": range(17, 19),
    "Applications": range(19, 23),
    "Benchmarks": range(23, 25),
}
GALLERY = "gallery"
# The page of each document, by its short name.
DOCUMENTS = {
    "市井小民": "statements_zhihu",
    "Rivas": "statements_rivas",
    "禅与计算机程序设计艺术": "statements_zen",
    "nana-li": "statements_nana",
    "Lee": "statements_lee",
}
ROW = re.compile(r"^\|\s*\*\*(.+?)\*\*\s*\|\s*(.*?)\s*\|\s*$", re.MULTILINE)
TITLE = re.compile(r"\A# (.+)\n+(.+)")
SENTENCE = re.compile(r".+?[a-z0-9][.?](?= |$)|.+")
LINK = re.compile(r"\]\((?=\d\d_\w+\.ipynb)")
# Pages that read on GitHub and beside the notebooks as on the site, where they lie in docs/ too.
BESIDE = ("glossary.md", "teaching.md")
SECTION = re.compile(r"(?<=\.ipynb#)[^)\s]+")
SYSTEM_ERROR = re.compile(r"\[Errno (\d+)\] ([^:)\n]+)")


def read(path: Path) -> NotebookNode:
    """Read a notebook."""
    return nbformat.read(path, as_version=4)


# What a notebook says of itself -------------------------------------------------------------------


@dataclass(frozen=True)
class Chapter:
    """A notebook as the pages about it see it.

    Attributes
    ----------
    path : where it lies
    """

    path: Path

    @cached_property
    def notebook(self) -> NotebookNode:
        """Its cells."""
        return read(self.path)

    @property
    def number(self) -> str:
        """The number that its name starts with."""
        return number(self.path)

    @property
    def page(self) -> str:
        """The name of its page."""
        return f"notebooks/{self.path.stem}"

    @property
    def front(self) -> str:
        """Its first cell, with links as they are on a page at the top level."""
        return LINK.sub("](notebooks/", self.notebook.cells[0].source)

    @property
    def title(self) -> str:
        """Its title, with the number."""
        return TITLE.match(self.front)[1]

    @property
    def promise(self) -> str:
        """The first sentence below its title."""
        return SENTENCE.match(TITLE.match(self.front)[2])[0]

    @property
    def rows(self) -> dict[str, str]:
        """The table of its first cell: "You need", "Time" and so on."""
        return dict(ROW.findall(self.front))

    @property
    def finished(self) -> bool:
        """Whether it ran to its end."""
        cells = [cell for cell in code_cells(self.notebook) if cell.source.strip()]
        kinds = [output.output_type for cell in cells for output in cell.outputs]
        return all(cell.execution_count for cell in cells) and "error" not in kinds

    def figures(self) -> Iterator[tuple[NotebookNode, bytes]]:
        """Yield the PNG figures, each with its cell."""
        for cell in code_cells(self.notebook):
            for output in cell.outputs:
                if picture := output.get("data", {}).get("image/png"):
                    yield cell, b64decode(picture)

    def picture(self) -> tuple[bytes, str] | None:
        """Return the figure for the gallery and its alternative text; None if it shows none.

        It is the figure of the cell tagged "gallery", else the largest of all. The text stands in
        the same cell's metadata, where myst-nb looks for it: mystnb, image, alt.
        """
        figures = list(self.figures())
        if not figures:
            return None
        chosen = [pair for pair in figures if GALLERY in pair[0].metadata.get("tags", [])]
        cell, picture = chosen[0] if chosen else max(figures, key=lambda pair: len(pair[1]))
        image = cell.metadata.get("mystnb", {}).get("image", {})
        return picture, image.get("alt", f"A figure of notebook {self.title}")


# Pieces of pages, in Markdown ---------------------------------------------------------------------


def gallery(chapters: Sequence[Chapter]) -> str:
    """Lay out a card for each notebook, part by part, and enter it into the table of contents."""
    pieces = []
    for part, numbers in PARTS.items():
        inside = [chapter for chapter in chapters if int(chapter.number) in numbers]
        if inside:
            contents = "\n".join(chapter.page for chapter in inside)
            pieces += [
                f"## {part}",
                "::::{grid} 1 2 2 3\n:gutter: 3\n:class-container: gallery",
                *map(card, inside),
                "::::",
                f"```{{toctree}}\n:hidden:\n:caption: {part}\n\n{contents}\n```",
            ]
    return "\n\n".join(pieces)


def card(chapter: Chapter) -> str:
    """Lay out a notebook's card: picture, title, promise, verdicts."""
    options = [f":link: {chapter.page}", ":link-type: doc"]
    if picture := chapter.picture():
        options += [f":img-top: {picture_name(chapter)}", f":img-alt: {picture[1]}"]
    counts = count_verdicts(chapter.notebook)
    footer = f"{counts['reproduced']} of {counts.total()} reproduced"
    if not chapter.finished:
        footer = "did not run to its end"
    head = "\n".join([f":::{{grid-item-card}} {chapter.title}", *options])
    return f"{head}\n\n{chapter.promise}\n\n{footer}\n:::"


def picture_name(chapter: Chapter) -> str:
    """Name a notebook's picture in the gallery."""
    return f"pictures/{chapter.number}.png"


def left_out(chapters: Sequence[Chapter]) -> str:
    """Name the notebooks that did not run to their end, if there are any: they have no verdicts."""
    names = ", ".join(f"[{c.number}]({c.page}.ipynb)" for c in chapters if not c.finished)
    if not names:
        return ""
    return f"```{{warning}}\nDid not run to its end, so without verdicts: {names}\n```"


def needs(chapters: Sequence[Chapter], numbers: Sequence[str]) -> str:
    """Lay out what notebooks ask for and how long they run; no number takes them all.

    Raises
    ------
    ValueError
        If there is no notebook of a number.
    """
    chosen = {path.stem for path in select([chapter.path for chapter in chapters], [*numbers])}
    lines = ["| Notebook | You need | Time |", "| --- | --- | --- |"]
    for chapter in chapters:
        if chapter.path.stem in chosen:
            link = f"[{chapter.title}]({chapter.page}.ipynb)"
            lines.append(f"| {link} | {chapter.rows['You need']} | {chapter.rows['Time']} |")
    return "\n".join(lines)


def modules(package: Path) -> list[str]:
    """Name the public modules and subpackages of a package in alphabetical order."""
    names = [module.name for module in iter_modules([str(package)])]
    return [f"{package.name}.{name}" for name in names if not name.startswith("_")]


def references(chapters: Sequence[Chapter]) -> str:
    """List the works that notebooks cite, by surname, with links to those notebooks.

    Raises
    ------
    ValueError
        If a notebook cites a work that the bibliography lacks; names both.
    """
    works = bibliography.load()
    cited: dict[bibliography.Work, list[Chapter]] = {work: [] for work in works}
    for chapter in chapters:
        for entry in bibliography.entries(chapter.notebook):
            work = bibliography.work_of(entry, works)
            if work is None:
                raise ValueError(f"{chapter.path}: enter this into docs/references.toml: {entry}")
            cited[work].append(chapter)
    lines = []
    for work in sorted(works, key=lambda work: work.order):
        links = ", ".join(f"[{c.number}]({c.page}.ipynb)" for c in cited[work])
        if links:
            lines.append(f"- {work.entry.rstrip('.')}. Cited in {links}.")
    return "\n".join(lines)


# The whole ----------------------------------------------------------------------------------------


def lay_out(paths: Sequence[Path], source: Path, runs: Sequence[last_run.Executed] = ()) -> None:
    """Fill a folder with all that Sphinx reads: pages, notebooks, pictures.

    Parameters
    ----------
    paths : the notebooks of the course, in their order
    source : a new folder
    runs : those of them that ran on this machine
    """
    for folder in ("notebooks", "pictures", "docs", last_run.EXECUTED):
        (source / folder).mkdir(parents=True)
    for picture in DOCS.glob("*.svg"):  # notebooks may show it, as ../docs/name.svg
        shutil.copy(picture, source / "docs")
    chapters = [Chapter(path) for path in paths]
    for chapter in chapters:
        shutil.copy(chapter.path, source / f"{chapter.page}.ipynb")
        if picture := chapter.picture():
            (source / picture_name(chapter)).write_bytes(picture[0])
    findings = verdicts.collect(chapter.path for chapter in chapters if chapter.finished)
    for document, page in DOCUMENTS.items():
        text = verdicts.document_page(document, findings, to_cell)
        (source / f"{page}.md").write_text(text, encoding="utf-8")
    pieces = pieces_of_pages(chapters) | {
        "standing": verdicts.standing_in_words(findings),
        "documents": verdicts.standing_by_document(
            findings, {d: f"{p}.md" for d, p in DOCUMENTS.items()}
        ),
        "document_pages": "\n".join(DOCUMENTS.values()),
        "ran": bool(runs),
    }
    if runs:
        (source / "run.md").write_text(last_run.page(runs), encoding="utf-8")
        for run in runs:
            shutil.copy(run.path, source / last_run.EXECUTED)
    for page in DOCS.glob("*.md"):
        text = page.read_text(encoding="utf-8")
        if page.name in BESIDE:
            (source / "docs" / page.name).write_text(SECTION.sub(anchor, text), encoding="utf-8")
            continue
        template = jinja2.Template(text, undefined=jinja2.StrictUndefined)
        (source / page.name).write_text(template.render(pieces), encoding="utf-8")


def anchor(section: re.Match[str]) -> str:
    """Return a heading's anchor on the site for the one that Jupyter and GitHub give it."""
    return default_slugify(unquote(section[0]))


def to_cell(stem: str, cell: int, heading: str) -> str:
    """Address a code cell from a page at the top level; conf.py says where this leads."""
    return f"cell:{stem}#{cell}"


def pieces_of_pages(chapters: Sequence[Chapter]) -> dict[str, str | int | Callable[..., str]]:
    """Return what the pages in docs/ put between double braces."""
    counts = [count_verdicts(chapter.notebook) for chapter in chapters if chapter.finished]
    return {
        "gallery": gallery(chapters),
        "left_out": left_out(chapters),
        "needs": lambda *numbers: needs(chapters, numbers),
        "modules": modules(PACKAGE),
        "references": references(chapters),
        "reproduced": sum(count["reproduced"] for count in counts),
        "total": sum(count.total() for count in counts),
        "verdicts": verdicts.page(
            [chapter.path for chapter in chapters if chapter.finished],
            to_cell,
        ),
    }


def run_sphinx(source: Path, html: Path, doctrees: Path) -> int:
    """Turn a source folder into pages; a warning is an error. Return the exit code.

    Raises
    ------
    OSError
        If the disk takes nothing more, instead of Sphinx's traceback.
    """
    options = ["-W", "--keep-going", "-q", "-c", DOCS, "-d", doctrees]
    command = [sys.executable, "-m", "sphinx", *options, source, html]
    done = subprocess.run(command, stderr=subprocess.PIPE, text=True)
    failed = SYSTEM_ERROR.search(done.stderr)
    if done.returncode and failed and int(failed[1]) in REMEDIES:
        raise OSError(int(failed[1]), failed[2])
    print(done.stderr, end="", file=sys.stderr)
    return done.returncode


def replace_folder(new: Path, target: Path, trash: Path) -> None:
    """Put a folder in the place of another, which goes to the trash."""
    if target.exists():
        os.replace(target, trash)
    os.replace(new, target)


def build(paths: Sequence[Path], into: Path, runs: Sequence[last_run.Executed] = ()) -> int:
    """Build the site beside its place, then put it there; a failure leaves the old one.

    Parameters
    ----------
    paths : the notebooks of the course, in their order
    into : folder of the site; made anew
    runs : those of them that ran on this machine

    Returns
    -------
    Sphinx's exit code.

    Raises
    ------
    ValueError
        If `into` is a folder that holds something else, or if it cannot be written to.
    """
    if into.exists() and not (into / "objects.inv").exists() and any(into.iterdir()):
        raise ValueError(f"{into} holds something else than a site; name another folder")
    with writing_to(into.parent):
        into.parent.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(prefix=".site-", dir=into.parent) as folder:
            parts = ("source", "html", "tmp", "old")
            source, html, doctrees, trash = (Path(folder, part) for part in parts)
            lay_out(paths, source, runs)
            code = run_sphinx(source, html, doctrees)
            if code == 0:
                replace_folder(html, into, trash)
    return code


# The command --------------------------------------------------------------------------------------


def arguments(argv: list[str] | None) -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(description="Build the site from the notebooks.")
    parser.add_argument(
        "--run", type=Path, help="where a run left its notebooks: gives the site a page about it"
    )
    parser.add_argument("--into", type=Path, default=Path("build/site"), help="folder of the site")
    return parser.parse_args(argv)


def main(argv: list[str] | None = None) -> int:
    """Run the command; return its exit code: 1 if the site was not built, 2 if it cannot be."""
    options = arguments(argv)
    paths = find_notebooks(ROOT / "notebooks")
    runs = last_run.executed(paths, options.run) if options.run else []
    try:
        code = build(paths, options.into, runs)
    except ValueError as error:
        print(error, file=sys.stderr)
        return 2
    if code:
        print("The site was not built: see above. An older one is as it was.", file=sys.stderr)
        return 1
    if runs:
        print(f"What this run produced: {options.into / 'run.html'}")
    print(f"The site is built; open {options.into / 'index.html'} in a browser.")
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit("\ninterrupted")
