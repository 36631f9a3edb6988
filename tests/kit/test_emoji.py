"""Emoji as data: names with their tones, families, and pictures cut out of a sheet."""

import json

import numpy as np
import pandas as pd
import pytest

from illusionkit.data import emoji, unit_copies
from illusionkit.errors import DataError


def shipped(**changed):
    variation = {"unified": "1F3C3-1F3FB", "sheet_x": 0, "sheet_y": 1}
    runner = {"name": "RUNNER", "category": "People & Body", "unified": "1F3C3", "sheet_x": 0}
    return json.dumps([runner | {"sheet_y": 0, "skin_variations": {"1F3FB": variation}} | changed])


def test_a_family_is_what_neither_tone_nor_gender_tells_apart():
    runners = ["1F3C3", "1F3C3-1F3FF", "1F3C3-200D-2640-FE0F", "1F3C3-1F3FB-200D-2642-FE0F"]
    assert {emoji.family(codes) for codes in runners} == {"1F3C3"}
    cooks = ["1F468-200D-1F373", "1F469-1F3FD-200D-1F373", "1F9D1-200D-1F373"]
    assert {emoji.family(codes) for codes in cooks} == {"person-1F373"}
    assert emoji.family("1F9D1-200D-1F33E") != emoji.family(cooks[0])  # a farmer is no cook


@pytest.mark.parametrize(
    ("name", "codes", "expected"),
    [
        ("RUNNER", "1F3C3", "runner"),
        ("RUNNER", "1F3C3-1F3FB", "runner: light skin tone"),
        ("KISS: MAN, MAN", "1F468-1F3FB-1F468-1F3FF",
         "kiss: man, man, light skin tone, dark skin tone"),
    ],
)  # fmt: skip
def test_a_name_tells_every_skin_tone(name, codes, expected):
    assert emoji.named(name, codes) == expected


def test_variants_are_rows_of_their_own():
    table = emoji.parse(shipped().encode())
    assert table["codes"].tolist() == ["1F3C3", "1F3C3-1F3FB"]
    assert table["base"].tolist() == ["1F3C3"] * 2
    assert table["y"].tolist() == [0, 1]


@pytest.mark.parametrize("broken", [b"{", b"[1]", b'[{"name": "x"}]'])
def test_a_file_that_is_no_list_of_emoji_is_refused(broken):
    with pytest.raises(DataError, match="no list of emoji"):
        emoji.parse(broken)


def test_an_unknown_category_is_named():
    with pytest.raises(DataError, match="'Weather' is no known category"):
        emoji.parse(shipped(category="Weather").encode())


def test_a_picture_is_cut_at_its_place_and_lies_on_white():
    sheet = np.zeros((68, 68, 4))
    sheet[35:67, 1:33] = [1, 0, 0, 1]  # the second of the first column: red, opaque
    sheet[35, 1, 3] = 0.5
    red, clear = emoji.cut(sheet, np.array([0, 1]), np.array([1, 0]))
    assert red.shape == (32, 32, 3) and red[1:].tolist() == [[[255, 0, 0]] * 32] * 31
    assert red[0, 0].tolist() == [255, 128, 128]  # half of it shines through
    assert (clear == 255).all()


def test_a_place_outside_of_the_sheet_is_refused():
    with pytest.raises(DataError, match="smaller than its places say"):
        emoji.cut(np.zeros((68, 68, 4)), np.array([2]), np.array([0]))


def test_a_chain_of_two_groupings_is_one_unit():
    units = unit_copies.linked(np.array([0, 0, 1, 2, 3]), np.array([0, 1, 1, 2, 3]))
    assert units[0] == units[1] == units[2]
    assert len(set(units)) == 3


def test_pictures_of_another_size_are_refused():
    with pytest.raises(DataError, match="3072 values, row by row, and not 5"):
        emoji.pixels(pd.DataFrame({"pixels": [b"12345"]}))


def test_bytes_that_are_no_picture_are_refused():
    with pytest.raises(DataError, match="no PNG image"):
        emoji._png(b"no picture")


def test_the_real_table_is_what_the_docstring_says():
    whole = emoji._emoji()
    assert len(whole) == 3786 and whole["base"].nunique() == 1911
    assert whole.groupby("base")["unit"].nunique().max() == 1  # a base lies in one family
    assert whole.groupby("copy_of")["unit"].nunique().max() == 1
    assert whole.groupby("unit")["part"].nunique().max() == 1
    assert whole["unit"].nunique() == 1698 and set(whole["label"]) == set(range(10))
    runner = whole[whole["name"].str.fullmatch(r"(man |woman )?(runner|running)(: .*)?")]
    assert len(runner) == 18 and runner["unit"].nunique() == 1 and runner["base"].nunique() == 3
