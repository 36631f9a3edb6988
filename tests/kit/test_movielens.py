"""The film ratings: the documented rows, two parts; who is asked, when, and for what."""

import hashlib

import numpy as np
import pandas as pd
import pytest

from illusionkit.data import movielens, tables
from illusionkit.errors import DataError

HOUR = 3600
PART = "c446de66ab20e832"
"""The first digits of a hash of which users are in the confirm part: it never moves."""


def test_the_documented_rows_are_there():
    whole = movielens._film_ratings()
    assert len(whole) == 100_000 and whole["unit"].nunique() == 943
    assert whole["film"].nunique() == movielens.FILMS == 1682
    assert not whole.duplicated(["unit", "film"]).any()
    assert whole.groupby("unit").size().min() >= 20
    assert (whole["label"] == (whole["stars"] >= 4)).all()
    span = whole.groupby("unit")["time"].agg(np.ptp)
    assert span.median() < HOUR


def test_the_confirm_part_never_moves():
    each = movielens._film_ratings().drop_duplicates("unit").sort_values("unit")
    confirm = (each["part"] == "confirm").to_numpy()
    assert abs(confirm.mean() - 0.1) < 3 * (0.09 / 943) ** 0.5
    assert hashlib.sha256(np.packbits(confirm).tobytes()).hexdigest()[:16] == PART


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("user_id:token\titem_id:token\n1\t2\n", "no column 'rating:float'"),
        ("user_id:token\titem_id:token\trating:float\ttimestamp:float\n1\t2\t6\t9\n", "'stars'"),
        ("user_id:token\titem_id:token\trating:float\ttimestamp:float\n1\t0\t5\t9\n", "'film'"),
        ("", "is no table"),
    ],
)
def test_a_file_that_is_another_is_named(monkeypatch, text, message):
    monkeypatch.setattr(tables, "text", lambda source, member: text)
    with pytest.raises(DataError, match=message):
        movielens._film_ratings.__wrapped__()


def made(users=20, each=6):
    """Return a table in which user u rates the films u to u + 5, an hour apart, from day u on."""
    rows = [(u, u + k, u * movielens.DAY + k * HOUR) for u in range(users) for k in range(each)]
    return pd.DataFrame(rows, columns=["unit", "film", "time"]).assign(part="book")


def ask(table, part="book", tenths=(4, 5)):
    return movielens.asked(table, part, tenths, 2, np.random.default_rng(0))


def test_the_first_half_is_given_and_the_next_are_asked_for():
    first, second = ask(made())
    assert list(first.users) == [8, 9] and list(second.users) == [10, 11]
    assert np.flatnonzero(first.given[0]).tolist() == [7, 8, 9]  # films 8 to 10, from 0
    assert first.targets.tolist() == [[10, 11], [11, 12]]
    assert first.start == 8 * movielens.DAY + 2 * HOUR
    assert first.end == 9 * movielens.DAY + 4 * HOUR


def test_who_took_more_than_a_day_is_not_asked():
    table = made()
    slow = (table["unit"] == 8) & (table["film"] >= 12)
    assert 8 in ask(table)[0].users
    assert 8 in ask(table.assign(time=table["time"] + 21 * HOUR * slow))[0].users
    asked = ask(table.assign(time=table["time"] + 23 * HOUR * slow))
    assert 8 not in np.concatenate([tenth.users for tenth in asked])


def test_others_may_be_asked_by_the_tenths_of_the_book():
    table = made()
    table.loc[table["unit"] == 10, "part"] = "confirm"
    (tenth,) = ask(table, "confirm")
    assert list(tenth.users) == [10]
    assert ask(table, "confirm", tenths=(0,)) == []


def test_ratings_of_one_second_are_put_in_order_by_chance():
    table = made().assign(time=made()["unit"] * movielens.DAY)
    draws = {
        str(movielens.asked(table, "book", (4,), 2, np.random.default_rng(seed))[0].targets)
        for seed in range(5)
    }
    assert len(draws) > 1


def test_a_matrix_has_a_row_a_user_in_ascending_order():
    seen = movielens.matrix(pd.DataFrame({"unit": [7, 2, 7], "film": [1, 1682, 3]}))
    assert seen.shape == (2, 1682)
    assert np.argwhere(seen).tolist() == [[0, 1681], [1, 0], [1, 2]]
