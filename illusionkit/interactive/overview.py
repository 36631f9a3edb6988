"""The catalogue to look through by hand: narrowed down, put in order, searched; and by chapter.

Narrowing down needs no script: the style sheet alone does it, as in `choices`. Order and search are
a small constant script of its own; without it the list stands in the order in which it was given.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from markupsafe import Markup

from illusionkit.data.contents import chapters, link
from illusionkit.interactive.choices import GROUPS, grouped, own_sheet, require_page
from illusionkit.interactive.widget import (
    escape,
    fixed,
    number,
    output,
    packaged,
    render,
    style_sheet,
)
from illusionkit.language import text

if TYPE_CHECKING:
    import pandas as pd
    from IPython.display import HTML

WIDTH, PAD = 132.0, 8.0
"""Pixels of a small picture, and of the room beside its marks."""
DIGITS = 3
SHARE = "share"
SHOWN = ("apparent", "honest", "optimism", "optimism_lo", "optimism_hi")


def atlas(table: pd.DataFrame, *, title: str, links: Mapping[str, str]) -> HTML:
    """Return the rows of `illusions.catalogue` as a list to look through, in one output.

    ``links`` leads from a row's ``page`` to its notebook. Kinds of data and steps narrow the list
    down; it can be put in order by size, step and name, and searched in all its words. The same
    rows can be taken away as csv. Used in chapter 9.

    Raises ValueError for an empty table, a row whose page has no link, or one that leads elsewhere.
    """
    missing = sorted(set(table["page"]) - set(links))
    if table.empty or missing:
        raise ValueError(f"a list needs rows, and a link for each page: none for {missing[:3]}")
    for way in links.values():
        require_page(way)
    rows = [{str(name): value for name, value in row.items()} for row in table.to_dict("records")]
    kinds, steps = ([str(row[name]) for row in rows] for name in ("kind", "step"))
    choices, marks = grouped(list(zip(kinds, steps, strict=True)))
    ranks = {name: _ranks(table, name) for name in ("size", "title")}
    listed = [
        {
            **row, "marks": marks[k], "link": links[row["page"]], "picture": _picture(row),
            "shown": {name: _short(float(row[name])) for name in SHOWN}, "told": _dose(row),
            "place": k, "by_size": ranks["size"][k], "by_name": ranks["title"][k],
        }
        for k, row in enumerate(rows)
    ]  # fmt: skip
    inside = render(
        "atlas", title=title, rows=listed, count=len(rows), file=_file(table),
        groups=list(zip(GROUPS, ("atlas.kind", "atlas.step"), choices, strict=True)),
    )  # fmt: skip
    opening = f'<div class="ik ik-finder ik-atlas" role="group" aria-label="{escape(title)}">'
    sheet = Markup(f"<style>{packaged('static', 'atlas.css')}</style>")
    script = Markup(f"<script>{packaged('static', 'atlas.js')}</script>")
    return output(f"{opening}{style_sheet()}{own_sheet()}{sheet}{inside}{script}</div>")


def shelves(table: pd.DataFrame, *, title: str, seen_from: str) -> HTML:
    """Return every chapter with its pages, and what was measured there, in one output.

    ``table`` holds the rows of `illusions.catalogue`, ``seen_from`` is the page that shows it. Used
    in the opening. Raises ValueError for an empty table, DataError for a page that is not in
    the contents.
    """
    if table.empty:
        raise ValueError("a list needs rows")
    shelf = []
    for chapter, pages in chapters().items():
        here = table[table["page"].isin(pages)]
        links = [(page.replace("-", " "), link(page, seen_from=seen_from)) for page in pages]
        shelf.append((chapter, links, len(here), int((here["flawed"] == "positive").sum())))
    inside = render("shelves", title=title, shelf=shelf)
    opening = f'<div class="ik ik-shelves" role="group" aria-label="{escape(title)}">'
    sheet = Markup(f"<style>{packaged('static', 'shelves.css')}</style>")
    return output(f"{opening}{style_sheet()}{sheet}{inside}</div>")


def _short(value: float) -> str:
    """Return a score by three digits that count: 0.997, 77.6, 229."""
    whole = len(str(int(abs(value)))) if abs(value) >= 1 else 0
    return fixed(value, max(0, DIGITS - whole))


def _dose(row: Mapping[str, Any]) -> str:
    """Return a dose as it is read beside its knob's label: a share in per cent, or none or all of
    it, and no unit that the label names already."""
    dose, unit = float(row["dose"]), str(row["unit"])
    if unit.split()[:1] == [SHARE]:
        whole = {0.0: "none", 1.0: "all"}.get(dose)
        part = text(f"dose.{whole}") if whole else text("dose.percent", n=number(100 * dose))
        return part + unit.removeprefix(SHARE)
    named = unit in re.findall(r"\w+", str(row["knob"]))
    return number(dose) if named else f"{number(dose)} {unit}".strip()


def _ranks(table: pd.DataFrame, column: str) -> list[int]:
    """Return the place of each row in the order of a column: largest first, names from A on."""
    order = table[column].sort_values(ascending=column == "title", kind="stable").index
    ranks = {row: place for place, row in enumerate(order)}
    return [ranks[row] for row in table.index]


def _picture(row: Mapping[str, Any]) -> Markup:
    """Return the apparent score (a dot), the honest (a square) and the cured (a stroke) on a line.

    The line goes from the lowest to the highest of the three: pictures share no scale.
    """
    scores = {name: float(row[name]) for name in ("apparent", "honest", "cured_apparent")}
    there = {name: value for name, value in scores.items() if np.isfinite(value)}
    low, high = min(there.values()), max(there.values())
    span = (high - low) or 1.0
    at = {name: PAD + (WIDTH - 2 * PAD) * (value - low) / span for name, value in there.items()}
    marks = [
        f'<line class="ik-atlas-line" x1="{PAD:g}" x2="{WIDTH - PAD:g}" y1="9" y2="9"/>',
        f'<rect class="ik-atlas-honest" x="{at["honest"] - 5:.1f}" y="4" width="10" height="10"/>',
        f'<circle class="ik-atlas-apparent" cx="{at["apparent"]:.1f}" cy="9" r="4.5"/>',
    ]
    if "cured_apparent" in at:
        x = at["cured_apparent"]
        marks.append(f'<line class="ik-atlas-cured" x1="{x:.1f}" x2="{x:.1f}" y1="1" y2="17"/>')
    size = f'width="{WIDTH:g}" height="18" viewBox="0 0 {WIDTH:g} 18"'
    return Markup(f'<svg {size} aria-hidden="true" focusable="false">{"".join(marks)}</svg>')


def _file(table: pd.DataFrame) -> Markup:
    """Return the rows as the address of a csv file that the page itself holds."""
    text = table.to_csv(index=False, lineterminator="\n", float_format=f"%.{DIGITS + 3}f")
    return Markup("data:text/csv;base64," + base64.b64encode(text.encode()).decode())
