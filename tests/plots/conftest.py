"""What the tests of all drawings share: no warning, and something to draw."""

from collections.abc import Iterator
import warnings

import matplotlib.pyplot as plt
import numpy as np
import pytest


class Decoder:
    """Paint each image in the grey that its code stands for."""

    def predict(self, codes, verbose):
        z1, z2 = codes.T
        return np.repeat(((z1 + 10 * z2 + 11) / 22)[:, None], 16, axis=1)


@pytest.fixture(autouse=True)
def no_figure_left_no_warning(caplog) -> Iterator[None]:
    """Draw what a test made: neither a warning nor Matplotlib's log may show on the page."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        # Before 3.10.8 Matplotlib calls pyparsing by names that its 3.3 deprecates.
        warnings.filterwarnings("ignore", ".* deprecated", module="(matplotlib|pyparsing)[.]")
        yield
        for number in plt.get_fignums():
            plt.figure(number).canvas.draw()
    plt.close("all")
    assert not caplog.get_records("call") + caplog.get_records("teardown")


@pytest.fixture
def decoder() -> Decoder:
    return Decoder()


@pytest.fixture
def ten_clouds() -> tuple[np.ndarray, np.ndarray]:
    """Three hundred codes in ten clouds apart from each other, and their digits."""
    labels = np.arange(300) % 10
    noise = np.random.default_rng(0).exponential(0.1, (300, 2))
    return np.stack([labels % 4, labels // 4], axis=1) + noise, labels
