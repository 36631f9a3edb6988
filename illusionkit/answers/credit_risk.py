"""The answers to the exercises on a scorecard that knows only those who were let in."""

from __future__ import annotations

from illusionkit.answers.answer import Answer, claimed


def _interest() -> float:
    """Return the interest at which a loss of 160 thousand of a million lent is made good."""
    return 160 / (1000 - 160)


ANSWERS = {
    "credit-risk-1": Answer(_interest, within=0.001),
    "credit-risk-2": claimed("loans until the trial is paid back", 4052.5, within=900),
    "label-by-rule-1": claimed("AUC of the stricter rule", 0.6427, within=0.004),
    "chosen-threshold-1": claimed("applicants until the optimism is 5", 22916.3, within=1500),
    "chosen-threshold-2": claimed("draws in which the chosen threshold is cheaper", 20, within=0.5),
}
