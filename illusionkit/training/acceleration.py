"""Accelerate, asked for what `models.precision` chooses, and the model given back plain."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from illusionkit.models.precision import choose

if TYPE_CHECKING:
    import torch
    from accelerate import Accelerator
    from transformers import PreTrainedModel


def accelerator_of(precision: str) -> Accelerator:
    """Return an Accelerator for this device and precision (errors: `models.precision.choose`).

    Processes that ``accelerate launch`` started find each other here.
    """
    from accelerate import Accelerator
    from accelerate.state import AcceleratorState
    from torch import distributed

    choice = choose(precision)
    joined = distributed.is_available() and distributed.is_initialized()
    # Else precision and device of the last training would be kept. Joined processes stay so.
    AcceleratorState._reset_state(reset_partial_state=not joined)
    return Accelerator(mixed_precision=choice.mixed, cpu=choice.device == "cpu")


@contextmanager
def as_it_was(model: PreTrainedModel, accelerator: Accelerator) -> Iterator[None]:
    """Take off, at the end, what `Accelerator.prepare` put around the model for 16 bits."""
    try:
        yield
    finally:
        accelerator.unwrap_model(model, keep_fp32_wrapper=False)
        vars(model).pop("forward", None)  # the class has it; this one is left behind


@contextmanager
def any_length(device: torch.device | str) -> Iterator[None]:
    """Let attention on a CUDA GPU take batches of any length without delay, inside the block.

    In 16 bits PyTorch gives attention to cuDNN on some GPUs, which plans anew for each length that
    it meets first. Other ways to compute it take any length at once.
    """
    import torch

    if torch.device(device).type != "cuda":
        yield
        return
    before = torch.backends.cuda.cudnn_sdp_enabled()
    torch.backends.cuda.enable_cudnn_sdp(False)
    try:
        yield
    finally:
        torch.backends.cuda.enable_cudnn_sdp(before)
