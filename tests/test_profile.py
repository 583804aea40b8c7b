"""Which profile runs, and a start that is seeded and quiet."""

import gc
import json
import os
import platform
import random
import subprocess
import sys
import weakref

import aelib
from aelib import profile
from aelib.data import Source
from IPython.core.formatters import DisplayFormatter
import keras
import numpy as np
import pytest

TOLD = ("TF_CPP_MIN_LOG_LEVEL", "KERAS_BACKEND")


def python(code: str, shell: str = "", **variables: str) -> subprocess.CompletedProcess:
    """Run code in a fresh Python that nobody has told anything.

    Parameters
    ----------
    code : what to run
    shell : what stands behind the command in a shell, such as "2>&-"
    variables : added to the environment
    """
    environment = {name: value for name, value in os.environ.items() if name not in TOLD}
    return subprocess.run(
        ["sh", "-c", f'exec "$0" -c "$1" {shell}', sys.executable, code],
        capture_output=True,
        text=True,
        env=environment | variables,
    )


@pytest.mark.parametrize("name", ["full", "quick"])
def test_variable_picks_the_value(name, monkeypatch):
    monkeypatch.setenv("AELIB_PROFILE", name)
    assert profile.current() == name
    assert profile.pick(full="full", quick="quick") == name


def test_full_is_the_default(monkeypatch):
    monkeypatch.delenv("AELIB_PROFILE", raising=False)
    assert profile.current() == "full"


@pytest.mark.parametrize("name", ["fast", "Quick", ""])
def test_other_names_are_refused_with_the_two_that_exist(name, monkeypatch):
    monkeypatch.setenv("AELIB_PROFILE", name)
    with pytest.raises(ValueError, match=f'AELIB_PROFILE is "{name}".*"full" or "quick"'):
        profile.pick(full=1, quick=2)


def test_start_prints_one_line(capsys, monkeypatch):
    monkeypatch.setenv("AELIB_PROFILE", "quick")
    profile.start(1, "5,000 digits from somewhere")
    captured = capsys.readouterr()
    (line,) = captured.out.splitlines()
    assert f"Keras {keras.__version__}" in line
    assert line.endswith(f"{profile.device()} · quick profile · 5,000 digits from somewhere")
    assert captured.err == ""


def test_line_without_data_ends_with_the_profile(capsys, monkeypatch):
    monkeypatch.setenv("AELIB_PROFILE", "full")
    profile.start(1)
    assert capsys.readouterr().out.endswith(" · full profile\n")


def test_start_shows_the_line_with_the_same_facts_as_values(monkeypatch):
    monkeypatch.setenv("AELIB_PROFILE", "full")
    shown = []
    monkeypatch.setattr(profile, "display", shown.append)
    assert profile.start(1, data=Source("MNIST, all of it", complete=True)) is None
    profile.start(1, data="my own digits")
    (texts, metadata), (_, own) = map(DisplayFormatter().format, shown)
    facts = metadata["aelib"]["setup"]
    assert facts == {
        "profile": "full",
        "data": "MNIST, all of it",
        "complete": True,
        "versions": {
            "aelib": aelib.__version__,
            "Python": platform.python_version(),
            "TensorFlow": profile.tf.__version__,
            "Keras": keras.__version__,
        },
        "device": profile.device(),
    }
    assert texts == {"text/plain": repr(profile.Setup(**facts))}
    saved = json.loads(json.dumps(facts, sort_keys=True))  # as nbformat saves it
    assert repr(profile.Setup(**saved)) == texts["text/plain"]
    assert own["aelib"]["setup"]["complete"] is None


@pytest.mark.parametrize("seed", [np.int64(3), np.uint8(3), 2**32 - 1])
def test_every_kind_of_integer_is_a_seed(seed, capsys):
    profile.start(seed)
    drawn = np.random.rand()
    profile.start(int(seed))
    assert drawn == np.random.rand()


@pytest.mark.parametrize("seed", [-1, 2**32, 1.0, "1", None])
def test_other_seeds_are_refused_by_name(seed):
    with pytest.raises((TypeError, ValueError), match="seed"):
        profile.start(seed)


def test_start_spares_the_collector_what_lives_and_leaves_no_garbage(capsys):
    kept = [[] for _ in range(1000)]
    loop = type("Loop", (), {})()
    loop.itself = loop
    garbage = weakref.ref(loop)
    del loop
    before = gc.get_freeze_count()
    profile.start(1)
    assert garbage() is None
    assert gc.get_freeze_count() >= before + len(kept)


def test_device_is_the_gpu_that_tensorflow_sees_or_the_cpu(monkeypatch):
    config = profile.tf.config
    monkeypatch.setattr(config, "list_physical_devices", lambda kind=None: [])
    assert profile.device() == f"CPU, {os.cpu_count()} cores"
    monkeypatch.setattr(config, "list_physical_devices", lambda kind=None: ["a GPU"])
    details = {"a GPU": {"device_name": "Tesla T4"}}
    monkeypatch.setattr(config.experimental, "get_device_details", details.get)
    assert profile.device() == "Tesla T4"


def test_same_seed_same_numbers(capsys):
    def numbers(seed):
        profile.start(seed)
        drawn = [random.random(), np.random.rand()]
        kernel = keras.layers.Dense(3)
        kernel.build((None, 4))
        # As layers draw: Keras before 3.13 keeps the generator of draws without one.
        noise = np.asarray(keras.random.normal((2,), seed=keras.random.SeedGenerator()))
        return [*drawn, *noise, *np.ravel(kernel.get_weights()[0])]

    assert numbers(3) == numbers(3)
    assert not set(numbers(3)) & set(numbers(4))


def test_import_and_compilation_print_nothing_and_errors_are_still_heard():
    done = python(
        "import sys\n"
        "from aelib import profile\n"
        "double = profile.tf.function(lambda x: 2 * x, jit_compile=True)\n"
        "print(float(double(profile.tf.constant(21.0))))\n"
        "profile.tf.get_logger().warning('retraced')\n"
        "print('heard', file=sys.stderr)"
    )
    assert (done.stdout, done.stderr, done.returncode) == ("42.0\n", "heard\n", 0)


def test_a_terminal_that_knows_ascii_only_and_a_closed_stderr_stop_nothing():
    done = python(
        "import os, sys\n"
        "from aelib import profile\n"
        "print(sys.stderr, os.readlink('/proc/self/fd/2') if os.path.isdir('/proc') else '')\n"
        "profile.start(1, 'digits')",
        shell="0<&- 2>&-",
        PYTHONIOENCODING="ascii",
    )
    closed, line = done.stdout.splitlines()
    assert closed in ("None /dev/null", "None ")  # what TensorFlow logs lands in no file of ours
    assert line.startswith(f"aelib {aelib.__version__} ? Python ") and line.endswith("? digits")
    assert done.returncode == 0


def test_another_backend_of_keras_is_refused_with_the_remedy():
    done = python("from aelib import models", KERAS_BACKEND="jax")
    assert done.returncode == 1
    assert 'backend here is "jax": unset KERAS_BACKEND' in done.stderr.splitlines()[-1]


def test_keras_imported_before_with_another_backend_is_refused():
    done = python(
        "import sys; from types import SimpleNamespace\n"
        "keras = SimpleNamespace(backend=SimpleNamespace(backend=lambda: 'torch'))\n"
        "sys.modules['keras'] = keras\n"
        "from aelib import models"
    )
    assert 'backend here is "torch": unset KERAS_BACKEND' in done.stderr.splitlines()[-1]


def test_the_backend_that_keras_json_names_is_for_other_work(tmp_path):
    (tmp_path / "keras.json").write_text('{"backend": "jax"}')
    done = python(
        "from aelib import profile; print(profile.keras.backend.backend())",
        KERAS_HOME=str(tmp_path),
    )
    assert (done.stdout, done.returncode) == ("tensorflow\n", 0)


@pytest.mark.parametrize("chosen", [None, "--xla_backend_optimization_level=3"])
def test_compilers_settings_are_the_readers_own_or_the_quick_ones_of_a_cpu(chosen, monkeypatch):
    monkeypatch.delenv("XLA_FLAGS", raising=False)
    if chosen:
        monkeypatch.setenv("XLA_FLAGS", chosen)
    found = python(
        "import os; from aelib import profile;"
        "gpus = profile.tf.config.list_physical_devices('GPU');"
        "print(len(gpus), os.environ.get('XLA_FLAGS'))"
    ).stdout.strip()
    on_cpu = f"0 {chosen or '--xla_backend_optimization_level=1'}"
    assert found == on_cpu or (found.endswith(f" {chosen}") and not found.startswith("0"))
