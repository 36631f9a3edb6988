"""The answers to the exercises of chapter 3, the step of evaluating."""

from __future__ import annotations

import math
import statistics

from illusionkit.answers.answer import Answer


def _rows_for_a_thousand() -> float:
    """Return the rows at which the bound for a thousand coins is one point."""
    return math.log(1000) / (2 * 0.01**2)


def _best_in_public() -> float:
    """Return the expected accuracy of the best of a hundred coins on 500 rows."""
    from illusionkit.illusions.evaluate.test_reuse import expected_best

    return expected_best(100, 500)


def _a_year() -> float:
    """Return the accuracy of a vote of 520 coins on 2,000 rows, by the formula."""
    return (1 + math.erf(math.sqrt(520 / (math.pi * 2000)) / math.sqrt(2))) / 2


def _always_neutral() -> float:
    """Return how many of 100 test reviews lie at most one class off the middle."""
    from illusionkit.training.book_model import tables

    return float(100 * tables()["test"]["label"].between(1, 3).mean())


def _agreed_neutral() -> float:
    """Return how many of 100 test reviews are neutral, of the half that raters agree on most."""
    from illusionkit.training.book_model import tables

    test = tables()["test"]
    spread = test["ratings"].map(statistics.pstdev)
    return float(100 * (test["label"][spread <= spread.median()] == 2).mean())


def _that_pass() -> float:
    """Return how many of 10,000 attributes pass both checks by chance, by the normal tails."""
    return 10_000 * 2 * (1 - _normal(1)) ** 2


def _on_fewer_rows() -> float:
    """Return the accuracy of a vote of 500 attributes on a holdout of 2,000 rows used twice."""
    size = math.exp(-1 / 2) / math.sqrt(2 * math.pi) / (1 - _normal(1))
    return _normal(size * math.sqrt(500 / 2000))


def _normal(z: float) -> float:
    """Return the chance that a standard normal is below z."""
    return (1 + math.erf(z / math.sqrt(2))) / 2


ANSWERS = {
    "always-neutral": Answer(_always_neutral, within=0.3),
    "agreed-neutral": Answer(_agreed_neutral, within=0.3),
    "again-pass": Answer(_that_pass, within=3),
    "again-fewer": Answer(_on_fewer_rows, within=0.004),
    "reuse-size": Answer(_rows_for_a_thousand, within=50),
    "reuse-public": Answer(_best_in_public, within=0.001),
    "reuse-year": Answer(_a_year, within=0.001),
}
