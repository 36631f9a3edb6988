"""What stands around the training loop: the device, the model made ready, and how far it has come.

`session` opens all of it for one training and puts the model back as it was. A checkpoint holds
weights, the optimiser's moments, the place in the schedule, the random numbers of every process,
how far the epoch has come, and the best weights so far; a training that is started again goes on
from the newest.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from illusionkit import cache
from illusionkit.arrays import Array
from illusionkit.errors import TrainingError
from illusionkit.models.fast_layers import use_fast_layers
from illusionkit.models.graphs import takes_square_masks
from illusionkit.training.batches import Batches, Settings, Split
from illusionkit.training.checkpoints import Checkpoints
from illusionkit.training.checks import require_sound
from illusionkit.training.devices import (
    accelerator_of,
    attention_without_cudnn,
    random_state,
    set_random_state,
    unwrapped_afterwards,
)
from illusionkit.training.frozen_layers import Reuse
from illusionkit.training.graphs import Guard, StepGraphs, why_eager

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
        unwrapped_afterwards(model, accelerator),
    ):
        run = Session(model, settings, accelerator, reuse, kept, every)
        try:
            yield run
        finally:
            if run.graphs is not None:
                run.graphs.close()


class Session:
    """A training in the making: its parts, and how far it has come.

    ``step`` batches of ``epoch`` (from 1) are done, ``steps`` of all epochs; ``total`` is the sum
    of this epoch's losses over rows, ``rows`` the history, ``best`` the epoch, validation loss and
    weights of the best epoch; ``criterion`` gives a batch's loss. From `begin` on ``model`` and
    ``optimizer`` are those to train with: Accelerate has wrapped them.
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
        self.criterion: Any = None
        self.epoch, self.step, self.steps = 1, 0, 0
        self.total: Any = 0.0  # on a GPU a number there, which nobody waits for
        self.rows: list[dict[str, float]] = []
        self.best: dict[str, Any] = {"loss": float("inf"), "epoch": 0, "weights": None}
        self._parts: dict[str, Any] = {"model": model}
        self._guard: Guard | None = None
        self._no_graphs = why_eager(
            accelerator.device,
            processes=accelerator.num_processes,
            frozen=settings.frozen_layers,
            squares=lambda: takes_square_masks(model),
        )
        self.graphs = None if self._no_graphs else StepGraphs(accelerator.device, settings)
        self._checkpoints, self._every = checkpoints, every
        self._began = time.perf_counter()

    @property
    def seconds(self) -> float:
        """Return how long this training has run, all its lives together."""
        return time.perf_counter() - self._began

    @property
    def reason(self) -> str:
        """Return in words by how many CUDA graphs the steps were made, or why by none."""
        return self._no_graphs if self.graphs is None else self.graphs.reason

    def attach(self, batches: Batches) -> Batches:
        """Return ``batches`` as this training reads them: states of frozen layers, few lengths."""
        batches.few_lengths = self.graphs is not None and batches.types is None
        return self.reuse.attach(batches)

    def begin(self, optimizer: torch.optim.Optimizer, schedule: Any) -> None:
        """Wrap model and optimiser, and put everything back as the newest checkpoint has it.

        Raises
        ------
        TrainingError
            The checkpoints are those of another training.
        """
        import torch

        self.model, self.optimizer = self.accelerator.prepare(self.model, optimizer)
        self._parts |= {"optimizer": self.optimizer, "schedule": schedule}
        if self.accelerator.scaler is not None:  # of fp16 on a GPU
            self._parts["scaler"] = self.accelerator.scaler
        if self._checkpoints is not None:
            self._resume(self._checkpoints)
        device = self.accelerator.device
        for group in optimizer.param_groups:
            group["lr"], group["capturable"] = float(group["lr"]), self.graphs is not None
            if self.graphs is not None:  # a graph reads the rate of each step from one place
                group["lr"] = torch.tensor(group["lr"], device=device)
        if self.graphs is not None and device.type == "cuda":
            self._guard = Guard(device, optimizer, self.accelerator.scaler)

    def epochs(self) -> Iterator[int]:
        """Yield the epochs that are left, until ``patience`` of them brought nothing better."""
        patience = self.settings.patience or self.settings.epochs
        while self.epoch <= self.settings.epochs and self.epoch - self.best["epoch"] <= patience:
            yield self.epoch

    def left(self, order: list[Array]) -> Iterator[Array]:
        """Yield the batches of this epoch that are still to do, under a bar that shows it."""
        from tqdm import tqdm

        if self.graphs is not None:
            self.graphs.check_places(self.model)
        quiet = os.environ.get("ILLUSIONKIT_STRICT") == "1"
        yield from tqdm(order[self.step :], desc=f"epoch {self.epoch}", disable=quiet, leave=False)
        if self._guard is not None:
            self._guard.look()

    def require_sound(self, loss: Any, norm: torch.Tensor | None, rows: Array) -> None:
        """Raise `TrainingError` if no step can be made with the loss and gradient of a batch.

        ``norm`` is the gradient's. Where fp16 is scaled, the scaler passes over one that is not
        finite. A CUDA GPU withholds the step by itself, and the error comes some steps later.
        """
        if self._guard is not None:
            self._guard.withhold(loss, norm)
        else:
            known = None if norm is None or self.accelerator.scaler else float(norm)
            require_sound(loss, **self._named(rows), norm=known)

    def _named(self, rows: Array) -> dict[str, Any]:
        """Return what an error says of the step that is made now."""
        rate = self.settings.learning_rate
        return {"step": self.steps + 1, "epoch": self.epoch, "rows": rows, "rate": rate}

    def forget_gradients(self) -> None:
        """Put optimiser and loss scaling back to before a step that was not made to its end."""
        self.optimizer.zero_grad()
        if self.accelerator.scaler is not None:
            self.accelerator.scaler._per_optimizer_states.clear()

    def stepped(self, rows: Array) -> None:
        """Count the step on a batch, and keep a checkpoint if it is time for one.

        Raises
        ------
        TrainingError
            A step before this one was unsound, on a GPU: see `require_sound`.
        """
        if self._guard is not None:
            self._guard.note(**self._named(rows))
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

        if self._guard is not None:
            self._guard.look()
        self.total = float(self.total)
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


def training_key(
    model: PreTrainedModel,
    splits: tuple[Split, Split],
    settings: Settings,
    accelerator: Accelerator,
) -> str:
    """Return a hash of what a training is: its data, settings, model and number of processes."""
    import torch

    rows = [
        [list(part.texts), np.asarray(part.labels).tolist(), list(part.second or [])]
        for part in splits
    ]
    trained = [name for name, weights in model.named_parameters() if weights.requires_grad]
    shape = model.config.to_json_string()
    asked = json.dumps([rows, asdict(settings), accelerator.num_processes, trained, shape])
    tensors = [
        tensor.detach().cpu().contiguous().flatten().view(torch.uint8).numpy().tobytes()
        for _, tensor in sorted(model.state_dict().items())
    ]
    return cache.digest(asked, *tensors)
