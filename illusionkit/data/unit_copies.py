"""What makes two texts of our corpora one unit: frozen, since units and parts hang on it.

Another `normalise` would move hundreds of texts between the book's part and the one that confirms.
For texts of your own there is `duplicates`, which knows more of what carries meaning.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

NEAR = 0.5
"""Two texts whose character 5-grams overlap by this Jaccard index count as near-duplicates."""


def normalise(text: str) -> str:
    """Return the text without case, width, spaces and punctuation; the text itself if none is left.

    Two texts are *exact* duplicates here if they are equal after this.
    """
    plain = re.sub(r"[\W_]+", "", unicodedata.normalize("NFKC", text).lower())
    return plain or text


def components(texts: Sequence[str], *, near: float = NEAR) -> NDArray[np.int64]:
    """Return for each text the number of its duplicate component, counted from 0 by appearance.

    Texts are linked if they are exact duplicates, or if the Jaccard index of their sets of
    character 5-grams is at least ``near``; a component is all that hangs together by links.
    ``near=1.0`` links exact duplicates only. Used in chapter 1.
    """
    exact, unique = _exact(texts)
    if near >= 1:
        return exact
    left, right = _near_pairs(unique, unique, near)
    return pd.factorize(_joined(left, right, len(unique))[exact])[0].astype(np.int64)


def linked(left: NDArray[np.int64], right: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return for each row the component of ``left`` values that ``right`` values tie together.

    Example: rows are sentences, ``left`` their document and ``right`` their exact group; two
    documents that share a sentence fall into one component.
    """
    size = int(left.max()) + 1
    component = _joined(left, right + size, size + int(right.max()) + 1)[left]
    return pd.factorize(component)[0].astype(np.int64)


def overlap(train: Sequence[str], test: Sequence[str], *, near: float = NEAR) -> NDArray[np.bool_]:
    """Return for each test text whether the training texts hold a copy or a near copy of it.

    Its mean is the share of the test set that leaked. Used in chapter 1.
    """
    known = sorted({normalise(text) for text in train})
    asked, unique = _exact(test)
    exact = set(known)
    hit = np.array([text in exact for text in unique], dtype=bool)
    if near < 1 and known:
        left, _ = _near_pairs(unique, known, near)
        hit[left] = True
    return np.asarray(hit[asked], dtype=bool)


def _exact(texts: Sequence[str]) -> tuple[NDArray[np.int64], list[str]]:
    """Return each text's exact group, and the normalised text of each group."""
    group: dict[str, int] = {}
    numbers = [group.setdefault(normalise(text), len(group)) for text in texts]
    return np.array(numbers, dtype=np.int64), list(group)


def _near_pairs(
    left: Sequence[str], right: Sequence[str], near: float
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return index pairs (into left, into right) whose 5-gram sets have Jaccard >= near."""
    a, b = grams(left, right)
    size_a, size_b = (np.asarray(m.sum(axis=1)).ravel() for m in (a, b))
    rows, columns = [np.empty(0, np.int64)], [np.empty(0, np.int64)]
    for start in range(0, a.shape[0], 1000):  # in blocks, so that the product stays small
        shared = (a[start : start + 1000] @ b.T).tocoo()
        row = shared.row.astype(np.int64) + start
        keep = shared.data >= near * (size_a[row] + size_b[shared.col] - shared.data)
        rows.append(row[keep])
        columns.append(shared.col[keep].astype(np.int64))
    return np.concatenate(rows), np.concatenate(columns)


def grams(left: Sequence[str], right: Sequence[str]) -> tuple[Any, Any]:
    """Return the sets of character 5-grams as 0/1 sparse rows (texts x grams of both sides)."""
    from sklearn.feature_extraction.text import CountVectorizer

    counter = CountVectorizer(
        analyzer="char", ngram_range=(5, 5), binary=True, dtype=np.float32, lowercase=False
    )
    try:
        grams = counter.fit_transform([*left, *right]).tocsr()
    except ValueError:  # no text has five characters
        from scipy.sparse import csr_matrix

        grams = csr_matrix((len(left) + len(right), 1), dtype=np.float32)
    return grams[: len(left)], grams[len(left) :]


def _joined(left: NDArray[np.int64], right: NDArray[np.int64], size: int) -> NDArray[np.int64]:
    """Return the number of each node's connected component."""
    from scipy.sparse import csr_matrix
    from scipy.sparse.csgraph import connected_components

    links = csr_matrix((np.ones(len(left), np.int8), (left, right)), shape=(size, size))
    return np.asarray(connected_components(links, directed=False)[1], dtype=np.int64)
