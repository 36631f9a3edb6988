"""The works that the book cites, as data: title, year, and the numbers to look them up by.

The list is the book's ``references.bib``, which travels with the package.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from illusionkit.data import travelling
from illusionkit.errors import DataError

if TYPE_CHECKING:
    import pandas as pd

ENTRY = re.compile(r"^@\w+\{(?P<key>[^,\s]+),\n(?P<fields>.*?)^\}", re.MULTILINE | re.DOTALL)
FIELD = re.compile(r"^\s*(\w+)\s*=\s*\{(.*)\},?$", re.MULTILINE)
MARKUP = re.compile(r"[{}$\\]|``|''")
NOTED = re.compile(r"arXiv:(\d{4}\.\d{4,5})")


def path() -> Path:
    """Return where the list lies."""
    return travelling.place("references.bib")


def works(first: int) -> pd.DataFrame:
    """Return the first so many works of the list, in its order: a later entry changes nothing.

    Columns: key, title (no markup), year (int), doi and arxiv, empty where there is none.
    Used in chapter 7. Raises DataError: the list holds fewer, or an entry lacks title or year.
    """
    import pandas as pd

    rows = entries(path().read_text(encoding="utf-8"))
    if not 1 <= first <= len(rows):
        raise DataError(f"The list of references holds {len(rows)} works, not {first}.")
    return pd.DataFrame(rows[:first])


def entries(bibtex: str) -> list[dict[str, str | int]]:
    """Return the entries of a BibTeX text, one field a line, as `works` gives them."""
    return [_row(found["key"], found["fields"]) for found in ENTRY.finditer(bibtex)]


def _row(key: str, fields: str) -> dict[str, str | int]:
    given = dict(FIELD.findall(fields))
    if "title" not in given or not given.get("year", "").isdigit():
        raise DataError(f"The entry '{key}' lacks a title or a year.")
    noted = NOTED.search(given.get("note", ""))
    return {
        "key": key, "title": MARKUP.sub("", given["title"]), "year": int(given["year"]),
        "doi": given.get("doi", ""), "arxiv": given.get("eprint", noted[1] if noted else ""),
    }  # fmt: skip
