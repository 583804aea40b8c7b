"""Pages to explore in any browser: no kernel stands behind them, and they ask no host for anything.

A map of codes to walk through, pads to draw digits on, a codebook to paint with, and a table that
swaps content and style.
"""

from aelib.explorer._map import latent_explorer
from aelib.explorer._pad import anomaly_pad, drawing_pad
from aelib.explorer._page import Explorer
from aelib.explorer._paint import codebook_painter
from aelib.explorer._swap import style_table

__all__ = [
    "Explorer",
    "anomaly_pad",
    "codebook_painter",
    "drawing_pad",
    "latent_explorer",
    "style_table",
]
