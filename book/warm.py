"""Compute once what pages and tests would each compute: frozen features, *the* fine-tuned model.

    python book/warm.py

A cache that is complete is left as it is. The model is trained on all cores, since nothing else
runs yet.
"""

from __future__ import annotations

import os

from illusionkit.data import corpora
from illusionkit.models.encoding import features
from illusionkit.training.book_model import finetuned

SHARED = ("editorials", "product_reviews", "movie_reviews", "tweets")
"""The corpora whose features more than one page or test asks for."""


def main() -> None:
    """Fill the cache."""
    import torch

    torch.set_num_threads(os.cpu_count() or 1)
    for name in SHARED:
        rows = features(list(corpora.CORPORA[name]()["text"]))
        print(f"{name}: features of {len(rows)} texts")
    history = finetuned().history
    print(f"movie_reviews: a fine-tuned model, {len(history)} epochs")


if __name__ == "__main__":
    main()
