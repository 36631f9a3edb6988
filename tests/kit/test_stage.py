"""`scene`: what it refuses, what it shows without scripts, and where its dots stand."""

import dataclasses
import json
import math
import re

import numpy as np
import pytest
from test_explore import HOSTILE, Tags, outside

from illusionkit.interactive import Frame, Guess, Threshold, boxes, clusters, line, scene, widget
from illusionkit.interactive.layouts import HEIGHT, WIDTH

N = 100
SCORES = np.random.default_rng(0).beta(2, 2, N)
SPLIT = {"training": range(80), "test": range(80, N)}
GUESS = Guess("How many are right?", 50, 100, 1, 84, unit="of 100", decimals=0)
COSTLY = Threshold(
    "{above} above {at}, {below} below: {cost}.", 0.5, above=[1000.0] * N, below=[1.0] * N
)
TICKS = {0.0: "low", 1.0: "high"}


def by_score(threshold=None, **changes):
    return Frame(
        "By score.", line(SCORES, low=0, high=1, ticks=TICKS, **changes), threshold=threshold
    )


def frames():
    return [
        Frame("All of them.", boxes({"shipped": range(N)})),
        Frame("Split.", boxes(SPLIT), roles=["apparent"] * 3 + ["soft"] * 97, threads=[(0, 99)]),
        by_score(COSTLY),
    ]


def shown(given=None, **changes):
    asked = {"title": "Twins", "alt": "A hundred dots.", "unit": "review"} | changes
    return scene(frames() if given is None else given, **asked).data


def data_of(page):
    return json.loads(re.search(r'json">(.*?)</script>', page, flags=re.S)[1])


def distances(places):
    points = list(places.at.values())
    return [math.dist(a, b) for i, a in enumerate(points) for b in points[:i]]


@pytest.mark.parametrize(
    "places",
    [
        boxes({"all": range(150)}),
        boxes(SPLIT),
        boxes({"a": range(100), "b": [], "c": [100]}),
        boxes({str(k): range(20 * k, 20 * k + 20) for k in range(6)}),
        clusters([i % 9 for i in range(N)]),
        clusters([i // 10 for i in range(150)], names={0: "first", 14: "last"}),
        clusters(["one"]),
        line(SCORES, low=0, high=1, ticks=TICKS),
        line([0.0, 1.0, 0.5, 0.5], low=0, high=1, ticks=TICKS),
        line(SCORES, low=0, high=1, ticks=TICKS, lanes=["a", "b"] * 50),
    ],
)
def test_dots_stand_on_the_stage_and_apart(places):
    for x, y in places.at.values():
        half = places.pitch * 0.4
        assert half <= x <= WIDTH - half and half <= y <= HEIGHT - half
    assert min(distances(places), default=99) >= places.pitch * 0.8
    assert places.pitch >= 3


def test_a_box_holds_its_own_dots_only():
    places = boxes(SPLIT)
    for (left, _, width, _), dots in zip(places.boxes, SPLIT.values(), strict=True):
        assert all(left < places.at[dot][0] < left + width for dot in dots)
    assert [label.text for label in places.labels] == ["training", "test"]


def test_a_line_keeps_the_order_and_the_distance_of_values():
    places = line([0.0, 0.25, 1.0], low=0, high=1, ticks=TICKS)
    first, second, third = (places.at[dot][0] for dot in range(3))
    assert (second - first) / (third - first) == pytest.approx(0.25)
    assert (first, third) == places.axis


def test_a_layout_may_leave_dots_out():
    page = shown([Frame("Two.", boxes({"kept": [1, 3]})), Frame("Five.", boxes({"all": range(5)}))])
    first, second = (frame["at"] for frame in data_of(page)["frames"])
    assert [v < 0 for v in first] == [
        True,
        True,
        False,
        False,
        True,
        True,
        False,
        False,
        True,
        True,
    ]
    assert min(second) > 0


def test_every_frame_stands_in_the_page_without_a_script():
    page = re.sub(r"<(script|style).*?</\1>", "", shown(), flags=re.S)
    said = Tags(page).text
    for words in ("All of them.", "Split.", "training", "test", "low", "high", "one review"):
        assert words in said
    above = int((SCORES >= 0.5).sum())
    cost = 1000 * above + N - above
    assert f"By score. {above} above 0.50, {N - above} below: {cost:,}." in said
    paths = re.findall(r'class="ik-dots[^"]*"[^>]* d="([^"]*)"', page)
    assert sum(path.count("h0") for path in paths) == 3 * N


def test_a_guess_is_a_folded_answer_without_a_script():
    page = shown(guess=GUESS)
    assert "<summary><bdi>How many are right?</bdi></summary>" in page
    assert "Measured: 84\N{NO-BREAK SPACE}of 100." in page
    assert data_of(page)["guess"]["answer"] == 84
    assert "84" not in re.sub(r"<style>.*?</style>", "", outside(page), flags=re.S)


def test_a_dot_may_stand_for_several():
    page = shown(unit="customers", each=1000)
    assert "Each dot stands for 1,000 customers." in page
    above = 1000 * int((SCORES >= 0.5).sum())
    assert f"{above:,} above" in page and data_of(page)["each"] == 1000


def test_what_is_measured_stands_between_the_markers():
    other = [*frames()[:2], Frame("Other.", boxes({"x": range(N)}))]
    assert shown() != shown(other)
    assert outside(shown()) == outside(shown(other))
    assert shown() == shown()


def test_one_constant_script_nothing_inline_nothing_from_outside():
    parsed = Tags(shown(guess=GUESS, texts={3: "one", 99: "two"}))
    assert not [a for a in parsed.attributes if a[1].startswith("on") or a[1] in ("style", "id")]
    assert not [a for a in parsed.attributes if a[1] in ("src", "href", "srcset", "action")]
    assert str(widget.script()) in shown()


def test_its_data_is_small():
    many = [Frame("x" * 200, line(np.resize(SCORES, 150), low=0, high=1, ticks=TICKS))] * 6
    body = re.search(r'json">(.*?)</script>', shown(many, guess=GUESS), flags=re.S)[1]
    assert len(body.encode()) < 40_000


def test_hostile_text_is_only_text():
    places = boxes({HOSTILE: range(N)})
    given = [
        Frame(HOSTILE, places),
        by_score(dataclasses.replace(COSTLY, says="<b>", label=HOSTILE)),
    ]
    guess = dataclasses.replace(GUESS, question=HOSTILE, unit=HOSTILE)
    named = dict.fromkeys(("title", "alt", "unit"), HOSTILE)
    page = shown(given, guess=guess, texts={0: HOSTILE}, **named)
    parsed = Tags(page)
    assert parsed.tags.count("script") == 2 and parsed.tags.count("b") == 1
    assert not [name for _, name, _ in parsed.attributes if name.startswith("on")]
    assert data_of(page)["texts"]["0"] == HOSTILE


@pytest.mark.parametrize(
    ("given", "changes", "message"),
    [
        ([Frame("one", boxes({"a": [0]}))], {}, "two to eight frames"),
        ([Frame("x", boxes({"a": range(151)}))] * 2, {}, "1 to 150 dots"),
        ([Frame("x", boxes({"a": []}))] * 2, {}, "1 to 150 dots"),
        ([Frame("x", boxes({"a": [0, 1]}), roles=["soft"])] * 2, {}, "1 colours for 2 dots"),
        ([Frame("x", boxes({"a": [0]}), roles="red")] * 2, {}, "no colour 'red'"),
        ([Frame("x", boxes({"a": [-1, 0]}))] * 2, {}, "numbered from 0"),
        ([Frame("x", boxes({"a": [0]}), threads=[(0, 5)])] * 2, {}, "a thread from dot 0"),
        ([Frame("x", boxes({"a": range(N)}), threshold=COSTLY)] * 2, {}, "needs a frame"),
        ([by_score(dataclasses.replace(COSTLY, start=2))] * 2, {}, "outside of its range"),
        ([by_score(dataclasses.replace(COSTLY, above=[1.0]))] * 2, {}, "costs of 1 and 100"),
        ([by_score(dataclasses.replace(COSTLY, says="{left}"))] * 2, {}, "{left}, which"),
        (None, {"each": 0}, "at least one unit"),
        (None, {"texts": {N: "none"}}, "a text for dot 100"),
    ],
)  # fmt: skip
def test_a_wrong_scene_is_refused(given, changes, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        shown(given, **changes)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: boxes({}), "one to six boxes"),
        (lambda: boxes({"a": [1], "b": [1]}), "stands in 'a' and in 'b'"),
        (lambda: line([0.5, math.nan], low=0, high=1, ticks={}), "the value of dot 1"),
        (lambda: line([2.0], low=0, high=1, ticks={}), "outside of 0 to 1"),
        (lambda: line([1.0], low=1, high=1, ticks={}), "must be below"),
    ],
)
def test_a_wrong_layout_is_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()
