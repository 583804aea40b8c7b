"""What a chart of codes needs besides its points."""

from aelib._checks import limits as check_limits
from matplotlib.ticker import MaxNLocator
import numpy as np


def square_around(codes: np.ndarray, limits: tuple[float, float] | None) -> np.ndarray:
    """Return the map's (2, 2) lower left and upper right corner: a square."""
    limits = check_limits(limits)
    if limits is None:
        low, high = codes.min(axis=0).astype(float), codes.max(axis=0).astype(float)
        half = 0.53 * (high - low).max() or 1.0
        return np.stack([(low + high) / 2 - half, (low + high) / 2 + half])
    return np.repeat(np.array(limits)[:, None], 2, axis=1)


def ticks(low: float, high: float) -> list[float]:
    """Return round numbers between two values."""
    ticks = MaxNLocator(5, steps=[1, 2, 5, 10]).tick_values(low, high)
    return [float(f"{tick:.6g}") for tick in ticks if low <= tick <= high]
