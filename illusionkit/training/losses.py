"""What a training minimises, and what is said of it after an epoch.

Classes by cross-entropy, weighted by class if that is asked for; one output alone is a number, by
its squared error, as `transformers` has it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from illusionkit.arrays import Array
from illusionkit.training.batches import Settings, Split
from illusionkit.training.checks import own_scores, require_class_weights

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel

    Criterion = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]
    Metrics = Callable[[Array, Array], Mapping[str, float]]


def criterion_of(model: PreTrainedModel, train: Split, settings: Settings) -> Criterion:
    """Return what is minimised: a function of a batch's logits and labels, a mean over its rows.

    Weights of classes lie on the model's device.

    Raises
    ------
    TrainingError
        Weights that do not fit the classes; "balanced" where a class has no training row.
    """
    import torch

    if model.config.num_labels == 1:
        return squared_error
    if settings.class_weights is None:
        return cross_entropy
    found = class_weights(settings.class_weights, train.labels, int(model.config.num_labels or 0))
    weights = torch.tensor(found, dtype=torch.float32, device=model.device)
    return partial(weighted, weights=weights)


def class_weights(asked: Any, labels: Any, classes: int) -> Array:
    """Return a weight for each class, shape (classes,): as given, or "balanced".

    Balanced weights are n / (classes · n of the class), those of scikit-learn: their mean over the
    training rows is 1, so that the learning rate means what it meant. Errors as in `criterion_of`.
    """
    from sklearn.utils.class_weight import compute_class_weight

    require_class_weights(asked, labels, classes)
    if isinstance(asked, str):
        rows = np.asarray(labels, dtype=np.int64)
        return np.asarray(compute_class_weight(asked, classes=np.arange(classes), y=rows))
    return np.asarray(asked, dtype=float)


def cross_entropy(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """Return the mean cross-entropy, in fp32 or finer; logits (rows, classes), labels (rows,)."""
    import torch

    return torch.nn.functional.cross_entropy(_exact(logits), labels)


def weighted(logits: torch.Tensor, labels: torch.Tensor, *, weights: torch.Tensor) -> torch.Tensor:
    """Return the mean over rows of cross-entropy times the weight of the row's class.

    Divided by the number of rows, and not by the sum of their weights as in PyTorch: a batch that
    goes in parts then has the gradient of the whole.
    """
    import torch

    each = torch.nn.functional.cross_entropy(_exact(logits), labels, reduction="none")
    return (each * weights[labels]).mean()


def squared_error(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """Return the mean squared error; logits (rows, 1), labels (rows,)."""
    import torch

    exact = _exact(logits)[:, 0]
    return torch.nn.functional.mse_loss(exact, labels.to(exact.dtype))


def _exact(logits: torch.Tensor) -> torch.Tensor:
    import torch

    return logits if logits.dtype == torch.float64 else logits.float()


def said(logits: torch.Tensor) -> torch.Tensor:
    """Return the probability of each class, shape (rows, classes); of one output, its value."""
    exact = logits.float()
    return exact if exact.shape[-1] == 1 else exact.softmax(-1)


def scores(said: Array, labels: Array, metrics: Metrics | None = None) -> dict[str, float]:
    """Return validation_loss, never weighted, and what is right, of `said` (rows, classes).

    Of classes the mean loss in nats and the accuracy; of one output the mean squared error and
    validation_error, the mean absolute one. Then what a reader's ``metrics`` says of both.
    """
    if said.shape[1] == 1:
        gaps = said[:, 0] - labels
        losses, name, right = gaps**2, "validation_error", np.abs(gaps)
    else:
        losses = -np.log(np.clip(said[np.arange(len(labels)), labels], 1e-12, None))
        name, right = "validation_accuracy", said.argmax(axis=1) == labels
    found = {"validation_loss": float(losses.mean()), name: float(right.mean())}
    return found if metrics is None else {**found, **own_scores(metrics, labels, said, found)}
