"""What comes from a model, a data set or a training is told from constants, through names."""

import ast

from dependence import Known, computed, constant_parts
from nbformat.v4 import new_code_cell, new_notebook
import pytest

IMPORTS = """\
from aelib import claims, data, profile, training
import keras
from keras.layers import Dense
import numpy as np"""


def constants(code: str, holds: str) -> list[str]:
    """Return what of `holds` is constant in a notebook of one cell a line of code."""
    cells = [new_code_cell(IMPORTS), *(new_code_cell(part) for part in code.split("\n\n"))]
    return constant_parts(ast.parse(holds, mode="eval").body, computed(new_notebook(cells=cells)))


@pytest.mark.parametrize(
    ("code", "holds"),
    [
        ("digits = data.load_mnist()", "len(digits.x_test) > 9"),
        ("net = keras.Sequential([])\n\nsize = net.count_params()", "size < 10"),
        ("layer = Dense(2)", "layer.units == 2"),
        ("runs = {}\n\nfor s in (1, 2):\n    runs[s] = training.fit(s)", "runs[1] < runs[2]"),
        ("losses = []\nlosses.append(training.fit())", "min(losses) < 1"),
        (
            "def error(x):\n    return training.fit(x)\n\nworst = max(map(error, (1, 2)))",
            "worst < 1",
        ),
        ("for name, loss in {'a': training.fit()}.items():\n    low = loss", "low < 1"),
        ("total = 0\ntotal += training.fit()", "total > 0"),
        ("with keras.scope() as scope:\n    pass", "scope.x"),
        ("a, b = 1, training.fit()", "b"),
        ("(a, *b), c = training.fit()", "b and c"),
        ("best = np.min([loss for loss in training.fit()])", "best < LIMIT"),
        ("good = training.fit()", "{'one': good > 1, 'two': good > 2}"),
        ("good = training.fit()", "{'one': good > 1} | {name: good > 2 for name in 'ab'}"),
        ("good = training.fit()", "good > 2 or good < 1"),
        ("fit = training.fit", "fit() > 1"),
        ("for layer in {'a': keras.layers.Dense}.values():\n    net = layer(2)", "net.units == 2"),
        ("net = keras.layers.GRU(2)", "net.units == 2"),
        ("f = lambda x: training.fit(x)\nlow = f(1)", "low < 1"),
    ],
)
def test_result_is_followed(code, holds):
    assert constants(code, holds) == []


@pytest.mark.parametrize(
    ("code", "holds", "found"),
    [
        ("OK = True", "OK", ["OK"]),
        ("x = np.arange(3)\n\nok = x.sum() > 2", "ok", ["ok"]),
        ("ok = profile.pick(full=True, quick=False)", "bool(ok)", ["bool(ok)"]),
        ("a, b = True, training.fit()", "a", ["a"]),
        ("good = training.fit()", "{'one': good > 1, 'two': True}", ["True"]),
        ("good = training.fit()", "{}", ["nothing"]),
        ("ledger = claims.Claims()", "ledger is not None", ["ledger is not None"]),
        ("good = training.fit()", "{'one': good > 1} | {'two': True}", ["True"]),
        ("good = training.fit()", "{name: True for name in good}", ["True"]),
        ("OK = keras is not None", "OK", ["OK"]),
        ("labels = data.FIRST_TEST_LABELS", "labels.count(7)", ["labels.count(7)"]),
        ("version = keras.__version__", "version.isupper()", ["version.isupper()"]),
        ("good = training.fit()\nok = good or True", "ok", ["ok"]),
    ],
)
def test_constant_is_named(code, holds, found):
    assert constants(code, holds) == found


@pytest.mark.parametrize(
    "holds",
    [
        "keras is not None",
        "training.fit is not None",
        "error is not None",
        "np.pi > 3",
        "len(keras.__version__) > 0",
        "keras.__version__.startswith('3')",
        "data.FIRST_TEST_LABELS[0] == 7",
        "str(keras).upper() != ''",
        "ledger is not None",
        "good > 1 or True",
        "good > 1 or 2 > 1",
        "good > 1 and 0",
        "good is good",
        "not good == good",
        "1 < good <= good",
    ],
)
def test_name_of_a_module_and_what_is_settled_by_its_form_are_constant(holds):
    code = """\
good = training.fit(data.load_mnist())
np.mean(good)
ledger = claims.Claims()
ledger.check("Good", holds=good)
def error(x):
    return training.fit(x)"""
    assert constants(code, holds) == [holds]


def test_missing_argument_is_named():
    assert constant_parts(None, Known(set(), set())) == ["nothing"]
