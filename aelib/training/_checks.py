"""What can be trained, and what is refused before anything is compiled."""

from collections.abc import Iterable, Sequence
from operator import index
from typing import Any

from aelib._checks import one_model
from aelib._startup import keras, tf
import numpy as np
import pandas as pd

# Losses of Keras whose targets are not shaped like the output.
LABELS = "sparsecategoricalcrossentropy"
FREE = {"ctc", "circle", "categoricalgeneralizedcrossentropy"}


def overrides(model: keras.Model, *methods: str) -> bool:
    """Tell whether the model's class brings its own version of one of Keras's methods."""
    return any(getattr(type(model), name) is not getattr(keras.Model, name) for name in methods)


def can_train(model: keras.Model) -> None:
    """Refuse a Keras or a model that cannot train."""
    if keras.backend.backend() != "tensorflow":
        raise RuntimeError(
            f"Keras runs on {keras.backend.backend()}, but training needs TensorFlow; set the "
            "environment variable KERAS_BACKEND to tensorflow before Python starts"
        )
    one_model(model, "model", "model")
    if not model.compiled:
        raise ValueError("model has no loss or optimizer yet; call model.compile(…) first")


def whole_number(name: str, value: int) -> int:
    """Check a number of epochs or examples; NumPy's integers count, floats do not."""
    try:
        number = index(value)
    except TypeError:
        number = 0
    if number < 1:
        raise ValueError(f"{name} is {value!r}; pass a whole number of at least 1, and no float")
    return number


def own_loop(model: keras.Model) -> bool:
    """Tell whether a model runs its steps in a way of its own, or on several devices."""
    return (
        overrides(model, "fit", "make_train_function", "make_test_function")
        or model.distribute_strategy.num_replicas_in_sync > 1
    )


def are_arrays(values: Iterable[Any]) -> bool:
    """Tell whether nests hold dense arrays of numbers alone: no data sets, no sparse matrices."""
    return all(
        hasattr(leaf, "__array__")
        and not isinstance(leaf, tf.RaggedTensor | tf.SparseTensor)
        and np.asarray(leaf).dtype.kind in "biufc"
        for part in values
        if part is not None
        for leaf in keras.tree.flatten(part)
    )


def array(name: str, values: Any) -> np.ndarray:
    """Check an array of examples and bring it into the form that `Model.fit` gives it."""
    if isinstance(values, pd.Series):
        values = values.to_numpy()[:, None]
    values = np.asarray(values)
    if values.ndim == 0 or len(values) == 0:
        raise ValueError(f"{name} is empty; pass an array with at least one example")
    if values.dtype.kind == "c":
        raise ValueError(
            f"{name} holds complex numbers, of which Keras would drop the imaginary parts; "
            "pass real and imaginary parts as an array of real numbers"
        )
    if values.dtype.kind == "f":
        if not np.isfinite(values).all():
            raise ValueError(f"{name} holds NaN or infinite values; clean the array first")
        return values.astype(keras.config.floatx(), copy=False)
    return values


def examples(
    model: keras.Model,
    names: Sequence[str],
    x: Any,
    y: Any,
    sample_weight: Any,
    step: str = "train_step",
) -> Any:
    """Check inputs, targets and weights, and pack them as `Model.fit` packs its batches.

    An array that stands in two places stays one array.
    """
    if sample_weight is not None and y is None:
        raise ValueError(f"{names[2]} weighs the loss of targets; pass {names[1]} too")
    if sample_weight is not None and keras.tree.is_nested(y) > keras.tree.is_nested(sample_weight):
        weights = sample_weight  # the same for every output
        sample_weight = keras.tree.map_structure(lambda _: weights, y)
    checked, first = {}, None
    for name, values in zip(names, (x, y, sample_weight), strict=True):
        for path, leaf in [] if values is None else keras.tree.flatten_with_path(values):
            full = name + "".join(f"[{key!r}]" for key in path)
            if id(leaf) not in checked:
                checked[id(leaf)] = array(full, leaf)
            count = len(checked[id(leaf)])
            first = first or (full, count)
            if count != first[1]:
                raise ValueError(
                    f"{full} has {count} examples, but {first[0]} has {first[1]}; pass as many"
                )
    data = keras.utils.pack_x_y_sample_weight(x, y, sample_weight)
    data = keras.tree.map_structure(lambda leaf: checked[id(leaf)], data)
    if not overrides(model, step):
        fits_model(model, names, data)
    return keras.tree.lists_to_tuples(data)


def _same_shape(name: str, values: np.ndarray, *allowed: tuple[int | None, ...]) -> None:
    """Compare the shape of one example with what the model takes or gives (None fits anything)."""
    sizes = values.shape[1:]
    for shape in allowed:
        if len(sizes) == len(shape) and all(
            want in (None, size) for want, size in zip(shape, sizes, strict=True)
        ):
            return
    raise ValueError(
        f"{name} has examples of shape {sizes}, but the model wants {allowed[0]}; "
        "reshape the array or change the model"
    )


def fits_model(model: keras.Model, names: Sequence[str], data: Any) -> None:
    """Compare inputs and targets with what the model takes and gives.

    What cannot be known before the step is traced, Keras tells in its own words: what models of
    several inputs take, or a `train_step`, `compute_loss` or loss of one's own.
    """
    x, y, _ = keras.utils.unpack_x_y_sample_weight(data)
    known = model.built and hasattr(model, "inputs")
    if known and len(model.inputs) == 1 and not keras.tree.is_nested(x):
        shape = model.inputs[0].shape[1:]
        flat = [shape[:-1]] if shape[-1:] == (1,) else []
        _same_shape(names[0], x, shape, *flat, (*shape, 1))
    if overrides(model, "compute_loss"):
        return
    if y is None and model.loss is not None:
        raise ValueError(
            f"{names[1]} is missing, but the model's loss compares the output with targets; "
            f"pass {names[1]}, which for an autoencoder is {names[0]} itself"
        )
    if not known or y is None:
        return
    targets = _by_output(model, names[1], y)
    losses = _by_output(model, "loss", model.loss).values()
    if not keras.tree.is_nested(model.loss):
        losses = [model.loss] * len(model.outputs)  # the same for every output
    if len(targets) == len(losses) == len(model.outputs):
        for (name, values), loss, output in zip(
            targets.items(), losses, model.outputs, strict=True
        ):
            if hasattr(values, "shape") and not (loss is None or keras.tree.is_nested(loss)):
                _fits_loss(name, values, output.shape[1:], loss)


def _by_output(model: keras.Model, name: str, values: Any) -> dict[str, Any]:
    """List what a nest holds for each output of a model."""
    if isinstance(values, dict):
        return {f"{name}[{key!r}]": values.get(key) for key in model.output_names}
    if isinstance(values, list | tuple):
        return {f"{name}[{i}]": value for i, value in enumerate(values)}
    return {name: values}


def _fits_loss(name: str, targets: np.ndarray, shape: tuple[int | None, ...], loss: Any) -> None:
    """Compare targets with what a loss of Keras wants for an output of a shape."""
    if loss in ("crossentropy", "ce"):  # which of them it is follows from the targets
        return
    loss = keras.losses.get(loss)
    if not (getattr(loss, "__module__", None) or "").startswith("keras."):
        return
    kind = getattr(loss, "__name__", type(loss).__name__).replace("_", "").lower()
    if kind in FREE:
        return
    if kind != LABELS:
        flat = [shape[:-1]] if shape[-1:] == (1,) else []
        _same_shape(name, targets, shape, *flat, (*shape[:-1], 1), (*shape, 1))
        return
    _same_shape(name, targets, shape[:-1], (*shape[:-1], 1))
    labels = targets[targets != getattr(loss, "ignore_class", None)]
    if labels.size and shape[-1] is not None and not 0 <= labels.min() <= labels.max() < shape[-1]:
        raise ValueError(
            f"{name} holds labels from {labels.min()} to {labels.max()}, but the model tells "
            f"{shape[-1]} classes apart; number the classes from 0 to {shape[-1] - 1}"
        )


def validation(data: Any) -> tuple[Any, Any, Any]:
    """Take validation data apart as `Model.fit` does."""
    if isinstance(data, tuple | list) and not 1 <= len(data) <= 3:
        raise ValueError(
            f"validation_data has {len(data)} members; pass (x, y), (x, y, sample_weight), "
            "or (x,) for a model without targets"
        )
    return keras.utils.unpack_x_y_sample_weight(data)
