"""Builders of autoencoders on Keras's functional API."""

from aelib.models.autoencoder import Autoencoder, join
from aelib.models.boltzmann import BoltzmannMachine, unroll
from aelib.models.convolutional import convolutional_autoencoder
from aelib.models.dense import dense_autoencoder
from aelib.models.recurrent import recurrent_autoencoder
from aelib.models.transformer import MaskedNet, masked_patches, transformer_block
from aelib.models.variational import (
    VariationalAutoencoder,
    summed_cross_entropy,
    variational_autoencoder,
)

__all__ = [
    "Autoencoder",
    "BoltzmannMachine",
    "MaskedNet",
    "VariationalAutoencoder",
    "convolutional_autoencoder",
    "dense_autoencoder",
    "join",
    "masked_patches",
    "recurrent_autoencoder",
    "summed_cross_entropy",
    "transformer_block",
    "unroll",
    "variational_autoencoder",
]
