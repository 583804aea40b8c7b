"""The statements of the five documents that the course puts to the test, each with an id."""

from collections.abc import Iterable
import csv
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from itertools import groupby

# Their titles by the names that the table uses, in the order of their first lines in it.
DOCUMENTS = {
    "市井小民": "市井小民, interview series on machine learning, part 16",
    "Rivas": "P. Rivas, Deep Learning for Beginners, ch. 7",
    "禅与计算机程序设计艺术": "禅与计算机程序设计艺术, on the reconstruction costs of autoencoders",
    "nana-li": "nana-li, 自编码器（Autoencoder）",
    "Lee": "Notes on H.-y. Lee's lecture on auto-encoders",
}


@dataclass(frozen=True)
class Statement:
    """What one sentence of a document says.

    Attributes
    ----------
    id : a letter for the document and a number, such as "R077"; for life
    document : the short name of the document, a key of `DOCUMENTS`
    place : where in the document
    statement : what it says, in our words
    notebook : the numbers of the notebooks that are to judge it, a blank between two
    reason : why no experiment can judge it; empty where one can
    """

    id: str
    document: str
    place: str
    statement: str
    notebook: str
    reason: str


@cache
def load() -> dict[str, Statement]:
    """Read all statements, by id, each document's in its own order."""
    table = files("aelib").joinpath("statements.csv")
    with table.open(encoding="utf-8", newline="") as lines:
        return {row["id"]: Statement(**row) for row in csv.DictReader(lines)}


def find(ids: str) -> list[Statement]:
    """Return the statements of some ids.

    Parameters
    ----------
    ids : such as "R077 Z04", a blank between two

    Raises
    ------
    TypeError
        If `ids` is not a string.
    ValueError
        If there is none in it, or if one stands twice or is not in the table; names it.
    """
    if not isinstance(ids, str):
        raise TypeError(f'of must be a string of ids, such as "R077 Z04", not {ids!r}')
    names = ids.split()
    if not names:
        raise ValueError('of is empty; name the statements that are judged, such as "R077 Z04"')
    for place, name in enumerate(names):
        if name not in load():
            raise ValueError(f'of names "{name}", which is no id in aelib/statements.csv')
        if name in names[:place]:
            raise ValueError(f'of names "{name}" twice; drop one')
    return [load()[name] for name in names]


def source(statements: Iterable[Statement]) -> str:
    """Say where statements stand: each document with its places, in the order of the table."""
    order = list(load().values())
    found = sorted(statements, key=order.index)
    parts = []
    for document, group in groupby(found, key=lambda statement: statement.document):
        places = dict.fromkeys(statement.place for statement in group)
        parts.append(f"{document}, {'; '.join(places)}")
    return " · ".join(parts)
