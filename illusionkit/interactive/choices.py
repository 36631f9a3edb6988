"""A list to be narrowed down by hand: what one sees, what it may be, what would show it.

It runs in the rendered book, in JupyterLab and in Colab alike, without a script: the choice is
made by the style sheet alone. Where a browser does not know how, the whole list stands there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from markupsafe import Markup

from illusionkit.interactive.widget import escape, output, packaged, render, style_sheet

if TYPE_CHECKING:
    from IPython.display import HTML

MOST_CHOICES = 8
"""Choices of a group that the style sheet knows, beside "all"."""
GROUPS = ("a", "b")


@dataclass(frozen=True)
class Entry:
    """One line: what is seen, what it may be, the page on it, and the one check that shows it.

    ``page`` is a link from the page that shows the list, to a notebook. ``groups`` says for each
    group of choices to which one the entry belongs.
    """

    seen: str
    name: str
    page: str
    caught_by: str
    groups: tuple[str, ...]


def finder(entries: Sequence[Entry], *, title: str, by: Sequence[str]) -> HTML:
    """Return entries as a list that radio buttons narrow down, as one self-contained output.

    ``by`` names one or two groups of choices, in the order of `Entry.groups`; a group's choices
    stand in the order of their first appearance. Used in chapter 3.

    Raises ValueError without entries, for a link that does not lead to a notebook, for an entry
    that is not in every group, or for too many groups or choices.
    """
    _require(entries, by)
    choices, marks = grouped([entry.groups for entry in entries])
    inside = render(
        "finder", title=title, count=len(entries), listed=list(zip(entries, marks, strict=True)),
        groups=list(zip(GROUPS, by, choices, strict=False)), letters=GROUPS,
    )  # fmt: skip
    opening = f'<div class="ik ik-finder" role="group" aria-label="{escape(title)}">'
    return output(f"{opening}{style_sheet()}{own_sheet()}{inside}</div>")


def grouped(groups: Sequence[Sequence[str]]) -> tuple[list[list[str]], list[list[int]]]:
    """Return the choices of each group, by first appearance, and for each entry their numbers.

    Numbers count from 1. Raises ValueError for more choices than the style sheet knows.
    """
    choices = [list(dict.fromkeys(found)) for found in zip(*groups, strict=True)]
    if max(map(len, choices)) > MOST_CHOICES:
        raise ValueError(f"a group has room for {MOST_CHOICES} choices")
    marks = [
        [known.index(one) + 1 for known, one in zip(choices, row, strict=True)] for row in groups
    ]
    return choices, marks


def _require(entries: Sequence[Entry], by: Sequence[str]) -> None:
    if not entries or not 1 <= len(by) <= len(GROUPS):
        raise ValueError(f"a list needs entries and one or two groups: {len(entries)}, {len(by)}")
    for entry in entries:
        if len(entry.groups) != len(by):
            raise ValueError(f"'{entry.name}' is in {len(entry.groups)} groups, not {len(by)}")
        require_page(entry.page)


def require_page(link: str) -> None:
    """Raise ValueError unless a link leads from a page of this book to the notebook of another."""
    if not link.endswith(".ipynb") or ":" in link:
        raise ValueError(f"'{link}' is no link to a page of this book")


@cache
def own_sheet() -> Markup:
    """Return the constant ``<style>`` element of lists: a rule for every choice there may be."""
    hidden = ",".join(
        f'.ik-finder:has([data-{letter}="{n}"]:checked) li:not([data-{letter}="{n}"])'
        for letter in GROUPS
        for n in range(1, MOST_CHOICES + 1)
    )
    sheet = packaged("static", "finder.css").replace("/*hidden*/", hidden)
    return Markup(f"<style>{sheet}</style>")
