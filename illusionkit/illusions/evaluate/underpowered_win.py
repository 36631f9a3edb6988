"""The illusion of the win by a point: ``underpowered-win``.

Two *rivals*: one learner, trained twice, on two draws of a thousand movie reviews. As procedures
they are equal by symmetry. As trained models they differ a little, and a large holdout says by how
much. Flawed: n test rows name the winner, and the same rows say by how much it leads. The honest
score is the lead of that same winner in the holdout: signed, so that noise in the holdout cancels,
as it would not in an absolute difference.

Said before anything was measured (sizes had been seen: at n = 500 a mean |lead| of .0215 there and
of .0076 in the holdout, both absolute; a point or more in 78 % of the contests, two in 48 %): with
disagreement q and spread s of the true leads, the winner leads by sqrt(2 (q / n + s^2) / pi) on
average, of which the share s^2 / (q / n + s^2) is left in the holdout. So the optimism falls from
about six points at n = 50; it is above one up to n = 1000, and under one, the margin, at 3000. The
control's interval holds 0 at every n. The cure's optimism is less than half the flawed arm's at
every n, but not nothing: it names a winner in about one contest of twenty (in more where n is
large, since the rivals do differ), and those had the most luck. Of contests won by two points or
more at n = 500, less than a third of the lead is left. Rivals that share nine tenths of their
training rows disagree less, and lead by about half as much. Used in chapter 3.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from illusionkit.arrays import Array
from illusionkit.experiment.draws import first
from illusionkit.experiment.power import LEVEL, mcnemar
from illusionkit.experiment.reading import Metric, Reading, Rows
from illusionkit.experiment.spec import Dose, Experiment, Knob
from illusionkit.experiment.task import Task
from illusionkit.illusions.tune.small_sample import reviews

HOLDOUT, TESTED, TRAIN_ROWS = 0.4, 3000, 1000
"""Share of the units that judge honestly; the units that may be tested on; rows of a training."""


def _leads(rows: Rows) -> Array:
    return np.asarray(rows.prediction, dtype=float)


LEAD = Metric("lead of the winner", per_row=_leads)
"""Accuracy of the winner less the loser's; a row holds 1, 0 or -1 (only the loser is right)."""


def dealt(task: Task, rng: np.random.Generator, size: int) -> tuple[Array, Array, Array]:
    """Return so many test rows, the holdout, and rows for two trainings; they share no unit."""
    holdout, tested, pool = task.cut(rng, HOLDOUT, TESTED)
    test = first(rng.permutation(tested), size, "test reviews")
    return test, holdout, first(rng.permutation(pool), 2 * TRAIN_ROWS, "training reviews")


def leads(task: Task, draws: Sequence[Array], test: Array, holdout: Array) -> list[Array]:
    """Return the lead of the first of two rivals on each row of the test, and of the holdout.

    1 where only it is right, -1 where only the other is; a rival is trained on each of ``draws``.
    """
    rows = np.concatenate([test, holdout])
    one, other = (task.predict(train, rows) == task.label[rows] for train in draws)
    return np.split(one.astype(np.int8) - other, [len(test)])


def run(dose: Dose, seed: int, arm: str, part: str) -> Reading:
    """Read ``underpowered-win``: the winner's lead on n test rows, and in the holdout.

    Control: the first rival, named before any test. Cured: a winner is named if McNemar's test
    gives p < .05; where none is named, no lead is reported or owed, and both scores are 0.
    """
    task, rng = Task(*reviews(part)), np.random.default_rng([seed, 34])
    test, holdout, pool = dealt(task, rng, round(dose["rows"]))
    start = round((1 - dose["shared"]) * TRAIN_ROWS)
    draws = pool[:TRAIN_ROWS], pool[start:][:TRAIN_ROWS]
    seen, held = leads(task, draws, test, holdout)
    p = mcnemar(seen)
    winner = 1 if arm == "control" else int(np.sign(seen.sum(dtype=int)))
    winner = 0 if arm == "cured" and p >= LEVEL else winner
    sides = task.rows(test, winner * seen), task.rows(holdout, winner * held)
    return task.reading(LEAD, *sides, p=p, disagreement=float((held != 0).mean()))


EXPERIMENTS = (
    Experiment(
        id="underpowered-win", step="evaluate", page="underpowered-win", kind="text",
        title="A winner named by a small test",
        symptom="The new model wins by a point, and on the next test the old one does.",
        caught_by="Compute how many rows a lead of this size needs before you test.",
        design="fresh-sample", metric=LEAD, margin=0.01, sign=1, seeds=tuple(range(100)),
        knobs=(
            Knob("rows", "size of the test set", "reviews", low=10, high=3000, default=500,
                 doses=(50, 100, 200, 500, 1000, 2000, 3000)),
            Knob.share("shared", "training rows that both rivals share", (0.0, 0.5, 0.9),
                       default=0.0),
        ),
        data=("movie_reviews",), weights=("minilm",), cost=0.1, tolerance=0.004, run=run,
    ),
)  # fmt: skip
