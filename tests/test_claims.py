"""The ledger: a verdict follows from `holds`, and what is shown is what travels."""

import json
from pathlib import Path
import re
import subprocess
import sys

from aelib import claims
from aelib.claims import Claims, Verdict
from IPython.core.formatters import DisplayFormatter
from nbval.plugin import get_sanitize_patterns
import numpy as np
import pytest

SANITIZE = Path(__file__).parent / "nbval_sanitize.cfg"
CONDITIONS = {"as many steps": False, "trained to the end": True}


@pytest.fixture
def ledger() -> Claims:
    """Return a ledger with one verdict of each kind that a full run knows."""
    claims = Claims()
    claims.check("Deeper is better", of="R077 Z04", holds=3 > 2, measured="2 < 3")
    claims.check(
        "a < b & c", source="<Zen>", holds=2 > 3, measured="x > y", why="Because 2 < 3, see [1]."
    )
    claims.check("Wider is better", of="R092", holds=CONDITIONS, measured="m", why="Too few steps.")
    return claims


def enter(**changes) -> Verdict:
    """Enter one statement into a new ledger."""
    good = {"statement": "It learns", "source": "s", "holds": True, "measured": "m"}
    return Claims().check(**good | changes)


# The verdict --------------------------------------------------------------------------------------


@pytest.mark.parametrize("true", [True, np.bool_(True), np.float32(1) < np.float32(2)])
def test_verdict_is_computed(true):
    assert enter(holds=true).verdict == claims.REPRODUCED
    assert enter(holds=not true).verdict == claims.NOT_REPRODUCED


@pytest.mark.parametrize(
    ("holds", "verdict"),
    [
        ({"a": True, "b": np.bool_(True)}, "reproduced"),
        ({"a": False, "b": False}, "not reproduced"),
        ({"a": True, "b": False}, "depends"),
    ],
)
def test_verdict_over_conditions(holds, verdict):
    entry = enter(holds=holds, why="Too small.")
    assert entry.verdict == verdict and entry.conditions == holds
    assert (entry.why == "") == (verdict == "reproduced")


@pytest.mark.parametrize(
    "holds",
    [float("nan"), None, 1, [False], "False", np.array(True), np.array([True]), {"a": 1.0}],
    ids=repr,
)
def test_holds_takes_booleans_only(holds):
    with pytest.raises(TypeError, match=r"holds.* must be True or False, not .*use bool"):
        enter(holds=holds)


@pytest.mark.parametrize("holds", [{}, {"": True}, {" ": False}])
def test_conditions_have_names(holds):
    with pytest.raises(ValueError, match="condition"):
        enter(holds=holds)


def test_why_is_kept_only_where_the_statement_fails():
    reasons = [enter(holds=holds, why="too small").why for holds in (True, False, CONDITIONS)]
    assert reasons == ["", "too small", "too small"]


@pytest.mark.parametrize(
    ("profile", "verdict"), [("quick", "full profile only"), ("full", "not reproduced")]
)
def test_what_a_quick_run_cannot_decide_says_so(monkeypatch, profile, verdict):
    monkeypatch.setenv("AELIB_PROFILE", profile)
    entry = enter(holds=False, full_only=True, why="Other digits lie nearer.")
    assert entry.verdict == verdict
    assert "full profile only" in repr(entry).lower()
    assert (entry.why == "") == (profile == "quick")
    assert enter(holds=False).verdict == "not reproduced"


def test_the_words_have_one_home(ledger):
    assert {row["verdict"] for row in ledger.rows} < set(claims.VERDICTS)
    with pytest.raises(ValueError, match='verdict is "proven"; it is one of reproduced, not'):
        Verdict("a", "proven", "m")


# What is entered ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "error", "said"),
    [
        ({"measured": 3.5}, TypeError, "measured must be a string, not 3.5; write numbers as f"),
        ({"statement": None}, TypeError, "statement must be a string"),
        ({"why": None}, TypeError, "why must be a string"),
        ({"source": 3}, TypeError, "source must be a string"),
        ({"statement": ""}, ValueError, "statement is empty"),
        ({"measured": " "}, ValueError, "measured is empty"),
        ({"source": ""}, ValueError, "either of, the ids of statements, or source"),
        ({"of": "R077"}, ValueError, "either of, the ids of statements, or source, not both"),
        ({"of": "R770", "source": ""}, ValueError, 'of names "R770", which is no id in aelib/'),
        ({"of": "R077, Z04", "source": ""}, ValueError, 'of names "R077,", which is no id'),
        ({"of": "R077 R077", "source": ""}, ValueError, 'of names "R077" twice'),
        ({"of": ["R077"], "source": ""}, TypeError, "of must be a string"),
        ({"full_only": "no"}, TypeError, "full_only must be True or False"),
    ],
)
def test_what_is_wrong_is_named_at_the_door(change, error, said):
    with pytest.raises(error, match=re.escape(said)):
        enter(**change)


def test_statement_enters_once(ledger):
    before = ledger.rows
    with pytest.raises(ValueError, match="already in the ledger.*Deeper is better"):
        ledger.check("Deeper is better", source="Lee", holds=False, measured="3 > 2")
    assert ledger.rows == before


def test_rows_in_the_order_of_checking(ledger):
    assert ledger.rows == [
        {
            "statement": "Deeper is better",
            "of": "R077 Z04",
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
        {
            "statement": "Wider is better",
            "of": "R092",
            "verdict": "depends",
            "measured": "m",
            "why": "Too few steps.",
            "conditions": CONDITIONS,
        },
    ]


def test_rows_are_a_copy(ledger):
    ledger.rows[0]["verdict"] = "not reproduced"
    ledger.rows[2]["conditions"].clear()
    ledger.rows.clear()
    assert ledger.rows[0]["verdict"] == "reproduced" and ledger.rows[2]["conditions"] == CONDITIONS


def test_verdict_cannot_be_changed(ledger):
    with pytest.raises(AttributeError):
        enter(holds=False).verdict = "reproduced"


# What is shown ------------------------------------------------------------------------------------


def test_ledger_comes_back_from_the_metadata(ledger):
    data, metadata = ledger._repr_mimebundle_()
    rows = json.loads(json.dumps(metadata))["aelib"]["claims"]
    assert rows == ledger.rows
    again = Claims.from_rows(rows)
    assert again.rows == ledger.rows
    assert repr(again) == repr(ledger)
    assert again._repr_mimebundle_() == (data, metadata)


def test_rows_of_older_notebooks_are_read_too():
    row = {"statement": "a", "source": "s", "verdict": "reproduced", "measured": "m", "why": ""}
    assert Claims.from_rows([row]).rows == [row]


def test_rebuilt_ledger_refuses_a_repeated_statement_too(ledger):
    with pytest.raises(ValueError, match="already"):
        Claims.from_rows(ledger.rows).check("a < b & c", source="s", holds=True, measured="m")


def test_jupyter_shows_the_table_and_stores_the_rows(ledger):
    data, metadata = DisplayFormatter().format(ledger)
    assert data == {"text/html": ledger._repr_html_(), "text/plain": repr(ledger)}
    assert metadata == {"aelib": {"claims": ledger.rows}}


def test_section_shows_what_was_entered_since_the_last_one(ledger):
    first = ledger.section()
    with pytest.raises(ValueError, match="nothing was entered since the last table"):
        ledger.section()
    ledger.check("It sleeps", source="Zen", holds=True, measured="m")
    second = ledger.section()
    assert first.rows + second.rows == ledger.rows and len(second.rows) == 1


def test_section_comes_back_from_the_metadata(ledger):
    section = ledger.section()
    data, metadata = DisplayFormatter().format(section)
    assert metadata == {"aelib": {"section": ledger.rows}}
    rows = json.loads(json.dumps(metadata))["aelib"]["section"]
    assert Claims.from_rows(rows).section()._repr_mimebundle_() == (data, metadata)


def test_single_verdict_shows_as_a_section_of_one():
    ledger = Claims()
    entry = ledger.check("It learns", source="s", holds=True, measured="m")
    assert DisplayFormatter().format(entry) == DisplayFormatter().format(ledger.section())
    assert repr(entry) == "Reproduced: It learns\n   measured: m"


def test_html_is_escaped_and_whole(ledger):
    for shown in (ledger, ledger.section()):
        html = shown._repr_html_()
        assert "a &lt; b &amp; c" in html
        assert "x &gt; y" in html and "Because 2 &lt; 3" in html
        assert "<Zen>" not in html and "a < b" not in html
        for tag in ("table", "thead", "tbody", "tr", "td", "th", "b"):
            assert len(re.findall(f"<{tag}[ >]", html)) == html.count(f"</{tag}>")
        assert html.count("<tr>") == 1 + len(ledger.rows)
    assert "&lt;Zen&gt;" in ledger._repr_html_() and "Source" not in html


def test_measured_has_a_class_of_its_own(ledger):
    html = ledger._repr_html_()
    assert re.findall('<td class="measured">(.*?)</td>', html) == ["2 &lt; 3", "x &gt; y", "m"]


def test_plain_text_names_place_and_conditions(ledger):
    assert repr(ledger).splitlines() == [
        "1. reproduced | Deeper is better | 市井小民, Deep AE · Rivas, Fig. 7.11",
        "   measured: 2 < 3",
        "2. not reproduced | a < b & c | <Zen>",
        "   measured: x > y",
        "   why: Because 2 < 3, see [1].",
        "3. depends | Wider is better | Rivas, Summary",
        "   measured: m",
        "   holds: trained to the end",
        "   fails: as many steps",
        "   why: Too few steps.",
    ]
    assert repr(ledger.section()).splitlines()[-5:] == [
        "Depends: Wider is better",
        "   measured: m",
        "   holds: trained to the end",
        "   fails: as many steps",
        "   why: Too few steps.",
    ]


def test_html_names_the_conditions(ledger):
    said = "<b>depends</b><br>holds: trained to the end<br>fails: as many steps<br>Too few steps."
    assert said in ledger._repr_html_() and said in ledger.section()._repr_html_()


def test_nbval_is_told_to_pass_over_what_the_profiles_decide_differently(monkeypatch):
    pairs = dict(get_sanitize_patterns(SANITIZE.read_text())).items()
    seen = set()
    for profile, measured in {"quick": "0.3", "full": "0.1"}.items():
        monkeypatch.setenv("AELIB_PROFILE", profile)
        ledger = Claims()
        ledger.check("It learns", source="s", holds=True, measured=measured)
        ledger.check("1 | 7", of="R061", holds=False, measured="m", why="w", full_only=True)
        ledger.check("It sleeps", source="s", holds=False, measured=measured, why="w")
        for shown in (ledger, ledger.section()):
            data, _ = shown._repr_mimebundle_()
            for kind, text in data.items():
                for regex, replace in pairs:
                    text = re.sub(regex, replace, text)
                seen.add((type(shown), kind, text))
                assert "It sleeps" in text and "1 | 7" in text
    assert len(seen) == 4


def test_tools_that_read_ledgers_do_not_start_tensorflow():
    code = "import sys, aelib.claims; sys.exit('tensorflow' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def test_empty_ledger_shows_itself():
    assert repr(Claims()) == ""
    assert Claims()._repr_html_().count("<tr>") == 1
