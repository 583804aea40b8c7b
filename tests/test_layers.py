"""Layers that read a kernel backwards, or charge for its Jacobian or for average activations."""

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


def test_contraction_refuses_what_it_cannot_read(tmp_path):
    with pytest.raises(TypeError, match="is a Conv2D; pass a Dense"):
        layers.Contraction(keras.layers.Conv2D(3, 3), 0.1)
    with pytest.raises(ValueError, match=r'"pixels".*call it on its input first'):
        layers.Contraction(keras.layers.Dense(CODES, name="pixels"), 0.1)
    dense = keras.layers.Dense(CODES, activation="relu")
    dense.build((None, PIXELS))
    with pytest.raises(ValueError, match="slopes of sigmoid, tanh and linear"):
        layers.Contraction(dense, 0.1)
    dense.activation = keras.activations.sigmoid
    with pytest.raises(ValueError, match="0 or more"):
        layers.Contraction(dense, -0.1)


def test_a_contractive_architecture_is_refused_rather_than_saved_apart(tmp_path):
    *_, model = contractive_net()
    with pytest.raises(NotImplementedError, match="save_weights"):
        model.save(tmp_path / "net.keras")


def tied_net(activation=None, seed: int = 0, **options):
    """Build encoder, decoder and model with a tied kernel, biases away from zero."""
    keras.utils.set_random_seed(seed)
    dense = keras.layers.Dense(CODES, bias_initializer="glorot_uniform", **options)
    x = keras.Input((PIXELS,))
    encoder = keras.Model(x, dense(x))
    z = keras.Input((CODES,))
    tied = layers.TiedDense(dense, activation)
    decoder = keras.Model(z, tied(z))
    tied.bias.assign(np.linspace(-1, 1, PIXELS))
    return encoder, decoder, keras.Model(x, decoder(encoder(x)))


def sigmoid(a: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-a))


@pytest.mark.parametrize(
    ("activation", "formula"),
    [(None, lambda a: a), ("sigmoid", sigmoid), (keras.ops.tanh, np.tanh)],
)
def test_output_is_the_transposed_kernel_and_a_bias_of_its_own(activation, formula):
    encoder, decoder, _ = tied_net(activation)
    kernel, bias = encoder.layers[-1].kernel.numpy(), decoder.layers[-1].bias.numpy()
    codes = np.random.default_rng(1).normal(size=(5, CODES)).astype("float32")
    expected = formula(codes @ kernel.T + bias)
    np.testing.assert_allclose(decoder(codes), expected, rtol=1e-5, atol=1e-6)
    assert decoder.output_shape == (None, PIXELS)


def test_further_axes_pass_through():
    *_, decoder, _ = tied_net()
    tied = decoder.layers[-1]
    codes = np.random.default_rng(1).normal(size=(2, 4, CODES)).astype("float32")
    drawn = tied(codes)
    assert drawn.shape == tied.compute_output_shape(codes.shape) == (2, 4, PIXELS)
    np.testing.assert_allclose(drawn[1], tied(codes[1]), rtol=1e-5, atol=1e-6)


def test_the_bias_starts_at_zero():
    dense = keras.layers.Dense(CODES)
    dense.build((None, PIXELS))
    tied = layers.TiedDense(dense)
    tied.build((None, CODES))
    np.testing.assert_array_equal(tied.bias, np.zeros(PIXELS))


def test_each_variable_is_counted_once():
    encoder, decoder, model = tied_net()
    ours = [encoder.layers[-1].kernel, encoder.layers[-1].bias, decoder.layers[-1].bias]
    listed = [id(variable) for variable in model.trainable_weights]
    assert sorted(listed) == sorted(map(id, ours))
    assert model.count_params() == PIXELS * CODES + CODES + PIXELS
    assert len(model.get_weights()) == 3


def test_a_decoder_alone_counts_the_kernel_that_it_reads_and_nothing_else_of_the_encoder():
    encoder, decoder, _ = tied_net()
    assert decoder.count_params() == PIXELS * CODES + PIXELS
    assert decoder.layers[-1].kernel is encoder.layers[-1].kernel


def closed_form(model, x: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Differentiate the mean squared error of a linear tied net by hand.

    With z = x W + b, x̂ = z Wᵀ + c and e = 2 (x̂ - x) / (N D):
    dL/dW = xᵀ e W + eᵀ z, dL/db = Σ e W, dL/dc = Σ e.
    """
    encoder, decoder = model.layers[-2:]
    kernel, b = (value.astype(float) for value in encoder.get_weights())
    c = decoder.layers[-1].bias.numpy().astype(float)
    z = x @ kernel + b
    e = 2 * (z @ kernel.T + c - x) / x.size
    return x.T @ e @ kernel + e.T @ z, (e @ kernel).sum(axis=0), e.sum(axis=0)


@pytest.mark.parametrize("fast", [False, True])
def test_a_step_follows_both_slopes_of_the_shared_kernel(images, fast):
    encoder, decoder, model = tied_net()
    tied = decoder.layers[-1]
    before = [*encoder.get_weights(), tied.bias.numpy()]
    slopes = closed_form(model, images)
    model.compile(loss="mse", optimizer=keras.optimizers.SGD(0.5))
    if fast:
        training.fit(model, images, images, epochs=1, batch_size=len(images))
    else:
        model.fit(images, images, batch_size=len(images), verbose=0)
    after = [*encoder.get_weights(), tied.bias.numpy()]
    for old, slope, new in zip(before, slopes, after, strict=True):
        np.testing.assert_allclose(new, old - 0.5 * slope, rtol=1e-4, atol=1e-6)


def test_the_layers_stay_tied_while_adam_trains_them(images):
    encoder, decoder, model = tied_net("sigmoid")
    before = encoder.get_weights()[0]
    model.compile(loss="binary_crossentropy", optimizer="adam")
    training.fit(model, images, images, epochs=5, batch_size=6, validation_data=(images, images))
    dense, tied = encoder.layers[-1], decoder.layers[-1]
    assert not np.allclose(before, dense.kernel)
    codes = encoder.predict(images, verbose=0)
    expected = sigmoid(codes @ dense.kernel.numpy().T + tied.bias.numpy())
    np.testing.assert_allclose(decoder.predict(codes, verbose=0), expected, rtol=1e-4)
    np.testing.assert_allclose(model.predict(images, verbose=0), expected, rtol=1e-4)


def test_a_penalty_on_the_kernel_counts_once():
    encoder, _, model = tied_net(kernel_regularizer=keras.regularizers.L2(0.1))
    squares = np.sum(encoder.layers[-1].kernel.numpy() ** 2)
    np.testing.assert_allclose(sum(model.losses), 0.1 * squares, rtol=1e-5)


def test_freezing_the_dense_layer_freezes_the_shared_kernel():
    encoder, decoder, model = tied_net()
    encoder.layers[-1].trainable = False
    tied = decoder.layers[-1]
    assert [id(v) for v in decoder.trainable_weights] == [id(tied.bias)]
    assert [id(v) for v in model.trainable_weights] == [id(tied.bias)]


def test_a_layer_without_bias_or_with_a_deeper_net_behind_it_can_be_tied():
    x = keras.Input((9,))
    outer = keras.layers.Dense(5, activation="relu", use_bias=False)
    inner = keras.layers.Dense(2)
    h = inner(outer(x))
    h = layers.TiedDense(inner, "relu")(h)
    model = keras.Model(x, layers.TiedDense(outer)(h))
    assert model.output_shape == (None, 9)
    assert model.count_params() == 9 * 5 + (5 * 2 + 2) + 5 + 9


def test_weights_can_be_saved_and_loaded(images, tmp_path):
    *_, model = tied_net(seed=0)
    other_encoder, other_decoder, other = tied_net(seed=1)
    assert not np.allclose(model(images), other(images))
    model.save_weights(tmp_path / "net.weights.h5")
    other.load_weights(tmp_path / "net.weights.h5")
    np.testing.assert_allclose(model(images), other(images), rtol=1e-6)
    assert other_decoder.layers[-1].kernel is other_encoder.layers[-1].kernel


def test_an_architecture_is_refused_rather_than_saved_untied(tmp_path):
    *_, model = tied_net()
    with pytest.raises(NotImplementedError, match="save_weights"):
        model.save(tmp_path / "net.keras")


def test_a_layer_without_kernel_is_refused():
    with pytest.raises(ValueError, match=r"'?pixels'?.*call it on its input first"):
        layers.TiedDense(keras.layers.Dense(CODES, name="pixels"))


def test_other_layers_are_refused():
    with pytest.raises(TypeError, match="is a Conv2D; pass a Dense"):
        layers.TiedDense(keras.layers.Conv2D(3, 3))


def test_codes_of_another_size_are_refused():
    dense = keras.layers.Dense(CODES)
    dense.build((None, PIXELS))
    with pytest.raises(ValueError, match="gets 5 numbers.*3 units"):
        layers.TiedDense(dense)(np.zeros((2, 5), dtype="float32"))


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


def test_kl_a_model_with_it_can_be_saved_and_loaded(images, tmp_path):
    _, charged, model = sparse_net(weight=0.5, momentum=0.3)
    model.compile(loss="mse", optimizer="adam")
    training.fit(model, images, images, epochs=2, batch_size=5)
    model.save(tmp_path / "net.keras")
    custom = {"KLSparsity": layers.KLSparsity}
    loaded = keras.models.load_model(tmp_path / "net.keras", custom_objects=custom)
    copy = next(layer for layer in loaded.layers if isinstance(layer, layers.KLSparsity))
    assert (copy.rho, copy.weight, copy.momentum) == (RHO, 0.5, 0.3)
    np.testing.assert_array_equal(copy.average, charged.average)
    np.testing.assert_allclose(loaded(images), model(images), rtol=1e-6)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"rho": 0.0}, "rho is 0.0"),
        ({"rho": 1.0}, "rho is 1.0"),
        ({"rho": 0.1, "weight": -1}, "weight is -1"),
        ({"rho": 0.1, "momentum": 1.0}, "momentum is 1.0"),
        ({"rho": 0.1, "momentum": -0.1}, "momentum is -0.1"),
    ],
)
def test_kl_arguments_out_of_range_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        layers.KLSparsity(**options)
