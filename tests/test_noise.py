"""Noise has the shares and moments that it promises, and leaves its input alone."""

import inspect
import math

from aelib import noise
import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm

KINDS = [noise.gaussian, noise.masking, noise.salt_and_pepper]
RATIO_KINDS = [noise.masking, noise.salt_and_pepper]
SHAPE = (50, 20, 20)
COUNT = math.prod(SHAPE)


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


@pytest.fixture
def images() -> np.ndarray:
    """Grey levels strictly between 0 and 1, so that lost pixels can be told from kept ones."""
    return rng(7).uniform(0.2, 0.8, SHAPE).astype(np.float32)


def within_sampling_error(share: float, expected: float, count: int) -> bool:
    """Compare an observed share with a probability: five standard deviations of a binomial."""
    return abs(share - expected) < 5 * np.sqrt(expected * (1 - expected) / count)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.float16])
@pytest.mark.parametrize("shape", [(3, 784), (2, 28, 28), (4, 5, 6, 1), (9,), (0, 784)])
def test_shape_and_dtype_stay(kind, dtype, shape):
    noisy = kind(np.full(shape, 0.5, dtype), 0.3, rng())
    assert noisy.shape == shape
    assert noisy.dtype == dtype


@pytest.mark.parametrize("kind", KINDS)
def test_the_input_is_read_only_to_us(kind, images):
    before = images.copy()
    images.setflags(write=False)
    noisy = kind(images, 0.3, rng())
    np.testing.assert_array_equal(images, before)
    assert not np.shares_memory(noisy, images)


@pytest.mark.parametrize("kind", KINDS)
def test_the_generator_decides(kind, images):
    np.testing.assert_array_equal(kind(images, 0.3, rng(1)), kind(images, 0.3, rng(1)))
    assert (kind(images, 0.3, rng(1)) != kind(images, 0.3, rng(2))).any()
    source = rng(1)
    assert (kind(images, 0.3, source) != kind(images, 0.3, source)).any()


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_happens_at_zero(kind, images):
    noisy = kind(images, 0, rng())
    np.testing.assert_array_equal(noisy, images)
    assert not np.shares_memory(noisy, images)


@pytest.mark.parametrize("kind", KINDS)
def test_pixels_are_corrupted_independently(kind):
    changed = kind(np.full((4000, 10), 0.5), 0.4, rng()) - 0.5
    correlations = np.corrcoef(changed.T)[np.triu_indices(10, k=1)]
    assert np.abs(correlations).max() < 5 / np.sqrt(4000)


@pytest.mark.parametrize("scale", [0.05, 0.5, 2.0])
def test_gaussian_noise_has_the_scale_and_no_bias_before_clipping(images, scale):
    change = noise.gaussian(images.astype(float), scale, rng(), clip=False) - images
    assert abs(change.mean()) < 5 * scale / np.sqrt(COUNT)
    assert abs(change.std() / scale - 1) < 5 / np.sqrt(2 * COUNT)
    tail = np.mean(np.abs(change) > 1.96 * scale)
    assert within_sampling_error(tail, 2 * norm.sf(1.96), COUNT)


@pytest.mark.parametrize("pixel", [0.0, 0.3, 1.0])
def test_clipped_noise_piles_up_at_the_limits(pixel):
    noisy = noise.gaussian(np.full(SHAPE, pixel), 0.5, rng())
    assert noisy.min() == 0
    assert noisy.max() == 1
    assert within_sampling_error(np.mean(noisy == 0), norm.cdf(0, pixel, 0.5), COUNT)
    assert within_sampling_error(np.mean(noisy == 1), norm.sf(1, pixel, 0.5), COUNT)


def test_clipping_is_the_only_difference(images):
    loose = noise.gaussian(images, 0.5, rng(), clip=False)
    assert loose.min() < 0
    assert loose.max() > 1
    np.testing.assert_array_equal(noise.gaussian(images, 0.5, rng()), np.clip(loose, 0, 1))


@pytest.mark.parametrize("ratio", [0.1, 0.3, 0.9])
def test_masking_loses_its_share_and_keeps_the_rest_as_it_was(images, ratio):
    noisy = noise.masking(images, ratio, rng())
    lost = noisy == 0
    assert within_sampling_error(lost.mean(), ratio, COUNT)
    np.testing.assert_array_equal(noisy[~lost], images[~lost])


@pytest.mark.parametrize("ratio", [0.1, 0.3, 0.9])
def test_salt_and_pepper_come_in_equal_shares(images, ratio):
    noisy = noise.salt_and_pepper(images, ratio, rng())
    black, white = noisy == 0, noisy == 1
    assert within_sampling_error(black.mean(), ratio / 2, COUNT)
    assert within_sampling_error(white.mean(), ratio / 2, COUNT)
    kept = ~(black | white)
    np.testing.assert_array_equal(noisy[kept], images[kept])


def test_everything_is_lost_at_one(images):
    np.testing.assert_array_equal(noise.masking(images, 1, rng()), np.zeros(SHAPE))
    assert set(np.unique(noise.salt_and_pepper(images, 1, rng()))) == {0, 1}


@pytest.mark.parametrize("kind", RATIO_KINDS)
@pytest.mark.parametrize("ratio", [-0.1, 1.1, 30, float("nan"), None, "0.5"])
def test_a_ratio_that_is_no_share_is_named(kind, ratio, images):
    with pytest.raises(ValueError, match=f"ratio is {ratio}"):
        kind(images, ratio, rng())


@pytest.mark.parametrize("scale", [-0.5, float("inf"), float("nan"), None, "0.5"])
def test_a_scale_that_is_no_deviation_is_named(scale, images):
    with pytest.raises(ValueError, match=f"scale is {scale}"):
        noise.gaussian(images, scale, rng())


@pytest.mark.parametrize("kind", KINDS)
def test_integer_pixels_are_refused(kind):
    with pytest.raises(TypeError, match="uint8"):
        kind(np.full((2, 784), 255, np.uint8), 0.5, rng())


BAD_IMAGES = {
    "images contains NaN": np.array([[0.5, np.nan]]),
    "images contains infinity": np.array([[0.5, np.inf]]),
    "images must be grey levels in .* from 0 to 255": np.array([[0.0, 255.0]]),
    "images must be grey levels in .* from -1 to 1": np.array([[-1.0, 1.0]]),
    "images must be an array": 0.5,
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("message", BAD_IMAGES)
def test_images_that_are_no_grey_levels_are_named(kind, message):
    with pytest.raises(ValueError, match=message):
        kind(BAD_IMAGES[message], 0.5, rng())


@pytest.mark.parametrize("kind", KINDS)
def test_a_level_off_by_rounding_is_a_grey_level(kind):
    kind(np.array([-1e-7, 0.5, 1 + 1e-7]), 0.5, rng())


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("seed", [0, None, "0", np.random, np.random.RandomState(0)])
def test_a_seed_is_no_generator(kind, seed, images):
    with pytest.raises(TypeError, match="rng is .*pass a generator"):
        kind(images, 0.5, seed)
    with pytest.raises(TypeError, match="rng is .*pass a generator"):
        kind(images, 0.5, rng=seed)


@pytest.mark.parametrize("kind", KINDS)
def test_images_go_by_position(kind):
    pixels = rng(3).random((20, 30))
    frame = pd.DataFrame(pixels, index=rng(4).permutation(20))
    np.testing.assert_array_equal(kind(frame, 0.5, rng()), kind(pixels, 0.5, rng()))


@pytest.mark.parametrize("kind", KINDS)
def test_the_check_of_the_generator_hides_neither_name_nor_signature(kind):
    assert kind is getattr(noise, kind.__name__)
    assert list(inspect.signature(kind).parameters)[:1] == ["images"]
    assert "rng : where" in inspect.getdoc(kind)
