"""A list of English words that people rated by the sentiment they carry.

The list is an instrument. Nothing is scored on its lines, so that both parts hold the whole of it.
"""

from __future__ import annotations

import re
from functools import cache as memoised

import pandas as pd

from illusionkit.data import tables
from illusionkit.errors import DataError

SOURCES = {"sentiment_words": ("vader", ("lexicon",))}
"""The archive and the member behind the list."""

LETTERS = re.compile("[a-z]+")


def sentiment_words(part: str = "book") -> pd.DataFrame:
    """Return some 7,200 English words, and how good or bad ten raters found each.

    Columns: ``word``, in lower case; ``mean``, from -4 to 4. Faces, signs and abbreviations with
    other characters than letters are left out. Source: the lexicon of Hutto and Gilbert 2014,
    doi:10.1609/icwsm.v8i1.14550, as packaged by vaderSentiment 3.3.2. Used in chapter 8.
    """
    whole = pd.concat([_sentiment_words().assign(part=name) for name in tables.PARTS])
    return tables.one_part(whole, part)


@memoised
def _sentiment_words() -> pd.DataFrame:
    source, (member,) = SOURCES["sentiment_words"]
    return parse(tables.text(source, member))


def parse(shipped: str) -> pd.DataFrame:
    """Return word and mean of each line "word, mean, ..." with tabs between, words only.

    Raises
    ------
    DataError
        A line has no word and number, or no line has a word.
    """
    found = {}
    for line in filter(str.strip, shipped.splitlines()):
        try:
            word, mean = line.split("\t")[:2]
            found[word] = float(mean)
        except ValueError:
            raise DataError(f"sentiment_words: a line is not 'word, mean': {line!r}.") from None
    words = {word: mean for word, mean in found.items() if LETTERS.fullmatch(word)}
    if not words:
        raise DataError("sentiment_words: no line has a word.")
    return pd.DataFrame({"word": list(words), "mean": list(words.values())})
