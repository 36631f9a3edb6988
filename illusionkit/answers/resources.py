"""The answers to the exercises of chapter 7."""

from __future__ import annotations

from illusionkit.answers.answer import Answer, claimed

ISBN = "9780387848587"


def _swaps_noticed() -> float:
    """Return how many swaps of neighbouring digits break the check sum of an ISBN."""
    swaps = (ISBN[:k] + ISBN[k + 1] + ISBN[k] + ISBN[k + 2 :] for k in range(len(ISBN) - 1))
    sums = (sum(int(d) * (1, 3)[k % 2] for k, d in enumerate(swap)) for swap in swaps)
    return float(sum(total % 10 != 0 for total in sums))


def _spike_drawn() -> float:
    """Return the highest point of fifty losses of 1, the 25th of 10, smoothed by 0.6."""
    from illusionkit.illusions.material.one_task import smoothed

    return float(smoothed([10.0 if step == 25 else 1.0 for step in range(1, 51)], 0.6).max())


ANSWERS = {
    "three-of-ten": claimed("sum of the three invented", 17.0, within=0.4),
    "swapped-neighbours": Answer(_swaps_noticed, within=0.4),
    "smoothed-spike": Answer(_spike_drawn, within=0.05),
    "zeros-in-the-log": claimed("entries of the log that are zero", 10.0, within=0.4),
}
