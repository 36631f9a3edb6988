"""What a training gave, and its log."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Fitted:
    """What training gave: one row an epoch, and where it ran.

    ``history`` columns: epoch, train_loss (mean over the epoch's rows while they were trained on,
    with dropout), validation_loss, validation_accuracy, seconds (since training began).
    ``precision`` says in words in what precision and why; ``reason`` how many steps were replayed
    from CUDA graphs, and why others were not.
    """

    history: pd.DataFrame
    best_epoch: int
    device: str
    precision: str
    reason: str = ""


def write_log(rows: list[dict[str, float]], folder: Path | None) -> None:
    """Write the history as a TensorBoard log, one scalar a column; nothing without a folder.

    A folder that holds a run already keeps it: the next ones lie in ``run-2``, ``run-3`` inside it,
    which TensorBoard draws as curves of their own.
    """
    if folder is None:
        return
    from torch.utils.tensorboard import SummaryWriter

    with SummaryWriter(str(_free(Path(folder)))) as writer:
        for row in rows:
            for name in set(row) - {"epoch"}:
                writer.add_scalar(name, row[name], int(row["epoch"]))


def _free(folder: Path) -> Path:
    """Return the folder, or the first one inside it that no run has used."""
    place, number = folder, 1
    while any(place.glob("events.out.tfevents.*")):
        number += 1
        place = folder / f"run-{number}"
    return place
