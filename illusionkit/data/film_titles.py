"""The titles of the films that were rated: no rating, and nothing of any user."""

from __future__ import annotations

import io
from functools import cache as memoised

import pandas as pd

from illusionkit.data import tables
from illusionkit.data.movielens import FILMS
from illusionkit.errors import DataError

SOURCE, MEMBER = "recbole", "films"
"""The archive and the member behind the list."""
NAMES = {"movie_title:token_seq": "title", "release_year:token": "year", "class:token_seq": "kinds"}
"""The file's names of the columns, and ours."""


def film_titles() -> pd.DataFrame:
    """Return the 1,682 films of `movielens.film_ratings`, the one of number n in row n - 1.

    Columns: ``title``, with an article put in front where the file has it at the end; ``year``, a
    text; ``kinds``, one or more in one text, as "Action Adventure". Some titles occur twice.
    Source: Harper and Konstan 2015, doi:10.1145/2827872, as packaged by recbole 1.2.1. Used in
    chapter 6.

    Raises
    ------
    DataError
        The file has other columns, or other films than the ratings.
    """
    return _film_titles().copy()


@memoised
def _film_titles() -> pd.DataFrame:
    shipped = tables.text(SOURCE, MEMBER)
    return listed(pd.read_csv(io.StringIO(shipped), sep="\t", dtype=str, keep_default_na=False))


def listed(shipped: pd.DataFrame) -> pd.DataFrame:
    """Return a shipped list under our names. Raises DataError, as `film_titles`."""
    if missing := {"item_id:token", *NAMES} - set(shipped):
        raise DataError(f"film_titles: the file has no column '{min(missing)}'.")
    if list(shipped["item_id:token"]) != [str(number) for number in range(1, FILMS + 1)]:
        raise DataError(f"film_titles: the films are not numbered from 1 to {FILMS} in order.")
    table = shipped[list(NAMES)].rename(columns=NAMES)
    return table.assign(title=[in_order(title) for title in table["title"]])


def in_order(title: str) -> str:
    """Return a title as one says it: "Piano The" becomes "The Piano"."""
    rest, _, last = title.strip().rpartition(" ")
    return f"{last} {rest.rstrip(',')}" if rest and last in ("The", "A", "An") else title.strip()
