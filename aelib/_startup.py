"""Start TensorFlow with its log off: every module that uses keras takes it from here.

TensorFlow's C++ code logs to file descriptor 2 before it can be told not to, so whoever imports it
first decides whether it does.
"""

from collections.abc import Iterator
from contextlib import contextmanager
import os
import sys

BACKEND = "tensorflow"


@contextmanager
def _silent_stderr() -> Iterator[None]:
    """Silence file descriptor 2: TensorFlow's C++ code logs there before it can be told not to."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    if sys.__stderr__ is None:  # closed: else the next file that is opened would take its place
        os.dup2(nowhere, 2)
    saved = os.dup(2)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(saved, 2)
        os.close(saved)
        if nowhere != 2:
            os.close(nowhere)


def _refuse(backend: str) -> None:
    """Say how to get another backend of Keras out of the way."""
    raise ImportError(
        f'aelib trains with TensorFlow, and Keras\'s backend here is "{backend}": unset '
        f'KERAS_BACKEND or set it to "{BACKEND}", then start Python or the kernel anew'
    )


os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
# Before Keras is imported, which fails at once where another backend is not installed. The variable
# wins over ~/.keras/keras.json, which may name another one for other work.
os.environ["KERAS_BACKEND"] = os.environ.get("KERAS_BACKEND") or BACKEND
if os.environ["KERAS_BACKEND"] != BACKEND:
    _refuse(os.environ["KERAS_BACKEND"])
with _silent_stderr():
    import keras

    if keras.backend.backend() != BACKEND:  # imported before aelib
        _refuse(keras.backend.backend())
    import tensorflow as tf

    if not tf.config.list_physical_devices("GPU"):
        # On a CPU, XLA's fuller optimisation takes longer to compile and trains no faster.
        os.environ.setdefault("XLA_FLAGS", "--xla_backend_optimization_level=1")
    # TensorFlow 2.18 and 2.19 log with their first compiled program, whatever the level: have it
    # now.
    tf.function(tf.zeros, autograph=False, jit_compile=True)(())
# Its Python side warns of every new model that predicts; a course makes many.
tf.get_logger().setLevel("ERROR")

__all__ = ["keras", "tf"]
