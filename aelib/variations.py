"""Eight data sets to compare classifiers on: digits made harder, rectangles and convex shapes.

All are 28 × 28 grey levels. Source: Larochelle et al. 2007, "An empirical evaluation of deep
architectures on problems with many factors of variation", doi 10.1145/1273496.1273556, section 4.
Their random numbers and photographs are not ours, so the images differ; how they are made does not.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from numbers import Integral

from aelib import _checks
from aelib.data import Digits
import numpy as np
from scipy.ndimage import rotate
from skimage import color
from skimage import data as photos
from skimage.morphology import convex_hull_image
from sklearn.datasets import load_sample_image
from sklearn.utils import check_scalar

SIDE = 28
OF_DIGITS = ("basic", "rot", "bg-rand", "bg-img", "rot-bg-img")
NAMES = (*OF_DIGITS, "rect", "rect-img", "convex")
# How many images to train on, to choose settings with and to test with: as in the published files.
SIZES = dict.fromkeys(NAMES, (10_000, 2000, 50_000))
SIZES |= {"rect": (1000, 200, 50_000), "convex": (6500, 1500, 50_000)}
TEXTURE = 0.1  # the standard deviation of grey levels that a piece of a photograph must reach
# For a convex shape: the parameter of the geometric distribution from which the number of its
# half-planes comes, and how many pixels it has at least. The paper has 0.07 for the shapes that are
# united, which makes both classes equally bright there; with our half-planes 0.033 does.
ALONE, IN_UNIONS = (0.195, 19), (0.033, 10)
# In scikit-image, free of copyright: astronaut (NASA), brick and gravel (CC0Textures), camera
# (L. Varshney), cat (S. van der Walt), coffee (R. Michetti), coins (Brooklyn Museum), grass
# (linolafett), rocket (SpaceX). In scikit-learn, CC BY 2.0: china (danielbuechele), flower
# (vultilion).
OF_SKIMAGE = (
    "astronaut", "brick", "camera", "cat", "coffee", "coins", "grass", "gravel", "rocket",
)  # fmt: skip
OF_SKLEARN = ("china.jpg", "flower.jpg")


@dataclass(frozen=True, eq=False, repr=False)
class Problem:
    """A data set in three parts; the arrays are read-only.

    Attributes
    ----------
    name : one of `NAMES`
    x_train, x_valid, x_test : (n, 28, 28) float32 arrays, grey levels in [0, 1]
    y_train, y_valid, y_test : (n,) int64 arrays, the classes: digits 0 to 9; 1 for a rectangle that
        is higher than wide, and for a convex shape, else 0
    """

    name: str
    x_train: np.ndarray
    y_train: np.ndarray
    x_valid: np.ndarray
    y_valid: np.ndarray
    x_test: np.ndarray
    y_test: np.ndarray

    def __post_init__(self) -> None:
        for array in list(vars(self).values())[1:]:
            array.setflags(write=False)

    def __repr__(self) -> str:
        counts = [len(y) for y in (self.y_train, self.y_valid, self.y_test)]
        return f"Problem({self.name}, {' + '.join(f'{count:,}' for count in counts)})"

    @property
    def classes(self) -> int:
        """How many classes there are: 10 or 2."""
        return 10 if self.name in OF_DIGITS else 2


def load(
    name: str, digits: Digits, sizes: tuple[int, int, int] | None = None, seed: int = 0
) -> Problem:
    """Make one of the eight data sets.

    | name | what an image is |
    | --- | --- |
    | basic | a digit of MNIST |
    | rot | the digit, turned by any angle |
    | bg-rand | the digit on noise: each pixel of the background is uniform in [0, 1] |
    | bg-img | the digit on a piece of a photograph |
    | rot-bg-img | the digit, turned, on a piece of a photograph |
    | rect | the outline of a rectangle: is it higher than wide? |
    | rect-img | a rectangle cut from one photograph, on a piece of another |
    | convex | a white shape: is it convex? |

    Parameters
    ----------
    name : one of `NAMES`
    digits : where the digits come from, training and test set taken together; for the same seed and
        sizes all data sets of digits hold the same digits in the same order
    sizes : how many images to train on, to choose settings with and to test with; those of `SIZES`
        if left out
    seed : any integer from 0 on; it decides all that is random

    Raises
    ------
    TypeError
        If `seed` is no integer.
    ValueError
        If there is no such data set, `sizes` are not three integers of at least 1, `seed` is below
        0, or there are fewer digits than asked for.

    Source: Larochelle et al. 2007, section 4.
    """
    if name not in NAMES:
        raise ValueError(f"name is {name!r}; pass one of {', '.join(NAMES)}")
    sizes = _checks.integers(sizes or SIZES[name], "sizes", 3, low=1).tolist()
    check_scalar(seed, "seed", Integral, min_val=0)
    count, rng = sum(sizes), np.random.default_rng((seed, NAMES.index(name)))
    if name in OF_DIGITS:
        x, y = _draw_digits(digits, count, seed)
        if "rot" in name:
            x = turn(x, rng)
        if name == "bg-rand":
            x = lay_on(x, rng.random(x.shape))
        if name.endswith("bg-img"):
            x = lay_on(x, pieces(count, rng))
    else:
        make: dict[str, Callable] = {
            "rect": rectangles, "rect-img": image_rectangles, "convex": convex_shapes
        }  # fmt: skip
        x, y = make[name](count, rng)
    ends = np.cumsum(sizes)[:-1]
    x, y = np.split(x.astype(np.float32), ends), np.split(y.astype(np.int64), ends)
    return Problem(name, *(part for pair in zip(x, y, strict=True) for part in pair))


def turn(images: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Turn each image around its middle by an angle of its own, from 0 to 360 degrees.

    Parameters
    ----------
    images : (n, height, width) array; what turns in from outside is 0

    Returns
    -------
    An array of the same shape, grey levels interpolated linearly.
    """
    angles = rng.uniform(0, 360, len(images))
    pairs = zip(images, angles, strict=True)
    return np.stack([rotate(image, angle, reshape=False, order=1) for image, angle in pairs])


def lay_on(ink: np.ndarray, paper: np.ndarray) -> np.ndarray:
    """Lay ink on paper: where ink is 1 nothing shows through, where it is 0 only the paper does."""
    return ink + (1 - ink) * paper


def pieces(count: int, rng: np.random.Generator) -> np.ndarray:
    """Cut square pieces out of photographs at random, none without texture.

    A piece whose grey levels have a standard deviation below `TEXTURE` is drawn again.

    Returns
    -------
    (count, 28, 28) float array, grey levels in [0, 1].
    """
    pictures = photographs()
    cut = []
    while len(cut) < count:
        picture = pictures[rng.integers(len(pictures))]
        top, left = rng.integers(np.subtract(picture.shape, SIDE - 1))
        piece = picture[top : top + SIDE, left : left + SIDE]
        if piece.std() >= TEXTURE:
            cut.append(piece)
    return np.stack(cut)


@cache
def photographs() -> list[np.ndarray]:
    """Take the photographs that come with scikit-image and scikit-learn, as grey levels.

    Returns
    -------
    (height, width) float arrays in [0, 1], in the order of `OF_SKIMAGE` and `OF_SKLEARN`.
    """
    pictures = [getattr(photos, name)() for name in OF_SKIMAGE]
    pictures += [load_sample_image(name) for name in OF_SKLEARN]
    return [color.rgb2gray(p) if p.ndim == 3 else p / 255 for p in pictures]


def rectangles(count: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Draw outlines of rectangles, whose sides differ by three pixels at least.

    Returns
    -------
    (count, 28, 28) array of 0 and 1; (count,) labels, 1 where the rectangle is higher than wide.
    """
    tops, lefts, heights, widths = _sides(count, rng, low=1, apart=3)
    whole = _filled(tops, lefts, heights, widths)
    inside = _filled(tops + 1, lefts + 1, heights - 2, widths - 2)
    return whole & ~inside, heights > widths


def image_rectangles(count: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Cut rectangles out of pieces of photographs and lay them on other pieces.

    Sides have ten pixels at least and differ by five at least; a rectangle covers between a quarter
    and three quarters of the image.

    Returns
    -------
    (count, 28, 28) array in [0, 1]; (count,) labels, 1 where the rectangle is higher than wide.
    """
    tops, lefts, heights, widths = _sides(count, rng, low=10, apart=5, area=(0.25, 0.75))
    inside = _filled(tops, lefts, heights, widths)
    return np.where(inside, pieces(count, rng), pieces(count, rng)), heights > widths


def convex_shapes(count: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Draw white shapes, half of them convex.

    A convex shape is what a random number of half-planes have in common, at least 19 pixels. The
    others are unions of two to four such shapes, smaller ones, that are not convex. The mean grey
    level is the same in both classes.

    Returns
    -------
    (count, 28, 28) array of 0 and 1; (count,) labels, 1 where the shape is convex.
    """
    labels = rng.permutation(np.arange(count) % 2)
    return np.stack([_convex(rng, *ALONE) if y else _not_convex(rng) for y in labels]), labels


def is_convex(shape: np.ndarray) -> bool:
    """Tell whether a (height, width) shape holds every pixel between its own.

    It does if no other pixel's middle lies in the convex hull of the middles of its pixels.
    """
    return bool((convex_hull_image(shape, offset_coordinates=False) <= shape).all())


def _draw_digits(digits: Digits, count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Draw digits and their labels from both sets, none twice."""
    x = np.concatenate([digits.x_train, digits.x_test])
    y = np.concatenate([digits.y_train, digits.y_test])
    if count > len(x):
        raise ValueError(
            f"sizes add up to {count:,}, and there are {len(x):,} digits: ask for less"
        )
    chosen = np.random.default_rng(seed).permutation(len(x))[:count]
    return x[chosen], y[chosen]


def _sides(
    count: int,
    rng: np.random.Generator,
    low: int,
    apart: int,
    area: tuple[float, float] = (0, 1),
) -> tuple[np.ndarray, ...]:
    """Draw where rectangles begin and how long they are, again until they are as asked for.

    Returns
    -------
    Four (count,) arrays of integers: top, left, height, width.
    """
    found = np.zeros((0, 2), int)
    while len(found) < count:
        sides = rng.integers(low, SIDE + 1, (count, 2))
        share = sides.prod(axis=1) / SIDE**2
        fits = (abs(sides[:, 0] - sides[:, 1]) >= apart) & (share >= area[0]) & (share <= area[1])
        found = np.concatenate([found, sides[fits]])[:count]
    tops, lefts = rng.integers(SIDE - found + 1).T
    return tops, lefts, *found.T


def _filled(tops: np.ndarray, lefts: np.ndarray, heights: np.ndarray, widths: np.ndarray):
    """Fill rectangles, (n, 28, 28) booleans; none where a side has no pixel."""
    pixel = np.arange(SIDE)
    rows = (pixel >= tops[:, None]) & (pixel < (tops + heights)[:, None])
    columns = (pixel >= lefts[:, None]) & (pixel < (lefts + widths)[:, None])
    return rows[:, :, None] & columns[:, None, :]


def _convex(rng: np.random.Generator, chance: float, pixels: int) -> np.ndarray:
    """Intersect half-planes around a common point, a geometric number, to so many pixels or more.

    Without the point most intersections of many half-planes would be empty, and drawing those again
    would leave only the few.
    """
    middles = np.stack(np.mgrid[:SIDE, :SIDE], axis=-1) + 0.5
    while True:
        planes, point = rng.geometric(chance), rng.uniform(0, SIDE, 2)
        angles, through = rng.uniform(0, 2 * np.pi, planes), rng.uniform(0, SIDE, (planes, 2))
        normals = np.stack([np.sin(angles), np.cos(angles)])
        edges = np.sum(normals.T * through, axis=1)
        side = np.sign(point @ normals - edges)
        shape = (side * (middles @ normals - edges) >= 0).all(axis=-1)
        if shape.sum() >= pixels:
            return shape


def _not_convex(rng: np.random.Generator) -> np.ndarray:
    """Unite two to four convex shapes until the union is not convex."""
    while True:
        count = rng.integers(2, 5)
        shape = np.any([_convex(rng, *IN_UNIONS) for _ in range(count)], axis=0)
        if not is_convex(shape):
            return shape
