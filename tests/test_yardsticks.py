"""Yardsticks against closed forms, SciPy and a decomposition by hand."""

from aelib import yardsticks
import keras
import numpy as np
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


def test_reconstruction_is_held_against_the_images_that_it_should_give(train):
    same = keras.Sequential([keras.Input((12,)), keras.layers.Dropout(0.5)])  # in use: a copy
    noisy = train + 0.1
    assert yardsticks.reconstruction("mse", same, noisy) == 0
    assert yardsticks.reconstruction("mse", same, noisy, train) == pytest.approx(0.01, rel=1e-4)


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
