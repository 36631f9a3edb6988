"""The pages of the book and where they lie, so that one page can lead to another by its name.

The list is the book's ``_toc.yml``, which travels with the package.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

from illusionkit.data import travelling
from illusionkit.errors import DataError

ENTRY = re.compile(r"^\s*(?:root|- file):\s*(\S+)\s*$", re.MULTILINE)
CHAPTER = re.compile(r"^\s*- caption:\s*(.+?)\s*$", re.MULTILINE)

PLAIN = ("learning", "glossary", "references")
"""The pages that are texts without code, and no notebooks."""


def path() -> Path:
    """Return where the contents lie."""
    return travelling.place("_toc.yml")


def pages() -> dict[str, str]:
    """Return each page's place by its name, in the order of the book, without its suffix."""
    found = ENTRY.findall(path().read_text(encoding="utf-8"))
    return {place.rpartition("/")[2]: place for place in found}


def chapters() -> dict[str, list[str]]:
    """Return the pages of each chapter by their names, in the order of the book."""
    _, *parts = CHAPTER.split(path().read_text(encoding="utf-8"))
    return {
        chapter: [place.rpartition("/")[2] for place in ENTRY.findall(part)]
        for chapter, part in zip(parts[::2], parts[1::2], strict=True)
    }


def link(page: str, *, seen_from: str) -> str:
    """Return the way to the file of a page, from another one; both by name.

    Raises DataError for a name that is not in the contents.
    """
    known = pages()
    strange = [name for name in (page, seen_from) if name not in known]
    if strange:
        raise DataError(f"The contents hold no page '{strange[0]}': {', '.join(known)}.")
    start = known[seen_from].rpartition("/")[0] or "."
    suffix = ".md" if page in PLAIN else ".ipynb"
    return os.path.relpath(known[page] + suffix, start).replace(os.sep, "/")
