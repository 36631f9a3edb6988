"""A reader's own files: written in one move, so that no half of one is ever left."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from illusionkit.errors import DataError


def put(path: Path, content: str, advice: str = "") -> None:
    """Write a text file in one move; ``advice`` ends the error's message.

    Raises
    ------
    DataError
        It can't be written; what was there before is left as it was.
    """
    work = path.with_name(f"{path.name}.part")
    with written(path, advice):
        try:
            work.write_text(content, encoding="utf-8")
            work.replace(path)
        finally:
            work.unlink(missing_ok=True)


@contextmanager
def written(place: Path, advice: str = "") -> Iterator[None]:
    """Turn an error of the file system into a `DataError` that names ``place`` and gives advice."""
    try:
        yield
    except OSError as error:
        why = f"{place} can't be written: {error.strerror or error}."
        raise DataError(f"{why} {advice}".rstrip()) from error
