"""The audit itself, and its report: as a table, as text, as HTML, as plain values."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from illusionkit.audit import sketches
from illusionkit.audit.case import TEST_SHARE, Case
from illusionkit.audit.columns import columns
from illusionkit.audit.copies import conflicts, copies, too_many
from illusionkit.audit.finding import SEVERITIES, Finding
from illusionkit.audit.labels import constant, doubt
from illusionkit.audit.predictions import given
from illusionkit.audit.roles import ASKED, MANY_CLASSES, Roles, roles, said_in
from illusionkit.audit.size import size
from illusionkit.audit.splits import groups, order, worlds
from illusionkit.errors import DataError
from illusionkit.interactive.widget import render, style_sheet

CHECKS: dict[str, Callable[[Case], Iterator[Finding]]] = {
    "copies": copies, "conflicts": conflicts, "groups": groups, "order": order,
    "columns": columns, "worlds": worlds, "constant": constant, "doubt": doubt, "size": size,
    "given": given,
}  # fmt: skip
"""The checks by name, in their order."""
BLIND = (
    "paraphrases and translations of a text, and copies of fewer than a fifth of one",
    "whether a pre-trained model has met the texts before",
    "whether the labels are true, beyond what the rows say of each other",
    "how often this test has been looked at",
)
"""What no audit of these tables can see."""


@dataclass(frozen=True)
class Report:
    """What was found, of which columns, and what could not be seen."""

    findings: tuple[Finding, ...]
    roles: Roles
    rows: tuple[int, int]
    split: str
    unseen: tuple[str, ...]
    notes: tuple[str, ...] = ()

    @cached_property
    def table(self) -> pd.DataFrame:
        """Return the findings as a table, the severest first."""
        return pd.DataFrame([dict(finding.plain()) for finding in self.findings])

    def at_least(self, severity: str) -> list[Finding]:
        """Return the findings of this severity and above."""
        return [f for f in self.findings if f.rank >= SEVERITIES.index(severity)]

    def text(self, show: int = 0) -> str:
        """Return the report as lines; ``show`` values of each finding, none by default."""
        lines = list(self._head())
        for finding in self.findings:
            lines += ["", f"[{finding.severity}] {finding.check}: {finding.seen}"]
            lines += [f"    {line}" for line in _told(finding)]
            lines += [f"    {value!r}" for value in finding.values[:show]]
        return "\n".join(
            [*lines, "", "What this audit can't see:", *(f"  - {each}" for each in self.unseen)]
        )

    def json(self) -> str:
        """Return the report as JSON; no value of a cell is in it."""
        plain = {
            "rows": dict(zip(("train", "test"), self.rows, strict=True)), "split": self.split,
            "roles": {role: getattr(self.roles, role) for role in ASKED},
            "guessed": self.roles.guessed, "findings": [f.plain() for f in self.findings],
            "unseen": self.unseen, "notes": self.notes,
        }  # fmt: skip
        return json.dumps(plain, indent=2, default=_number)

    def html(self, show: int = 0) -> str:
        """Return the report as one page of HTML, every value escaped."""
        return (
            '<!doctype html><html lang="en"><meta charset="utf-8"><title>Audit</title>'
            '<meta name="viewport" content="width=device-width"><body>'
            f"{self._body(show)}</body></html>"
        )

    def _repr_html_(self) -> str:
        return self._body(show=0)

    def _body(self, show: int) -> str:
        found = [(finding, list(_told(finding))) for finding in self.findings]
        inside = render(
            "audit", head=list(self._head()), findings=found, show=show, unseen=self.unseen
        )
        return f'<div class="ik ik-audit">{style_sheet()}{inside}</div>'

    def _head(self) -> Iterator[str]:
        named = [
            f"{role} '{getattr(self.roles, role)}'" for role in ASKED if getattr(self.roles, role)
        ]
        train, test = self.rows
        yield f"{train:,} training and {test:,} test rows ({self.split}); {', '.join(named)}."
        if self.roles.guessed:
            yield f"Guessed: {', '.join(self.roles.guessed)}. Name them if that is wrong."
        yield from self.notes


def _told(finding: Finding) -> Iterator[str]:
    if finding.chance is not None and finding.share is not None:
        yield f"strength {finding.share:.3f}, by chance {finding.chance:.3f}"
    if finding.worth is not None:
        worth = finding.worth
        yield (f"worth {100 * worth.value:+.1f} points of the score "
               f"({100 * worth.low:+.1f} to {100 * worth.high:+.1f})")  # fmt: skip
    yield f"to do: {finding.todo}  (page: {finding.page})"


def _number(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else str(value)


def audit(
    train: pd.DataFrame,
    test: pd.DataFrame | None = None,
    *,
    label: str | None = None,
    text: str | None = None,
    group: str | None = None,
    time: str | None = None,
    prediction: str | None = None,
    split: str | None = None,
    cost_ratio: float | None = None,
    checks: Sequence[str] = tuple(CHECKS),
    worth: bool = True,
    notes: Sequence[str] = (),
) -> Report:
    """Return what is wrong with a training and a test table, as far as that can be seen.

    Without ``test`` a random fifth of the rows is tested, and the report says so; or ``split``
    names a column that says of each row whether it is of "train" or of "test". Columns that are
    not named are guessed, and the report says that too. It never says that a table is clean.
    ``prediction`` is a column of classes, or of probabilities of the second of two classes, or
    the beginning of the names of as many columns as there are classes (``p`` for ``p_good`` and
    ``p_bad``). ``cost_ratio`` is what a missed row of the second class costs, in false alarms.
    Without ``worth`` it is quick: what a finding is worth is not measured, and its severity is what
    such a flaw is worth as a rule.

    Raises
    ------
    DataError
        No table, a column that is not there, labels that are missing, or too few rows.
    """
    if cost_ratio is not None and not 0 < cost_ratio < np.inf:
        raise DataError(f"A ratio of costs is a positive number, not {cost_ratio:g}.")
    if split is not None:
        train, test, more = split_by(train, test, column=split)
        notes = [*notes, more]
    named = {"label": label, "text": text, "group": group, "time": time, "prediction": prediction}
    case = made(train, test, named, worth=worth, cost_ratio=cost_ratio)
    notes = [*notes, *_notes(case, [] if test is None else only_in_test(train, test, prediction))]
    found = [finding for name in checks for finding in CHECKS[name](case)]
    found.sort(key=lambda finding: -finding.rank)
    return Report(
        tuple(found), case.roles, (len(case.train), len(case.test)), case.split,
        tuple(_unseen(case)), tuple(notes),
    )  # fmt: skip


def _notes(case: Case, left: Sequence[str]) -> Iterator[str]:
    """Yield what was done to the tables before they were looked at."""
    if left:
        named = ", ".join(f"'{name}'" for name in left[:5])
        yield f"Left out: {len(left)} columns of the test table that training lacks ({named})."
    names, label = case.known[0], case.roles.label
    if len(names) == 2 and case.both[label].nunique() > MANY_CLASSES:
        yield (
            f"'{label}' holds more than {MANY_CLASSES} different numbers: it is cut at its median, "
            f"and judged as two classes, {names[0]} and {names[1]}."
        )


def made(
    train: pd.DataFrame, test: pd.DataFrame | None, given: dict[str, str | None], *,
    worth: bool = True, cost_ratio: float | None = None,
) -> Case:  # fmt: skip
    """Return what the checks work on; errors as in `audit`."""
    for side in (train, test):
        if side is not None and not isinstance(side, pd.DataFrame):
            raise DataError(f"An audit takes tables (pandas.DataFrame), not {type(side).__name__}.")
    split = "as given"
    if test is None:
        order = np.random.default_rng(0).permutation(len(train))
        cut = round(TEST_SHARE * len(train))
        train, test, split = train.iloc[order[cut:]], train.iloc[order[:cut]], "a random fifth"
    aside = said_in(train, given.get("prediction"))
    test = test.drop(columns=only_in_test(train, test, given.get("prediction")))
    lacking = [str(name) for name in train if name not in test and name not in aside]
    if lacking:
        raise DataError(
            f"The test table has no column '{lacking[0]}'. It has: {', '.join(map(str, test))}."
        )
    both = pd.concat([train, test], ignore_index=True)
    for name in both:
        if pd.api.types.is_object_dtype(both[name]) and both[name].map(_is_many).any():
            both[name] = both[name].astype(str)  # compared as values
    sides = both.iloc[: len(train)], both.iloc[len(train) :].reset_index(drop=True)
    return Case(*sides, roles(both, given), split, worth, cost_ratio)


def only_in_test(
    train: pd.DataFrame, test: pd.DataFrame, prediction: str | None = None
) -> list[str]:
    """Return the columns that the test table has and the training table lacks.

    Predictions are of test rows only, and do not count.
    """
    said = said_in(test, prediction)
    return [str(name) for name in test if name not in train and name not in said]


def _is_many(cell: Any) -> bool:
    return isinstance(cell, (list, dict, set, np.ndarray))


def split_by(
    table: pd.DataFrame, test: pd.DataFrame | None = None, *, column: str
) -> tuple[pd.DataFrame, pd.DataFrame, str]:
    """Return the rows that a column calls "train" and those that it calls "test", and what it says.

    Raises
    ------
    DataError
        There is a test table as well, no such column, or no row of one of the two.
    """
    if test is not None:
        raise DataError(f"There is a test table, and '{column}' is to split: give one of the two.")
    if column not in table:
        raise DataError(f"There is no column '{column}' (split).")
    called = table[column].astype("string").str.strip().str.lower().fillna("")
    sides = [table[(called == name).to_numpy()].drop(columns=column) for name in ("train", "test")]
    for name, side in zip(("train", "test"), sides, strict=True):
        if side.empty:
            raise DataError(f"No row of '{column}' says '{name}': it must say 'train' or 'test'.")
    left = len(table) - sum(map(len, sides))
    return *sides, f"Split by '{column}'; {left:,} rows are of neither side and were left out."


def _unseen(case: Case) -> Iterator[str]:
    if case.roles.group is None:
        yield "units on both sides: no group was named"
    if case.roles.time is None:
        yield "rows from later: no time was named"
    if case.roles.text is not None and too_many(case):
        yield "embedded copies: these are too many texts"
        if not sketches.is_there():
            yield f"near copies: of so many texts they are found with rensa ({sketches.INSTALL})"
    if case.roles.prediction is not None and case.cost_ratio is None:
        yield "what a threshold costs: no --cost-ratio was named"
    if not case.worth:
        yield "what a finding is worth: that was not asked for"
    yield from BLIND
