"""When the mails of `data.mail` were received: a date for each, read beside the table.

The table has no date, and what is read of a mail there is fixed. Dates are read apart, and only the
second is kept of a mail's header.
"""

from __future__ import annotations

from email import message_from_bytes
from email.utils import parsedate_to_datetime
from functools import cache as memoised

import numpy as np
import pandas as pd

from illusionkit import cache
from illusionkit.arrays import Array
from illusionkit.data import archives, mail
from illusionkit.errors import DataError
from illusionkit.meaning import code_hash

EARLIEST, LATEST = 9.4e8, 1.1e9
"""Seconds since 1970, in 1999 and 2004: a date outside was made up by a sender."""


def received(table: pd.DataFrame) -> Array:
    """Return when each mail of a table of `mail.mails` was received, in seconds since 1970.

    Mails of equal text and marks have the earliest date of them. NaN where no date can be read.
    Used in chapter 3.

    Raises
    ------
    DataError
        The table holds a mail that is not of the archive.
    """
    keys = pd.Index(_keys(table))
    unknown = ~keys.isin(_dates().index)
    if unknown.any():
        raise DataError(f"{unknown.sum()} mails are not of the archive: they have no date.")
    return _dates().loc[keys].to_numpy()


def batches(table: pd.DataFrame) -> Array:
    """Return the archive's folder of each mail of a table of `mail.mails`: a batch of mails.

    Mails of equal text and marks have the first folder of them. Used in chapter 3.
    """
    whole = mail._mails()
    names = pd.Series(np.repeat(list(mail.FOLDERS), mail._parsed()["count"]), whole.index)
    known = names.groupby(_keys(whole)).first()
    return known.loc[pd.Index(_keys(table))].to_numpy()


def _keys(table: pd.DataFrame) -> pd.Series[str]:
    """Return what tells a mail of the archive by."""
    return table["text"] + "\0" + table["marks"]


@memoised
def _dates() -> pd.Series[float]:
    """Return the date of each mail of the archive, by its text and marks."""
    source, members = mail.SOURCES["mails"]
    pinned = archives.source(source).members
    key = cache.digest(code_hash(stamp), *(pinned[name].sha256 for name in members))

    def make() -> cache.Arrays:
        folders = (archives.read_folder(source, name) for name in members)
        return {"received": np.array([stamp(raw) for each in folders for raw in each.values()])}

    dates = pd.Series(cache.arrays("mails", f"dates-{key}", make)["received"])
    return dates.groupby(_keys(mail._mails())).min()


def stamp(raw: bytes) -> float:
    """Return when a mail was received, by the last server that says so; else when it was sent."""
    message = message_from_bytes(raw)
    lines = [str(line).rpartition(";")[2] for line in message.get_all("Received", [])]
    for words in (*lines, str(message.get("Date", ""))):
        try:
            seconds = parsedate_to_datetime(" ".join(words.split())).timestamp()
        except (ValueError, TypeError, IndexError, OverflowError):
            continue
        if EARLIEST < seconds < LATEST:
            return seconds
    return float("nan")
