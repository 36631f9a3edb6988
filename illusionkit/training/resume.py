"""What a training needs to go on where it stopped, and the checkpoints that keep it.

A checkpoint holds weights, the optimiser's moments, the place in the schedule, the random numbers
of every process, how far the epoch has come, and the best weights so far. `training.finetune`
asks for one after steps and epochs; a training that is started again goes on from the newest.
"""

from __future__ import annotations

import json
import random
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from illusionkit import cache
from illusionkit.errors import TrainingError
from illusionkit.training.batches import Settings, Split
from illusionkit.training.checkpoints import Checkpoints

if TYPE_CHECKING:
    from accelerate import Accelerator
    from transformers import PreTrainedModel


@dataclass
class Progress:
    """How far a training has come: ``step`` batches of ``epoch`` (from 1) are done.

    ``total`` is the sum of this epoch's losses over rows, ``rows`` the history, ``seconds`` how
    long the training ran before it was started anew, ``best`` the epoch, validation loss and
    weights of the best epoch.
    """

    epoch: int = 1
    step: int = 0
    total: float = 0.0
    seconds: float = 0.0
    rows: list[dict[str, float]] = field(default_factory=list)
    best: dict[str, Any] = field(
        default_factory=lambda: {"loss": float("inf"), "epoch": 0, "weights": None}
    )


class Keeper:
    """Keeps a training's progress: in memory, and in checkpoints if those are ``wanted``.

    ``checkpoints`` is None in all processes but the main one. ``parts`` are what has a state of its
    own (``state_dict`` and ``load_state_dict``). ``steps`` counts those of all epochs.
    """

    def __init__(
        self,
        checkpoints: Checkpoints | None,
        accelerator: Accelerator,
        parts: Mapping[str, Any],
        *,
        wanted: bool,
        every: int | None,
    ) -> None:
        self._checkpoints = checkpoints
        self._wanted = wanted
        self._every = every
        self._accelerator = accelerator
        self._parts = dict(parts)
        if accelerator.scaler is not None:  # of fp16 on a GPU
            self._parts["scaler"] = accelerator.scaler
        self.progress = Progress()
        self._began = time.perf_counter()
        self.steps = 0

    @property
    def seconds(self) -> float:
        """Return how long this training has run, all its lives together."""
        return self.progress.seconds + time.perf_counter() - self._began

    def resume(self) -> Progress:
        """Return the progress to go on from, with everything put back as it was then.

        Raises
        ------
        TrainingError
            The checkpoints are those of another training.
        """
        from accelerate.utils import broadcast_object_list

        if not self._wanted:
            return self.progress
        found = [self._checkpoints.newest() if self._checkpoints else None]
        (state,) = broadcast_object_list(found)
        if state is not None:
            for name, part in self._parts.items():
                part.load_state_dict(state[name])
            set_random_state(state["random"][self._accelerator.process_index])
            self.progress = Progress(**state["progress"])
            self.steps = state["steps"]
        return self.progress

    def stepped(self) -> None:
        """Count a step, and keep a checkpoint if it is time for one."""
        self.steps += 1
        self.progress.step += 1
        if self._every is not None and self.steps % self._every == 0:
            self._save()

    def next_epoch(self) -> None:
        """Begin the next epoch, and keep a checkpoint of its beginning."""
        self.progress.epoch, self.progress.step = self.progress.epoch + 1, 0
        self.progress.total = 0.0
        if self._wanted:
            self._save()

    def _save(self) -> None:
        from accelerate.utils import gather_object

        everyones = gather_object([random_state()])
        if self._checkpoints is None:
            return
        progress = {one.name: getattr(self.progress, one.name) for one in fields(self.progress)}
        progress["seconds"] = self.seconds
        state = {name: part.state_dict() for name, part in self._parts.items()}
        state |= {"progress": progress, "random": everyones, "steps": self.steps}
        self._checkpoints.save(self.steps, state)


@contextmanager
def kept_in(
    folder: Path | None, key: str, accelerator: Accelerator
) -> Iterator[Checkpoints | None]:
    """Yield the checkpoints in ``folder``, held by the main process; None without a folder."""
    if folder is None or not accelerator.is_main_process:
        yield None
        return
    with Checkpoints(folder, key) as checkpoints:
        yield checkpoints


def check_every(folder: Path | None, every: int | None) -> None:
    """Raise `TrainingError` unless checkpoints are asked for in a way that makes sense."""
    if every is not None and (every < 1 or folder is None):
        raise TrainingError(
            f"`every` counts the steps between two checkpoints, from 1, not {every}; `checkpoints` "
            "names the folder to keep them in."
        )


def training_key(
    model: PreTrainedModel,
    train: Split,
    validation: Split,
    settings: Settings,
    accelerator: Accelerator,
) -> str:
    """Return a hash of what a training is: its data, settings, model and number of processes."""
    import torch

    rows = [[list(part.texts), [int(k) for k in part.labels]] for part in (train, validation)]
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
