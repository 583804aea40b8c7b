"""Codes lie where they are, in the colour and under the name of their digit."""

from itertools import combinations

from aelib import models, plots
from matplotlib.colors import to_rgb
import numpy as np
import pandas as pd
import pytest


def test_digits_of_one_median_are_written_side_by_side():
    codes = np.array([[0.0, 0.0], [0.0, 0.0], [3.0, 3.0]])
    places = plots.name_places(codes, np.array([2, 4, 7]))
    gap = 0.07 * 3
    assert list(places) == [2, 4, 7]
    assert np.linalg.norm(places[2] - places[4]) == pytest.approx(gap, rel=0.05)
    np.testing.assert_allclose((places[2] + places[4]) / 2, 0, atol=1e-3)
    np.testing.assert_allclose(places[7], codes[2])


def test_ten_digits_in_a_corner_are_written_inside_the_square():
    codes, labels = np.tile([-1.0, 1.0], (20, 1)), np.arange(20) % 10
    ax = plots.latent_map(codes, labels, limits=(-1, 1))
    places = np.array([text.xy for text in ax.texts])
    assert np.abs(places).max() < 1
    apart = [np.linalg.norm(one - other) for one, other in combinations(places, 2)]
    assert min(apart) > 0.13


def test_every_digit_is_written_once_at_the_median_of_its_cloud(ten_clouds):
    codes, labels = ten_clouds
    ax = plots.latent_map(codes, labels)
    assert [text.get_text() for text in ax.texts] == [str(digit) for digit in range(10)]
    for digit, text in enumerate(ax.texts):
        np.testing.assert_allclose(text.xy, np.median(codes[labels == digit], axis=0))
        assert text.get_color() == plots.DIGIT_COLOURS[digit]


def test_only_digits_that_occur_are_written():
    ax = plots.latent_map(np.random.default_rng(0).random((20, 2)), np.array([3, 8] * 10))
    assert [text.get_text() for text in ax.texts] == ["3", "8"]


def assert_in_the_colours_of(labels: np.ndarray, codes: np.ndarray, ax) -> None:
    """Find each point at its code, in the colour of its digit."""
    (points,) = ax.collections
    assert len(points.get_offsets()) == len(codes)
    digits = {tuple(code): label for code, label in zip(codes, labels, strict=True)}
    for place, colour in zip(points.get_offsets(), points.get_facecolors(), strict=True):
        np.testing.assert_allclose(colour[:3], to_rgb(plots.DIGIT_COLOURS[digits[tuple(place)]]))


def test_points_carry_their_digits_colour(ten_clouds):
    codes, labels = ten_clouds
    assert_in_the_colours_of(labels, codes, plots.latent_map(codes, labels))


def test_codes_and_labels_go_by_position(ten_clouds):
    codes, labels = ten_clouds
    shuffled = np.random.default_rng(1).permutation(len(codes))
    for place in (pd.DataFrame(codes, index=shuffled), pd.DataFrame(codes), codes):
        ax = plots.latent_map(place, pd.Series(labels, index=shuffled))
        assert_in_the_colours_of(labels, codes, ax)
        for digit, text in enumerate(ax.texts):
            np.testing.assert_allclose(text.xy, np.median(codes[labels == digit], axis=0))


@pytest.mark.parametrize("limits", [None, (-1, 16)])
def test_latent_map_is_a_square_with_one_scale_and_all_points(ten_clouds, limits):
    codes, labels = ten_clouds
    codes = codes * [1, 5]
    ax = plots.latent_map(codes, labels, limits=limits)
    ax.figure.canvas.draw()
    assert ax.bbox.width == pytest.approx(ax.bbox.height)
    assert np.ptp(ax.get_xlim()) == pytest.approx(np.ptp(ax.get_ylim()))
    assert ax.viewLim.count_contains(codes) == len(codes)
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("$z_1$", "$z_2$")


def test_latent_map_keeps_its_limits(ten_clouds):
    ax = plots.latent_map(*ten_clouds, limits=(-1, 5))
    ax.figure.canvas.draw()
    assert ax.get_xlim() == ax.get_ylim() == (-1, 5)


CODES, LABELS = np.random.default_rng(0).random((20, 2)), np.arange(20) % 10
BAD_MAPS = {
    "codes must have shape \\(n, 2\\)": dict(codes=np.zeros((20, 3))),
    "codes must have shape \\(n, 2\\), not \\(20,\\)": dict(codes=np.zeros(20)),
    "codes contains NaN": dict(codes=np.where(CODES > 0.9, np.nan, CODES)),
    "codes contains infinity": dict(codes=np.where(CODES > 0.9, np.inf, CODES)),
    "codes must hold at least one": dict(codes=CODES[:0], labels=LABELS[:0]),
    "labels must be from 0 to 9; they reach from -1 to 8": dict(labels=LABELS - 1),
    "labels must be from 0 to 9; they reach from 1 to 10": dict(labels=LABELS + 1),
    "labels must be integers in one row, shape \\(20,\\) as codes": dict(labels=LABELS[:19]),
    "labels must be integers .* not float64": dict(labels=LABELS / 1.0),
    "labels must be integers .* shape \\(20, 10\\)": dict(labels=np.eye(10, dtype=int)[LABELS]),
    "labels must be integers .* shape \\(20, 1\\)": dict(labels=LABELS[:, None]),
    "limits must be the lower": dict(limits=(1, -1)),
    "limits must have shape \\(2,\\)": dict(limits=3),
}


@pytest.mark.parametrize("draw", [plots.latent_map, plots.name_places])
@pytest.mark.parametrize("message", BAD_MAPS)
def test_what_is_no_map_of_digits_is_named(draw, message):
    arguments = {"codes": CODES, "labels": LABELS} | BAD_MAPS[message]
    with pytest.raises(ValueError, match=message):
        draw(**arguments)


def test_decoded_images_lie_at_their_codes(decoder):
    ax = plots.decoded_grid(decoder, limits=(-1, 1), steps=5)
    (picture,) = ax.get_images()
    left, right, bottom, top = picture.get_extent()
    assert (left, right, bottom, top) == (-1.25, 1.25, -1.25, 1.25)
    sheet = picture.get_array()
    for z1 in np.linspace(-1, 1, 5):
        for z2 in np.linspace(-1, 1, 5):
            row = int((top - z2) / (top - bottom) * len(sheet))
            column = int((z1 - left) / (right - left) * len(sheet))
            assert 1 - sheet[row, column] == pytest.approx((z1 + 10 * z2 + 11) / 22)


BAD_GRIDS = {
    "steps == 1, must be >= 2": dict(steps=1),
    "steps must be an instance of int": dict(steps=2.5),
    "limits must be the lower": dict(limits=(1, 1)),
    "limits must have shape": dict(limits=(0, 1, 2)),
}


@pytest.mark.parametrize("message", BAD_GRIDS)
def test_what_is_no_grid_is_named(decoder, message):
    with pytest.raises((TypeError, ValueError), match=message):
        plots.decoded_grid(decoder, **BAD_GRIDS[message])


def test_all_models_in_place_of_the_decoder_are_named():
    net = models.dense_autoencoder(4, (2,))
    with pytest.raises(TypeError, match=r"decoder is of type Autoencoder, .*; pass its \.decoder"):
        plots.decoded_grid(net, steps=3)


@pytest.mark.parametrize(("pixels", "message"), [(15, "square images"), (16, "contains NaN")])
def test_what_a_decoder_cannot_have_drawn_is_named(pixels, message):
    class Broken:
        def predict(self, codes, verbose):
            return np.full((len(codes), pixels), np.nan if pixels == 16 else 0.5)

    with pytest.raises(ValueError, match=f"decoder's images.*{message}"):
        plots.decoded_grid(Broken(), steps=3)
