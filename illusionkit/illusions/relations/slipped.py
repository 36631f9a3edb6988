"""The same learner twice over: rows 0 to n - 1 as they are, and n to 2n - 1 with slips of the pen.

Slips are people's own (`data.slips`). Those of a text are drawn once and for all by the text
itself, so that one text has the same slips in every experiment.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import numpy as np

from illusionkit import cache as kept
from illusionkit.arrays import Array
from illusionkit.data import corpora
from illusionkit.data.slips import drawn, rewritten
from illusionkit.illusions.collect import duplicate_leakage_english
from illusionkit.illusions.evaluate import preprocessing_leakage
from illusionkit.illusions.material.help_desk import words_and_pairs
from illusionkit.illusions.material.misspelled import misspelled
from illusionkit.illusions.relations.overheard import Training
from illusionkit.models import encoding
from illusionkit.models.learners import CountedTexts, Probe

SLIPS = 4
"""Misspelled words in each text, or all that it has of those whose slips are known."""

Twice = Callable[[Training, float], Any]
"""From a training and its dose to its learner over twice the rows, asked as that of a `Task` is."""


def slipped(text: str) -> str:
    """Return a text with `SLIPS` words misspelled; always the same ones."""
    rng = np.random.default_rng(int(kept.digest(text)[:8], 16))
    return rewritten(text, drawn(text, misspelled(), rng)[:SLIPS])


def encoded(*names: str) -> Twice:
    """Return what reads a table of these corpora, one below the other, by frozen features."""
    return lambda heard, dose: _probe(heard, _features(*names))


def scaled(name: str) -> Twice:
    """Return the same for features that were standardised by those of the whole corpus."""

    def twice(heard: Training, dose: float) -> Probe:
        plain = encoding.features(list(corpora.CORPORA[name]()["text"])).astype(np.float64)
        slipped = _features(name).astype(np.float64)
        return _probe(heard, (slipped - plain.mean(axis=0)) / plain.std(axis=0))

    return twice


@cache
def _features(*names: str) -> Array:
    """Return the frozen features of corpora whose texts are all misspelled."""
    parts = [_misspelled(list(corpora.CORPORA[name]()["text"])) for name in names]
    return np.concatenate([encoding.features(texts) for texts in parts])


def _misspelled(texts: Sequence[str]) -> list[str]:
    return [slipped(text) for text in texts]


def _probe(heard: Training, slipped: Array) -> Probe:
    learner = heard.task.learner
    return Probe(np.concatenate([learner.features, slipped]), learner.model)


def characters(heard: Training, dose: float) -> CountedTexts:
    """Return what counts the characters of English reviews."""
    return _characters()


@cache
def _characters() -> CountedTexts:
    texts = list(duplicate_leakage_english.texts("book")["text"])
    return CountedTexts([*texts, *_misspelled(texts)])


def pairs(heard: Training, dose: float) -> Probe:
    """Return what reads words and pairs of words of a help desk's lines."""
    counts = _pairs(tuple(heard.task.table["text"]))
    return Probe(counts, heard.task.learner.model)


@cache
def _pairs(texts: tuple[str, ...]) -> Any:
    return words_and_pairs([*texts, *_misspelled(texts)])


def picked_words(heard: Training, dose: float) -> Probe:
    """Return what reads the twenty words that are picked on the rows of a training."""
    words = _words()
    known = words[heard.train][:, : round(dose)].toarray()
    best = preprocessing_leakage.picked(known, heard.labels)
    return Probe(words[:, best].toarray(), heard.task.learner.model)


@cache
def _words() -> Any:
    """Return which of the commonest words each review has, as it is and misspelled: 0 or 1."""
    from sklearn.feature_extraction.text import CountVectorizer

    texts = list(preprocessing_leakage.reviews("book")[0]["text"])
    counter = CountVectorizer(binary=True)
    often = np.asarray(counter.fit_transform(texts).sum(axis=0))[0]
    order = np.argsort(-often, kind="stable")[: preprocessing_leakage.WORDS]
    return counter.transform([*texts, *_misspelled(texts)])[:, order]
