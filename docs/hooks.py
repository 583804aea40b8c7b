"""What the site adds to Sphinx: anchors, alternative texts, links of references, a notice."""

from pathlib import Path
import re
from typing import Any

from build_site import DOCUMENTS, QUICK_NOTICE, is_quick, read
from docutils import nodes
from docutils.nodes import document
from notebook_parts import find_notebooks
from sphinx.application import Sphinx
from sphinx.util import inspect as sphinx_inspect

FIELD = re.compile(r"^(\S.*?) : (.+)$")
IDENTIFIER = re.compile(r"(doi:10\.\d+/[^\s,;]*[^\s,;.]|arXiv:\d{4}\.\d{4,5})")
PAGES_OF_RESULTS = ("index", "verdicts", "statements", *DOCUMENTS.values())
RESOLVERS = {"doi": "https://doi.org/", "arXiv": "https://arxiv.org/abs/"}


# Notebooks ----------------------------------------------------------------------------------------


def code_cells(page: document) -> list[nodes.container]:
    """List a notebook's code cells, each with its source and outputs."""
    return [node for node in page.findall(nodes.container) if node.get("nb_element") == "cell_code"]


def name_cells(app: Sphinx, page: document) -> None:
    """Give every code cell the anchor `cell-<n>`, counted from 1 as in In [n]."""
    for n, cell in enumerate(code_cells(page), start=1):
        cell["ids"].append(f"cell-{n}")


def describe_figures(app: Sphinx, page: document) -> None:
    """Say where a figure stands if its cell's metadata do not say what is on it."""
    for n, cell in enumerate(code_cells(page), start=1):
        heading = cell.parent.next_node(nodes.title).astext()
        for image in cell.findall(nodes.image):
            image.setdefault("alt", f"{heading}: figure of cell {n}")


def notebooks_behind(app: Sphinx) -> list[Path]:
    """List the notebooks whose results the page shows that is being read."""
    source = Path(app.env.doc2path(app.env.docname))
    if app.env.docname in PAGES_OF_RESULTS:
        return find_notebooks(source.parent / "notebooks")
    return [source] if source.suffix == ".ipynb" else []


def say_if_quick(app: Sphinx, page: document) -> None:
    """Put a notice below the title of a page that shows results of a quick run."""
    if any(is_quick(read(path)) for path in notebooks_behind(app)):
        title = page.next_node(nodes.title)
        note = nodes.note("", nodes.paragraph("", QUICK_NOTICE))
        title.parent.insert(title.parent.index(title) + 1, note)


def link_identifiers(app: Sphinx, page: document) -> None:
    """Turn doi:… and arXiv:… into links."""
    for text in list(page.findall(nodes.Text)):
        pieces = IDENTIFIER.split(text)
        if len(pieces) > 1 and isinstance(text.parent, nodes.paragraph):
            text.parent.replace(text, [_link(piece) for piece in pieces if piece])


def _link(piece: str) -> nodes.Node:
    """Return a link for an identifier, and other text as it is."""
    if not IDENTIFIER.fullmatch(piece):
        return nodes.Text(piece)
    scheme, name = piece.split(":", 1)
    return nodes.reference("", piece, refuri=RESOLVERS[scheme] + name)


# The API ------------------------------------------------------------------------------------------


def describe_fields(app: Sphinx, what: str, name: str, obj: Any, options: Any, lines: list[str]):
    """Bring a docstring into the form that napoleon reads as it is meant.

    What follows "name : " is a description and no type, for the types stand in the annotations. A
    dataclass is made from its attributes. A line on the source ends the section before it.
    """
    section, changed = "", []
    for line, following in zip(lines, [*lines, ""][1:], strict=True):
        if line == "Attributes":
            line = "Parameters"
        if following and not following.strip("-"):
            section = line
        if line.startswith("Source: "):
            changed.append("")  # a second blank line
        field = FIELD.match(line) if section == "Parameters" else None
        changed += [field[1], f"    {field[2]}"] if field else [line]
    lines[:] = changed


def sign_layers(
    app: Sphinx, what: str, name: str, obj: Any, options: Any, signature: str, returned: str | None
) -> tuple[str, None] | None:
    """Show how a Keras layer is made: Keras hides its arguments behind a `__new__` of its own."""
    if what != "class" or signature != "(*args, **kwargs)":
        return None
    made = sphinx_inspect.signature(obj.__init__, bound_method=True)
    return sphinx_inspect.stringify_signature(made, show_annotation=False), None


def setup(app: Sphinx) -> dict[str, bool]:
    """Connect the hooks."""
    for hook in (name_cells, describe_figures, say_if_quick, link_identifiers):
        app.connect("doctree-read", hook)
    app.setup_extension("sphinx.ext.autodoc")
    app.connect("autodoc-process-signature", sign_layers)
    app.connect("autodoc-process-docstring", describe_fields, priority=400)  # napoleon: 500
    return {"parallel_read_safe": True, "parallel_write_safe": True}
