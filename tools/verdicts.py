"""Collect every statement and its verdict from the ledgers inside the notebooks.

Run from the root of the repository; `make claims` does so:

    python tools/verdicts.py           # write CLAIMS.md and the totals in README.md
    python tools/verdicts.py --check   # only say whether they are current
"""

import argparse
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
import re
import sys
from urllib.parse import quote

from aelib import statements
from aelib.claims import DEPENDS, FULL_ONLY, NOT_REPRODUCED, REPRODUCED, Verdict
from aelib.statements import Statement
import digests
import nbformat
from notebook_parts import Check, checks, claims, find_notebooks, headings, number, replacing

# How sources begin, and the work that each means, in the order of the tables. The five documents
# come first; of two names that fit, the longer one counts.
WORKS = statements.DOCUMENTS | {
    "Rivas, the notebook that accompanies the book": "P. Rivas, the notebook of ch. 7, executed",
    "Hinton and Salakhutdinov 2006": "Hinton and Salakhutdinov (2006), Science 313",
    "Rifai et al. 2011": "Rifai and others (2011), ICML",
    "Odena et al. 2016": "Odena, Dumoulin and Olah (2016), Distill",
    "Srivastava et al. 2015": "Srivastava, Mansimov and Salakhutdinov (2015), ICML",
    "Sutskever et al. 2014": "Sutskever, Vinyals and Le (2014), NIPS",
    "Valdarrama 2021": "Valdarrama (2021), Keras documentation",
    "Bengio et al. 2013": "Bengio, Yao, Alain and Vincent (2013), NIPS",
    "Gong et al. 2019": "Gong and others (2019), ICCV",
    "Salakhutdinov and Murray 2008": "Salakhutdinov and Murray (2008), ICML",
}
# How many of a verdict there are, in a sentence.
COUNTED = {
    REPRODUCED: "reproduced",
    NOT_REPRODUCED: "not reproduced",
    DEPENDS: "depending on conditions",
    FULL_ONLY: "for the full profile only",
}
# What else can be said of a document's statement.
BEYOND, OPEN = "beyond any experiment", "open"
INTRODUCTION = """\
# Every statement and its verdict

{totals} Each was put to an experiment in one of the notebooks, and its verdict is computed from \
the result. The number of a cell leads to the experiment. This page is collected from the ledgers \
inside the notebooks, so its figures are theirs.

"(implied)" marks what a document says without saying it in so many words. 15-NN is the share of \
digits that the labels of the 15 nearest codes guess right, MSE the mean squared error of a pixel. \
The mean image is the answer of a net that has learnt nothing but the average digit.

{works}

A statement that stands in two works counts for both.

{notebooks}

{standing} Some verdicts judge several of them at once, and some statements get several verdicts.

{documents}"""
SECTIONS = {
    NOT_REPRODUCED: """\
## Not reproduced

In italics what a document says, then what stands against it.""",
    DEPENDS: """\
## Depends

In italics what a document says, then under which conditions it holds and under which it fails.""",
}
OWN_ORDER = """\
## In the documents' own order

What the five documents state, sentence by sentence and in our words, and what came of it."""
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
    works : the works that make the statement
    path : the notebook
    cell : the code cell that checks the statement, counted from 1
    heading : the nearest heading above that cell
    """

    verdict: Verdict
    works: list[str]
    path: Path
    cell: int
    heading: str

    @property
    def word(self) -> str:
        """What the verdict is."""
        return self.verdict.verdict


# Reading ------------------------------------------------------------------------------------------


def works(verdict: Verdict) -> list[str]:
    """List the works that a verdict's ids belong to, or that its source names, each one once.

    Raises
    ------
    ValueError
        If a part of the source, semicolons between them, begins with none of `WORKS`.
    """
    if verdict.of:
        found = [WORKS[statement.document] for statement in statements.find(verdict.of)]
        return list(dict.fromkeys(found))
    found = []
    for part in map(str.strip, verdict.source.split(";")):
        names = [name for name in WORKS if f"{part},".startswith(f"{name},")]
        if not names:
            raise ValueError(
                f'the source "{part}" begins with none of {", ".join(WORKS)}: spell it so, '
                "or enter the work in tools/verdicts.py"
            )
        found.append(WORKS[max(names, key=len)])
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
        If they are not the same statements, ids and sources in the same order.
    """
    code = [(check.statement, check.of, check.source) for check in written]
    verdicts = [Verdict(**row) for row in shown]
    rows = [(verdict.statement, verdict.of, verdict.source) for verdict in verdicts]
    if code != rows:
        differ = [entry for entry in [*code, *rows] if (entry in code) != (entry in rows)]
        raise ValueError(
            "its ledgers do not show what its cells check; run it again: "
            f'make full NB="{number(path)}"; they differ in {differ or "their order"}'
        )
    return [
        Finding(verdict, works(verdict), path, check.cell, check.heading)
        for check, verdict in zip(written, verdicts, strict=True)
    ]


def read(path: Path) -> tuple[str, list[Finding]]:
    """Return a notebook's title and what came of its statements, in their order.

    Raises
    ------
    ValueError
        If it cannot be read, if its ledgers are not those of its code, or if an id or a source is
        not known; says which notebook and what to do.
    """
    try:
        notebook = nbformat.read(path, as_version=4)
        findings = pair(checks(notebook), claims(notebook), path)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error
    return next((title for _, title in headings(notebook)), path.stem), findings


def check_run(path: Path) -> None:
    """Refuse a notebook whose code or outputs are not those of its run.

    Raises
    ------
    ValueError
        If it is one, or cannot be read; says which notebook and what to do.
    """
    try:
        notebook = nbformat.read(path, as_version=4)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error
    problem = next(digests.changed_since_the_run(notebook), None)
    if problem:
        raise ValueError(f'{path}: {problem}: make full NB="{number(path)}"')


def collect(notebooks: Iterable[Path]) -> list[Finding]:
    """List what came of all statements of some notebooks; errors are those of `read`."""
    return [finding for path in notebooks for finding in read(path)[1]]


# Markdown -----------------------------------------------------------------------------------------


def escape(text: str) -> str:
    """Write text so that GitHub and MyST show it as it is, in tables too."""
    return SPECIAL.sub(r"\\\g<0>", text).translate(ENTITIES)


def sentence(text: str) -> str:
    """Escape a sentence and give it the full stop that it may lack."""
    return escape(text if text.endswith((".", "!", "?")) else f"{text}.")


def count(findings: Iterable[Finding]) -> Counter[str]:
    """Count the verdicts by their word."""
    return Counter(finding.word for finding in findings)


def table(name: str, groups: Sequence[tuple[str, list[Finding]]]) -> str:
    """Lay the counts of groups of statements out as a table.

    Parameters
    ----------
    name : what the groups are
    groups : the title of each, and its statements
    """
    columns = {REPRODUCED: REPRODUCED, NOT_REPRODUCED: "not", DEPENDS: DEPENDS}
    if any(count(findings)[FULL_ONLY] for _, findings in groups):
        columns[FULL_ONLY] = FULL_ONLY
    rows = [
        [escape(title), *map(str, [len(findings), *(count(findings)[word] for word in columns)])]
        for title, findings in groups
    ]
    return markdown_table([name, "all", *columns.values()], rows)


def markdown_table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Lay rows out as a table; all columns but the first hold numbers."""
    rule = ["---", *["---:"] * (len(header) - 1)]
    return "\n".join(f"| {' | '.join(row)} |" for row in [header, rule, *rows])


def by_work(findings: Sequence[Finding]) -> list[tuple[str, list[Finding]]]:
    """Group statements by work; one that stands in two is in both groups."""
    groups = [
        (title, [finding for finding in findings if title in finding.works])
        for title in WORKS.values()
    ]
    return [(title, group) for title, group in groups if group]


def totals(findings: Sequence[Finding]) -> str:
    """Say in a sentence how many verdicts there are, and which."""
    counts = count(findings)
    said = [
        f"{counts[word]} {words}"
        for word, words in COUNTED.items()
        if counts[word] or word in (REPRODUCED, NOT_REPRODUCED)
    ]
    noun = "verdict" if len(findings) == 1 else "verdicts"
    return f"{len(findings)} {noun}: **{', '.join(said)}**."


def listed(word: str, findings: Sequence[Finding], link: Link) -> str:
    """List the statements of one verdict, one line each, by work; nothing if there are none."""
    found = [finding for finding in findings if finding.word == word]
    lines = [SECTIONS[word]] if found else []
    for title, group in by_work(found):
        lines += ["", f"### {escape(title)}", ""]
        for finding in group:
            said = sentence(finding.verdict.statement)
            lines.append(f"- *{said}* {explained(finding.verdict)} {cell_link(finding, link)}")
    return "\n".join(lines)


def explained(verdict: Verdict) -> str:
    """Say in sentences what explains a verdict: conditions, and why."""
    reasons = verdict.reasons
    parts = [f"{name}: {text}" for name, text in reasons.items() if name != "why"]
    lines = [sentence(part[0].upper() + part[1:]) for part in parts]
    return " ".join([*lines, *([sentence(reasons["why"])] if "why" in reasons else [])])


def cell_link(finding: Finding, link: Link) -> str:
    """Name notebook and cell, as a link."""
    return f"[{number(finding.path)}, cell {finding.cell}]({target(finding, link)})"


def chapter(title: str, findings: Sequence[Finding], link: Link) -> str:
    """List a notebook's statements, with all that its ledgers say of them."""
    items = [item(finding, link) for finding in findings]
    return "\n\n".join([f"## {escape(title)}", totals(findings), *items])


def item(finding: Finding, link: Link) -> str:
    """Write one statement as an item of a list: verdict, source, link, measured, why."""
    row = finding.verdict
    lines = [
        f"- **{row.verdict.capitalize()}:** {sentence(row.statement)}",
        f"*{escape(row.place)}*, [cell {finding.cell}]({target(finding, link)})",
        f"Measured: {escape(row.measured)}",
    ]
    lines += [f"{name.capitalize()}: {sentence(text)}" for name, text in row.reasons.items()]
    return "\\\n  ".join(lines)


def target(finding: Finding, link: Link) -> str:
    """Return the address of the cell that checks a statement."""
    return link(finding.path.stem, finding.cell, finding.heading)


# The documents ------------------------------------------------------------------------------------


def judged(findings: Iterable[Finding]) -> dict[str, list[Finding]]:
    """Return the verdicts on each of the documents' statements, by id."""
    found: dict[str, list[Finding]] = {name: [] for name in statements.load()}
    for finding in findings:
        for name in finding.verdict.of.split():
            found[name].append(finding)
    return found


def statements_of(document: str) -> list[Statement]:
    """List the statements of a document in its own order."""
    return [one for one in statements.load().values() if one.document == document]


def standing(found: Iterable[Statement], findings: Sequence[Finding]) -> list[int]:
    """Count statements of documents: all, judged, beyond any experiment, open."""
    every, verdicts = list(found), judged(findings)
    done = sum(bool(verdicts[one.id]) for one in every)
    beyond = sum(bool(one.reason) and not verdicts[one.id] for one in every)
    return [len(every), done, beyond, len(every) - done - beyond]


def standing_in_words(findings: Sequence[Finding]) -> str:
    """Say in a sentence how far the documents' statements are judged."""
    every, done, beyond, left = standing(statements.load().values(), findings)
    still = f"{left} are" if left else "none is"
    return (
        f"Of the {every} statements that the five documents make, **{done} are judged**, "
        f"{beyond} are beyond any experiment, and {still} still open."
    )


def standing_by_document(
    findings: Sequence[Finding], pages: Mapping[str, str] | None = None
) -> str:
    """Lay out how far each document's statements are judged.

    Parameters
    ----------
    findings : the verdicts of all notebooks
    pages : where the page of each document lies, by its short name; without, there are no links
    """
    rows = []
    for document, title in statements.DOCUMENTS.items():
        name = f"[{escape(title)}]({pages[document]})" if pages else escape(title)
        rows.append([name, *map(str, standing(statements_of(document), findings))])
    return markdown_table(
        ["document", "statements", "judged", "beyond any experiment", "open"], rows
    )


def entry(one: Statement, found: Sequence[Finding], link: Link, numbers: bool) -> list[str]:
    """Write a statement and what came of it, a line for each verdict.

    Parameters
    ----------
    one : the statement
    found : the verdicts on it
    link : address of a cell, see `page`
    numbers : whether to give what was measured, too
    """
    lines = [f"**{one.id}** *{escape(one.place)}*: {sentence(one.statement)}"]
    for finding in found:
        verdict = finding.verdict
        line = f"**{verdict.verdict.capitalize()}**, {cell_link(finding, link)}"
        if numbers:
            line += f": {sentence(verdict.statement)} Measured: {sentence(verdict.measured)}"
            line += f" *{explained(verdict)}*" if verdict.reasons else ""
        lines.append(line)
    if not found:
        lines.append(
            f"No experiment can judge it. {sentence(one.reason)}"
            if one.reason
            else f"Open: notebook {' or '.join(one.notebook.split())} is to judge it."
        )
    return lines


def kinds(one: Statement, found: Sequence[Finding]) -> list[str]:
    """List what can be said of a statement: its verdicts, or why it has none."""
    none = BEYOND if one.reason else OPEN
    return list(dict.fromkeys(finding.word for finding in found)) or [none]


def choice(shown: Sequence[Sequence[str]]) -> str:
    """Write the buttons that choose which statements a page shows; the style sheet obeys them.

    Parameters
    ----------
    shown : the kinds of each statement
    """
    counts = Counter(kind for several in shown for kind in several)
    buttons = [("all", len(shown), " checked")]
    buttons += [(kind, counts[kind], "") for kind in (*COUNTED, BEYOND, OPEN) if counts[kind]]
    lines = [
        f'<label><input type="radio" name="show" value="{css_class(kind)}"{checked}>'
        f" {kind} ({many})</label>"
        for kind, many, checked in buttons
    ]
    return "\n".join(['<fieldset class="show">', "<legend>Show</legend>", *lines, "</fieldset>"])


def css_class(kind: str) -> str:
    """Return the class of a kind of statements in the style sheet."""
    return kind.replace(" ", "-")


def document_page(document: str, findings: Sequence[Finding], link: Link) -> str:
    """Write the page of one document, for MyST: all its statements, and buttons to choose some.

    Parameters
    ----------
    document : its short name
    findings : the verdicts of all notebooks
    link : address of a cell, see `page`
    """
    found, verdicts = statements_of(document), judged(findings)
    every, done, beyond, left = standing(found, findings)
    shown = [kinds(one, verdicts[one.id]) for one in found]
    items = [
        "{"
        + " ".join(f".{css_class(kind)}" for kind in ["statement", *several])
        + "}\n"
        + "\\\n".join(entry(one, verdicts[one.id], link, numbers=True))
        for one, several in zip(found, shown, strict=True)
    ]
    introduction = (
        f"{every} statements in the document's own order and in our words: {done} judged, "
        f"{beyond} beyond any experiment, {left or 'none'} still open. A number leads to the cell "
        "that decides."
    )
    title = f"# {escape(statements.DOCUMENTS[document])}"
    return "\n\n".join([title, introduction, choice(shown), *items]) + "\n"


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
    Totals, counts by work and by notebook, how far the documents' statements are judged, the
    verdicts other than "reproduced", and all verdicts by notebook.

    Raises
    ------
    ValueError
        If a notebook cannot be read, see `read`.
    """
    chapters = list(map(read, notebooks))
    findings = [finding for _, group in chapters for finding in group]
    introduction = INTRODUCTION.format(
        totals=totals(findings),
        works=table("work", by_work(findings)),
        notebooks=table("notebook", chapters),
        standing=standing_in_words(findings),
        documents=standing_by_document(findings),
    )
    parts = [introduction, *(listed(word, findings, link) for word in SECTIONS)]
    parts = [part for part in parts if part]
    parts += [chapter(title, group, link) for title, group in chapters]
    return "\n\n".join(parts) + "\n"


def summary(notebooks: Sequence[Path]) -> str:
    """Write the totals for the README."""
    findings = collect(notebooks)
    return f"{totals(findings)} {standing_in_words(findings)}\n"


def all_documents(findings: Sequence[Finding], link: Link) -> str:
    """List the statements of all documents, each document's in its own order."""
    verdicts = judged(findings)
    parts = [
        f"### {escape(title)}\n\n"
        + "\n".join(
            f"- {' '.join(entry(one, verdicts[one.id], link, numbers=False))}"
            for one in statements_of(document)
        )
        for document, title in statements.DOCUMENTS.items()
    ]
    return "\n\n".join([OWN_ORDER, *parts]) + "\n"


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
        If there is no notebook, if one cannot be read or was edited after its run, or if the README
        has no place for totals.
    """
    notebooks = find_notebooks(root / "notebooks")
    if not notebooks:
        raise ValueError(f"{root / 'notebooks'}: there are no notebooks")
    for path in notebooks:
        check_run(path)
    readme = (root / "README.md").read_text(encoding="utf-8")
    block = summary(notebooks)
    filled, places = MARKED.subn(lambda found: found[1] + block + found[2], readme)
    if places != 1:
        raise ValueError(
            f"{root / 'README.md'}: has {places} places for the totals; mark one with the lines "
            '"<!-- verdicts -->" and "<!-- /verdicts -->"'
        )
    return {
        root / "CLAIMS.md": "\n".join(
            [ORIGIN + page(notebooks, on_github), all_documents(collect(notebooks), on_github)]
        ),
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
