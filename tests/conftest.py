"""Draw without a screen; lend the tests a browser."""

from collections.abc import Iterator
import shutil

import matplotlib
from playwright.sync_api import Browser, sync_playwright
import pytest

matplotlib.use("Agg")

CHROMIUM = ("chromium", "chromium-browser", "google-chrome")
# As root there is no sandbox; the rest keeps Chromium from asking Google's hosts for anything.
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Start headless Chromium, or skip where none is installed.

    One for each module: its event loop must not run while other modules start kernels.
    """
    program = next(filter(None, map(shutil.which, CHROMIUM)), None)
    if program is None:
        pytest.skip("no Chromium on this machine (Debian, Ubuntu: sudo apt install chromium)")
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=program, args=FLAGS)
        yield chromium
        chromium.close()
