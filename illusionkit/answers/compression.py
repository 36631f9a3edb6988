"""The answers to the exercises on compression."""

from __future__ import annotations

from illusionkit.answers.answer import Answer, claimed


def _lost() -> float:
    """Return the right answers lost of 100: two more than were won, and six with those."""
    changed, wrong_to_wrong, fallen = 9, 3, 2
    return (changed - wrong_to_wrong + fallen) / 2


def _both() -> float:
    """Return the megabytes of the model with a small vocabulary and matrices of 8 bits."""
    parameters, pieces, unseen, width, matrices = 22_715_141, 30_522, 18_081, 384, 10_766_208
    rest = parameters - pieces * width - matrices
    return (4 * (pieces - unseen) * width + 4 * rest + matrices) / 1e6


ANSWERS = {
    "compression-lost": Answer(_lost, within=0.01),
    "compression-both": Answer(_both, within=0.1),
    "rows-for-changes": Answer(lambda: 1.96**2 * 0.13 * 0.87 / 0.02**2, within=1),
    "had-been-right": claimed("right among the changed", 0.408, within=0.1),
}
