"""Drawings of nets."""

from collections.abc import Mapping, Sequence
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
    halves = _halves(mirrored)
    tall = 2 * halves.max()
    for start, colour, name in (
        (0, LINE_COLOURS[0], "encoder"),
        (depth, LINE_COLOURS[2], "decoder"),
    ):
        side = slice(start, start + depth + 1)
        _outline(ax, np.arange(len(mirrored))[side], halves[side], colour)
        ax.text(start + depth / 2, -0.56 * tall, name, ha="center", va="top", color=colour)
    _bars(ax, mirrored, halves, code=depth)
    ax.set(title=title, ylim=(-0.7 * tall, 0.72 * tall))
    bare(ax)
    return ax


def dense_layers(sizes: Sequence[int], *, title: str = "", ax: Axes | None = None) -> Axes:
    """Draw a net of dense layers that has no code: a bar for each layer, with its size.

    Parameters
    ----------
    sizes : units of every layer, input and output included

    Raises
    ------
    ValueError
        If `sizes` are not two or more positive integers.
    """
    sizes = _sizes(sizes)
    ax = axes(ax, (6, 2))
    halves = _halves(sizes)
    tall = 2 * halves.max()
    _outline(ax, np.arange(len(sizes)), halves, GREY)
    _bars(ax, sizes, halves)
    ax.set(title=title, ylim=(-0.55 * tall, 0.72 * tall))
    bare(ax)
    return ax


def variational(sizes: Sequence[int], *, title: str = "", ax: Axes | None = None) -> Axes:
    """Draw a variational autoencoder: mean and deviation, the noise, the code drawn from them.

    Parameters
    ----------
    sizes : units of the encoder, input first and code last; the decoder mirrors them

    Raises
    ------
    ValueError
        If `sizes` are not two or more positive integers.

    Source: the drawing of the reparameterised net in Doersch 2016, Fig. 4, arXiv:1606.05908.
    """
    sizes = _sizes(sizes)
    depth = len(sizes) - 1
    ax = axes(ax, (6.4 + 0.9 * depth, 2.9))
    halves = _halves(sizes)
    halves /= 2 * halves.max()  # the tallest layer from -1/2 to 1/2
    half = max(0.12, halves[-1])
    # The code's columns, from left to right: mean and deviation, their sum with noise, the code.
    pair, joint, drawn = depth + 0.7, depth + 1.7, depth + 2.8
    first = drawn + 0.7  # of the decoder's layers
    for start, columns, colour, name in (
        (0, halves, LINE_COLOURS[0], "encoder q(z|x)"),
        (first, halves[::-1], LINE_COLOURS[2], "decoder p(x|z)"),
    ):
        _outline(ax, (start, start + depth), columns[[0, -1]], colour)
        ax.text(start + depth / 2, -0.56, name, ha="center", va="top", color=colour)
        units = sizes if start == 0 else sizes[::-1]
        for place, (size, above) in enumerate(zip(units, columns, strict=True)):
            if (place == depth) if start == 0 else (place == 0):
                continue  # the code, drawn in full between them
            x = start + place
            ax.plot([x, x], [-above, above], color=GREY, linewidth=2)
            ax.text(x, above + 0.02, size, ha="center", va="bottom", color=GREY)

    code = LINE_COLOURS[1]
    for x, y, name in ((pair, 0.42, r"$\mu$"), (pair, -0.42, r"$\sigma$"), (drawn, 0, "$z$")):
        ax.add_patch(Rectangle((x - 0.12, y - half), 0.24, 2 * half, color=code, alpha=0.3))
        ax.text(x, y, name, ha="center", va="center", fontsize=12)
        ax.text(x, y + half + 0.02, sizes[-1], ha="center", va="bottom", color=code)
    for y in (0.42, -0.42):
        _arrow(ax, (depth + 0.05, 0), (pair - 0.14, y))
        _arrow(ax, (pair + 0.14, y), (joint - 0.12, y / 8))
    ax.text(joint, 0, r"$\mu + \sigma\,\varepsilon$", ha="left", va="center", fontsize=11)
    ax.text(joint + 0.3, -0.84, r"noise $\varepsilon \sim N(0, I)$", ha="center", va="center")
    _arrow(ax, (joint + 0.3, -0.74), (joint + 0.3, -0.1))
    _arrow(ax, (joint + 0.75, 0), (drawn - 0.14, 0))
    _arrow(ax, (drawn + 0.14, 0), (first - 0.05, 0))
    ax.set(title=title, xlim=(-0.3, first + depth + 0.3), ylim=(-0.95, 0.75))
    bare(ax)
    return ax


def feature_maps(
    shapes: Sequence[Sequence[int]],
    *,
    code: int,
    steps: Sequence[str] = (),
    title: str = "",
    ax: Axes | None = None,
) -> Axes:
    """Draw a convolutional net as stacks of feature maps with their sizes, its code in colour.

    Parameters
    ----------
    shapes : of every layer's output, input included: (height, width, channels), drawn as so many
        sheets to scale, or (units,) for a dense layer, drawn as a bar, at most as high as an image
    code : position of the code in `shapes`, from 0
    steps : what leads from each shape to the next; nothing if left out

    Raises
    ------
    TypeError
        If `code` is no integer.
    ValueError
        If `shapes` are not two or more rows of one or three positive integers, `code` is no
        position in them, or there is not a step from each to the next.

    Source: the drawing of LeNet-5 in LeCun et al. 1998, Fig. 2.
    """
    shapes = [_checks.integers(s, f"shapes[{i}]", low=1).tolist() for i, s in enumerate(shapes)]
    if len(shapes) < 2 or any(len(shape) not in (1, 3) for shape in shapes):
        raise ValueError(
            "shapes must be those of two layers at least, (height, width, channels) or (units,) "
            f"each, not {shapes}"
        )
    check_scalar(code, "code", Integral, min_val=0, max_val=len(shapes) - 1)
    if len(steps) not in (0, len(shapes) - 1):
        raise ValueError(f"steps must be {len(shapes) - 1}, one to each next shape, not {steps}")
    ax = axes(ax, (1.15 * len(shapes), 2.5))
    images = [size for shape in shapes for size in shape[:2] if len(shape) == 3]
    tall = max(images, default=max(map(max, shapes)))  # of bars alone, the longest
    centres = []
    left = 0.0
    for place, shape in enumerate(shapes):
        colour = LINE_COLOURS[1] if place == code else LINE_COLOURS[0]
        height, width, count = shape if len(shape) == 3 else (min(shape[0], tall), tall / 14, 1)
        # Sheets lie closer the more there are, so that a stack is never much deeper than wide.
        shift = min(tall / 14, tall / 2 / count)
        deep = shift * (count - 1)
        column = max(width + deep, 0.95 * tall if len(shape) == 3 else 0.5 * tall)
        corner = left + (column - width - deep) / 2
        for behind in np.arange(count)[::-1] * shift:  # the rearmost first
            low_left = corner + behind, behind - (height + deep) / 2
            sheet = Rectangle(low_left, width, height, facecolor="white", edgecolor=colour)
            sheet.set_linewidth(min(1, 16 / count))
            ax.add_patch(sheet)
        centres.append(left + column / 2)
        top = (height + deep) / 2 + tall / 20
        ax.text(centres[-1], top, "×".join(map(str, shape)), ha="center", va="bottom", color=colour)
        left += column + 0.25 * tall
    bottom = -0.98 * tall
    for place, step in enumerate(steps):
        between = (centres[place] + centres[place + 1]) / 2
        ax.text(between, bottom, step, ha="center", va="bottom", color=GREY, fontsize=8)
    ax.set(title=title, xlim=(-0.1 * tall, left), ylim=(bottom, tall), aspect="equal")
    bare(ax)
    return ax


def unrolled(
    steps: int,
    features: int,
    units: int,
    code: int,
    *,
    fed: str = "",
    backwards: bool = False,
    title: str = "",
    ax: Axes | None = None,
) -> Axes:
    """Draw a recurrent encoder-decoder, a box for each step, its code in colour.

    Of more than three steps, the first two and the last are drawn.

    Parameters
    ----------
    steps : length of the sequence
    features : numbers at each step
    units : size of the state
    code : size of the code
    fed : what the decoder sees at each step but the first, under its boxes: "true", the step
        before it; "own", what it wrote at the step before; nothing if left out
    backwards : whether the decoder writes the last step first

    Raises
    ------
    TypeError
        If a size is no integer.
    ValueError
        If a size is below 1, or `fed` is another word.

    Source: Srivastava et al. 2015, Fig. 2, arXiv:1502.04681.
    """
    _checks.sizes(steps=steps, features=features, units=units, code=code)
    if fed not in ("", "true", "own"):
        raise ValueError(f'fed is {fed!r}; pass "true" or "own", or leave it out')
    ax = axes(ax, (8, 2.9))
    columns = list(range(1, steps + 1)) if steps < 4 else [1, 2, 0, steps]  # 0: steps left out
    wide = len(columns)
    back = [steps + 1 - step if step else 0 for step in columns]
    sides = {
        "encoder": (0, LINE_COLOURS[0], "h", columns),
        "decoder": (wide + 1.4, LINE_COLOURS[2], "s", back if backwards else columns),
    }

    def write(x, y, text, colour="black"):
        ax.text(x, y, text, ha="center", va="center", color=colour)

    for role, (left, colour, state, order) in sides.items():
        for place, step in enumerate(order):
            x = left + place
            if place:
                _arrow(ax, (x - 0.7, 0), (x - 0.3, 0))
            if not step:
                write(x, 0, "…", colour)
                continue
            ax.add_patch(Rectangle((x - 0.3, -0.3), 0.6, 0.6, facecolor="white", edgecolor=colour))
            write(x, 0, f"${state}_{{{columns[place]}}}$", colour)
            if role == "encoder":
                _arrow(ax, (x, -0.8), (x, -0.3))
                write(x, -1, f"$x_{{{step}}}$")
                continue
            _arrow(ax, (x, 0.3), (x, 0.8))
            write(x, 1, rf"$\hat{{x}}_{{{step}}}$")
            if fed and place:
                _arrow(ax, (x, -0.8), (x, -0.3), linestyle="--")
                seen = step + 1 if backwards else step - 1
                write(x, -1, rf"$\hat{{x}}_{{{seen}}}$" if fed == "own" else f"$x_{{{seen}}}$")
        write(left + (wide - 1) / 2, 1.5, f"{role}, {units} units", colour)
    middle = wide + 0.2
    _arrow(ax, (wide - 0.7, 0), (middle - 0.3, 0))
    _arrow(ax, (middle + 0.3, 0), (wide + 1.1, 0))
    colour = LINE_COLOURS[1]
    ax.add_patch(Rectangle((middle - 0.3, -0.45), 0.6, 0.9, facecolor=colour, alpha=0.2))
    write(middle, 0, "$z$", colour)
    write(middle, 0.65, code, colour)
    write((wide - 1) / 2, -1.45, f"{steps} steps, {features} numbers each", GREY)
    ax.set(title=title, xlim=(-0.5, 2 * wide + 0.9), ylim=(-1.7, 1.75))
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
    _checks.sizes(width=width, blocks=blocks)
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


def codebook_net(
    image: np.ndarray,
    indices: np.ndarray,
    restored: np.ndarray,
    *,
    entries: int,
    width: int,
    title: str = "",
    ax: Axes | None = None,
) -> Axes:
    """Draw an autoencoder with a codebook: an image becomes a grid of numbers of entries.

    Of more than eight entries, the first six and the last are drawn.

    Parameters
    ----------
    image, restored : (side, side) grey levels from 0 to 1, what goes in and what comes out
    indices : (rows, columns) integers, which entry each place has, from 0
    entries : vectors in the codebook
    width : numbers in each

    Raises
    ------
    TypeError
        If `entries` or `width` is no integer.
    ValueError
        If a picture is no square of grey levels, `indices` are no grid of numbers of entries, or
        `entries` or `width` is below 1.

    Source: van den Oord et al. 2017, Fig. 1, arXiv:1711.00937.
    """
    _checks.sizes(entries=entries, width=width)
    indices = np.asarray(indices)
    if indices.ndim != 2:
        raise ValueError(f"indices must be a grid, shape (rows, columns), not {indices.shape}")
    rows, columns = indices.shape
    flat = _checks.integers(indices.ravel(), "indices", low=0, high=entries - 1)
    ax = axes(ax, (9.2, 2.7))
    blue, orange, green = LINE_COLOURS[:3]
    for picture, left, name in ((image, 0, "image"), (restored, 14, "restored")):
        square = _checks.grey_levels(picture, f"each picture, {name} too", ("side", "side"))
        extent = (left, left + 2, -1, 1)
        ax.imshow(1 - square, cmap="gray", vmin=0, vmax=1, extent=extent)
    for left, ends, colour, name in (
        (2.3, (1, 0.5), blue, "encoder"),
        (12.2, (0.5, 1), green, "decoder"),
    ):
        _outline(ax, (left, left + 1.5), ends, colour)
        ax.text(left + 0.75, 0, name, ha="center", va="center", color=colour)
    for left, colour, name in ((4.1, blue, f"vectors of {width}"), (9.9, orange, "their entries")):
        for place, index in enumerate(flat):
            row, column = divmod(place, columns)
            x, y = left + 2 * column / columns, 1 - 2 * (row + 1) / rows
            look = {"facecolor": "white", "edgecolor": colour, "linewidth": 0.8}
            ax.add_patch(Rectangle((x, y), 2 / columns, 2 / rows, **look))
            if colour == orange:
                middle = (x + 1 / columns, y + 1 / rows)
                ax.text(*middle, index, ha="center", va="center", fontsize=5)
        ax.text(left + 1, 1.1, f"{rows}×{columns}, {name}", ha="center", va="bottom", color=colour)
    drawn = list(range(entries)) if entries <= 8 else [*range(6), "⋮", entries - 1]
    for place, entry in enumerate(drawn):
        y = 0.95 - 1.9 * (place + 0.5) / len(drawn)
        ax.text(7.55, y, entry, ha="right", va="center", fontsize=6)
        if entry != "⋮":
            ax.add_patch(Rectangle((7.65, y - 0.07), 1.2, 0.14, facecolor=orange, alpha=0.4))
    ax.text(8.1, 1.1, f"codebook, {entries}", ha="center", va="bottom", color=orange)
    arrows = {"nearest": ((6.2, 0), (7.15, 0), "-"), "": ((9, 0), (9.8, 0), "-")}
    arrows["the slope, copied"] = ((10.9, -1.1), (5.1, -1.1), "--")
    for name, (start, end, line) in arrows.items():
        bow = "arc3,rad=-0.12" if line == "--" else "arc3"
        _arrow(ax, start, end, linestyle=line, connectionstyle=bow)
        at = ((start[0] + end[0]) / 2, -1.85 if line == "--" else 0.08)
        ax.text(*at, name, ha="center", va="bottom", color=GREY, fontsize=8)
    ax.set(xlim=(-0.2, 16.2), ylim=(-1.9, 1.5), title=title, aspect="equal")
    bare(ax)
    return ax


def split_code(
    halves: Mapping[str, tuple[str, str]], *, title: str = "", ax: Axes | None = None
) -> Axes:
    """Draw an autoencoder whose code has several parts, each with an encoder of its own.

    Parameters
    ----------
    halves : for each part, by name, from the top: what its encoder may see or pass on, written
        below the encoder, and what the part is, written below it: {"content": ("one of ten", "10")}

    Raises
    ------
    TypeError
        If `halves` is no dict.
    ValueError
        If it is empty, or a part does not come with two texts.

    Source: the drawing of swapped codes in Chou, Yeh and Lee 2019, Fig. 1, arXiv:1904.05742.
    """
    halves = _checks.by_name(halves, "halves")
    if not halves or any(len(texts) != 2 for texts in halves.values()):
        raise ValueError(
            "halves must hold two texts for each part of the code, and one part or more"
        )
    ax = axes(ax, (8.5, 0.5 + 1.2 * len(halves)))
    middle = (len(halves) - 1) / 2

    ax.text(-0.2, middle, "$x$", ha="center", va="center", fontsize=13)
    for place, (name, (limit, part)) in enumerate(halves.items()):
        y = len(halves) - 1 - place
        colour = LINE_COLOURS[place % len(LINE_COLOURS)]
        _outline(ax, (1, 2.8), (0.3, 0.12), colour, y)
        ax.text(1.9, y, f"{name} encoder", ha="center", va="center", color=colour)
        ax.text(1.9, y - 0.34, limit, ha="center", va="top", color=colour, fontsize=8)
        ax.add_patch(Rectangle((3.5, y - 0.2), 0.25, 0.4, color=colour, alpha=0.3))
        ax.text(3.62, y + 0.23, name, ha="center", va="bottom", color=colour)
        ax.text(3.62, y - 0.24, part, ha="center", va="top", color=colour, fontsize=8)
        _arrow(ax, (0, middle), (0.95, y))
        _arrow(ax, (2.85, y), (3.45, y))
        _arrow(ax, (3.8, y), (4.75, middle))
    green = LINE_COLOURS[len(halves) % len(LINE_COLOURS)]
    _outline(ax, (4.8, 6.4), (0.15, 0.4), green, middle)
    ax.text(5.6, middle, "decoder", ha="center", va="center", color=green)
    _arrow(ax, (6.45, middle), (7, middle))
    ax.text(7.2, middle, r"$\hat{x}$", ha="center", va="center", fontsize=13)
    ax.set(title=title, xlim=(-0.4, 7.4), ylim=(-0.65, len(halves) - 0.4))
    bare(ax)
    return ax


def word_code(
    words: Sequence[str],
    code: Sequence[str],
    restored: Sequence[str],
    *,
    real: str = "",
    title: str = "",
    ax: Axes | None = None,
) -> Axes:
    """Draw an autoencoder of sentences whose code is a few words, and a critic that reads the code.

    Parameters
    ----------
    words, code, restored : what goes in, what stands between, what comes out: a word for each
        place
    real : a real example, which the critic reads too; without, no critic is drawn

    Raises
    ------
    ValueError
        If there are no words in one of the three.
    """
    columns = {"words": (0, words), "code": (5, code), "restored": (10, restored)}
    for name, (_, column) in columns.items():
        if not len(column):
            raise ValueError(f"{name} is empty; pass a word for each place")
    ax = axes(ax, (8, 3.8 if real else 2.8))
    blue, orange, green = LINE_COLOURS[:3]
    colours = {"words": blue, "code": orange, "restored": green}
    tall = max(len(words), len(code), len(restored)) / 2
    for name, (x, column) in columns.items():
        half = len(column) / 2
        look = {"facecolor": colours[name], "alpha": 0.15 if name != "code" else 0.3}
        ax.add_patch(Rectangle((x - 0.9, -half), 1.8, 2 * half, **look))
        for place, word in enumerate(column):
            ax.text(x, half - place - 0.5, word, ha="center", va="center", fontsize=9)
    for x, ends, colour, name in (
        (1.2, (len(words), len(code)), blue, "encoder"),
        (6.2, (len(code), len(restored)), green, "decoder"),
    ):
        _outline(ax, (x, x + 2.6), np.array(ends) / 2, colour)
        ax.text(x + 1.3, 0, name, ha="center", va="center", color=colour)
    low = -tall - 0.3
    if real:
        bottom = low - 2.4
        ax.add_patch(Rectangle((4.1, bottom), 1.8, 1.6, facecolor=GREY, alpha=0.2))
        ax.text(5, bottom + 0.8, "critic", ha="center", va="center", color=GREY)
        ax.text(8.9, bottom + 0.8, f"real: {real}", ha="center", va="center", fontsize=9)
        ax.text(2, bottom + 0.8, "a number", ha="center", va="center", color=GREY)
        under = -len(code) / 2
        arrows = [((4.8, under - 0.1), (4.8, bottom + 1.7), "-")]
        arrows += [((6.9, bottom + 0.8), (6, bottom + 0.8), "-")]
        arrows += [((4, bottom + 0.8), (2.9, bottom + 0.8), "-")]
        arrows += [((5.2, bottom + 1.7), (5.2, under - 0.1), "--")]
        for start, end, line in arrows:
            _arrow(ax, start, end, linestyle=line)
        middle = (under + bottom + 1.7) / 2
        ax.text(5.4, middle, "slope", ha="left", va="center", color=GREY, fontsize=8)
        low = bottom - 0.2
    ax.set(title=title, xlim=(-1.2, 11.2), ylim=(low, tall + 0.2))
    bare(ax)
    return ax


def _arrow(ax: Axes, start: tuple[float, float], end: tuple[float, float], **look: str) -> None:
    """Draw an arrow between two places; `look` goes to Matplotlib's `arrowprops`."""
    ax.annotate("", end, start, arrowprops={"arrowstyle": "->", "color": GREY} | look)


def _halves(sizes: Sequence[int]) -> np.ndarray:
    """Half heights on a log scale: 784 and 2 would not fit one picture otherwise."""
    return np.log2(np.array(sizes) + 1) / 2


def _outline(
    ax: Axes, places: Sequence[float], halves: Sequence[float], colour: str, y: float = 0
) -> None:
    """Draw one area around layers that stand side by side, with half their heights."""
    corners = np.c_[np.r_[places, places[::-1]], y + np.r_[halves, np.negative(halves[::-1])]]
    ax.add_patch(Polygon(corners, facecolor=colour, alpha=0.15, edgecolor=colour))


def _bars(ax: Axes, sizes: Sequence[int], halves: np.ndarray, code: int | None = None) -> None:
    """Draw a bar for each layer with its size above, that of the code in colour."""
    places = np.arange(len(sizes))
    for x, (size, half) in enumerate(zip(sizes, halves, strict=True)):
        colour = LINE_COLOURS[1] if x == code else GREY
        ax.plot([x, x], [-half, half], color=colour, linewidth=2)
        # The outline may rise beside the bar, up to where the number's own width ends.
        edges = np.interp([x - 0.2, x + 0.2], places, halves)
        top = max(half, *edges) + 0.05
        ax.text(x, top, size, ha="center", va="bottom", color=colour)


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
