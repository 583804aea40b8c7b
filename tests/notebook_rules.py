"""The form of a committed notebook: each rule takes a notebook and names what breaks it."""

import ast
from collections.abc import Callable, Iterator
from html import unescape
from itertools import groupby
import json
from pathlib import Path
import re
from urllib.parse import unquote, urlsplit

from aelib import statements
from aelib.claims import FULL_ONLY, REPRODUCED, Claims
from aelib.explorer import Explorer
from aelib.explorer._page import FACTS
from aelib.profile import Setup
from dependence import computed, constant_parts
import digests
from markdown_it import MarkdownIt
import nbformat
from nbformat import NotebookNode
from notebook_parts import (
    CHECK,
    MAGIC,
    SOLUTION,
    checks,
    claims,
    code_cells,
    headings,
    headings_of,
    keyword,
    ledgers,
    literal,
    setup_facts,
    setup_output,
    syntax,
    tags,
    without_install,
)
from run_notebooks import TIMING

CHECKED = "nbval-check-output"
GALLERY = "gallery"
FOLDED = "hide-input"
TAGS = {CHECKED, GALLERY, FOLDED, SOLUTION, CHECK}
# Comments that nbval reads as commands, such as NBVAL_SKIP.
COMMAND = re.compile(r"#\s*((?:NBVAL|PYTEST_VALIDATE)_\w+)")
SHORTEST_ALT = 20
# They start other programs, hide errors or reach around what the rules can read.
FORBIDDEN_MODULES = {
    "builtins",
    "contextlib",
    "ctypes",
    "importlib",
    "multiprocessing",
    "os",
    "pip",
    "pty",
    "runpy",
    "subprocess",
    "sys",
}
# Only as functions: model.compile and Image.open are others.
FORBIDDEN_NAMES = {"compile", "open"}
# Whatever module they are reached through: pathlib.os, IPython.get_ipython().system.
FORBIDDEN_ANYWHERE = FORBIDDEN_MODULES | {
    "__builtins__",
    "__dict__",
    "__import__",
    "check_call",
    "check_output",
    "create_subprocess_exec",
    "create_subprocess_shell",
    "eval",
    "exec",
    "get_ipython",
    "getoutput",
    "getstatusoutput",
    "globals",
    "locals",
    "popen",
    "Popen",
    "run_cell",
    "run_cell_magic",
    "run_line_magic",
    "subprocess_exec",
    "subprocess_shell",
    "system",
    "vars",
}
LONGEST_SETUP = 10
LONGEST_CELL = 25
WORDS = re.compile(
    r"\s*(?:f?\"[^\"]*\",?|[\])}]*[,;:]?)\s*"
)  # a line of text, closing brackets, nothing
LARGEST_FILE = 700_000
LARGEST_EXPLORER = 1_000_000
LOCAL_PATH = re.compile(r"(?<![\w.])(?:/(?:root|home|work|Users|tmp)/|(?:\.\./)*shared/)\S*")
EMBEDDED = re.compile(r"data:[\w/+.-]+;base64,[A-Za-z0-9+/=]*")  # a picture or a sound
IMAGE_TAG = re.compile(r"""<img\b[^>]*?\bsrc\s*=\s*["']?([^"'\s>]+)""", re.IGNORECASE)
FOLDER = Path(__file__).parents[1] / "notebooks"

Problems = Iterator[str]


# What a notebook holds ----------------------------------------------------------------------------


def outputs(notebook: NotebookNode) -> Iterator[tuple[int, NotebookNode]]:
    """Yield every output with the place of its code cell, counted from 1."""
    for n, cell in enumerate(code_cells(notebook), start=1):
        for output in cell.outputs:
            yield n, output


def texts(notebook: NotebookNode) -> Iterator[str]:
    """Yield all that can be read: sources, printed text, text and HTML results."""
    for cell in notebook.cells:
        yield cell.source
    for _, output in outputs(notebook):
        yield output.get("text", "")
        yield from (str(data) for kind, data in output.get("data", {}).items() if "text/" in kind)


def explorers(notebook: NotebookNode) -> list[str]:
    """List the HTML of all latent explorers that a notebook shows."""
    pages = [output.get("data", {}).get("text/html", "") for _, output in outputs(notebook)]
    return [page for page in pages if "srcdoc=" in page]


# What the run signed ------------------------------------------------------------------------------


def as_it_ran(notebook: NotebookNode) -> Problems:
    """Code and outputs are those of the run, in its order; shown functions are aelib's of today."""
    yield from digests.changed_since_the_run(notebook)


def as_it_stood(notebook: NotebookNode) -> Problems:
    """Tags, alternative texts and the order of texts are those that the run or redraw.py noted."""
    for problem in digests.changed_by_hand(notebook):
        yield f"{problem}; if that is meant: make redraw ACCEPT=1"


# How it was executed ------------------------------------------------------------------------------


def executed_in_order(notebook: NotebookNode) -> Problems:
    """All code cells were executed, top to bottom, in one go."""
    counts = [cell.execution_count for cell in code_cells(notebook)]
    if counts != list(range(1, len(counts) + 1)):
        yield f"is not executed top to bottom: its counts are {counts}"


def no_errors(notebook: NotebookNode) -> Problems:
    """No cell raised."""
    for n, output in outputs(notebook):
        if output.output_type == "error":
            yield f"cell {n} holds an error: {output.ename}"


def no_stderr(notebook: NotebookNode) -> Problems:
    """Nothing was written to stderr."""
    for n, output in outputs(notebook):
        if output.get("name") == "stderr":
            yield f"cell {n} wrote to stderr: {output.text.strip()[:100]}"


def no_widgets(notebook: NotebookNode) -> Problems:
    """No widget was shown: GitHub cannot draw it."""
    if "widgets" in notebook.metadata:
        yield "holds widget state in its metadata"
    for n, output in outputs(notebook):
        if any("widget" in kind for kind in output.get("data", {})):
            yield f"cell {n} shows a widget"


def no_timing(notebook: NotebookNode) -> Problems:
    """No time stamps: they would differ after each execution."""
    for where in [notebook, *notebook.cells]:
        for key in TIMING:
            if key in where.metadata:
                yield f'holds timing in its metadata: "{key}"'


def full_profile(notebook: NotebookNode) -> Problems:
    """It ran in the full profile, on all of the data if there are any."""
    facts = setup_facts(notebook)
    if facts.get("profile") != "full":
        yield "its set-up cell does not show that the full profile ran"
    elif facts["data"] and not facts["complete"]:
        yield f"did not run on a whole data set, but on {facts['data']}"


def setup_is_rendered(notebook: NotebookNode) -> Problems:
    """Its set-up cell shows the line that `profile.Setup` draws from the facts."""
    output = setup_output(notebook)
    if output and output.data != Setup(**setup_facts(notebook))._repr_mimebundle_()[0]:
        yield "shows a set-up line that is not what aelib.profile draws from its facts"


def no_local_paths(notebook: NotebookNode) -> Problems:
    """Nothing names a folder of the machine where it was executed."""
    for text in [*texts(notebook), json.dumps(notebook.metadata)]:
        for path in LOCAL_PATH.findall(EMBEDDED.sub("", text)):
            yield f"names a folder of one machine: {path}"


def explorers_are_current(notebook: NotebookNode) -> Problems:
    """Explorers look as `aelib.explorer` draws them now; only what they show is from the run."""
    for drawn in explorers(notebook):
        if not FACTS.search(unescape(drawn)) or drawn != Explorer.from_html(drawn)._repr_html_():
            yield "shows an explorer that is not what aelib.explorer draws now"


def not_too_large(path: Path) -> Problems:
    """The file stays small enough for GitHub to show it fast, explorers apart, which it drops."""
    pages = explorers(nbformat.read(path, as_version=4))
    size = path.stat().st_size - sum(map(len, pages))
    if size > LARGEST_FILE:
        yield f"has {size:,} bytes; at most {LARGEST_FILE:,} are allowed"
    for page in pages:
        size = len(page)
        if size > LARGEST_EXPLORER:
            yield f"shows an explorer of {size:,} bytes; at most {LARGEST_EXPLORER:,} are allowed"


# How it is written --------------------------------------------------------------------------------


def plain_python(notebook: NotebookNode) -> Problems:
    """Code cells are Python and no magic but %matplotlib inline, and what `make colab` adds."""
    for n, cell in enumerate(code_cells(notebook), start=1):
        if cell.source.strip() not in ("", MAGIC) and not syntax(cell).body:
            yield f"cell {n} is not plain Python; the only magic allowed is {MAGIC}"


def no_try(notebook: NotebookNode) -> Problems:
    """No cell catches an error: what fails shall be seen to fail."""
    for n, cell in enumerate(code_cells(notebook), start=1):
        if any(isinstance(node, ast.Try | ast.TryStar) for node in ast.walk(syntax(cell))):
            yield f"cell {n} holds a try; let it fail, or mend what fails"


def no_other_programs(notebook: NotebookNode) -> Problems:
    """No cell starts other programs, installs anything or runs code that is not on the page."""
    for n, cell in enumerate(code_cells(notebook), start=1):
        nodes = list(ast.walk(syntax(cell)))
        modules = [a.name for node in nodes if isinstance(node, ast.Import) for a in node.names]
        modules += [node.module or "" for node in nodes if isinstance(node, ast.ImportFrom)]
        for module in modules:
            if module.split(".")[0] in FORBIDDEN_MODULES:
                yield f"cell {n} imports {module}: no module that runs programs or hides errors"
        for name in sorted(forbidden_names(nodes)):
            yield f"cell {n} uses {name}: no page runs a program, or code that it does not show"


def forbidden_names(nodes: list[ast.AST]) -> set[str]:
    """Collect the forbidden names among names, attributes, imports and what getattr looks up."""
    named = {node.id for node in nodes if isinstance(node, ast.Name)}
    reached = {node.attr for node in nodes if isinstance(node, ast.Attribute)}
    for node in nodes:
        if isinstance(node, ast.ImportFrom):
            reached |= {alias.name for alias in node.names}
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "getattr":
            reached |= {literal(given) or "" for given in node.args[1:2]}
    return named & FORBIDDEN_NAMES | (named | reached) & FORBIDDEN_ANYWHERE


def only_known_tags(notebook: NotebookNode) -> Problems:
    """No tag or comment makes nbval, a run or the site pass over a cell or its output."""
    for n, cell in enumerate(notebook.cells, start=1):
        for tag in sorted(set(tags(cell)) - TAGS):
            yield f'cell {n}, of text and code, has the tag "{tag}"; take it off'
    for n, cell in enumerate(code_cells(notebook), start=1):
        for command in COMMAND.findall(cell.source):
            yield f"cell {n} gives nbval a command in a comment: {command}; take it out"


def pictures_described(notebook: NotebookNode) -> Problems:
    """At most one cell is tagged for the gallery; it shows a picture and says in words what of."""
    cells = list(enumerate(code_cells(notebook), start=1))
    tagged = [pair for pair in cells if GALLERY in pair[1].metadata.get("tags", [])]
    for n, cell in tagged:
        if not any("image/png" in output.get("data", {}) for output in cell.outputs):
            yield f'cell {n} is tagged "{GALLERY}" and shows no picture'
        text = cell.metadata.get("mystnb", {}).get("image", {}).get("alt", "")
        if len(text) < SHORTEST_ALT:
            yield f"cell {n}: its picture needs an alternative text (metadata: mystnb, image, alt)"
    if len(tagged) > 1:
        yield f'cells {[n for n, _ in tagged]} are tagged "{GALLERY}"; keep one'


def short_cells(notebook: NotebookNode) -> Problems:
    """Code cells fit on a screen; the set-up cell is shorter still, what Colab needs left out."""
    for n, cell in enumerate(code_cells(notebook), start=1):
        source = without_install(cell.source).splitlines()
        lines = sum(1 for line in source if not WORDS.fullmatch(line))
        most = LONGEST_SETUP if n == 1 else LONGEST_CELL
        if lines > most:
            yield f"cell {n} has {lines} lines of code; at most {most} are allowed"


def one_title(notebook: NotebookNode) -> Problems:
    """The first cell is text and carries the only title."""
    titles = [title for level, title in headings(notebook) if level == 1]
    first = [title for level, title in headings(NotebookNode(cells=notebook.cells[:1]))]
    if len(titles) != 1 or titles[0] not in first:
        yield f'its first cell must be text with the only "# " title; titles: {titles}'


def sections(notebook: NotebookNode) -> Problems:
    """It closes with exercises and references."""
    titles = {title for level, title in headings(notebook) if level > 1}
    for title in ("Exercises", "References"):
        if title not in titles:
            yield f'has no section "{title}"'


def pictures(text: str) -> Iterator[str]:
    """Yield the addresses of the pictures that a text cell shows, in Markdown or HTML."""
    for block in MarkdownIt().parse(text):
        for token in [block, *(block.children or [])]:
            if token.type == "image":
                yield str(token.attrs["src"])
            elif token.type.startswith("html"):
                yield from IMAGE_TAG.findall(token.content)


def pictures_are_there(notebook: NotebookNode) -> Problems:
    """Pictures in text cells are attached to them, or are files of the repository."""
    for n, cell in enumerate(notebook.cells, start=1):
        for address in pictures(cell.source) if cell.cell_type == "markdown" else ():
            parts = urlsplit(address)
            name = unquote(parts.path)
            if parts.scheme == "attachment":
                there = name in cell.get("attachments", {})
            else:
                there = bool(parts.scheme) or (FOLDER / name).is_file()
            if not there:
                yield f"cell {n}, of text and code, shows a picture that is not there: {address}"


# The ledger ---------------------------------------------------------------------------------------


def checks_are_folded(notebook: NotebookNode) -> Problems:
    """Cells of checks are folded, on the site by their tag and in JupyterLab by their metadata."""
    cells = code_cells(notebook)
    for n in sorted({check.cell for check in checks(notebook)}):
        if FOLDED not in tags(cells[n - 1]):
            yield f'cell {n} has checks and is not folded on the site; tag it "{FOLDED}"'
        if cells[n - 1].metadata.get("jupyter", {}).get("source_hidden") is not True:
            yield f"cell {n} has checks and is open in JupyterLab; fold it there and save"


def checks_stand_together(notebook: NotebookNode) -> Problems:
    """A section has one cell of checks at most, or subsections that have one each."""
    at = places(notebook)
    cells = sorted({check.cell for check in checks(notebook)})
    for _, group in groupby(cells, key=lambda n: at[n - 1][0]):
        together = list(group)
        parts = [at[n - 1][1] for n in together]
        if len(parts) > 1 and (0 in parts or len(set(parts)) < len(parts)):
            yield f"cells {together} have the checks of one section; put them into one cell"


def places(notebook: NotebookNode) -> list[tuple[int, int]]:
    """List section and subsection of each code cell, counted from 1; 0 above the first."""
    section, part, found = 0, 0, []
    for cell in notebook.cells:
        for level, _ in headings_of(cell):
            if level == 2:
                section, part = section + 1, 0
            elif level == 3:
                part += 1
        if cell.cell_type == "code":
            found.append((section, part))
    return found


def spelt_out(notebook: NotebookNode) -> Problems:
    """Statements, ids and sources are literal strings, so that a reader finds them by searching."""
    for check in checks(notebook):
        if None in (check.statement, check.of, check.source) or not (check.of or check.source):
            yield f"statement, of, source must be literal strings: {ast.unparse(check.call)[:100]}"
        for name in check.ids:
            if name not in statements.load():
                yield f'of names "{name}", which is no id in aelib/statements.csv'


def ledger_is_current(notebook: NotebookNode) -> Problems:
    """Its ledgers show the statements, ids and sources that stand in the code now."""
    written = [(check.statement, check.of, check.source) for check in checks(notebook)]
    shown = [
        (row["statement"], row.get("of", ""), row.get("source", "")) for row in claims(notebook)
    ]
    if not shown:
        yield "displays no ledger"
    elif written != shown:
        differ = [entry for entry in [*written, *shown] if (entry in written) != (entry in shown)]
        yield f"its ledger is not from the code that stands there now: {differ or 'other order'}"


def ledger_is_rendered(notebook: NotebookNode) -> Problems:
    """Its ledgers, and its sections' small tables, look as `Claims` draws them now."""
    for n, output in outputs(notebook):
        facts = output.get("metadata", {}).get("aelib", {})
        drawn = [Claims.from_rows(rows) for key, rows in facts.items() if key == "claims"]
        drawn += [
            Claims.from_rows(rows).section() for key, rows in facts.items() if key == "section"
        ]
        for ledger in drawn:
            if output.data != ledger._repr_mimebundle_()[0]:
                yield f"cell {n} shows verdicts that are not what aelib.claims draws from its rows"


def sections_are_of_the_ledger(notebook: NotebookNode) -> Problems:
    """The sections' small tables say what the ledgers say."""
    rows = claims(notebook)
    for n, output in outputs(notebook):
        for row in output.get("metadata", {}).get("aelib", {}).get("section", []):
            if row not in rows:
                yield f"cell {n} shows a verdict that stands in no ledger: {row['statement']}"


def refuted_with_reason(notebook: NotebookNode) -> Problems:
    """A statement that is not reproduced, or not always, says why; none is left undecided."""
    for claim in claims(notebook):
        if claim["verdict"] != REPRODUCED and not claim["why"].strip():
            yield f"does not say why this is {claim['verdict']}: {claim['statement']}"
        if claim["verdict"] == FULL_ONLY:
            yield f"leaves this to the full profile, which is what it ran in: {claim['statement']}"


def measured_verdicts(notebook: NotebookNode) -> Problems:
    """Verdicts follow from results: all that `holds` says depends on a model, data or training."""
    results = computed(notebook)
    for check in checks(notebook):
        for part in constant_parts(keyword(check.call, "holds"), results):
            yield f"the verdict rests on no result but on {part}: {ast.unparse(check.call)[:100]}"


def ledger_is_tested(notebook: NotebookNode) -> Problems:
    """At least one ledger stands in a cell whose output nbval compares."""
    tagged = [cell for cell in notebook.cells if CHECKED in cell.metadata.get("tags", [])]
    if not any(ledgers(NotebookNode(cells=tagged))):
        yield f'has no ledger in a cell tagged "{CHECKED}"'


RULES: list[Callable[[NotebookNode], Problems]] = [
    as_it_ran,
    as_it_stood,
    executed_in_order,
    no_errors,
    no_stderr,
    no_widgets,
    no_timing,
    full_profile,
    setup_is_rendered,
    no_local_paths,
    explorers_are_current,
    plain_python,
    no_try,
    no_other_programs,
    only_known_tags,
    pictures_described,
    short_cells,
    one_title,
    sections,
    pictures_are_there,
    checks_are_folded,
    checks_stand_together,
    spelt_out,
    ledger_is_current,
    ledger_is_rendered,
    sections_are_of_the_ledger,
    refuted_with_reason,
    measured_verdicts,
    ledger_is_tested,
]
