"""Fine-tuning: one readable loop on Accelerate, the same on a CPU, on a GPU and on several.

`fit` takes a classifier from `models.encoders` and two `Split`s, trains it, and returns its
history. What the source document calls preprocessing, model, optimiser, training loop and
evaluation are the five steps of it. Used in chapters 4 and 5.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from illusionkit.arrays import Array
from illusionkit.models.fast_layers import use_fast_layers
from illusionkit.models.graphs import Graphs, square, takes_square_masks, wanted
from illusionkit.models.needs import require_texts
from illusionkit.models.precision import choose
from illusionkit.training.batches import Batches, Settings, Split, numbers
from illusionkit.training.checks import (
    check_length,
    check_second,
    check_training,
    require_finite,
)
from illusionkit.training.gradients import backward
from illusionkit.training.graphs import in_a_graph
from illusionkit.training.history import Fitted, write_log
from illusionkit.training.losses import criterion_of, said, scores
from illusionkit.training.own_data import as_splits
from illusionkit.training.session import Session, session

if TYPE_CHECKING:
    import torch
    from accelerate import Accelerator
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

    from illusionkit.training.losses import Metrics

    Loss = float | torch.Tensor


def fit(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    train: Any,
    validation: Any,
    settings: Settings | None = None,
    *,
    text: str | Sequence[str] = "text",
    label: str = "label",
    metrics: Metrics | None = None,
    log: Path | None = None,
    each_epoch: Callable[[int], None] | None = None,
    checkpoints: Path | None = None,
    every: int | None = None,
) -> Fitted:
    """Train ``model`` in place and return its history.

    ``train`` and ``validation`` are two `Split`s, or two of what `own_data.labelled` takes: tables
    whose column ``text`` (or two columns: pairs of texts) is read and whose ``label`` is learned.
    The names of their classes go into the model's config. A model with one output learns a number.

    The model ends in evaluation mode, on the device it was trained on; with ``restore_best``, with
    the weights of the epoch whose validation loss was lowest. ``log`` names a folder for a
    TensorBoard log; ``each_epoch`` is called with the epoch's number when its scores are known, and
    again if the training is stopped before it has kept that epoch. ``metrics`` is given the true
    labels (rows,) and the probabilities (rows, classes) of the validation rows, and returns further
    scores by name: columns of the history. The global random numbers are seeded.

    ``checkpoints`` names a folder in which the training is kept after each epoch, and after each
    ``every`` steps. A training that finds a checkpoint of itself there goes on from it, to the
    same weights as if it had never stopped. Under ``accelerate launch`` every process trains on its
    part of each batch; the gradients are those of the whole batch.

    Raises
    ------
    TrainingError
        Before training: an empty split, labels out of range or not whole, one class only, texts
        that are not text, no known token, more tokens than the model reads, a precision that this
        machine lacks, layers to freeze that the model lacks, checkpoints of another training,
        weights that do not fit the classes.
        During training: a loss that is not finite or far too large, one text too many for the
        memory.
    DataError
        A table that can't be read as texts and labels; see `own_data.labelled`.
    CacheError
        The folder for checkpoints can't be written.
    """
    import pandas as pd
    import torch
    from accelerate.utils import set_seed

    settings = settings or Settings()
    train, validation = as_splits(model, train, validation, text=text, label=label)
    check_training(model, tokenizer, train, validation, settings)
    with session(model, (train, validation), settings, checkpoints, every) as run:
        set_seed(settings.seed, device_specific=run.accelerator.num_processes > 1)
        batches = run.attach(Batches(tokenizer, train, settings))
        judged = run.attach(Batches(tokenizer, validation, settings))
        steps = settings.epochs * len(batches)
        optimizer = torch.optim.AdamW(_groups(model, settings), settings.learning_rate, fused=True)
        schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, slope(settings.warmup, steps))
        run.criterion = criterion_of(model, train, settings)
        run.begin(optimizer, schedule)
        for epoch in run.epochs():
            model.train()
            for rows in run.left(batches.order(epoch)):
                loss = update(run, batches, rows)
                schedule.step()
                run.total += loss * len(rows)
                run.stepped(rows)
            chances = _probabilities(model, judged, run.accelerator)
            row = {"epoch": epoch, "train_loss": float(run.total) / len(train)}
            row |= scores(chances, judged.labels, metrics)
            run.rows.append({**row, "seconds": run.seconds})
            if require_finite(row["validation_loss"], epoch) < run.best["loss"]:
                weights = copy.deepcopy(model.state_dict()) if settings.restore_best else None
                run.best = {"loss": row["validation_loss"], "epoch": epoch, "weights": weights}
            if each_epoch is not None:
                with run.reuse.whole():
                    each_epoch(epoch)
            run.next_epoch()
        if run.best["weights"] is not None:
            model.load_state_dict(run.best["weights"])
    model.eval()
    write_log(run.rows, log)
    where, precision = str(run.accelerator.device), choose(settings.precision).reason
    return Fitted(pd.DataFrame(run.rows), run.best["epoch"], where, precision, run.reason)


@in_a_graph
def update(run: Session, batches: Batches, rows: Array) -> Loss:
    """Make one step of the optimiser on a batch, and return the batch's loss, in nats.

    On a CUDA GPU it is a number there, and the step is replayed from a graph where it can be.

    Raises
    ------
    TrainingError
        The loss is not finite or far too large, or the gradient is not finite, and no step is
        made (a GPU makes none either, but says so later: `Session.stepped`); or as in `backward`.
    """
    loss = backward(run.model, batches, rows, run.accelerator, run.criterion)
    norm = run.accelerator.clip_grad_norm_(run.model.parameters(), run.settings.clip)
    run.require_sound(loss, norm, rows)
    run.optimizer.step()
    run.optimizer.zero_grad()
    return loss


def probabilities(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    texts: Sequence[str],
    settings: Settings | None = None,
    *,
    second: Sequence[str] | None = None,
) -> Array:
    """Return the model's probability of each class for each text, shape (texts, classes).

    ``second`` holds the other text of each pair. A model with one output says its number, shape
    (texts, 1). The model is put into evaluation mode: no dropout, no gradients. Any text will do,
    the empty one too; what is longer than the settings say is cut.

    Raises
    ------
    DataError
        No texts, one text instead of a list, or something that is no valid text.
    TrainingError
        The settings allow longer texts than the model can read.
    """
    texts, settings = require_texts(texts), settings or Settings()
    check_length(model, settings)
    asked = Split(texts, [0] * len(texts), second)
    check_second(asked)
    batches = Batches(tokenizer, asked, settings)
    squares = batches.types is None and takes_square_masks(model)
    batches.few_lengths = wanted(model.device) and squares
    with use_fast_layers(model, model.device):
        return _probabilities(model, batches)


def _probabilities(
    model: PreTrainedModel, batches: Batches, accelerator: Accelerator | None = None
) -> Array:
    """Return what the model says of each row, shape (rows, classes); processes share the work."""
    import torch

    model.eval()
    chances = np.zeros((len(batches.labels), int(model.config.num_labels or 0)))
    place, processes = (
        (accelerator.process_index, accelerator.num_processes) if accelerator else (0, 1)
    )
    with torch.inference_mode():
        for rows in batches.by_length()[place::processes]:
            chances[rows] = _forward(model, batches, rows).cpu().numpy()
    if accelerator is not None and processes > 1:
        everyones = torch.from_numpy(chances).to(accelerator.device)
        chances = accelerator.reduce(everyones, "sum").cpu().numpy()
    return chances


def _forward(model: PreTrainedModel, batches: Batches, rows: Array) -> torch.Tensor:
    """Return the probabilities of some rows; on a GPU by a CUDA graph a length, where it can be."""

    def chances(ids: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        return said(model(input_ids=ids, attention_mask=square(mask)).logits)

    if not batches.few_lengths:
        return said(model(**batches.batch(rows, model.device)[0]).logits)
    if batches.scoring is None:
        batches.scoring = Graphs(chances, model.device, after=2)
    return batches.scoring.either(*batches.pinned(rows)[:2])


def evaluate(
    model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, split: Split, settings: Settings
) -> dict[str, float]:
    """Return validation_loss (mean over rows, in nats) and validation_accuracy: see `scores`."""
    chances = probabilities(model, tokenizer, split.texts, settings, second=split.second)
    return scores(chances, numbers(split.labels))


def _groups(model: PreTrainedModel, settings: Settings) -> list[dict[str, Any]]:
    """Return parameter groups: weight decay for matrices, none for biases and norms."""
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    decayed = [parameter for parameter in trained if parameter.ndim > 1]
    plain = [parameter for parameter in trained if parameter.ndim <= 1]
    return [
        {"params": decayed, "weight_decay": settings.weight_decay},
        {"params": plain, "weight_decay": 0.0},
    ]


def slope(warmup: float, steps: int) -> Callable[[int], float]:
    """Return the factor of the learning rate by step: up over the warm-up, then down to 0.

    ``warmup`` is a share of the ``steps``. The first step has a rate above 0; that of
    `transformers.get_linear_schedule_with_warmup` has none, and its batch teaches nothing.
    """
    rise = max(1, round(warmup * steps))
    return lambda step: min((step + 1) / rise, max(0.0, (steps - step) / max(1, steps - rise)))
