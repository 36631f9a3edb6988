"""The answers to the exercises on data-quality."""

from __future__ import annotations

from illusionkit.answers.answer import Answer


def _ceiling() -> float:
    """Return the highest accuracy of a model, right on .62, on the three quarters that are left."""
    return 0.62 / (1 - 0.25)


def _price() -> float:
    """Return the price at which 800 rows without their copies, and what is bought, are 600 texts.

    Of two ratings a row a tenth of one goes into the look; a new text costs its price and a label.
    """
    return (2 * 800 - 0.1 * 800) / (600 - 800 / 2) - 1


ANSWERS = {
    "data-quality-1": Answer(_ceiling, within=0.005),
    "data-quality-2": Answer(_price, within=0.05),
}
