"""A layer that reads another one's kernel backwards."""

from aelib import layers, training
import keras
import numpy as np
import pytest

PIXELS, CODES = 7, 3


@pytest.fixture
def images() -> np.ndarray:
    return np.random.default_rng(0).random((20, PIXELS), dtype=np.float32)


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


def test_codes_of_another_size_are_refused():
    dense = keras.layers.Dense(CODES)
    dense.build((None, PIXELS))
    with pytest.raises(ValueError, match="gets 5 numbers.*has 3 units"):
        layers.TiedDense(dense)(np.zeros((2, 5), dtype="float32"))
