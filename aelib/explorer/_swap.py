"""A table of pictures that have the content of one image and the style of another."""

from base64 import b64encode
from collections.abc import Sequence
import zlib

from aelib._checks import grey_levels
from aelib.explorer._page import Explorer
import numpy as np


def style_table(
    images: np.ndarray,
    painted: np.ndarray,
    names: Sequence[str],
    *,
    title: str = "",
) -> Explorer:
    """Make a table in which a click shows two images and what becomes of them once swapped.

    Parameters
    ----------
    images : (n, side, side) array, values in [0, 1]
    painted : (n, n, side, side) array: in row i and column j the content of image j in the style
        of image i
    names : what each image is called
    title : what stands above the table

    Returns
    -------
    An `Explorer`, which shows itself at the end of a cell.

    Raises
    ------
    TypeError
        If `title` or a name is no string.
    ValueError
        If an argument has another shape or range.
    """
    images = grey_levels(images, "images", ("n", "side", "side"))
    count, side, _ = images.shape
    painted = grey_levels(painted, "painted", (count, count, side, side), like="images")
    if len(names) != count:
        raise ValueError(f"names must have one for each of {count} images, not {len(names)}")
    for text in (title, *names):
        if not isinstance(text, str):
            raise TypeError(f"{text!r} is no string; titles and names must be")
    data = b"".join(np.rint(255 * part).astype("u1").tobytes() for part in (images, painted))
    facts = {
        "kind": "swap",
        "title": title,
        "count": count,
        "side": side,
        "names": list(names),
        "data": b64encode(zlib.compress(data, 9)).decode(),
    }
    return Explorer.from_facts(facts)
