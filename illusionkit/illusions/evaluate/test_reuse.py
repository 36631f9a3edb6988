"""A test set that many have looked at: ``test-reuse`` and ``test-reuse-vote``.

Every submission is a coin: it calls each review praise or not by chance, so that its accuracy on
new reviews is one half, whatever it scores here. Only the test's answers are real. Flawed: many
coins, one test set, and the best score is told; or all coins that beat one half vote together
(Blum and Hardt 2015, section 3.1).

Said before anything was measured (sizes had been seen for made-up labels: at a thousand coins and
a thousand rows .551 for the best one, .791 for the vote): the optimism of the best coin grows with
the number of coins, as the expected maximum of that many binomial draws; that of the vote grows
faster. One coin has none, nor has the winner on fresh rows; the Ladder, which tells a score only
where it beats the best one before by more than a standard error, stops the vote. Used in chapter 3.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.stats import binom

from illusionkit.arrays import Array
from illusionkit.data import corpora
from illusionkit.experiment.draws import deal
from illusionkit.experiment.reading import ACCURACY, Reading, Rows
from illusionkit.experiment.spec import Dose, Experiment, Knob
from illusionkit.experiment.task import read

PRAISE, TRUTH = 3, 0.5
"""The lowest label that is praise; the accuracy of a coin on new reviews."""


def tests(seed: int, rows: int, part: str) -> tuple[Rows, Rows]:
    """Return two sets of so many reviews, one a unit, each predicted without a fault.

    The first is the one test set that all look at; in a confirmation it is of the confirm part.
    """
    table = read(corpora.movie_reviews, part).drop_duplicates("unit")
    praise, unit = (table["label"] >= PRAISE).to_numpy().astype(int), table["unit"].to_numpy()
    book = (table["part"] == "book").to_numpy()
    other, test = deal(book, np.random.default_rng([seed, 31]), rows, rows)
    return Rows(praise[test], praise[test], unit[test]), Rows(
        praise[other], praise[other], unit[other]
    )


def coins(number: int, rows: int, rng: np.random.Generator) -> Array:
    """Return the predictions of so many coins, shape (number, rows), 0 or 1."""
    return rng.integers(2, size=(number, rows), dtype=np.int8)


def expected_best(number: int, rows: int) -> float:
    """Return the expected accuracy of the best of so many coins on so many rows, exactly."""
    below = binom.cdf(np.arange(rows), rows, 0.5) ** number
    return float((1 - below).sum() / rows)


def thrown(number: int, sets: tuple[Rows, Rows], rng: np.random.Generator) -> list[Array]:
    """Return what so many coins say of both sets of reviews."""
    return [coins(number, len(rows.truth), rng) for rows in sets]


def accuracy(rows: Rows, predictions: Array) -> Array:
    """Return the accuracy of each coin, from its predictions (coins, rows)."""
    return np.asarray((predictions == rows.truth).mean(axis=-1))


def judged(test: Rows, predictions: Array, **extras: float) -> Reading:
    """Return the reading of one submission, whose accuracy on new reviews is one half."""
    judged = Rows(test.truth, predictions, test.unit)
    return Reading(ACCURACY.score(judged), TRUTH, judged, None, extras=extras)


def best(dose: Dose, seed: int, arm: str, part: str) -> Reading:
    """Read ``test-reuse``: the best of many coins, by its score on the test that chose it.

    Control: the first coin. Cured: the coin that is best on other reviews.
    """
    test, other = sets = tests(seed, round(dose["rows"]), part)
    here, there = thrown(round(dose["coins"]), sets, np.random.default_rng([seed, 32]))
    scores = accuracy(other, there) if arm == "cured" else accuracy(test, here)
    winner = 0 if arm == "control" else int(np.argmax(scores))
    expected = expected_best(len(here), len(test.truth))
    return judged(test, here[winner], expected_of_the_best=expected)


def spec(name: str, **own: Any) -> Experiment:
    """Return what both experiments fixed alike."""
    return Experiment(
        id=name, step="evaluate", kind="text", design="known-truth",
        metric=ACCURACY, margin=0.01, sign=1, seeds=tuple(range(100)), null_dose=1,
        knobs=(
            Knob("coins", "submissions to one test set", "coins", low=1, high=2000,
                 default=1000, doses=(1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)),
            Knob("rows", "size of the test set", "reviews", low=20, high=2000,
                 default=1000, doses=(100, 200, 500, 1000, 2000)),
        ),
        data=("movie_reviews",), cost=0.05, **own,
    )  # fmt: skip


EXPERIMENTS = (
    spec(
        "test-reuse", page="test-reuse", run=best,
        title="The best of many submissions to one test set",
        symptom="The winner of a contest does worse in the next one, however large it was.",
        caught_by="Count every look at the test, and score the winner on fresh rows.",
    ),
)  # fmt: skip
