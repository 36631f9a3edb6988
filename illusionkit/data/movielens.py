"""Ratings of films with the time of each: MovieLens 100K, of 1997 and 1998.

Every row is about a person. No row and no user's ratings may be printed, nor a figure over fewer
than five users. GroupLens asks that the data be cited, not passed on, and put to no commercial use.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from functools import cache as memoised
from typing import NamedTuple

import numpy as np
import pandas as pd

from illusionkit.arrays import Array
from illusionkit.data import tables
from illusionkit.data.tables import NUMBER, Columns
from illusionkit.errors import DataError

SOURCES = {"film_ratings": ("recbole", ("ratings",))}
"""The archive and the member behind the table."""

COLUMNS: Columns = {
    "unit": ("user_id:token", range(1, 944)),
    "film": ("item_id:token", range(1, 1683)),
    "stars": ("rating:float", range(1, 6)),
    "time": ("timestamp:float", NUMBER),
}
"""The columns, the file's name of each, and what may stand there."""

LIKED, FILMS, DAY = 4, 1682, 24 * 3600
"""The fewest stars that count as liked; films in all; seconds of a day."""


def film_ratings(part: str = "book") -> pd.DataFrame:
    """Return 100,000 ratings of 1,682 films by 943 users, each with its time.

    Columns: ``label``, 1 for four or five stars; ``unit``, the user; ``film``, a number; ``stars``,
    1 to 5; ``time``, in seconds since 1970. Half of the users gave all their ratings within an
    hour, and many ratings share a second.
    Source: Harper and Konstan 2015, doi:10.1145/2827872, as packaged by recbole 1.2.1. Used in
    chapter 3.
    """
    return tables.one_part(_film_ratings(), part)


@memoised
def _film_ratings() -> pd.DataFrame:
    source, (member,) = SOURCES["film_ratings"]
    shipped = tables.text(source, member)
    try:
        read = pd.read_csv(io.StringIO(shipped), sep="\t", dtype=str, keep_default_na=False)
    except ValueError as error:
        raise DataError(f"'{member}' in {source} is no table: {error}.") from error
    table = tables.coded(read, COLUMNS, "film_ratings")
    table.insert(0, "label", (table["stars"] >= LIKED).astype("int64"))
    return tables.with_part(table, "film_ratings", table["unit"].astype(str))


class Asked(NamedTuple):
    """Users of one tenth, what each gave first (users, films) and next (users, films), and when."""

    users: Array
    given: Array
    targets: Array
    start: int
    end: int


def matrix(rows: pd.DataFrame) -> Array:
    """Return who rated what, 0 or 1, shape (users in ascending order, films)."""
    users, place = np.unique(rows["unit"], return_inverse=True)
    seen = np.zeros((len(users), FILMS))
    seen[place, rows["film"] - 1] = 1
    return seen


def asked(
    table: pd.DataFrame, part: str, tenths: Sequence[int], number: int, rng: np.random.Generator
) -> list[Asked]:
    """Return whom to ask for their next films, by tenth of the users in the order of time.

    A user's moment is when half of the ratings were given; ``number`` more are asked for, and who
    took more than a day for them is left out. Ratings of one second are put in order by chance.
    Tenths are those of the book's users, whoever is asked. ``table`` has a column ``part``.
    """
    table = table.iloc[rng.permutation(len(table))].sort_values(["unit", "time"], kind="stable")
    users = table.groupby("unit")
    table["ahead"] = users.cumcount() - users["unit"].transform("size") // 2
    table["moment"] = table["time"].where(table["ahead"] == -1)
    table["moment"] = table.groupby("unit")["moment"].transform("max")
    slow = table["ahead"].between(0, number - 1) & (table["time"] > table["moment"] + DAY)
    table = table[~table["unit"].isin(table["unit"][slow]) & (table["ahead"] < number)]
    each = table.drop_duplicates("unit")
    edges = each.loc[each["part"] == "book", "moment"].quantile(np.arange(1, 10) / 10)
    each = each[each["part"] == part]
    place = np.searchsorted(edges, each["moment"])
    some = [each["unit"].to_numpy()[place == tenth] for tenth in tenths]
    return [_asked(table[table["unit"].isin(users)], users) for users in some if len(users)]


def _asked(rows: pd.DataFrame, users: Array) -> Asked:
    later = rows["ahead"] >= 0
    targets = rows["film"][later].to_numpy().reshape(len(users), -1) - 1
    when = int(rows["moment"].min()), int(rows["time"].max())
    return Asked(users, matrix(rows[~later]), targets, *when)
