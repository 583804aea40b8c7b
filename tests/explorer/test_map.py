"""The map draws what the decoder draws, and answers to mouse, finger and keys."""

from collections.abc import Callable
import re
from types import SimpleNamespace

from aelib import data, models, plots
from aelib.explorer import Explorer, latent_explorer
from aelib.explorer._map import GRID
from aelib.explorer._page import without_scripts
from browsing import (
    at,
    canvas,
    contrast,
    hexadecimals,
    lively,
    luminance,
    overflow,
    picture,
    shown,
    tab_to,
)
from colour_vision import VISION, lab
import keras
from keras import layers
import numpy as np
import pandas as pd
from playwright.sync_api import Frame, expect
import pytest

COUNT, SIDE = 60, 4
KEYS = {"ArrowRight": (1, 0), "ArrowLeft": (-1, 0), "ArrowUp": (0, 1), "ArrowDown": (0, -1)}


# What is shown ------------------------------------------------------------------------------------


def only(decoder: keras.Model) -> models.Autoencoder:
    """Return an autoencoder of which nothing but the decoder may be used."""
    return models.Autoencoder(None, decoder, None)


def chain(*hidden: layers.Layer) -> keras.Model:
    """Return a lively model of these layers, from two numbers on."""
    return lively(keras.Sequential([keras.Input((2,)), *hidden]))


def dense(hidden: str = "tanh", output: str = "sigmoid") -> keras.Model:
    """Return a small decoder of two dense layers."""
    return chain(layers.Dense(8, hidden), layers.Dense(SIDE**2, output))


def convolutional() -> keras.Model:
    """Return a small decoder that a page cannot run."""
    return chain(
        layers.Dense(8, "tanh"),
        layers.Reshape((2, 2, 2)),
        layers.Conv2DTranspose(1, 3, strides=2, padding="same", activation="sigmoid"),
    )


def some_codes(count: int = COUNT, seed: int = 0) -> np.ndarray:
    """Return codes all over the square from -1 to 1."""
    return np.random.default_rng(seed).uniform(-1, 1, (count, 2)).astype(np.float32)


CODES, LABELS = some_codes(), np.arange(COUNT) * 7 % 10
IMAGES = np.random.default_rng(1).random((COUNT, SIDE, SIDE))


def make(decoder: keras.Model | None = None, codes=CODES, labels=LABELS, **options) -> Explorer:
    """Return an explorer of a small decoder."""
    return latent_explorer(only(decoder or dense()), codes, labels, **options)


# Where it is shown --------------------------------------------------------------------------------


def place(frame: Frame) -> np.ndarray:
    """Return the code that the page shows now."""
    return np.array(frame.evaluate("place"))


def decoded(frame: Frame, codes: np.ndarray) -> np.ndarray:
    """Return what the page decodes from codes."""
    program = "codes => codes.map(([z1, z2]) => Array.from(decode(z1, z2)))"
    return np.array(frame.evaluate(program, codes.tolist()))


# What the page is made of -------------------------------------------------------------------------


def test_the_same_arguments_give_the_same_bytes():
    decoder = dense()
    one, other = (make(decoder, images=IMAGES, title="T") for _ in range(2))
    assert one.page == other.page
    assert one._repr_html_() == other._repr_html_()


def test_the_courses_decoder_with_a_thousand_digits_stays_below_a_megabyte(monkeypatch):
    monkeypatch.setenv("AELIB_PROFILE", "quick")
    digits = data.load_mnist()
    decoder = lively(models.dense_autoencoder(784, (392, 28, 10, 2)).decoder, gain=8)
    codes = some_codes(len(digits.x_test))
    view = make(decoder, codes, digits.y_test, images=digits.x_test)
    assert len(digits.x_test) == 1000
    assert '"steps":[{"rows":2,"columns":10' in view.page
    assert len(view._repr_html_().encode()) < 1_000_000


def test_text_stands_where_no_page_can_be_shown():
    view = make(title="Ten <digits>")
    assert repr(view).startswith("Latent explorer “Ten <digits>”: a map of 60 codes")
    # JupyterLab's sanitiser, for one, leaves no frame and no style that calculates.
    bare = re.sub(r"(?s)<iframe.*</iframe>|[a-z-]+:[^;\"]*calc[^;\"]*;?", "", view._repr_html_())
    words = without_scripts("map").replace("'", "&#x27;")
    assert re.sub(r' style="[^"]*"', "", bare) == f"<div><p>{words}</p><div></div></div>"
    assert "absolute" not in bare and "height" not in bare


def test_a_title_cannot_end_the_script_or_the_attribute(browser):
    title = '</script><script>alert("1")</script>" onload="alert(2) & <b>'
    with shown(browser, make(title=title)) as view:
        assert view.frame.locator("h1").inner_text() == title
        assert view.page.locator("iframe").get_attribute("title") == title
        assert view.page.locator("iframe").get_attribute("onload") is None


def test_the_page_names_no_host():
    assert not re.search(r"https?:|src=|href=|url\(|@import|XMLHttp", make(images=IMAGES).page)


def test_the_page_is_forbidden_to_load_anything(browser):
    page = browser.new_page()
    ask = "fetch('data:,x').then(() => 'came', () => 'refused')"
    assert page.evaluate(ask) == "came"
    page.set_content(make().page)
    assert page.evaluate(ask) == "refused"
    page.close()


# What comes in ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"codes": np.zeros((60, 3))}, r"codes must have shape \(n, 2\), not \(60, 3\)"),
        (
            {"codes": np.zeros((0, 2)), "labels": []},
            r"codes must hold at least one number; the shape is \(0, 2\)",
        ),
        ({"codes": np.full((60, 2), np.nan)}, "Input codes contains NaN"),
        ({"labels": LABELS[1:]}, r"labels must be .* shape \(60,\) as codes ask"),
        ({"labels": LABELS + 1}, "labels must be from 0 to 9"),
        ({"labels": LABELS + 0.5}, "labels must be integers in one row"),
        ({"images": IMAGES[1:]}, r"images has the shape \(59, 4, 4\).* need \(60, 16\)"),
        ({"images": IMAGES[:, 1:]}, r"images has the shape \(60, 3, 4\)"),
        ({"images": 255 * IMAGES}, r"images must be grey levels in \[0, 1\], such as pixels / 255"),
        ({"images": np.full_like(IMAGES, np.nan)}, "Input images contains NaN"),
        ({"codes": CODES + 0j}, "codes must hold real numbers, not complex64"),
        ({"codes": np.full((60, 2), 1e300)}, "Input codes contains infinity"),
        ({"labels": list("0123456789" * 6)}, "labels must be integers in one row, .* not <U1"),
        ({"labels": LABELS - 1}, "labels must be from 0 to 9"),
        ({"labels": np.eye(10)[LABELS]}, r"labels must be .* in shape \(60, 10\)"),
        ({"images": IMAGES.astype(str)}, "images must hold real numbers, not <U"),
        ({"limits": (1, -1)}, "limits must be the lower value, then the higher"),
        ({"limits": (-1, np.inf)}, "Input limits contains infinity"),
        ({"limits": [(-1, 1), (-1, 1)]}, r"limits must have shape \(2,\)"),
        ({"decoder": chain(layers.Dense(15))}, "decoder draws 15 pixels; .* square"),
        (
            {"decoder": keras.Sequential([keras.Input((3,)), layers.Dense(16)])},
            "decoder takes .*; the map needs",
        ),
    ],
)
def test_arguments_are_checked_and_errors_name_the_remedy(changed, message):
    with pytest.raises(ValueError, match=message):
        make(**changed)


def test_a_decoder_that_draws_nothing_is_refused():
    decoder = dense()
    decoder.set_weights([np.full_like(weight, np.nan) for weight in decoder.get_weights()])
    with pytest.raises(ValueError, match="decoder draws NaN or infinite values; train it anew"):
        make(decoder)


def test_a_model_without_decoder_is_refused():
    for wrong in (dense(), only(None)):
        with pytest.raises(TypeError, match="without a decoder; pass what models.join"):
            latent_explorer(wrong, CODES, LABELS)


def test_a_title_that_could_not_be_shown_is_refused_at_once():
    with pytest.raises(TypeError, match="title is 5; pass a string"):
        make(title=5)


def test_a_pandas_index_changes_nothing():
    mixed = np.random.default_rng(2).permutation(COUNT)
    decoder, flat = dense(), IMAGES.reshape(COUNT, -1)
    indexed = make(
        decoder,
        pd.DataFrame(CODES, index=mixed),
        pd.Series(LABELS, index=mixed),
        images=pd.DataFrame(flat, index=mixed),
    )
    assert indexed.page == make(decoder, images=flat).page


def test_flat_and_square_images_are_the_same():
    decoder = dense()
    flat = make(decoder, images=IMAGES.reshape(COUNT, -1))
    assert flat.page == make(decoder, images=IMAGES).page


# The decoder --------------------------------------------------------------------------------------


class Plain(keras.Model):
    """A decoder that is neither sequential nor functional."""

    def __init__(self) -> None:
        super().__init__()
        self.only = layers.Dense(SIDE**2, "sigmoid")

    def call(self, codes):
        """Draw what one layer draws."""
        return self.only(codes)


class Mirrored(Plain):
    """A decoder that does something else between its layers."""

    def call(self, codes):
        """Draw what one layer draws from the code on the other side."""
        return self.only(-codes)


def skipping() -> keras.Model:
    """Return a decoder whose layers do not stand one behind the other."""
    z = keras.Input((2,))
    h = layers.Dense(8, "tanh")(z)
    return lively(keras.Model(z, layers.Dense(SIDE**2, "sigmoid")(layers.Add()([h, h]))))


def shared() -> keras.Model:
    """Return a functional decoder whose layers another model uses too."""
    decoder = keras.Sequential([keras.Input((2,)), layers.Dense(8, "elu")])
    last = layers.Dense(SIDE**2, "sigmoid")
    last(keras.Input((8,)))
    z = keras.Input((2,))
    return lively(keras.Model(z, last(decoder(z))))


def built(model: keras.Model) -> keras.Model:
    """Return a model that has seen its first codes."""
    model(CODES)
    return lively(model)


def too_large() -> keras.Model:
    """Return a decoder with a weight past half precision that its image does not show."""
    decoder = dense()
    weights = decoder.get_weights()
    weights[0][0, 0] = 1e5
    decoder.set_weights(weights)
    return decoder


def small_kernel() -> keras.Model:
    """Return a decoder of a dense layer that works on the last axis of a picture."""
    return chain(
        layers.Dense(8, "tanh"),
        layers.Reshape((4, 2)),
        layers.Dense(4, "sigmoid"),
        layers.Flatten(),
    )


EXACT: dict[str, Callable[[], keras.Model]] = {
    "tanh, sigmoid": dense,
    "relu, linear": lambda: dense("relu", "linear"),
    "softplus, tanh": lambda: dense("softplus", "tanh"),
    "elu, leaky relu": lambda: dense("elu", "leaky_relu"),
    "no bias": lambda: chain(layers.Dense(8, "tanh"), layers.Dense(16, use_bias=False)),
    "activations as layers": lambda: chain(
        layers.Dense(8),
        layers.LeakyReLU(0.1),
        layers.Dense(8),
        layers.ELU(0.5),
        layers.Dense(8),
        layers.ReLU(),
        layers.Dense(16),
        layers.Activation("sigmoid"),
    ),
    "layers for training and shape": lambda: chain(
        layers.Dense(8, "relu"),
        layers.Dropout(0.5),
        layers.GaussianNoise(1.0),
        layers.Dense(16, "sigmoid"),
        layers.Reshape((SIDE, SIDE, 1)),
    ),
    "a model in a model": shared,
    "a class of its own": lambda: built(Plain()),
}
BLENDED: dict[str, Callable[[], keras.Model]] = {
    "convolution": convolutional,
    "an activation the page does not know": lambda: dense("gelu"),
    "an activation of a known name": lambda: dense(named_tanh),
    "relu with a ceiling": lambda: chain(
        layers.Dense(8), layers.ReLU(max_value=0.5), layers.Dense(16, "sigmoid")
    ),
    "layers side by side": skipping,
    "a class of its own, mirrored": lambda: built(Mirrored()),
    "a weight past half precision": too_large,
    "a dense layer on one axis": small_kernel,
}


def named_tanh(x):
    """Return something else than the name says."""
    return keras.ops.sin(3 * x)


named_tanh.__name__ = "tanh"


def runs_itself(view: Explorer) -> bool:
    """Say whether the decoder itself runs in a page."""
    return '"steps":[]' not in view.page


def test_the_courses_decoder_runs_in_the_browser_within_a_hundredth(browser):
    decoder = lively(models.dense_autoencoder(784, (392, 28, 10, 2)).decoder, gain=8)
    codes = some_codes(200, seed=2)
    expected = decoder.predict(codes, verbose=0)
    assert np.ptp(expected, axis=0).max() > 0.5  # not one image for all codes
    with shown(browser, make(decoder)) as view:
        text = view.frame.locator(".origin").inner_text()
        assert text == "The decoder itself runs here: 319,818 weights in half precision."
        np.testing.assert_allclose(decoded(view.frame, codes), expected, rtol=0, atol=1e-2)


def test_dense_decoders_of_every_kind_run_in_the_browser(browser):
    codes = some_codes(50, seed=2)
    page = browser.new_page()
    for name, build in EXACT.items():
        decoder = build()
        view = make(decoder)
        assert runs_itself(view), name
        page.goto("about:blank")  # for a new window, too
        page.set_content(view.page)
        page.wait_for_function("() => place")
        expected = decoder.predict(codes, verbose=0).reshape(50, -1)
        assert np.ptp(expected, axis=0).max() > 0.1, name
        found = decoded(page.main_frame, codes)
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-2, err_msg=name)
    page.close()


@pytest.mark.parametrize("name", BLENDED)
def test_a_decoder_that_the_page_would_not_draw_rightly_is_not_run(name):
    assert not runs_itself(make(BLENDED[name]()))


@pytest.mark.parametrize(("stray", "runs"), [(0.008, True), (0.012, False)])
def test_a_decoder_runs_in_the_page_only_within_a_hundredth_of_a_grey_level(stray, runs):
    # Near 100 half precision keeps sixteenths only, so what is between is lost. float32 keeps it.
    decoder = keras.Sequential([keras.Input((2,)), layers.Dense(1), layers.Dense(SIDE**2)])
    decoder.set_weights(
        [np.zeros((2, 1)), np.full(1, 100 + stray), np.ones((1, SIDE**2)), np.full(SIDE**2, -99.5)]
    )
    assert runs_itself(make(decoder)) == runs


def test_another_decoder_is_blended_from_its_images(browser):
    decoder = convolutional()
    nodes = np.linspace(-1, 1, GRID)
    codes = np.stack(np.meshgrid(nodes, nodes), axis=-1).reshape(-1, 2)
    expected = decoder.predict(codes, verbose=0).reshape(len(codes), -1)
    with shown(browser, make(decoder, limits=(-1, 1))) as view:
        assert "24 × 24 images" in view.frame.locator(".origin").inner_text()
        # At the nodes a byte's rounding is all that differs; midway it is the mean of four.
        found = decoded(view.frame, codes)
        np.testing.assert_allclose(found, expected, rtol=0, atol=0.5 / 255 + 1e-6)
        corners = found.reshape(GRID, GRID, -1)[4:6, 7:9].mean(axis=(0, 1))
        middle = np.array([[nodes[7:9].mean(), nodes[4:6].mean()]])
        np.testing.assert_allclose(decoded(view.frame, middle)[0], corners, rtol=0, atol=1e-5)


# On the map ---------------------------------------------------------------------------------------


def closest(z: np.ndarray, codes: np.ndarray = CODES) -> tuple[int, float]:
    """Return the number of the nearest code and its distance."""
    distances = np.linalg.norm(codes - z, axis=1)
    return int(distances.argmin()), distances.min()


@pytest.mark.parametrize("images", [None, IMAGES])
def test_the_pointer_shows_the_decoded_and_the_nearest_digit(browser, images):
    decoder = dense()
    with shown(browser, make(decoder, images=images, limits=(-1, 1))) as view:
        for wanted in [(0.31, -0.42), (-0.87, 0.64), (0.05, 0.93)]:
            view.page.mouse.move(*view.at(wanted))
            z = place(view.frame)
            np.testing.assert_allclose(z, wanted, atol=0.01)
            drawn = decoder.predict(np.array([z, *CODES]), verbose=0)
            n, far = closest(z)
            np.testing.assert_allclose(picture(view.frame, ".large"), drawn[0], atol=0.02)
            small = drawn[1 + n] if images is None else np.rint(15 * images[n].ravel()) / 15
            np.testing.assert_allclose(picture(view.frame, ".small"), small, atol=0.02)
            assert view.frame.locator(".nearest b").inner_text() == str(LABELS[n])
            assert f"distance {far:.2f}" in view.frame.locator(".nearest").inner_text()
            written = f"z = ({z[0]:.2f}, {z[1]:.2f})".replace("-", "−")
            assert view.frame.locator(".code span >> nth=1").inner_text() == written


def test_every_code_is_a_point_and_every_digit_is_written_amid_its_own(browser):
    corners = [(-0.8, -0.8), (-0.8, 0.8), (0.8, -0.8), (0.8, 0.8)]
    view = make(codes=np.array(corners), labels=np.array([0, 0, 7, 7]), limits=(-1, 1))
    # Not in a frame: Playwright changes the pixel ratio of the outermost page only.
    page = browser.new_page(viewport={"width": 700, "height": 600}, device_scale_factor=2)
    page.set_content(view.page)
    page.locator(".large[aria-label]").wait_for()
    page.mouse.move(*at(page.main_frame, (0.3, 0.1)))
    assert page.evaluate("map.width === 2 * map.clientWidth")
    pixels = canvas(page.main_frame, ".map").astype(float)
    places = page.evaluate("z => z.map(([z1, z2]) => [2 * x(z1), 2 * y(z2)])", corners)
    points, names = (
        np.array([[int(colour[i : i + 2], 16) for i in (1, 3, 5)] for colour in colours])
        for colours in (hexadecimals(page.main_frame, f) for f in ("pointColour", "nameColour"))
    )
    page.close()
    for (x, y), digit in zip(places[:3], (0, 0, 7), strict=True):  # the fourth carries a ring
        seen = pixels[int(y), int(x)]
        np.testing.assert_allclose(seen, 0.65 * points[digit] + 0.35 * 255, atol=2)
    (west, south), (east, north) = places[0], places[3]
    sides = {
        digit: pixels[int(north) + 20 : int(south) - 20, int(x) - 30 : int(x) + 30]
        for digit, x in ((0, west), (7, east), (None, (west + east) / 2))
    }
    for digit in (0, 7):
        written = {side: abs(part - names[digit]).max(axis=2) < 3 for side, part in sides.items()}
        assert [side for side, ink in written.items() if ink.sum() > 50] == [digit]
        middle = np.flatnonzero(written[digit].any(axis=1)).mean()
        assert abs(middle - len(sides[digit]) / 2) < 5  # halfway between its two codes


def test_it_opens_on_the_first_digit(browser):
    with shown(browser, make(images=IMAGES)) as view:
        np.testing.assert_allclose(place(view.frame), CODES[0], atol=1e-6)
        np.testing.assert_allclose(
            picture(view.frame, ".small"), np.rint(15 * IMAGES[0].ravel()) / 15, atol=0.02
        )


def test_without_limits_all_codes_lie_on_a_map_of_one_scale(browser):
    codes = CODES * [30, 4] + [100, 0]
    with shown(browser, make(codes=codes)) as view:
        (west, east), (south, north) = view.frame.evaluate("facts.limits")
        assert east - west == pytest.approx(north - south)
        assert west < codes[:, 0].min() and codes[:, 0].max() < east
        assert south < codes[:, 1].min() and codes[:, 1].max() < north
        ticks = view.frame.evaluate("facts.ticks[0]")
        assert 3 <= len(ticks) <= 8 and min(ticks) >= west and max(ticks) <= east


def test_points_and_names_have_the_colours_of_the_course(browser):
    with shown(browser, make()) as view:
        assert view.frame.evaluate("facts.colours") == list(plots.DIGIT_COLOURS)
        hexadecimal = [hexadecimals(view.frame, "pointColour")[digit] for digit in range(10)]
        assert hexadecimal == [colour.lower() for colour in plots.DIGIT_COLOURS]
        names = view.frame.evaluate("facts.names")
    expected = plots.name_places(CODES, LABELS)
    assert {int(digit): tuple(z) for digit, z in names.items()} == {
        digit: tuple(z) for digit, z in expected.items()
    }


def test_arrow_keys_move_in_small_and_large_steps(browser):
    with shown(browser, make(limits=(-1, 1))) as view:
        view.page.mouse.move(*view.at((0, 0)))
        tab_to(view, ".map")
        assert view.frame.evaluate("getComputedStyle(map).outlineStyle") == "solid"
        z = place(view.frame)
        for key, direction in KEYS.items():
            for press, length in ((key, 0.02), (f"Shift+{key}", 0.2)):
                view.page.keyboard.press(press)
                z = z + length * np.array(direction)
                np.testing.assert_allclose(place(view.frame), z, atol=1e-9)
        for _ in range(12):
            view.page.keyboard.press("Shift+ArrowLeft")
        assert place(view.frame)[0] == -1  # and no further


# A line -------------------------------------------------------------------------------------------


def drag(view: SimpleNamespace, start: tuple[float, float], end: tuple[float, float]) -> None:
    """Press the mouse at one code, let it go at another."""
    view.page.mouse.move(*view.at(start))
    view.page.mouse.down()
    view.page.mouse.move(*view.at(np.mean([start, end], axis=0)))
    view.page.mouse.move(*view.at(end))
    view.page.mouse.up()


def control(view: SimpleNamespace):
    """Return the one button."""
    return view.frame.get_by_role("button")


def test_a_drag_plays_the_line_back_and_forth(browser):
    start, end = np.array([-0.8, -0.5]), np.array([0.6, 0.4])
    with shown(browser, make(limits=(-1, 1)), width=700) as view:
        # The line's own clock: what it shows at a time of its own, in milliseconds.
        view.frame.evaluate(
            """() => {
                window.ticks = [];
                window.requestAnimationFrame = (tick) => ticks.push(tick);
                window.turn = (now) => ticks.splice(0).forEach((tick) => tick(now));
            }"""
        )
        drag(view, start, end)
        expect(control(view)).to_have_text("Stop")
        for now, share in ((0, 0), (1250, 0.5), (2500, 1), (3750, 0.5), (5000, 0), (5625, 0.1464)):
            view.frame.evaluate("turn", now)
            wanted = start + share * (end - start)
            np.testing.assert_allclose(place(view.frame), wanted, atol=0.01)
            assert float(view.frame.get_by_role("slider").input_value()) == pytest.approx(
                share, abs=0.006
            )
        view.page.mouse.move(*view.at((0.9, -0.9)))  # on the way to the slider, say
        expect(control(view)).to_have_text("Stop")
        control(view).click()
        expect(control(view)).to_have_text("Start a line here")
        view.frame.evaluate("turn", 7500)
        assert view.frame.evaluate("ticks.length") == 0


def test_a_line_plays_by_itself(browser):
    with shown(browser, make(limits=(-1, 1))) as view:
        drag(view, (-0.8, 0), (0.8, 0))
        before = place(view.frame)
        view.frame.wait_for_function("z => place[0] > z + 0.1", arg=before[0])


def test_the_strip_shows_the_line_from_end_to_end(browser):
    decoder = chain(layers.Dense(SIDE**2, "sigmoid"))  # changes all the way
    start, end = np.array([-0.8, -0.5]), np.array([0.6, 0.4])
    with shown(browser, make(decoder, limits=(-1, 1))) as view:
        drag(view, start, end)
        ends = np.array(view.frame.evaluate("[line.from, line.to]"))
        np.testing.assert_allclose(ends, [start, end], atol=0.01)
        strip = picture(view.frame, ".strip").reshape(SIDE, -1)
    drawn = decoder.predict(ends, verbose=0).reshape(2, SIDE, SIDE)
    np.testing.assert_allclose(strip[:, :SIDE], drawn[0], atol=0.02)
    np.testing.assert_allclose(strip[:, -SIDE:], drawn[1], atol=0.02)


@pytest.mark.parametrize("way", ["Escape", "press"])
def test_a_line_goes_at_escape_or_a_press(browser, way):
    with shown(browser, make(limits=(-1, 1))) as view:
        drag(view, (-0.8, 0), (0.8, 0))
        if way == "Escape":
            view.page.keyboard.press("Escape")
        else:
            view.page.mouse.click(*view.at((0.1, 0.2)))
            np.testing.assert_allclose(place(view.frame), (0.1, 0.2), atol=0.01)
        expect(control(view)).to_have_text("Start a line here")
        assert not view.frame.get_by_role("slider").is_visible()
        view.page.mouse.move(*view.at((0.5, 0.5)))  # the pointer explores again
        np.testing.assert_allclose(place(view.frame), (0.5, 0.5), atol=0.01)


def test_a_click_draws_no_line(browser):
    with shown(browser, make(limits=(-1, 1))) as view:
        view.page.mouse.move(*view.at((0.1, 0.2)))
        view.page.mouse.down()
        x, y = view.at((0.1, 0.2))
        view.page.mouse.move(x + 2, y + 2)  # as hands do
        view.page.mouse.up()
        expect(control(view)).to_have_text("Start a line here")


def test_a_line_can_be_drawn_on_the_keyboard(browser):
    with shown(browser, make(limits=(-1, 1))) as view:
        view.page.mouse.move(*view.at((0, 0)))
        tab_to(view, ".map")
        origin = place(view.frame)
        view.page.keyboard.press("Enter")
        expect(control(view)).to_have_text("End it here")
        view.page.keyboard.press("Shift+ArrowRight")
        view.page.keyboard.press("Enter")
        expect(control(view)).to_have_text("Stop")
        ends = np.array(view.frame.evaluate("[line.from, line.to]"))
        np.testing.assert_allclose(ends, [origin, origin + np.array([0.2, 0])], atol=1e-9)
        view.page.keyboard.press("Escape")
        view.page.keyboard.press("Enter")
        view.page.keyboard.press("Enter")  # ends where it starts: no line
        expect(control(view)).to_have_text("Start a line here")


def test_the_slider_stops_the_play_and_leads_along_the_line(browser):
    with shown(browser, make(limits=(-1, 1))) as view:
        drag(view, (-0.8, 0.4), (0.8, 0.4))
        slider = view.frame.get_by_role("slider", name="Place on the line")
        slider.fill("0.75")
        np.testing.assert_allclose(place(view.frame), (0.4, 0.4), atol=0.015)
        view.page.wait_for_timeout(200)
        np.testing.assert_allclose(place(view.frame), (0.4, 0.4), atol=0.015)
        expect(control(view)).to_have_text("Take the line away")
        slider.press("Escape")
        assert view.frame.evaluate("document.activeElement === map")


def test_nothing_moves_by_itself_for_those_who_asked_for_rest(browser):
    with shown(browser, make(limits=(-1, 1)), reduced_motion="reduce") as view:
        drag(view, (-0.8, 0.4), (0.8, 0.4))
        view.page.wait_for_timeout(200)
        np.testing.assert_allclose(place(view.frame), (-0.8, 0.4), atol=0.01)
        view.frame.get_by_role("slider").press("ArrowRight")
        np.testing.assert_allclose(place(view.frame), (-0.784, 0.4), atol=0.01)


def test_a_finger_explores_and_the_button_draws(browser):
    with shown(browser, make(limits=(-1, 1)), width=390, has_touch=True, is_mobile=True) as view:
        finger = view.page.context.new_cdp_session(view.page)

        def slide(*stops: tuple[float, float]) -> None:
            for number, (x, y) in enumerate(map(view.at, stops)):
                kind = "touchMove" if number else "touchStart"
                points = [{"x": x, "y": y}]
                finger.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
            view.page.wait_for_timeout(100)  # at rest, or Chromium takes the next tap for a brake
            finger.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})

        slide((-0.5, 0.5), (0, 0), (0.3, -0.2))
        np.testing.assert_allclose(place(view.frame), (0.3, -0.2), atol=0.02)
        expect(control(view)).to_have_text("Start a line here")
        control(view).tap()
        expect(control(view)).to_have_text("End it here")
        slide((0.3, -0.2), (-0.4, 0.6))
        control(view).tap()
        expect(control(view)).to_have_text("Stop")
        ends = view.frame.evaluate("[line.from, line.to]")
        np.testing.assert_allclose(ends, [(0.3, -0.2), (-0.4, 0.6)], atol=0.02)
        control(view).tap()
        expect(control(view)).to_have_text("Start a line here")


# For every reader ---------------------------------------------------------------------------------


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_all_text_stands_out_by_day_and_by_night(browser, scheme):
    with shown(browser, make(title="T"), color_scheme=scheme) as view:
        paper = view.frame.evaluate("css('--paper')")
        assert (luminance(paper) > 0.9) == (scheme == "light")
        back = view.frame.evaluate("getComputedStyle(document.body).backgroundColor")
        assert back == view.frame.evaluate("`rgb(${rgb(css('--paper')).join(', ')})`")
        for name in ("--ink", "--soft", "--focus"):
            assert contrast(view.frame.evaluate("name => css(name)", name), paper) >= 4.5
        used = view.frame.evaluate(
            """() => [...document.querySelectorAll("h1, p, b, span, button")].map(
                (element) => getComputedStyle(element).color.match(/\\d+/g).join(" "))"""
        )
        inks = view.frame.evaluate("['--ink', '--soft'].map((name) => rgb(css(name)).join(' '))")
        assert set(used) == set(inks)
        for colour in hexadecimals(view.frame, "nameColour"):
            assert contrast(colour, paper) >= 4.5


def test_points_stay_distinct_at_night(browser):
    with shown(browser, make(), color_scheme="dark") as view:
        colours = hexadecimals(view.frame, "pointColour")
        paper = view.frame.evaluate("css('--paper')")
    assert min(contrast(colour, paper) for colour in colours) >= 2
    for vision in VISION:
        places = lab(colours, vision)
        apart = np.linalg.norm(places[:, None] - places, axis=2) + 99 * np.eye(10)
        assert apart.min() > 12, vision


def test_the_map_follows_when_night_falls(browser):
    with shown(browser, make(), color_scheme="light") as view:
        light = view.frame.evaluate("map.toDataURL()")
        view.page.emulate_media(color_scheme="dark")
        view.frame.wait_for_function("() => css('--paper') !== '#ffffff'")
        view.frame.wait_for_function("before => map.toDataURL() !== before", arg=light)
        names = hexadecimals(view.frame, "nameColour")
        assert luminance(names[9]) > 0.6  # the near-black of the 9 is near-white now


def test_everything_has_a_name(browser):
    with shown(browser, make(title="Ten digits", images=IMAGES)) as view:
        assert view.page.get_by_title("Ten digits").count() == 1
        frame = view.frame
        assert frame.get_by_role("application", name="Map of 60 codes, coloured by digit").count()
        assert "arrows" in frame.locator("#keys").inner_text()
        assert frame.locator(".map").get_attribute("aria-describedby") == "keys"
        drag(view, (-0.8, 0), (0.8, 0))
        for name in ("What the decoder draws at", "The nearest real digit", "decoder draws from"):
            assert frame.get_by_role("img", name=name).count() == 1, name
        unnamed = "canvas:not([aria-label]), input:not([aria-label]), button:empty"
        assert frame.locator(unnamed).count() == 0
    assert make()._repr_html_().count('<iframe title="Latent explorer"') == 1


def test_a_place_is_read_out_once_it_is_reached(browser):
    with shown(browser, make(images=IMAGES, limits=(-1, 1))) as view:
        view.frame.evaluate(
            """() => {
                window.heard = [];
                new MutationObserver(() => heard.push(find("[aria-live]").textContent))
                    .observe(find("[aria-live]"), {childList: true});
            }"""
        )
        tab_to(view, ".map")
        for _ in range(5):
            view.page.keyboard.press("Shift+ArrowUp")
        view.frame.wait_for_function("() => heard.length")
        z = place(view.frame)
        label = LABELS[closest(z)[0]]
        text = f"z ({z[0]:.2f}, {z[1]:.2f}); nearest digit {label}".replace("-", "−")
        assert view.frame.evaluate("heard") == [text]


@pytest.mark.parametrize("title", ["", "Ten digits in a square, and what lies between them"])
def test_the_frame_fits_its_page_without_a_scrollbar(browser, title):
    with shown(browser, make(title=title, images=IMAGES)) as view:
        for width in (320, 350, 390, 480, 481, 560, 700, 1000):
            view.page.set_viewport_size({"width": width, "height": 900})
            assert overflow(view.frame) == [], width
            drag(view, CODES.min(axis=0), CODES.max(axis=0))
            assert overflow(view.frame) == [], width
            control(view).click()


def test_several_explorers_live_on_one_page(browser):
    with browser.new_context(viewport={"width": 700, "height": 1400}) as context:
        page = context.new_page()
        page.set_content(make(title="one")._repr_html_() + make(title="two")._repr_html_())
        frames = page.frames[1:]
        for frame in frames:
            frame.wait_for_function("() => place")
        before = place(frames[1])
        page.mouse.move(*at(frames[0], (0.2, 0.3)))
        np.testing.assert_allclose(place(frames[0]), (0.2, 0.3), atol=0.02)
        np.testing.assert_allclose(place(frames[1]), before)


def test_it_survives_being_folded_away(browser):
    with shown(browser, make()) as view:
        for width in ("0", "100%"):
            view.page.locator("div >> nth=1").evaluate(
                "(box, width) => { box.parentNode.style.width = width; }", width
            )
            view.page.wait_for_timeout(100)
        assert view.frame.evaluate("[map.width, ground.width]") == [399, 399]


def test_an_old_browser_says_so(browser):
    page = browser.new_page()
    page.evaluate("() => { delete window.DecompressionStream; }")
    page.set_content(make().page)
    page.wait_for_function("() => find('.origin').textContent.includes('2023')")
    page.close()
