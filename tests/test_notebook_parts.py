"""What the tools read in a notebook, and how they save files."""

import errno
import os

from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook
import notebook_parts as parts
import pytest

INSTALL = (
    'import sys\n\nif "google.colab" in sys.modules:\n'
    '    %pip install --quiet "git+https://github.com/some-one/a.b"\n\n'
)


def test_statements_with_their_cell_and_the_nearest_heading_above():
    cells = [
        new_code_cell('ledger.check("none above", source="a", holds=x)'),
        new_markdown_cell("# Title\n\n## First"),
        new_code_cell("%matplotlib inline\nx = 1"),
        new_markdown_cell("no heading\n\n```bash\n# nor this\n```"),
        new_code_cell('y = ledger.check(\n    "one "\n    "two",\n    of="R077 Z04",\n)'),
        new_markdown_cell("### Second"),
        new_code_cell("full.check(name, source=place)\nfull.check(of=ids)"),
        new_code_cell("not python )"),
    ]
    found = parts.checks(new_notebook(cells=cells))
    assert [(c.statement, c.of, c.source, c.cell, c.heading) for c in found] == [
        ("none above", "", "a", 1, ""),
        ("one two", "R077 Z04", "", 3, "First"),
        (None, "", None, 4, "Second"),
        (None, None, "", 4, "Second"),
    ]
    assert [check.ids for check in found] == [[], ["R077", "Z04"], [], []]


def test_install_line_of_a_set_up_cell_comes_off_and_nothing_else_does():
    source = "import keras\n\nkeras"
    assert parts.without_install(INSTALL + source) == source
    for other in (source, "import sys\n\n" + source, f"x = 1\n{INSTALL}"):
        assert parts.without_install(other) == other
    assert len(parts.syntax(new_code_cell(INSTALL + source)).body) == 2


def test_magic_without_a_guard_is_no_python():
    assert not parts.syntax(new_code_cell('%pip install "git+https://github.com/a/b"')).body


def test_stopped_write_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "01_a.ipynb"
    path.write_text("as it was")

    def stop(notebook, path):
        path.write_text("half of it")
        raise OSError("disk full")

    monkeypatch.setattr(parts.nbformat, "write", stop)
    with pytest.raises(OSError, match="disk full"):
        parts.save(new_notebook(), path)
    assert path.read_text() == "as it was" and list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    ("code", "remedy"),
    [
        (errno.ENOSPC, "free some space on its disk"),
        (errno.EDQUOT, "free some space in your quota"),
        (errno.EROFS, "make its disk writable"),
        (errno.EACCES, "make the folder yours"),
    ],
)
def test_disk_that_takes_nothing_is_named_with_a_remedy(tmp_path, code, remedy):
    path = tmp_path / "01_a.ipynb"
    path.write_text("as it was")
    with pytest.raises(parts.UnwritableError) as stopped, parts.replacing(path) as beside:
        beside.write_text("half of it")
        raise OSError(code, os.strerror(code))
    said = f"{tmp_path} cannot be written to ({os.strerror(code)}): {remedy}"
    assert str(stopped.value).startswith(said)
    assert path.read_text() == "as it was" and list(tmp_path.iterdir()) == [path]
