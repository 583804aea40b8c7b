"""Fill README's tables with what the notebooks' outputs say; no number in them is typed.

Run from the root of the repository; `make claims` does so:

    python tools/figures.py           # write the tables in README.md
    python tools/figures.py --check   # only say whether they are current

docs/readme.jinja holds the tables, each between two comments, <!-- name --> and <!-- /name -->, as
in README.md. It takes its numbers from three places:

    found("03", "10-2 # # #")      the numbers where # stands, in an output of notebook 03
    published("Rifai", "test")     figures of docs/published.toml, by work and start of their place
    measured("LSTM", "GRU")        "1.4 to 1.9", the ends of benchmarks/results.json
"""

import argparse
from functools import cached_property
import json
from pathlib import Path
import re
import sys
import tomllib

import jinja2
import nbformat
from nbformat import NotebookNode
from notebook_parts import code_cells, find_notebooks, number, replacing

TEMPLATE = Path("docs/readme.jinja")
BLOCK = re.compile(r"<!-- (?P<name>\w+) -->.*?<!-- /(?P=name) -->", re.DOTALL)
TIME = re.compile(r"\*\*Time\*\* \| about (.+?) minutes?\b")
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
            raise ValueError(f'{TEMPLATE}: notebook {notebook} shows "{sought}" {there}')
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
        found = TIME.search(self.notebooks[notebook].cells[0].source)
        if found is None:
            raise ValueError(f'notebook {notebook}: its first cell has no "**Time** | about …"')
        return found[1]


def render(root: Path) -> str:
    """Fill the template of README's tables.

    Parameters
    ----------
    root : the repository

    Raises
    ------
    ValueError
        If a number is not to be found, or in more than one way.
    """
    sources = Sources(root)
    environment = jinja2.Environment(undefined=jinja2.StrictUndefined, keep_trailing_newline=True)
    environment.filters["to"] = lambda value, decimals: f"{value:.{decimals}f}"
    environment.filters["percent"] = lambda share: f"{100 * share:.0f} %"
    template = environment.from_string((root / TEMPLATE).read_text(encoding="utf-8"))
    return template.render(
        found=sources.found,
        published=sources.published,
        measured=sources.measured,
        minutes=sources.minutes,
    )


def filled(root: Path) -> str:
    """Return what README.md should say.

    Raises
    ------
    ValueError
        If the template cannot be filled, or README lacks one of its places.
    """
    readme = (root / "README.md").read_text(encoding="utf-8")
    for block in BLOCK.finditer(render(root)):
        places = [there for there in BLOCK.finditer(readme) if there["name"] == block["name"]]
        if len(places) != 1:
            raise ValueError(f"README.md: has {len(places)} places <!-- {block['name']} -->, not 1")
        readme = readme[: places[0].start()] + block[0] + readme[places[0].end() :]
    return readme


def main(argv: list[str] | None = None) -> int:
    """Run the command; return its exit code: 1 if a check finds other numbers, 2 at an error."""
    parser = argparse.ArgumentParser(description="Fill README's tables from the notebooks.")
    parser.add_argument("--root", type=Path, default=Path(), help="the repository")
    parser.add_argument("--check", action="store_true", help="write nothing")
    options = parser.parse_args(argv)
    path = options.root / "README.md"
    try:
        text = filled(options.root)
        current = path.read_text(encoding="utf-8") == text
        if not current and not options.check:
            with replacing(path) as beside:
                beside.write_text(text, encoding="utf-8")
            print("README.md's tables are filled anew.")
    except ValueError as error:
        print(error, file=sys.stderr)
        return 2
    if not current and options.check:
        print("README.md's tables are not from the outputs as they are now: make claims")
    return int(options.check and not current)


if __name__ == "__main__":
    sys.exit(main())
