"""What TensorBoard keeps of a training's losses, and what it draws of them. Used in chapter 7."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from illusionkit.illusions.material import in_pytorch


def train(model: Any, rows: Sequence[Any], rate: float, batch: int) -> list[float]:
    """Return the losses of PyTorch's loop as they come back from a log of them."""
    with tempfile.TemporaryDirectory() as folder:
        return logged(in_pytorch.train(model, rows, rate, batch), folder)


def logged(losses: Sequence[float], folder: str) -> list[float]:
    """Return losses as they come back from a log that was written into a folder."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
    from torch.utils.tensorboard import SummaryWriter

    with SummaryWriter(folder) as writer:
        for step, loss in enumerate(losses):
            writer.add_scalar("loss", loss, step)
    read = EventAccumulator(folder).Reload()
    return [event.value for event in read.Scalars("loss")]


def shown(losses: Sequence[float], folder: str, most: int = 1000) -> list[int]:
    """Return the steps that TensorBoard keeps of a log: at most 1,000 a curve by default.

    ``most`` is what ``--samples_per_plugin scalars=…`` says.
    """
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    logged(losses, folder)
    read = EventAccumulator(folder, size_guidance={"scalars": most}).Reload()
    return [event.step for event in read.Scalars("loss")]


def slider() -> float:
    """Return where TensorBoard's slider for smoothing stands at first, by its own page."""
    import re
    import zipfile

    import tensorboard

    packed = Path(tensorboard.__file__).with_name("webfiles.zip")
    with zipfile.ZipFile(packed) as files:
        found = re.findall(rb"scalarSmoothing:(\d*\.\d+),", files.read("index.js"))
    return float(found[0])
