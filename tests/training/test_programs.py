"""Nets that differ by their numbers alone share a program, and no others do."""

from functools import partialmethod
import gc
import threading
import weakref

from aelib import layers as own
from aelib import training
from aelib.models import dense_autoencoder
from aelib.training import _programs as programs
import keras
from keras import layers
import numpy as np
import pytest
import tensorflow as tf


@pytest.fixture(autouse=True)
def none_compiled():
    training.forget_programs()


@pytest.fixture
def images() -> np.ndarray:
    return np.random.default_rng(0).random((40, 12), dtype=np.float32)


def net(
    units=4,
    unit="tanh",
    scale=1.0,
    drop=0.0,
    tied=False,
    optimizer="adam",
    loss="mse",
    metrics=(),
) -> keras.Model:
    x = keras.Input((12,))
    h = layers.Dropout(drop)(x) if drop else x
    inner = layers.Dense(units, unit)
    h = layers.Lambda(lambda t: scale * t)(inner(h))
    last = own.TiedDense(inner, activation=unit) if tied else layers.Dense(12, unit)
    model = keras.Model(x, last(h))
    model.compile(optimizer=optimizer, loss=loss, metrics=list(metrics))
    return model


def nested() -> keras.Model:
    model = dense_autoencoder(12, (6, 2)).model
    model.compile(optimizer="adam", loss="mse")
    return model


def squares(by):
    return lambda x, y: by * keras.ops.mean((x - y) ** 2, axis=-1)


def penalised(weight) -> keras.Model:
    """Build a net whose penalty hangs on a variable and stands in no configuration."""
    model = net()
    model.layers[1].kernel.regularizer = keras.regularizers.L2(weight)
    return model


def frozen() -> keras.Model:
    model = net()
    model.layers[1].trainable = False
    model.compile(optimizer="adam", loss="mse")
    return model


def fit(model, images, **options):
    options = {"batch_size": 16, "progress": False, "epochs": 1} | options
    return training.fit(model, images, images, **options).history["loss"]


def test_sharing_does_not_depend_on_names_and_seeds(images):
    # Keras counts its layers, so a dozen nets have names that sort in more than one order.
    for seed in range(12):
        keras.utils.set_random_seed(seed)
        fit(net(), images)
    assert training.count_programs() == 1


OTHERS = {
    "unit": lambda: net(unit="relu"),
    "constant in a lambda": lambda: net(scale=1.5),
    "dropout": lambda: net(drop=0.2),
    "more dropout": lambda: net(drop=0.3),
    "tied": lambda: net(tied=True),
    "loss": lambda: net(loss="mae"),
    "loss of one's own": lambda: net(loss=squares(2.0)),
    "larger loss of one's own": lambda: net(loss=squares(5.0)),
    "metrics": lambda: net(metrics=["mae"]),
    "optimizer": lambda: net(optimizer="sgd"),
    "decay of the optimizer": lambda: net(optimizer=keras.optimizers.Adam(beta_1=0.8)),
    "clipping": lambda: net(optimizer=keras.optimizers.Adam(clipnorm=1.0)),
    "penalty on a variable": lambda: penalised(1e-4),
    "larger penalty on a variable": lambda: penalised(1e-2),
    "frozen layer": frozen,
}


def test_different_programs_are_not_shared(images, monkeypatch):
    monkeypatch.setattr(programs, "MOST_PROGRAMS", 100)
    with monkeypatch.context() as patch:
        # Without XLA they differ as much, and compile sooner.
        slow = partialmethod(keras.Model.compile, jit_compile=False)
        patch.setattr(keras.Model, "compile", slow)
        fit(net(), images)
        for count, (name, build) in enumerate(OTHERS.items(), start=1):
            assert training.count_programs() == count, f"before {name}"
            fit(build(), images)
        fit(net(), images, batch_size=20)
        fit(net(), images[:32])
        fit(net(), images, validation_data=(images, images))
    fit(net(), images)  # with XLA
    assert training.count_programs() == len(OTHERS) + 5


def test_nothing_is_shared_where_it_is_not_wanted(images):
    fit(net(), images)
    losses = [fit(net(loss="mae"), images, share_program=False) for _ in range(2)]
    assert training.count_programs() == 1
    assert len(losses) == 2


def test_graph_that_cannot_be_compared_is_not_shared(images):
    def build(by):
        def scale(t):
            return tf.ensure_shape(tf.py_function(lambda v: by * v, [t], "float32"), t.shape)

        x = keras.Input((12,))
        model = keras.Model(x, layers.Dense(12, use_bias=False)(layers.Lambda(scale)(x)))
        model.compile(loss="mse", optimizer="sgd", jit_compile=False)
        return model

    none, some = fit(build(0.0), images, epochs=2), fit(build(1.0), images, epochs=2)
    assert none == pytest.approx(2 * [np.mean(images**2)], rel=1e-5)
    assert some[1] < some[0]
    assert training.count_programs() == 0


def test_two_threads_train_two_nets_by_turns(images):
    """Equal nets share one program; what each learns is what it learns alone."""

    def train(seed, turns):
        model = nets[seed]
        wait = keras.callbacks.LambdaCallback(on_epoch_begin=lambda *_: turns())
        history = training.fit(
            model, images, images, epochs=30, batch_size=16, callbacks=[wait], progress=False
        )
        losses[seed] = history.history["loss"]

    def fresh():
        nets.clear()
        for seed in (1, 2):
            keras.utils.set_random_seed(seed)
            nets[seed] = net(optimizer="sgd")

    nets: dict[int, keras.Model] = {}
    losses: dict[int, list[float]] = {}
    fresh()
    start = {seed: nets[seed].get_weights() for seed in nets}
    for seed in nets:
        train(seed, lambda: None)
    assert training.count_programs() == 1
    steps = {seed: int(nets[seed].optimizer.iterations) for seed in nets}
    fresh()
    for seed, weights in start.items():
        assert all(map(np.array_equal, nets[seed].get_weights(), weights))
    together = threading.Barrier(2)
    threads = [
        threading.Thread(target=train, args=(seed, lambda: together.wait(timeout=60)))
        for seed in nets
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {seed: int(nets[seed].optimizer.iterations) for seed in nets} == steps
    for seed in nets:
        assert losses[seed][-1] < losses[seed][0]


def alone(build, seed, images, epochs):
    """Train a net with a program of its own."""
    training.forget_programs()
    keras.utils.set_random_seed(seed)
    model = build()
    return fit(model, images, epochs=epochs), model.get_weights()


BUILDS = {
    "plain": net,
    "nested": nested,
    "tied": lambda: net(tied=True),
    "dropout": lambda: net(drop=0.5),
}


@pytest.mark.parametrize("build", BUILDS.values(), ids=BUILDS)
def test_shared_program_trains_as_an_own_one(build, images):
    expected = [alone(build, seed, images, epochs=5) for seed in (1, 2)]
    training.forget_programs()
    for seed, (losses, weights) in zip((1, 2), expected, strict=True):
        keras.utils.set_random_seed(seed)
        model = build()
        assert fit(model, images, epochs=5) == losses
        assert all(map(np.array_equal, model.get_weights(), weights))
    assert training.count_programs() == 1


def test_twin_leaves_the_first_net_alone_and_both_train_on(images):
    keras.utils.set_random_seed(1)
    whole, first, twin = nested(), nested(), nested()
    first.set_weights(whole.get_weights())
    for model in (whole, first):
        keras.utils.set_random_seed(2)
        fit(model, images, epochs=2)
    before = first.get_weights()
    fit(twin, images, epochs=2)
    assert all(map(np.array_equal, first.get_weights(), before))
    for model in (whole, first):
        keras.utils.set_random_seed(3)
        fit(model, images, epochs=2)
    assert all(map(np.array_equal, first.get_weights(), whole.get_weights()))
    assert training.count_programs() == 1


def test_noise_drawn_inside_a_program_follows_the_seed(images):
    def noisy():
        keras.utils.set_random_seed(4)
        x = keras.Input((12,))
        noise = layers.Lambda(lambda t: t + tf.random.normal(tf.shape(t)))
        model = keras.Model(x, layers.Dense(12)(noise(x)))
        model.compile(loss="mse", optimizer="sgd")
        return fit(model, images, epochs=3)

    assert noisy() == noisy()


def test_widths_share_a_program_and_still_train_as_alone(images):
    # The graph leaves the size of variables open; XLA compiles it for each size.
    losses, _ = alone(lambda: net(units=7), 1, images, epochs=3)
    fit(net(units=4), images, epochs=3)
    keras.utils.set_random_seed(1)
    assert fit(net(units=7), images, epochs=3) == losses


@pytest.mark.parametrize("xla", [True, False])
def test_images_of_another_size_take_a_program_of_their_own(xla):
    keep = layers.Dense(1)
    model = keras.Sequential([keras.Input((None, None, 1)), keep])
    model.compile(loss="mse", optimizer="sgd", jit_compile=xla)
    for size in ((4, 6), (6, 4)):
        keep.set_weights([np.ones((1, 1)), np.zeros(1)])
        assert fit(model, np.ones((40, *size, 1), np.float32), epochs=1) == [0.0]


def test_penalty_on_a_variable_is_not_lost(images):
    fit(net(), images, epochs=1)
    model = penalised(100.0)
    assert fit(model, images, epochs=1)[0] > 10


def test_longer_training_takes_the_same_program(images):
    for epochs in (1, 2, 50):
        fit(net(), images, epochs=epochs)
    assert training.count_programs() == 1


def test_twin_trained_in_a_callback_does_not_disturb(images):
    def watched(callback):
        keras.utils.set_random_seed(3)
        model = net()
        watch = keras.callbacks.LambdaCallback(on_epoch_end=callback)
        return fit(model, images, epochs=4, callbacks=[watch])

    idle = keras.callbacks.Callback()
    twin = net()
    losses = watched(lambda *_: None)
    assert watched(lambda *_: fit(twin, images, epochs=1, callbacks=[idle])) == losses


def test_trained_nets_are_not_kept(images):
    model = net()
    gone = weakref.ref(model)
    fit(model, images, epochs=1)
    del model
    gc.collect()
    assert gone() is None
    assert len(fit(net(), images, epochs=2)) == 2  # the program outlives the net it was made for


def test_program_not_used_for_longest_makes_room(images, monkeypatch):
    monkeypatch.setattr(programs, "MOST_PROGRAMS", 2)
    fit(net(), images)
    fit(net(optimizer="sgd"), images)
    fit(net(), images)
    fit(net(loss="mae"), images)
    assert training.count_programs() == 2
    monkeypatch.setattr(programs, "MOST_PROGRAMS", 3)
    fit(net(), images)
    assert training.count_programs() == 2  # it was still there
    fit(net(optimizer="sgd"), images)
    assert training.count_programs() == 3  # that one had gone
