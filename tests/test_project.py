"""The project's metadata agree with each other and with the code."""

import ast
from base64 import b64encode
import json
from pathlib import Path
import re
import sys
import tomllib

import aelib

ROOT = Path(__file__).parents[1]
METADATA = tomllib.loads((ROOT / "pyproject.toml").read_text())
PROJECT = METADATA["project"]
REQUIREMENTS = (ROOT / "requirements.txt").read_text().splitlines()
DISTRIBUTIONS = {"sklearn": "scikit-learn"}


def name(requirement: str) -> str:
    """Return the distribution that a requirement names."""
    return re.match(r"[\w.-]+", requirement)[0].lower()


def imported(path: Path) -> set[str]:
    """Return the distributions that a module imports, Python's own and aelib left out."""
    nodes = list(ast.walk(ast.parse(path.read_text())))
    modules = [alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names]
    modules += [node.module for node in nodes if isinstance(node, ast.ImportFrom) and node.module]
    packages = {module.split(".")[0] for module in modules} - sys.stdlib_module_names - {"aelib"}
    return {DISTRIBUTIONS.get(package, package.lower()) for package in packages}


def test_dependencies_stand_in_the_requirements_word_for_word():
    assert set(PROJECT["dependencies"]) <= set(REQUIREMENTS)


def test_dependencies_are_what_aelib_imports():
    used = set.union(*map(imported, (ROOT / "aelib").glob("*.py")))
    assert used == set(map(name, PROJECT["dependencies"]))


def test_all_of_aelib_is_installed():
    files = {path.name for path in (ROOT / "aelib").iterdir() if path.is_file()}
    data = METADATA["tool"]["setuptools"]["package-data"]["aelib"]
    assert {name for name in files if not name.endswith(".py")} == set(data)


def test_version_is_the_same_in_the_code():
    assert aelib.__version__ == PROJECT["version"]


def test_continuous_integration_covers_every_python_that_the_project_admits():
    workflow = (ROOT / ".github/workflows/ci.yml").read_text()
    first, last = re.findall(r"3\.(\d+)", PROJECT["requires-python"])
    versions = [f'"3.{minor}"' for minor in range(int(first), int(last))]
    assert f"python-version: [{', '.join(versions)}]" in workflow


def pages() -> dict[Path, str]:
    """Return all text that readers see, by its file."""
    found = {path: path.read_text() for path in (ROOT / "README.md", ROOT / "data/README.md")}
    for path in (ROOT / "notebooks").glob("*.ipynb"):
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
