"""Training a deep net layer by layer."""

from collections.abc import Sequence
from functools import reduce
from typing import Any

from aelib._startup import keras
from aelib.training.fit import fit
import numpy as np


def stages(chain: keras.Model) -> list[list[keras.layers.Layer]]:
    """Cut a chain of layers into stages: a layer with weights and those without that follow it.

    What comes before the first layer with weights belongs to that one.
    """
    cut: list[list[keras.layers.Layer]] = [[]]
    for layer in chain.layers:
        if layer.weights and any(earlier.weights for earlier in cut[-1]):
            cut.append([])
        if not isinstance(layer, keras.layers.InputLayer):
            cut[-1].append(layer)
    return cut


def apply(values: Any, layer: keras.layers.Layer) -> Any:
    """Put a layer on what comes before it."""
    return layer(values)


def fit_greedy(
    encoder: keras.Model,
    decoder: keras.Model,
    x: np.ndarray,
    *,
    epochs: int,
    batch_size: int,
    optimizer: str = "adam",
    loss: str = "mse",
    progress: bool = True,
) -> list[keras.callbacks.History]:
    """Train a deep autoencoder layer by layer, each layer on the codes of the one before.

    The encoder's first layer and the decoder's last form a shallow autoencoder, which learns to
    restore `x`. Its codes are the data of the next pair, and so on inwards. An activation that is a
    layer of its own belongs to the layer before it. A pair is not touched again once it is trained:
    what remains to be done, by `fit`, is to train all layers together.

    Parameters
    ----------
    encoder, decoder : chains of layers, as many with weights in the one as in the other, such as
        `models.dense_autoencoder` builds; their layers are trained in place
    x : (n, …) array, the inputs
    epochs, batch_size : of each pair
    optimizer, loss : names that Keras knows; every pair gets an optimizer of its own

    Returns
    -------
    The pairs' histories, the outermost first.

    Raises
    ------
    ValueError
        If encoder and decoder do not have the same number of layers with weights, or as `fit` does.

    Source: Y. Bengio et al. 2007, Greedy layer-wise training of deep networks, section 3.1.
    """
    inwards, outwards = stages(encoder), stages(decoder)[::-1]
    if len(inwards) != len(outwards):
        raise ValueError(
            f"encoder has {len(inwards)} layers with weights and decoder {len(outwards)}; "
            "give each layer of the one its counterpart in the other"
        )
    histories = []
    for inward, outward in zip(inwards, outwards, strict=True):
        inputs = keras.Input(np.shape(x)[1:])
        codes = reduce(apply, inward, inputs)
        pair = keras.Model(inputs, reduce(apply, outward, codes))
        pair.compile(optimizer=optimizer, loss=loss)
        options = {"epochs": epochs, "batch_size": batch_size, "progress": progress}
        histories.append(fit(pair, x, x, **options))
        if inward is not inwards[-1]:
            x = keras.Model(inputs, codes).predict(x, batch_size=batch_size, verbose=0)
    return histories


def fit_stack(
    machines: Sequence[keras.Model],
    x: np.ndarray,
    *,
    epochs: int,
    batch_size: int,
    progress: bool = True,
) -> list[keras.callbacks.History]:
    """Train a stack of models without labels, each on the codes of the one before.

    Of restricted Boltzmann machines it makes a deep belief network.

    Parameters
    ----------
    machines : models that are compiled and give codes when called, such as
        `models.BoltzmannMachine`; the first sees `x`
    x : (n, …) array, the inputs
    epochs, batch_size : of each model

    Returns
    -------
    The models' histories, that of the first first.

    Raises
    ------
    ValueError
        If `machines` are none, or as `fit` does.

    Source: Hinton, Osindero & Teh 2006, "A fast learning algorithm for deep belief nets".
    """
    if not len(machines):
        raise ValueError("machines is empty; pass at least one model to train")
    histories = []
    for machine in machines:
        options = {"epochs": epochs, "batch_size": batch_size, "progress": progress}
        histories.append(fit(machine, x, **options))
        if machine is not machines[-1]:
            x = machine.predict(x, batch_size=batch_size, verbose=0)
    return histories
