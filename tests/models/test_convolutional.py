"""Convolutional autoencoders have the layers that were asked for, and sizes that fit."""

from itertools import product

from aelib import models
import keras
import numpy as np
import pytest

KINDS = list(product(("pooling", "strides"), ("upsampling", "transposed")))


def shapes(model: keras.Model) -> list[tuple]:
    return [layer.output.shape[1:] for layer in model.layers[1:]]


def parameters(model: keras.Model) -> list[int]:
    return [layer.count_params() for layer in model.layers if layer.count_params()]


def test_nanas_net_layer_by_layer():
    encoder, decoder, model = models.convolutional_autoencoder((28, 28, 1), (16, 8))
    assert shapes(encoder) == [(28, 28, 16), (14, 14, 16), (14, 14, 8), (7, 7, 8)]
    up = [(7, 7, 8), (14, 14, 8), (14, 14, 16), (28, 28, 16), (28, 28, 1)]
    assert shapes(decoder) == up
    assert parameters(encoder) + parameters(decoder) == [160, 1160, 584, 1168, 145]
    assert model.count_params() == 3217


@pytest.mark.parametrize(("down", "up"), KINDS)
@pytest.mark.parametrize("code", [None, 5])
def test_every_kind_has_as_many_parameters_and_the_same_code(down, up, code):
    net = models.convolutional_autoencoder((8, 12, 3), (6, 4), code=code, down=down, up=up)
    assert net.encoder.output_shape == (None, *((2, 3, 4) if code is None else (5,)))
    assert net.model.output_shape == (None, 8, 12, 3)
    maps = [9 * 3 * 6 + 6, 9 * 6 * 4 + 4, 9 * 4 * 4 + 4, 9 * 4 * 6 + 6, 9 * 6 * 3 + 3]
    dense = 0 if code is None else 24 * 5 + 5 + 5 * 24 + 24
    assert net.model.count_params() == sum(maps) + dense


@pytest.mark.parametrize(("down", "up"), KINDS)
def test_what_goes_down_and_up_is_what_was_asked_for(down, up):
    net = models.convolutional_autoencoder((4, 4, 1), (3, 2), down=down, up=up)
    kinds = [[type(layer).__name__ for layer in part.layers[1:]] for part in net[:2]]
    halve = ["Conv2D", "MaxPooling2D"] if down == "pooling" else ["Conv2D"]
    double = ["UpSampling2D", "Conv2D"] if up == "upsampling" else ["Conv2DTranspose"]
    assert kinds == [2 * halve, ["Conv2D", *2 * double]]


@pytest.mark.parametrize("code", [None, 5])
def test_activations_stand_where_they_were_put(code):
    net = models.convolutional_autoencoder((4, 4, 1), (3,), code=code, hidden="tanh", output="relu")
    names = [
        layer.activation.__name__
        for part in net[:2]
        for layer in part.layers
        if hasattr(layer, "activation")
    ]
    dense = [] if code is None else ["linear", "tanh"]
    assert names == ["tanh", *dense, "tanh", "relu"]


def test_model_is_the_decoder_behind_the_encoder():
    images = np.random.default_rng(0).random((3, 4, 4, 1), dtype=np.float32)
    encoder, decoder, model = models.convolutional_autoencoder([4, 4, 1], np.array([3, 2]))
    np.testing.assert_allclose(decoder(encoder(images)), model(images), atol=1e-6)


@pytest.mark.parametrize(
    ("changed", "error", "message"),
    [
        ({"shape": (28, 28)}, ValueError, r"shape must be integers in one row, shape \(3,\)"),
        ({"shape": (28, 28, 0)}, ValueError, "shape must be at least 1"),
        ({"channels": ()}, ValueError, "channels must be integers in one row"),
        ({"channels": 16}, ValueError, "channels must be integers in one row"),
        ({"channels": (16, 0)}, ValueError, "channels must be at least 1"),
        ({"channels": (8, 8, 8)}, ValueError, "channels ask for 3 halvings.* pass fewer"),
        ({"code": 0}, ValueError, "code == 0, must be >= 1"),
        ({"code": 2.0}, TypeError, "code must be an instance of"),
        ({"down": "stride"}, ValueError, 'down is \'stride\'; pass "pooling" or "strides"'),
        ({"up": None}, ValueError, 'up is None; pass "upsampling" or "transposed"'),
        ({"hidden": "relux"}, ValueError, "hidden is 'relux'; pass the name of a Keras"),
        ({"output": 3}, ValueError, "output is 3; pass the name of a Keras activation"),
    ],
)
def test_arguments_are_checked_and_errors_name_them(changed, error, message):
    arguments = {"shape": (28, 28, 1), "channels": (16, 8)} | changed
    with pytest.raises(error, match=message):
        models.convolutional_autoencoder(**arguments)
