"""The one small task in PyTorch: probe, last layer, and the loop over them. Used in chapter 7."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from illusionkit.arrays import Array


def train(model: Any, rows: Sequence[Any], rate: float, batch: int) -> list[float]:
    """Return the loss of every step of plain SGD, the rows in their order, the labels last."""
    import torch
    from torch.nn.functional import cross_entropy
    from torch.utils.data import DataLoader, TensorDataset

    sgd = torch.optim.SGD(model.parameters(), lr=rate)
    losses = []
    for *inputs, labels in DataLoader(TensorDataset(*rows), batch):
        loss = cross_entropy(model(*inputs), labels)
        sgd.zero_grad()
        loss.backward()
        sgd.step()
        losses.append(loss.item())
    return losses


def probe(width: int, classes: int) -> Any:
    """Return a linear probe with weights of zero."""
    import torch

    head = torch.nn.Linear(width, classes)
    with torch.no_grad():
        head.weight.zero_()
        head.bias.zero_()
    return head


def last_layer(weights: Mapping[str, Array]) -> Any:
    """Return the encoder's last layer under a head: (states, mask) to scores (rows, classes).

    No part drops out, in training mode neither.
    """
    import torch

    from illusionkit.models.encoders import encoder

    class Tail(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = encoder()[0].encoder.layer[-1]
            self.head = torch.nn.Linear(*weights["head.weight"].shape[::-1])
            given = {name: torch.tensor(each) for name, each in weights.items()}
            self.head.load_state_dict({k: given.pop(f"head.{k}") for k in ("weight", "bias")})
            self.layer.load_state_dict(given)

        def forward(self, states: Any, mask: Any) -> Any:
            hidden = self.layer(states, (1.0 - mask[:, None, None, :]) * -1e9)
            hidden = hidden[0] if isinstance(hidden, tuple) else hidden  # before version 5
            shown = mask[:, :, None]
            return self.head((hidden * shown).sum(1) / shown.sum(1))

    tail = Tail()
    for part in tail.modules():
        if isinstance(part, torch.nn.Dropout):
            part.p = 0.0
        if hasattr(part, "dropout_prob"):  # where older versions of transformers keep it
            part.dropout_prob = 0.0
    return tail


def tensors(*arrays: Array) -> list[Any]:
    """Return arrays as tensors: labels as they are, features, states and masks in fp32."""
    import torch

    return [torch.tensor(each if each.ndim == 1 else each.astype(np.float32)) for each in arrays]


def held(model: Any) -> tuple[Array, Array]:
    """Return a probe's weight (classes, width) and bias."""
    return model.weight.detach().numpy().copy(), model.bias.detach().numpy().copy()


def untold(rows: Sequence[Any], batch: int, classes: int) -> tuple[Any, list[float]]:
    """Train a probe for an epoch with PyTorch's defaults but for the batch; return it, losses."""
    import torch
    from torch.nn.functional import cross_entropy
    from torch.utils.data import DataLoader, TensorDataset

    head, losses = torch.nn.Linear(rows[0].shape[1], classes), []
    sgd = torch.optim.SGD(head.parameters())
    for features, labels in DataLoader(TensorDataset(*rows), batch):
        loss = cross_entropy(head(features), labels)
        sgd.zero_grad()
        loss.backward()
        sgd.step()
        losses.append(loss.item())
    return head, losses
