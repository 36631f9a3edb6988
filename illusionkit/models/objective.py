"""The BERT objective, from tensors up: sentence pairs, masking, and the two losses.

`W = argmin L(W)` of the source document's §4.1, where L is the sum of `masked_language_loss` and
`next_sentence_loss` (Devlin et al. 2019, arXiv:1810.04805). The page `bert-objective` of chapter 4
writes these functions down; a test holds page and module to the same code. What checks the input
stands below them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from illusionkit.errors import DataError, ModelError, TrainingError

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    import torch
    from transformers import PreTrainedTokenizerBase

IGNORED = -100
"""The label of a place where nothing is to be guessed, as in the reference implementation."""
COLUMNS = ("text", "document", "position", "unit")


def sentence_pairs(table: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """Return one pair of sentences for each two consecutive ones; half get a stranger as second.

    ``table`` is a corpus with the columns text, document, position and unit: rows of a document
    whose positions differ by 1 are consecutive. Columns of the result: first, second, unit, and
    label, 0 = the second follows the first, 1 = it was drawn from another unit. A document of one
    sentence begins no pair; its sentence may be drawn as a stranger. Used in chapter 4.

    Raises
    ------
    DataError
        A column is missing, a text is none, a position stands twice, no two sentences are
        consecutive, or there is one unit only and so no stranger.
    """
    import numpy as np
    import pandas as pd

    check_sentences(table)
    rows = table.sort_values(["document", "position"], ignore_index=True)
    after = rows.shift(-1)
    follows = (rows["document"] == after["document"]) & (after["position"] == rows["position"] + 1)
    columns = {"first": rows["text"], "second": after["text"], "unit": rows["unit"]}
    pairs = pd.DataFrame(columns)[follows].reset_index(drop=True)
    pairs["label"] = (rng.random(len(pairs)) < 0.5).astype(int)
    for pair in np.flatnonzero(pairs["label"]):
        strangers = np.flatnonzero(rows["unit"] != pairs["unit"][pair])
        pairs.loc[pair, "second"] = rows["text"][rng.choice(strangers)]
    return pairs


def mask_tokens(
    ids: torch.Tensor, tokenizer: PreTrainedTokenizerBase, generator: torch.Generator | None = None
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return what the model sees and what it has to guess; both of the shape of ``ids``.

    ``ids`` (rows, tokens) are word numbers on the CPU. 15 % of the places are chosen, each by
    itself; special tokens ([CLS], [SEP], [PAD], [UNK], [MASK]) never are. A chosen token is shown
    as [MASK] (80 %), as a random word (10 %) or as it is (10 %); its label is its own number, and
    `IGNORED` stands everywhere else. In a short row nothing may be chosen, and of padding only
    nothing is. Used in chapter 4.

    Raises
    ------
    ModelError
        The vocabulary has no [MASK].
    TrainingError
        ``ids`` is no whole-number tensor, or a number is not in the vocabulary.
    """
    import torch

    check_tokens(ids, tokenizer)
    special = torch.isin(ids, torch.tensor(tokenizer.all_special_ids))
    chosen = (torch.rand(ids.shape, generator=generator) < 0.15) & ~special
    labels = ids.where(chosen, IGNORED)
    dice = torch.rand(ids.shape, generator=generator)
    words = torch.randint(len(tokenizer), ids.shape, generator=generator)
    seen = ids.where(~chosen | (dice >= 0.8), tokenizer.mask_token_id)
    seen = seen.where(~chosen | (dice < 0.9), words)
    return seen, labels


def nats(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """Return how surprised a model is by each label: minus the log of its probability, in nats.

    Logits (…, classes), labels (…); the result has the shape of the labels. Used in chapter 4.
    """
    right = logits.gather(-1, labels.unsqueeze(-1)).squeeze(-1)
    return logits.logsumexp(-1) - right


def masked_language_loss(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """Return the mean surprise, in nats, over the places that are to be guessed.

    Logits (…, words), labels (…): whole numbers, `IGNORED` where nothing is to be guessed. Where
    that is everywhere, the loss is 0 and so is its gradient: a batch without a mask teaches
    nothing. (The mean over nothing, which the reference implementation takes, is nan, and would
    spoil every weight.) Used in chapter 4.

    Raises
    ------
    TrainingError
        The labels are no whole-number tensor, of another shape than the logits, or out of range.
    """
    check_labels(labels, logits)
    chosen = labels != IGNORED
    surprise = nats(logits[chosen], labels[chosen])
    return surprise.sum() / max(1, len(surprise))


def next_sentence_loss(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """Return the mean surprise, in nats, over the pairs of a batch.

    Logits (pairs, 2), labels (pairs,): 0 = the second sentence follows, 1 = it is a stranger.
    Every pair needs a label. Used in chapter 4.

    Raises
    ------
    TrainingError
        There is no pair, or the labels are no whole numbers, of another shape, or not 0 or 1. True
        and False are refused: the reference's 0 means "follows".
    """
    check_labels(labels, logits, every=True)
    return nats(logits, labels).mean()


def check_sentences(table: pd.DataFrame) -> None:
    """Raise `DataError` unless `sentence_pairs` can draw pairs and strangers from the table."""
    missing = [name for name in COLUMNS if name not in table.columns]
    if missing:
        raise DataError(f"Sentence pairs need the column {missing[0]!r}: is this a corpus?")
    if not all(isinstance(text, str) for text in table["text"]):
        raise DataError("A sentence is missing or no text: drop those rows first.")
    if table.duplicated(["document", "position"]).any():
        raise DataError("Two sentences claim one position of one document: pair one corpus a time.")
    if table["unit"].nunique() < 2:
        raise DataError("A stranger comes from another unit, and there is one unit at most.")
    places = set(zip(table["document"], table["position"], strict=True))
    if not any((document, position + 1) in places for document, position in places):
        raise DataError("No two sentences are consecutive: every document has one, or gaps only.")


def check_tokens(ids: torch.Tensor, tokenizer: PreTrainedTokenizerBase) -> None:
    """Raise unless `mask_tokens` can mask these word numbers (its errors)."""
    if tokenizer.mask_token_id is None:
        raise ModelError(
            "This vocabulary has no [MASK], so nothing can be masked: take the tokenizer of a "
            "masked language model, such as the packaged encoder's."
        )
    _require_whole(ids, "The word numbers")
    if ids.numel() and not 0 <= int(ids.min()) <= int(ids.max()) < len(tokenizer):
        raise TrainingError(
            f"Word numbers must lie in 0 to {len(tokenizer) - 1}; these lie in {int(ids.min())} to "
            f"{int(ids.max())}. Masking comes before labels: is this a tensor of labels?"
        )


def check_labels(labels: torch.Tensor, logits: torch.Tensor, *, every: bool = False) -> None:
    """Raise `TrainingError` unless there is a fitting label for the logits of each place.

    With ``every`` no place may be ignored, and there must be at least one.
    """
    _require_whole(labels, "Labels")
    if logits.shape[:-1] != labels.shape or logits.ndim < 1:
        raise TrainingError(
            f"Logits {tuple(logits.shape)} need labels {tuple(logits.shape[:-1])}, one a place, "
            f"not {tuple(labels.shape)}."
        )
    given = labels if every else labels[labels != IGNORED]
    if every and not len(given):
        raise TrainingError("There is no pair in this batch: a next-sentence loss needs one.")
    if given.numel() and not 0 <= int(given.min()) <= int(given.max()) < logits.shape[-1]:
        ignored = "" if every else f", or be {IGNORED}"
        raise TrainingError(
            f"Labels must lie in 0 to {logits.shape[-1] - 1}{ignored}; these lie in "
            f"{int(given.min())} to {int(given.max())}."
        )


def _require_whole(values: Any, what: str) -> None:
    """Raise `TrainingError` unless ``values`` is a tensor of whole numbers."""
    import torch

    kind = values.dtype if isinstance(values, torch.Tensor) else type(values).__name__
    if kind != torch.int64:
        raise TrainingError(
            f"{what} must be a tensor of whole numbers (torch.long), not {kind}: convert it, and "
            "say first what its numbers mean."
        )
