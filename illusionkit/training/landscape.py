"""The loss as a landscape over the weights, seen along one direction at a time.

After Li et al. 2018 (arXiv:1712.09913). Used in chapter 4.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from illusionkit.errors import TrainingError

if TYPE_CHECKING:
    import torch

    Weights = Mapping[str, torch.Tensor]


def weights(model: torch.nn.Module) -> dict[str, torch.Tensor]:
    """Return a copy of a model's trained weights by name; tied ones stand once."""
    return {name: weight.detach().clone() for name, weight in model.named_parameters()}


def way(start: Weights, end: Weights) -> dict[str, torch.Tensor]:
    """Return the direction from ``start`` to ``end``: start + 1 · way is the end."""
    return {name: end[name] - weight for name, weight in start.items()}


def random_way(like: Weights, *, seed: int = 0) -> dict[str, torch.Tensor]:
    """Return a random direction that is as long as ``like`` in each weight matrix."""
    import torch

    generator = torch.Generator().manual_seed(seed)
    direction = {}
    for name, moved in like.items():
        drawn = torch.randn(moved.shape, generator=generator).to(moved.device)
        direction[name] = drawn * (moved.norm() / drawn.norm().clamp(min=1e-12))
    return direction


def along(
    model: torch.nn.Module,
    origin: Weights,
    direction: Weights,
    places: Sequence[float],
    loss: Callable[[], float],
) -> list[float]:
    """Return the loss at origin + place · direction, for each place.

    ``loss`` is called with the model's weights set; afterwards they are as they were, even if it
    fails.

    Raises
    ------
    TrainingError
        Origin and direction do not have the model's weights.
    """
    import torch

    before, losses = weights(model), []
    if not before.keys() == origin.keys() == direction.keys():
        raise TrainingError("Origin and direction must have the weights of this model, by name.")

    def set_to(wanted: Weights, shift: float) -> None:
        with torch.no_grad():
            for name, weight in model.named_parameters():
                weight.copy_(wanted[name] + shift * direction[name] if shift else wanted[name])

    try:
        for place in places:
            set_to(origin, place)
            losses.append(loss())
    finally:
        set_to(before, 0.0)
    return losses
