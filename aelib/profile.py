"""Which profile runs, and a seeded, quiet start."""

from dataclasses import asdict, dataclass
import gc
import io
from numbers import Integral
import os
import platform
import sys
from typing import TypeVar

from aelib import __version__
from aelib._startup import keras, tf
from IPython.display import display
from sklearn.utils import check_scalar

Value = TypeVar("Value")
PROFILES = ("full", "quick")
VERSIONS = ("aelib", "Python", "TensorFlow", "Keras")  # in the order in which they are shown


def current() -> str:
    """Name the profile that runs: "full", or what the variable `AELIB_PROFILE` says.

    Raises
    ------
    ValueError
        If `AELIB_PROFILE` is neither "full" nor "quick".
    """
    name = os.environ.get("AELIB_PROFILE", "full")
    if name not in PROFILES:
        raise ValueError(f'AELIB_PROFILE is "{name}"; set it to "full" or "quick", or unset it')
    return name


def pick(*, full: Value, quick: Value) -> Value:
    """Return the value that belongs to the current profile."""
    return full if current() == "full" else quick


def device() -> str:
    """Name what TensorFlow computes on: the GPU if it sees one, else the CPU and its cores."""
    for gpu in tf.config.list_physical_devices("GPU"):
        return tf.config.experimental.get_device_details(gpu).get("device_name", "GPU")
    return f"CPU, {os.cpu_count()} cores"


@dataclass(frozen=True, repr=False)
class Setup:
    """What runs where: one line to read, and the same as values in the output's metadata.

    Tools take the values from there, under `aelib` and `setup`; none reads the line.

    Attributes
    ----------
    profile : "full" or "quick"
    data : where the data come from, in a few words; empty if there are none
    complete : whether the data are the whole data set; None where that is not known
    versions : each of `VERSIONS` with its number
    device : what TensorFlow computes on
    """

    profile: str
    data: str
    complete: bool | None
    versions: dict[str, str]
    device: str

    def __repr__(self) -> str:
        versions = [f"{name} {self.versions[name]}" for name in VERSIONS]
        facts = [*versions, self.device, f"{self.profile} profile", self.data]
        return " · ".join(fact for fact in facts if fact)

    def _repr_mimebundle_(self, include=None, exclude=None) -> tuple[dict, dict]:
        return {"text/plain": repr(self)}, {"aelib": {"setup": asdict(self)}}


def start(seed: int, data: str = "") -> None:
    """Seed Python, NumPy and Keras, and show one line on what runs where.

    A second start in the same Python repeats the first one's numbers. With Keras before 3.13 that
    holds for draws of `keras.random` only with a `SeedGenerator`, as layers draw.

    Parameters
    ----------
    seed : any integer from 0 to 2**32 - 1
    data : where the data come from: `Digits.source`; left out if empty

    Raises
    ------
    TypeError, ValueError
        If `seed` is no integer, or not in that range.
    """
    seed = check_scalar(seed, "seed", Integral, min_val=0, max_val=2**32 - 1)
    # 400,000 objects that live as long as Python does: no need to look through them for garbage.
    # What is garbage already goes first, or it would stay.
    gc.collect()
    gc.freeze()
    if isinstance(sys.stdout, io.TextIOWrapper):  # no kernel's: a terminal's may know ASCII only
        sys.stdout.reconfigure(errors="replace")
    versions = __version__, platform.python_version(), tf.__version__, keras.__version__
    setup = Setup(
        profile=current(),
        data=str(data),
        complete=getattr(data, "complete", None),
        versions=dict(zip(VERSIONS, versions, strict=True)),
        device=device(),
    )
    display(setup)
    keras.utils.set_random_seed(int(seed))  # last: what IPython imports to display may draw numbers
