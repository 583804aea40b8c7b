"""Builders of autoencoders on Keras's functional API."""

from aelib.models.autoencoder import Autoencoder, join
from aelib.models.convolutional import convolutional_autoencoder
from aelib.models.dense import dense_autoencoder
from aelib.models.recurrent import recurrent_autoencoder

__all__ = [
    "Autoencoder",
    "convolutional_autoencoder",
    "dense_autoencoder",
    "join",
    "recurrent_autoencoder",
]
