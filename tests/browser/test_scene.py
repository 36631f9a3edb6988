"""A scene in a real browser: by mouse, finger and keyboard, in both themes, on a phone."""

from __future__ import annotations

import json
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from test_widgets import HOSTILE, Open, open_page

from illusionkit.interactive import Frame, Guess, Threshold, boxes, line, scene

__all__ = ["open_page"]

N = 40
VALUES = [i / (N - 1) for i in range(N)]
GUESS = Guess("How many are right?", 0, 100, 1, 61, unit="of 100", decimals=0)
COST = Threshold("{above} above {at}: {cost}.", 0.5, above=[100.0] * N, below=[1.0] * N)
TICKS = {0.0: "surely not", 1.0: "surely"}


def html(*, guess: Guess | None = None, words: str = "Split.") -> str:
    """Return a scene of three frames; in the last one dots stand by their values."""
    halves = boxes({"training": range(30), "test": range(30, N)})
    frames = [
        Frame("All.", boxes({"all": range(N)})),
        Frame(words, halves, roles=["apparent"] + ["soft"] * (N - 1), threads=[(0, 39)]),
        Frame("By value.", line(VALUES, low=0, high=1, ticks=TICKS), threshold=COST),
    ]
    texts = {0: words, 39: "its twin"}
    made = scene(frames, title="Twins", alt="Forty dots", unit="review", guess=guess, texts=texts)
    return str(made.data)


def says(page: Any) -> str:
    return str(page.locator("[role=status]").text_content())


def drawn(page: Any) -> list[str]:
    paths = page.locator("svg.ik-stage").first.locator("path").all()
    return [str(path.get_attribute("d")) for path in paths]


def test_the_frames_follow_buttons_and_arrow_keys_and_come_back(open_page: Open) -> None:
    page = open_page(html())
    first = drawn(page)
    page.locator("[data-next]").click()
    assert says(page) == "Split." and drawn(page) != first
    page.locator("[data-next]").press("ArrowRight")
    assert says(page).startswith("By value.")
    assert page.locator("[data-count]").text_content() == "3 of 3"
    assert page.locator("[data-next]").is_disabled()
    page.locator("[data-back]").focus()
    for _ in range(2):
        page.keyboard.press("ArrowLeft")
    assert says(page) == "All." and drawn(page) == first


def test_who_steps_to_an_end_by_keyboard_keeps_the_focus(open_page: Open) -> None:
    page = open_page(html())
    page.locator("[data-next]").focus()
    for _ in range(2):
        page.keyboard.press("Enter")
    assert page.locator("[data-next]").is_disabled()
    assert page.evaluate("document.activeElement.hasAttribute('data-back')")
    page.keyboard.press("ArrowLeft")
    assert says(page) == "Split."
    page.keyboard.press("Enter")
    assert says(page) == "All." and page.locator("[data-back]").is_disabled()
    page.keyboard.press("ArrowRight")
    assert says(page) == "Split.", "the focus did not go on to the other button"


def test_a_guess_opens_the_frames_and_stays(open_page: Open) -> None:
    page = open_page(html(guess=GUESS))
    assert not page.locator("[data-next]").is_visible()
    assert page.locator("[data-commit]").is_disabled()
    assert not page.locator("[data-plain]").is_visible()
    page.locator("[data-ask] input").focus()
    page.keyboard.press("ArrowRight")
    page.locator("[data-commit]").click()
    said = page.locator("[data-verdict]").text_content()
    assert "51 of 100" in said.replace("\N{NO-BREAK SPACE}", " ") and "61" in said
    assert says(page) == "Split." and not page.locator("[data-ask]").is_visible()
    assert page.locator("[data-next]").evaluate("node => node === document.activeElement")


def test_a_threshold_counts_along(open_page: Open) -> None:
    page = open_page(html())
    for _ in range(2):
        page.locator("[data-next]").click()
    assert says(page) == "By value. 20 above 0.50: 2,020."
    page.locator("[data-knob] input").focus()
    page.keyboard.press("End")
    assert says(page) == "By value. 1 above 1.00: 139."
    page.keyboard.press("Home")
    assert says(page) == "By value. 40 above 0.00: 4,000."


def test_a_dot_with_a_text_tells_it_to_mouse_and_finger(open_page: Open) -> None:
    page = open_page(html(), has_touch=True)
    box = page.locator("svg.ik-stage").first.bounding_box()
    data = json.loads(page.locator('script[type="application/json"]').text_content())
    x, y = (v / 100 * box["width"] / 300 for v in data["frames"][0]["at"][78:80])
    page.mouse.move(box["x"] + x, box["y"] + y)
    assert page.locator("[data-told]").text_content() == "its twin"


def test_a_finger_turns_the_frame_and_may_still_scroll(open_page: Open) -> None:
    page = open_page(html(), has_touch=True)
    swipe = """(node, dx) => [["touchstart", 200], ["touchend", 200 + dx]].forEach(([kind, x]) => {
      const touch = new Touch({identifier: 1, target: node, clientX: x, clientY: 100});
      node.dispatchEvent(new TouchEvent(kind, {changedTouches: [touch], bubbles: true}));
    })"""
    stage = page.locator("svg.ik-stage").first
    stage.evaluate(swipe, -80)
    assert says(page) == "Split."
    stage.evaluate(swipe, 80)
    assert says(page) == "All."
    stage.evaluate(swipe, -20)
    assert says(page) == "All."
    assert stage.evaluate("node => getComputedStyle(node).touchAction") == "pan-y"


def test_dots_glide_unless_motion_is_unwelcome(open_page: Open) -> None:
    page = open_page(html(), reduced_motion="no-preference")
    start = drawn(page)
    page.locator("[data-next]").click()
    page.wait_for_timeout(1500)
    end = drawn(page)
    still = open_page(html())
    still.locator("[data-next]").click()
    assert drawn(still) == end != start


def test_without_scripts_the_frames_stand_one_under_the_other(open_page: Open) -> None:
    page = open_page(html(guess=GUESS), java_script_enabled=False)
    assert page.locator(".ik-says:visible").count() == 3
    assert page.locator("svg.ik-stage:visible").count() == 3
    assert page.get_by_role("button").count() == page.get_by_role("slider").count() == 0
    page.locator("[data-plain] summary").click()
    assert "61" in page.locator("[data-plain] p").text_content()


def test_hostile_text_is_only_text(open_page: Open) -> None:
    page = open_page(html(words=HOSTILE))
    page.locator("[data-next]").click()
    assert "<script>" in says(page) and page.locator("img").count() == 0


def test_two_copies_live_side_by_side(open_page: Open) -> None:
    page = open_page(html() + html())
    page.locator("[data-next]").nth(1).click()
    counts = [each.text_content() for each in page.locator("[data-count]").all()]
    assert counts == ["1 of 3", "2 of 3"]


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_axe_finds_nothing_before_and_after(open_page: Open, theme: str, width: int) -> None:
    size = {"width": width, "height": 844}
    page = open_page(html(guess=GUESS), color_scheme=theme, viewport=size)
    assert not Axe().run(page).response["violations"]
    page.locator("[data-ask] input").press("ArrowRight")
    page.locator("[data-commit]").click()
    page.locator("[data-next]").click()
    assert not Axe().run(page).response["violations"]
    assert page.evaluate("document.documentElement.scrollWidth") <= width
