"""Copies with slips: what a slip changes, and whose copy a copy is."""

import numpy as np
import pandas as pd

from illusionkit.data.slips import words_of
from illusionkit.illusions.material import slipped_reviews
from illusionkit.illusions.material.slipped_reviews import SLIPS, copies_of, spelled

TEXTS = ["a beautiful and interesting comedy, definitely worth seeing", "zzz qqq"]


def test_a_copy_has_so_many_slips_and_a_text_without_known_words_has_none():
    copy, unknown = spelled(TEXTS, seed=1)
    before, after = words_of(TEXTS[0]), words_of(copy)
    assert sum(a != b for a, b in zip(before, after, strict=True)) == SLIPS
    assert unknown == TEXTS[1]


def test_copies_differ_by_seed_and_repeat_themselves():
    assert spelled(TEXTS, seed=1) == spelled(TEXTS, seed=1)
    assert len({spelled(TEXTS, seed=seed)[0] for seed in range(5)}) > 1


def test_the_copies_of_a_review_are_found_in_the_order_asked_for():
    table = pd.DataFrame({"copy": [0, 0, 0, 2, 1, 1, 2], "original": [0, 1, 2, 0, 2, 0, 2]})
    assert copies_of(table, np.array([2, 0])).tolist() == [[4, 6], [5, 3]]


def test_no_review_has_two_roles():
    table = pd.DataFrame({"unit": np.repeat(np.arange(3000), 2)})
    writers, judges = slipped_reviews._roles(table)
    units = [table["unit"].to_numpy()[rows] for rows in (writers, judges)]
    assert not set(units[0]) & set(units[1])
    assert all(len(set(each)) == len(each) for each in units)
