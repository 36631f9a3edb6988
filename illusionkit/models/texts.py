"""What a model needs of texts, said in words where a library would only stop."""

from __future__ import annotations

from collections.abc import Sequence

from illusionkit.errors import DataError


def require_texts(texts: Sequence[str]) -> list[str]:
    """Return the texts as a list, or raise `DataError` if they are none, or not all text."""
    given = [] if isinstance(texts, str) else list(texts)
    if not given or not all(isinstance(text, str) for text in given):
        raise DataError("A list of at least one text is needed, and nothing but texts.")
    broken = next((i for i, text in enumerate(given) if not _is_unicode(text)), None)
    if broken is not None:
        raise DataError(f"Text {broken} holds half a character (a lone surrogate): mend it first.")
    return given


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
