"""The table of statements is whole, and each is judged, beyond judging, or known to be open."""

from pathlib import Path
import re

from aelib import statements
import nbformat
from notebook_parts import checks, find_notebooks
import pytest

ROOT = Path(__file__).parents[1]


def test_ids_are_unique_and_in_order_of_their_documents():
    table = (Path(statements.__file__).parent / "statements.csv").read_text().splitlines()
    assert len(statements.load()) == len(table) - 1 == 348
    for document in statements.DOCUMENTS:
        ids = [one.id for one in statements.load().values() if one.document == document]
        assert [int(name[1:]) for name in ids] == list(range(1, len(ids) + 1))
        assert len({name[0] for name in ids}) == 1


def test_every_row_of_the_table_is_whole():
    for one in statements.load().values():
        assert one.document in statements.DOCUMENTS and one.place and one.statement, one.id
        assert re.fullmatch(r"\d\d( \d\d)*", one.notebook), one.id


def test_source_names_each_document_once_in_the_order_of_the_table():
    found = statements.find("N050 R061 Z10 R060 N051 N044")
    assert statements.source(found) == (
        "市井小民, Undercomplete AE · Rivas, Fig. 7.8 · "
        "nana-li, section 3.1; section 3.3 (1); section 3.3 (2)"
    )


def test_one_statement_is_found_by_its_id():
    (found,) = statements.find("R077")
    assert (found.id, found.document, found.place) == ("R077", "Rivas", "Fig. 7.11")


@pytest.mark.parametrize(
    ("ids", "error", "said"),
    [
        ("", ValueError, "of is empty; name the statements"),
        ("R77", ValueError, 'of names "R77", which is no id in aelib/statements.csv'),
        ("R077 R077", ValueError, 'of names "R077" twice; drop one'),
        (None, TypeError, "of must be a string of ids"),
    ],
)
def test_ids_that_name_nothing_are_refused(ids, error, said):
    with pytest.raises(error, match=said):
        statements.find(ids)


# What is judged -----------------------------------------------------------------------------------


def judged() -> set[str]:
    """Return the ids that the checks of the committed notebooks name."""
    notebooks = [nbformat.read(path, as_version=4) for path in find_notebooks(ROOT / "notebooks")]
    return {name for notebook in notebooks for check in checks(notebook) for name in check.ids}


def test_no_statement_is_both_judged_and_beyond_judging():
    beyond = {one.id for one in statements.load().values() if one.reason}
    assert not judged() & beyond, "strike the reason from aelib/statements.csv, or the id"


def test_every_statement_is_judged_or_beyond_judging():
    done = judged() | {one.id for one in statements.load().values() if one.reason}
    lost = sorted(statements.load().keys() - done)
    assert not lost, f"no check names {lost}: enter a check of=…, or a reason in the table"
