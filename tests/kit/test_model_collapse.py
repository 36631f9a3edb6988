"""Models that learn from each other's texts: what a trigram is worth, what luck alone loses.

By hand: "a b" and "a c", and what follows in them.
"""

from itertools import product

import numpy as np
import pytest

from illusionkit.errors import DataError
from illusionkit.illusions import experiment
from illusionkit.illusions.material import trigrams
from illusionkit.illusions.material.generations import Texts
from illusionkit.illusions.material.trigrams import FLOOR, Trigrams, numbered, places, vocabulary
from illusionkit.illusions.outlook.model_collapse import _by_words, lost, read_by, stands

LINES = ["a film without a plot", "a plot without end", "the end of a film", "a film of the end"]
KNOWN = vocabulary(LINES)
SIZE = trigrams.MARKS + len(KNOWN)


def model(lines=LINES, weights=None):
    return Trigrams.learned(numbered(lines, KNOWN), SIZE, weights)


def test_words_that_stand_once_are_strange():
    assert set(vocabulary(["a b", "a c b", "d"])) == {"a", "b"}
    words = numbered(["A, d b!", ""], {"a": 3, "b": 4})
    assert words[:, :5].tolist() == [[3, 2, 4, 1, 0], [1, 0, 0, 0, 0]]


def test_a_long_text_is_broken_off():
    words = numbered(["a " * 100], {"a": 3})
    assert words.shape == (1, trigrams.LONGEST) and set(words[0]) == {3}


def test_each_word_stands_behind_the_two_before_it():
    threes, text = places(numbered(["a b", "b"], {"a": 3, "b": 4}))
    assert threes.tolist() == [[0, 0, 3], [0, 3, 4], [3, 4, 1], [0, 0, 4], [0, 4, 1]]
    assert text.tolist() == [0, 0, 0, 1, 1]


@pytest.mark.parametrize("weights", [None, np.array([1.0, 0, 0]), np.array([0.2, 0.3, 0.5])])
def test_the_chances_of_all_words_add_to_one_whatever_stood_before(weights):
    for before in product(range(SIZE), repeat=2):
        threes = np.array([[*before, word] for word in range(1, SIZE)])
        assert model(weights=weights).chances(threes).sum() == pytest.approx(1)


def test_a_chance_by_hand():
    """After "a film" one of three texts goes on with "without": a third, and the floor's share."""
    three = np.array([[KNOWN["a"], KNOWN["film"], KNOWN["without"]]])
    two_words, one_word, none = 1 / 3, 1 / 3, 2 / 23
    for weights, share in (([1, 0, 0], two_words), ([0, 1, 0], one_word), ([0, 0, 1], none)):
        chance = model(weights=np.array(weights, float)).chances(three)[0]
        assert chance == pytest.approx(FLOOR / (SIZE - 1) + (1 - FLOOR) * share)


def test_what_was_never_met_is_asked_of_shorter_memory():
    never, once = np.array([[[KNOWN["plot"], KNOWN["a"], KNOWN["film"]]]] * 2)
    long, short = (model(weights=np.array(w, float)) for w in ([1, 0, 0], [0, 1, 0]))
    assert long.chances(never) == short.chances(once)


@pytest.mark.parametrize("nothing", [np.zeros((0, 60), int), np.zeros((3, 60), int)])
def test_a_model_of_no_word_is_refused(nothing):
    with pytest.raises(DataError, match="at least one word"):
        Trigrams.learned(nothing, SIZE)


def test_it_writes_words_as_often_as_it_says():
    own = model(weights=np.array([0.5, 0.3, 0.2]))
    threes, _ = places(own.written(20_000, np.random.default_rng(0)))
    after = threes[(threes[:, 0] == 0) & (threes[:, 1] == KNOWN["a"])][:, 2]
    shares = np.bincount(after, minlength=SIZE)[1:] / len(after)
    told = own.chances(np.array([[0, KNOWN["a"], word] for word in range(1, SIZE)]))
    assert np.abs(shares - told).max() < 0.02


def test_weights_go_to_the_memory_that_fits_other_texts():
    same = model().fitted(numbered(LINES, KNOWN)).weights
    shuffled = model().fitted(numbered(["film a the", "of plot end a"], KNOWN)).weights
    assert same.sum() == pytest.approx(1) == shuffled.sum()
    assert same[0] > 0.9 and shuffled[2] > same[2]


def test_luck_by_the_formula():
    """One copy is drawn anew by a Poisson law of mean 1, so e^-1 of them leave none."""
    count = np.array([1, 2, 5])
    assert lost(count, 0).tolist() == [0, 0, 0]
    assert lost(count, 1) == pytest.approx(np.exp(-count))
    assert lost(count, 2) == pytest.approx(np.exp(count * (np.exp(-1) - 1)))
    assert lost(count, 1, first=4) == pytest.approx(np.exp(-4 * count))


def test_luck_is_what_a_lottery_of_words_loses():
    rng, counts = np.random.default_rng(0), np.repeat([2, 5, 50], 400)
    now = counts
    for _ in range(4):
        now = rng.multinomial(counts.sum(), now / now.sum())
    for count in (2, 5, 50):
        told = (now[counts == count] == 0).mean()
        assert told == pytest.approx(float(lost(np.array(count), 4)), abs=0.07)


def test_words_are_counted_and_losses_told_apart():
    texts = Texts(numbered(LINES, KNOWN), np.array([f"text {n}" for n in range(len(LINES))]))
    count = stands(texts, SIZE)
    assert count[KNOWN["a"] - trigrams.MARKS] == 5 and count.sum() == 19
    gone = np.where(np.arange(len(count)) == KNOWN["plot"] - trigrams.MARKS, 0, count)
    told = _by_words(read_by(model(), texts), np.where(count < 3, 2, 10), gone)
    assert told["gone"] == pytest.approx(2 / 19)
    assert all(np.isfinite(value) for value in told.values())


def test_half_of_the_texts_are_kept():
    one, two = (Texts(np.full((5, 60), k), np.array([f"{k} {n}" for n in range(5)])) for k in "34")
    mixed = one.halved(two, np.random.default_rng(0))
    assert len(mixed.unit) == 5 and sum(unit.startswith("3") for unit in mixed.unit) == 2
    assert mixed.words.shape == (5, 60)


def test_generations_of_one_seed_are_the_same_whatever_dose_is_asked():
    spec = experiment("model-collapse")
    early, late = (spec.read(dose, seed=3).honest_rows for dose in (0, 2))
    assert np.array_equal(early.truth, late.truth) and np.array_equal(early.unit, late.unit)
