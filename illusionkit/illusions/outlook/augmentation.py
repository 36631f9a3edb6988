"""Copies with slips of the pen, made before the split or after: ``augmentation``.

Five hundred film reviews: do the raters like the film? Augmentation adds copies of each review
with three words misspelled as people do, and should make the model sturdy. The learner is a linear
probe with scikit-learn's own C = 1, which can learn five hundred reviews by heart.

``augmentation``. In a cross-validation each original is tested once; honest is a model of all
rows on other reviews, as they were written. Flawed: originals and copies are dealt out by chance,
so that a tested review meets its copies in training. Plain: the same, and the copies have no slip.
Control: the same, and in place of each copy stands another review. Cured: a review and its copies
go to one side; that is what splitting first and copying the training side gives.

``augmentation-typos``. One model; apparent on other reviews as written, honest on the same with
three slips each. Flawed: trained with misspelled copies. Plain: with plain ones. Reviews: with as
many other reviews.

Seen before, in a pilot with other settings (apparent .72 without copies, .99 with; honest .71; on
misspelled texts .669 without, .683 with). Said before this was measured: the flawed optimism grows
with the copies, to more than .10 at four; so does the plain one, and no less: the harm is in the
copying. Control and cure are equivalent to 0. Copies move the honest score on clean texts by less
than .02. On misspelled texts slips in training gain .005 to .03 over plain copies, plain copies
gain nothing over none, and as many other reviews gain more than the slips do, there too. Used in
chapter 8.
"""

from __future__ import annotations

from functools import partial

import numpy as np

from illusionkit.experiment.draws import turns
from illusionkit.experiment.reading import ACCURACY, Reading
from illusionkit.experiment.spec import Dose, Experiment, Knob
from illusionkit.experiment.task import joined
from illusionkit.illusions.material.slipped_reviews import (
    COPIES,
    WORK,
    copies_of,
    dealt,
    extended,
    probed,
)

FOLDS = 5


def run(dose: Dose, seed: int, arm: str, part: str) -> Reading:
    """Read ``augmentation``: each original tested once, in five folds; then a holdout."""
    task, rng = probed(part), np.random.default_rng([seed, 83])
    work, spare, holdout = dealt(task, rng)
    kind = {"plain": "plain", "control": "reviews"}.get(arm, "slips")
    rows = extended(task, work, spare, round(dose["copies"]), kind)
    by_chance = rng.permutation(len(rows)) % FOLDS
    fold = turns(task.unit[rows], rng) % FOLDS if arm == "cured" else by_chance
    tested, kin = [], []
    for number in range(FOLDS):
        train, test = rows[fold != number], work[fold[:WORK] == number]
        tested += task.judge(train, test)
        kin.append(np.isin(task.unit[test], task.unit[train]))
    apparent, met = joined(tested), np.concatenate(kin)
    (honest,) = task.judge(rows, holdout)
    right = apparent.truth == apparent.prediction
    extras = {"kin": float(met.mean())}
    for name, side in (("with_kin", met), ("without_kin", ~met)):
        if side.any():
            extras[name] = float(right[side].mean())
    return task.reading(ACCURACY, apparent, honest, **extras)


def typos(dose: Dose, seed: int, arm: str, part: str) -> Reading:
    """Read ``augmentation-typos``: other reviews as they were written, and misspelled."""
    task, rng = probed(part), np.random.default_rng([seed, 83])
    work, spare, _ = dealt(task, rng)
    kind = "slips" if arm == "flawed" else arm
    rows = extended(task, work, spare, round(dose["copies"]), kind)
    table = task.table
    asked = table["part"] == part
    judges = np.flatnonzero(asked & (table["role"] == "judge") & (table["copy"] == 0))
    clean, slipped = task.judge(rows, judges, copies_of(table, judges)[:, 0])
    moved = float(np.mean(clean.prediction != slipped.prediction))
    return task.reading(ACCURACY, clean, slipped, moved=moved)


_experiment = partial(
    Experiment, step="outlook", page="augmentation", kind="text", metric=ACCURACY, sign=1,
    seeds=tuple(range(10)),
    knobs=(Knob("copies", "copies of each review", "copies", low=0, high=COPIES, default=COPIES,
                doses=(0, 1, 2, 4)),),
    null_dose=0, data=("movie_reviews", "slips"), weights=("minilm",),
)  # fmt: skip

EXPERIMENTS = (
    _experiment(
        id="augmentation", title="Reviews augmented before the split",
        symptom="The test score jumped when the data were augmented.",
        caught_by="Count test rows that were made from a training row, or have a copy there.",
        design="fresh-sample", margin=0.05, arms=("flawed", "plain", "control", "cured"),
        cost=1.5, tolerance=0.01, run=run,
    ),
    _experiment(
        id="augmentation-typos", title="Reviews as they were written, and misspelled",
        symptom="A model was trained on misspelled texts, and still does worse on them.",
        caught_by="Add as many plain copies, and compare on texts that nobody trained on.",
        design="same-rows", margin=0.02, arms=("flawed", "plain", "reviews"),
        cost=0.5, tolerance=0.01, run=typos,
    ),
)  # fmt: skip
