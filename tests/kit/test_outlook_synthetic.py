"""Generated texts: what the chain says, what is a copy, what the kept table must be."""

import json
from itertools import pairwise

import numpy as np
import pytest

from illusionkit.errors import DataError, ResultsError
from illusionkit.illusions.material import writer, written
from illusionkit.illusions.material.chain import LONGEST, chain, spoken
from illusionkit.illusions.material.copied import RUN, Sources
from illusionkit.illusions.outlook import synthetic_data

LINES = ["a film without a plot", "a plot without end"]


def test_a_word_is_followed_by_what_followed_it_as_often_as_there():
    of = chain(LINES)
    assert sorted(of["a"]) == ["film", "plot", "plot"]
    assert of["without"] == ["a", "end"] and sorted(of["plot"]) == ["", "without"]
    assert of[""] == ["a", "a"]


def test_what_the_chain_says_is_made_of_pairs_that_it_knows():
    of, rng = chain(LINES), np.random.default_rng(0)
    for text in (spoken(of, rng) for _ in range(50)):
        words = ["", *text.split(), ""]
        assert len(words) == LONGEST + 2 or all(b in of[a] for a, b in pairwise(words))


def test_a_chain_that_never_ends_is_broken_off():
    assert len(spoken({"": ["so"], "so": ["so"]}, np.random.default_rng(0)).split()) == LONGEST


@pytest.mark.parametrize("nothing", [[], [""], ["  "]])
def test_a_chain_of_no_word_is_refused(nothing):
    with pytest.raises(DataError, match="at least one word"):
        chain(nothing)


def test_a_copy_is_a_text_that_stands_whole_in_one_source():
    known = Sources(["One two, three!", "four five"])
    assert known.whole("two three") and known.whole("ONE TWO THREE")
    assert not known.whole("three four"), "over the end of a source"
    assert not known.whole("wo three") and not known.whole("")


def test_the_words_of_a_run_count_as_copied_and_no_others():
    words = ["one", "two", "three", "four", "five", "six", "seven"]
    known = Sources([" ".join(words)])
    assert known.share(" ".join(words[:RUN])) == 1
    assert known.share(" ".join(words[: RUN - 1])) == 0
    assert known.share("zero zero " + " ".join(words[:RUN])) == RUN / (RUN + 2)
    assert known.share("") == 0


def test_features_come_back_from_the_table_as_they_were_rounded():
    row = written.rounded(np.array([0.0, 1.0, -0.5, 9.0, -9.0]))
    assert row.tolist() == [0, 80, -40, 127, -127]
    assert written.unpacked(written.packed(row)).tolist() == row.tolist()


def test_half_of_the_texts_are_asked_to_praise_and_both_halves_begin_alike():
    told = writer.asked()
    assert told["label"].mean() == 0.5 and len(told) == 640
    start = {label: rows["start"].tolist() for label, rows in told.groupby("label")}
    assert start[0] == start[1]
    assert all("negative" in text for text in told.loc[told["label"] == 0, "prompt"])


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ("The story is thin. It bores.", "The story is thin."),
        ('"The story is thin." More', "The story is thin."),
        ("\nThe story is", "The story is"),
        ("Rated 4.5 by all. Yes", "Rated 4.5 by all."),
        ("", ""),
    ],
)
def test_the_first_sentence_is_kept(said, kept):
    assert writer.sentence(said) == kept


def test_the_kept_table_is_the_pinned_one():
    table, features = written.written()
    assert features.shape == (640, 384) and features.dtype == np.int8
    assert table["label"].tolist() == writer.asked()["label"].tolist()
    assert table["unit"].is_unique and table["copied"].between(0, 1).all()
    assert written.path().stat().st_size < 450_000


def test_a_changed_table_is_refused(tmp_path, monkeypatch):
    (tmp_path / "derived").mkdir()
    content = written.path().read_text(encoding="utf-8")
    changed = json.dumps({**json.loads(content), "seed": 1})
    (tmp_path / "derived" / "written-reviews.json").write_text(changed, encoding="utf-8")
    monkeypatch.setenv("ILLUSIONKIT_RESULTS", str(tmp_path))
    written.kept.cache_clear()
    with pytest.raises(ResultsError, match="missing or changed"):
        written.kept()


def test_the_score_of_a_mixed_test_is_a_mixture():
    """By hand: of four rows two were generated; one of these and both others are right."""
    rows = synthetic_data.Rows(np.array([0, 1, 0, 1]), np.array([0, 0, 0, 1]), np.arange(4))
    told = synthetic_data._kinds(rows, np.array([True, True, False, False]))
    assert told == {"on_generated": 0.5, "on_reviews": 1.0}
    assert set(synthetic_data._kinds(rows, np.zeros(4, bool))) == {"on_reviews"}
