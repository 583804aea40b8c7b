"""Show the course's own code on the page, rendered from the object itself."""

import ast
from collections.abc import Callable
import inspect
from textwrap import dedent

from IPython.display import Markdown


def source_without_docstring(obj: Callable) -> str:
    """Return the source of a function or class as it stands in its file, less its docstring.

    Raises
    ------
    TypeError
        If `obj` was not made by `def` or `class` in Python.
    """
    name = getattr(obj, "__name__", None)
    if not (inspect.isroutine(obj) or inspect.isclass(obj)) or name == "<lambda>":
        raise TypeError(f"obj is {obj!r}; pass a function or a class")
    source = dedent(inspect.getsource(obj)).rstrip()
    node = ast.parse(source).body[0]
    lines = source.splitlines()
    if ast.get_docstring(node) is not None:
        docstring = node.body[0]
        end = docstring.end_lineno
        while end < len(lines) and not lines[end].strip():
            end += 1
        del lines[docstring.lineno - 1 : end]
    return "\n".join(lines)


def show_source(obj: Callable) -> Markdown:
    """Display that source as a code block; the docstring is a `help()` away."""
    return Markdown(f"```python\n{source_without_docstring(obj)}\n```")
