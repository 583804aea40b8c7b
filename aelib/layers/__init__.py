"""Keras layers that Keras lacks."""

from aelib.layers.patches import JoinPatches, MaskToken, Patches, Positions, RandomMask
from aelib.layers.penalties import Contraction, KLSparsity
from aelib.layers.quantizer import VectorQuantizer, straight_through
from aelib.layers.sampling import GumbelSoftmax, Sampling, kl_to_standard_normal
from aelib.layers.tied import TiedDense

__all__ = [
    "Contraction",
    "GumbelSoftmax",
    "JoinPatches",
    "KLSparsity",
    "MaskToken",
    "Patches",
    "Positions",
    "RandomMask",
    "Sampling",
    "TiedDense",
    "VectorQuantizer",
    "kl_to_standard_normal",
    "straight_through",
]
