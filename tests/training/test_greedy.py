"""A deep autoencoder trained layer by layer."""

from aelib import training
from aelib.models import Autoencoder, dense_autoencoder
import keras
from keras import layers
import numpy as np
import pytest

BATCH = 16


@pytest.fixture
def images() -> np.ndarray:
    return np.random.default_rng(0).random((70, 12), dtype=np.float32)


def deep() -> Autoencoder:
    keras.utils.set_random_seed(3)
    return dense_autoencoder(12, (8, 5, 3), hidden="relu", code="linear")


def weights_of(layers_of: keras.Model) -> list[np.ndarray]:
    return [weight for layer in layers_of.layers for weight in layer.get_weights()]


def test_greedy_training_is_one_shallow_fit_after_the_other(images):
    net, again = deep(), deep()
    keras.utils.set_random_seed(4)
    training.fit_greedy(net.encoder, net.decoder, images, epochs=2, batch_size=BATCH)

    keras.utils.set_random_seed(4)
    values = images
    encoders = again.encoder.layers[1:]
    for encode, decode in zip(encoders, again.decoder.layers[:0:-1], strict=True):
        pair = keras.Sequential([keras.Input(values.shape[1:]), encode, decode])
        pair.compile(optimizer="adam", loss="mse")
        training.fit(pair, values, values, epochs=2, batch_size=BATCH)
        values = keras.ops.convert_to_numpy(encode(values))
    for ours, expected in zip(weights_of(net.model), weights_of(again.model), strict=True):
        np.testing.assert_allclose(ours, expected, atol=1e-6)


def test_greedy_training_lowers_the_loss_of_every_pair(images):
    net = deep()
    histories = training.fit_greedy(net.encoder, net.decoder, images, epochs=30, batch_size=BATCH)
    assert len(histories) == 3
    for history in histories:
        assert history.history["loss"][-1] < history.history["loss"][0]


def test_greedy_training_wants_as_many_layers_on_both_sides(images):
    net, shallow = deep(), dense_autoencoder(12, (3,))
    with pytest.raises(ValueError, match="encoder has 3 layers with weights and decoder 1"):
        training.fit_greedy(net.encoder, shallow.decoder, images, epochs=1, batch_size=BATCH)


def test_a_stack_of_no_model_is_named(images):
    for machines in ([], ()):
        with pytest.raises(ValueError, match="machines is empty; pass at least one model"):
            training.fit_stack(machines, images, epochs=1, batch_size=BATCH)


def test_activations_that_are_layers_count_to_the_layer_before_them(images):
    keras.utils.set_random_seed(3)
    chain = [keras.Input((12,)), layers.Dense(8), layers.ReLU(), layers.Dense(3), layers.ReLU()]
    encoder = keras.Sequential(chain)
    chain = [keras.Input((3,)), layers.Dense(8), layers.ReLU(), layers.Dense(12)]
    decoder = keras.Sequential([*chain, layers.Activation("sigmoid")])
    alike = dense_autoencoder(12, (8, 3), hidden="relu", code="relu")
    for one, other in (alike.encoder, encoder), (alike.decoder, decoder):
        one.set_weights(other.get_weights())
    for net in Autoencoder(encoder, decoder, None), alike:
        keras.utils.set_random_seed(4)
        training.fit_greedy(net.encoder, net.decoder, images, epochs=2, batch_size=BATCH)
    for one, other in (alike.encoder, encoder), (alike.decoder, decoder):
        for ours, expected in zip(other.get_weights(), one.get_weights(), strict=True):
            np.testing.assert_allclose(ours, expected, atol=1e-6)
