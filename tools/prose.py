"""Numbers in prose, and what bears them out: an output, the code, or a published figure.

Run from the root of the repository to see what stands on nothing:

    python tools/prose.py            # all notebooks
    python tools/prose.py 02 03
    python tools/prose.py --folder notebooks/solutions 02 03

Read are decimals, percentages and counts from 10 on, with their digits; formulas only as far as
they hold decimals. Not read are years, the numbers of notebooks, cells, sections, figures and
pages, quoted listings, addresses, and what exercises and references say. A number is borne out
by one that rounds to it, a percentage by a share as well. Many a number rounds to 0.05: what has
one or two digits is looked for among the six code cells above and the six below only. What nothing
bears out is either loose or, where a text compares ("3.1 times", "4 points"), unclear: it may
follow from two numbers, but none is guessed. Both need a reason in the text cell's metadata, under
the number as the text has it:

    "aelib": {"numbers": {"3.1 times": "0.0453 over 0.0146, both in the table of cell 12"}}
"""

import argparse
import ast
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import unescape
from pathlib import Path
import re
import sys
import tomllib

import nbformat
from nbformat import NotebookNode
from notebook_parts import EXERCISE, code_cells, find_notebooks, headings_of, number, syntax
from run_notebooks import select

PUBLISHED = Path(__file__).resolve().parents[1] / "docs" / "published.toml"
PAGES = Path("notebooks")
NEAR = 6  # code cells above and below
SHORT = 2  # digits
SMALLEST = 10  # below, a number names a digit, a row or a seed as often as it counts
UNREAD_SECTIONS = ("Exercises", "References")
NUMBER = r"\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?(?:e[-+]?\d+)?"
UNIT = r"\s*(?:\\?%|per ?cent|percentage points|points|times|-?fold)"
SHOWN = re.compile(rf"(?<![\w.,])(?:{NUMBER})(?![\d])", re.IGNORECASE)
READ = re.compile(
    rf"(?<![\w.,^_/])(?P<value>{NUMBER})(?![\w/]|[.,]\d|[⁰¹²³⁴-⁹⁻]|\^)"
    rf"(?P<unit>{UNIT})?"
)
# "from 43 to 75 %": the unit belongs to both.
UNIT_TO_COME = re.compile(rf"(?:\s*(?:to|and|or|–|,)\s+(?:{NUMBER}))+(?P<unit>{UNIT})")
YEAR = re.compile(r"19\d\d|20[0-3]\d")
ROUGH = re.compile(r"\b(?:about|around|some|roughly|nearly|almost)\s+$", re.IGNORECASE)
# What holds numbers that nothing has to bear out, blanked before reading.
UNREAD = [
    re.compile(r"\[\d\d(?=\s·|\]\(|, )"),  # a link to a notebook by its number
    re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL),
    re.compile(r"^\|\s*\*\*(?:Time|Documents?|You need)\*\*.*$", re.MULTILINE),
    re.compile(r"\]\([^)]*\)|https?://\S+|\bdoi:\S+|\barXiv:\S+"),
    re.compile(r"^\s*\d+\.(?=\s)", re.MULTILINE),
    re.compile(r"^#+\s+(?:Solutions: )?\d\d\s·", re.MULTILINE),
    re.compile(
        r"\b(?:notebooks?|cells?|sections?|chapters?|chs?\.|figures?|figs?\.|tables?|pages?|pp?\.|"
        r"equations?|eqs?\.|parts?|seeds?|exercises?|issues?|In \[)\s*\d[\d.–-]*"
        r"(?:(?:,| and| to| or|, and)\s+\d[\d.–-]*)*",
        re.IGNORECASE,
    ),
    re.compile(r"(?<![\w.,])0\d\b(?![.,]\d)"),
]
FORMULA = re.compile(r"\$\$.*?\$\$|\$[^$\n]+\$", re.DOTALL)
TAG = re.compile(r"<style.*?</style>|<[^>]+>", re.DOTALL)


@dataclass(frozen=True)
class Figure:
    """A number as a text has it.

    Attributes
    ----------
    text : the number with its unit, such as "8.7 %" or "3 times"
    value : without unit and commas
    decimals : how many places it is given to
    unit : what follows it, or follows the last of several: "%", "times"; empty without one
    rough : whether the text says "about"
    """

    text: str
    value: float
    decimals: int
    unit: str
    rough: bool

    @property
    def is_share(self) -> bool:
        """Whether a share such as 0.087 may bear it out."""
        return self.unit.endswith(("%", "cent", "points"))

    @property
    def compares(self) -> bool:
        """Whether it may have been worked out from two others."""
        return self.unit.endswith(("points", "times", "fold"))

    @property
    def is_short(self) -> bool:
        """Whether so few digits distinguish it that it must be borne out near by."""
        return len(f"{self.value:.{self.decimals}f}".replace(".", "").lstrip("0")) <= SHORT

    def rounds(self, shown: float) -> bool:
        """Tell whether a number that is shown rounds to this one."""
        half = 0.5 * 10.0**-self.decimals
        if self.rough and not self.decimals:
            digits = f"{self.value:.0f}"
            half *= 10.0 ** (len(digits) - len(digits.rstrip("0")))
        scales = (1, 100) if self.is_share else (1,)
        return any(abs(abs(shown) * s - self.value) <= half * (1 + 1e-9) for s in scales)


# Reading ------------------------------------------------------------------------------------------


def figures(text: str) -> list[Figure]:
    """Read the numbers of a text that something must bear out."""
    for pattern in UNREAD:
        text = pattern.sub(lambda found: " " * len(found[0]), text)
    formulas = [found.span() for found in FORMULA.finditer(text)]
    found = []
    for match in READ.finditer(text):
        plain = match["value"].replace(",", "")
        to_come = UNIT_TO_COME.match(text, match.end())
        unit = (match["unit"] or (to_come and to_come["unit"]) or "").strip()
        in_formula = any(start <= match.start() < end for start, end in formulas)
        if plain.isdecimal() and not unit:
            if in_formula or float(plain) < SMALLEST or YEAR.fullmatch(plain):
                continue
        places = len(plain.split("e")[0].partition(".")[2])
        rough = bool(ROUGH.search(text[: match.start()]))
        found.append(Figure(" ".join(match[0].split()), float(plain), places, unit, rough))
    return found


def shown_in(text: str) -> set[float]:
    """Read all numbers of an output or a string."""
    return {float(found.replace(",", "")) for found in SHOWN.findall(text)}


def texts_of(output: NotebookNode) -> Iterator[str]:
    """Yield what can be read of an output; a picture cannot, nor the data of an explorer."""
    yield output.get("text", "")
    for kind, data in output.get("data", {}).items():
        if kind == "text/html" and "srcdoc=" not in data:
            yield unescape(TAG.sub(" ", data))
        elif kind in ("text/plain", "text/markdown"):
            yield data
    yield str(output.get("metadata", {}).get("aelib", {}))


def shown_by(cell: NotebookNode) -> set[float]:
    """Collect the numbers in a code cell's outputs."""
    return set().union(*(shown_in(text) for output in cell.outputs for text in texts_of(output)))


def written_in(cell: NotebookNode) -> set[float]:
    """Collect the numbers in a code cell's source, those inside strings too."""
    found: set[float] = set()
    for node in ast.walk(syntax(cell)):
        if isinstance(node, ast.Constant):
            if isinstance(node.value, str):
                found |= shown_in(node.value)
            elif isinstance(node.value, int | float):
                found.add(float(node.value))
    return found


def evidence(cells: Sequence[NotebookNode]) -> set[float]:
    """Collect the numbers in code cells and in their outputs."""
    return set().union(*(shown_by(cell) | written_in(cell) for cell in cells))


def published(text: str) -> set[float]:
    """Collect the published figures of the works that a text names, see docs/published.toml."""
    works = tomllib.loads(PUBLISHED.read_text(encoding="utf-8"))["work"]
    return {
        float(value)
        for work in works
        if any(name in text for name in work["names"])
        for place in work["figures"].values()
        for value in place
    }


# Judging ------------------------------------------------------------------------------------------


def read_cells(notebook: NotebookNode) -> Iterator[tuple[int, NotebookNode]]:
    """Yield the text cells that are read, each with the number of code cells above it."""
    section, place = "", 0
    for cell in notebook.cells:
        place += cell.cell_type == "code"
        if cell.cell_type != "markdown":
            continue
        for _, title in headings_of(cell):
            section = title
        if section not in UNREAD_SECTIONS and not EXERCISE.match(cell.source):
            yield place, cell


def problems(notebook: NotebookNode, others: dict[str, NotebookNode] | None = None) -> list[str]:
    """Name the numbers in a notebook's text that stand on nothing, and idle exceptions.

    Parameters
    ----------
    notebook : the notebook
    others : notebooks by number; one that a text cell names bears its numbers out as well
    """
    cells = code_cells(notebook)
    cited = published("\n".join(cell.source for cell in notebook.cells))
    own = evidence(cells) | cited
    found = []
    for place, cell in read_cells(notebook):
        near = own  # the opening sums the whole up
        if place:
            near = evidence(cells[max(place - NEAR, 0) : place + NEAR]) | cited
        named = {
            value
            for other in numbers_of_notebooks(cell.source) & set(others or {})
            for value in evidence(code_cells(others[other]))
        }
        reasons = cell.metadata.get("aelib", {}).get("numbers", {})
        loose = {
            figure.text: figure
            for figure in figures(cell.source)
            if not any(map(figure.rounds, (near if figure.is_short else own) | named))
        }
        where = f"text below cell {place}"
        for text, figure in loose.items():
            if not str(reasons.get(text, "")).strip():
                kind = "unclear, a comparison" if figure.compares else "in no output and no code"
                found.append(f"{where}: {text} is {kind}: …{around(cell.source, text)}…")
        found += [f"{where}: no exception needed for {text}" for text in set(reasons) - set(loose)]
    return found


def numbers_of_notebooks(text: str) -> set[str]:
    """List the notebooks that a text names: "notebooks 03 and 04"."""
    named = re.findall(r"\bnotebooks? (\d\d(?:(?:,| and| to) \d\d)*)", text, re.IGNORECASE)
    return set(re.findall(r"\d\d", " ".join(named)))


def around(source: str, text: str) -> str:
    """Quote what stands around a number."""
    words = r"\s*".join(map(re.escape, text.split()))
    found = re.search(rf".{{0,40}}(?<!\d){words}.{{0,25}}", source)
    return found[0] if found else text


def main(argv: list[str] | None = None) -> int:
    """Run the command; return its exit code: 1 if a number stands on nothing."""
    parser = argparse.ArgumentParser(
        description="Name the numbers in prose that nothing bears out."
    )
    parser.add_argument("numbers", nargs="*", help="notebooks by number, such as 02 03; none: all")
    parser.add_argument("--folder", type=Path, default=PAGES, help="where they lie")
    options = parser.parse_args(argv)
    course = {number(path): nbformat.read(path, as_version=4) for path in find_notebooks(PAGES)}
    count = 0
    for path in select(find_notebooks(options.folder), options.numbers):
        for problem in problems(nbformat.read(path, as_version=4), course):
            count += 1
            print(f"{path.stem}: {problem}")
    return int(count > 0)


if __name__ == "__main__":
    sys.exit(main())
