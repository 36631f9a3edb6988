"""Steps of a training on a CUDA GPU: each in a graph of its length, and withheld where unsound.

`training.finetune.update` is what is captured: forward, backward, clipping and the optimiser. The
first batch of each length is trained on without a graph, the second is captured, and all others
are replayed; the numbers are the same to the bit either way, so that a training may change between
the two at any step. What can't be captured is computed without a graph, and `reason` says so.
"""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from illusionkit.arrays import Array
from illusionkit.models.graphs import Graphs, square, wanted
from illusionkit.training.batches import Batches, Settings
from illusionkit.training.checks import DIVERGED, require_sound

if TYPE_CHECKING:
    import torch

    Step = Callable[[Any, Batches, Array], float | torch.Tensor]
    """What `training.finetune.update` is; the first it is given is the `Session`."""

LATER = 16
"""The host looks at the losses of so many steps at a time, while the GPU computes the next."""


def in_a_graph(step: Step) -> Step:
    """Let a step be captured and replayed where the session has graphs; else it is as it was."""

    @functools.wraps(step)
    def replayed(run: Any, batches: Batches, rows: Array) -> float | torch.Tensor:
        if run.graphs is None:
            return step(run, batches, rows)
        return run.graphs.step(step, run, batches, rows)

    return replayed


def why_eager(
    device: torch.device, *, processes: int, frozen: int, squares: Callable[[], bool]
) -> str:
    """Return why a training has no graphs, or "" where it may have them.

    ``frozen`` is the number of frozen layers; ``squares`` is asked last whether the model takes
    masks that can be captured.
    """
    if device.type != "cuda":
        return f"no graphs: the device is {device.type}"
    if not wanted(device):
        return "no graphs: they are not switched on (ILLUSIONKIT_GRAPHS=1)"
    if processes > 1:
        return "no graphs: several processes share each batch"
    if frozen:
        return "no graphs: layers are frozen, and texts come as states of any length"
    if not squares():
        return "no graphs: the model does not take the masks that can be captured"
    return ""


class StepGraphs:
    """The graphs of a training's steps, and the count of the steps that had none, by reason."""

    def __init__(self, device: torch.device, settings: Settings) -> None:
        self._device, self._size = device, settings.batch_size
        self._in_parts = settings.tokens_at_once is not None
        self._graphs: Graphs | None = None
        self._places: list[int] = []
        self._eager: Counter[str] = Counter()

    def step(self, step: Step, run: Any, batches: Batches, rows: Array) -> float | torch.Tensor:
        """Make a step, by a graph where there can be one."""
        if self._graphs is None:
            captured = functools.partial(_captured, step, run)
            self._graphs = Graphs(captured, self._device)
        why = self._why_not(batches, rows)
        loss = None if why else self._graphs(*batches.pinned(rows))
        if loss is not None:
            return loss
        if self._graphs.reason:
            run.forget_gradients()  # a capture that failed may have left some
        self._eager[why or self._graphs.reason or "the first batch of a length"] += 1
        return step(run, batches, rows)

    def check_places(self, model: torch.nn.Module) -> None:
        """Let go of the graphs if the weights lie elsewhere than when they were made."""
        places = [weights.data_ptr() for weights in model.parameters()]
        if self._graphs is not None and places != self._places:
            self._graphs = None
        self._places = places

    def _why_not(self, batches: Batches, rows: Array) -> str:
        if batches.types is not None:
            return "pairs of texts"
        if len(rows) < self._size:
            return "a last batch with fewer rows"
        if len(batches.parts(rows)) == 1:
            return ""
        if not self._in_parts and self._graphs is not None:
            self._graphs.give_up("the memory did not suffice")  # whoever is in need comes first
        return "a batch in parts"

    def close(self) -> None:
        """Give back the memory of the graphs."""
        if self._graphs is not None:
            self._graphs.give_up("the training is over")

    @property
    def reason(self) -> str:
        """Return in words how the steps were made."""
        graphs = self._graphs
        replayed, captured = (graphs.replayed, graphs.captured) if graphs else (0, 0)
        told = f"{replayed} steps by {captured} CUDA graphs"
        return "; ".join([told, *(f"without: {n}, {why}" for why, n in self._eager.items())])


def _captured(
    step: Step, run: Any, ids: torch.Tensor, mask: torch.Tensor, labels: torch.Tensor
) -> torch.Tensor:
    """Make a step on tensors that stay in their places: what a graph holds."""
    loss: Any = step(run, _InPlace(ids, mask, labels), np.arange(len(labels)))  # type: ignore[arg-type]
    return loss


class _InPlace:
    """A batch whose tensors stay where they are, for `training.finetune.backward` to read."""

    def __init__(self, ids: torch.Tensor, mask: torch.Tensor, labels: torch.Tensor) -> None:
        self._batch = {"input_ids": ids, "attention_mask": square(mask)}, labels

    few_lengths = True

    def batch(self, _rows: Array, _device: Any) -> Any:
        return self._batch

    def parts(self, rows: Array) -> list[Array]:
        return [rows]

    def halve(self, _rows: Array) -> bool:
        return False


class Guard:
    """Withholds, on the GPU itself, every update from the first unsound one on.

    Unsound is a loss that is not finite or above `DIVERGED`, and a gradient that is not finite
    (where fp16 is scaled, the scaler passes over that one by itself). The optimiser is told by the
    same flag that loss scaling uses, so that the weights stay those from before the unsound step.
    The host reads losses and norms `LATER` steps at a time, and then stops the training.
    """

    def __init__(self, device: torch.device, optimizer: torch.optim.Optimizer, scaler: Any) -> None:
        import torch

        self._optimizer, self._scaler = optimizer, scaler
        self._unsound = torch.zeros((), device=device)
        self._last = torch.zeros(2, dtype=torch.float64, device=device)
        self._noted: list[tuple[dict[str, Any], torch.Tensor]] = []
        self._sent: tuple[list[dict[str, Any]], torch.Tensor, Any] | None = None

    def withhold(self, loss: torch.Tensor, norm: torch.Tensor | None) -> None:
        """Flag the update if it, or one before it, is unsound. Nothing is waited for."""
        import torch

        self._last[0].copy_(loss)
        sound = loss <= DIVERGED  # false of what is no number
        if norm is not None and self._scaler is None:
            self._last[1].copy_(norm)
            sound = sound & norm.isfinite()
        torch.maximum(self._unsound, (~sound).float(), out=self._unsound)
        if self._scaler is None:
            self._optimizer.found_inf = self._unsound  # type: ignore[attr-defined]
        else:
            for found in self._scaler._found_inf_per_device(self._optimizer).values():
                torch.maximum(found, self._unsound, out=found)

    def note(self, **step: Any) -> None:
        """Remember the step just made, as `checks.require_sound` names it; look at earlier ones.

        Raises
        ------
        TrainingError
            An earlier step was unsound.
        """
        self._noted.append((step, self._last.clone()))
        if len(self._noted) == LATER:
            self._read()
            self._send()

    def look(self) -> None:
        """Look at all steps so far; errors as in `note`."""
        self._read()
        if self._noted:
            self._send()
            self._read()

    def _send(self) -> None:
        """Let the numbers of the steps since be copied while the GPU goes on."""
        import torch

        steps, numbers = zip(*self._noted, strict=True)
        copied = torch.stack(numbers).to("cpu", non_blocking=True)
        done = torch.cuda.current_stream().record_event() if self._last.is_cuda else None
        self._sent = list(steps), copied, done
        self._noted = []

    def _read(self) -> None:
        if self._sent is None:
            return
        steps, numbers, done = self._sent
        if done is not None:
            done.synchronize()
        self._sent = None
        for step, (loss, norm) in zip(steps, numbers.tolist(), strict=True):
            require_sound(loss, **step, norm=norm)
