"""Figures in one house style. Each function draws into Axes and returns them."""

from aelib.plots.curves import loss_curves
from aelib.plots.images import bit_rows, digits, reconstructions
from aelib.plots.maps import decoded_grid, latent_map, name_places
from aelib.plots.nets import (
    blocks,
    codebook_net,
    dense_layers,
    feature_maps,
    network,
    split_code,
    transformer,
    unrolled,
    variational,
    word_code,
)
from aelib.plots.style import DIGIT_COLOURS, GREY, LINE_COLOURS, use_style

use_style()

__all__ = [
    "DIGIT_COLOURS",
    "GREY",
    "LINE_COLOURS",
    "bit_rows",
    "blocks",
    "codebook_net",
    "decoded_grid",
    "dense_layers",
    "digits",
    "feature_maps",
    "latent_map",
    "loss_curves",
    "name_places",
    "network",
    "reconstructions",
    "split_code",
    "transformer",
    "unrolled",
    "use_style",
    "variational",
    "word_code",
]
