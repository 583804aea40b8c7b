"""Link the terms of the glossary where a page first uses them.

Run from the root of the repository; text may change without a run of the notebooks:

    python tools/glossary.py          # all pages
    python tools/glossary.py 02 03

docs/glossary.md is the only source. Each term is a heading there; the comment below it lists the
words that stand for it and, after "not:", phrases in which they mean something else. Linked is the
first of them in a page's body: below the opening, above the exercises, and not in a heading, a
table, a formula, a listing or another link. Links that are there already are set anew.
"""

import argparse
from collections.abc import Iterable
from pathlib import Path
import re
import sys

import nbformat
from nbformat import NotebookNode
from notebook_parts import find_notebooks, save
from run_notebooks import select

GLOSSARY = Path(__file__).resolve().parents[1] / "docs" / "glossary.md"
ADDRESS = "../docs/glossary.md"
ENTRY = re.compile(
    r"^## (?P<term>.+)\n<!-- (?P<words>.+?)(?:; not: (?P<other>.+))? -->\n", re.MULTILINE
)
LINK = re.compile(rf"\[([^\]]+)\]\({re.escape(ADDRESS)}#([^)]+)\)")
END = re.compile(r"^## Exercises\s*$", re.MULTILINE)
# Where no link is set: listings, formulas, headings, tables, links and pictures, HTML, bare links.
UNLINKED = re.compile(
    r"^```.*?^```|\$\$.*?\$\$|\$[^$\n]+\$|``.*?``|`[^`\n]*`|^#+ [^\n]*$|^\|[^\n]*$"
    r"|!?\[[^\]]*\]\([^)]*\)|<[^>\n]+>|https?://\S+",
    re.MULTILINE | re.DOTALL,
)


def slug(term: str) -> str:
    """Return the anchor of a term's heading, as GitHub and the site have it."""
    return term.lower().replace(" ", "-")


def words(glossary: str) -> dict[str, str]:
    """Return the term for each word that stands for one, in lower case.

    Raises
    ------
    ValueError
        If a word stands for two terms.
    """
    found: dict[str, str] = {}
    for entry in ENTRY.finditer(glossary):
        for word in entry["words"].lower().split(", "):
            if word in found:
                raise ValueError(f'docs/glossary.md: "{word}" stands for two terms')
            found[word] = entry["term"]
    return found


def other_senses(glossary: str) -> list[str]:
    """List the phrases in which a word means something else than its term."""
    return [
        phrase
        for entry in ENTRY.finditer(glossary)
        for phrase in (entry["other"] or "").split(", ")
        if phrase
    ]


def unlinked(text: str) -> str:
    """Return a text without links to the glossary."""
    return LINK.sub(r"\1", text)


def any_of(phrases: Iterable[str]) -> re.Pattern[str]:
    """Return a pattern of whole words that takes the longest phrase, in any case."""
    longest = sorted(phrases, key=len, reverse=True)
    return re.compile(rf"(?<![\w-])(?:{'|'.join(map(re.escape, longest))})(?![\w-])", re.IGNORECASE)


def link(notebook: NotebookNode, glossary: str) -> None:
    """Link the first use of each term in the body of a page.

    Parameters
    ----------
    notebook : the page; its text cells change in place
    glossary : the text of docs/glossary.md
    """
    terms = words(glossary)
    word = any_of(terms)
    other = any_of(other_senses(glossary))
    seen: set[str] = set()
    for cell in notebook.cells[1:]:
        if cell.cell_type != "markdown":
            continue
        text = unlinked(cell.source)
        end = END.search(text)
        body = text[: end.start()] if end else text
        closed = [found.span() for kind in (UNLINKED, other) for found in kind.finditer(body)]
        pieces, last = [], 0
        for found in word.finditer(body):
            term = terms[found[0].lower()]
            inside = any(a < found.end() and found.start() < b for a, b in closed)
            if term in seen or inside:
                continue
            seen.add(term)
            pieces += [body[last : found.start()], f"[{found[0]}]({ADDRESS}#{slug(term)})"]
            last = found.end()
        cell.source = "".join([*pieces, text[last:]])
        if end:
            return


def main(argv: list[str] | None = None) -> int:
    """Run the command; return its exit code: 2 if there is no such notebook."""
    parser = argparse.ArgumentParser(description="Link terms to the glossary at their first use.")
    parser.add_argument("numbers", nargs="*", help="notebooks by number, such as 02 03; none: all")
    parser.add_argument("--folder", type=Path, default=Path("notebooks"), help="where they lie")
    options = parser.parse_args(argv)
    glossary = GLOSSARY.read_text(encoding="utf-8")
    try:
        paths = select(find_notebooks(options.folder), options.numbers)
    except ValueError as error:
        print(f"{options.folder}: {error}", file=sys.stderr)
        return 2
    changed = 0
    for path in paths:
        notebook = nbformat.read(path, as_version=4)
        before = [cell.source for cell in notebook.cells]
        link(notebook, glossary)
        if before != [cell.source for cell in notebook.cells]:
            save(notebook, path)
            changed += 1
    print(f"Terms are linked; {changed} of {len(paths)} notebooks changed.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
