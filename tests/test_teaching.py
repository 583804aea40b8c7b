"""The teacher's guide: its links lead to sections, its questions to verdicts that failed."""

from pathlib import Path
import re
from urllib.parse import unquote

from build_site import PARTS
import nbformat
from notebook_parts import claims, find_notebooks, headings, number
import pytest

ROOT = Path(__file__).parents[1]
GUIDE = (ROOT / "docs/teaching.md").read_text(encoding="utf-8")
NOTEBOOKS = find_notebooks(ROOT / "notebooks")
LINKS = re.findall(r"\]\((?!http)([^)\s]+)\)", GUIDE)


@pytest.mark.parametrize("link", sorted(set(LINKS)))
def test_links_lead_to_files_and_to_sections_of_notebooks(link):
    name, _, section = link.partition("#")
    path = ROOT / "docs" / name
    assert path.exists()
    if section:
        titles = [title for _, title in headings(nbformat.read(path, as_version=4))]
        assert unquote(section) in [title.replace(" ", "-") for title in titles]


def test_a_term_and_the_table_of_minutes_hold_every_notebook():
    for name in ("term", "minutes"):
        block = re.search(rf"<!-- {name} -->(.*)<!-- /{name} -->", GUIDE, re.DOTALL)[1]
        assert [*re.findall(r"/notebooks/(\S+?)\)", block)] == [path.name for path in NOTEBOOKS]
    assert {int(number(path)) for path in NOTEBOOKS} <= {n for part in PARTS.values() for n in part}


def test_questions_ask_about_what_is_not_reproduced():
    rows = [row for path in NOTEBOOKS for row in claims(nbformat.read(path, as_version=4))]
    failed = {
        (name, row["statement"])
        for row in rows
        if row["verdict"] == "not reproduced"
        for name in row.get("of", "").split()
    }
    asked = re.findall(r"^\d+\. \*\*(.+?)\*\*, says .+? \((\w\d+);", GUIDE, re.MULTILINE)
    assert len(asked) >= 6
    assert {(name, text.replace("\\", "")) for text, name in asked} <= failed
