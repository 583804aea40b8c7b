"""What several seeds gave: in line, and in words."""

import doctest

from aelib import seeds
import numpy as np
import pytest

RUNS = {("tied", 2): 0.5, ("tied", 0): 0.25, ("untied", 2): 1.0, ("tied", 1, 2): 7.0}


def test_the_examples_hold():
    assert doctest.testmod(seeds).failed == 0


def test_gather_takes_one_name_in_the_order_of_the_runs():
    np.testing.assert_array_equal(seeds.gather(RUNS, "tied"), [0.5, 0.25])
    np.testing.assert_array_equal(seeds.gather(RUNS, "untied"), [1.0])
    np.testing.assert_array_equal(seeds.gather(RUNS, "tied", 1), [7.0])


def test_gather_measures_each_run():
    runs = {("a", seed): {"test": [3, 2, seed]} for seed in (5, 6)}
    curves = seeds.gather(runs, "a", measure=lambda run: run["test"])
    np.testing.assert_array_equal(curves, [[3, 2, 5], [3, 2, 6]])


def test_a_name_without_runs_is_told_what_there_is():
    with pytest.raises(KeyError, match=r"'loose'.*there are .*'tied'.*'untied'"):
        seeds.gather(RUNS, "loose")


def test_spread_says_mean_and_range():
    assert seeds.spread([0.25, 0.5, 0.75]) == "0.5000 (0.2500 to 0.7500)"
    assert seeds.spread(np.array([1.5, 2.5]), ".0f") == "2 (2 to 2)"
    assert seeds.spread([0.25, 0.75], ".0%") == "50% (25% to 75%)"


def test_spread_of_seeds_that_agree_is_their_value():
    assert seeds.spread([0.25, 0.25]) == seeds.spread([0.25]) == seeds.spread(0.25) == "0.2500"


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ([], "values must hold at least one number"),
        ([np.nan, 1], "values contains NaN"),
        ([np.inf, 1], "values contains infinity"),
        (["0.5"], "values must hold real numbers"),
    ],
)
def test_what_has_no_spread_is_named(values, message):
    with pytest.raises(ValueError, match=message):
        seeds.spread(values)
