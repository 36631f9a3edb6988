"""Claims: a number in the text, and the run that proves it."""

from __future__ import annotations

import os

from illusionkit.errors import ClaimError
from illusionkit.language import text

SLACK = 1 + 1e-9  # 0.63 - 0.61 is a little less than 0.02


def claim(
    name: str, value: float, *, expect: float, within: float, false_at: float | None = None
) -> None:
    """Print what the text claims beside what this run measured, for a reader and for a test.

    ``within`` comes from the interval of the estimate. ``false_at`` is the nearest value at which
    the sentence in the text would be false, where it has one; ``within`` is at most half the way
    there. Under ``ILLUSIONKIT_STRICT=1`` a miss raises; elsewhere, where a seed or a device was
    changed, it is printed and the page goes on.

    Raises
    ------
    ClaimError
        In any run: the tolerance is not above 0, or more than half the way to ``false_at``.
        In a strict run: the value is not a number, or farther than ``within`` from ``expect``.
    """
    if not within > 0:
        raise ClaimError(f"A claim needs a tolerance above 0, not {within}.")
    if false_at is not None and not within <= abs(expect - false_at) / 2 * SLACK:
        raise ClaimError(
            f"'{name}' would be false at {false_at}, and ± {within} is more than half the way "
            f"there from {expect}: narrow the tolerance, or say less in the text."
        )
    met = abs(value - expect) <= within  # False for NaN as well
    places = max(decimals(expect), decimals(within))
    numbers = {"expect": f"{expect:.{places}f}", "within": f"{within:.{places}f}"}
    measured = f"{round(value, places + 1) + 0.0:.{places + 1}f}"  # + 0.0: no minus before a 0
    line = text("claim.line", name=name, value=measured, **numbers)
    print(f"{line} {'✓' if met else '✗'}")
    if not met and os.environ.get("ILLUSIONKIT_STRICT") == "1":
        raise ClaimError(
            f"'{name}' was {value:.{places + 1}f}: the text claims {expect} ± {within}."
        )


def decimals(number: float) -> int:
    """Return how many decimal places it takes to write ``number`` (0 to 6)."""
    return len(f"{number:.6f}".rstrip("0").partition(".")[2])
