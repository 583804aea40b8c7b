"""The form of a notebook of solutions; each rule takes a notebook and names what breaks it."""

import ast
from collections.abc import Callable

from dependence import names, uses
from nbformat import NotebookNode
from notebook_parts import (
    CHECK,
    SOLUTION,
    exercises,
    headings,
    setup_facts,
    solved,
    syntax,
    tags,
    written,
)
import notebook_rules as rules
from notebook_rules import Problems


def quick_profile(notebook: NotebookNode) -> Problems:
    """It ran in the quick profile, as `make solutions` and nbval run it."""
    if setup_facts(notebook).get("profile") != "quick":
        yield "its set-up cell does not show that the quick profile ran; make solutions"


def numbered(notebook: NotebookNode) -> Problems:
    """Its exercises are numbered from 1."""
    found = [exercise.number for exercise in solved(notebook)]
    if not found or found != list(range(1, len(found) + 1)):
        yield f'needs sections "## Exercise 1", "## Exercise 2" and so on; there are {found}'


def answered(notebook: NotebookNode) -> Problems:
    """Each exercise has a solution in code and in words, and after it a check."""
    for exercise in solved(notebook):
        for tag, kind in ((SOLUTION, "code"), (CHECK, "code"), (SOLUTION, "markdown")):
            if not exercise.tagged(tag, kind):
                yield f'exercise {exercise.number} has no {kind} cell tagged "{tag}"'
        marked = [tag for cell in exercise.cells for tag in (SOLUTION, CHECK) if tag in tags(cell)]
        if CHECK in marked and marked.index(CHECK) < marked.index(SOLUTION):
            yield f"exercise {exercise.number}: its check stands above its solution"


def checks_can_fail(notebook: NotebookNode) -> Problems:
    """Each check asserts something of a name that its solution made, and says what is wrong."""
    for exercise in solved(notebook):
        for cell in exercise.tagged(CHECK, "code"):
            where = f"exercise {exercise.number}: its check"
            asserts = [node for node in ast.walk(syntax(cell)) if isinstance(node, ast.Assert)]
            if not asserts:
                yield f"{where} asserts nothing"
            answer = depending(cell, written(exercise.tagged(SOLUTION, "code")))
            for node in asserts:
                said = ast.unparse(node)[:80]
                if node.msg is None:
                    yield f"{where} does not say what is wrong: {said}"
                if not names(node.test) & answer:
                    yield f"{where} does not depend on the solution: {said}"


def depending(cell: NotebookNode, known: set[str]) -> set[str]:
    """Collect the names in a cell whose values come from known ones, and those themselves."""
    edges = list(uses(syntax(cell)))
    while new := {name for into, out in edges if out & known for name in into} - known:
        known = known | new
    return known


def of_its_page(notebook: NotebookNode, page: NotebookNode, name: str) -> Problems:
    """It bears the page's title, links to the page and repeats its exercises word for word."""
    title = f"Solutions: {headings(page)[0][1]}"
    if headings(notebook)[0][1] != title:
        yield f'its title is not "{title}"'
    if f"](../{name})" not in notebook.cells[0].source:
        yield f"its first cell does not link to ../{name}"
    asked, solutions = exercises(page), solved(notebook)
    if len(asked) != len(solutions):
        yield f"the page has {len(asked)} exercises, here are {len(solutions)}"
    for text, exercise in zip(asked, solutions, strict=False):
        if text.split() != exercise.text.split():
            yield f"exercise {exercise.number} is not word for word the page's: {text[:60]}…"


SHARED = [
    rules.as_it_ran,
    rules.as_it_stood,
    rules.executed_in_order,
    rules.no_errors,
    rules.no_stderr,
    rules.no_widgets,
    rules.no_timing,
    rules.setup_is_rendered,
    rules.no_local_paths,
    rules.explorers_are_current,
    rules.plain_python,
    rules.no_try,
    rules.no_other_programs,
    rules.only_known_tags,
    rules.short_cells,
    rules.one_title,
]
OWN = [quick_profile, numbered, answered, checks_can_fail]
RULES: list[Callable[[NotebookNode], Problems]] = [*SHARED, *OWN]
