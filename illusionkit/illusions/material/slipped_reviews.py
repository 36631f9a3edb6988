"""Film reviews with misspelled copies: the originals, copies of some, and what each row is.

A *writer* is a review that has copies; each copy has slips of its own, as people misspelled
English words (`data.slips`). A *judge* is a review with one misspelled version, which nothing is
trained on. The other reviews have neither. Used in chapter 8.
"""

from __future__ import annotations

from functools import cache, partial

import numpy as np
import pandas as pd

from illusionkit.arrays import Array
from illusionkit.data import corpora
from illusionkit.data.slips import drawn, rewritten, slips, usable
from illusionkit.experiment import needs
from illusionkit.experiment.draws import first
from illusionkit.experiment.task import Task
from illusionkit.illusions.material.misspelled import review_words
from illusionkit.models import encoding
from illusionkit.models.learners import Probe, linear_probe

WRITERS, COPIES, JUDGES, SLIPS = 2000, 4, 1500, 3
"""Reviews with copies, copies of each, reviews with a misspelled version, slips in a text."""
WORK, HOLDOUT = 500, 3000
"""Reviews to work on, and to judge by."""


def spelled(texts: list[str], seed: int) -> list[str]:
    """Return each text with up to `SLIPS` of its words misspelled, words and slips by lot."""
    known, rng = usable(slips(), review_words()), np.random.default_rng([seed, 81])
    return [rewritten(text, drawn(text, known, rng)[:SLIPS]) for text in texts]


def _roles(table: pd.DataFrame) -> tuple[Array, Array]:
    """Return the rows that get copies, and those that get a misspelled version; one a unit."""
    single = np.flatnonzero(~table["unit"].duplicated())
    order = np.random.default_rng(82).permutation(single)
    writers = min(WRITERS, len(order) // 3)
    return order[:writers], order[writers:][:JUDGES]


@cache
def _encoded(part: str) -> tuple[pd.DataFrame, Array]:
    """Return the rows of one part, and their features (rows, 384).

    Columns: ``label``, 1 = rated above 0 on average; ``unit``; ``part``; ``role``; ``copy``, 0 for
    an original, then 1 up; ``origin``, the place of the original in this part.
    """
    table = needs.check_whole(corpora.movie_reviews(part).assign(part=part))
    table = table.assign(label=(table["mean"] > 0).astype(int), origin=np.arange(len(table)))
    writers, judges = _roles(table)
    roles = np.full(len(table), "other", dtype=object)
    roles[writers], roles[judges] = "writer", "judge"
    roles[table["unit"].duplicated()] = "again"
    table = table.assign(role=roles, copy=0)[
        ["text", "label", "unit", "part", "role", "copy", "origin"]
    ]
    asked = [(judges, 1)]
    if part == "book":
        asked += [(writers, number + 1) for number in range(COPIES)]
    made = [
        table.iloc[rows].assign(text=spelled(list(table["text"].iloc[rows]), seed), copy=number)
        for seed, (rows, number) in enumerate(asked)
    ]
    slipped = pd.concat(made)
    found = [encoding.features(list(rows["text"])) for rows in (table, slipped)]
    return pd.concat([table, slipped]).drop(columns="text"), np.concatenate(found)


@cache
def reviews(part: str) -> tuple[pd.DataFrame, Array]:
    """Return originals and copies with their features; ``original`` is the row they are made of.

    With ``part="confirm"``, and only then, the confirm part stands below the book's.
    """
    parts = [_encoded(name) for name in dict.fromkeys(("book", part))]
    before = np.cumsum([0, *(len(table) for table, _ in parts)])
    tables = [
        table.assign(original=table["origin"] + start)
        for (table, _), start in zip(parts, before, strict=False)
    ]
    table = pd.concat(tables, ignore_index=True).drop(columns="origin")
    return table, np.concatenate([features for _, features in parts])


def probed(part: str) -> Task:
    """Return the task on these rows: a linear probe with scikit-learn's own C."""
    table, features = reviews(part)
    return Task(table, Probe(features, partial(linear_probe, 1.0)))


def copies_of(table: pd.DataFrame, rows: Array) -> Array:
    """Return the row numbers of all copies of originals, shape (originals, copies)."""
    made = table[(table["copy"] > 0) & table["original"].isin(rows)]
    place = pd.Series(np.arange(len(rows)), index=rows)
    order = np.lexsort((made["copy"], place[made["original"]]))
    return np.asarray(made.index[order]).reshape(len(rows), -1)


def dealt(task: Task, rng: np.random.Generator) -> tuple[Array, Array, Array]:
    """Return reviews to work on, other ones in place of copies, and a holdout; in random order."""
    roles, whole = task.table["role"].to_numpy(), (task.table["copy"] == 0).to_numpy()
    work = first(
        rng.permutation(np.flatnonzero(whole & task.book & (roles == "writer"))), WORK, "reviews"
    )
    others = rng.permutation(np.flatnonzero(whole & task.book & (roles == "other")))
    spare = first(others, WORK * COPIES, "other reviews")
    free = (
        others[len(spare) :]
        if task.book.all()
        else np.flatnonzero(whole & ~task.book & (roles != "again"))
    )
    return work, spare, rng.permutation(free)[:HOLDOUT]


def extended(task: Task, work: Array, spare: Array, number: int, kind: str) -> Array:
    """Return the rows to train on: originals, then ``number`` more of a kind for each."""
    more = {
        "slips": lambda: copies_of(task.table, work)[:, :number],
        "plain": lambda: np.tile(work[:, None], number),
        "reviews": lambda: spare.reshape(WORK, COPIES)[:, :number],
    }[kind]()
    return np.concatenate([work, more.T.ravel()])
