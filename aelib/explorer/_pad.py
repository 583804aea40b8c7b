"""Pads to draw digits on: what is drawn goes through a net in the page while the pen moves."""

from base64 import b64encode
from math import inf
from typing import Any
import zlib

from aelib import plots
from aelib._checks import grey_levels, integers, number, numbers
from aelib._startup import keras
from aelib.explorer._chart import square_around, ticks
from aelib.explorer._nets import Step, beside, pack, read, run
from aelib.explorer._page import Explorer
from aelib.models import Autoencoder
from aelib.models.variational import VariationalAutoencoder
import numpy as np

TOLERANCE = 0.01  # of a grey level on average over an image, and of the map's width for a code
PICTURES = 100  # digits to look through, where the page does not need all of them
TRIED = 200  # digits on which the page's nets are compared with Keras
BARS = 50


def drawing_pad(
    autoencoder: Autoencoder | VariationalAutoencoder,
    images: np.ndarray,
    labels: np.ndarray,
    *,
    noise: float | None = None,
    limits: tuple[float, float] | None = None,
    title: str = "",
) -> Explorer:
    """Make a pad to draw digits on, beside the map where a net with two codes puts them.

    A drawing is scaled and centred as MNIST's digits were: into a box of 20 × 20 pixels, with
    smooth edges, its centre of mass in the middle of 28 × 28. Encoder and decoder run in the page,
    large kernels in a byte a weight, all else in half precision. The page shows the code, the digit
    that is restored from it and the three digits with the nearest codes. With `noise` it shows
    instead what the net makes of the drawing under noise. For a variational autoencoder it shows
    the cloud q(z|x), two standard deviations wide, and digits decoded from draws.

    Parameters
    ----------
    autoencoder : of dense layers, from 784 pixels to two codes and back
    images : (n, 784) or (n, 28, 28) array, digits whose codes make the map, values in [0, 1]
    labels : (n,) digits 0 … 9
    noise : standard deviation of the Gaussian noise to begin with, from 0 to 1; none if left out
    limits : lowest and highest value of both axes; the codes' own range if left out
    title : what stands above the pad

    Returns
    -------
    An `Explorer`, which shows itself at the end of a cell.

    Raises
    ------
    TypeError
        If `autoencoder` has no encoder and decoder, or `title` is no string.
    ValueError
        If an argument has another shape or range, a variational autoencoder is to get noise, or the
        nets in the page stray from Keras: by more than 0.01 of a grey level on average over one of
        the first two hundred images, or by more than a hundredth of the map's width for its code.

    Source of the scaling: LeCun, Bottou, Bengio and Haffner 1998, section III.A.
    """
    images = _images(images)
    labels = integers(labels, "labels", len(images), like="images", low=0, high=9)
    if noise is not None:
        number(noise, "noise", lambda s: 0 <= s <= 1, "a standard deviation from 0 to 1")
    cloud = hasattr(autoencoder, "posterior")
    if cloud and noise is not None:
        raise ValueError("noise is for autoencoders that answer with a point; leave it out here")
    encoder, decoder = _parts(autoencoder)
    encoder = autoencoder.posterior if cloud else encoder
    found = _answers(encoder, images)
    codes = found[:, :2]
    if found.shape[1] != (4 if cloud else 2):
        raise ValueError("autoencoder's code must have two numbers; the map has two axes")
    square = square_around(codes, limits)
    steps = read(encoder, coarse=True)
    if cloud and len(steps) > 1:
        steps[-2:] = [beside(*steps[-2:])]
    pair = steps, read(decoder, coarse=True)
    stray = _stray(*pair, images[:TRIED], found[:TRIED], decoder, np.ptp(square[:, 0]))
    pictures = len(images) if noise is None and not cloud else PICTURES
    names = plots.name_places(codes, labels, limits)
    facts = {
        "does": "cloud" if cloud else "nearest" if noise is None else "noise",
        "title": title,
        "count": len(images),
        "limits": square.T.tolist(),
        "ticks": [ticks(low, high) for low, high in square.T],
        "colours": plots.DIGIT_COLOURS,
        "names": {digit: place.tolist() for digit, place in names.items()},
        "noise": None if noise is None else float(noise),
    }
    points = codes.astype("<f4").tobytes() + labels.astype("u1").tobytes()
    return _pad(facts, pair, stray, images[:pictures], points)


def anomaly_pad(
    autoencoder: Autoencoder,
    images: np.ndarray,
    normal: np.ndarray,
    threshold: float,
    *,
    names: tuple[str, str] = ("normal", "others"),
    title: str = "",
) -> Explorer:
    """Make a pad to draw digits on, which says whether a net would call them an anomaly.

    A drawing is scaled and centred as for `drawing_pad` and goes through the net in the page. Its
    squared error per pixel is shown among those of images that are normal and of others.

    Parameters
    ----------
    autoencoder : of dense layers, from 784 pixels and back
    images : (n, 784) or (n, 28, 28) array, new images of both sorts, values in [0, 1]
    normal : (n,) booleans, which of them are normal
    threshold : the error beyond which an image is called an anomaly, above 0
    names : what the normal images are called, and the others
    title : what stands above the pad

    Returns
    -------
    An `Explorer`, which shows itself at the end of a cell.

    Raises
    ------
    TypeError
        If `autoencoder` has no encoder and decoder, or `title` is no string.
    ValueError
        If an argument has another shape or range, `threshold` is not finite, one of the sorts is
        empty, or the nets in the page stray from Keras, as for `drawing_pad`.
    """
    images = _images(images)
    normal = numbers(normal, "normal", (len(images),), like="images") != 0
    if normal.all() or not normal.any():
        raise ValueError("normal must be true for some images and false for others")
    number(threshold, "threshold", lambda t: 0 < t < inf, "an error above 0")
    encoder, decoder = _parts(autoencoder)
    codes = _answers(encoder, images)
    pair = read(encoder, coarse=True), read(decoder, coarse=True)
    stray = _stray(*pair, images[:TRIED], codes[:TRIED], decoder, np.ptp(codes, axis=0).max())
    errors = np.mean((images - _answers(decoder, codes)) ** 2, axis=1)
    sorts = np.sort(errors[normal]), np.sort(errors[~normal])
    edge = max(np.quantile(errors, 0.995), 1.2 * threshold)
    edges = np.linspace(0, edge, BARS + 1)
    bars = [np.histogram(sort, edges)[0] / len(sort) for sort in sorts]
    top = 1.1 * max(bar.max() for bar in bars)
    facts = {
        "does": "anomaly",
        "title": title,
        "count": 0,
        "limits": [[0, float(edge)], [0, float(top)]],
        "ticks": [ticks(0, edge), []],
        "axes": ["squared error per pixel", "share of the images"],
        "colours": plots.DIGIT_COLOURS,
        "groups": list(names),
        "counts": [len(sort) for sort in sorts],
        "bars": [bar.round(6).tolist() for bar in bars],
        "threshold": float(threshold),
    }
    points = b"".join(sort.astype("<f4").tobytes() for sort in sorts)
    return _pad(facts, pair, stray, images[:PICTURES], points)


def _pad(
    facts: dict[str, Any],
    pair: tuple[list[Step], list[Step]],
    stray: float,
    pictures: np.ndarray,
    points: bytes,
) -> Explorer:
    """Put a page together; its data in the order in which the page unpacks them."""
    if not isinstance(facts["title"], str):
        raise TypeError(f"title is {facts['title']!r}; pass a string")
    levels = np.rint(255 * pictures).astype(np.uint8).tobytes()
    data = points + levels + b"".join(map(pack, pair))
    facts = {"kind": "pad"} | facts
    facts |= {
        "side": 28,
        "pictures": len(pictures),
        "encoder": [step.facts for step in pair[0]],
        "decoder": [step.facts for step in pair[1]],
        "stray": float(f"{stray:.1g}"),
        "data": b64encode(zlib.compress(data, 9)).decode(),
    }
    return Explorer.from_facts(facts)


# What comes in ------------------------------------------------------------------------------------


def _images(images: np.ndarray) -> np.ndarray:
    """Return digits as (n, 784) array."""
    images = grey_levels(images, "images")
    if images.shape[1:] not in ((784,), (28, 28)):
        raise ValueError(
            f"images has the shape {images.shape}; digits have (n, 784) or (n, 28, 28)"
        )
    return images.reshape(-1, 784).astype(np.float32)


def _parts(autoencoder: Autoencoder) -> tuple[keras.Model, keras.Model]:
    """Return encoder and decoder."""
    parts = [getattr(autoencoder, name, None) for name in ("encoder", "decoder")]
    if not all(isinstance(part, keras.Model) for part in parts):
        raise TypeError(
            f"autoencoder is a {type(autoencoder).__name__} without encoder and decoder; pass what "
            "models.join or another function of aelib.models returns"
        )
    return parts


def _answers(model: keras.Model, inputs: np.ndarray) -> np.ndarray:
    """Return what a model answers; several outputs side by side."""
    answers = model(inputs)
    answers = answers if isinstance(answers, list | tuple) else [answers]
    return np.hstack([keras.ops.convert_to_numpy(answer) for answer in answers])


def _stray(
    encode: list[Step],
    decode: list[Step],
    images: np.ndarray,
    codes: np.ndarray,
    decoder: keras.Model,
    width: float,
) -> float:
    """Return how far pictures in the page are from Keras's, on average over the worst of them.

    Of a variational autoencoder means and standard deviations are compared.
    """
    size = decoder.input_shape[1]
    near = run(encode, images)
    restored = None if near is None else run(decode, near[:, :size])
    expected = _answers(decoder, codes[:, :size])
    if not encode or restored is None or restored.shape != expected.shape:
        raise ValueError(
            "autoencoder's nets cannot run in a page; they must be dense layers one behind the "
            "other, with activations that a page knows"
        )
    off = np.abs(near[:, :size] - codes[:, :size]).max()
    if codes.shape[1] > size:
        spread = np.exp(near[:, size:] / 2) - np.exp(codes[:, size:] / 2)
        off = max(off, np.abs(spread).max())
    stray = np.abs(restored - expected).mean(axis=1).max()
    if not (stray <= TOLERANCE and off <= TOLERANCE * width):
        raise ValueError(
            f"autoencoder's nets stray from Keras in a page: by {stray:.3f} of a grey level on "
            f"average over an image, by {off / width:.3f} of the codes' range; at most "
            f"{TOLERANCE} is allowed"
        )
    return stray
