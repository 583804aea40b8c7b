"""Train the autoencoder of Hinton and Salakhutdinov 2006 for as many epochs as they did.

    python benchmarks/deep_autoencoder.py                    # all four nets, 2.5 hours of a core
    python benchmarks/deep_autoencoder.py --start "ReLU, random"

784-1000-500-250-30 with logistic units, each Boltzmann machine trained for 50 epochs, the net tuned
for 200; and from random weights, with logistic, tanh and ReLU units, for 250. The recipe is that of
notebook 23, only the epochs differ. The squared error of a digit after each epoch goes to
aelib/deep_autoencoder.json, which that notebook shows.
"""

import argparse
from importlib.metadata import version
from itertools import pairwise
import json
import os
from pathlib import Path
from time import process_time

from aelib import data, models, training
from aelib._startup import keras

RESULTS = Path(training.__file__).parents[1] / "deep_autoencoder.json"
PACKAGES = ("tensorflow", "keras", "numpy")
SIZES = (1000, 500, 250, 30)
PRETRAINING, TUNING, BATCH = 50, 200, 128


def from_machines(x):
    """Train a stack of machines and unroll it: the autoencoder and the epochs left to it."""
    stack = []
    for visible, hidden in pairwise((784, *SIZES)):
        last = hidden == SIZES[-1]
        machine = models.BoltzmannMachine(visible, hidden, gaussian=last, draw_visible=False)
        rate = 0.005 if last else 0.1
        machine.compile(optimizer=keras.optimizers.SGD(rate, momentum=0.5))
        stack.append(machine)
    training.fit_stack(stack, x, epochs=PRETRAINING, batch_size=BATCH)
    net = models.dense_autoencoder(784, SIZES, hidden="sigmoid", code="linear")
    models.unroll(stack, net.encoder, net.decoder)
    return net.model, TUNING


def from_random_weights(hidden):
    """Build the net with such units; it has the epochs of both stages for its tuning."""
    net = models.dense_autoencoder(784, SIZES, hidden=hidden, code="linear")
    return net.model, PRETRAINING + TUNING


STARTS = {
    "logistic, machines": from_machines,
    "logistic, random": lambda _: from_random_weights("sigmoid"),
    "tanh, random": lambda _: from_random_weights("tanh"),
    "ReLU, random": lambda _: from_random_weights("relu"),
}


def tune(model, x, x_test, epochs):
    """Train all layers with cross-entropy: squared errors of a digit, before and by epoch."""
    steps = epochs * -(-len(x) // BATCH)
    falling = keras.optimizers.schedules.CosineDecay(0.001, steps)
    optimizer = keras.optimizers.Adam(falling)
    model.compile(loss="binary_crossentropy", optimizer=optimizer, metrics=["mse"])
    before = model.evaluate(x_test, x_test, batch_size=1000, verbose=0)[1]
    history = training.fit(
        model, x, x, epochs=epochs, batch_size=BATCH, validation_data=(x_test, x_test)
    ).history
    errors = {"test": [before, *history["val_mse"]], "training": history["mse"]}
    return {name: [round(784 * value, 4) for value in row] for name, row in errors.items()}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--start", nargs="+", choices=STARTS, default=list(STARTS))
    starts = parser.parse_args().start
    digits = data.load_mnist()
    if len(digits.x_train) != 60_000:
        parser.error(f"needs all of MNIST, not {digits.source}")
    x, x_test = (a.reshape(-1, 784) for a in (digits.x_train, digits.x_test))
    for name in starts:
        begun = process_time()
        keras.utils.set_random_seed(0)
        model, epochs = STARTS[name](x)
        errors = tune(model, x, x_test, epochs)
        results = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
        results[name] = errors | {
            "epochs": epochs,
            "seconds of a core": round(process_time() - begun),
            "with": ", ".join(f"{package} {version(package)}" for package in PACKAGES),
        }
        known = [key for key in STARTS if key in results]
        lines = [f"{json.dumps(key)}: {json.dumps(results[key])}" for key in known]
        beside = RESULTS.with_suffix(f".{os.getpid()}")  # whole or not at all
        beside.write_text("{\n" + ",\n".join(lines) + "\n}\n")
        os.replace(beside, RESULTS)
