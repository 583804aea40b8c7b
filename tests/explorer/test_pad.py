"""A pad brings drawings into MNIST's form, and its nets answer as Keras does."""

from types import SimpleNamespace

from aelib import data, layers, models
from aelib.explorer import Explorer, anomaly_pad, drawing_pad
from browsing import contrast, hexadecimals, lively, overflow, shown, tab_to
import keras
from keras.layers import Conv2DTranspose, Dense, Reshape
import numpy as np
from playwright.sync_api import expect
import pytest
from scipy.spatial.distance import cdist

# What is shown ------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def digits() -> SimpleNamespace:
    """Return test digits, as many as the maps below show, and their labels."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AELIB_PROFILE", "quick")
        loaded = data.load_mnist()
    few = slice(120)
    return SimpleNamespace(x=loaded.x_test[few].reshape(-1, 784), y=loaded.y_test[few])


@pytest.fixture(scope="module")
def nets() -> dict[str, models.Autoencoder]:
    """Return a net for each thing a pad can do, the first with kernels as large as the course's."""
    plain = models.dense_autoencoder(784, (300, 2), hidden="relu")
    small = models.dense_autoencoder(784, (32, 2), hidden="relu", code=None, output="tanh")
    cloud = models.variational_autoencoder(784, (32, 2))
    wide = models.dense_autoencoder(784, (32, 16), hidden="relu", code=None)
    found = {"nearest": plain, "noise": small, "cloud": cloud, "anomaly": wide}
    for net in found.values():
        lively(net.model, 1)
    without_bias = [2 * w * (w.ndim > 1) for w in plain.model.get_weights()]
    plain.model.set_weights(without_bias)  # so that its codes lie apart
    return found


def make(does: str, nets: dict, digits: SimpleNamespace, **options) -> Explorer:
    """Return a pad."""
    if does == "anomaly":
        names, level = ("eights", "other digits"), np.median(errors(nets[does], digits))
        return anomaly_pad(nets[does], digits.x, digits.y == 8, level, names=names, **options)
    if does == "noise":
        options = {"noise": 0.5} | options
    return drawing_pad(nets[does], digits.x, digits.y, **options)


def errors(net: models.Autoencoder, digits: SimpleNamespace) -> np.ndarray:
    """Return each digit's squared error."""
    return np.mean((digits.x - net.model(digits.x).numpy()) ** 2, axis=1)


DOES = ("nearest", "noise", "cloud", "anomaly")


def now(view: SimpleNamespace) -> dict[str, np.ndarray]:
    """Return what the page says now."""
    found = view.frame.evaluate(
        """() => Object.fromEntries(Object.entries(shown).map(([name, value]) =>
            [name, value instanceof Float32Array ? Array.from(value) : value]))"""
    )
    return {name: np.array(value) for name, value in found.items() if name not in ("row", "answer")}


def answer(view: SimpleNamespace) -> str:
    """Return the sentence below the pictures."""
    return view.frame.locator(".answer").inner_text().replace("−", "-")


def press_next(view: SimpleNamespace) -> None:
    """Ask for another real digit."""
    view.frame.get_by_role("button", name="Next test digit").click()


def predict(model: keras.Model, inputs: np.ndarray) -> np.ndarray:
    """Return what Keras answers to one input."""
    return keras.ops.convert_to_numpy(model(inputs[None].astype(np.float32)))[0]


# The nets in the page -----------------------------------------------------------------------------


def test_a_digit_lies_on_the_map_and_comes_back_as_keras_says(browser, nets, digits):
    net = nets["nearest"]
    codes = keras.ops.convert_to_numpy(net.encoder(digits.x))
    assert np.ptp(codes, axis=0).min() > 0.2  # not one code for all
    with shown(browser, make("nearest", nets, digits)) as view:
        width = view.frame.evaluate("east - west")
        for n in range(4):
            found = now(view)
            np.testing.assert_allclose(found["seen"], digits.x[n], rtol=0, atol=1e-6)
            np.testing.assert_allclose(found["z"], codes[n], rtol=0, atol=0.01 * width)
            restored = predict(net.decoder, codes[n])
            assert np.abs(found["restored"] - restored).mean() < 0.01
            error = np.mean((digits.x[n] - restored) ** 2)
            assert abs(found["error"] - error) < 0.005
            assert f"squared error {found['error']:.4f}" in answer(view)
            far = np.linalg.norm(codes - found["z"], axis=1)
            np.testing.assert_allclose(far[found["near"]], np.sort(far)[:3], atol=1e-6)
            captions = view.frame.locator("figcaption").all_inner_texts()
            expected = [f"a {digits.y[k]} at {far[k]:.3f}" for k in found["near"]]
            assert captions == ["seen", "restored", *expected]
            press_next(view)


def test_noise_is_gaussian_and_the_restored_digit_is_keras_s(browser, nets, digits):
    net = nets["noise"]
    with shown(browser, make("noise", nets, digits)) as view:
        grain = np.array(view.frame.evaluate("Array.from(gaussian(20000, 3))"))
        assert abs(grain.mean()) < 0.03 and abs(grain.std() - 1) < 0.03
        assert abs(np.mean(np.abs(grain) < 1) - 0.683) < 0.02
        for level in (0.5, 0.2, 0):
            view.frame.get_by_role("slider", name="Noise").fill(str(level))
            found = now(view)
            grain = np.array(view.frame.evaluate("Array.from(gaussian(784, seed))"))
            noisy = np.clip(digits.x[0] + level * grain, 0, 1)
            np.testing.assert_allclose(found["noisy"], noisy, atol=1e-6)
            z = predict(net.encoder, noisy)
            np.testing.assert_allclose(found["z"], z, rtol=0, atol=0.02)
            np.testing.assert_allclose(found["clean"], predict(net.encoder, digits.x[0]), atol=0.02)
            np.testing.assert_allclose(found["restored"], predict(net.decoder, z), atol=0.02)
            assert found["before"] == pytest.approx(np.mean((digits.x[0] - noisy) ** 2), abs=1e-6)
            assert answer(view).startswith(f"Noise of {level:.2f}: squared error")
        assert found["before"] == 0
        view.frame.get_by_role("slider", name="Noise").fill("0.5")
        before = now(view)["noisy"]
        view.frame.get_by_role("button", name="New noise").click()
        assert np.abs(now(view)["noisy"] - before).mean() > 0.1


def test_a_cloud_has_the_mean_the_spread_and_the_kl_of_keras(browser, nets, digits):
    net = nets["cloud"]
    mean, log_variance = (keras.ops.convert_to_numpy(x) for x in net.posterior(digits.x))
    with shown(browser, make("cloud", nets, digits)) as view:
        for n in range(3):
            found = now(view)
            np.testing.assert_allclose(found["z"], mean[n], rtol=0, atol=0.01)
            deviation = np.exp(log_variance[n] / 2)
            np.testing.assert_allclose(found["deviation"], deviation, rtol=0, atol=0.01)
            kl = np.sum(layers.kl_to_standard_normal(mean[n], log_variance[n]))
            assert found["kl"] == pytest.approx(kl, rel=0.02)
            grain = np.array(view.frame.evaluate("Array.from(gaussian(12, seed))")).reshape(6, 2)
            np.testing.assert_allclose(found["draws"], found["z"] + found["deviation"] * grain)
            drawn = view.frame.evaluate("Array.from(shown.row[3][1])")
            np.testing.assert_allclose(drawn, predict(net.decoder, found["draws"][1]), atol=0.01)
            press_next(view)


def test_an_error_takes_its_place_among_those_of_the_test_digits(browser, nets, digits):
    all_errors = errors(nets["anomaly"], digits)
    eights, others = all_errors[digits.y == 8], all_errors[digits.y != 8]
    threshold = np.median(all_errors)
    verdicts = set()
    with shown(browser, make("anomaly", nets, digits)) as view:
        for n in range(8):
            found = now(view)
            assert found["error"] == pytest.approx(all_errors[n], abs=1e-3)
            below = [np.sum(sort < found["error"]) for sort in (eights, others)]
            np.testing.assert_allclose(found["below"], below, atol=1)  # itself by rounding
            strange = found["error"] > threshold
            verdict = ": called an anomaly" if strange else ": not called an anomaly"
            assert verdict in answer(view)
            verdicts.add(verdict)
            press_next(view)
        bars = np.array(view.frame.evaluate("facts.bars"))
    assert len(verdicts) == 2
    np.testing.assert_array_less(0.98, bars.sum(axis=1))  # nearly all of the images


def test_large_kernels_take_a_byte_a_weight_and_small_ones_two(nets, digits):
    facts = make("nearest", nets, digits).page
    assert '"rows":784,"columns":300,"activation":"relu","slope":[],"coarse":true' in facts
    assert '"rows":300,"columns":2,"activation":"tanh","slope":[]}' in facts
    assert '"rows":300,"columns":784,"activation":"sigmoid","slope":[],"coarse":true' in facts


def test_the_page_says_how_far_it_strays(browser, nets, digits):
    with shown(browser, make("anomaly", nets, digits)) as view:
        text = view.frame.locator(".origin").inner_text()
        stray = view.frame.evaluate("facts.stray")
    assert f"within {stray:.9f}".rstrip("0") in text and "52,064 weights" in text
    assert 0 < stray < 0.01


# From strokes to a picture ------------------------------------------------------------------------


def ink(lines: list[np.ndarray], pen: float, edge: float) -> np.ndarray:
    """Return strokes as a picture, by the distance of each pixel from each of their lines."""
    pixels = np.stack(np.meshgrid(np.arange(28), np.arange(28)), axis=-1).reshape(-1, 2)
    far = np.full(784, np.inf)
    for line in lines:
        for start, end in zip(line, [*line[1:], line[-1]], strict=True):
            share = np.linspace(0, 1, 400)[:, None, None]
            points = start + share * (end - start)
            far = np.minimum(far, np.linalg.norm(pixels - points, axis=2).min(axis=0))
    return np.clip(((pen + edge) / 2 - far) / edge, 0, 1)


def middle(picture: np.ndarray) -> np.ndarray:
    """Return a picture's centre of mass."""
    down, right = np.mgrid[:28, :28]
    square = picture.reshape(28, 28)
    return np.array([(square * right).sum(), (square * down).sum()]) / square.sum()


SEVEN = [[(0.3, 0.2), (0.7, 0.2), (0.45, 0.8)], [(0.35, 0.5), (0.6, 0.5)]]


def pictured(view: SimpleNamespace, lines: list) -> np.ndarray:
    """Return the page's picture of strokes."""
    return np.array(view.frame.evaluate("lines => Array.from(picture(lines))", lines))


def test_strokes_come_into_mnist_s_form(browser, nets, digits):
    with shown(browser, make("anomaly", nets, digits)) as view:
        seen = pictured(view, SEVEN)
        np.testing.assert_allclose(middle(seen), 14, atol=0.1)
        rows, columns = (np.flatnonzero(seen.reshape(28, 28).max(axis=k) > 0.5) for k in (1, 0))
        assert abs(np.ptp(rows) + 1 - 20) <= 1  # the longer side fills the box
        assert np.ptp(columns) < np.ptp(rows)
        pen, edge = view.frame.evaluate("[PEN, EDGE]")
        scale = (20 - pen) / 0.6
        placed = [scale * (np.array(line) - 0.5) + 13.5 for line in SEVEN]
        moved = middle(ink(placed, pen, edge)) - 14
        expected = ink([line - moved for line in placed], pen, edge)
        np.testing.assert_allclose(seen, expected, atol=0.02)
        # Where on the pad it was drawn, and how large, makes no difference.
        half = [[(0.05 + x / 2, 0.4 + y / 2) for x, y in line] for line in SEVEN]
        np.testing.assert_allclose(pictured(view, half), seen, atol=1e-5)
        dot = pictured(view, [[(0.9, 0.1)]])
        assert 3 < dot.sum() < 9
        np.testing.assert_allclose(middle(dot), 14, atol=0.01)
        assert not pictured(view, []).any()


def test_real_digits_drawn_anew_are_like_the_real_ones(browser, nets, digits):
    traced = data.strokes(digits.x.reshape(-1, 28, 28), every=2)
    lines = []
    for steps in traced:
        steps = steps[steps.any(axis=1)]
        path = np.cumsum(steps[:, :2], axis=0) / 28 + 0.5
        ends = np.flatnonzero(steps[:, 2])[:-1] + 1
        lines.append([line.tolist() for line in np.split(path, ends)])
    with shown(browser, make("anomaly", nets, digits)) as view:
        program = "digits => digits.map((lines) => Array.from(picture(lines)))"
        drawn = np.array(view.frame.evaluate(program, lines))
    assert abs(drawn.mean() / digits.x.mean() - 1) < 0.15  # about as much ink
    grey = [np.mean((x > 0) & (x < 1)) for x in (drawn, digits.x)]
    assert abs(grey[0] / grey[1] - 1) < 0.15  # edges as soft
    far = cdist(drawn, digits.x)
    assert np.mean(digits.y[far.argmin(axis=1)] == digits.y) > 0.8


# What the reader does -----------------------------------------------------------------------------


def on_pad(view: SimpleNamespace, place: tuple[float, float]) -> tuple[float, float]:
    """Return where a place of the pad lies on the page, in CSS pixels."""
    box = view.frame.locator(".pad").bounding_box()
    return box["x"] + place[0] * box["width"], box["y"] + place[1] * box["height"]


def strokes(view: SimpleNamespace) -> list[np.ndarray]:
    """Return what has been drawn."""
    return [np.array(line) for line in view.frame.evaluate("strokes")]


def test_the_net_answers_while_the_mouse_draws(browser, nets, digits):
    with shown(browser, make("nearest", nets, digits)) as view:
        words = {answer(view)}
        for line in SEVEN:
            view.page.mouse.move(*on_pad(view, line[0]))
            view.page.mouse.down()
            for place in line[1:]:
                view.page.mouse.move(*on_pad(view, place))
                words.add(answer(view))
            view.page.mouse.up()
        view.page.mouse.move(*on_pad(view, (0.9, 0.9)))  # draws no more
        assert len(words) == 4
        drawn = strokes(view)
        assert [len(line) for line in drawn] == [3, 2]
        np.testing.assert_allclose(np.concatenate(drawn), np.concatenate(SEVEN), atol=0.01)
        np.testing.assert_allclose(now(view)["seen"], pictured(view, SEVEN), atol=0.1)
        view.frame.get_by_role("button", name="Undo").click()
        assert len(strokes(view)) == 1
        view.frame.get_by_role("button", name="Clear").click()
        assert not now(view)["seen"].any()
        press_next(view)
        np.testing.assert_allclose(now(view)["seen"], digits.x[0], atol=1e-6)


def test_keys_draw(browser, nets, digits):
    with shown(browser, make("noise", nets, digits)) as view:
        tab_to(view, ".pad")
        before = now(view)["seen"]
        view.page.keyboard.press("Shift+ArrowUp")  # the pen is up
        np.testing.assert_array_equal(now(view)["seen"], before)
        view.page.keyboard.press("Space")
        for key in ("Shift+ArrowDown", "Shift+ArrowDown", "ArrowRight", "ArrowLeft", "ArrowUp"):
            view.page.keyboard.press(key)
        view.page.keyboard.press("Space")
        view.page.keyboard.press("Shift+ArrowRight")
        path = [(0.5, 0.4), (0.5, 0.5), (0.5, 0.6), (0.52, 0.6), (0.5, 0.6), (0.5, 0.58)]
        (line,) = strokes(view)
        np.testing.assert_allclose(line, path, atol=1e-9)
        view.page.keyboard.press("Space")
        assert len(strokes(view)) == 2
        view.page.keyboard.press("Backspace")
        assert len(strokes(view)) == 1
        view.page.keyboard.press("Delete")
        assert strokes(view) == []


def test_a_finger_draws(browser, nets, digits):
    options = {"width": 390, "has_touch": True, "is_mobile": True}
    with shown(browser, make("cloud", nets, digits), **options) as view:
        finger = view.page.context.new_cdp_session(view.page)
        for kind, place in (
            ("touchStart", (0.3, 0.2)),
            ("touchMove", (0.6, 0.2)),
            ("touchMove", (0.4, 0.8)),
        ):
            x, y = on_pad(view, place)
            points = [{"x": x, "y": y}]
            finger.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
        finger.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
        (line,) = strokes(view)
        np.testing.assert_allclose(line[0], (0.3, 0.2), atol=0.02)
        np.testing.assert_allclose(line[-1], (0.4, 0.8), atol=0.02)
        assert view.page.evaluate("scrollY") == 0


# For every reader ---------------------------------------------------------------------------------


@pytest.mark.parametrize("does", DOES)
def test_the_frame_fits_its_page_and_everything_has_a_name(browser, nets, digits, does):
    with shown(browser, make(does, nets, digits, title="Draw")) as view:
        for width in (320, 390, 480, 481, 700, 1000):
            view.page.set_viewport_size({"width": width, "height": 900})
            view.frame.wait_for_function("wide => innerWidth === wide", arg=min(width, 780))
            assert overflow(view.frame) == [], width
        unnamed = "canvas:not([aria-label]), button:empty:not([hidden])"
        assert view.frame.locator(unnamed).count() == 0
        assert view.frame.get_by_role("application", name="Pad to draw a digit on").count() == 1
        assert view.frame.locator(".pad").get_attribute("aria-describedby") == "keys"
        assert view.frame.get_by_role("slider").count() == (does == "noise")
        words = "Errors of eights" if does == "anomaly" else "Map of 120 codes"
        assert view.frame.get_by_role("img", name=words).count() == 1
        assert view.page.get_by_title("Draw").count() == 1
        press_next(view)
        spoken = view.frame.locator("[aria-live]")
        expect(spoken).to_have_text(view.frame.locator(".answer").inner_text())


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_stands_out_by_day_and_by_night(browser, nets, digits, scheme):
    with shown(browser, make("anomaly", nets, digits), color_scheme=scheme) as view:
        used = view.frame.evaluate(
            """() => [...new Set([...document.querySelectorAll("p, button, figcaption")].map(
                (element) => getComputedStyle(element).color.match(/\\d+/g).join(" ")))]"""
        )
        inks = view.frame.evaluate("['--ink', '--soft'].map((name) => rgb(css(name)).join(' '))")
        assert set(used) == set(inks)
        bars = hexadecimals(view.frame, "((digit) => colour([0, 7][digit % 2], 2))")
        paper = view.frame.evaluate("css('--paper')")
        assert min(contrast(bar, paper) for bar in bars) >= 2


def test_the_same_arguments_give_the_same_bytes_and_are_drawn_anew(nets, digits):
    for does in DOES:
        one, other = (make(does, nets, digits, title="T") for _ in range(2))
        assert one._repr_html_() == other._repr_html_()
        again = Explorer.from_html(one._repr_html_())
        assert (again._repr_html_(), repr(again)) == (one._repr_html_(), repr(one))
        assert repr(one).startswith("Drawing pad “T”: a pad to draw digits on")


# What comes in ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"images": np.zeros((120, 100))}, r"images has the shape \(120, 100\); digits have"),
        ({"images": np.full((120, 784), 255.0)}, "images must be grey levels"),
        ({"labels": np.zeros(3, int)}, r"labels must be .* shape \(120,\) as images ask"),
        ({"noise": 2}, "noise is 2; pass a standard deviation from 0 to 1"),
        ({"noise": "a"}, "noise is a; pass a standard deviation from 0 to 1"),
        ({"noise": np.nan}, "noise is nan; pass a standard deviation from 0 to 1"),
        ({"limits": (1, -1)}, "limits must be the lower value, then the higher"),
    ],
)
def test_arguments_are_checked_and_errors_name_the_remedy(nets, digits, changed, message):
    given = {"images": digits.x, "labels": digits.y} | changed
    with pytest.raises(ValueError, match=message):
        drawing_pad(nets["noise"], **given)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"normal": np.ones(120)}, "normal must be true for some images and false for others"),
        ({"normal": np.ones(5)}, r"normal must have shape \(120,\)"),
        ({"threshold": 0}, "threshold is 0; pass an error above 0"),
        ({"threshold": np.inf}, "threshold is inf; pass an error above 0"),
        ({"threshold": np.nan}, "threshold is nan; pass an error above 0"),
        ({"threshold": "1"}, "threshold is 1; pass an error above 0"),
    ],
)
def test_what_is_normal_is_checked(nets, digits, changed, message):
    given = {"images": digits.x, "normal": digits.y == 8, "threshold": 0.1} | changed
    with pytest.raises(ValueError, match=message):
        anomaly_pad(nets["anomaly"], **given)


def test_nets_that_no_pad_can_show_are_refused(nets, digits):
    with pytest.raises(TypeError, match="without encoder and decoder; pass what models.join"):
        drawing_pad(nets["noise"].model, digits.x, digits.y)
    with pytest.raises(TypeError, match="title is 5; pass a string"):
        drawing_pad(nets["noise"], digits.x, digits.y, title=5)
    with pytest.raises(ValueError, match="code must have two numbers"):
        drawing_pad(nets["anomaly"], digits.x, digits.y)
    with pytest.raises(ValueError, match="noise is for autoencoders that answer with a point"):
        drawing_pad(nets["cloud"], digits.x, digits.y, noise=0.5)
    decoder = keras.Sequential(
        [
            keras.Input((2,)),
            Dense(49),
            Reshape((7, 7, 1)),
            Conv2DTranspose(1, 4, strides=4, activation="sigmoid"),
            Reshape((784,)),
        ]
    )
    convolutional = models.join(nets["noise"].encoder, decoder)
    with pytest.raises(ValueError, match="cannot run in a page; they must be dense layers"):
        drawing_pad(convolutional, digits.x, digits.y)


def test_a_net_that_would_stray_is_refused(digits):
    net = models.dense_autoencoder(784, (2,), code=None, output=None)
    offset = np.full(2, 4000.3)  # near 4,000 half precision keeps even numbers only
    first, bias, second, last = (np.zeros_like(weights) for weights in net.model.get_weights())
    net.model.set_weights([first, bias + offset, second + 1, last - 8000])
    with pytest.raises(ValueError, match=r"stray from Keras in a page: by 0\.\d{3} of a grey"):
        drawing_pad(net, digits.x, digits.y)
