"""The answers to the exercises of chapter 1."""

from __future__ import annotations

from functools import cache

from illusionkit.answers.answer import Answer


@cache
def _half_split() -> float:
    """Return the share of test lines with a copy in training, if half the lines are tested."""
    from sklearn.model_selection import train_test_split

    from illusionkit.data.corpora import chinese_reviews

    train, test = train_test_split(chinese_reviews(), test_size=0.5, random_state=0)
    return float(test["unit"].isin(train["unit"]).mean())


def _whole_texts() -> float:
    """Return the mean accuracy of a split by whole texts."""
    from illusionkit.illusions import results

    return float(results("duplicates-as-shipped").cell("cured", 1.0)["apparent"])


@cache
def _other_corpus() -> float:
    """Return the share of English test reviews with a copy in training, split at random."""
    from sklearn.model_selection import train_test_split

    from illusionkit.data.corpora import movie_reviews
    from illusionkit.data.duplicates import overlap

    train, test = train_test_split(movie_reviews(), test_size=0.2, random_state=0)
    return float(overlap(list(train["text"]), list(test["text"])).mean())


ANSWERS = {
    "half-split": Answer(_half_split, within=0.01),
    "whole-texts": Answer(_whole_texts, within=0.02),
    "other-corpus": Answer(_other_corpus, within=0.0005),
}
