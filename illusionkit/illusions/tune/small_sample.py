"""Illusions that are bred while a model is fine-tuned: ``small-sample``.

Train several times, keep the run that does best on a small development set, and report that score:
the winner was chosen for its luck as well as for its skill. Used in chapter 3.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

import numpy as np
import pandas as pd

from illusionkit.arrays import Array
from illusionkit.data import corpora
from illusionkit.experiment.spec import ACCURACY, Experiment, Knob, Reading, Rows

VAULT_SHARE = 0.3
TRAIN_ROWS = 1000
RIDGE = 100.0


@cache
def _reviews(part: str) -> tuple[pd.DataFrame, Array]:
    """Return movie reviews in five classes, and their standardised frozen features (rows, 384).

    The scale is that of the book part; the confirm part is read for ``part="confirm"`` only.
    """
    from illusionkit.models.encoding import features

    names = dict.fromkeys(("book", part))
    parts = [corpora.movie_reviews(name).assign(part=name) for name in names]
    found = [features(list(rows["text"])).astype(np.float64) for rows in parts]
    scaled = (np.concatenate(found) - found[0].mean(axis=0)) / found[0].std(axis=0)
    return pd.concat(parts, ignore_index=True), scaled


@dataclass(frozen=True)
class _Draw:
    """Row numbers for one seed: the vault, a development set, and rows to train on."""

    vault: Array
    dev: Array
    pool: Array


def _draw(table: pd.DataFrame, size: int, part: str, rng: np.random.Generator) -> _Draw:
    """Return rows whose units do not meet: vault, ``size`` development rows, training pool."""
    in_book = (table["part"] == "book").to_numpy()
    unit = table["unit"].to_numpy()
    names = rng.permutation(np.unique(unit[in_book]))
    cut = round(VAULT_SHARE * len(names))
    vault = np.flatnonzero(in_book & np.isin(unit, names[:cut]))
    if part != "book":
        vault = np.flatnonzero(~in_book)
    dev = np.flatnonzero(in_book & np.isin(unit, names[cut : cut + size]))[:size]
    pool = np.flatnonzero(in_book & np.isin(unit, names[cut + size :]))
    return _Draw(vault, dev, pool)


def _best_of(dose: Mapping[str, float], seed: int, arm: str, part: str) -> Reading:
    """Read ``small-sample``: the best of k runs by a small development set, against the vault."""
    table, found = _reviews(part)
    runs, size = round(dose["runs"]), round(dose["dev"])
    rng = np.random.default_rng([seed, 5])
    drawn = _draw(table, size, part, rng)
    label, unit = table["label"].to_numpy(), table["unit"].to_numpy()
    judged = np.concatenate([drawn.dev, drawn.vault])
    predicted = np.array([_run(found, label, drawn.pool, judged, rng) for _ in range(runs)])
    hits = predicted[:, : len(drawn.dev)] == label[drawn.dev]
    half = len(drawn.dev) // 2 if arm == "cured" else 0
    chosen = 0 if arm == "control" else int(hits[:, : half or None].mean(axis=1).argmax())
    reported = slice(half, len(drawn.dev))
    dev = Rows(label[drawn.dev][reported], predicted[chosen][reported], unit[drawn.dev][reported])
    truth = Rows(label[drawn.vault], predicted[chosen][len(drawn.dev) :], unit[drawn.vault])
    vault = (predicted[:, len(drawn.dev) :] == label[drawn.vault]).mean(axis=1)
    extras = {"best_run_in_vault": float(vault.max()), "spread_of_runs": float(vault.std())}
    return Reading.scored(ACCURACY, dev, truth, extras=extras, touched=unit[drawn.pool])


def _run(found: Array, label: Array, pool: Array, judged: Array, rng: np.random.Generator) -> Array:
    """Return predictions for rows ``judged`` of one run: a head on a thousand drawn reviews."""
    from sklearn.linear_model import RidgeClassifier

    train = rng.choice(pool, TRAIN_ROWS, replace=False)
    head = RidgeClassifier(alpha=RIDGE).fit(found[train], label[train])
    return np.asarray(head.predict(found[judged]))


EXPERIMENTS = (
    Experiment(
        id="small-sample",
        title="The best of several runs, chosen on a small development set",
        step="fine-tune",
        design="fresh-sample",
        metric=ACCURACY,
        knobs=(
            Knob(
                name="runs",
                label="runs to choose from",
                unit="runs",
                low=1,
                high=100,
                default=20,
                doses=(1, 2, 5, 10, 20, 50),
            ),
            Knob(
                name="dev",
                label="size of the development set",
                unit="reviews",
                low=20,
                high=1000,
                default=200,
                doses=(50, 100, 200, 500),
            ),
        ),
        seeds=tuple(range(60)),
        margin=0.03,
        sign=1,
        data=("movie_reviews",),
        page="small-sample",
        cost=1.0,
        run=_best_of,
        weights=("minilm",),
    ),
)
