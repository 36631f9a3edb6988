"""What every data set goes through: a member is read, columns are checked, units get a part.

A *unit* is what is independent of the rest: a text with all its copies and near copies, a
document, a household. A tenth of a data set's units, drawn by a hash, is the *confirm* part: no
page, no test and no tuning reads it; it is scored once at a release (``illusionkit confirm``).
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import numpy as np
import pandas as pd

from illusionkit.data import archives
from illusionkit.errors import DataError

PARTS = ("book", "confirm")
CONFIRM_SHARE = 0.1

Codes = range | Mapping[str, Any]
"""What may stand in a column: whole numbers of a range, or codes and what each means."""

Columns = dict[str, tuple[str, Codes]]
"""How a shipped table is read: for each of our names the file's, and the codes."""

NUMBER = range(-(10**9), 10**9 + 1)
"""Any whole number."""

Made = TypeVar("Made")


def text(source: str, member: str) -> str:
    """Return a member of an archive as text. Raises DataError: it is no UTF-8."""
    return _read(source, member, "UTF-8 text", lambda raw: raw.decode("utf-8-sig"))


def csv(source: str, member: str) -> pd.DataFrame:
    """Return a member as it is shipped, every value as text. Raises DataError: it is no table."""
    settings: Any = {"dtype": str, "keep_default_na": False, "encoding": "utf-8-sig"}
    return _read(source, member, "CSV table", lambda raw: pd.read_csv(io.BytesIO(raw), **settings))


def parquet(source: str, member: str) -> pd.DataFrame:
    """Return a member as it is shipped. Raises DataError: it is no table."""
    return _read(source, member, "Parquet table", lambda raw: pd.read_parquet(io.BytesIO(raw)))


def _read(source: str, member: str, kind: str, parse: Callable[[bytes], Made]) -> Made:
    raw = archives.read(source, member)
    try:
        return parse(raw)
    except (OSError, ValueError) as error:
        raise DataError(f"'{member}' in {source} is no {kind}: {error}.") from error


def coded(table: pd.DataFrame, columns: Columns, data: str) -> pd.DataFrame:
    """Return columns of a shipped table under our names, every value a known one.

    A file's name that ends in ``_`` stands for columns of 0 and 1, over which one was spread.

    Raises
    ------
    DataError
        A column is missing or holds what it may not; ``data`` names the table.
    """
    made = {}
    for name, (theirs, codes) in columns.items():
        column = _gathered(table, theirs, data) if theirs.endswith("_") else table.get(theirs)
        if column is None:
            raise DataError(f"{data}: the file has no column '{theirs}'.")
        made[name] = _decoded(column, codes)
        if (wrong := made[name].isna()).any():
            known = f"known code, as {column[wrong].iloc[0]!r}"
            if isinstance(codes, range):
                known = f"whole number from {codes[0]} to {codes[-1]}"
            raise DataError(
                f"{data}: {wrong.sum()} values of '{name}' are no {known}. Has the file changed?"
            )
    return pd.DataFrame(made)


def _gathered(table: pd.DataFrame, prefix: str, data: str) -> pd.Series[str]:
    """Return the one column that was spread over columns of 0 and 1 called ``prefix``..."""
    marked = table.filter(regex=f"^{prefix}") == "1"
    if (marked.sum(axis=1) != 1).any():
        raise DataError(f"{data}: not exactly one of the columns '{prefix}...' is 1 in every row.")
    return marked.idxmax(axis=1).str.removeprefix(prefix)


def _decoded(column: pd.Series[Any], codes: Codes) -> pd.Series[Any]:
    """Return what the values of a column mean, NaN for those that mean nothing."""
    if isinstance(codes, Mapping):
        return column.map(codes)
    numbers = pd.to_numeric(column.astype(object), errors="coerce")
    known = numbers.between(codes.start, codes.stop - 1) & (numbers % 1 == 0)
    return numbers.astype("int64") if known.all() else numbers.where(known)


def with_part(table: pd.DataFrame, data: str, key: pd.Series[str]) -> pd.DataFrame:
    """Return the table with ``part``: a unit's is drawn by the hash of its least key."""
    first = key.groupby(table["unit"]).transform("min")
    limit = int(CONFIRM_SHARE * 2**32)
    drawn = [hashlib.sha256(f"{data}:{name}".encode()).digest()[:4] for name in first]
    confirm = [int.from_bytes(start, "big") < limit for start in drawn]
    return table.assign(part=np.where(confirm, "confirm", "book"))


def one_part(table: pd.DataFrame, part: str) -> pd.DataFrame:
    """Return a copy of a table's rows of one part. Raises DataError: there is no such part."""
    if part not in PARTS:
        raise DataError(f"part is 'book' or 'confirm', not {part!r}.")
    return table[table["part"] == part].drop(columns="part").reset_index(drop=True)
