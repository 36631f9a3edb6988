"""Claims: a number in the text, and the run that proves it."""

from __future__ import annotations

import os

from illusionkit.errors import ClaimError
from illusionkit.language import text


def claim(name: str, value: float, *, expect: float, within: float) -> None:
    """Print what the text claims beside what this run measured, for a reader and for a test.

    ``within`` comes from the interval of the estimate, and is at most half the distance to the
    nearest value that would make the sentence false. Under ``ILLUSIONKIT_STRICT=1`` a miss
    raises; elsewhere, where a seed or a device was changed, it is printed and the page goes on.

    Raises
    ------
    ClaimError
        In a strict run: the value is not a number, or farther than ``within`` from ``expect``.
    """
    met = abs(value - expect) <= within  # False for NaN as well
    places = decimals(within)
    numbers = {"expect": f"{expect:.{places}f}", "within": f"{within:.{places}f}"}
    line = text("claim.line", name=name, value=f"{value:.{places + 1}f}", **numbers)
    print(f"{line} {'✓' if met else '✗'}")
    if not met and os.environ.get("ILLUSIONKIT_STRICT") == "1":
        raise ClaimError(
            f"'{name}' was {value:.{places + 1}f}: the text claims {expect} ± {within}."
        )


def decimals(within: float) -> int:
    """Return how many decimal places it takes to write ``within`` (at least 0, at most 6)."""
    if within <= 0:
        raise ClaimError(f"A claim needs a tolerance above 0, not {within}.")
    return len(f"{within:.6f}".rstrip("0").partition(".")[2])
