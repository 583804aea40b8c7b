"""Builders of autoencoders on Keras's functional API."""

from aelib.models.autoencoder import Autoencoder, join
from aelib.models.dense import dense_autoencoder
from aelib.models.transformer import MaskedNet, masked_patches, transformer_block

__all__ = [
    "Autoencoder",
    "MaskedNet",
    "dense_autoencoder",
    "join",
    "masked_patches",
    "transformer_block",
]
