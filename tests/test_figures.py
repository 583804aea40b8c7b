"""The tables of README and teaching guide: how they are saved."""

import errno
import os
from pathlib import Path

import figures as tool


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
