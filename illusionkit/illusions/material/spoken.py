"""Commands to a house: a router that reads their words, and one that only looks them up."""

from __future__ import annotations

from functools import cache

import numpy as np
import pandas as pd

from illusionkit.arrays import Array
from illusionkit.data import commands
from illusionkit.experiment.task import read
from illusionkit.illusions.material.help_desk import router, words_and_pairs
from illusionkit.models.learners import Probe


@cache
def english(part: str = "book") -> tuple[pd.DataFrame, Probe]:
    """Return the English commands, and a router of words and pairs, 0 or 1."""
    table = read(commands.commands, part)
    return table, Probe(words_and_pairs(list(table["text"].str.lower())), router)


@cache
def chinese(part: str = "book") -> tuple[pd.DataFrame, Probe]:
    """Return the Chinese commands, and a router of characters and pairs, 0 or 1."""
    table = read(commands.commands_chinese, part)
    return table, Probe(words_and_pairs([" ".join(text) for text in table["text"]]), router)


def look_up(features: Array, label: Array, train: Array, asked: Array) -> Array:
    """Return the label of the training row most like each row, by cosine; of equals the first."""
    shared = features[asked] @ features[train].T
    size = np.asarray(features.sum(axis=1)).ravel()
    cosine = shared.multiply(1 / np.sqrt(np.maximum(size[train], 1))).tocsr()
    return np.asarray(label[train][np.asarray(cosine.argmax(axis=1)).ravel()])
