"""Situations to be judged: which illusion is it, which one check shows it; marked at once.

It runs in the rendered book, in JupyterLab and in Colab alike, without a script: radio buttons are
marked by the style sheet alone. Where a browser does not know how, the folded solutions remain.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from markupsafe import Markup

from illusionkit.interactive.choices import require_page
from illusionkit.interactive.widget import escape, output, packaged, render, style_sheet

if TYPE_CHECKING:
    from IPython.display import HTML

LETTERS = "ABCDEFGHIJ"
"""What the checks of a round are called; the illusions are numbered."""


@dataclass(frozen=True)
class Suspect:
    """An illusion that may be behind a situation, its one check, and a link to its page."""

    name: str
    caught_by: str
    page: str

    @property
    def slug(self) -> str:
        """Return the page's own name, without folder and ending."""
        return self.page.rpartition("/")[2].removesuffix(".ipynb")


@dataclass(frozen=True)
class Situation:
    """What a reader meets, and what is to be suspected there.

    Where nothing is wrong ``fine`` says why, and the check of ``suspect`` is the one that
    shows it; elsewhere it is empty.
    """

    says: str
    suspect: Suspect
    fine: str = ""


@dataclass(frozen=True)
class Asked:
    """A situation with its right answers, as places in the lists of its round."""

    situation: Situation
    illusion: int
    check: int

    @property
    def solution(self) -> str:
        """Return the right answers as the lists call them; a dash where nothing is wrong."""
        return f"{self.illusion + 1 if self.illusion >= 0 else '–'} · {LETTERS[self.check]}"


def quiz(situations: Sequence[Situation], *, title: str) -> HTML:
    """Return a round of situations, marked at once, as one self-contained output.

    The suspects of all situations are the illusions to choose from, or none of them; their
    checks are the checks. Both lists are in the order of the alphabet. Used in chapter 9.

    Raises ValueError for less than two suspects or more than there are letters, two suspects that
    share a name or a check, a suspect without a check, or a link that leads to no notebook.
    """
    suspects = list(dict.fromkeys(each.suspect for each in situations))
    _require(suspects)
    names = sorted(each.name for each in suspects)
    checks = sorted(each.caught_by for each in suspects)
    inside = render(
        "quiz", title=title, names=names, checks=checks, letters=LETTERS, count=len(situations),
        asked=[_asked(each, names, checks) for each in situations],
    )  # fmt: skip
    opening = f'<div class="ik ik-quiz" role="group" aria-label="{escape(title)}">'
    return output(f"{opening}{style_sheet()}{own_sheet()}{inside}</div>")


def _asked(situation: Situation, names: list[str], checks: list[str]) -> Asked:
    suspect = situation.suspect
    illusion = -1 if situation.fine else names.index(suspect.name)
    return Asked(situation, illusion, checks.index(suspect.caught_by))


def _require(suspects: Sequence[Suspect]) -> None:
    if not 2 <= len(suspects) <= len(LETTERS):
        raise ValueError(f"a round has 2 to {len(LETTERS)} suspects, not {len(suspects)}")
    for suspect in suspects:
        if not suspect.caught_by:
            raise ValueError(f"no check is known of '{suspect.name}'")
        require_page(suspect.page)
    for field in ("name", "caught_by"):
        if len({getattr(each, field) for each in suspects}) < len(suspects):
            raise ValueError("two suspects share a name or a check: no answer would be right")


@cache
def own_sheet() -> Markup:
    """Return the constant ``<style>`` element of rounds."""
    return Markup(f"<style>{packaged('static', 'quiz.css')}</style>")
