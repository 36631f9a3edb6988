"""Sentences of several corpora, and what the book's model says of them."""

from __future__ import annotations

from functools import cache

import numpy as np
import pandas as pd

from illusionkit.arrays import Array
from illusionkit.data import corpora
from illusionkit.experiment.draws import turns
from illusionkit.experiment.needs import check_whole
from illusionkit.training import book_model, finetune

READ = 1500
"""Sentences read of another domain than films."""


_splits = cache(book_model.tables)


@cache
def sentences(corpus: str, part: str = "book") -> tuple[pd.DataFrame, Array]:
    """Return sentences, and the model's log-probability of each class (rows, 5). Used in chapter 3.

    Films are the book's test split, "validation" is that split, and others are drawn by documents.
    """
    splits, load = _splits(), corpora.CORPORA.get(corpus)
    own = splits.get({"movie_reviews": "test"}.get(corpus, corpus))
    parts = [_some(corpora.CORPORA[corpus]()) if own is None else own]
    parts += [load(part)] if load and part != "book" else []  # below the book's, to confirm
    named = [rows.assign(part=name) for rows, name in zip(parts, ("book", part), strict=False)]
    table, tuned = check_whole(pd.concat(named, ignore_index=True)), book_model.finetuned()
    chances = finetune.probabilities(tuned.model, tuned.tokenizer, list(table["text"]))
    return table, np.log(np.clip(chances, 1e-12, None))


def _some(table: pd.DataFrame) -> pd.DataFrame:
    turn = turns(table["unit"].to_numpy(), np.random.default_rng(0))
    return table.iloc[np.argsort(turn, kind="stable")[:READ]]


def to_films(truth: Array) -> Array:
    """Return weights of rows under which their classes have the shares of the films' test split."""
    films = _splits()["test"]["label"].to_numpy()
    shares = [np.bincount(each, minlength=5) / len(each) for each in (films, truth)]
    return np.asarray((shares[0] / np.maximum(shares[1], 1e-12))[truth])
