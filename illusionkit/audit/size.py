"""Check of what the test can tell: its size."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from illusionkit.audit import quick
from illusionkit.audit.case import Case
from illusionkit.audit.finding import Finding

LOOKS, TWO_SIDED = 20, 1.96 + 0.8416
"""Looks at one test set; quantiles of a test at 5 % with a power of 80 %."""


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
