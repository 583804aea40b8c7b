"""Which names of a notebook are computed from a model, a data set or a training, and which are not.

Names are followed through all cells of a notebook: assignments, loops, functions, methods that
change what they are called on. Scopes are not told apart, so a name depends on all that any
assignment to it uses.
"""

import ast
from collections.abc import Iterator

from nbformat import NotebookNode
from notebook_parts import code_cells, syntax

# What is imported from here gives models, data, training and measurements. `aelib.profile`, which
# picks constants, and `aelib.claims` are left out; NumPy and pandas only pass on what they get.
MEASURING = ("keras", "tensorflow", "sklearn", "skimage", "scipy")
MEASURING_PARTS = (
    "comparison",
    "data",
    "layers",
    "metrics",
    "models",
    "noise",
    "seeds",
    "training",
    "variations",
    "yardsticks",
)


def names(node: ast.AST) -> set[str]:
    """Collect the names that an expression or a body reads."""
    return {
        part.id
        for part in ast.walk(node)
        if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Load)
    }


def targets(node: ast.AST) -> set[str]:
    """Collect the names that an assignment writes: `a`, `a, b`, `a[i]` and `a.b` alike."""
    if isinstance(node, ast.Subscript | ast.Attribute):
        return targets(node.value)
    if isinstance(node, ast.Call):
        return targets(node.func)
    found = {node.id} if isinstance(node, ast.Name) else set()
    for part in getattr(node, "elts", []):
        found |= targets(part)
    return found | (targets(node.value) if isinstance(node, ast.Starred) else set())


def uses(tree: ast.AST) -> Iterator[tuple[set[str], set[str]]]:
    """Yield what is written together with what it is computed from, for every statement."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign):
            for target in node.targets:
                yield from assigned(target, node.value)
        elif isinstance(node, ast.AugAssign | ast.AnnAssign | ast.NamedExpr) and node.value:
            yield targets(node.target), names(node.value)
        elif isinstance(node, ast.For | ast.comprehension):
            yield targets(node.target), names(node.iter)
        elif isinstance(node, ast.withitem) and node.optional_vars:
            yield targets(node.optional_vars), names(node.context_expr)
        elif isinstance(node, ast.FunctionDef | ast.ClassDef):
            yield {node.name}, names(node)
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            # errors.append(error): what the list holds depends on what it is given.
            given = [*node.args, *(pair.value for pair in node.keywords)]
            yield targets(node.func), set().union(set(), *map(names, given))


def assigned(target: ast.expr, value: ast.expr) -> Iterator[tuple[set[str], set[str]]]:
    """Yield what an assignment writes, from what; of `a, b = x, y` each part on its own."""
    parts = [getattr(side, "elts", []) for side in (target, value)]
    if parts[0] and len(parts[0]) == len(parts[1]):
        for one, other in zip(*parts, strict=True):
            yield from assigned(one, other)
    else:
        yield targets(target), names(value)


def sources(tree: ast.AST) -> Iterator[str]:
    """Yield the names of what is imported to build, load, train and measure."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                if alias.name.split(".")[0] in MEASURING:
                    yield alias.asname or alias.name.split(".")[0]
        elif isinstance(node, ast.ImportFrom) and node.module:
            package, *parts = node.module.split(".")
            for alias in node.names:
                part = [*parts, alias.name][0]
                if package in MEASURING or (package == "aelib" and part in MEASURING_PARTS):
                    yield alias.asname or alias.name


def computed(notebook: NotebookNode) -> set[str]:
    """Collect the names whose values come from a model, a data set or a training."""
    trees = [syntax(cell) for cell in code_cells(notebook)]
    found = {name for tree in trees for name in sources(tree)}
    edges = [edge for tree in trees for edge in uses(tree)]
    while new := {name for into, out in edges if out & found for name in into} - found:
        found |= new
    return found


def constant_parts(holds: ast.expr | None, computed: set[str]) -> list[str]:
    """List what a verdict rests on that no result can change, as code.

    Parameters
    ----------
    holds : the argument of a check; of a mapping {condition: …} each value counts
    computed : names whose values come from results
    """
    if holds is None:
        return ["nothing"]
    parts = holds.values if isinstance(holds, ast.Dict) else [holds]
    return [ast.unparse(part) for part in parts if not names(part) & computed] or (
        [] if parts else ["nothing"]
    )
