"""What an audit finds: seen, how strong, what chance gives, what it is worth, what to do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from illusionkit.arrays import Array
from illusionkit.audit.quick import Estimate

SEVERITIES = ("note", "low", "medium", "high")
POINTS = {"high": 0.05, "medium": 0.02}
"""From which change of the score a finding is of that severity."""


def of_size(change: float) -> str:
    """Return how severe a change of the score is, in either direction."""
    return next((name for name, least in POINTS.items() if abs(change) >= least), "low")


def at_most(share: float) -> str:
    """Return how severe it is that a share of the rows, and so of the score, is in doubt."""
    return "medium" if share >= POINTS["medium"] else "low"


@dataclass(frozen=True)
class Finding:
    """One finding of one check.

    ``share`` is how strong it is, of rows or columns; ``chance`` what a table without the flaw
    would give, None where nothing is to be expected. ``worth`` is by how much the score looks
    better with the flaw than without, measured by the quick learner on this very table. ``rows``
    marks the test rows that it is about, ``values`` are what may be shown of them if asked.
    """

    check: str
    seen: str
    todo: str
    page: str
    share: float | None = None
    chance: float | None = None
    worth: Estimate | None = None
    weight: str = "note"
    values: tuple[str, ...] = field(default=(), repr=False)
    rows: Array | None = field(default=None, repr=False, compare=False)

    @property
    def severity(self) -> str:
        """Return how severe it is: by its worth where that is measured and sure."""
        if self.worth is None:
            return self.weight
        return of_size(self.worth.value) if self.worth.sure else "note"

    @property
    def rank(self) -> int:
        """Return the place of its severity in `SEVERITIES`."""
        return SEVERITIES.index(self.severity)

    def plain(self) -> Mapping[str, Any]:
        """Return the finding as plain values, without any value of a cell."""
        worth = self.worth and {
            "value": self.worth.value,
            "low": self.worth.low,
            "high": self.worth.high,
        }
        return {
            "check": self.check, "severity": self.severity, "seen": self.seen, "share": self.share,
            "chance": self.chance, "worth": worth, "todo": self.todo, "page": self.page,
        }  # fmt: skip
