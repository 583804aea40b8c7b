"""Make the environment that the course runs in, or make it whole again; the Makefile runs this.

A set-up that was broken off, whatever stopped it, is taken up by the next one. It needs nothing but
Python's own library:

    python3 tools/set_up.py --venv .venv --constraints constraints.txt
"""

import argparse
from base64 import urlsafe_b64encode
from collections.abc import Iterator
import csv
import errno
import hashlib
from pathlib import Path
import shutil
import subprocess
import sys
import tempfile

SUPPORTED = "import sys, venv; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))"
# TensorFlow, Keras and all that aelib needs to start.
TRIAL = "from aelib import profile"
# Keeps what C++ code logs out of the notebooks' outputs.
KERNEL_SETTINGS = "c.IPKernelApp.capture_fd_output = False\n"
FULL = (f"[Errno {errno.ENOSPC}]", f"[Errno {errno.EDQUOT}]")
LITTLE = 100e6  # bytes; with less free space there is no need to look for another reason


class SetUpError(Exception):
    """A set-up cannot go on; says why and what helps."""


# What pip left ------------------------------------------------------------------------------------


def is_whole(package: Path, read: bool = False) -> bool:
    """Tell whether pip wrote all of a package, which is known by its folder of metadata.

    Pip looks at none of this itself: to pip, a package with metadata is installed.

    Parameters
    ----------
    package : the folder of metadata
    read : whether to read the files too, which takes a while: after a power cut a file may have
        its size and hold zeros
    """
    record = package / "RECORD"
    if not record.is_file():
        return False
    rows = list(csv.reader(record.read_text(encoding="utf-8").splitlines()))
    if not rows or any(len(row) != 3 for row in rows):
        return False
    files = {package.parent / path: (digest, int(size)) for path, digest, size in rows if size}
    return all(
        path.is_file() and path.stat().st_size == size and (not read or has_digest(path, digest))
        for path, (digest, size) in files.items()
    )


def has_digest(path: Path, listed: str) -> bool:
    """Tell whether a file has the digest that pip's list gives it, such as "sha256=…"; or none."""
    if not listed:
        return True
    name, _, digest = listed.partition("=")
    with path.open("rb") as file:
        found = hashlib.file_digest(file, name).digest()
    return urlsafe_b64encode(found).decode().rstrip("=") == digest


def unfinished(venv: Path, read: bool) -> Iterator[Path]:
    """Yield the folders of metadata of packages that pip did not finish."""
    for package in sorted(venv.glob("lib/python3.*/site-packages/*.dist-info")):
        if not is_whole(package, read):
            yield package


def forget_unfinished(venv: Path, read: bool = False) -> bool:
    """Let pip see what it did not finish as not installed, and drop what it had moved aside.

    Parameters
    ----------
    venv : the environment
    read : whether to read all files, see `is_whole`

    Returns
    -------
    Whether there was such a package.
    """
    packages = list(unfinished(venv, read))
    for package in packages:
        print(f"{package.name.split('-')[0]} was not installed to its end: once more.", flush=True)
        shutil.rmtree(package)
    for aside in venv.glob("lib/python3.*/site-packages/~*"):
        shutil.rmtree(aside)
    return bool(packages)


# Steps --------------------------------------------------------------------------------------------


def is_usable(venv: Path) -> bool:
    """Tell whether there is an environment of a supported Python with pip in it."""
    python = venv / "bin/python"
    if not python.exists() or subprocess.run([python, "-c", SUPPORTED]).returncode:
        return False
    pips = [*venv.glob("lib/python3.*/site-packages/pip-*.dist-info")]
    return len(pips) == 1 and is_whole(pips[0], read=True)


def run(*command: str | Path, venv: Path, what: str) -> None:
    """Run a command and pass on what it says.

    Raises
    ------
    SetUpError
        If it fails; says whether the disk is full, else what did not work.
    """
    done = subprocess.run(command, stderr=subprocess.PIPE, text=True, errors="replace")
    if done.stderr:
        print(done.stderr, end="", file=sys.stderr)
    if done.returncode:
        is_full = any(number in done.stderr for number in FULL) or free(venv) < LITTLE
        raise SetUpError(no_space(venv) if is_full else f"{what}: see above.")


def free(folder: Path) -> int:
    """Return the free bytes on the disk of a folder, which need not be there yet."""
    there = next(place for place in (folder, *folder.parents) if place.exists())
    return shutil.disk_usage(there).free


def no_space(venv: Path) -> str:
    """Say that the disk is full and what helps."""
    temporary = Path(tempfile.gettempdir())
    return (
        f"The disk is full. {venv} takes about 2 GB ({free(venv) / 1e9:.1f} are free), "
        f"and {temporary} 1 GB while pip works ({free(temporary) / 1e9:.1f} are free). "
        "Make room, or name another folder for temporary files in TMPDIR, and give the command "
        "again: it goes on from here."
    )


def set_up(venv: Path, constraints: Path, anew: bool) -> None:
    """Install requirements.txt and the course itself into an environment, and try it.

    Parameters
    ----------
    venv : its folder; made if there is none that can be used
    constraints : the file that pins versions
    anew : whether to make it anew in any case

    Raises
    ------
    SetUpError
        If a step fails.
    """
    venv = venv.absolute()
    if anew or not is_usable(venv):
        print(f"Making {venv.name} with Python {sys.version.split()[0]}.", flush=True)
        command = sys.executable, "-m", "venv", "--clear", venv
        run(*command, venv=venv, what=f"{venv} could not be made")
    forget_unfinished(venv)
    cost = "about 2 minutes and 2 GB, only once"
    print(f"Installing TensorFlow and the rest into {venv.name}: {cost}.", flush=True)
    install(venv, constraints)
    try:
        try_out(venv)
    except SetUpError:
        print("Reading all that was installed, to find what is damaged.", flush=True)
        if not forget_unfinished(venv, read=True):
            raise
        install(venv, constraints)
        try_out(venv)


def install(venv: Path, constraints: Path) -> None:
    """Install what is missing of requirements.txt, and the course itself."""
    python = venv / "bin/python"
    pip = python, "-m", "pip", "--quiet", "--disable-pip-version-check", "install"
    stopped = "pip could not install everything"
    run(*pip, "-r", "requirements.txt", "-c", constraints, venv=venv, what=stopped)
    run(*pip, "--no-deps", "-e", ".", venv=venv, what=stopped)
    settings = venv / "etc/ipython/ipython_kernel_config.py"
    settings.parent.mkdir(parents=True, exist_ok=True)
    settings.write_text(KERNEL_SETTINGS)


def try_out(venv: Path) -> None:
    """Start what was installed; what does not start raises `SetUpError`."""
    remedy = f"remove {venv} and give the command again"
    what = f"What was installed does not start; {remedy}"
    run(venv / "bin/python", "-c", TRIAL, venv=venv, what=what)


# The command --------------------------------------------------------------------------------------


def main(argv: list[str] | None = None) -> int:
    """Run the command; return its exit code."""
    parser = argparse.ArgumentParser(description="Set up the environment of the course.")
    parser.add_argument("--venv", type=Path, default=Path(".venv"), help="its folder")
    parser.add_argument("--constraints", type=Path, default=Path("constraints.txt"))
    parser.add_argument("--anew", action="store_true", help="make it anew in any case")
    options = parser.parse_args(argv)
    try:
        set_up(options.venv, options.constraints, options.anew)
    except SetUpError as error:
        print(f"\n{error}", file=sys.stderr)
        return 1
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        print(f"\n{no_space(options.venv.absolute())}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nstopped; the next make goes on from here", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
