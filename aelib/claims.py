"""The ledger: what the documents state, and what the experiments say of it."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from html import escape
from typing import Self


@dataclass(frozen=True)
class Verdict:
    """One statement of a document and what came of it.

    Attributes
    ----------
    statement : what the document says, in one sentence
    source : the document and the place in it
    verdict : "reproduced" or "not reproduced"
    measured : the numbers of this run that decide it
    why : why it is not reproduced; empty where it is
    """

    statement: str
    source: str
    verdict: str
    measured: str
    why: str = ""

    def __repr__(self) -> str:
        line = f"{self.verdict.capitalize()}: {self.statement}\n   measured: {self.measured}"
        return line + (f"\n   {self.why}" if self.why else "")


class Claims:
    """Collects verdicts and shows them as a table; the rows travel in the output's metadata."""

    def __init__(self) -> None:
        self._verdicts: list[Verdict] = []

    @classmethod
    def from_rows(cls, rows: Iterable[dict[str, str]]) -> Self:
        """Rebuild a ledger from its `rows`, as found in a notebook's output metadata."""
        ledger = cls()
        ledger._verdicts = [Verdict(**row) for row in rows]
        return ledger

    @property
    def rows(self) -> list[dict[str, str]]:
        """The verdicts as plain dictionaries."""
        return [asdict(verdict) for verdict in self._verdicts]

    def check(
        self, statement: str, *, source: str, holds: bool, measured: str, why: str = ""
    ) -> Verdict:
        """Enter a statement with the verdict that this run's results give it.

        Parameters
        ----------
        statement : what the document says, in one sentence
        source : the document and the place in it
        holds : whether the results bear it out, computed from them
        measured : the numbers that decide it
        why : why it fails; kept only where it does

        Returns
        -------
        The verdict, which shows itself at the end of a cell.

        Raises
        ------
        ValueError
            If the statement is already in the ledger.
        """
        if any(verdict.statement == statement for verdict in self._verdicts):
            raise ValueError(f"statement is already in the ledger; drop one: {statement}")
        verdict = Verdict(
            statement=statement,
            source=source,
            verdict="reproduced" if holds else "not reproduced",
            measured=measured,
            why="" if holds else why,
        )
        self._verdicts.append(verdict)
        return verdict

    def __repr__(self) -> str:
        lines = []
        for number, row in enumerate(self._verdicts, start=1):
            lines.append(f"{number}. {row.verdict} | {row.statement} | {row.source}")
            lines.append(f"   measured: {row.measured}")
            if row.why:
                lines.append(f"   why: {row.why}")
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        lines = [
            "<table>",
            "<thead><tr><th>Statement</th><th>Source</th><th>Verdict</th><th>Measured</th></tr>"
            "</thead>",
            "<tbody>",
        ]
        for row in self._verdicts:
            verdict = f"<b>{row.verdict}</b>" + (f"<br>{escape(row.why)}" if row.why else "")
            lines.append(
                f'<tr><td style="text-align:left">{escape(row.statement)}</td>'
                f'<td style="text-align:left">{escape(row.source)}</td>'
                f'<td style="text-align:left">{verdict}</td>'
                f'<td class="measured">{escape(row.measured)}</td></tr>'
            )
        return "\n".join([*lines, "</tbody>", "</table>"])

    def _repr_mimebundle_(self, include=None, exclude=None) -> tuple[dict, dict]:
        data = {"text/html": self._repr_html_(), "text/plain": repr(self)}
        return data, {"aelib": {"claims": self.rows}}
