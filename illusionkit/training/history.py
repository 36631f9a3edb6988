"""What a training gave, and its log."""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from illusionkit.data.own_files import written

if TYPE_CHECKING:
    import pandas as pd
    from transformers import PreTrainedModel, PreTrainedTokenizerBase


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

    def save(
        self, folder: Path, model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase,
        advice: str = "Free some space, or name another folder.",
    ) -> None:  # fmt: skip
        """Put the trained model, its tokenizer and ``history.csv`` into a folder, made if need be.

        `from_pretrained` and `transformers.pipeline` read it. All is written beside first and then
        moved, so that no file is ever half there; the model ends on the CPU. ``advice`` ends the
        message of an error.

        Raises
        ------
        DataError
            The folder can't be written.
        """
        folder = Path(folder)
        with written(folder, advice):
            folder.mkdir(parents=True, exist_ok=True)
            for left in folder.glob("saving-*.part"):  # of a run that was killed while it saved
                shutil.rmtree(left)
            work = Path(tempfile.mkdtemp(dir=folder, prefix="saving-", suffix=".part"))
            try:
                _put_weights(model, work)
                tokenizer.save_pretrained(work)
                self.history.to_csv(work / "history.csv", index=False)
                for path in sorted(work.iterdir()):
                    path.chmod(0o644)  # safetensors lets nobody else read
                    path.replace(folder / path.name)
            finally:
                shutil.rmtree(work, ignore_errors=True)


def _put_weights(model: PreTrainedModel, folder: Path) -> None:
    """Write a model's weights and its config; a full disk is an `OSError` here too."""
    from safetensors import SafetensorError

    try:
        model.cpu().save_pretrained(folder)
    except SafetensorError as error:
        raise OSError(str(error)) from error


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
