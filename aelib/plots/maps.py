"""Maps of two-dimensional codes."""

from numbers import Integral

from aelib import _checks
from aelib._startup import keras
from aelib.plots.images import pictures, tile
from aelib.plots.style import DIGIT_COLOURS, axes, push_apart
from matplotlib import patheffects
from matplotlib.axes import Axes
import numpy as np
from sklearn.utils import check_scalar


def name_places(
    codes: np.ndarray, labels: np.ndarray, limits: tuple[float, float] | None = None
) -> dict[int, np.ndarray]:
    """Say where to write each digit on a map: at the median of its cloud, clear of the others.

    Parameters
    ----------
    codes : (n, 2) array
    labels : (n,) digits 0 … 9
    limits : lowest and highest value of both axes, between which the names stay

    Returns
    -------
    The (2,) place of each digit that occurs.

    Raises
    ------
    ValueError
        If an argument has another shape, kind or range, or `codes` hold NaN.
    """
    codes, labels = _codes_and_digits(codes, labels)
    limits = _checks.limits(limits)
    names = np.unique(labels)
    centres = np.array([np.median(codes[labels == name], axis=0) for name in names])
    if limits is None:
        places = push_apart(centres, 0.07 * np.ptp(codes, axis=0).max())
    else:
        gap = 0.07 * (limits[1] - limits[0])
        places = push_apart(centres, gap, limits[0] + gap / 2, limits[1] - gap / 2)
    return dict(zip(names.tolist(), places, strict=True))


def latent_map(
    codes: np.ndarray,
    labels: np.ndarray,
    *,
    limits: tuple[float, float] | None = None,
    title: str = "",
    ax: Axes | None = None,
) -> Axes:
    """Draw two-dimensional codes, a colour a digit, each digit written at its cloud's median.

    Digits whose medians coincide are written side by side.

    Parameters
    ----------
    codes : (n, 2) array
    labels : (n,) digits 0 … 9
    limits : lowest and highest value of both axes; the data's own range if left out

    Raises
    ------
    ValueError
        If an argument has another shape, kind or range, or `codes` hold NaN.
    """
    codes, labels = _codes_and_digits(codes, labels)
    limits = _checks.limits(limits)
    ax = axes(ax, (6, 6))
    # In random order, so that no digit lies on top of all others.
    order = np.random.default_rng(0).permutation(len(codes))
    colours = np.array(DIGIT_COLOURS)[labels[order]]
    ax.scatter(*codes[order].T, s=4, c=colours, alpha=0.5, linewidths=0, rasterized=True)
    for name, place in name_places(codes, labels, limits).items():
        ax.annotate(
            str(name),
            place,
            color=DIGIT_COLOURS[name],
            ha="center",
            va="center",
            fontsize=18,
            fontweight="bold",
            annotation_clip=False,
            path_effects=[patheffects.withStroke(linewidth=3.5, foreground="white")],
        )
    ax.set(xlabel="$z_1$", ylabel="$z_2$", title=title, box_aspect=1)
    if limits:
        ax.set(xlim=limits, ylim=limits)
    else:
        ax.set_aspect("equal", adjustable="datalim")
    return ax


def decoded_grid(
    decoder: keras.Model,
    *,
    limits: tuple[float, float] = (-1, 1),
    steps: int = 18,
    title: str = "",
    ax: Axes | None = None,
) -> Axes:
    """Draw what a decoder makes of a regular grid of two-dimensional codes.

    Parameters
    ----------
    decoder : maps (n, 2) codes to square images, flat or not
    limits : lowest and highest value of both codes
    steps : images along each axis, at least two

    Raises
    ------
    TypeError
        If `steps` is no integer, or all the models of a builder are passed in place of one of them.
    ValueError
        If `steps` is too small, if `limits` are not two numbers, the lower one first, or if what
        the decoder draws are no square images or no grey levels.
    """
    _checks.one_model(decoder, "decoder", "decoder")
    check_scalar(steps, "steps", Integral, min_val=2)
    limits = _checks.limits(limits)
    ax = axes(ax, (6, 6))
    axis = np.linspace(*limits, steps)
    z1, z2 = np.meshgrid(axis, axis[::-1])
    drawn = decoder.predict(np.stack([z1.ravel(), z2.ravel()], axis=1), verbose=0)
    images = pictures(drawn, "the decoder's images")
    half = (limits[1] - limits[0]) / (steps - 1) / 2
    low, high = limits[0] - half, limits[1] + half
    ax.imshow(
        tile(images, steps, gap=0), cmap="gray", vmin=0, vmax=1, extent=(low, high, low, high)
    )
    ax.set(xlabel="$z_1$", ylabel="$z_2$", title=title)
    return ax


def _codes_and_digits(codes: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Check (n, 2) codes and their (n,) digits."""
    codes = _checks.numbers(codes, "codes", ("n", 2))
    return codes, _checks.integers(labels, "labels", len(codes), like="codes", low=0, high=9)
