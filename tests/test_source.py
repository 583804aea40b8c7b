"""Code on the page is the object's own, less its docstring."""

import ast
import inspect

from aelib import models, noise, profile, source, training
import pytest


def commented(x):
    """Double a number.

    A line with triple trouble: '''.
    """
    # Twice is enough.
    y = 2 * x  # like this

    return y


def bare(x):
    # No docstring here.
    return x


class Box:
    """Holds a thing."""

    colour = "red"  # as ever

    def open(self):
        """Stays: only the class's own docstring goes."""
        return self.colour


def test_docstring_goes_and_comments_stay():
    assert source.source_without_docstring(commented).splitlines() == [
        "def commented(x):",
        "    # Twice is enough.",
        "    y = 2 * x  # like this",
        "",
        "    return y",
    ]


def test_source_without_a_docstring_is_left_alone():
    assert source.source_without_docstring(bare) == inspect.getsource(bare).rstrip()


def test_class_loses_its_own_docstring_only():
    text = source.source_without_docstring(Box)
    assert "Holds a thing" not in text
    assert "# as ever" in text and "Stays: only" in text


def test_no_blank_line_is_left_where_the_docstring_stood():
    assert source.source_without_docstring(Box).splitlines()[1] == '    colour = "red"  # as ever'


def test_method_stands_at_the_margin():
    text = source.source_without_docstring(Box.open)
    assert text.splitlines() == ["def open(self):", "    return self.colour"]


@pytest.mark.parametrize(
    "obj", [models.dense_autoencoder, models.Autoencoder, noise.masking, profile.pick, training.fit]
)
def test_courses_own_code_stays_valid(obj):
    text = source.source_without_docstring(obj)
    (node,) = ast.parse(text).body
    assert node.name == obj.__name__
    assert ast.get_docstring(node) is None


def test_shown_as_a_python_block():
    shown = source.show_source(commented).data
    assert shown == f"```python\n{source.source_without_docstring(commented)}\n```"


@pytest.mark.parametrize("obj", [3, None, "bare", noise, lambda x: x, [bare]])
def test_what_has_no_definition_of_its_own_is_named(obj):
    with pytest.raises(TypeError, match="obj is .*pass a function or a class"):
        source.show_source(obj)
