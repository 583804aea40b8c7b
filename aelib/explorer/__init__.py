"""A map of codes to walk through in any browser: the decoder draws the digit under the pointer."""

from base64 import b64encode
from collections.abc import Iterator
from dataclasses import dataclass
from html import escape, unescape
from importlib.resources import files
import json
import re
from typing import Any, Self
import zlib

from aelib import plots
from aelib._checks import grey_levels, integers, numbers
from aelib._checks import limits as check_limits
from aelib._startup import keras
from aelib.models import Autoencoder
from keras import layers
from matplotlib.ticker import MaxNLocator
import numpy as np
from sklearn.utils import assert_all_finite

GRID = 24  # images along each side of the map, where the decoder itself cannot run in a page
TOLERANCE = 0.01  # of a grey level in [0, 1]; a page that strays further shows images instead
# The same names stand in page.js; the number is what Keras gives a slope if nobody does.
ACTIVATIONS = {
    "linear": (),
    "relu": (),
    "sigmoid": (),
    "tanh": (),
    "softplus": (),
    "elu": (1.0,),
    "leaky_relu": (0.2,),
}
# Layers that change nothing once training is over, except perhaps the shape.
PASSED = (
    layers.ActivityRegularization,
    layers.Dropout,
    layers.Flatten,
    layers.GaussianDropout,
    layers.GaussianNoise,
    layers.Identity,
    layers.InputLayer,
    layers.Reshape,
)
MARK = "__FACTS__"
FACTS = re.compile(r'<script type="application/json" id="facts">(.*?)</script>', re.DOTALL)
# The page's height follows from its width: pictures side by side, or stacked below 480 px.
WIDEST, STACKED = 780, 480
WITHOUT_SCRIPTS = (
    "Here stands an interactive map: the decoder draws the digit under the pointer. JupyterLab "
    "shows it once you run the cell, or choose Trust Notebook from its command palette; VS Code, "
    "Colab, nbviewer and the course's site show it as it is."
)


@dataclass(frozen=True, repr=False)
class Explorer:
    """A page about a map of codes; the last expression of a cell shows it.

    Attributes
    ----------
    page : the HTML document, complete in itself: no kernel, no other file, no request
    title : what stands above the map
    summary : the same in words, for where no page can be shown
    """

    page: str
    title: str
    summary: str

    @classmethod
    def from_html(cls, html: str) -> Self:
        """Draw an explorer anew, as this version does it, from what a notebook shows.

        Parameters
        ----------
        html : the output of its cell, drawn by any version

        Raises
        ------
        ValueError
            If it shows no explorer.
        """
        found = FACTS.search(unescape(html))
        if found is None:
            raise ValueError("html shows no explorer; give the text/html of the cell that does")
        return cls._from_facts(json.loads(found[1]))

    @classmethod
    def _from_facts(cls, facts: dict[str, Any]) -> Self:
        title = facts["title"]
        return cls(_page(facts), title, _summary(title, facts["count"]))

    def __repr__(self) -> str:
        return self.summary

    def _repr_html_(self) -> str:
        # Percentages of a padding refer to the width: the only way to tie a height to it. The
        # factor 999 turns the comparison with STACKED into all or nothing.
        #
        # Where notebooks are not trusted, as on GitHub and at first in JupyterLab, the frame is
        # taken out, and of the styles at least those that calculate. Then the sentence is all
        # that remains; otherwise it takes no room and lies behind the frame.
        head = 26 if self.title else 0
        side_by_side, stacked = 57, 100
        wide, narrow = 106 + head, 264 + head
        return (
            f'<div style="max-width:{WIDEST}px">'
            f'<p style="height:calc(6em);margin:0 0 calc(-6em)">{escape(WITHOUT_SCRIPTS)}</p>'
            '<div style="position:relative;box-sizing:border-box;'
            f"padding-top:calc({side_by_side}% + {wide}px + clamp(0px, ({STACKED}.5px - 100%)*999, "
            f'{stacked - side_by_side}% + {narrow - wide}px))">'
            f'<iframe title="{escape(self.title or "Latent explorer")}" sandbox="allow-scripts" '
            'loading="lazy" style="position:absolute;top:0;left:0;width:100%;height:100%;border:0" '
            f'srcdoc="{escape(self.page)}"></iframe></div></div>'
        )


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
    square = _square(codes, check_limits(limits))
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
        data.append(_halves([array for step in steps for array in step.arrays]))
    else:
        data.append(_bytes(drawn[len(codes) :]))
    names = plots.name_places(codes, labels, limits)
    facts = {
        "title": title,
        "count": len(codes),
        "side": round(pixels**0.5),
        "limits": square.T.tolist(),
        "ticks": [_ticks(low, high) for low, high in square.T],
        "colours": plots.DIGIT_COLOURS,
        "names": {digit: place.tolist() for digit, place in names.items()},
        "images": images is not None,
        "steps": [step.facts for step in steps],
        "grid": GRID,
        "data": b64encode(zlib.compress(b"".join(data), 9)).decode(),
    }
    return Explorer._from_facts(facts)


def page_template() -> str:
    """Give the page as one document, with `MARK` where the facts of an explorer go."""
    html, css, js = (
        files(__package__).joinpath(f"page.{kind}").read_text(encoding="utf-8")
        for kind in ("html", "css", "js")
    )
    return html.replace("__STYLE__", css).replace("__SCRIPT__", js)


def _page(facts: dict[str, Any]) -> str:
    """Put facts into the page that is written for them."""
    template = page_template()
    # "<" would let a title end the script that it stands in.
    text = json.dumps(facts, separators=(",", ":")).replace("<", "\\u003c")
    return template.replace(MARK, text)


def _summary(title: str, count: int) -> str:
    """Say what is shown, for where it cannot be."""
    return (
        f"Latent explorer{f' “{title}”' if title else ''}: a map of {count:,} codes on which the "
        "decoder draws the digit under the pointer; "
        "in JupyterLab, VS Code, Colab, nbviewer and on the course's site."
    )


# What comes in ------------------------------------------------------------------------------------


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


def _square(codes: np.ndarray, limits: tuple[float, float] | None) -> np.ndarray:
    """Return the map's (2, 2) lower left and upper right corner: a square."""
    if limits is None:
        low, high = codes.min(axis=0).astype(float), codes.max(axis=0).astype(float)
        half = 0.53 * (high - low).max() or 1.0
        return np.stack([(low + high) / 2 - half, (low + high) / 2 + half])
    return np.repeat(np.array(limits)[:, None], 2, axis=1)


def _ticks(low: float, high: float) -> list[float]:
    """Return round numbers between two values."""
    ticks = MaxNLocator(5, steps=[1, 2, 5, 10]).tick_values(low, high)
    return [float(f"{tick:.6g}") for tick in ticks if low <= tick <= high]


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


# The decoder as steps that a page can take --------------------------------------------------------


@dataclass(frozen=True)
class _Step:
    """An activation, behind a dense layer's weights or alone.

    Attributes
    ----------
    activation : one of `ACTIVATIONS`
    slope : its slope below zero, if it has one to choose
    arrays : kernel and bias in half precision, or nothing
    """

    activation: str
    slope: tuple[float, ...] = ()
    arrays: tuple[np.ndarray, ...] = ()

    @property
    def facts(self) -> dict[str, Any]:
        """What the page must know besides the weights."""
        rows, columns = self.arrays[0].shape if self.arrays else (0, 0)
        return {
            "rows": rows,
            "columns": columns,
            "activation": self.activation,
            "slope": self.slope,
        }

    def __call__(self, values: np.ndarray) -> np.ndarray:
        """Do as the page will."""
        if self.arrays:
            kernel, bias = (array.astype(np.float32) for array in self.arrays)
            values = values @ kernel + bias
        activate = keras.activations.get(self.activation)
        return keras.ops.convert_to_numpy(activate(values, *self.slope))


def _exact_steps(decoder: keras.Model, codes: np.ndarray, drawn: np.ndarray) -> list[_Step]:
    """Return a decoder's steps if they draw what it has drawn from these codes, else nothing.

    This one comparison catches whatever else a decoder may do: join layers in other ways than one
    behind the other, compute with an activation of its own, need weights past half precision.
    """
    steps = _steps(decoder)
    values = codes
    for step in steps:
        if step.arrays and len(step.arrays[0]) != values.shape[1]:
            return []
        values = step(values)
    near = values.shape == drawn.shape and np.abs(values - drawn).max() <= TOLERANCE
    return steps if near else []


def _steps(decoder: keras.Model) -> list[_Step]:
    """Read a decoder's layers one behind the other; nothing if the page does not know one."""
    steps = []
    for layer in _flat(decoder):
        if isinstance(layer, PASSED):
            continue
        step = _step(layer)
        if step is None:
            return []
        steps.append(step)
    return steps


def _flat(model: keras.Model) -> Iterator[layers.Layer]:
    """Yield a model's layers, with those of models inside it in their place."""
    for layer in model.layers:
        if isinstance(layer, keras.Model):
            yield from _flat(layer)
        else:
            yield layer


def _step(layer: layers.Layer) -> _Step | None:
    """Read one layer; None if the page does not know it or half precision does not hold it."""
    if isinstance(layer, layers.LeakyReLU):
        return _Step("leaky_relu", (layer.negative_slope,))
    if isinstance(layer, layers.ELU):
        return _Step("elu", (layer.alpha,))
    if isinstance(layer, layers.ReLU):
        return _Step("relu")
    if not isinstance(layer, layers.Activation | layers.Dense):
        return None
    name = getattr(layer.activation, "__name__", "")
    if name not in ACTIVATIONS:
        return None
    arrays = _weights(layer) if isinstance(layer, layers.Dense) else ()
    if not all(np.isfinite(array).all() for array in arrays):
        return None
    return _Step(name, ACTIVATIONS[name], arrays)


def _weights(layer: layers.Dense) -> tuple[np.ndarray, np.ndarray]:
    """Return a dense layer's kernel and bias in half precision."""
    kernel = keras.ops.convert_to_numpy(layer.kernel)
    bias = np.zeros(kernel.shape[1]) if layer.bias is None else layer.bias
    with np.errstate(over="ignore"):  # found by its infinite values
        return kernel.astype("<f2"), keras.ops.convert_to_numpy(bias).astype("<f2")


# What the page unpacks ----------------------------------------------------------------------------


def _halves(arrays: list[np.ndarray]) -> bytes:
    """Join float16 arrays: first the low bytes of all numbers, then the high ones.

    The high bytes, of sign and size, resemble each other and so pack better when side by side.
    """
    pairs = np.frombuffer(b"".join(array.tobytes() for array in arrays), np.uint8)
    return pairs.reshape(-1, 2).T.tobytes()


def _bytes(images: np.ndarray) -> bytes:
    """Turn images into grey levels 0 … 255, a byte a pixel."""
    return np.rint(255 * np.clip(images, 0, 1)).astype(np.uint8).tobytes()


def _pack(images: np.ndarray) -> bytes:
    """Turn images into grey levels 0 … 15, two pixels a byte, the first in its upper half."""
    levels = np.rint(15 * images).astype(np.uint8).ravel()
    levels = np.append(levels, np.zeros(levels.size % 2, np.uint8))
    return (levels[::2] << 4 | levels[1::2]).tobytes()
