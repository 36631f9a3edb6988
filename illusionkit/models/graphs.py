"""CUDA graphs: what a GPU computes for batches of one shape, recorded once and replayed.

On a GPU a small model waits for Python, which asks for a thousand small computations a step. A
graph asks for all of them at once. A batch of new length would need a new graph, so texts are
padded up to a few lengths. Nothing here is used on a CPU.

Switched off by default: it is to be measured on a GPU first. ``ILLUSIONKIT_GRAPHS=1`` in the
environment switches it on.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from illusionkit.errors import TrainingError

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel

STEPS = ((128, 16), (256, 32), (2**30, 64))
"""Up to how many tokens lengths lie so far apart: 8 lengths up to 128 tokens, 16 up to 512."""
AGREE = 1e-3
"""Logits of the two kinds of mask may differ by this; fp32 products on a GPU round to 1e-4."""


def wanted(device: torch.device) -> bool:
    """Tell whether graphs are switched on and the device could replay them."""
    return device.type == "cuda" and os.environ.get("ILLUSIONKIT_GRAPHS") == "1"


def padded_length(tokens: int, most: int) -> int:
    """Return the length that a batch whose longest text has so many tokens is padded to.

    At least ``tokens``, at most ``most`` (which texts are cut at); always a multiple of 16, 32 or
    64, by `STEPS`, or ``most`` itself.
    """
    apart = next(step for last, step in STEPS if tokens <= last)
    return min(most, -(-tokens // apart) * apart)


def square(mask: torch.Tensor) -> torch.Tensor:
    """Return a mask (rows, tokens) as bool for each pair of tokens, (rows, 1, tokens, tokens).

    Of a mask of two dimensions models ask whether it hides anything at all, and the answer would
    have to come back from the GPU before they go on. No memory is taken: it is a view.
    """
    rows, tokens = mask.shape
    return mask.bool()[:, None, None, :].expand(rows, 1, tokens, tokens)


def takes_square_masks(model: PreTrainedModel) -> bool:
    """Tell whether a model computes the same with a `square` mask: it is tried, on two texts."""
    import torch

    ids = torch.arange(32, device=model.device).reshape(2, 16) % (model.config.vocab_size or 1)
    mask = torch.ones_like(ids)
    mask[1, 8:] = 0
    training = model.training
    try:
        with torch.inference_mode():
            model.eval()
            usual, squared = (model(ids, attention_mask=m)[0] for m in (mask, square(mask)))
        return torch.allclose(usual, squared, atol=AGREE)
    except (RuntimeError, ValueError, TypeError, IndexError):
        return False
    finally:
        model.train(training)


class Graphs:
    """A function of tensors on a GPU, and a CUDA graph of it for each of the shapes it is given.

    ``function`` computes on the GPU alone: it neither waits for it nor changes anything else. All
    graphs share one pool of memory, since only one of them runs at a time: together they take what
    the largest takes. ``reason`` says why there are no graphs any more, once something forbids
    them; those that were made are given up then, and their memory with them.

    Parameters
    ----------
    after
        How many times a shape is to be met, and computed without a graph, before it gets one. The
        first time is needed: libraries make themselves ready in it.
    """

    def __init__(
        self, function: Callable[..., torch.Tensor], device: torch.device, *, after: int = 1
    ) -> None:
        self._function, self._device, self._after = function, device, after
        self._met: dict[Any, int] = {}
        self._made: dict[Any, tuple[Any, tuple[torch.Tensor, ...], torch.Tensor]] = {}
        self.captured, self.replayed = 0, 0
        self.reason = ""

    def __call__(self, *given: torch.Tensor) -> torch.Tensor | None:
        """Return the function of tensors on the CPU, in pinned memory, or None without a graph."""
        key = tuple(tensor.shape for tensor in given)
        if self.reason or (key not in self._made and not self._capture(key, given)):
            return None
        graph, places, result = self._made[key]
        for place, tensor in zip(places, given, strict=True):
            place.copy_(tensor, non_blocking=True)
        graph.replay()
        self.replayed += 1
        return result.clone()

    def either(self, *given: torch.Tensor) -> torch.Tensor:
        """Return the function of tensors on the CPU, by a graph where there is one."""
        pinned = [tensor.pin_memory() for tensor in given]
        result = self(*pinned)
        if result is None:
            result = self._function(*(tensor.to(self._device) for tensor in pinned))
        return result

    def _capture(self, key: Any, given: tuple[torch.Tensor, ...]) -> bool:
        """Make the graph of a shape, unless it is new; tell whether there is one now."""
        import torch

        self._met[key] = self._met.get(key, 0) + 1
        if self._met[key] <= self._after:
            return False
        places = tuple(tensor.to(self._device, copy=True) for tensor in given)
        graph = torch.cuda.CUDAGraph()
        pool = next((made.pool() for made, *_ in self._made.values()), None)
        generator = torch.cuda.default_generators[self._device.index or 0]
        before = generator.clone_state()
        here = torch.cuda.current_stream()  # a capture that fails does not come back from its own
        try:
            with (
                torch.cuda.stream(here),
                torch.cuda.graph(graph, pool=pool, capture_error_mode="thread_local"),
            ):
                result = self._function(*places)
        except (RuntimeError, TrainingError) as error:
            _end_capture(graph, self._device.index or 0)
            generator.graphsafe_set_state(before)
            self.give_up(f"it can't be captured ({str(error).splitlines()[0]})")
            return False
        self._made[key] = (graph, places, result)
        self.captured += 1
        return True

    def give_up(self, reason: str) -> None:
        """Let go of all graphs and their memory, and make no more."""
        import torch

        self.reason = reason
        self._made.clear()
        torch.cuda.empty_cache()


def _end_capture(graph: Any, device: int) -> None:
    """Let the memory go that a capture reserved which failed on the way.

    PyTorch ends a capture in steps, and leaves those after the failure out: the pool stays open,
    as does the generator of random numbers.
    """
    import torch

    for end in (torch._C._cuda_endAllocateToPool, torch._C._cuda_releasePool):
        with suppress(RuntimeError):  # it was done, or there is no pool
            end(device, graph.pool())
