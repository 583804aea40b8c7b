"""Digits, reconstructions and bits."""

from collections.abc import Mapping, Sequence
from math import isqrt
from numbers import Integral

from aelib import _checks
from aelib.plots.style import axes, bare
from matplotlib.axes import Axes
import numpy as np
from skimage.util import montage
from sklearn.utils import check_scalar

# How far beyond 0 and 1 a grey level may lie to be drawn as white or black: noise and linear
# decoders overshoot, and pixels from 0 to 255 lie farther out.
OVERSHOOT = 10


def pictures(images: np.ndarray, name: str) -> np.ndarray:
    """Check n square images, flat or not, and shape them (n, side, side)."""
    images = _checks.grey_levels(images, name, beyond=OVERSHOOT)
    side = isqrt(images.size // len(images))
    if images.ndim < 2 or images.size != len(images) * side**2:
        raise ValueError(
            f"{name} must be square images, shape (n, 784) or (n, 28, 28), not {images.shape}"
        )
    return images.reshape(-1, side, side)


def tile(images: np.ndarray, columns: int, gap: int = 2) -> np.ndarray:
    """Lay (n, side, side) images out in rows on a white sheet, `gap` pixels apart."""
    rows = -(-len(images) // columns)
    # Black ink on white paper: the pixel value is the amount of ink.
    paper = (1.0 - images).astype(float)  # 1 less 2 wraps round in unsigned integers
    sheet = montage(paper, fill=1, grid_shape=(rows, columns), padding_width=gap)
    return sheet[gap : len(sheet) - gap, gap : sheet.shape[1] - gap]


def digits(
    images: np.ndarray,
    captions: Sequence[object] = (),
    *,
    columns: int = 0,
    title: str = "",
    ax: Axes | None = None,
) -> Axes:
    """Draw images side by side, black on white, on one grey scale from 0 to 1.

    Parameters
    ----------
    images : (n, 28, 28) or (n, 784) array, or other squares; grey levels, of which those below 0
        are drawn as 0 and those above 1 as 1
    captions : what to write below each column; nothing if left out
    columns : images in a row; all of them if 0

    Raises
    ------
    TypeError
        If `columns` is no integer.
    ValueError
        If `images` are none, no squares, hold NaN or reach far out of [0, 1], as pixels from 0 to
        255 do; if there is not a caption for each column; if `columns` is negative.
    """
    images = pictures(images, "images")
    check_scalar(columns, "columns", Integral, min_val=0)
    columns = columns or len(images)
    filled = min(columns, len(images))
    if len(captions) not in (0, filled):
        raise ValueError(f"captions must be {filled}, one for each column, not {len(captions)}")
    rows = -(-len(images) // columns)
    ax = axes(ax, (0.85 * columns, 0.85 * rows + 0.5))
    sheet = tile(images, columns)
    ax.imshow(sheet, cmap="gray", vmin=0, vmax=1, interpolation="nearest")
    pitch = (sheet.shape[1] + 2) / columns
    for i, caption in enumerate(captions):
        ax.text((i + 0.5) * pitch - 1.5, sheet.shape[0] + 2, caption, ha="center", va="top")
    ax.set_title(title)
    bare(ax)
    return ax


def reconstructions(
    images: np.ndarray,
    restored: Mapping[str, np.ndarray],
    *,
    errors: Mapping[str, Sequence[float]] | None = None,
    title: str = "",
    ax: Axes | None = None,
) -> Axes:
    """Draw originals above and one row of reconstructions for each model below.

    Parameters
    ----------
    images : (n, 784) or (n, 28, 28) originals, or other squares; grey levels, of which those below
        0 are drawn as 0 and those above 1 as 1
    restored : a row of reconstructions, as many and as large, by the model's name
    errors : one error per image, by the model's name; written under the images

    Raises
    ------
    ValueError
        If images are none, no squares, hold NaN or reach far out of [0, 1], as pixels from 0 to
        255 do; if a row is named "original" or differs in number or size; if `errors` name no row
        or are not one for each image.
    """
    restored = _checks.by_name(restored, "restored")
    errors = {} if errors is None else _checks.by_name(errors, "errors")
    if "original" in restored:
        raise ValueError('restored must not have a row "original": the images have that name')
    rows = {"original": pictures(images, "images")}
    count, side, _ = rows["original"].shape
    for name, values in restored.items():
        rows[name] = pictures(values, f"restored[{name!r}]")
        if rows[name].shape != (count, side, side):
            raise ValueError(
                f"restored[{name!r}] must be {count} images of {side} × {side} pixels, "
                f"not {np.shape(values)}"
            )
    for name, values in errors.items():
        if name not in restored:
            raise ValueError(f"errors must be of rows in restored, and {name!r} is none")
        _checks.numbers(values, f"errors[{name!r}]", (count,))
    height = side + 10
    ax = axes(ax, (0.85 * count + 1, 0.95 * len(rows) + 0.4))
    for row, (name, drawn) in enumerate(rows.items()):
        sheet = tile(drawn, count)
        top, right = row * height, sheet.shape[1]
        ax.imshow(
            sheet,
            cmap="gray",
            vmin=0,
            vmax=1,
            interpolation="nearest",
            extent=(0, right, top + side, top),
        )
        ax.text(-4, top + side / 2, name, ha="right", va="center")
        for i, error in enumerate(errors.get(name, ())):
            place = i * (side + 2) + side / 2, top + side + 1
            ax.text(*place, f"{error:.3f}", ha="center", va="top", fontsize=8)
    ax.set(xlim=(-1, right + 1), ylim=(len(rows) * height - 2, -2))
    ax.set_title(title)
    bare(ax)
    return ax


def bit_rows(rows: Mapping[str, np.ndarray], *, title: str = "", ax: Axes | None = None) -> Axes:
    """Draw rows of eight numbers in [0, 1] as shaded cells with the numbers in them.

    Parameters
    ----------
    rows : (8,) arrays by name, most significant bit first

    Raises
    ------
    ValueError
        If there is no row, or one is not eight numbers in [0, 1].
    """
    rows = {
        name: _checks.grey_levels(row, f"rows[{name!r}]", (8,))
        for name, row in _checks.by_name(rows, "rows").items()
    }
    if not rows:
        raise ValueError("rows must hold at least one row of eight numbers")
    ax = axes(ax, (6.5, 0.42 * len(rows) + 0.5))
    table = np.array(list(rows.values()))
    ax.imshow(1 - table, cmap="gray", vmin=-0.25, vmax=1, aspect="auto")
    for (y, x), value in np.ndenumerate(table):
        colour = "white" if value > 0.5 else "black"
        ax.text(x, y, f"{value:.2f}", ha="center", va="center", color=colour)
    ax.set_title(title)
    bare(ax)
    ax.set_yticks(range(len(rows)), list(rows))
    ax.tick_params(length=0)
    return ax
