"""A table shows two images and what becomes of them once content and style are swapped."""

from types import SimpleNamespace

from aelib.explorer import Explorer, style_table
from browsing import overflow, picture, shown, tab_to
import numpy as np
from playwright.sync_api import expect
import pytest

COUNT, SIDE = 4, 5
RNG = np.random.default_rng(0)
IMAGES, PAINTED = RNG.random((COUNT, SIDE, SIDE)), RNG.random((COUNT, COUNT, SIDE, SIDE))
NAMES = ["a 0", "a 1", "a 2", "a 3"]


def make(**options) -> Explorer:
    """Return a table."""
    given = {"images": IMAGES, "painted": PAINTED, "names": NAMES} | options
    return style_table(**given)


def pictures(view: SimpleNamespace) -> list[np.ndarray]:
    """Return the four pictures beside the table."""
    return [picture(view.frame, f"figure:nth-child({n}) canvas") for n in range(1, 5)]


def cell(view: SimpleNamespace, column: int, row: int) -> tuple[float, float]:
    """Return where a cell's middle lies on the page."""
    box = view.frame.locator(".table").bounding_box()
    size = box["width"] / (COUNT + 1)
    return box["x"] + (column + 0.5) * size, box["y"] + (row + 0.5) * size


def check(view: SimpleNamespace, style: int, content: int) -> None:
    """Compare the four pictures with those of a pair."""
    expected = [IMAGES[style], IMAGES[content], PAINTED[content, style], PAINTED[style, content]]
    for found, image in zip(pictures(view), expected, strict=True):
        np.testing.assert_allclose(found, image.ravel(), atol=0.01)
    text = f"The framed picture: the content of {NAMES[content]}, the style of {NAMES[style]}."
    expect(view.frame.locator(".answer")).to_have_text(text)


def test_a_click_shows_a_pair_and_swaps_it(browser):
    with shown(browser, make()) as view:
        check(view, 0, 1)
        view.page.mouse.click(*cell(view, 3, 2))
        check(view, 1, 2)
        view.page.mouse.click(*cell(view, 0, 4))  # another hand
        check(view, 3, 2)
        view.page.mouse.click(*cell(view, 1, 0))  # another digit
        check(view, 3, 0)
        view.frame.get_by_role("button", name="Swap").click()
        check(view, 0, 3)


def test_keys_and_fingers_choose(browser):
    options = {"width": 390, "has_touch": True, "is_mobile": True}
    with shown(browser, make(), **options) as view:
        tab_to(view, ".table")
        for key in ("ArrowDown", "ArrowRight"):
            view.page.keyboard.press(key)
        check(view, 1, 2)
        view.page.touchscreen.tap(*cell(view, 4, 4))
        check(view, 3, 3)


def test_the_frame_fits_its_page_and_everything_has_a_name(browser):
    with shown(browser, make(title="Hands")) as view:
        for width in (320, 390, 480, 481, 700, 1000):
            view.page.set_viewport_size({"width": width, "height": 900})
            view.frame.wait_for_function("wide => innerWidth === wide", arg=min(width, 780))
            assert overflow(view.frame) == [], width
        name = "Table of 4 by 4 pictures: content by column, style by row"
        assert view.frame.get_by_role("application", name=name).count() == 1
        assert view.frame.get_by_role("img", name="what A says, in B's style").count() == 1
        view.frame.get_by_role("button", name="Swap").click()
        spoken = view.frame.locator("[aria-live]")
        expect(spoken).to_have_text(view.frame.locator(".answer").inner_text())


def test_the_same_arguments_give_the_same_bytes_and_are_drawn_anew():
    one, other = make(title="T"), make(title="T")
    assert one._repr_html_() == other._repr_html_()
    assert Explorer.from_html(one._repr_html_())._repr_html_() == one._repr_html_()
    assert repr(one).startswith("Style table “T”: a table of 4 × 4 pictures")


@pytest.mark.parametrize(
    ("changed", "error", "message"),
    [
        ({"painted": PAINTED[1:]}, ValueError, r"painted must have shape \(4, 4, 5, 5\) as images"),
        ({"images": 9 * IMAGES}, ValueError, "images must be grey levels"),
        ({"names": NAMES[1:]}, ValueError, "names must have one for each of 4 images, not 3"),
        ({"names": [0, 1, 2, 3]}, TypeError, "0 is no string; titles and names must be"),
        ({"title": 5}, TypeError, "5 is no string"),
    ],
)
def test_arguments_are_checked_and_errors_name_the_remedy(changed, error, message):
    with pytest.raises(error, match=message):
        make(**changed)
