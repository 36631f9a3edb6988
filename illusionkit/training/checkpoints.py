"""Checkpoints of one training: whole or not there, verified when read, the newest first."""

from __future__ import annotations

import hashlib
import io
import os
import re
import tempfile
import warnings
from collections import OrderedDict
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO

from filelock import FileLock, Timeout

from illusionkit.cache import explained, part
from illusionkit.errors import TrainingError

NAME = re.compile(r"step-(\d{8,})-([0-9a-f]{16})\.pt")
PART = part(Path("step"))
"""How the name of a checkpoint begins while it is written."""


class Checkpoints:
    """The checkpoints of one training in a folder, held against every other process.

    A checkpoint is one file, ``step-<step>-<first 16 digits of its sha256>.pt``. It is written
    beside its place, forced to the disk and moved there in one move: a process killed at any moment
    leaves the file whole or not at all. Methods are called inside a ``with`` block, which makes the
    folder, locks it, and clears what killed processes left half-written.

    Parameters
    ----------
    folder
        Where the files lie; it belongs to one training.
    key
        Everything the training depends on, joined to one string (see `illusionkit.cache.digest`).
    keep
        How many steps stay, the newest ones.

    Raises
    ------
    TrainingError
        Another process holds the folder, or ``keep`` is below 1.
    CacheError
        The folder can't be written, or the disk is full; checkpoints that are there stay.
    """

    def __init__(self, folder: Path, key: str, *, keep: int = 2) -> None:
        if keep < 1:
            raise TrainingError(f"At least 1 checkpoint is kept, not {keep}.")
        self._folder = Path(folder)
        self._key = key
        self._keep = keep
        self._lock = FileLock(self._folder / "lock")
        self._ours = False

    def __enter__(self) -> Checkpoints:
        with explained(self._folder):
            self._folder.mkdir(parents=True, exist_ok=True)
            try:
                self._lock.acquire(blocking=False)
            except Timeout as error:
                raise TrainingError(
                    f"Another training writes to {self._folder}: wait for it or name another "
                    "folder."
                ) from error
            try:
                for left in self._folder.glob(f"{PART}*"):
                    left.unlink()
            except OSError:
                self._lock.release()
                raise
        return self

    def __exit__(self, *_: object) -> None:
        self._lock.release()

    def save(self, step: int, state: Mapping[str, Any]) -> Path:
        """Keep ``state`` as the checkpoint after ``step`` steps, and return its file.

        ``state`` holds tensors, numbers, texts, lists, tuples and dictionaries, nested as they
        like; the names "key" and "step" are the file's own. Of what is there, checkpoints of this
        step and those beyond the newest ``keep`` steps are removed.

        Raises
        ------
        TypeError
            The state holds something else, which `newest` could not read again.
        TrainingError
            The folder holds the checkpoints of another training.
        CacheError
            The folder can't be written, or the disk is full.
        """
        _require_plain(dict(state), "state")
        if not self._ours:
            self.newest()  # never beside, or in place of, another training's checkpoints
        with explained(self._folder):
            path = self._written(step, {**state, "key": self._key, "step": step})
            others = [other for other in self._found() if other != path]
            same = [other for other in others if _step(other) == step]
            older = [other for other in others if _step(other) != step][self._keep - 1 :]
            for other in same + older:
                other.unlink()
        return path

    def newest(self) -> dict[str, Any] | None:
        """Return the newest whole state with its "step", tensors on the CPU, or None.

        A file that is truncated, changed or unreadable is named in a warning, kept under the name
        ``….damaged``, and the one before it is tried. No code of a file is run.

        Raises
        ------
        TrainingError
            The newest whole checkpoint is that of another training; nothing is changed.
        CacheError
            A file can't be read, or not be renamed.
        """
        for path in self._found():
            with explained(self._folder):
                state = _read(path)
                if state is None:
                    path.replace(path.with_name(f"{path.name}.damaged"))
            if state is None:
                warnings.warn(
                    f"The checkpoint {path.name} in {self._folder} is damaged: it is kept as "
                    f"{path.name}.damaged, and the one before it is used, if there is one.",
                    stacklevel=2,
                )
            elif state.pop("key") == self._key:
                self._ours = True
                return state
            else:
                raise TrainingError(
                    f"The folder {self._folder} holds checkpoints of another training (other data, "
                    "settings or model): name another folder, or empty this one."
                )
        self._ours = True
        return None

    def _found(self) -> list[Path]:
        """Return the files named as checkpoints, the newest first."""
        named = [path for path in self._folder.iterdir() if NAME.fullmatch(path.name)]
        return sorted(named, key=lambda path: (_step(path), path.stat().st_mtime_ns), reverse=True)

    def _written(self, step: int, content: dict[str, Any]) -> Path:
        """Write ``content`` beside its place, then move it there; return the place."""
        handle, name = tempfile.mkstemp(dir=self._folder, prefix=PART)
        temporary = Path(name)
        try:
            with os.fdopen(handle, "wb") as file:
                sha256 = _stored(content, file)
            path = self._folder / f"step-{step:08d}-{sha256[:16]}.pt"
            temporary.chmod(0o644)  # mkstemp lets nobody else read
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)
        _force_names(self._folder)
        return path


class _Hashing:
    """A file for torch to write to: it hashes what passes through, and keeps the first error.

    If a write raised, torch would report a broken archive in place of the full disk.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.sha256 = hashlib.sha256()
        self.error: OSError | None = None

    def write(self, content: bytes) -> int:
        """Write and hash ``content``, unless an earlier write failed."""
        self.sha256.update(content)
        try:
            if self.error is None:
                self._file.write(content)
        except OSError as error:
            self.error = error
        return len(content)

    def flush(self) -> None:
        """Do nothing: `_stored` flushes, once all is written."""


def _stored(content: dict[str, Any], file: BinaryIO) -> str:
    """Store ``content`` in ``file``, down to the disk, and return the sha256 of its bytes."""
    import torch

    hashing = _Hashing(file)
    torch.save(content, hashing)  # type: ignore[arg-type]
    if hashing.error is not None:
        raise hashing.error
    file.flush()
    os.fsync(file.fileno())
    return hashing.sha256.hexdigest()


def _force_names(folder: Path) -> None:
    """Force a folder's names to the disk, where the system can."""
    if os.name == "posix":
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _read(path: Path) -> dict[str, Any] | None:
    """Return what a checkpoint holds, or None if it is damaged."""
    import torch

    content = path.read_bytes()
    if not path.name.endswith(f"-{hashlib.sha256(content).hexdigest()[:16]}.pt"):
        return None
    try:
        state = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
    except Exception as error:  # a file that is no checkpoint may end in any error of zip or torch
        if isinstance(error, MemoryError) or "allocate memory" in str(error):
            raise
        return None
    return state if isinstance(state, dict) and {"key", "step"} <= state.keys() else None


def _step(path: Path) -> int:
    return int(path.name.split("-")[1])


def _require_plain(value: Any, where: str) -> None:
    """Raise `TypeError` unless ``value`` can be read again without running code."""
    import torch

    if type(value) in (dict, OrderedDict):
        for name, item in value.items():
            _require_plain(name, f"a name in {where}")
            _require_plain(item, f"{where}[{name!r}]")
    elif type(value) in (list, tuple):
        for place, item in enumerate(value):
            _require_plain(item, f"{where}[{place}]")
    elif type(value) not in (int, float, bool, str, type(None)) and not isinstance(
        value, torch.Tensor
    ):
        raise TypeError(
            f"A checkpoint holds tensors, numbers, texts, lists and dictionaries; {where} is a "
            f"{type(value).__module__}.{type(value).__qualname__}."
        )
