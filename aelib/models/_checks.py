"""What a builder refuses before it makes a layer, each by the name of its argument."""

from collections.abc import Callable, Iterable
from numbers import Integral

from aelib._startup import keras
from sklearn.utils import check_scalar


def unit_counts(pixels: int, sizes: Iterable[int]) -> list[int]:
    """Return pixels and sizes, all in one row, as the plain integers that Keras takes."""
    check_scalar(pixels, "pixels", Integral, min_val=1)
    if isinstance(sizes, str) or not isinstance(sizes, Iterable):
        raise TypeError(
            f"sizes is {sizes!r}; pass the units of each layer in a row, the code size last: "
            "(128, 2), or (2,) for one layer"
        )
    sizes = tuple(sizes)
    if not sizes:
        raise ValueError("sizes is empty; pass at least the code size: (2,)")
    for place, units in enumerate(sizes):
        check_scalar(units, f"sizes[{place}]", Integral, min_val=1)
    return [int(units) for units in (pixels, *sizes)]


def activations(**named: str | Callable | None) -> None:
    """Refuse an activation that Keras does not know."""
    for name, value in named.items():
        try:
            keras.activations.get(value)
        except ValueError as error:
            raise ValueError(
                f"{name} is {value!r}; pass the name of a Keras activation, such as 'sigmoid'"
            ) from error
