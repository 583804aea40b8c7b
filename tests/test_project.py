"""The project's metadata agree with each other and with the code."""

import ast
from base64 import b64encode
import json
from pathlib import Path
import re
import sys
import tomllib

import aelib
import figures
import nbformat
from notebook_parts import code_cells, number, syntax
import prose
from setuptools import find_packages

ROOT = Path(__file__).parents[1]
SETTINGS = tomllib.loads((ROOT / "pyproject.toml").read_text())
PROJECT = SETTINGS["project"]
REQUIREMENTS = (ROOT / "requirements.txt").read_text().splitlines()
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
DISTRIBUTIONS = {"sklearn": "scikit-learn", "skimage": "scikit-image"}


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
    for path in NOTEBOOKS:
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
        assert {name for name in files if not name.endswith(".py")} == set(data)


def test_version_is_the_same_in_the_code():
    assert aelib.__version__ == PROJECT["version"]


def test_citation_names_version_and_licence_of_the_project():
    lines = (ROOT / "CITATION.cff").read_text().splitlines()
    assert f"version: {PROJECT['version']}" in lines
    assert f"license: {PROJECT['license']}" in lines


def test_continuous_integration_covers_every_python_that_the_project_admits():
    workflow = (ROOT / ".github/workflows/ci.yml").read_text()
    first, last = re.findall(r"3\.(\d+)", PROJECT["requires-python"])
    versions = [f'"3.{minor}"' for minor in range(int(first), int(last))]
    assert f"python-version: [{', '.join(versions)}]" in workflow


def pages() -> dict[Path, str]:
    """Return all text that readers see, by its file."""
    names = ("README.md", "CONTRIBUTING.md", "CLAIMS.md", "data/README.md")
    found = {ROOT / name: (ROOT / name).read_text() for name in names}
    for path in NOTEBOOKS:
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


def test_the_tables_of_the_readme_are_filled_from_the_notebooks():
    assert figures.filled(ROOT) == (ROOT / "README.md").read_text(), "make claims"


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
            for figure in prose.figures(re.sub(r"\| \d+ min \|$", "", line)):
                assert any(map(figure.rounds, shown)), f"{figure.text} is nowhere shown: {line}"
    assert rows == set(course)


def test_pages_of_the_site_type_no_figure():
    for path in (ROOT / "docs").glob("*.md"):
        typed = prose.figures(re.sub(r"{{.*?}}", "", path.read_text()))
        assert not typed, f"{path.name}: {typed}"
