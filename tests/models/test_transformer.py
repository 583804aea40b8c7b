"""Nets of attention see what they may see, and nothing else."""

from aelib import layers, models, training
import keras
import numpy as np
import pytest

SIDE, PATCH = 8, 4
IMAGES = np.random.default_rng(0).random((6, SIDE, SIDE), dtype=np.float32)
HIDDEN = np.array([[1, 0, 0, 1]] * 6, np.float32)


def small(**options) -> models.MaskedNet:
    keras.utils.set_random_seed(0)
    return models.masked_patches(SIDE, PATCH, width=8, blocks=2, heads=2, **options)


def with_new_quarters(images: np.ndarray, marks: list[int]) -> np.ndarray:
    """Change the quarters of images that are marked with 1."""
    changed = np.random.default_rng(1).random(images.shape, dtype=np.float32)
    marked = np.kron(np.reshape(marks, (2, 2)), np.ones((PATCH, PATCH)))
    return np.where(marked == 1, changed, images).astype(np.float32)


def block(causal: bool) -> keras.Model:
    keras.utils.set_random_seed(0)
    h = keras.Input((5, 8))
    return keras.Model(h, models.transformer_block(h, heads=2, causal=causal))


@pytest.mark.parametrize("causal", [False, True])
def test_a_causal_block_looks_back_only(causal):
    vectors = np.random.default_rng(0).random((1, 5, 8), dtype=np.float32)
    later = vectors.copy()
    later[:, 3:] = later[:, 3:, ::-1]
    net = block(causal)
    moved = np.abs(net(later) - net(vectors)).max(axis=(0, 2)) > 1e-6
    np.testing.assert_array_equal(moved, [not causal] * 3 + [True, True])


@pytest.mark.parametrize(
    ("heads", "error", "message"),
    [
        (3, ValueError, "heads is 3; pass a divisor of the width 8"),
        (0, ValueError, "heads == 0, must be >= 1"),
        (-2, ValueError, "heads == -2, must be >= 1"),
        (2.0, TypeError, "heads must be an instance of int"),
    ],
)
def test_heads_that_do_not_divide_the_width_are_refused(heads, error, message):
    with pytest.raises(error, match=message):
        models.transformer_block(keras.Input((5, 8)), heads=heads)


def test_a_block_treats_all_places_alike():
    vectors = np.random.default_rng(0).random((1, 5, 8), dtype=np.float32)
    order = [3, 0, 4, 1, 2]
    net = block(causal=False)
    np.testing.assert_allclose(net(vectors[:, order]), net(vectors).numpy()[:, order], atol=1e-5)


def test_seen_patches_come_back_as_they_are_and_hidden_ones_do_not():
    painted = small().painter([IMAGES, HIDDEN]).numpy()
    np.testing.assert_array_equal(painted[:, :4, 4:], IMAGES[:, :4, 4:])
    np.testing.assert_array_equal(painted[:, 4:, :4], IMAGES[:, 4:, :4])
    assert (painted[:, :4, :4] != IMAGES[:, :4, :4]).all()


def test_what_is_hidden_does_not_change_the_answer_and_what_is_seen_does():
    net = small()
    painted = net.painter([IMAGES, HIDDEN]).numpy()
    same = net.painter([with_new_quarters(IMAGES, [1, 0, 0, 1]), HIDDEN])
    np.testing.assert_array_equal(painted, same)
    other = net.painter([with_new_quarters(IMAGES, [0, 1, 0, 0]), HIDDEN]).numpy()
    assert np.abs(painted - other)[:, 4:, 4:].max() > 1e-6


def test_the_loss_counts_hidden_patches_alone():
    net = small(share=1.0)
    net.model.compile(loss="mse", run_eagerly=True)
    nothing, all_of_it = np.zeros((6, 4), np.float32), np.ones((6, 4), np.float32)
    assert np.mean((net.painter([IMAGES, nothing]) - IMAGES) ** 2) == 0
    assert net.model.evaluate(IMAGES, IMAGES, verbose=0) == 0
    expected = np.mean((net.painter([IMAGES, all_of_it]) - IMAGES) ** 2)
    net.model.reset_metrics()  # what evaluate counted stays in the mean, up to Keras 3.8
    assert net.model.train_on_batch(IMAGES, IMAGES) == pytest.approx(expected, rel=1e-5)


def test_the_three_models_share_their_layers():
    net = small()
    weights = {id(weight) for weight in net.model.trainable_weights}
    assert {id(weight) for weight in net.encoder.trainable_weights} < weights
    assert {id(weight) for weight in net.painter.trainable_weights} == weights


def test_number_of_parameters():
    """Start, then two norms, attention and dense layers a block, then a norm and the pixels."""
    width, pixels, count = 8, PATCH**2, 4
    start = (pixels + 1) * width + width + count * width
    attention = 4 * (width + 1) * width
    dense = (width + 1) * 2 * width + (2 * width + 1) * width
    end = 2 * width + (width + 1) * pixels
    assert small().painter.count_params() == start + 2 * (4 * width + attention + dense) + end


def test_it_learns_what_can_be_known():
    """Images of one grey level: what is hidden equals what is seen."""
    levels = np.random.default_rng(0).random((512, 1, 1), dtype=np.float32)
    images = np.tile(levels, (1, SIDE, SIDE))
    net = small(share=0.5)
    net.model.compile(loss="mse", optimizer=keras.optimizers.Adam(0.01))
    history = training.fit(net.model, images, images, epochs=12, batch_size=32).history
    hidden = np.tile(HIDDEN[:1], (512, 1))
    error = np.mean((net.painter([images, hidden]).numpy() - images)[:, :4, :4] ** 2)
    assert history["loss"][-1] < history["loss"][0] / 5
    assert error < images.var() / 20


def test_training_repeats_with_the_seed():
    def losses():
        net = small()
        net.model.compile(loss="mse", optimizer="adam", jit_compile=False)
        return training.fit(net.model, IMAGES, IMAGES, epochs=3, batch_size=2).history["loss"]

    first = losses()
    assert len(set(first)) == 3
    assert losses() == first


def test_a_saved_net_is_loaded_without_its_classes_named(tmp_path):
    net = small()
    net.model.save(tmp_path / "net.keras")
    loaded = keras.models.load_model(tmp_path / "net.keras")
    painter = loaded.get_layer("painter")
    np.testing.assert_array_equal(painter([IMAGES, HIDDEN]), net.painter([IMAGES, HIDDEN]))
    (drawn,) = (layer for layer in loaded.layers if isinstance(layer, layers.RandomMask))
    assert drawn.share == 0.75


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"side": 8.5}, "side"),
        ({"side": 0}, "side"),
        ({"patch": 3}, "patch is 3; pass a divisor of the side 8"),
        ({"patch": 0}, "patch"),
        ({"width": 0}, "width"),
        ({"blocks": 0}, "blocks"),
        ({"heads": 3}, "heads is 3; pass a divisor"),
        ({"share": 2}, "share"),
    ],
)
def test_what_is_no_net_is_named(options, named):
    with pytest.raises((TypeError, ValueError), match=named):
        models.masked_patches(**{"side": SIDE, "patch": PATCH, "width": 8} | options)
