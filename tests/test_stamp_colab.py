"""The stamp for Colab: what it adds, that it comes off again, and that it works there."""

from copy import deepcopy
import json
import os
from pathlib import Path
import re
import shutil
import subprocess
import sys
from xml.etree import ElementTree

import aelib
from matplotlib import font_manager
import nbformat
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
import notebook_parts as parts
import notebook_rules as rules
import pytest
import stamp_colab as tool

ROOT = Path(__file__).parents[1]
NOTEBOOKS = parts.find_notebooks(ROOT / "notebooks")
REPOSITORY = "some-one/a.course_2"
OTHER = "else/where"
HOSTS = ("colab.research.google.com", "git+https://github.com")
# Runs the set-up cells that it reads, as Jupyter does, once as on a computer and once as in Colab.
# What opens a connection, or asks for a host's address, is noted and stopped.
JUPYTER = """
from contextlib import redirect_stdout
from io import StringIO
import json
import os
import sys
from types import ModuleType

asked = []


def offline(event, arguments):
    if event in ("socket.connect", "socket.getaddrinfo"):
        asked.append(f"{event} {arguments}")
        raise RuntimeError("no network")


sys.addaudithook(offline)
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config

shell = InteractiveShell.instance(config=Config({"HistoryManager": {"enabled": False}}))
installs = []
shell.register_magic_function(installs.append, "line", "pip")


def run(source):
    shell.reset(new_session=False)
    installs.clear()
    with redirect_stdout(StringIO()) as printed:
        done = shell.run_cell(source)
    return {"printed": printed.getvalue(), "good": done.success, "installs": list(installs)}


cells = json.load(sys.stdin)
report = {"here": {name: run(source) for name, source in cells.items()}}
sys.modules["google.colab"] = ModuleType("google.colab")
report["colab"] = {name: run(source) for name, source in cells.items()}
import aelib

report |= {"aelib": aelib.__file__, "asked": asked, "left": os.listdir()}
json.dump(report, sys.stdout)
"""


def read(path: Path) -> NotebookNode:
    """Read a notebook."""
    return nbformat.read(path, as_version=4)


def contents(root: Path) -> dict[str, bytes]:
    """Return what all files below a folder hold, by their path in it."""
    return {
        str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()
    }


def addresses(path: Path) -> list[str]:
    """List the addresses in a file that lead to Colab or install from GitHub."""
    return re.findall(rf"(?:{'|'.join(map(re.escape, HOSTS))})[^\s)\"\\]*", path.read_text())


def expected(path: Path, repository: str) -> list[str]:
    """List the addresses that a notebook should hold, in the order of its cells."""
    if not repository:
        return []
    return [
        f"{HOSTS[0]}/github/{repository}/blob/main/notebooks/{path.name}",
        f"{HOSTS[1]}/{repository}",
    ]


@pytest.fixture
def course(tmp_path) -> Path:
    """Return a copy of the notebooks and the settings, without a stamp."""
    shutil.copytree(ROOT / "notebooks", tmp_path / "notebooks")
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    assert tool.main(["none", "--root", str(tmp_path)]) == 0
    return tmp_path


def stamp(course: Path, repository: str) -> dict[str, bytes]:
    """Stamp a course; return what its files then hold."""
    assert tool.main([repository, "--root", str(course)]) == 0
    return contents(course)


# The committed notebooks --------------------------------------------------------------------------


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_badge_and_install_line_are_those_that_pyproject_asks_for(path, tmp_path):
    repository = tool.published((ROOT / "pyproject.toml").read_text())
    notebook = read(path)
    tool.stamp(notebook, path.name, repository)
    parts.save(notebook, tmp_path / path.name)
    remedy = f"make colab REPO={repository or 'none'}"
    assert (tmp_path / path.name).read_bytes() == path.read_bytes(), remedy
    assert addresses(path) == expected(path, repository), remedy


# What a stamp adds --------------------------------------------------------------------------------


def small() -> NotebookNode:
    """Return a notebook of a title, a promise, a table and two cells with code."""
    text = new_markdown_cell("# Title\n\nA promise.\n\n| | |\n| --- | --- |\n| a | b |")
    printed = new_output("stream", text="as it ran\n")
    setup = new_code_cell("import keras\n\nkeras", execution_count=1, outputs=[printed])
    return new_notebook(cells=[text, setup, new_code_cell("import sys")])


def test_badge_below_the_promise_and_install_line_on_top_of_the_set_up_cell():
    notebook, before = small(), small()
    tool.stamp(notebook, "07_a.ipynb", REPOSITORY)
    assert notebook.cells[0].source == (
        "# Title\n\nA promise.\n\n[![Open in Colab](../docs/open_in_colab.svg)]"
        "(https://colab.research.google.com/github/some-one/a.course_2/blob/main/notebooks/07_a.ipynb)"
        "\n\n| | |\n| --- | --- |\n| a | b |"
    )
    assert notebook.cells[1].source == (
        'import sys\n\nif "google.colab" in sys.modules:\n'
        '    %pip install --quiet "git+https://github.com/some-one/a.course_2"\n\n'
        "import keras\n\nkeras"
    )
    assert notebook.cells[2].source == "import sys"
    assert notebook.cells[1].outputs == before.cells[1].outputs
    assert notebook.cells[1].execution_count == 1


@pytest.mark.parametrize("text", ["# Title", "# Title\n\nA promise.", "# Title\n\n\n\nFar below."])
def test_stamp_comes_off_to_the_last_character(text):
    notebook = small()
    notebook.cells[0].source = text
    before = deepcopy(notebook)
    tool.stamp(notebook, "07_a.ipynb", REPOSITORY)
    assert notebook.cells[0].source.count("Open in Colab") == 1
    tool.stamp(notebook, "07_a.ipynb", "")
    assert notebook == before


def test_badge_is_drawn_by_the_project_and_asks_no_other_host():
    picture = (ROOT / "docs/open_in_colab.svg").read_text()
    root = ElementTree.fromstring(picture)
    assert root.find("{*}title").text == root.get("aria-label") == "Open in Colab"
    assert re.findall(r"\w+://[^\"]+", picture) == ["http://www.w3.org/2000/svg"]
    assert "href" not in picture and "url(" not in picture


# The course, stamped ------------------------------------------------------------------------------


def test_stamped_course_keeps_the_rules_and_comes_back_byte_by_byte(course, capsys):
    before = contents(course)
    stamped = stamp(course, REPOSITORY)
    assert set(stamped) == set(before)
    assert f"lead to github.com/{REPOSITORY} in Colab; {len(NOTEBOOKS) + 1} files" in (
        capsys.readouterr().out
    )
    assert tool.published((course / "pyproject.toml").read_text()) == REPOSITORY
    for path in parts.find_notebooks(course / "notebooks"):
        assert addresses(path) == expected(path, REPOSITORY)
        notebook = read(path)
        assert [line for rule in rules.RULES for line in rule(notebook)] == []
        assert list(rules.not_too_large(path)) == []
    for command in (["check"], ["format", "--check"]):
        ruff = [sys.executable, "-m", "ruff", *command, "--no-cache", "."]
        done = subprocess.run(ruff, cwd=course, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout
    assert stamp(course, REPOSITORY) == stamped
    stamp(course, OTHER)
    assert stamp(course, REPOSITORY) == stamped
    assert stamp(course, "none") == before


def test_another_repository_replaces_the_first(course):
    stamped = stamp(course, OTHER)
    stamp(course, REPOSITORY)
    assert stamp(course, OTHER) == stamped
    assert not any(REPOSITORY.encode() in held for held in stamped.values())


# What is refused ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "repository",
    [
        "",
        "name",
        "owner/",
        "/name",
        "owner/na me",
        "owner/name/",
        "owner/name.git",
        "owner/..",
        "o_wner/name",
        "https://github.com/owner/name",
        'owner/name"',
        "owner/näme",
        "owner/name\n",
    ],
)
def test_what_is_no_repository_is_refused_with_what_to_write(tmp_path, capsys, repository):
    (tmp_path / "pyproject.toml").write_text('[tool.aelib]\nrepository = ""\n')
    before = contents(tmp_path)
    assert tool.main([repository, "--root", str(tmp_path)]) == 2
    said = capsys.readouterr().err
    assert said.startswith(f'REPO is "{repository}"' if repository else "REPO is missing")
    assert "make colab REPO=owner/name (REPO=none takes the badges away)" in said
    assert contents(tmp_path) == before


@pytest.mark.parametrize(
    "settings",
    [
        "",
        '[tool.other]\nrepository = ""\n',
        '[tool.other]\nrepository = ""\n[tool.aelib]\nrepository = ""\n',
    ],
)
def test_settings_without_one_place_for_the_name_are_refused(course, capsys, settings):
    (course / "pyproject.toml").write_text(settings)
    before = contents(course)
    assert tool.main([REPOSITORY, "--root", str(course)]) == 2
    assert "needs one line `repository" in capsys.readouterr().err
    assert contents(course) == before


@pytest.mark.parametrize(
    "cells", [[new_markdown_cell("# Title")], [new_code_cell("1"), new_markdown_cell("# Title")]]
)
def test_one_bad_notebook_and_nothing_is_written(course, capsys, cells):
    nbformat.write(new_notebook(cells=cells), course / "notebooks/99_bad.ipynb")
    before = contents(course)
    assert tool.main([REPOSITORY, "--root", str(course)]) == 2
    assert "99_bad.ipynb: needs a text cell with its title first" in capsys.readouterr().err
    assert contents(course) == before


def test_settings_without_a_name_mean_no_stamp():
    assert tool.published("") == tool.published('[tool.aelib]\nrepository = ""') == ""


# As in Colab: the package alone -------------------------------------------------------------------


@pytest.fixture(scope="module")
def jupyter(tmp_path_factory) -> dict:
    """Run the stamped set-up cells in an empty folder, with `aelib` installed and no repository."""
    folder = tmp_path_factory.mktemp("colab")
    source, site, empty = (folder / name for name in ("source", "site", "empty"))
    empty.mkdir()
    shutil.copytree(ROOT / "aelib", source / "aelib", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "LICENSE"):
        shutil.copy(ROOT / name, source)
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    offline = ["--no-index", "--no-deps", "--no-build-isolation", "--target", site, source]
    subprocess.run([*pip, *offline], check=True)
    cells = {}
    for path in NOTEBOOKS:
        notebook = read(path)
        tool.stamp(notebook, path.name, REPOSITORY)
        cells[path.stem] = parts.code_cells(notebook)[0].source
    assert font_manager.fontManager  # made by now: making it is what matplotlib would speak of
    own = {"AELIB_PROFILE": "quick", "PYTHONPATH": str(site), "IPYTHONDIR": str(folder / "ipython")}
    environment = {name: value for name, value in os.environ.items() if name != "AELIB_MNIST"}
    done = subprocess.run(
        [sys.executable, "-c", JUPYTER],
        input=json.dumps(cells),
        cwd=empty,
        env=environment | own,
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    report = json.loads(done.stdout)
    assert Path(report["aelib"]).is_relative_to(site)
    return report


@pytest.mark.parametrize("place", ["here", "colab"])
@pytest.mark.parametrize("stem", [path.stem for path in NOTEBOOKS])
def test_set_up_cell_works_with_nothing_but_the_package(jupyter, place, stem):
    done = jupyter[place][stem]
    assert done["good"], done["printed"]
    (line,) = done["printed"].splitlines()
    assert re.match(rf"aelib {re.escape(aelib.__version__)} · .* · quick profile\b", line)
    url = f'"git+https://github.com/{REPOSITORY}"'
    assert done["installs"] == ([f"install --quiet {url}"] if place == "colab" else [])


def test_set_up_asks_for_no_network_and_leaves_no_file(jupyter):
    assert jupyter["asked"] == jupyter["left"] == []
