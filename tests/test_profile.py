"""Which profile runs, and a start that is seeded and quiet."""

import os
import random
import subprocess
import sys

from aelib import profile
import keras
import numpy as np
import pytest


def python(code: str) -> subprocess.CompletedProcess:
    """Run code in a fresh Python that nobody has told to be quiet."""
    environment = {name: value for name, value in os.environ.items() if "TF_CPP" not in name}
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=environment
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
        kernel = keras.layers.Dense(3)
        kernel.build((None, 4))
        noise = np.asarray(keras.random.normal((2,)))
        return [random.random(), np.random.rand(), *noise, *np.ravel(kernel.get_weights()[0])]

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
