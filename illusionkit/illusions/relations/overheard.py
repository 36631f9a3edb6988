"""What an experiment trained and judged, row by row, noted while it runs as it always does."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from unittest import mock

from illusionkit.arrays import Array
from illusionkit.errors import DesignError
from illusionkit.experiment.reading import Rows
from illusionkit.experiment.task import Task


@dataclass(frozen=True)
class Training:
    """A training: its task, the rows and labels it was given, and which rows were judged by it."""

    task: Task
    train: Array
    labels: Array
    judged: list[tuple[Rows, Array]] = field(default_factory=list)

    def where(self, rows: Rows) -> Array | None:
        """Return the numbers of the table's rows behind a score; None if this did not judge it."""
        return next((where for known, where in self.judged if known is rows), None)


@contextmanager
def overheard() -> Iterator[list[Training]]:
    """Note every training of a `Task` inside the block, in order."""
    heard: list[Training] = []
    noted, said = Task._noted, Task.rows

    def note(task: Task, train: Array, labels: Array | None) -> Array:
        labels = noted(task, train, labels)
        heard.append(Training(task, train, labels))
        return labels

    def rows(task: Task, where: Array, predicted: Array, truth: Array | None = None) -> Rows:
        judged = said(task, where, predicted, truth)
        heard[-1].judged.append((judged, where))
        return judged

    changed: dict[str, Any] = {"_noted": note, "rows": rows}
    with mock.patch.multiple(Task, **changed):
        yield heard


def behind(heard: Sequence[Training], rows: Rows) -> tuple[Training, Array]:
    """Return the training behind a score, and the numbers of its rows.

    Raises
    ------
    DesignError
        No `Task` judged these rows.
    """
    for training in heard:
        if (where := training.where(rows)) is not None:
            return training, where
    raise DesignError("These rows were not judged by a Task: who learned what can't be told.")
