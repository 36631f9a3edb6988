"""Every string that the kit shows to a reader, from one catalogue keyed by language.

``locale/<language>.json`` holds one language; a translation is one more file with the same keys.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from functools import cache
from importlib.resources import files

FALLBACK = "en"


@cache
def catalogue() -> dict[str, dict[str, str]]:
    """Return the strings of every language, ``{language: {key: text}}``."""
    entries = sorted((files("illusionkit") / "locale").iterdir(), key=lambda entry: entry.name)
    return {
        entry.name.removesuffix(".json"): json.loads(entry.read_text(encoding="utf-8"))
        for entry in entries
        if entry.name.endswith(".json")
    }


def language() -> str:
    """Return the catalogue's language nearest to $ILLUSIONKIT_LANG: ``zh-Hans`` may give ``zh``."""
    asked = os.environ.get("ILLUSIONKIT_LANG", "").replace("_", "-").lower()
    for name in (asked, asked.split("-")[0]):
        if name in catalogue():
            return name
    return FALLBACK


def text(key: str, /, **values: object) -> str:
    """Return the string of ``key`` in the reader's language, with ``{name}`` filled from values.

    A key that the language lacks comes in English. Raises KeyError for a key that English lacks.
    """
    for name in (language(), FALLBACK):
        if key in catalogue()[name]:
            return catalogue()[name][key].format(**values)
    known = ", ".join(sorted(catalogue()[FALLBACK]))
    raise KeyError(f"no text for {key!r} in locale/{FALLBACK}.json; known keys: {known}")


def knows(key: str, /) -> bool:
    """Return whether the catalogue has ``key``, so that a caller may fall back on its own word."""
    return key in catalogue()[FALLBACK]


def every_language(keys: Iterable[str]) -> dict[str, dict[str, str]]:
    """Return ``{language: {key: text}}`` of the given keys, for the script in a page to choose."""
    wanted = sorted(set(keys))
    return {
        name: {key: strings[key] for key in wanted if key in strings}
        for name, strings in sorted(catalogue().items())
    }
