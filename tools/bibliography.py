"""The bibliography in docs/references.toml, and the lists of the notebooks beside it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
import re
import tomllib
import unicodedata

from nbformat import NotebookNode

BIBLIOGRAPHY = Path(__file__).resolve().parents[1] / "docs/references.toml"
SECTION = re.compile(r"^## References\s+((?:^- .+\n?)+)", re.MULTILINE)
# What an identifier looks like in a list, and alone.
IDENTIFIERS = {
    "doi": (re.compile(r"\bdoi:([^\s,;]*[^\s,;.])"), re.compile(r"10\.\d{4,9}/\S+")),
    "arXiv": (re.compile(r"\barXiv:([^\s,;]*[^\s,;.])"), re.compile(r"\d{4}\.\d{4,5}")),
}


@dataclass(frozen=True)
class Work:
    """A work that notebooks cite.

    Attributes
    ----------
    authors : first names as initials, a comma between two authors
    title : without the marks of italics
    year : when it appeared; 0 if that is not known
    where : journal, volume and pages, or the publisher, in Markdown
    doi : its digital object identifier, without "doi:"
    arxiv : its number at arXiv
    """

    authors: str
    title: str
    year: int = 0
    where: str = ""
    doi: str = ""
    arxiv: str = ""

    @property
    def head(self) -> str:
        """What an entry about it begins with."""
        return f"{self.authors}{f' ({self.year})' if self.year else ''}. {self.title}"

    @property
    def identifiers(self) -> dict[str, str]:
        """Its identifiers by kind."""
        return {kind: i for kind, i in {"doi": self.doi, "arXiv": self.arxiv}.items() if i}

    @property
    def entry(self) -> str:
        """All that is known of it, in Markdown."""
        marks = [f"{kind}:{identifier}" for kind, identifier in self.identifiers.items()]
        stop = "" if self.title.endswith("?") else "."
        parts = [self.head + stop, *([f"{self.where}."] if self.where else []), *marks]
        return " ".join(parts)

    @property
    def order(self) -> tuple[str, int]:
        """What works are sorted by: surname of the first author, without accents, and year."""
        first = re.split(", | and ", self.authors)[0].split(". ")[-1]
        plain = unicodedata.normalize("NFKD", first).encode("ascii", "ignore").decode()
        return (plain or "~").casefold(), self.year

    def is_meant_by(self, entry: str) -> bool:
        """Tell whether an entry begins as this work does; italics do not count."""
        plain = entry.replace("*", "")
        return plain.startswith(self.head) and plain[len(self.head) :][:1] in ("", ".", ",", " ")


def load(path: Path = BIBLIOGRAPHY) -> list[Work]:
    """Read the bibliography."""
    return [Work(**work) for work in tomllib.loads(path.read_text(encoding="utf-8"))["work"]]


def entries(notebook: NotebookNode) -> list[str]:
    """List the entries of a notebook's references, in Markdown."""
    found = [SECTION.search(cell.source) for cell in notebook.cells]
    lists = [match[1] for match in found if match]
    return [line.removeprefix("- ").strip() for text in lists for line in text.splitlines()]


def work_of(entry: str, works: Sequence[Work]) -> Work | None:
    """Return the work that an entry means: of several that fit, the one of the longest title."""
    fitting = [work for work in works if work.is_meant_by(entry)]
    return max(fitting, key=lambda work: len(work.title), default=None)


# What is wrong ------------------------------------------------------------------------------------


def faults_of_works(works: Sequence[Work]) -> Iterator[str]:
    """Name what is wrong in the bibliography itself: order, form, duplicates."""
    for before, work in pairwise(works):
        if work.order < before.order:
            yield f"stands out of order: {work.head}"
    seen: dict[str, str] = {}
    for work in works:
        marks = [f"{kind}:{identifier}" for kind, identifier in work.identifiers.items()]
        for mark in [work.head, *marks]:
            if mark in seen:
                yield f"stands twice: {mark}"
            seen[mark] = work.head
        for kind, identifier in work.identifiers.items():
            if not IDENTIFIERS[kind][1].fullmatch(identifier):
                yield f"is no {kind}: {identifier}"


def faults_of_list(listed: Sequence[str], works: Sequence[Work]) -> Iterator[str]:
    """Name what is wrong in a notebook's references: form, identifiers, duplicates."""
    met = set()
    for entry in listed:
        work = work_of(entry, works)
        if work is None:
            yield f"begins as no work of docs/references.toml does: {entry}"
            continue
        if work in met:
            yield f"is listed twice: {entry}"
        met.add(work)
        for kind, (pattern, _) in IDENTIFIERS.items():
            known = [work.identifiers[kind]] if kind in work.identifiers else []
            if pattern.findall(entry) != known:
                shown = ", ".join(f"{kind}:{i}" for i in known) or f"no {kind}"
                yield f"has another identifier than docs/references.toml ({shown}): {entry}"
