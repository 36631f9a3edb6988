"""Accelerate, asked for what `illusionkit.precision` chooses, and the model given back plain."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from illusionkit.precision import choose

if TYPE_CHECKING:
    from accelerate import Accelerator
    from transformers import PreTrainedModel


def accelerator_of(precision: str) -> Accelerator:
    """Return an Accelerator for this device and precision (errors: `illusionkit.precision.choose`).

    Processes that ``accelerate launch`` started find each other here.
    """
    from accelerate import Accelerator
    from accelerate.state import AcceleratorState

    choice = choose(precision)
    AcceleratorState._reset_state()  # else the precision of the last training would be kept
    return Accelerator(mixed_precision=choice.mixed, cpu=choice.device == "cpu")


@contextmanager
def as_it_was(model: PreTrainedModel, accelerator: Accelerator) -> Iterator[None]:
    """Take off, at the end, what `Accelerator.prepare` put around the model for 16 bits."""
    try:
        yield
    finally:
        accelerator.unwrap_model(model, keep_fp32_wrapper=False)
        vars(model).pop("forward", None)  # the class has it; this one is left behind
