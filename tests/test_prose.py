"""Numbers in prose are read as a reader would, and looked up in outputs, code and publications."""

from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
import prose
import pytest


def read(text: str) -> list[str]:
    """Return the numbers of a text as it has them."""
    return [figure.text for figure in prose.figures(text)]


def notebook(text: str, output: str = "", code: str = "1", far: int = 0, **metadata):
    """Return a notebook with one text below one output and `far` cells between them."""
    shown = [new_output("stream", text=output)] if output else []
    cells = [new_code_cell(code, outputs=shown), *(new_code_cell("draw()") for _ in range(far))]
    return new_notebook(cells=[*cells, new_markdown_cell(text, metadata={"aelib": metadata})])


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("an error of 0.0066, not 0.08.", ["0.0066", "0.08"]),
        ("8.7 % of 10,000 digits, 12 percent", ["8.7 %", "10,000", "12 percent"]),
        ("after 26 epochs; 3 of them", ["26"]),
        ("about 5 %, 2 times, 3 points", ["5 %", "2 times", "3 points"]),
        ("784-1000-500-250", ["784", "1000", "500", "250"]),
        ("a rate of $\\lambda = 0.05$ and $2^{784}$", ["0.05"]),
        ("$$x = \\frac{12}{13} 0.5$$", ["0.5"]),
        ("`Dense(32)`, float32, uint8", ["32"]),
        ("Rivas (2020) and notebooks 03, 04 and 12, cell 17, Fig. 7.11, section 3.2", []),
        ("1. Run it\n12. See [this](x12.html) or https://a.org/99, doi:10.1000/182", []),
        ("```\nDense(99)\n```", []),
        ("# 12 · Title", []),
        ("# Solutions: 12 · Title", []),
        ("[12](12_a.ipynb), [13 · B](13_b.ipynb), [14, c](14_c.ipynb#c)", []),
        ("10⁻³ of it", []),
        ("| **Time** | about 18 minutes |\n| 18 | 19 |", ["18", "19"]),
    ],
)
def test_numbers_are_read(text, numbers):
    assert read(text) == numbers


@pytest.mark.parametrize(
    ("text", "output"),
    [
        ("The error is 0.0182.", "error: 0.018153"),
        ("It misses 8.7 %.", "0.0872"),
        ("It misses 8.7 %.", "8.71"),
        ("from 43 to 75 % of them", "0.43 0.749"),
        ("about 2,500 steps", "2483"),
        ("10,000 digits", "10,000"),
        ("0.00002 at most", "1.9e-05"),
        ("-0.25 below", "0.25"),
    ],
)
def test_number_that_an_output_rounds_to_is_borne_out(text, output):
    assert prose.problems(notebook(text, output)) == []


@pytest.mark.parametrize(
    ("text", "output", "said"),
    [
        ("36 epochs", "26", "36 is in no output"),
        ("The error is 0.0183.", "error: 0.018153", "0.0183 is in no output"),
        ("0.0872 of all", "8.72", "0.0872 is in no output"),
        ("2,500 steps", "2483", "2,500 is in no output"),
        ("3.1 times better", "0.31 1.0", "3.1 times is unclear, a comparison"),
        ("4 points ahead", "12 % and 8 %", "4 points is unclear, a comparison"),
    ],
)
def test_number_that_nothing_bears_out_is_named(text, output, said):
    (problem,) = prose.problems(notebook(text, output))
    assert said in problem


def test_code_tables_and_facts_bear_numbers_out():
    assert prose.problems(notebook("32 units", code="Dense(32)")) == []
    assert prose.problems(notebook("0.084 in the text", code="check('0.0841 as printed')")) == []
    shown = notebook("It is 0.5.")
    table = {"text/html": "<style>p{margin:7.5em}</style><td class='a9.5'>0.5</td>"}
    shown.cells[0].outputs = [new_output("display_data", table)]
    assert prose.problems(shown) == []
    shown.cells[1].source = "It is 7.5 or 9.5."
    assert len(prose.problems(shown)) == 2


def test_short_number_is_looked_for_near_by():
    assert prose.problems(notebook("0.05 of it", "0.05", far=prose.NEAR - 1)) == []
    assert prose.problems(notebook("0.05 of it", "0.05", far=prose.NEAR))
    assert prose.problems(notebook("0.0512 of it", "0.0512", far=prose.NEAR)) == []


def test_published_figure_needs_the_name_of_the_work():
    assert prose.problems(notebook("Hinton and Salakhutdinov have 13.87.")) == []
    assert prose.problems(notebook("Somebody has 13.87."))


def test_number_of_another_notebook_needs_its_number():
    others = {"05": notebook("", "0.1234")}
    assert prose.problems(notebook("Notebooks 04 and 05 have 0.1234."), others) == []
    assert prose.problems(notebook("An earlier one has 0.1234."), others)


def test_exception_needs_a_reason_and_a_number_that_needs_it():
    reasons = {"0.3": "read off the figure of cell 1"}
    assert prose.problems(notebook("about 0.3", numbers=reasons)) == []
    assert prose.problems(notebook("about 0.3", numbers={"0.3": " "}))
    (idle,) = prose.problems(notebook("about 0.3", "0.3", numbers=reasons))
    assert "no exception needed for 0.3" in idle
    assert len(prose.problems(notebook("about 0.4", numbers=reasons))) == 2


def test_exercises_and_references_are_not_read():
    text = "## Exercises\n\nTry 77 units.\n\n## References\n\nNeurocomputing 184, 232"
    assert prose.problems(notebook(text)) == []
