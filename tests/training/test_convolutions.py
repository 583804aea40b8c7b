"""Convolutions of one channel are matrix products while `fit` traces, and mean the same."""

import threading

from aelib import training
from aelib.training._convolutions import as_products
import keras
from keras import layers
import numpy as np
import pytest
import tensorflow as tf
from test_fit_like_keras import beside


@pytest.fixture
def x() -> np.ndarray:
    return np.random.default_rng(0).random((36, 8, 8, 1), dtype=np.float32)


def net(first=layers.Conv2D, **options) -> keras.Model:
    inputs = keras.Input((8, 8, 1))
    h = first(4, 3, padding="same", activation="relu")(inputs)
    h = layers.BatchNormalization()(layers.MaxPooling2D(2)(h))
    h = layers.Dropout(0.2)(layers.Conv2D(3, 3, padding="same")(h))
    outputs = layers.Conv2D(1, 3, padding="same", activation="sigmoid")(layers.UpSampling2D(2)(h))
    model = keras.Model(inputs, outputs)
    model.compile(optimizer="adam", loss="binary_crossentropy", **options)
    return model


def values_and_gradients(model, images):
    with tf.GradientTape() as tape:
        tape.watch(images)
        outputs = model(images)
        loss = tf.reduce_sum(tf.sin(3 * outputs))
    return [outputs, *tape.gradient(loss, [images, *model.trainable_variables])]


@pytest.mark.parametrize("repeats", [1, 2, (3, 1)])
@pytest.mark.parametrize("padding", ["same", "valid"])
@pytest.mark.parametrize(
    ("size", "kernel", "strides", "channels", "filters"),
    [
        ((8, 8), 3, 1, 1, 4),
        ((7, 9), (3, 5), 1, 3, 1),
        ((9, 7), (2, 4), 2, 1, 3),
        ((5, 6), 3, 2, 4, 1),
        ((6, 5), 1, 1, 1, 1),
        ((9, 8), 2, (3, 1), 2, 1),
        ((7, 7), 1, 3, 1, 2),
    ],
)
def test_values_and_gradients_are_those_of_keras(
    size, kernel, strides, channels, filters, padding, repeats
):
    keras.utils.set_random_seed(1)
    inputs = keras.Input((*size, channels))
    convolution = layers.Conv2D(
        filters, kernel, strides, padding, activation="tanh", use_bias=filters > 1
    )
    model = keras.Model(inputs, convolution(layers.UpSampling2D(repeats)(inputs)))
    images = tf.random.normal((3, *size, channels))
    expected = values_and_gradients(model, images)
    tf.config.run_functions_eagerly(True)  # to compile them all takes minutes
    try:
        with as_products(model):
            assert "convolution_op" in vars(convolution)
            found = values_and_gradients(model, images)
    finally:
        tf.config.run_functions_eagerly(False)
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, other, atol=2e-5, rtol=1e-5)


def test_trains_as_keras_does(x):
    beside(net, x, x, validation_data=(x[:20], x[:20]))


def test_nested_models_and_sizes_not_known(x):
    def build():
        inputs = keras.Input((None, None, 1))
        inner = keras.Model(inputs, layers.Conv2D(2, 3, padding="same")(inputs))
        outer = keras.Input((8, 8, 1))
        model = keras.Model(outer, layers.Conv2D(1, 3, padding="same")(inner(outer)))
        model.compile(optimizer="adam", loss="mse")
        return model

    beside(build, x, x)


def own(model):
    return [name for layer in model.layers for name in vars(layer) if name in OVERRIDDEN]


OVERRIDDEN = {"call", "convolution_op"}


def test_layers_are_left_as_they_were(x):
    model = net()
    training.fit(model, x, x, batch_size=16)
    assert not own(model)


def test_layers_are_left_as_they_were_after_an_error(x):
    def broken(y, restored):
        raise ArithmeticError("no loss today")

    model = net()
    model.compile(optimizer="adam", loss=broken)
    with pytest.raises(ArithmeticError):
        training.fit(model, x, x, batch_size=16)
    assert not own(model)


class Mine(layers.Conv2D):
    """A class of one's own may do anything."""


@pytest.mark.parametrize(
    "layer",
    [
        lambda: Mine(2, 3),
        lambda: layers.Conv2D(2, 3, dilation_rate=2),
        lambda: layers.Conv2D(2, 3, dtype="float64"),
    ],
)
def test_what_is_not_covered_stays_with_keras(layer):
    inputs = keras.Input((8, 8, 1))
    model = keras.Model(inputs, layer()(inputs))
    with as_products(model):
        assert not own(model)


def calls_xla(model, x, monkeypatch):
    traced = []
    trace = tf.function

    def note(*arguments, **options):
        traced.append(options.get("jit_compile"))
        return trace(*arguments, **options)

    monkeypatch.setattr(tf, "function", note)
    training.fit(model, x, x, batch_size=16)
    return True in traced


@pytest.mark.parametrize(("asked", "expected"), [("auto", True), (False, False)])
def test_jit_compile_is_honoured(asked, expected, x, monkeypatch):
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind=None: [])
    assert calls_xla(net(jit_compile=asked), x, monkeypatch) is expected


def test_seeds_share_a_program(x):
    training.forget_programs()
    for seed in (1, 2):
        keras.utils.set_random_seed(seed)
        training.fit(net(), x, x, batch_size=16)
    assert training.count_programs() == 1


def test_threads_that_trace_the_same_layers_take_turns(x):
    inputs = keras.Input((8, 8, 1))
    layer = layers.Conv2D(1, 3, padding="same")
    models = [keras.Model(inputs, layer(inputs)) for _ in range(2)]
    for model in models:
        model.compile(optimizer="sgd", loss="mse")
    threads = [threading.Thread(target=training.fit, args=(m, x, x)) for m in models]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(model.optimizer.iterations == 2 for model in models)
    assert "convolution_op" not in vars(layer)
