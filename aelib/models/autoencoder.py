"""What every builder returns: encoder, decoder, and the model of both."""

from typing import NamedTuple

from aelib._startup import keras


class Autoencoder(NamedTuple):
    """Three Keras models that share their layers: train `model`, then use the other two.

    Attributes
    ----------
    encoder : maps inputs x to codes z
    decoder : maps codes z to reconstructions x̂
    model : the decoder behind the encoder, from x to x̂
    """

    encoder: keras.Model
    decoder: keras.Model
    model: keras.Model
