"""3,786 small pictures, each with its name: emoji, and their variants by skin and gender.

The pictures are drawings, not persons. Art: Twemoji, copyright Twitter, Inc and other
contributors, CC BY 4.0 (creativecommons.org/licenses/by/4.0); a page that shows some says so.
"""

from __future__ import annotations

import hashlib
import io
import json
import re
from functools import cache as memoised
from typing import Any

import numpy as np
import pandas as pd

from illusionkit.arrays import Array
from illusionkit.data import archives, tables, unit_copies
from illusionkit.errors import DataError

SOURCES = {"emoji": ("emoji_twitter", ("names", "sheet"))}
"""The archive and the members behind the table."""

SIDE, STEP = 32, 34
"""The pixels along each side of a picture, and from one picture to the next on the sheet."""

TONES = {
    "1F3FB": "light", "1F3FC": "medium-light", "1F3FD": "medium", "1F3FE": "medium-dark",
    "1F3FF": "dark",
}  # fmt: skip
"""The code points of skin tones, and what Unicode calls them."""

PERSONS = {"1F468", "1F469", "1F9D1"}
"""Man, woman, person: inside a sequence they say of which gender somebody is."""

SILENT = {"2640", "2642", "200D", "FE0F"}
"""The signs of the two genders, and what only joins."""


def emoji(part: str = "book") -> pd.DataFrame:
    """Return 3,786 emoji as pictures and names.

    Columns: ``name``, in small letters, with the skin tones where it has some; ``label``,
    the number of its category in `CATEGORIES`; ``base``, equal for variants by skin tone alone;
    ``copy_of``, equal for pictures that are the same; ``unit``, the family: variants by skin tone
    or gender, and pictures that are the same; ``pixels``, see `pixels`.
    Source: Twemoji and Unicode's names, as packaged by emoji-datasource-twitter 16.0.0. Used in
    chapter 8.
    """
    return tables.one_part(_emoji(), part)


CATEGORIES = (
    "Activities", "Animals & Nature", "Component", "Flags", "Food & Drink", "Objects",
    "People & Body", "Smileys & Emotion", "Symbols", "Travel & Places",
)  # fmt: skip


def pixels(table: pd.DataFrame) -> Array:
    """Return the pictures of a table, on white, shape (rows, 32, 32, 3), from 0 to 255.

    Used in chapter 8.

    Raises
    ------
    DataError
        A picture has another number of pixels.
    """
    size = SIDE * SIDE * 3
    if wrong := set(table["pixels"].map(len)) - {size}:
        raise DataError(f"A picture has {size} values, row by row, and not {wrong.pop()}.")
    return np.frombuffer(b"".join(table["pixels"]), np.uint8).reshape(-1, SIDE, SIDE, 3)


def family(codes: str) -> str:
    """Return a sequence of code points without what says skin tone or gender."""
    kept = [code for code in codes.split("-") if code not in SILENT and code not in TONES]
    return "-".join("person" if code in PERSONS else code for code in kept)


def named(name: str, codes: str) -> str:
    """Return a name in small letters with the skin tones that its code points tell, if any."""
    tones = [f"{TONES[code]} skin tone" for code in codes.split("-") if code in TONES]
    small = re.sub(r"\s+", " ", name.lower()).strip()
    return f"{small}{', ' if ':' in small else ': '}{', '.join(tones)}" if tones else small


def parse(shipped: bytes) -> pd.DataFrame:
    """Return name, category, code points and place on the sheet of every emoji of a JSON file.

    Raises
    ------
    DataError
        It is no such file, or a category is unknown.
    """
    try:
        rows = [
            (base["name"], base["category"], base["unified"], each["unified"],
             each["sheet_x"], each["sheet_y"])
            for base in json.loads(shipped)
            for each in (base, *base.get("skin_variations", {}).values())
        ]  # fmt: skip
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise DataError(f"emoji: the file is no list of emoji with names: {error!r}.") from error
    table = pd.DataFrame(rows, columns=["name", "category", "base", "codes", "x", "y"])
    if strange := set(table["category"]) - {*CATEGORIES}:
        raise DataError(f"emoji: '{strange.pop()}' is no known category. Has the file changed?")
    return table


def cut(sheet: Array, x: Array, y: Array) -> Array:
    """Return the pictures at places of a sheet, on white, shape (places, 32, 32, 3), 0 to 255.

    ``sheet`` (height, width, 4) goes from 0 to 1; the last value says how opaque a pixel is.

    Raises
    ------
    DataError
        A place lies outside of the sheet.
    """
    if len(x) and STEP * (max(*x, *y) + 1) > min(sheet.shape[:2]):
        raise DataError("emoji: the sheet is smaller than its places say. Has the file changed?")
    tops, lefts = STEP * np.asarray(y) + 1, STEP * np.asarray(x) + 1
    side = np.arange(SIDE)
    found = sheet[tops[:, None, None] + side[:, None], lefts[:, None, None] + side]
    opaque = found[..., 3:]
    return np.rint(255 * (found[..., :3] * opaque + 1 - opaque)).astype(np.uint8)


@memoised
def _emoji() -> pd.DataFrame:
    source, (names, sheet) = SOURCES["emoji"]
    told = parse(archives.read(source, names))
    drawn = cut(_png(archives.read(source, sheet)), told["x"].to_numpy(), told["y"].to_numpy())
    name = [named(*pair) for pair in zip(told["name"], told["codes"], strict=True)]
    table = pd.DataFrame({"name": name, "label": told["category"].map(CATEGORIES.index)})
    table["base"] = pd.factorize(told["base"])[0]
    table["pixels"] = [picture.tobytes() for picture in drawn]
    table["copy_of"] = pd.factorize(table["pixels"])[0]
    kinds = pd.factorize(told["codes"].map(family))[0]
    for group in ("base", "copy_of"):  # a pair's variants are spelled as two persons
        kinds = unit_copies.linked(kinds, table[group].to_numpy())
    table["unit"] = kinds
    key = told["codes"].map(lambda codes: hashlib.sha256(codes.encode()).hexdigest())
    return tables.with_part(table, "emoji", key)


def _png(shipped: bytes) -> Any:
    """Return an image file's pixels, from 0 to 1, shape (height, width, 4)."""
    from matplotlib.image import imread

    try:
        sheet = imread(io.BytesIO(shipped), format="png")
    except (OSError, ValueError, SyntaxError) as error:
        raise DataError(f"emoji: the sheet is no PNG image: {error}.") from error
    if sheet.ndim != 3 or sheet.shape[2] != 4:
        raise DataError("emoji: the sheet has no four values a pixel. Has the file changed?")
    return sheet
