"""Drawings of nets."""

from collections.abc import Sequence
from numbers import Integral

from aelib import _checks
from aelib.plots.style import GREY, LINE_COLOURS, axes, bare
from matplotlib.axes import Axes
from matplotlib.patches import Polygon, Rectangle
import numpy as np
from sklearn.utils import check_scalar


def network(sizes: Sequence[int], *, code: int, title: str = "", ax: Axes | None = None) -> Axes:
    """Draw a small dense network neuron by neuron, its code in colour.

    Parameters
    ----------
    sizes : units of every layer, input and output included
    code : position of the code layer in `sizes`, from 0

    Raises
    ------
    TypeError
        If `code` is no integer.
    ValueError
        If `sizes` are not two or more positive integers, or `code` is no position in them.
    """
    sizes = _sizes(sizes)
    check_scalar(code, "code", Integral, min_val=0, max_val=len(sizes) - 1)
    ax = axes(ax, (6, 3.2))
    heights = [np.arange(size) - (size - 1) / 2 for size in sizes]
    for x in range(len(sizes) - 1):
        ends = [(a, b) for a in heights[x] for b in heights[x + 1]]
        ax.plot([x, x + 1], np.array(ends).T, color="#bbbbbb", linewidth=0.5, zorder=1)
    for x, column in enumerate(heights):
        colour = LINE_COLOURS[1] if x == code else LINE_COLOURS[0]
        ax.scatter(np.full(len(column), x), column, s=90, color=colour, zorder=2)
        ax.text(x, max(sizes) / 2 + 0.2, sizes[x], ha="center", va="bottom", color=colour)
    ax.set(title=title, ylim=(-max(sizes) / 2, max(sizes) / 2 + 1))
    bare(ax)
    return ax


def blocks(sizes: Sequence[int], *, title: str = "", ax: Axes | None = None) -> Axes:
    """Draw an autoencoder as two trapezoids with the layers' sizes, the code between them.

    Parameters
    ----------
    sizes : units of the encoder, input first and code last; the decoder mirrors them

    Raises
    ------
    ValueError
        If `sizes` are not two or more positive integers.
    """
    sizes = _sizes(sizes)
    ax = axes(ax, (6, 2))
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
    bare(ax)
    return ax


def transformer(
    inputs: Sequence[str | np.ndarray],
    outputs: Sequence[str | np.ndarray],
    *,
    hidden: Sequence[int],
    width: int,
    blocks: int,
    causal: bool = False,
    title: str = "",
    ax: Axes | None = None,
) -> Axes:
    """Draw a net of attention: a column for each part of the input, and who looks at whom.

    Parameters
    ----------
    inputs, outputs : what goes in and comes out at each place, from left to right: a few letters,
        or a square of grey levels from 0 to 1
    hidden : the places, from 0, whose input is hidden; they are drawn in colour
    width : numbers in the vector of each place
    blocks : how often attention and dense layers follow each other
    causal : whether a place looks at itself and those before it only

    Raises
    ------
    TypeError
        If `width` or `blocks` is no integer.
    ValueError
        If there are no inputs, or not as many outputs; if `hidden` are no places among them; if
        `width` or `blocks` is below 1.
    """
    count = len(inputs)
    if not count or len(outputs) != count:
        raise ValueError(f"inputs and outputs must be as many, not {count} and {len(outputs)}")
    check_scalar(width, "width", Integral, min_val=1)
    check_scalar(blocks, "blocks", Integral, min_val=1)
    if len(hidden):
        hidden = set(_checks.integers(hidden, "hidden", low=0, high=count - 1).tolist())
    ax = axes(ax, (0.72 * count + 2.6, 4))
    levels = {"input": 0, "below": 1, "above": 2.3, "output": 3.3}
    for query in range(count):
        colour = LINE_COLOURS[1] if query in hidden else LINE_COLOURS[0]
        for key in range(query + 1 if causal else count):
            ends = [levels["below"] + 0.14, levels["above"] - 0.14]
            strong = {"linewidth": 1, "zorder": 2} if query in hidden else {"linewidth": 0.4}
            ax.plot([key, query], ends, color=colour if query in hidden else "#bbbbbb", **strong)
        for start, end in (("input", "below"), ("above", "output")):
            ax.plot([query] * 2, [levels[start] + 0.3, levels[end] - 0.3], color=GREY, linewidth=1)
        for level in (levels["below"], levels["above"]):
            corner = (query - 0.3, level - 0.14)
            ax.add_patch(Rectangle(corner, 0.6, 0.28, facecolor=colour, alpha=0.3, zorder=3))
            ax.text(query, level, width, ha="center", va="center", fontsize=8, zorder=4)
        _part(ax, inputs[query], query, levels["input"], colour)
        _part(ax, outputs[query], query, levels["output"], colour)
    repeated = f"{blocks} blocks: attention,\nthen two dense layers" if blocks > 1 else "attention"
    names = {0: "parts", 1: "vectors, with their\nplaces added", 1.65: repeated, 3.3: "answers"}
    for level, name in names.items():
        ax.text(count - 0.3, level, name, va="center", color=GREY, fontsize=9)
    ax.set(xlim=(-0.6, count + 1.9), ylim=(-0.45, 3.75), title=title)
    bare(ax)
    return ax


def _part(ax: Axes, part: str | np.ndarray, x: float, y: float, colour: str) -> None:
    """Draw one part of a net's input or output around a point: letters, or a small picture."""
    if isinstance(part, str):
        ax.text(x, y, part, ha="center", va="center", color=colour, fontsize=13)
        return
    square = _checks.grey_levels(part, "each picture of inputs and outputs", ("side", "side"))
    extent = (x - 0.3, x + 0.3, y - 0.3, y + 0.3)
    ax.imshow(1 - square, cmap="gray", vmin=0, vmax=1, extent=extent, aspect="auto", zorder=3)
    ax.add_patch(Rectangle((x - 0.3, y - 0.3), 0.6, 0.6, fill=False, edgecolor=colour, zorder=4))


def _sizes(sizes: Sequence[int]) -> list[int]:
    """Check the units of two or more layers."""
    sizes = _checks.integers(sizes, "sizes", low=1).tolist()
    if len(sizes) < 2:
        raise ValueError(f"sizes must be those of two layers at least, not {sizes}")
    return sizes
