"""Figures in one house style. Each function draws into Axes and returns them."""

from collections.abc import Mapping, Sequence

import keras
from matplotlib import patheffects
from matplotlib.axes import Axes
from matplotlib.patches import Polygon
import matplotlib.pyplot as plt
import numpy as np

# Ten colours that colour-blind readers can tell apart: Paul Tol's "muted" scheme and a near-black.
DIGIT_COLOURS = (
    "#332288", "#88CCEE", "#44AA99", "#117733", "#999933",
    "#DDCC77", "#CC6677", "#882255", "#AA4499", "#222222",
)  # fmt: skip
LINE_COLOURS = ("#332288", "#CC6677", "#117733", "#AA4499", "#88CCEE", "#999933")
GREY = "#666666"

plt.rcParams.update(
    {
        "figure.dpi": 100,
        "savefig.dpi": 100,
        "figure.figsize": (7, 3.5),
        "font.size": 10,
        "axes.titlesize": 11,
        "axes.titlelocation": "left",
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.prop_cycle": plt.cycler(color=LINE_COLOURS),
        "figure.constrained_layout.use": True,
    }
)


def _axes(ax: Axes | None, size: tuple[float, float]) -> Axes:
    """Use the axes given, or open a figure of this size in inches."""
    return plt.subplots(figsize=size)[1] if ax is None else ax


def _bare(ax: Axes) -> None:
    """Take frame and ticks away, but keep the title and labels."""
    ax.set(xticks=[], yticks=[])
    ax.spines[:].set_visible(False)


def _tile(images: np.ndarray, columns: int, gap: int = 2) -> np.ndarray:
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
    ax = _axes(ax, (0.85 * columns, 0.85 * rows + 0.5))
    sheet = _tile(np.asarray(images), columns)
    ax.imshow(sheet, cmap="gray", vmin=0, vmax=1, interpolation="nearest")
    pitch = (sheet.shape[1] + 2) / columns
    for i, caption in enumerate(captions):
        ax.text((i + 0.5) * pitch - 1.5, sheet.shape[0] + 2, caption, ha="center", va="top")
    ax.set_title(title)
    _bare(ax)
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
    ax = _axes(ax, (0.85 * count + 1, 0.95 * len(rows) + 0.4))
    for row, (name, pictures) in enumerate(rows.items()):
        sheet = _tile(np.asarray(pictures), count)
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
    _bare(ax)
    return ax


def bit_rows(rows: Mapping[str, np.ndarray], *, title: str = "", ax: Axes | None = None) -> Axes:
    """Draw rows of eight numbers in [0, 1] as shaded cells with the numbers in them.

    Parameters
    ----------
    rows : (8,) arrays by name, most significant bit first
    """
    ax = _axes(ax, (6.5, 0.42 * len(rows) + 0.5))
    table = np.array(list(rows.values()))
    ax.imshow(1 - table, cmap="gray", vmin=-0.25, vmax=1, aspect="auto")
    for (y, x), value in np.ndenumerate(table):
        colour = "white" if value > 0.5 else "black"
        ax.text(x, y, f"{value:.2f}", ha="center", va="center", color=colour)
    ax.set_title(title)
    _bare(ax)
    ax.set_yticks(range(len(rows)), list(rows))
    ax.tick_params(length=0)
    return ax


def _spread(positions: np.ndarray, gap: float) -> np.ndarray:
    """Move numbers apart until neighbours are at least `gap` from each other, in their order."""
    order = np.argsort(positions, kind="stable")
    placed = np.array(positions, dtype=float)[order]
    for _ in range(200):
        overlap = np.maximum(gap - np.diff(placed), 0) / 2
        if not overlap.any():
            break
        placed[:-1] -= overlap
        placed[1:] += overlap
    return placed[np.argsort(order)]


def _push_apart(
    points: np.ndarray, gap: float, low: float = -np.inf, high: float = np.inf
) -> np.ndarray:
    """Move (n, 2) points away from each other until no two are closer than `gap`, or nearly so.

    They stay in the square from `low` to `high`.
    """
    # A hair's breadth in a direction of its own, so that equal points know which way to go.
    angles = 2 * np.pi * np.arange(len(points)) / len(points)
    nudge = 1e-9 * gap * np.stack([np.cos(angles), np.sin(angles)], axis=1)
    placed = np.clip(points.astype(float), low, high) + nudge
    for _ in range(300):
        apart = placed[:, None] - placed
        distance = np.linalg.norm(apart, axis=2) + np.eye(len(placed))
        push = np.maximum(gap - distance, 0) * (1 - np.eye(len(placed)))
        if not push.any():
            break
        placed += 0.25 * np.einsum("ij,ijk->ik", push / distance, apart)
        placed = np.clip(placed, low, high) + nudge
    return placed


def loss_curves(
    curves: Mapping[str, np.ndarray | Sequence[float]],
    yardsticks: Mapping[str, float] | None = None,
    *,
    ylabel: str = "loss",
    title: str = "",
    limits: tuple[float, float] | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw losses over epochs, with yardsticks as dashed lines, each named at its right end.

    Parameters
    ----------
    curves : by name, the losses of epochs 1, 2, …: one row, or a row for each seed, of which the
        mean is drawn as a line and the range from lowest to highest as a band
    yardsticks : levels to compare with, by name
    ylabel : the loss and its unit
    limits : lowest and highest loss shown
    """
    ax = _axes(ax, (7, 3.6))
    ends = []
    for number, (name, values) in enumerate(curves.items()):
        colour = LINE_COLOURS[number % len(LINE_COLOURS)]
        rows = np.atleast_2d(values)
        epochs, mean = np.arange(1, rows.shape[1] + 1), rows.mean(axis=0)
        ax.plot(epochs, mean, color=colour)
        ax.fill_between(
            epochs, rows.min(axis=0), rows.max(axis=0), color=colour, alpha=0.2, linewidth=0
        )
        ends.append((name, mean[-1], colour))
    for name, level in (yardsticks or {}).items():
        ax.axhline(level, color=GREY, linestyle="--", linewidth=1)
        ends.append((f"{name} {level:.4f}", level, GREY))
    ax.set(xlabel="epoch", ylabel=ylabel, ylim=limits, title=title)
    ax.margins(x=0.01)
    _name_ends(ax, ends)
    return ax


def _name_ends(ax: Axes, ends: Sequence[tuple[str, float, str]]) -> None:
    """Write (text, height in data units, colour) right of the axes, without overlaps."""
    to_axes = ax.transData + ax.transAxes.inverted()
    heights = np.clip([to_axes.transform((1, level))[1] for _, level, _ in ends], 0, 1)
    for (text, _, colour), height in zip(ends, _spread(heights, 0.075), strict=True):
        ax.text(1.01, height, text, color=colour, va="center", transform=ax.transAxes)


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
    """
    names = np.unique(labels)
    centres = np.array([np.median(codes[labels == name], axis=0) for name in names])
    if limits is None:
        places = _push_apart(centres, 0.07 * np.ptp(codes, axis=0).max())
    else:
        gap = 0.07 * (limits[1] - limits[0])
        places = _push_apart(centres, gap, limits[0] + gap / 2, limits[1] - gap / 2)
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
    """
    ax = _axes(ax, (6, 6))
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
    decoder : maps (n, 2) codes to (n, 784) images
    limits : lowest and highest value of both codes
    steps : images along each axis
    """
    ax = _axes(ax, (6, 6))
    axis = np.linspace(*limits, steps)
    z1, z2 = np.meshgrid(axis, axis[::-1])
    images = decoder.predict(np.stack([z1.ravel(), z2.ravel()], axis=1), verbose=0)
    half = (limits[1] - limits[0]) / (steps - 1) / 2
    low, high = limits[0] - half, limits[1] + half
    ax.imshow(
        _tile(images, steps, gap=0), cmap="gray", vmin=0, vmax=1, extent=(low, high, low, high)
    )
    ax.set(xlabel="$z_1$", ylabel="$z_2$", title=title)
    return ax


def network(sizes: Sequence[int], *, code: int, title: str = "", ax: Axes | None = None) -> Axes:
    """Draw a small dense network neuron by neuron, its code in colour.

    Parameters
    ----------
    sizes : units of every layer, input and output included
    code : position of the code layer in `sizes`
    """
    ax = _axes(ax, (6, 3.2))
    heights = [np.arange(size) - (size - 1) / 2 for size in sizes]
    for x in range(len(sizes) - 1):
        ends = [(a, b) for a in heights[x] for b in heights[x + 1]]
        ax.plot([x, x + 1], np.array(ends).T, color="#bbbbbb", linewidth=0.5, zorder=1)
    for x, column in enumerate(heights):
        colour = LINE_COLOURS[1] if x == code else LINE_COLOURS[0]
        ax.scatter(np.full(len(column), x), column, s=90, color=colour, zorder=2)
        ax.text(x, max(sizes) / 2 + 0.2, sizes[x], ha="center", va="bottom", color=colour)
    ax.set(title=title, ylim=(-max(sizes) / 2, max(sizes) / 2 + 1))
    _bare(ax)
    return ax


def blocks(sizes: Sequence[int], *, title: str = "", ax: Axes | None = None) -> Axes:
    """Draw an autoencoder as two trapezoids with the layers' sizes, the code between them.

    Parameters
    ----------
    sizes : units of the encoder, input first and code last; the decoder mirrors them
    """
    ax = _axes(ax, (6, 2))
    depth = len(sizes) - 1
    mirrored = [*sizes, *sizes[-2::-1]]
    # Heights on a log scale: 784 and 2 would not fit one picture otherwise.
    heights = np.log2(np.array(mirrored) + 1)
    tall = heights.max()
    for start, colour, name in (
        (0, LINE_COLOURS[0], "encoder"),
        (depth, LINE_COLOURS[2], "decoder"),
    ):
        left, right = heights[start] / 2, heights[start + depth] / 2
        x = (start, start + depth)
        corners = [(x[0], -left), (x[0], left), (x[1], right), (x[1], -right)]
        ax.add_patch(Polygon(corners, facecolor=colour, alpha=0.15, edgecolor=colour))
        ax.text(start + depth / 2, -0.53 * tall, name, ha="center", va="top", color=colour)
    for x, (size, height) in enumerate(zip(mirrored, heights, strict=True)):
        colour = LINE_COLOURS[1] if x == depth else GREY
        ax.plot([x, x], [-height / 2, height / 2], color=colour, linewidth=2)
        ax.text(x, height / 2 + 0.05, size, ha="center", va="bottom", color=colour)
    ax.set(title=title, ylim=(-0.65 * tall, 0.72 * tall))
    _bare(ax)
    return ax
