"""Variational autoencoders have the layers that were asked for and learn what they should."""

from aelib import models, training
import keras
import numpy as np
import pytest


def dense_layers(model: keras.Model) -> list[keras.layers.Dense]:
    return [layer for layer in model.layers if isinstance(layer, keras.layers.Dense)]


@pytest.mark.parametrize("sizes", [(2,), (6, 2), (7, 6, 3)])
def test_layers_mirror_each_other(sizes):
    net = models.variational_autoencoder(9, sizes, hidden="tanh")
    *hidden, code = sizes
    assert [layer.units for layer in dense_layers(net.posterior)] == [*hidden, code, code]
    assert [layer.units for layer in dense_layers(net.decoder)] == [*hidden[::-1], 9]
    names = [layer.activation.__name__ for layer in dense_layers(net.posterior)]
    assert names == ["tanh"] * len(hidden) + ["linear"] * 2
    assert dense_layers(net.decoder)[-1].activation is keras.activations.sigmoid
    assert net.encoder.output_shape == net.decoder.input_shape == (None, code)
    assert net.model.input_shape == net.model.output_shape == (None, 9)


def test_the_models_share_their_layers():
    net = models.variational_autoencoder(9, (6, 2))
    weights = {id(weight) for weight in net.model.trainable_weights}
    assert {id(weight) for weight in net.encoder.trainable_weights} < weights
    images = np.random.default_rng(0).random((5, 9), dtype=np.float32)
    mean, _ = net.posterior(images)
    np.testing.assert_array_equal(net.encoder(images), mean)
    np.testing.assert_array_equal(net.model(images), net.decoder(mean))
    assert len(net.posterior.trainable_weights) == len(net.encoder.trainable_weights) == 6


def test_cross_entropy_is_summed_over_pixels_of_any_shape():
    rng = np.random.default_rng(0)
    images, restored = rng.random((2, 4, 3, 5), dtype=np.float32)
    expected = -np.sum(images * np.log(restored) + (1 - images) * np.log(1 - restored), axis=(1, 2))
    found = models.summed_cross_entropy(images, restored)
    np.testing.assert_allclose(found, expected, rtol=1e-5)
    flat = models.summed_cross_entropy(images.reshape(4, 15), restored.reshape(4, 15))
    np.testing.assert_allclose(flat, expected, rtol=1e-5)


def test_loss_is_that_of_keras_times_the_pixels():
    images, restored = np.random.default_rng(0).random((2, 4, 15), dtype=np.float32)
    keras_own = keras.losses.binary_crossentropy(images, restored).numpy()
    found = models.summed_cross_entropy(images, restored)
    np.testing.assert_allclose(found, 15 * keras_own, rtol=1e-5)


def test_it_approaches_a_likelihood_that_is_known():
    """Two pixels that always agree, black or white: one bit, so log p(x) = -log 2 at best."""
    images = np.repeat(np.random.default_rng(0).integers(0, 2, (512, 1)), 2, axis=1)
    images = images.astype("float32")
    keras.utils.set_random_seed(0)
    net = models.variational_autoencoder(2, (16, 1), hidden="tanh")
    net.model.compile(loss=models.summed_cross_entropy, optimizer=keras.optimizers.Adam(0.01))
    run = training.fit(net.model, images, images, epochs=150, batch_size=64).history
    independent = 2 * np.log(2)  # what no code at all could do
    # The loss is the bound, and no bound lies below the entropy.
    assert np.log(2) * 0.98 < np.mean(run["loss"][-10:]) < 0.75 * independent
    assert np.mean(run["kl"][-10:]) < np.mean(run["loss"][-10:])


def test_beta_reaches_the_layer():
    net = models.variational_autoencoder(4, (3, 2), beta=0.25)
    assert float(net.encoder.get_layer("sampling").beta) == 0.25


@pytest.mark.parametrize(
    ("changed", "error", "message"),
    [
        ({"sizes": 32}, TypeError, "sizes is 32; pass the units of each layer in a row"),
        ({"sizes": ()}, ValueError, "sizes is empty"),
        ({"sizes": (5, 0)}, ValueError, r"sizes\[1\] == 0, must be >= 1"),
        ({"pixels": 0}, ValueError, "pixels == 0, must be >= 1"),
        ({"hidden": "sigmoidal"}, ValueError, "hidden is 'sigmoidal'; pass the name of a Keras"),
        ({"output": 3}, ValueError, "output is 3; pass the name of a Keras activation"),
        ({"beta": -1}, ValueError, "beta is -1; pass a number of at least 0"),
    ],
)
def test_arguments_are_checked_and_errors_name_them(changed, error, message):
    arguments = {"pixels": 9, "sizes": (5, 2)} | changed
    with pytest.raises(error, match=message):
        models.variational_autoencoder(**arguments)
