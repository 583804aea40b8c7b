"""Show the course's own code on the page, rendered from the object itself."""

import ast
from collections.abc import Callable
import inspect

from IPython.display import Markdown


def source_without_docstring(obj: Callable) -> str:
    """Return the source of a function or class as it stands in its file, less its docstring."""
    lines = inspect.getsource(obj).splitlines()
    body = ast.parse("\n".join(lines)).body[0].body
    if ast.get_docstring(ast.parse("\n".join(lines)).body[0]) is not None:
        del lines[body[0].lineno - 1 : body[0].end_lineno]
    return "\n".join(lines)


def show_source(obj: Callable) -> Markdown:
    """Display that source as a code block; the docstring is a `help()` away."""
    return Markdown(f"```python\n{source_without_docstring(obj)}\n```")
