"""Nets are drawn with every unit, or with every layer."""

from itertools import pairwise

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


@pytest.mark.parametrize("kind", [list, tuple, np.array])
def test_dense_layers_are_bars_with_their_sizes(kind):
    ax = plots.dense_layers(kind([784, 1024, 1024, 784]))
    assert texts(ax) == ["784", "1024", "1024", "784"]
    assert len(ax.lines) == 4
    assert len(ax.patches) == 1


@pytest.mark.parametrize("kind", [list, tuple, np.array])
def test_variational_names_every_layer_and_the_code_three_times(kind):
    """As mean, as deviation and as what is drawn."""
    found = texts(plots.variational(kind([784, 512, 20])))
    assert found.count("20") == 3
    assert found.count("784") == found.count("512") == 2
    assert {r"$\mu$", r"$\sigma$", "$z$", r"noise $\varepsilon \sim N(0, I)$"} < set(found)


BAD_SIZES = [[], [5], [5, 0, 2], [5, -1], [5, 2.5, 2], ["a", "b"], 3, None]


@pytest.mark.parametrize("sizes", BAD_SIZES)
def test_sizes_of_no_net_are_named(sizes):
    with pytest.raises(ValueError, match="sizes must"):
        plots.blocks(sizes)
    with pytest.raises(ValueError, match="sizes must"):
        plots.dense_layers(sizes)
    with pytest.raises(ValueError, match="sizes must"):
        plots.variational(sizes)
    with pytest.raises(ValueError, match="sizes must"):
        plots.network(sizes, code=0)


@pytest.mark.parametrize("code", [9, 3, -1, 0.5, None, "1"])
def test_a_code_that_is_no_layer_is_named(code):
    with pytest.raises((TypeError, ValueError), match="code"):
        plots.network([8, 2, 8], code=code)


LENET = [(28, 28, 1), (14, 14, 4), (7, 7, 2), (10,), (2,), (98,), (28, 28, 1)]


@pytest.mark.parametrize("kind", [tuple, np.array])
def test_feature_maps_have_a_sheet_for_each_channel_and_their_sizes(kind):
    steps = [str(i) for i in range(6)]
    ax = plots.feature_maps([kind(shape) for shape in LENET], code=4, steps=steps)
    sizes = ["28×28×1", "14×14×4", "7×7×2", "10", "2", "98", "28×28×1"]
    assert [text.get_text() for text in ax.texts] == [*sizes, *steps]
    widths = [28] + 4 * [14] + 2 * [7] + 3 * [2] + [28]
    assert [sheet.get_width() for sheet in ax.patches] == widths
    heights = [28] + 4 * [14] + 2 * [7] + [10, 2, 28] + [28]  # a bar ends where the image does
    assert [sheet.get_height() for sheet in ax.patches] == heights


def test_feature_maps_of_dense_layers_alone_are_bars_to_scale():
    ax = plots.feature_maps([(5,), (3,), (10,)], code=1)
    assert [text.get_text() for text in ax.texts] == ["5", "3", "10"]
    assert [bar.get_height() for bar in ax.patches] == [5, 3, 10]


def test_feature_maps_show_the_code_in_a_colour_of_its_own():
    ax = plots.feature_maps(LENET, code=4)
    colours = [text.get_color() for text in ax.texts]
    assert [i for i, colour in enumerate(colours) if colour != colours[0]] == [4]


def test_no_two_stacks_of_feature_maps_overlap():
    deep = [(28, 28, 64), (4, 28, 64), (3,), (28, 4, 1)]
    ax = plots.feature_maps(deep, code=2)
    ends, start = [], 0
    for count in (64, 64, 1, 1):
        stack = ax.patches[start : start + count]
        start += count
        ends.append((min(s.get_x() for s in stack), max(s.get_x() + s.get_width() for s in stack)))
    assert all(right < left for (_, right), (left, _) in pairwise(ends))


@pytest.mark.parametrize(
    ("changed", "error", "message"),
    [
        ({"shapes": [(28, 28, 1)]}, ValueError, "shapes must be those of two layers at least"),
        ({"shapes": [(28, 28), (7,)]}, ValueError, "shapes must be those of two layers at least"),
        ({"shapes": [(28, 28, 1), 7]}, ValueError, r"shapes\[1\] must be integers in one row"),
        ({"shapes": [(28, 28, 1), (0,)]}, ValueError, r"shapes\[1\] must be at least 1"),
        ({"code": 7}, ValueError, "code == 7, must be <= 6"),
        ({"code": 0.5}, TypeError, "code must be an instance of"),
        ({"steps": ["conv"]}, ValueError, "steps must be 6, one to each next shape"),
    ],
)
def test_shapes_and_steps_of_no_net_are_named(changed, error, message):
    with pytest.raises(error, match=message):
        plots.feature_maps(**({"shapes": LENET, "code": 4} | changed))


def texts(ax) -> list[str]:
    return [text.get_text() for text in ax.texts if text.get_text()]


def test_unrolled_has_a_box_for_each_step_that_is_drawn_and_one_for_the_code():
    assert len(plots.unrolled(28, 28, 64, 32).patches) == 3 + 1 + 3
    found = texts(plots.unrolled(28, 5, 64, 32, title="a net"))
    assert found.count("…") == 2
    assert {"$x_{28}$", r"$\hat{x}_{28}$", "$h_{28}$", "$s_{28}$", "$z$", "32"} <= set(found)
    assert "28 steps, 5 numbers each" in found
    assert "encoder, 64 units" in found
    assert "decoder, 64 units" in found


@pytest.mark.parametrize("steps", [1, 2, 3])
def test_short_sequences_are_drawn_whole(steps):
    found = texts(plots.unrolled(steps, 1, 2, 1))
    assert "…" not in found
    assert [name for name in found if name.startswith("$x")] == [
        f"$x_{{{step}}}$" for step in range(1, steps + 1)
    ]


@pytest.mark.parametrize(
    ("fed", "backwards", "under", "over"),
    [
        ("", False, [], ["1", "2", "3"]),
        ("true", False, ["$x_{1}$", "$x_{2}$"], ["1", "2", "3"]),
        ("own", True, [r"$\hat{x}_{3}$", r"$\hat{x}_{2}$"], ["3", "2", "1"]),
    ],
)
def test_decoder_writes_in_the_order_asked_for_and_sees_what_came_before(
    fed, backwards, under, over
):
    ax = plots.unrolled(3, 4, 5, 2, fed=fed, backwards=backwards)
    right = sorted((t.get_position(), t.get_text()) for t in ax.texts if t.get_position()[0] > 4)
    assert [text for (_, y), text in right if y == -1] == under
    assert [text for (_, y), text in right if y == 1] == [rf"$\hat{{x}}_{{{n}}}$" for n in over]


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"steps": 0}, "steps == 0"),
        ({"features": 1.5}, "features must"),
        ({"units": -1}, "units == -1"),
        ({"code": None}, "code must"),
        ({"fed": "teacher"}, 'fed is \'teacher\'; pass "true" or "own"'),
    ],
)
def test_sizes_that_cannot_be_unrolled_are_named(changed, message):
    with pytest.raises((TypeError, ValueError), match=message):
        plots.unrolled(**{"steps": 3, "features": 2, "units": 4, "code": 1} | changed)


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


def drawn_codebook(**changed):
    grid = np.array([[0, 3], [9, 1], [2, 2]])
    fine = {"image": np.zeros((4, 4)), "indices": grid, "restored": np.ones((4, 4))}
    return plots.codebook_net(**fine | {"entries": 10, "width": 16} | changed)


def test_codebook_net_writes_the_entry_of_each_place_and_the_first_and_last_of_the_book():
    ax = drawn_codebook(title="a net")
    texts = [text.get_text() for text in ax.texts if text.get_text()]
    numbers = [text for text in texts if text.isdigit()]
    assert numbers == ["0", "3", "9", "1", "2", "2", *"012345", "9"]
    assert {"encoder", "decoder", "codebook, 10", "3×2, vectors of 16"} <= set(texts)
    assert len(ax.images) == 2
    assert len(ax.patches) == 2 + 2 * 6 + 7
    assert ax.get_title(loc="left") == "a net"


def test_a_small_codebook_is_drawn_whole():
    ax = drawn_codebook(entries=4, indices=np.zeros((1, 1), int))
    assert len(ax.patches) == 2 + 2 + 4


@pytest.mark.parametrize(
    ("changed", "error", "named"),
    [
        ({"entries": 9}, ValueError, "indices must be from 0 to 8"),
        ({"entries": 2.5}, TypeError, "entries"),
        ({"width": 0}, ValueError, "width"),
        ({"indices": np.zeros(3, int)}, ValueError, r"indices must be a grid"),
        ({"indices": np.zeros((2, 2))}, ValueError, "indices must be integers"),
        ({"restored": np.full((2, 2), 7.0)}, ValueError, "each picture, restored too"),
    ],
)
def test_a_codebook_net_that_cannot_be_is_refused(changed, error, named):
    with pytest.raises(error, match=named):
        drawn_codebook(**changed)


def test_split_code_names_each_part_and_its_limits():
    ax = plots.split_code({"content": ("one of ten", "10"), "style": ("noisy", "3")}, title="a net")
    texts = [text.get_text() for text in ax.texts]
    for word in ("content", "style", "content encoder", "style encoder", "one of ten", "10", "3"):
        assert word in texts
    assert len(ax.patches) == 2 * 2 + 1
    assert ax.get_title(loc="left") == "a net"


@pytest.mark.parametrize(
    ("halves", "error", "named"),
    [
        ({}, ValueError, "halves must hold two texts"),
        ({"content": ("one of ten",)}, ValueError, "halves must hold two texts"),
        (["content"], TypeError, "halves must be a dict"),
    ],
)
def test_a_split_code_that_cannot_be_is_refused(halves, error, named):
    with pytest.raises(error, match=named):
        plots.split_code(halves)


def test_word_code_writes_every_word_at_its_side_and_the_critic_only_if_it_reads():
    words, code = ["the", "king", "sleeps"], ["king", "sleeps"]
    ax = plots.word_code(words, code, words, real="queen sees", title="a net")
    texts = [text.get_text() for text in ax.texts if text.get_text()]
    for word in code:
        assert texts.count(word) == 3
    assert texts.count("the") == 2
    assert {"encoder", "decoder", "critic", "real: queen sees"} <= set(texts)
    assert ax.get_title(loc="left") == "a net"
    alone = plots.word_code(words, code, words)
    assert not {"critic", "slope"} & {text.get_text() for text in alone.texts}
    assert len(alone.patches) == len(ax.patches) - 1


@pytest.mark.parametrize("name", ["words", "code", "restored"])
def test_word_code_wants_words(name):
    sides = {side: ["a"] for side in ("words", "code", "restored")} | {name: []}
    with pytest.raises(ValueError, match=f"{name} is empty"):
        plots.word_code(**sides)
