"""Images are drawn pixel for pixel, in their row and under their name."""

from aelib import plots
import numpy as np
import pandas as pd
import pytest

GREY = np.full((6, 784), 0.25)


def sheet(ax) -> np.ndarray:
    (picture,) = ax.get_images()
    return np.asarray(picture.get_array())


def test_digits_lie_side_by_side_pixel_for_pixel():
    images = np.random.default_rng(0).random((5, 3, 3))
    expected = np.ones((13, 8))
    corners = [(0, 0), (0, 5), (5, 0), (5, 5), (10, 0)]
    for (top, left), image in zip(corners, images, strict=True):
        for row in range(3):
            for column in range(3):
                expected[top + row, left + column] = 1 - image[row, column]
    np.testing.assert_array_equal(sheet(plots.digits(images, columns=2)), expected)


def test_flat_and_square_images_are_drawn_alike():
    images = np.random.default_rng(0).random((4, 28, 28)).astype(np.float32)
    square = sheet(plots.digits(images))
    for other in (images.reshape(4, 784), images[..., None], pd.DataFrame(images.reshape(4, 784))):
        np.testing.assert_array_equal(sheet(plots.digits(other)), square)


def test_digits_share_one_grey_scale():
    ax = plots.digits(np.full((2, 784), 0.3))
    (picture,) = ax.get_images()
    assert picture.get_clim() == (0, 1)
    assert picture.get_array().min() == pytest.approx(0.7)


def test_black_and_white_may_be_integers():
    pixels = np.arange(2 * 784).reshape(2, 784) % 2
    np.testing.assert_array_equal(sheet(plots.digits(pixels)), sheet(plots.digits(pixels / 1.0)))


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.int8, np.float16, np.float32])
def test_what_is_above_one_is_black_in_every_type(dtype):
    images = np.array([[[0, 1], [2, 3]]], dtype)
    for ax in (plots.digits(images), plots.reconstructions(np.zeros((1, 4)), {"a": images})):
        *_, picture = ax.get_images()
        np.testing.assert_array_equal(picture.get_array(), [[1, 0], [-1, -2]])
        assert picture.get_clim() == (0, 1)


def test_captions_stand_under_the_middle_of_their_image():
    ax = plots.digits(np.zeros((3, 784)), pd.Series([7, 2, 1], index=[2, 0, 1]))
    assert [text.get_text() for text in ax.texts] == ["7", "2", "1"]
    middles = [text.get_position()[0] for text in ax.texts]
    np.testing.assert_allclose(middles, [13.5, 43.5, 73.5])  # pixel centres are whole numbers
    assert all(text.get_position()[1] >= 28 for text in ax.texts)


def test_captions_stand_under_columns():
    ax = plots.digits(GREY, "abc", columns=3)
    assert [text.get_text() for text in ax.texts] == ["a", "b", "c"]
    assert all(text.get_position()[1] >= 58 for text in ax.texts)


def test_noise_is_drawn_as_white_and_black_where_it_overshoots():
    plots.digits(GREY - 0.5)
    plots.reconstructions(GREY, {"a linear decoder's": GREY + 1})


BAD_IMAGES = {
    "contains NaN": np.where(np.arange(784) == 3, np.nan, GREY),
    "contains infinity": np.where(np.arange(784) == 3, np.inf, GREY),
    "grey levels in \\[0, 1\\], such as pixels / 255": (GREY * 255).astype(np.uint8),
    "square images": GREY[:, :700],
    "square images, shape": GREY[0],
    "at least one number": GREY[:0],
    "an array": 0.5,
    "real numbers": GREY * 1j,
}


@pytest.mark.parametrize("message", BAD_IMAGES)
def test_images_that_cannot_be_drawn_are_named(message):
    bad = BAD_IMAGES[message]
    with pytest.raises(ValueError, match=f"images.*{message}"):
        plots.digits(bad)
    with pytest.raises(ValueError, match=f"images.*{message}"):
        plots.reconstructions(bad, {"a": GREY})
    with pytest.raises(ValueError, match=rf"restored\['a'\].*{message}"):
        plots.reconstructions(GREY, {"a": bad})


@pytest.mark.parametrize("captions", [range(5), range(7)])
def test_captions_for_other_images_are_refused(captions):
    with pytest.raises(ValueError, match=f"captions must be 6.*not {len(captions)}"):
        plots.digits(GREY, captions)


@pytest.mark.parametrize("columns", [-1, 2.5, None, "3"])
def test_columns_that_cannot_be_counted_are_refused(columns):
    with pytest.raises((TypeError, ValueError), match="columns"):
        plots.digits(GREY, columns=columns)


@pytest.mark.parametrize("side", [28, 8])
def test_reconstructions_stand_below_their_originals(side):
    rows = {name: np.full((2, side**2), grey) for name, grey in {"a": 0.25, "b": 0.5}.items()}
    originals = np.zeros((2, side, side))
    ax = plots.reconstructions(originals, rows, errors={"b": [0.1234, 2]})
    greys = [picture.get_array()[0, 0] for picture in ax.get_images()]
    tops = [picture.get_extent()[3] for picture in ax.get_images()]
    np.testing.assert_allclose(greys, [1, 0.75, 0.5])
    assert tops == sorted(tops) and ax.yaxis_inverted()
    assert [text.get_text() for text in ax.texts] == ["original", "a", "b", "0.123", "2.000"]
    places = np.array([text.get_position() for text in ax.texts])
    np.testing.assert_allclose(places[:3, 1] - tops, side / 2)
    np.testing.assert_allclose(places[3:, 0], [side / 2, side + 2 + side / 2])
    assert (places[3:, 1] > tops[2] + side).all()
    lefts, rights = zip(*(picture.get_extent()[:2] for picture in ax.get_images()), strict=True)
    assert len(set(lefts)) == len(set(rights)) == 1
    assert ax.get_xlim()[0] < lefts[0] and rights[0] < ax.get_xlim()[1]


BAD_ROWS = {
    "restored must not have a row": dict(restored={"original": GREY}),
    "restored\\['a'\\] must be 6 images of 28 × 28": dict(restored={"a": GREY[:4]}),
    "restored\\['a'\\] must be 6 images of 28 × 28 pixels": dict(restored={"a": GREY[:, :49]}),
    "restored must be a dict": dict(restored=GREY),
    "errors must be of rows in restored": dict(errors={"b": range(6)}),
    "errors\\['a'\\] must have shape \\(6,\\)": dict(errors={"a": range(5)}),
    "errors\\['a'\\] contains NaN": dict(errors={"a": [np.nan] * 6}),
    "errors must be a dict": dict(errors=range(6)),
}


@pytest.mark.parametrize("message", BAD_ROWS)
def test_rows_that_do_not_belong_together_are_named(message):
    arguments = {"restored": {"a": GREY}} | BAD_ROWS[message]
    with pytest.raises((TypeError, ValueError), match=message):
        plots.reconstructions(GREY, **arguments)


def test_bits_are_written_into_their_cells():
    ax = plots.bit_rows({"x": np.arange(8) / 7, "x̂": np.arange(8)[::-1] / 7})
    assert [label.get_text() for label in ax.get_yticklabels()] == ["x", "x̂"]
    assert [text.get_text() for text in ax.texts[:3]] == ["0.00", "0.14", "0.29"]
    assert len(ax.texts) == 16
    dark = sheet(ax)
    assert dark[0, 7] < dark[0, 0]


BAD_BITS = {
    "rows\\['x'\\] must have shape \\(8,\\)": {"x": np.zeros(7)},
    "rows\\['x'\\] must have shape \\(8,\\), not \\(1, 8\\)": {"x": np.zeros((1, 8))},
    "rows\\['x'\\] contains NaN": {"x": np.full(8, np.nan)},
    "rows\\['x'\\] must be grey levels": {"x": np.arange(8)},
    "rows\\['x'\\] must be grey levels in": {"x": -np.ones(8)},
    "rows must hold at least one": {},
    "rows must be a dict": [np.zeros(8)],
}


@pytest.mark.parametrize("message", BAD_BITS)
def test_rows_that_are_no_bits_are_named(message):
    with pytest.raises((TypeError, ValueError), match=message):
        plots.bit_rows(BAD_BITS[message])
