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


@pytest.mark.parametrize("sizes", [[5, 3], np.array([5, 3]), range(5, 2, -2), (np.int64(5), 3)])
def test_sizes_may_stand_in_any_row(sizes):
    encoder, decoder, model = models.dense_autoencoder(np.int64(9), sizes)
    assert [layer.units for layer in dense_layers(encoder)] == [5, 3]
    assert decoder.output_shape == model.output_shape == (None, 9)


def test_activations_may_be_functions_or_none():
    net = models.dense_autoencoder(9, (5, 3), hidden=keras.ops.sin, code=None, output=keras.ops.cos)
    kinds = [layer.activation for part in net[:2] for layer in dense_layers(part)]
    assert kinds == [keras.ops.sin, keras.activations.linear, keras.ops.sin, keras.ops.cos]


@pytest.mark.parametrize(
    ("changed", "error", "message"),
    [
        ({"sizes": 32}, TypeError, r"sizes is 32; pass the units .* code size last: \(128, 2\)"),
        ({"sizes": "32"}, TypeError, "sizes is '32'; pass the units of each layer in a row"),
        ({"sizes": ()}, ValueError, r"sizes is empty; pass at least the code size: \(2,\)"),
        ({"sizes": (5, 0)}, ValueError, r"sizes\[1\] == 0, must be >= 1"),
        ({"sizes": (-5, 2)}, ValueError, r"sizes\[0\] == -5, must be >= 1"),
        ({"sizes": (5.0, 2)}, TypeError, r"sizes\[0\] must be an instance of .*, not .*float"),
        ({"sizes": ((5, 2),)}, TypeError, r"sizes\[0\] must be an instance of .*, not .*tuple"),
        ({"pixels": 0}, ValueError, "pixels == 0, must be >= 1"),
        ({"pixels": 9.0}, TypeError, "pixels must be an instance of .*, not .*float"),
        ({"pixels": (3, 3)}, TypeError, "pixels must be an instance of .*, not .*tuple"),
        ({"hidden": "sigmoidal"}, ValueError, "hidden is 'sigmoidal'; pass the name of a Keras"),
        ({"code": "sigmoidal"}, ValueError, "code is 'sigmoidal'; pass the name of a Keras"),
        ({"output": 3}, ValueError, "output is 3; pass the name of a Keras activation"),
    ],
)
def test_arguments_are_checked_and_errors_name_them(changed, error, message):
    arguments = {"pixels": 9, "sizes": (5, 2)} | changed
    with pytest.raises(error, match=message):
        models.dense_autoencoder(**arguments)
