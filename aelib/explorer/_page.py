"""A page that answers, in a frame of the notebook: complete in itself, drawn from its facts."""

from dataclasses import dataclass
from html import escape, unescape
from importlib.resources import files
import json
import re
from typing import Any, NamedTuple, Self

MARK = "__FACTS__"
FACTS = re.compile(r'<script type="application/json" id="facts">(.*?)</script>', re.DOTALL)
# A page's height follows from its width: parts side by side, or stacked below 480 px.
WIDEST, STACKED, HEAD = 780, 480, 26
WHERE = (
    "JupyterLab shows it once you run the cell, or choose Trust Notebook from its command palette; "
    "VS Code, Colab, nbviewer and the course's site show it as it is."
)


class Kind(NamedTuple):
    """What the frame must know of a kind of page.

    Attributes
    ----------
    name : what it is called
    about : what it is, in the middle of a sentence; facts may stand in braces
    instead : what stands in its place where nothing can be shown
    scripts : its JavaScript, in this order, and its own style sheet and body of the same name last
    wide, narrow : its height side by side and stacked, as a share of the width in per cent and the
        pixels beside that
    """

    name: str
    about: str
    instead: str
    scripts: tuple[str, ...]
    wide: tuple[float, int]
    narrow: tuple[float, int]


KINDS = {
    "map": Kind(
        "Latent explorer",
        "a map of {count:,} codes on which the decoder draws the digit under the pointer",
        "Here stands an interactive map: the decoder draws the digit under the pointer.",
        ("shared", "chart", "map"),
        (57, 106),
        (100, 264),
    ),
    "pad": Kind(
        "Drawing pad",
        "a pad to draw digits on, which a net answers while the pen moves",
        "Here stands a pad to draw digits on, which a net answers while the pen moves.",
        ("shared", "chart", "pad"),
        (46, 288),
        (200, 478),
    ),
    "paint": Kind(
        "Codebook painter",
        "a grid of {places} × {places} codebook entries to change, of which the decoder makes an "
        "image",
        "Here stands a grid of codebook entries to change, of which the decoder makes an image.",
        ("shared", "cells", "paint"),
        (46, 142),
        (200, 192),
    ),
    "swap": Kind(
        "Style table",
        "a table of {count} × {count} pictures, which swaps content and style on a click",
        "Here stands a table of pictures, which swaps content and style on a click.",
        ("shared", "cells", "swap"),
        (54, 126),
        (100, 262),
    ),
}


@dataclass(frozen=True, repr=False)
class Explorer:
    """A page to explore; the last expression of a cell shows it.

    Attributes
    ----------
    page : the HTML document, complete in itself: no kernel, no other file, no request
    title : what stands above it
    summary : the same in words, for where no page can be shown
    kind : what kind of page it is
    """

    page: str
    title: str
    summary: str
    kind: str = "map"

    @classmethod
    def from_html(cls, html: str) -> Self:
        """Draw an explorer anew, as this version does it, from what a notebook shows.

        Parameters
        ----------
        html : the output of its cell, drawn by any version

        Raises
        ------
        ValueError
            If it shows no explorer.
        """
        found = FACTS.search(unescape(html))
        if found is None:
            raise ValueError("html shows no explorer; give the text/html of the cell that does")
        return cls.from_facts(json.loads(found[1]))

    @classmethod
    def from_facts(cls, facts: dict[str, Any]) -> Self:
        """Draw what facts describe; those of a map need not name their kind."""
        kind, title = facts.get("kind", "map"), facts["title"]
        named = f"{KINDS[kind].name}{f' “{title}”' if title else ''}"
        about = KINDS[kind].about.format(**facts)
        where = "in JupyterLab, VS Code, Colab, nbviewer and on the course's site."
        # "<" would let a title end the script that it stands in.
        text = json.dumps(facts, separators=(",", ":")).replace("<", "\\u003c")
        page = template(kind).replace(MARK, text)
        return cls(page, title, f"{named}: {about}; {where}", kind)

    def __repr__(self) -> str:
        return self.summary

    def _repr_html_(self) -> str:
        # Percentages of a padding refer to the width: the only way to tie a height to it. The
        # factor 9999 turns the comparison with STACKED into all or nothing.
        #
        # Where notebooks are not trusted, as on GitHub and at first in JupyterLab, the frame is
        # taken out, and of the styles at least those that calculate. Then the sentence is all
        # that remains; otherwise it takes no room and lies behind the frame.
        kind = KINDS[self.kind]
        head = HEAD if self.title else 0
        (side_by_side, wide), (stacked, narrow) = kind.wide, kind.narrow
        words = escape(without_scripts(self.kind))
        return (
            f'<div style="max-width:{WIDEST}px">'
            f'<p style="height:calc(6em);margin:0 0 calc(-6em)">{words}</p>'
            '<div style="position:relative;box-sizing:border-box;'
            f"padding-top:calc({side_by_side}% + {wide + head}px + "
            f"clamp(0px, ({STACKED}.5px - 100%)*9999, "
            f'{stacked - side_by_side}% + {narrow - wide}px))">'
            f'<iframe title="{escape(self.title or kind.name)}" sandbox="allow-scripts" '
            'loading="lazy" style="position:absolute;top:0;left:0;width:100%;height:100%;border:0" '
            f'srcdoc="{escape(self.page)}"></iframe></div></div>'
        )


def without_scripts(kind: str) -> str:
    """Say what stands where a page of this kind cannot be shown, and where it is shown."""
    return f"{KINDS[kind].instead} {WHERE}"


def template(kind: str) -> str:
    """Give a page as one document, with `MARK` where the facts of an explorer go."""
    about = KINDS[kind]
    own = about.scripts[-1]
    parts = {
        "NAME": about.name,
        "STYLE": _read("shared.css") + _read(f"{own}.css"),
        "BODY": _read(f"{own}.html"),
        "SCRIPT": "".join(_read(f"{script}.js") for script in about.scripts),
    }
    page = _read("shared.html")
    for name, text in parts.items():
        page = page.replace(f"__{name}__", text)
    return page


def _read(name: str) -> str:
    return files(__package__).joinpath(name).read_text(encoding="utf-8")
