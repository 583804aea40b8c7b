"""Autoencoders of convolutions."""

from collections.abc import Callable, Sequence
from math import prod
from numbers import Integral

from aelib import _checks
from aelib._startup import keras
from aelib.models._checks import activations
from aelib.models.autoencoder import Autoencoder, join
from keras import layers
from sklearn.utils import check_scalar

DOWN = ("pooling", "strides")
UP = ("upsampling", "transposed")


def convolutional_autoencoder(
    shape: Sequence[int],
    channels: Sequence[int],
    *,
    code: int | None = None,
    down: str = "pooling",
    up: str = "upsampling",
    hidden: str | Callable | None = "relu",
    output: str | Callable | None = "sigmoid",
) -> Autoencoder:
    """Build an autoencoder of 3 × 3 convolutions that halve the image and double it again.

    Whatever `down` and `up` are, the number of parameters is the same.

    Parameters
    ----------
    shape : height, width and channels of an image: (28, 28, 1)
    channels : feature maps after each halving, those of the code last: (16, 8). The decoder has
        them in reverse order.
    code : units of a dense code, linear, in the place of the feature maps; none if left out
    down : what halves: "pooling", a convolution and the maximum of 2 × 2 pixels, or "strides", a
        convolution of stride 2
    up : what doubles: "upsampling", each pixel repeated 2 × 2 times and a convolution, or
        "transposed", a transposed convolution of stride 2
    hidden, output : activations of the hidden layers and of the reconstruction: names of Keras
        activations, functions, or None for a linear layer

    Raises
    ------
    TypeError
        If `code` is no integer.
    ValueError
        If `shape` or `channels` are no positive integers, the image cannot be halved as often,
        `code` is below 1, `down` or `up` is another word, or Keras has no activation of that name.

    Source: nana-li, *Autoencoder*, section 6.2: shape (28, 28, 1), channels (16, 8).
    """
    height, width, colours = shape = _checks.integers(shape, "shape", 3, low=1).tolist()
    channels = _checks.integers(channels, "channels", low=1).tolist()
    factor = 2 ** len(channels)
    if height % factor or width % factor:
        raise ValueError(
            f"channels ask for {len(channels)} halvings, and {height} × {width} pixels do not "
            f"divide by {factor}; pass fewer, or pad the images"
        )
    for name, word, words in (("down", down, DOWN), ("up", up, UP)):
        if word not in words:
            raise ValueError(f'{name} is {word!r}; pass "{words[0]}" or "{words[1]}"')
    activations(hidden=hidden, output=output)

    def halve(h, maps):
        if down == "strides":
            return layers.Conv2D(maps, 3, strides=2, padding="same", activation=hidden)(h)
        h = layers.Conv2D(maps, 3, padding="same", activation=hidden)(h)
        return layers.MaxPooling2D(2)(h)

    def double(h, maps, activation):
        if up == "transposed":
            return layers.Conv2DTranspose(
                maps, 3, strides=2, padding="same", activation=activation
            )(h)
        h = layers.UpSampling2D(2)(h)
        return layers.Conv2D(maps, 3, padding="same", activation=activation)(h)

    x = h = keras.Input(shape)
    for maps in channels:
        h = halve(h, maps)
    smallest = (height // factor, width // factor, channels[-1])
    if code is not None:
        code = int(check_scalar(code, "code", Integral, min_val=1))
        h = layers.Dense(code)(layers.Flatten()(h))
    encoder = keras.Model(x, h, name="encoder")

    z = h = keras.Input(h.shape[1:])
    if code is not None:
        h = layers.Dense(prod(smallest), activation=hidden)(h)
        h = layers.Reshape(smallest)(h)
    h = layers.Conv2D(channels[-1], 3, padding="same", activation=hidden)(h)
    for maps in channels[-2::-1]:
        h = double(h, maps, hidden)
    decoder = keras.Model(z, double(h, colours, output), name="decoder")

    return join(encoder, decoder)
