"""Start TensorFlow with its log off: every module that uses keras takes it from here.

TensorFlow's C++ code logs to file descriptor 2 before it can be told not to, so whoever imports it
first decides whether it does.
"""

from collections.abc import Iterator
from contextlib import contextmanager
import os


@contextmanager
def _silent_stderr() -> Iterator[None]:
    """Silence file descriptor 2: TensorFlow's C++ code logs there before it can be told not to."""
    saved = os.dup(2)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(saved, 2)
        os.close(saved)
        os.close(nowhere)


os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
with _silent_stderr():
    import keras
    import tensorflow as tf

    tf.config.list_physical_devices()
if not tf.config.list_physical_devices("GPU"):
    # On a CPU, XLA's fuller optimisation takes longer to compile and trains no faster.
    os.environ.setdefault("XLA_FLAGS", "--xla_backend_optimization_level=1")
# Its Python side warns of every new model that predicts; a course makes many.
tf.get_logger().setLevel("ERROR")

__all__ = ["keras", "tf"]
