"""nbval notices what it is there for: tried by breaking a notebook on purpose."""

from copy import deepcopy
import os
import re
import subprocess
import sys

import nbformat
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_notebook
import pytest
import run_notebooks

CHECKED = {"tags": ["nbval-check-output"]}
IMPORT = "from aelib.claims import Claims"
COUNT = "parameters = 784 * 2 + 2\nparameters"
LEDGER = """\
ledger = Claims()
loss = 0.2
ledger.check("It learns", source="Zhihu", holds=loss < 0.3, measured=f"a loss of {loss} < 0.3")
ledger.check("It sleeps", source="Zen", holds=loss < 0.1, measured=f"{loss}", why="It cannot.")
ledger"""
# name of the notebook: what is replaced in the code, by what, and which of its cells then fails
CHANGES = {
    "same": ("", "", None),
    "measured": ("loss = 0.2", "loss = 0.25", None),
    "unchecked": ("'unchecked'", "'something else'", None),
    "verdict": ("loss = 0.2", "loss = 0.4", 2),
    "statement": ("It learns", "It forgets", 2),
    "reason": ("It cannot.", "It will not.", 2),
    "parameters": ("784 * 2 + 2", "784 * 2 + 3", 1),
    "import": ("import Claims", "import Claim", 0),
}


@pytest.fixture(scope="module")
def executed(tmp_path_factory) -> NotebookNode:
    """Return a notebook with an import, a parameter count and a ledger, executed."""
    cells = [
        new_code_cell(IMPORT),
        new_code_cell(COUNT, metadata=CHECKED),
        new_code_cell(LEDGER, metadata=CHECKED),
        new_code_cell("'unchecked'"),
    ]
    path = tmp_path_factory.mktemp("executed") / "01_small.ipynb"
    nbformat.write(new_notebook(cells=cells), path)
    into = path.parent / "build"
    assert run_notebooks.main(["--folder", str(path.parent), "--into", str(into)]) == 0
    return nbformat.read(into / path.name, as_version=4)


@pytest.fixture(scope="module")
def failed_cells(executed, tmp_path_factory) -> dict[str, list[int]]:
    """Run nbval once over a notebook for each change; return the cells that fail in each."""
    folder = tmp_path_factory.mktemp("changed")
    for n, (name, (old, new, _)) in enumerate(CHANGES.items()):
        changed = deepcopy(executed)
        for cell in changed.cells:
            cell.source = cell.source.replace(old, new)
        nbformat.write(changed, folder / f"{n:02}_{name}.ipynb")
    command = [sys.executable, run_notebooks.__file__, "--folder", folder, "--nbval", "--jobs=2"]
    environment = os.environ | {"PYTEST_ADDOPTS": "-rA --color=no"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.returncode == 1
    failed = re.findall(r"^FAILED .*?\d\d_(\w+)\.ipynb::Cell (\d+)", done.stdout, re.MULTILINE)
    passed = re.findall(r"^PASSED .*?\d\d_(\w+)\.ipynb::", done.stdout, re.MULTILINE)
    assert len(failed) + len(passed) == len(CHANGES) * len(executed.cells), done.stdout
    return {name: sorted(int(cell) for one, cell in failed if one == name) for name in CHANGES}


@pytest.mark.parametrize("name", [name for name, change in CHANGES.items() if change[2] is None])
def test_notebook_passes_where_nothing_checked_differs(failed_cells, name):
    assert failed_cells[name] == []


@pytest.mark.parametrize("name", [name for name, change in CHANGES.items() if change[2]])
def test_changed_cell_fails(failed_cells, name):
    assert failed_cells[name] == [CHANGES[name][2]]


def test_broken_import_fails_where_it_stands(failed_cells):
    assert failed_cells["import"][0] == 0
