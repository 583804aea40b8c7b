"""The ledger: what the documents state, and what the experiments say of it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from html import escape
from typing import Any, Self

from aelib import statements
import numpy as np

# The words of a verdict; the tables of all tools have them from here, in this order.
REPRODUCED = "reproduced"
NOT_REPRODUCED = "not reproduced"
DEPENDS = "depends"
FULL_ONLY = "full profile only"
VERDICTS = (REPRODUCED, NOT_REPRODUCED, DEPENDS, FULL_ONLY)
ALWAYS = ("statement", "verdict", "measured", "why")  # what every row of a ledger has


@dataclass(frozen=True)
class Verdict:
    """One statement and what came of it.

    Attributes
    ----------
    statement : what is said, in one sentence
    verdict : one of `VERDICTS`
    measured : the numbers of this run that decide it
    why : why it is not reproduced, or not always; empty where it is
    of : the ids of the documents' statements that it judges, a blank between two
    source : the work and the place in it, where no id covers the statement
    conditions : what holds and what does not, where the statement was tried on several conditions
    full_only : whether only the full profile can decide it
    """

    statement: str
    verdict: str
    measured: str
    why: str = ""
    of: str = ""
    source: str = ""
    conditions: Mapping[str, bool] = field(default_factory=dict)
    full_only: bool = False

    def __post_init__(self) -> None:
        if self.verdict not in VERDICTS:
            raise ValueError(f'verdict is "{self.verdict}"; it is one of {", ".join(VERDICTS)}')
        object.__setattr__(self, "conditions", dict(self.conditions))  # plain, wherever it is from

    @property
    def row(self) -> dict[str, Any]:
        """All of it as a plain dictionary; what belongs to few verdicts is left out if empty."""
        facts = asdict(self)
        return {name: fact for name, fact in facts.items() if fact or name in ALWAYS}

    @property
    def place(self) -> str:
        """Where the statement stands: made from its ids, or its source."""
        return statements.source(statements.find(self.of)) if self.of else self.source

    @property
    def reasons(self) -> dict[str, str]:
        """What explains the verdict: the conditions if it depends on them, and why."""
        lines = {}
        if self.verdict == DEPENDS:
            # In an order of their own: a saved notebook's metadata forget the one of the code.
            conditions = sorted(self.conditions.items())
            lines["holds"] = "; ".join(name for name, held in conditions if held)
            lines["fails"] = "; ".join(name for name, held in conditions if not held)
        return lines | ({"why": self.why} if self.why else {})

    def __repr__(self) -> str:
        return repr(Section([self]))

    def _repr_mimebundle_(self, include=None, exclude=None) -> tuple[dict, dict]:
        return Section([self])._repr_mimebundle_()


class Section:
    """The verdicts of one section as a small table; its rows travel in the output's metadata."""

    def __init__(self, verdicts: Sequence[Verdict]) -> None:
        self._verdicts = tuple(verdicts)

    @property
    def rows(self) -> list[dict[str, Any]]:
        """The verdicts as plain dictionaries; see `Verdict.row`."""
        return [verdict.row for verdict in self._verdicts]

    def __repr__(self) -> str:
        lines = []
        for row in self._verdicts:
            lines += [f"{_word(row).capitalize()}: {row.statement}", *_explained(row)]
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        return _table(self._verdicts, with_place=False)

    def _repr_mimebundle_(self, include=None, exclude=None) -> tuple[dict, dict]:
        data = {"text/html": self._repr_html_(), "text/plain": repr(self)}
        return data, {"aelib": {"section": self.rows}}


class Claims:
    """Collects verdicts and shows them as a table; the rows travel in the output's metadata."""

    def __init__(self) -> None:
        self._verdicts: list[Verdict] = []
        self._shown = 0  # how many stand in a section's table already

    @classmethod
    def from_rows(cls, rows: Iterable[Mapping[str, Any]]) -> Self:
        """Rebuild a ledger from its `rows`, as found in a notebook's output metadata."""
        ledger = cls()
        ledger._verdicts = [Verdict(**row) for row in rows]
        return ledger

    @property
    def rows(self) -> list[dict[str, Any]]:
        """The verdicts as plain dictionaries; see `Verdict.row`."""
        return [verdict.row for verdict in self._verdicts]

    def check(
        self,
        statement: str,
        *,
        of: str = "",
        source: str = "",
        holds: bool | Mapping[str, bool],
        measured: str,
        why: str = "",
        full_only: bool = False,
    ) -> Verdict:
        """Enter a statement with the verdict that this run's results give it.

        Parameters
        ----------
        statement : what is said, in one sentence
        of : the ids of the documents' statements that it judges, such as "R077 Z04"; see
            `aelib.statements`
        source : the work and the place in it, for what no id covers; either this or `of`
        holds : whether the results bear it out, computed from them; or, by condition, whether they
            do under it: if the conditions differ, the verdict is "depends"
        measured : the numbers that decide it
        why : why it fails; kept only where it does, if only under some condition
        full_only : whether only the full profile can decide it; a quick run then says so

        Returns
        -------
        The verdict, which shows itself at the end of a cell.

        Raises
        ------
        TypeError
            If an argument is of another kind; `holds` takes booleans and nothing like them.
        ValueError
            If a text is empty, an id unknown, or the statement already in the ledger.
        """
        for name, text in {"statement": statement, "measured": measured}.items():
            _check_text(name, text)
            if not text.strip():
                raise ValueError(f"{name} is empty; say in words what it is")
        for name, text in {"of": of, "source": source, "why": why}.items():
            _check_text(name, text)
        if bool(of.strip()) == bool(source.strip()):
            raise ValueError("name either of, the ids of statements, or source, not both")
        if of:
            statements.find(of)
        if any(verdict.statement == statement for verdict in self._verdicts):
            raise ValueError(f"statement is already in the ledger; drop one: {statement}")
        conditions = _conditions(holds)
        verdict = _judge(conditions, _boolean("full_only", full_only))
        entry = Verdict(
            statement=statement,
            verdict=verdict,
            measured=measured,
            why=why if verdict in (NOT_REPRODUCED, DEPENDS) else "",
            of=" ".join(of.split()),
            source=source,
            conditions=conditions if isinstance(holds, Mapping) else {},
            full_only=bool(full_only),
        )
        self._verdicts.append(entry)
        return entry

    def section(self) -> Section:
        """Return a small table of what was entered since the last one, for the end of a section.

        Raises
        ------
        ValueError
            If nothing was.
        """
        entered = self._verdicts[self._shown :]
        if not entered:
            raise ValueError("nothing was entered since the last table; check a statement first")
        self._shown = len(self._verdicts)
        return Section(entered)

    def __repr__(self) -> str:
        lines = []
        for number, row in enumerate(self._verdicts, start=1):
            lines.append(f"{number}. {_word(row)} | {row.statement} | {row.place}")
            lines += _explained(row)
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        return _table(self._verdicts, with_place=True)

    def _repr_mimebundle_(self, include=None, exclude=None) -> tuple[dict, dict]:
        data = {"text/html": self._repr_html_(), "text/plain": repr(self)}
        return data, {"aelib": {"claims": self.rows}}


# What is entered ----------------------------------------------------------------------------------


def _check_text(name: str, text: Any) -> None:
    """Refuse what is no string."""
    if not isinstance(text, str):
        raise TypeError(f'{name} must be a string, not {text!r}; write numbers as f"{{x:.3f}}"')


def _boolean(name: str, value: Any) -> bool:
    """Return a boolean of Python or NumPy; refuse what merely counts as true or false."""
    if not isinstance(value, bool | np.bool_):
        raise TypeError(f"{name} must be True or False, not {value!r}; compare, or use bool(…)")
    return bool(value)


def _conditions(holds: Any) -> dict[str, bool]:
    """Return what holds by condition; a single boolean has no name."""
    if not isinstance(holds, Mapping):
        return {"": _boolean("holds", holds)}
    if not holds:
        raise ValueError("holds names no condition; give True or False, or a condition for each")
    for name in holds:
        _check_text("a condition in holds", name)
        if not name.strip():
            raise ValueError("a condition in holds has an empty name; say what was tried")
    return {name: _boolean(f'holds["{name}"]', value) for name, value in holds.items()}


def _judge(conditions: Mapping[str, bool], full_only: bool) -> str:
    """Return the verdict that follows."""
    if full_only:
        from aelib import profile  # here, since it starts TensorFlow, which no tool needs

        if profile.current() != "full":
            return FULL_ONLY
    if len(set(conditions.values())) > 1:
        return DEPENDS
    return REPRODUCED if all(conditions.values()) else NOT_REPRODUCED


# What is drawn ------------------------------------------------------------------------------------


def _word(row: Verdict) -> str:
    """Return the verdict's word, and that a quick run would not say so where it would not."""
    marked = row.full_only and row.verdict != FULL_ONLY
    return f"{row.verdict} ({FULL_ONLY})" if marked else row.verdict


def _explained(row: Verdict) -> list[str]:
    """Return the lines of plain text below a statement."""
    lines = {"measured": row.measured} | row.reasons
    return [f"   {name}: {text}" for name, text in lines.items()]


def _table(verdicts: Sequence[Verdict], with_place: bool) -> str:
    """Draw verdicts as an HTML table, with or without the column that says where each stands."""
    names = ["Statement", *(["Source"] if with_place else []), "Verdict", "Measured"]
    head = "".join(f"<th>{name}</th>" for name in names)
    lines = ["<table>", f"<thead><tr>{head}</tr></thead>", "<tbody>"]
    left = 'style="text-align:left"'
    for row in verdicts:
        word = f"<b>{_word(row)}</b>"
        notes = [text if name == "why" else f"{name}: {text}" for name, text in row.reasons.items()]
        # Quick and full runs differ in these, so nbval is told to pass over them.
        kind = 'class="full-only" ' if row.full_only else ""
        cells = [f"<td {left}>{escape(row.statement)}</td>"]
        if with_place:
            cells.append(f"<td {left}>{escape(row.place)}</td>")
        cells.append(f"<td {kind}{left}>{'<br>'.join([word, *map(escape, notes)])}</td>")
        cells.append(f'<td class="measured">{escape(row.measured)}</td>')
        lines.append(f"<tr>{''.join(cells)}</tr>")
    return "\n".join([*lines, "</tbody>", "</table>"])
