"""Slips get into texts as they were drawn and out of them as they can; a search finds the worst."""

import numpy as np
import pandas as pd
import pytest

from illusionkit.data import slips as data
from illusionkit.data import tables
from illusionkit.data.slips import Corrector, drawn, neighbours, rewritten, usable, words_of
from illusionkit.errors import DataError
from illusionkit.illusions import experiment
from illusionkit.illusions.evaluate import fragility, fragility_worst
from illusionkit.illusions.material import worst_slips

KNOWN = {"good": ("godo", "gud"), "film": ("flim",), "bad": ("bda",)}
TEXT = "A good film, not a bad film."


@pytest.fixture
def slipping(monkeypatch):
    """A list of three words, and a model that says 4 with "good" or "great" in a text, else 0."""

    def chances(texts):
        praise = [any(w in ("good", "great") for w in words_of(text)) for text in texts]
        told = np.full((len(texts), 5), 0.1)
        told[np.arange(len(texts)), np.where(praise, 4, 0)] = 0.6
        return told

    for module in (fragility, worst_slips):
        monkeypatch.setattr(module, "misspelled", lambda: KNOWN)
    for module in (fragility, fragility_worst, worst_slips):
        monkeypatch.setattr(module, "chances", chances)


def test_the_list_is_whole_in_both_parts_and_a_wrong_part_is_refused():
    table = data.slips()
    assert len(table) == 13_551 and table.equals(data.slips("confirm"))
    assert table["slips"].map(len).min() >= 1
    with pytest.raises(DataError, match="part is 'book' or 'confirm', not 'all'"):
        data.slips("all")


def test_a_line_without_a_slip_is_named(monkeypatch):
    monkeypatch.setattr(tables, "text", lambda *_: "beautiful biautiful\n\nalone\n")
    data._lines.cache_clear()
    try:
        with pytest.raises(DataError, match="not 'word, slips': 'alone'"):
            data.slips()
    finally:
        data._lines.cache_clear()


def test_slips_that_are_real_words_or_no_words_are_left_out():
    rows = [("bad", ("pad", "bab", "bad")), ("bad", ("beb", "bab")), ("pack", ("luck",))]
    rows += [("luck", ("l-ck", "lu'k")), ("cape-town", ("capetown",))]
    table = pd.DataFrame(rows, columns=["word", "slips"])
    assert usable(table, {"pad"}) == {"bad": ("bab", "beb")}
    assert usable(table, ())["bad"] == ("bab", "beb", "pad")


def test_few_slips_are_among_many_and_every_word_gets_one():
    edits = drawn(TEXT, KNOWN, np.random.default_rng(3))
    assert sorted(TEXT[a:b] for a, b, _ in edits) == ["bad", "film", "film", "good"]
    assert edits == drawn(TEXT, KNOWN, np.random.default_rng(3))
    assert all(new in KNOWN[TEXT[a:b]] for a, b, new in edits)
    assert len(drawn(TEXT, KNOWN, np.random.default_rng(3), each=2)) == 5
    assert drawn("Nothing here.", KNOWN, np.random.default_rng(3)) == []


def test_edits_of_any_length_are_made_in_any_order():
    assert rewritten(TEXT, [(13, 16, "x"), (2, 6, "gooood")]) == "A gooood film, x a bad film."
    assert rewritten(TEXT, []) == TEXT


def test_a_neighbour_is_one_letter_away():
    assert {"the", "eh", "th", "tech", "hte"} & neighbours("teh") == {"the", "eh", "th", "tech"}
    assert len(neighbours("ab")) == 2 + 1 + (2 * 25 + 1) + (3 * 26 - 2)


def test_a_corrector_writes_the_commonest_neighbour_and_leaves_what_it_knows():
    mend = Corrector({"the": 9, "ten": 3, "film": 2}, {"tea"})
    assert mend.text("Teh flim, tea!") == "the film, tea!"  # "ten" is as near, and rarer
    assert mend.text("Tarantino's THE film") == "Tarantino's THE film"
    assert mend.word("tef") == "ten" and mend.word("tea") == "tea"


def test_a_search_ends_when_the_answer_is_wrong(slipping):
    edits = drawn(TEXT, KNOWN, np.random.default_rng(0), each=2)
    hurting = [n for n, edit in enumerate(edits) if edit[0] == 2]
    made, tries, breaks = worst_slips.search(TEXT, 4, edits)
    assert made == hurting[:1] and tries == [5] and breaks == pytest.approx(2 / 5)
    assert worst_slips.search(TEXT, 0, edits) == ([], [], 0.0)


def test_a_search_misspells_a_word_once_and_stops_at_its_budget(slipping):
    text = "A great film, not a bad film."
    edits = drawn(text, KNOWN, np.random.default_rng(0), each=2)
    made, tries, breaks = worst_slips.search(text, 4, edits)
    assert len({edits[number][0] for number in made}) == 3 and tries == [3, 2, 1] and breaks == 0
    assert worst_slips.search("It is great.", 4, []) == ([], [], 0.0)


def test_random_tries_stop_at_the_first_that_breaks(slipping):
    rng = np.random.default_rng(0)
    assert worst_slips.tried(TEXT, 4, 1, 0, rng) == TEXT
    assert "good" not in words_of(worst_slips.tried(TEXT, 4, 1, 50, rng))
    assert "good" in words_of(worst_slips.tried("Good for once.", 4, 0, 20, rng))


def test_capitals_move_no_answer_and_slips_do(slipping):
    spec = experiment("fragility")
    flawed, control = (spec.read(8, 0, arm) for arm in ("flawed", "control"))
    assert control.extras["moved"] == 0 == spec.optimism(control)
    assert flawed.extras["made"] == control.extras["made"] > 0
    assert flawed.extras["moved"] > 0 and len(flawed.honest_rows.unit) == fragility.ROWS
    assert spec.read(0, 0, "flawed").extras["moved"] == 0


def test_reviews_to_confirm_by_are_those_of_the_confirm_part(monkeypatch):
    known, other = (
        pd.DataFrame({"text": list("abc"), "label": [0, 4, 4], "unit": units})
        for units in ([1, 2, 2], [3, 4, 5])
    )
    monkeypatch.setattr(fragility, "tables", lambda: {"test": known})
    monkeypatch.setattr(fragility.corpora, "movie_reviews", lambda part: other)
    fragility._pool.cache_clear()
    try:
        assert sorted(fragility.judged(0, 400, "confirm")["unit"]) == [3, 4, 5]
        assert sorted(fragility.judged(0, 400, "book")["unit"]) == [1, 2]
        assert len(fragility.judged(0, 1, "confirm")) == 1
    finally:
        fragility._pool.cache_clear()
