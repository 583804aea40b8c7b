"""Autoencoders that read and write step by step."""

from collections.abc import Callable

from aelib import _checks
from aelib._startup import keras
from aelib.models._checks import activations
from aelib.models.autoencoder import Autoencoder, join
from keras import layers, ops

# What a cell hands from step to step: the LSTM has two vectors, its output and its memory.
CELLS = {"GRU": (layers.GRU, 1), "LSTM": (layers.LSTM, 2)}


def recurrent_autoencoder(
    steps: int,
    features: int,
    *,
    units: int,
    code: int,
    cell: str = "GRU",
    mask: bool = False,
    output: str | Callable | None = "sigmoid",
) -> Autoencoder:
    """Build a recurrent encoder-decoder that keeps a whole sequence in one code.

    The encoder's last output becomes the code. The decoder starts from a state made of the code
    and sees nothing else: no earlier step, true or its own.

    Parameters
    ----------
    steps : length of a sequence, its padding included
    features : numbers at each step
    units : size of the state, of the encoder and of the decoder
    code : size of the code M
    cell : "GRU" or "LSTM"
    mask : whether the encoder passes over steps that are all zero, the padding of shorter
        sequences. The decoder writes all steps: pass `sample_weight`, (n, steps), to `fit`, and a
        loss with `reduction="mean_with_sample_weight"`, so that the padding does not count there.
    output : activation of what the decoder writes: name of a Keras activation, a function, or None
        for a linear layer

    Raises
    ------
    TypeError
        If a size is no integer.
    ValueError
        If a size is below 1, `cell` is another word, or Keras has no activation of that name.

    Source: Srivastava et al. 2015, section 2.2, the unconditional decoder; arXiv:1502.04681.
    """
    steps, features, units, code = _checks.sizes(
        steps=steps, features=features, units=units, code=code
    )
    if cell not in CELLS:
        raise ValueError(f"cell is {cell!r}; pass one of {', '.join(CELLS)}")
    activations(output=output)
    layer, states = CELLS[cell]

    x = h = keras.Input((None, features))  # a sequence may be longer than those to train on
    if mask:
        h = layers.Masking()(h)
    encoder = keras.Model(x, layers.Dense(code)(layer(units)(h)), name="encoder")

    z = keras.Input((code,))
    start = [layers.Dense(units)(z) for _ in range(states)]
    blank = layers.RepeatVector(steps)(ops.zeros_like(z[:, :1]))
    h = layer(units, return_sequences=True)(blank, initial_state=start)
    decoder = keras.Model(z, layers.Dense(features, activation=output)(h), name="decoder")

    return join(encoder, decoder)
