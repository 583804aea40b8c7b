"""Classifiers side by side on the same images: train, choose a setting, test, write down.

Source: P. Vincent et al. 2008, "Extracting and composing robust features with denoising
autoencoders", doi 10.1145/1390156.1390294, section 5 and table 1.
"""

from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache, partial
from importlib.metadata import version
from itertools import product
import json
import os
from pathlib import Path
from time import process_time
from typing import Any

from aelib import training, variations
from aelib._startup import keras
from aelib.data import Digits
from aelib.layers import TiedDense
from aelib.models import BoltzmannMachine
from aelib.variations import Problem
from keras import layers, ops
import numpy as np
from scipy.special import expit
from sklearn.metrics.pairwise import polynomial_kernel, rbf_kernel
from sklearn.svm import SVC
from tqdm import tqdm

RESULTS = Path(__file__).with_name("comparison.json")
PACKAGES = ("scikit-learn", "tensorflow", "keras", "numpy")
CHUNK = 5000  # images that are classified at a time
Setting = dict[str, Any]
Classifier = Callable[[np.ndarray], np.ndarray]  # images in, classes out


# Support vector machines --------------------------------------------------------------------------

# γ is in units of 1 / (pixels × variance of the grey levels), scikit-learn's "scale".
RBF = [{"gamma": g, "C": c} for g, c in product((0.25, 0.5, 1, 2, 4), (1, 10, 100, 1000))]
POLY = [{"degree": d, "C": c} for d, c in product((2, 3, 4, 6), (0.01, 0.1, 1, 10))]
# Where that stops a machine, a large C and a high degree have it learn by heart: it does not win.
MOST_STEPS = 300_000


def kernel(setting: Setting, scale: float) -> Callable[[np.ndarray, np.ndarray], np.ndarray]:
    """Choose the kernel: Gaussian where the setting has a gamma, else polynomial."""
    if "gamma" in setting:
        return partial(rbf_kernel, gamma=setting["gamma"] * scale)
    return partial(polynomial_kernel, degree=setting["degree"], gamma=scale, coef0=1)


@lru_cache(maxsize=1)
def training_kernel(problem: Problem, **setting: float) -> tuple[Callable, np.ndarray]:
    """Compute the kernel of all pairs of training images, once for all C."""
    x = flat(problem.x_train)
    compare = kernel(setting, 1 / (x.shape[1] * x.var()))
    return compare, compare(x, x)


def fit_svm(problem: Problem, setting: Setting, seed: int) -> Classifier:
    """Train a support vector machine; nothing about it is random."""
    shape = {name: value for name, value in setting.items() if name != "C"}
    compare, pairs = training_kernel(problem, **shape)
    # A matrix that is computed beforehand, by matrix products, saves nine tenths of the time.
    machine = SVC(C=setting["C"], kernel="precomputed", cache_size=500, max_iter=MOST_STEPS)
    machine.fit(pairs, problem.y_train)
    x = flat(problem.x_train)
    return lambda images: machine.predict(compare(flat(images), x))


# Nets ---------------------------------------------------------------------------------------------

UNITS = 500  # of each hidden layer, where the setting names no other number
BATCH = 50
XLA = False  # it draws the noise several times over and takes longer to compile
# Steps of Adam, as many for fewer images: 10,000 make ten epochs of a layer, 40 of fine-tuning.
LAYER_STEPS = 2000  # of the pretraining of each layer
TUNING_STEPS, PATIENCE = 8000, 1200  # of fine-tuning, at most, and without a better classification
RATE = 0.001  # of fine-tuning, where the setting names no other
LAYER_RATES = (0.001, 0.004)
NOISE = (0.1, 0.25, 0.4)  # shares of the inputs that are set to zero
FROM_SCRATCH = [{"rate": rate} for rate in (RATE, 3 * RATE)]
STACKED = [{"layer rate": rate} for rate in LAYER_RATES]
DENOISING = [{"noise": n, "layer rate": rate} for n, rate in product(NOISE, LAYER_RATES)]


@keras.saving.register_keras_serializable(package="aelib")
class Masking(layers.Layer):
    """Set each input to zero with a given probability, in training only, anew each time.

    The probability is a variable, so that nets that differ by it share a compiled program.
    """

    def __init__(self, ratio: float, **kwargs) -> None:
        super().__init__(**kwargs)
        start = keras.initializers.Constant(ratio)
        self.ratio = self.add_weight(shape=(), initializer=start, trainable=False)
        self.random = keras.random.SeedGenerator()

    def call(self, x, training=False):
        if not training:
            return x
        kept = keras.random.uniform(ops.shape(x), seed=self.random) >= self.ratio
        return x * ops.cast(kept, x.dtype)

    def get_config(self) -> dict:
        """Give the arguments that build the layer anew."""
        return super().get_config() | {"ratio": float(self.ratio)}


def epochs(steps: float, images: int) -> int:
    """Count the epochs that take about so many steps, one at least."""
    return max(1, round(steps * BATCH / images))


def denoising_layer(
    x: np.ndarray, rate: float, units: int, noise: float = 0.0, length: float = 1.0
) -> list[np.ndarray]:
    """Train a layer to restore x from what noise leaves of it; return its weights and biases.

    Without noise it is a plain autoencoder's. The decoder reads the encoder's weights backwards.
    """
    inputs = keras.Input(x.shape[1:])
    encode = layers.Dense(units, activation="sigmoid")
    codes = encode(Masking(noise)(inputs))
    model = keras.Model(inputs, TiedDense(encode, "sigmoid")(codes))
    adam = keras.optimizers.Adam(rate)
    model.compile(loss="binary_crossentropy", optimizer=adam, jit_compile=XLA)
    times = epochs(length * LAYER_STEPS, len(x))
    training.fit(model, x, x, epochs=times, batch_size=BATCH, progress=False)
    return encode.get_weights()


def boltzmann_layer(
    x: np.ndarray, rate: float, units: int, length: float = 1.0
) -> list[np.ndarray]:
    """Train a restricted Boltzmann machine by CD-1; return its weights and hidden biases.

    Gibbs sampling passes the means of the visible units on: they are grey levels or codes.
    """
    machine = BoltzmannMachine(x.shape[1], units, draw_visible=False)
    machine.compile(optimizer=keras.optimizers.Adam(rate), jit_compile=XLA)
    times = epochs(length * LAYER_STEPS, len(x))
    training.fit(machine, x, epochs=times, batch_size=BATCH, progress=False)
    return [ops.convert_to_numpy(w) for w in (machine.kernel, machine.hidden_bias)]


@lru_cache(maxsize=1)
def pretrain(
    problem: Problem, train_layer: Callable, depth: int, seed: int, **setting: float
) -> list[list[np.ndarray]]:
    """Train layer upon layer, each on the clean codes of the one below; return their weights."""
    keras.utils.set_random_seed(seed)
    x, weights = flat(problem.x_train), []
    for _ in range(depth):
        weights.append(train_layer(x, **setting))
        kernel, bias = weights[-1]
        x = expit(x @ kernel + bias)
    return weights


def fit_net(
    problem: Problem, setting: Setting, seed: int, *, train_layer: Callable | None, depth: int = 3
) -> Classifier:
    """Train a net of sigmoid layers and a softmax, from pretrained layers or random ones.

    Fine-tuning sees no noise. It stops when the validation images have not been classified better
    for `PATIENCE` steps, and goes back to where they were classified best. A setting may name other
    "units" than `UNITS`, and a "length", the share of all numbers of steps that is taken.
    """
    units, length, weights = setting.get("units", UNITS), setting.get("length", 1.0), []
    if train_layer:
        of_layers = {"rate": setting["layer rate"], "units": units, "length": length}
        of_layers |= {"noise": setting["noise"]} if "noise" in setting else {}
        weights = pretrain(problem, train_layer, depth, seed, **of_layers)
    keras.utils.set_random_seed(seed)
    hidden = [layers.Dense(units, activation="sigmoid") for _ in range(depth)]
    net = keras.Sequential([*hidden, layers.Dense(problem.classes, activation="softmax")])
    net.build((None, variations.SIDE**2))
    for layer, values in zip(hidden, weights, strict=False):
        layer.set_weights(values)
    adam = keras.optimizers.Adam(setting.get("rate", RATE))
    loss = "sparse_categorical_crossentropy"
    net.compile(loss=loss, optimizer=adam, metrics=["accuracy"], jit_compile=XLA)
    patience = epochs(length * PATIENCE, len(problem.x_train))
    stop = keras.callbacks.EarlyStopping(
        "val_accuracy", mode="max", patience=patience, restore_best_weights=True
    )
    training.fit(
        net,
        flat(problem.x_train),
        problem.y_train,
        epochs=epochs(length * TUNING_STEPS, len(problem.x_train)),
        batch_size=BATCH,
        validation_data=(flat(problem.x_valid), problem.y_valid),
        callbacks=[stop],
        progress=False,
    )
    return lambda images: np.argmax(net.predict_on_batch(flat(images)), axis=1)


# The table ----------------------------------------------------------------------------------------

# How to train each model, the settings that are tried, and with how many seeds the best is tested.
MODELS: dict[str, tuple[Callable[[Problem, Setting, int], Classifier], list[Setting], int]] = {
    "SVM-rbf": (fit_svm, RBF, 1),
    "SVM-poly": (fit_svm, POLY, 1),
    "net-3": (partial(fit_net, train_layer=None), FROM_SCRATCH, 3),
    "DBN-1": (partial(fit_net, train_layer=boltzmann_layer, depth=1), STACKED, 3),
    "SAA-3": (partial(fit_net, train_layer=denoising_layer), STACKED, 3),
    "DBN-3": (partial(fit_net, train_layer=boltzmann_layer), STACKED, 3),
    "SdA-3": (partial(fit_net, train_layer=denoising_layer), DENOISING, 3),
}


def flat(images: np.ndarray) -> np.ndarray:
    """Lay the pixels of (n, 28, 28) images in one row each."""
    return images.reshape(len(images), -1)


def error(classify: Classifier, images: np.ndarray, labels: np.ndarray) -> float:
    """Count which share of the images is put into a wrong class, in [0, 1]."""
    parts = range(0, len(images), CHUNK)
    found = np.concatenate([classify(images[i : i + CHUNK]) for i in parts])
    return float(np.mean(found != labels))


def half_width(error: float, images: int) -> float:
    """Compute what ± stands for: half of the 95 % interval of a share of so many images."""
    return 1.96 * np.sqrt(error * (1 - error) / images)


def best(entries: Iterable[dict]) -> dict:
    """Choose the entry with the lowest error on the validation images; the first of equals."""
    return min(entries, key=lambda entry: entry["valid"])


class Results:
    """What has been measured, in a file of JSON that holds one entry a line.

    An entry names data set, model and setting; "valid" is the error on the validation images and
    "test", where there is one, the errors on the test images, one for each seed.

    Parameters
    ----------
    path : the file; made if there is none. Without, nothing is kept
    sizes : how many images to train on, to choose with and to test with, in all data sets; those of
        `variations.SIZES` if left out

    Raises
    ------
    ValueError
        If the file holds results for other sizes.
    """

    def __init__(self, path: Path | None = RESULTS, sizes: Sequence[int] | None = None) -> None:
        self.path, self.entries = path, []
        packages = ", ".join(f"{name} {version(name)}" for name in PACKAGES)
        sizes = [*sizes] if sizes else {name: [*three] for name, three in variations.SIZES.items()}
        self.made = {"sizes": sizes, "with": packages}
        if path and path.exists():
            stored = json.loads(path.read_text())
            if stored["made"]["sizes"] != self.made["sizes"]:
                raise ValueError(f"{path} was measured with sizes {stored['made']['sizes']}")
            self.made, self.entries = stored["made"], stored["entries"]

    def of(self, name: str, model: str) -> list[dict]:
        """List the entries of one data set and one model."""
        return [e for e in self.entries if (e["data"], e["model"]) == (name, model)]

    def save(self) -> None:
        """Write the file, whole or not at all."""
        if self.path is None:
            return
        lines = ",\n".join(json.dumps(entry) for entry in self.entries)
        text = f'{{"made": {json.dumps(self.made)},\n"entries": [\n{lines}\n]}}\n'
        beside = self.path.with_suffix(f".{os.getpid()}")
        beside.write_text(text)
        os.replace(beside, self.path)


def run(
    names: Iterable[str],
    models: Iterable[str],
    digits: Digits,
    *,
    sizes: tuple[int, int, int] | None = None,
    path: Path | None = RESULTS,
    grids: dict[str, list[Setting]] | None = None,
    seeds: int | None = None,
    progress: bool = True,
) -> Results:
    """Measure what is still missing of the table.

    Parameters
    ----------
    names : of data sets, as in `variations.NAMES`
    models : as in `MODELS`
    digits : where the images of digits come from
    sizes, path : as for `Results`
    grids : the settings to try, for each model; those of `MODELS` if left out
    seeds : with how many the best setting is tested; as many as `MODELS` says if left out
    progress : show a bar
    """
    results = Results(path, sizes)
    make = lru_cache(maxsize=1)(partial(variations.load, digits=digits, sizes=sizes))
    cells = [(n, m, (grids or {}).get(m, MODELS[m][1])) for n in names for m in models]
    total = sum(len(grid) + 1 for *_, grid in cells)
    with tqdm(total=total, disable=not progress) as bar:
        for name, model, grid in cells:
            bar.set_description(f"{name}, {model}")
            train, _, count = MODELS[model]
            kept = {"valid": np.inf}  # what has been trained here and was best: not again
            for setting in grid:
                if not any(entry["setting"] == setting for entry in results.of(name, model)):
                    problem, begun = make(name), process_time()
                    classify = train(problem, setting, 0)
                    wrong = error(classify, problem.x_valid, problem.y_valid)
                    entry = {"data": name, "model": model, "setting": setting, "valid": wrong}
                    entry["seconds"] = round(process_time() - begun, 1)
                    results.entries.append(entry)
                    results.save()
                    if wrong < kept["valid"]:
                        kept = entry | {"classify": classify}
                bar.update()
            chosen = best(results.of(name, model))
            if "test" not in chosen:
                problem, setting = make(name), chosen["setting"]
                first = kept["classify"] if setting == kept.get("setting") else None
                runs = [first or train(problem, setting, 0)]
                runs += [train(problem, setting, seed) for seed in range(1, seeds or count)]
                chosen["test"] = [error(c, problem.x_test, problem.y_test) for c in runs]
                results.save()
            bar.update()
    return results
