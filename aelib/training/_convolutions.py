"""Convolutions of one channel as matrix products, which a CPU does faster.

TensorFlow's convolutions work on many channels at once, so that a layer from or to a grey image
wastes most of their speed. Here outputs are taken in groups of a few neighbours. What a group reads
is a small window of the input, and how it depends on that window is the same everywhere: a matrix,
made from the kernel. All groups of all images are one product, which XLA compiles together with the
copying around it; the rest of the net stays with TensorFlow.

An image whose pixels `UpSampling2D` repeats is read before they are repeated.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import product
from threading import RLock
from typing import NamedTuple

from aelib._startup import keras, tf
import numpy as np

# What a number costs to copy into a window and back, in multiplications and additions: roughly
# what was measured. The sizes of groups that are tried, in rows and in columns.
COPY = 32
HEIGHTS, WIDTHS = (1, 2), (1, 2, 4, 7, 14)

_turn = RLock()


class Axis(NamedTuple):
    """Which pixels an output reads, along rows or columns.

    Attributes
    ----------
    reads : (k, n, m) array; 1 where output m reads input n through place k of the kernel, else 0
    step, period : `step` inputs on, `period` outputs on, the same is read
    """

    reads: np.ndarray
    step: int
    period: int

    def exchanged(self) -> "Axis":
        """Exchange inputs and outputs, as the gradient does."""
        return Axis(self.reads.transpose(0, 2, 1), self.period, self.step)


class Windows(NamedTuple):
    """The windows that groups of outputs read: `count` of them, each `step` inputs on.

    `reads` is the `Axis.reads` of a single group, from the window to the group.
    """

    reads: np.ndarray
    first: int
    step: int
    count: int


def axis(size: int, kernel: int, stride: int, padding: str, repeats: int = 1) -> Axis:
    """Lay out a convolution along an axis of `size` inputs, each of them repeated first."""
    whole = size * repeats
    outputs = -(-whole // stride) if padding == "same" else (whole - kernel) // stride + 1
    before = max((outputs - 1) * stride + kernel - whole, 0) // 2 if padding == "same" else 0
    reads = np.zeros((kernel, size, outputs), np.float32)
    for place, output in product(range(kernel), range(outputs)):
        pixel = output * stride + place - before
        if 0 <= pixel < whole:
            reads[place, pixel // repeats, output] = 1
    return Axis(reads, stride, repeats)


def _windows(along: Axis, periods: int) -> Windows:
    """Group the outputs, some periods in each, and find what the groups read."""
    group, step = periods * along.period, periods * along.step
    places, inputs, outputs = along.reads.nonzero()
    number, member = np.divmod(outputs, group)
    offsets = inputs - number * step
    first = int(offsets.min())
    reads = np.zeros((len(along.reads), np.ptp(offsets) + 1, group), np.float32)
    reads[places, offsets - first, member] = 1
    return Windows(reads, first, step, -(-along.reads.shape[2] // group))


def _cost(plan: tuple[Windows, Windows], channels: int, filters: int) -> int:
    """Count what a plan copies and multiplies."""
    count, window, group = 1, channels, filters
    for along in plan:
        count, window, group = (
            count * along.count,
            window * along.reads.shape[1],
            group * along.reads.shape[2],
        )
    return count * window * (group + COPY)


def _plan(rows: Axis, columns: Axis, channels: int, filters: int) -> tuple[Windows, Windows]:
    """Choose the cheapest groups: large ones multiply by zeros, small ones copy pixels often."""
    plans = [
        (_windows(rows, high), _windows(columns, wide))
        for high, wide in product(HEIGHTS, WIDTHS)
        if wide <= columns.reads.shape[2]
    ]
    return min(plans, key=lambda plan: _cost(plan, channels, filters))


def _copy_windows(images: tf.Tensor, along: Windows, place: int) -> tf.Tensor:
    """Copy what the groups read along rows (place 1) or columns (place 2) behind one another."""
    size, span = along.reads.shape[1], (along.count - 1) * along.step + 1
    before = max(-along.first, 0)
    pads = np.zeros((4, 2), int)
    pads[place] = before, max(along.first + span - 1 + size - images.shape[place], 0)
    images = tf.pad(images, pads)
    begin = along.first + before
    pick, pieces = [slice(None)] * 4, []
    for offset in range(begin, begin + size):
        pick[place] = slice(offset, offset + span, along.step)
        pieces.append(images[tuple(pick)])
    return tf.concat(pieces, -1)


def _apply(
    images: tf.Tensor, kernel: tf.Tensor, rows: Axis, columns: Axis, plan: tuple[Windows, Windows]
) -> tf.Tensor:
    """Copy the windows, multiply all at once, put the groups in their places."""
    down, across = plan
    windows = _copy_windows(_copy_windows(images, down, 1), across, 2)
    # In a window the columns stand outside, the rows inside them, the channels innermost.
    matrix = tf.einsum("iha,ijcf,jwb->whcabf", down.reads, kernel, across.reads)
    length = windows.shape[-1]
    groups = tf.reshape(windows, (-1, length)) @ tf.reshape(matrix, (length, -1))
    high, wide, filters = down.reads.shape[2], across.reads.shape[2], kernel.shape[3]
    groups = tf.reshape(groups, (-1, down.count, across.count, high, wide, filters))
    images = tf.transpose(groups, (0, 1, 3, 2, 4, 5))
    images = tf.reshape(images, (-1, down.count * high, across.count * wide, filters))
    return images[:, : rows.reads.shape[2], : columns.reads.shape[2]]


def multiply(images: tf.Tensor, kernel: tf.Tensor, rows: Axis, columns: Axis) -> tf.Tensor:
    """Apply a (k, k, channels, filters) kernel to (n, rows, columns, channels) images."""
    channels, filters = kernel.shape[2:]
    if channels <= filters:
        plan = _plan(rows, columns, channels, filters)
        return _apply(images, kernel, rows, columns, plan)
    # The windows are smaller on the side of the outputs. The map whose gradient this is, is one
    # with inputs and outputs exchanged; it is linear, so where its gradient is taken is no matter.
    turned = rows.exchanged(), columns.exchanged()
    plan = _plan(*turned, filters, channels)
    outputs = tf.zeros((tf.shape(images)[0], rows.reads.shape[2], columns.reads.shape[2], filters))
    with tf.GradientTape() as tape:
        tape.watch(outputs)
        back = _apply(outputs, tf.transpose(kernel, (0, 1, 3, 2)), *turned, plan)
    return tape.gradient(back, outputs, output_gradients=images)


def _is_covered(layer: keras.layers.Layer) -> bool:
    """Tell whether a layer is a convolution of Keras's own, from or to a single channel."""
    return (
        type(layer) is keras.layers.Conv2D
        and layer.built
        and 1 in layer.kernel.shape[2:]
        and layer.groups == 1
        and layer.dilation_rate == (1, 1)
        and layer.data_format == "channels_last"
        and layer.compute_dtype == "float32"
    )


def _repeats(layer: keras.layers.Layer) -> bool:
    return (
        type(layer) is keras.layers.UpSampling2D
        and layer.interpolation == "nearest"
        and layer.data_format == "channels_last"
    )


def _layers(model: keras.Model) -> Iterator[keras.layers.Layer]:
    """List the layers of a model and of those nested in it, each once."""
    found = {}
    for layer in model.layers:
        inner = _layers(layer) if isinstance(layer, keras.Model) else [layer]
        found |= {id(each): each for each in inner}
    yield from found.values()


def _convolution(layer: keras.layers.Conv2D, repeated: dict) -> Callable:
    """Make the `convolution_op` that takes the place of a layer's own."""
    stock = layer.convolution_op

    def convolution_op(images, kernel):
        source, repeats = repeated.get(images.ref(), (images, (1, 1)))
        sizes = source.shape[1:3]
        if None in sizes:
            return stock(images, kernel)
        rows, columns = (
            axis(size, length, stride, layer.padding, times)
            for size, length, stride, times in zip(
                sizes, layer.kernel_size, layer.strides, repeats, strict=True
            )
        )
        compiled = tf.function(
            lambda images, kernel: multiply(images, kernel, rows, columns),
            jit_compile=True,
            autograph=False,
        )
        return compiled(source, tf.convert_to_tensor(kernel))

    return convolution_op


def _upsampling(layer: keras.layers.UpSampling2D, repeated: dict) -> Callable:
    """Make the `call` that notes which images a layer's outputs repeat; TensorFlow drops those."""
    stock = layer.call

    def call(images):
        outputs = stock(images)
        repeated[outputs.ref()] = images, layer.size
        return outputs

    return call


@contextmanager
def as_products(model: keras.Model) -> Iterator[None]:
    """While a program is traced, have convolutions of one channel done as matrix products.

    Covered are layers whose class is `Conv2D` itself, built, with one input channel or one filter,
    not dilated, channels last, float32. They get a `convolution_op` of their own, which Keras
    documents for overriding, and lose it at the end. All others stay as they are. Threads take
    turns, for they may trace the same layers.
    """
    repeated: dict = {}
    changed = []
    with _turn:
        try:
            for layer in _layers(model):
                if _is_covered(layer):
                    name, hook = "convolution_op", _convolution(layer, repeated)
                elif _repeats(layer):
                    name, hook = "call", _upsampling(layer, repeated)
                else:
                    continue
                if name not in vars(layer):  # else it has one of its own
                    vars(layer)[name] = hook
                    changed.append((layer, name))
            yield
        finally:
            for layer, name in changed:
                del vars(layer)[name]
