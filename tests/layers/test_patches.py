"""Patches are cut and joined exactly; hidden parts are drawn as asked and tell nothing."""

from aelib import layers
import keras
import numpy as np
import pytest

IMAGES = np.random.default_rng(0).random((3, 6, 8), dtype=np.float32)


@pytest.mark.parametrize("side", [1, 2])
def test_patches_stand_as_one_reads_them(side):
    patches = layers.Patches(side)(IMAGES).numpy()
    cut = [
        IMAGES[:, y : y + side, x : x + side].reshape(3, -1)
        for y in range(0, 6, side)
        for x in range(0, 8, side)
    ]
    np.testing.assert_array_equal(patches, np.stack(cut, axis=1))


@pytest.mark.parametrize(("height", "width", "side"), [(28, 28, 4), (28, 28, 7), (6, 8, 2)])
def test_joined_patches_are_the_image(height, width, side):
    images = np.random.default_rng(1).random((2, height, width), dtype=np.float32)
    joined = layers.JoinPatches(height, width)(layers.Patches(side)(images))
    np.testing.assert_array_equal(joined, images)


def test_shapes_are_known_before_any_image_comes():
    patches = layers.Patches(4)(keras.Input((28, 28)))
    assert patches.shape == (None, 49, 16)
    assert layers.JoinPatches(28, 28)(patches).shape == (None, 28, 28)
    assert layers.Positions()(patches).shape == (None, 49, 16)
    assert layers.MaskToken()(patches, keras.Input((49,))).shape == (None, 49, 16)
    assert layers.RandomMask(0.5)(patches).shape == (None, 49)


@pytest.mark.parametrize("shape", [(28, 30), (30, 28), (28,), (28, 28, 1), (None, 28)])
def test_images_that_cannot_be_cut_are_refused(shape):
    with pytest.raises(ValueError, match=r"cuts \(n, H, W\) images into patches of side 4"):
        layers.Patches(4)(keras.Input(shape))


@pytest.mark.parametrize("shape", [(49, 15), (48, 16), (16,), (49, 4, 4), (4, 196 // 4)])
def test_patches_that_cannot_be_joined_are_refused(shape):
    with pytest.raises(ValueError, match="square patches that fill 28 × 28"):
        layers.JoinPatches(28, 28)(keras.Input(shape))


@pytest.mark.parametrize("side", [0, -1, 2.5, None])
def test_a_side_that_is_none_is_named(side):
    with pytest.raises((TypeError, ValueError), match="side"):
        layers.Patches(side)
    with pytest.raises((TypeError, ValueError), match="height"):
        layers.JoinPatches(side, 28)
    with pytest.raises((TypeError, ValueError), match="width"):
        layers.JoinPatches(28, side)


def test_positions_adds_its_table():
    vectors = np.zeros((2, 5, 3), np.float32)
    layer = layers.Positions()
    once = layer(vectors)
    np.testing.assert_array_equal(once[0], layer.table)
    np.testing.assert_allclose(layer(vectors + 2), once + 2, rtol=1e-6)
    assert len(np.unique(once[0])) == 15


def test_a_hidden_vector_does_not_come_through_and_a_seen_one_does():
    vectors = np.random.default_rng(0).random((2, 3, 4), dtype=np.float32)
    hidden = np.array([[1, 0, 0], [0, 1, 1]], np.float32)
    layer = layers.MaskToken()
    out = layer(vectors, hidden).numpy()
    np.testing.assert_array_equal(out[hidden == 0], vectors[hidden == 0])
    np.testing.assert_array_equal(out[hidden == 1], np.tile(layer.token, (3, 1)))
    other = layer(vectors + hidden[:, :, None], hidden)
    np.testing.assert_array_equal(out, other)


@pytest.mark.parametrize("shape", [(3,), (None, 3), (3, None)])
def test_a_sequence_of_unknown_size_is_refused(shape):
    with pytest.raises(ValueError, match="N and width known"):
        layers.Positions()(keras.Input(shape))


@pytest.mark.parametrize("share", [0, 0.25, 0.9, 1])
def test_parts_are_hidden_as_often_as_asked(share):
    keras.utils.set_random_seed(0)
    hidden = layers.RandomMask(share)(np.zeros((2000, 9, 2)), training=True).numpy()
    assert set(np.unique(hidden)) <= {0, 1}
    # Five standard deviations of the mean of 18,000 tosses.
    assert abs(hidden.mean() - share) <= 5 * np.sqrt(share * (1 - share) / hidden.size)
    counts = hidden.sum(axis=1)
    assert counts.var() == pytest.approx(9 * share * (1 - share), rel=0.2)


def test_what_is_hidden_is_drawn_anew_and_repeats_with_the_seed():
    def draw():
        keras.utils.set_random_seed(3)
        layer = layers.RandomMask(0.5)
        return [layer(np.zeros((20, 9)), training=True).numpy() for _ in range(2)]

    first, second = draw()
    assert (first != second).any()
    np.testing.assert_array_equal(draw(), [first, second])


def test_in_use_nothing_is_hidden():
    assert not layers.RandomMask(0.9)(np.zeros((5, 7))).numpy().any()


@pytest.mark.parametrize("share", [-0.1, 1.1, float("nan"), "half", None])
def test_a_share_that_is_none_is_named(share):
    with pytest.raises((TypeError, ValueError), match="share"):
        layers.RandomMask(share)
