"""`training.fit` must mean what `Model.fit` means, only faster."""

import gc
import os
import random
import sys
import tempfile

from aelib import models, training
from jupyter_client.manager import start_new_kernel
import keras
from keras import layers
import numpy as np
import pytest
import tensorflow as tf

EXAMPLES, BATCH, EPOCHS = 70, 16, 4  # 70 = 4 × 16 + 6: the last batch is short


@pytest.fixture
def images() -> np.ndarray:
    return np.random.default_rng(0).random((EXAMPLES, 12), dtype=np.float32)


def plain() -> keras.Model:
    model = keras.Sequential([keras.Input((12,)), layers.Dense(5, "tanh"), layers.Dense(12)])
    model.compile(loss="mse", optimizer="adam")
    return model


def with_dropout_off() -> keras.Model:
    net = [keras.Input((12,)), layers.Dense(5, "relu"), layers.Dropout(0.0), layers.Dense(12)]
    model = keras.Sequential(net)
    model.compile(loss="mse", optimizer="sgd")
    return model


def with_activity_regulariser() -> keras.Model:
    code = layers.Dense(5, "sigmoid", activity_regularizer=keras.regularizers.L1(1e-2))
    model = keras.Sequential([keras.Input((12,)), code, layers.Dense(12, "sigmoid")])
    model.compile(loss="binary_crossentropy", optimizer="adam")
    return model


def with_metrics() -> keras.Model:
    model = keras.Sequential([keras.Input((12,)), layers.Dense(5, "tanh"), layers.Dense(12)])
    model.compile(loss="mse", optimizer="adam", metrics=["mae", "mse"])
    return model


def with_convolution() -> keras.Model:
    net = [
        keras.Input((12,)),
        layers.Reshape((3, 4, 1)),
        layers.Conv2D(4, 3, activation="relu", padding="same"),
        layers.Flatten(),
        layers.Dense(12),
    ]
    model = keras.Sequential(net)
    model.compile(loss="mse", optimizer="adam")
    return model


BUILDERS = [
    plain,
    with_dropout_off,
    with_activity_regulariser,
    with_metrics,
    with_convolution,
]


def known_orders(monkeypatch, epochs: int) -> list[np.ndarray]:
    """Fix the seed that `fit` draws, and give the order of each of its epochs."""
    monkeypatch.setattr(random, "randrange", lambda stop: 7)
    return [training.epoch_order(EXAMPLES, 7, epoch) for epoch in range(epochs)]


@pytest.mark.parametrize("build", BUILDERS)
def test_losses_equal_those_of_keras_fit(build, images, monkeypatch):
    held_out = images[:25] ** 2
    keras.utils.set_random_seed(1)
    ours = build()
    theirs = keras.models.clone_model(ours)
    theirs.compile_from_config(ours.get_compile_config())
    theirs.set_weights(ours.get_weights())

    expected: dict[str, list[float]] = {}
    for order in known_orders(monkeypatch, EPOCHS):
        history = theirs.fit(
            images[order],
            images[order],
            batch_size=BATCH,
            shuffle=False,
            validation_data=(held_out, held_out),
            verbose=0,
        )
        for name, values in history.history.items():
            expected.setdefault(name, []).extend(values)

    validation = (held_out, held_out)
    history = training.fit(
        ours, images, images, epochs=EPOCHS, batch_size=BATCH, validation_data=validation
    )
    assert history.history.keys() == expected.keys()
    for name, values in expected.items():
        np.testing.assert_allclose(history.history[name], values, atol=1e-5, rtol=0, err_msg=name)
    for one, other in zip(ours.get_weights(), theirs.get_weights(), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5)


def test_targets_may_differ_from_inputs(images, monkeypatch):
    targets = 1 - images
    model = plain()
    twin = keras.models.clone_model(model)
    twin.compile(loss="mse", optimizer="adam")
    twin.set_weights(model.get_weights())
    (order,) = known_orders(monkeypatch, 1)
    expected = twin.fit(images[order], targets[order], batch_size=BATCH, shuffle=False, verbose=0)
    history = training.fit(model, images, targets, epochs=1, batch_size=BATCH)
    np.testing.assert_allclose(history.history["loss"], expected.history["loss"], atol=1e-5)


def test_class_labels_as_targets(images):
    model = keras.Sequential([keras.Input((12,)), layers.Dense(3, "softmax")])
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    labels = np.arange(EXAMPLES) % 3
    history = training.fit(model, images, labels, epochs=2, batch_size=BATCH).history
    assert 0 <= history["accuracy"][-1] <= 1


def test_model_without_targets_gets_none(images):
    class Squared(keras.Model):
        def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
            assert y is None
            return keras.ops.mean((y_pred - x) ** 2)

    x = keras.Input((12,))
    model = Squared(x, layers.Dense(12)(x))
    model.compile("adam")
    history = training.fit(model, images, epochs=3, batch_size=BATCH, validation_data=(images,))
    assert history.history["loss"][-1] < history.history["loss"][0]
    assert history.history["val_loss"][-1] < history.history["loss"][0]


def test_every_epoch_has_its_own_order_of_all_examples():
    first, second = (training.epoch_order(EXAMPLES, 3, epoch) for epoch in (0, 1))
    assert sorted(first) == sorted(second) == list(range(EXAMPLES))
    assert (first != second).any()
    assert (training.epoch_order(EXAMPLES, 3, 0) == first).all()
    assert (training.epoch_order(EXAMPLES, 4, 0) != first).any()


@pytest.mark.parametrize("count", [-1, 0, 2.5, None])
def test_an_order_of_no_examples_is_named(count):
    with pytest.raises(ValueError, match=f"^count is {count}; pass a whole number of at least 1"):
        training.epoch_order(count, 0, 0)


def test_every_short_epoch_gets_its_loss():
    bits = np.array([[0, 0, 1, 0, 0, 1, 1, 1]], dtype=np.float32)
    model = keras.Sequential([keras.Input((8,)), layers.Dense(2, "sigmoid"), layers.Dense(8)])
    model.compile(loss="mse", optimizer="sgd")
    epochs = 2500
    losses = training.fit(model, bits, bits, epochs=epochs, batch_size=32).history["loss"]
    assert len(losses) == epochs
    assert model.optimizer.iterations == epochs
    assert losses[-1] == pytest.approx(model.evaluate(bits, bits, verbose=0), abs=1e-4)


def test_same_seed_same_losses_other_seed_other_losses(images):
    def losses(seed):
        keras.utils.set_random_seed(seed)
        return training.fit(plain(), images, images, epochs=3, batch_size=BATCH).history["loss"]

    assert losses(5) == losses(5)
    assert losses(5) != losses(6)


def test_arrays_are_freed_at_once(images):
    gc.collect()
    gc.disable()  # what waits for the collector adds up to gigabytes in a notebook
    try:
        training.fit(plain(), images, images, epochs=2, batch_size=BATCH)
        tensors = [thing for thing in gc.get_objects() if isinstance(thing, tf.Tensor)]
    finally:
        gc.enable()
    assert images.shape not in [t.shape for t in tensors if not tf.is_symbolic_tensor(t)]


def test_no_file_is_left_in_the_folder_for_temporary_ones(images, monkeypatch, tmp_path):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    training.fit(plain(), images, images, epochs=2, batch_size=BATCH, share_program=False)
    assert not list(tmp_path.iterdir())


def test_early_stopping_stops_and_restores(images):
    stop = keras.callbacks.EarlyStopping(
        "val_loss", min_delta=10.0, patience=2, restore_best_weights=True
    )
    validation = (images, images)
    model = plain()
    history = training.fit(
        model,
        images,
        images,
        epochs=50,
        batch_size=BATCH,
        validation_data=validation,
        callbacks=[stop],
    )
    assert len(history.history["loss"]) == 3
    best = history.history["val_loss"][0]
    assert model.evaluate(images, images, verbose=0) == pytest.approx(best, abs=1e-5)


def test_nan_stop(images):
    model = plain()
    model.compile(loss="mse", optimizer=keras.optimizers.SGD(1e12))
    stop = keras.callbacks.TerminateOnNaN()
    history = training.fit(model, images, images, epochs=50, batch_size=BATCH, callbacks=[stop])
    assert len(history.history["loss"]) < 50
    assert not np.isfinite(history.history["loss"][-1])


def test_learning_rate_schedule_is_honoured(images):
    model = plain()
    freeze = keras.callbacks.LearningRateScheduler(lambda epoch: 0.0)
    before = model.get_weights()
    training.fit(model, images, images, epochs=2, batch_size=BATCH, callbacks=[freeze])
    for old, new in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


class Interrupt(keras.callbacks.Callback):
    """Break off after the second epoch, as a power cut would."""

    def on_epoch_begin(self, epoch, logs=None):
        if epoch == 2:
            raise KeyboardInterrupt


def test_backup_and_restore_goes_on_where_it_stopped(images, tmp_path):
    def train(callbacks):
        keras.utils.set_random_seed(2)
        model = plain()
        return training.fit(
            model, images, images, epochs=5, batch_size=BATCH, callbacks=callbacks
        ).history["loss"]

    whole = train([])
    backup = str(tmp_path / "backup")
    with pytest.raises(KeyboardInterrupt):
        train([keras.callbacks.BackupAndRestore(backup), Interrupt()])
    rest = train([keras.callbacks.BackupAndRestore(backup)])
    np.testing.assert_allclose(rest, whole[2:], atol=1e-6)


def test_no_backup_from_an_earlier_fit_shortens_the_next(images, tmp_path):
    model, backup = plain(), keras.callbacks.BackupAndRestore(str(tmp_path / "backup"))
    options = {"epochs": 4, "batch_size": BATCH}
    with pytest.raises(KeyboardInterrupt):
        training.fit(model, images, images, callbacks=[backup, Interrupt()], **options)
    rest = training.fit(model, images, images, callbacks=[backup], **options).history["loss"]
    assert len(rest) == 2
    assert len(training.fit(model, images, images, **options).history["loss"]) == 4


def test_convolutions_leave_xla_alone_on_a_cpu(monkeypatch):
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind=None: [])
    assert training.uses_xla(plain())
    assert not training.uses_xla(with_convolution())
    nested = keras.Sequential([keras.Input((12,)), with_convolution()])
    assert not training.uses_xla(nested)


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("x", lambda x: {"x": np.where(x > 0.5, np.nan, x)}),
        ("x", lambda x: {"x": x[:0], "y": x[:0]}),
        ("x", lambda x: {"x": x[:, :5]}),
        ("y", lambda x: {"y": x[:7]}),
        ("y", lambda x: {"y": x[:, :5]}),
        ("y", lambda x: {"y": x * np.inf}),
        (r"validation_data\[0\]", lambda x: {"validation_data": (x[:, :5], x)}),
        (r"validation_data\[1\]", lambda x: {"validation_data": (x, x[:7])}),
        ("epochs", lambda x: {"epochs": 0}),
        ("epochs", lambda x: {"epochs": 1.5}),
        ("batch_size", lambda x: {"batch_size": 0}),
    ],
)
def test_bad_input_is_named(name, change, images):
    arguments = {"x": images, "y": images, "epochs": 1, "batch_size": 8} | change(images)
    with pytest.raises(ValueError, match=f"^{name} "):
        training.fit(plain(), **arguments)


def test_uncompiled_model_is_named(images):
    model = keras.Sequential([keras.Input((12,)), layers.Dense(12)])
    with pytest.raises(ValueError, match=r"model .*compile"):
        training.fit(model, images, images, epochs=1, batch_size=8)


def test_all_models_in_place_of_one_are_named(images):
    net = models.dense_autoencoder(12, (3,))
    with pytest.raises(TypeError, match=r"model is of type Autoencoder, .*; pass its \.model"):
        training.fit(net, images, images)


def test_bar_is_hidden_where_nobody_watches(images, capsys, monkeypatch):
    monkeypatch.delitem(sys.modules, "ipykernel", raising=False)
    training.fit(plain(), images, images, epochs=1, batch_size=8)
    captured = capsys.readouterr()
    assert captured.out == captured.err == ""


def test_bar_in_a_terminal_wipes_itself_out(images, capsys, monkeypatch):
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    monkeypatch.delenv("TQDM_DISABLE", raising=False)
    training.fit(plain(), images, images, epochs=2, batch_size=8)
    shown = capsys.readouterr().out
    assert "2/2" in shown and "loss=" in shown
    assert shown.split("\r")[-2].strip() == shown.split("\r")[-1] == ""


def test_bar_in_jupyter_shows_to_a_reader_and_leaves_nothing_in_a_batch_run():
    code = (
        "from aelib import training\nimport keras, numpy as np\n"
        "x = np.ones((4, 3), dtype='float32')\n"
        "model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(3)])\n"
        "model.compile(loss='mse', optimizer='sgd')\n"
        "training.fit(model, x, x, epochs=3000, batch_size=4);"
    )
    manager, client = start_new_kernel(
        env=os.environ | {"TQDM_DISABLE": ""},
        extra_arguments=["--IPKernelApp.capture_fd_output=False"],
    )
    shown: dict[bool, list] = {True: [], False: []}
    for somebody_there, messages in shown.items():
        reply = client.execute_interactive(
            code,
            allow_stdin=somebody_there,
            stdin_hook=lambda message: None,
            output_hook=messages.append,
            timeout=300,
        )
        assert reply["content"]["status"] == "ok"
    client.stop_channels()
    manager.shutdown_kernel(now=True)
    kinds = {message["header"]["msg_type"] for message in shown[True]}
    assert kinds - {"status", "execute_input"} == {"stream"}
    streams = [m["content"] for m in shown[True] if m["header"]["msg_type"] == "stream"]
    assert {stream["name"] for stream in streams} == {"stdout"}
    assert "3000/3000" in "".join(stream["text"] for stream in streams)
    kinds = {message["header"]["msg_type"] for message in shown[False]}
    assert kinds <= {"status", "execute_input"}
