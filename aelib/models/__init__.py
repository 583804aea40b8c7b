"""Builders of autoencoders on Keras's functional API."""

from aelib.models.autoencoder import Autoencoder, join
from aelib.models.convolutional import convolutional_autoencoder
from aelib.models.dense import dense_autoencoder
from aelib.models.recurrent import recurrent_autoencoder
from aelib.models.transformer import MaskedNet, masked_patches, transformer_block

__all__ = [
    "Autoencoder",
    "MaskedNet",
    "convolutional_autoencoder",
    "dense_autoencoder",
    "join",
    "masked_patches",
    "recurrent_autoencoder",
    "transformer_block",
]
