"""Checks of the labels: the best constant answer, suspicious labels."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from illusionkit.arrays import Array
from illusionkit.audit import quick
from illusionkit.audit.case import FEWEST, Case
from illusionkit.audit.finding import Finding

COMMON, MOST_ROWS, FEWEST_ROWS, FLIPPED = 0.8, 10_000, 200, 0.05
"""The share of one class from which accuracy says little; rows whose labels are doubted, and the
fewest; the share of labels that are made wrong on purpose, to see which flags are right."""


def constant(case: Case) -> Iterator[Finding]:
    """Yield what the best constant answer gets, and which scores are undefined here."""
    names, train, test = case.known
    commonest = int(np.bincount(train, minlength=len(names)).argmax())
    share = float((test == commonest).mean())
    model = float(case.right.mean())
    yield Finding(
        "constant answer",
        f"Always '{names[commonest]}' is right in {share:.1%} of the test rows, a quick learner "
        f"in {model:.1%}.",
        "Print it beside the score; where one class is common, use balanced accuracy.",
        "class-imbalance", share=share, chance=1 / len(names),
        weight="medium" if share >= COMMON else "note",
    )  # fmt: skip
    absent = [names[k] for k in range(len(names)) if not (test == k).any()]
    if absent:
        alone = len(absent) == len(names) - 1
        some = ", ".join(f"'{name}'" for name in absent[:5])
        yield Finding(
            "class without a test row", f"{len(absent)} classes have no test row: {some}.",
            "Recall and balanced accuracy are undefined for them"
            + (", AUC and every ranking are undefined at all" if alone else "")
            + ": test on more rows.",
            "class-imbalance", share=len(absent) / len(names), weight="medium" if alone else "low",
        )  # fmt: skip


def doubt(case: Case) -> Iterator[Finding]:
    """Yield how many labels are suspicious, and how often such a flag is right in this table."""
    rows = case.some(MOST_ROWS)
    labels, matrix = case.labels[rows], case.features(rows)
    counts = np.bincount(labels, minlength=len(case.known[0]))
    if len(rows) < FEWEST_ROWS or counts.min() < FEWEST:
        return
    flagged = flags(matrix, labels)
    if not flagged.any():
        return
    rng = np.random.default_rng(0)
    wrong = rng.permutation(len(rows))[: max(1, round(FLIPPED * len(rows)))]
    noisy = labels.copy()
    noisy[wrong] = (labels[wrong] + rng.integers(1, len(counts), len(wrong))) % len(counts)
    again, planted = flags(matrix, noisy), np.isin(np.arange(len(rows)), wrong)
    found, others = (float(again[of].mean()) for of in (planted, ~planted))
    yield Finding(
        "suspicious labels",
        f"{int(flagged.sum()):,} of {len(rows):,} labels are suspicious. Once {len(wrong):,} more "
        f"were made wrong on purpose, {found:.0%} of those were flagged, and {others:.0%} of all "
        f"others: of its flags at least {planted[again].mean():.0%} were right.",
        "Have people look at the flagged ones before anything is dropped.", "label-noise",
        share=float(flagged.mean()),
    )  # fmt: skip


def flags(matrix: Any, labels: Array) -> Array:
    """Return which labels confident learning takes to be wrong (Northcutt et al. 2021)."""
    from cleanlab.filter import find_label_issues

    chances = np.zeros((len(labels), labels.max() + 1))
    for train, test in quick.folds(np.arange(len(labels)), np.random.default_rng(0)):
        model = quick.learner().fit(matrix[train], labels[train])
        chances[test[:, None], model.classes_] = model.predict_proba(matrix[test])
    return np.asarray(find_label_issues(labels, chances, n_jobs=1))
