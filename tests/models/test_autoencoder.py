"""Encoder and decoder are joined into one model that has their layers."""

from aelib import models
import keras
from keras import layers
import numpy as np
import pytest

PIXELS, CODES = 7, 3


def functional() -> keras.Model:
    x = keras.Input((PIXELS,))
    return keras.Model(x, layers.Dense(CODES)(x), name="encoder")


def sequential() -> keras.Model:
    return keras.Sequential([keras.Input((PIXELS,)), layers.Dense(CODES)], name="encoder")


class OfOnesOwn(keras.Model):
    """A model that is neither functional nor sequential."""

    def __init__(self) -> None:
        super().__init__()
        self.only = layers.Dense(PIXELS)

    def call(self, codes):
        """Draw what one layer draws."""
        return self.only(codes)


def decoder() -> keras.Model:
    z = keras.Input((CODES,))
    return keras.Model(z, layers.Dense(PIXELS)(z), name="decoder")


@pytest.mark.parametrize("encode", [functional, sequential])
@pytest.mark.parametrize(
    "decode", [decoder, OfOnesOwn, lambda: keras.Sequential([layers.Dense(PIXELS)])]
)
def test_the_model_is_the_decoder_behind_the_encoder_and_trains_both(encode, decode):
    encoder, back, model = models.join(encode(), decode())
    images = np.random.default_rng(0).random((20, PIXELS), dtype=np.float32)
    np.testing.assert_allclose(model(images), back(encoder(images)), rtol=1e-6)
    assert model.name == "autoencoder"
    assert model.input_shape == model.output_shape == (None, PIXELS)
    before = encoder.get_weights() + back.get_weights()
    model.compile(loss="mse", optimizer="sgd", run_eagerly=True)
    model.train_on_batch(images, images)
    after = encoder.get_weights() + back.get_weights()
    assert not any(np.array_equal(*pair) for pair in zip(before, after, strict=True))
    np.testing.assert_allclose(model(images), back(encoder(images)), rtol=1e-6)


def test_it_is_the_line_that_one_would_write():
    keras.utils.set_random_seed(0)
    x, z = keras.Input((PIXELS,)), keras.Input((CODES,))
    encoder, back = (
        keras.Model(start, layers.Dense(units)(start), name=name)
        for start, units, name in ((x, CODES, "encoder"), (z, PIXELS, "decoder"))
    )
    written = keras.Model(x, back(encoder(x)), name="autoencoder")
    joined = models.join(encoder, back).model
    assert [layer.name for layer in joined.layers] == [layer.name for layer in written.layers]
    assert [id(w) for w in joined.weights] == [id(w) for w in written.weights]


def test_several_inputs_keep_their_structure():
    x, label = keras.Input((PIXELS,), name="x"), keras.Input((2,), name="label")
    inputs = {"x": x, "label": label}
    encoder = keras.Model(inputs, layers.Dense(CODES)(layers.Concatenate()([x, label])))
    model = models.join(encoder, decoder()).model
    drawn = model({"x": np.zeros((4, PIXELS)), "label": np.ones((4, 2))})
    assert drawn.shape == (4, PIXELS)


def test_it_takes_a_name():
    assert models.join(functional(), decoder(), "tied").model.name == "tied"


def test_what_cannot_be_joined_is_refused():
    with pytest.raises(TypeError, match="encoder is a Dense; pass a keras.Model"):
        models.join(layers.Dense(CODES), decoder())
    with pytest.raises(TypeError, match="decoder is a Dense; pass a keras.Model"):
        models.join(functional(), layers.Dense(PIXELS))
    with pytest.raises(ValueError, match="encoder has no input yet; let it begin with a keras"):
        models.join(keras.Sequential([layers.Dense(CODES)]), decoder())
    with pytest.raises(ValueError, match=r"decoder.* is incompatible.*\(None, 3\).*\(None, 7\)"):
        models.join(decoder(), decoder())
