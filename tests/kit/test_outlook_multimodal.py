"""Chapter 8, pictures with names: who is asked, who is trained on, and who wins by copying."""

import numpy as np
import pandas as pd
import pytest

from illusionkit.errors import DataError
from illusionkit.illusions.material import drawings
from illusionkit.illusions.outlook import multimodal, multimodal_fusion

RNG = np.random.default_rng


def table(large=8, single=30, confirm=0):
    """Return families of six pictures, each of two bases, and single ones."""
    units = [*np.repeat(np.arange(large), 6), *np.arange(large, large + single)]
    bases = 10 * np.array(units) + np.tile([0, 0, 0, 1, 1, 1], len(units))[: len(units)]
    part = np.where(np.array(units) < confirm, "confirm", "book")
    return pd.DataFrame({"unit": units, "base": bases, "part": part})


def test_nobody_trains_on_who_is_asked_or_offered():
    made = table()
    drawn = drawings.cast(made, RNG(0), size=2, least=6, names=10)
    unit = made["unit"].to_numpy()
    assert len(drawn.asked) == 2 and len(set(unit[drawn.gallery])) == len(drawn.gallery) == 10
    assert drawn.gallery[:2].tolist() == drawn.asked.tolist()
    assert not set(unit[drawn.pool]) & {
        *unit[drawn.gallery],
        *unit[np.concatenate(drawn.strangers_kin)],
    }
    for row, own in zip(drawn.asked, drawn.kin, strict=True):
        assert row not in own and set(unit[own]) == {unit[row]} and len(own) == 5


def test_in_a_confirmation_only_the_confirm_part_is_asked():
    made = table(confirm=2)
    drawn = drawings.cast(made, RNG(0), size=3, least=6, names=10)
    assert set(made["part"][drawn.asked]) == {"confirm"} and len(drawn.asked) == 2
    others = np.concatenate([drawn.gallery[2:], drawn.pool, *drawn.strangers_kin])
    assert set(made["part"][others]) == {"book"}


def test_too_few_families_with_siblings_are_named():
    with pytest.raises(DataError, match="families with siblings"):
        drawings.cast(table(large=2), RNG(0), size=3, least=6, names=10)


def test_a_split_by_base_leaves_siblings_of_another_base():
    made = table()
    drawn = drawings.cast(made, RNG(0), size=2, least=6, names=10)
    for row, own in zip(drawn.asked, multimodal.kept_apart(made, drawn).kin, strict=True):
        assert len(own) == 3 and made["base"][row] not in set(made["base"][own])


def test_arms_train_on_equally_many_and_only_the_flawed_one_on_siblings(monkeypatch):
    monkeypatch.setattr(multimodal, "TRAINED", 20)
    made = table()
    drawn = drawings.cast(made, RNG(0), size=2, least=6, names=6)
    unit = made["unit"].to_numpy()
    rows = {arm: multimodal.trained(drawn, 3, arm) for arm in ("flawed", "control", "cured")}
    siblings = {
        arm: int(np.isin(unit[each], unit[drawn.asked]).sum()) for arm, each in rows.items()
    }
    assert {len(set(each)) for each in rows.values()} == {20}
    assert siblings == {"flawed": 6, "control": 0, "cured": 0}
    strange = np.concatenate(drawn.strangers_kin)
    assert np.isin(rows["control"], strange).sum() == 6
    assert not np.isin(rows["cured"], strange).any()


def test_ridge_on_unlike_rows_shrinks_each_target_towards_the_mean():
    said = drawings.fitted(np.eye(3), np.array([0, 1]), np.array([[1.0], [3.0]]), np.arange(3))
    assert np.allclose(said, [[2 - 1 / 1.1], [2 + 1 / 1.1], [2]])


def test_a_kernel_is_as_wide_as_the_median_distance_of_the_book():
    near = drawings.near(np.array([[0.0], [1.0], [9.0]]), np.array([True, True, False]))
    assert np.allclose(near[0], np.exp([0, -2, -162]))  # squares 0, 0, 1, 1: the median is a half


def test_copying_takes_the_name_of_the_nearest_picture():
    names = np.array([[1.0, 0], [0.9, 0.1], [0, 1], [0.1, 0.9]])
    alike = np.array([[1, 0.8, 0.1, 0], [0.8, 1, 0, 0], [0.1, 0, 1, 0.7], [0, 0, 0.7, 1]])
    finder = drawings.Finder(alike, names, gallery=np.array([0, 2]))
    assert finder.copied(np.array([1, 3]), np.array([0, 2])).tolist() == [0, 2]
    assert finder.predict(np.array([1, 3]), np.array([1, 3]), np.array([0, 2])).tolist() == [0, 2]
    taught = finder.predict(np.array([1, 3]), np.array([3, 1]), np.array([0, 2]))
    assert taught.tolist() == [2, 0]  # names dealt the other way round are learned that way


def test_pictures_are_dealt_on_each_side_and_no_others_move():
    sides = [np.arange(20), np.arange(20, 30)]
    shown = multimodal_fusion.dealt(35, sides, 0.5, RNG(0))
    assert sorted(shown[:10]) == list(range(10)) and shown[:10].tolist() != list(range(10))
    assert sorted(shown[20:25]) == list(range(20, 25))
    assert shown[10:20].tolist() == list(range(10, 20)) and shown[25:].tolist() == list(
        range(25, 35)
    )
    assert multimodal_fusion.dealt(35, sides, 0.0, RNG(0)).tolist() == list(range(35))


def test_a_ridge_classifier_says_the_category_of_its_like():
    kernel = np.kron(np.eye(2), np.full((3, 3), 0.9)) + 0.1 * np.eye(6)
    label = np.array([4, 4, 4, 7, 7, 7])
    assert multimodal_fusion.said(kernel, label, np.array([0, 3]), np.array([1, 5])).tolist() == [
        4,
        7,
    ]
    assert multimodal_fusion.left_out(kernel, label, np.arange(6)) == 1
