"""Vectors become the nearest of a codebook, slopes pass, and the codebook follows its vectors."""

import random
import subprocess
import sys

from aelib import layers, training
import keras
import numpy as np
import pytest
from scipy.spatial.distance import cdist
from sklearn.datasets import make_blobs
import tensorflow as tf

ENTRIES, WIDTH, PIXELS, BATCH = 5, 3, 7, 8


@pytest.fixture
def vectors() -> np.ndarray:
    return np.random.default_rng(0).normal(size=(4, 6, WIDTH)).astype("float32")


@pytest.fixture
def images() -> np.ndarray:
    return np.random.default_rng(1).random((20, PIXELS), dtype=np.float32)


def quantizer(shape=(WIDTH,), **options) -> layers.VectorQuantizer:
    """Build a quantiser whose entries are far enough apart to be told from each other."""
    keras.utils.set_random_seed(0)
    layer = layers.VectorQuantizer(ENTRIES, **options)
    layer.build((None, *shape))
    entries = np.random.default_rng(2).normal(size=(ENTRIES, shape[-1]))
    layer.codebook.assign(entries.astype("float32"))
    return layer


def nearest(layer, vectors: np.ndarray) -> np.ndarray:
    """Find the nearest entries by SciPy's distances."""
    flat = vectors.reshape(-1, vectors.shape[-1])
    return cdist(flat, layer.codebook.numpy()).argmin(axis=1).reshape(vectors.shape[:-1])


def net(**options) -> tuple[keras.Model, layers.VectorQuantizer]:
    """Compile a small autoencoder with a codebook of two vectors an image."""
    keras.utils.set_random_seed(1)
    x = keras.Input((PIXELS,))
    z = keras.layers.Reshape((2, WIDTH))(keras.layers.Dense(2 * WIDTH)(x))
    layer = layers.VectorQuantizer(ENTRIES, **options)
    model = keras.Model(x, keras.layers.Dense(PIXELS)(keras.layers.Flatten()(layer(z))))
    model.compile(loss="mse", optimizer=keras.optimizers.SGD(0.1))
    return model, layer


# The nearest entry --------------------------------------------------------------------------------


@pytest.mark.parametrize("train", [False, True])
def test_each_vector_becomes_the_nearest_entry_exactly(vectors, train):
    layer = quantizer()
    entries, expected = layer.codebook.numpy(), nearest(layer, vectors)
    assert len(np.unique(expected)) > 2
    np.testing.assert_array_equal(layer.indices(vectors), expected)
    np.testing.assert_array_equal(layer.lookup(expected), entries[expected])
    np.testing.assert_array_equal(layer(vectors, training=train), entries[expected])
    assert layer.compute_output_shape((None, 6, WIDTH)) == (None, 6, WIDTH)


def test_one_entry_is_chosen_always(vectors):
    layer = layers.VectorQuantizer(1)
    out = layer(vectors).numpy()
    np.testing.assert_array_equal(out, np.broadcast_to(layer.codebook, out.shape))


# Slopes and losses --------------------------------------------------------------------------------


def test_straight_through_has_the_values_of_one_and_the_slopes_of_the_other():
    sums = tf.constant([-2.0, -0.1, 0.3, 4.0])
    with tf.GradientTape() as tape:
        tape.watch(sums)
        soft = tf.sigmoid(sums)
        out = layers.straight_through(tf.round(soft), soft)
    np.testing.assert_array_equal(out, [0, 0, 1, 1])
    p = 1 / (1 + np.exp(-sums.numpy()))
    np.testing.assert_allclose(tape.gradient(out, sums), p * (1 - p), rtol=1e-6)


@pytest.mark.parametrize("soft", [(1, 4), (3,), ()])
def test_straight_through_refuses_two_shapes(soft):
    with pytest.raises(ValueError, match=r"hard and soft have the shapes \(3, 1\) and"):
        layers.straight_through(tf.zeros((3, 1)), tf.zeros(soft))


def test_straight_through_takes_shapes_that_are_not_known_yet():
    program = tf.function(layers.straight_through, autograph=False).get_concrete_function(
        tf.TensorSpec(None), tf.TensorSpec((None, 2))
    )
    np.testing.assert_array_equal(program(tf.ones((3, 2)), tf.zeros((3, 2))), np.ones((3, 2)))


def test_the_decoders_slope_goes_to_the_encoder_and_none_to_the_codebook(vectors):
    layer = quantizer()
    weights = np.random.default_rng(3).normal(size=vectors.shape).astype("float32")
    z = tf.constant(vectors)
    with tf.GradientTape() as tape:
        tape.watch(z)
        score = tf.reduce_sum(weights * layer(z, training=True))
    to_vectors, to_codebook = tape.gradient(score, [z, layer.codebook.value])
    np.testing.assert_array_equal(to_vectors, weights)
    assert to_codebook is None or not np.any(to_codebook)


@pytest.mark.parametrize("train", [False, True])
@pytest.mark.parametrize("update", ["loss", "average"])
def test_losses_are_squared_distances_summed_over_a_vector_and_averaged_over_all(
    vectors, train, update
):
    layer = quantizer(update=update, commitment=0.3)
    squared = np.mean(cdist(vectors.reshape(-1, WIDTH), layer.codebook.numpy()).min(axis=1) ** 2)
    layer(vectors, training=train)
    expected = [0.3 * squared] + [squared] * (update == "loss")
    np.testing.assert_allclose(layer.losses, expected, rtol=1e-5)
    np.testing.assert_allclose(layer.distance.result(), squared, rtol=1e-5)


def test_commitment_pulls_the_vectors_and_the_codebooks_loss_its_entries(vectors):
    layer = quantizer(commitment=0.3)
    z, count = tf.constant(vectors), vectors.size / WIDTH
    with tf.GradientTape() as tape:
        tape.watch(z)
        layer(z, training=True)
        loss = tf.add_n(layer.losses)
    pulls, moves = tape.gradient(loss, [z, layer.codebook.value])
    chosen = nearest(layer, vectors)
    apart = vectors - layer.codebook.numpy()[chosen]
    np.testing.assert_allclose(pulls, 2 * 0.3 * apart / count, rtol=1e-4, atol=1e-6)
    by_entry = [apart[chosen == k].sum(axis=0) for k in range(ENTRIES)]
    np.testing.assert_allclose(moves, -2 * np.array(by_entry) / count, rtol=1e-4, atol=1e-6)


def test_the_codebooks_loss_is_no_weight_to_train_with_averages():
    assert len(quantizer(update="loss").trainable_weights) == 1
    assert quantizer(update="average").trainable_weights == []


# Running averages ---------------------------------------------------------------------------------


def test_the_running_average_follows_its_formula():
    layer = quantizer(update="average", decay=0.8)
    batches = np.random.default_rng(4).normal(size=(4, 300, WIDTH)).astype("float32")
    counts, sums = np.zeros(ENTRIES), np.zeros((ENTRIES, WIDTH))
    for batch in batches:
        chosen = np.eye(ENTRIES)[nearest(layer, batch)]
        counts = 0.8 * counts + 0.2 * chosen.sum(axis=0)
        sums = 0.8 * sums + 0.2 * chosen.T @ batch
        layer(batch, training=True)
        assert counts.min() > 0
        np.testing.assert_allclose(layer.counts, counts, rtol=1e-5)
        np.testing.assert_allclose(layer.codebook, sums / counts[:, None], rtol=1e-4, atol=1e-6)


def test_without_memory_it_is_a_step_of_k_means():
    blobs, _, centres = make_blobs(
        100, WIDTH, centers=ENTRIES, cluster_std=0.1, random_state=0, return_centers=True
    )
    layer = quantizer(update="average", decay=0.0)
    layer.codebook.assign(centres + 0.5)
    labels = nearest(layer, blobs)
    layer(blobs.astype("float32"), training=True)
    means = [blobs[labels == k].mean(axis=0) for k in range(ENTRIES)]
    np.testing.assert_allclose(layer.codebook, means, rtol=1e-4)


@pytest.mark.parametrize("decay", [0.0, 0.9])
def test_an_entry_that_nothing_chooses_stays_where_it_is(decay):
    layer = quantizer(update="average", decay=decay)
    far = np.full(WIDTH, 100, "float32")
    layer.codebook.assign(np.vstack([layer.codebook.numpy()[:-1], far]))
    for _ in range(3):
        layer(np.random.default_rng(5).normal(size=(30, WIDTH)), training=True)
    np.testing.assert_array_equal(layer.codebook[-1], far)
    assert np.isfinite(layer.codebook).all()


@pytest.mark.parametrize("options", [{"update": "average"}, {"restart": 0.5}])
def test_nothing_moves_at_inference_or_frozen(vectors, options):
    layer = quantizer(**options)
    layer(vectors)
    layer.trainable = False
    layer(vectors, training=True)
    np.testing.assert_array_equal(layer.codebook, quantizer().codebook)
    assert not np.any(layer.counts)


# Dead entries -------------------------------------------------------------------------------------


@pytest.mark.parametrize("update", ["loss", "average"])
def test_entries_that_nothing_chooses_start_anew_at_vectors_of_the_batch(update):
    layer = quantizer(update=update, restart=0.1)
    near, far = layer.codebook.numpy()[:2], np.full((3, WIDTH), 100)
    layer.codebook.assign(np.vstack([near, far]))
    batch = np.repeat(near, 20, axis=0) + 0.01 * np.random.default_rng(6).normal(size=(40, WIDTH))
    batch = batch.astype("float32")
    layer(batch, training=True)
    after = layer.codebook.numpy()
    for entry in after[2:]:
        assert (batch == entry).all(axis=1).any()
    kept = near if update == "loss" else [batch[:20].mean(axis=0), batch[20:].mean(axis=0)]
    np.testing.assert_allclose(after[:2], kept, rtol=1e-4, atol=1e-5)


def test_an_entry_is_dead_once_its_share_of_the_average_has_faded():
    layer = quantizer(restart=0.5, decay=0.9)
    entries = layer.codebook.numpy()
    for _ in range(60):
        layer(np.repeat(entries, 2, axis=0), training=True)
    one = np.repeat(entries[:1], 2 * ENTRIES, axis=0)
    alive = []
    for _ in range(7):
        layer(one, training=True)
        alive.append(np.array_equal(layer.codebook, entries))
    assert alive == [True] * 6 + [False]  # 0.9 to the power of 7 is the first below one half


def test_without_restart_a_dead_entry_lies_for_ever():
    layer = quantizer(restart=0.0)
    before = layer.codebook.numpy()
    layer(np.repeat(before[:1], 20, axis=0), training=True)
    np.testing.assert_array_equal(layer.codebook, before)


# In a model ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "jit"),
    [
        ({"update": "loss"}, True),
        ({"update": "average", "decay": 0.9}, True),
        ({"update": "average", "decay": 0.9, "restart": 0.3}, True),
        ({"update": "average", "decay": 0.9, "restart": 0.3}, False),
    ],
)
def test_a_compiled_epoch_ends_as_model_fit_does(images, options, jit):
    ours, layer = net(**options)
    stock, _ = net(**options)
    ours.compile(loss="mse", optimizer=keras.optimizers.SGD(0.1), jit_compile=jit)
    before = layer.codebook.numpy()
    keras.utils.set_random_seed(2)
    history = training.fit(
        ours, images, images, epochs=3, batch_size=BATCH, validation_data=(images, images)
    ).history
    keras.utils.set_random_seed(2)
    seed = random.randrange(2**31)
    for epoch in range(3):
        x = images[training.epoch_order(len(images), seed, epoch)]
        options = {"batch_size": BATCH, "shuffle": False, "verbose": 0}
        expected = stock.fit(x, x, validation_data=(images, images), **options).history
        for name, values in expected.items():
            np.testing.assert_allclose(history[name][epoch], values[0], rtol=1e-4, err_msg=name)
    assert np.abs(layer.codebook.numpy() - before).max() > 0.01
    assert np.any(layer.counts)
    for one, two in zip(ours.get_weights(), stock.get_weights(), strict=True):
        np.testing.assert_allclose(one, two, rtol=1e-4, atol=1e-5)


def test_a_compiled_epoch_draws_new_starts_anew(images):
    model, layer = net(restart=0.9)
    states = []
    for _ in range(3):
        training.fit(model, images, images, batch_size=BATCH)
        states.append(layer.random.state.numpy().tolist())
    assert states[0] != states[1] != states[2]


def test_validation_counts_the_losses_and_reports_their_parts(images):
    model, layer = net(commitment=0.5)
    history = training.fit(
        model, images, images, epochs=1, batch_size=20, validation_data=(images, images)
    ).history
    vectors = model.layers[2](model.layers[1](images)).numpy().reshape(-1, WIDTH)
    apart = cdist(vectors, layer.codebook.numpy()).min(axis=1) ** 2
    error = np.mean((model(images).numpy() - images) ** 2)
    np.testing.assert_allclose(history["val_loss"][0], error + 1.5 * apart.mean(), rtol=1e-4)
    np.testing.assert_allclose(history["val_distance"][0], apart.mean(), rtol=1e-4)
    evaluated = model.evaluate(images, images, verbose=0, return_dict=True)
    np.testing.assert_allclose(evaluated["loss"], error + 1.5 * apart.mean(), rtol=1e-4)


def test_perplexity_is_that_of_all_choices_of_an_epoch():
    # Each batch chooses one entry; over the epoch all five are chosen, one twice as often.
    x = keras.Input((WIDTH,))
    layer = quantizer()
    model = keras.Model(x, layer(x))
    model.compile(loss="mse", optimizer=keras.optimizers.SGD(0.0))
    entries = layer.codebook.numpy()
    rows = np.repeat(entries[[0, 0, 1, 2, 3, 4]], 4, axis=0)
    found = model.evaluate(rows, rows, batch_size=4, verbose=0, return_dict=True)
    share = np.array([2, 1, 1, 1, 1]) / 6
    np.testing.assert_allclose(
        found["perplexity"], np.exp(-np.sum(share * np.log(share))), rtol=1e-5
    )
    once = model.evaluate(rows[:4], rows[:4], verbose=0, return_dict=True)
    np.testing.assert_allclose(once["perplexity"], 1, rtol=1e-5)
    even = np.repeat(entries, 3, axis=0)
    all_alike = training.fit(model, even, even, batch_size=4).history["perplexity"][0]
    np.testing.assert_allclose(all_alike, ENTRIES, rtol=1e-5)


def test_prediction_is_the_same_each_time_and_leaves_everything_as_it_is(images):
    model, layer = net(update="average", restart=0.5)
    training.fit(model, images, images, epochs=2, batch_size=BATCH)
    before = [value.numpy() for value in layer.weights] + [layer.random.state.numpy()]
    one, two = (model.predict(images, verbose=0) for _ in range(2))
    np.testing.assert_array_equal(one, two)
    after = [value.numpy() for value in layer.weights] + [layer.random.state.numpy()]
    for old, new in zip(before, after, strict=True):
        np.testing.assert_array_equal(old, new)


@pytest.mark.parametrize("update", ["loss", "average"])
def test_a_codebook_far_from_all_vectors_comes_into_use_by_starting_anew(images, update):
    used = {}
    for restart in (0.0, 0.2):
        model, layer = net(update=update, decay=0.5, restart=restart)
        model.optimizer.learning_rate = 0.001  # far away, slopes are steep
        layer.codebook.assign(np.eye(ENTRIES, WIDTH) + 10)
        history = training.fit(model, images, images, epochs=5, batch_size=10).history
        used[restart] = history["perplexity"][-1]
    assert used[0.0] < 1.5 < 3 < used[0.2]


def test_a_saved_model_goes_on_in_a_new_process_that_imports_our_layers_only(tmp_path, images):
    options = {"update": "average", "decay": 0.9, "restart": 0.3, "commitment": 0.5}
    model, layer = net(**options)
    training.fit(model, images, images, epochs=2, batch_size=BATCH)
    model.save(tmp_path / "net.keras")
    copy = keras.models.load_model(tmp_path / "net.keras")
    np.testing.assert_array_equal(copy(images), model(images))
    loaded = copy.get_layer(layer.name)
    assert {name: getattr(loaded, name) for name in options} == options
    for one, other in zip(loaded.weights, layer.weights, strict=True):
        np.testing.assert_array_equal(one, other)
    for net_ in (model, copy):
        net_.train_on_batch(images, images)
    np.testing.assert_allclose(loaded.codebook, layer.codebook, rtol=1e-5, atol=1e-7)
    program = "import sys, aelib.layers, keras; keras.models.load_model(sys.argv[1])"
    subprocess.run([sys.executable, "-c", program, str(tmp_path / "net.keras")], check=True)


def test_a_config_builds_the_layer_anew():
    layer = layers.VectorQuantizer(7, commitment=1, update="average", decay=0.5, restart=0.2)
    config = layer.get_config()
    assert layers.VectorQuantizer.from_config(config).get_config() == config


# What is refused ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"entries": 0}, ValueError, "entries == 0"),
        ({"entries": 2.5}, TypeError, "entries must be an instance of int"),
        ({"commitment": -0.1}, ValueError, "commitment is -0.1; pass a number of at least 0"),
        ({"commitment": np.nan}, ValueError, "commitment is nan"),
        ({"update": "ema"}, ValueError, 'update is \'ema\'; pass "loss" or "average"'),
        ({"decay": 1.0}, ValueError, "decay is 1.0; pass a number from 0 to below 1"),
        ({"restart": 1}, ValueError, "restart is 1; pass a share from 0 to below 1"),
        ({"restart": "0.1"}, ValueError, "restart is 0.1; pass a share"),
    ],
)
def test_arguments_out_of_range_are_refused(options, error, message):
    with pytest.raises(error, match=message):
        layers.VectorQuantizer(**({"entries": ENTRIES} | options))


@pytest.mark.parametrize("shape", [(3,), (None, None)])
def test_what_has_no_batch_or_no_known_width_is_refused(shape):
    with pytest.raises(ValueError, match=r"gets the shape \(.*\); vectors need \(batch, …, D"):
        layers.VectorQuantizer(ENTRIES)(keras.Input(batch_shape=shape))
