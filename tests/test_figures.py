"""The tables of README and teaching guide: how they are saved."""

import errno
import os
from pathlib import Path

import figures as tool
import pytest

ROOT = Path(__file__).parents[1]


def test_disk_that_takes_nothing_is_named_and_the_readme_stays(tmp_path, monkeypatch, capsys):
    def refuse(*_) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    name = Path("README.md")
    readme = tmp_path / name
    readme.write_text("old")
    monkeypatch.setattr(tool, "filled", lambda root: {name: "new"})
    assert tool.main(["--root", str(tmp_path), "--check"]) == 1
    monkeypatch.setattr("notebook_parts.os.replace", refuse)
    assert tool.main(["--root", str(tmp_path)]) == 2
    assert f"{tmp_path} cannot be written to (No space left" in capsys.readouterr().err
    assert readme.read_text() == "old" and list(tmp_path.iterdir()) == [readme]
    monkeypatch.undo()
    monkeypatch.setattr(tool, "filled", lambda root: {name: "new"})
    assert tool.main(["--root", str(tmp_path)]) == 0
    assert readme.read_text() == "new"
    assert tool.main(["--root", str(tmp_path), "--check"]) == 0


@pytest.fixture(scope="module")
def sources() -> tool.Sources:
    """Return what the course's own tables are filled from."""
    return tool.Sources(ROOT)


def test_a_statement_that_failed_is_quoted_with_its_section(sources):
    said = sources.failed("N133")
    assert said.startswith("**The accuracy is not very high because only 20 epochs were run**")
    assert "says nana-li (N133; [11, " in said and "](../notebooks/11_convolutional.ipynb#" in said


@pytest.mark.parametrize("name", ["R077", "X04", "R999"])
def test_a_statement_that_did_not_fail_is_refused(sources, name):
    with pytest.raises(ValueError, match=f'{name} has no verdict "not reproduced"'):
        sources.failed(name)


def test_times_are_those_that_a_page_states(sources):
    opening = sources.notebooks["02"].cells[0].source
    assert f"about {sources.minutes('02')} minutes" in opening
    assert f"{sources.quick('02')} in the quick profile" in opening
