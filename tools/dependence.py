"""Which names of a notebook are computed from a model, a data set or a training, and which are not.

What a call of an imported function gives is a result; its name alone is none, nor is a constant of
its module. Results are followed through all cells of a notebook: assignments, loops, functions,
methods that change what they are called on. Scopes are not told apart, so a name depends on all
that any assignment to it uses.
"""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

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
# Functions and methods that call a function they are given, or only hand it on.
CALLING = {"apply", "filter", "map"}
HANDING_ON = {"dict", "enumerate", "items", "partial", "values", "zip"}
DEFINITIONS = (ast.FunctionDef, ast.ClassDef, ast.Lambda)
HOLDERS = (ast.Dict, ast.List, ast.Set, ast.Starred, ast.Subscript, ast.Tuple)


@dataclass
class Known:
    """What the names of a notebook stand for.

    Attributes
    ----------
    ways : names that give results when they are called: modules, functions, classes
    results : names of what such calls gave
    """

    ways: set[str]
    results: set[str]


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
    """Yield what is written together with the names it is computed from, for every statement."""
    for into, node in writes(tree):
        yield into, names(node)


def writes(tree: ast.AST) -> Iterator[tuple[set[str], ast.AST]]:
    """Yield what is written together with what it is computed from, for every statement."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign):
            for target in node.targets:
                yield from assigned(target, node.value)
        elif isinstance(node, ast.AugAssign | ast.AnnAssign | ast.NamedExpr) and node.value:
            yield targets(node.target), node.value
        elif isinstance(node, ast.For | ast.comprehension):
            yield targets(node.target), node.iter
        elif isinstance(node, ast.withitem) and node.optional_vars:
            yield targets(node.optional_vars), node.context_expr
        elif isinstance(node, ast.FunctionDef | ast.ClassDef):
            yield {node.name}, node
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            # errors.append(error): what the list holds depends on what it is given.
            if node.func.attr == "check":  # a ledger is no result, whatever stands in it
                continue
            for given in [*node.args, *(pair.value for pair in node.keywords)]:
                yield targets(node.func), given


def assigned(target: ast.expr, value: ast.expr) -> Iterator[tuple[set[str], ast.AST]]:
    """Yield what an assignment writes, from what; of `a, b = x, y` each part on its own."""
    parts = [getattr(side, "elts", []) for side in (target, value)]
    if parts[0] and len(parts[0]) == len(parts[1]):
        for one, other in zip(*parts, strict=True):
            yield from assigned(one, other)
    else:
        yield targets(target), value


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


def imported(tree: ast.AST) -> Iterator[str]:
    """Yield the names of all that is imported."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            yield from (alias.asname or alias.name.split(".")[0] for alias in node.names)


def computed(notebook: NotebookNode) -> Known:
    """Tell which names of a notebook give results when they are called, and which hold results."""
    trees = [syntax(cell) for cell in code_cells(notebook)]
    known = Known({name for tree in trees for name in sources(tree)}, set())
    # training.fit(x) and np.mean(x) do not change their modules.
    fixed = {name for tree in trees for name in imported(tree)}
    edges = [(into - fixed, node) for tree in trees for into, node in writes(tree)]
    before = -1
    while before != (before := len(known.ways) + len(known.results)):
        for into, node in edges:
            if leads(node, known):
                known.ways |= into
            if measured(node, known):
                known.results |= into
    return known


def is_constant(name: str) -> bool:
    """Tell constants of a module by their names, such as LABELS and __version__."""
    return name.startswith("__") or (name.isupper() and len(name) > 1)


def leads(node: ast.AST, known: Known) -> bool:
    """Tell whether an expression or a definition gives results once it is called."""
    if isinstance(node, DEFINITIONS):
        inside = [part for child in ast.iter_child_nodes(node) for part in ast.walk(child)]
        return any(leads(part, known) or measured(part, known) for part in inside)
    if isinstance(node, ast.Name):
        return node.id in known.ways and not is_constant(node.id)
    if isinstance(node, ast.Attribute):
        return not is_constant(node.attr) and leads(node.value, known)
    holds = isinstance(node, HOLDERS) or (
        isinstance(node, ast.Call) and last_name(node.func) in HANDING_ON
    )
    return holds and any(leads(part, known) for part in ast.iter_child_nodes(node))


def last_name(func: ast.expr) -> str:
    """Return the name by which a call goes: "fit" in training.fit(x)."""
    return getattr(func, "attr", getattr(func, "id", ""))


def measures(call: ast.Call, known: Known) -> bool:
    """Tell whether a call gives a result: not data.LABELS.count(7), nor keras.__version__.upper().

    A class may have a name like a constant's: PCA(2).
    """
    name = last_name(call.func)
    if name in HANDING_ON:
        return False
    if name in CALLING:
        return any(leads(given, known) for given in call.args)
    if isinstance(call.func, ast.Name):
        return name in known.ways
    path = getattr(call.func, "value", None)
    plain = isinstance(path, ast.Name | ast.Attribute | ast.Subscript)
    return plain and not name.startswith("__") and leads(path, known)


def measured(node: ast.AST, known: Known) -> bool:
    """Tell whether an expression calls what gives results, or reads such a result."""
    if isinstance(node, DEFINITIONS) or settled(node):
        return False
    if isinstance(node, ast.Name):
        return isinstance(node.ctx, ast.Load) and node.id in known.results
    if isinstance(node, ast.Call) and measures(node, known):
        return True
    return any(measured(child, known) for child in ast.iter_child_nodes(node))


def settled(node: ast.AST) -> bool:
    """Tell whether a condition is settled by its form: `x or True`, `x and False`, `x is x`."""
    if isinstance(node, ast.BoolOp):
        literals = [part.value for part in node.values if isinstance(part, ast.Constant)]
        return any(bool(value) == isinstance(node.op, ast.Or) for value in literals)
    if isinstance(node, ast.Compare):
        sides = map(ast.dump, [node.left, *node.comparators])
        return any(one == other for one, other in pairwise(sides))
    return False


def constant_parts(holds: ast.expr | None, known: Known) -> list[str]:
    """List what a verdict rests on that no result can change, as code.

    Parameters
    ----------
    holds : the argument of a check; of a mapping {condition: …} each value counts
    known : what the names of the notebook stand for
    """
    parts = conditions(holds) if holds else []
    found = [ast.unparse(part) for part in parts if not can_fail(part, known)]
    return found if parts else ["nothing"]


def conditions(holds: ast.expr) -> list[ast.expr]:
    """List the conditions of a check: the values of a mapping, of {…: …} | {…: …} those of both."""
    if isinstance(holds, ast.BinOp) and isinstance(holds.op, ast.BitOr):
        return conditions(holds.left) + conditions(holds.right)
    if isinstance(holds, ast.DictComp):
        return [holds.value]
    return holds.values if isinstance(holds, ast.Dict) else [holds]


def can_fail(part: ast.expr, known: Known) -> bool:
    """Tell whether a result decides a condition: all of an `or`, and no part by its form alone."""
    nodes = list(ast.walk(part))
    ors = [node for node in nodes if isinstance(node, ast.BoolOp) and isinstance(node.op, ast.Or)]
    return (
        measured(part, known)
        and not any(map(settled, nodes))
        and all(measured(value, known) for node in ors for value in node.values)
    )
