"""Sequences, masks, several inputs, attention: `training.fit` trains them as `Model.fit` does."""

from aelib import training
from aelib.training._recurrent import side_by_side
import keras
from keras import layers, ops
import numpy as np
import pytest
import tensorflow as tf
from test_fit_like_keras import beside

COUNT, STEPS, WORDS = 100, 5, 8
RNG = np.random.default_rng(0)
LENGTHS = RNG.integers(1, STEPS + 1, COUNT)
REAL = np.arange(STEPS) < LENGTHS[:, None]
STROKES = np.where(REAL[..., None], RNG.random((COUNT, STEPS, 3), dtype="float32"), 0)
TOKENS = np.where(REAL, RNG.integers(1, WORDS, (COUNT, STEPS)), 0)
WEIGHTS = RNG.random((COUNT, STEPS), dtype="float32")


def first(values, count=30):
    return keras.tree.map_structure(lambda array: array[:count], values)


def compiled(inputs, outputs, loss="mse", **options) -> keras.Model:
    model = keras.Model(inputs, outputs)
    model.compile(optimizer="adam", loss=loss, **options)
    return model


def masked(layer=layers.LSTM, steps=STEPS, **options) -> keras.Model:
    x = keras.Input((steps, 3))
    h = layer(4, return_sequences=True, **options)(layers.Masking()(x))
    y = layers.Dense(3)(h)  # TimeDistributed takes no mask in Keras 3.8, in Model.fit neither
    return compiled(x, y, metrics=["mae"], weighted_metrics=["mse"])


@pytest.mark.parametrize("weights", [None, WEIGHTS], ids=["mask", "mask and weights"])
def test_masked_steps_count_as_little_as_in_keras(weights):
    validation = [STROKES, STROKES] if weights is None else [STROKES, STROKES, weights]
    beside(masked, STROKES, STROKES, weights, validation_data=tuple(first(validation)))


def test_padding_changes_no_loss_and_no_weight():
    histories, weights = [], []
    for steps in STEPS, STEPS + 4:
        strokes = np.pad(STROKES, [(0, 0), (0, steps - STEPS), (0, 0)])
        keras.utils.set_random_seed(1)
        model = masked(steps=steps)
        histories.append(training.fit(model, strokes, strokes, epochs=3).history)
        weights.append(model.get_weights())
    # The loss alone: in Keras 3.8 metrics heed a mask only together with weights.
    np.testing.assert_allclose(histories[0]["loss"], histories[1]["loss"], atol=1e-6)
    for short, long in zip(*weights, strict=True):
        np.testing.assert_allclose(short, long, atol=1e-5)


def test_words_of_a_vocabulary_padded_with_zeros():
    def build():
        x = keras.Input((STEPS,), dtype="int32")
        h = layers.Embedding(WORDS, 4, mask_zero=True)(x)
        h = layers.Bidirectional(layers.GRU(3, return_sequences=True))(h)
        y = layers.Dense(WORDS, "softmax")(h)
        return compiled(x, y, "sparse_categorical_crossentropy", metrics=["accuracy"])

    beside(build, TOKENS, TOKENS, validation_data=first((TOKENS, TOKENS)))


def test_teacher_forcing_takes_two_inputs_and_gives_two_outputs():
    def build():
        x, before = (keras.Input((STEPS, 3), name=name) for name in ("x", "before"))
        *_, h, c = layers.LSTM(4, return_state=True)(layers.Masking()(x))
        told = layers.LSTM(4, return_sequences=True)(before, initial_state=[h, c])
        outputs = {
            "next": layers.Dense(3, name="next")(told),
            "length": layers.Dense(1, name="length")(h),
        }
        loss = {"next": "mse", "length": "mae"}
        return compiled({"x": x, "before": before}, outputs, loss)

    x = {"x": STROKES, "before": np.roll(STROKES, 1, axis=1)}
    y = {"next": STROKES, "length": LENGTHS[:, None].astype("float32")}
    beside(build, x, y, validation_data=first((x, y)))


def test_one_code_for_a_sequence_with_dropout_in_the_loop():
    def build():
        x = keras.Input((STEPS, 3))
        z = layers.GRU(3, dropout=0.2)(x)
        h = layers.SimpleRNN(4, return_sequences=True)(layers.RepeatVector(STEPS)(z))
        return compiled(x, layers.TimeDistributed(layers.Dense(3))(h))

    beside(build, STROKES, STROKES, validation_data=first((STROKES, STROKES)))


@pytest.mark.parametrize("by", ["argument", "embedding"])
def test_attention_looks_where_a_mask_lets_it(by):
    def build():
        tokens = keras.Input((STEPS,), dtype="int32")
        seen = keras.Input((STEPS, STEPS), dtype="bool")
        h = layers.Embedding(WORDS, 4, mask_zero=by == "embedding")(tokens)
        options = {"attention_mask": seen} if by == "argument" else {}
        h = layers.LayerNormalization()(h + layers.MultiHeadAttention(2, 2)(h, h, **options))
        y = layers.Dense(WORDS, "softmax")(h)
        return compiled([tokens, seen], y, "sparse_categorical_crossentropy")

    x = [TOKENS, np.repeat(REAL[:, None], STEPS, axis=1)]
    beside(build, x, TOKENS, WEIGHTS, validation_data=first((x, TOKENS, WEIGHTS)))


LOOPS = {
    "LSTM": lambda: layers.LSTM(4, return_sequences=True, return_state=True),
    "GRU": lambda: layers.GRU(4, return_state=True),
    "GRU, reset before": lambda: layers.GRU(4, reset_after=False, return_state=True),
    "simple": lambda: layers.SimpleRNN(4, return_sequences=True, return_state=True),
    "backwards": lambda: layers.LSTM(4, go_backwards=True, return_state=True),
    "both ways": lambda: layers.Bidirectional(layers.GRU(4, return_state=True)),
}


@pytest.mark.parametrize("count", [1, 7, 8])
@pytest.mark.parametrize("build", LOOPS.values(), ids=LOOPS)
def test_two_loops_give_what_one_gives(build, count):
    keras.utils.set_random_seed(1)
    layer, x, mask = build(), STROKES[:count], REAL[:count]
    layer(x)

    def step(x, mask):
        with tf.GradientTape() as tape:
            tape.watch(x)
            results = layer(x, mask=mask)
            square = sum(ops.sum(result**2) for result in results)
        return results, tape.gradient(square, [x, *(v.value for v in layer.trainable_variables)])

    found = []
    for batch_size in (None, 8):
        specs = tf.TensorSpec((None, STEPS, 3)), tf.TensorSpec((None, STEPS), tf.bool)
        with side_by_side(batch_size):
            program = tf.function(step, autograph=False).get_concrete_function(*specs)
        found.append(keras.tree.flatten(program(tf.constant(x), tf.constant(mask))))
        loops = [node.op for node in program.graph.as_graph_def().node].count("While")
        found[-1].append(loops)
    one, two = found
    assert two.pop() == 2 * one.pop()
    for a, b in zip(one, two, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-5, rtol=1e-5)


def test_recurrent_nets_leave_xla_alone_on_a_cpu(monkeypatch):
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind=None: [])
    inner = masked()
    x = keras.Input((STEPS, 3))
    assert not training.uses_xla(inner)
    assert not training.uses_xla(compiled(x, inner(x)))
    assert not training.uses_xla(compiled(x, layers.Bidirectional(layers.LSTM(2))(x)))
    assert training.uses_xla(compiled(x, layers.MultiHeadAttention(2, 2)(x, x)))
