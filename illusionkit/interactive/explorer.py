"""The book's signature figure: two scores over the dose of a flaw, to be explored by hand.

It runs in the rendered book with no kernel and no network, in JupyterLab and in Colab alike.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from illusionkit.interactive import chart
from illusionkit.interactive.chart import Arm, ScaleKind, ScoreScale
from illusionkit.interactive.widget import entry, finite, fixed, number, payload, widget, word
from illusionkit.language import knows, text

if TYPE_CHECKING:
    import pandas as pd
    from IPython.display import HTML

Row = dict[str, float]


def explore(
    table: pd.DataFrame,
    *,
    knob: str,
    title: str,
    alt: str,
    scores: Sequence[str] | Mapping[str, str] = ("apparent", "honest"),
    by: str | None = None,
    knob_label: str | None = None,
    unit: str = "",
    score_label: str = "accuracy",
    interval: str | None = None,
    decimals: int = 3,
    start: float | None = None,
    scale: ScaleKind = "linear",
) -> HTML:
    """Return an interactive figure of two scores over a knob, as one self-contained HTML output.

    ``table`` has one row a (by, knob), in any order: the knob's column, two score columns, and
    where there are intervals ``<score>_lo`` and ``<score>_hi``. With an ``optimism`` column the
    readout names it, with ``optimism_lo`` and ``optimism_hi``; without one it shows the plain
    difference, first minus second, since the metric's sign is not known. ``scores`` may map the
    two columns to the words shown for them. ``by`` (say "arm") becomes a group of radio buttons,
    in the order of first appearance; each value may have doses of its own. ``start`` is the dose
    shown first, ``interval`` says what the intervals are, ``scale`` is "linear", "log" or "even".

    In strict runs the table shown is also written to ``$ILLUSIONKIT_RECORD/<title>.json``.

    Raises ValueError for a missing column, an empty table, a repeated (by, knob), a value that is
    not finite, an interval that does not hold its score, or a start that is no dose.
    Used in chapter 1.
    """
    names = dict(scores) if isinstance(scores, Mapping) else {name: _name(name) for name in scores}
    if len(names) != 2:
        raise ValueError(f"explore shows two scores, not {len(names)}: {', '.join(names) or '-'}")
    first, second = names
    gap = "score.optimism" if "optimism" in table.columns else "score.difference"
    columns = Columns(knob, (first, second), by)
    curves = Curves(arms(table, columns), columns, (*names.values(), gap), unit, decimals)
    frame = curves.frame(start, scale)
    _record(curves.rows(), title, columns)
    return widget(
        "explore", tag="figure", label=title, title=title, alt=alt, interval=interval,
        knob_label=knob_label or knob, score_label=score_label, **frame,
    )  # fmt: skip


def _name(column: str) -> str:
    key = entry("score", column)
    return column.replace("_", " ") if key == column else key


@dataclass(frozen=True)
class Columns:
    """The names of the columns to show: the knob, the two scores, the group or None."""

    knob: str
    scores: tuple[str, str]
    by: str | None

    @property
    def keys(self) -> list[str]:
        """Return the columns whose values name one row."""
        return [*([self.by] if self.by else []), self.knob]

    def numeric(self, table: pd.DataFrame) -> list[str]:
        """Return the columns of numbers to show: knob, scores, optimism, and their intervals."""
        shown = [self.knob]
        for name in (*self.scores, "optimism"):
            if name in table.columns:
                pair = [f"{name}_lo", f"{name}_hi"]
                shown += [name, *(pair if set(pair) <= set(table.columns) else [])]
        return shown

    def six(self, row: Row) -> list[float]:
        """Return score, low, high of both scores; without an interval the ends are the score."""
        ends = ("", "_lo", "_hi")
        return [row.get(name + end, row[name]) for name in self.scores for end in ends]


@dataclass(frozen=True)
class Curves:
    """What is drawn and how it is worded; ``names`` are those of the two scores and of the gap.

    A name is a key of the catalogue or, where the catalogue does not know it, the word itself.
    """

    groups: Mapping[str, Sequence[Row]]
    columns: Columns
    names: tuple[str, ...]
    unit: str
    decimals: int

    def frame(self, start: float | None, scale: ScaleKind) -> dict[str, Any]:
        """Return what the template draws. Raises ValueError for a start that is no dose."""
        by, rows = self.columns.by, [row for group in self.groups.values() for row in group]
        heights = ScoreScale.around([value for row in rows for value in self.columns.six(row)])
        where = chart.dose_scale(sorted({row[self.columns.knob] for row in rows}), scale)
        arms = [self._arm(group, heights, where) for group in self.groups.values()]
        labels, dose = [entry(f"{by}", arm) for arm in self.groups], self._opening(start)
        return {
            "names": self.names, "by": by and entry("by", by), "start": dose, "chart": chart,
            "arms": list(zip(labels, arms, strict=True)), "heights": heights, "where": where,
            "data": self._payload(arms, dose, [*labels, f"by.{by}"]),
        }  # fmt: skip

    def rows(self) -> list[dict[str, float | str]]:
        """Return the rows as they are recorded: the group, then every number, six decimals."""
        by = self.columns.by
        return [
            {**({by: arm} if by else {}), **{name: round(v, 6) for name, v in row.items()}}
            for arm, group in self.groups.items()
            for row in group
        ]

    def _arm(self, rows: Sequence[Row], heights: ScoreScale, where: Mapping[float, float]) -> Arm:
        y = [[heights.height(value) for value in self.columns.six(row)] for row in rows]
        x = [where[row[self.columns.knob]] for row in rows]
        doses, says = [self._dose(row) for row in rows], [self._says(row) for row in rows]
        return Arm(x, y, chart.ends(y[-1][0], y[-1][3]), doses, says)

    def _dose(self, row: Row) -> str:
        return f"{number(row[self.columns.knob])} {self.unit}".strip()

    def _says(self, row: Row) -> list[str]:
        """Return both scores, each with its interval, then the signed gap with its own."""
        first, second = self.columns.scores
        gap = fixed(row.get("optimism", row[first] - row[second]), self.decimals, sign=True)
        a, b = (fixed(row[name], self.decimals) for name in (first, second))
        ranges = [self._range(row, name) for name in (first, second, "optimism")]
        return [a, ranges[0], b, ranges[1], gap, ranges[2]]

    def _range(self, row: Row, name: str) -> str:
        """Return the interval of a score in words, or "" where the table has none."""
        if f"{name}_lo" not in row:
            return ""
        low, high = (fixed(row[f"{name}_{end}"], self.decimals) for end in ("lo", "hi"))
        return text("explore.range", lo=low, hi=high)

    def _opening(self, start: float | None) -> int:
        """Return the number of the dose shown first."""
        doses = [row[self.columns.knob] for row in next(iter(self.groups.values()))]
        if start is not None and start not in doses:
            known = ", ".join(number(dose) for dose in doses)
            raise ValueError(f"start={start!r} is no dose of the first group; its doses: {known}")
        return 0 if start is None else doses.index(start)

    def _payload(self, arms: Sequence[Arm], dose: int, keys: Sequence[str]) -> str:
        """Return the JSON that the script reads, with the strings it may have to say."""
        data = {
            "start": [0, dose],
            "names": [[name if knows(name) else "", word(name)] for name in self.names],
            "arms": [vars(arm) for arm in arms],
            "table": self.rows(),
        }
        named = [*self.names, *(f"{name}.means" for name in self.names)]
        spoken = ("says", "touch", "table", "bands", "intervals")
        return payload(data, [*keys, *named, *(f"explore.{name}" for name in spoken)])


def arms(table: pd.DataFrame, columns: Columns) -> dict[str, list[Row]]:
    """Return ``{group: rows}``: groups in order of first appearance, doses ascending.

    Without a group column there is one group, named "". Raises ValueError for a missing column,
    an empty table, a repeated (group, knob), a value that is not finite, or an interval that
    does not hold its score.
    """
    _require_columns(table, columns)
    numbers = _numbers(table.reset_index(drop=True), columns)
    _require_one_row_each(table, columns)
    _require_intervals(numbers)
    groups = [str(value) for value in table[columns.by]] if columns.by else [""] * len(table)
    rows: dict[str, list[Row]] = {group: [] for group in groups}
    order = numbers[columns.knob].argsort(kind="stable")
    for place, row in zip(order, numbers.iloc[order].to_dict("records"), strict=True):
        rows[groups[place]].append(row)
    return rows


def _require_columns(table: pd.DataFrame, columns: Columns) -> None:
    missing = [name for name in (*columns.keys, *columns.scores) if name not in table.columns]
    if missing:
        has = ", ".join(map(str, table.columns))
        raise ValueError(f"the table has no column {', '.join(missing)}; it has: {has}")
    if not len(table):
        raise ValueError("the table is empty: explore needs at least one row")


def _numbers(table: pd.DataFrame, columns: Columns) -> pd.DataFrame:
    """Return the columns of numbers, as floats."""
    advice = "; drop such rows, or measure them again"
    for name in columns.numeric(table):
        for row, value in enumerate(table[name]):
            finite(f"row {row} of column {name!r}", value, advice)
    return table[columns.numeric(table)].astype(float)


def _require_one_row_each(table: pd.DataFrame, columns: Columns) -> None:
    repeated = table[table.duplicated(columns.keys)]
    if len(repeated):
        where = ", ".join(f"{key} = {repeated.iloc[0][key]}" for key in columns.keys)
        other = "" if columns.by else ", or name the column that tells them apart with by="
        raise ValueError(f"several rows for {where}: one row each is needed; average them{other}")


def _require_intervals(numbers: pd.DataFrame) -> None:
    for name in (name for name in numbers if f"{name}_lo" in numbers):
        outside = ~numbers[name].between(numbers[f"{name}_lo"], numbers[f"{name}_hi"])
        if outside.any():
            raise ValueError(
                f"the interval {name}_lo to {name}_hi does not hold {name} in row "
                f"{outside.argmax()}: check the order of the two ends"
            )


def _record(rows: Sequence[Mapping[str, float | str]], title: str, columns: Columns) -> None:
    folder = os.environ.get("ILLUSIONKIT_RECORD")
    if not folder or os.environ.get("ILLUSIONKIT_STRICT") != "1":
        return
    slug = re.sub(r"[\W_]+", "-", title.lower()).strip("-") or "untitled"
    record = {"title": title, "knob": columns.knob, "by": columns.by, "table": rows}
    Path(folder).mkdir(parents=True, exist_ok=True)
    written = json.dumps(record, ensure_ascii=False, indent=1) + "\n"
    (Path(folder) / f"{slug}.json").write_text(written, encoding="utf-8")
