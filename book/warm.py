"""Compute once what pages and tests would each compute: the frozen features they share.

    python book/warm.py

A cache that is complete is left as it is.
"""

from __future__ import annotations

from illusionkit import corpora
from illusionkit.features import features

SHARED = ("editorials", "product_reviews", "movie_reviews")
"""The corpora whose features more than one page or test asks for."""


def main() -> None:
    """Fill the cache."""
    for name in SHARED:
        rows = features(list(corpora.CORPORA[name]()["text"]))
        print(f"{name}: features of {len(rows)} texts")


if __name__ == "__main__":
    main()
