"""The glossary is whole, its terms are linked where a page first uses them, and nowhere else."""

from pathlib import Path
import re

import glossary
import nbformat
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook
from notebook_parts import find_notebooks
import pytest

ROOT = Path(__file__).parents[1]
PAGES = find_notebooks(ROOT / "notebooks")
TEXT = glossary.GLOSSARY.read_text(encoding="utf-8")
TERMS = glossary.words(TEXT)
SMALL = """\
# Glossary

## code
<!-- code, codes; not: source code -->
What is left.

## code size
<!-- code size -->
How much.

## KL divergence
<!-- KL divergence, KL -->
How far.
"""


def read(path: Path) -> NotebookNode:
    """Read a notebook."""
    return nbformat.read(path, as_version=4)


def entries() -> dict[str, str]:
    """Return what the glossary says below each heading."""
    parts = re.split(r"^## (.+)\n", TEXT, flags=re.MULTILINE)[1:]
    return dict(zip(parts[::2], parts[1::2], strict=True))


# The glossary -------------------------------------------------------------------------------------


def test_terms_stand_in_their_order_each_once():
    found = list(entries())
    assert found == sorted(set(found), key=str.lower)
    assert set(TERMS.values()) == set(found)


@pytest.mark.parametrize("term", entries())
def test_a_term_has_a_definition_in_two_languages_and_a_notebook(term):
    english, chinese = entries()[term].strip().split("\n\n")
    assert english.startswith("<!-- ") and english.splitlines()[1].endswith(".")
    assert re.match(r"\*\*.+\*\*：.*[一-鿿].*。$", chinese)
    named = re.findall(r"\]\(\.\./notebooks/(\S+?)\)", english)
    assert named
    words = [word for word, of in TERMS.items() if of == term]
    for name in named:
        text = "\n".join(cell.source.lower() for cell in read(ROOT / "notebooks" / name).cells)
        assert any(word in text for word in words), f"{name} does not speak of {term}"


# The pages ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
def test_every_linked_term_exists(path):
    anchors = {glossary.slug(term) for term in entries()}
    text = "\n".join(cell.source for cell in read(path).cells)
    linked = re.findall(r"glossary\.md#([^)]*)\)", text)
    assert linked and set(linked) <= anchors
    assert len(set(linked)) == len(linked), "a term is linked twice"


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
def test_linked_is_the_first_use_of_every_term(path):
    notebook = read(path)
    before = [cell.source for cell in notebook.cells]
    glossary.link(notebook, TEXT)
    assert [cell.source for cell in notebook.cells] == before, f"tools/glossary.py {path.stem[:2]}"


# The tool -----------------------------------------------------------------------------------------


def linked(*texts: str) -> list[str]:
    """Return text cells of a page after the tool; links in short, as [word→anchor]."""
    cells = [new_markdown_cell("# A code\n\nA promise."), new_code_cell("code = 1")]
    notebook = new_notebook(cells=[*cells, *map(new_markdown_cell, texts)])
    glossary.link(notebook, SMALL)
    assert notebook.cells[0].source == "# A code\n\nA promise."
    assert notebook.cells[1].source == "code = 1"
    return [
        re.sub(r"\[([^\]]+)\]\(\.\./docs/glossary\.md#([^)]+)\)", r"[\1→\2]", cell.source)
        for cell in notebook.cells[2:]
    ]


def test_the_first_use_is_linked_and_no_later_one():
    found = linked("Two **Codes** and a code.", "No code. KL, kl and a kl divergence.")
    assert found == [
        "Two **[Codes→code]** and a code.",
        "No code. [KL→kl-divergence], kl and a kl divergence.",
    ]


def test_the_longest_word_wins():
    assert linked("A code size, a code.") == ["A [code size→code-size], a [code→code]."]
    assert linked("The KL divergence.") == ["The [KL divergence→kl-divergence]."]


@pytest.mark.parametrize(
    "text",
    [
        "## The code\n\nx",
        "`code` and ``a code``",
        "```\ncode\n```",
        "$code$ and $$\ncode\n$$",
        "| code |\n| --- |",
        "[code](02_a.ipynb) and ![code](a.svg)",
        "<code>x</code>",
        "encoder, decode, QR-code",
        "source code",
    ],
)
def test_what_is_no_use_of_a_term_stays(text):
    assert linked(text, "A code.") == [text, "A [code→code]."]


def test_exercises_stay_as_they_are():
    assert linked("KL\n\n## Exercises\n\n1. A code.", "A code.") == [
        "[KL→kl-divergence]\n\n## Exercises\n\n1. A code.",
        "A code.",
    ]


def test_links_that_are_there_are_set_anew():
    once = linked("A code.")
    again = linked(
        "First code.", "A [code](../docs/glossary.md#code). [x](../docs/glossary.md#old)"
    )
    assert once == ["A [code→code]."]
    assert again == ["First [code→code].", "A code. x"]


def test_a_word_stands_for_one_term():
    with pytest.raises(ValueError, match='"code" stands for two terms'):
        glossary.words(SMALL + "\n## other\n<!-- other, code -->\nNot that.\n")


def test_only_what_changes_is_written(tmp_path, capsys):
    path = tmp_path / "01_a.ipynb"
    cells = [new_markdown_cell("# 01 · A\n\nA."), new_markdown_cell("An autoencoder.")]
    nbformat.write(new_notebook(cells=cells), path)
    for changed in (1, 0):
        assert glossary.main(["--folder", str(tmp_path)]) == 0
        assert f"{changed} of 1 notebooks changed" in capsys.readouterr().out
    assert "glossary.md#autoencoder" in read(path).cells[1].source
    assert glossary.main(["--folder", str(tmp_path), "9"]) == 2
