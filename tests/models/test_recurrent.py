"""Recurrent autoencoders keep a sequence in one code, whatever its padding."""

from aelib import models, training
import keras
import numpy as np
import pytest

SIZES = {"units": 6, "code": 3}


def drawings(count: int, steps: int) -> np.ndarray:
    """Make sequences of random length, padded with zeros to `steps`."""
    rng = np.random.default_rng(0)
    values = rng.uniform(0.1, 0.9, (count, steps, 2)).astype("float32")
    return values * (np.arange(steps) < rng.integers(1, steps, (count, 1)))[..., None]


@pytest.mark.parametrize("cell", ["GRU", "LSTM"])
def test_shapes(cell):
    encoder, decoder, model = models.recurrent_autoencoder(5, 2, **SIZES, cell=cell)
    assert encoder.output_shape == decoder.input_shape == (None, 3)
    assert decoder.output_shape == model.output_shape == (None, 5, 2)


@pytest.mark.parametrize(("cell", "gates", "biases"), [("GRU", 3, 2), ("LSTM", 4, 1)])
def test_number_of_parameters(cell, gates, biases):
    encoder, decoder, _ = models.recurrent_autoencoder(5, 2, **SIZES, cell=cell)
    to_code = 6 * 3 + 3
    assert encoder.count_params() == gates * 6 * (2 + 6 + biases) + to_code
    starts = {"GRU": 1, "LSTM": 2}[cell] * (3 * 6 + 6)
    assert decoder.count_params() == starts + gates * 6 * (1 + 6 + biases) + 6 * 2 + 2


def test_code_is_what_a_step_by_step_reader_finds():
    keras.utils.set_random_seed(0)
    encoder = models.recurrent_autoencoder(5, 2, **SIZES).encoder
    gru, dense = (encoder.layers[i] for i in (1, 2))
    sequences = drawings(4, 5)
    state = np.zeros((4, 6), "float32")
    for step in range(5):
        state, _ = gru.cell(sequences[:, step], [state])
    np.testing.assert_allclose(encoder(sequences), dense(state), atol=1e-6)


@pytest.mark.parametrize("cell", ["GRU", "LSTM"])
def test_decoder_sees_the_code_alone(cell):
    keras.utils.set_random_seed(0)
    decoder = models.recurrent_autoencoder(4, 2, **SIZES, cell=cell).decoder
    weights = {weight.path: weight for weight in decoder.weights}
    (unread,) = (
        weight for path, weight in weights.items() if path.endswith("cell/kernel")
    )  # of what the decoder reads at each step: zeros
    before = decoder(np.ones((1, 3), "float32")).numpy()
    unread.assign(unread + 1)
    np.testing.assert_array_equal(decoder(np.ones((1, 3), "float32")), before)


@pytest.mark.parametrize("cell", ["GRU", "LSTM"])
def test_padding_does_not_change_the_code(cell):
    keras.utils.set_random_seed(0)
    sequences = drawings(20, 6)
    longer = np.pad(sequences, ((0, 0), (0, 9), (0, 0)))
    masked = models.recurrent_autoencoder(6, 2, **SIZES, cell=cell, mask=True)
    np.testing.assert_allclose(masked.encoder(longer), masked.encoder(sequences), atol=1e-6)

    open_ended = models.recurrent_autoencoder(6, 2, **SIZES, cell=cell)
    open_ended.model.set_weights(masked.model.get_weights())
    changed = np.abs(open_ended.encoder(longer) - open_ended.encoder(sequences))
    assert changed.max() > 0.01


def test_padding_changes_neither_loss_nor_training():
    sequences = drawings(20, 6)

    def trained(values):
        keras.utils.set_random_seed(0)
        loss = keras.losses.MeanSquaredError(reduction="mean_with_sample_weight")
        net = models.recurrent_autoencoder(values.shape[1], 2, **SIZES, mask=True)
        net.model.compile(loss=loss, optimizer="adam")
        weights = values.any(axis=2).astype("float32")
        history = training.fit(
            net.model, values, values, sample_weight=weights, epochs=3, batch_size=10
        )
        return history.history["loss"], net.encoder(sequences)

    losses, codes = trained(sequences)
    losses_padded, codes_padded = trained(np.pad(sequences, ((0, 0), (0, 9), (0, 0))))
    np.testing.assert_allclose(losses_padded, losses, rtol=1e-4)
    np.testing.assert_allclose(codes_padded, codes, atol=1e-4)


@pytest.mark.parametrize("xla", [True, False])
def test_trains_with_and_without_xla_as_keras_does(xla):
    sequences = drawings(20, 6)

    def losses(fit):
        keras.utils.set_random_seed(0)
        model = models.recurrent_autoencoder(6, 2, **SIZES, mask=True).model
        model.compile(loss="mse", optimizer="sgd", jit_compile=xla and fit is not keras.Model.fit)
        options = {"verbose": 0} if fit is keras.Model.fit else {}
        return fit(model, sequences, sequences, epochs=3, batch_size=20, **options).history["loss"]

    np.testing.assert_allclose(losses(training.fit), losses(keras.Model.fit), rtol=1e-4)


def test_models_share_their_layers():
    keras.utils.set_random_seed(0)
    encoder, decoder, model = models.recurrent_autoencoder(6, 2, **SIZES)
    sequences = drawings(8, 6)
    model.compile(loss="mse", optimizer="adam")
    training.fit(model, sequences, sequences, epochs=2, batch_size=8)
    np.testing.assert_allclose(decoder(encoder(sequences)), model(sequences), atol=1e-6)


@pytest.mark.parametrize(
    ("changed", "error", "message"),
    [
        ({"steps": 0}, ValueError, "steps == 0, must be >= 1"),
        ({"features": 1.5}, TypeError, "features must be an instance of"),
        ({"units": 0}, ValueError, "units == 0, must be >= 1"),
        ({"code": "2"}, TypeError, "code must be an instance of"),
        ({"cell": "gru"}, ValueError, "cell is 'gru'; pass one of GRU, LSTM"),
        ({"output": "soft"}, ValueError, "output is 'soft'; pass the name of a Keras activation"),
    ],
)
def test_arguments_are_checked_and_errors_name_them(changed, error, message):
    with pytest.raises(error, match=message):
        models.recurrent_autoencoder(**{"steps": 5, "features": 2, **SIZES} | changed)
