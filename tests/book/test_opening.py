"""The opening picture is drawn from the measured table, to the byte."""

from __future__ import annotations

import re
from pathlib import Path

import opening
import pytest

from illusionkit.interactive.palette import PALETTE


def test_the_pictures_are_those_of_the_table(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stored = {path.name: path.read_bytes() for path in opening.HERE.glob("opening-*.svg")}
    monkeypatch.setattr(opening, "HERE", tmp_path)
    opening.main()
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == stored
    assert len(stored) == 2


@pytest.mark.parametrize(("apparent", "honest"), [(96, 84), (100, 0)])
def test_as_many_dots_are_filled_as_reviews_were_right(apparent: int, honest: int) -> None:
    colours = {role: pair[0] for role, pair in PALETTE.items()}
    picture = opening.draw(apparent, honest, colours)
    filled = re.findall(r'<circle [^>]*fill="(#\w+)"', picture)
    assert filled.count(colours["apparent"]) == apparent
    assert filled.count(colours["honest"]) == honest
    assert picture.count("<circle") == 200
