"""Labels that a rule made from a column: ``rule-made-label``.

A column was to say who defaulted. It was not filled in yet, so a rule filled it in: who is behind
with the latest statement counts as one who defaults. The column of delays is also what the
scorecard sees. A share of all labels, of training and of test, is the rule's. Apparent: the AUC
against the labels as they stand in the table. Honest: the AUC of the same chances against who did
default. Control: the rule's answers, dealt to other people: as many labels are wrong, and no column
made them. Cured: the model stays, but 1,000 of the 4,000 tested are looked up, and only these are
scored.

Said before this was measured. Seen in a pilot with all labels the rule's: apparent .77 to 1.00,
honest .77 to .69. The optimism grows with the share and is above .25 with all of it; the honest AUC
falls by more than .05, because the model learns the rule and forgets what else it could see. The
control looks *worse* than it is, not better, at every share between. Cured: equivalent to 0 at
every share. The trivial rival, the rule itself as a score with two values, is honestly about as
good as the model that learnt it (within .03). Used in chapter 6.
"""

from __future__ import annotations

import numpy as np

from illusionkit.arrays import Array
from illusionkit.experiment.draws import deal
from illusionkit.experiment.ranking import area
from illusionkit.experiment.reading import Metric, Reading, Rows
from illusionkit.experiment.spec import Dose, Experiment, Knob
from illusionkit.illusions.collect.class_imbalance import holders
from illusionkit.illusions.material.loans import taught

TRAIN, TEST, LOOKED_UP = 4000, 4000, 1000
"""Customers learnt from, tested, and those of the tested of whom the truth is looked up."""


def _area(rows: Rows, weights: Array) -> float:
    """Return the AUC of those in group 1; NaN where a resample lacks a class."""
    assert rows.group is not None
    return area(rows.truth, rows.prediction, weights * rows.group)


AUC = Metric("area under the curve", whole=_area)
"""How often one who defaults has a higher chance than one who does not, in group 1."""


def run(dose: Dose, seed: int, arm: str, part: str) -> Reading:
    """Read ``rule-made-label``: the AUC against labels as they stand, and against the truth."""
    (table, probe), rng = holders(part), np.random.default_rng([seed, 63])
    train, test = deal((table["part"] == "book").to_numpy(), rng, TRAIN, TEST)
    rows = np.concatenate([train, test])
    truth = table["label"].to_numpy()[rows]
    rule = (table["late_1"] > 0).to_numpy().astype(int)[rows]
    made, dealt = rng.random(len(rows)) < dose["made"], rng.permutation(rule)
    label = np.where(made, dealt if arm == "control" else rule, truth)
    card = taught(probe, train, label[:TRAIN], np.ones(TRAIN))
    chance, unit = card.predict_proba(probe.features[test])[:, 1], table["unit"].to_numpy()[test]
    everyone, few = np.ones(len(test), int), (np.arange(len(test)) < LOOKED_UP).astype(int)
    shown = truth if arm == "cured" else label
    seen = Rows(shown[TRAIN:], chance, unit, group=few if arm == "cured" else everyone)
    honest = Rows(truth[TRAIN:], chance, unit, group=everyone)
    extras = {"rule": area(truth[TRAIN:], rule[TRAIN:]), "wrong": float(np.mean(label != truth))}
    return Reading.scored(AUC, seen, honest, extras=extras)


EXPERIMENTS = (
    Experiment(
        id="rule-made-label", step="applications", page="label-by-rule", kind="table",
        title="Labels that a rule made from a column",
        symptom="A nearly perfect score, and one column does it all.",
        caught_by="Ask who filled in the label; look up the truth of a few, drawn by lot.",
        design="same-rows", metric=AUC, margin=0.03, sign=1, seeds=tuple(range(16)),
        knobs=(Knob.share("made", "labels that the rule made", (0.0, 0.25, 0.5, 1.0)),),
        null_dose=0.0, data=("credit_default",), cost=0.1, tolerance=0.01, run=run,
    ),
)  # fmt: skip
