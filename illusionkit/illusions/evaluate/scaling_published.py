"""A published near-null made again: ``scaling-published``, and ``scaling-published-census``.

Roth (2026, a preprint, arXiv:2604.04199, abstract): over 2,047 tabular data sets, fitting scalers
on the full data changes the area under the ROC curve by at most .005 in all nine conditions. Here:
two tables, 300 rows at a time, five random folds, standardised numbers and codes spread over
columns, logistic regression. Rows, folds and learner are ours; the abstract names none.

Honest: scaler and codes are learned from the training folds. Flawed: from a share of the tested
rows as well. Control: from as many other rows, which nobody tests; what they change is a larger
sample, and no leak. No arm but these: a cure would be the honest side itself.

Said before anything was measured (a pilot of the flawed arm had been seen: +.0004 ± .0004): on both
tables and at every share the optimism is inside .005 on either side, and the flawed arm can't be
told from the control; though probabilities do move (extra ``moved``). Used in chapter 3.
"""

from __future__ import annotations

from functools import cache, partial
from typing import Any

import numpy as np
import pandas as pd

from illusionkit.arrays import Array
from illusionkit.data import census, credit
from illusionkit.experiment.draws import deal
from illusionkit.experiment.published import Published
from illusionkit.experiment.ranking import area_of
from illusionkit.experiment.reading import Metric, Reading, Rows
from illusionkit.experiment.spec import Dose, Experiment, Knob
from illusionkit.experiment.task import read

ROWS, FOLDS = 300, 5

CHANGE = Published(0.0, 0.005)
"""The change of the area under the ROC curve, and the bound of the preprint's abstract."""

CODES = {
    "credit_default": ("sex", "education", "marriage"),
    "census": tuple(name for name in census.COLUMNS if name not in ("age", "schooling")),
}
"""The columns of each table whose numbers are codes; the others are scaled."""

AREA = Metric("area under the ROC curve", whole=area_of)
"""How often a row of class 1 has a higher chance of it than a row of class 0."""


@cache
def people(source: str, part: str) -> pd.DataFrame:
    """Return a table of one row a unit: what is known, ``label``, ``unit`` and ``part``."""
    loaders = {"credit_default": credit.credit_default, "census": census.census}
    loaded = read(loaders[source], part)
    return loaded.drop_duplicates("unit").reset_index(drop=True)


def chances(
    table: pd.DataFrame, codes: tuple[str, ...], train: Array, seen: Array, test: Array
) -> Array:
    """Return the chance of class 1 of rows ``test``; scaler and codes are learned from ``seen``."""
    from sklearn.compose import make_column_transformer
    from sklearn.linear_model import LogisticRegression
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    known = table.drop(columns=["label", "unit", "part"])
    numbers = [name for name in known if name not in codes]
    spread = OneHotEncoder(handle_unknown="ignore", sparse_output=False)
    prepared = make_column_transformer((StandardScaler(), numbers), (spread, list(codes)))
    prepared.fit(known.iloc[seen])
    learner = LogisticRegression(max_iter=1000)
    learner.fit(prepared.transform(known.iloc[train]), table["label"].iloc[train])
    return np.asarray(learner.predict_proba(prepared.transform(known.iloc[test]))[:, 1])


def run(dose: Dose, seed: int, arm: str, part: str, source: str) -> Reading:
    """Read how much better 300 rows are ranked where the scaler has seen more than training rows.

    Extra ``moved``: by how much a probability changes, on average.
    """
    table, rng = people(source, part), np.random.default_rng([seed, 46])
    tested = ROWS // FOLDS
    others, rows = deal((table["part"] == "book").to_numpy(), rng, tested, ROWS)
    found = np.empty((2, len(rows)))
    for number in range(FOLDS):
        test = rows[number::FOLDS]
        train = rows[~np.isin(rows, test)]
        more = (others if arm == "control" else test)[: round(dose["share"] * tested)]
        for side, seen in enumerate((np.concatenate([train, more]), train)):
            found[side, number::FOLDS] = chances(table, CODES[source], train, seen, test)
    label, unit = (table[name].to_numpy()[rows] for name in ("label", "unit"))
    apparent, honest = (
        Rows(label, (side > 0.5).astype(int), unit, np.maximum(side, 1 - side)) for side in found
    )
    size, extras = len(rows) - tested, {"moved": float(np.abs(found[0] - found[1]).mean())}
    return Reading.scored(AREA, apparent, honest, extras=extras, train_sizes=(size, size))


def _spec(name: str, source: str, **own: Any) -> Experiment:
    return Experiment(
        id=name, step="evaluate", kind="table", page="published-again", design="paired-models",
        metric=AREA, margin=CHANGE.margin, sign=0, seeds=tuple(range(24)),
        arms=("flawed", "control"),
        knobs=(Knob.share("share", "tested rows that the scaler has seen", (0.0, 0.5, 1.0)),),
        null_dose=0.0, data=(source,), cost=0.3, run=partial(run, source=source), **own,
    )  # fmt: skip


EXPERIMENTS = (
    _spec(
        "scaling-published", "credit_default", title="A scaler that has seen the tested rows",
        symptom="A scaler was fitted before the split, and somebody asks what that was worth.",
    ),
    _spec(
        "scaling-published-census", "census", title="A scaler that has seen the tested persons",
        symptom="Codes of a survey were spread over columns before the split.",
    ),
)  # fmt: skip
