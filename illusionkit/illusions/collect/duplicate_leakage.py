"""The illusion of copies: a text that is tested on stands in the training data as well.

``duplicate-leakage`` plants copies, ``near-duplicate-leakage`` shortened copies;
``duplicates-as-shipped`` splits the lines as they come, half of which are copies. Used in
chapter 1.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, partial

import numpy as np
import pandas as pd

from illusionkit.arrays import Array
from illusionkit.data import corpora, unit_copies
from illusionkit.experiment.draws import first
from illusionkit.experiment.reading import ACCURACY, Reading
from illusionkit.experiment.spec import Dose, Experiment, Knob
from illusionkit.experiment.task import Task, read
from illusionkit.models.learners import CountedTexts

TEST_TEXTS, TRAIN_TEXTS = 1500, 6000
TEST_SHARE, HOLDOUT = 0.2, 0.2


@cache
def lines() -> tuple[pd.DataFrame, CountedTexts]:
    """Return every line as shipped, with its characters counted.

    Both parts are there, since a line is drawn among all; the book goes on with its own part.
    """
    table = read(corpora.chinese_reviews, "confirm")
    return table, CountedTexts(list(table["text"]))


@cache
def texts(part: str) -> tuple[pd.DataFrame, CountedTexts]:
    """Return one text a unit, with its characters counted.

    Units whose copies carry both labels are left out: they have no true label.
    """
    table = read(corpora.chinese_reviews, part)
    agreed = table.groupby("unit")["label"].transform("nunique") == 1
    table = table[agreed].drop_duplicates("unit").reset_index(drop=True)
    return table, CountedTexts(list(table["text"]))


@dataclass(frozen=True)
class Draw:
    """Rows for one seed: test texts, clean training texts, and spare ones."""

    test: Array
    train: Array
    spare: Array


def draw(
    table: pd.DataFrame, seed: int, part: str, *, tests: int = TEST_TEXTS, trains: int = TRAIN_TEXTS
) -> Draw:
    """Return a seed's test rows (of ``part``) and training rows (always of the book part)."""
    rng = np.random.default_rng([seed, 1])
    pool = rng.permutation(np.flatnonzero(table["part"] == "book"))
    if part == "book":
        test, pool = pool[:tests], pool[tests:]
    else:
        test = rng.permutation(np.flatnonzero(table["part"] == part))[:tests]
    first(pool, trains + len(test), "texts to train on")  # as many spare ones as may be needed
    return Draw(test, pool[:trains], pool[trains:])


def planted(table: pd.DataFrame, drawn: Draw, share: float, arm: str) -> Array:
    """Return training rows, as many as ``drawn.train``, with copies in place of some of them."""
    size, count = len(drawn.train), round(share * len(drawn.test))
    copies = (drawn.train if arm == "control" else drawn.test)[:count]
    train = np.concatenate([drawn.train[: size - count], copies])
    if arm == "cured":
        leaked = _leaked(table, drawn, list(table["text"][train]))
        train = np.concatenate([train[~leaked], drawn.spare])[:size]
    return train


def _leaked(table: pd.DataFrame, drawn: Draw, train: list[str]) -> Array:
    """Return which training texts are copies or near copies of a test text."""
    return unit_copies.overlap(list(table["text"][drawn.test]), train)


def _planted(dose: Dose, seed: int, arm: str, part: str) -> Reading:
    """Read `duplicate-leakage`: a share of the test texts has a copy in the training data.

    Flawed: trained with the copies. Control: with copies of other texts. Cured: copies of tested
    texts are found and replaced. Honest, for all: the model that was trained clean.
    """
    task = Task(*texts(part))
    drawn = draw(task.table, seed, part)
    (leaky,) = task.judge(planted(task.table, drawn, dose["share"], arm), drawn.test)
    (clean,) = task.judge(drawn.train, drawn.test)
    return task.reading(ACCURACY, leaky, clean)


def _shortened(dose: Dose, seed: int, arm: str, part: str) -> Reading:
    """Read `near-duplicate-leakage`: every test text has a shortened copy in the training data."""
    task = Task(*texts(part))
    drawn, text = draw(task.table, seed, part), task.table["text"]
    origin = (drawn.train if arm == "control" else drawn.test)[: len(drawn.test)]
    short = excerpts(list(text[origin]), dose["kept"], seed)
    if arm == "cured":
        leaked = _leaked(task.table, drawn, short)
        origin, short = origin[~leaked], [short[n] for n in np.flatnonzero(~leaked)]
    size = len(drawn.train)
    train = drawn.train[: size - len(drawn.test)]
    train = np.concatenate([train, drawn.spare])[: size - len(short)]
    labels = task.label[np.concatenate([train, origin])]
    (leaky,) = task.judge(train, drawn.test, labels=labels, extra=short)
    (clean,) = task.judge(drawn.train, drawn.test)
    return task.reading(ACCURACY, leaky, clean)


def excerpts(texts: list[str], share: float, seed: int) -> list[str]:
    """Return from each text one run of ``share`` of its characters, begun at a random place."""
    rng = np.random.default_rng([seed, 3])
    sizes = [max(1, round(share * len(text))) for text in texts]
    starts = [rng.integers(len(text) - size + 1) for text, size in zip(texts, sizes, strict=True)]
    return [t[a : a + n] for t, a, n in zip(texts, starts, sizes, strict=True)]


def _shipped(dose: Dose, seed: int, arm: str, part: str) -> Reading:
    """Read `duplicates-as-shipped`: split the lines, judge by a holdout of whole units.

    Flawed: split line by line. Control: the same test lines, and their copies left out of the
    training lines, with repeats of others in their place. Cured: split by whole units.
    """
    task, rng = Task(*lines()), np.random.default_rng([seed, 2])
    kept = thinned(task.unit, dose["kept"], rng)
    kept = kept if part == "confirm" else kept[task.book[kept]]
    holdout, work = task.cut(rng, HOLDOUT, rows=kept)
    train, test = _split(task, work, rng, whole_units=arm == "cured")
    if arm == "control":
        clean = train[~np.isin(task.unit[train], task.unit[test])]
        train = np.concatenate([clean, rng.choice(clean, len(train) - len(clean))])
    apparent, honest = task.judge(train, test, holdout)
    copied = np.isin(apparent.unit, task.unit[train])
    right = apparent.prediction == apparent.truth
    extras = {"share_with_copy": float(copied.mean())}
    for name, part_of in (("with_copy", copied), ("without_copy", ~copied)):
        if part_of.any():
            extras[f"accuracy_{name}"] = float(right[part_of].mean())
    return task.reading(ACCURACY, apparent, honest, **extras)


def thinned(unit: Array, kept: float, rng: np.random.Generator) -> Array:
    """Return row numbers: one of each unit, and a share ``kept`` of the unit's other rows."""
    order = rng.permutation(len(unit))
    repeated = pd.Series(unit[order]).duplicated().to_numpy()
    return order[~repeated | (rng.random(len(unit)) < kept)]


def _split(
    task: Task, rows: Array, rng: np.random.Generator, *, whole_units: bool
) -> tuple[Array, Array]:
    """Return training and test rows, drawn row by row or a whole unit at a time."""
    if whole_units:
        test, train = task.cut(rng, TEST_SHARE, rows=rows)
        return train, test
    drawn = rng.permutation(rows)
    cut = round(TEST_SHARE * len(rows))
    return drawn[cut:], drawn[:cut]


_experiment = partial(
    Experiment,
    step="collect", page="a-score-to-distrust", kind="text",
    metric=ACCURACY, margin=0.02, sign=1, seeds=tuple(range(10)),
    data=("chinese_reviews",),
)  # fmt: skip

EXPERIMENTS = (
    _experiment(
        id="duplicate-leakage",
        title="Copies of test texts in the training data",
        symptom="The test score falls as soon as equal rows are removed before the split.",
        caught_by="Count test rows that also stand in training, then remove them and score again.",
        design="paired-models",
        knobs=(
            Knob.share("share", "test texts with a copy in training", (0.0, 0.25, 0.5, 0.75, 1.0)),
        ),
        null_dose=0.0, cost=0.5, run=_planted,
    ),
    _experiment(
        id="near-duplicate-leakage",
        title="Shortened copies of test texts in the training data",
        symptom="Equal rows are gone, and test rows still sound like rows that were trained on.",
        caught_by="Compare the score of test rows near to training with that of the others.",
        design="paired-models",
        knobs=(Knob.share(
            "kept", "length of the copy", (0.1, 0.25, 0.4, 0.5, 0.75, 1.0),
            unit="share of the text", low=0.05, default=0.75,
        ),),
        page="how-far-a-copy-reaches", cost=1.0, run=_shortened,
    ),
    _experiment(
        id="duplicates-as-shipped",
        title="A random split of lines, half of which are copies",
        symptom="A random split of a downloaded file gives a score that no new text reaches.",
        caught_by="Split the distinct texts, not the lines of the file.",
        design="fresh-sample",
        knobs=(Knob.share("kept", "repeated lines left in the data", (0.0, 0.25, 0.5, 0.75, 1.0)),),
        null_dose=0.0, cost=2.0, run=_shipped,
    ),
)  # fmt: skip
