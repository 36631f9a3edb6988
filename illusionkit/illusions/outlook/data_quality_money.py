"""The same money spent in three ways: ``data-quality-money``.

A file of film reviews as such files come: half of its rows are copies, and each row has the label
of one rater, in five classes. Money: two ratings for each row of the file. Prices, which are an
assumption: a rating costs 1, a new text costs ``price`` (1) besides its rating, a machine that
looks for copies costs .1 a row. Arms: *flawed*, nothing is bought. *more*: further rows as they
come, half of them copies. *labels*: two further ratings of each row, copies as well. *copies*: the
file is looked through, and new rows are taken only where they are no copies.

Apparent is the accuracy on new reviews against labels as the file's own, so that who buys labels
has better ones to test against; honest, for the same predictions, against the consensus of ten
other raters. Nobody buys their ratings.

Said before anything was measured: what is honestly gained is largest for *copies* with 200 rows
and for *labels* with 3,200; *copies* gains more than *more* at every size. One rater's labels make
every model look worse than it is. The gain that *labels* shows in its own test is larger than its
honest gain by more than .03, at every size: most of it is the better ruler, which ``ruler`` holds
to every arm's predictions. ``data-quality-price`` turns the price at 800 rows: where texts cost
nothing *copies* gains most, where one costs ten ratings *labels* does. Used in chapter 8.
"""

from __future__ import annotations

from functools import cache, partial

import numpy as np
import pandas as pd

from illusionkit.arrays import Array
from illusionkit.data import corpora
from illusionkit.data.raters import classes, dealt
from illusionkit.experiment.draws import deal, first
from illusionkit.experiment.reading import ACCURACY, Reading
from illusionkit.experiment.spec import Dose, Experiment, Knob
from illusionkit.experiment.task import Task, read_encoded
from illusionkit.models.learners import Probe, discriminant

TESTED, BOUGHT, JUDGES, LOOK = 1400, 2, 10, 0.1
"""Reviews to judge by; ratings bought for a row; raters who judge; the price of a look at a row."""


@cache
def reviews(part: str) -> tuple[pd.DataFrame, Array]:
    """Return film reviews, one a unit, and their features (rows, 384)."""
    table, features = read_encoded(corpora.movie_reviews, part)
    single = ~table["unit"].duplicated().to_numpy()
    return table[single].reset_index(drop=True), features[single]


def bought(rows: float, price: float, arm: str) -> tuple[int, int]:
    """Return how many distinct texts one has in the end, and how often each stands in the file.

    Raises nothing: what can't be paid for is not bought.
    """
    own, money = round(rows / 2), BOUGHT * rows
    more = money / (1 + price) / 2
    distinct = (money - LOOK * rows) / (1 + price)
    return {
        "more": (own + round(more), 2), "copies": (own + round(distinct), 1),
    }.get(arm, (own, 2))  # fmt: skip


def run(dose: Dose, seed: int, arm: str, part: str) -> Reading:
    """Read ``data-quality-money``: new reviews by the file's kind of label, and by a consensus."""
    table, features = reviews(part)
    task, rng = Task(table, Probe(features, discriminant)), np.random.default_rng([seed, 93])
    ratings = dealt(table["ratings"], 1 + 2 * BOUGHT + JUDGES, rng)
    consensus = classes(ratings[:, -JUDGES:].mean(axis=1))
    one, three = classes(ratings[:, 0]), classes(ratings[:, : 1 + BOUGHT].mean(axis=1))
    again = classes(ratings[:, [0, 3, 4]].mean(axis=1))  # a copy's further ratings are its own
    pool, judged = deal(task.book, rng, int(task.book.sum()) - TESTED, TESTED)
    texts, times = bought(dose["rows"], dose["price"], arm)
    own = first(pool, texts, "distinct reviews to buy")
    train = np.tile(own, times)
    labels = np.concatenate([three[own], again[own]]) if arm == "labels" else one[train]
    predicted = task.predict(train, judged, labels)
    shown = three if arm == "labels" else one
    apparent, honest = (task.rows(judged, predicted, truth) for truth in (shown, consensus))
    right = float(np.mean(labels == consensus[train]))
    ruler = float(np.mean(predicted == three[judged]))
    return task.reading(ACCURACY, apparent, honest, texts=float(texts), right=right, ruler=ruler)


_ROWS = Knob("rows", "rows of the file before anything is bought", "rows", low=100, high=3200,
             default=800, doses=(200, 800, 3200))  # fmt: skip
_PRICE = Knob("price", "price of a new text, in ratings", "ratings", low=0, high=20, default=1,
              doses=(0, 1, 3, 10))  # fmt: skip
_experiment = partial(
    Experiment, step="outlook", page="data-quality", kind="ratings", design="same-rows",
    metric=ACCURACY, margin=0.02, sign=-1, seeds=tuple(range(10)),
    arms=("flawed", "more", "labels", "copies"), data=("movie_reviews",), weights=("minilm",),
    cost=0.3, tolerance=0.01, run=run,
)  # fmt: skip

EXPERIMENTS = (
    _experiment(
        id="data-quality-money", knobs=(_ROWS, _PRICE),
        title="More rows, better labels or no copies, for the same money",
        symptom="Better labels were bought, and the score fell, though the model got better.",
        caught_by="Score the old model against the new labels before the new model.",
    ),
    _experiment(
        id="data-quality-price", knobs=(_PRICE, _ROWS),
        title="The same money, as a new text grows dearer than a label",
        symptom="Money goes into further texts, since that is where it went when they were cheap.",
        caught_by="Learn from a part of the rows, and from fewer raters, and see what each costs.",
    ),
)  # fmt: skip
