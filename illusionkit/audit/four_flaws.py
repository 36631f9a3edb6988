"""One table with four flaws that were put in on purpose, and rows of its place of use.

The sentences, their ratings and their documents are real (`product_reviews`, neutral ones left
out). Two columns are made up: ``reader``, who is said to have labelled the row, and ``answer``,
what the shop is said to have written back. What is put in:

- *near copies*: a fifth of the test rows stand in training too, with two mistyped letters;
- *units on both sides*: rows are split by lot, so that a document's sentences part;
- *a column from later*: the shop has answered 95 of 100 rows, praise with thanks and complaints
  with regret; where the model is used, nobody has answered yet;
- *one reader's labels*: reader C, to whom a quarter of the rows fell, turned a fifth of theirs.

Expected, before any of it was measured: the score of the table is at least 20 points higher than
that of the place of use. Taken out alone, the column costs the score at least 10 points, the
copies 1 to 5, the documents less than 2 in either direction, and the wrong labels *raise* it: they
are the one flaw that makes the table look worse. An audit names the first three; of the fourth it
says that labels are suspicious, and not whose.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from illusionkit.arrays import Array
from illusionkit.audit import planted
from illusionkit.audit.case import Case
from illusionkit.audit.roles import Roles
from illusionkit.data import product_reviews

COPIES, DOCUMENTS = "near copies", "units on both sides"
COLUMN, READER = "a column from later", "one reader's labels"
FLAWS = (COPIES, DOCUMENTS, COLUMN, READER)
AWAY, TESTED, COPIED, ANSWERED, TURNED = 0.25, 0.25, 0.2, 0.95, 0.2
"""Shares: of the documents that are kept for the place of use; of the other rows that are tested;
of the test rows that are copied; of the rows that are answered; of a reader's labels turned."""
READERS, HASTY = ("A", "B", "C", "D"), "C"
ROLES = Roles("label", "text", "document")
NAMES = ("complaint", "praise")


class Given(NamedTuple):
    """A training and a test table, and rows of new documents with nothing put in."""

    train: pd.DataFrame
    test: pd.DataFrame
    use: pd.DataFrame


def given(seed: int = 0, without: Sequence[str] = ()) -> Given:
    """Return the tables with all four flaws, or ``without`` some of `FLAWS`.

    Columns: text, label ("complaint" or "praise"), document, reader, answer. What is dealt by lot
    is dealt alike whatever is left out. Raises ValueError for a flaw that is not of the four.
    """
    strange = set(without) - set(FLAWS)
    if strange:
        raise ValueError(f"no such flaw: {', '.join(sorted(strange))}; there are {FLAWS}")
    lots = [np.random.default_rng([seed, n]) for n in range(5)]
    rows = _rows(lots[0])
    away = _some_documents(rows, AWAY, lots[1])
    use = rows[away].assign(answer="none").reset_index(drop=True)
    table = rows[~away].reset_index(drop=True)
    table["answer"] = _answers(table["label"], COLUMN not in without, lots[2])
    if READER not in without:
        table["label"] = _turned(table, lots[3])
    if DOCUMENTS in without:
        tested = _some_documents(table, TESTED, lots[4])
    else:
        tested = lots[4].permutation(len(table)) < round(TESTED * len(table))
    train, test = (table[side].reset_index(drop=True) for side in (~tested, tested))
    if COPIES not in without:
        chosen = lots[4].permutation(len(test))[: round(COPIED * len(test))]
        train, test = planted.slipped(train, test, ROLES, np.sort(chosen), lots[4])
    return Given(train, test, use)


def scores(tables: Given) -> tuple[float, float]:
    """Return the share of right answers of the audit's quick learner: in the test, in use."""
    test, use = (float(case(tables.train, rows).right.mean()) for rows in tables[1:])
    return test, use


def case(train: pd.DataFrame, test: pd.DataFrame) -> Case:
    """Return the case that two such tables make: its quick learner, and where that is right."""
    return Case(train, test, ROLES, "as given")


def _rows(rng: np.random.Generator) -> pd.DataFrame:
    """Return the sentences that are not neutral, each with a reader dealt by lot."""
    rows = product_reviews().query("label != 2")
    label = np.where(rows["label"] > 2, *NAMES[::-1])
    reader = rng.choice(READERS, len(rows))
    kept = rows[["text", "document"]].assign(label=label, reader=reader)
    return kept.reset_index(drop=True)


def _some_documents(rows: pd.DataFrame, share: float, rng: np.random.Generator) -> Array:
    """Return which rows are of so large a share of the documents, drawn by lot."""
    known = np.sort(rows["document"].unique())
    return rows["document"].isin(rng.permutation(known)[: round(share * len(known))]).to_numpy()


def _answers(label: pd.Series, told: bool, rng: np.random.Generator) -> Array:
    """Return what the shop wrote: by the label where it is ``told``, else by lot."""
    about = label.to_numpy() if told else rng.permutation(label.to_numpy())
    written = np.where(about == NAMES[1], "thanks", "sorry")
    return np.where(rng.random(len(label)) < ANSWERED, written, "none")


def _turned(table: pd.DataFrame, rng: np.random.Generator) -> Array:
    """Return the labels, a fifth of one reader's being the other one."""
    label = table["label"].to_numpy()
    wrong = (table["reader"] == HASTY).to_numpy() & (rng.random(len(table)) < TURNED)
    return np.where(wrong, np.where(label == NAMES[1], *NAMES), label)
