"""Variational autoencoders, and the loss that goes with their KL."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from aelib._startup import keras
from aelib.layers.sampling import Sampling
from aelib.models._checks import activations, unit_counts
from aelib.models.autoencoder import join
from keras import layers, ops


class VariationalAutoencoder(NamedTuple):
    """Four Keras models that share their layers: train `model`, then use the other three.

    Attributes
    ----------
    encoder : maps inputs x to codes z: the mean of q(z|x), in training a draw from it
    decoder : maps codes z to reconstructions x̂, the mean of p(x|z)
    model : the decoder behind the encoder, from x to x̂
    posterior : maps inputs x to q(z|x): [means, log-variances], (n, M) each
    """

    encoder: keras.Model
    decoder: keras.Model
    model: keras.Model
    posterior: keras.Model


@keras.saving.register_keras_serializable(package="aelib")
def summed_cross_entropy(images, restored):
    """Sum binary cross-entropy over the pixels of each image: -log p(x|z) of black and white ones.

    To be given to `compile`, as loss and, to see it without the KL, as metric. Keras's own
    "binary_crossentropy" averages over the D pixels instead, and a KL beside it would count D
    times as much as it should.

    Parameters
    ----------
    images : (n, …) tensor, values in [0, 1]. Grey ones have a cross-entropy too, but it is no log
        of a probability.
    restored : tensor of the same shape, the probability that each pixel is 1

    Returns
    -------
    (n,) tensor, in nats an image.

    Source: Kingma & Welling 2014, appendix C.1.
    """
    pixels = ops.binary_crossentropy(images, restored)
    return ops.sum(pixels, axis=tuple(range(1, len(pixels.shape))))


def variational_autoencoder(
    pixels: int,
    sizes: Sequence[int],
    *,
    hidden: str | Callable | None = "relu",
    output: str | Callable | None = "sigmoid",
    beta: float = 1.0,
) -> VariationalAutoencoder:
    """Build a variational autoencoder of dense layers, not yet compiled.

    Its KL goes to the loss by itself, with weight β, and is logged as `kl`: compile `model` with a
    loss that sums over pixels, such as `summed_cross_entropy`.

    Parameters
    ----------
    pixels : number of inputs D, and of outputs
    sizes : units of the encoder's layers, the code size M last: (512, 20), or (2,). The decoder
        has the same layers in reverse order. Mean and log-variance are linear.
    hidden, output : activations of the hidden layers and the reconstruction: names of Keras
        activations, functions, or None for a linear layer
    beta : β, the weight of the KL, at least 0

    Raises
    ------
    TypeError
        If `sizes` is no sequence, or a size no integer.
    ValueError
        If `sizes` is empty, a size is below 1, Keras has no activation of that name, or `beta` is
        negative.

    Source: Kingma & Welling 2014, "Auto-encoding variational Bayes", arXiv:1312.6114.
    """
    pixels, *sizes = unit_counts(pixels, sizes)
    activations(hidden=hidden, output=output)

    x = h = keras.Input((pixels,))
    for units in sizes[:-1]:
        h = layers.Dense(units, activation=hidden)(h)
    mean = layers.Dense(sizes[-1], name="mean")(h)
    log_variance = layers.Dense(sizes[-1], name="log_variance")(h)
    posterior = keras.Model(x, [mean, log_variance], name="posterior")
    encoder = keras.Model(x, Sampling(beta, name="sampling")(mean, log_variance), name="encoder")

    z = h = keras.Input((sizes[-1],))
    for units in reversed(sizes[:-1]):
        h = layers.Dense(units, activation=hidden)(h)
    decoder = keras.Model(z, layers.Dense(pixels, activation=output)(h), name="decoder")

    parts = join(encoder, decoder, name="variational_autoencoder")
    return VariationalAutoencoder(*parts, posterior)
