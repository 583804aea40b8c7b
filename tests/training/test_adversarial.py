"""A generator and its critic that learn in turn."""

import sys

from aelib import training
import keras
from keras import layers, ops
import numpy as np
import pytest
import tensorflow as tf

SIZE, CODE, HIDDEN = 6, 3, 8
COUNT, BATCH, STEPS = 20, 8, 2  # the last batch is a short one


@pytest.fixture
def data() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    inputs = rng.random((COUNT, SIZE), dtype=np.float32)
    return inputs, rng.normal(3, 1, (COUNT, CODE)).astype("float32")


def net(take: int, give: int, activation: str = "linear") -> keras.Model:
    x = keras.Input((take,))
    return keras.Model(x, layers.Dense(give, activation)(layers.Dense(HIDDEN, "tanh")(x)))


def build(decoder: bool = True, seed: int = 1, **options) -> training.Adversarial:
    keras.utils.set_random_seed(seed)
    options = {"weight": 0.5, "critic_steps": STEPS, "penalty": 4.0} | options
    nets = net(SIZE, CODE), net(CODE, 1), net(CODE, SIZE) if decoder else None
    model = training.Adversarial(*nets, **options)
    optimizers = keras.optimizers.Adam(0.01), keras.optimizers.SGD(0.02)
    # XLA would draw other random numbers than the steps by hand.
    model.compile(*optimizers, loss="mse" if decoder else None, jit_compile=False)
    return model


def fitted(data, epochs: int = 3, **options) -> tuple[training.Adversarial, dict]:
    model = build(**options)
    keras.utils.set_random_seed(7)
    return model, training.fit(model, *data, epochs=epochs, batch_size=BATCH).history


def by_hand(model: training.Adversarial, x, real, orders) -> list[float]:
    """Take the same steps one by one, outside any program; return the loss of each epoch."""
    writer, judge = keras.optimizers.Adam(0.01), keras.optimizers.SGD(0.02)
    critic, history = model.critic, []
    for order in orders:
        losses = []
        for begin in range(0, len(order), BATCH):
            batch = order[begin : begin + BATCH]
            size = len(batch) // STEPS
            for part in range(STEPS):
                rows = batch[part * size : (part + 1) * size]
                w, r = model.generator(x[rows]), real[rows]
                u = keras.random.uniform((size, 1), seed=model.random)
                with tf.GradientTape() as tape:
                    m = tf.Variable(u * r + (1 - u) * w)
                    with tf.GradientTape() as inner:
                        c = critic(m)
                    norm = tf.norm(inner.gradient(c, m), axis=1)
                    loss = tf.reduce_mean(critic(w)) - tf.reduce_mean(critic(r))
                    loss += model.penalty * tf.reduce_mean((norm - 1) ** 2)
                weights = critic.trainable_variables
                judge.apply(tape.gradient(loss, weights), weights)
            with tf.GradientTape() as tape:
                w = model.generator(x[batch])
                loss = -float(model.weight) * tf.reduce_mean(critic(w))
                own = -tf.reduce_mean(critic(w))
                if model.decoder is not None:
                    own = tf.reduce_mean((model.decoder(w) - x[batch]) ** 2)
                    loss += own
                else:
                    loss = float(model.weight) * own
            weights = model.generator.trainable_variables
            weights += model.decoder.trainable_variables if model.decoder is not None else []
            writer.apply(tape.gradient(loss, weights), weights)
            losses.append(float(own))
        history.append(np.mean(losses))
    return history


@pytest.mark.parametrize("decoder", [True, False])
def test_epochs_are_the_steps_that_one_takes_by_hand(data, decoder, monkeypatch):
    orders = []
    ours = training.epoch_order

    def noted(*arguments):
        orders.append(ours(*arguments))
        return orders[-1]

    monkeypatch.setattr(sys.modules["aelib.training.fit"], "epoch_order", noted)
    model, history = fitted(data, decoder=decoder)
    again = build(decoder=decoder)
    losses = by_hand(again, *data, orders)
    np.testing.assert_allclose(history["loss"], losses, rtol=1e-4, atol=1e-6)
    for one, other in zip(model.get_weights(), again.get_weights(), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-3, atol=2e-5)


def test_the_same_seed_gives_the_same_nets(data):
    (one, first), (other, second) = fitted(data), fitted(data)
    assert first == second
    for a, b in zip(one.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    assert fitted(data, seed=2)[1] != first


def test_keras_own_fit_takes_the_same_kind_of_steps(data):
    model = build()
    history = model.fit(*data, epochs=2, batch_size=BATCH, verbose=0).history
    assert set(history) == {"loss", "lead", "steepness"}
    assert np.isfinite(list(history.values())).all()


def test_a_weight_of_zero_leaves_the_autoencoder_to_itself(data):
    model, _ = fitted(data, weight=0.0)
    alone = build()
    pair = keras.Sequential([alone.generator, alone.decoder])
    pair.compile(loss="mse", optimizer=keras.optimizers.Adam(0.01), jit_compile=False)
    keras.utils.set_random_seed(7)
    training.fit(pair, data[0], data[0], epochs=3, batch_size=BATCH)
    np.testing.assert_allclose(model(data[0]), pair(data[0]), rtol=1e-4, atol=1e-5)


def test_nets_that_differ_by_their_weight_share_a_program(data):
    training.forget_programs()
    for weight in (0.0, 1.0):
        fitted(data, epochs=1, weight=weight)
    assert training.count_programs() == 1


def test_a_generator_learns_where_real_examples_lie():
    rng = np.random.default_rng(0)
    noise = rng.normal(size=(400, 2)).astype("float32")
    real = (rng.normal(size=(400, 2)) * 0.3 + [4, -2]).astype("float32")
    keras.utils.set_random_seed(0)
    model = training.Adversarial(net(2, 2), net(2, 1), critic_steps=5)
    falling = keras.optimizers.schedules.CosineDecay(0.01, 400)
    optimizers = keras.optimizers.Adam(falling, beta_1=0.0), keras.optimizers.Adam(0.01, beta_1=0.0)
    model.compile(*optimizers, jit_compile=False)
    before = ops.convert_to_numpy(model(noise)).mean(axis=0)
    training.fit(model, noise, real, epochs=100, batch_size=100)
    after = ops.convert_to_numpy(model(noise)).mean(axis=0)
    middle = real.mean(axis=0)
    assert np.linalg.norm(after - middle) < np.linalg.norm(before - middle) / 4


def test_a_real_example_needs_no_partner(data):
    inputs, real = data
    model = build()
    with pytest.raises(ValueError, match="no real examples; pass them as y"):
        training.fit(model, inputs, batch_size=BATCH)
    with pytest.raises(ValueError, match="y has 19 examples, but x has 20"):
        training.fit(model, inputs, real[1:], batch_size=BATCH)


def test_a_batch_holds_an_example_for_each_step_of_the_critic(data):
    model = build(critic_steps=5)
    with pytest.raises(ValueError, match="a batch has 4 examples for 5 steps of the critic"):
        training.fit(model, *data, batch_size=4)


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"generator": "adam"}, TypeError, "generator is a str; pass a keras.Model"),
        ({"critic": net(4, 1)}, ValueError, "critic takes .* but generator gives"),
        ({"critic": net(CODE, 2)}, ValueError, r"critic gives .* let it end with Dense\(1\)"),
        ({"decoder": net(5, 6)}, ValueError, "decoder takes .* but generator gives"),
        ({"weight": -1.0}, ValueError, "weight"),
        ({"penalty": float("nan")}, ValueError, "penalty"),
        ({"critic_steps": 0}, ValueError, "critic_steps"),
        ({"critic_steps": 1.5}, TypeError, "critic_steps"),
    ],
)
def test_what_does_not_fit_is_named(options, error, words):
    nets = {"generator": net(SIZE, CODE), "critic": net(CODE, 1), "decoder": None}
    with pytest.raises(error, match=words):
        training.Adversarial(**(nets | options))


@pytest.mark.parametrize(("decoder", "loss"), [(True, None), (False, "mse")])
def test_a_loss_goes_with_a_decoder(decoder, loss):
    model = build(decoder=decoder)
    with pytest.raises(ValueError, match="loss is"):
        model.compile("adam", "adam", loss)
