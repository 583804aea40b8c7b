"""Restricted Boltzmann machines against sums over all their states."""

from itertools import product

from aelib import models, training
import keras
from keras import ops
import numpy as np
import pytest
from scipy.special import logsumexp

VISIBLE, HIDDEN = 5, 4
MANY = 20_000  # samples; a frequency is then off by 0.004 at most, one in three times


def states(units: int) -> np.ndarray:
    return np.array(list(product((0, 1), repeat=units)), "float32")


def machine(hidden: int = HIDDEN, **options) -> models.BoltzmannMachine:
    """Build a machine whose weights are far from zero."""
    keras.utils.set_random_seed(0)
    found = models.BoltzmannMachine(VISIBLE, hidden, **options)
    rng = np.random.default_rng(1)
    for weight in (found.kernel, found.visible_bias, found.hidden_bias):
        weight.assign(rng.normal(size=weight.shape))
    return found


def joint(rbm: models.BoltzmannMachine) -> np.ndarray:
    """Compute log p(v, h) of all states: a row for each v."""
    all_v, all_h = states(VISIBLE), states(rbm.kernel.shape[1])
    pairs = [rbm.energy(np.repeat(v[None], len(all_h), axis=0), all_h) for v in all_v]
    minus = -np.array(pairs, dtype="float64")
    return minus - logsumexp(minus)


def slopes(rbm, v, dream) -> list[np.ndarray]:
    """Take one step of plain gradient descent from known visible values; return the gradients."""
    before = [w.numpy() for w in rbm.trainable_weights]
    rbm.compile(optimizer=keras.optimizers.SGD(1.0))
    rbm.gibbs = lambda *_: ops.convert_to_tensor(dream)
    rbm.train_step(v)
    return [old - new.numpy() for old, new in zip(before, rbm.trainable_weights, strict=True)]


def test_energy_is_the_formula():
    rbm = machine()
    v, h = states(VISIBLE)[13:14], states(HIDDEN)[6:7]
    W, b, c = (w.numpy() for w in (rbm.kernel, rbm.visible_bias, rbm.hidden_bias))
    expected = -v @ b - h @ c - np.sum(v @ W * h)
    np.testing.assert_allclose(rbm.energy(v, h), expected, rtol=1e-5)


def test_free_energy_sums_over_all_hidden_states():
    rbm = machine()
    marginal = logsumexp(joint(rbm), axis=1)
    free = -np.array(rbm.free_energy(states(VISIBLE)), dtype="float64")
    np.testing.assert_allclose(free - logsumexp(free), marginal, atol=1e-5)


def test_free_energy_of_a_gaussian_unit_is_an_integral():
    rbm = machine(hidden=1, gaussian=True)
    h = np.linspace(-30, 30, 6001, dtype="float32")
    for v in states(VISIBLE)[::5]:
        energies = np.array(rbm.energy(np.repeat(v[None], len(h), axis=0), h[:, None]))
        integral = np.trapezoid(np.exp(-energies.astype("float64")), h)
        np.testing.assert_allclose(rbm.free_energy(v[None])[0], -np.log(integral), rtol=1e-4)


def test_means_are_conditional_expectations():
    rbm = machine()
    p = np.exp(joint(rbm))
    given_v = p @ states(HIDDEN) / p.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(rbm(states(VISIBLE)), given_v, atol=1e-5)
    given_h = p.T @ states(VISIBLE) / p.sum(axis=0)[:, None]
    np.testing.assert_allclose(rbm.visible_mean(states(HIDDEN)), given_h, atol=1e-5)


def test_long_chains_visit_states_as_often_as_they_are_probable():
    rbm = machine()
    drawn = np.array(rbm.gibbs(np.zeros((MANY, VISIBLE), "float32"), 60))
    assert set(np.unique(drawn)) == {0, 1}
    index = drawn.astype(int) @ (2 ** np.arange(VISIBLE)[::-1])
    frequencies = np.bincount(index, minlength=2**VISIBLE) / MANY
    np.testing.assert_allclose(frequencies, np.exp(joint(rbm)).sum(axis=1), atol=0.015)


def test_chains_of_gaussian_units_are_probable_too():
    rbm = machine(hidden=2, gaussian=True)
    rbm.kernel.assign(rbm.kernel / 2)
    drawn = np.array(rbm.gibbs(np.zeros((MANY, VISIBLE), "float32"), 60))
    free = -np.array(rbm.free_energy(states(VISIBLE)), dtype="float64")
    index = drawn.astype(int) @ (2 ** np.arange(VISIBLE)[::-1])
    frequencies = np.bincount(index, minlength=2**VISIBLE) / MANY
    np.testing.assert_allclose(frequencies, np.exp(free - logsumexp(free)), atol=0.015)


@pytest.mark.parametrize("gaussian", [False, True])
def test_a_step_follows_the_slope_of_free_energy(gaussian):
    """Down at the data and up at the dream: finite differences of F agree."""
    v, dream = states(VISIBLE)[3:9], states(VISIBLE)[20:32]
    rbm = machine(gaussian=gaussian)

    def contrast():
        return float(ops.mean(rbm.free_energy(v)) - ops.mean(rbm.free_energy(dream)))

    numeric = []
    for weight in rbm.trainable_weights:
        value, slope = weight.numpy(), np.zeros(weight.shape)
        for place in np.ndindex(*weight.shape):
            ends = []
            for shift in (0.05, -0.05):
                moved = value.copy()
                moved[place] += shift
                weight.assign(moved)
                ends.append(contrast())
            slope[place] = (ends[0] - ends[1]) / 0.1
        weight.assign(value)
        numeric.append(slope)
    for found, expected in zip(slopes(rbm, v, dream), numeric, strict=True):
        np.testing.assert_allclose(found, expected, atol=2e-3)


# Persistent chains have to keep up with the weights, so these may change more slowly only.
@pytest.mark.parametrize(
    ("options", "rate"), [({"steps": 1}, 0.1), ({"steps": 5}, 0.1), ({"chains": 500}, 0.02)]
)
def test_training_makes_the_data_probable(options, rate):
    """Two patterns of 32 hold all the data: at best log p = -log 2, at first about -log 32."""
    keras.utils.set_random_seed(0)
    x = states(VISIBLE)[np.random.default_rng(0).choice([7, 24], 500)]
    rbm = models.BoltzmannMachine(VISIBLE, HIDDEN, **options)
    rbm.compile(optimizer=keras.optimizers.SGD(rate, momentum=0.5))
    history = training.fit(rbm, x, epochs=60, batch_size=20).history
    log_p = logsumexp(joint(rbm), axis=1)[[7, 24]].mean()
    assert -2 * np.log(2) < log_p < -np.log(2)
    assert list(history) == ["error"]
    assert history["error"][-1] < 0.1 < history["error"][0]


def test_the_last_shorter_batch_trains_too():
    rbm = machine(chains=7)
    rbm.compile(optimizer=keras.optimizers.SGD(0.1))
    x = states(VISIBLE)
    history = training.fit(rbm, x, epochs=2, batch_size=20).history
    assert np.isfinite(history["error"]).all()


def test_training_repeats_with_the_seed_and_not_without():
    def train(seed):
        rbm = machine()
        keras.utils.set_random_seed(seed)
        rbm.random = keras.random.SeedGenerator()
        rbm.compile(optimizer=keras.optimizers.SGD(0.1))
        training.fit(rbm, states(VISIBLE), epochs=3, batch_size=8)
        return rbm.kernel.numpy()

    np.testing.assert_array_equal(train(1), train(1))
    assert np.abs(train(1) - train(2)).max() > 1e-4


def test_machines_that_differ_by_seed_or_steps_share_a_program():
    training.forget_programs()
    for seed, steps in ((0, 1), (1, 1), (2, 3)):
        keras.utils.set_random_seed(seed)
        rbm = models.BoltzmannMachine(VISIBLE, HIDDEN, steps=steps)
        rbm.compile(optimizer=keras.optimizers.SGD(0.1))
        training.fit(rbm, states(VISIBLE), epochs=1, batch_size=8)
    assert training.count_programs() == 1


def test_means_pass_on_where_visible_units_are_not_drawn():
    rbm = machine(draw_visible=False)
    once = np.array(rbm.gibbs(states(VISIBLE), 1))
    assert ((once > 0) & (once < 1)).all()


def stack() -> list[models.BoltzmannMachine]:
    keras.utils.set_random_seed(0)
    machines = [
        models.BoltzmannMachine(VISIBLE, 7),
        models.BoltzmannMachine(7, 3, gaussian=True),
    ]
    for rbm in machines:
        rbm.compile(optimizer=keras.optimizers.SGD(0.05))
    return machines


def test_a_stack_trains_each_machine_on_the_codes_of_the_one_before():
    keras.utils.set_random_seed(4)
    machines = stack()
    histories = training.fit_stack(machines, states(VISIBLE), epochs=2, batch_size=8)
    assert [len(history.history["error"]) for history in histories] == [2, 2]

    keras.utils.set_random_seed(4)
    first, second = stack()
    training.fit(first, states(VISIBLE), epochs=2, batch_size=8)
    codes = np.array(first(states(VISIBLE)))
    training.fit(second, codes, epochs=2, batch_size=8)
    np.testing.assert_allclose(machines[1].kernel, second.kernel, atol=1e-6)


def test_an_unrolled_net_encodes_and_decodes_as_the_stack_does():
    machines, x = stack(), states(VISIBLE)
    training.fit_stack(machines, x, epochs=2, batch_size=8)
    net = models.dense_autoencoder(VISIBLE, (7, 3), hidden="sigmoid", code="linear")
    models.unroll(machines, net.encoder, net.decoder)
    codes = machines[1](machines[0](x))
    np.testing.assert_allclose(net.encoder(x), codes, atol=1e-6)
    restored = machines[0].visible_mean(machines[1].visible_mean(codes))
    np.testing.assert_allclose(net.model(x), restored, atol=1e-6)


def test_unrolling_wants_layers_of_the_same_sizes():
    net = models.dense_autoencoder(VISIBLE, (6, 3))
    with pytest.raises(ValueError, match=r"encoder has Dense layers of the shapes \[\(5, 6\)"):
        models.unroll(stack(), net.encoder)


def test_a_machine_is_built_anew_from_its_configuration():
    rbm = machine(gaussian=True, steps=3, chains=2, draw_visible=False)
    again = models.BoltzmannMachine.from_config(rbm.get_config())
    again.set_weights(rbm.get_weights())
    np.testing.assert_array_equal(again(states(VISIBLE)), rbm(states(VISIBLE)))
    assert again.get_config() == rbm.get_config()


@pytest.mark.parametrize("trained", [False, True])
def test_a_machine_comes_back_from_its_file(trained, tmp_path):
    rbm, x = machine(gaussian=True, steps=3, chains=2, draw_visible=False), states(VISIBLE)
    if trained:
        rbm.compile(optimizer="adam", jit_compile=False)
        training.fit(rbm, x, epochs=1, batch_size=8)
        rbm.steps.assign(4)
    rbm.save(tmp_path / "machine.keras")
    again = keras.models.load_model(tmp_path / "machine.keras")
    assert type(again) is models.BoltzmannMachine and again.get_config() == rbm.get_config()
    for one, other in zip(again.weights, rbm.weights, strict=True):
        np.testing.assert_array_equal(one, other)
    np.testing.assert_array_equal(again(x), rbm(x))
    np.testing.assert_array_equal(again.free_energy(x), rbm.free_energy(x))


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"visible": 0}, "visible == 0, must be >= 1"),
        ({"hidden": 0}, "hidden == 0, must be >= 1"),
        ({"steps": 0}, "steps == 0, must be >= 1"),
        ({"chains": -1}, "chains == -1, must be >= 1"),
    ],
)
def test_sizes_below_one_are_named(changed, message):
    with pytest.raises(ValueError, match=message):
        models.BoltzmannMachine(**{"visible": 3, "hidden": 2} | changed)
