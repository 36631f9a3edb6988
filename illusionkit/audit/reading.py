"""A reader's own table, read as it was written: no digit lost, only the blank is missing."""

from __future__ import annotations

import bz2
import csv
import gzip
import io
import json
import lzma
import re
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from illusionkit.errors import DataError

SEPARATORS = {".csv": ",", ".tsv": "\t", ".txt": "\t"}
LINES = (".jsonl", ".ndjson")
OPENED: dict[str, Callable[[bytes], bytes]] = {
    ".gz": gzip.decompress, ".bz2": bz2.decompress, ".xz": lzma.decompress,
    ".zip": lambda raw: _only_member(raw),
}  # fmt: skip
WHOLE = re.compile(r"-?(?:0|[1-9]\d{0,18})")
DECIMAL = re.compile(r"-?(?:0|[1-9]\d*)?(?:\.\d*)?(?:[eE][+-]?\d+)?")
LARGEST = 2**63


@dataclass(frozen=True)
class Loaded:
    """A table, and what a reader should know of how it was read."""

    table: pd.DataFrame
    notes: tuple[str, ...] = ()


def read_table(path: str | Path) -> Loaded:
    """Return the table in a csv, tsv, jsonl or parquet file; the first three may be compressed.

    Only a blank cell is missing: ``NA`` and ``null`` are texts. Whole numbers keep every digit,
    and what begins with a zero stays a text. A file that is no UTF-8 is read as latin-1, and a
    note says so.

    Raises
    ------
    DataError
        There is no such file, it is of another kind or broken, two columns have one name, or
        there is no row.
    """
    path = Path(path)
    kind, packed = _kind(path)
    raw = _bytes(path, packed)
    try:
        if kind == ".parquet":
            loaded = Loaded(pd.read_parquet(io.BytesIO(raw)))
        else:
            text, notes = _text(raw)
            made = _lines(text) if kind in LINES else _separated(text, SEPARATORS[kind])
            loaded = Loaded(made.apply(typed) if len(made) else made, notes)
    except (OSError, ValueError, KeyError, csv.Error) as error:
        raise DataError(f"{path.name} is no {kind[1:]} table: {error}.") from error
    if loaded.table.empty:
        raise DataError(f"{path.name} holds no row, or no column.")
    return loaded


def typed(column: pd.Series) -> pd.Series:
    """Return a column of texts as numbers, where every entry is written as one and none is lost."""
    known = column.dropna()
    if known.empty or not known.map(lambda value: isinstance(value, str)).all():
        return column.infer_objects()
    if known.map(lambda value: bool(WHOLE.fullmatch(value))).all():
        whole = [None if pd.isna(value) else int(value) for value in column]
        fits = all(value is None or -LARGEST <= value < LARGEST for value in whole)
        return pd.Series(whole, column.index, "Int64", column.name) if fits else column
    if known.map(lambda value: value != "" and bool(DECIMAL.fullmatch(value))).all():
        return pd.to_numeric(column, errors="coerce").where(column.notna())
    return column


def _kind(path: Path) -> tuple[str, str]:
    """Return the kind of a file and how it is packed, by its name."""
    ends = [end.lower() for end in path.suffixes]
    packed = ends.pop() if ends and ends[-1] in OPENED else ""
    kind = ends[-1] if ends else ""
    if kind not in (*SEPARATORS, *LINES, ".parquet") or (packed and kind == ".parquet"):
        known = ", ".join((*SEPARATORS, *LINES, ".parquet"))
        raise DataError(f"{path.name} is of no kind that can be read: {known}; .gz, .zip and such.")
    return kind, packed


def _bytes(path: Path, packed: str) -> bytes:
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise DataError(f"{path} can't be read: {error.strerror or error}.") from error
    try:
        return OPENED[packed](raw) if packed else raw
    except (OSError, EOFError, ValueError, lzma.LZMAError, zipfile.BadZipFile) as error:
        raise DataError(
            f"{path.name} is broken, or not packed as its name says: {error}."
        ) from error


def _only_member(raw: bytes) -> bytes:
    with zipfile.ZipFile(io.BytesIO(raw)) as packed:
        names = [info.filename for info in packed.infolist() if not info.is_dir()]
        if len(names) != 1:
            raise ValueError(f"it holds {len(names)} files, and one is wanted")
        return packed.read(names[0])


def _text(raw: bytes) -> tuple[str, tuple[str, ...]]:
    try:
        return raw.decode("utf-8-sig"), ()
    except UnicodeDecodeError:
        return raw.decode("latin-1"), ("The file is no UTF-8 and was read as latin-1.",)


def _separated(text: str, separator: str) -> pd.DataFrame:
    names = next(csv.reader(io.StringIO(text, newline=""), delimiter=separator), [])
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ValueError(f"two columns are called {twice[0]!r}")
    return pd.read_csv(
        io.StringIO(text), sep=separator, dtype=str, keep_default_na=False, na_values=[""]
    )


def _lines(text: str) -> pd.DataFrame:
    rows = [json.loads(line) for line in text.splitlines() if line.strip()]
    if not all(isinstance(row, dict) for row in rows):
        raise ValueError("a line is no object with a name for each value")
    names = dict.fromkeys(name for row in rows for name in row)
    columns = {name: pd.Series([row.get(name) for row in rows], dtype=object) for name in names}
    return pd.DataFrame(columns)
