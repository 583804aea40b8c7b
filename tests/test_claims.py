"""The ledger: a verdict follows from `holds`, and what is shown is what travels."""

import json
import re

from aelib.claims import Claims, Verdict
from IPython.core.formatters import DisplayFormatter
import numpy as np
import pytest


@pytest.fixture
def ledger() -> Claims:
    claims = Claims()
    claims.check("Deeper is better", source="Rivas, Fig. 7.7", holds=3 > 2, measured="2 < 3")
    claims.check(
        "a < b & c", source="<Zen>", holds=2 > 3, measured="x > y", why="Because 2 < 3, see [1]."
    )
    return claims


@pytest.mark.parametrize("true", [True, np.bool_(True), np.float32(1) < np.float32(2)])
def test_verdict_is_computed(true):
    claims = Claims()
    yes = claims.check("a", source="s", holds=true, measured="m")
    no = claims.check("b", source="s", holds=not true, measured="m")
    assert (yes.verdict, no.verdict) == ("reproduced", "not reproduced")


def test_why_is_kept_only_where_the_statement_fails():
    claims = Claims()
    for statement, holds in {"a": True, "b": False}.items():
        claims.check(statement, source="s", holds=holds, measured="m", why="too small")
    assert [row["why"] for row in claims.rows] == ["", "too small"]


def test_statement_enters_once(ledger):
    before = ledger.rows
    with pytest.raises(ValueError, match="already in the ledger.*Deeper is better"):
        ledger.check("Deeper is better", source="Lee", holds=False, measured="3 > 2")
    assert ledger.rows == before


def test_rows_in_the_order_of_checking(ledger):
    assert ledger.rows == [
        {
            "statement": "Deeper is better",
            "source": "Rivas, Fig. 7.7",
            "verdict": "reproduced",
            "measured": "2 < 3",
            "why": "",
        },
        {
            "statement": "a < b & c",
            "source": "<Zen>",
            "verdict": "not reproduced",
            "measured": "x > y",
            "why": "Because 2 < 3, see [1].",
        },
    ]


def test_rows_are_a_copy(ledger):
    ledger.rows[0]["verdict"] = "not reproduced"
    ledger.rows.clear()
    assert ledger.rows[0]["verdict"] == "reproduced"


def test_verdict_cannot_be_changed(ledger):
    verdict = ledger.check("c", source="s", holds=False, measured="m")
    with pytest.raises(AttributeError):
        verdict.verdict = "reproduced"


def test_ledger_comes_back_from_the_metadata(ledger):
    data, metadata = ledger._repr_mimebundle_()
    rows = json.loads(json.dumps(metadata))["aelib"]["claims"]
    assert rows == ledger.rows
    again = Claims.from_rows(rows)
    assert again.rows == ledger.rows
    assert repr(again) == repr(ledger)
    assert again._repr_mimebundle_() == (data, metadata)


def test_rebuilt_ledger_refuses_a_repeated_statement_too(ledger):
    with pytest.raises(ValueError, match="already"):
        Claims.from_rows(ledger.rows).check("a < b & c", source="s", holds=True, measured="m")


def test_jupyter_shows_the_table_and_stores_the_rows(ledger):
    data, metadata = DisplayFormatter().format(ledger)
    assert data == {"text/html": ledger._repr_html_(), "text/plain": repr(ledger)}
    assert metadata == {"aelib": {"claims": ledger.rows}}


def test_html_is_escaped_and_whole(ledger):
    html = ledger._repr_html_()
    assert "a &lt; b &amp; c" in html and "&lt;Zen&gt;" in html
    assert "x &gt; y" in html and "Because 2 &lt; 3" in html
    assert "<Zen>" not in html and "a < b" not in html
    for tag in ("table", "thead", "tbody", "tr", "td", "th", "b"):
        assert len(re.findall(f"<{tag}[ >]", html)) == html.count(f"</{tag}>")
    assert html.count("<tr>") == 1 + len(ledger.rows)


def test_measured_has_a_class_of_its_own(ledger):
    html = ledger._repr_html_()
    assert re.findall('<td class="measured">(.*?)</td>', html) == ["2 &lt; 3", "x &gt; y"]


def test_plain_text_of_the_ledger(ledger):
    assert repr(ledger).splitlines() == [
        "1. reproduced | Deeper is better | Rivas, Fig. 7.7",
        "   measured: 2 < 3",
        "2. not reproduced | a < b & c | <Zen>",
        "   measured: x > y",
        "   why: Because 2 < 3, see [1].",
    ]


def test_plain_text_of_one_verdict():
    yes = Verdict("Codes differ", "Nana", "reproduced", "d = 0.3")
    no = Verdict("Codes differ", "Nana", "not reproduced", "d = 0", "All saturate.")
    assert repr(yes) == "Reproduced: Codes differ\n   measured: d = 0.3"
    assert repr(no).splitlines() == [
        "Not reproduced: Codes differ",
        "   measured: d = 0",
        "   All saturate.",
    ]


def test_empty_ledger_shows_itself():
    assert repr(Claims()) == ""
    assert Claims()._repr_html_().count("<tr>") == 1
