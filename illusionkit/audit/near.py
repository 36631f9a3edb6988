"""Near copies and embedded copies among many texts: exact, and quick by their rarest pieces.

A text is its set of pieces, five signs each. Of two texts that share half of theirs one can leave
out nearly the more frequent half of the pieces, and they still share one: so texts are looked up by
their rare pieces alone, and only what is found is measured (Chaudhuri et al. 2006).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from illusionkit.arrays import Array
from illusionkit.data.duplicates import EMBEDDED, NEAR, SHORTEST

PIECE, BLOCK, CHUNK, MOST_LINKS = 5, 2000, 200_000, 2_000_000
"""Signs of a piece; texts looked up at a time; pairs measured at a time; links that are held
before all but the strongest that hold a component together are dropped."""
FACTOR = np.uint64(0x9E3779B97F4A7C15)


@dataclass(frozen=True)
class Links:
    """Pairs of texts that are near copies, and which share of their pieces they have in common.

    Pairs that are not needed to hold a component together may be left out; the strongest stay.
    """

    left: Array
    right: Array
    share: Array

    @property
    def arrays(self) -> tuple[Array, Array, Array]:
        """Return the three arrays."""
        return self.left, self.right, self.share

    def components(self, size: int) -> Array:
        """Return the number of each of ``size`` texts' component."""
        from scipy.sparse.csgraph import connected_components

        return np.asarray(connected_components(self._graph(size), directed=False)[1])

    def strongest(self, size: int) -> Links:
        """Return the links of a spanning forest: the weakest of a component is its weakest link."""
        from scipy.sparse.csgraph import minimum_spanning_tree

        kept = minimum_spanning_tree(self._graph(size)).tocoo()
        return Links(kept.row.astype(np.int64), kept.col.astype(np.int64), 2 - kept.data)

    def _graph(self, size: int) -> Any:
        from scipy.sparse import csr_matrix

        return csr_matrix((2 - self.share, (self.left, self.right)), shape=(size, size))


@dataclass(frozen=True)
class Pieces:
    """The sets of pieces of some texts: rows of 0 and 1, the rarest piece in the first column."""

    rows: Any
    size: Array

    @classmethod
    def of(cls, texts: Sequence[str]) -> Pieces:
        """Return the pieces of texts that are normalised already."""
        from scipy.sparse import csr_matrix

        row, piece = pieces_of(texts)
        number, names = pd.factorize(piece)
        rows = csr_matrix(
            (np.ones(len(row), np.int32), (row, number)), shape=(len(texts), max(len(names), 1))
        )
        rows.data[:] = 1  # a piece that stands twice in a text counts once
        often = np.bincount(rows.indices, minlength=rows.shape[1])
        place = np.empty(len(often), dtype=rows.indices.dtype)
        place[np.argsort(often, kind="stable")] = np.arange(len(often))
        rows.indices = place[rows.indices]
        rows.has_sorted_indices = False
        rows.sort_indices()
        return cls(rows, np.diff(rows.indptr))

    def rare(self, share: float) -> Any:
        """Return of each text its rarest pieces, one of which any text has that has ``share``."""
        from scipy.sparse import csr_matrix

        kept = self.size - np.ceil(share * self.size - 1e-9).astype(int) + 1
        kept = np.minimum(kept, self.size)
        inside = np.arange(self.rows.nnz) - np.repeat(self.rows.indptr[:-1], self.size)
        mask = inside < np.repeat(kept, self.size)
        starts = np.concatenate([[0], np.cumsum(kept)])
        return csr_matrix(
            (self.rows.data[mask], self.rows.indices[mask], starts), shape=self.rows.shape
        )

    def shared(self, left: Array, right: Array) -> Array:
        """Return how many pieces the texts of each pair have in common."""
        found = [
            np.asarray(self.rows[left[k : k + CHUNK]].multiply(self.rows[right[k : k + CHUNK]])
                       .sum(axis=1)).ravel()
            for k in range(0, len(left), CHUNK)
        ]  # fmt: skip
        return np.concatenate([np.empty(0, dtype=int), *found])

    def alike(self, left: Array, right: Array) -> Array:
        """Return the Jaccard index of each pair's pieces."""
        shared = self.shared(left, right)
        return shared / np.maximum(self.size[left] + self.size[right] - shared, 1)


def pieces_of(texts: Sequence[str]) -> tuple[Array, Array]:
    """Return the text and the 64-bit name of every piece of every text."""
    signs = np.frombuffer("".join(texts).encode("utf-32-le", "surrogatepass"), dtype=np.uint32)
    length = np.fromiter(map(len, texts), dtype=np.int64, count=len(texts))
    row = np.repeat(np.arange(len(texts), dtype=np.int32), length)
    if len(signs) < PIECE:
        return row[:0], signs[:0].astype(np.uint64)
    name = np.zeros(len(signs) - PIECE + 1, dtype=np.uint64)
    for k in range(PIECE):
        name = name * FACTOR + signs[k : k + len(name)]
    whole = row[: len(name)] == row[PIECE - 1 :]
    return row[: len(name)][whole], name[whole]


def _met(asked: Any, known: Any) -> Iterator[tuple[Array, Array, Array]]:
    """Yield, block by block, pairs (of ``asked``, of ``known``) that share pieces, and how many."""
    held = known.T.tocsr()
    for start in range(0, asked.shape[0], BLOCK):
        if known is asked:  # each pair once: with the texts before
            held = known[: start + BLOCK].T.tocsr()
        found = (asked[start : start + BLOCK] @ held).tocoo()
        yield found.row.astype(np.int64) + start, found.col.astype(np.int64), found.data


def _near(pieces: Pieces, first: int | None, near: float) -> Iterator[Links]:
    """Yield, block by block, which texts are near copies: all, or later ones of the first so many.

    What two texts share is what their rare pieces share, and at most the rest of the one whose
    rare pieces end first: where that is too little, nothing is measured.
    """
    rare, size = pieces.rare(near), pieces.size
    asked, known = (rare, rare) if first is None else (rare[first:], rare[:first])
    kept = np.diff(rare.indptr)
    last = np.zeros(len(size), dtype=np.int64)
    last[kept > 0] = rare.indices[rare.indptr[1:][kept > 0] - 1]
    for row, right, shared in _met(asked, known):
        left = row + (first or 0)
        ends = np.where(last[left] <= last[right], left, right)
        most, needed = shared + size[ends] - kept[ends], near / (1 + near)
        some = (most >= needed * (size[left] + size[right]) - 1e-9) & (left != right)
        left, right = left[some], right[some]
        share = pieces.alike(left, right)
        keep = share >= near - 1e-12
        yield Links(left[keep], right[keep], share[keep])


def links(pieces: Pieces, near: float = NEAR) -> Links:
    """Return the pairs of texts whose pieces have a Jaccard index of ``near`` at least."""
    held = Links(*(np.empty(0, dtype=kind) for kind in (np.int64, np.int64, float)))
    for found in _near(pieces, None, near):
        once = found.left > found.right
        parts = zip(held.arrays, found.arrays, strict=True)
        held = Links(*(np.concatenate([old, new[once]]) for old, new in parts))
        if len(held.left) > MOST_LINKS:
            held = held.strongest(len(pieces.size))
    return held


def touched(pieces: Pieces, first: int, near: float = NEAR) -> Array:
    """Return for each text after the first so many whether one of those is a near copy of it."""
    hit = np.zeros(len(pieces.size) - first, dtype=bool)
    for found in _near(pieces, first, near):
        hit[found.left - first] = True
    return hit


def inside(pieces: Pieces, first: int, share: float = EMBEDDED) -> Array:
    """Return for each text after the first so many whether one of those holds it, or nearly so.

    That is, at least ``share`` of its pieces, of which there must be `SHORTEST`.
    """
    size = pieces.size
    hit = np.zeros(len(size) - first, dtype=bool)
    for row, right, _ in _met(pieces.rare(share)[first:], pieces.rows[:first]):
        left = row + first
        some = (size[left] >= SHORTEST) & (size[right] >= share * size[left] - 1e-9)
        left, right = left[some], right[some]
        hit[left[pieces.shared(left, right) >= share * size[left] - 1e-9] - first] = True
    return hit
