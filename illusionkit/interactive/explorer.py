"""The book's signature figure: two scores over the dose of a flaw, to be explored by hand.

It runs in the rendered book with no kernel and no network, in JupyterLab and in Colab alike.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from illusionkit.interactive.chart import ScaleKind
from illusionkit.interactive.frame import Frame, Look
from illusionkit.interactive.scoretable import Columns, arms
from illusionkit.interactive.widget import widget
from illusionkit.language import knows

if TYPE_CHECKING:
    import pandas as pd
    from IPython.display import HTML


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
    words = dict(scores) if isinstance(scores, Mapping) else {name: _name(name) for name in scores}
    if len(words) != 2:
        raise ValueError(f"explore shows two scores, not {len(words)}: {', '.join(words) or '-'}")
    first, second = words
    gap = "score.optimism" if "optimism" in table.columns else "score.difference"
    look = Look(
        Columns(knob, (first, second), by), title, alt, (words[first], words[second], gap),
        knob_label or knob, unit, score_label, interval, decimals,
    )  # fmt: skip
    groups = arms(table, look.columns)
    figure = Frame.of(groups, look, start, scale)
    _record(figure.rows, look)
    return widget("explore", tag="figure", label=title, body=figure.body())


def _name(column: str) -> str:
    return f"score.{column}" if knows(f"score.{column}") else column.replace("_", " ")


def _record(rows: Sequence[Mapping[str, float | str]], look: Look) -> None:
    folder = os.environ.get("ILLUSIONKIT_RECORD")
    if not folder or os.environ.get("ILLUSIONKIT_STRICT") != "1":
        return
    slug = re.sub(r"[\W_]+", "-", look.title.lower()).strip("-") or "untitled"
    record = {
        "title": look.title, "knob": look.columns.knob, "by": look.columns.by, "table": rows,
    }  # fmt: skip
    Path(folder).mkdir(parents=True, exist_ok=True)
    written = json.dumps(record, ensure_ascii=False, indent=1) + "\n"
    (Path(folder) / f"{slug}.json").write_text(written, encoding="utf-8")
