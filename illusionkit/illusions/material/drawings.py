"""Drawings and their names, and who learns to find a name by a drawing.

What the experiments on pictures with text share. Used in chapter 8.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy.linalg import solve

from illusionkit.arrays import Array
from illusionkit.data import emoji
from illusionkit.errors import DataError
from illusionkit.experiment.draws import deal, first
from illusionkit.experiment.task import read_encoded

RIDGE = 0.1
"""What is added to the diagonal of a kernel whose diagonal is 1; nothing is tuned."""


class Drawings(NamedTuple):
    """Distinct drawings, what each looks like beside each other, and their names' features.

    ``alike`` (rows, rows) is 1 for equal pixels and falls towards 0; ``names`` (rows, 384).
    """

    table: pd.DataFrame
    alike: Array
    names: Array


def with_text(part: str) -> pd.DataFrame:
    """Return the emoji of a part; what is encoded of each is its name."""
    return emoji.emoji(part).rename(columns={"name": "text"})


@cache
def drawings(part: str) -> Drawings:
    """Return the distinct drawings of a part, and the book's above it; do not change them."""
    table, names = read_encoded(with_text, part)
    if table["text"].nunique() < 2:
        raise DataError("All drawings bear one name: there is nothing to tell apart.")
    kept = ~table["copy_of"].duplicated().to_numpy()
    table = table[kept].drop(columns="copy_of").reset_index(drop=True)
    shown = emoji.pixels(table).reshape(len(table), -1) / 255
    return Drawings(
        table, near(shown, (table["part"] == "book").to_numpy()), unit_long(names[kept])
    )


def near(rows: Array, book: Array) -> Array:
    """Return a Gaussian kernel (rows, rows); its width is the book's median squared distance."""
    size = (rows**2).sum(axis=1)
    far = np.maximum(size[:, None] + size - 2 * rows @ rows.T, 0)
    return np.asarray(np.exp(-far / np.median(far[np.ix_(book, book)])))


def unit_long(rows: Array) -> Array:
    """Return rows (rows, width) scaled to length 1; a row of zeros stays."""
    length = np.linalg.norm(rows.astype(float), axis=1, keepdims=True)
    return np.asarray(rows / np.where(length > 0, length, 1))


def fitted(alike: Array, train: Array, targets: Array, test: Array) -> Array:
    """Return what kernel ridge says of rows ``test`` after rows ``train`` with their targets.

    ``targets`` (train, width); their mean is what it says of a row that is like none.
    """
    mean = targets.mean(axis=0)
    ridge = alike[np.ix_(train, train)] + RIDGE * np.eye(len(train))
    weights = solve(ridge, targets - mean, assume_a="pos")
    return np.asarray(mean + alike[np.ix_(test, train)] @ weights)


@dataclass(frozen=True)
class Finder:
    """Finds, for a drawing, one of the names of rows ``gallery``; ``names`` (rows, width).

    Labels are row numbers: those whose names a training row is taught.
    """

    alike: Array
    names: Array
    gallery: Array

    def predict(self, train: Array, labels: Array, test: Array) -> Array:
        """Return the gallery's row whose name is most like the one that pixels suggest."""
        taught = self.names[labels]
        return self.closest(fitted(self.alike, train, taught, test), taught.mean(axis=0))

    def copied(self, train: Array, test: Array) -> Array:
        """Return the gallery's row whose name is most like that of the nearest training drawing."""
        source = train[self.alike[np.ix_(test, train)].argmax(axis=1)]
        return self.closest(self.names[source], self.names[train].mean(axis=0))

    def closest(self, said: Array, common: Array) -> Array:
        """Return the gallery's row for each vector, by cosine, what is common taken off."""
        offered = unit_long(self.names[self.gallery] - common)
        return np.asarray(self.gallery[((said - common) @ offered.T).argmax(axis=1)])


class Cast(NamedTuple):
    """Row numbers: drawings that are asked, names offered, and what may be trained on.

    ``asked`` has one drawing a family, ``gallery`` them and others; ``kin`` the siblings of those
    asked and ``strangers_kin`` of drawings that nobody asks about, family by family; ``pool`` the
    drawings of all other families.
    """

    asked: Array
    gallery: Array
    kin: list[Array]
    strangers_kin: list[Array]
    pool: Array


def cast(table: pd.DataFrame, rng: np.random.Generator, size: int, least: int, names: int) -> Cast:
    """Return who plays what: ``size`` families of at least ``least`` drawings are asked about.

    The gallery has ``names`` names, one a family; its families are not in the pool.
    """
    rows = [rng.permutation(each) for each in table.groupby("unit").indices.values()]
    book = (table["part"] == "book").to_numpy()[[each[0] for each in rows]]
    large = np.flatnonzero([len(each) >= least for each in rows])
    strange, asked = (large[part] for part in deal(book[large], rng, size, size))
    first(strange, size, "families with siblings")
    rest = rng.permutation(np.setdiff1d(np.flatnonzero(book), [*strange, *asked]))
    more = names - len(asked)
    gallery = np.array([rows[k][0] for k in (*asked, *rest[:more])])
    pool = rng.permutation(np.concatenate([rows[k] for k in rest[more:]]))
    own, strangers = ([rows[k][1:] for k in family] for family in (asked, strange))
    return Cast(gallery[: len(asked)], gallery, own, strangers, pool)
