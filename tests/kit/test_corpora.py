"""Corpora: the documented rows and columns; units that keep copies together; two parts.

Of the confirm part only the names of its units are looked at, never its labels or a score.
"""

import hashlib

import numpy as np
import pandas as pd
import pytest

from illusionkit import cache
from illusionkit.data import archives, corpora, tables, unit_copies
from illusionkit.errors import DataError

ROWS = {
    "chinese_reviews": 35123,
    "movie_reviews": 10605,
    "product_reviews": 3708,
    "editorials": 5190,
    "tweets": 4200,
}
RATED = [name for name in ROWS if name != "chinese_reviews"]
BY_DOCUMENT = ("product_reviews", "editorials")
PARTS = {
    "chinese_reviews": "7d578366722e822b",
    "movie_reviews": "bf327bbead9bd141",
    "product_reviews": "b3c332a35930bd8e",
    "editorials": "f591afd4f2d12b73",
    "tweets": "d46384df404488ed",
}
"""The first digits of a hash of which rows are in the confirm part: it never moves."""


def whole(name):
    """Return a corpus with both parts, before it is cut."""
    return corpora._chinese_reviews() if name == "chinese_reviews" else corpora._rated(name)


@pytest.mark.parametrize("name", ROWS)
def test_the_documented_rows_are_there(name):
    table = whole(name)
    assert len(table) == ROWS[name]
    assert len(corpora.CORPORA[name]("book")) == (table["part"] == "book").sum()
    assert f"{ROWS[name]:,}" in str(corpora.CORPORA[name].__doc__)


def test_chinese_reviews_have_the_documented_columns_and_copies():
    table = corpora.chinese_reviews()
    assert list(table.columns) == ["text", "label", "copy_of", "unit"]
    assert set(table["label"]) == {0, 1}
    lines = whole("chinese_reviews")
    both = lines.groupby("copy_of")["label"].nunique() == 2
    assert both.sum() == 51
    assert 0.48 < lines["copy_of"].duplicated().mean() < 0.52
    assert (lines.groupby("copy_of")["unit"].nunique() == 1).all()


@pytest.mark.parametrize("name", RATED)
def test_rated_corpora_have_the_documented_columns(name):
    table = corpora.CORPORA[name]()
    order = ["text", "mean", "ratings", "label", "document", "position", "unit"]
    assert list(table.columns) == order
    assert table["text"].str.strip().ne("").all()
    assert table["mean"].between(-4, 4).all()
    assert set(table["label"]) == set(range(5))
    assert all(-4 <= score <= 4 for scores in table["ratings"] for score in scores)


@pytest.mark.parametrize(("name", "other"), [(name, 199 * (name == "tweets")) for name in RATED])
def test_the_mean_is_that_of_the_ratings_but_for_the_documented_tweets(name, other):
    table = whole(name)
    own = table["ratings"].map(np.mean)
    assert ((own - table["mean"]).abs() > 1e-6).sum() == other
    assert np.corrcoef(own, table["mean"])[0, 1] > 0.99


@pytest.mark.parametrize("name", RATED)
def test_the_classes_are_cut_at_the_documented_edges(name):
    table = corpora.CORPORA[name]()
    edges = [-np.inf, *corpora.CLASS_EDGES, np.inf]
    for label in range(5):
        inside = table["mean"].ge(edges[label]) & table["mean"].lt(edges[label + 1])
        assert (table["label"] == label).equals(inside), corpora.CLASS_NAMES[label]


@pytest.mark.parametrize(("name", "skipped"), [("product_reviews", 20), ("editorials", 143)])
def test_positions_count_the_sentences_of_a_document_with_the_documented_gaps(name, skipped):
    table = whole(name)
    steps = table.groupby("document")["position"].diff().dropna()
    assert (steps != 1).sum() == skipped
    assert not table.duplicated(["document", "position"]).any()
    assert table.groupby("document")["position"].min().eq(1).mean() > 0.98


def test_documents_are_as_many_as_documented():
    assert whole("product_reviews")["document"].nunique() == 300
    assert "300 product reviews" in str(corpora.product_reviews.__doc__)


@pytest.mark.parametrize("name", ROWS)
def test_a_unit_keeps_its_copies_together_and_lies_in_one_part(name):
    table = whole(name)
    same = table["text"].map(unit_copies.normalise)
    assert (table.groupby(same)["unit"].nunique() == 1).all()
    assert (table.groupby("unit")["part"].nunique() == 1).all()
    if name in BY_DOCUMENT:
        assert (table.groupby("document")["unit"].nunique() == 1).all()
    book, confirm = (set(corpora.CORPORA[name](part)["unit"]) for part in tables.PARTS)
    assert book
    assert confirm
    assert not book & confirm


@pytest.mark.parametrize("name", ["chinese_reviews", "movie_reviews", "tweets"])
def test_no_text_has_a_near_copy_in_the_other_part(name):
    table = whole(name)
    texts = {part: list(rows["text"]) for part, rows in table.groupby("part")}
    few = texts["confirm"][:: max(1, len(texts["confirm"]) // 150)]
    assert not unit_copies.overlap(texts["book"], few).any()


@pytest.mark.parametrize("name", ROWS)
def test_about_a_tenth_of_the_units_is_the_confirm_part(name):
    units = whole(name).drop_duplicates("unit")
    share = (units["part"] == "confirm").mean()
    error = (0.1 * 0.9 / len(units)) ** 0.5
    assert abs(share - tables.CONFIRM_SHARE) < 3 * error


@pytest.mark.parametrize("name", ROWS)
def test_the_confirm_part_never_moves(name):
    confirm = (whole(name)["part"] == "confirm").to_numpy()
    assert hashlib.sha256(np.packbits(confirm).tobytes()).hexdigest()[:16] == PARTS[name]


def test_the_part_does_not_depend_on_the_order_of_the_rows():
    table = pd.DataFrame({"text": [f"text {i}" for i in range(300)], "unit": range(300)})
    parts = tables.with_part(table, "c", table["text"])["part"]
    turned = table[::-1]
    again = tables.with_part(turned, "c", turned["text"])["part"]
    assert parts.equals(again.sort_index())
    assert set(parts) == {"book", "confirm"}


@pytest.mark.parametrize("name", ROWS)
def test_a_table_may_be_changed_without_harm(name):
    first = corpora.CORPORA[name]()
    before = first["text"].iloc[0]
    first.loc[0, "text"] = "spoilt"
    assert corpora.CORPORA[name]()["text"].iloc[0] == before


HOSTILE = {
    "long": "x" * 100_000,
    "script": "</script><script>alert(1)</script>",
    "comment": "<!-- <script>",
    "turned": "\u202eright to left\u202c \u05e9\u05dc\u05d5\u05dd",
    "emoji": "\U0001f600\U0001f389",
}


def shipped(monkeypatch, truth, ratings=None):
    """Let the archive hold these lines."""
    if ratings is None:
        ratings = "".join(f"{line.split(chr(9))[0]}\t0\t0\t[1, 2]\n" for line in truth.split("\n"))
    content = {"tweets_truth": truth, "tweets_ratings": ratings}

    def read(source_id, member):
        found = content[member]
        return found if isinstance(found, bytes) else found.encode()

    monkeypatch.setattr(archives, "read", read)
    return corpora._rated.__wrapped__("tweets")


def test_hostile_rows_come_through_as_they_are(monkeypatch, empty_cache):
    truth = "".join(f"{i}\t0.5\t{text}\n" for i, text in enumerate(HOSTILE.values()))
    table = shipped(monkeypatch, truth)
    assert table["text"].tolist() == list(HOSTILE.values())
    assert table["unit"].tolist() == list(range(len(HOSTILE)))


@pytest.mark.parametrize(
    ("truth", "ratings", "message"),
    [
        ("1\t0.5\t\n", None, r"line 1 is not 'id, mean from -4 to 4, text'"),
        ("1\t0.5\ta\n2\t0.5\n", None, r"line 2 is not 'id, mean from -4 to 4, text'"),
        ("1\t0.5\ta\tb\n", None, r"line 1 is not 'id, mean from -4 to 4, text'"),
        ("1\t4.5\ta\n", None, r"line 1 is not 'id, mean from -4 to 4"),
        ("1\tnan\ta\n", None, r"line 1 is not 'id, mean from -4 to 4"),
        ("1\tgood\ta\n", None, r"line 1 is not 'id, mean from -4 to 4"),
        ("1\t0.5\ta\n", "2\t0\t0\t[1]\n", r"no ratings for 1 rows, the first is 1"),
        ("1\t0.5\ta\n", "1\t0\t0\n", r"line 1 is not 'id, mean, sd, \[scores\]'"),
        ("1\t0.5\ta\n", "1\t0\t0\t[]\n", r"line 1 is not 'id, mean, sd, \[scores\]'"),
        ("1\t0.5\ta\n", "1\t0\t0\t[x]\n", r"line 1 is not 'id, mean, sd, \[scores\]'"),
        (b"1\t0.5\t\xff\xfe\n", "", r"'tweets_truth' in vader is no UTF-8"),
        ("1\t0.5\ta\n", b"\xff", r"'tweets_ratings' in vader is no UTF-8"),
    ],
)
def test_malformed_lines_are_named(monkeypatch, empty_cache, truth, ratings, message):
    ratings = "" if ratings is None else ratings
    with pytest.raises(DataError, match=message):
        shipped(monkeypatch, truth, ratings)


def test_empty_lines_among_chinese_reviews_are_no_rows(monkeypatch, empty_cache):
    content = {"positive": "好的书\n\n   \n很好很好\r\n", "negative": "不好\n"}
    monkeypatch.setattr(archives, "read", lambda source, member: content[member].encode())
    table = corpora._chinese_reviews.__wrapped__()
    assert table["text"].tolist() == ["好的书", "很好很好", "不好"]
    assert table["label"].tolist() == [1, 1, 0]


def test_components_are_kept_in_the_cache(monkeypatch):
    before = whole("movie_reviews")["unit"]
    code = corpora.code_hash(unit_copies.components)
    monkeypatch.setattr(corpora, "code_hash", lambda root: code)
    monkeypatch.setattr(unit_copies, "components", lambda texts: pytest.fail("made again"))
    again = corpora._rated.__wrapped__("movie_reviews")["unit"]
    assert again.equals(before)


def test_other_code_makes_components_anew(monkeypatch):
    """A warm cache does not hide a changed rule for near copies."""
    keys = []
    monkeypatch.setattr(cache, "arrays", lambda kind, key, make: keys.append(key) or make())
    for near in (1.0, 1.0, 0.9):
        monkeypatch.setattr(unit_copies, "NEAR", near)
        monkeypatch.setattr(unit_copies.components, "__kwdefaults__", {"near": near})
        corpora._components(pd.Series(["a text", "a text!", "another"]))
    assert keys[0] == keys[1] != keys[2]
