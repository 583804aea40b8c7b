"""Figures hold what they were given: pixel for pixel, at the right height, in the right place."""

from itertools import combinations
import warnings

from aelib import plots
import matplotlib
from matplotlib.colors import to_rgb
import matplotlib.pyplot as plt
import numpy as np
import pytest

# Machado et al. 2009, doi 10.1109/TVCG.2009.113: linear RGB as dichromats see it.
VISION = {
    "normal": np.eye(3),
    "protanopia": [
        [0.152286, 1.052583, -0.204868],
        [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ],
    "deuteranopia": [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ],
}
# IEC 61966-2-1, linear sRGB to XYZ, with the white point D65.
XYZ = [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]
WHITE = [0.9505, 1.0, 1.089]


class Decoder:
    """Paint each image in the grey that its code stands for."""

    def predict(self, codes, verbose):
        z1, z2 = codes.T
        return np.repeat(((z1 + 10 * z2 + 11) / 22)[:, None], 16, axis=1)


DRAWINGS = {
    "digits": lambda ax: plots.digits(np.zeros((3, 784)), "abc", title="T", ax=ax),
    "reconstructions": lambda ax: plots.reconstructions(
        np.zeros((3, 784)),
        {"two": np.ones((3, 784))},
        errors={"two": [1, 2, 3]},
        title="T",
        ax=ax,
    ),
    "bit_rows": lambda ax: plots.bit_rows({"x": np.zeros(8), "z": np.ones(8)}, title="T", ax=ax),
    "loss_curves": lambda ax: plots.loss_curves({"a": [3, 2, 1]}, {"floor": 0.5}, title="T", ax=ax),
    "latent_map": lambda ax: plots.latent_map(*ten_clouds(), title="T", ax=ax),
    "decoded_grid": lambda ax: plots.decoded_grid(Decoder(), steps=3, title="T", ax=ax),
    "network": lambda ax: plots.network([8, 2, 8], code=1, title="T", ax=ax),
    "blocks": lambda ax: plots.blocks([784, 10, 2], title="T", ax=ax),
}


@pytest.fixture(autouse=True)
def no_figure_left_no_warning(caplog):
    """Draw what a test made: neither a warning nor Matplotlib's log may show on the page."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield
        for number in plt.get_fignums():
            plt.figure(number).canvas.draw()
    plt.close("all")
    assert not caplog.get_records("call") + caplog.get_records("teardown")


def ten_clouds() -> tuple[np.ndarray, np.ndarray]:
    labels = np.arange(300) % 10
    noise = np.random.default_rng(0).exponential(0.1, (300, 2))
    return np.stack([labels % 4, labels // 4], axis=1) + noise, labels


def texts(ax) -> dict[str, matplotlib.text.Text]:
    return {text.get_text(): text for text in ax.texts}


@pytest.mark.parametrize("name", DRAWINGS)
def test_draws_into_the_axes_given(name):
    _, axes = plt.subplots(1, 2)
    ax = DRAWINGS[name](axes[1])
    assert ax is axes[1]
    assert plt.get_fignums() == [1]
    assert not axes[0].has_data()
    assert ax.has_data()
    assert ax.get_title(loc="left") == "T"


@pytest.mark.parametrize("name", DRAWINGS)
def test_opens_one_figure_where_no_axes_are_given(name):
    ax = DRAWINGS[name](None)
    assert len(plt.get_fignums()) == 1
    assert ax.figure.axes == [ax]


@pytest.mark.parametrize("name", DRAWINGS)
def test_nothing_is_cut_off(name):
    ax = DRAWINGS[name](None)
    ax.figure.canvas.draw()
    labels = [label for label in (ax.xaxis.label, ax.yaxis.label) if label.get_text()]
    for text in [*ax.texts, *labels]:
        box = text.get_window_extent()
        assert ax.figure.bbox.padded(1).contains(*box.min), text
        assert ax.figure.bbox.padded(1).contains(*box.max), text


def test_tiles_pixel_for_pixel():
    images = np.random.default_rng(0).random((5, 3, 3))
    sheet = plots.images.tile(images, columns=2, gap=1)
    assert sheet.shape == (11, 7)
    expected = np.ones((11, 7))
    corners = [(0, 0), (0, 4), (4, 0), (4, 4), (8, 0)]
    for (top, left), image in zip(corners, images, strict=True):
        for row in range(3):
            for column in range(3):
                expected[top + row, left + column] = 1 - image[row, column]
    np.testing.assert_array_equal(sheet, expected)


def test_flat_and_square_images_tile_alike():
    images = np.random.default_rng(0).random((4, 28, 28))
    flat = plots.images.tile(images.reshape(4, 784), columns=4)
    np.testing.assert_array_equal(flat, plots.images.tile(images, columns=4))


def test_digits_share_one_grey_scale():
    ax = plots.digits(np.full((2, 784), 0.3))
    (picture,) = ax.get_images()
    assert picture.get_clim() == (0, 1)
    assert picture.get_array().min() == pytest.approx(0.7)


def test_captions_stand_under_the_middle_of_their_image():
    ax = plots.digits(np.zeros((3, 784)), [7, 2, 1])
    assert [text.get_text() for text in ax.texts] == ["7", "2", "1"]
    middles = [text.get_position()[0] for text in ax.texts]
    np.testing.assert_allclose(middles, [13.5, 43.5, 73.5])  # pixel centres are whole numbers
    assert all(text.get_position()[1] >= 28 for text in ax.texts)


def test_reconstructions_stand_below_their_originals():
    rows = {name: np.full((2, 784), grey) for name, grey in {"a": 0.25, "b": 0.5}.items()}
    ax = plots.reconstructions(np.zeros((2, 784)), rows, errors={"b": [0.1234, 2]})
    greys = [picture.get_array()[0, 0] for picture in ax.get_images()]
    tops = [picture.get_extent()[3] for picture in ax.get_images()]
    np.testing.assert_allclose(greys, [1, 0.75, 0.5])
    assert tops == sorted(tops) and ax.yaxis_inverted()
    found = texts(ax)
    assert list(found) == ["original", "a", "b", "0.123", "2.000"]
    assert found["b"].get_position()[1] > found["a"].get_position()[1]
    lefts, rights = zip(*(picture.get_extent()[:2] for picture in ax.get_images()), strict=True)
    assert len(set(lefts)) == len(set(rights)) == 1
    assert ax.get_xlim()[0] < lefts[0] and rights[0] < ax.get_xlim()[1]


def test_bits_are_written_into_their_cells():
    ax = plots.bit_rows({"x": np.arange(8) / 7, "x̂": np.arange(8)[::-1] / 7})
    assert [label.get_text() for label in ax.get_yticklabels()] == ["x", "x̂"]
    assert [text.get_text() for text in ax.texts[:3]] == ["0.00", "0.14", "0.29"]
    assert len(ax.texts) == 16
    dark = ax.get_images()[0].get_array()
    assert dark[0, 7] < dark[0, 0]


@pytest.mark.parametrize("seed", range(5))
def test_spread_keeps_order_and_gap(seed):
    positions = np.random.default_rng(seed).random(7) * 0.5
    placed = plots.style.spread(positions, 0.075)
    assert (np.argsort(placed) == np.argsort(positions)).all()
    assert np.diff(np.sort(placed)).min() > 0.075 - 1e-3
    assert placed.mean() == pytest.approx(positions.mean())


def test_spread_separates_equal_positions():
    placed = plots.style.spread(np.full(6, 0.2), 0.1)
    assert np.diff(np.sort(placed)).min() > 0.1 - 1e-3


def test_spread_leaves_alone_what_is_far_enough_apart():
    positions = np.array([0.9, 0.1, 0.5])
    np.testing.assert_array_equal(plots.style.spread(positions, 0.2), positions)
    assert len(plots.style.spread(np.array([]), 0.2)) == 0


@pytest.mark.parametrize("limits", [None, (0, 1)])
def test_names_and_yardsticks_stand_at_their_level(limits):
    curves = {"deep": [0.9, 0.5, 0.2], "shallow": [0.8, 0.6, 0.5]}
    ax = plots.loss_curves(curves, {"mean image": 0.35}, limits=limits, ylabel="BCE")
    ax.figure.canvas.draw()
    (dashed,) = [line for line in ax.lines if line.get_linestyle() == "--"]
    assert set(dashed.get_ydata()) == {0.35}
    levels = {"deep": 0.2, "shallow": 0.5, "mean image 0.3500": 0.35}
    found = texts(ax)
    assert set(found) == set(levels)
    for name, level in levels.items():
        x, y = found[name].get_transform().transform(found[name].get_position())
        assert ax.transData.inverted().transform((x, y))[1] == pytest.approx(level, abs=1e-3)
        assert x > ax.bbox.x1
    assert ax.get_xlabel() == "epoch" and ax.get_ylabel() == "BCE"


def test_curves_start_at_epoch_1_in_the_colour_of_their_name():
    curves = {"deep": [0.9, 0.5, 0.2], "shallow": [0.8, 0.6]}
    ax = plots.loss_curves(curves)
    for line, (name, values) in zip(ax.lines, curves.items(), strict=True):
        np.testing.assert_array_equal(line.get_xdata(), np.arange(1, len(values) + 1))
        np.testing.assert_array_equal(line.get_ydata(), values)
        assert line.get_color() == texts(ax)[name].get_color()


def test_loss_limits_are_kept():
    ax = plots.loss_curves({"a": [3, 2, 1]}, limits=(0.5, 2.5))
    assert ax.get_ylim() == (0.5, 2.5)


def test_names_stay_beside_the_axes_where_their_level_is_not_shown():
    ax = plots.loss_curves({"a": [3, 2, 1]}, {"far above": 9.0}, limits=(0.5, 2.5))
    assert 0 <= texts(ax)["far above 9.0000"].get_position()[1] <= 1


def test_names_do_not_overlap():
    ax = plots.loss_curves({str(i): [1, 0.5 + i / 1000] for i in range(5)}, {"mean": 0.502})
    ax.figure.canvas.draw()
    boxes = [text.get_window_extent() for text in ax.texts]
    assert not any(one.overlaps(other) for one, other in combinations(boxes, 2))


def test_digits_of_one_median_are_written_side_by_side():
    points = np.array([[0.0, 0.0], [0.0, 0.0], [3.0, 3.0]])
    placed = plots.style.push_apart(points, gap=0.5)
    assert np.linalg.norm(placed[0] - placed[1]) == pytest.approx(0.5, rel=0.05)
    np.testing.assert_allclose(placed[:2].mean(axis=0), 0, atol=1e-3)
    np.testing.assert_allclose(placed[2], points[2])


def test_ten_digits_in_a_corner_are_written_inside_the_square():
    codes, labels = np.tile([-1.0, 1.0], (20, 1)), np.arange(20) % 10
    ax = plots.latent_map(codes, labels, limits=(-1, 1))
    places = np.array([text.xy for text in ax.texts])
    assert np.abs(places).max() < 1
    apart = [np.linalg.norm(one - other) for one, other in combinations(places, 2)]
    assert min(apart) > 0.13


def test_every_digit_is_written_once_at_the_median_of_its_cloud():
    codes, labels = ten_clouds()
    ax = plots.latent_map(codes, labels)
    assert [text.get_text() for text in ax.texts] == [str(digit) for digit in range(10)]
    for digit, text in enumerate(ax.texts):
        np.testing.assert_allclose(text.xy, np.median(codes[labels == digit], axis=0))
        assert text.get_color() == plots.DIGIT_COLOURS[digit]


def test_only_digits_that_occur_are_written():
    ax = plots.latent_map(np.random.default_rng(0).random((20, 2)), np.array([3, 8] * 10))
    assert [text.get_text() for text in ax.texts] == ["3", "8"]


def test_points_carry_their_digits_colour():
    codes, labels = ten_clouds()
    ax = plots.latent_map(codes, labels)
    (points,) = ax.collections
    assert len(points.get_offsets()) == len(codes)
    colours = {tuple(code): label for code, label in zip(codes, labels, strict=True)}
    for place, colour in zip(points.get_offsets(), points.get_facecolors(), strict=True):
        expected = to_rgb(plots.DIGIT_COLOURS[colours[tuple(place)]])
        np.testing.assert_allclose(colour[:3], expected)


@pytest.mark.parametrize("limits", [None, (-1, 16)])
def test_latent_map_is_a_square_with_one_scale_and_all_points(limits):
    codes, labels = ten_clouds()
    codes = codes * [1, 5]
    ax = plots.latent_map(codes, labels, limits=limits)
    ax.figure.canvas.draw()
    assert ax.bbox.width == pytest.approx(ax.bbox.height)
    assert np.ptp(ax.get_xlim()) == pytest.approx(np.ptp(ax.get_ylim()))
    assert ax.viewLim.count_contains(codes) == len(codes)
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("$z_1$", "$z_2$")


def test_latent_map_keeps_its_limits():
    ax = plots.latent_map(*ten_clouds(), limits=(-1, 5))
    ax.figure.canvas.draw()
    assert ax.get_xlim() == ax.get_ylim() == (-1, 5)


def test_decoded_images_lie_at_their_codes():
    ax = plots.decoded_grid(Decoder(), limits=(-1, 1), steps=5)
    (picture,) = ax.get_images()
    left, right, bottom, top = picture.get_extent()
    assert (left, right, bottom, top) == (-1.25, 1.25, -1.25, 1.25)
    sheet = picture.get_array()
    for z1 in np.linspace(-1, 1, 5):
        for z2 in np.linspace(-1, 1, 5):
            row = int((top - z2) / (top - bottom) * len(sheet))
            column = int((z1 - left) / (right - left) * len(sheet))
            assert 1 - sheet[row, column] == pytest.approx((z1 + 10 * z2 + 11) / 22)


def test_network_has_a_neuron_for_each_unit_and_a_line_for_each_weight():
    ax = plots.network([8, 4, 2, 4, 8], code=2)
    assert [len(layer.get_offsets()) for layer in ax.collections] == [8, 4, 2, 4, 8]
    assert len(ax.lines) == 32 + 8 + 8 + 32
    assert [text.get_text() for text in ax.texts] == ["8", "4", "2", "4", "8"]
    colours = [tuple(layer.get_facecolors()[0]) for layer in ax.collections]
    assert colours.count(colours[2]) == 1


def test_blocks_name_every_layer_once():
    ax = plots.blocks([784, 28, 10, 2])
    found = [text.get_text() for text in ax.texts]
    assert found == ["encoder", "decoder", "784", "28", "10", "2", "10", "28", "784"]
    assert len(ax.patches) == 2


def lab(colours: list[str], vision: str) -> np.ndarray:
    """Give (n, 3) CIELAB coordinates of sRGB colours as eyes of that kind see them."""
    rgb = np.array([to_rgb(colour) for colour in colours])
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    seen = np.clip(linear @ np.array(VISION[vision]).T, 0, 1)
    ratio = seen @ np.array(XYZ).T / WHITE
    x, y, z = np.where(ratio > 216 / 24389, np.cbrt(ratio), (24389 / 27 * ratio + 16) / 116).T
    return np.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], axis=1)


def test_lab_knows_white_black_and_red():
    expected = [[100, 0, 0], [0, 0, 0], [53.24, 80.09, 67.20]]
    np.testing.assert_allclose(lab(["white", "black", "red"], "normal"), expected, atol=0.1)


def test_dichromats_confuse_red_and_green_of_the_same_lightness():
    red, green = lab(["#d04040", "#707000"], "deuteranopia")
    assert (
        np.linalg.norm(red - green)
        < 25
        < np.linalg.norm(np.subtract(*lab(["#d04040", "#707000"], "normal")))
    )


@pytest.mark.parametrize("vision", VISION)
@pytest.mark.parametrize("colours", [plots.DIGIT_COLOURS, plots.LINE_COLOURS])
def test_colours_are_distinct_to_every_reader(colours, vision):
    # A difference of 2.3 is just noticeable (Mahy et al. 1994); small points need far more.
    places = lab(colours, vision)
    closest = min(np.linalg.norm(one - other) for one, other in combinations(places, 2))
    assert closest > 12


def test_one_colour_for_each_digit():
    assert len(set(plots.DIGIT_COLOURS)) == 10
