"""Near copies among more texts than can be compared: looked up by MinHash, then measured.

A sketch of a text is the least of its pieces under each of many orders by lot; two texts have as
large a part of their sketches in common as of their pieces (Broder 1997). Not all are found: how
many, is measured on copies that are planted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from string import ascii_lowercase

import numpy as np

from illusionkit.arrays import Array
from illusionkit.audit.near import FACTOR, Pieces, pieces_of
from illusionkit.data.duplicates import NEAR

ORDERS, BAND, BATCH, LOOKED_AT, PLANTED, SLIPS = 96, 3, 20_000, 3, 500, 2
"""Orders; how many of them must agree; texts sketched at a time; texts of a band that are measured;
near copies that are planted, and letters of each that are mistyped, at least."""
INSTALL = "pip install rensa"

Sketch = Callable[[Array, Array], Array]
"""From pieces in one row, and where each text's begin and end, to (texts, `ORDERS`) numbers."""


@dataclass(frozen=True)
class Sketched:
    """Which of the texts asked for have a near copy, and the share of planted ones found."""

    hit: Array
    recall: float
    planted: int


def is_there() -> bool:
    """Return whether the library that sketches is installed."""
    return find_spec("rensa") is not None


def touched(
    known: Sequence[str], asked: Sequence[str], near: float = NEAR, sketch: Sketch | None = None
) -> Sketched:
    """Return for each text asked for whether a near copy of it is known, as far as that is found.

    What is found is measured, so that all of it is near; what is missed, shows in the recall.
    """
    rng = np.random.default_rng(0)
    chosen = rng.permutation(len(known))[:PLANTED]
    planted = [mistyped(known[k], rng, _slips(known[k], rng)) for k in chosen]
    pairs = _candidates(known, [*asked, *planted], sketch or _sketch)
    hit = np.zeros(len(asked) + len(planted), dtype=bool)
    hit[_near(known, [*asked, *planted], pairs, near)] = True
    own = np.column_stack([len(asked) + np.arange(len(planted)), chosen])
    true = _near(known, [*asked, *planted], own, near)
    recall = float(hit[true].mean()) if len(true) else 0.0
    return Sketched(hit[: len(asked)], recall, len(true))


def _slips(text: str, rng: np.random.Generator) -> int:
    """Return how many signs to mistype: two, or up to one in fifteen, to leave half the pieces."""
    return int(rng.integers(SLIPS, max(SLIPS, len(text) // 15), endpoint=True))


def mistyped(text: str, rng: np.random.Generator, slips: int = SLIPS) -> str:
    """Return a text of which two signs are others."""
    signs = list(text)
    for place in rng.permutation(len(signs))[:slips]:
        signs[place] = ascii_lowercase[rng.integers(26)]
    return "".join(signs)


def _sketch(pieces: Array, ends: Array) -> Array:
    from rensa import RMinHash

    made = RMinHash.digest_matrix_from_flat_token_hashes(pieces, ends, ORDERS, 0)
    return np.array(made.to_rows(), dtype=np.uint64)


def _bands(texts: Sequence[str], sketch: Sketch) -> Array:
    """Return the bands (texts, `ORDERS` / `BAND`) of each text's sketch, a number each."""
    found = [np.empty((0, ORDERS // BAND), dtype=np.uint64)]
    for start in range(0, len(texts), BATCH):
        some = texts[start : start + BATCH]
        row, piece = pieces_of(some)
        ends = np.concatenate([[0], np.cumsum(np.bincount(row, minlength=len(some)))])
        rows = sketch(piece, ends.astype(np.uint64)).reshape(len(some), -1, BAND)
        bands = np.zeros(rows.shape[:2], dtype=np.uint64)
        for k in range(BAND):
            bands = bands * FACTOR + rows[:, :, k]
        found.append(bands)
    return np.concatenate(found)


def _candidates(known: Sequence[str], asked: Sequence[str], sketch: Sketch) -> Array:
    """Return pairs (of ``asked``, of ``known``) that agree in a band, each once."""
    sides = [_bands(texts, sketch) for texts in (known, asked)]
    pairs = [pair for k in range(sides[0].shape[1]) for pair in _agreed(*(b[:, k] for b in sides))]
    return np.unique(np.concatenate([np.empty((0, 2), dtype=np.int64), *pairs]), axis=0)


def _agreed(known: Array, asked: Array) -> Iterator[Array]:
    """Yield pairs of equal numbers, for each of ``asked`` a few of ``known``."""
    order = np.argsort(known, kind="stable")
    end = np.searchsorted(known[order], asked, side="right")
    for back in range(1, LOOKED_AT + 1):
        place = order[np.maximum(end - back, 0)]
        same = np.flatnonzero((end >= back) & (known[place] == asked))
        yield np.column_stack([same, place[same]])


def _near(known: Sequence[str], asked: Sequence[str], pairs: Array, near: float) -> Array:
    """Return which of ``asked`` are near copies by a pair."""
    found = [np.empty(0, dtype=np.int64)]
    for start in range(0, len(pairs), BATCH):
        left, right = pairs[start : start + BATCH].T
        pieces = Pieces.of([*(asked[k] for k in left), *(known[k] for k in right)])
        place = np.arange(len(left))
        found.append(left[pieces.alike(place, place + len(left)) >= near - 1e-12])
    return np.unique(np.concatenate(found))
