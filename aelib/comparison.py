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
from time import perf_counter
from typing import Any

from aelib import variations
from aelib.data import Digits
from aelib.variations import Problem
import numpy as np
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


# The table ----------------------------------------------------------------------------------------

# How to train each model, the settings that are tried, and with how many seeds the best is tested.
MODELS: dict[str, tuple[Callable[[Problem, Setting, int], Classifier], list[Setting], int]] = {
    "SVM-rbf": (fit_svm, RBF, 1),
    "SVM-poly": (fit_svm, POLY, 1),
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
    path : the file; made if there is none
    sizes : how many images to train on, to choose with and to test with

    Raises
    ------
    ValueError
        If the file holds results for other sizes.
    """

    def __init__(self, path: Path, sizes: Sequence[int]) -> None:
        self.path, self.entries = path, []
        packages = ", ".join(f"{name} {version(name)}" for name in PACKAGES)
        self.made = {"sizes": list(sizes), "with": packages}
        if path.exists():
            stored = json.loads(path.read_text())
            if stored["made"]["sizes"] != self.made["sizes"]:
                raise ValueError(f"{path} was measured with sizes {stored['made']['sizes']}")
            self.made, self.entries = stored["made"], stored["entries"]

    def of(self, name: str, model: str) -> list[dict]:
        """List the entries of one data set and one model."""
        return [e for e in self.entries if (e["data"], e["model"]) == (name, model)]

    def save(self) -> None:
        """Write the file, whole or not at all."""
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
    sizes: tuple[int, int, int] = variations.SIZES,
    path: Path = RESULTS,
    grids: dict[str, list[Setting]] | None = None,
) -> Results:
    """Measure what is still missing of the table.

    Parameters
    ----------
    names : of data sets, as in `variations.NAMES`
    models : as in `MODELS`
    digits : where the images of digits come from
    sizes, path : as for `Results`
    grids : the settings to try, for each model; those of `MODELS` if left out
    """
    results = Results(path, sizes)
    make = lru_cache(maxsize=1)(partial(variations.load, digits=digits, sizes=sizes))
    cells = [(n, m, (grids or {}).get(m, MODELS[m][1])) for n in names for m in models]
    with tqdm(total=sum(len(grid) + 1 for *_, grid in cells)) as bar:
        for name, model, grid in cells:
            bar.set_description(f"{name}, {model}")
            train, _, seeds = MODELS[model]
            for setting in grid:
                if not any(entry["setting"] == setting for entry in results.of(name, model)):
                    problem, begun = make(name), perf_counter()
                    classify = train(problem, setting, 0)
                    wrong = error(classify, problem.x_valid, problem.y_valid)
                    entry = {"data": name, "model": model, "setting": setting, "valid": wrong}
                    entry["seconds"] = round(perf_counter() - begun, 1)
                    results.entries.append(entry)
                    results.save()
                bar.update()
            chosen = best(results.of(name, model))
            if "test" not in chosen:
                problem = make(name)
                runs = [train(problem, chosen["setting"], seed) for seed in range(seeds)]
                chosen["test"] = [error(c, problem.x_test, problem.y_test) for c in runs]
                results.save()
            bar.update()
    return results
