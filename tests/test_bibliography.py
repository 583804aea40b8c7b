"""The bibliography and the notebooks' lists agree, and what is wrong in either is noticed."""

from dataclasses import replace
from pathlib import Path
import re

import bibliography as tool
import nbformat
from nbformat.v4 import new_markdown_cell, new_notebook
from notebook_parts import find_notebooks
import pytest

NOTEBOOKS = find_notebooks(Path(__file__).parents[1] / "notebooks")
ADAM = tool.Work("D. P. Kingma, J. Ba", "Adam: a method", 2015, "*ICLR*", arxiv="1412.6980")
WHY = tool.Work("D. Erhan", "Why does it help?", 2010, doi="10.1000/a.1")
BOOK = tool.Work("P. Rivas", "Deep Learning", 2020)
PART = tool.Work("P. Rivas", "Deep Learning, the notebook", 2020)
UNDATED = tool.Work("市井小民", "面试系列")
WORKS = [WHY, ADAM, BOOK, PART, UNDATED]


# The committed lists ------------------------------------------------------------------------------


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_references_of_a_notebook_are_those_of_the_bibliography(path):
    entries = tool.entries(nbformat.read(path, as_version=4))
    assert entries and not list(tool.faults_of_list(entries, tool.load()))


def test_bibliography_is_in_order_and_without_duplicates():
    assert not list(tool.faults_of_works(tool.load()))


def test_every_work_is_cited():
    works = tool.load()
    entries = [e for path in NOTEBOOKS for e in tool.entries(nbformat.read(path, as_version=4))]
    cited = {tool.work_of(entry, works) for entry in entries}
    assert not [work.head for work in works if work not in cited], "strike them, or cite them"


# Each fault, made on purpose ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("entry", "work"),
    [
        ("D. P. Kingma, J. Ba (2015). Adam: a method. *ICLR*. arXiv:1412.6980. Fast.", ADAM),
        ("D. Erhan (2010). Why does it help? doi:10.1000/a.1.", WHY),
        ("P. Rivas (2020). *Deep Learning*, ch. 7.", BOOK),
        ("P. Rivas (2020). Deep Learning, the notebook. With losses.", PART),
        ("市井小民. 面试系列, an interview.", UNDATED),
    ],
)
def test_right_entry_means_its_work(entry, work):
    assert tool.work_of(entry, WORKS) == work
    assert not list(tool.faults_of_list([entry], WORKS))


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ("D. P. Kingma and J. Ba (2015). Adam: a method. arXiv:1412.6980", "begins as no work"),
        ("D. P. Kingma, J. Ba (2014). Adam: a method. arXiv:1412.6980", "begins as no work"),
        ("D. P. Kingma, J. Ba (2015). Adam: another. arXiv:1412.6980", "begins as no work"),
        ("D. P. Kingma, J. Ba (2015). Adam: a methodology. arXiv:1412.6980", "begins as no work"),
        ("D. P. Kingma, J. Ba (2015). Adam: a method. arXiv:1412.6890", "another identifier"),
        ("D. P. Kingma, J. Ba (2015). Adam: a method.", r"another.*\(arXiv:1412.6980\)"),
        ("P. Rivas (2020). Deep Learning. doi:10.1000/b", r"another.*\(no doi\)"),
        ("D. Erhan (2010). Why does it help? doi:10.1000/a.", "another identifier"),
    ],
)
def test_wrong_entry_is_noticed(entry, said):
    (fault,) = tool.faults_of_list([entry], WORKS)
    assert re.search(said, fault)


def test_work_that_is_listed_twice_is_noticed():
    entries = ["P. Rivas (2020). *Deep Learning*, ch. 7.", "P. Rivas (2020). Deep Learning. Packt."]
    (fault,) = tool.faults_of_list(entries, WORKS)
    assert fault.startswith("is listed twice")


@pytest.mark.parametrize(
    ("works", "said"),
    [
        ([ADAM, WHY], "stands out of order: D. Erhan"),
        ([BOOK, BOOK], "stands twice: P. Rivas (2020). Deep Learning"),
        ([WHY, replace(ADAM, doi=WHY.doi)], "stands twice: doi:10.1000/a.1"),
        ([replace(WHY, doi="doi.org/10.1000/a")], "is no doi: doi.org/10.1000/a"),
        ([replace(ADAM, arxiv="1412.698")], "is no arXiv: 1412.698"),
    ],
)
def test_fault_of_the_bibliography_is_noticed(works, said):
    assert said in "\n".join(tool.faults_of_works(works))


def test_entries_are_read_from_the_section_of_that_name():
    cells = ["# Title\n\n- no entry", "## Exercises\n\n- no\n\n## References\n\n- *One*.\n- Two\n"]
    notebook = new_notebook(cells=[new_markdown_cell(source) for source in cells])
    assert tool.entries(notebook) == ["*One*.", "Two"]
    assert tool.entries(new_notebook()) == []


def test_works_are_sorted_by_surname_and_year():
    entries = ["市井小民", "Z. Adams", "Å. Björck, G. Golub", "A. Cy and D. Ax"]
    works = [tool.Work(authors, "T") for authors in entries]
    assert sorted(works, key=lambda work: work.order) == [works[n] for n in (1, 2, 3, 0)]


def test_entry_says_all_that_is_known():
    assert ADAM.entry == "D. P. Kingma, J. Ba (2015). Adam: a method. *ICLR*. arXiv:1412.6980"
    assert WHY.entry == "D. Erhan (2010). Why does it help? doi:10.1000/a.1"
