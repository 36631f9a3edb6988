"""The gradient of a batch: in as many parts as the memory needs, shared by all processes."""

from __future__ import annotations

from contextlib import nullcontext
from typing import TYPE_CHECKING

import numpy as np

from illusionkit.arrays import Array
from illusionkit.errors import TrainingError
from illusionkit.training.batches import Batches
from illusionkit.training.checks import out_of_memory
from illusionkit.training.losses import cross_entropy

if TYPE_CHECKING:
    import torch
    from accelerate import Accelerator

    from illusionkit.training.losses import Criterion

    Loss = float | torch.Tensor


def backward(
    model: torch.nn.Module,
    batches: Batches,
    rows: Array,
    accelerator: Accelerator,
    criterion: Criterion = cross_entropy,
) -> Loss:
    """Add up the gradients of a batch's mean loss, and return that loss; cross-entropy is in nats.

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
            return _backward(model, batches, mine, len(rows), accelerator, criterion)
        except (RuntimeError, MemoryError) as error:
            if not out_of_memory(error):
                raise
        model.zero_grad()  # outside of `except`: the error holds on to what filled the memory
        if accelerator.num_processes > 1 or not batches.halve(mine):
            raise TrainingError(
                "The memory does not suffice: lower tokens_at_once or max_tokens, or freeze layers."
            )


def _backward(
    model: torch.nn.Module,
    batches: Batches,
    mine: Array,
    size: int,
    accelerator: Accelerator,
    criterion: Criterion,
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
                loss = criterion(model(**inputs).logits, labels)
            # The processes' gradients are averaged, so each counts as often as there are processes.
            accelerator.backward(loss * (share * accelerator.num_processes))
        total += loss.detach().to(place).double() * share
    if accelerator.num_processes > 1:
        total = accelerator.reduce(total.to(accelerator.device), "sum")
    return total if stays else total.item()
