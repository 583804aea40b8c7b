"""Losses over epochs."""

from collections.abc import Mapping, Sequence

from aelib import _checks
from aelib.plots.style import GREY, LINE_COLOURS, axes, spread
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator
import numpy as np


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

    Raises
    ------
    ValueError
        If a loss or a level is NaN or infinite, if a curve has more than two axes, or if `limits`
        are not two numbers, the lower one first.
    """
    rows_of = {
        name: _checks.numbers(np.atleast_2d(values), f"curves[{name!r}]", ("seeds", "epochs"))
        for name, values in _checks.by_name(curves, "curves").items()
    }
    yardsticks = {} if yardsticks is None else _checks.by_name(yardsticks, "yardsticks")
    levels = {
        name: float(_checks.numbers(level, f"yardsticks[{name!r}]", ()))
        for name, level in yardsticks.items()
    }
    limits = _checks.limits(limits)
    ax = axes(ax, (7, 3.6))
    ends = []
    for number, (name, rows) in enumerate(rows_of.items()):
        colour = LINE_COLOURS[number % len(LINE_COLOURS)]
        epochs, mean = np.arange(1, rows.shape[1] + 1), rows.mean(axis=0)
        ax.plot(epochs, mean, color=colour)
        ax.fill_between(
            epochs, rows.min(axis=0), rows.max(axis=0), color=colour, alpha=0.2, linewidth=0
        )
        ends.append((name, mean[-1], colour))
    for name, level in levels.items():
        ax.axhline(level, color=GREY, linestyle="--", linewidth=1)
        decimals = 4 if abs(level) < 1 else 2  # of an error of a pixel, of a whole image
        ends.append((f"{name} {level:.{decimals}f}", level, GREY))
    ax.set(xlabel="epoch", ylabel=ylabel, ylim=limits, title=title)
    ax.xaxis.set_major_locator(MaxNLocator("auto", integer=True))  # there is no epoch 2.5
    ax.margins(x=0.01)
    _name_ends(ax, ends)
    return ax


def _name_ends(ax: Axes, ends: Sequence[tuple[str, float, str]]) -> None:
    """Write (text, height in data units, colour) right of the axes, without overlaps."""
    to_axes = ax.transData + ax.transAxes.inverted()
    heights = np.clip([to_axes.transform((1, level))[1] for _, level, _ in ends], 0, 1)
    for (text, _, colour), height in zip(ends, spread(heights, 0.075), strict=True):
        ax.text(1.01, height, text, color=colour, va="center", transform=ax.transAxes)
