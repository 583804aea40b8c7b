"""Build the site from notebooks that were executed before; execute nothing.

Run from the root of the repository; `make site` and `make run` do so:

    python tools/build_site.py
    python tools/build_site.py --notebooks build/notebooks --into build/site
"""

import argparse
from ast import get_docstring, parse
from base64 import b64decode
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
import os
from pathlib import Path
import re
import shutil
import subprocess
import sys
from tempfile import TemporaryDirectory
import unicodedata

import jinja2
import nbformat
from nbformat import NotebookNode
from notebook_parts import code_cells, find_notebooks, number, setup_facts
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
QUICK_NOTICE = "Built from a quick run, on fewer digits: numbers differ from those in the text."
ROW = re.compile(r"^\|\s*\*\*(.+?)\*\*\s*\|\s*(.*?)\s*\|\s*$", re.MULTILINE)
TITLE = re.compile(r"\A# (.+)\n+(.+)")
SENTENCE = re.compile(r".+?[a-z0-9][.?](?= |$)|.+")
DATED = re.compile(r"^(?P<authors>.+?) \((?P<year>\d{4})\)[.,] (?P<title>[^.,?]+)")
UNDATED = re.compile(r"^(?P<authors>.+?)\. (?P<title>[^.,?]+)")
LINK = re.compile(r"\]\((?=\d\d_\w+\.ipynb)")
CITATIONS = re.compile(r"^## References\s+((?:^- .+\n?)+)", re.MULTILINE)


def read(path: Path) -> NotebookNode:
    """Read a notebook."""
    return nbformat.read(path, as_version=4)


# What a notebook says of itself -------------------------------------------------------------------


def is_quick(notebook: NotebookNode) -> bool:
    """Tell whether a notebook comes from a quick run."""
    return setup_facts(notebook).get("profile") == "quick"


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

    @property
    def citations(self) -> list[str]:
        """The entries of its references, in Markdown."""
        found = [CITATIONS.search(cell.source) for cell in self.notebook.cells]
        entries = next(match[1] for match in found if match)
        return [line.removeprefix("- ").strip() for line in entries.splitlines()]

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
    reproduced, refuted = count_verdicts(chapter.notebook)
    footer = f"{reproduced} of {reproduced + refuted} reproduced"
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


def modules(package: Path) -> str:
    """List the modules of a package by name, each with the first line of its docstring."""
    names, items = module_names(package), []
    for name in names:
        docstring = get_docstring(parse((package / f"{name}.py").read_text(encoding="utf-8")))
        items.append(f"- [{package.name}.{name}](api/{name}.md): {docstring.splitlines()[0]}")
    contents = "\n".join(f"api/{name}" for name in names)
    return "\n".join([*items, "", "```{toctree}", ":hidden:", "", contents, "```"])


def module_names(package: Path) -> list[str]:
    """Name the public modules of a package in alphabetical order."""
    return sorted(path.stem for path in package.glob("[!_]*.py"))


def module_page(module: str) -> str:
    """Lay out the page of a module; autodoc fills it."""
    return f"# {module}\n\n```{{eval-rst}}\n.. automodule:: {module}\n```\n"


# References ---------------------------------------------------------------------------------------


def references(chapters: Sequence[Chapter]) -> str:
    """List each work once, by surname and year, with links to the notebooks that cite it.

    Of several wordings the longest stands for all.
    """
    works: dict[tuple[str, str], list[tuple[str, Chapter]]] = {}
    for chapter in chapters:
        for entry in chapter.citations:
            works.setdefault(same_work(entry), []).append((entry, chapter))
    lines = []
    for cited in works.values():
        entry = max((entry for entry, _ in cited), key=len)
        links = ", ".join(f"[{c.number}]({c.page}.ipynb)" for _, c in cited)
        lines.append(f"- {entry.rstrip('.')}. Cited in {links}.")
    return "\n".join(sorted(lines, key=by_surname))


def same_work(entry: str) -> tuple[str, str]:
    """Return what two entries for the same work share: its year, and its title up to a stop."""
    found = DATED.match(entry) or UNDATED.match(entry)
    if found is None:
        return "", entry
    return found.groupdict().get("year", ""), "".join(filter(str.isalnum, found["title"].lower()))


def by_surname(line: str) -> tuple[str, str]:
    """Return what a line of the list is sorted by; accents do not count."""
    entry = line.removeprefix("- ")
    found = DATED.match(entry) or UNDATED.match(entry)
    first = re.split(", | and ", found["authors"] if found else entry)[0]
    surname = first.split(". ")[-1]
    plain = unicodedata.normalize("NFKD", surname).encode("ascii", "ignore").decode()
    return (plain or "~").casefold(), entry


# The whole ----------------------------------------------------------------------------------------


def stand_in(committed: Sequence[Path], folder: Path) -> list[Path]:
    """Take each notebook from a folder where it lies there, else as committed."""
    return [executed if (executed := folder / path.name).exists() else path for path in committed]


def lay_out(paths: Sequence[Path], source: Path) -> None:
    """Fill a folder with all that Sphinx reads: pages, notebooks, pictures.

    Parameters
    ----------
    paths : the executed notebooks, in their order
    source : a new folder
    """
    for folder in ("notebooks", "pictures", "api", "docs"):
        (source / folder).mkdir(parents=True)
    for picture in DOCS.glob("*.svg"):  # notebooks may show it, as ../docs/name.svg
        shutil.copy(picture, source / "docs")
    chapters = [Chapter(path) for path in paths]
    for chapter in chapters:
        shutil.copy(chapter.path, source / f"{chapter.page}.ipynb")
        if picture := chapter.picture():
            (source / picture_name(chapter)).write_bytes(picture[0])
    for name in module_names(PACKAGE):
        (source / "api" / f"{name}.md").write_text(
            module_page(f"{PACKAGE.name}.{name}"), encoding="utf-8"
        )
    pieces = pieces_of_pages(chapters)
    for page in DOCS.glob("*.md"):
        text = page.read_text(encoding="utf-8")
        template = jinja2.Template(text, undefined=jinja2.StrictUndefined)
        (source / page.name).write_text(template.render(pieces), encoding="utf-8")


def pieces_of_pages(chapters: Sequence[Chapter]) -> dict[str, str | int | Callable[..., str]]:
    """Return what the pages in docs/ put between double braces."""
    counts = [count_verdicts(chapter.notebook) for chapter in chapters if chapter.finished]
    return {
        "gallery": gallery(chapters),
        "left_out": left_out(chapters),
        "needs": lambda *numbers: needs(chapters, numbers),
        "modules": modules(PACKAGE),
        "references": references(chapters),
        "reproduced": sum(reproduced for reproduced, _ in counts),
        "total": sum(map(sum, counts)),
        # conf.py says where a link of this kind leads.
        "verdicts": verdicts.page(
            [chapter.path for chapter in chapters if chapter.finished],
            lambda stem, cell, heading: f"cell:{stem}#{cell}",
        ),
    }


def run_sphinx(source: Path, html: Path, doctrees: Path) -> int:
    """Turn a source folder into pages; a warning is an error. Return the exit code."""
    options = ["-W", "--keep-going", "-q", "-c", DOCS, "-d", doctrees]
    return subprocess.run([sys.executable, "-m", "sphinx", *options, source, html]).returncode


def replace_folder(new: Path, target: Path, trash: Path) -> None:
    """Put a folder in the place of another, which goes to the trash."""
    if target.exists():
        os.replace(target, trash)
    os.replace(new, target)


def build(paths: Sequence[Path], into: Path) -> int:
    """Build the site beside its place, then put it there; a failure leaves the old one.

    Parameters
    ----------
    paths : the executed notebooks, in their order
    into : folder of the site; made anew

    Returns
    -------
    Sphinx's exit code.

    Raises
    ------
    ValueError
        If `into` is a folder that holds something else.
    """
    if into.exists() and not (into / "objects.inv").exists() and any(into.iterdir()):
        raise ValueError(f"{into} holds something else than a site; name another folder")
    into.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix=".site-", dir=into.parent) as folder:
        source, html, doctrees, trash = (Path(folder, n) for n in ("source", "html", "tmp", "old"))
        lay_out(paths, source)
        code = run_sphinx(source, html, doctrees)
        if code == 0:
            replace_folder(html, into, trash)
    return code


# The command --------------------------------------------------------------------------------------


def arguments(argv: list[str] | None) -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(description="Build the site from executed notebooks.")
    parser.add_argument(
        "--notebooks",
        type=Path,
        default=Path("notebooks"),
        help="where executed notebooks lie; a committed one stands in for one that is not there",
    )
    parser.add_argument("--into", type=Path, default=Path("build/site"), help="folder of the site")
    return parser.parse_args(argv)


def main(argv: list[str] | None = None) -> int:
    """Run the command; return its exit code: 1 if the site was not built, 2 if it cannot be."""
    options = arguments(argv)
    paths = stand_in(find_notebooks(ROOT / "notebooks"), options.notebooks)
    try:
        code = build(paths, options.into)
    except ValueError as error:
        print(error, file=sys.stderr)
        return 2
    if code:
        print("The site was not built: see above. An older one is as it was.", file=sys.stderr)
        return 1
    print(f"The site is built; open {options.into / 'index.html'} in a browser.")
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit("\ninterrupted")
