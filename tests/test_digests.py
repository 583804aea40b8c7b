"""Digests notice what changed, pass over what is free, and know the course's own functions."""

import ast

from aelib import source
import digests
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
import pytest
import stamp_colab

SHOWN = "source.show_source(noise.gaussian)"


def signed(*cells):
    """Return a notebook with these cells, signed."""
    notebook = new_notebook(cells=[new_markdown_cell("# Title\n\nA promise."), *cells])
    digests.sign(notebook)
    return notebook


def showing(text: str):
    """Return a signed notebook that shows a function of aelib."""
    data = {"text/markdown": f"```python\n{text}\n```", "text/plain": "<Markdown object>"}
    output = new_output("execute_result", data, execution_count=1)
    return signed(new_code_cell(SHOWN, outputs=[output]))


@pytest.mark.parametrize(
    "same", ["f(1,\n  2)", "f(1, 2)  # why", "# why\n\nf(1, 2);", "f(\n    1,\n    2,\n)"]
)
def test_formatting_is_free(same):
    assert digests.source(new_code_cell(same)) == digests.source(new_code_cell("f(1, 2)"))


@pytest.mark.parametrize(
    "other", ["f(1, 3)", "f(2, 1)", "f(1., 2)", "g(1, 2)", "f(1, y=2)", "f(1, '2')", "f(True, 2)"]
)
def test_code_is_not(other):
    assert digests.source(new_code_cell(other)) != digests.source(new_code_cell("f(1, 2)"))


def test_fields_that_only_newer_versions_of_python_have_do_not_count():
    function = ast.parse("def f(x):\n    return x").body[0]
    before = digests.tree(function)
    function._fields = (*function._fields, "newer")
    function.newer = []
    assert digests.tree(function) == before


def test_empty_text_at_the_end_of_an_f_string_does_not_count():
    one, other = (ast.parse('f"{x:{w}}"', mode="eval").body for _ in range(2))
    one.values[0].format_spec.values.append(ast.Constant(""))
    assert digests.tree(one) == digests.tree(other)


def test_count_of_an_execution_is_free_and_the_order_of_outputs_is_not():
    one, two = (new_output("display_data", {"text/plain": text}) for text in "ab")
    result = new_output("execute_result", {"text/plain": "c"}, execution_count=3)
    again = new_output("execute_result", {"text/plain": "c"}, execution_count=7)
    of = digests.outputs
    assert of(new_code_cell(outputs=[result])) == of(new_code_cell(outputs=[again]))
    assert of(new_code_cell(outputs=[one, two])) != of(new_code_cell(outputs=[two, one]))


def test_notebook_that_was_never_signed_is_refused():
    (problem,) = digests.changed_since_the_run(new_notebook(cells=[new_code_cell("1")]))
    assert "carries no digests" in problem


def test_link_to_colab_needs_no_run():
    notebook = signed(new_code_cell("from aelib import data"))
    stamp_colab.stamp(notebook, "01_a.ipynb", "owner/name")
    assert "google.colab" in notebook.cells[1].source
    assert not list(digests.changed_since_the_run(notebook))
    assert not list(digests.changed_by_hand(notebook))


def test_function_is_found_in_its_file():
    assert digests.definition("layers.TiedDense.call").startswith("def call(self")
    for name in ("noise.gaussian", "models.dense_autoencoder", "training.fit"):
        assert digests.definition(name).startswith(f"def {name.split('.')[1]}(")
    for name in ("noise.nothing", "nothing.gaussian", "noise"):
        with pytest.raises(ValueError, match=f"aelib has no {name}"):
            digests.definition(name)


def test_function_looks_as_in_the_notebook():
    from aelib import noise

    assert digests.definition("noise.gaussian") == source.source_without_docstring(noise.gaussian)


def test_function_that_changed_in_aelib_since_is_refused():
    now = digests.definition("noise.gaussian")
    assert not list(digests.changed_since_the_run(showing(now)))
    assert not list(digests.changed_since_the_run(showing(f"{now}  # a comment")))
    (problem,) = digests.changed_since_the_run(showing(f"{now} + 1"))
    assert "shows noise.gaussian as it was" in problem


def test_function_that_is_gone_is_refused():
    notebook = showing(digests.definition("noise.gaussian"))
    notebook.metadata.aelib.shown = {"noise.gone": "0"}
    problems = list(digests.changed_since_the_run(notebook))
    assert "aelib has no noise.gone" in problems[-1]
