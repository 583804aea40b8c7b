"""Run a recurrent layer as two loops side by side, each over half of the batch.

The steps of a recurrent layer wait for one another, and the products of a step are too small to
occupy two cores. TensorFlow runs loops that do not need each other at the same time; XLA does not.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import partial, wraps
from typing import Any

from aelib._startup import keras, tf

RECURRENT = (keras.layers.RNN, keras.layers.Bidirectional)
SPLIT = (keras.layers.LSTM, keras.layers.GRU, keras.layers.SimpleRNN)

_batch_size: ContextVar[int | None] = ContextVar("batch_size", default=None)


@contextmanager
def side_by_side(batch_size: int | None) -> Iterator[None]:
    """Split the loops of all recurrent layers that are called meanwhile.

    Parameters
    ----------
    batch_size : the largest number of examples that the layers will see; None splits nothing
    """
    before = _batch_size.set(batch_size)
    try:
        yield
    finally:
        _batch_size.reset(before)


def _can_split(layer: keras.layers.RNN) -> bool:
    """Tell whether the layer treats every example by itself, in a loop."""
    if type(layer) not in SPLIT or layer.stateful or layer.unroll:
        return False
    return not (layer.dropout or layer.recurrent_dropout)  # drawn for a whole batch beforehand


def _fill_up(values: tf.Tensor, size: int) -> tf.Tensor:
    """Append examples of zeros, up to a size that is known before the program runs.

    Where it is not known, TensorFlow works out at every sum and product in the loop, there and
    back, what was broadcast: that costs more than the zeros.
    """
    missing = size - tf.shape(values)[0]
    values = tf.pad(values, [[0, missing], *([0, 0] for _ in values.shape[1:])])
    return tf.ensure_shape(values, (size, *values.shape[1:]))


def _split(inner_loop: Callable) -> Callable:
    """Have a layer's loop run on halves of the batch where `side_by_side` says so."""

    @wraps(inner_loop)
    def loops(self, sequences, initial_state, mask, training=False):
        largest = _batch_size.get()
        run = partial(inner_loop, self, training=training)
        size = sequences.shape[0] or largest
        if not largest or size < 2 or not _can_split(self):
            return run(sequences, initial_state, mask=mask)

        def rows(values: Any, half: slice) -> Any:
            return None if values is None else _fill_up(values, size)[half]

        with side_by_side(None):  # an LSTM's loop calls that of all recurrent layers
            halves = []
            for half in slice(size // 2), slice(size // 2, size):
                whole = (sequences, initial_state, mask)
                parts = keras.tree.map_structure(partial(rows, half=half), whole)
                halves.append(run(parts[0], parts[1], mask=parts[2]))
        count = tf.shape(sequences)[0]
        return keras.tree.map_structure(lambda a, b: tf.concat([a, b], 0)[:count], *halves)

    return loops


for _layer in (keras.layers.RNN, keras.layers.LSTM, keras.layers.GRU):
    _layer.inner_loop = _split(_layer.inner_loop)
