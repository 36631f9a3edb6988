"""What a model needs of texts, said in words where a library would only stop."""

from __future__ import annotations

from collections.abc import Sequence

from illusionkit.errors import DataError


def require_texts(texts: Sequence[str]) -> list[str]:
    """Return the texts as a list, or raise `DataError` if they are none, or not all text.

    ``texts`` is a list, a tuple, an array or a column of them. A table is refused, which would be
    read as the names of its columns.
    """
    if getattr(texts, "ndim", 1) != 1:
        raise DataError(
            "One column of texts is needed, not a table: write table['text'], not table[['text']]."
        )
    given = [] if isinstance(texts, str) else list(texts)
    if not given:
        raise DataError("A list of at least one text is needed.")
    others = [k for k, text in enumerate(given) if not isinstance(text, str)]
    if others:
        what = type(given[others[0]]).__name__
        raise DataError(
            f"{len(others)} of {len(given)} are no texts, the first one number {others[0]} "
            f"({what}): leave those rows out, or write an empty text."
        )
    broken = next((k for k, text in enumerate(given) if not _is_unicode(text)), None)
    if broken is not None:
        raise DataError(f"Text {broken} holds half a character (a lone surrogate): mend it first.")
    return given


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
