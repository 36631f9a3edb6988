"""Efron's apparent error, on real sentences and real raters: ``apparent-error``.

A linear model is fitted to one rater's score of each review and judged by those same scores.
Another rater of the same reviews is the honest judge: nothing differs but that his scores were not
trained on. For a linear fit the optimism is known beforehand, 2/n times the sum of leverage times
variance of the raters (Efron 1986; Mallows 1973), so it should grow in a straight line with the
number of features. Used in chapter 3.

Said before anything was measured: the flawed arm's optimism is positive and grows in proportion to
the number of features; the control, judged by a rater who took no part, shows none; the cure,
leave-one-out, overshoots where features are many, since it asks about reviews that the model did
not see while the honest score is about those that it saw: there its optimism is negative.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd

from illusionkit.arrays import Array
from illusionkit.data import corpora
from illusionkit.experiment.draws import first
from illusionkit.experiment.reading import Metric, Reading, Rows
from illusionkit.experiment.spec import Dose, Experiment, Knob
from illusionkit.experiment.task import read_encoded
from illusionkit.models.learners import linear_fit

REVIEWS = 1000


def _squares(rows: Rows) -> Array:
    return np.asarray((rows.truth - rows.prediction) ** 2, dtype=float)


SQUARED_ERROR = Metric("squared error", per_row=_squares, greater_is_better=False)


def rated_reviews(part: str = "book") -> tuple[pd.DataFrame, Array]:
    """Return movie reviews, one a unit, and their frozen features (reviews, 384)."""
    table, features = read_encoded(corpora.movie_reviews, part)
    chosen = np.flatnonzero((table["part"] == part) & ~table["unit"].duplicated())
    return table.iloc[chosen].reset_index(drop=True), features[chosen]


def one_rater(ratings: Iterable[Sequence[int]], rng: np.random.Generator) -> Array:
    """Return the score of a rater drawn for each review, shape (reviews,)."""
    return np.array([scores[int(rng.integers(len(scores)))] for scores in ratings], dtype=float)


def run(dose: Dose, seed: int, arm: str, part: str) -> Reading:
    """Read ``apparent-error``: one fit, its own rows, and the scores of other raters for them.

    Honest: another rater of each review. Flawed: the rater whose scores were fitted. Control: a
    third rater. Cured: the fitted scores, each predicted by a fit without it.
    """
    table, features = rated_reviews(part)
    rng = np.random.default_rng([seed, 21])
    drawn = first(rng.permutation(len(table)), REVIEWS, "reviews")
    ratings, unit = table["ratings"].iloc[drawn], table["unit"].to_numpy()[drawn]
    trained, judge, bystander = (one_rater(ratings, rng) for _ in range(3))
    fit = linear_fit(features[drawn], round(dose["features"]))
    fitted = fit.predict(trained)
    shown = {
        "flawed": (trained, fitted),
        "control": (bystander, fitted),
        "cured": (trained, fit.left_out(trained)),
    }
    spread = np.array([np.var(scores) for scores in ratings])
    extras = {"by_the_formula": float(2 * (fit.leverage * spread).mean())}
    apparent, honest = Rows(*shown[arm], unit), Rows(judge, fitted, unit)
    return Reading.scored(SQUARED_ERROR, apparent, honest, extras=extras)


EXPERIMENTS = (
    Experiment(
        id="apparent-error", step="principle", page="principle", kind="ratings",
        title="A model judged by the scores it was fitted to",
        symptom="Every feature that is added lowers the error, and new cases see none of it.",
        caught_by="Score rows that were held aside before any feature was added.",
        # The margin is a tenth, about, of the raters' variance.
        design="same-rows", metric=SQUARED_ERROR, margin=0.15, sign=1, seeds=tuple(range(20)),
        knobs=(Knob(
            "features", "features of the model", "features", low=1, high=380, default=128,
            doses=(8, 32, 64, 128, 192, 256, 320),
        ),),
        data=("movie_reviews",), weights=("minilm",), cost=0.5, tolerance=0.01, run=run,
    ),
)  # fmt: skip
