"""The self-test asks what the registry knows, and nothing of that is typed."""

from __future__ import annotations

import ast
import re
from html import unescape
from pathlib import Path

import notebooks
import pytest

from illusionkit.illusions import experiments

PAGE = notebooks.ROOT / "chapters/09-faq/self-test.ipynb"
FEWEST_FINE = 4


def typed() -> list[tuple[str, ...]]:
    """Return what the page's code says of each situation: an experiment, the situation, why not."""
    trees = [
        ast.parse(c.source)
        for c in notebooks.code_cells(notebooks.read(PAGE))
        if "shown(" in c.source
    ]
    calls = [n for tree in trees for n in ast.walk(tree) if isinstance(n, ast.Call)]
    rounds = [n.args[1] for n in calls if getattr(n.func, "id", "") == "shown"]
    return [row for each in rounds for row in ast.literal_eval(each)]


def rounds() -> list[str]:
    """Return the rounds as the page stores them."""
    found = [html for html in notebooks.html_of(notebooks.code_cells(notebooks.read(PAGE)))]
    return [html[html.rindex("</style>") :] for html in found if "ik-quiz" in html]


def test_twenty_situations_of_twenty_experiments_and_some_where_nothing_is_wrong() -> None:
    rows = typed()
    assert len({row[0] for row in rows}) == len({row[1] for row in rows}) == len(rows) == 20
    assert sum(len(row) > 2 for row in rows) >= FEWEST_FINE
    assert all(experiments()[row[0]].caught_by for row in rows)


def test_every_right_answer_is_the_registry_s_as_of_now() -> None:
    asked = [part for html in rounds() for part in html.split('class="ik-asked"')[1:]]
    assert len(asked) == 20
    for row, html in zip(typed(), asked, strict=True):
        known = experiments()[row[0]]
        right = re.findall(r'aria-label="([^"]*)"[^>]*? data-right=""', html)
        illusion, check = (unescape(said).partition(": ")[2] for said in right)
        assert check == known.caught_by, f"{row[0]}: run the page again"
        assert illusion == ("Nothing is wrong" if len(row) > 2 else known.title), row[0]


@pytest.mark.parametrize("name", ["title", "caught_by", "symptom"])
def test_nothing_that_the_registry_knows_is_typed(name: str) -> None:
    source = "".join(cell.source for cell in notebooks.read(PAGE).cells)
    held = [e.id for e in experiments().values() if getattr(e, name) and getattr(e, name) in source]
    assert not held


def test_every_solution_leads_to_a_page_of_the_book() -> None:
    links = re.findall(r'<a data-page="" href="([^"]+)"', "".join(rounds()))
    missing = [link for link in links if not Path(PAGE.parent, link).is_file()]
    assert len(links) == 20 and not missing


def test_a_round_needs_no_kernel_no_script_and_no_network() -> None:
    assert not re.search(r"<script|https?:|src=", "".join(rounds()))
