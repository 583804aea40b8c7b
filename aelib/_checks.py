"""What a public function may ask of its arguments; an error names the argument and the remedy.

Arrays come back as NumPy's own, so that what follows goes by position, never by a pandas index.
Whole numbers need little of this: scikit-learn's `check_scalar` says what is wrong with them.
"""

from collections.abc import Callable, Mapping
from numbers import Integral, Real
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from sklearn.utils import assert_all_finite, check_scalar

ROUNDING = 1e-6  # how far a grey level may lie off its range by arithmetic alone


def numbers(
    values: ArrayLike,
    name: str,
    shape: tuple[str | int, ...] | None = None,
    *,
    like: str = "",
    empty: bool = False,
) -> np.ndarray:
    """Take an array of finite numbers.

    Parameters
    ----------
    values : what the caller passed
    name : the argument's name
    shape : an integer for each axis whose length is fixed, a word for any other; any if left out
    like : whose shape that is
    empty : whether no number at all will do
    """
    values = np.asarray(values)
    if values.dtype.kind not in "buif":
        raise ValueError(f"{name} must hold real numbers, not {values.dtype}")
    if shape is None and values.ndim == 0:
        raise ValueError(f"{name} must be an array, not the number {values}")
    if shape is not None and not _fits(values.shape, shape):
        wanted = ", ".join(map(str, shape)) + ("," if len(shape) == 1 else "")
        raise ValueError(f"{name} must have shape ({wanted}){_as(like)}, not {values.shape}")
    if not (values.size or empty):
        raise ValueError(f"{name} must hold at least one number; the shape is {values.shape}")
    assert_all_finite(values, input_name=name)
    return values


def grey_levels(
    values: ArrayLike,
    name: str,
    shape: tuple[str | int, ...] | None = None,
    *,
    like: str = "",
    empty: bool = False,
    beyond: float = ROUNDING,
) -> np.ndarray:
    """Take numbers from 0 to 1, or at most `beyond` outside."""
    values = numbers(values, name, shape, like=like, empty=empty)
    if values.min(initial=0) < -beyond or values.max(initial=0) > 1 + beyond:
        raise ValueError(
            f"{name} must be grey levels in [0, 1], such as pixels / 255 are; "
            f"they reach from {values.min():g} to {values.max():g}"
        )
    return values


def integers(
    values: ArrayLike,
    name: str,
    count: int | None = None,
    *,
    like: str = "",
    low: int | None = None,
    high: int | None = None,
) -> np.ndarray:
    """Take one row of integers, `count` of them, from `low` to `high` where these are given."""
    values = np.asarray(values)
    wanted = "n" if count is None else count
    if not _fits(values.shape, (wanted,)) or values.dtype.kind not in "iu":
        raise ValueError(
            f"{name} must be integers in one row, shape ({wanted},){_as(like)}, "
            f"not {values.dtype} in shape {values.shape}"
        )
    if not values.size:
        raise ValueError(f"{name} must hold at least one integer")
    if (low is not None and values.min() < low) or (high is not None and values.max() > high):
        allowed = f"at least {low}" if high is None else f"from {low} to {high}"
        raise ValueError(
            f"{name} must be {allowed}; they reach from {values.min()} to {values.max()}"
        )
    return values


def number(value: float, name: str, fits: Callable[[float], bool], wanted: str) -> None:
    """Refuse what is no number, or none that fits; NaN never does."""
    if not (isinstance(value, Real) and fits(value)):
        raise ValueError(f"{name} is {value}; pass {wanted}")


def one_model(value: object, name: str, part: str) -> None:
    """Refuse all the models that a builder returned where its `part` is wanted."""
    if isinstance(value, tuple) and hasattr(value, part):
        kind = type(value).__name__
        raise TypeError(f"{name} is of type {kind}, which holds several models; pass its .{part}")


def sizes(**named: int) -> list[int]:
    """Take whole numbers from 1 on, and return them as the plain integers that Keras takes."""
    return [int(check_scalar(size, name, Integral, min_val=1)) for name, size in named.items()]


def limits(values: tuple[float, float] | None) -> tuple[float, float] | None:
    """Take the lowest and the highest value of an axis, or None."""
    if values is None:
        return None
    low, high = numbers(values, "limits", (2,)).tolist()
    if not low < high:
        raise ValueError(f"limits must be the lower value, then the higher, not {low} and {high}")
    return low, high


def by_name(values: Mapping[str, Any], name: str) -> dict[str, Any]:
    """Take values by name, from a dict or from what has items as a dict has, such as a Series."""
    if not hasattr(values, "items"):
        raise TypeError(f"{name} must be a dict, values by name, not {type(values).__name__}")
    return dict(values.items())


def _fits(lengths: tuple[int, ...], shape: tuple[str | int, ...]) -> bool:
    """Compare an array's shape with what is asked for; words fit any length."""
    return len(lengths) == len(shape) and all(
        wanted == length
        for wanted, length in zip(shape, lengths, strict=True)
        if isinstance(wanted, int)
    )


def _as(other: str) -> str:
    """Say whose shape is asked for, if it is another argument's."""
    return other and f" as {other} ask"
