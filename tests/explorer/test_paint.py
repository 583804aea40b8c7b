"""A grid of entries is decoded in the page as Keras decodes it."""

from types import SimpleNamespace

from aelib.explorer import Explorer, codebook_painter
from browsing import lively, overflow, shown, tab_to
import keras
from keras.layers import Conv2D, Conv2DTranspose, Dense
import numpy as np
from playwright.sync_api import expect
import pytest

ENTRIES, WIDTH, PLACES = 30, 4, 7
RNG = np.random.default_rng(0)
BOOK = RNG.normal(size=(ENTRIES, WIDTH)).astype("float32")
GRIDS = RNG.integers(0, ENTRIES, (3, PLACES, PLACES))
TILES = RNG.random((ENTRIES, 6, 6))
# The palette has the most frequent entry first.
ORDER = np.argsort(-np.bincount(GRIDS.ravel(), minlength=ENTRIES), kind="stable")


def chain(*hidden: keras.layers.Layer) -> keras.Model:
    """Return a lively decoder of these layers."""
    return lively(keras.Sequential([keras.Input((PLACES, PLACES, WIDTH)), *hidden]), 2)


def course() -> keras.Model:
    """Return a decoder like the course's."""
    doubling = {"strides": 2, "padding": "same", "activation": "relu"}
    return chain(
        Conv2DTranspose(8, 3, **doubling),
        Conv2DTranspose(6, 3, **doubling),
        Conv2D(1, 3, padding="same", activation="sigmoid"),
    )


def make(decoder: keras.Model | None = None, **options) -> Explorer:
    """Return a painter."""
    given = {"codebook": BOOK, "grids": GRIDS, "tiles": TILES} | options
    return codebook_painter(decoder or course(), **given)


def painted(view: SimpleNamespace) -> np.ndarray:
    """Return the entries that the page shows."""
    return ORDER[view.frame.evaluate("current")]


@pytest.mark.parametrize(
    "build",
    [
        course,
        lambda: chain(Conv2DTranspose(1, 4, strides=4, padding="same", activation="tanh")),
        lambda: chain(
            Conv2DTranspose(3, 5, strides=2, padding="same"), Conv2D(1, 4, padding="same")
        ),
    ],
)
def test_the_page_decodes_as_keras_does(browser, build):
    decoder = build()
    expected = decoder(BOOK[GRIDS]).numpy().reshape(len(GRIDS), -1)
    assert np.ptp(expected, axis=0).max() > 0.2
    with browser.new_context() as context:
        page = context.new_page()
        page.set_content(make(decoder).page)
        page.wait_for_function("() => current.length")
        for grid, image in zip(GRIDS, expected, strict=True):
            ranks = np.argsort(ORDER)[grid.ravel()]
            found = page.evaluate("grid => Array.from(decode(grid))", ranks.tolist())
            np.testing.assert_allclose(found, image, rtol=0, atol=0.01)


def middle_of(view: SimpleNamespace, canvas: str, cell: tuple[int, int], across: int, down: int):
    """Return where a cell's middle lies on the page."""
    box = view.frame.locator(canvas).bounding_box()
    column, row = cell
    return (
        box["x"] + (column + 0.5) / across * box["width"],
        box["y"] + (row + 0.5) / down * box["height"],
    )


@pytest.fixture
def view(browser):
    """Show a painter."""
    with shown(browser, make(title="Paint"), wait=".grid[aria-label]") as view:
        view.frame.wait_for_function("() => current.length")
        yield view


def test_a_click_chooses_a_place_and_another_its_entry(view):
    before = painted(view)
    np.testing.assert_array_equal(before, GRIDS[0].ravel())
    view.page.mouse.click(*middle_of(view, ".grid", (2, 5), PLACES, PLACES))
    np.testing.assert_array_equal(painted(view), before)
    expect(view.frame.locator(".answer")).to_have_text(f"Row 6, column 3: entry {before[37]}.")
    image = view.frame.evaluate("grid.toDataURL()")
    view.page.mouse.click(*middle_of(view, ".book", (3, 2), 6, 6))
    before[37] = ORDER[15]
    np.testing.assert_array_equal(painted(view), before)
    assert view.frame.evaluate("grid.toDataURL()") != image
    view.page.mouse.click(*middle_of(view, ".book", (3, 4), 6, 6))
    before[37] = ORDER[27]
    np.testing.assert_array_equal(painted(view), before)
    view.page.mouse.click(*middle_of(view, ".book", (3, 5), 6, 6))  # no entry there
    np.testing.assert_array_equal(painted(view), before)


def test_a_drag_spreads_an_entry_and_undo_takes_it_back(view):
    first = painted(view)
    view.page.mouse.move(*middle_of(view, ".grid", (1, 1), PLACES, PLACES))
    view.page.mouse.down()
    for column in (2, 3):
        view.page.mouse.move(*middle_of(view, ".grid", (column, 1), PLACES, PLACES))
    view.page.mouse.up()
    assert (painted(view)[[8, 9, 10]] == first[8]).all()
    for _ in range(3):  # once more than there is to undo
        view.frame.get_by_role("button", name="Undo").click()
    np.testing.assert_array_equal(painted(view), first)
    view.frame.get_by_role("button", name="Blank").click()
    assert len(set(painted(view))) == 1
    view.frame.get_by_role("button", name="Next test digit").click()
    np.testing.assert_array_equal(painted(view), GRIDS[1].ravel())


def test_keys_choose_both(view):
    before = painted(view)
    tab_to(view, ".grid")
    for key in ("ArrowUp", "ArrowLeft"):
        view.page.keyboard.press(key)
    place = 2 * PLACES + 2
    expect(view.frame.locator(".answer")).to_have_text(f"Row 3, column 3: entry {before[place]}.")
    for stop in (".undo", ".blank", ".next", ".book"):
        tab_to(view, stop)
    rank = list(ORDER).index(before[place])
    view.page.keyboard.press("ArrowRight" if rank % 6 < 5 else "ArrowLeft")
    assert painted(view)[place] == ORDER[rank + 1 if rank % 6 < 5 else rank - 1]


def test_a_finger_chooses(browser):
    options = {"width": 390, "has_touch": True, "is_mobile": True}
    with shown(browser, make(), wait=".grid[aria-label]", **options) as view:
        view.frame.wait_for_function("() => current.length")
        view.page.touchscreen.tap(*middle_of(view, ".grid", (0, 0), PLACES, PLACES))
        view.page.touchscreen.tap(*middle_of(view, ".book", (5, 0), 6, 6))
        assert painted(view)[0] == ORDER[5]


def test_the_frame_fits_its_page_and_everything_has_a_name(view):
    for width in (320, 390, 480, 481, 700, 1000):
        view.page.set_viewport_size({"width": width, "height": 900})
        view.frame.wait_for_function("wide => innerWidth === wide", arg=min(width, 780))
        assert overflow(view.frame) == [], width
    roles = view.frame.get_by_role("application")
    assert roles.count() == 2
    assert view.frame.get_by_role("application", name="Codebook of 30 entries").count() == 1
    view.frame.get_by_role("button", name="Blank").click()
    spoken = view.frame.locator("[aria-live]")
    expect(spoken).to_have_text(view.frame.locator(".answer").inner_text())


def test_the_same_arguments_give_the_same_bytes_and_are_drawn_anew():
    decoder = course()
    one, other = make(decoder, title="T"), make(decoder, title="T")
    assert one._repr_html_() == other._repr_html_()
    assert Explorer.from_html(one._repr_html_())._repr_html_() == one._repr_html_()
    assert repr(one).startswith("Codebook painter “T”: a grid of 7 × 7 codebook entries")


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"grids": GRIDS + ENTRIES}, "grids must hold integers from 0 to 29"),
        ({"grids": GRIDS / 2}, "grids must hold integers from 0 to 29"),
        ({"tiles": TILES[1:]}, r"tiles must have shape \(30, T, T\) as codebook"),
        ({"tiles": 9 * TILES}, "tiles must be grey levels"),
        ({"codebook": np.zeros((300, 4)), "tiles": np.zeros((300, 6, 6))}, "at most 256"),
        ({"decoder": chain(Dense(1))}, "decoder cannot run in a page; it must be convolutions"),
        ({"decoder": chain(Conv2D(1, 3))}, "decoder cannot run in a page"),
        ({"decoder": chain(Conv2D(1, 3, padding="same", activation="gelu"))}, "cannot run in a"),
    ],
)
def test_arguments_are_checked_and_errors_name_the_remedy(changed, message):
    with pytest.raises(ValueError, match=message):
        make(**changed)
