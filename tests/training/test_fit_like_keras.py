"""What `Model.fit` does with unusual models, data and callbacks, `training.fit` does too."""

from collections.abc import Callable
import os
import random
import signal
import sys
import threading
import time

from aelib import training
import keras
from keras import layers, ops
import numpy as np
import pytest
import scipy.sparse
import tensorflow as tf

BATCH = 16  # 100 = 6 × 16 + 4: the last batch is short


@pytest.fixture
def x() -> np.ndarray:
    return np.random.default_rng(0).random((100, 12), dtype=np.float32)


def net(cls=keras.Model, units=12, activation=None, **options) -> keras.Model:
    # Without XLA these nets train as well and compile sooner.
    options = {"optimizer": "adam", "loss": "mse", "jit_compile": False} | options
    inputs = keras.Input((12,))
    model = cls(inputs, layers.Dense(units, activation=activation)(inputs))
    model.compile(**options)
    return model


class Turn(keras.callbacks.Callback):
    """Have `Model.fit` shuffle as `training.fit` does with the same seed."""

    def __init__(self, count, monkeypatch):
        super().__init__()
        self.seed, self.count = random.randrange(2**31), count
        monkeypatch.setattr(tf.random, "shuffle", self.shuffle)

    def on_epoch_begin(self, epoch, logs=None):
        self.epoch = epoch

    def order(self):
        return training.epoch_order(self.count, self.seed, self.epoch).astype("int64")

    def shuffle(self, indices):
        return tf.ensure_shape(tf.numpy_function(self.order, [], "int64"), indices.shape)


def beside(
    build: Callable[[], keras.Model],
    x,
    y=None,
    sample_weight=None,
    *,
    epochs: int = 2,
    callbacks: Callable[[], list] = list,
    validation_data=None,
) -> dict:
    """Train in both ways from the same start, compare the histories and return ours."""
    histories, weights = [], []
    for fit in training.fit, keras.Model.fit:
        keras.utils.set_random_seed(1)
        model = build()
        keras.utils.set_random_seed(2)
        options = {"epochs": epochs, "batch_size": BATCH, "validation_data": validation_data}
        with pytest.MonkeyPatch.context() as patch:
            own = callbacks()
            if fit is keras.Model.fit:
                options["verbose"] = 0
                own.insert(0, Turn(len(keras.tree.flatten(x)[0]), patch))
            history = fit(model, x, y, sample_weight=sample_weight, callbacks=own, **options)
        histories.append(history.history)
        weights.append(model.get_weights())
    assert list(histories[0]) == list(histories[1])
    for name, values in histories[1].items():
        np.testing.assert_allclose(histories[0][name], values, atol=2e-5, err_msg=name)
    for one, other in zip(*weights, strict=True):
        np.testing.assert_allclose(one, other, atol=2e-4)
    return histories[0]


class OwnStep(keras.Model):
    """Trains on its input alone; Keras hands over x itself where there are no targets."""

    def train_step(self, data):
        assert not isinstance(data, tuple)
        with tf.GradientTape() as tape:
            errors = ops.mean((self(data, training=True) - data) ** 2, axis=1)
            error = ops.mean(errors)
        gradients = tape.gradient(error, self.trainable_weights)
        self.optimizer.apply_gradients(zip(gradients, self.trainable_weights, strict=True))
        return {"loss": error, "twice": 2 * error, "each": errors}


def test_own_step_gets_the_inputs_and_what_it_returns_is_logged(x):
    history = beside(lambda: net(OwnStep, loss=None), x, epochs=3)
    assert list(history) == ["each", "loss", "twice"]
    np.testing.assert_allclose(history["twice"], 2 * np.array(history["loss"]))


def test_early_stopping_goes_by_what_an_own_step_returns(x):
    stop = keras.callbacks.EarlyStopping(monitor="loss", patience=0)
    model = net(OwnStep, loss=None, optimizer="sgd")
    # All examples in one batch, so that the loss falls at every step.
    history = training.fit(model, x, epochs=5, batch_size=len(x), callbacks=[stop])
    assert len(history.epoch) == 5 and np.all(np.diff(history.history["loss"]) < 0)


class Variational(keras.Model):
    """A variational autoencoder as keras.io writes it: no test_step, no input_shape."""

    def __init__(self):
        super().__init__()
        self.encoder, self.decoder = layers.Dense(4), layers.Dense(12, "sigmoid")
        self.noise = keras.random.SeedGenerator(3)
        self.total = keras.metrics.Mean(name="total_loss")
        self.apart = keras.metrics.Mean(name="kl_loss")

    @property
    def metrics(self):
        return [self.total, self.apart]

    def train_step(self, data):
        with tf.GradientTape() as tape:
            mean, log_var = ops.split(self.encoder(data), 2, axis=1)
            noise = keras.random.normal(ops.shape(mean), seed=self.noise)
            restored = self.decoder(mean + ops.exp(log_var / 2) * noise)
            apart = -0.5 * ops.mean(1 + log_var - mean**2 - ops.exp(log_var))
            total = ops.mean(keras.losses.binary_crossentropy(data, restored)) + apart
        gradients = tape.gradient(total, self.trainable_weights)
        self.optimizer.apply_gradients(zip(gradients, self.trainable_weights, strict=True))
        self.total.update_state(total)
        self.apart.update_state(apart)
        return {"loss": self.total.result(), "kl_loss": self.apart.result()}


def test_subclassed_model_in_the_manner_of_keras_io(x):
    def build():
        model = Variational()
        model.compile(optimizer="adam", jit_compile=False)
        return model

    assert list(beside(build, x)) == ["kl_loss", "loss"]


def test_model_of_layers_that_are_not_built_yet(x):
    def build():
        model = keras.Sequential([layers.Dense(5, "relu"), layers.Dense(12)])
        model.compile(optimizer="adam", loss="mse", jit_compile=False)
        return model

    beside(build, x, x, validation_data=(x[:30], x[:30]))


class Diary(keras.callbacks.Callback):
    """Write down every call of a hook."""

    def __init__(self, entries):
        super().__init__()
        self.entries = entries
        for name in dir(keras.callbacks.Callback):
            if name.startswith("on_") and "predict" not in name and "_batch" not in name[2:8]:
                setattr(self, name, lambda *a, name=name, **k: entries.append((name, *a[:1])))


def test_callbacks_are_called_as_with_one_execution_an_epoch(x):
    diaries = [], []
    model = net(steps_per_execution=7, jit_compile=False)
    options = {"epochs": 2, "batch_size": BATCH, "validation_data": (x[:20], x[:20])}
    training.fit(model, x, x, callbacks=[Diary(diaries[0])], **options)
    model.fit(x, x, callbacks=[Diary(diaries[1])], verbose=0, **options)
    hooks = [[entry[0] for entry in diary] for diary in diaries]
    assert hooks[0] == hooks[1]
    assert {"on_test_begin", "on_test_batch_end", "on_train_batch_begin"} < set(hooks[0])


def test_averaged_weights_are_those_that_are_validated(x):
    beside(
        lambda: net(optimizer=keras.optimizers.Adam(0.1, use_ema=True, ema_momentum=0.9)),
        x,
        x,
        callbacks=lambda: [keras.callbacks.SwapEMAWeights()],
        validation_data=(x[:30], x[:30]),
    )


def test_weights_of_examples_count_in_training_and_validation(x):
    weights = np.linspace(0, 3, 100)
    y = np.where(weights[:, None] > 1.5, 20, x).astype("float32")
    history = beside(
        lambda: net(metrics=["mae"], weighted_metrics=["mse"]),
        x,
        y,
        weights,
        validation_data=(x, y, 1e-3 * weights),
    )
    assert history["val_loss"][-1] < history["val_mae"][-1]


def test_labels_for_every_position_of_a_sequence(x):
    def build():
        inputs = keras.Input((12,))
        h = layers.Reshape((7, 4))(layers.Dense(28)(inputs))
        model = keras.Model(inputs, layers.Softmax()(h))
        loss = "sparse_categorical_crossentropy"
        model.compile(optimizer="adam", loss=loss, metrics=["accuracy"], jit_compile=False)
        return model

    labels = np.random.default_rng(1).integers(0, 4, (100, 7))
    beside(build, x, labels, validation_data=(x[:20], labels[:20]))


def test_metrics_that_return_vectors(x):
    classes = np.eye(3, dtype="float32")[np.arange(100) % 3]
    softmax = {"units": 3, "activation": "softmax", "loss": "categorical_crossentropy"}
    history = beside(
        lambda: net(**softmax, metrics=[keras.metrics.F1Score(average=None)]),
        x,
        classes,
        validation_data=(x[:30], classes[:30]),
    )
    assert history["val_f1_score"][-1].shape == (3,)


@pytest.mark.parametrize("kind", [list, dict])
def test_several_inputs_and_outputs(kind, x):
    def build():
        a, b = keras.Input((12,), name="a"), keras.Input((2,), name="b")
        h = layers.Concatenate()([a, b])
        outputs = {"c": layers.Dense(12, name="c")(h), "d": layers.Dense(1, name="d")(h)}
        outputs = outputs if kind is dict else list(outputs.values())
        model = keras.Model({"a": a, "b": b} if kind is dict else [a, b], outputs)
        losses = {"c": "mse", "d": "mae"} if kind is dict else ["mse", "mae"]
        model.compile(optimizer="adam", loss=losses, jit_compile=False)
        return model

    def pack(**parts):
        return parts if kind is dict else list(parts.values())

    data = pack(a=x, b=x[:, :2]), pack(c=x, d=x[:, :1])
    beside(build, *data, validation_data=data)


def test_whole_numbers_of_any_type_will_do(x):
    history = training.fit(net(), x, x, epochs=np.int64(2), batch_size=np.uint8(32))
    assert len(history.history["loss"]) == 2


def test_defaults_are_those_of_keras(x):
    model = net()
    history = training.fit(model, x, x, callbacks=None, batch_size=None)
    assert len(history.history["loss"]) == 1
    assert model.optimizer.iterations == 4  # batches of 32


SOURCES = {
    "data set": lambda x: {"x": tf.data.Dataset.from_tensor_slices((x, x)).batch(BATCH)},
    "generator": lambda x: {"x": ((x[i : i + 10], x[i : i + 10]) for i in range(0, 100, 10))},
    "sparse matrix": lambda x: {"x": scipy.sparse.csr_matrix(np.where(x > 0.5, x, 0)), "y": x},
}


@pytest.mark.parametrize("source", SOURCES.values(), ids=SOURCES)
def test_what_is_no_array_goes_to_keras(source, x):
    losses = []
    for fit in training.fit, keras.Model.fit:
        keras.utils.set_random_seed(4)
        losses.append(fit(net(), **source(x), epochs=1, batch_size=BATCH).history["loss"])
    np.testing.assert_allclose(*losses, atol=1e-6)


def test_model_that_runs_eagerly_does(x):
    seen = []

    def look(y, restored):
        seen.append(restored.numpy().shape)  # would fail in a compiled program
        return ops.mean((y - restored) ** 2, axis=-1)

    training.fit(net(loss=look, run_eagerly=True), x, x, epochs=2, batch_size=50)
    assert seen == 4 * [(50, 12)]


def test_jit_compile_decides_about_xla():
    assert not training.uses_xla(net(jit_compile=False))
    assert training.uses_xla(net(jit_compile=True))
    assert training.uses_xla(net(jit_compile="auto"))
    inputs = keras.Input((4, 4, 1))
    model = keras.Model(inputs, layers.Conv2D(1, 3)(inputs))
    model.compile(loss="mse")
    assert not training.uses_xla(model)
    model.compile(loss="mse", jit_compile=True)
    assert training.uses_xla(model)


def test_compiling_goes_on_as_keras_has_it(x):
    model = net(metrics=["mae"])
    twin = keras.models.clone_model(model)
    twin.compile_from_config(model.get_compile_config())
    assert list(training.fit(twin, x, x).history) == ["loss", "mae"]


@pytest.mark.parametrize("draw", [tf.random.normal, keras.random.normal])
def test_random_numbers_in_a_layer_repeat_with_the_seed(draw, x):
    def losses(seed):
        keras.utils.set_random_seed(seed)
        inputs = keras.Input((12,))
        if draw is tf.random.normal:
            noise = layers.Lambda(lambda t: t + tf.random.normal(tf.shape(t)))
        else:
            noise = layers.GaussianNoise(1.0)
        model = keras.Model(inputs, layers.Dense(12)(noise(inputs)))
        model.compile(loss="mse", optimizer="sgd")  # XLA, unless it would draw anew
        return training.fit(model, x, x, epochs=3, batch_size=BATCH).history["loss"]

    assert losses(4) == losses(4) != losses(5)


def test_operation_that_xla_does_not_know_is_done_without(x):
    inputs = keras.Input((12,))
    halve = layers.Lambda(
        lambda t: tf.ensure_shape(tf.py_function(lambda v: v / 2, [t], "float32"), t.shape)
    )
    model = keras.Model(inputs, layers.Dense(12)(halve(inputs)))
    model.compile(loss="mse", optimizer="sgd")
    assert training.uses_xla(model)
    losses = training.fit(model, x, x, epochs=3, batch_size=BATCH).history["loss"]
    assert losses[-1] < losses[0]
    model.compile(loss="mse", optimizer="sgd", jit_compile=True)
    with pytest.raises(tf.errors.InvalidArgumentError, match="XLA"):
        training.fit(model, x, x)


def test_other_backend_is_named(x, monkeypatch):
    model = net()
    monkeypatch.setattr(keras.backend, "backend", lambda: "jax")
    with pytest.raises(RuntimeError, match="Keras runs on jax.*KERAS_BACKEND"):
        training.fit(model, x, x)


def two_classifiers() -> keras.Model:
    inputs = keras.Input((12,))
    outputs = [layers.Dense(n, "softmax", name=f"of_{n}")(inputs) for n in (5, 3)]
    model = keras.Model(inputs, outputs)
    loss = "sparse_categorical_crossentropy"
    model.compile(loss={"of_3": loss, "of_5": loss})
    return model


def labels(x):
    return np.arange(len(x)) % 3


def classifier() -> keras.Model:
    return net(units=3, activation="softmax", loss="sparse_categorical_crossentropy")


@pytest.mark.parametrize(
    ("build", "change", "message"),
    [
        (net, lambda x: {"epochs": 2.0}, "epochs is 2.0; pass a whole number"),
        (net, lambda x: {"epochs": float("inf")}, "epochs is inf; pass a whole number"),
        (net, lambda x: {"epochs": None}, "epochs is None"),
        (net, lambda x: {"batch_size": 32.0}, "batch_size is 32.0; pass a whole number"),
        (net, lambda x: {"x": x * 1j}, "x holds complex numbers"),
        (net, lambda x: {"y": None}, "y is missing"),
        (net, lambda x: {"validation_data": ()}, "validation_data has 0 members"),
        (net, lambda x: {"validation_data": 4 * (x,)}, "validation_data has 4 members"),
        (net, lambda x: {"validation_data": (x,)}, r"validation_data\[1\] is missing"),
        (
            net,
            lambda x: {"validation_data": (x[:20], x[:7])},
            r"validation_data\[1\] has 7 examples, but validation_data\[0\] has 20",
        ),
        (net, lambda x: {"sample_weight": np.ones(7)}, "sample_weight has 7 examples, but x has"),
        (net, lambda x: {"y": x[:, 0]}, "y has examples of shape"),
        (
            classifier,
            lambda x: {"y": labels(x) + 1},
            "y holds labels from 1 to 3, but .* 3 classes",
        ),
        (classifier, lambda x: {"y": labels(x) - 1}, "y holds labels from -1 to 1"),
        (
            two_classifiers,
            lambda x: {"y": {"of_3": labels(x) + 2, "of_5": labels(x) + 2}},
            r"y\['of_3'\] holds labels from 2 to 4",
        ),
        (
            classifier,
            lambda x: {"y": labels(x), "validation_data": (x, labels(x) + 1)},
            r"validation_data\[1\] holds labels",
        ),
    ],
)
def test_what_cannot_be_trained_is_refused_by_name(build, change, message, x):
    arguments = {"x": x, "y": x} | change(x)
    with pytest.raises(ValueError, match=f"^{message}"):
        training.fit(build(), **arguments)


def test_labels_that_are_ignored_may_lie_outside(x):
    loss = keras.losses.SparseCategoricalCrossentropy(ignore_class=-1)
    y = np.where(np.arange(100) < 10, -1, labels(x))
    beside(lambda: net(units=3, activation="softmax", loss=loss), x, y)


def test_loss_of_ones_own_takes_targets_of_any_shape(x):
    def loss(y, restored):
        return ops.mean((y[:, :12] - restored) ** 2, axis=-1) + y[:, 12]

    beside(lambda: net(loss=loss), x, np.concatenate([x, x[:, :1]], axis=1))


class Interrupt(keras.callbacks.Callback):
    """Press Ctrl-C in the middle of the first epoch."""

    def on_epoch_begin(self, epoch, logs=None):
        self.timer = threading.Timer(0.3, self.press)
        self.timer.start()

    def press(self):
        self.pressed = time.perf_counter()
        os.kill(os.getpid(), signal.SIGINT)


def test_long_epoch_stops_within_a_second():
    images = np.random.default_rng(0).random((40_000, 256), dtype=np.float32)
    inputs = keras.Input((256,))
    model = keras.Model(inputs, layers.Dense(256)(layers.Dense(512)(inputs)))
    model.compile(loss="mse", optimizer="adam")
    interrupt = Interrupt()
    with pytest.raises(KeyboardInterrupt):
        training.fit(model, images, images, epochs=100, batch_size=32, callbacks=[interrupt])
    assert time.perf_counter() - interrupt.pressed < 1
    assert model.optimizer.iterations < 1250  # the epoch was not finished


class InterruptCompiling(Interrupt):
    """Press Ctrl-C once TensorFlow has not come back from a call for half a second."""

    def on_train_begin(self, logs=None):
        threading.Thread(target=self.watch, daemon=True).start()

    def watch(self):
        calls = 0
        while calls < 10:
            stacks = sys._current_frames().values()
            away = any(frame.f_code.co_name == "quick_execute" for frame in stacks)
            calls = calls + 1 if away else 0
            time.sleep(0.05)
        self.press()


def test_compiling_stops_within_a_second():
    inputs = outputs = keras.Input((64,))
    for _ in range(60):
        outputs = layers.Dense(64, "relu")(outputs)
    model = keras.Model(inputs, outputs)
    model.compile(loss="mse", optimizer="adam")
    images = np.random.default_rng(0).random((200, 64), dtype=np.float32)
    interrupt = InterruptCompiling()
    with pytest.raises(KeyboardInterrupt):
        training.fit(model, images, images, callbacks=[interrupt])
    assert time.perf_counter() - interrupt.pressed < 1
    assert model.optimizer.iterations == 0
