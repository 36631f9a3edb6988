"""The list of predictions: every row stands in a spec, and its outcome on the page it names."""

from __future__ import annotations

import json
import re
import sys
from functools import cache
from pathlib import Path

import pytest

from illusionkit.data.predictions import OUTCOMES, predictions, read
from illusionkit.errors import DataError
from illusionkit.illusions import experiments

CHAPTERS = Path(__file__).parents[2] / "chapters"
MARKUP = ((r"\]\([^)]*\)", "]"), (r"\{term\}`([^`<]*?)(?: <[^>]*>)?`", r"\1"), (r"[*`$\[\]]", ""))
SAYS = {
    "held": r"\bheld\b|as predicted|as foretold|equivalent|predicted that|(?:was|were|been) "
    r"predicted|expected that|had said|written down|said rightly",
    "refuted": r"[Rr]efuted|\bwrong\b|not borne out|the opposite|not reproduced|It did not|"
    r"[Ee]xpected|had predicted|said beforehand|We said|does not undo|said the spec",
    "open": r"inconclusive|not proven|too wide|undecided|holds? 0|excluded|We expected",
}
"""How the pages put it. Near the words of a row, one of these must stand, or ``told`` is no."""
NEAR = 200
HEAD = "id,page,seen,told,prediction,outcome,words\n"


def plain(text: str) -> str:
    """Return a text without markup, its white space as single blanks."""
    for pattern, put in MARKUP:
        text = re.sub(pattern, put, text)
    return re.sub(r"\s+", " ", text)


@cache
def words_of(page: str) -> str:
    """Return the sentences of a page, without markup."""
    cells = json.loads((CHAPTERS / f"{page}.ipynb").read_text(encoding="utf-8"))["cells"]
    return plain("\n".join("".join(c["source"]) for c in cells if c["cell_type"] == "markdown"))


def says(outcome: str, text: str, words: str) -> bool | None:
    """Return whether a text names the outcome near these words; None if they do not stand there."""
    at = text.find(plain(words))
    near = text[max(0, at - NEAR) : at + len(words) + NEAR]
    return None if at < 0 else re.search(SAYS[outcome], near) is not None


ROWS = predictions().to_dict("records")


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row['page']}: {row['prediction']}")
def test_an_outcome_is_what_its_page_says(row):
    assert says(row["outcome"], words_of(row["page"]), row["words"]) is row["told"]


def test_every_experiment_of_the_list_is_registered():
    assert {row["id"] for row in ROWS} - {""} <= set(experiments())


def test_what_had_been_seen_is_admitted_by_the_spec():
    for name in {row["id"] for row in ROWS if row["seen"]}:
        assert re.search(r"pilot|\b[Ss]een\b|a look|first spec", spec_of(name)), name


def spec_of(name: str) -> str:
    """Return what the module of an experiment says, and what the modules say that it names."""
    found, prefix = experiments()[name], "illusionkit.illusions."
    loaded = {key: module for key, module in sys.modules.items() if key.startswith(prefix)}
    own = [module for module in loaded.values() if found in getattr(module, "EXPERIMENTS", ())]
    text = " ".join(module.__doc__ or "" for module in own)
    named = set(re.findall(r"`(\w+)`", text))
    return text + " ".join(
        m.__doc__ or "" for key, m in loaded.items() if key.split(".")[-1] in named
    )


def test_a_prediction_is_short_and_stands_once():
    assert all(0 < len(row["prediction"].split()) <= 15 for row in ROWS)
    assert len({(row["page"], row["prediction"]) for row in ROWS}) == len(ROWS) > 150
    assert {row["outcome"] for row in ROWS} == set(OUTCOMES)


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("a,01-background/x,no,no,b,true,c", "'true' is no outcome"),
        ("a,01-background/x,perhaps,no,b,held,c", "'perhaps' is no seen"),
        ("a,10-afterword/x,no,no,b,held,c", "no known part"),
    ],
)
def test_a_row_that_is_none_is_named(tmp_path, row, message):
    (tmp_path / "list.csv").write_text(HEAD + row + "\n", encoding="utf-8")
    with pytest.raises(DataError, match=message):
        read(tmp_path / "list.csv")


def test_the_innermost_part_counts(tmp_path):
    rows = ("a,03-pipeline/collect/x,no,no,b,held,c", "a,03-pipeline/x,yes,yes,b,open,c")
    (tmp_path / "list.csv").write_text(HEAD + "\n".join(rows), encoding="utf-8")
    table = read(tmp_path / "list.csv")
    assert list(table["part"]) == ["collect", "the pipeline"] and list(table["seen"]) == [
        False,
        True,
    ]


def test_words_that_a_page_lacks_are_noticed():
    assert says("held", "It *held*.", "fell") is None
    assert says("held", plain("All of it **held**; x"), "All of it held") is True
    assert says("refuted", "All of it held", "All of it") is False
