"""Collect every statement and its verdict from the ledgers inside the notebooks.

Run from the root of the repository; `make claims` does so:

    python tools/verdicts.py           # write CLAIMS.md and the totals in README.md
    python tools/verdicts.py --check   # only say whether they are current
"""

import argparse
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
import re
import sys
from urllib.parse import quote

from aelib.claims import Verdict
import nbformat
from notebook_parts import Check, checks, claims, find_notebooks, headings, number, replacing

# How sources begin, and the document that each means, in the order of the tables.
DOCUMENTS = {
    "Rivas": "P. Rivas, Deep Learning for Beginners, ch. 7",
    "nana-li": "nana-li, 自编码器（Autoencoder）",
    "市井小民": "市井小民, interview series on machine learning, part 16",
    "禅与计算机程序设计艺术": "禅与计算机程序设计艺术, on the reconstruction costs of autoencoders",
    "Lee": "Notes on H.-y. Lee's lecture on auto-encoders",
    "Hinton and Salakhutdinov 2006": "Hinton and Salakhutdinov (2006), Science 313",
    "Rifai et al. 2011": "Rifai and others (2011), ICML",
}
HOLDS = "reproduced"
INTRODUCTION = """\
# Every statement and its verdict

{totals} Each was put to an experiment in one of the notebooks, and its verdict is computed from \
the result. The number of a cell leads to the experiment. This page is collected from the ledgers \
inside the notebooks, so its figures are theirs.

"(implied)" marks what a document says without saying it in so many words. 15-NN is the share of \
digits that the labels of the 15 nearest codes guess right, MSE the mean squared error of a pixel. \
The mean image is the answer of a net that has learnt nothing but the average digit.

{documents}

A statement that stands in two documents counts for both.

{notebooks}"""
REFUTED = """\
## Not reproduced

In italics what a document says, then what stands against it."""
ORIGIN = "<!-- Written by `make claims` from the ledgers in the notebooks; do not edit. -->\n\n"
MARKED = re.compile(r"(<!-- verdicts -->\n).*?(<!-- /verdicts -->)", re.DOTALL)
SPECIAL = re.compile(r"[\\`*_\[\]{}~]")
# A backslash does not disarm these everywhere: HTML, formulas on GitHub, cells of tables.
ENTITIES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", "$": "&#36;", "|": "&#124;"})

Link = Callable[[str, int, str], str]


@dataclass(frozen=True)
class Finding:
    """A statement with its verdict, and where both come from.

    Attributes
    ----------
    verdict : the row of the ledger
    documents : the documents that make the statement
    path : the notebook
    cell : the code cell that checks the statement, counted from 1
    heading : the nearest heading above that cell
    """

    verdict: Verdict
    documents: list[str]
    path: Path
    cell: int
    heading: str

    @property
    def holds(self) -> bool:
        """Whether the statement was reproduced."""
        return self.verdict.verdict == HOLDS


# Reading ------------------------------------------------------------------------------------------


def documents(source: str) -> list[str]:
    """List the documents that a source names, semicolons between them, each one once.

    Raises
    ------
    ValueError
        If a part of the source begins with none of `DOCUMENTS`.
    """
    found: list[str] = []
    for part in map(str.strip, source.split(";")):
        titles = [title for name, title in DOCUMENTS.items() if f"{part},".startswith(f"{name},")]
        if not titles:
            raise ValueError(
                f'the source "{part}" begins with none of {", ".join(DOCUMENTS)}: spell it so, '
                "or enter the document in tools/verdicts.py"
            )
        found += titles
    return list(dict.fromkeys(found))


def pair(written: list[Check], shown: list[dict[str, str]], path: Path) -> list[Finding]:
    """Bring the statements of a notebook's code and the rows of its ledgers together.

    Parameters
    ----------
    written : the statements in the code
    shown : the rows of the ledgers
    path : the notebook

    Raises
    ------
    ValueError
        If they are not the same statements and sources in the same order.
    """
    code = [(check.statement, check.source) for check in written]
    rows = [(row["statement"], row["source"]) for row in shown]
    if code != rows:
        differ = [entry for entry in [*code, *rows] if (entry in code) != (entry in rows)]
        raise ValueError(
            "its ledgers do not show what its cells check; run it again: "
            f'make full NB="{number(path)}"; they differ in {differ or "their order"}'
        )
    return [
        Finding(Verdict(**row), documents(row["source"]), path, check.cell, check.heading)
        for check, row in zip(written, shown, strict=True)
    ]


def read(path: Path) -> tuple[str, list[Finding]]:
    """Return a notebook's title and what came of its statements, in their order.

    Raises
    ------
    ValueError
        If it cannot be read, if its ledgers are not those of its code, or if a source names a
        document that is not known; says which notebook and what to do.
    """
    try:
        notebook = nbformat.read(path, as_version=4)
        findings = pair(checks(notebook), claims(notebook), path)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error
    return next((title for _, title in headings(notebook)), path.stem), findings


# Markdown -----------------------------------------------------------------------------------------


def escape(text: str) -> str:
    """Write text so that GitHub and MyST show it as it is, in tables too."""
    return SPECIAL.sub(r"\\\g<0>", text).translate(ENTITIES)


def sentence(text: str) -> str:
    """Escape a sentence and give it the full stop that it may lack."""
    return escape(text if text.endswith((".", "!", "?")) else f"{text}.")


def count(findings: Sequence[Finding]) -> tuple[int, int, int]:
    """Count the statements: all, reproduced, not reproduced."""
    held = sum(finding.holds for finding in findings)
    return len(findings), held, len(findings) - held


def table(name: str, groups: Iterable[tuple[str, list[Finding]]]) -> str:
    """Lay the counts of groups of statements out as a table.

    Parameters
    ----------
    name : what the groups are
    groups : the title of each, and its statements
    """
    rows = [[escape(title), *map(str, count(findings))] for title, findings in groups]
    header = [[name, "all", HOLDS, "not"], ["---", "---:", "---:", "---:"]]
    return "\n".join(f"| {' | '.join(row)} |" for row in [*header, *rows])


def by_document(findings: Sequence[Finding]) -> list[tuple[str, list[Finding]]]:
    """Group statements by document; one that stands in two is in both groups."""
    groups = [
        (title, [finding for finding in findings if title in finding.documents])
        for title in DOCUMENTS.values()
    ]
    return [(title, group) for title, group in groups if group]


def totals(findings: Sequence[Finding]) -> str:
    """Say in a sentence how many statements there are and what came of them."""
    every, held, failed = count(findings)
    noun = "statement" if every == 1 else "statements"
    return f"{every} {noun}: **{held} {HOLDS}, {failed} not {HOLDS}**."


def refuted(findings: Sequence[Finding], link: Link) -> str:
    """List the statements that were not reproduced, one line each, by document."""
    lines = [REFUTED]
    for title, group in by_document([finding for finding in findings if not finding.holds]):
        lines += ["", f"### {escape(title)}", ""]
        for finding in group:
            said, why = sentence(finding.verdict.statement), sentence(finding.verdict.why)
            place = f"{number(finding.path)}, cell {finding.cell}"
            lines.append(f"- *{said}* {why} [{place}]({target(finding, link)})")
    return "\n".join(lines)


def chapter(title: str, findings: Sequence[Finding], link: Link) -> str:
    """List a notebook's statements, with all that its ledgers say of them."""
    items = [item(finding, link) for finding in findings]
    return "\n\n".join([f"## {escape(title)}", totals(findings), *items])


def item(finding: Finding, link: Link) -> str:
    """Write one statement as an item of a list: verdict, source, link, measured, why."""
    row = finding.verdict
    lines = [
        f"- **{row.verdict.capitalize()}:** {sentence(row.statement)}",
        f"*{escape(row.source)}*, [cell {finding.cell}]({target(finding, link)})",
        f"Measured: {escape(row.measured)}",
    ]
    if row.why:
        lines.append(f"Why: {sentence(row.why)}")
    return "\\\n  ".join(lines)


def target(finding: Finding, link: Link) -> str:
    """Return the address of the cell that checks a statement."""
    return link(finding.path.stem, finding.cell, finding.heading)


# Pages --------------------------------------------------------------------------------------------


def page(notebooks: Sequence[Path], link: Link) -> str:
    """Write the page of all verdicts, in Markdown that GitHub and MyST read alike.

    Parameters
    ----------
    notebooks : executed notebooks, in the order of the page
    link : address of a cell, from the notebook's name without its ending, the number of the code
        cell, counted from 1, and the nearest heading above it

    Returns
    -------
    Totals, counts by document and by notebook, the statements that were not reproduced, and all
    statements by notebook.

    Raises
    ------
    ValueError
        If a notebook cannot be read, see `read`.
    """
    chapters = list(map(read, notebooks))
    findings = [finding for _, group in chapters for finding in group]
    introduction = INTRODUCTION.format(
        totals=totals(findings),
        documents=table("document", by_document(findings)),
        notebooks=table("notebook", chapters),
    )
    parts = [introduction]
    if not all(finding.holds for finding in findings):
        parts.append(refuted(findings, link))
    parts += [chapter(title, group, link) for title, group in chapters]
    return "\n\n".join(parts) + "\n"


def summary(notebooks: Sequence[Path]) -> str:
    """Write the totals for the README."""
    return f"{totals([finding for path in notebooks for finding in read(path)[1]])}\n"


def on_github(stem: str, cell: int, heading: str) -> str:
    """Address a heading of a notebook as Jupyter names it; it has no names for cells."""
    return f"notebooks/{stem}.ipynb#{quote(heading.replace(' ', '-'), safe=',?')}"


def files(root: Path) -> dict[Path, str]:
    """Return what the two files that hold verdicts should say.

    Parameters
    ----------
    root : the repository, with `notebooks` and README.md

    Raises
    ------
    ValueError
        If there is no notebook, if one cannot be read, or if the README has no place for totals.
    """
    notebooks = find_notebooks(root / "notebooks")
    if not notebooks:
        raise ValueError(f"{root / 'notebooks'}: there are no notebooks")
    readme = (root / "README.md").read_text(encoding="utf-8")
    block = summary(notebooks)
    filled, places = MARKED.subn(lambda found: found[1] + block + found[2], readme)
    if places != 1:
        raise ValueError(
            f"{root / 'README.md'}: has {places} places for the totals; mark one with the lines "
            '"<!-- verdicts -->" and "<!-- /verdicts -->"'
        )
    return {
        root / "CLAIMS.md": ORIGIN + page(notebooks, on_github),
        root / "README.md": filled,
    }


def stale(root: Path) -> dict[Path, str]:
    """Return the files that do not say what they should, and what they should say."""
    return {
        path: text
        for path, text in files(root).items()
        if not path.exists() or path.read_text(encoding="utf-8") != text
    }


# The command --------------------------------------------------------------------------------------


def main(argv: list[str] | None = None) -> int:
    """Run the command; return its exit code: 1 if a check finds a stale file, 2 at an error."""
    parser = argparse.ArgumentParser(description="Collect the verdicts of all notebooks.")
    parser.add_argument("--root", type=Path, default=Path(), help="the repository")
    parser.add_argument("--check", action="store_true", help="write nothing, name what is stale")
    options = parser.parse_args(argv)
    try:
        changed = stale(options.root)
        for path, text in changed.items():
            if options.check:
                print(f"{path.name} is not from the ledgers as they are now: make claims")
                continue
            with replacing(path) as beside:
                beside.write_text(text, encoding="utf-8")
            print(f"{path.name} is written anew.")
    except ValueError as error:
        print(error, file=sys.stderr)
        return 2
    if not changed:
        print("CLAIMS.md and README.md say what the ledgers say.")
    return int(options.check and bool(changed))


if __name__ == "__main__":
    sys.exit(main())
