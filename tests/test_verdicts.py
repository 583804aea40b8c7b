"""The page of verdicts: what it counts, shows and links to; and that it is current."""

from collections.abc import Callable
import errno
from html import unescape
import os
from pathlib import Path
import re

from aelib import statements
from aelib.claims import Claims
import digests
from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from myst_parser.config.main import MdParserConfig
from myst_parser.parsers.mdit import create_md_parser
import nbformat
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
import pytest
import verdicts as tool

ROOT = Path(__file__).parents[1]
README = "# A course\n\n<!-- verdicts -->\n<!-- /verdicts -->\n\nThe rest.\n"
TANH = ("tanh saturates", "R044", "")
COPY = ("It copies", "N018 Z09", "Only digits.")
MAP = ("The map is clear", "nana-li, section 2.5", "")
DEEP = ("Deeper is better?", "R091", "Not at equal width")
NASTY = r"a|b *c* _d_ `e` [f](g) <b>h</b> &amp; $x$ $$y$$ ~~z~~ \n {n}`o` {{p}} 1 < 2 > 0 ![q] ρ̂"


def origin(text: str) -> dict[str, str]:
    """Return the argument that says where a statement stands: ids or a source."""
    return {"of" if re.fullmatch(r"([A-Z]\d+ ?)+", text) else "source": text}


def ledger(*entries: tuple[str, str, str]) -> NotebookNode:
    """Return a cell that shows a ledger of (statement, ids or source, why); none if reproduced."""
    claims = Claims()
    for statement, text, why in entries:
        claims.check(statement, **origin(text), holds=not why, measured="1 < 2", why=why)
    data, metadata = claims._repr_mimebundle_()
    output = new_output("execute_result", data, metadata=metadata)
    return new_code_cell("ledger", outputs=[output])


def check(*entries: tuple[str, str, str]) -> NotebookNode:
    """Return a cell that enters statements into a ledger."""
    lines = []
    for name, text, _ in entries:
        ((argument, value),) = origin(text).items()
        lines.append(f"ledger.check({name!r}, {argument}={value!r})")
    return new_code_cell("\n".join(lines))


def write(path: Path, *cells: NotebookNode, title: str = "A | title") -> Path:
    """Write a notebook with a title above its cells, signed as after a run."""
    notebook = new_notebook(cells=[new_markdown_cell(f"# {title}"), *cells])
    digests.sign(notebook)
    nbformat.write(notebook, path)
    return path


def link(stem: str, cell: int, heading: str) -> str:
    """Return an address that shows all that a link is made from."""
    return f"{stem}.html#{cell}-{heading.replace(' ', '-')}"


@pytest.fixture
def course(tmp_path) -> list[Path]:
    """Return two notebooks: two ledgers in one, a statement of two documents in the other."""
    folder = tmp_path / "notebooks"
    folder.mkdir()
    (tmp_path / "README.md").write_text(README)
    first = [
        new_code_cell("import keras"),
        new_markdown_cell("## What comes back"),
        check(TANH, DEEP),
        new_markdown_cell("no heading here"),
        check(MAP),
        ledger(TANH, DEEP),
        ledger(MAP),
    ]
    return [
        write(folder / "01_first.ipynb", *first, title="01 · First"),
        write(folder / "02_second.ipynb", check(COPY), ledger(COPY), title="02 · Second"),
    ]


def lines(text: str, start: str) -> list[str]:
    """Return the lines that begin in this way."""
    return [line for line in text.splitlines() if line.startswith(start)]


def beyond(document: str) -> int:
    """Count a document's statements that carry the reason why none can judge them."""
    return sum(bool(s.reason) for s in statements.load().values() if s.document == document)


# What the page says -------------------------------------------------------------------------------


def test_totals_stand_on_top(course):
    page = tool.page(course, link)
    assert page.startswith("# Every statement and its verdict\n\n4 verdicts: **2 reproduced, 2 not")
    assert lines(page, "| ") == [
        "| work | all | reproduced | not | depends |",
        "| --- | ---: | ---: | ---: | ---: |",
        "| 市井小民, interview series on machine learning, part 16 | 1 | 0 | 1 | 0 |",
        "| P. Rivas, Deep Learning for Beginners, ch. 7 | 2 | 1 | 1 | 0 |",
        "| nana-li, 自编码器（Autoencoder） | 2 | 1 | 1 | 0 |",
        "| notebook | all | reproduced | not | depends |",
        "| --- | ---: | ---: | ---: | ---: |",
        "| 01 · First | 3 | 2 | 1 | 0 |",
        "| 02 · Second | 1 | 0 | 1 | 0 |",
        "| document | statements | judged | beyond any experiment | open |",
        "| --- | ---: | ---: | ---: | ---: |",
        *(
            f"| {statements.DOCUMENTS[name]} | {count} | {judged} | {beyond(name)} | "
            f"{count - judged - beyond(name)} |"
            for name, count, judged in (
                ("市井小民", 38, 1),
                ("Rivas", 100, 2),
                ("禅与计算机程序设计艺术", 44, 0),
                ("nana-li", 135, 1),
                ("Lee", 31, 0),
            )
        ),
    ]
    none = sum(beyond(document) for document in statements.DOCUMENTS)
    asked = f"Of the 348 statements that the five documents make, **4 are judged**, {none} are"
    assert asked in page


def test_statements_that_failed_come_first_by_document_one_line_each(course):
    page = tool.page(course, link)
    failed, *_ = page.partition("## 01 · First")
    assert failed.partition("## Not reproduced")[2].splitlines()[3:] == [
        "",
        "### 市井小民, interview series on machine learning, part 16",
        "",
        "- *It copies.* Only digits. [02, cell 1](02_second.html#1-02-·-Second)",
        "",
        "### P. Rivas, Deep Learning for Beginners, ch. 7",
        "",
        "- *Deeper is better?* Not at equal width. [01, cell 2](01_first.html#2-What-comes-back)",
        "",
        "### nana-li, 自编码器（Autoencoder）",
        "",
        "- *It copies.* Only digits. [02, cell 1](02_second.html#1-02-·-Second)",
        "",
    ]


def test_what_depends_is_listed_with_its_conditions(tmp_path):
    claims = Claims()
    holds = {"as many steps": False, "trained to the end": True}
    claims.check("Deeper is better", of="R091", holds=holds, measured="m", why="Too few steps.")
    data, metadata = claims._repr_mimebundle_()
    shown = new_code_cell(outputs=[new_output("execute_result", data, metadata=metadata)])
    path = write(tmp_path / "01_a.ipynb", check(("Deeper is better", "R091", "")), shown)
    page = tool.page([path], link)
    assert "1 verdict: **0 reproduced, 0 not reproduced, 1 depending on conditions**." in page
    listed = page.partition("## Depends")[2].partition("\n## ")[0]
    assert lines(listed, "- ") == [
        "- *Deeper is better.* Holds: trained to the end. Fails: as many steps. Too few steps. "
        "[01, cell 1](01_a.html#1-A-|-title)"
    ]
    assert "  Holds: trained to the end.\\\n  Fails: as many steps.\\\n" in page


def test_what_only_a_full_run_decides_is_counted_apart(tmp_path, monkeypatch):
    monkeypatch.setenv("AELIB_PROFILE", "quick")
    claims = Claims()
    claims.check("1 and 7 are close", of="R061", holds=False, measured="m", full_only=True)
    data, metadata = claims._repr_mimebundle_()
    shown = new_code_cell(outputs=[new_output("execute_result", data, metadata=metadata)])
    path = write(tmp_path / "01_a.ipynb", check(("1 and 7 are close", "R061", "")), shown)
    page = tool.page([path], link)
    assert "| A &#124; title | 1 | 0 | 0 | 0 | 1 |" in page
    assert "1 for the full profile only" in page and "## Not reproduced" not in page


def test_every_statement_in_order_with_all_that_the_ledgers_say(course):
    page = tool.page(course, link)
    assert page[page.index("## 01 · First") : page.index("## 02 · Second")] == (
        "## 01 · First\n\n"
        "3 verdicts: **2 reproduced, 1 not reproduced**.\n\n"
        "- **Reproduced:** tanh saturates.\\\n"
        "  *Rivas, AEs for MNIST*, [cell 2](01_first.html#2-What-comes-back)\\\n"
        "  Measured: 1 &lt; 2\n\n"
        "- **Not reproduced:** Deeper is better?\\\n"
        "  *Rivas, Summary*, [cell 2](01_first.html#2-What-comes-back)\\\n"
        "  Measured: 1 &lt; 2\\\n"
        "  Why: Not at equal width.\n\n"
        "- **Reproduced:** The map is clear.\\\n"
        "  *nana-li, section 2.5*, [cell 3](01_first.html#3-What-comes-back)\\\n"
        "  Measured: 1 &lt; 2\n\n"
    )
    assert page.count("## 02 · Second\n\n1 verdict: **0 reproduced, 1 not reproduced**.") == 1


def test_notebooks_of_one_title_stay_apart(tmp_path):
    paths = [write(tmp_path / f"0{n}_a.ipynb", check(MAP), ledger(MAP)) for n in (1, 2)]
    page = tool.page(paths, link)
    assert page.startswith("# Every statement and its verdict\n\n2 verdicts: **2 reproduced")
    assert page.count("\n## A &#124; title\n") == 2 and page.count("(02_a.html") == 1


def test_nothing_refuted_leaves_no_empty_list(tmp_path):
    page = tool.page([write(tmp_path / "01_a.ipynb", check(MAP), ledger(MAP))], link)
    assert "## Not reproduced" not in page


@pytest.mark.parametrize(
    "render",
    [
        MarkdownIt("commonmark").enable(["table", "strikethrough"]).render,
        create_md_parser(
            MdParserConfig(
                enable_extensions={"dollarmath", "amsmath", "substitution", "attrs_inline"}
            ),
            RendererHTML,
        ).render,
    ],
    ids=["GitHub", "MyST"],
)
@pytest.mark.parametrize("frame", ["{}", "- *{}.* b", "| {} | b |\n| --- | --- |\n| {} | c |"])
def test_text_comes_out_as_it_was(render: Callable[[str], str], frame):
    escaped = tool.escape(NASTY)
    html = render(frame.format(escaped, escaped))
    shown = unescape(re.sub("<.*?>", "", html))
    assert ("<table>" in html) == frame.startswith("|")
    assert shown.count(NASTY) == frame.count("{}")
    assert "$" not in escaped  # GitHub reads formulas even behind a backslash


def test_link_on_github_is_the_heading_as_jupyter_names_it():
    assert tool.on_github("02_a", 7, "What comes back, (a)?") == (
        "notebooks/02_a.ipynb#What-comes-back,-%28a%29?"
    )


# The documents in their own order -----------------------------------------------------------------


def test_a_document_lists_its_statements_with_verdict_number_and_link(course):
    page = tool.document_page("Rivas", tool.collect(course), link)
    assert page.startswith(
        "# P. Rivas, Deep Learning for Beginners, ch. 7\n\n"
        "100 statements in the document's own order and in our words: 2 judged, "
        f"{beyond('Rivas')} beyond"
    )
    items = dict(re.findall(r"^({\..*}\n\*\*(R\d+)\*\*(?:.|\n(?!\n))*)", page, re.MULTILINE))
    items = {name: item.rstrip() for item, name in items.items()}
    assert [*items] == [f"R{n:03}" for n in range(1, 101)]
    assert items["R091"] == (
        "{.statement .not-reproduced}\n"
        "**R091** *Summary*: Deeper is usually the key to a good model.\\\n"
        "**Not reproduced**, [01, cell 2](01_first.html#2-What-comes-back): "
        "Deeper is better? Measured: 1 &lt; 2. *Not at equal width.*"
    )
    assert items["R017"].endswith("\\\nOpen: notebook 01 is to judge it.")
    assert "\\\nNo experiment can judge it. A setting of the listing" in items["R037"]


def test_claims_list_every_statement_of_every_document_in_one_line(course, tmp_path):
    tool.main(["--root", str(tmp_path)])
    own_order = (tmp_path / "CLAIMS.md").read_text().partition("## In the documents' own order")[2]
    items = lines(own_order, "- **")
    assert [item[4:].split("*")[0] for item in items] == list(statements.load())
    (copy,) = [item for item in items if item.startswith("- **N018**")]
    assert copy.endswith(
        "**Not reproduced**, [02, cell 1](notebooks/02_second.ipynb#02-%C2%B7-Second)"
    )


# What it refuses ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("cells", "said"),
    [
        ([check(MAP), ledger(MAP, DEEP)], "differ in .*'Deeper is better.', 'R091', ''"),
        ([check(MAP, DEEP), ledger(MAP)], "differ in .*'Deeper is better.', 'R091', ''"),
        ([check(DEEP), ledger((DEEP[0], "R092", DEEP[2]))], "differ in .*'R091', ''.*'R092', ''"),
        ([check(MAP, DEEP), ledger(DEEP, MAP)], "differ in their order"),
        ([check(MAP)], "differ in .*'The map is clear'"),
    ],
)
def test_ledger_that_the_code_does_not_bear_out(tmp_path, cells, said):
    path = write(tmp_path / "03_a.ipynb", *cells)
    with pytest.raises(ValueError, match=rf'03_a.ipynb: its ledgers.*make full NB="03".*{said}'):
        tool.page([path], link)


@pytest.mark.parametrize(
    "source", ["Rivals, Fig. 1", "nana-li, section 1; section 2", "Rivasson, 2"]
)
def test_source_that_names_no_known_document(tmp_path, source):
    entry = ("It works", source, "")
    path = write(tmp_path / "01_a.ipynb", check(entry), ledger(entry))
    part = source.split(";")[-1].strip()
    said = f'01_a.ipynb: the source "{part}" begins with none of .*Rivas,.*tools/verdicts.py'
    with pytest.raises(ValueError, match=said):
        tool.page([path], link)


def test_file_that_is_no_notebook_is_named(tmp_path):
    (tmp_path / "01_a.ipynb").write_text("not JSON")
    with pytest.raises(ValueError, match=r"01_a.ipynb: "):
        tool.page([tmp_path / "01_a.ipynb"], link)


def test_folder_without_notebooks_is_an_error(tmp_path, capsys):
    assert tool.main(["--root", str(tmp_path)]) == 2
    assert "there are no notebooks" in capsys.readouterr().err


def claim_more(notebook: NotebookNode) -> None:
    """Turn the verdict in a stored ledger."""
    notebook.cells[-1].outputs[0].metadata.aelib.claims[0].verdict = "reproduced"


def loosen(notebook: NotebookNode) -> None:
    """Change the code above the ledger."""
    notebook.cells[1].source += "\nbound = 2"


@pytest.mark.parametrize(
    ("edit", "said"),
    [
        (claim_more, "cell 2: its outputs are not those of the run"),
        (loosen, "cell 1: its code is not what ran"),
        (lambda notebook: notebook.metadata.pop("aelib"), "carries no digests of a run"),
    ],
)
def test_notebook_that_was_edited_after_its_run_is_not_collected(
    course, tmp_path, capsys, edit, said
):
    options = ["--root", str(tmp_path)]
    tool.main(options)
    before = [(tmp_path / name).read_text() for name in ("README.md", "CLAIMS.md")]
    notebook = nbformat.read(course[1], as_version=4)
    edit(notebook)
    nbformat.write(notebook, course[1])
    capsys.readouterr()
    for checked in (["--check"], []):
        assert tool.main([*options, *checked]) == 2
        printed = capsys.readouterr()
        assert printed.err.startswith(f"{course[1]}: {said}") and not printed.out
        assert printed.err.endswith('run it again: make full NB="02"\n')
    assert [(tmp_path / name).read_text() for name in ("README.md", "CLAIMS.md")] == before


@pytest.mark.parametrize(("readme", "places"), [("no marks", 0), (README + README, 2)])
def test_readme_needs_one_place_for_the_totals(course, tmp_path, capsys, readme, places):
    (tmp_path / "README.md").write_text(readme)
    assert tool.main(["--root", str(tmp_path)]) == 2
    assert f'has {places} places for the totals; mark one with the lines "<!--' in (
        capsys.readouterr().err
    )
    assert (tmp_path / "README.md").read_text() == readme
    assert not (tmp_path / "CLAIMS.md").exists()


# The files ----------------------------------------------------------------------------------------


def test_files_are_written_once_and_checked(course, tmp_path, capsys):
    options = ["--root", str(tmp_path)]
    assert tool.main([*options, "--check"]) == 1
    assert capsys.readouterr().out.count("make claims") == 2
    assert not (tmp_path / "CLAIMS.md").exists()
    assert tool.main(options) == 0
    assert tool.main([*options, "--check"]) == 0
    readme, claims = ((tmp_path / name).read_text() for name in ("README.md", "CLAIMS.md"))
    assert tool.page(course, tool.on_github) in claims
    assert readme.startswith("# A course\n\n<!-- verdicts -->\n4 verdicts: **2 reproduced")
    assert readme.endswith(" are still open.\n<!-- /verdicts -->\n\nThe rest.\n")


@pytest.mark.parametrize("name", ["README.md", "CLAIMS.md"])
def test_stale_file_is_noticed(course, tmp_path, capsys, name):
    options = ["--root", str(tmp_path)]
    tool.main(options)
    path = tmp_path / name
    path.write_text(path.read_text().replace("2 reproduced", "3 reproduced"))
    capsys.readouterr()
    assert tool.main([*options, "--check"]) == 1
    assert capsys.readouterr().out.startswith(f"{name} is not from the ledgers as they are now")
    assert tool.main(options) == 0
    assert "2 reproduced" in path.read_text()


def test_disk_that_takes_nothing_is_named_and_the_files_stay_whole(
    course, tmp_path, capsys, monkeypatch
):
    def refuse(*_) -> None:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    before = sorted(tmp_path.iterdir())
    monkeypatch.setattr("notebook_parts.os.replace", refuse)
    assert tool.main(["--root", str(tmp_path)]) == 2
    said = capsys.readouterr().err
    assert said.startswith(f"{tmp_path} cannot be written to (Read-only file system): make its")
    assert sorted(tmp_path.iterdir()) == before
    assert (tmp_path / "README.md").read_text() == README


def test_changed_verdict_makes_both_files_stale(course, tmp_path):
    tool.main(["--root", str(tmp_path)])
    write(course[1], check(MAP), ledger(MAP), title="02 · Second")
    assert {path.name for path in tool.stale(tmp_path)} == {"README.md", "CLAIMS.md"}


def test_committed_files_are_current():
    assert not tool.stale(ROOT), "run `make claims`"


def test_links_of_the_committed_page_lead_to_headings_of_notebooks():
    page = (ROOT / "CLAIMS.md").read_text()
    targets = set(re.findall(r"\]\((notebooks/[^)#]+)#([^)]+)\)", page))
    assert targets
    for path, anchor in targets:
        notebook = nbformat.read(ROOT / path, as_version=4)
        names = [tool.on_github(Path(path).stem, 1, title) for _, title in tool.headings(notebook)]
        assert f"{path}#{anchor}" in names
