"""Settings are chosen on the validation images alone, results are kept, and a run goes on."""

import json

from aelib import comparison, variations
from aelib.data import Digits
import keras
import numpy as np
import pytest
from sklearn.svm import SVC

SIZES = (120, 40, 60)
DIGITS = Digits(np.zeros((1, 28, 28)), np.zeros(1, int), np.zeros((1, 28, 28)), np.zeros(1), "none")
GRID = [{"name": "poor", "wrong": 0.3}, {"name": "good", "wrong": 0.1}, {"name": "as good"}]


@pytest.fixture(scope="module")
def problem():
    return variations.load("rect", DIGITS, SIZES)


@pytest.fixture
def small_nets(monkeypatch):
    monkeypatch.setattr(comparison, "UNITS", 20)
    monkeypatch.setattr(comparison, "TUNING_STEPS", 5)
    monkeypatch.setattr(comparison, "LAYER_STEPS", 5)
    comparison.pretrain.cache_clear()


class Recorder:
    """A model that errs on a share of the images that its setting names, and notes each training.

    With a seed, its test errors differ.
    """

    def __init__(self, stop_after=99):
        self.trained, self.stop_after = [], stop_after

    def __call__(self, problem, setting, seed):
        if len(self.trained) == self.stop_after:
            raise KeyboardInterrupt
        self.trained.append((problem.name, setting["name"], seed))

        def classify(images):
            labels = problem.y_valid if len(images) == len(problem.y_valid) else problem.y_test
            wrong = round(setting.get("wrong", 0.1) * len(images)) + seed
            return np.where(np.arange(len(images)) < wrong, 1 - labels, labels)

        return classify


def run(recorder, path, monkeypatch, seeds=2, names=("rect",)):
    monkeypatch.setattr(comparison, "MODELS", {"recorder": (recorder, GRID, seeds)})
    return comparison.run(names, ["recorder"], DIGITS, sizes=SIZES, path=path)


def test_first_of_the_best_settings_is_tested_with_all_seeds(tmp_path, monkeypatch):
    recorder = Recorder()
    results = run(recorder, tmp_path / "results.json", monkeypatch)
    tried = [("rect", name, 0) for name in ("poor", "good", "as good")]
    assert recorder.trained == [*tried, ("rect", "good", 1)]
    entries = results.of("rect", "recorder")
    assert [entry["valid"] for entry in entries] == [0.3, 0.1, 0.1]
    assert ["test" in entry for entry in entries] == [False, True, False]
    assert entries[1]["test"] == pytest.approx([6 / 60, 7 / 60])


@pytest.mark.parametrize("stop_after", range(4))
def test_a_run_that_was_stopped_goes_on_where_it_was(tmp_path, monkeypatch, stop_after):
    whole, path = tmp_path / "whole.json", tmp_path / "parts.json"
    run(Recorder(), whole, monkeypatch)
    with pytest.raises(KeyboardInterrupt):
        run(Recorder(stop_after), path, monkeypatch)
    rest = Recorder()
    run(rest, path, monkeypatch)
    # What was best is trained again, unless it was trained in this run.
    assert len(rest.trained) == 4 - stop_after + (stop_after > 1)
    timeless = [
        [{k: v for k, v in entry.items() if k != "seconds"} for entry in json.load(file)["entries"]]
        for file in (whole.open(), path.open())
    ]
    assert timeless[0] == timeless[1]
    again = Recorder()
    run(again, path, monkeypatch)
    assert again.trained == []


def test_the_file_is_whole_at_all_times(tmp_path, monkeypatch):
    path = tmp_path / "results.json"
    run(Recorder(), path, monkeypatch, names=("rect", "rect-img"))
    stored = json.loads(path.read_text())
    assert stored["made"]["sizes"] == list(SIZES)
    assert len(stored["entries"]) == 6
    assert len(path.read_text().splitlines()) == 6 + 3  # one entry a line
    assert [file.name for file in tmp_path.iterdir()] == ["results.json"]


def test_results_of_other_sizes_are_not_mixed(tmp_path, monkeypatch):
    path = tmp_path / "results.json"
    run(Recorder(), path, monkeypatch)
    for other in ((10, 10, 10), None):
        with pytest.raises(ValueError, match=r"was measured with sizes \[120, 40, 60\]"):
            comparison.Results(path, other)


def test_fewer_images_are_seen_more_often():
    assert [comparison.epochs(2000, images) for images in (10_000, 6500, 1000)] == [10, 15, 100]
    assert comparison.epochs(2000 * 0.01, 10_000) == 1


def test_half_width_is_that_of_the_paper():
    assert round(100 * comparison.half_width(0.0303, 50_000), 2) == 0.15
    assert round(100 * comparison.half_width(0.5518, 50_000), 2) == 0.44


def test_error_counts_over_all_chunks():
    images = np.zeros((2 * comparison.CHUNK + 10, 28, 28), np.float32)
    labels = np.arange(len(images)) % 4
    assert comparison.error(lambda chunk: np.zeros(len(chunk)), images, labels) == pytest.approx(
        np.mean(labels != 0)
    )


@pytest.mark.parametrize(
    ("setting", "options"),
    [
        ({"gamma": 2, "C": 10}, {"kernel": "rbf"}),
        ({"degree": 3, "C": 1}, {"kernel": "poly", "degree": 3, "coef0": 1}),
    ],
)
def test_svm_answers_as_one_that_computes_the_kernel_itself(problem, setting, options):
    x = comparison.flat(problem.x_train)
    scale = 1 / (x.shape[1] * x.var())
    direct = SVC(C=setting["C"], gamma=setting.get("gamma", 1) * scale, **options)
    direct.fit(x, problem.y_train)
    classify = comparison.fit_svm(problem, setting, 0)
    expected = direct.predict(comparison.flat(problem.x_test))
    assert np.mean(classify(problem.x_test) != expected) < 0.02


@pytest.mark.parametrize("layer", [comparison.denoising_layer, comparison.boltzmann_layer])
def test_pretrained_layers_each_see_the_codes_of_the_one_below(problem, small_nets, layer):
    seen = []

    def train_layer(x, rate, units):
        seen.append(x)
        return layer(x, rate, units)

    weights = comparison.pretrain(problem, train_layer, 2, 0, rate=0.001, units=20)
    assert [kernel.shape for kernel, _ in weights] == [(784, 20), (20, 20)]
    np.testing.assert_array_equal(seen[0], comparison.flat(problem.x_train))
    kernel, bias = weights[0]
    np.testing.assert_allclose(seen[1], 1 / (1 + np.exp(-(seen[0] @ kernel + bias))), rtol=1e-4)


def test_noise_is_drawn_in_training_only_and_in_the_share_asked_for():
    layer, x = comparison.Masking(0.4), np.ones((50, 784), np.float32)
    np.testing.assert_array_equal(layer(x), x)
    first, second = (layer(x, training=True).numpy() for _ in range(2))
    assert set(np.unique(first)) == {0, 1} and not np.array_equal(first, second)
    assert np.mean(first == 0) == pytest.approx(0.4, abs=0.02)


def test_a_noisy_net_comes_back_from_its_file(tmp_path):
    keras.utils.set_random_seed(0)
    x = keras.Input((6,))
    net = keras.Model(x, keras.layers.Dense(2)(comparison.Masking(0.4, name="noise")(x)))
    net.save(tmp_path / "net.keras")
    loaded = keras.models.load_model(tmp_path / "net.keras")
    layer, again = net.get_layer("noise"), loaded.get_layer("noise")
    assert type(again) is comparison.Masking and again.get_config() == layer.get_config()
    assert float(again.ratio) == float(layer.ratio) == pytest.approx(0.4)
    images = np.random.default_rng(0).random((50, 6), np.float32)
    np.testing.assert_array_equal(loaded(images), net(images))
    lost = again(np.ones((50, 784), np.float32), training=True).numpy() == 0
    assert lost.mean() == pytest.approx(0.4, abs=0.02)


def test_a_net_starts_from_the_pretrained_layers(problem, small_nets, monkeypatch):
    monkeypatch.setattr(comparison.training, "fit", lambda *args, **options: None)
    kernel = np.full((784, 10), 0.01, np.float32)
    calls = []

    def train_layer(x, **setting):
        calls.append(setting)
        return [kernel, np.zeros(10, np.float32)]

    setting = {"noise": 0.25, "layer rate": 0.002, "units": 10}
    classify = comparison.fit_net(problem, setting, 0, train_layer=train_layer, depth=1)
    assert calls == [{"rate": 0.002, "units": 10, "noise": 0.25, "length": 1}]
    # All hidden units are alike: the answer hangs on nothing but the sum of the pixels.
    shuffled = problem.x_test.reshape(len(problem.x_test), -1)[:, ::-1].reshape(-1, 28, 28)
    np.testing.assert_array_equal(classify(problem.x_test), classify(shuffled))


def test_nets_learn_and_repeat(problem, small_nets, monkeypatch):
    monkeypatch.setattr(comparison, "TUNING_STEPS", 30)
    wrong = [
        comparison.error(
            comparison.fit_net(problem, {"rate": 0.01}, 0, train_layer=None, depth=1),
            problem.x_train,
            problem.y_train,
        )
        for _ in range(2)
    ]
    assert wrong[0] == wrong[1] < 0.35
