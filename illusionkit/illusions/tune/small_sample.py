"""The illusion of the best run: ``small-sample``.

Train several times, keep the run that does best on a small development set, and report that score:
the winner was chosen for its luck as well as for its skill. Used in chapter 3.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import pandas as pd

from illusionkit.data import corpora
from illusionkit.experiment.reading import ACCURACY, Reading, Rows
from illusionkit.experiment.spec import Dose, Experiment, Knob
from illusionkit.experiment.task import Task, read_encoded
from illusionkit.models.learners import Probe, ridge

HOLDOUT, TRAIN_ROWS = 0.3, 1000


@cache
def reviews(part: str) -> tuple[pd.DataFrame, Probe]:
    """Return movie reviews in five classes, and a learner on their standardised features.

    The scale is that of the book part.
    """
    table, features = read_encoded(corpora.movie_reviews, part)
    features = features.astype(np.float64)
    book = features[(table["part"] == "book").to_numpy()]
    return table, Probe((features - book.mean(axis=0)) / book.std(axis=0), ridge)


def run(dose: Dose, seed: int, arm: str, part: str) -> Reading:
    """Read ``small-sample``: the best of k runs by a small development set, against the holdout.

    A run is a head on a thousand drawn reviews. Flawed: the best run, and the score that chose it.
    Control: the first run. Cured: the first half of the development set chooses, the other reports.
    """
    task, rng = Task(*reviews(part)), np.random.default_rng([seed, 5])
    size = round(dose["dev"])
    holdout, dev, pool = task.cut(rng, HOLDOUT, size)
    dev = dev[:size]  # a unit may have several rows
    runs = [
        task.judge(rng.choice(pool, TRAIN_ROWS, replace=False), dev, holdout)
        for _ in range(round(dose["runs"]))
    ]
    half = len(dev) // 2 if arm == "cured" else 0
    scores = [_score(_part(tried, slice(half or None))) for tried, _ in runs]
    seen, honest = runs[0 if arm == "control" else int(np.argmax(scores))]
    held = np.array([_score(judged) for _, judged in runs])
    extras = {"best_run_in_holdout": float(held.max()), "spread_of_runs": float(held.std())}
    return task.reading(ACCURACY, _part(seen, slice(half, None)), honest, **extras)


def _score(rows: Rows) -> float:
    return float((rows.truth == rows.prediction).mean())


def _part(rows: Rows, where: slice) -> Rows:
    return Rows(rows.truth[where], rows.prediction[where], rows.unit[where])


EXPERIMENTS = (
    Experiment(
        id="small-sample", step="fine-tune", page="small-sample", kind="text",
        title="The best of several runs, chosen on a small development set",
        symptom="The best of our runs is never again as good as on the day it was chosen.",
        caught_by="Report all runs, or score the chosen one on rows that did not choose.",
        design="fresh-sample", metric=ACCURACY, margin=0.03, sign=1, seeds=tuple(range(60)),
        knobs=(Knob(
            "runs", "runs to choose from", "runs", low=1, high=100, default=20,
            doses=(1, 2, 5, 10, 20, 50),
        ),
        Knob(
            "dev", "size of the development set", "reviews", low=20, high=1000, default=200,
            doses=(50, 100, 200, 500),
        ),),
        null_dose=1, data=("movie_reviews",), weights=("minilm",), cost=1.0, run=run,
    ),
)  # fmt: skip
