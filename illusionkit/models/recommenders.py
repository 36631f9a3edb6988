"""Five recommenders, from popularity to EASE, each a few lines of linear algebra.

Each is asked in the same words: ``histories`` (others, films) says who rated what, 0 or 1, and is
learned from; ``given`` (users, films) says the same of the users to be served. What comes back are
scores (users, films): the higher, the sooner a film is recommended. Stars are not looked at, and
nothing here was tuned. Used in chapters 3 and 6.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from illusionkit.arrays import Array

PENALTY = 100.0
"""The ridge penalty of EASE, of the usual order of size; it was not tuned."""

NEIGHBOURS, RANK = 50, 50
"""Films that a film is compared with in item-kNN; singular vectors of the SVD."""


def popularity(histories: Array, given: Array) -> Array:
    """Return how many others rated each film: the same list for every user."""
    return np.tile(histories.sum(axis=0), (len(given), 1))


def neighbours(histories: Array, given: Array, size: int = NEIGHBOURS) -> Array:
    """Return item-kNN's scores: how alike a film is to those that were given, by cosine.

    A film counts its ``size`` nearest others only. Source: Sarwar et al. 2001,
    doi:10.1145/371920.372071.
    """
    length = np.sqrt(np.maximum(histories.sum(axis=0), 1))
    cosine = histories.T @ histories / np.outer(length, length)
    np.fill_diagonal(cosine, 0)
    least = np.partition(cosine, -size, axis=0)[-size]
    return np.asarray(given @ np.where(cosine >= least, cosine, 0))


def svd(histories: Array, given: Array, rank: int = RANK) -> Array:
    """Return the histories of the users, projected on ``rank`` right singular vectors.

    Source: PureSVD, Cremonesi et al. 2010, doi:10.1145/1864708.1864721. The vectors are found by
    way of the smaller matrix, of others by others.
    """
    square, left = np.linalg.eigh(histories @ histories.T)
    kept = square[-rank:] > 1e-9 * square[-1]  # fewer histories than that have fewer directions
    right = histories.T @ left[:, -rank:][:, kept] / np.sqrt(square[-rank:][kept])
    return np.asarray(given @ right @ right.T)


def ease(histories: Array, given: Array, penalty: float = PENALTY) -> Array:
    """Return the scores (users, films) that EASE gives after seeing ``given``, 0 or 1.

    ``histories`` (others, films) are trained on. The weights of Steck (2019), eq. 8, are never
    written down: with fewer users than films, the inverse of a matrix of users will do.
    """
    inner = np.linalg.solve(histories @ histories.T + penalty * np.eye(len(histories)), histories)
    diagonal = (1 - (histories * inner).sum(axis=0)) / penalty
    product = (given - (given @ histories.T) @ inner) / penalty
    return np.asarray(given - product / diagonal)


CONFIDENCE, ROUNDS = 40.0, 8
"""How much more a rated film weighs than an unrated one in ALS (the paper's), and its rounds."""


def als(histories: Array, given: Array, rank: int = RANK, rounds: int = ROUNDS) -> Array:
    """Return the scores (users, films) of alternating least squares, by ``rank`` factors.

    Users' factors and films' take turns, each the best for the other: a film that was rated counts
    as 1 with weight 1 + `CONFIDENCE`, any other as 0 with weight 1; the penalty is that of EASE.
    Source: Hu, Koren and Volinsky 2008, doi:10.1109/ICDM.2008.22. Used in chapter 6.
    """
    films = np.random.default_rng(0).normal(scale=0.1, size=(histories.shape[1], rank))
    for _ in range(rounds):
        films = factors(histories.T, factors(histories, films))
    return np.asarray(factors(given, films) @ films.T)


def factors(seen: Array, others: Array, confidence: float = CONFIDENCE) -> Array:
    """Return the factors (rows, rank) that fit ``seen`` (rows, columns) best, given the columns'.

    One regression a row, by its normal equations.
    """
    from scipy.sparse import csr_matrix

    rated, (first, second) = csr_matrix(seen), np.triu_indices(others.shape[1])
    squares = rated @ (others[:, first] * others[:, second])  # of a symmetric matrix, the half
    left = np.tile(others.T @ others + PENALTY * np.eye(others.shape[1]), (len(seen), 1, 1))
    left[:, first, second] += confidence * squares
    left[:, second, first] = left[:, first, second]
    right = (1 + confidence) * (rated @ others)
    return np.asarray(np.linalg.solve(left, right[:, :, None])[:, :, 0])


MODELS: dict[str, Callable[[Array, Array], Array]] = {
    "popularity": popularity, "neighbours": neighbours, "svd": svd, "als": als, "ease": ease,
}  # fmt: skip
"""Every recommender by its name, from the simplest on."""
