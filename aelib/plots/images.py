"""Digits, reconstructions and bits."""

from collections.abc import Mapping, Sequence

from aelib.plots.style import axes, bare
from matplotlib.axes import Axes
import numpy as np


def tile(images: np.ndarray, columns: int, gap: int = 2) -> np.ndarray:
    """Lay square images out in rows on a white sheet, `gap` pixels apart."""
    side = int(np.sqrt(images[0].size))
    rows = -(-len(images) // columns)
    sheet = np.ones((rows * (side + gap) - gap, columns * (side + gap) - gap))
    for i, image in enumerate(images):
        top, left = (i // columns) * (side + gap), (i % columns) * (side + gap)
        # Black ink on white paper: the pixel value is the amount of ink.
        sheet[top : top + side, left : left + side] = 1 - image.reshape(side, side)
    return sheet


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
    images : (n, 28, 28) or (n, 784) array, values in [0, 1]
    captions : what to write under each image of a single row
    columns : images in a row; all of them if 0
    """
    columns = columns or len(images)
    rows = -(-len(images) // columns)
    ax = axes(ax, (0.85 * columns, 0.85 * rows + 0.5))
    sheet = tile(np.asarray(images), columns)
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
    images : (n, 784) or (n, 28, 28) originals, values in [0, 1]
    restored : a row of reconstructions, shaped like `images`, by the model's name
    errors : one error per image, by the model's name; written under the images
    """
    rows = {"original": images, **restored}
    height, count = 38, len(images)
    ax = axes(ax, (0.85 * count + 1, 0.95 * len(rows) + 0.4))
    for row, (name, pictures) in enumerate(rows.items()):
        sheet = tile(np.asarray(pictures), count)
        top, right = row * height, sheet.shape[1]
        ax.imshow(
            sheet,
            cmap="gray",
            vmin=0,
            vmax=1,
            interpolation="nearest",
            extent=(0, right, top + 28, top),
        )
        ax.text(-4, top + 14, name, ha="right", va="center")
        for i, error in enumerate((errors or {}).get(name, ())):
            ax.text(i * 30 + 14, top + 29, f"{error:.3f}", ha="center", va="top", fontsize=8)
    ax.set(xlim=(-1, right + 1), ylim=(len(rows) * height - 2, -2))
    ax.set_title(title)
    bare(ax)
    return ax


def bit_rows(rows: Mapping[str, np.ndarray], *, title: str = "", ax: Axes | None = None) -> Axes:
    """Draw rows of eight numbers in [0, 1] as shaded cells with the numbers in them.

    Parameters
    ----------
    rows : (8,) arrays by name, most significant bit first
    """
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
