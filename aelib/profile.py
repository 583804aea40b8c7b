"""Which profile runs, and a seeded, quiet start."""

import gc
import os
import platform
from typing import TypeVar

from aelib import __version__
from aelib._startup import keras, tf

Value = TypeVar("Value")
PROFILES = ("full", "quick")


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


def start(seed: int, data: str = "") -> None:
    """Seed Python, NumPy and Keras, and print one line on what runs where.

    Parameters
    ----------
    seed : any integer from 0 to 2**32 - 1
    data : where the data come from, as in `Digits.source`; left out if empty
    """
    keras.utils.set_random_seed(seed)
    # 400,000 objects that live as long as Python does: no need to look through them for garbage.
    # What is garbage already goes first, or it would stay.
    gc.collect()
    gc.freeze()
    facts = [
        f"aelib {__version__}",
        f"Python {platform.python_version()}",
        f"TensorFlow {tf.__version__}",
        f"Keras {keras.__version__}",
        device(),
        f"{current()} profile",
        data,
    ]
    print(" · ".join(fact for fact in facts if fact))
