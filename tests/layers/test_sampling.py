"""Codes are drawn as asked, anew each time, in training only; their KL is what theory says."""

from aelib import layers, models, training
import keras
import numpy as np
import pytest
import tensorflow as tf

CODES = 3
RNG = np.random.default_rng(0)
MEAN = RNG.normal(size=(20, CODES)).astype("float32")
LOG_VARIANCE = RNG.normal(size=(20, CODES)).astype("float32")


def kl_by_hand(mean: np.ndarray, log_variance: np.ndarray) -> np.ndarray:
    """Sum KL(N(μ, σ²) ‖ N(0, 1)) = log(1/σ) + (σ² + μ²)/2 - 1/2 over the units of each code."""
    deviation = np.exp(log_variance.astype(float) / 2)
    return np.sum(-np.log(deviation) + (deviation**2 + mean**2) / 2 - 0.5, axis=1)


def sampling_net(**options) -> tuple[layers.Sampling, keras.Model]:
    """Build a model that does nothing but sample: from means and log-variances to codes."""
    keras.utils.set_random_seed(0)
    inputs = [keras.Input((CODES,)), keras.Input((CODES,))]
    layer = layers.Sampling(**options)
    return layer, keras.Model(inputs, layer(*inputs))


# The KL -------------------------------------------------------------------------------------------


def test_kl_is_the_closed_form():
    found = layers.kl_to_standard_normal(MEAN, LOG_VARIANCE)
    assert found.shape == MEAN.shape
    np.testing.assert_allclose(np.sum(found, axis=1), kl_by_hand(MEAN, LOG_VARIANCE), rtol=1e-5)
    zeros = np.zeros((4, 2), "float32")
    np.testing.assert_array_equal(layers.kl_to_standard_normal(zeros, zeros), zeros)
    assert np.min(found) >= 0


@pytest.mark.parametrize("other", [(1, 4), (3,), (3, 1, 1), ()])
def test_kl_of_two_shapes_is_refused(other):
    with pytest.raises(ValueError, match=r"mean and log_variance have the shapes \(3, 1\) and"):
        layers.kl_to_standard_normal(np.zeros((3, 1)), np.zeros(other))


def test_kl_of_two_numbers_or_rows_that_are_not_known_yet():
    assert float(layers.kl_to_standard_normal(1.0, np.float64(0))) == 0.5
    inputs = [keras.Input((CODES,)), keras.Input((CODES,), batch_size=7)]
    assert layers.kl_to_standard_normal(*inputs).shape == (7, CODES)
    with pytest.raises(ValueError, match="pass two of the same shape"):
        layers.kl_to_standard_normal(inputs[0], keras.Input((1,)))


def test_kl_is_the_mean_of_the_difference_of_log_densities():
    rng = np.random.default_rng(1)
    for mean, log_variance in zip(MEAN[:5], LOG_VARIANCE[:5], strict=True):
        deviation = np.exp(log_variance / 2)
        noise = rng.normal(size=(100_000, CODES))
        z = mean + deviation * noise
        # log q(z) - log p(z); the factor √(2π) is in both.
        draws = np.sum(-np.log(deviation) - noise**2 / 2 + z**2 / 2, axis=1)
        expected = np.sum(layers.kl_to_standard_normal(mean, log_variance))
        assert draws.mean() == pytest.approx(expected, abs=5 * draws.std() / 100_000**0.5)


@pytest.mark.parametrize("in_training", [False, True])
@pytest.mark.parametrize("beta", [0.0, 1.0, 2.5])
def test_kl_is_summed_over_the_code_and_averaged_over_images(beta, in_training):
    layer, net = sampling_net(beta=beta)
    net([MEAN, LOG_VARIANCE], training=in_training)
    expected = kl_by_hand(MEAN, LOG_VARIANCE).mean()
    assert float(sum(net.losses)) == pytest.approx(beta * expected, rel=1e-5)
    assert float(layer.kl.result()) == pytest.approx(expected, rel=1e-5)


def test_twice_the_units_cost_twice_as_much():
    doubled = [np.tile(values, (1, 2)) for values in (MEAN, LOG_VARIANCE)]
    layer = layers.Sampling()
    layer(MEAN, LOG_VARIANCE)
    once = float(layer.losses[0])
    layer = layers.Sampling()
    layer(*doubled)
    assert float(layer.losses[0]) == pytest.approx(2 * once, rel=1e-5)


@pytest.mark.parametrize("fast", [False, True])
def test_a_step_follows_the_slope_of_the_kl(fast):
    """∂KL/∂μ = μ and ∂KL/∂ log σ² = (σ² - 1) / 2, averaged over the images."""
    keras.utils.set_random_seed(0)
    x = keras.Input((1,))
    rows = [keras.layers.Dense(CODES, use_bias=False, kernel_initializer="ones") for _ in range(2)]
    net = keras.Model(x, layers.Sampling(beta=0.3)(*(row(x) for row in rows)))
    images = np.array([[0.5], [-1.0], [2.0]], "float32")
    nothing = keras.losses.MeanAbsoluteError()
    net.compile(loss=lambda y, z: 0 * nothing(y, z), optimizer=keras.optimizers.SGD(0.1))
    if fast:
        training.fit(net, images, images.repeat(CODES, 1), batch_size=3)
    else:
        net.fit(images, images.repeat(CODES, 1), batch_size=3, verbose=0)
    of_mean, of_log_variance = np.mean(images**2), np.mean(images * (np.exp(images) - 1) / 2)
    for row, slope in zip(rows, (of_mean, of_log_variance), strict=True):
        np.testing.assert_allclose(row.get_weights()[0], 1 - 0.1 * 0.3 * slope, rtol=1e-5)


def test_beta_may_change_after_the_layer_is_built():
    layer, net = sampling_net(beta=1.0)
    layer.beta.assign(4.0)
    net([MEAN, LOG_VARIANCE])
    assert float(sum(net.losses)) == pytest.approx(4 * float(layer.kl.result()), rel=1e-6)
    assert layer.get_config()["beta"] == 4.0
    assert net.trainable_weights == []


# The draws ----------------------------------------------------------------------------------------


def test_draws_have_the_mean_and_the_deviation_asked_for():
    layer, _ = sampling_net()
    count = 20_000
    mean, log_variance = (np.repeat(values[:1], count, 0) for values in (MEAN, LOG_VARIANCE))
    z = layer(mean, log_variance, training=True).numpy()
    deviation = np.exp(LOG_VARIANCE[0] / 2)
    # Five standard errors; the units are drawn apart from each other.
    assert (abs(z.mean(axis=0) - MEAN[0]) < 5 * deviation / count**0.5).all()
    assert (abs(z.std(axis=0) / deviation - 1) < 5 / (2 * count) ** 0.5).all()
    assert abs(np.corrcoef(z.T) - np.eye(CODES)).max() < 5 / count**0.5


def test_slopes_pass_through_the_draw():
    layer, _ = sampling_net(beta=0.0)
    mean, log_variance = tf.constant(MEAN), tf.constant(LOG_VARIANCE)
    with tf.GradientTape() as tape:
        tape.watch([mean, log_variance])
        z = layer(mean, log_variance, training=True)
    by_mean, by_log_variance = tape.gradient(z, [mean, log_variance])
    np.testing.assert_allclose(by_mean, np.ones_like(MEAN))
    np.testing.assert_allclose(by_log_variance, (z - MEAN) / 2, rtol=1e-4, atol=1e-6)


def test_nothing_is_drawn_in_use():
    _, net = sampling_net()
    for answer in (net([MEAN, LOG_VARIANCE]), net.predict([MEAN, LOG_VARIANCE], verbose=0)):
        np.testing.assert_array_equal(answer, MEAN)
    assert np.abs(net([MEAN, LOG_VARIANCE], training=True) - MEAN).min() > 0


def test_draws_are_new_each_time_and_repeat_with_the_seed():
    def draw():
        _, net = sampling_net()
        return [net([MEAN, LOG_VARIANCE], training=True).numpy() for _ in range(2)]

    first, second = draw()
    assert (first != second).all()
    np.testing.assert_array_equal(draw(), [first, second])


def moments_of_noise(seed: int, xla: bool | str) -> np.ndarray:
    """Train nothing for three epochs of 1,000 steps; give the mean of ε and of ε² in each."""
    keras.utils.set_random_seed(seed)
    inputs = keras.Input((2,))
    z = layers.Sampling(beta=0.0)(inputs[:, :1], inputs[:, 1:])
    net = keras.Model(inputs, z)

    def square(_, z):
        return z**2

    options = {"loss": lambda _, z: z, "metrics": [square], "jit_compile": xla}
    net.compile(optimizer=keras.optimizers.SGD(0.0), **options)
    nothing = np.zeros((1000, 2), "float32")
    run = training.fit(net, nothing, nothing[:, :1], epochs=3, batch_size=1)
    return np.array([run.history["loss"], run.history["square"]])


@pytest.mark.filterwarnings("ignore:The model does not have any trainable weights")
@pytest.mark.parametrize("xla", [True, False])
def test_noise_is_drawn_anew_in_each_step_and_epoch_of_a_compiled_program(xla):
    means, squares = moments_of_noise(0, xla)
    assert len(set(means)) == len(set(squares)) == 3
    # Five standard errors of 1,000 draws. One draw for all steps would have mean² = mean square.
    assert (abs(means) < 5 / 1000**0.5).all()
    assert (abs(squares - 1) < 5 * (2 / 1000) ** 0.5).all()
    assert not np.isclose(means, moments_of_noise(1, xla)[0]).any()
    np.testing.assert_array_equal(moments_of_noise(0, xla), [means, squares])


# In a net -----------------------------------------------------------------------------------------

PIXELS = 6
IMAGES = (np.random.default_rng(2).random((23, PIXELS)) < 0.4).astype("float32")


def small(beta: float = 0.7) -> models.VariationalAutoencoder:
    keras.utils.set_random_seed(0)
    net = models.variational_autoencoder(PIXELS, (5, CODES), beta=beta)
    loss = models.summed_cross_entropy
    net.model.compile(loss=loss, metrics=[loss], optimizer="adam")
    return net


@pytest.mark.parametrize("fast", [False, True])
def test_history_holds_both_terms_and_validation_counts_the_kl(fast):
    net = small()
    options = {"epochs": 2, "batch_size": 10, "validation_data": (IMAGES, IMAGES)}
    if fast:
        run = training.fit(net.model, IMAGES, IMAGES, **options).history
    else:
        run = net.model.fit(IMAGES, IMAGES, verbose=0, **options).history
    names = ("loss", "kl", "summed_cross_entropy")
    assert run.keys() == {before + name for before in ("", "val_") for name in names}
    for before in ("", "val_"):
        loss, kl, reconstruction = (np.array(run[before + name]) for name in names)
        assert (kl > 0.001).all()
        np.testing.assert_allclose(loss, reconstruction + 0.7 * kl, rtol=1e-5)
    mean, log_variance = (values.numpy() for values in net.posterior(IMAGES))
    restored = net.decoder(mean).numpy()
    cross_entropy = -np.sum(np.log(np.where(IMAGES > 0.5, restored, 1 - restored)), axis=1)
    assert run["val_kl"][-1] == pytest.approx(kl_by_hand(mean, log_variance).mean(), rel=1e-4)
    assert run["val_summed_cross_entropy"][-1] == pytest.approx(cross_entropy.mean(), rel=1e-4)


@pytest.mark.parametrize("xla", [True, False])  # the two draw different numbers from one seed
def test_a_compiled_epoch_draws_the_noise_of_stock_training(xla):
    images = np.repeat(IMAGES[:1], 20, axis=0)  # so that their order does not matter
    histories = []
    for fast in (True, False):
        model = small().model
        model.compile(loss=models.summed_cross_entropy, optimizer="sgd", jit_compile=xla)
        options = {"epochs": 3, "batch_size": 10}
        run = (
            training.fit(model, images, images, **options)
            if fast
            else model.fit(images, images, verbose=0, **options)
        )
        histories.append(run.history)
    for name in ("loss", "kl"):
        np.testing.assert_allclose(histories[0][name], histories[1][name], rtol=1e-5)


def test_nets_that_differ_by_beta_share_a_program():
    training.forget_programs()
    kls = []
    for beta in (0.0, 1.0, 100.0):
        run = training.fit(small(beta).model, IMAGES, IMAGES, epochs=200, batch_size=23)
        kls.append(run.history["kl"][-1])
    assert training.count_programs() == 1
    assert kls[0] > 2 * kls[1]
    assert kls[2] < 0.1


def test_a_saved_net_is_loaded_without_its_classes_named(tmp_path):
    net = small()
    net.model.fit(IMAGES, IMAGES, verbose=0)
    net.model.get_layer("encoder").get_layer("sampling").beta.assign(0.25)
    net.model.save(tmp_path / "net.keras")
    loaded = keras.models.load_model(tmp_path / "net.keras")
    np.testing.assert_array_equal(loaded(IMAGES), net.model(IMAGES))
    layer = loaded.get_layer("encoder").get_layer("sampling")
    assert float(layer.beta) == layer.get_config()["beta"] == 0.25
    expected, found = (m.evaluate(IMAGES, IMAGES, verbose=0) for m in (net.model, loaded))
    np.testing.assert_allclose(found, expected, rtol=1e-5)
    assert np.abs(loaded(IMAGES, training=True) - loaded(IMAGES)).max() > 0


def test_the_layer_comes_back_from_its_configuration():
    layer = layers.Sampling(0.5, name="draw")
    again = layers.Sampling.from_config(layer.get_config())
    assert again.get_config() == layer.get_config()
    assert layer.get_config()["beta"] == 0.5


@pytest.mark.parametrize("beta", [-0.1, np.nan, np.inf, None, "a"])
def test_a_beta_that_is_none_is_named(beta):
    with pytest.raises(ValueError, match=f"beta is {beta}; pass a number of at least 0"):
        layers.Sampling(beta)


def test_means_without_as_many_log_variances_are_refused():
    with pytest.raises(ValueError, match="pass one log-variance for each mean"):
        layers.Sampling()(MEAN, LOG_VARIANCE[:, :2])
    with pytest.raises((TypeError, ValueError)):
        layers.Sampling()(MEAN)


# A choice -----------------------------------------------------------------------------------------

SCORES = np.log([[0.5, 0.3, 0.2], [0.05, 0.05, 0.9]]).astype("float32")


def test_choices_are_drawn_from_the_softmax_of_the_scores_in_training_only():
    keras.utils.set_random_seed(0)
    layer, count = layers.GumbelSoftmax(), 20_000
    drawn = layer(np.repeat(SCORES[None], count, axis=0), training=True).numpy()
    np.testing.assert_allclose(drawn.sum(axis=-1), 1, rtol=1e-6)
    assert set(np.unique(drawn.round(6))) == {0, 1}
    # Five standard errors of a share, at most.
    assert abs(drawn.mean(axis=0) - np.exp(SCORES)).max() < 5 * 0.5 / count**0.5
    np.testing.assert_array_equal(layer(SCORES), [[1, 0, 0], [0, 0, 1]])


def test_slopes_of_a_choice_are_those_of_the_softmax():
    scores, weights = tf.constant(SCORES), tf.constant([1.0, -2.0, 3.0])
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(scores)
        ours = tf.reduce_sum(layers.GumbelSoftmax(temperature=0.5)(scores) * weights)
        soft = tf.reduce_sum(tf.nn.softmax(scores / 0.5) * weights)
    found, expected = (tape.gradient(value, scores) for value in (ours, soft))
    np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_a_choice_is_saved_with_its_temperature(tmp_path):
    layer = layers.GumbelSoftmax(0.7, name="word")
    x = keras.Input((2, 3))
    net = keras.Model(x, layer(keras.layers.Dense(3)(x)))
    net.save(tmp_path / "net.keras")
    loaded = keras.models.load_model(tmp_path / "net.keras")
    again = loaded.get_layer("word")
    assert type(again) is layers.GumbelSoftmax
    assert again.get_config() == layer.get_config() and again.temperature == 0.7
    np.testing.assert_array_equal(loaded(SCORES[None]), net(SCORES[None]))
    assert layer.compute_output_shape((None, 4, 3)) == (None, 4, 3)
    with pytest.raises(ValueError, match="temperature"):
        layers.GumbelSoftmax(0)
