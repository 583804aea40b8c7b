"""Training with the meaning of `Model.fit`, a whole epoch in one compiled program."""

from collections.abc import Callable, Iterable
import random
import sys

from aelib._startup import keras, tf
from aelib.training._checks import check, pair
from aelib.training._programs import share
import numpy as np
from tqdm import tqdm

# Short epochs share a call, so that calling costs little and the bar still moves.
STEPS_PER_CALL = 1000
EXAMPLES_PER_CALL = 1_000_000

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
    """
    return np.random.default_rng((seed, epoch)).permutation(count).astype(np.int32)


def _has_convolutions(model: keras.Model) -> bool:
    """Look for a convolution among the layers, also inside nested models."""
    return any(
        isinstance(layer, CONVOLUTIONS)
        or (isinstance(layer, keras.Model) and _has_convolutions(layer))
        for layer in model.layers
    )


def uses_xla(model: keras.Model) -> bool:
    """Tell whether XLA compiles the epoch, whichever was measured to be faster.

    On a CPU XLA makes dense nets faster and convolutions several times slower.
    On a GPU the choice is Keras's own.
    """
    if tf.config.list_physical_devices("GPU"):
        return model.jit_compile
    return not _has_convolutions(model)


def sweep_batches(
    step: Callable, arrays: tuple[tf.Tensor, ...], repeat: bool, order: tf.Tensor, batch_size: int
) -> None:
    """Run one Keras step on each batch, the last and shorter one too.

    With `repeat` there is one array, and a batch of it is input and target at once.
    """
    batches, rest = divmod(len(arrays[0]), batch_size)

    def run(indices):
        batch = [tf.gather(array, indices) for array in arrays]
        step((*batch, *batch) if repeat else tuple(batch))

    if batches:
        for indices in tf.reshape(order[: batches * batch_size], (batches, batch_size)):
            run(indices)
    if rest:
        run(order[batches * batch_size :])


def compile_epochs(
    model: keras.Model, repeat: bool, validation_repeat: bool, batch_size: int
) -> Callable[..., tf.Tensor]:
    """Compile a function that trains an epoch for each order and returns a row of metrics for each.

    The loss, metrics, regularisers, dropout and optimiser steps are those of `model.train_step`.
    The arrays are arguments of the program: what it captured would stay in memory for good.
    """
    width = len(model.get_metrics_result())

    def sweep(step, arrays, repeat, order):
        model.reset_metrics()
        sweep_batches(step, arrays, repeat, order, batch_size)
        return [tf.cast(value, tf.float32) for value in model.get_metrics_result().values()]

    @tf.function(jit_compile=uses_xla(model))
    def run(arrays, validation, orders, epochs):
        rows = tf.zeros((len(orders), 2 * width if validation else width))
        i = 0
        while i < epochs:  # with `for i in tf.range(epochs)` XLA compiles anew for each number
            row = sweep(model.train_step, arrays, repeat, orders[i])
            if validation:
                in_order = tf.range(len(validation[0]))
                row += sweep(model.test_step, validation, validation_repeat, in_order)
            rows = tf.tensor_scatter_nd_update(rows, [[i]], [tf.stack(row)])
            i += 1
        return rows

    return run


def _progress_bar(epochs: int, progress: bool) -> tqdm:
    """Open a bar of plain text, for terminals and for Jupyter, that clears itself at the end.

    Text, not a widget: widgets leave their state in saved notebooks. `TQDM_DISABLE=1` hides it.
    """
    watched = sys.stdout.isatty() or "ipykernel" in sys.modules
    hidden = {} if progress and watched else {"disable": True}
    return tqdm(total=epochs, unit="epoch", leave=False, file=sys.stdout, **hidden)


def fit(
    model: keras.Model,
    x: np.ndarray,
    y: np.ndarray | None = None,
    *,
    epochs: int,
    batch_size: int,
    validation_data: tuple[np.ndarray, ...] | None = None,
    callbacks: Iterable[keras.callbacks.Callback] = (),
    progress: bool = True,
) -> keras.callbacks.History:
    """Train a compiled Keras model on arrays that fit in memory, much faster than `Model.fit`.

    Each epoch is one compiled program: it shuffles, gathers batches and calls `model.train_step`
    on each, so that the host does no work between batches. Nets that differ by their numbers alone
    share what was compiled for the first. The examples are reshuffled every epoch, and the last,
    shorter batch trains too. The order follows from the seed that `keras.utils.set_random_seed`
    set. Callbacks see an epoch as one step, as Keras has it when `steps_per_execution` covers the
    epoch; without callbacks several short epochs share a call.

    Parameters
    ----------
    model : compiled model with one input and one output
    x : (n, …) array, the inputs
    y : (n, …) array, the targets; leave out for a model that needs none
    epochs, batch_size : at least 1
    validation_data : (x, y), or (x,) for a model without targets; evaluated after each epoch
    callbacks : Keras callbacks
    progress : show a bar while training

    Returns
    -------
    Keras's own `History`: `history.history["loss"]` holds a value for each epoch, and so do the
    metrics and, behind `val_`, their values on the validation data.

    Raises
    ------
    ValueError
        If the model is not compiled, an array is empty, holds NaN or does not fit the model, or
        `epochs` or `batch_size` is below 1; the message names the argument.
    """
    check(model, epochs, batch_size)
    arrays = pair(model, ("x", "y"), x, y)
    validation, validation_repeat = (), False
    if validation_data is not None:
        names = ("validation_data[0]", "validation_data[1]")
        inputs, targets = (*validation_data, None)[:2]
        validation = pair(model, names, inputs, targets)
        validation_repeat = targets is inputs

    # One step on one example creates the variables of metrics and optimiser outside the program.
    one = [array[:1] for array in arrays]
    model.test_step((*one, *one) if y is x else tuple(one))
    model.optimizer.build(model.trainable_variables)
    names = list(model.get_metrics_result())
    names += [f"val_{name}" for name in names] if validation else []

    callbacks = list(callbacks)
    steps = -(-len(x) // batch_size)
    most = 1
    if not callbacks:  # whatever `epochs` is, so that a longer training takes the same program
        most = max(1, min(STEPS_PER_CALL // steps, EXAMPLES_PER_CALL // len(x)))
    arrays = tuple(map(tf.constant, arrays))
    validation = tuple(map(tf.constant, validation))
    callbacks = keras.callbacks.CallbackList(
        callbacks, add_history=True, model=model, epochs=epochs, steps=steps, verbose=0
    )

    model.stop_training = False
    model._initial_epoch = None  # BackupAndRestore writes here where to go on
    seed = random.randrange(2**31)
    callbacks.on_train_begin()
    program = compile_epochs(model, y is x, validation_repeat, batch_size)
    sizes = tf.TensorSpec((most, len(x)), tf.int32), tf.TensorSpec((), tf.int32)
    run = share(program.get_concrete_function(arrays, validation, *sizes))
    epoch = model._initial_epoch or 0
    logs = {}
    with _progress_bar(epochs - epoch, progress) as bar:
        while epoch < epochs and not model.stop_training:
            callbacks.on_epoch_begin(epoch)
            callbacks.on_train_batch_begin(0)
            count = min(most, epochs - epoch)
            # Always as many orders, used or not: another shape would be compiled anew.
            orders = np.zeros((most, len(x)), np.int32)
            orders[:count] = [epoch_order(len(x), seed, epoch + i) for i in range(count)]
            rows = run(arrays, validation, tf.constant(orders), tf.constant(count)).numpy()
            for row in rows[:count]:
                logs = dict(zip(names, row.tolist(), strict=True))
                callbacks.on_train_batch_end(steps - 1, logs)
                callbacks.on_epoch_end(epoch, logs)
                epoch += 1
            bar.update(count)
            bar.set_postfix(loss=f"{logs['loss']:.4f}")
    model.optimizer.finalize_variable_values(model.trainable_variables)
    callbacks.on_train_end(logs)
    return model.history
