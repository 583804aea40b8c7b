"""Training with the meaning of `Model.fit`, whole epochs in one compiled program."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial, wraps
import inspect
import random
import sys
from time import perf_counter
from types import GeneratorType
from typing import Any
from weakref import WeakKeyDictionary

from aelib._startup import keras, tf
from aelib.training import _checks as checks
from aelib.training._programs import UNSEEDED, operations, share
from aelib.training._recurrent import RECURRENT, side_by_side
from IPython import get_ipython
import numpy as np
from tqdm import tqdm

# Short epochs share a call, so that calling costs little.
STEPS_PER_CALL = 1000
EXAMPLES_PER_CALL = 1_000_000
# Long ones take several: Python hears of Ctrl-C and the Stop button between two calls only.
SECONDS_PER_CALL = 0.2

CONVOLUTIONS = (
    keras.layers.Conv1D,
    keras.layers.Conv2D,
    keras.layers.Conv3D,
    keras.layers.Conv1DTranspose,
    keras.layers.Conv2DTranspose,
    keras.layers.Conv3DTranspose,
    keras.layers.DepthwiseConv1D,
    keras.layers.DepthwiseConv2D,
    keras.layers.SeparableConv1D,
    keras.layers.SeparableConv2D,
)

# The arrays of a nest, each once, and the nest itself with their numbers in their places.
Data = tuple[tuple[tf.Tensor, ...], Any]

_asked: WeakKeyDictionary[keras.Model, Any] = WeakKeyDictionary()


def _note_jit_compile(trainer: type) -> None:
    """Note what `compile(jit_compile=…)` is told: Keras keeps only what "auto" comes to."""
    original = trainer.compile
    signature = inspect.signature(original)

    @wraps(original)
    def compile(self, *arguments, **options):
        original(self, *arguments, **options)
        told = signature.bind(self, *arguments, **options).arguments
        _asked[self] = told.get("jit_compile", "auto")

    trainer.compile = compile


_note_jit_compile(next(base for base in keras.Model.__mro__ if "compile" in vars(base)))


def epoch_order(count: int, seed: int, epoch: int) -> np.ndarray:
    """Draw the order in which an epoch visits the examples.

    Parameters
    ----------
    count : number of examples
    seed : the seed of the whole training
    epoch : number of the epoch, from 0; each has an order of its own

    Returns
    -------
    A permutation of 0 … count - 1, the same for the same arguments.

    Raises
    ------
    ValueError
        If `count` is no whole number of at least 1.
    """
    count = checks.whole_number("count", count)
    return np.random.default_rng((seed, epoch)).permutation(count).astype(np.int32)


def _holds(model: keras.Model, kinds: tuple[type, ...]) -> bool:
    """Look for layers of some kinds in a model, also inside nested ones."""
    return any(
        isinstance(layer, kinds) or (isinstance(layer, keras.Model) and _holds(layer, kinds))
        for layer in model.layers
    )


def uses_xla(model: keras.Model) -> bool:
    """Tell whether XLA compiles the epochs.

    It does as `compile(jit_compile=True)` or `False` asks. Left to "auto", the choice is Keras's
    on a GPU. On a CPU, where Keras never takes it, it is whichever was measured to be faster: XLA
    makes dense nets faster and convolutions several times slower, and it runs the two loops into
    which a recurrent layer is split one after the other.
    """
    if _asked.get(model, "auto") != "auto" or tf.config.list_physical_devices("GPU"):
        return model.jit_compile
    return not _holds(model, CONVOLUTIONS + RECURRENT)


def each(first: tf.Tensor, last: tf.Tensor, do: Callable, state: Any) -> Any:
    """Write `for i in range(first, last): state = do(i, state)` into a program."""
    return tf.while_loop(
        lambda i, _: i < last, lambda i, state: (i + 1, do(i, state)), (first, state)
    )[1]


def unique_arrays(data: Any) -> Data:
    """Take a nest of arrays apart: each array once, and the places at which it stands."""
    arrays = {id(array): array for array in keras.tree.flatten(data)}
    places = {key: place for place, key in enumerate(arrays)}
    layout = keras.tree.map_structure(lambda array: places[id(array)], data)
    return tuple(map(tf.constant, arrays.values())), layout


def _specs(values: Any, size: int) -> Any:
    """Describe values; those for each example of a batch have its size."""
    return keras.tree.map_structure(
        lambda v: tf.TensorSpec([size if n is None else n for n in v.shape], v.dtype), values
    )


def _zeros(specs: Any, *rows: int) -> Any:
    return keras.tree.map_structure(lambda s: tf.zeros((*rows, *s.shape), s.dtype), specs)


def sweep_batches(
    model: keras.Model, step: Callable, arrays: tuple[tf.Tensor, ...], layout: Any, batch_size: int
) -> tuple[Callable, dict]:
    """Prepare one of Keras's steps for all batches of an epoch, the last and shorter one too.

    Parameters
    ----------
    step : `model.train_step` or `model.test_step`
    arrays, layout : as `unique_arrays` gives them

    Returns
    -------
    A function to be called inside a program, `sweep(arrays, order, first, last)`: it takes the
    steps from `first` to before `last` and returns what Keras logs then; and the form of that.
    """
    full, rest = divmod(arrays[0].shape[0], batch_size)

    def batch(rows):
        return keras.tree.map_structure(lambda place: rows[place], layout)

    # A trace makes what variables are missing, and tells what the step returns. Like Keras's it
    # knows the size of the batches if they are all alike: Keras weighs some averages by it.
    size = None if rest else batch_size
    specs = [tf.TensorSpec((size, *array.shape[1:]), array.dtype) for array in arrays]
    step = tf.function(step, autograph=False).get_concrete_function(batch(specs))
    # Older versions of Keras make plain numbers of the metrics outside a program.
    results = keras.tree.map_structure(tf.convert_to_tensor, model.get_metrics_result())
    logs = step.structured_outputs
    by_metrics = set(logs) == set(results)  # as Keras has it; else what the last step returns
    parts = [(batch_size, 0, full)] * bool(full) + [(rest, full, full + 1)] * bool(rest)

    def sweep(arrays, order, first, last):
        tf.cond((first <= 0) & (last > 0), model.reset_metrics, lambda: None)
        for size, begin, end in parts:
            specs = _specs(logs, size)

            def run(i, _, size=size, specs=specs):
                indices = tf.slice(order, [i * batch_size], [size])
                returned = step(batch([tf.gather(array, indices) for array in arrays]))
                keras.tree.map_structure(lambda v, s: v.set_shape(s.shape), returned, specs)
                return returned

            low, high = tf.maximum(first, begin), tf.minimum(last, end)
            state = each(low, high, run, _zeros(specs))
        return model.get_metrics_result() if by_metrics else state

    return sweep, _specs(results if by_metrics else logs, rest or batch_size)


def compile_epochs(
    model: keras.Model, data: Data, validation: Data | None, batch_size: int, xla: bool
) -> Callable:
    """Compile a function that trains an epoch for each order and returns what Keras logs of each.

    The loss, metrics, regularisers, dropout and optimiser steps are those of `model.train_step`.
    The arrays are arguments of the program: what it captured would stay in memory for good.
    """
    counts = [part[0][0].shape[0] for part in (data, validation) if part]
    steps, logs = -(-counts[0] // batch_size), []
    split = not (xla or tf.config.list_physical_devices("GPU"))
    with side_by_side(min(batch_size, max(counts)) if split else None):
        train, log = sweep_batches(model, model.train_step, *data, batch_size)
        logs.append(log)
        if validation:
            test, log = sweep_batches(model, model.test_step, *validation, batch_size)
            logs.append(log)

    @tf.function(jit_compile=xla, autograph=False)
    def run(arrays, held_out, orders, epochs, first, last):
        def epoch(i, rows):
            row = [train(arrays, orders[i], first, last)]
            if held_out:
                in_order = tf.range(held_out[0].shape[0])
                row += [test(held_out, in_order, first - steps, last - steps)]
            return keras.tree.map_structure(
                lambda values, value: tf.tensor_scatter_nd_update(values, [[i]], [value]), rows, row
            )

        return each(0, epochs, epoch, _zeros(logs, orders.shape[0]))

    return run


def _wait_for(do: Callable, *arguments: Any) -> None:
    """Call what Ctrl-C and the Stop button cannot end, in a thread, so that they end the waiting.

    The call itself goes on to its end: XLA compiles some nets for ten seconds.
    """
    helper = ThreadPoolExecutor(1)
    try:
        helper.submit(do, *arguments).result()
    finally:
        helper.shutdown(wait=False)


def _compiled(
    model: keras.Model,
    data: Data,
    validation: Data | None,
    batch_size: int,
    most: int,
    share_program: bool,
) -> Callable:
    """Compile the program for up to `most` epochs a call, with XLA where it is fit for the net."""
    arrays, held_out = data[0], validation[0] if validation else ()
    counts = [tf.TensorSpec((), tf.int32)] * 3
    orders = tf.TensorSpec((most, arrays[0].shape[0]), tf.int32)

    left_to_us = uses_xla(model) and _asked.get(model, "auto") == "auto"
    # In a loop: a function that calls itself would hold the arrays until Python's collector comes.
    for xla in (True, False) if left_to_us else (uses_xla(model),):
        optional = xla and left_to_us
        try:
            program = compile_epochs(model, data, validation, batch_size, xla)
            program = program.get_concrete_function(arrays, held_out, orders, *counts)
            if optional and operations(program) & UNSEEDED:
                continue
            program = share(program) if share_program else program
            # No epoch, but XLA compiles: better now than in the first call, which is timed.
            none = map(tf.constant, (0, 0, 0))
            _wait_for(program, arrays, held_out, tf.zeros(orders.shape, tf.int32), *none)
            break
        except (tf.errors.InvalidArgumentError, tf.errors.UnimplementedError):
            # XLA does not know an operation. Nothing has run yet, and without XLA it will.
            if not optional:
                raise
    return partial(program, arrays, held_out)


class Stretches:
    """Run a compiled program in stretches of about `SECONDS_PER_CALL`."""

    def __init__(self, program: Callable):
        self.program = program
        self.most = 1  # steps that a call may take

    def __call__(self, orders: tf.Tensor, epochs: int, first: int, last: int) -> list[dict]:
        """Take the steps from `first` to before `last`, of one epoch or in one call of several."""
        while True:
            until = min(first + self.most, last) if epochs == 1 else last
            begun = perf_counter()
            rows = self.program(orders, *map(tf.constant, (epochs, first, until)))
            rows = keras.tree.map_structure(lambda value: value.numpy()[:epochs], rows)
            steps = epochs * (until - first)
            self.most = max(1, int(steps * SECONDS_PER_CALL / (perf_counter() - begun)))
            if until == last:
                return rows
            first = until


def _flat(logs: dict, prefix: str = "") -> dict[str, list]:
    """Name every value that is logged, as Keras does, and give a list of it: one for each epoch."""
    flat = {}
    for name, values in logs.items():
        if isinstance(values, dict):
            flat |= _flat(values, prefix)
        else:
            flat[prefix + name] = values.tolist() if values.ndim == 1 else list(values)
    return flat


def _each_epoch(columns: dict[str, list]) -> list[dict]:
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def _progress_bar(epochs: int, progress: bool) -> tqdm:
    """Open a bar of plain text, for terminals and for Jupyter, that clears itself at the end.

    Text, not a widget: widgets leave their state in saved notebooks. There is none where nobody
    watches, as when a notebook is executed as a whole: each of its moves would stay in the saved
    output. The request to run a cell says whether anyone is there, to answer `input()` that is.
    `TQDM_DISABLE=1` hides the bar everywhere.
    """
    kernel = getattr(get_ipython(), "kernel", None)
    if kernel:
        watched = kernel.get_parent().get("content", {}).get("allow_stdin", False)
    else:
        watched = sys.stdout.isatty()
    hidden = {} if progress and watched else {"disable": True}
    return tqdm(total=epochs, unit="epoch", leave=False, file=sys.stdout, **hidden)


def _advance(bar: tqdm, logs: dict, epochs: int = 1) -> None:
    bar.update(epochs)
    if np.ndim(logs.get("loss", ())) == 0 and "loss" in logs:
        bar.set_postfix(loss=f"{logs['loss']:.4f}")


def fit(
    model: keras.Model,
    x: Any,
    y: Any = None,
    *,
    epochs: int = 1,
    batch_size: int | None = None,
    validation_data: Any = None,
    callbacks: Sequence[keras.callbacks.Callback] | None = None,
    sample_weight: Any = None,
    progress: bool = True,
    share_program: bool = True,
) -> keras.callbacks.History:
    """Train a compiled Keras model on arrays that fit in memory, much faster than `Model.fit`.

    Whole epochs are one compiled program: it gathers batches and calls `model.train_step` on each,
    so that the host does no work between batches. The examples are reshuffled every epoch, and the
    last, shorter batch trains too. The order follows from the seed that
    `keras.utils.set_random_seed` set. Callbacks see an epoch as one step, and its validation as
    another, as Keras has it when `steps_per_execution` covers them.

    What is no dense array goes to `Model.fit` itself, and so does a model with `run_eagerly`, with
    a training loop of its own or on several devices: the meaning is Keras's, and so is the speed.

    Parameters
    ----------
    model : compiled model
    x : (n, …) array, the inputs, or a list or dict of them; or whatever else `Model.fit` takes
    y : (n, …) array, or a nest of them, the targets; leave out for a model that needs none
    epochs : at least 1
    batch_size : at least 1; None is Keras's 32
    validation_data : (x, y), (x, y, sample_weight), or (x,) for a model without targets; evaluated
        after each epoch
    callbacks : Keras callbacks
    sample_weight : (n,) array or as the loss wants it; for weights of classes, pass
        each example that of its class
    progress : show a bar while training
    share_program : use a program that was compiled for an equal net, and keep a new one for others;
        without, this training compiles one for itself

    Returns
    -------
    Keras's own `History`: `history.history["loss"]` holds a value for each epoch, and so do the
    metrics, or whatever the model's own `train_step` returns, and, behind `val_`, the values on the
    validation data.

    Raises
    ------
    TypeError
        If all the models of a builder are passed in place of one of them.
    ValueError
        If the model is not compiled, an array is empty, holds NaN, complex numbers or class labels
        out of range, or does not fit the model, targets are missing, or `epochs` or `batch_size` is
        no whole number of at least 1; the message names the argument.
    RuntimeError
        If Keras does not run on TensorFlow.

    Notes
    -----
    Random numbers follow the seed if they are drawn with `keras.random` and a `SeedGenerator`, as
    Keras's layers draw them. A net whose layers call `tf.random` is trained without XLA, which
    would draw other numbers each time; with `compile(jit_compile=True)` they do not repeat.

    On a CPU an LSTM, GRU or SimpleRNN takes the two halves of a batch side by side. It does not
    with `dropout` or `recurrent_dropout`, `stateful`, `unroll` or `jit_compile=True`. XLA trains
    small recurrent nets faster still, but not all: it needs batches of one size.
    """
    checks.can_train(model)
    epochs = checks.whole_number("epochs", epochs)
    if batch_size is not None:
        batch_size = checks.whole_number("batch_size", batch_size)
    parts = [x, y, sample_weight]
    if validation_data is not None:
        parts += checks.validation(validation_data)
    callbacks = [] if callbacks is None else keras.tree.flatten(callbacks)
    if model.run_eagerly or checks.own_loop(model) or not checks.are_arrays(parts):
        with _progress_bar(epochs, progress) as bar:
            report = keras.callbacks.LambdaCallback(
                on_epoch_end=lambda _, logs: _advance(bar, logs)
            )
            return model.fit(
                x,
                y,
                batch_size=batch_size,
                epochs=epochs,
                validation_data=validation_data,
                callbacks=[*callbacks, report],
                sample_weight=sample_weight,
                verbose=0,
                shuffle=not isinstance(x, tf.data.Dataset | GeneratorType),  # Keras would warn
            )

    batch_size = batch_size or 32
    data = unique_arrays(checks.examples(model, ("x", "y", "sample_weight"), *parts[:3]))
    validation, test_steps = None, 0
    if validation_data is not None:
        names = [f"validation_data[{i}]" for i in range(3)]
        validation = unique_arrays(checks.examples(model, names, *parts[3:], step="test_step"))
        test_steps = -(-validation[0][0].shape[0] // batch_size)
    count = data[0][0].shape[0]
    steps = -(-count // batch_size)
    most = 1
    if not callbacks:  # whatever `epochs` is, so that a longer training takes the same program
        most = max(1, min(STEPS_PER_CALL // steps, EXAMPLES_PER_CALL // count))
    watchers = keras.callbacks.CallbackList(
        callbacks, add_history=True, model=model, epochs=epochs, steps=steps, verbose=0
    )

    model.stop_training = False
    model._initial_epoch = None  # BackupAndRestore writes here where to go on
    seed = random.randrange(2**31)
    watchers.on_train_begin()
    if model.built and model.optimizer and not checks.overrides(model, "train_step"):
        model.optimizer.build(model.trainable_variables)  # saves tracing the step twice
    program = _compiled(model, data, validation, batch_size, most, share_program)
    learn, judge = Stretches(program), Stretches(program)

    def one_epoch(epoch: int, orders: tf.Tensor) -> dict:
        watchers.on_epoch_begin(epoch)
        watchers.on_train_batch_begin(0)
        (logs,) = _each_epoch(_flat(learn(orders, 1, 0, steps)[0]))
        watchers.on_train_batch_end(steps - 1, logs)
        if validation:
            watchers.on_test_begin()
            watchers.on_test_batch_begin(0)
            (found,) = _each_epoch(_flat(judge(orders, 1, steps, steps + test_steps)[1]))
            watchers.on_test_batch_end(test_steps - 1, found)
            watchers.on_test_end(found)
            logs |= {f"val_{name}": value for name, value in found.items()}
        watchers.on_epoch_end(epoch, logs)
        return logs

    def some_epochs(epoch: int, orders: tf.Tensor, several: int) -> dict:
        train, *test = learn(orders, several, 0, steps + test_steps)
        for logs in _each_epoch(_flat(train) | (_flat(*test, "val_") if test else {})):
            watchers.on_epoch_end(epoch, logs)
            epoch += 1
        return logs

    epoch, logs = model._initial_epoch or 0, {}
    with _progress_bar(epochs - epoch, progress) as bar:
        while epoch < epochs and not model.stop_training:
            several = max(1, min(most, epochs - epoch, learn.most // (steps + test_steps)))
            # Always as many orders, used or not: another shape would be compiled anew.
            orders = np.zeros((most, count), np.int32)
            orders[:several] = [epoch_order(count, seed, epoch + i) for i in range(several)]
            orders = tf.constant(orders)
            if several == 1:
                logs = one_epoch(epoch, orders)
            else:
                logs = some_epochs(epoch, orders, several)
            epoch += several
            _advance(bar, logs, several)
    if isinstance(model.optimizer, keras.optimizers.Optimizer):
        model.optimizer.finalize_variable_values(model.trainable_weights)
    watchers.on_train_end(logs)
    return model.history
