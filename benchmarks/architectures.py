"""The nets of other architectures that `speed.py` times, spelled out so that they never change."""

from collections.abc import Callable

from aelib.layers import Patches, Sampling, VectorQuantizer
import keras
from keras import layers
import numpy as np

SIDE, PATCH, UNITS, CODE = 28, 4, 128, 32
HIDDEN, DRAWN = 512, 20
TOKENS, WIDTH, HEADS, BLOCKS = (SIDE // PATCH) ** 2, 64, 4, 3
ENTRIES, VECTOR, CHANNELS = 128, 16, (16, 32)


def convolutional() -> keras.Model:
    """Build the net of 3,217 parameters, of nana-li's text on autoencoders (2018)."""
    x = keras.Input((SIDE, SIDE, 1))
    h = layers.Conv2D(16, 3, padding="same", activation="relu")(x)
    h = layers.Conv2D(8, 3, padding="same", activation="relu")(layers.MaxPooling2D(2)(h))
    h = layers.Conv2D(8, 3, padding="same", activation="relu")(layers.MaxPooling2D(2)(h))
    h = layers.Conv2D(16, 3, padding="same", activation="relu")(layers.UpSampling2D(2)(h))
    h = layers.UpSampling2D(2)(h)
    return keras.Model(x, layers.Conv2D(1, 3, padding="same", activation="sigmoid")(h))


def of_keras_io() -> keras.Model:
    """Build the denoiser of keras.io's page on convolutional autoencoders."""
    x = keras.Input((SIDE, SIDE, 1))
    h = x
    for _ in range(2):
        h = layers.Conv2D(32, 3, padding="same", activation="relu")(h)
        h = layers.MaxPooling2D(2)(h)
    for _ in range(2):
        h = layers.Conv2DTranspose(32, 3, strides=2, padding="same", activation="relu")(h)
    return keras.Model(x, layers.Conv2D(1, 3, padding="same", activation="sigmoid")(h))


def recurrent(layer: type[keras.layers.RNN], states: int) -> keras.Model:
    """Build notebook 12's autoencoder, which reads an image row by row and writes it so."""
    x = keras.Input((SIDE, SIDE))
    z = layers.Dense(CODE)(layer(UNITS)(x))
    start = [layers.Dense(UNITS)(z) for _ in range(states)]
    blank = layers.RepeatVector(SIDE)(keras.ops.zeros_like(z[:, :1]))
    h = layer(UNITS, return_sequences=True)(blank, initial_state=start)
    return keras.Model(x, layers.Dense(SIDE, activation="sigmoid")(h))


def transformer() -> keras.Model:
    """Build a transformer that reads and writes an image as 49 patches."""
    x = keras.Input((TOKENS, PATCH**2))
    # A bias for each place is what tells the places apart.
    h = layers.EinsumDense("btp,pw->btw", (TOKENS, WIDTH), bias_axes="tw")(x)
    for _ in range(BLOCKS):
        a = layers.LayerNormalization()(h)
        h = h + layers.MultiHeadAttention(HEADS, WIDTH // HEADS)(a, a)
        a = layers.Dense(4 * WIDTH, activation="gelu")(layers.LayerNormalization()(h))
        h = h + layers.Dense(WIDTH)(a)
    h = layers.LayerNormalization()(h)
    return keras.Model(x, layers.Dense(PATCH**2, activation="sigmoid")(h))


def variational() -> keras.Model:
    """Build a variational autoencoder of dense layers, its KL per pixel as the loss is."""
    x = keras.Input((SIDE**2,))
    h = layers.Dense(HIDDEN, activation="relu")(x)
    z = Sampling(1 / SIDE**2)(layers.Dense(DRAWN)(h), layers.Dense(DRAWN)(h))
    h = layers.Dense(HIDDEN, activation="relu")(z)
    return keras.Model(x, layers.Dense(SIDE**2, activation="sigmoid")(h))


def with_codebook() -> keras.Model:
    """Build a VQ-VAE of 7 × 7 entries an image, β per pixel as the loss is."""
    x = h = keras.Input((SIDE, SIDE, 1))
    for maps in CHANNELS:
        h = layers.Conv2D(maps, 3, strides=2, padding="same", activation="relu")(h)
    h = layers.Conv2D(VECTOR, 1)(h)
    h = VectorQuantizer(ENTRIES, commitment=0.25 / SIDE**2, restart=0.1)(h)
    for maps in CHANNELS[::-1]:
        h = layers.Conv2DTranspose(maps, 3, strides=2, padding="same", activation="relu")(h)
    return keras.Model(x, layers.Conv2D(1, 3, padding="same", activation="sigmoid")(h))


def patches(images: np.ndarray) -> np.ndarray:
    """Cut (n, 28, 28) images into (n, 49, 16) patches, row by row."""
    return Patches(PATCH)(images).numpy()


def with_channel(images: np.ndarray) -> np.ndarray:
    """Give (n, 28, 28) images the channel that convolutions want."""
    return images[..., None]


def as_rows(images: np.ndarray) -> np.ndarray:
    """Take (n, 28, 28) images as the sequences of rows that they are."""
    return images


def flat(images: np.ndarray) -> np.ndarray:
    """Lay the pixels of (n, 28, 28) images in one row each."""
    return images.reshape(len(images), -1)


# How to build each, and what it sees of (n, 28, 28) images.
NETS: dict[str, tuple[Callable[[], keras.Model], Callable[[np.ndarray], np.ndarray]]] = {
    "convolutional": (convolutional, with_channel),
    "of keras.io": (of_keras_io, with_channel),
    "LSTM": (lambda: recurrent(layers.LSTM, 2), as_rows),
    "GRU": (lambda: recurrent(layers.GRU, 1), as_rows),
    "transformer": (transformer, patches),
    "VAE": (variational, flat),
    "VQ-VAE": (with_codebook, with_channel),
}
