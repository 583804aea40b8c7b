"""What can be trained, and what is refused before anything is compiled."""

from aelib._startup import keras
import numpy as np


def array(name: str, values: np.ndarray, examples: int | None = None) -> np.ndarray:
    """Check an array of examples and give it Keras's own precision."""
    values = np.asarray(values)
    if values.ndim == 0 or len(values) == 0:
        raise ValueError(f"{name} is empty; pass an array with at least one example")
    if examples is not None and len(values) != examples:
        raise ValueError(f"{name} has {len(values)} examples, but x has {examples}; pass as many")
    if values.dtype.kind == "f":
        if not np.isfinite(values).all():
            raise ValueError(f"{name} holds NaN or infinite values; clean the array first")
        return values.astype(keras.config.floatx(), copy=False)
    return values


def same_shape(name: str, values: np.ndarray, expected: tuple[int | None, ...]) -> None:
    """Compare the shape of one example with what the model takes or gives (None fits anything)."""
    sizes = values.shape[1:]
    fits = len(sizes) == len(expected) - 1 and all(
        want in (None, size) for want, size in zip(expected[1:], sizes, strict=True)
    )
    if not fits:
        raise ValueError(
            f"{name} has examples of shape {sizes}, but the model wants {tuple(expected[1:])}; "
            "reshape the array or change the model"
        )


def pair(model: keras.Model, names: tuple[str, str], x, y) -> tuple[np.ndarray, ...]:
    """Check inputs and targets; targets that are the inputs themselves are not named twice."""
    inputs = array(names[0], x)
    same_shape(names[0], inputs, model.input_shape)
    if y is None:
        return (inputs,)
    targets = inputs if y is x else array(names[1], y, examples=len(inputs))
    class_labels = targets.ndim == 1 or targets.shape[1:] == (1,)
    if not class_labels:
        same_shape(names[1], targets, model.output_shape)
    return (inputs,) if y is x else (inputs, targets)


def check(model: keras.Model, epochs: int, batch_size: int) -> None:
    """Refuse what cannot be trained before anything is compiled."""
    if not model.compiled:
        raise ValueError("model has no loss or optimizer yet; call model.compile(…) first")
    for name, value in {"epochs": epochs, "batch_size": batch_size}.items():
        if value < 1 or value != int(value):
            raise ValueError(f"{name} is {value}; pass a whole number of at least 1")
