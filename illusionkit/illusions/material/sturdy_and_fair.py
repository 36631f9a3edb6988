"""Does one cure harm the other? Training with slips, and thresholds that treat two groups alike.

The learner is that of `slipped_reviews`: a linear probe that says whether raters like a film, from
500 reviews. *Sturdy*: each of these has four misspelled copies in training. *Fair*: fairlearn's
thresholds make the hits and the false alarms of short and of long reviews alike, fitted on 1,000
other reviews. *Both*: both. Judged by 1,500 reviews, as written and misspelled. Short and long:
below the median number of words, or not; named beforehand, as everybody can count them.

Seen before: with four misspelled copies 1.3 points are won over plain copies on misspelled texts.
Expected, before the rest was measured: (1) sturdy training moves the gap in accuracy between long
and short reviews by less than 2 points, on either kind of text; (2) fair thresholds change the drop
under slips by less than 1 point; (3) they cost less than 2 points of accuracy; (4) they bring the
two groups' rates of saying *liked* among the liked nearer together, as written, and leave more of
that gap on misspelled texts, on which nothing was fitted. Used in chapter 8.
"""

from __future__ import annotations

from functools import cache, partial

import numpy as np
import pandas as pd

from illusionkit.arrays import Array
from illusionkit.data import corpora
from illusionkit.illusions.material.fairer import by_thresholds
from illusionkit.illusions.material.slipped_reviews import (
    COPIES,
    copies_of,
    dealt,
    extended,
    probed,
    reviews,
)

FITTED = 1000
"""Reviews that the thresholds are fitted on."""
WAYS = ("plain", "sturdy", "fair", "both")


def judges() -> tuple[Array, Array, Array]:
    """Return the judging reviews' rows, as written and misspelled, their labels, which are long."""
    table = reviews("book")[0]
    asked = np.flatnonzero((table["role"] == "judge") & (table["copy"] == 0))
    both = np.array([asked, copies_of(table, asked)[:, 0]])
    return both, table["label"].to_numpy()[asked], _long(asked)


def _long(rows: Array) -> Array:
    """Return which reviews have no fewer words than the median of all."""
    return np.asarray(_words()[rows] >= np.median(_words()))


@cache
def _words() -> Array:
    """Return the number of words of each film review."""
    return np.array([len(text.split()) for text in corpora.movie_reviews()["text"]])


def said(seed: int) -> dict[str, Array]:
    """Return what each of `WAYS` says of the judging reviews, shape (2, reviews), 1 is *liked*.

    The first row is of the reviews as written, the second of the misspelled ones.
    """
    task = probed("book")
    work, spare, holdout = dealt(task, np.random.default_rng([seed, 83]))
    asked, _, long = judges()
    fitted, told = holdout[:FITTED], {}
    for name, fair, rows in (
        ("plain", "fair", work),
        ("sturdy", "both", extended(task, work, spare, COPIES, "slips")),
    ):
        known, *chances = (each[:, 1] for each in task.chances(rows, fitted, *asked))
        told[name] = np.array([chance > 0.5 for chance in chances]).astype(int)
        cut = partial(by_thresholds, known, task.label[fitted], _long(fitted))
        told[fair] = np.array([cut(chance, long) for chance in chances])
    return told


def right(seeds: range) -> tuple[pd.DataFrame, Array, Array]:
    """Return the mean over seeds of right answers, and of *liked*, of each review.

    A frame of right answers with columns (way, text) in two levels, the same of what is called
    liked as an array (ways, texts, reviews), and which reviews are long.
    """
    _, label, long = judges()
    runs = [said(seed) for seed in seeds]
    liked = np.array([np.mean([run[way] for run in runs], axis=0) for way in WAYS])
    hits = np.array([np.mean([run[way] == label for run in runs], axis=0) for way in WAYS])
    columns = pd.MultiIndex.from_product([WAYS, ("as written", "misspelled")])
    return pd.DataFrame(hits.reshape(len(columns), -1).T, columns=columns), liked, long
