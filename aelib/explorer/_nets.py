"""Dense nets as steps that a page can take: their activations, and weights in few bytes."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from aelib._startup import keras
from keras import layers
import numpy as np

# The same names stand in shared.js; the number is what Keras gives a slope if nobody does.
ACTIVATIONS = {
    "linear": (),
    "relu": (),
    "sigmoid": (),
    "tanh": (),
    "softplus": (),
    "elu": (1.0,),
    "leaky_relu": (0.2,),
}
LARGEST_HALF = 200_000  # weights of a kernel; one of 784 × 392 would fill a page in half precision
LEVELS = 127  # of a coarse weight, to either side of zero
# Layers that change nothing once training is over, except perhaps the shape.
PASSED = (
    layers.ActivityRegularization,
    layers.Dropout,
    layers.Flatten,
    layers.GaussianDropout,
    layers.GaussianNoise,
    layers.Identity,
    layers.InputLayer,
    layers.Reshape,
)


@dataclass(frozen=True, eq=False)
class Step:
    """An activation, behind a dense layer's weights or alone.

    Attributes
    ----------
    activation : one of `ACTIVATIONS`
    slope : its slope below zero, if it has one to choose
    kernel, bias : the layer's weights; none if the activation stands alone
    coarse : whether the kernel goes into a byte a weight, with a scale for each of its rows
    """

    activation: str
    slope: tuple[float, ...] = ()
    kernel: np.ndarray | None = None
    bias: np.ndarray | None = None
    coarse: bool = False

    @property
    def facts(self) -> dict[str, Any]:
        """What the page must know besides the weights."""
        rows, columns = (0, 0) if self.kernel is None else self.kernel.shape
        facts = {
            "rows": rows,
            "columns": columns,
            "activation": self.activation,
            "slope": self.slope,
        }
        return facts | ({"coarse": True} if self.coarse else {})

    @property
    def halves(self) -> list[np.ndarray]:
        """The kernel, or the scales of its rows, and the bias, in half precision."""
        if self.kernel is None:
            return []
        first = np.abs(self.kernel).max(axis=1) / LEVELS if self.coarse else self.kernel
        with np.errstate(over="ignore"):  # found by its infinite values
            return [first.astype("<f2"), self.bias.astype("<f2")]

    @property
    def levels(self) -> np.ndarray:
        """A coarse kernel in units of its rows' scales, from -127 to 127."""
        scales = self.halves[0].astype(np.float32)[:, None]
        units = np.divide(self.kernel, scales, out=np.zeros_like(self.kernel), where=scales > 0)
        return np.rint(units).clip(-LEVELS, LEVELS)

    def __call__(self, values: np.ndarray) -> np.ndarray:
        """Do as the page will."""
        if self.kernel is not None:
            first, bias = (array.astype(np.float32) for array in self.halves)
            values = values @ (self.levels * first[:, None] if self.coarse else first) + bias
        activate = keras.activations.get(self.activation)
        return keras.ops.convert_to_numpy(activate(values, *self.slope))


def read(model: keras.Model, *, coarse: bool = False) -> list[Step]:
    """Read a model's layers one behind the other; nothing if the page does not know one.

    What else a model may do, such as to join layers in another way or to compute with an activation
    of its own, shows once the steps' answers are compared with the model's.

    Parameters
    ----------
    model : of dense layers
    coarse : whether kernels beyond `LARGEST_HALF` weights go into a byte a weight
    """
    steps = []
    for layer in _flat(model):
        if isinstance(layer, PASSED):
            continue
        step = _step(layer)
        if step is None or not all(np.isfinite(array).all() for array in step.halves):
            return []
        large = step.kernel is not None and step.kernel.size > LARGEST_HALF
        steps.append(replace(step, coarse=coarse and large))
    return steps


def beside(one: Step, other: Step) -> Step:
    """Join two dense layers that see the same values into one with the outputs of both."""
    kernel = np.hstack([one.kernel, other.kernel])
    return replace(one, kernel=kernel, bias=np.hstack([one.bias, other.bias]))


def run(steps: list[Step], values: np.ndarray) -> np.ndarray | None:
    """Do as the page will with steps that fit each other; nothing if they do not."""
    for step in steps:
        if step.kernel is not None and len(step.kernel) != values.shape[1]:
            return None
        values = step(values)
    return values


def _flat(model: keras.Model) -> Iterator[layers.Layer]:
    """Yield a model's layers, with those of models inside it in their place."""
    for layer in model.layers:
        if isinstance(layer, keras.Model):
            yield from _flat(layer)
        else:
            yield layer


def _step(layer: layers.Layer) -> Step | None:
    """Read one layer; None if the page does not know it."""
    if isinstance(layer, layers.LeakyReLU):
        return Step("leaky_relu", (layer.negative_slope,))
    if isinstance(layer, layers.ELU):
        return Step("elu", (layer.alpha,))
    if isinstance(layer, layers.ReLU):
        return Step("relu")
    if not isinstance(layer, layers.Activation | layers.Dense):
        return None
    name = activation_of(layer)
    if name is None:
        return None
    if not isinstance(layer, layers.Dense):
        return Step(name, ACTIVATIONS[name])
    kernel = keras.ops.convert_to_numpy(layer.kernel)
    bias = np.zeros(kernel.shape[1], np.float32) if layer.bias is None else layer.bias
    return Step(name, ACTIVATIONS[name], kernel, keras.ops.convert_to_numpy(bias))


def activation_of(layer: layers.Layer) -> str | None:
    """Return the name of a layer's activation; None if the page does not know it."""
    name = getattr(layer.activation, "__name__", "")
    return name if name in ACTIVATIONS else None


def pack(steps: list[Step]) -> bytes:
    """Join the weights of a net: coarse kernels, then all else in half precision."""
    coarse = [(128 + step.levels).astype(np.uint8).tobytes() for step in steps if step.coarse]
    return b"".join(coarse) + halves([array for step in steps for array in step.halves])


def halves(arrays: list[np.ndarray]) -> bytes:
    """Join float16 arrays: first the low bytes of all numbers, then the high ones.

    The high bytes, of sign and size, resemble each other and so pack better when side by side.
    """
    pairs = np.frombuffer(b"".join(array.tobytes() for array in arrays), np.uint8)
    return pairs.reshape(-1, 2).T.tobytes()
