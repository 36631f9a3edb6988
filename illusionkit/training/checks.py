"""What stops a training: splits it can't use, a loss that is none, a memory that is too small."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from illusionkit.arrays import Array
from illusionkit.errors import DataError, TrainingError
from illusionkit.models.needs import require_texts
from illusionkit.training.batches import Settings, Split

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

DIVERGED = 50.0  # nats: a model that puts 1e-21 on the right class has lost its way
NAMED = 8  # rows of a batch that an error names
FULL = (
    "CUDA error: out of memory",
    "MPS backend out of memory",
    "DefaultCPUAllocator: can't allocate memory",
)


def check_training(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    train: Split,
    validation: Split,
    settings: Settings,
) -> None:
    """Raise `TrainingError` unless the model can train on one split and be judged on another."""
    check_padding(tokenizer)
    check_task(model)
    check_split(model, tokenizer, train, name="training")
    check_split(model, tokenizer, validation, name="validation")
    check_length(model, settings)


def check_split(
    model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, split: Split, *, name: str
) -> None:
    """Raise `TrainingError` unless ``split`` can be trained or judged on."""
    if not len(split) or len(split.texts) != len(split.labels):
        sizes = f"{len(split.texts)} texts, {len(split.labels)} labels"
        raise TrainingError(f"The {name} split needs as many labels as texts, at least 1: {sizes}.")
    try:
        require_texts(split.texts)
    except DataError as error:
        raise TrainingError(f"The texts of the {name} split can't be read. {error}") from error
    check_second(split)
    classes = int(model.config.num_labels or 0)
    if classes == 1:
        _check_amounts(split, name)
    else:
        _check_classes(split, name, classes)
    _check_known(tokenizer, split, name)


def check_second(split: Split) -> None:
    """Raise `TrainingError` unless each text has another one beside it, or none has."""
    if split.second is None:
        return
    if isinstance(split.second, str) or len(split.second) != len(split.texts):
        raise TrainingError(
            f"{len(split.texts)} texts need as many second ones, not {len(split.second)}: one for "
            "each pair."
        )
    try:
        require_texts(split.second)
    except DataError as error:
        raise TrainingError(f"The second texts of the pairs can't be read. {error}") from error


def check_task(model: PreTrainedModel) -> None:
    """Raise `TrainingError` unless a row has one class, or one number where there is one output."""
    asked, outputs = model.config.problem_type, int(model.config.num_labels or 0)
    offered = "regression" if outputs == 1 else "single_label_classification"
    if asked not in (None, offered):
        raise TrainingError(
            f"With {outputs} outputs `fit` trains for {offered}, not for {asked}: set "
            "model.config.problem_type to None; one output learns a number, more learn a class."
        )


def _check_amounts(split: Split, name: str) -> None:
    """Raise unless the labels are finite numbers, and those to train on of a size to be learned."""
    try:
        amounts = np.asarray(split.labels, dtype=float)
    except (TypeError, ValueError):
        amounts = np.full(1, np.nan)
    if amounts.ndim != 1 or not np.isfinite(amounts).all():
        raise TrainingError(
            f"The {name} labels must be finite numbers, one a text, for a model with one output; "
            "some are missing or not: drop those rows."
        )
    if name != "training":
        return
    if np.ptp(amounts) == 0:
        raise TrainingError("All training labels are one number, there is nothing to learn.")
    if float((amounts**2).mean()) > DIVERGED:
        raise TrainingError(
            f"The training labels lie around {amounts.mean():.4g}, {amounts.std():.4g} apart, and "
            "an output begins at 0: learn (label - mean) / deviation, and turn it back afterwards."
        )


def _check_classes(split: Split, name: str, classes: int) -> None:
    """Raise unless the labels are classes of the model, and more than one to train on."""
    labels = _whole(split, name)
    if labels.min() < 0 or labels.max() >= classes:
        where = f"they lie in {labels.min():g} to {labels.max():g}"
        blank = int((labels == -1).sum())
        said = f" {blank} are -1: leave rows out that nobody labelled." if blank else ""
        raise TrainingError(f"The {name} labels must lie in 0 to {classes - 1}; {where}.{said}")
    if name == "training" and len(np.unique(labels)) < 2:
        raise TrainingError(
            "The training split has one class only, there is nothing to learn: draw it anew."
        )


def _whole(split: Split, name: str) -> Array:
    """Return the labels as numbers, shape (rows,), or raise unless they are whole numbers."""
    try:
        labels = np.asarray(split.labels, dtype=float)
        text = np.asarray(split.labels).dtype.kind in "US"  # float("1") would be let through
    except (TypeError, ValueError):
        labels, text = np.zeros(1), True
    whole = np.isfinite(labels).all() and not (labels % 1).any()
    if text or labels.ndim != 1 or not whole:
        raise TrainingError(
            f"The {name} labels must be whole numbers from 0, one a text; some are missing or not: "
            "drop those rows, or number the classes (training.own_data.labelled does)."
        )
    return labels


def check_length(model: PreTrainedModel, settings: Settings) -> None:
    """Raise `TrainingError` if the settings allow longer texts than the model can read."""
    longest = readable(model, settings.max_tokens)
    if settings.max_tokens > longest:
        raise TrainingError(
            f"The model reads {longest} tokens, not {settings.max_tokens}: "
            f"set max_tokens={longest}."
        )


def readable(model: PreTrainedModel, unbounded: int) -> int:
    """Return how many tokens a model reads; ``unbounded`` where it has no table of positions.

    RoBERTa and its like count positions from behind that of padding, and read that many fewer.
    """
    longest = int(getattr(model.config, "max_position_embeddings", unbounded))
    tables = (part for name, part in model.named_modules() if name.endswith("position_embeddings"))
    skipped = next((getattr(table, "padding_idx", None) for table in tables), None)
    return longest if skipped is None else longest - int(skipped) - 1


def check_padding(tokenizer: PreTrainedTokenizerBase) -> None:
    """Raise `TrainingError` unless the tokenizer can fill texts up to one length."""
    if tokenizer.pad_token is None:
        raise TrainingError(
            "The tokenizer has no token to fill texts up with: set tokenizer.pad_token (for many "
            "models tokenizer.eos_token will do) and model.config.pad_token_id."
        )


def _check_known(tokenizer: PreTrainedTokenizerBase, split: Split, name: str) -> None:
    """Raise unless some text has a token that the vocabulary knows."""
    special = set(tokenizer.all_special_ids)
    for text in split.texts:
        if set(tokenizer(text, truncation=True, max_length=512)["input_ids"]) - special:
            return
    raise TrainingError(
        f"No text of the {name} split has a token that the vocabulary knows: is it in the language "
        "of the model?"
    )


def require_sound(
    loss: float,
    *,
    step: int,
    epoch: int,
    rows: Sequence[int] | Array,
    rate: float | None = None,
    norm: float | None = None,
) -> float:
    """Return the loss of one step, or raise if the training can't go on from there.

    ``loss`` is the mean cross-entropy over the rows of the batch, in nats; ``step`` and ``epoch``
    count from 1, steps through all epochs; ``rows`` are the row numbers of the batch; ``rate`` is
    the learning rate and ``norm`` the norm of the gradient, where they are known. Where fp16 is
    scaled, leave ``norm`` out: the scaler itself passes over a gradient that is not finite.

    Raises
    ------
    TrainingError
        The loss is not finite, or above `DIVERGED`; or it is sound and the gradient not finite.
    """
    where = f"in epoch {epoch} (step {step}{_named(rows)})"
    if not math.isfinite(loss) or loss > DIVERGED:
        raise TrainingError(f"The loss became {loss} {where}: {_advice(step, rate)}")
    if norm is not None and not math.isfinite(norm):
        raise TrainingError(
            f"The loss is {loss:.4g}, but the gradient is not finite {where}: {_advice(step, rate)}"
        )
    return loss


def _named(rows: Sequence[int] | Array) -> str:
    """Return the row numbers in words: ", rows 5, 9 and 12", the first 8 and how many more."""
    names = [str(int(row)) for row in rows[:NAMED]]
    if len(rows) > NAMED:
        names.append(f"{len(rows) - NAMED} more")
    if len(names) < 2:
        return "".join(f", row {name}" for name in names)
    return f", rows {', '.join(names[:-1])} and {names[-1]}"


def _advice(step: int, rate: float | None) -> str:
    """Return what to do; before the first step nothing has been changed by the training."""
    if step == 1:
        return (
            "nothing was trained yet, so the cause is the weights of the model or the texts of "
            "this batch: look at them."
        )
    return f"try a lower learning rate{'' if rate is None else f' than {rate:g}'}."


def out_of_memory(error: BaseException) -> bool:
    """Tell whether an error says that the memory of the GPU or of the computer was too small."""
    import torch

    kinds = (MemoryError, getattr(torch, "OutOfMemoryError", torch.cuda.OutOfMemoryError))
    if isinstance(error, kinds):
        return True
    return isinstance(error, RuntimeError) and any(words in str(error) for words in FULL)


def require_class_weights(asked: Any, labels: Any, classes: int) -> None:
    """Raise `TrainingError` unless ``asked`` is "balanced" or a weight above 0 for each class."""
    if isinstance(asked, str):
        missing = sorted(set(range(classes)) - {int(label) for label in labels})
        if asked != "balanced" or missing:
            why = f"classes {missing} have no training row" if missing else f"not {asked!r}"
            raise TrainingError(f'Class weights are "balanced" or a number a class; {why}.')
        return
    try:
        given = np.asarray(asked, dtype=float)
    except (TypeError, ValueError):
        given = np.zeros(0)
    if given.shape != (classes,) or not (np.isfinite(given).all() and (given > 0).all()):
        raise TrainingError(f"{classes} class weights are needed, each above 0, not {asked!r}.")


def own_scores(
    metrics: Callable[[Array, Array], Mapping[str, float]],
    labels: Array,
    chances: Array,
    row: Mapping[str, float],
) -> dict[str, float]:
    """Return what a reader's ``metrics`` says of an epoch, or raise `TrainingError`.

    It is to be a mapping of names that ``row`` does not have to numbers.
    """
    found = metrics(labels, chances)
    try:
        scores = {str(name): float(value) for name, value in found.items()}
    except (AttributeError, TypeError, ValueError):
        raise TrainingError(
            f"`metrics` must return numbers by name, such as {{'kappa': 0.4}}, not {found!r}."
        ) from None
    taken = sorted(set(scores) & {*row, "epoch", "train_loss", "seconds"})
    if taken:
        raise TrainingError(f"The history has {', '.join(taken)} already: name it otherwise.")
    return scores


def require_finite(loss: float, epoch: int) -> float:
    """Return the validation loss of an epoch, or raise `TrainingError` if it is not finite."""
    if not math.isfinite(loss):
        raise TrainingError(f"The loss became {loss} in epoch {epoch}: try a lower learning rate.")
    return loss
