"""Reviews that a language model wrote, as the kept table has them: features, and no texts.

`writer` made ``results/derived/written-reviews.json`` once. Of each text it holds the label asked
for, how many words, the first digits of its sha256, the share of its words that stand in a run
in a real review (`copied`), and the frozen features as whole numbers. Real reviews' features are
rounded in the same way here. Used in chapter 8.
"""

from __future__ import annotations

import base64
import hashlib
import json
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from illusionkit.arrays import Array
from illusionkit.errors import ResultsError
from illusionkit.experiment import records

SHA256 = "1b4e48cc5fbe6b93fa52c3da9563952485f013e9e33491821547b8a29f1af107"
"""The one table that the measurements belong to."""
STEPS = 80
"""Steps of a feature's rounding to 1; features of real reviews lie within 1.4 of 0."""
COLUMNS = ("label", "words", "sha256", "copied", "features")


def path() -> Path:
    """Return where the table lies."""
    return records.folder() / "derived" / "written-reviews.json"


def rounded(features: Array) -> Array:
    """Return features (rows, width) in whole steps, as the table keeps them."""
    return np.clip(np.rint(features * STEPS), -127, 127).astype(np.int8)


def packed(features: Array) -> str:
    """Return one row of `rounded` features as text."""
    return base64.b64encode(features.tobytes()).decode()


def unpacked(text: str) -> Array:
    """Return the features (width,) that `packed` has made a text of."""
    return np.frombuffer(base64.b64decode(text), dtype=np.int8)


@cache
def kept() -> dict[str, Any]:
    """Return the whole table: how it was made, and ``rows``.

    Raises
    ------
    ResultsError
        There is none, or it is another one than the measurements belong to.
    """
    file = path()
    content = file.read_bytes() if file.exists() else b""
    if hashlib.sha256(content).hexdigest() != SHA256:
        raise ResultsError(
            f"results/derived/{file.name} is missing or changed. Restore it; one that was made "
            "anew holds other texts, and what was measured of the old one must be measured again."
        )
    return dict(json.loads(content))


def written() -> tuple[pd.DataFrame, Array]:
    """Return the written reviews and their `rounded` features (rows, 384).

    Columns: ``label``, 0 = a negative review was asked for, 1 = a positive one; ``words``;
    ``sha256``, 16 digits; ``copied``; ``unit``. Used in chapter 8. Errors as in `kept`.
    """
    table = pd.DataFrame(kept()["rows"], columns=list(COLUMNS))
    features = np.stack([unpacked(text) for text in table.pop("features")])
    return table.assign(unit=named("written", len(table))), features


def named(what: str, count: int) -> list[str]:
    """Return a unit's name for each of ``count`` generated texts."""
    return [f"{what} {number} of {count}" for number in range(1, count + 1)]
