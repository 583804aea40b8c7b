"""Losses stand at their height, under their name."""

from itertools import combinations

from aelib import plots
import numpy as np
import pandas as pd
import pytest


def texts(ax) -> dict:
    return {text.get_text(): text for text in ax.texts}


def heights(ends: dict[str, float]) -> np.ndarray:
    """Say how high the names of curves with these last losses stand, as shares of the axes."""
    ax = plots.loss_curves({name: [1, end] for name, end in ends.items()}, limits=(0, 1))
    assert list(texts(ax)) == list(ends)
    return np.array([text.get_position()[1] for text in ax.texts])


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


def test_seeds_are_drawn_as_their_mean_in_a_band_from_lowest_to_highest():
    ax = plots.loss_curves({"three seeds": [[8, 4], [9, 2], [16, 0]]}, limits=(0, 20))
    (line,) = ax.lines
    np.testing.assert_array_equal(line.get_ydata(), [11, 2])
    (band,) = ax.collections
    corners = {tuple(corner) for corner in band.get_paths()[0].vertices}
    assert corners == {(1, 8), (1, 16), (2, 0), (2, 4)}
    assert texts(ax)["three seeds"].get_position()[1] == pytest.approx(2 / 20)


def test_losses_go_by_position():
    losses = pd.Series([3.0, 2.0, 1.0], index=[2, 0, 1])
    (line,) = plots.loss_curves(pd.Series({"a": losses})).lines
    np.testing.assert_array_equal(line.get_ydata(), [3, 2, 1])


def test_loss_limits_are_kept():
    ax = plots.loss_curves({"a": [3, 2, 1]}, limits=(0.5, 2.5))
    assert ax.get_ylim() == (0.5, 2.5)


def test_names_stay_beside_the_axes_where_their_level_is_not_shown():
    ax = plots.loss_curves({"a": [3, 2, 1]}, {"far above": 9.0}, limits=(0.5, 2.5))
    assert 0 <= texts(ax)["far above 9.00"].get_position()[1] <= 1


def test_names_do_not_overlap():
    ax = plots.loss_curves({str(i): [1, 0.5 + i / 1000] for i in range(5)}, {"mean": 0.502})
    ax.figure.canvas.draw()
    boxes = [text.get_window_extent() for text in ax.texts]
    assert not any(one.overlaps(other) for one, other in combinations(boxes, 2))


@pytest.mark.parametrize("seed", range(5))
def test_names_that_move_apart_keep_their_order_and_their_middle(seed):
    ends = np.random.default_rng(seed).uniform(0.3, 0.7, 7)
    placed = heights({str(i): end for i, end in enumerate(ends)})
    assert (np.argsort(placed) == np.argsort(ends)).all()
    assert np.diff(np.sort(placed)).min() > 0.075 - 1e-3
    assert placed.mean() == pytest.approx(ends.mean())


def test_names_of_one_level_stand_in_the_order_given():
    placed = heights(dict.fromkeys("abcdef", 0.5))
    assert np.diff(placed).min() > 0.075 - 1e-3


def test_names_far_enough_apart_stay_at_their_level():
    ends = {"a": 0.9, "b": 0.1, "c": 0.5}
    np.testing.assert_allclose(heights(ends), list(ends.values()))


def test_yardsticks_may_stand_alone():
    levels = {"floor": 0.5, "published": 3.0}
    assert list(texts(plots.loss_curves({}, levels))) == ["floor 0.5000", "published 3.00"]
    assert not texts(plots.loss_curves({}))


BAD = {
    "curves\\['a'\\] contains NaN": dict(curves={"a": [1, np.nan]}),
    "curves\\['a'\\] contains infinity": dict(curves={"a": [[1, 2], [np.inf, 3]]}),
    "curves\\['a'\\] must have shape \\(seeds, epochs\\)": dict(curves={"a": np.zeros((2, 3, 4))}),
    "curves\\['a'\\] must hold at least one": dict(curves={"a": []}),
    "curves\\['a'\\] must hold real numbers": dict(curves={"a": ["low"]}),
    "curves must be a dict": dict(curves=[3, 2, 1]),
    "yardsticks\\['floor'\\] contains NaN": dict(yardsticks={"floor": np.nan}),
    "yardsticks\\['floor'\\] must have shape": dict(yardsticks={"floor": [1, 2]}),
    "yardsticks must be a dict": dict(yardsticks=[1]),
    "limits must be the lower": dict(limits=(1, 0)),
    "limits must have shape \\(2,\\)": dict(limits=(0, 1, 2)),
    "limits contains NaN": dict(limits=(0, np.nan)),
}


@pytest.mark.parametrize("message", BAD)
def test_what_cannot_be_drawn_is_named(message):
    arguments = {"curves": {"a": [3, 2, 1]}} | BAD[message]
    with pytest.raises((TypeError, ValueError), match=message):
        plots.loss_curves(**arguments)
