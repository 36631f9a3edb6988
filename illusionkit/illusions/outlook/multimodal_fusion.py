"""What a second source seems to add, and what it adds: ``multimodal-fusion``.

Which of ten categories is an emoji of? A ridge classifier reads its picture, its name, or both (the
mean of two kernels). One drawing a family; 800 to learn from, 400 to be judged. A row's lead is 1
where the fusion is right and what it is compared with is not, -1 the other way round. Flawed: the
lead over the picture alone, which is the gain *by* fusion that one reads of. Honest, for both arms:
the lead over the better single source. *Cured*: over the single one that is better in five folds of
the training rows. The knob makes the pictures worse: a share of them is dealt out by lot.

Seen before, in a pilot: picture .69, name .92, both .93. So the sizes are known roughly. Said
before this was measured: the worse the pictures, the more fusion seems to add, at a share of 1 by
far the most, where what it adds is nothing or less. With all pictures in place it adds at most .03
to the name. Cured: equivalent to 0. Rival, two models of the text: the name's letters (runs of two
to four) in place of the picture add at least as much as the picture. Used in chapter 8.
"""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

import numpy as np
import pandas as pd

from illusionkit.arrays import Array
from illusionkit.data.emoji import CATEGORIES
from illusionkit.errors import DataError
from illusionkit.experiment.draws import deal
from illusionkit.experiment.reading import Metric, Reading, Rows
from illusionkit.experiment.spec import Dose, Experiment, Knob
from illusionkit.illusions.material.drawings import drawings, fitted

TRAINED, JUDGED, FOLDS = 800, 400, 5
ALONE = ("picture", "name")

LEAD = Metric("hits of the fusion less hits of another", per_row=lambda rows: rows.prediction)
"""A row is an emoji; its prediction is 1, 0 or -1."""


class Sources(NamedTuple):
    """One drawing of each family, and kernels (rows, rows) of its picture, name and letters."""

    table: pd.DataFrame
    picture: Array
    name: Array
    letters: Array


@cache
def sources(part: str) -> Sources:
    """Return what there is to read of one drawing a family; do not change it."""
    from sklearn.feature_extraction.text import TfidfVectorizer

    table, alike, names = drawings(part)
    rows = np.flatnonzero(~table["unit"].duplicated().to_numpy())
    table, names = table.iloc[rows].reset_index(drop=True), names[rows]
    counts = TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 4)).fit_transform(table["text"])
    letters = (counts @ counts.T).toarray()
    return Sources(table, alike[np.ix_(rows, rows)], names @ names.T, letters)


def dealt(rows: int, sides: list[Array], share: float, rng: np.random.Generator) -> Array:
    """Return the row whose picture each row shows: on each side a share is dealt out by lot."""
    shown = np.arange(rows)
    for side in sides:
        some = side[: round(share * len(side))]
        shown[some] = rng.permutation(some)
    return shown


def kernels(found: Sources, shown: Array) -> dict[str, Array]:
    """Return what each classifier reads; row by row, the picture is that of row ``shown``."""
    picture = found.picture[np.ix_(shown, shown)]
    return {
        "picture": picture, "name": found.name, "both": (picture + found.name) / 2,
        "letters": found.letters, "two_texts": (found.letters + found.name) / 2,
    }  # fmt: skip


def said(kernel: Array, label: Array, train: Array, test: Array) -> Array:
    """Return the category of rows ``test`` by a ridge classifier."""
    targets = np.eye(len(CATEGORIES))[label[train]]
    return np.asarray(fitted(kernel, train, targets, test).argmax(axis=1))


def left_out(kernel: Array, label: Array, train: Array) -> float:
    """Return the accuracy on training rows, each left out of its fit with a fifth of them."""
    fold = np.arange(len(train)) % FOLDS
    parts = [(train[fold != k], train[fold == k]) for k in range(FOLDS)]
    return float(np.mean([np.mean(said(kernel, label, *p) == label[p[1]]) for p in parts]))


def run(dose: Dose, seed: int, arm: str, part: str) -> Reading:
    """Read the lead of picture and name together: over one source, and over the better one."""
    found, rng = sources(part), np.random.default_rng([seed, 82])
    label, unit = (found.table[name].to_numpy() for name in ("label", "unit"))
    train, test = deal((found.table["part"] == "book").to_numpy(), rng, TRAINED, JUDGED)
    if not len(test):
        raise DataError(
            f"{len(label)} families are there, and {TRAINED} are learned from: none is left to "
            "judge by. Read more drawings."
        )
    read = kernels(found, dealt(len(label), [train, test], dose["dealt"], rng))
    right = {name: 1 * (said(read[name], label, train, test) == label[test]) for name in read}
    scores = {name: float(hits.mean()) for name, hits in right.items()}
    known = {name: left_out(read[name], label, train) for name in ALONE} if arm == "cured" else {}
    others = [max(ALONE, key=lambda name: told.get(name, 0)) for told in (known, scores)]
    rows = [Rows(label[test], right["both"] - right[name], unit[test]) for name in others]
    return Reading.scored(LEAD, *rows, extras=scores)


EXPERIMENTS = (
    Experiment(
        id="multimodal-fusion", step="outlook", page="multimodal", kind="table",
        title="Picture and name together, against the picture alone",
        symptom="A second source lifts the score, whatever the first one says.",
        caught_by="Compare with the better single source, row by row.",
        design="same-rows", metric=LEAD, margin=0.01, sign=1, seeds=tuple(range(20)),
        arms=("flawed", "cured"),
        knobs=(Knob.share(
            "dealt", "pictures dealt out by lot", (0.0, 0.25, 0.5, 0.75, 1.0),
            unit="share of the pictures", default=0.0,
        ),),
        data=("emoji",), weights=("minilm",), cost=1.0, tolerance=0.01, run=run,
    ),
)  # fmt: skip
