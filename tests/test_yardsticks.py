"""Yardsticks against closed forms, SciPy and a decomposition by hand."""

from aelib import models, yardsticks
import keras
import numpy as np
import pandas as pd
import pytest
from scipy.stats import entropy

BCE = "binary_crossentropy"


@pytest.fixture
def train() -> np.ndarray:
    """Forty images of twelve pixels that hang together, so that PCA finds something."""
    rng = np.random.default_rng(0)
    mixed = rng.random((40, 3)) @ rng.random((3, 12)) / 3 + 0.05 * rng.random((40, 12))
    return mixed.astype(np.float32)


@pytest.fixture
def held_out(train) -> np.ndarray:
    return train[::-2] ** 1.1


@pytest.fixture
def copier() -> keras.Model:
    """A net that answers its input: in use, dropout leaves it alone."""
    return keras.Sequential([keras.Input((12,)), keras.layers.Dropout(0.5)])


def binary_cross_entropy(images: np.ndarray, restored: np.ndarray) -> float:
    x, p = images.astype(np.float64), restored.astype(np.float64)
    return -np.mean(x * np.log(p) + (1 - x) * np.log(1 - p))


def test_score_is_the_mean_over_all_pixels(train):
    restored = 0.1 + 0.8 * train[::-1]
    assert yardsticks.score(BCE, train, restored) == pytest.approx(
        binary_cross_entropy(train, restored), rel=1e-6
    )
    assert yardsticks.score("mse", train, restored) == pytest.approx(
        np.mean((train - restored) ** 2), rel=1e-6
    )


def test_score_does_not_depend_on_the_images_shape(train):
    flat = yardsticks.score(BCE, train, train[::-1])
    square = yardsticks.score(BCE, train.reshape(-1, 3, 4), train[::-1].reshape(-1, 3, 4))
    assert square == pytest.approx(flat, rel=1e-6)


@pytest.mark.parametrize("loss", ["mse", BCE])
def test_score_is_what_a_keras_model_reports(loss, train):
    model = keras.Sequential([keras.Input((12,)), keras.layers.Dense(12, "sigmoid")])
    model.compile(loss=loss)
    reported = model.evaluate(train, train, verbose=0)
    restored = model.predict(train, verbose=0)
    assert yardsticks.score(loss, train, restored) == pytest.approx(reported, rel=1e-5)


def test_reconstruction_scores_what_the_model_answers(train):
    model = keras.Sequential([keras.Input((12,)), keras.layers.Dense(12, "sigmoid")])
    expected = yardsticks.score(BCE, train, model.predict(train, verbose=0))
    assert yardsticks.reconstruction(BCE, model, train) == pytest.approx(expected, rel=1e-6)


def test_reconstruction_is_held_against_the_images_that_it_should_give(train, copier):
    noisy = train + 0.1
    assert yardsticks.reconstruction("mse", copier, noisy) == 0
    assert yardsticks.reconstruction("mse", copier, noisy, train) == pytest.approx(0.01, rel=1e-4)


def test_reconstruction_does_not_depend_on_how_images_are_dealt_out(train):
    model = keras.Sequential([keras.Input((12,)), keras.layers.Dense(12, "sigmoid")])
    many = np.tile(train, (30, 1))[:1101]
    expected = yardsticks.score("mse", many, model.predict(many, verbose=0))
    assert yardsticks.reconstruction("mse", model, many) == pytest.approx(expected, rel=1e-6)


def test_mean_image_scores_the_variance_on_its_own_data(train):
    expected = train.var(axis=0).mean()
    assert yardsticks.mean_image("mse", train, train) == pytest.approx(expected, rel=1e-5)


def test_mean_image_adds_the_squared_shift_on_other_data(train, held_out):
    expected = (held_out.var(axis=0) + (held_out.mean(axis=0) - train.mean(axis=0)) ** 2).mean()
    assert yardsticks.mean_image("mse", train, held_out) == pytest.approx(expected, rel=1e-5)


def test_mean_image_pays_the_average_pixels_entropy(train):
    mean = train.mean(axis=0, dtype=np.float64)
    expected = entropy([mean, 1 - mean]).mean()
    assert yardsticks.mean_image(BCE, train, train) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("codes", [1, 2, 5])
def test_pca_equals_a_singular_value_decomposition(codes, train, held_out):
    mean = train.mean(axis=0)
    directions = np.linalg.svd(train - mean, full_matrices=False)[2][:codes]
    restored = (held_out - mean) @ directions.T @ directions + mean
    expected = np.mean((held_out - np.clip(restored, 0, 1)) ** 2)
    assert yardsticks.pca("mse", train, held_out, codes) == pytest.approx(expected, rel=1e-4)


def test_pca_with_a_code_for_each_pixel_loses_nothing(train, held_out):
    assert yardsticks.pca("mse", train, held_out, 12) == pytest.approx(0, abs=1e-10)
    floor = yardsticks.entropy_floor(held_out)
    assert yardsticks.pca(BCE, train, held_out, 12) == pytest.approx(floor, abs=1e-5)


@pytest.mark.parametrize("loss", ["mse", BCE])
def test_each_code_helps_pca(loss, train):
    scores = [yardsticks.pca(loss, train, train, codes) for codes in range(1, 12)]
    assert yardsticks.mean_image(loss, train, train) > scores[0]
    assert scores == sorted(scores, reverse=True)


def test_pca_is_clipped_to_what_a_pixel_can_be():
    black_and_white = np.eye(4, dtype=np.float32)[[0, 0, 1, 2, 3, 3, 3]]
    assert 0 < yardsticks.pca(BCE, black_and_white, 1 - black_and_white, 2) < np.inf


def test_entropy_floor_is_the_pixels_entropy():
    pixels = np.array([[0, 1, 0.5, 0.25], [0.9, 0.001, 0, 1]], dtype=np.float32)
    expected = entropy([pixels, 1 - pixels.astype(np.float64)]).mean()
    assert yardsticks.entropy_floor(pixels) == pytest.approx(expected, abs=1e-6)
    assert yardsticks.entropy_floor(np.full((3, 2), 0.5)) == pytest.approx(np.log(2))


def test_entropy_floor_of_black_and_white_is_zero():
    assert yardsticks.entropy_floor(np.eye(5, dtype=np.float32)) == pytest.approx(0, abs=1e-6)


def test_nothing_scores_below_the_entropy_floor(held_out):
    floor = yardsticks.entropy_floor(held_out)
    for shift in (-0.01, 0.01):
        assert yardsticks.score(BCE, held_out, np.clip(held_out + shift, 0, 1)) > floor


def test_table_names_its_lines_worst_first(train, held_out):
    marks = yardsticks.table(BCE, train, held_out, codes=2)
    assert list(marks) == ["mean image", "PCA, 2 codes", "entropy floor"]
    assert list(marks.values()) == sorted(marks.values(), reverse=True)
    assert marks["PCA, 2 codes"] == yardsticks.pca(BCE, train, held_out, 2)


def test_entropy_floor_belongs_to_cross_entropy_alone(train, held_out):
    marks = yardsticks.table("mse", train, held_out, codes=3)
    assert list(marks) == ["mean image", "PCA, 3 codes"]


@pytest.mark.parametrize("inverted", [False, True])
def test_pca_is_scored_after_clipping(inverted):
    black_and_white = np.eye(4, dtype=np.float32)[[0, 0, 1, 2, 3, 3, 3]]
    train, test = black_and_white, 1 - black_and_white
    if inverted:
        train, test = test, train
    mean = train.mean(axis=0)
    directions = np.linalg.svd(train - mean, full_matrices=False)[2][:2]
    restored = (test - mean) @ directions.T @ directions + mean
    assert restored.max() > 1.4 if inverted else restored.min() < -0.4
    expected = np.mean((test - np.clip(restored, 0, 1)) ** 2)
    assert expected < np.mean((test - restored) ** 2) - 0.01
    assert yardsticks.pca("mse", train, test, 2) == pytest.approx(expected, rel=1e-4)


CROSS_ENTROPIES = {
    "its name": BCE,
    "bce": "bce",
    "the class's name": "BinaryCrossentropy",
    "function": keras.losses.binary_crossentropy,
    "object": keras.losses.BinaryCrossentropy(),
    "object that sums": keras.losses.BinaryCrossentropy(reduction="sum"),
}


@pytest.mark.parametrize("loss", CROSS_ENTROPIES.values(), ids=CROSS_ENTROPIES)
def test_cross_entropy_is_the_same_by_any_name(loss, train, held_out):
    marks = yardsticks.table(loss, train, held_out, codes=2)
    expected = yardsticks.table(BCE, train, held_out, codes=2)
    assert list(marks) == ["mean image", "PCA, 2 codes", "entropy floor"]
    assert list(marks.values()) == pytest.approx(list(expected.values()), rel=1e-6)
    with pytest.raises(ValueError, match="images must be grey levels"):
        yardsticks.score(loss, 255 * train, train)


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.int64, bool])
def test_integers_are_scored_as_the_numbers_that_they_are(dtype, train):
    images = (train > 0.3).astype(dtype)
    restored = (train[::-1] > 0.3).astype(dtype)
    exact = images.astype(float), restored.astype(float)
    expected = np.mean((exact[0] - exact[1]) ** 2)
    assert yardsticks.score("mse", images, restored) == pytest.approx(expected)
    for yardstick in (yardsticks.mean_image, lambda *args: yardsticks.pca(*args, codes=2)):
        found = yardstick("mse", images, restored)
        assert found == pytest.approx(yardstick("mse", *exact), rel=1e-5)


def test_pixels_from_0_to_255_are_scored_in_their_own_unit():
    images = np.array([[255, 0, 100], [7, 90, 255]], np.uint8)
    restored = np.array([[0, 255, 200], [9, 0, 250]], np.uint8)
    expected = np.mean((images.astype(float) - restored.astype(float)) ** 2)
    assert yardsticks.score("mse", images, restored) == pytest.approx(expected)
    assert yardsticks.mean_image("mse", images, images) == pytest.approx(images.var(axis=0).mean())


def test_squared_error_takes_any_range(train, held_out):
    found = yardsticks.mean_image("mse", 2 * train - 1, 2 * held_out - 1)
    assert found == pytest.approx(4 * yardsticks.mean_image("mse", train, held_out), rel=1e-5)
    assert yardsticks.score("mse", 2 * train - 1, train - 1) == pytest.approx(np.mean(train**2))


def test_images_go_by_position(train, held_out, copier):
    frames = pd.DataFrame(train[::-1].copy()), pd.DataFrame(held_out, index=np.arange(20)[::-1])
    arrays = [frame.to_numpy() for frame in frames]
    assert yardsticks.table(BCE, *frames, 2) == yardsticks.table(BCE, *arrays, 2)
    score = yardsticks.score("mse", frames[0][:20], frames[1])
    assert score == yardsticks.score("mse", arrays[0][:20], arrays[1])
    assert yardsticks.reconstruction("mse", copier, frames[0], train[::-1]) == 0


def with_one(value: float, images: np.ndarray) -> np.ndarray:
    return np.where(images == images[2, 3], value, images)


BAD_IMAGES = {
    "contains NaN": lambda images: with_one(np.nan, images),
    "contains infinity": lambda images: with_one(-np.inf, images),
    "must hold real numbers, not complex": lambda images: images * 1j,
    "must hold real numbers, not <U": lambda images: images.astype(str),
}
BAD_LEVELS = {
    r"must be grey levels in .* to \d\d\d": lambda images: 255 * images,
    "must be grey levels in": lambda images: (255 * images).astype(np.uint8),
    "must be grey levels in .* from -0": lambda images: 2 * images - 1,
}
CALLS = {
    "images": lambda good, bad, _: yardsticks.score(BCE, bad, good),
    "restored": lambda good, bad, _: yardsticks.score(BCE, good, bad),
    "images of the model": lambda good, bad, net: yardsticks.reconstruction(BCE, net, good, bad),
    "train": lambda good, bad, _: yardsticks.mean_image(BCE, bad, good),
    "test": lambda good, bad, _: yardsticks.mean_image(BCE, good, bad),
    "train of PCA": lambda good, bad, _: yardsticks.pca("mse", bad, good, 2),
    "test of PCA": lambda good, bad, _: yardsticks.pca("mse", good, bad, 2),
    "train of the table": lambda good, bad, _: yardsticks.table(BCE, bad, good, 2),
    "test of the floor": lambda good, bad, _: yardsticks.entropy_floor(bad),
}


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("message", BAD_IMAGES | BAD_LEVELS)
def test_what_is_no_grey_level_is_named(call, message, train, copier):
    bad = (BAD_IMAGES | BAD_LEVELS)[message](train)
    with pytest.raises(ValueError, match=f"{call.split()[0]} {message}"):
        CALLS[call](train, bad, copier)


@pytest.mark.parametrize("message", BAD_IMAGES)
def test_inputs_that_are_no_numbers_are_named(message, train, copier):
    with pytest.raises(ValueError, match=f"inputs {message}"):
        yardsticks.reconstruction("mse", copier, BAD_IMAGES[message](train))


def test_no_image_has_no_score(train, copier):
    none = train[:0]
    for call in (
        lambda: yardsticks.score("mse", none, none),
        lambda: yardsticks.reconstruction("mse", copier, none),
        lambda: yardsticks.mean_image("mse", none, train),
        lambda: yardsticks.mean_image("mse", train, none),
        lambda: yardsticks.pca("mse", none, train, 1),
        lambda: yardsticks.entropy_floor(none),
    ):
        with pytest.raises(ValueError, match="must hold at least one number"):
            call()


@pytest.mark.parametrize("loss", ["mse", BCE])
def test_arrays_of_two_shapes_are_not_stretched(loss, train, copier):
    for other in (train[0], train[:1], train[:, :1], train[:-1], train[None]):
        with pytest.raises(ValueError, match=r"restored must have shape \(40, 12\) as images"):
            yardsticks.score(loss, train, other)
        with pytest.raises(ValueError, match=r"images must have shape \(40, 12\) as the model's"):
            yardsticks.reconstruction(loss, copier, train, other)
    for other in (train[0], train[:, :1], train[None]):
        with pytest.raises(ValueError, match=r"test must have shape \(n, 12\) as train"):
            yardsticks.mean_image(loss, train, other)


def test_a_models_logits_are_no_reconstruction(train):
    model = keras.Sequential([keras.Input((12,)), keras.layers.Rescaling(9, offset=-4)])
    with pytest.raises(ValueError, match="the model's answers must be grey levels"):
        yardsticks.reconstruction(BCE, model, train)


OF_RANGES = {
    "binary_focal_crossentropy": "grey levels",
    "BinaryFocalCrossentropy": "grey levels",
    "kl_divergence": "grey levels",
    "KLDivergence": "grey levels",
    models.summed_cross_entropy: "grey levels",
    "poisson": "at least 0 for this loss",
    keras.losses.Poisson(): "at least 0 for this loss",
}


@pytest.mark.parametrize("loss", OF_RANGES, ids=str)
def test_losses_for_a_range_name_what_lies_outside(loss, train, copier):
    function = keras.losses.get(loss)
    expected = np.mean(function(train, train[::-1]))
    assert yardsticks.score(loss, train, train[::-1]) == pytest.approx(expected, rel=1e-5)
    bad = 2 * train - 1
    with pytest.raises(ValueError, match=f"images must be {OF_RANGES[loss]}"):
        yardsticks.score(loss, bad, train)
    with pytest.raises(ValueError, match=f"restored must be {OF_RANGES[loss]}"):
        yardsticks.score(loss, train, bad)
    with pytest.raises(ValueError, match=f"the model's answers must be {OF_RANGES[loss]}"):
        yardsticks.reconstruction(loss, copier, bad, train)
    with pytest.raises(ValueError, match=f"train must be {OF_RANGES[loss]}"):
        yardsticks.mean_image(loss, bad, train)


def test_poisson_takes_counts(train):
    counts = np.floor(20 * train)
    assert np.isfinite(yardsticks.score("poisson", counts, counts + 1))


def test_a_loss_that_comes_to_no_number_is_named(train):
    def logarithmic(images, restored):
        return keras.ops.mean(keras.ops.log(restored), axis=-1)

    for images, found in ((2 * train - 1, "nan"), (0 * train, "-inf")):
        with pytest.raises(ValueError, match=f"loss gives {found} here; pass one"):
            yardsticks.score(logarithmic, train, images)


@pytest.mark.parametrize("build", [models.dense_autoencoder, models.variational_autoencoder])
def test_all_models_in_place_of_one_are_named(build, train):
    with pytest.raises(TypeError, match=r"model is of type \w+, which .*; pass its \.model"):
        yardsticks.reconstruction("mse", build(12, (3,)), train)


def test_losses_that_do_not_fit_images_are_named(train):
    logits = keras.losses.BinaryCrossentropy(from_logits=True)
    for loss, message in ((None, "loss is None"), (logits, "loss takes logits")):
        with pytest.raises(ValueError, match=message):
            yardsticks.mean_image(loss, train, train)
    with pytest.raises(ValueError, match="loss identifier: nonsense"):
        yardsticks.score("nonsense", train, train)


@pytest.mark.parametrize("codes", [0.9, None, 0, -1, 13, "mle", 2.0])
def test_codes_that_cannot_be_counted_are_named(codes, train):
    for yardstick in (yardsticks.pca, yardsticks.table):
        with pytest.raises((TypeError, ValueError), match="codes"):
            yardstick("mse", train, train, codes)
