"""Frozen layers: what they make of a text is computed once, and only the layers above are run.

Fine-tuning often leaves the lowest layers of a model as they are. What comes out of them is then
the same in every epoch: `Reuse` computes it once, keeps it in memory, and trains the rest.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from illusionkit.errors import TrainingError
from illusionkit.training.batches import Batches

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel

FAMILIES = {
    "bert": "encoder",
    "camembert": "encoder",
    "distilbert": "transformer",
    "roberta": "encoder",
    "xlm-roberta": "encoder",
}
"""The kinds of model whose layers can be frozen, and where each holds its layers."""


class Reuse:
    """A classifier without its embeddings and its lowest ``layers`` layers, for a time.

    Inside of ``with`` the model holds, and trains, only what lies above; it reads the states that
    `attach` puts into batches, not words. Its ``state_dict`` then counts the layers that are left,
    from 0. What is frozen has no dropout. Afterwards the model is whole again: the same modules and
    parameters, with ``requires_grad`` as it was. With 0 layers nothing is done at all.

    Raises
    ------
    TrainingError
        The model is of none of the `FAMILIES`, or has fewer layers.
    """

    def __init__(self, model: PreTrainedModel, layers: int) -> None:
        self._model = model
        self._number = layers
        if not layers:
            return
        from torch.nn import ModuleList

        self._base: Any = model.base_model
        self._holder: Any = _holder(model, layers)
        self._embeddings: Any = self._base.embeddings
        self._all: torch.nn.ModuleList = self._holder.layer
        self._lower = ModuleList(list(self._all)[:layers])
        self._upper = ModuleList(list(self._all)[layers:])

    def __enter__(self) -> Reuse:
        if self._number:
            self._trained = [parameter.requires_grad for parameter in self._below()]
            for parameter in self._below():
                parameter.requires_grad_(False)
            self._put(_passing(), self._upper)
        return self

    def __exit__(self, *_: object) -> None:
        if self._number:
            self._put(self._embeddings, self._all)
            for parameter, trained in zip(self._below(), self._trained, strict=True):
                parameter.requires_grad_(trained)

    def attach(self, batches: Batches) -> Batches:
        """Give ``batches`` the states of its texts after the frozen layers, and return it.

        One tensor a text, shape (tokens, width), fp32, in the memory of the computer: 4 bytes a
        number, 1.5 kB a token for the packaged encoder. Computed without dropout and gradients, the
        longest texts first, and in no more tokens at once than the settings of ``batches`` allow.
        """
        import torch

        if not self._number:
            return batches
        batches.states = None
        states: dict[int, torch.Tensor] = {}
        with self._made_of(self._lower), _evaluated(self._base), torch.no_grad():
            parts = [part for rows in batches.by_length() for part in batches.parts(rows)]
            for part in parts:
                inputs, _ = batches.batch(part, self._model.device)
                outputs = self._base(**inputs)[0].float().cpu()
                masks = inputs["attention_mask"].bool().cpu()
                for row, state, mask in zip(part, outputs, masks, strict=True):
                    states[int(row)] = state[mask]  # a copy, without the padding
        batches.states = [states[row] for row in range(len(states))]
        return batches

    @contextmanager
    def whole(self) -> Iterator[None]:
        """Put the model together for a time, for those who ask it about texts."""
        if not self._number:
            yield
            return
        with self._made_of(self._all):
            yield

    @contextmanager
    def _made_of(self, layers: torch.nn.ModuleList) -> Iterator[None]:
        """Let the model have its embeddings and these layers, and then again what it has now."""
        before = self._base.embeddings, self._holder.layer
        self._put(self._embeddings, layers)
        try:
            yield
        finally:
            self._put(*before)

    def _put(self, embeddings: torch.nn.Module, layers: torch.nn.ModuleList) -> None:
        """Exchange the parts; what comes back follows the model to its device and mode."""
        device, training = self._model.device, self._model.training
        back = embeddings is self._embeddings is not self._base.embeddings
        self._base.embeddings, self._holder.layer = embeddings, layers
        if back:
            self._all.training = training
            for part in (self._embeddings, self._lower):
                part.to(device).train(training)

    def _below(self) -> list[torch.nn.Parameter]:
        return [*self._embeddings.parameters(), *self._lower.parameters()]


def _holder(model: PreTrainedModel, layers: int) -> Any:
    """Return the module that holds the layers, or raise unless that many can be frozen."""
    kind = model.config.model_type
    if kind not in FAMILIES:
        raise TrainingError(
            f"Layers can be frozen in {', '.join(FAMILIES)}, not in {kind}: set frozen_layers to 0."
        )
    holder = getattr(model.base_model, FAMILIES[kind])
    if not 0 <= layers <= len(holder.layer):
        raise TrainingError(
            f"The model has {len(holder.layer)} layers: 0 to {len(holder.layer)} of them can be "
            f"frozen, not {layers}."
        )
    return holder


def _passing() -> torch.nn.Module:
    """Return a module in the place of the embeddings that hands on what it gets."""
    from torch import Tensor, nn

    class Passing(nn.Module):
        def forward(
            self, input_ids: Any = None, inputs_embeds: Tensor | None = None, *_: Any, **__: Any
        ) -> Tensor:
            if inputs_embeds is None:
                raise TrainingError("The lowest layers are put aside: ask inside of Reuse.whole().")
            return inputs_embeds

    return Passing()


@contextmanager
def _evaluated(module: torch.nn.Module) -> Iterator[None]:
    """Put a module and all its parts into evaluation mode, and then each into its own again."""
    modes = [(part, part.training) for part in module.modules()]
    module.eval()
    try:
        yield
    finally:
        for part, training in modes:
            part.training = training
