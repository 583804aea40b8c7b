"""The project's metadata agree with each other and with the code."""

import ast
from base64 import b64encode
from collections.abc import Iterable
from fnmatch import fnmatch
from importlib.metadata import distributions
import json
from pathlib import Path
import re
import sys
import tomllib

import aelib
from aelib import data, profile, statements
import build_site
import figures
import nbformat
from notebook_parts import code_cells, number, solved, syntax
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
import prose
import pytest
from setuptools import find_packages
import yaml

ROOT = Path(__file__).parents[1]
SETTINGS = tomllib.loads((ROOT / "pyproject.toml").read_text())
PROJECT = SETTINGS["project"]
REQUIREMENTS = (ROOT / "requirements.txt").read_text().splitlines()
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
SOLUTIONS = sorted((ROOT / "notebooks/solutions").glob("*.ipynb"))
DISTRIBUTIONS = {"PIL": "pillow", "sklearn": "scikit-learn", "skimage": "scikit-image"}


def name(requirement: str) -> str:
    """Return the distribution that a requirement names."""
    return re.match(r"[\w.-]+", requirement)[0].lower()


def imported(tree: ast.Module) -> set[str]:
    """Return the distributions that code imports, Python's own and aelib left out."""
    nodes = list(ast.walk(tree))
    modules = [alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names]
    modules += [node.module for node in nodes if isinstance(node, ast.ImportFrom) and node.module]
    packages = {module.split(".")[0] for module in modules} - sys.stdlib_module_names - {"aelib"}
    return {DISTRIBUTIONS.get(package, package.lower()) for package in packages}


def test_dependencies_stand_in_the_requirements_word_for_word():
    needed = PROJECT["dependencies"] + SETTINGS["build-system"]["requires"]
    assert set(needed) <= set(REQUIREMENTS)


def test_dependencies_are_what_aelib_and_the_notebooks_import():
    code = [ast.parse(path.read_text()) for path in (ROOT / "aelib").rglob("*.py")]
    for path in [*NOTEBOOKS, *SOLUTIONS]:
        code += map(syntax, code_cells(nbformat.read(path, as_version=4)))
    assert set.union(*map(imported, code)) == set(map(name, PROJECT["dependencies"]))


def test_all_of_aelib_is_installed():
    settings = SETTINGS["tool"]["setuptools"]
    packages = find_packages(str(ROOT), **settings["packages"]["find"])
    folders = {path.parent for path in (ROOT / "aelib").rglob("*.py")}
    assert {ROOT.joinpath(*package.split(".")) for package in packages} == folders
    for package in packages:
        folder = ROOT.joinpath(*package.split("."))
        files = {path.name for path in folder.iterdir() if path.is_file()}
        data = settings["package-data"].get(package, [])
        matched = {name for name in files for pattern in data if fnmatch(name, pattern)}
        assert {name for name in files if not name.endswith(".py")} == matched


def test_version_is_the_same_in_the_code():
    assert aelib.__version__ == PROJECT["version"]


def test_citation_names_version_and_licence_of_the_project():
    lines = (ROOT / "CITATION.cff").read_text().splitlines()
    assert f"version: {PROJECT['version']}" in lines
    assert f"license: {PROJECT['license']}" in lines


@pytest.fixture(scope="module")
def workflow() -> dict:
    """Return what GitHub is told to run, every value as a string."""
    return yaml.load((ROOT / ".github/workflows/ci.yml").read_text(), yaml.BaseLoader)


def test_continuous_integration_covers_every_python_that_the_project_admits(workflow):
    first, last = re.findall(r"3\.(\d+)", PROJECT["requires-python"])
    versions = [f"3.{minor}" for minor in range(int(first), int(last))]
    assert workflow["jobs"]["test"]["strategy"]["matrix"]["python-version"] == versions


def commands(job: dict) -> list[str]:
    """List what a job runs."""
    return [step["run"] for step in job["steps"] if "run" in step]


def test_every_python_is_tried_on_ubuntu(workflow):
    job = workflow["jobs"]["test"]
    assert job["runs-on"].startswith("ubuntu-")
    assert "python-version" in job["strategy"]["matrix"]
    assert commands(job) == [".ci/run"]
    assert {"push", "pull_request"} <= set(workflow["on"])


def test_first_notebook_runs_on_a_mac(workflow):
    job = workflow["jobs"]["macos"]
    assert job["runs-on"].startswith("macos-")
    assert commands(job) == ['make run NB="01"']


def test_oldest_and_newest_dependencies_are_tried_once_a_week(workflow):
    (schedule,) = workflow["on"]["schedule"]
    minute, hour, day, month, weekday = schedule["cron"].split()
    assert all(part.isdecimal() for part in (minute, hour, weekday)) and day == month == "*"
    job = workflow["jobs"]["versions"]
    assert "github.event_name == 'schedule'" in job["if"]
    tried = [row["dependencies"] for row in job["strategy"]["matrix"]["include"]]
    assert tried == ["oldest", "newest"]
    of_each = "build/${{ matrix.dependencies }}.txt"
    assert commands(job) == [f"make {of_each}", f"make test CONSTRAINTS={of_each}"]
    assert job["strategy"]["matrix"]["include"][0]["python-version"] == oldest_python()
    makefile = (ROOT / "Makefile").read_text()
    for name in tried:
        assert f"\nbuild/{name}.txt:" in makefile


def test_each_push_publishes_the_site_that_make_site_builds():
    workflow = yaml.load((ROOT / ".github/workflows/site.yml").read_text(), yaml.BaseLoader)
    assert workflow["on"]["push"]["branches"] == ["main"]
    build, publish = workflow["jobs"]["build"], workflow["jobs"]["publish"]
    assert build["steps"][-2]["run"] == "make site"
    assert build["steps"][-1]["with"]["path"] == str(build_site.arguments([]).into)
    assert publish["needs"] == "build" and publish["permissions"]["pages"] == "write"
    assert workflow["permissions"] == {"contents": "read"}


def oldest_python() -> str:
    """Return the oldest Python that the project admits."""
    return re.match(r">=(3\.\d+)", PROJECT["requires-python"])[1]


def constraints() -> dict[str, Requirement]:
    """Return what constraints.txt pins, by canonical name; what this system lacks is left out."""
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    pins = [pin for pin in map(Requirement, lines) if pin.marker is None or pin.marker.evaluate()]
    return {canonicalize_name(pin.name): pin for pin in pins}


def test_every_requirement_is_pinned_within_its_range():
    pins = constraints()
    for line in REQUIREMENTS:
        if line and not line.startswith("#"):
            wanted = Requirement(line)
            (pin,) = pins[canonicalize_name(wanted.name)].specifier
            assert pin.operator == "==" and pin.version in wanted.specifier, line


def test_pins_were_chosen_for_the_oldest_python_and_what_is_installed_runs_on_it():
    """A Python 3.11.2, as Debian 12 has it, is one: soupsieve 4.1.1 asks for 3.11.5."""
    makefile = (ROOT / "Makefile").read_text()
    assert f"--python-version {oldest_python()}\n" in makefile
    pins = constraints()
    for distribution in distributions():
        pin = pins.get(canonicalize_name(distribution.name))
        needed = distribution.metadata["Requires-Python"]
        if pin and needed and distribution.version in pin.specifier:
            assert f"{oldest_python()}.2" in SpecifierSet(needed), pin


def starts_tensorflow_here(code: str) -> bool:
    """Tell whether code imports keras or tensorflow with no aelib._startup above."""
    nodes = [n for n in ast.walk(ast.parse(code)) if isinstance(n, ast.Import | ast.ImportFrom)]
    for node in sorted(nodes, key=lambda node: node.lineno):
        if isinstance(node, ast.ImportFrom):
            if node.module == "aelib._startup":
                return False
            names = [node.module or ""]
        else:
            names = [alias.name for alias in node.names]
        if any(name.split(".")[0] in ("keras", "tensorflow") for name in names):
            return True
    return False


@pytest.mark.parametrize(
    ("code", "found"),
    [
        ("import numpy", False),
        ("import keras", True),
        ("from keras import ops", True),
        ("from tensorflow.python import eager\nfrom aelib._startup import tf", True),
        ("def f():\n    import numpy, keras.ops", True),
        ("from aelib._startup import keras\nfrom keras import ops", False),
    ],
)
def test_a_module_that_starts_tensorflow_by_itself_is_found(code, found):
    assert starts_tensorflow_here(code) == found


def test_tensorflow_starts_in_one_place():
    for path in (ROOT / "aelib").rglob("*.py"):
        if path.name != "_startup.py":
            assert not starts_tensorflow_here(path.read_text()), path


def test_issues_have_forms_for_a_verdict_a_sentence_and_a_bug():
    folder = ROOT / ".github/ISSUE_TEMPLATE"
    names = {"bug", "unclear_sentence", "wrong_verdict"}
    assert {path.stem for path in folder.glob("*.yml")} == names | {"config"}
    for name in names:
        form = yaml.safe_load((folder / f"{name}.yml").read_text())
        assert form["name"] and form["description"]
        fields = [field["id"] for field in form["body"]]
        assert len(fields) == len(set(fields)) >= 2
        assert any(field.get("validations", {}).get("required") for field in form["body"])


def test_the_changelog_tells_of_this_version_below_what_is_to_come():
    changelog = (ROOT / "CHANGELOG.md").read_text()
    versions = re.findall(r"^## \[(.+?)\]", changelog, re.MULTILINE)
    assert versions[:2] == ["Unreleased", PROJECT["version"]]
    kinds = set(re.findall(r"^### (.+)$", changelog, re.MULTILINE))
    assert kinds <= {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}


def pages() -> dict[Path, str]:
    """Return all text that readers see, by its file."""
    names = ("README.md", "CHANGELOG.md", "CONTRIBUTING.md", "CLAIMS.md", "data/README.md")
    found = {ROOT / name: (ROOT / name).read_text() for name in names}
    for path in [*NOTEBOOKS, *SOLUTIONS]:
        cells = json.loads(path.read_text())["cells"]
        texts = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "markdown"]
        found[path] = "\n".join(texts)
    return found


def test_every_link_inside_the_project_leads_somewhere():
    for path, text in pages().items():
        for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", text):
            if "://" not in target:
                assert (path.parent / target).exists(), f"{path.name} links to {target}"


def test_the_readme_shows_a_figure_of_notebook_02():
    notebook = json.loads((ROOT / "notebooks/02_mnist_autoencoder.ipynb").read_text())
    outputs = [output for cell in notebook["cells"] for output in cell.get("outputs", [])]
    figures = [output.get("data", {}).get("image/png", "") for output in outputs]
    picture = b64encode((ROOT / "docs/latent_map.png").read_bytes()).decode()
    assert picture in [figure.strip() for figure in figures], "make it anew from the notebook"


def test_tables_of_readme_and_teaching_guide_are_filled_from_the_notebooks():
    for name, text in figures.filled(ROOT).items():
        assert text == (ROOT / name).read_text(), "make claims"


def test_published_figures_name_their_works_and_places():
    works = tomllib.loads((ROOT / "docs/published.toml").read_text())["work"]
    titles = [work["title"] for work in works]
    assert len(set(titles)) == len(titles)
    for work in works:
        assert work["names"] and all(name in work["title"] for name in work["names"])
        for place, numbers in work["figures"].items():
            assert place and numbers and all(map(float, numbers))


def test_numbers_that_are_typed_in_the_tables_of_the_readme_are_borne_out_too():
    readme = (ROOT / "README.md").read_text()
    course = {number(path): nbformat.read(path, as_version=4) for path in NOTEBOOKS}
    evidence = {name: prose.evidence(code_cells(notebook)) for name, notebook in course.items()}
    works = prose.published(readme)
    rows = set()
    for block in figures.BLOCK.finditer(readme):
        if block["name"] in ("verdicts", "speed"):
            continue
        for line in block[0].splitlines():
            row = re.match(r"\| (\d\d) \|", line)
            rows |= {row[1]} if row else set()
            named = {row[1]} if row else prose.numbers_of_notebooks(block[0])
            shown = works.union(*(evidence[name] for name in named))
            # A notebook's own number and its minutes are no results.
            for figure in prose.figures(re.sub(r"^\| \d\d \||\| \d+ min \|$", "", line)):
                assert any(map(figure.rounds, shown)), f"{figure.text} is nowhere shown: {line}"
    assert rows == set(course)


WORDS = "zero one two three four five six seven eight nine ten".split()
FRACTIONS = "half thirds? quarters? twice dozen hundred thousand million".split()
A_NUMBER = re.compile(rf"\d[\d.,]*|\b(?:{'|'.join(WORDS[2:] + FRACTIONS)})\b", re.IGNORECASE)
# What the README says in numbers outside its tables and nothing need bear out, and why.
TYPED_IN_README = {
    "an eight-bit toy": "notebook 01, by its title",
    "ten handwritten digits as clouds": "what a picture shows",
    "## Two commands": "they stand below",
    "for the first five minutes": "rough, a reader's time",
    'NB="01 02 03"    # sets up .venv, runs three notebooks': "an example",
    '`make full NB="02 03"`': "an example",
    "`JOBS=1`": "an example",
    "one for every two cores, two on two cores": "tested as the rule of tools/kernels.py",
    "The map of notebook 02": "a notebook by its number",
    "a net of 1000-500-250 units runs at two thirds of": "`make bench` prints it, nothing keeps it",
    "01 to 03 make a first week": "advice",
    "from 04 on each stands for an hour and a half": "advice",
}


def counted_in_the_readme() -> list[str]:
    """Return what the README says in numbers outside its tables, made from where they come from."""
    (keras,) = re.findall(r"keras>=(\d+)", " ".join(PROJECT["dependencies"]))
    first, last = map(int, re.findall(r"3\.(\d+)", PROJECT["requires-python"]))
    *older, newest = [f"3.{minor}" for minor in range(first, last)]
    digits = data.load_mnist()
    pad = re.compile(r"\b(?:drawing|anomaly)_pad\(")
    *pads, last_pad = [number(path) for path in NOTEBOOKS if pad.search(path.read_text())]
    broken = solved(nbformat.read(ROOT / "notebooks/solutions/00_debugging.ipynb", as_version=4))
    (ways,) = re.findall(r"## (\w+ ways through)", (ROOT / "docs/teaching.md").read_text())
    (licence,) = re.findall(r"CC BY-SA [\d.]+", (ROOT / "data/README.md").read_text())
    return [
        f"in Keras {keras} on TensorFlow",
        f"{WORDS[len(statements.DOCUMENTS)]} texts on autoencoders",
        f"{digits.x_train[0].size} pixels squeezed into two numbers",
        f"In notebooks {', '.join(pads)} and {last_pad} you draw a digit",
        f"Python {', '.join(older)} or {newest} and make",
        f"{len(digits.x_train) + len(digits.x_test):,} real MNIST digits",
        ways.lower(),
        f"{WORDS[len(broken)]} broken autoencoders",
        f"{WORDS[len(profile.PROFILES)].capitalize()} profiles run",
        f"{licence}; see",
    ]


def loose_numbers(readme: str, known: Iterable[str]) -> list[str]:
    """List numbers outside the tables that no known words hold, and known words that are not there.

    Addresses of links are not read.
    """
    text = re.sub(r"\]\([^)]*\)", "]", figures.BLOCK.sub("", readme))
    missing = [words for words in known if words not in text]
    for words in known:
        text = text.replace(words, "")
    return missing + A_NUMBER.findall(text)


def test_numbers_outside_the_tables_of_the_readme_are_those_of_their_sources(monkeypatch):
    monkeypatch.setenv("AELIB_PROFILE", "quick")
    readme = (ROOT / "README.md").read_text()
    known = [*TYPED_IN_README, *counted_in_the_readme()]
    assert not loose_numbers(readme, known)
    for old, new in [
        ("5,000 real", "6,000 real"),
        ("five texts", "six texts"),
        ("## How it is built", "Up to 450 times faster than Keras.\n\n## How it is built"),
        ("squeezed into two", "squeezed into three"),
        ("two thirds", "nine tenths"),
    ]:
        assert old in readme and loose_numbers(readme.replace(old, new), known), new


def test_pages_of_the_site_type_no_figure():
    for path in (ROOT / "docs").glob("*.md"):
        text = figures.BLOCK.sub("", path.read_text())
        typed = prose.figures(re.sub(r"{{.*?}}|<!--.*?-->", "", text))
        assert not typed, f"{path.name}: {typed}"
