"""What every drawing does, and colours that every reader can tell apart."""

from itertools import combinations

from aelib import plots
from colour_vision import VISION, lab
import matplotlib.pyplot as plt
import numpy as np
import pytest

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


def test_style_is_set_by_the_import_and_by_its_function():
    set_by_import = dict(plt.rcParams)
    with plt.rc_context():
        plt.rcdefaults()
        before = dict(plt.rcParams)
        plots.use_style()
        after = dict(plt.rcParams)
    changed = {name for name in after if after[name] != before[name]}
    assert {"axes.spines.top", "axes.prop_cycle", "figure.constrained_layout.use"} <= changed
    assert all(after[name] == set_by_import[name] for name in changed)
    assert after["axes.prop_cycle"].by_key()["color"] == list(plots.LINE_COLOURS)


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
