"""A saved model with our layers loads without their classes named, and shares what it shared."""

import subprocess
import sys

from aelib import layers
import keras
import numpy as np
import pytest

PIXELS, CODES = 7, 3
READERS = {
    "TiedDense": layers.TiedDense,
    "Contraction": lambda layer: layers.Contraction(layer, 0.1),
}


@pytest.fixture
def images() -> np.ndarray:
    return np.random.default_rng(0).random((20, PIXELS), dtype=np.float32)


def parts() -> tuple[keras.Model, keras.Model]:
    """Build an encoder and a decoder of two layers each, tied, penalised and charged."""
    keras.utils.set_random_seed(0)
    outer = keras.layers.Dense(5, "tanh", name="outer")
    inner = keras.layers.Dense(CODES, "sigmoid", name="inner")
    x = keras.Input((PIXELS,))
    codes = inner(outer(x))
    codes = layers.Contraction(inner, 0.1, name="contraction")(codes)
    encoder = keras.Model(x, layers.KLSparsity(0.1, 0.2, 0.3)(codes), name="encoder")
    z = keras.Input((CODES,))
    h = layers.TiedDense(inner, "tanh", name="tied_inner")(z)
    decoder = keras.Model(z, layers.TiedDense(outer, "sigmoid", name="tied_outer")(h))
    return encoder, decoder


def side_by_side() -> keras.Model:
    """Put the dense layers and those that read them into two models within a third."""
    encoder, decoder = parts()
    return keras.Model(encoder.input, decoder(encoder(encoder.input)))


def nested_deeper() -> keras.Model:
    """Put that once more into a model."""
    x = keras.Input((PIXELS,))
    return keras.Model(x, side_by_side()(x))


def sequential() -> keras.Model:
    """Put encoder and decoder one behind the other."""
    return keras.Sequential([keras.Input((PIXELS,)), *parts()])


def flat() -> keras.Model:
    """Put all layers into one model."""
    encoder, decoder = parts()
    h = encoder.output
    for layer in decoder.layers[1:]:
        h = layer(h)
    return keras.Model(encoder.input, h)


def outside_in() -> keras.Model:
    """Use the decoder in one model before the encoder: what reads is written first."""
    encoder, decoder = parts()
    z = keras.Input((CODES,))
    return keras.Model(z, encoder(decoder(z)))


SHAPES = [side_by_side, nested_deeper, sequential, flat, outside_in]


def trained(model: keras.Model) -> keras.Model:
    """Compile a model and train it a little, on as many numbers as it takes."""
    x = np.random.default_rng(1).random((20, model.input_shape[-1]), dtype=np.float32)
    model.compile(loss="mse", optimizer="adam", run_eagerly=True)  # faster for so few steps
    model.train_on_batch(x, x)
    return model


def named(model: keras.Model) -> dict[str, keras.layers.Layer]:
    """List all layers of a model and of those within it."""
    found = {}
    for layer in model.layers:
        found |= named(layer) if isinstance(layer, keras.Model) else {layer.name: layer}
    return found


def load_again(model: keras.Model, folder) -> keras.Model:
    """Save a model and load it, as one does."""
    model.save(folder / "net.keras")
    return keras.models.load_model(folder / "net.keras")


@pytest.mark.parametrize("build", SHAPES)
def test_a_loaded_model_does_and_learns_the_same(build, tmp_path):
    model = trained(build())
    copy = load_again(model, tmp_path)
    x = np.random.default_rng(2).random((20, model.input_shape[-1]), dtype=np.float32)
    np.testing.assert_array_equal(copy(x), model(x))
    before = copy.get_weights()[0]
    for net in (model, copy):
        net.train_on_batch(x, x)
    assert not np.allclose(copy.get_weights()[0], before)
    for one, other in zip(copy.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("build", SHAPES)
def test_a_loaded_layer_reads_the_kernel_of_the_dense_layer_beside_it(build, tmp_path):
    model = build()
    once = load_again(model, tmp_path)
    for net in (once, load_again(once, tmp_path)):
        found = named(net)
        assert found["tied_outer"].kernel is found["outer"].kernel
        assert found["tied_inner"].kernel is found["inner"].kernel
        assert found["contraction"].kernel is found["inner"].kernel
        assert net.count_params() == model.count_params()


def test_arguments_come_back(tmp_path):
    found = named(load_again(trained(side_by_side()), tmp_path))
    charged = next(layer for layer in found.values() if isinstance(layer, layers.KLSparsity))
    assert (charged.rho, charged.weight, charged.momentum) == (0.1, 0.2, 0.3)
    assert float(charged.started) == 1 and np.min(charged.average) > 0
    assert found["contraction"].weight == 0.1
    assert found["contraction"].slope(0.5) == 0.25  # the sigmoid's
    assert found["tied_inner"].activation is keras.activations.tanh


def test_a_frozen_dense_layer_stays_frozen_and_in_its_place(tmp_path, images):
    model = side_by_side()
    named(model)["outer"].trainable = False
    copy = load_again(trained(model), tmp_path)
    np.testing.assert_array_equal(copy(images), model(images))
    assert len(copy.trainable_weights) == len(model.trainable_weights)
    tied = named(copy)["tied_outer"]
    assert [id(weight) for weight in tied.trainable_weights] == [id(tied.bias)]


def test_weights_pass_between_a_frozen_and_a_free_net(tmp_path, images):
    frozen, free = side_by_side(), trained(side_by_side())
    named(frozen)["outer"].trainable = False
    free.save_weights(tmp_path / "net.weights.h5")
    frozen.load_weights(tmp_path / "net.weights.h5")
    np.testing.assert_array_equal(frozen(images), free(images))


def test_a_decoder_alone_keeps_the_kernels_that_it_reads(tmp_path):
    _, decoder = parts()
    copy = load_again(decoder, tmp_path)
    codes = np.random.default_rng(0).random((4, CODES), dtype=np.float32)
    np.testing.assert_array_equal(copy(codes), decoder(codes))
    assert copy.count_params() == decoder.count_params()
    again = load_again(copy, tmp_path)
    np.testing.assert_array_equal(again(codes), decoder(codes))


def test_a_new_process_needs_to_import_our_layers_only(tmp_path, images):
    model = trained(side_by_side())
    model.save(tmp_path / "net.keras")
    np.save(tmp_path / "images.npy", images)
    program = """
import sys, aelib.layers, keras, numpy as np
net = keras.models.load_model(sys.argv[1] + "/net.keras")
np.save(sys.argv[1] + "/restored.npy", net(np.load(sys.argv[1] + "/images.npy")))
encoder, decoder = net.layers[1:]
kernels = lambda part: [w for w in part.weights if w.name == "kernel"]
print({id(w) for w in kernels(encoder)} == {id(w) for w in kernels(decoder)})
"""
    done = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path)], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "True"
    restored = np.load(tmp_path / "restored.npy")
    np.testing.assert_allclose(restored, model(images), rtol=1e-6)


@pytest.mark.parametrize("reader", READERS)
def test_what_would_read_a_kernel_of_its_own_is_refused(reader):
    dense = keras.layers.Dense(CODES, "sigmoid")
    x = keras.Input((PIXELS,))
    z = dense(x)
    model = keras.Model(x, READERS[reader](dense)(z))
    for copy in (keras.models.clone_model, lambda net: net.get_config(), keras.Model.to_json):
        with pytest.raises(
            NotImplementedError, match=rf"{reader} cannot .*keras.models.load_model"
        ):
            copy(model)


@pytest.mark.parametrize("reader", READERS)
def test_what_has_no_kernel_to_read_is_refused(reader):
    with pytest.raises(TypeError, match="layer is a Conv2D; pass a Dense layer to read from"):
        READERS[reader](keras.layers.Conv2D(3, 3))
    with pytest.raises(ValueError, match='layer "pixels" has no kernel yet; call it on its input'):
        READERS[reader](keras.layers.Dense(CODES, name="pixels"))
