"""Ways to corrupt images: what a denoising autoencoder gets to see.

Source: Vincent et al. 2010, "Stacked denoising autoencoders", JMLR 11:3371–3408, section 3.3.
"""

from collections.abc import Callable
from functools import wraps
from inspect import signature

from aelib import _checks
import numpy as np


def _images(images: np.ndarray) -> np.ndarray:
    """Refuse integers, which would cut the grey levels off, and what is no grey level."""
    images = np.asarray(images)
    if images.dtype.kind != "f":
        raise TypeError(
            f"images hold {images.dtype}; pass floats in [0, 1], such as pixels / 255 gives"
        )
    return _checks.grey_levels(images, "images", empty=True)


def _check_ratio(ratio: float) -> None:
    """Refuse what is no probability; NaN is none either."""
    _checks.number(ratio, "ratio", lambda r: 0 <= r <= 1, "a share of the pixels, from 0 to 1")


def gaussian(
    images: np.ndarray, scale: float, rng: np.random.Generator, *, clip: bool = True
) -> np.ndarray:
    """Add Gaussian noise to every pixel, independently of all others.

    Parameters
    ----------
    images : float array of any shape, grey levels in [0, 1]
    scale : standard deviation of the noise, in grey levels, before clipping
    rng : where the noise comes from; the same state gives the same noise
    clip : cut the result to [0, 1], so that it is an image again. On black and on white pixels
        this removes half of the noise, and the mean of what is left is no longer the pixel.

    Returns
    -------
    A corrupted copy, same shape and dtype.

    Raises
    ------
    TypeError
        If `images` do not hold floats or `rng` is no generator.
    ValueError
        If `images` lie outside [0, 1]; if `scale` is no number, negative, infinite or NaN.

    Source: Vincent et al. 2010, section 3.3, "additive isotropic Gaussian noise".
    """
    images = _images(images)
    _checks.number(scale, "scale", lambda s: 0 <= s < np.inf, "a standard deviation of at least 0")
    noisy = images + scale * rng.standard_normal(images.shape)
    return (np.clip(noisy, 0, 1) if clip else noisy).astype(images.dtype)


def masking(images: np.ndarray, ratio: float, rng: np.random.Generator) -> np.ndarray:
    """Set each pixel to zero with a given probability, independently of all others.

    Parameters
    ----------
    images : float array of any shape, grey levels in [0, 1]
    ratio : probability that a pixel is lost, in [0, 1]
    rng : where the mask comes from; the same state gives the same mask

    Returns
    -------
    A corrupted copy, same shape and dtype. Pixels that stay are not scaled up, as dropout does.

    Raises
    ------
    TypeError
        If `images` do not hold floats or `rng` is no generator.
    ValueError
        If `images` or `ratio` lie outside [0, 1].

    Source: Vincent et al. 2010, section 3.3, "masking noise", who fix the number of lost pixels
    of an image where here it varies around its mean.
    """
    images = _images(images)
    _check_ratio(ratio)
    lost = rng.random(images.shape) < ratio
    return np.where(lost, 0, images).astype(images.dtype)


def salt_and_pepper(images: np.ndarray, ratio: float, rng: np.random.Generator) -> np.ndarray:
    """Set each pixel, with a given probability, to black or to white, whichever a fair coin says.

    Parameters
    ----------
    images : float array of any shape, grey levels in [0, 1]
    ratio : probability that a pixel is replaced, in [0, 1]; half of these become 0, half 1
    rng : where the noise comes from; the same state gives the same noise

    Returns
    -------
    A corrupted copy, same shape and dtype.

    Raises
    ------
    TypeError
        If `images` do not hold floats or `rng` is no generator.
    ValueError
        If `images` or `ratio` lie outside [0, 1].

    Source: Vincent et al. 2010, section 3.3, "salt-and-pepper noise".
    """
    images = _images(images)
    _check_ratio(ratio)
    draw = rng.random(images.shape)  # below ratio / 2: pepper; from there to ratio: salt
    noisy = np.where(draw < ratio, draw >= ratio / 2, images)
    return noisy.astype(images.dtype)


def _with_generator(corrupt: Callable[..., np.ndarray]) -> Callable[..., np.ndarray]:
    """Refuse a seed in place of a generator: it would give every call the same noise."""
    parameters = signature(corrupt)

    @wraps(corrupt)
    def checked(*args: object, **options: object) -> np.ndarray:
        rng = parameters.bind(*args, **options).arguments["rng"]
        if not isinstance(rng, np.random.Generator):
            raise TypeError(f"rng is {rng!r}; pass a generator, as np.random.default_rng(0) makes")
        return corrupt(*args, **options)

    return checked


# Around the functions, not as decorators above them: notebook 09 shows what they do to an image.
gaussian, masking, salt_and_pepper = map(_with_generator, (gaussian, masking, salt_and_pepper))
