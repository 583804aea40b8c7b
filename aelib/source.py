"""Show the course's own code on the page, rendered from the object itself."""

import ast
from collections.abc import Callable
import inspect
from textwrap import dedent

from IPython.display import Markdown


def without_docstring(source: str) -> str:
    """Return the source of one function or class less its docstring.

    Parameters
    ----------
    source : what stands at the margin, such as "def double(x): …"
    """
    node = ast.parse(source).body[0]
    lines = source.splitlines()
    if ast.get_docstring(node) is not None:
        docstring = node.body[0]
        end = docstring.end_lineno
        while end < len(lines) and not lines[end].strip():
            end += 1
        del lines[docstring.lineno - 1 : end]
    return "\n".join(lines)


def source_without_docstring(obj: Callable) -> str:
    """Return the source of a function or class as it stands in its file, less its docstring."""
    return without_docstring(dedent(inspect.getsource(obj)).rstrip())


def show_source(obj: Callable) -> Markdown:
    """Display that source as a code block; the docstring is a `help()` away."""
    return Markdown(f"```python\n{source_without_docstring(obj)}\n```")
