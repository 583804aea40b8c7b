"""What every drawing does, and colours that every reader can tell apart."""

from itertools import combinations

from aelib import plots
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


DRAWINGS = {
    "digits": lambda ax, **_: plots.digits(np.zeros((3, 784)), "abc", title="T", ax=ax),
    "reconstructions": lambda ax, **_: plots.reconstructions(
        np.zeros((3, 784)),
        {"two": np.ones((3, 784))},
        errors={"two": [1, 2, 3]},
        title="T",
        ax=ax,
    ),
    "bit_rows": lambda ax, **_: plots.bit_rows(
        {"x": np.zeros(8), "z": np.ones(8)}, title="T", ax=ax
    ),
    "loss_curves": lambda ax, **_: plots.loss_curves(
        {"a": [3, 2, 1]}, {"floor": 0.5}, title="T", ax=ax
    ),
    "latent_map": lambda ax, clouds, **_: plots.latent_map(*clouds, title="T", ax=ax),
    "decoded_grid": lambda ax, decoder, **_: plots.decoded_grid(decoder, steps=3, title="T", ax=ax),
    "network": lambda ax, **_: plots.network([8, 2, 8], code=1, title="T", ax=ax),
    "blocks": lambda ax, **_: plots.blocks([784, 10, 2], title="T", ax=ax),
}


@pytest.fixture(params=DRAWINGS)
def draw(request, ten_clouds, decoder):
    """Give each drawing as a function of the Axes that it goes into."""
    return lambda ax: DRAWINGS[request.param](ax, clouds=ten_clouds, decoder=decoder)


def test_draws_into_the_axes_given(draw):
    _, axes = plt.subplots(1, 2)
    ax = draw(axes[1])
    assert ax is axes[1]
    assert plt.get_fignums() == [1]
    assert not axes[0].has_data()
    assert ax.has_data()
    assert ax.get_title(loc="left") == "T"


def test_opens_one_figure_where_no_axes_are_given(draw):
    ax = draw(None)
    assert len(plt.get_fignums()) == 1
    assert ax.figure.axes == [ax]


def test_nothing_is_cut_off(draw):
    ax = draw(None)
    ax.figure.canvas.draw()
    labels = [label for label in (ax.xaxis.label, ax.yaxis.label) if label.get_text()]
    for text in [*ax.texts, *labels]:
        box = text.get_window_extent()
        assert ax.figure.bbox.padded(1).contains(*box.min), text
        assert ax.figure.bbox.padded(1).contains(*box.max), text


def test_all_axes_of_a_figure_are_not_one(draw):
    with pytest.raises(TypeError, match="ax is ndarray; pass one Axes"):
        draw(plt.subplots(1, 2)[1])


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
