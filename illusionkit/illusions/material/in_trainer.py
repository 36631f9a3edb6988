"""The one small task in Transformers' `Trainer`, told everything or nothing. Used in chapter 7."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from typing import Any


def train(model: Any, rows: Sequence[Any], rate: float, batch: int) -> list[float]:
    """Return the loss of every step of plain SGD, the rows in their order, the labels last."""
    import torch
    from torch.nn.functional import cross_entropy
    from torch.utils.data import DataLoader, TensorDataset
    from transformers import PrinterCallback, Trainer, TrainingArguments

    class Told(Trainer):
        def get_train_dataloader(self) -> Any:
            return DataLoader(self.train_dataset, batch)

        def compute_loss(self, model: Any, given: Any, *rest: Any, **named: Any) -> Any:
            loss = cross_entropy(model(*given[:-1]), given[-1])
            losses.append(loss.item())
            return loss

    losses: list[float] = []
    sgd = torch.optim.SGD(model.parameters(), lr=rate)
    flat = torch.optim.lr_scheduler.LambdaLR(sgd, lambda step: 1.0)
    asked = TrainingArguments(num_train_epochs=1, max_grad_norm=0, **quiet())
    told = Told(model, asked, train_dataset=TensorDataset(*rows), optimizers=(sgd, flat))
    told.remove_callback(PrinterCallback)
    told.train()
    return losses


def untold(
    rows: Sequence[Any], classes: int, **asked: Any
) -> tuple[Any, list[float], list[dict[str, float]]]:
    """Train a probe for an epoch with the defaults; return it, its losses, and the log.

    ``asked`` are arguments of `TrainingArguments`, in place of their defaults. The probe's first
    weights are drawn by the `Trainer`, after it has set its own seed.
    """
    import torch
    from transformers import PrinterCallback, Trainer, TrainingArguments

    class Probe(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.head = torch.nn.Linear(rows[0].shape[1], classes)

        def forward(self, features: Any, labels: Any) -> dict[str, Any]:
            scores = self.head(features)
            loss = torch.nn.functional.cross_entropy(scores, labels)
            losses.append(loss.item())
            return {"loss": loss, "logits": scores}

    losses: list[float] = []
    table = [{"features": x, "labels": y} for x, y in zip(*rows, strict=True)]
    told = TrainingArguments(**{"num_train_epochs": 1, **quiet(), **asked})
    trainer = Trainer(args=told, train_dataset=table, model_init=Probe)
    trainer.remove_callback(PrinterCallback)
    trainer.train()
    return trainer.model.head, losses, trainer.state.log_history


def quiet() -> dict[str, Any]:
    """Return arguments that keep the `Trainer` on the CPU, and from writing and from bars."""
    return {
        "output_dir": tempfile.mkdtemp(), "use_cpu": True, "report_to": "none",
        "save_strategy": "no", "disable_tqdm": True,
    }  # fmt: skip
