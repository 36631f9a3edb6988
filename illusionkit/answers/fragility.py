"""The answers to the exercises on fragility."""

from __future__ import annotations

import math

from illusionkit.answers.answer import Answer


def _half() -> float:
    """Return the slips after which half of the answers have moved, each slip a stranger."""
    from illusionkit.illusions import results

    return math.log(0.5) / math.log(1 - results("fragility").extra("moved", dose=1))


ANSWERS = {
    "fragility-half": Answer(_half, within=0.1),
}
