"""The device of a training: Accelerate asked for it, the model given back plain, random numbers."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

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
def unwrapped_afterwards(model: PreTrainedModel, accelerator: Accelerator) -> Iterator[None]:
    """Take off, at the end, what `Accelerator.prepare` put around the model for 16 bits."""
    try:
        yield
    finally:
        accelerator.unwrap_model(model, keep_fp32_wrapper=False)
        vars(model).pop("forward", None)  # the class has it; this one is left behind


@contextmanager
def attention_without_cudnn(device: torch.device | str) -> Iterator[None]:
    """Let attention on a CUDA GPU take batches of any length without delay, inside the block.

    In 16 bits PyTorch gives attention to cuDNN on some GPUs, which plans anew for each length that
    it meets first. Other ways to compute it take any length at once.
    """
    import torch

    before = torch.backends.cuda.cudnn_sdp_enabled()
    torch.backends.cuda.enable_cudnn_sdp(before and torch.device(device).type != "cuda")
    try:
        yield
    finally:
        torch.backends.cuda.enable_cudnn_sdp(before)


def random_state() -> dict[str, Any]:
    """Return where this process's random numbers stand: of Python, NumPy and torch."""
    import torch

    kind, keys, place, has_gauss, gauss = np.random.get_state()
    version, numbers, following = random.getstate()
    return {
        "python": [version, list(numbers), following],
        "numpy": [kind, [int(word) for word in keys], int(place), int(has_gauss), float(gauss)],
        "torch": torch.get_rng_state(),
        "cuda": torch.cuda.get_rng_state_all() if torch.cuda.is_available() else [],
    }


def set_random_state(state: Mapping[str, Any]) -> None:
    """Put this process's random numbers where they stood."""
    import torch

    version, numbers, following = state["python"]
    random.setstate((version, tuple(numbers), following))
    kind, keys, *rest = state["numpy"]
    np.random.set_state((kind, np.array(keys, dtype=np.uint32), *rest))
    torch.set_rng_state(state["torch"].cpu())
    if state["cuda"]:
        torch.cuda.set_rng_state_all([one.cpu() for one in state["cuda"]])
