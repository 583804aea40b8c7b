"""The house style: colours, axes without ornament, text that does not overlap."""

from matplotlib.axes import Axes
import matplotlib.pyplot as plt
import numpy as np

# Ten colours that colour-blind readers can tell apart: Paul Tol's "muted" scheme and a near-black.
DIGIT_COLOURS = (
    "#332288", "#88CCEE", "#44AA99", "#117733", "#999933",
    "#DDCC77", "#CC6677", "#882255", "#AA4499", "#222222",
)  # fmt: skip
LINE_COLOURS = ("#332288", "#CC6677", "#117733", "#AA4499", "#88CCEE", "#999933")
GREY = "#666666"


def use_style() -> None:
    """Set matplotlib's defaults to the house style."""
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


def axes(ax: Axes | None, size: tuple[float, float]) -> Axes:
    """Use the axes given, or open a figure of this size in inches."""
    if ax is None:
        return plt.subplots(figsize=size)[1]
    if not isinstance(ax, Axes):
        raise TypeError(f"ax is {type(ax).__name__}; pass one Axes, such as plt.subplots()[1]")
    return ax


def bare(ax: Axes) -> None:
    """Take frame and ticks away, but keep the title and labels."""
    ax.set(xticks=[], yticks=[])
    ax.spines[:].set_visible(False)


def spread(positions: np.ndarray, gap: float) -> np.ndarray:
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


def push_apart(
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
