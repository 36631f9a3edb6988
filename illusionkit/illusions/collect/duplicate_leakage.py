"""Illusions that are bred while data are collected.

``duplicate-leakage``, ``near-duplicate-leakage`` and ``duplicates-as-shipped`` belong to one
illusion: a text that is tested on stands in the training data as well. Used in chapter 1.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, partial

import numpy as np
import pandas as pd

from illusionkit.arrays import Array
from illusionkit.data import corpora, duplicates, tables
from illusionkit.errors import DataError
from illusionkit.experiment.spec import ACCURACY, Experiment, Knob, Reading, Rows
from illusionkit.models.learners import CountedTexts

TEST_TEXTS = 1500
TRAIN_TEXTS = 6000
TEST_SHARE = 0.2
VAULT_SHARE = 0.2
SEEDS = tuple(range(10))


@cache
def _texts() -> tuple[pd.DataFrame, CountedTexts]:
    """Return one text a unit, of both parts, with its characters counted.

    Units whose copies carry both labels are left out: they have no true label.
    """
    parts = [corpora.chinese_reviews(part).assign(part=part) for part in tables.PARTS]
    table = pd.concat(parts, ignore_index=True)
    agreed = table.groupby("unit")["label"].transform("nunique") == 1
    table = table[agreed].drop_duplicates("unit").reset_index(drop=True)
    return table, CountedTexts(list(table["text"]))


@dataclass(frozen=True)
class Draw:
    """Rows of `_texts` for one seed: test texts, clean training texts, and spare ones."""

    test: Array
    train: Array
    spare: Array


def draw(
    table: pd.DataFrame, seed: int, part: str, tests: int = TEST_TEXTS, trains: int = TRAIN_TEXTS
) -> Draw:
    """Return a seed's test rows (of ``part``) and training rows (always of the book part)."""
    rng = np.random.default_rng([seed, 1])
    pool = rng.permutation(np.flatnonzero(table["part"] == "book"))
    if part == "book":
        test, pool = pool[:tests], pool[tests:]
    else:
        test = rng.permutation(np.flatnonzero(table["part"] == part))[:tests]
    if len(pool) < trains + len(test):
        raise DataError(f"This needs {trains + len(test)} texts to train on: {len(pool)}.")
    return Draw(test, pool[:trains], pool[trains:])


def _planted(dose: Mapping[str, float], seed: int, arm: str, part: str) -> Reading:
    """Read `duplicate-leakage`: a share of the test texts has a copy in the training data."""
    table, counted = _texts()
    drawn = draw(table, seed, part)
    return _against_clean(table, counted, drawn, planted(table, drawn, dose["share"], arm))


def planted(table: pd.DataFrame, drawn: Draw, share: float, arm: str) -> Array:
    """Return training rows, as many as ``drawn.train``, with copies in place of some of them."""
    size, count = len(drawn.train), round(share * len(drawn.test))
    copies = (drawn.train if arm == "control" else drawn.test)[:count]
    train = np.concatenate([drawn.train[: size - count], copies])
    if arm == "cured":
        leaked = _leaked(table, drawn.test, list(table["text"][train]))
        train = np.concatenate([train[~leaked], drawn.spare])[:size]
    return train


def _leaked(table: pd.DataFrame, test: Array, train: list[str]) -> Array:
    """Return which training texts are copies or near copies of a test text."""
    return duplicates.overlap(list(table["text"][test]), train)


def _near(dose: Mapping[str, float], seed: int, arm: str, part: str) -> Reading:
    """Read `near-duplicate-leakage`: every test text has a shortened copy in the training data."""
    table, counted = _texts()
    drawn = draw(table, seed, part)
    origin = (drawn.train if arm == "control" else drawn.test)[: len(drawn.test)]
    kept = _excerpts(list(table["text"][origin]), dose["kept"], seed)
    labels = table["label"].to_numpy()[origin]
    train = drawn.train[: TRAIN_TEXTS - len(kept)]
    if arm == "cured":
        leaked = _leaked(table, drawn.test, kept)
        kept = [text for text, out in zip(kept, leaked, strict=True) if not out]
        labels = labels[~leaked]
        train = np.concatenate([train, drawn.spare])[: TRAIN_TEXTS - len(kept)]
    return _against_clean(table, counted, drawn, train, kept, labels)


def _excerpts(texts: list[str], share: float, seed: int) -> list[str]:
    """Return from each text one run of ``share`` of its characters, begun at a random place."""
    rng = np.random.default_rng([seed, 3])
    sizes = [max(1, round(share * len(text))) for text in texts]
    starts = [rng.integers(len(text) - size + 1) for text, size in zip(texts, sizes, strict=True)]
    return [t[a : a + n] for t, a, n in zip(texts, starts, sizes, strict=True)]


def _against_clean(
    table: pd.DataFrame,
    counted: CountedTexts,
    drawn: Draw,
    train: Array,
    extra: list[str] | None = None,
    extra_labels: Array | None = None,
) -> Reading:
    """Return the model trained on ``train`` and extra texts beside the one trained clean."""
    extra, labels = extra or [], table["label"].to_numpy()
    added = labels[:0] if extra_labels is None else extra_labels
    fitted = counted.predict(train, np.concatenate([labels[train], added]), drawn.test, extra)
    clean = counted.predict(drawn.train, labels[drawn.train], drawn.test)
    truth, unit = labels[drawn.test], table["unit"].to_numpy()[drawn.test]
    sizes = (len(train) + len(extra), len(drawn.train))
    return Reading.scored(
        ACCURACY, Rows(truth, fitted, unit), Rows(truth, clean, unit), train_sizes=sizes
    )


@cache
def _lines() -> tuple[pd.DataFrame, CountedTexts]:
    """Return every line as shipped, of both parts, with its characters counted."""
    parts = [corpora.chinese_reviews(part).assign(part=part) for part in tables.PARTS]
    table = pd.concat(parts, ignore_index=True)
    return table, CountedTexts(list(table["text"]))


def _shipped(dose: Mapping[str, float], seed: int, arm: str, part: str) -> Reading:
    """Read `duplicates-as-shipped`: split the lines at random, judge by a vault of whole units."""
    table, counted = _lines()
    rng = np.random.default_rng([seed, 2])
    lines = _thinned(table, dose["kept"], rng)
    vault, work = _vault(table, lines, part, rng)
    train, test = _split(table, work, rng, by_unit=arm == "cured")
    if arm == "control":
        train = _without_copies(table, train, test, rng)
    labels, unit = table["label"].to_numpy(), table["unit"].to_numpy()
    judged = np.concatenate([test, vault])
    predicted = counted.predict(train, labels[train], judged)
    rows = [Rows(labels[r], p, unit[r]) for r, p in _pieces(judged, predicted, len(test))]
    copied = np.isin(unit[test], unit[train])
    extras = {"share_with_copy": float(copied.mean())}
    for name, part_of in (("with_copy", copied), ("without_copy", ~copied)):
        if part_of.any():
            hits = predicted[: len(test)] == labels[test]
            extras[f"accuracy_{name}"] = float(hits[part_of].mean())
    return Reading.scored(ACCURACY, *rows, extras=extras, touched=unit[work])


def _pieces(rows: Array, predicted: Array, cut: int) -> list[tuple[Array, Array]]:
    return [(rows[:cut], predicted[:cut]), (rows[cut:], predicted[cut:])]


def _thinned(table: pd.DataFrame, kept: float, rng: np.random.Generator) -> Array:
    """Return line numbers: one of each unit, and a share ``kept`` of the unit's other lines."""
    order = rng.permutation(len(table))
    repeated = table["unit"].iloc[order].duplicated().to_numpy()
    return order[~repeated | (rng.random(len(table)) < kept)]


def _vault(
    table: pd.DataFrame, lines: Array, part: str, rng: np.random.Generator
) -> tuple[Array, Array]:
    """Return the lines of the vault's units, and the lines that may be worked with."""
    in_book = table["part"].to_numpy()[lines] == "book"
    if part != "book":
        return lines[~in_book], lines[in_book]
    unit = table["unit"].to_numpy()
    names = np.unique(unit[table["part"] == "book"])
    aside = rng.permutation(names)[: round(VAULT_SHARE * len(names))]
    held = np.isin(unit[lines], aside)
    return lines[in_book & held], lines[in_book & ~held]


def _split(
    table: pd.DataFrame, lines: Array, rng: np.random.Generator, *, by_unit: bool
) -> tuple[Array, Array]:
    """Return training and test lines, drawn line by line or a whole unit at a time."""
    if not by_unit:
        drawn = rng.permutation(lines)
        cut = round(TEST_SHARE * len(lines))
        return drawn[cut:], drawn[:cut]
    unit = table["unit"].to_numpy()[lines]
    names = rng.permutation(np.unique(unit))
    test = np.isin(unit, names[: round(TEST_SHARE * len(names))])
    return lines[~test], lines[test]


def _without_copies(
    table: pd.DataFrame, train: Array, test: Array, rng: np.random.Generator
) -> Array:
    """Return training lines in which lines of tested units gave way to repeats of the others."""
    unit = table["unit"].to_numpy()
    clean = train[~np.isin(unit[train], unit[test])]
    return np.concatenate([clean, rng.choice(clean, len(train) - len(clean))])


_experiment = partial(
    Experiment,
    step="collect",
    metric=ACCURACY,
    seeds=SEEDS,
    margin=0.02,
    sign=1,
    data=("chinese_reviews",),
    page="a-score-to-distrust",
)

EXPERIMENTS = (
    _experiment(
        id="duplicate-leakage",
        title="Copies of test texts in the training data",
        design="paired-models",
        knobs=(
            Knob(
                name="share",
                label="test texts with a copy in training",
                unit="share",
                low=0.0,
                high=1.0,
                default=1.0,
                doses=(0.0, 0.25, 0.5, 0.75, 1.0),
            ),
        ),
        cost=0.5,
        run=_planted,
    ),
    _experiment(
        id="near-duplicate-leakage",
        title="Shortened copies of test texts in the training data",
        design="paired-models",
        knobs=(
            Knob(
                name="kept",
                label="length of the copy",
                unit="share of the text",
                low=0.05,
                high=1.0,
                default=0.75,
                doses=(0.1, 0.25, 0.4, 0.5, 0.75, 1.0),
            ),
        ),
        cost=1.0,
        run=_near,
    ),
    _experiment(
        id="duplicates-as-shipped",
        title="A random split of lines, half of which are copies",
        design="fresh-sample",
        knobs=(
            Knob(
                name="kept",
                label="repeated lines left in the data",
                unit="share",
                low=0.0,
                high=1.0,
                default=1.0,
                doses=(0.0, 0.25, 0.5, 0.75, 1.0),
            ),
        ),
        cost=2.0,
        run=_shipped,
    ),
)
