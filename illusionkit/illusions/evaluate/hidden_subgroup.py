"""An average that hides a group: ``hidden-subgroup``.

A census, and who of it has a job. One accuracy over all persons of 16 and older is reported (who
says "no job" of a child is right for nothing). The group was named beforehand: persons of 16 to
22. Histogram gradient boosting, not tuned, sees 16 columns, age among them; its training rows hold
the group at its real share, an eighth. At dose 0 only the group is judged.

Said before anything was measured here (seen in a pilot: .792 for all, .648 for the group). With
seven others for each of the group, as in the state, optimism is above 10 points; by an identity
it falls in a straight line to 0. A random group of that size: equivalent to 0. "Cured" trains on
as many rows, half of them of the group. It takes away less than a quarter: the group is not
neglected, it is hard to tell. The trivial rival, the commoner label in each group, leaves less
than half of the gap. "Equalized" demands equalized odds (Hardt, Price and Srebro 2016, by
fairlearn): the optimism halves at least, the group gains less than 2 points, and the others lose
more than it gains. Used in chapter 3.
"""

from __future__ import annotations

from functools import cache

import numpy as np

from illusionkit.arrays import Array
from illusionkit.experiment.draws import first
from illusionkit.experiment.reading import Reading, Rows
from illusionkit.experiment.spec import Dose, Experiment, Knob
from illusionkit.experiment.task import Task
from illusionkit.illusions.material.adults import BANDS, COUNTED, adults, counting

TRAIN, TUNE, GROUP, MOST = 4000, 4000, 1000, 9000
"""Persons to train on and to set thresholds on; the group and the most others that are judged."""
JUDGED_SHARE, TUNE_SHARE, REAL_SHARE = 0.3, 0.2, 0.125
"""Shares of households to judge by and to set thresholds on; share of the group in the state."""


def equalized(tuned: Array, truth: Array, group: Array, asked: Array, of: Array) -> Array:
    """Return decisions 0 or 1 for chances ``asked`` of persons in groups ``of``; some by lot.

    Thresholds are set on chances ``tuned``, so that the groups share both error rates and accuracy
    is greatest. Used in chapter 3.
    """
    from fairlearn.postprocessing import ThresholdOptimizer
    from sklearn.linear_model import LinearRegression

    as_it_is = LinearRegression()
    as_it_is.coef_, as_it_is.intercept_ = np.ones(1), 0.0
    rule = ThresholdOptimizer(
        estimator=as_it_is, constraints="equalized_odds", prefit=True, predict_method="predict"
    ).fit(tuned[:, None], truth, sensitive_features=group)
    decided = rule.predict(asked[:, None], sensitive_features=of, random_state=0)
    return np.asarray(decided).astype(int)


def told(rows: Rows, mask: Array, name: str) -> dict[str, float]:
    """Return what is true of the persons of a mask: five rates, each called after ``name``."""
    truth, said = rows.truth[mask], rows.prediction[mask]
    rates = {"accuracy": truth == said, "naive": truth == round(truth.mean()), "said": said}
    rates |= {"found": said[truth == 1], "false": said[truth == 0], "precise": truth[said == 1]}
    return {f"{rate}_{name}": float(np.mean(values)) for rate, values in rates.items()}


@cache
def predicted(seed: int, trained: int, part: str) -> tuple[Task, list[Array], list[Array]]:
    """Return persons to set thresholds on and to judge, the group first, and their chances.

    ``trained`` of the persons trained on are of the group. Used in chapter 3.
    """
    task, rng = Task(*adults(part)), np.random.default_rng([seed, 41])
    young = (task.table["age"] < BANDS[1]).to_numpy()

    def drawn(rows: Array, group: int, size: int) -> Array:
        sides = ((young[rows], group, "of the group"), (~young[rows], size - group, "others"))
        return np.concatenate([first(rng.permutation(rows[m]), n, what) for m, n, what in sides])

    judged, tune, train = task.cut(rng, JUDGED_SHARE, TUNE_SHARE)
    train = drawn(train, trained, TRAIN)
    sets = [drawn(tune, round(REAL_SHARE * TUNE), TUNE), drawn(judged, GROUP, GROUP + MOST)]
    return task, sets, [chances[:, 1] for chances in task.chances(train, *sets)]


def run(dose: Dose, seed: int, arm: str, part: str) -> Reading:
    """Read ``hidden-subgroup``: accuracy over all against that of the group, same predictions."""
    share = 0.5 if arm == "cured" else dose["trained"]
    task, (tune, judged), (by, asked) = predicted(seed, round(share * TRAIN), part)
    size = round(GROUP / (1 - dose["others"]))
    judged, asked, group = judged[:size], asked[:size], np.arange(size) < GROUP
    said = (asked > 0.5).astype(int)
    if arm == "equalized":
        said = equalized(by, task.label[tune], np.arange(TUNE) < TUNE * REAL_SHARE, asked, group)
    rows = Rows(task.label[judged], said, task.unit[judged])
    extras = told(rows, group, "group") | (told(rows, ~group, "others") if size > GROUP else {})
    shown = np.random.default_rng([seed, 44]).permutation(group) if arm == "control" else group
    return task.reading(COUNTED, counting(rows, group | True), counting(rows, shown), **extras)


EXPERIMENTS = (
    Experiment(
        id="hidden-subgroup", step="evaluate", page="hidden-subgroup", kind="table",
        title="One accuracy for all, and that of the youngest",
        symptom="The average is good, and complaints come from one kind of person.",
        caught_by="Score every group that was named beforehand, each with its interval.",
        design="same-rows", metric=COUNTED, margin=0.03, sign=1, seeds=tuple(range(30)),
        knobs=(
            Knob.share("others", "others among the persons judged",
                       (0.0, 0.25, 0.5, 0.75, 0.875), high=0.9),
            Knob.share("trained", "the group among the persons trained on",
                       (0.0, 0.125, 0.5, 1.0), default=0.125),
        ),
        arms=("flawed", "control", "cured", "equalized"), null_dose=0.0, data=("census",),
        cost=0.6, tolerance=0.01, run=run,
    ),
)  # fmt: skip
