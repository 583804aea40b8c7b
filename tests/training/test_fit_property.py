"""Whatever small model, loss, metric, callback, weight or shape is drawn: `fit` is `Model.fit`."""

from hypothesis import Phase, given, settings
from hypothesis import strategies as st
import keras
from keras import layers
import numpy as np
from test_fit_like_keras import beside

EXAMPLES = {
    "callbacks": {
        "none": lambda: [],
        "early stopping": lambda: [keras.callbacks.EarlyStopping("loss", min_delta=1, patience=1)],
        "falling rate": lambda: [keras.callbacks.LearningRateScheduler(lambda e, r: r / (1 + e))],
        "no NaN": lambda: [keras.callbacks.TerminateOnNaN()],
    },
    "layer": {
        "dense": lambda: layers.Dense(5, "tanh"),
        "dropout": lambda: layers.Dropout(0.3),
        "normalisation": layers.BatchNormalization,
        "penalty": lambda: layers.Dense(5, activity_regularizer=keras.regularizers.L1(0.01)),
    },
}


def drawn(name):
    return st.sampled_from(list(EXAMPLES[name].values()))


@settings(max_examples=16, deadline=None, derandomize=True, database=None, phases=[Phase.generate])
@given(
    count=st.integers(1, 40),
    shape=st.sampled_from([(6,), (3, 2)]),
    layer=drawn("layer"),
    loss=st.sampled_from(["mse", "mae", "sparse_categorical_crossentropy"]),
    metrics=st.sampled_from([[], ["mae"], ["mse", "mae"]]),
    optimizer=st.sampled_from(["sgd", "adam"]),
    weighted=st.booleans(),
    held_out=st.integers(0, 20),
    callbacks=drawn("callbacks"),
    epochs=st.integers(1, 3),
)
def test_fit_is_model_fit(
    count, shape, layer, loss, metrics, optimizer, weighted, held_out, callbacks, epochs
):
    labelled = loss.startswith("sparse")

    def build():
        inputs = keras.Input(shape)
        outputs = layers.Dense(shape[-1], "softmax" if labelled else None)(layer()(inputs))
        model = keras.Model(inputs, outputs)
        names = ["accuracy"] if labelled else metrics
        options = {"metrics": names, "weighted_metrics": names if weighted else None}
        model.compile(optimizer=optimizer, loss=loss, jit_compile=False, **options)
        return model

    def data(count, rng):
        x = rng.random((count, *shape), dtype="float32")
        y = x.argmax(axis=-1) if labelled else x
        weights = rng.random((count, *shape[:-1]), dtype="float32")
        return (x, y, weights) if weighted else (x, y)

    rng = np.random.default_rng(count)
    validation = data(held_out, rng) if held_out else None
    options = {"callbacks": callbacks, "validation_data": validation, "epochs": epochs}
    beside(build, *data(count, rng), **options)
