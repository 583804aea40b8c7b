"""The site, built once from the committed notebooks: what a browser and a reader find in it."""

import ast
from base64 import b64encode
from collections.abc import Iterator
from contextlib import redirect_stdout
from dataclasses import dataclass, field
import errno
from html.parser import HTMLParser
import io
import os
from pathlib import Path
import re
import shutil
import subprocess
import time
from urllib.parse import unquote, urlsplit

from aelib import statements
import bibliography
import build_site as tool
import last_run
import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from PIL import Image
from playwright.sync_api import Browser, Page, expect
import pytest
from run_notebooks import KERNEL

ROOT = Path(__file__).parents[1]
NOTEBOOKS = tool.find_notebooks(ROOT / "notebooks")
OUTSIDE = re.compile(r"^\s*(?:\w+:)?//")
# What a browser fetches without being asked; an ordinary link is none of these.
FETCHED = {
    "audio": ("src",),
    "embed": ("src",),
    "iframe": ("src",),
    "image": ("href", "xlink:href"),
    "img": ("src", "srcset"),
    "link": ("href",),
    "object": ("data",),
    "script": ("src",),
    "source": ("src", "srcset"),
    "use": ("href", "xlink:href"),
    "video": ("src", "poster"),
}
PHONE = {"width": 390, "height": 844}
DESK = {"width": 1280, "height": 900}


# A built site -------------------------------------------------------------------------------------


class Elements(HTMLParser):
    """Collects the elements of a page as (tag, attributes) in `found`."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str]]] = []
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, {name: value or "" for name, value in attrs}))


@dataclass
class Site:
    """A built site.

    Attributes
    ----------
    folder : where it lies
    seconds : how long it took
    printed : what the command said
    """

    folder: Path
    seconds: float
    printed: str
    elements: dict[str, list[tuple[str, dict[str, str]]]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for path in sorted(self.folder.rglob("*.html")):
            page = path.relative_to(self.folder).as_posix()
            if not page.startswith("_static/"):
                self.elements[page] = Elements(path.read_text()).found

    def ids(self, page: str) -> set[str]:
        """Return the anchors of a page."""
        return {attributes["id"] for _, attributes in self.elements[page] if "id" in attributes}

    def links(self, page: str) -> list[str]:
        """List the targets of a page's links."""
        return [attributes.get("href", "") for tag, attributes in self.elements[page] if tag == "a"]

    def text(self, page: str) -> str:
        """Return the source of a page."""
        return (self.folder / page).read_text()


def plain(html: str) -> str:
    """Return the text of a page, without its tags."""
    return re.sub(r"<[^>]+>", "", html)


@pytest.fixture(scope="module")
def site(tmp_path_factory) -> Site:
    """Build the site from the committed notebooks."""
    into = tmp_path_factory.mktemp("build") / "site"
    started = time.monotonic()
    with redirect_stdout(io.StringIO()) as printed:
        assert tool.main(["--into", str(into)]) == 0
    return Site(into, time.monotonic() - started, printed.getvalue())


def test_it_is_built_in_less_than_a_minute(site):
    assert site.seconds < 60


def test_the_command_ends_by_naming_the_page_to_open(site):
    last = site.printed.splitlines()[-1]
    assert str(site.folder / "index.html") in last and (site.folder / "index.html").exists()


def test_nothing_else_is_left_behind(site):
    assert [path.name for path in site.folder.parent.iterdir()] == ["site"]


# Nothing comes from outside -----------------------------------------------------------------------


def fetched_from_outside(elements: list[tuple[str, dict[str, str]]]) -> list[str]:
    """List the addresses on other hosts that a page fetches scripts, styles or images from."""
    addresses = [
        attributes[name]
        for tag, attributes in elements
        for name in FETCHED.get(tag, ())
        if name in attributes
    ]
    return [address for address in addresses if OUTSIDE.match(address)]


def imported_from_outside(style: str) -> list[str]:
    """List the addresses on other hosts in a style sheet."""
    addresses = re.findall(r"(?:url\(|@import)\s*[\"']?([^\"')\s;]+)", style)
    return [address for address in addresses if OUTSIDE.match(address)]


def test_pages_fetch_nothing_from_outside(site):
    outside = {page: fetched_from_outside(found) for page, found in site.elements.items()}
    assert not {page: addresses for page, addresses in outside.items() if addresses}


def test_styles_fetch_nothing_from_outside(site):
    styles = {path.name: path.read_text() for path in site.folder.rglob("*.css")}
    styles |= {
        page: "\n".join(
            re.findall(r"<style.*?</style>|style=\"[^\"]*\"", site.text(page), re.DOTALL)
        )
        for page in site.elements
    }
    assert len(styles) > len(site.elements)
    outside = {name: imported_from_outside(style) for name, style in styles.items()}
    assert not {name: addresses for name, addresses in outside.items() if addresses}


@pytest.mark.parametrize(
    "html",
    [
        '<script src="https://cdn.example/x.js"></script>',
        '<link rel="stylesheet" href="//fonts.example/css">',
        '<img alt="" src="http://example.org/a.png">',
        '<iframe src="https://example.org"></iframe>',
    ],
)
def test_what_is_fetched_from_outside_is_noticed(html):
    assert fetched_from_outside(Elements(html).found)


def test_what_a_page_carries_is_not_fetched():
    player = '<audio controls><source src="data:audio/wav;base64,UklGRg=="></audio>'
    assert not fetched_from_outside(Elements(player).found)


def test_ordinary_links_may_lead_outside():
    assert not fetched_from_outside(Elements('<a href="https://doi.org/10.1/x">a</a>').found)


@pytest.mark.parametrize(
    "style", ["@import 'https://x.org/a.css';", "a{background:url(//x.org/a)}"]
)
def test_what_a_style_fetches_from_outside_is_noticed(style):
    assert imported_from_outside(style)


# Links --------------------------------------------------------------------------------------------


def dead_links(site: Site, page: str) -> Iterator[str]:
    """Yield the links of a page to pages, files or places of the site that are not there."""
    for link in site.links(page):
        parts = urlsplit(link)
        if parts.scheme or parts.netloc:
            continue
        target = (site.folder / page).parent / unquote(parts.path) if parts.path else None
        path = (target or site.folder / page).resolve()
        name = path.relative_to(site.folder.resolve()).as_posix()
        if not path.is_file():
            yield link
        elif parts.fragment and name in site.elements:
            if unquote(parts.fragment) not in site.ids(name):
                yield link


def test_every_link_inside_the_site_leads_somewhere(site):
    dead = {page: list(dead_links(site, page)) for page in site.elements}
    assert not {page: links for page, links in dead.items() if links}


def test_dead_links_are_noticed(tmp_path):
    links = ["b.html", "#here", "a.html#there", "https://example.org", "a.html#here"]
    anchors = "".join(f'<a href="{link}">x</a>' for link in links)
    (tmp_path / "a.html").write_text(f'<p id="here">{anchors}</p>')
    assert list(dead_links(Site(tmp_path, 0, ""), "a.html")) == ["b.html", "a.html#there"]


def test_notebooks_link_to_each_others_pages(site):
    assert "03_depth_comparison.html" in site.links("notebooks/02_mnist_autoencoder.html")


# Pages --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_every_code_cell_has_an_anchor(site, path):
    cells = tool.code_cells(tool.read(path))
    anchors = re.findall(
        r'<div class="cell[^"]*" id="cell-(\d+)">', site.text(f"notebooks/{path.stem}.html")
    )
    assert anchors == [str(n) for n, _ in enumerate(cells, start=1)]


def test_anchors_stand_at_the_cell_of_their_number(site):
    page = site.text("notebooks/02_mnist_autoencoder.html")
    between = page[page.index('id="cell-30"') : page.index('id="cell-31"')]
    source = tool.code_cells(tool.read(ROOT / "notebooks/02_mnist_autoencoder.ipynb"))[29].source
    shown = plain(between.split("</pre>")[0].split("<pre>")[1])
    assert shown.split()[:3] == source.split()[:3]


def test_gallery_shows_each_notebook_once_with_a_picture_of_its_own(site):
    elements = [attributes for tag, attributes in site.elements["index.html"] if tag == "img"]
    pictures = [found for found in elements if "sd-card-img-top" in found.get("class", "")]
    assert len(pictures) == len(NOTEBOOKS)
    for path, found in zip(NOTEBOOKS, pictures, strict=True):
        chapter = tool.Chapter(path)
        figures = [picture for _, picture in chapter.figures()]
        assert (site.folder / found["src"]).read_bytes() in figures
        assert len(found["alt"]) > 20


def test_gallery_takes_title_and_promise_from_the_notebook(site):
    page = site.text("index.html")
    shown = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page)).replace("’", "'")
    for path in NOTEBOOKS:
        chapter = tool.Chapter(path)
        assert page.count(f'href="notebooks/{path.stem}.html"') >= 2  # the card and the sidebar
        assert f"{chapter.title} {chapter.promise}" in shown


def test_every_picture_says_what_it_shows(site):
    for page, elements in site.elements.items():
        for tag, attributes in elements:
            # The logo is a decoration: the course's name stands beside it.
            if tag == "img" and "logo__image" not in attributes.get("class", ""):
                assert attributes["alt"] and not attributes["alt"].endswith(".png"), page


def test_every_verdict_links_to_its_cell(site):
    links = [link for link in site.links("verdicts.html") if "#cell-" in link]
    rows = sum(tool.count_verdicts(tool.read(path)).total() for path in NOTEBOOKS)
    assert len(links) >= rows > 0
    assert {link.split("#")[0] for link in links} == {
        f"notebooks/{path.stem}.html" for path in NOTEBOOKS
    }


@pytest.mark.parametrize(("document", "page"), tool.DOCUMENTS.items())
def test_each_document_lists_its_statements_with_links_to_their_cells(site, document, page):
    text = plain(site.text(f"{page}.html"))
    found = [one for one in statements.load().values() if one.document == document]
    assert re.findall(r"\b[ZRXNL]\d{2,3}\b", text) == [one.id for one in found]
    links = [link for link in site.links(f"{page}.html") if "#cell-" in link]
    judged = re.findall(r"\b(?:Reproduced|Not reproduced|Depends),", text)
    assert len(links) == len(judged) > 0
    assert f"{page}.html" in site.links("statements.html")
    assert text.count("No experiment can judge it.") == sum(bool(one.reason) for one in found)
    assert "is to judge it." not in text  # no statement is open


def public_names(path: Path) -> set[str]:
    """List the public functions and classes of a module: what `__all__` says, or it defines."""
    names = set()
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
            return {name for name in ast.literal_eval(node.value) if not name.isupper()}
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            names.add(node.name)
    return {name for name in names if not name.startswith("_")}


# Every file that is a module of aelib's, and every folder that is a package.
ROOMS = {
    path.name.removesuffix(".py"): path / "__init__.py" if path.is_dir() else path
    for path in (ROOT / "aelib").glob("[!_]*")
    if path.suffix == ".py" or (path / "__init__.py").exists()
}


@pytest.mark.parametrize("room", sorted(ROOMS))
def test_the_api_shows_everything_public(site, room):
    names = {f"aelib.{room}.{name}" for name in public_names(ROOMS[room])}
    assert names and names <= site.ids(f"api/aelib.{room}.html")
    assert f"api/aelib.{room}.html" in site.links("api.html")


def test_the_api_hides_what_is_private(site):
    pages = {page for page in site.elements if page.startswith("api/")}
    assert pages == {f"api/aelib.{room}.html" for room in ROOMS}
    assert {"layers", "models", "training", "plots", "explorer"} < ROOMS.keys()
    assert not [i for page in pages for i in site.ids(page) if re.search(r"\._[a-z]", i)]


def test_a_new_subpackage_gets_a_page_of_its_own(tmp_path):
    package = tmp_path / "aelib"
    for name in ("claims.py", "_private.py", "rooms/__init__.py", "_hidden/__init__.py"):
        (package / name).parent.mkdir(parents=True, exist_ok=True)
        (package / name).touch()
    assert tool.modules(package) == ["aelib.claims", "aelib.rooms"]


def test_the_api_shows_how_a_keras_layer_is_made(site):
    text = plain(site.text("api/aelib.layers.html"))
    assert "Contraction(layer, weight, **kwargs)" in text


def test_the_api_describes_parameters_as_the_docstrings_do(site):
    text = plain(site.text("api/aelib.noise.html"))
    assert "scale (float) – standard deviation of the noise" in text


def test_references_name_each_work_once_and_link_it(site):
    links = site.links("references.html")
    works = bibliography.load()
    for work in works:
        if work.doi:
            assert links.count(f"https://doi.org/{work.doi}") == 1
        if work.arxiv:
            assert links.count(f"https://arxiv.org/abs/{work.arxiv}") == 1
    assert plain(site.text("references.html")).count("Cited in") == len(works)
    for path in NOTEBOOKS:
        assert f"notebooks/{path.stem}.html" in links


def test_learning_paths_take_needs_and_times_from_the_notebooks(site):
    text = plain(site.text("paths.html"))
    for path in NOTEBOOKS:
        assert tool.Chapter(path).rows["Time"] in text


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_terms_lead_from_a_notebook_to_the_glossary(site, path):
    linked = [link for link in site.links(f"notebooks/{path.stem}.html") if "glossary" in link]
    terms = {unquote(urlsplit(link).fragment) for link in linked if "#" in link}
    assert terms and terms <= site.ids("docs/glossary.html")


def test_the_teachers_guide_leads_to_sections_of_notebooks(site):
    links = set(site.links("docs/teaching.html"))
    assert "../notebooks/04_reconstruction_losses.html#two-relu-units" in links
    assert "glossary.html" in links
    assert {"docs/teaching.html", "docs/glossary.html"} <= set(site.links("index.html"))


def test_without_a_run_there_is_no_page_about_one(site):
    assert "run.html" not in site.elements and "run.html" not in site.links("index.html")


# In a browser -------------------------------------------------------------------------------------


@dataclass
class Visit:
    """What a browser saw of a page.

    Attributes
    ----------
    errors : messages of the console and of the page that are errors or warnings
    requests : the addresses that it asked for, other than files
    failed : the addresses that it did not get, unless it left the page before they came
    formulas : how many the page has, how many were drawn, how many with an error
    widths : of the page and of the window, in pixels, on a telephone
    """

    errors: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    formulas: list[int] = field(default_factory=list)
    widths: list[int] = field(default_factory=list)


def listen(page: Page) -> list[Visit]:
    """Write down what happens on a page; the last visit of the list is the one going on."""
    visits = [Visit()]

    def heard(message):
        if message.type in ("error", "warning"):
            visits[-1].errors.append(message.text)

    def asked(request):
        if not request.url.startswith(("file:", "data:", "blob:", "about:")):
            visits[-1].requests.append(request.url)

    def missed(request):
        if request.failure != "net::ERR_ABORTED":
            visits[-1].failed.append(request.url)

    page.on("console", heard)
    page.on("pageerror", lambda error: visits[-1].errors.append(str(error)))
    page.on("request", asked)
    page.on("requestfailed", missed)
    return visits


FORMULAS = """async () => {
    await window.MathJax?.startup?.promise;
    const count = (selector) => document.querySelectorAll(selector).length;
    return [count(".math"), count(".math > mjx-container"), count("[data-mml-node=merror]")];
}"""
WIDTHS = "() => [document.scrollingElement.scrollWidth, innerWidth]"


@pytest.fixture(scope="module")
def visits(browser: Browser, site: Site) -> dict[str, Visit]:
    """Visit every page, on a desk and on a telephone."""
    page = browser.new_page(viewport=DESK)
    seen = listen(page)
    found = {}
    for name in site.elements:
        seen.append(Visit())
        page.set_viewport_size(DESK)
        page.goto((site.folder / name).as_uri())
        seen[-1].formulas = page.evaluate(FORMULAS)
        page.set_viewport_size(PHONE)
        seen[-1].widths = page.evaluate(WIDTHS)
        found[name] = seen[-1]
    page.close()
    return found


def test_no_page_logs_an_error(visits):
    assert not {name: visit.errors for name, visit in visits.items() if visit.errors}


def test_no_page_asks_another_host(visits):
    assert not {name: visit.requests for name, visit in visits.items() if visit.requests}


def test_no_page_misses_a_file(visits):
    assert not {name: visit.failed for name, visit in visits.items() if visit.failed}


def test_no_page_scrolls_sideways_on_a_telephone(visits):
    wide = {name: visit.widths for name, visit in visits.items()}
    assert not {name: pair for name, pair in wide.items() if pair[0] > pair[1]}
    assert {pair[1] for pair in wide.values()} == {PHONE["width"]}


def test_formulas_are_drawn(visits):
    for name, visit in visits.items():
        there, drawn, broken = visit.formulas
        assert (drawn, broken) == (there, 0), name
    for path in NOTEBOOKS:
        cells = tool.read(path).cells
        text = "\n".join(cell.source for cell in cells if cell.cell_type == "markdown")
        if re.search(r"\$[^$\n]+\$", re.sub(r"`[^`]*`", "", text)):
            assert visits[f"notebooks/{path.stem}.html"].formulas[1] > 0


def test_search_works_from_the_file_system(browser, site):
    page = browser.new_page(viewport=DESK)
    seen = listen(page)
    page.goto((site.folder / "index.html").as_uri())
    page.keyboard.press("Control+k")
    page.keyboard.type("saturated")
    page.keyboard.press("Enter")
    page.wait_for_selector("#search-results li a")
    found = page.locator("#search-results li a").evaluate_all("all => all.map(a => a.href)")
    page.close()
    assert any("notebooks/02_mnist_autoencoder.html" in link for link in found)
    assert not seen[-1].errors and not seen[-1].failed


def test_a_documents_page_shows_the_kind_of_statements_that_is_chosen(browser, site):
    page = browser.new_page(viewport=DESK)
    page.goto((site.folder / "statements_rivas.html").as_uri())
    every = page.locator("p.statement")
    assert every.count() == 100
    for choice in page.locator("fieldset.show label").all():
        kind, number = re.fullmatch(r"\s*(.+) \((\d+)\)", choice.inner_text()).groups()
        choice.click()
        shown = [one.inner_text() for one in every.all() if one.is_visible()]
        assert len(shown) == int(number) > 0
        if kind in ("not reproduced", "depends"):
            assert all(f"\n{kind.capitalize()}, " in text for text in shown)
    page.close()


EXPLORER = ".cell_output iframe[srcdoc]"


def test_the_explorer_answers_to_a_drag(browser, site):
    page = browser.new_page(viewport=DESK)
    page.set_default_timeout(10_000)
    seen = listen(page)
    page.goto((site.folder / "notebooks/02_mnist_autoencoder.html").as_uri())
    page.evaluate(FORMULAS)  # from here on nothing moves
    page.locator(EXPLORER).first.scroll_into_view_if_needed()
    view = page.frame_locator(EXPLORER).first
    chart, code, large = view.locator(".map"), view.locator(".code"), view.locator(".large")
    expect(code).to_contain_text("z = (")
    before = code.inner_text(), large.evaluate("canvas => canvas.toDataURL()")
    box = chart.bounding_box()
    height = box["y"] + box["height"] / 3
    page.mouse.move(box["x"] + 0.2 * box["width"], height)
    page.mouse.down()
    page.mouse.move(box["x"] + 0.8 * box["width"], height, steps=5)
    page.mouse.up()
    expect(code).not_to_have_text(before[0])
    expect(view.locator("input[type=range]")).to_be_visible()  # walks along the line just drawn
    assert large.evaluate("canvas => canvas.toDataURL()") != before[1]
    assert not seen[-1].errors and not seen[-1].requests
    page.close()


PADS = ["02_mnist_autoencoder", "09_denoising", "15_variational", "21_anomaly_detection"]


@pytest.mark.parametrize("name", PADS)
def test_a_pad_answers_to_the_pen(browser, site, name):
    page = browser.new_page(viewport=DESK)
    page.set_default_timeout(10_000)
    seen = listen(page)
    page.goto((site.folder / f"notebooks/{name}.html").as_uri())
    page.evaluate(FORMULAS)  # from here on nothing moves
    (pad,) = (frame for frame in page.frames if frame.locator(".pad").count())
    pad.frame_element().scroll_into_view_if_needed()
    answer = pad.locator(".answer")
    expect(answer).not_to_be_empty()
    pad.get_by_role("button", name="Clear").click()
    before, box = answer.inner_text(), pad.locator(".pad").bounding_box()
    page.mouse.move(box["x"] + 0.5 * box["width"], box["y"] + 0.2 * box["height"])
    page.mouse.down()
    page.mouse.move(box["x"] + 0.5 * box["width"], box["y"] + 0.8 * box["height"], steps=5)
    page.mouse.up()
    expect(answer).not_to_have_text(before)
    assert not seen[-1].errors and not seen[-1].requests
    page.close()


# A small site -------------------------------------------------------------------------------------

CITED = "A. Makhzani, B. Frey (2013). k-Sparse autoencoders. arXiv:1312.5663"


def figure(width: int) -> str:
    """Return a PNG picture as it stands in a notebook."""
    file = io.BytesIO()
    Image.effect_noise((width, 40), 50).save(file, "PNG")
    return b64encode(file.getvalue()).decode()


def write(
    path: Path,
    *,
    profile: str = "full",
    fails: bool = False,
    text: str = "Text.",
    tag: int = -1,
) -> Path:
    """Write a notebook as executed: two figures, the first one larger, and an error if it fails.

    Parameters
    ----------
    path : where to
    profile : what its set-up cell says
    fails : whether its last cell raised
    text : what its second text cell says
    tag : the place of the figure that is tagged for the gallery; negative tags none
    """
    title = (
        f"# {path.name[:2]} · A title\n\nIt shows 2.5 things. And more.\n\n| | |\n| --- | --- |\n"
    )
    rows = "| **You need** | [01 · One](01_one.ipynb) |\n| **Time** | a minute |"
    cells = [new_markdown_cell(title + rows), new_code_cell("start()"), new_markdown_cell(text)]
    facts, said = {"aelib": {"setup": {"profile": profile}}}, f"aelib, {profile} profile"
    cells[1].outputs = [new_output("display_data", {"text/plain": said}, metadata=facts)]
    for n, width in enumerate((200, 100)):
        drawn = new_output("display_data", data={"image/png": figure(width), "text/plain": "."})
        cells.append(new_code_cell(f"draw({n})", outputs=[drawn]))
        if n == tag:
            alt = {"image": {"alt": "What is drawn"}}
            cells[-1].metadata = {"tags": ["gallery"], "mystnb": alt}
    if fails:
        raised = new_output(
            "error", ename="ZeroDivisionError", evalue="", traceback=["dividing by nothing"]
        )
        cells.append(new_code_cell("1 / 0", outputs=[raised]))
    cells.append(new_markdown_cell(f"## References\n\n- {CITED}\n"))
    for n, cell in enumerate((cell for cell in cells if cell.cell_type == "code"), start=1):
        cell.execution_count = n
    for n, cell in enumerate(cells):
        cell.id = f"cell-{n}"
    metadata = {"kernelspec": KERNEL, "language_info": {"name": "python"}}
    nbformat.write(new_notebook(cells=cells, metadata=metadata), path)
    return path


@pytest.fixture
def small(tmp_path, monkeypatch) -> Path:
    """Return a folder to build in; pages that need the real course or aelib are left out."""
    docs, package = tmp_path / "docs", tmp_path / "aelib"
    docs.mkdir()
    package.mkdir()
    for name in ("conf.py", "hooks.py"):
        shutil.copy(tool.DOCS / name, docs)
    shutil.copytree(tool.DOCS / "_static", docs / "_static")
    (tmp_path / "pyproject.toml").write_text("")
    (docs / "index.md").write_text(
        "# Course\n\n{{ left_out }}\n\n{{ gallery }}\n\n"
        "```{toctree}\n:hidden:\n\nverdicts\n{{ document_pages }}\n"
        "{% if ran %}run{% endif %}\n```"
    )
    (docs / "verdicts.md").write_text("{{ verdicts }}")
    monkeypatch.setattr(tool, "DOCS", docs)
    monkeypatch.setattr(tool, "PACKAGE", package)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(ROOT), str(ROOT / "tools")]))
    return tmp_path


def contents(folder: Path) -> dict[str, bytes]:
    """Return all files below a folder."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def test_stopped_notebooks_are_marked(small):
    paths = [write(small / "01_one.ipynb"), write(small / "02_stopped.ipynb", fails=True)]
    into = small / "build/site"
    assert tool.build(paths, into) == 0
    stopped, index = (
        (into / f"{name}.html").read_text() for name in ("notebooks/02_stopped", "index")
    )
    assert "dividing by nothing" in plain(stopped) and 'id="cell-4"' in stopped
    assert "Did not run to its end" in index and "did not run to its end" in index

    # Built again, every byte is the same, and a page of yesterday is gone.
    before = contents(into)
    (into / "yesterday.html").write_text("stale")
    assert tool.build(paths, into) == 0
    assert contents(into) == before


def test_a_run_gets_a_page_of_its_own_and_changes_no_other(small):
    committed = write(small / "01_one.ipynb")
    (small / "ran").mkdir()
    executed = write(small / "ran/01_one.ipynb", profile="quick")
    run = last_run.Executed(committed, executed, seconds=3, failure="", jobs=1)
    without, into = small / "build/without", small / "build/site"
    assert tool.build([committed], without) == 0 and tool.build([committed], into, [run]) == 0
    page = "notebooks/01_one.html"
    article = re.compile(r"<article.*?</article>", re.DOTALL)
    shown = [article.search((folder / page).read_text())[0] for folder in (without, into)]
    assert shown[0] == shown[1] and "quick profile" not in shown[1]
    about = (into / "run.html").read_text()
    (link,) = re.findall(r'href="(_downloads/[^"]+/01_one.ipynb)"', about)
    assert (into / link).read_bytes() == executed.read_bytes()
    assert page in about and "run.html" in (into / "index.html").read_text()


@pytest.mark.parametrize("repository", ["", "someone/course"])
def test_a_page_can_be_launched_once_the_course_is_published(small, repository):
    (small / "pyproject.toml").write_text(f'[tool.aelib]\nrepository = "{repository}"')
    into = small / "build/site"
    assert tool.build([write(small / "01_one.ipynb")], into) == 0
    links = Elements((into / "notebooks/01_one.html").read_text()).found
    colab = [link.get("href") for _, link in links if "colab." in link.get("href", "")]
    address = f"https://colab.research.google.com/github/{repository}/blob/main/notebooks"
    assert set(colab) == ({f"{address}/01_one.ipynb"} if repository else set())


def test_warning_stops_the_build_and_leaves_the_old_site(small, capfd):
    into = small / "build/site"
    into.mkdir(parents=True)
    (into / "objects.inv").write_text("old")
    paths = [write(small / "01_one.ipynb", text="[Nowhere](99_nowhere.ipynb)")]
    assert tool.build(paths, into) != 0
    assert "99_nowhere" in capfd.readouterr().err
    assert contents(into) == {"objects.inv": b"old"}
    assert list(into.parent.iterdir()) == [into]


@pytest.mark.parametrize("where", ["before Sphinx", "in Sphinx"])
def test_full_disk_ends_in_a_sentence_and_leaves_the_old_site(small, monkeypatch, capfd, where):
    into = small / "build/site"
    into.mkdir(parents=True)
    (into / "objects.inv").write_text("old")
    if where == "in Sphinx":
        full = "raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))"
        hooks = f"import errno, os\n\ndef stop(app):\n    {full}\n\n"
        connect = "def setup(app):\n    app.connect('builder-inited', stop)\n"
        (small / "docs/hooks.py").write_text(hooks + connect)
    else:
        monkeypatch.setattr(tool.shutil, "copy", stop_at_full_disk)
    monkeypatch.setattr(tool, "ROOT", small)
    (small / "notebooks").mkdir()
    write(small / "notebooks/01_one.ipynb")
    assert tool.main(["--into", str(into)]) == 2
    said = capfd.readouterr().err
    assert said.startswith(f"{into.parent} cannot be written to (No space left on device): free")
    assert len(said.splitlines()) == 1
    assert contents(into) == {"objects.inv": b"old"}
    assert list(into.parent.iterdir()) == [into]


def stop_at_full_disk(*_) -> None:
    """Raise what a full disk raises."""
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


# The parts of the tool ----------------------------------------------------------------------------


def test_folder_that_is_no_site_is_not_touched(tmp_path, capsys):
    (tmp_path / "mine.txt").write_text("precious")
    assert tool.main(["--into", str(tmp_path)]) == 2
    assert "something else than a site; name another folder" in capsys.readouterr().err
    assert contents(tmp_path) == {"mine.txt": b"precious"}


def test_chapter_takes_all_from_the_first_cell(tmp_path):
    chapter = tool.Chapter(write(tmp_path / "07_a.ipynb"))
    assert (chapter.number, chapter.title) == ("07", "07 · A title")
    assert chapter.promise == "It shows 2.5 things."
    assert chapter.rows == {"You need": "[01 · One](notebooks/01_one.ipynb)", "Time": "a minute"}


def test_gallery_takes_the_tagged_figure_else_the_largest(tmp_path):
    tagged = tool.Chapter(write(tmp_path / "01_a.ipynb", tag=1))
    plain = tool.Chapter(write(tmp_path / "02_b.ipynb"))
    assert tagged.picture() == ([picture for _, picture in tagged.figures()][1], "What is drawn")
    assert plain.picture()[0] == next(plain.figures())[1]


def test_notebook_without_figures_has_no_picture(tmp_path):
    path = tmp_path / "01_a.ipynb"
    nbformat.write(new_notebook(cells=[new_markdown_cell("# 01 · A\n\nB.")]), path)
    assert tool.Chapter(path).picture() is None
    assert "img-top" not in tool.card(tool.Chapter(path))


def test_finished_means_to_the_last_cell(tmp_path):
    path = write(tmp_path / "01_a.ipynb")
    assert tool.Chapter(path).finished
    assert not tool.Chapter(write(tmp_path / "02_b.ipynb", fails=True)).finished
    notebook = tool.read(path)
    tool.code_cells(notebook)[-1].execution_count = None
    nbformat.write(notebook, path)
    assert not tool.Chapter(path).finished


def test_needs_refuses_a_number_that_does_not_exist(tmp_path):
    chapters = [tool.Chapter(write(tmp_path / "01_a.ipynb"))]
    assert "[01 · A title](notebooks/01_a.ipynb)" in tool.needs(chapters, ["01"])
    with pytest.raises(ValueError, match="no notebook has the number 02"):
        tool.needs(chapters, ["01", "02"])


def test_work_that_the_bibliography_lacks_stops_the_build(tmp_path):
    path = write(tmp_path / "01_a.ipynb")
    notebook = tool.read(path)
    notebook.cells[-1].source = "## References\n\n- A. Author (2001). A book.\n"
    nbformat.write(notebook, path)
    with pytest.raises(
        ValueError, match=r"01_a.ipynb: enter this into docs/references.toml: A\. A"
    ):
        tool.references([tool.Chapter(path)])


# make run -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "ran, built, code, said",
    [
        (0, 0, 0, ["ran", "built"]),
        (1, 0, 2, ["ran", "built"]),  # a notebook failed
        (0, 1, 2, ["ran", "built"]),
        (2, 0, 2, ["ran"]),  # there is no such notebook
        (130, 0, 2, ["ran"]),  # interrupted
    ],
)
def test_make_run_ends_with_the_site_and_fails_if_a_notebook_did(tmp_path, ran, built, code, said):
    stamp = tmp_path / "stamp"
    stamp.touch()
    done = subprocess.run(
        [
            "make",
            "--silent",
            "run",
            f"STAMP={stamp}",
            f"NOTEBOOKS=sh -c 'echo ran; exit {ran}'",
            f"SITE=sh -c 'echo built; exit {built}'",
        ],
        cwd=ROOT,
        env={key: value for key, value in os.environ.items() if key != "MAKEFLAGS"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == code
    assert done.stdout.split() == said
