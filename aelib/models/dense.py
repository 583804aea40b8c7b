"""Autoencoders of dense layers."""

from collections.abc import Callable, Sequence

from aelib._startup import keras
from aelib.models._checks import activations, unit_counts
from aelib.models.autoencoder import Autoencoder, join
from keras import layers


def dense_autoencoder(
    pixels: int,
    sizes: Sequence[int],
    *,
    hidden: str | Callable | None = "sigmoid",
    code: str | Callable | None = "tanh",
    output: str | Callable | None = "sigmoid",
) -> Autoencoder:
    """Build a symmetric autoencoder of dense layers, not yet compiled.

    Parameters
    ----------
    pixels : number of inputs D, and of outputs
    sizes : units of the encoder's layers, the code size M last: (392, 28, 10, 2), or (2,).
        The decoder has the same layers in reverse order.
    hidden, code, output : activations of the hidden layers, the code and the reconstruction:
        names of Keras activations, functions, or None for a linear layer

    Raises
    ------
    TypeError
        If `sizes` is no sequence, or a size no integer.
    ValueError
        If `sizes` is empty, a size is below 1, or Keras has no activation of that name.

    Source: P. Rivas, *Deep Learning for Beginners*, ch. 7, Fig. 7.5.
    """
    pixels, *sizes = unit_counts(pixels, sizes)
    activations(hidden=hidden, code=code, output=output)

    x = h = keras.Input((pixels,))
    for units in sizes[:-1]:
        h = layers.Dense(units, activation=hidden)(h)
    encoder = keras.Model(x, layers.Dense(sizes[-1], activation=code)(h), name="encoder")

    z = h = keras.Input((sizes[-1],))
    for units in reversed(sizes[:-1]):
        h = layers.Dense(units, activation=hidden)(h)
    decoder = keras.Model(z, layers.Dense(pixels, activation=output)(h), name="decoder")

    return join(encoder, decoder)
