"""Pages to explore in any browser: no kernel stands behind them, and they ask no host for anything.

A map of codes to walk through, and a pad to draw digits on.
"""

from aelib.explorer._map import latent_explorer
from aelib.explorer._pad import anomaly_pad, drawing_pad
from aelib.explorer._page import Explorer

__all__ = ["Explorer", "anomaly_pad", "drawing_pad", "latent_explorer"]
