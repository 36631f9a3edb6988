"""Learners: texts counted once train to the same model as the plain pipeline."""

import numpy as np
import pytest

from illusionkit.data import corpora
from illusionkit.models.learners import CountedTexts, plain_learner


@pytest.fixture(scope="module")
def reviews():
    """4,000 real reviews, their labels, and them counted."""
    table = corpora.chinese_reviews().sample(4000, random_state=0)
    texts = list(table["text"])
    return texts, table["label"].to_numpy(), CountedTexts(texts)


def plain(texts, labels, test):
    return plain_learner().fit(texts, labels).predict(test)


@pytest.mark.parametrize("size", [50, 2500])
def test_it_predicts_what_the_plain_learner_predicts(reviews, size):
    texts, labels, counted = reviews
    order = np.random.default_rng(size).permutation(len(texts))
    train, test = order[:size], order[2500:]
    expected = plain([texts[i] for i in train], labels[train], [texts[i] for i in test])
    found = counted.predict(train, labels[train], test)
    assert np.array_equal(found, expected)
    assert 0.1 < found.mean() < 0.9


def test_extra_texts_are_trained_on_as_well(reviews):
    texts, labels, counted = reviews
    train, test = np.arange(1500), np.arange(2500, 4000)
    extra = [texts[i][: max(1, len(texts[i]) // 2)] for i in test[:1000]]
    both = np.concatenate([labels[train], labels[test[:1000]]])
    expected = plain([texts[i] for i in train] + extra, both, [texts[i] for i in test])
    found = counted.predict(train, both, test, extra)
    assert np.array_equal(found, expected)
    assert not np.array_equal(found, counted.predict(train, labels[train], test))


def test_a_row_trained_on_twice_counts_twice(reviews):
    texts, labels, counted = reviews
    train, test = np.concatenate([np.arange(300), np.arange(100)]), np.arange(2500, 4000)
    expected = plain([texts[i] for i in train], labels[train], [texts[i] for i in test])
    assert np.array_equal(counted.predict(train, labels[train], test), expected)


def test_what_is_tested_leaves_no_trace(reviews):
    """A text's prediction does not depend on what else is tested."""
    _, labels, counted = reviews
    train = np.arange(2000)
    together = counted.predict(train, labels[train], np.arange(2500, 4000))
    alone = counted.predict(train, labels[train], np.arange(2500, 2600))
    assert np.array_equal(together[:100], alone)


@pytest.mark.parametrize(
    "text", ["", " ", "!", "</script>", "\u202e\u05e9", "\U0001f600", "x" * 10**5]
)
def test_hostile_texts_train_and_test(text):
    texts = ["good good", "bad bad", "good!", "bad?", text]
    rows, labels = np.arange(5), np.array([1, 0, 1, 0, 1])
    found = CountedTexts(texts).predict(rows, labels, rows)
    assert np.array_equal(found, plain(texts, labels, texts))
