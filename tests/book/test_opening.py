"""The opening page asks before it tells, and its dots are as many as the model was right."""

from __future__ import annotations

import json
import re
from pathlib import Path

import notebooks
import opening
import pytest

from illusionkit.interactive.palette import PALETTE

ROLES = {"soft": "0", "apparent": "1", "honest": "2"}


@pytest.fixture(scope="module")
def page() -> notebooks.NotebookNode:
    """The opening page, as it is stored."""
    return notebooks.read(notebooks.ROOT / notebooks.OPENING)


@pytest.fixture(scope="module")
def hero(page: notebooks.NotebookNode) -> dict:
    """The data of its scene."""
    (scene,) = notebooks.payloads(notebooks.code_cells(page), "scene")
    return json.loads(scene)


def test_the_opening_is_a_page_like_the_others() -> None:
    assert notebooks.ROOT / notebooks.OPENING in notebooks.pages()
    assert not (notebooks.ROOT / "intro.md").exists()


def test_the_reader_guesses_before_anything_is_told(hero: dict) -> None:
    answer = f"{hero['guess']['answer']:.0f}"
    assert answer not in hero["frames"][0]["says"] and answer in hero["frames"][1]["says"]
    assert set(hero["frames"][0]["roles"]) == {"0"}, "a colour tells right from wrong"


def test_no_text_of_the_page_gives_the_answer(page: notebooks.NotebookNode, hero: dict) -> None:
    told = {hero["guess"]["answer"], *map(int, re.findall(r"on (\d+) of 100", str(hero)))}
    prose = " ".join(cell.source for cell in page.cells if cell.cell_type == "markdown")
    assert told and not told & {int(n) for n in re.findall(r"(?<!\d)\d+(?!\d)", prose)}


def test_as_many_dots_are_blue_as_reviews_were_right(hero: dict) -> None:
    answer = hero["guess"]["answer"]
    for frame in hero["frames"][1:]:
        roles = frame["roles"][:100]
        assert roles.count(ROLES["honest"]) == answer
        assert roles.count(ROLES["apparent"]) + roles.count(ROLES["soft"]) == 100 - answer


def test_the_first_page_shows_a_pair_of_twins(hero: dict) -> None:
    (pair,) = (p for p in hero["frames"][-1]["threads"] if {*map(str, p)} <= {*hero["texts"]})
    one, other = (hero["texts"][str(dot)].partition(": ")[2] for dot in pair)
    assert one == other and len(one) > 20


def test_the_pictures_of_the_readme_are_those_of_the_table(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stored = {path.name: path.read_bytes() for path in opening.HERE.glob("opening-*.svg")}
    monkeypatch.setattr(opening, "HERE", tmp_path)
    opening.main()
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == stored
    assert len(stored) == 2


@pytest.mark.parametrize("apparent", [96, 100, 0])
def test_as_many_dots_are_filled_as_reviews_were_right(apparent: int) -> None:
    colours = {role: pair[0] for role, pair in PALETTE.items()}
    picture = opening.draw(apparent, colours)
    filled = re.findall(r'<circle [^>]*fill="(#\w+)"', picture)
    assert filled.count(colours["apparent"]) == apparent == len(filled)
    assert picture.count("<circle") == 200
