"""Nets are drawn with every unit, or with every layer."""

from aelib import plots
import numpy as np
import pytest


@pytest.mark.parametrize("kind", [list, tuple, np.array])
def test_network_has_a_neuron_for_each_unit_and_a_line_for_each_weight(kind):
    ax = plots.network(kind([8, 4, 2, 4, 8]), code=2)
    assert [len(layer.get_offsets()) for layer in ax.collections] == [8, 4, 2, 4, 8]
    assert len(ax.lines) == 32 + 8 + 8 + 32
    assert [text.get_text() for text in ax.texts] == ["8", "4", "2", "4", "8"]
    colours = [tuple(layer.get_facecolors()[0]) for layer in ax.collections]
    assert colours.count(colours[2]) == 1


@pytest.mark.parametrize("kind", [list, tuple, np.array])
def test_blocks_name_every_layer_once(kind):
    ax = plots.blocks(kind([784, 28, 10, 2]))
    found = [text.get_text() for text in ax.texts]
    assert found == ["encoder", "decoder", "784", "28", "10", "2", "10", "28", "784"]
    assert len(ax.patches) == 2


BAD_SIZES = [[], [5], [5, 0, 2], [5, -1], [5, 2.5, 2], ["a", "b"], 3, None]


@pytest.mark.parametrize("sizes", BAD_SIZES)
def test_sizes_of_no_net_are_named(sizes):
    with pytest.raises(ValueError, match="sizes must"):
        plots.blocks(sizes)
    with pytest.raises(ValueError, match="sizes must"):
        plots.network(sizes, code=0)


@pytest.mark.parametrize("code", [9, 3, -1, 0.5, None, "1"])
def test_a_code_that_is_no_layer_is_named(code):
    with pytest.raises((TypeError, ValueError), match="code"):
        plots.network([8, 2, 8], code=code)


def test_transformer_has_a_line_for_each_look():
    shown = list("2?+3=5")
    everything = plots.transformer(shown, list("22+3=5"), hidden=[1], width=64, blocks=3)
    assert len(everything.lines) == 6 * 6 + 2 * 6
    back = plots.transformer(shown, shown, hidden=[1], width=64, blocks=3, causal=True)
    assert len(back.lines) == 6 * 7 // 2 + 2 * 6
    texts = [text.get_text() for text in everything.texts]
    assert texts.count("64") == 12
    assert "3 blocks: attention,\nthen two dense layers" in texts


def test_transformer_draws_pictures_of_parts():
    parts = [np.zeros((4, 4)), np.ones((4, 4))]
    ax = plots.transformer(parts, parts, hidden=[], width=8, blocks=1)
    assert len(ax.images) == 4


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({"inputs": []}, "inputs and outputs must be as many"),
        ({"outputs": ["a"]}, "inputs and outputs must be as many"),
        ({"hidden": [2]}, "hidden must be from 0 to 1"),
        ({"width": 0}, "width"),
        ({"blocks": 0}, "blocks"),
        ({"inputs": ["a", np.full((2, 2), 7.0)]}, "each picture of inputs and outputs"),
    ],
)
def test_a_transformer_that_cannot_be_is_refused(changed, named):
    fine = {"inputs": ["a", "b"], "outputs": ["a", "b"], "hidden": [1], "width": 8, "blocks": 1}
    with pytest.raises(ValueError, match=named):
        plots.transformer(**fine | changed)
