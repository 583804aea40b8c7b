"""Layers that charge for a layer's Jacobian, or for average activations."""

from collections.abc import Callable

from aelib import layers, training
import keras
import numpy as np
import pytest
from scipy.special import rel_entr
import tensorflow as tf

PIXELS, CODES = 7, 3


@pytest.fixture
def images() -> np.ndarray:
    return np.random.default_rng(0).random((20, PIXELS), dtype=np.float32)


def contractive_net(activation="sigmoid", weight: float = 0.3):
    """Build encoder, penalised encoder and model, the biases away from zero."""
    keras.utils.set_random_seed(0)
    dense = keras.layers.Dense(CODES, activation, bias_initializer="glorot_uniform")
    x = keras.Input((PIXELS,))
    encoder = keras.Model(x, dense(x))
    penalised = keras.Model(x, layers.Contraction(dense, weight)(encoder(x)))
    out = keras.layers.Dense(PIXELS)(penalised(x))
    return encoder, penalised, keras.Model(x, out)


def jacobians(encoder, images: np.ndarray, step: float = 1e-3) -> np.ndarray:
    """Differentiate codes by pixels, by central differences: (n, codes, pixels)."""
    steps = step * np.eye(PIXELS, dtype="float32")
    dense = encoder.layers[-1]
    up, down = (dense(images[:, None] + sign * steps) for sign in (1, -1))
    return np.swapaxes((up - down) / (2 * step), 1, 2)


@pytest.mark.parametrize("activation", ["sigmoid", "tanh", "linear", None])
def test_the_penalty_is_the_batch_mean_of_the_squared_jacobian(images, activation):
    encoder, penalised, _ = contractive_net(activation)
    full = np.sum(jacobians(encoder, images) ** 2, axis=(1, 2))
    assert activation in ("linear", None) or np.ptp(full) > 0.01 * np.mean(full)
    penalised(images, training=True)
    np.testing.assert_allclose(sum(penalised.losses), 0.3 * np.mean(full), rtol=1e-3)


def test_a_linear_layer_pays_for_its_kernel_as_with_weight_decay(images):
    encoder, penalised, _ = contractive_net("linear", weight=0.3)
    penalised(images, training=True)
    decay = keras.regularizers.L2(0.3)(encoder.layers[-1].kernel)
    np.testing.assert_allclose(sum(penalised.losses), decay, rtol=1e-6)


def test_codes_pass_unchanged_and_only_training_is_penalised(images):
    encoder, penalised, _ = contractive_net()
    for training_ in (True, False):
        np.testing.assert_array_equal(penalised(images, training=training_), encoder(images))
        assert len(penalised.losses) == training_
    assert penalised.output_shape == (None, CODES)


def test_the_penalty_reads_the_kernel_and_has_no_weights_of_its_own():
    encoder, penalised, model = contractive_net()
    assert [id(w) for w in penalised.layers[-1].weights] == [id(encoder.layers[-1].kernel)]
    assert penalised.count_params() == encoder.count_params() == PIXELS * CODES + CODES
    assert len(model.trainable_weights) == 4


def sigmoid(a: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-a))


def penalty_slopes(encoder, images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Differentiate the mean of Σ_j s_j² Σ_i W_ij², s = z (1 - z), by kernel and bias, by hand.

    With s′ = s (1 - 2z): dL/dW_ij = mean(2 s_j² W_ij + 2 s_j s′_j x_i Σ_k W_kj²), and for the bias
    the second term without x_i.
    """
    kernel, bias = (value.astype(float) for value in encoder.get_weights())
    z = sigmoid(images @ kernel + bias)
    s = z * (1 - z)
    curve = 2 * s * s * (1 - 2 * z) * np.sum(kernel**2, axis=0)
    direct = 2 * kernel * np.mean(s**2, axis=0)
    return direct + images.T @ curve / len(images), curve.mean(axis=0)


@pytest.mark.parametrize("fast", [False, True])
def test_a_step_follows_the_slope_of_the_penalty(images, fast):
    encoder, penalised, _ = contractive_net(weight=0.3)
    before, slopes = encoder.get_weights(), penalty_slopes(encoder, images)
    # Against its own codes as targets, a net has no other slope than that of the penalty.
    codes = encoder.predict(images, verbose=0)
    penalised.compile(loss="mse", optimizer=keras.optimizers.SGD(0.5))
    if fast:
        training.fit(penalised, images, codes, epochs=1, batch_size=len(images))
    else:
        penalised.fit(images, codes, batch_size=len(images), verbose=0)
    for old, slope, new in zip(before, slopes, encoder.get_weights(), strict=True):
        assert np.abs(slope).max() > 0.01
        np.testing.assert_allclose(new, old - 0.5 * 0.3 * slope, rtol=1e-4, atol=1e-6)


def test_training_contracts_more_with_a_larger_weight(images):
    norms = []
    for weight in (0.0, 0.1, 10.0):
        encoder, _, model = contractive_net(weight=weight)
        model.compile(loss="mse", optimizer="adam")
        training.fit(model, images, images, epochs=60, batch_size=6)
        norms.append(np.sum(jacobians(encoder, images) ** 2))
    assert norms[0] > norms[1] > norms[2]


def test_validation_loss_is_without_the_penalty(images):
    _, _, model = contractive_net(weight=100)
    model.compile(loss="mse", optimizer="sgd")
    run = training.fit(
        model, images, images, epochs=1, batch_size=20, validation_data=(images, images)
    )
    restored = model.predict(images, verbose=0)
    np.testing.assert_allclose(
        run.history["val_loss"][0], np.mean((restored - images) ** 2), rtol=1e-5
    )
    assert run.history["loss"][0] > run.history["val_loss"][0]


def built(activation="sigmoid", **options) -> keras.layers.Dense:
    """Give a dense layer that has its kernel."""
    dense = keras.layers.Dense(CODES, activation, **options)
    dense.build((None, PIXELS))
    return dense


def test_contraction_refuses_an_activation_whose_slope_it_does_not_know():
    with pytest.raises(ValueError, match=r'not that of relu; give layer "code" one of these'):
        layers.Contraction(built("relu", name="code"), 0.1)


@pytest.mark.parametrize("weight", [-0.1, np.nan, np.inf, None, "a"])
def test_a_penalty_is_not_negative_and_a_number(weight):
    with pytest.raises(ValueError, match=f"weight is {weight}; pass a number of at least 0"):
        layers.Contraction(built(), weight)
    with pytest.raises(ValueError, match=f"weight is {weight}; pass a number of at least 0"):
        layers.KLSparsity(RHO, weight)


def test_contraction_refuses_codes_of_another_size():
    with pytest.raises(
        ValueError, match='gets 5 numbers, but the layer that it reads, "code", has 3'
    ):
        layers.Contraction(built(name="code"), 0.1)(np.zeros((2, 5), "float32"))


# What may stand between a layer and a penalty on its codes.
CODES_OF: dict[str, Callable] = {
    "the layer itself": lambda dense, x: dense(x),
    "a model": lambda dense, x: keras.Model(x, dense(x))(x),
    "a sequential model": lambda dense, x: keras.Sequential([keras.Input((PIXELS,)), dense])(x),
    "a model in a model": lambda dense, x: keras.Model(x, keras.Model(x, dense(x))(x))(x),
    "layers that change nothing": lambda dense, x: layers.KLSparsity(RHO, 0.0)(
        keras.layers.Identity()(dense(x))
    ),
}


@pytest.mark.parametrize("between", CODES_OF)
def test_contraction_knows_its_own_layers_codes(between):
    dense, x = built(), keras.Input((PIXELS,))
    z = CODES_OF[between](dense, x)
    assert layers.Contraction(dense, 0.1)(z).shape == (None, CODES)


@pytest.mark.parametrize("between", CODES_OF)
def test_contraction_refuses_the_codes_of_another_layer(between):
    z = CODES_OF[between](built(name="other"), keras.Input((PIXELS,)))
    message = 'reads layer "code", but gets the output of "other"; call it on the codes of "code"'
    with pytest.raises(ValueError, match=message):
        layers.Contraction(built(name="code"), 0.1)(z)


@pytest.mark.parametrize(
    "change", [keras.layers.Dropout(0.5, name="c"), keras.layers.Activation("tanh", name="c")]
)
def test_contraction_refuses_codes_that_were_changed_on_the_way(change):
    dense = built()
    with pytest.raises(ValueError, match='but gets the output of "c"'):
        layers.Contraction(dense, 0.1)(change(dense(keras.Input((PIXELS,)))))


def test_contraction_takes_the_codes_that_a_wrapper_of_its_layer_gives():
    dense = built()
    z = keras.layers.TimeDistributed(dense)(keras.Input((4, PIXELS)))
    assert layers.Contraction(dense, 0.1)(z).shape == (None, 4, CODES)


def test_contraction_takes_the_callers_word_for_codes_from_outside(images):
    dense = built()
    z = keras.Input((CODES,))
    head = keras.Model(z, layers.Contraction(dense, 0.1)(z))
    codes = np.asarray(dense(images))
    np.testing.assert_array_equal(head(codes, training=True), codes)
    assert len(head.losses) == 1


# KLSparsity ---------------------------------------------------------------------------------------

RHO = 0.1


def divergence(average: np.ndarray, rho: float = RHO) -> float:
    """Sum KL(ρ ‖ ρ̂) over units with SciPy's own terms, in double precision."""
    average = np.asarray(average, dtype=float)
    return float(np.sum(rel_entr(rho, average) + rel_entr(1 - rho, 1 - average)))


def charge(layer, activations: np.ndarray) -> float:
    """Run a training step's forward pass and read off what it charged."""
    layer(activations, training=True)
    return float(layer.losses[-1])


@pytest.fixture
def activations() -> np.ndarray:
    return np.random.default_rng(0).uniform(0.05, 0.95, (12, CODES)).astype("float32")


def sparse_net(**options):
    """Build a small sigmoid autoencoder with a charged code: encoder, layer, model."""
    keras.utils.set_random_seed(0)
    x = keras.Input((PIXELS,))
    charged = layers.KLSparsity(RHO, **options)
    z = charged(keras.layers.Dense(CODES, activation="sigmoid")(x))
    return keras.Model(x, z), charged, keras.Model(x, keras.layers.Dense(PIXELS)(z))


@pytest.mark.parametrize("training_mode", [False, True])
def test_kl_activations_pass_through(activations, training_mode):
    layer = layers.KLSparsity(RHO)
    np.testing.assert_array_equal(layer(activations, training=training_mode), activations)
    assert layer.compute_output_shape((None, CODES)) == (None, CODES)


@pytest.mark.parametrize("momentum", [0.0, 0.9])
def test_kl_the_first_charge_is_that_of_the_first_batch(activations, momentum):
    layer = layers.KLSparsity(RHO, weight=3.0, momentum=momentum)
    expected = 3.0 * divergence(activations.mean(axis=0))
    np.testing.assert_allclose(charge(layer, activations), expected, rtol=1e-5)


def test_kl_nothing_is_charged_at_the_average_wanted():
    assert charge(layers.KLSparsity(RHO), np.full((5, CODES), RHO, "float32")) == pytest.approx(0)


def test_kl_the_average_is_taken_over_all_axes_but_the_last(activations):
    layer = layers.KLSparsity(RHO)
    expected = divergence(activations.mean(axis=0))
    deep = activations.reshape(3, 4, CODES)
    np.testing.assert_allclose(charge(layer, deep), expected, rtol=1e-5)
    assert layer.average.shape == (CODES,)


def test_kl_the_running_average_follows_its_formula():
    batches = np.random.default_rng(1).uniform(0, 1, (4, 6, CODES)).astype("float32")
    layer = layers.KLSparsity(RHO, momentum=0.8)
    average = batches[0].mean(axis=0)
    for number, batch in enumerate(batches):
        if number:
            average = 0.8 * average + 0.2 * batch.mean(axis=0)
        np.testing.assert_allclose(charge(layer, batch), divergence(average), rtol=1e-4)
        np.testing.assert_allclose(layer.average, average, rtol=1e-5)


@pytest.mark.parametrize("momentum", [0.0, 0.75])
def test_kl_the_slope_is_that_of_the_current_batch_share(activations, momentum):
    earlier = activations[::-1] ** 2
    layer = layers.KLSparsity(RHO, weight=2.0, momentum=momentum)
    layer(earlier, training=True)
    current = tf.constant(activations)
    with tf.GradientTape() as tape:
        tape.watch(current)
        layer(current, training=True)
        cost = layer.losses[-1]
    slope = tape.gradient(cost, current).numpy()

    def by_hand(values):
        mean = momentum * earlier.mean(axis=0) + (1 - momentum) * values.mean(axis=0)
        return 2.0 * divergence(mean)

    for place in [(0, 0), (3, 1), (11, 2)]:
        step = np.zeros(activations.shape)
        step[place] = 1e-4
        exact = activations.astype(float)
        difference = (by_hand(exact + step) - by_hand(exact - step)) / 2e-4
        np.testing.assert_allclose(slope[place], difference, rtol=1e-3)


def test_kl_at_inference_nothing_is_charged_or_remembered(activations):
    layer = layers.KLSparsity(RHO)
    layer(activations, training=True)
    before = layer.average.numpy()
    layer(1 - activations)
    np.testing.assert_array_equal(layer.average, before)
    untouched = layers.KLSparsity(RHO)
    untouched(activations)
    assert untouched.losses == []
    np.testing.assert_array_equal(untouched.average, np.zeros(CODES))


@pytest.mark.parametrize("value", [0.0, 1.0])
def test_kl_units_that_never_or_always_fire_cost_a_finite_sum(value):
    layer = layers.KLSparsity(RHO)
    paid = charge(layer, np.full((5, CODES), value, "float32"))
    assert np.isfinite(paid)
    assert paid > 0


@pytest.mark.parametrize("fast", [False, True])
def test_kl_training_drives_the_average_towards_rho(images, fast):
    encoder, charged, model = sparse_net(weight=1.0, momentum=0.5)
    before = np.abs(encoder.predict(images, verbose=0).mean(axis=0) - RHO).max()
    model.compile(loss="mse", optimizer=keras.optimizers.Adam(0.05))
    if fast:
        training.fit(model, images, images, epochs=100, batch_size=10)
    else:
        model.fit(images, images, epochs=100, batch_size=10, verbose=0)
    after = encoder.predict(images, verbose=0).mean(axis=0)
    assert np.abs(after - RHO).max() < before / 3
    np.testing.assert_allclose(charged.average, after, atol=0.05)
    assert [id(v) for v in charged.non_trainable_variables] == [
        id(charged.average),
        id(charged.started),
    ]
    assert charged.trainable_variables == []


def test_kl_the_loss_reported_in_training_holds_the_charge_and_that_of_evaluation_does_not(images):
    encoder, _, model = sparse_net(weight=5.0)
    codes = encoder.predict(images, verbose=0)
    error = np.mean((model.predict(images, verbose=0) - images) ** 2)
    model.compile(loss="mse", optimizer=keras.optimizers.SGD(0.0))
    evaluated = model.evaluate(images, images, verbose=0)
    history = training.fit(model, images, images, epochs=1, batch_size=len(images)).history
    np.testing.assert_allclose(evaluated, error, rtol=1e-5)
    expected = error + 5.0 * divergence(codes.mean(axis=0))
    np.testing.assert_allclose(history["loss"][0], expected, rtol=1e-4)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"rho": 0.0}, "rho is 0.0"),
        ({"rho": 1.0}, "rho is 1.0"),
        ({"rho": np.nan}, "rho is nan"),
        ({"rho": "0.1"}, "rho is 0.1; pass an average activation between 0 and 1"),
        ({"rho": 0.1, "momentum": None}, "momentum is None"),
        ({"rho": 0.1, "momentum": 1.0}, "momentum is 1.0"),
        ({"rho": 0.1, "momentum": -0.1}, "momentum is -0.1"),
    ],
)
def test_kl_arguments_out_of_range_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        layers.KLSparsity(**options)


class Square(keras.layers.Layer):
    """A layer with an activation that is not its end."""

    def __init__(self) -> None:
        super().__init__()
        self.activation = keras.activations.tanh

    def call(self, sums):
        """Square what the activation gives."""
        return self.activation(sums) ** 2


KEPT = {
    "sigmoid": lambda: keras.layers.Dense(CODES, "sigmoid"),
    "hard sigmoid": lambda: keras.layers.Dense(CODES, "hard_sigmoid"),
    "softmax": lambda: keras.layers.Dense(CODES, "softmax"),
    "a sigmoid as a layer": lambda: keras.layers.Activation("sigmoid"),
    "ReLU up to 1": lambda: keras.layers.ReLU(max_value=1.0),
    "a function of one's own": lambda: keras.layers.Dense(CODES, lambda a: keras.ops.sin(a) ** 2),
    "a layer of one's own": lambda: Square(),
    "dropout, of which nothing is known": lambda: keras.layers.Dropout(0.5),
}
LEFT = {
    "tanh": lambda: keras.layers.Dense(CODES, "tanh", name="h"),
    "relu": lambda: keras.layers.Dense(CODES, "relu", name="h"),
    "linear": lambda: keras.layers.Dense(CODES, name="h"),
    "softplus": lambda: keras.layers.Dense(CODES, "softplus", name="h"),
    "ReLU": lambda: keras.layers.ReLU(name="h"),
    "LeakyReLU": lambda: keras.layers.LeakyReLU(name="h"),
    "ELU": lambda: keras.layers.ELU(name="h"),
    "tanh, tied": lambda: layers.TiedDense(built(), "tanh", name="h"),
    "tanh, a layer": lambda: keras.layers.Activation("tanh", name="h"),
    "tanh, behind layers": lambda: keras.Sequential(
        [keras.layers.Dense(CODES, "tanh", name="h"), keras.layers.Identity()]
    ),
    "sin": lambda: keras.layers.Dense(CODES, keras.ops.sin, name="h"),
}


@pytest.mark.parametrize("kind", KEPT)
def test_kl_takes_activations_that_stay_between_0_and_1(kind):
    z = KEPT[kind]()(keras.Input((PIXELS,)))
    assert layers.KLSparsity(RHO)(z).shape == z.shape


@pytest.mark.parametrize("kind", LEFT)
def test_kl_refuses_activations_known_to_leave_0_to_1(kind):
    z = LEFT[kind]()(keras.Input((CODES,)))
    activation = kind.split(",")[0]
    message = rf'needs activations in \[0, 1\], but gets those of "h", {activation}; give that'
    with pytest.raises(ValueError, match=message):
        layers.KLSparsity(RHO)(z)


@pytest.mark.parametrize("shape", [(3,), (None, None)])
def test_kl_refuses_what_has_no_batch_or_no_known_units(shape):
    with pytest.raises(ValueError, match=r"gets the shape \(.*\); activations need \(batch, …, M"):
        layers.KLSparsity(RHO)(keras.Input(batch_shape=shape))
