"""The eight data sets are made as the paper says, and the same each time."""

from itertools import combinations

from aelib import variations
from aelib.data import Digits
import numpy as np
import pytest

SIZES = (60, 20, 40)
COUNT = sum(SIZES)


def make_digits():
    """Images of a single pixel each, at a place of its own, instead of digits."""
    x = np.zeros((200, 28, 28), np.float32)
    x.reshape(200, 784)[np.arange(200), np.arange(200)] = 1
    y = np.arange(200) % 10
    return Digits(x[:150], y[:150], x[150:], y[150:], "pixels")


DIGITS = make_digits()
PROBLEMS = {name: variations.load(name, DIGITS, SIZES) for name in variations.NAMES}


def images(name):
    p = PROBLEMS[name]
    return np.concatenate([p.x_train, p.x_valid, p.x_test])


def labels(name):
    p = PROBLEMS[name]
    return np.concatenate([p.y_train, p.y_valid, p.y_test])


@pytest.mark.parametrize("name", variations.NAMES)
def test_three_parts_of_grey_levels_and_classes(name):
    problem = PROBLEMS[name]
    for part, size in zip(("train", "valid", "test"), SIZES, strict=True):
        x, y = getattr(problem, f"x_{part}"), getattr(problem, f"y_{part}")
        assert x.shape == (size, 28, 28) and x.dtype == np.float32
        assert y.shape == (size,) and y.dtype == np.int64
        assert x.min() >= 0 and x.max() <= 1
        assert not x.flags.writeable and not y.flags.writeable
    assert set(labels(name)) == set(range(problem.classes))


@pytest.mark.parametrize("name", variations.NAMES)
def test_seed_decides_all(name):
    same, other = (variations.load(name, DIGITS, SIZES, seed).x_test for seed in (0, 1))
    np.testing.assert_array_equal(same, PROBLEMS[name].x_test)
    assert not np.array_equal(other, PROBLEMS[name].x_test)


def test_no_digit_is_drawn_twice_and_each_keeps_its_label():
    places = images("basic").reshape(COUNT, -1).argmax(axis=1)
    assert len(set(places)) == COUNT
    np.testing.assert_array_equal(labels("basic"), places % 10)


def test_all_sets_of_digits_hold_the_same_ones_in_the_same_order():
    for name in variations.OF_DIGITS[1:]:
        np.testing.assert_array_equal(labels(name), labels("basic"))
    ink = images("basic") == 1
    for name in ("bg-rand", "bg-img"):
        assert (images(name)[ink] == 1).all()


def test_too_few_digits_are_refused():
    with pytest.raises(ValueError, match="201, and there are 200 digits: ask for less"):
        variations.load("basic", DIGITS, (100, 50, 51))
    assert len(variations.load("rect", DIGITS, (100, 50, 51)).x_test) == 51


def test_other_arguments_are_refused():
    with pytest.raises(ValueError, match="pass one of basic, rot, bg-rand"):
        variations.load("mnist", DIGITS, SIZES)
    with pytest.raises(ValueError, match="sizes must be at least 1"):
        variations.load("rect", DIGITS, (10, 0, 10))
    for sizes in ((10, 10), (10, 10, 10, 10), 10, (10, 10, 2.5)):
        with pytest.raises(ValueError, match=r"sizes must be integers in one row, shape \(3,\)"):
            variations.load("basic", DIGITS, sizes)
    with pytest.raises(ValueError, match="seed"):
        variations.load("rect", DIGITS, SIZES, seed=-1)


def test_turning_keeps_a_disc_and_takes_a_bar_to_all_directions():
    y, x = np.mgrid[:28, :28] - 13.5
    disc = (np.hypot(y, x) < 8).astype(np.float32)
    bar = ((abs(y) < 2) & (abs(x) < 9)).astype(np.float32)
    turned = variations.turn(np.stack([disc] * 50 + [bar] * 50), np.random.default_rng(0))
    far = abs(np.hypot(y, x) - 8) > 1.5
    assert abs(turned[:50] - disc)[:, far].max() < 1e-6
    spread = (turned[50:] * y**2).sum(axis=(1, 2)) / (turned[50:] * x**2).sum(axis=(1, 2))
    assert spread.min() < 0.2 and spread.max() > 5  # lying and standing bars
    np.testing.assert_allclose(turned[50:].sum(axis=(1, 2)), bar.sum(), rtol=0.05)


def test_ink_hides_paper_in_proportion():
    ink, paper = np.array([0, 0.5, 1]), np.array([0.2, 0.4, 0.6])
    np.testing.assert_allclose(variations.lay_on(ink, paper), [0.2, 0.7, 1])


def test_random_background_is_uniform():
    background = images("bg-rand")[images("basic") == 0]
    shares = np.histogram(background, 10, (0, 1))[0] / background.size
    np.testing.assert_allclose(shares, 0.1, atol=0.005)


def test_pieces_are_cut_from_photographs_and_have_texture():
    cut = variations.pieces(20, np.random.default_rng(0))
    assert cut.std(axis=(1, 2)).min() >= variations.TEXTURE
    windows = [
        np.lib.stride_tricks.sliding_window_view(picture, (28, 28))
        for picture in variations.photographs()
    ]
    corners = [(w[:, :, 0, 0], w[:, :, -1, -1]) for w in windows]
    for piece in cut:
        found = [
            w[(first == piece[0, 0]) & (last == piece[-1, -1])]
            for w, (first, last) in zip(windows, corners, strict=True)
        ]
        assert any((candidate == piece).all() for group in found for candidate in group)


def test_every_photograph_has_grey_levels_and_texture():
    pictures = variations.photographs()
    assert len(pictures) == len(variations.OF_SKIMAGE) + len(variations.OF_SKLEARN)
    for picture in pictures:
        assert picture.ndim == 2 and min(picture.shape) >= 28
        assert picture.min() >= 0 and picture.max() <= 1 and picture.std() > variations.TEXTURE


def extent(shape):
    rows, columns = np.nonzero(shape)
    return np.ptp(rows) + 1, np.ptp(columns) + 1


def test_rectangles_are_closed_outlines_and_labelled_by_their_longer_side():
    for image, label in zip(images("rect"), labels("rect"), strict=True):
        height, width = extent(image)
        top, left = np.argwhere(image)[0]
        whole = np.zeros((28, 28))
        whole[top : top + height, left : left + width] = 1
        whole[top + 1 : top + height - 1, left + 1 : left + width - 1] = 0
        np.testing.assert_array_equal(image, whole)
        assert label == (height > width) and abs(height - width) >= 3


def test_rectangles_cut_from_photographs_have_the_sizes_asked_for(monkeypatch):
    # In place of photographs, so that the rectangles show: all of ink, then all of paper.
    sheets = iter([np.ones((1000, 28, 28)), np.zeros((1000, 28, 28))])
    monkeypatch.setattr(variations, "pieces", lambda count, rng: next(sheets))
    shapes, labels = variations.image_rectangles(1000, np.random.default_rng(0))
    rows, columns = shapes.any(axis=2), shapes.any(axis=1)
    (top, height), (left, width) = ((x.argmax(axis=1), x.sum(axis=1)) for x in (rows, columns))
    np.testing.assert_array_equal(shapes.sum(axis=(1, 2)), height * width)
    np.testing.assert_array_equal(labels, height > width)
    share = height * width / 784
    assert min(height.min(), width.min()) == 10
    assert abs(height - width).min() == 5
    assert 0.25 <= share.min() and share.max() <= 0.75
    assert (top + height).max() == (left + width).max() == 28


def test_shapes_are_convex_or_not_as_their_labels_say():
    for shape, label in zip(images("convex") == 1, labels("convex"), strict=True):
        assert variations.is_convex(shape) == label
        assert shape.sum() >= (19 if label else 10)


def is_convex_by_triangles(shape):
    """Look for a pixel outside that lies in a triangle of pixels, or between two of them."""
    inside, outside = np.argwhere(shape), np.argwhere(~shape)
    for a, b, c in combinations(inside, 3):
        turns = [
            (q - p)[0] * (outside - p)[:, 1] - (q - p)[1] * (outside - p)[:, 0]
            for p, q in ((a, b), (b, c), (c, a))
        ]
        low, high = np.minimum.reduce([a, b, c]), np.maximum.reduce([a, b, c])
        within = ((outside >= low) & (outside <= high)).all(axis=1)
        held = np.all(np.array(turns) >= 0, axis=0) | np.all(np.array(turns) <= 0, axis=0)
        if (held & within).any():
            return False
    return True


def test_convexity_agrees_with_brute_force():
    rng = np.random.default_rng(0)
    shapes = [np.kron(rng.random((3, 3)) < 0.8, np.ones((2, 1), bool)) for _ in range(150)]
    shapes = [shape for shape in shapes if shape.any(axis=0).sum() > 1 and shape.sum() > 4]
    answers = [is_convex_by_triangles(shape) for shape in shapes]
    assert [variations.is_convex(shape) for shape in shapes] == answers
    assert 0.1 < np.mean(answers) < 0.9


def test_both_kinds_of_shape_are_equally_bright_and_equally_many():
    problem = variations.load("convex", DIGITS, (4000, 1, 1))
    of = [problem.x_train[problem.y_train == label] for label in (0, 1)]
    assert abs(len(of[0]) - len(of[1])) <= 2
    assert abs(of[0].mean() - of[1].mean()) < 0.03  # the standard error is 0.008
