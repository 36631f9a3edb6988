"""A file of questions as it is shipped: ``customer-service-copies``.

The file is five nested blocks pasted together, so that most lines stand there several times. A
router to fifty kinds of question learns from words and pairs of words. Flawed: lines are dealt out
by chance, and nearly every tested one stands in training as well. Cured: whole units are.

Seen before, in a pilot: 23 of a thousand misrouted by chance, about 210 by copies. Said before
anything was measured here, in misrouted of a thousand: with all repeats at most 60 apparent and
more than 150 honest; the optimism grows with the repeats; ``control``, which tests the same lines
with their copies taken out of training, and the cure are equivalent to 0 or undecided, and below 40
in size. A tested line that has a copy in training is almost never misrouted (fewer than 10), one
without as often as in the holdout, within 50.

Changed after the first table: too few lines are refused now. No reading moves by it; all were taken
again. Used in chapter 6.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import pandas as pd

from illusionkit.arrays import Array
from illusionkit.data import questions
from illusionkit.errors import DataError
from illusionkit.experiment.draws import first
from illusionkit.experiment.reading import Reading
from illusionkit.experiment.spec import Dose, Experiment, Knob
from illusionkit.experiment.task import Task, read
from illusionkit.illusions.collect.duplicate_leakage import thinned
from illusionkit.illusions.material.help_desk import MISROUTED, router, words_and_pairs
from illusionkit.models.learners import Probe

TESTED, HOLDOUT = 0.2, 0.2
"""Shares of the lines to test on, and of the units that judge honestly."""
LEAST = 20
"""Lines to deal out to training and test, at least."""


def kinds(table: pd.DataFrame) -> Array:
    """Return the number of each line's kind. Raises DataError: a desk holds kinds of another."""
    of_desk = table["fine"].str.partition(":")[0]
    if (of_desk.groupby(table["label"]).nunique() > 1).any():
        raise DataError("A desk has questions of another desk's kind: has the file changed?")
    return np.asarray(pd.factorize(table["fine"], sort=True)[0])


@cache
def lines(part: str = "book") -> tuple[pd.DataFrame, Probe]:
    """Return the lines as shipped, labelled by kind, and a router of words and pairs, 0 or 1."""
    table = read(questions.question_lines, part)
    counts = words_and_pairs(list(table["text"]))
    return table.assign(label=kinds(table)), Probe(counts, router)


def run(dose: Dose, seed: int, arm: str, part: str) -> Reading:
    """Read ``customer-service-copies``: a share of the repeated lines is left in the file.

    Honest: misrouted of a thousand lines of unused units. Flawed: lines dealt out by chance.
    Control: the same tested lines, without their copies in training, and repeats of other lines in
    place of those. Cured: whole units are tested.
    """
    task, rng = Task(*lines(part)), np.random.default_rng([seed, 62])
    kept = thinned(task.unit, dose["kept"], rng)
    holdout, work = task.cut(rng, HOLDOUT, rows=kept)
    first(work, LEAST, "lines to deal out")
    train, test = dealt(task, work, rng, whole_units=arm == "cured")
    if arm == "control":
        clean = train[~np.isin(task.unit[train], task.unit[test])]
        train = np.concatenate([clean, rng.choice(clean, len(train) - len(clean))])
    told, honest = task.judge(train, test, holdout)
    copied, wrong = np.isin(told.unit, task.unit[train]), told.truth != told.prediction
    extras = {"with_copy": float(copied.mean())}
    for name, side in (("misrouted_with_copy", copied), ("misrouted_without", ~copied)):
        if side.any():
            extras[name] = 1000 * float(wrong[side].mean())
    return task.reading(MISROUTED, told, honest, **extras)


def dealt(
    task: Task, rows: Array, rng: np.random.Generator, *, whole_units: bool
) -> tuple[Array, Array]:
    """Return training and test rows, dealt out line by line or a whole unit at a time."""
    if whole_units:
        names = rng.permutation(np.unique(task.unit[rows]))
        tested = np.isin(task.unit[rows], names[: round(TESTED * len(names))])
        return rows[~tested], rows[tested]
    drawn, cut = rng.permutation(rows), round(TESTED * len(rows))
    return drawn[cut:], drawn[:cut]


EXPERIMENTS = (
    Experiment(
        id="customer-service-copies", step="applications", page="as-shipped", kind="text",
        title="A question file of nested blocks, split by chance",
        symptom="A router learned from a downloaded file hardly errs; those who ask know better.",
        caught_by="Count the distinct lines of the file, and split those.",
        design="fresh-sample", metric=MISROUTED, margin=30, sign=1, seeds=tuple(range(5)),
        knobs=(Knob.share("kept", "repeated lines left in the file", (0.0, 0.5, 1.0)),),
        null_dose=0.0, data=("question_lines",), cost=2.0, tolerance=10, run=run,
    ),
)  # fmt: skip
