"""A scorecard that knows only those who were let in: ``accepted-only``.

Of 10,000 applicants an old scorecard of two questions refuses a share: first who is most months
behind, then who has the lowest limit. It sees nobody's label. Whether the others pay is found out;
of the refused nobody ever knows. A new scorecard, logistic regression on 55 columns, learns from
4,000 of the accepted and lends to the best 80 % of 5,000 new applicants. Apparent: the default rate
it promises for those loans, the mean of its chances. Honest: how many default. Control: as many,
accepted at random; not 0 by construction, for the lowest chances picked are partly low by luck.
Cured: a tenth of the 4,000 are refused ones drawn at random, weighed as among the applicants.
"Inferred" is reject inference (fuzzy augmentation): refused ones are added twice, as payer and as
defaulter, at the chances that the flawed scorecard gives them.

Said before this was measured. Seen in a pilot with another old scorecard, at 60 % refused: promised
.094, real .167; lost of a million lent 81 and 139 thousand; an AUC with the opposite sign. At 60 %:
optimism above 3 points, growing with the share. Control below 1 point. Cured: less than half of the
flawed optimism is left; of the refused ones tried, more than a quarter default. Inferred: within 1
point of flawed, for it tells the scorecard what it believes. Among those whom the old one would
accept too, promise and truth agree within 1 point, so what the bank can check holds; the AUC there
is *lower* than over all. Lending to no more than before leaves less than half of the optimism. The
old scorecard's own best 80 % default less often than the flawed new one's, and more often than the
control's. Who is refused, by sex and age, is counted; nothing was foretold. Used in chapter 6.
"""

from __future__ import annotations

import numpy as np

from illusionkit.arrays import Array
from illusionkit.experiment.draws import deal
from illusionkit.experiment.ranking import area
from illusionkit.experiment.reading import Metric, Reading, Rows
from illusionkit.experiment.spec import Dose, Experiment, Knob
from illusionkit.illusions.collect.class_imbalance import holders
from illusionkit.illusions.material.loans import (
    best,
    inferred,
    old_points,
    outcomes,
    refusals,
    taught,
)

APPLIED, TRAIN, JUDGED = 10_000, 4000, 5000
"""Old applicants, those of them whose payments are known and learnt from, and new applicants."""


def _of_loans(rows: Rows, weights: Array) -> float:
    """Return the mean of what is said of those in group 1; NaN where a resample has none."""
    assert rows.group is not None
    with np.errstate(invalid="ignore"):
        return float(weights * rows.group @ rows.prediction / (weights @ rows.group))


DEFAULTS = Metric("default rate of the loans", whole=_of_loans, greater_is_better=False)
"""The mean of what is said of each loan: its chance of default, or 0 or 1 when that is known."""


def with_tried(kept: Array, left: Array, tried: int, share: float) -> tuple[Array, Array]:
    """Return `TRAIN` rows, ``tried`` of them refused ones, and weights that undo the choice.

    With these the refused weigh ``share`` of the whole, as among the applicants. Used in chapter 6.
    """
    if not tried or not len(left):
        return kept[:TRAIN], np.ones(TRAIN)
    sizes = [tried, TRAIN - tried]
    weights = np.repeat(TRAIN * np.array([share, 1 - share]) / sizes, sizes)
    return np.concatenate([left[:tried], kept[: TRAIN - tried]]), weights


def run(dose: Dose, seed: int, arm: str, part: str) -> Reading:
    """Read ``accepted-only``: the default rate that is promised for the loans, and the real one."""
    (table, probe), rng = holders(part), np.random.default_rng([seed, 61])
    applied, judged = deal((table["part"] == "book").to_numpy(), rng, APPLIED, JUDGED)
    label, points, share = table["label"].to_numpy(), old_points(table), dose["refused"]
    taken = best(points[applied], 1.0 if arm == "control" else 1 - share)
    kept, left = applied[taken], applied[~taken]
    tried = round(TRAIN * dose["tried"]) if arm == "cured" else 0
    rows, weights = with_tried(kept, left, tried, share)
    if arm == "inferred" and share:
        card = inferred(probe, rows, label, left[: round(TRAIN * share / (1 - share))])
    else:
        card = taught(probe, rows, label[rows], weights)
    people, chance = table.iloc[judged], card.predict_proba(probe.features[judged])[:, 1]
    loans, within = best(-chance, dose["lent"]), best(points[judged], 1 - share)
    kinds = {"all": loans | True, "within": within, "few": best(-chance, 1 - share),
             "old": best(points[judged], dose["lent"]), "loans": loans}  # fmt: skip
    extras = outcomes(people, chance, kinds) | refusals(people, ~loans)
    extras |= {f"auc_{name}": area(label[judged][kinds[name]], chance[kinds[name]])
               for name in ("all", "within")}  # fmt: skip
    if tried and len(left):
        first = np.arange(TRAIN) < tried
        extras |= outcomes(table.iloc[rows], label[rows], {"tried": first, "kept": ~first})
    truth, unit, lent = label[judged], people["unit"].to_numpy(), loans.astype(int)
    seen, honest = (Rows(truth, said, unit, group=lent) for said in (chance, truth))
    return Reading.scored(DEFAULTS, seen, honest, extras=extras)


EXPERIMENTS = (
    Experiment(
        id="accepted-only", step="applications", page="credit-risk", kind="table",
        title="A scorecard that knows only those who were let in",
        symptom="A scorecard holds on every loan that was made, and more loans fail than it said.",
        caught_by="Lend to a few whom it would refuse, drawn by lot, and count.",
        design="same-rows", metric=DEFAULTS, margin=0.015, sign=1, seeds=tuple(range(16)),
        knobs=(
            Knob.share("refused", "applicants whom the old scorecard refused",
                       (0.0, 0.2, 0.4, 0.6), high=0.6),
            Knob.share("tried", "refused ones among those learnt from", (0.025, 0.1, 0.2),
                       low=0.025, high=0.5, default=0.1),
            Knob.share("lent", "new applicants who get a loan", (0.4, 0.6, 0.8),
                       low=0.2, high=0.95),
        ),
        arms=("flawed", "control", "cured", "inferred"), null_dose=0.0, data=("credit_default",),
        cost=0.3, tolerance=0.005, run=run,
    ),
)  # fmt: skip
