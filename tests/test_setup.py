"""The set-up by `make`, of a small project whose only requirement lies in a folder: no network."""

from base64 import urlsafe_b64encode
from collections.abc import Callable
import errno
import hashlib
import inspect
import os
from pathlib import Path
import shutil
import subprocess
import sys
import zipfile

import pytest

ROOT = Path(__file__).parents[1]
STAMP = ".venv/.installed"
# What builds the small project, and what stops it if FAILS says so.
BACKEND = """\
from base64 import urlsafe_b64encode
import hashlib
import os
from pathlib import Path
import zipfile


def build_editable(folder, config_settings=None, metadata_directory=None):
    if number := os.environ.get("FAILS"):
        raise OSError(int(number), os.strerror(int(number)))
    return write_wheel(folder, "aelib", {"aelib.pth": os.getcwd()}).name


"""
PYPROJECT = """
[build-system]
requires = []
build-backend = "backend"
backend-path = ["."]

[project]
name = "aelib"
version = "1.0"
"""


def write_wheel(folder: str | Path, name: str, files: dict[str, str]) -> Path:
    """Write a wheel of some files, version 1.0."""
    metadata = f"{name}-1.0.dist-info"
    files = files | {
        f"{metadata}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n",
        f"{metadata}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    lines = []
    for path, text in files.items():
        digest = urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).decode().rstrip("=")
        lines.append(f"{path},sha256={digest},{len(text)}\n")
    files[f"{metadata}/RECORD"] = "".join([*lines, f"{metadata}/RECORD,,\n"])
    wheel = Path(folder, f"{name}-1.0-py3-none-any.whl")
    with zipfile.ZipFile(wheel, "w") as archive:
        for path, text in files.items():
            archive.writestr(path, text)
    return wheel


def make(course: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess:
    """Run `make` for the stamp, without a network and without settings of pip's own."""
    environment = {name: value for name, value in os.environ.items() if "MAKE" not in name}
    pip = {
        "PIP_CONFIG_FILE": os.devnull,
        "PIP_NO_INDEX": "1",
        "PIP_FIND_LINKS": str(course / "wheels"),
    }
    return subprocess.run(
        ["make", STAMP, *arguments],
        cwd=course,
        env=environment | pip | variables,
        capture_output=True,
        text=True,
    )


def site_packages(course: Path) -> Path:
    """Return the folder where pip installs."""
    (folder,) = course.glob(".venv/lib/python3.*/site-packages")
    return folder


def imports(course: Path) -> bool:
    """Tell whether the requirement can be imported in the environment."""
    return not subprocess.run(
        [course / ".venv/bin/python", "-c", "import tiny.core"], stderr=subprocess.DEVNULL
    ).returncode


@pytest.fixture(scope="module")
def finished(tmp_path_factory) -> tuple[Path, str]:
    """Set a small project up; return its folder and what was said."""
    course = tmp_path_factory.mktemp("course")
    for folder in ("tools", "wheels", "aelib"):
        (course / folder).mkdir()
    shutil.copy(ROOT / "Makefile", course)
    shutil.copy(ROOT / "tools/set_up.py", course / "tools")
    write_wheel(course / "wheels", "tiny", {"tiny/__init__.py": "", "tiny/core.py": "ANSWER = 42"})
    (course / "requirements.txt").write_text("tiny>=1\n")
    (course / "constraints.txt").write_text("tiny==1.0\n")
    (course / "pyproject.toml").write_text(PYPROJECT)
    (course / "backend.py").write_text(BACKEND + inspect.getsource(write_wheel))
    (course / "aelib/__init__.py").write_text("")
    (course / "aelib/profile.py").write_text("from tiny import core")
    done = make(course, f"PYTHON={sys.executable}")
    assert done.returncode == 0, done.stderr
    return course, done.stdout


@pytest.fixture
def course(finished, tmp_path) -> Path:
    """Return a copy of the project, set up."""
    copy = tmp_path / "course"
    shutil.copytree(finished[0], copy, symlinks=True)
    assert make(copy).stdout == f"make: '{STAMP}' is up to date.\n"
    return copy


def test_set_up_says_what_it_does_and_leaves_an_environment_and_a_stamp(finished):
    course, said = finished
    version = sys.version.split()[0]
    assert said.splitlines() == [
        f"Making .venv with Python {version}.",
        "Installing TensorFlow and the rest into .venv: about 2 minutes and 2 GB, only once.",
    ]
    assert imports(course)
    assert (course / STAMP).read_text() == f"{sys.executable}\n"
    settings = course / ".venv/etc/ipython/ipython_kernel_config.py"
    assert "capture_fd_output = False" in settings.read_text()


def killed_while_writing(packages: Path) -> None:
    """Pip has written the metadata, with the list of all files, and some of the files."""
    (packages / "tiny/core.py").unlink()


def killed_before_the_list_of_files(packages: Path) -> None:
    """Pip has written other metadata and some of the files."""
    (packages / "tiny-1.0.dist-info/RECORD").unlink()
    (packages / "tiny/core.py").unlink()


def killed_within_a_file(packages: Path) -> None:
    """Half of a file is there."""
    (packages / "tiny/core.py").write_text("")


def power_lost(packages: Path) -> None:
    """Half of the list of files is there."""
    record = packages / "tiny-1.0.dist-info/RECORD"
    record.write_text(record.read_text()[:20])


def killed_while_replacing(packages: Path) -> None:
    """Pip has moved an older version aside, and the newer one is not there yet."""
    (packages / "tiny").rename(packages / "~iny")
    (packages / "tiny-1.0.dist-info").rename(packages / "~iny-1.0.dist-info")


def zeros(file: Path) -> None:
    """Give a file its own size in zeros, as a power cut may."""
    file.write_bytes(bytes(file.stat().st_size))


def power_lost_before_a_file_was_on_disk(packages: Path) -> None:
    """A file has its size, and holds zeros."""
    zeros(packages / "tiny/core.py")


STOPS = [
    killed_while_writing,
    killed_before_the_list_of_files,
    killed_within_a_file,
    power_lost,
    power_lost_before_a_file_was_on_disk,
    killed_while_replacing,
]


@pytest.mark.parametrize("stopped", STOPS)
def test_a_set_up_that_was_broken_off_is_taken_up(course, stopped: Callable[[Path], None]):
    packages = site_packages(course)
    stopped(packages)
    (course / STAMP).unlink()
    done = make(course, f"PYTHONS={sys.executable}")
    assert done.returncode == 0, done.stderr
    assert "Making" not in done.stdout  # only what is missing is installed
    assert imports(course)
    assert not list(packages.glob("~*"))
    if stopped is not killed_while_replacing:
        assert "tiny was not installed to its end: once more." in done.stdout


@pytest.mark.parametrize(
    ("file", "stopped"), [("pip-*.dist-info/RECORD", Path.unlink), ("pip/__main__.py", zeros)]
)
def test_an_environment_whose_pip_was_broken_off_is_made_anew(course, file, stopped):
    (there,) = site_packages(course).glob(file)
    stopped(there)
    (course / STAMP).unlink()
    done = make(course, f"PYTHONS={sys.executable}")
    assert done.returncode == 0, done.stderr
    assert "Making .venv" in done.stdout and imports(course)


@pytest.mark.parametrize("python", ["/nope", "false"])
def test_a_wrong_python_is_named_and_a_working_environment_kept(course, python):
    done = make(course, f"PYTHON={python}")
    assert done.returncode == 2 and done.stdout == ""
    first, *_, remedy, _ = done.stderr.splitlines()
    assert first == f"{python} is not Python 3.11, 3.12 or 3.13 with venv and pip."
    assert remedy == "or name one: make run PYTHON=/path/to/python3.12"
    assert make(course).stdout == f"make: '{STAMP}' is up to date.\n"


def test_without_any_python_it_says_what_to_install(course):
    (course / STAMP).unlink()
    done = make(course, "PYTHONS=false /nope")
    assert done.returncode == 2
    assert done.stderr.startswith("Found no Python 3.11, 3.12 or 3.13 with venv and pip.\nInstall")


def test_a_full_disk_is_a_sentence_with_folder_and_remedy_and_no_stamp(course, tmp_path):
    (course / STAMP).unlink()
    full = str(errno.ENOSPC)
    done = make(course, f"PYTHONS={sys.executable}", FAILS=full, TMPDIR=str(tmp_path))
    assert done.returncode == 2
    (said,) = [line for line in done.stderr.splitlines() if line.startswith("The disk is full.")]
    for words in (str(course / ".venv"), f"and {tmp_path} 1 GB", "TMPDIR", "goes on from here"):
        assert words in said
    assert not (course / STAMP).exists()


def test_another_failure_of_pip_is_not_called_a_full_disk(course):
    (course / "requirements.txt").write_text("missing\n")
    done = make(course, f"PYTHONS={sys.executable}")
    assert (
        "missing" in done.stderr and "pip could not install everything: see above." in done.stderr
    )
    assert "The disk is full" not in done.stderr and not (course / STAMP).exists()


def test_all_files_are_read_only_where_what_was_installed_does_not_start(course):
    zeros(site_packages(course) / "tiny/core.py")
    (course / "aelib/profile.py").write_text("")  # needs nothing of it
    (course / STAMP).unlink()
    done = make(course, f"PYTHONS={sys.executable}")
    assert done.returncode == 0 and "Reading" not in done.stdout and not imports(course)


def test_no_stamp_where_what_was_installed_does_not_start(course):
    (course / "aelib/profile.py").write_text("raise ImportError('no such instruction')")
    (course / STAMP).unlink()
    done = make(course, f"PYTHONS={sys.executable}")
    assert done.returncode == 2 and "no such instruction" in done.stderr
    assert f"does not start; remove {course / '.venv'}" in done.stderr
    assert not (course / STAMP).exists()
