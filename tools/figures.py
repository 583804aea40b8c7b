"""Fill tables of README.md and docs/teaching.md from the notebooks; no number in them is typed.

Run from the root of the repository; `make claims` does so:

    python tools/figures.py           # write the tables
    python tools/figures.py --check   # only say whether they are current

docs/readme.jinja and docs/teaching.jinja hold them, each between two comments, <!-- name --> and
<!-- /name -->, as in the file that is filled. They take what they say from the notebooks and from
what is kept beside them:

    found("03", "10-2 # # #")      the numbers where # stands, in an output of notebook 03
    published("Rifai", "test")     figures of docs/published.toml, by work and start of their place
    measured("LSTM", "GRU")        "1.4 to 1.9", the ends of benchmarks/results.json
    minutes("03"), quick("03")     how long a notebook says that it runs, full and quick
    parts                          the parts of the series, each with its notebooks
    failed("N133")                 a statement that is not reproduced, with a link to its section
"""

import argparse
from functools import cached_property
import json
from pathlib import Path
import re
import sys
import tomllib

from aelib import statements
from aelib.claims import NOT_REPRODUCED
from build_site import PARTS
import jinja2
import nbformat
from nbformat import NotebookNode
from notebook_parts import code_cells, find_notebooks, headings, number, replacing
import verdicts

# What is filled, and the template of its tables.
FILLED = {
    Path("README.md"): Path("docs/readme.jinja"),
    Path("docs/teaching.md"): Path("docs/teaching.jinja"),
}
BLOCK = re.compile(r"<!-- (?P<name>\w+) -->.*?<!-- /(?P=name) -->", re.DOTALL)
TIME = re.compile(r"\*\*Time\*\* \| about (.+?) minutes?\b(?:.*?, (.+?) in the quick profile)?")
NUMBER = r"(-?\d[\d,]*(?:\.\d+)?(?:e[-+]?\d+)?)"


def read_outputs(notebook: NotebookNode) -> str:
    """Join all that a notebook's outputs say in plain text."""
    outputs = [output for cell in code_cells(notebook) for output in cell.outputs]
    texts = [o.get("text", "") or o.get("data", {}).get("text/plain", "") for o in outputs]
    return "\n".join(texts)


def pattern(sought: str) -> re.Pattern[str]:
    """Turn what is sought into a regular expression.

    Parameters
    ----------
    sought : words as they stand in the output, "#" for a number that is wanted, "…" for anything
        up to the end of a line; any blanks, ends of lines too, stand for a blank
    """
    written = {"#": NUMBER + r"(?!\d|\.\d)", "…": r"[^\n]*?"}
    parts = re.findall(r"\s+|#|…|[^\s#…]+", sought)
    found = [r"\s+" if part.isspace() else written.get(part, re.escape(part)) for part in parts]
    return re.compile(r"(?<![\w.-])" + "".join(found))


class Sources:
    """Where the numbers come from.

    Attributes
    ----------
    root : the repository
    """

    def __init__(self, root: Path) -> None:
        self.root = root

    @cached_property
    def notebooks(self) -> dict[str, NotebookNode]:
        """The notebooks by number."""
        paths = find_notebooks(self.root / "notebooks")
        return {number(path): nbformat.read(path, as_version=4) for path in paths}

    @cached_property
    def findings(self) -> list[verdicts.Finding]:
        """What came of all statements."""
        return verdicts.collect(find_notebooks(self.root / "notebooks"))

    def found(self, notebook: str, sought: str) -> list[float]:
        """Return the numbers that stand in a notebook's outputs where the sought text has "#".

        Raises
        ------
        ValueError
            If they are found nowhere, or in several places with different numbers.
        """
        matches = pattern(sought).findall(read_outputs(self.notebooks[notebook]))
        rows = [match if isinstance(match, tuple) else (match,) for match in matches]
        values = {tuple(float(value.replace(",", "")) for value in row) for row in rows}
        if len(values) != 1:
            there = "nowhere" if not values else f"with {len(values)} different results"
            raise ValueError(f'a template: notebook {notebook} shows "{sought}" {there}')
        return list(*values)

    def published(self, work: str, place: str) -> list[float]:
        """Return the published figures of a work, by the start of the place where they stand."""
        works = tomllib.loads((self.root / "docs/published.toml").read_text(encoding="utf-8"))
        rows = [
            values
            for entry in works["work"]
            if work in entry["names"]
            for name, values in entry["figures"].items()
            if name.startswith(place)
        ]
        if len(rows) != 1:
            raise ValueError(f'docs/published.toml has {len(rows)} entries "{place}" of {work}')
        return [float(value) for value in rows[0]]

    def measured(self, *names: str) -> str:
        """Return how often faster the benchmarks found what is named, from the least to the most.

        Whole numbers from 10 on, one digit behind the point below.
        """
        spans = json.loads((self.root / "benchmarks/results.json").read_text(encoding="utf-8"))
        ends = (
            min(spans[name]["lowest"] for name in names),
            max(spans[name]["highest"] for name in names),
        )
        written = [f"{times:.0f}" if times >= 10 else f"{times:.2g}" for times in ends]
        return " to ".join(dict.fromkeys(written))

    def minutes(self, notebook: str) -> str:
        """Return how long a notebook says that its full run takes, in minutes."""
        return self.times(notebook)[0]

    def quick(self, notebook: str) -> str:
        """Return how long a notebook says that its quick run takes, in words."""
        return self.times(notebook)[1]

    def times(self, notebook: str) -> tuple[str, str]:
        """Return what the first cell of a notebook says on its full and its quick run."""
        found = TIME.search(self.notebooks[notebook].cells[0].source)
        if found is None:
            raise ValueError(f'notebook {notebook}: its first cell has no "**Time** | about …"')
        return found[1], found[2] or ""

    def parts(self) -> dict[str, list[str]]:
        """Return the parts of the series, each with the numbers of its notebooks."""
        return {
            part: [name for name in self.notebooks if int(name) in numbers]
            for part, numbers in PARTS.items()
        }

    def link(self, notebook: str) -> str:
        """Link a notebook by its title, as from a page in docs/."""
        (path,) = (self.root / "notebooks").glob(f"{notebook}_*.ipynb")
        return f"[{headings(self.notebooks[notebook])[0][1]}](../notebooks/{path.name})"

    def failed(self, name: str) -> str:
        """Quote a statement that is not reproduced, with its id and a link to its section.

        Raises
        ------
        ValueError
            If no verdict on the id says so.
        """
        judged = [f for f in self.findings if name in f.verdict.of.split()]
        found = [finding for finding in judged if finding.word == NOT_REPRODUCED]
        if not found:
            raise ValueError(f'docs/teaching.jinja: {name} has no verdict "not reproduced"')
        first = found[0]
        place = verdicts.on_github(first.path.stem, first.cell, first.heading)
        author = statements.load()[name].document
        page = f"[{number(first.path)}, {first.heading}](../{place})"
        return f"**{verdicts.escape(first.verdict.statement)}**, says {author} ({name}; {page})."


def render(root: Path, template: Path) -> str:
    """Fill a template of tables.

    Parameters
    ----------
    root : the repository
    template : its path below the root

    Raises
    ------
    ValueError
        If a number is not to be found, or in more than one way.
    """
    sources = Sources(root)
    environment = jinja2.Environment(undefined=jinja2.StrictUndefined, keep_trailing_newline=True)
    environment.filters["to"] = lambda value, decimals: f"{value:.{decimals}f}"
    environment.filters["percent"] = lambda share: f"{100 * share:.0f} %"
    environment.filters |= {
        "link": sources.link,
        "minutes": sources.minutes,
    }
    return environment.from_string((root / template).read_text(encoding="utf-8")).render(
        found=sources.found,
        published=sources.published,
        measured=sources.measured,
        minutes=sources.minutes,
        quick=sources.quick,
        parts=sources.parts,
        failed=sources.failed,
    )


def filled(root: Path) -> dict[Path, str]:
    """Return what the files with tables should say, by their paths below the root.

    Raises
    ------
    ValueError
        If a template cannot be filled, or a file lacks one of its places.
    """
    texts = {}
    for name, template in FILLED.items():
        text = (root / name).read_text(encoding="utf-8")
        for block in BLOCK.finditer(render(root, template)):
            places = [there for there in BLOCK.finditer(text) if there["name"] == block["name"]]
            if len(places) != 1:
                raise ValueError(
                    f"{name}: has {len(places)} places <!-- {block['name']} -->, not 1"
                )
            text = text[: places[0].start()] + block[0] + text[places[0].end() :]
        texts[name] = text
    return texts


def main(argv: list[str] | None = None) -> int:
    """Run the command; return its exit code: 1 if a check finds other numbers, 2 at an error."""
    parser = argparse.ArgumentParser(description="Fill tables from the notebooks.")
    parser.add_argument("--root", type=Path, default=Path(), help="the repository")
    parser.add_argument("--check", action="store_true", help="write nothing")
    options = parser.parse_args(argv)
    old = 0
    try:
        for name, text in filled(options.root).items():
            path = options.root / name
            if path.read_text(encoding="utf-8") == text:
                continue
            old += 1
            if options.check:
                print(f"{name}: its tables are not from the outputs as they are now: make claims")
                continue
            with replacing(path) as beside:
                beside.write_text(text, encoding="utf-8")
            print(f"The tables of {name} are filled anew.")
    except ValueError as error:
        print(error, file=sys.stderr)
        return 2
    return int(options.check and old > 0)


if __name__ == "__main__":
    sys.exit(main())
