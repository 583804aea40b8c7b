"""Autoencoders have the layers that were asked for, and their three models share them."""

from itertools import pairwise

from aelib import models
import keras
import numpy as np
import pytest

SIZES = [(2,), (10, 2), (28, 10, 2), (392, 28, 10, 2)]


def dense_layers(model: keras.Model) -> list[keras.layers.Dense]:
    return [layer for layer in model.layers if isinstance(layer, keras.layers.Dense)]


@pytest.mark.parametrize("sizes", SIZES)
def test_layers_mirror_each_other(sizes):
    encoder, decoder, model = models.dense_autoencoder(784, sizes)
    assert [layer.units for layer in dense_layers(encoder)] == list(sizes)
    assert [layer.units for layer in dense_layers(decoder)] == [*sizes[-2::-1], 784]
    assert encoder.output_shape == decoder.input_shape == (None, sizes[-1])
    assert encoder.input_shape == model.input_shape == model.output_shape == (None, 784)


@pytest.mark.parametrize("sizes", SIZES)
def test_number_of_parameters(sizes):
    widths = [784, *sizes, *sizes[-2::-1], 784]
    kernels = sum(a * b for a, b in pairwise(widths))
    model = models.dense_autoencoder(784, sizes).model
    assert model.count_params() == kernels + sum(widths[1:])


def test_number_of_parameters_in_rivas_largest_net():
    encoder, decoder, model = models.dense_autoencoder(784, (392, 28, 10, 2))
    assert encoder.count_params() == 307_720 + 11_004 + 290 + 22
    assert decoder.count_params() == 30 + 308 + 11_368 + 308_112
    assert model.count_params() == encoder.count_params() + decoder.count_params()


def test_activations_stand_where_they_were_put():
    net = models.dense_autoencoder(9, (5, 3), hidden="relu", code="linear", output="tanh")
    names = [layer.activation.__name__ for part in net[:2] for layer in dense_layers(part)]
    assert names == ["relu", "linear", "relu", "tanh"]


def test_default_activations_bound_codes_and_pixels():
    net = models.dense_autoencoder(9, (5, 3))
    names = [layer.activation.__name__ for part in net[:2] for layer in dense_layers(part)]
    assert names == ["sigmoid", "tanh", "sigmoid", "sigmoid"]


def test_model_is_the_decoder_behind_the_encoder_also_after_training():
    keras.utils.set_random_seed(0)
    images = np.random.default_rng(0).random((40, 16), dtype=np.float32)
    encoder, decoder, model = models.dense_autoencoder(16, (6, 2))
    before = encoder.predict(images, verbose=0)
    np.testing.assert_allclose(
        decoder.predict(before, verbose=0), model.predict(images, verbose=0), atol=1e-6
    )

    model.compile(loss="mse", optimizer="adam")
    model.fit(images, images, epochs=2, verbose=0)
    after = encoder.predict(images, verbose=0)
    assert not np.allclose(before, after)
    np.testing.assert_allclose(
        decoder.predict(after, verbose=0), model.predict(images, verbose=0), atol=1e-6
    )


def test_two_nets_share_nothing():
    first, second = (models.dense_autoencoder(8, (3, 2)).model for _ in range(2))
    kept = second.get_weights()
    first.set_weights([weight + 1 for weight in first.get_weights()])
    for weight, same in zip(second.get_weights(), kept, strict=True):
        np.testing.assert_array_equal(weight, same)
