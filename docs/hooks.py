"""What the site adds to Sphinx: anchors, alternative texts, links of references."""

import re
from typing import Any

from docutils import nodes
from docutils.nodes import document
from sphinx.application import Sphinx
from sphinx.util import inspect as sphinx_inspect

FIELD = re.compile(r"^(\S.*?) : (.+)$")
IDENTIFIER = re.compile(r"(doi:10\.\d+/[^\s,;]*[^\s,;.]|arXiv:\d{4}\.\d{4,5})")
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
    for hook in (name_cells, describe_figures, link_identifiers):
        app.connect("doctree-read", hook)
    app.setup_extension("sphinx.ext.autodoc")
    app.connect("autodoc-process-signature", sign_layers)
    app.connect("autodoc-process-docstring", describe_fields, priority=400)  # napoleon: 500
    return {"parallel_read_safe": True, "parallel_write_safe": True}
