"""Fine-tuning: one readable loop on Accelerate, the same on a CPU and on a GPU.

`fit` takes a classifier from `illusionkit.models` and two `Split`s, trains it, and returns its
history. What the source document calls preprocessing, model, optimiser, training loop and
evaluation are the five steps of it. Used in chapters 4 and 5.
"""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from illusionkit.batches import Batches, Settings, Split
from illusionkit.errors import DataError, TrainingError
from illusionkit.experiment import Array
from illusionkit.features import require_texts

if TYPE_CHECKING:
    import pandas as pd
    import torch
    from transformers import PreTrainedModel, PreTrainedTokenizerBase


@dataclass(frozen=True)
class Fitted:
    """What training gave: one row an epoch, and where it ran.

    ``history`` columns: epoch, train_loss (mean over the epoch's rows while they were trained on,
    with dropout), validation_loss, validation_accuracy, seconds (since training began).
    """

    history: pd.DataFrame
    best_epoch: int
    device: str
    precision: str


def fit(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    train: Split,
    validation: Split,
    settings: Settings | None = None,
    *,
    log: Path | None = None,
    each_epoch: Callable[[int], None] | None = None,
) -> Fitted:
    """Train ``model`` in place and return its history.

    The model ends in evaluation mode, on the device it was trained on; with ``restore_best``, with
    the weights of the epoch whose validation loss was lowest. ``log`` names a folder for a
    TensorBoard log; ``each_epoch`` is called with the epoch's number when its scores are known. The
    global random numbers are seeded.

    Raises
    ------
    TrainingError
        Before training: an empty split, labels out of range or not whole, one class only, texts
        that are not text, no known token, more tokens than the model reads. During training: a
        loss that is not finite.
    """
    import torch
    from accelerate import Accelerator
    from accelerate.utils import set_seed

    settings = settings or Settings()
    check_split(model, tokenizer, train, name="training")
    check_split(model, tokenizer, validation, name="validation")
    check_length(model, settings)
    set_seed(settings.seed)
    accelerator = Accelerator(mixed_precision=precision()[0])
    batches = Batches(tokenizer, train, settings)
    optimizer = torch.optim.AdamW(_groups(model, settings), lr=settings.learning_rate, fused=True)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, _slope(settings, len(batches)))
    model, optimizer, schedule = accelerator.prepare(model, optimizer, schedule)

    rows: list[dict[str, float]] = []
    best: dict[str, Any] = {"loss": float("inf"), "epoch": 0, "weights": None}
    began = time.perf_counter()
    for epoch in range(1, settings.epochs + 1):
        model.train()
        total = 0.0
        for inputs, labels in batches.shuffled(epoch, accelerator.device):
            with accelerator.autocast():
                loss = cross_entropy(model(**inputs).logits, labels)
            accelerator.backward(loss)
            accelerator.clip_grad_norm_(model.parameters(), settings.clip)
            optimizer.step()
            schedule.step()
            optimizer.zero_grad()
            total += require_finite(loss.item(), epoch) * len(labels)
        scores = evaluate(model, tokenizer, validation, settings)
        require_finite(scores["validation_loss"], epoch)
        seconds = time.perf_counter() - began
        rows.append(
            {"epoch": epoch, "train_loss": total / len(train), **scores, "seconds": seconds}
        )
        if scores["validation_loss"] < best["loss"]:
            weights = copy.deepcopy(model.state_dict()) if settings.restore_best else None
            best = {"loss": scores["validation_loss"], "epoch": epoch, "weights": weights}
        if each_epoch is not None:
            each_epoch(epoch)
    if best["weights"] is not None:
        model.load_state_dict(best["weights"])
    model.eval()
    _write_log(rows, log)
    return _fitted(rows, best["epoch"], str(accelerator.device))


def cross_entropy(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """Return the mean cross-entropy; logits (rows, classes), labels (rows,)."""
    import torch

    return torch.nn.functional.cross_entropy(logits.float(), labels)


def probabilities(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    texts: Sequence[str],
    settings: Settings | None = None,
) -> Array:
    """Return the model's probability of each class for each text, shape (texts, classes).

    The model is put into evaluation mode: no dropout, no gradients. Any text will do, the empty
    one too; what is longer than the settings say is cut.

    Raises
    ------
    DataError
        No texts, one text instead of a list, or something that is no valid text.
    TrainingError
        The settings allow longer texts than the model can read.
    """
    import torch

    texts, settings = require_texts(texts), settings or Settings()
    check_length(model, settings)
    model.eval()
    batches = Batches(tokenizer, Split(texts, [0] * len(texts)), settings)
    found = np.empty((len(texts), int(model.config.num_labels or 0)), dtype=np.float64)
    with torch.inference_mode():
        for rows, inputs, _ in batches.in_order(model.device):
            found[rows] = model(**inputs).logits.float().softmax(-1).cpu().numpy()
    return found


def evaluate(
    model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, split: Split, settings: Settings
) -> dict[str, float]:
    """Return validation_loss (mean over rows, in nats) and validation_accuracy."""
    chances = probabilities(model, tokenizer, split.texts, settings)
    labels = np.asarray(split.labels, dtype=np.int64)
    likely = np.clip(chances[np.arange(len(labels)), labels], 1e-12, None)
    hits = chances.argmax(axis=1) == labels
    return {"validation_loss": float(-np.log(likely).mean()), "validation_accuracy": hits.mean()}


def precision() -> tuple[str, str]:
    """Return the precision that this machine trains in, and why, in words."""
    import torch

    if not torch.cuda.is_available():
        return "no", "fp32: no GPU was found"
    if torch.cuda.is_bf16_supported(including_emulation=False):
        return "bf16", "bf16: the GPU has it"
    return "fp16", "fp16 with loss scaling: the GPU has no bf16"


def require_finite(loss: float, epoch: int) -> float:
    """Return the loss, or raise `TrainingError` if it is not finite."""
    if not math.isfinite(loss):
        raise TrainingError(f"The loss became {loss} in epoch {epoch}: try a lower learning rate.")
    return loss


def check_split(
    model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, split: Split, *, name: str
) -> None:
    """Raise `TrainingError` unless ``split`` can be trained or judged on."""
    if not len(split) or len(split.texts) != len(split.labels):
        sizes = f"{len(split.texts)} texts, {len(split.labels)} labels"
        raise TrainingError(f"The {name} split needs as many labels as texts, at least 1: {sizes}.")
    try:
        require_texts(split.texts)
    except DataError as error:
        raise TrainingError(f"The texts of the {name} split can't be read. {error}") from error
    labels = _whole(split, name)
    classes = int(model.config.num_labels or 0)
    if labels.min() < 0 or labels.max() >= classes:
        found = f"they lie in {labels.min():g} to {labels.max():g}"
        raise TrainingError(f"The {name} labels must lie in 0 to {classes - 1}; {found}.")
    if name == "training" and len(np.unique(labels)) < 2:
        raise TrainingError(
            "The training split has one class only, there is nothing to learn: draw it anew."
        )
    _check_known(tokenizer, split, name)


def _whole(split: Split, name: str) -> Array:
    """Return the labels as numbers, shape (rows,), or raise unless they are whole numbers."""
    try:
        labels = np.asarray(split.labels, dtype=float)
        text = np.asarray(split.labels).dtype.kind in "US"  # float("1") would be let through
    except (TypeError, ValueError):
        labels, text = np.zeros(1), True
    whole = np.isfinite(labels).all() and not (labels % 1).any()
    if text or labels.ndim != 1 or not whole:
        raise TrainingError(
            f"The {name} labels must be whole numbers from 0, one a text; some are missing or not: "
            "drop those rows, or number the classes."
        )
    return labels


def check_length(model: PreTrainedModel, settings: Settings) -> None:
    """Raise `TrainingError` if the settings allow longer texts than the model can read."""
    longest = getattr(model.config, "max_position_embeddings", settings.max_tokens)
    if settings.max_tokens > longest:
        raise TrainingError(f"The model reads {longest} tokens, not {settings.max_tokens}.")


def _check_known(tokenizer: PreTrainedTokenizerBase, split: Split, name: str) -> None:
    """Raise unless some text has a token that the vocabulary knows."""
    special = set(tokenizer.all_special_ids)
    for text in split.texts:
        if set(tokenizer(text, truncation=True, max_length=512)["input_ids"]) - special:
            return
    raise TrainingError(
        f"No text of the {name} split has a token that the vocabulary knows: is it in the language "
        "of the model?"
    )


def _groups(model: PreTrainedModel, settings: Settings) -> list[dict[str, Any]]:
    """Return parameter groups: weight decay for matrices, none for biases and norms."""
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    decayed = [parameter for parameter in trained if parameter.ndim > 1]
    plain = [parameter for parameter in trained if parameter.ndim <= 1]
    return [
        {"params": decayed, "weight_decay": settings.weight_decay},
        {"params": plain, "weight_decay": 0.0},
    ]


def _slope(settings: Settings, batches: int) -> Callable[[int], float]:
    """Return the factor of the learning rate by step: up over the warm-up, then down to 0."""
    steps = settings.epochs * batches
    rise = max(1, round(settings.warmup * steps))
    return lambda step: min((step + 1) / rise, max(0.0, (steps - step) / max(1, steps - rise)))


def _write_log(rows: list[dict[str, float]], folder: Path | None) -> None:
    """Write the history as a TensorBoard log, one scalar a column."""
    if folder is None:
        return
    from torch.utils.tensorboard import SummaryWriter

    with SummaryWriter(str(folder)) as writer:
        for row in rows:
            for name in set(row) - {"epoch"}:
                writer.add_scalar(name, row[name], int(row["epoch"]))


def _fitted(rows: list[dict[str, float]], best_epoch: int, device: str) -> Fitted:
    import pandas as pd

    return Fitted(pd.DataFrame(rows), best_epoch, device, precision()[1])
