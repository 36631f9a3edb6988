"""Fine-tuning: one readable loop on Accelerate, the same on a CPU, on a GPU and on several.

`fit` takes a classifier from `models.encoders` and two `Split`s, trains it, and returns its
history. What the source document calls preprocessing, model, optimiser, training loop and
evaluation are the five steps of it. Used in chapters 4 and 5.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from illusionkit.arrays import Array
from illusionkit.errors import TrainingError
from illusionkit.models.fast_layers import use_fast_layers
from illusionkit.models.graphs import Graphs, square, takes_square_masks, wanted
from illusionkit.models.needs import require_texts
from illusionkit.models.precision import choose
from illusionkit.training.batches import Batches, Settings, Split
from illusionkit.training.checks import check_length, check_training, out_of_memory, require_finite
from illusionkit.training.graphs import in_a_graph
from illusionkit.training.history import Fitted, write_log
from illusionkit.training.session import Session, session

if TYPE_CHECKING:
    import torch
    from accelerate import Accelerator
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

    Loss = float | torch.Tensor


def fit(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    train: Split,
    validation: Split,
    settings: Settings | None = None,
    *,
    log: Path | None = None,
    each_epoch: Callable[[int], None] | None = None,
    checkpoints: Path | None = None,
    every: int | None = None,
) -> Fitted:
    """Train ``model`` in place and return its history.

    The model ends in evaluation mode, on the device it was trained on; with ``restore_best``, with
    the weights of the epoch whose validation loss was lowest. ``log`` names a folder for a
    TensorBoard log; ``each_epoch`` is called with the epoch's number when its scores are known, and
    again if the training is stopped before it has kept that epoch. The global random numbers are
    seeded.

    ``checkpoints`` names a folder in which the training is kept after each epoch, and after each
    ``every`` steps. A training that finds a checkpoint of itself there goes on from it, to the
    same weights as if it had never stopped. Under ``accelerate launch`` every process trains on its
    part of each batch; the gradients are those of the whole batch.

    Raises
    ------
    TrainingError
        Before training: an empty split, labels out of range or not whole, one class only, texts
        that are not text, no known token, more tokens than the model reads, a precision that this
        machine lacks, layers to freeze that the model lacks, checkpoints of another training.
        During training: a loss that is not finite or far too large, one text too many for the
        memory.
    CacheError
        The folder for checkpoints can't be written.
    """
    import pandas as pd
    import torch
    from accelerate.utils import set_seed

    settings = settings or Settings()
    check_training(model, tokenizer, train, validation, settings)
    with session(model, (train, validation), settings, checkpoints, every) as run:
        set_seed(settings.seed, device_specific=run.accelerator.num_processes > 1)
        batches = run.attach(Batches(tokenizer, train, settings))
        judged = run.attach(Batches(tokenizer, validation, settings))
        steps = settings.epochs * len(batches)
        optimizer = torch.optim.AdamW(_groups(model, settings), settings.learning_rate, fused=True)
        schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, slope(settings.warmup, steps))
        run.begin(optimizer, schedule)
        for epoch in range(run.epoch, settings.epochs + 1):
            model.train()
            for rows in run.left(batches.order(epoch)):
                loss = update(run, batches, rows)
                schedule.step()
                run.total += loss * len(rows)
                run.stepped(rows)
            scores = _scores(_probabilities(model, judged, run.accelerator), judged.labels)
            row = {"epoch": epoch, "train_loss": float(run.total) / len(train), **scores}
            run.rows.append({**row, "seconds": run.seconds})
            if require_finite(scores["validation_loss"], epoch) < run.best["loss"]:
                weights = copy.deepcopy(model.state_dict()) if settings.restore_best else None
                run.best = {"loss": scores["validation_loss"], "epoch": epoch, "weights": weights}
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
    loss = backward(run.model, batches, rows, run.accelerator)
    norm = run.accelerator.clip_grad_norm_(run.model.parameters(), run.settings.clip)
    run.require_sound(loss, norm, rows)
    run.optimizer.step()
    run.optimizer.zero_grad()
    return loss


def backward(
    model: torch.nn.Module, batches: Batches, rows: Array, accelerator: Accelerator
) -> Loss:
    """Add up the gradients of a batch's mean loss, and return that loss, in nats.

    The batch goes through the model in as many parts as `Batches.parts` says, and each process
    takes its share of the rows; gradient and loss are those of the whole batch. Where the memory
    does not suffice, the parts are halved and the batch begins anew.

    Raises
    ------
    TrainingError
        The memory does not suffice for a single text; or, with several processes, for a part.
    """
    mine = rows[accelerator.process_index :: accelerator.num_processes]
    while True:
        try:
            return _backward(model, batches, mine, len(rows), accelerator)
        except (RuntimeError, MemoryError) as error:
            if not out_of_memory(error):
                raise
        model.zero_grad()  # outside of `except`: the error holds on to what filled the memory
        if accelerator.num_processes > 1 or not batches.halve(mine):
            raise TrainingError(
                "The memory does not suffice: lower tokens_at_once or max_tokens, or freeze layers."
            )


def _backward(
    model: torch.nn.Module, batches: Batches, mine: Array, size: int, accelerator: Accelerator
) -> Loss:
    """Add up the gradients of some rows of a batch of ``size``; return the whole batch's loss."""
    import torch

    stays = batches.few_lengths and accelerator.device.type == "cuda"  # so that nobody waits for it
    place = accelerator.device if stays else torch.device("cpu")
    total = torch.zeros((), dtype=torch.float64, device=place)
    parts = batches.parts(mine) or [np.zeros(1, dtype=int)]  # to keep pace with the others
    for number, part in enumerate(parts, start=1):
        inputs, labels = batches.batch(part, accelerator.device)
        share = len(part) / size if len(mine) else 0.0
        with nullcontext() if number == len(parts) else accelerator.no_sync(model):
            with accelerator.autocast():
                loss = cross_entropy(model(**inputs).logits, labels)
            # The processes' gradients are averaged, so each counts as often as there are processes.
            accelerator.backward(loss * (share * accelerator.num_processes))
        total += loss.detach().to(place).double() * share
    if accelerator.num_processes > 1:
        total = accelerator.reduce(total.to(accelerator.device), "sum")
    return total if stays else total.item()


def cross_entropy(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """Return the mean cross-entropy, in fp32 or finer; logits (rows, classes), labels (rows,)."""
    import torch

    exact = logits if logits.dtype == torch.float64 else logits.float()
    return torch.nn.functional.cross_entropy(exact, labels)


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
    texts, settings = require_texts(texts), settings or Settings()
    check_length(model, settings)
    batches = Batches(tokenizer, Split(texts, [0] * len(texts)), settings)
    batches.few_lengths = wanted(model.device) and takes_square_masks(model)
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
        return _softmax(model(input_ids=ids, attention_mask=square(mask)))

    if not batches.few_lengths:
        return _softmax(model(**batches.batch(rows, model.device)[0]))
    if batches.scoring is None:
        batches.scoring = Graphs(chances, model.device, after=2)
    return batches.scoring.either(*batches.pinned(rows)[:2])


def _softmax(output: Any) -> torch.Tensor:
    logits: torch.Tensor = output.logits
    return logits.float().softmax(-1)


def evaluate(
    model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, split: Split, settings: Settings
) -> dict[str, float]:
    """Return validation_loss (mean over rows, in nats) and validation_accuracy."""
    chances = probabilities(model, tokenizer, split.texts, settings)
    return _scores(chances, np.asarray(split.labels, dtype=np.int64))


def _scores(chances: Array, labels: Array) -> dict[str, float]:
    """Return loss and accuracy of probabilities (rows, classes)."""
    likely = np.clip(chances[np.arange(len(labels)), labels], 1e-12, None)
    hits = chances.argmax(axis=1) == labels
    return {
        "validation_loss": float(-np.log(likely).mean()),
        "validation_accuracy": float(hits.mean()),
    }


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
