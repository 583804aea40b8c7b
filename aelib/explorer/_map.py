"""A map of codes to walk through: the decoder draws the digit under the pointer."""

from base64 import b64encode
import zlib

from aelib import plots
from aelib._checks import grey_levels, integers, numbers
from aelib._startup import keras
from aelib.explorer._chart import square_around, ticks
from aelib.explorer._nets import Step, pack, read, run
from aelib.explorer._page import Explorer
from aelib.models import Autoencoder
import numpy as np
from sklearn.utils import assert_all_finite

GRID = 24  # images along each side of the map, where the decoder itself cannot run in a page
TOLERANCE = 0.01  # of a grey level in [0, 1]; a page that strays further shows images instead


def latent_explorer(
    autoencoder: Autoencoder,
    codes: np.ndarray,
    labels: np.ndarray,
    *,
    images: np.ndarray | None = None,
    limits: tuple[float, float] | None = None,
    title: str = "",
) -> Explorer:
    """Make a map of two-dimensional codes on which the decoder draws the digit under the pointer.

    A decoder of dense layers runs in the page, from its weights in half precision, if that comes
    within 0.01 of Keras at the codes and all over the map. Any other one is shown through a grid
    of its images, blended in between, and the page says so.

    Parameters
    ----------
    autoencoder : its decoder maps (n, 2) codes to square images, flat or not
    codes : (n, 2) array, what its encoder makes of n digits; a thousand fill the map
    labels : (n,) digits 0 … 9
    images : (n, D) or (n, √D, √D) array, the n digits themselves, values in [0, 1]; kept in 16
        grey levels at about 125 bytes each. Without them the nearest one's reconstruction is shown.
    limits : lowest and highest value of both axes; the codes' own range if left out
    title : what stands above the map

    Returns
    -------
    An `Explorer`, which shows itself at the end of a cell.

    Raises
    ------
    TypeError
        If `autoencoder` has no decoder, or `title` is no string.
    ValueError
        If an argument has another shape or range, or the decoder draws NaN or infinite values.
    """
    with np.errstate(over="ignore"):  # found by its infinite values
        codes = np.asarray(numbers(codes, "codes", ("n", 2)), np.float32)
    assert_all_finite(codes, input_name="codes")
    labels = integers(labels, "labels", len(codes), like="codes", low=0, high=9)
    square = square_around(codes, limits)
    if not isinstance(title, str):
        raise TypeError(f"title is {title!r}; pass a string")
    decoder = getattr(autoencoder, "decoder", None)
    if not isinstance(decoder, keras.Model):
        raise TypeError(
            f"autoencoder is a {type(autoencoder).__name__} without a decoder; pass what "
            "models.join or another function of aelib.models returns"
        )
    grid = np.stack(np.meshgrid(*np.linspace(*square, GRID).T), axis=-1).reshape(-1, 2)
    drawn = _draw(decoder, np.concatenate([codes, grid]))
    pixels = drawn.shape[1]
    # In random order, so that no digit lies on top of all others; the first stays the first.
    order = np.append(0, 1 + np.random.default_rng(0).permutation(len(codes) - 1))
    # In the order in which the page unpacks them.
    data = [codes[order].astype("<f4").tobytes(), labels[order].astype("u1").tobytes()]
    if images is not None:
        data.append(_pack(_checked_images(images, len(codes), pixels)[order]))
    steps = _exact_steps(decoder, np.concatenate([codes, grid]), drawn)
    if steps:
        data.append(pack(steps))
    else:
        data.append(_bytes(drawn[len(codes) :]))
    names = plots.name_places(codes, labels, limits)
    facts = {
        "kind": "map",
        "title": title,
        "count": len(codes),
        "side": round(pixels**0.5),
        "limits": square.T.tolist(),
        "ticks": [ticks(low, high) for low, high in square.T],
        "colours": plots.DIGIT_COLOURS,
        "names": {digit: place.tolist() for digit, place in names.items()},
        "images": images is not None,
        "steps": [step.facts for step in steps],
        "grid": GRID,
        "data": b64encode(zlib.compress(b"".join(data), 9)).decode(),
    }
    return Explorer.from_facts(facts)


def _checked_images(images: np.ndarray, count: int, pixels: int) -> np.ndarray:
    """Return the images as (count, pixels) array."""
    images = grey_levels(images, "images", beyond=0)
    side = round(pixels**0.5)
    if images.shape not in ((count, pixels), (count, side, side)):
        raise ValueError(
            f"images has the shape {images.shape}; {count} codes and this decoder need "
            f"({count}, {pixels}) or ({count}, {side}, {side})"
        )
    return images.reshape(count, pixels)


def _draw(decoder: keras.Model, codes: np.ndarray) -> np.ndarray:
    """Return what a decoder makes of codes, an image of D pixels a row."""
    takes = getattr(decoder, "input_shape", (None, 2))
    if takes != (None, 2):
        raise ValueError(f"autoencoder's decoder takes {takes}; the map needs (None, 2)")
    drawn = decoder.predict(codes, verbose=0).reshape(len(codes), -1)
    if round(drawn.shape[1] ** 0.5) ** 2 != drawn.shape[1]:
        raise ValueError(
            f"autoencoder's decoder draws {drawn.shape[1]} pixels; they must make a square image"
        )
    if not np.isfinite(drawn).all():
        raise ValueError("autoencoder's decoder draws NaN or infinite values; train it anew")
    return drawn


def _exact_steps(decoder: keras.Model, codes: np.ndarray, drawn: np.ndarray) -> list[Step]:
    """Return a decoder's steps if they draw what it has drawn from these codes, else nothing."""
    steps = read(decoder)
    values = run(steps, codes)
    if values is None or values.shape != drawn.shape:
        return []
    return steps if np.abs(values - drawn).max() <= TOLERANCE else []


def _bytes(images: np.ndarray) -> bytes:
    """Turn images into grey levels 0 … 255, a byte a pixel."""
    return np.rint(255 * np.clip(images, 0, 1)).astype(np.uint8).tobytes()


def _pack(images: np.ndarray) -> bytes:
    """Turn images into grey levels 0 … 15, two pixels a byte, the first in its upper half."""
    levels = np.rint(15 * images).astype(np.uint8).ravel()
    levels = np.append(levels, np.zeros(levels.size % 2, np.uint8))
    return (levels[::2] << 4 | levels[1::2]).tobytes()
