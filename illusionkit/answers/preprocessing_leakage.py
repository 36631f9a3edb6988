"""The answers to the exercises on what is done before the split."""

from __future__ import annotations

from illusionkit.answers.answer import Answer, claimed


def _constant_of_fifty() -> float:
    """Return the expected accuracy of a constant in five folds of fifty rows, half of each class.

    A fold of ten holds H of the class with probability C(25, H) C(25, 10 - H) / C(50, 10).
    """
    from math import comb

    chances = [comb(25, heads) * comb(25, 10 - heads) / comb(50, 10) for heads in range(11)]
    return 0.5 - sum(chance * abs(heads - 5) for heads, chance in enumerate(chances)) / 10


ANSWERS = {
    "split-constant": Answer(_constant_of_fifty, within=0.002),
    "split-nothing": claimed("a column of nothing", 0.754, within=0.02),
}
