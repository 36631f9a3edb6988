"""What stands around the training loop: the device, the model made ready, and how far it has come.

`session` opens all of it for one training and puts the model back as it was. A checkpoint holds
weights, the optimiser's moments, the place in the schedule, the random numbers of every process,
how far the epoch has come, and the best weights so far; a training that is started again goes on
from the newest.
"""

from __future__ import annotations

import json
import os
import random
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from illusionkit import cache
from illusionkit.arrays import Array
from illusionkit.errors import TrainingError
from illusionkit.models.fast_layers import use_fast_layers
from illusionkit.models.precision import choose
from illusionkit.training.batches import Settings, Split
from illusionkit.training.checkpoints import Checkpoints
from illusionkit.training.checks import require_sound
from illusionkit.training.frozen_layers import Reuse

if TYPE_CHECKING:
    import torch
    from accelerate import Accelerator
    from transformers import PreTrainedModel

PROGRESS = ("epoch", "step", "total", "seconds", "rows", "best")
"""The attributes of a `Session` that say how far a training has come."""


@contextmanager
def session(
    model: PreTrainedModel,
    splits: tuple[Split, Split],
    settings: Settings,
    checkpoints: Path | None = None,
    every: int | None = None,
) -> Iterator[Session]:
    """Make ``model`` ready to be trained, on the device and in the precision that are chosen.

    It is moved there, stripped of its frozen layers, and given fast layers and an attention that
    takes batches of any length; the folder of ``checkpoints`` is held. Afterwards, or after an
    error, the model is whole and plain again, on that device.

    Raises
    ------
    TrainingError
        A precision that this machine lacks, layers to freeze that the model lacks, ``every``
        without a folder or below 1, a folder that another training holds.
    CacheError
        The folder can't be written.
    """
    if every is not None and (every < 1 or checkpoints is None):
        raise TrainingError(
            f"`every` counts the steps between two checkpoints, from 1, not {every}; `checkpoints` "
            "names the folder to keep them in."
        )
    accelerator = accelerator_of(settings.precision)
    key = training_key(model, splits, settings, accelerator) if checkpoints else ""
    with (
        Reuse(model.to(accelerator.device), settings.frozen_layers) as reuse,
        use_fast_layers(model, accelerator.device),
        attention_without_cudnn(accelerator.device),
        _checkpoints_in(checkpoints, key, accelerator) as kept,
        _unwrapped_afterwards(model, accelerator),
    ):
        yield Session(model, settings, accelerator, reuse, kept, every)


class Session:
    """A training in the making: its parts, and how far it has come.

    ``step`` batches of ``epoch`` (from 1) are done, ``steps`` of all epochs; ``total`` is the sum
    of this epoch's losses over rows, ``rows`` the history, ``best`` the epoch, validation loss and
    weights of the best epoch. From `begin` on ``model`` and ``optimizer`` are those to train with:
    Accelerate has wrapped them.
    """

    def __init__(
        self,
        model: PreTrainedModel,
        settings: Settings,
        accelerator: Accelerator,
        reuse: Reuse,
        checkpoints: Checkpoints | _Elsewhere | None,
        every: int | None,
    ) -> None:
        self.settings, self.accelerator, self.reuse = settings, accelerator, reuse
        self.model: Any = model
        self.optimizer: Any = None
        self.epoch, self.step, self.steps = 1, 0, 0
        self.total = 0.0
        self.rows: list[dict[str, float]] = []
        self.best: dict[str, Any] = {"loss": float("inf"), "epoch": 0, "weights": None}
        self._parts: dict[str, Any] = {"model": model}
        self._checkpoints, self._every = checkpoints, every
        self._began = time.perf_counter()

    @property
    def seconds(self) -> float:
        """Return how long this training has run, all its lives together."""
        return time.perf_counter() - self._began

    def begin(self, optimizer: torch.optim.Optimizer, schedule: Any) -> None:
        """Wrap model and optimiser, and put everything back as the newest checkpoint has it.

        Raises
        ------
        TrainingError
            The checkpoints are those of another training.
        """
        self.model, self.optimizer = self.accelerator.prepare(self.model, optimizer)
        self._parts |= {"optimizer": self.optimizer, "schedule": schedule}
        if self.accelerator.scaler is not None:  # of fp16 on a GPU
            self._parts["scaler"] = self.accelerator.scaler
        if self._checkpoints is not None:
            self._resume(self._checkpoints)

    def left(self, order: list[Array]) -> Iterable[Array]:
        """Return the batches of this epoch that are still to do, under a bar that shows it."""
        from tqdm import tqdm

        quiet = os.environ.get("ILLUSIONKIT_STRICT") == "1"
        return tqdm(order[self.step :], desc=f"epoch {self.epoch}", disable=quiet, leave=False)

    def require_sound(self, loss: float, norm: torch.Tensor | None, rows: Array) -> None:
        """Raise `TrainingError` if no step can be made with the loss and gradient of a batch.

        ``norm`` is the gradient's. Where fp16 is scaled, the scaler passes over one that is not
        finite.
        """
        scaled = norm is None or self.accelerator.scaler is not None
        require_sound(
            loss,
            step=self.steps + 1,
            epoch=self.epoch,
            rows=rows,
            rate=self.settings.learning_rate,
            norm=None if scaled else float(norm),
        )

    def stepped(self) -> None:
        """Count a step, and keep a checkpoint if it is time for one."""
        self.steps += 1
        self.step += 1
        if self._every is not None and self.steps % self._every == 0:
            self._save()

    def next_epoch(self) -> None:
        """Begin the next epoch, and keep a checkpoint of its beginning."""
        self.epoch, self.step, self.total = self.epoch + 1, 0, 0.0
        if self._checkpoints is not None:
            self._save()

    def _resume(self, checkpoints: Checkpoints | _Elsewhere) -> None:
        from accelerate.utils import broadcast_object_list

        (state,) = broadcast_object_list([checkpoints.newest()])
        if state is None:
            return
        for name, part in self._parts.items():
            part.load_state_dict(state[name])
        set_random_state(state["random"][self.accelerator.process_index])
        progress = state["progress"]
        self._began -= progress.pop("seconds")
        vars(self).update(progress, steps=state["steps"])

    def _save(self) -> None:
        from accelerate.utils import gather_object

        everyones = gather_object([random_state()])
        if isinstance(self._checkpoints, Checkpoints):
            state = {name: part.state_dict() for name, part in self._parts.items()}
            state["progress"] = {name: getattr(self, name) for name in PROGRESS}
            state |= {"random": everyones, "steps": self.steps}
            self._checkpoints.save(self.steps, state)


class _Elsewhere:
    """The checkpoints that another process, the main one, holds."""

    def newest(self) -> None:
        """Return nothing: the main process has it."""


@contextmanager
def _checkpoints_in(
    folder: Path | None, key: str, accelerator: Accelerator
) -> Iterator[Checkpoints | _Elsewhere | None]:
    """Yield the checkpoints in ``folder``, held by the main process; None without a folder."""
    if folder is None or not accelerator.is_main_process:
        yield None if folder is None else _Elsewhere()
        return
    with Checkpoints(folder, key) as checkpoints:
        yield checkpoints


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
def _unwrapped_afterwards(model: PreTrainedModel, accelerator: Accelerator) -> Iterator[None]:
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


def training_key(
    model: PreTrainedModel,
    splits: tuple[Split, Split],
    settings: Settings,
    accelerator: Accelerator,
) -> str:
    """Return a hash of what a training is: its data, settings, model and number of processes."""
    import torch

    rows = [[list(part.texts), [int(k) for k in part.labels]] for part in splits]
    trained = [name for name, weights in model.named_parameters() if weights.requires_grad]
    shape = model.config.to_json_string()
    asked = json.dumps([rows, asdict(settings), accelerator.num_processes, trained, shape])
    tensors = [
        tensor.detach().cpu().contiguous().flatten().view(torch.uint8).numpy().tobytes()
        for _, tensor in sorted(model.state_dict().items())
    ]
    return cache.digest(asked, *tensors)


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
