"""The answers to the exercises of chapter 3 on the pages of the step of collecting."""

from __future__ import annotations

from functools import cache

from illusionkit.answers.answer import Answer, claimed


def _break_even() -> float:
    """Return what a missed default costs, in refused good customers, at a threshold of 0.08."""
    return (1 - 0.08) / 0.08


def _moved_line() -> float:
    """Return one sixth as the oversampled model's probability, at 5 defaults in 100."""
    odds = (1 / 6) / (5 / 6) * 0.95 / 0.05
    return odds / (1 + odds)


@cache
def _undone_coin() -> float:
    """Return the accuracy that a score on labels of a coin at 0.4 stands for, by the formula."""
    from illusionkit.illusions import experiment

    seen = experiment("label-noise").read(0.4, seed=100).apparent
    return (seen - 0.4 / 4) / (1 - 0.4 * 5 / 4)


ANSWERS = {
    # Documents
    "random-labels": claimed("random document labels, random folds", 0.5935, within=0.01),
    "other-documents": claimed("random less grouped folds, product reviews", 0.0386, within=0.01),
    # Credit: rare classes, a broken column
    "break-even": Answer(_break_even, within=0.05),
    "refuse-everybody": claimed(
        "ratio from which refusing everybody is cheaper", 3.767, within=0.02
    ),
    "oversampled-mean": claimed("mean probability less the share of defaults", 0.230, within=0.005),
    "moved-line": Answer(_moved_line, within=0.005),
    "shuffled-audits": claimed("shuffled columns whose audit passes", 0.9300, within=0.004),
    "set-aside": claimed("gap over the rows that agree", 0.0037, within=0.001),
    # Labels
    "undone-coin": Answer(_undone_coin, within=0.005),
    "dropped-labels": claimed("rise of the score by dropping suspects", 0.2117, within=0.01),
    "product-ceiling": claimed(
        "vote of nineteen against the twentieth, products", 0.7346, within=0.005
    ),
    "vote-of-three": claimed("vote of three against another", 0.6333, within=0.005),
    # Data from elsewhere: texts, and mail
    "ninety-alone": claimed("ninety product sentences alone", 0.5429, within=0.008),
    "tell-apart": claimed("film reviews told from tweets", 0.9710, within=0.006),
    "known-shares": claimed("editorials, film rows weighted by known shares", 0.4537, within=0.006),
    "text-alarm": claimed("film reviews told from product reviews", 0.9813, within=0.006),
    "words-alone": claimed("hard mail called spam, words alone", 0.5973, within=0.02),
    "mail-threshold": claimed("spam caught at the careful threshold", 0.3071, within=0.02),
}
