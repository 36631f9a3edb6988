"""Texts that must not be passed on: finds runs of a corpus in notebooks, pages and the site.

A package's licence does not license the texts inside it. A *shingle* is a run of 8 words, or of
12 characters in Chinese after white space and punctuation are taken out. No page and no file of
the site may hold a shingle of any corpus, except inside the few review sentences that the page
lists in a cell's metadata, ``"illusionkit": {"quotes": ["…"]}``.
"""

from __future__ import annotations

import html
import inspect
import re
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import notebooks
import numpy as np
from numpy.typing import NDArray

WORDS, CHARACTERS = 8, 12
QUOTES_A_PAGE, WORDS_A_QUOTE, CHARACTERS_A_QUOTE = 8, 25, 40
QUOTABLE = ("movie_reviews", "product_reviews", "chinese_reviews")
WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")
HAN = re.compile(r"[\u3400-\u9fff]")
CHARACTER = re.compile(r"[^\W_]")
TAG = re.compile(r"<[^>]{0,2000}>")
ESCAPE = re.compile(r"\\u([0-9a-fA-F]{4})")
TEXT_FILES = {".html", ".htm", ".js", ".json", ".ipynb", ".md", ".txt", ".svg", ".csv", ".xml"}
PRIME = np.uint64(1099511628211)
Hashes = NDArray[np.uint64]


def words(text: str) -> list[str]:
    """Return the words of a text, in lower case; letters and digits only."""
    return [w.replace("’", "'") for w in WORD.findall(text.lower())]


def characters(text: str) -> list[str]:
    """Return the letters and digits of a text, without white space and punctuation."""
    return CHARACTER.findall(text.lower())


def windows(ids: Hashes, size: int) -> Hashes:
    """Return one hash for every run of `size` neighbouring tokens; shape (n - size + 1,)."""
    count = len(ids) - size + 1
    if count < 1:
        return np.empty(0, np.uint64)
    total = np.zeros(count, np.uint64)
    with np.errstate(over="ignore"):
        for offset in range(size):
            total = total * PRIME + ids[offset : offset + count]
    return total


def word_shingles(text: str) -> Hashes:
    """Return the hashes of all runs of eight words, at least half of them with a letter.

    A run of numbers says nothing of a text; `persons` looks for those.
    """
    # Two checksums make 64 bits: with 32 the millions of shingles here would collide by chance.
    tokens = [w.encode() for w in words(text)]
    ids = [(zlib.crc32(t) << 32) | zlib.adler32(t + b"#") for t in tokens]
    hashes = windows(np.array(ids, np.uint64), WORDS)
    if not len(hashes):
        return hashes
    worded = np.array([not t.isdigit() for t in tokens], np.int64)
    return hashes[np.convolve(worded, np.ones(WORDS, np.int64), mode="valid") * 2 >= WORDS]


def character_shingles(text: str) -> Hashes:
    """Return the hashes of all runs of twelve characters, at least half of them Chinese."""
    tokens = characters(text)
    codes = np.array([ord(t) for t in tokens], np.uint64)
    han = np.array([bool(HAN.match(t)) for t in tokens], np.int64)
    hashes = windows(codes * PRIME + np.uint64(7), CHARACTERS)
    if not len(hashes):
        return hashes
    share = np.convolve(han, np.ones(CHARACTERS, np.int64), mode="valid")
    return hashes[share * 2 >= CHARACTERS]


def shingles(text: str) -> Hashes:
    """Return all shingles of a text, of both kinds."""
    parts = [word_shingles(text)]
    if HAN.search(text):
        parts.append(character_shingles(text))
    return np.concatenate(parts)


@dataclass(frozen=True)
class Index:
    """The shingles of every corpus: sorted hashes and, for each, the number of its corpus."""

    names: tuple[str, ...]
    hashes: Hashes
    owners: NDArray[np.int8]
    texts: dict[str, str]

    def found(self, text: str) -> dict[str, Hashes]:
        """Return, by corpus, which of its shingles a text holds."""
        own = np.unique(shingles(text))
        at = np.minimum(np.searchsorted(self.hashes, own), max(len(self.hashes) - 1, 0))
        hit = self.hashes[at] == own if len(self.hashes) else np.zeros(len(own), bool)
        owners = self.owners[at[hit]]
        return {self.names[i]: own[hit][owners == i] for i in np.unique(owners)}

    def quotable(self, sentence: str) -> bool:
        """Return whether a sentence stands, as it is, in a corpus that may be quoted."""
        flat = squeezed(sentence)
        return bool(flat) and any(flat in self.texts[n] for n in self.names if n in QUOTABLE)


def squeezed(text: str) -> str:
    """Return the letters and digits of a text as one string."""
    return "".join(characters(text))


def index(corpora: dict[str, Iterable[str]]) -> Index:
    """Return the index of some corpora, given as name → texts."""
    names, hashes, owners, texts = tuple(corpora), [], [], {}
    for number, name in enumerate(names):
        unique = list(dict.fromkeys(corpora[name]))
        own = np.unique(np.concatenate([np.empty(0, np.uint64), *map(shingles, unique)]))
        hashes.append(own)
        owners.append(np.full(len(own), number, np.int8))
        texts[name] = "\n".join(map(squeezed, unique)) if name in QUOTABLE else ""
    merged, first = np.unique(np.concatenate(hashes), return_index=True)
    return Index(names, merged, np.concatenate(owners)[first], texts)


def whole_corpora(loaders: dict[str, Any]) -> dict[str, list[str]]:
    """Return the texts of every corpus, the confirm part included: it may leak no more than the
    rest. Nothing is scored here."""
    found: dict[str, list[str]] = {}
    for name, load in loaders.items():
        has_parts = "part" in inspect.signature(load).parameters
        tables = [load(part="book"), load(part="confirm")] if has_parts else [load()]
        found[name] = [str(text) for table in tables for text in table["text"]]
    return found


def readable(raw: str) -> str:
    """Return the text of a file with escapes undone and tags taken out."""
    text = ESCAPE.sub(lambda m: chr(int(m[1], 16)), raw.replace("\\n", "\n").replace('\\"', '"'))
    return html.unescape(TAG.sub(" ", html.unescape(text)))


def page_text(path: Path) -> str:
    """Return sources and outputs of a notebook, or the text of any other page."""
    if path.suffix != ".ipynb":
        return path.read_text(encoding="utf-8")
    pieces: list[str] = []
    for cell in notebooks.read(path).cells:
        pieces.append(cell.source)
        pieces += [text for _, text in notebooks.output_texts(cell)]
    return "\n\n".join(pieces)


def quotes_of(path: Path) -> list[str]:
    """Return the review sentences that a notebook lists as quoted."""
    if path.suffix != ".ipynb":
        return []
    listed = (
        c.metadata.get("illusionkit", {}).get("quotes", []) for c in notebooks.read(path).cells
    )
    return [str(quote) for quotes in listed for quote in quotes]


def quote_complaints(path: Path, corpora: Index) -> list[str]:
    """Return what is wrong with the quotes a page lists."""
    quotes, text = quotes_of(path), squeezed(readable(page_text(path)))
    found = []
    if len(quotes) > QUOTES_A_PAGE:
        found.append(f"{path.name}: {len(quotes)} quotes, at most {QUOTES_A_PAGE} are allowed")
    for quote in quotes:
        han = len(HAN.findall(quote))
        if (han > CHARACTERS_A_QUOTE) if han else (len(words(quote)) > WORDS_A_QUOTE):
            found.append(f"{path.name}: a quote is too long: {quote[:30]}…")
        if not corpora.quotable(quote):
            found.append(f"{path.name}: a quote is of no corpus that may be quoted: {quote[:30]}…")
        if squeezed(quote) not in text:
            found.append(f"{path.name}: a listed quote does not stand on the page: {quote[:30]}…")
    return found


def complaints(path: Path, corpora: Index, allowed: Iterable[str] = ()) -> list[str]:
    """Return which corpora a file holds runs of, beyond the allowed quotes."""
    raw = page_text(path) if path.suffix == ".ipynb" else path.read_text("utf-8", "replace")
    spared = [shingles(quote) for quote in allowed]
    free = np.concatenate(spared) if spared else np.empty(0, np.uint64)
    found = []
    for name, hits in corpora.found(raw + "\n\n" + readable(raw)).items():
        left = hits if name not in QUOTABLE else hits[~np.isin(hits, free)]
        if len(left):
            found.append(f"{path.name}: {len(left)} runs of words of {name}")
    return found


def site_files(site: Path) -> Iterator[Path]:
    """Yield the files of a built site that hold text of the book."""
    for path in sorted(site.rglob("*")):
        own = "_static" not in path.relative_to(site).parts
        if own and path.is_file() and path.suffix in TEXT_FILES:
            yield path
