"""One result for each seed: gathered from a notebook's runs, and said in a few words."""

from collections.abc import Callable, Mapping

from aelib import _checks
import numpy as np
from numpy.typing import ArrayLike


def gather(
    runs: Mapping[tuple, object], *name: object, measure: Callable | None = None
) -> np.ndarray:
    """Line up what all seeds gave under one name.

    Parameters
    ----------
    runs : results by name and seed; each key is a tuple whose last entry is the seed
    name : what the key holds before the seed
    measure : what to take from a result, such as a model's error; the result itself if left out

    Returns
    -------
    (seeds, …) array, in the order of `runs`.

    Raises
    ------
    KeyError
        If no run has this name.

    Examples
    --------
    >>> error = {("tied", 0): 0.02, ("tied", 1): 0.04, ("untied", 0): 0.01}
    >>> gather(error, "tied")
    array([0.02, 0.04])
    """
    found = [run for key, run in runs.items() if key[:-1] == name]
    if not found:
        known = sorted({repr(key[:-1]) for key in runs})
        raise KeyError(f"no run is named {name}; there are {', '.join(known) or 'none'}")
    return np.array([run if measure is None else measure(run) for run in found])


def spread(values: ArrayLike, form: str = ".4f") -> str:
    """Say the mean over the seeds and, where they differ, the range.

    Parameters
    ----------
    values : one number for each seed, at least one; the number itself, if there is one seed
    form : how to write a number, as in an f-string

    Raises
    ------
    ValueError
        If `values` are none, no numbers, or hold NaN or infinite ones.

    Examples
    --------
    >>> spread([0.02, 0.04])
    '0.0300 (0.0200 to 0.0400)'
    >>> spread([0.5], ".0%")
    '50%'
    """
    values = _checks.numbers(np.atleast_1d(values), "values")
    low, high = np.min(values), np.max(values)
    band = f" ({low:{form}} to {high:{form}})" if low < high else ""
    return f"{np.mean(values):{form}}{band}"
