"""Checks of what the test can tell: its size, and predictions that were given."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd

from illusionkit.arrays import Array
from illusionkit.audit import quick
from illusionkit.audit.case import FEWEST, Case
from illusionkit.audit.finding import Finding
from illusionkit.audit.roles import classes

LOOKS, TWO_SIDED, BINS = 20, 1.96 + 0.8416, 10
"""Looks at one test set; quantiles of a test at 5 % with a power of 80 %; bins of confidence."""
MOST_GROUPS = 10


def size(case: Case) -> Iterator[Finding]:
    """Yield how far a score on this test can be believed."""
    score = quick.difference(case.right, np.zeros(len(case.right)), case.unit[case.drawn[1]])
    half = (score.high - score.low) / 2
    rows = len(case.test)
    spread = max(score.value * (1 - score.value), 1e-9)
    apart, luck = TWO_SIDED * (2 * spread / rows) ** 0.5, (spread * 2 * np.log(LOOKS) / rows) ** 0.5
    units = len(np.unique(case.unit[len(case.train) :]))
    yield Finding(
        "size of the test",
        f"{rows:,} test rows of {units:,} units: a score is known to ± {100 * half:.1f} points. "
        f"Two models on rows of their own must be {100 * apart:.1f} points apart to be told apart, "
        f"and the best of {LOOKS} looks may owe {100 * luck:.1f} points to luck.",
        "Print the interval; count the looks; compare models on the same rows.", "test-reuse",
        share=half, weight="medium" if half > 0.05 else "note",
    )  # fmt: skip


def given(case: Case) -> Iterator[Finding]:
    """Yield what predictions in the test table say: against the constant answer, and by group."""
    if case.roles.prediction is None:
        return
    column = case.test[case.roles.prediction]
    if column.isna().any():
        yield Finding(
            "predictions", f"{int(column.isna().sum()):,} predictions are missing.",
            "Count an answer that is not given as wrong, or say that it was left out.",
            "evaluate-and-deploy", weight="medium",
        )  # fmt: skip
        return
    right = _right(case, column)
    unit = case.unit[len(case.train) :]
    score = quick.difference(right, np.zeros(len(right)), unit)
    yield Finding(
        "predictions",
        f"The predictions are right in {score.value:.1%} of the test rows "
        f"({score.low:.1%} to {score.high:.1%}).",
        "Print the constant answer and the interval beside it.", "evaluate-and-deploy",
        share=score.value,
    )  # fmt: skip
    yield from worst_group(case.test, case.columns, right, unit)


def _right(case: Case, column: pd.Series) -> Array:
    """Return for each test row whether its prediction is its label, 1 or 0."""
    labels = case.test[case.roles.label]
    _, (said, truth) = classes(column, labels)
    return (said == truth).astype(float)


def worst_group(
    test: pd.DataFrame, columns: Sequence[str], right: Array, unit: Array
) -> Iterator[Finding]:
    """Yield the group that is served worst: chosen on one half of the test, scored on the other.

    ``right`` (test rows,) is 1 where the prediction is the label. A group is where one of the
    ``columns`` has one of its few values.
    """
    half = np.random.default_rng(0).random(len(right)) < 0.5
    worst, least = None, np.inf
    for name in columns:
        cells = test[name].astype("string").fillna("")
        if not 2 <= cells.nunique() <= MOST_GROUPS:
            continue
        for value in cells.unique():
            mine = (cells == value).to_numpy()
            enough = min((mine & half).sum(), (mine & ~half).sum()) >= 3 * FEWEST
            if enough and right[mine & half].mean() < least:
                worst, least = (name, value, mine), right[mine & half].mean()
    if worst is None:
        return
    name, value, mine = worst
    rows = ~half
    gap = quick.difference(right[rows], np.where(mine[rows], right[rows], np.nan), unit[rows])
    yield Finding(
        "worst group",
        f"Where '{name}' is one certain value, the predictions are right in "
        f"{right[mine & rows].mean():.1%}, over all in {right[rows].mean():.1%}. Chosen on one "
        "half of the test, scored on the other.",
        "Report every group by itself, with its interval.", "hidden-subgroup",
        share=float(mine.mean()), worth=gap, values=(value,),
    )  # fmt: skip
