"""A help desk: questions and small talk as they come in, a router that reads words, its score."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

import pandas as pd

from illusionkit.arrays import Array
from illusionkit.data import questions
from illusionkit.experiment.reading import Metric, Rows
from illusionkit.experiment.task import read
from illusionkit.models.learners import Probe


def _misrouted(rows: Rows) -> Array:
    return 1000.0 * (rows.truth != rows.prediction)


FIRST_OF_TALK = 20_000
"""The number of the first unit of small talk: no question has it."""

MISROUTED = Metric("misrouted of a thousand", per_row=_misrouted, greater_is_better=False)
"""Lines that go to a wrong desk, or to none, of a thousand."""


def traffic(part: str = "book") -> pd.DataFrame:
    """Return a question of each unit, and small talk below: ``text``, ``label``, ``unit``."""
    asked, talk = questions.question_lines(part), questions.small_talk(part)
    talk = talk.assign(unit=talk["unit"] + FIRST_OF_TALK)
    rows = pd.concat([each.drop_duplicates("unit") for each in (asked, talk)], ignore_index=True)
    return rows[["text", "label", "unit"]]


@cache
def counted(part: str = "book") -> tuple[pd.DataFrame, Probe]:
    """Return the traffic, and a router that reads its words and pairs of words, 0 or 1."""
    table = read(traffic, part)
    return table, Probe(words_and_pairs(list(table["text"])), router)


def words_and_pairs(texts: Sequence[str]) -> Any:
    """Return 0 or 1 for each text and word or pair of words, sparse (texts, words and pairs)."""
    from sklearn.feature_extraction.text import CountVectorizer

    counter = CountVectorizer(binary=True, ngram_range=(1, 2), token_pattern=r"(?u)\b\w+\b")
    return counter.fit_transform(texts).astype(float)


def router() -> Any:
    """Return linear support vector machines, one a class, with their settings as they come."""
    from sklearn.svm import LinearSVC

    return LinearSVC(dual=True, random_state=0)
