"""What the tests of all pages need: lively nets, a frame in a browser, what is drawn in it."""

from base64 import b64decode
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
import re
from types import SimpleNamespace

from aelib.explorer import Explorer
import keras
import numpy as np
from PIL import Image
from playwright.sync_api import Browser, Frame, expect


def lively(model: keras.Model, gain: float = 3) -> keras.Model:
    """Give a model weights under which its images differ from place to place."""
    rng = np.random.default_rng(0)
    shapes = [weight.shape for weight in model.get_weights()]
    sizes = [gain / np.sqrt(np.prod(shape[:-1])) for shape in shapes]  # by the inputs of a unit
    model.set_weights(
        [rng.normal(0, size, shape) for size, shape in zip(sizes, shapes, strict=True)]
    )
    return model


@contextmanager
def shown(
    browser: Browser, view: Explorer, width: int = 700, wait: str = ".pixels[aria-label]", **context
) -> Iterator[SimpleNamespace]:
    """Show an explorer as a notebook does, in a frame of a page; fail on errors and requests."""
    with browser.new_context(viewport={"width": width, "height": 900}, **context) as opened:
        page, faults = opened.new_page(), []
        page.on("console", lambda message: faults.append(message.text))
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.on("request", lambda request: faults.append(request.url))
        page.set_content(
            '<!DOCTYPE html><meta name="viewport" content="width=device-width">'
            f'<body style="margin: 0">{view._repr_html_()}'
        )
        frame = page.frames[1]
        frame.locator(wait).first.wait_for()  # the first picture is drawn
        yield SimpleNamespace(page=page, frame=frame, at=lambda z: at(frame, z))
        assert [fault for fault in faults if fault != "about:srcdoc"] == []


def tab_to(view: SimpleNamespace, selector: str) -> None:
    """Reach the next thing on a page with the Tab key.

    The frame is a process of its own: until it has the focus, keys go to the page around it.
    """
    view.page.keyboard.press("Tab")
    expect(view.frame.locator(selector)).to_be_focused()


def at(frame: Frame, z: tuple[float, float]) -> tuple[float, float]:
    """Return where a code lies on the page, in CSS pixels."""
    box = frame.locator(".map").bounding_box()
    x, y = frame.evaluate("([z1, z2]) => [x(z1), y(z2)]", [float(number) for number in z])
    return box["x"] + x, box["y"] + y


def canvas(frame: Frame, selector: str) -> np.ndarray:
    """Return the (height, width, 3) pixels of a canvas on white paper, 0 … 255."""
    address = frame.evaluate(
        """selector => {
            const canvas = find(selector), {width, height} = canvas;
            const copy = Object.assign(document.createElement("canvas"), {width, height});
            copy.getContext("2d", {willReadFrequently: true}).drawImage(canvas, 0, 0);
            return copy.toDataURL();
        }""",
        selector,
    )
    drawn = Image.open(BytesIO(b64decode(address.split(",")[1]))).convert("RGBA")
    paper = Image.new("RGBA", drawn.size, "white")
    return np.array(Image.alpha_composite(paper, drawn).convert("RGB"))


def picture(frame: Frame, selector: str) -> np.ndarray:
    """Return the ink on a canvas, a row of pixels behind the other, from 0 (paper) to 1."""
    paper, ink = (int(frame.evaluate(f"css('{name}')")[1:3], 16) for name in ("--paper", "--ink"))
    return (canvas(frame, selector)[..., 0].ravel() - float(paper)) / (ink - paper)


def hexadecimals(frame: Frame, function: str) -> list[str]:
    """Return the ten colours that a function of the page gives the digits."""
    found = frame.evaluate(f"facts.colours.map((_, digit) => {function}(digit))")
    return ["#" + "".join(f"{int(x):02x}" for x in re.findall(r"\d+", rgb)) for rgb in found]


def luminance(colour: str) -> float:
    """Return the relative luminance of a colour, as WCAG 2 defines it."""
    levels = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    linear = np.where(levels <= 0.04045, levels / 12.92, ((levels + 0.055) / 1.055) ** 2.4)
    return linear @ [0.2126, 0.7152, 0.0722]


def contrast(one: str, other: str) -> float:
    """Return the contrast of two colours, from 1 to 21."""
    low, high = sorted(map(luminance, (one, other)))
    return (high + 0.05) / (low + 0.05)


def overflow(frame: Frame) -> list[str]:
    """Return what does not fit into a frame, or leaves too much of it empty."""
    return frame.evaluate(
        """() => {
            const root = document.documentElement, body = document.body;
            const left = innerHeight - body.getBoundingClientRect().bottom;
            const found = [...document.querySelectorAll("p:not(.unseen), button, canvas, .foot")]
                .filter((element) => element.scrollWidth > element.clientWidth + 1
                    || element.scrollHeight > element.clientHeight + 1)
                .map((element) => element.outerHTML.slice(0, 80));
            if (root.scrollWidth > innerWidth) found.push("the page is too wide");
            if (root.scrollHeight > innerHeight) found.push("the page is too high");
            if (left < -0.5 || left > 4) found.push(`${left} px are left below`);
            return found;
        }"""
    )
