"""The answers to the exercises on customer-service."""

from __future__ import annotations

from illusionkit.answers.answer import Answer, claimed


def _nineteen_of_twenty() -> float:
    """Return the misrouted of a thousand lines where one line of twenty is a question."""
    return 775 * (1 - 19 / 20)


def _a_sibling_of_two() -> float:
    """Return the share of tested sentences that have one of two siblings in training."""
    return 1 - 0.2**2


ANSWERS = {
    "customer-service-1": Answer(_nineteen_of_twenty, within=0.5),
    "customer-service-copies-1": claimed(
        "tested lines of the last block with a copy in training", 0.07252, within=0.004
    ),
    "templates-1": Answer(_a_sibling_of_two, within=0.004),
    "customer-service-2": claimed("questions misrouted, in doubt a question", 348.9, within=8),
}
