"""Duplicates: what counts as a copy, on hostile texts as well."""

import numpy as np
import pytest

from illusionkit.data import duplicates

LONG = "the quick brown fox jumps over the lazy dog " * 2300  # 101,200 characters
HOSTILE = [
    "",
    " ",
    LONG,
    "</script><script>alert(1)</script>",
    "<!-- <script>",
    "\u202eright to left\u202c שלום مرحبا",
    "😀🎉👍🏽",
    "\ud800 lone surrogate",
    "zero\u200bwidth\ufeff",
    "line\u2028separator\x00nul",
]


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ("很好,喜欢!", "很好 喜欢。"),
        ("ＡＢＣ１２３", "abc123"),
        ("Good  Book", "good-book"),
        ("a_b", "AB"),
        ("ﬁne", "FINE"),
    ],
)
def test_case_width_space_and_punctuation_do_not_count(left, right):
    assert duplicates.normalise(left) == duplicates.normalise(right)


def test_a_text_of_punctuation_stays_itself():
    assert duplicates.normalise("!!!") == "!!!"
    assert duplicates.normalise("!!!") != duplicates.normalise("...")
    assert duplicates.normalise("😀") != duplicates.normalise("🎉")


@pytest.mark.parametrize("text", HOSTILE)
def test_normalising_twice_is_normalising_once(text):
    once = duplicates.normalise(text)
    assert duplicates.normalise(once) == once


@pytest.mark.parametrize("near", [0.5, 1.0])
def test_hostile_texts_are_copies_of_themselves_only(near):
    found = duplicates.components([*HOSTILE, *HOSTILE], near=near)
    half = len(HOSTILE)
    assert found[:half].tolist() == found[half:].tolist() == list(range(half))


@pytest.mark.parametrize("near", [0.5, 1.0])
def test_hostile_texts_leak_where_they_are_copied_only(near):
    leaked = duplicates.overlap(HOSTILE[::2], HOSTILE, near=near)
    assert leaked.tolist() == [i % 2 == 0 for i in range(len(HOSTILE))]


def test_near_copies_hang_together_through_a_third():
    first, second = "abcdefghijklmnopqrst", "efghijklmnopqrstuvwx"  # 12 of 20 5-grams are shared
    third = "ijklmnopqrstuvwx0123"  # shares with the second, not enough with the first
    assert duplicates.components([first, third, "other text"]).tolist() == [0, 1, 2]
    assert duplicates.components([first, third, second, "other text"]).tolist() == [0, 0, 0, 1]
    assert duplicates.components([first, third, second], near=1.0).tolist() == [0, 1, 2]


@pytest.mark.parametrize(("near", "one"), [(0.59, True), (0.6, True), (0.61, False)])
def test_the_threshold_is_the_jaccard_index_of_5_grams(near, one):
    left, right = "abcdefghijkl", "abcdefghijmn"  # 8 grams each, 6 shared: 6 / 10
    assert (len(set(duplicates.components([left, right], near=near))) == 1) is one
    assert duplicates.overlap([left], [right], near=near).tolist() == [one]


def test_it_agrees_with_a_slow_and_plain_reckoning():
    rng = np.random.default_rng(5)
    texts = ["".join(rng.choice(list("ab"), 9)) for _ in range(60)]
    grams = [{t[i : i + 5] for i in range(5)} for t in texts]
    near = [[len(a & b) >= 0.5 * len(a | b) for b in grams] for a in grams]
    group = list(range(60))
    for _ in texts:
        group = [min(group[j] for j in range(60) if near[i][j]) for i in range(60)]
    found = duplicates.components(texts)
    assert len(set(group)) > 3
    assert (found[:, None] == found).tolist() == [[a == b for b in group] for a in group]
    leaked = duplicates.overlap(texts[:30], texts[30:])
    assert leaked.tolist() == [any(near[i][:30]) for i in range(30, 60)]


def test_blocks_do_not_matter():
    texts = [f"text number {i % 1200:05d} {i % 1200 * 7919}" for i in range(2400)]
    found = duplicates.components(texts, near=0.99)
    assert found[:1200].tolist() == found[1200:].tolist() == list(range(1200))


def test_nothing_at_all():
    assert duplicates.components([]).shape == (0,)
    assert duplicates.components([], near=1.0).shape == (0,)
    assert duplicates.overlap([], ["a"]).tolist() == [False]
    assert duplicates.overlap(["a"], []).tolist() == []


def test_texts_too_short_for_grams():
    assert duplicates.components(["ab", "AB!", "abc"]).tolist() == [0, 0, 1]
    assert duplicates.overlap(["ab"], ["a b", "abc"]).tolist() == [True, False]


def test_documents_that_share_a_sentence_are_one():
    document = np.array([0, 0, 1, 1, 2])
    sentence = np.array([0, 1, 2, 1, 3])
    assert duplicates.linked(document, sentence).tolist() == [0, 0, 0, 0, 1]
