"""Keras layers that Keras lacks."""

from aelib.layers.penalties import Contraction, KLSparsity
from aelib.layers.tied import TiedDense

__all__ = ["Contraction", "KLSparsity", "TiedDense"]
