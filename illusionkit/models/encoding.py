"""Features of a frozen encoder: computed once, kept on disk."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from illusionkit import cache
from illusionkit.meaning import code_hash
from illusionkit.models import fast_layers
from illusionkit.models.graphs import Graphs, square, takes_square_masks, wanted
from illusionkit.models.needs import require_texts

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

MAX_TOKENS = 128
BATCH = 64


def features(texts: Sequence[str], name: str = "packaged") -> NDArray[np.float32]:
    """Return one row of frozen features a text: the mean of the encoder's last layer.

    Shape (texts, width), width 384 for the packaged encoder. Texts are cut at 128 tokens; on a CPU
    the encoder gets the layers of `models.fast_layers`. Kept in the cache under a key of weights,
    vocabulary, texts and the code that encodes; a damaged or foreign file is made anew. Used in
    chapters 3 and 5.

    Raises
    ------
    DataError
        No texts, one text instead of a list, or something that is no valid text.
    ModelError
        The encoder can't be loaded.
    """
    from illusionkit.models import encoders

    texts = require_texts(texts)
    model, tokenizer = encoders.encoder(name)
    code = code_hash(encode, fast_layers.use_fast_layers)
    key = cache.digest("features", code, fingerprint(model, tokenizer), *texts)

    def make() -> dict[str, NDArray[Any]]:
        with fast_layers.use_fast_layers(model, model.device):
            return {"features": encode(texts, model, tokenizer)}

    return cache.arrays("features", key, make)["features"]


def encode(
    texts: Sequence[str], model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase
) -> NDArray[np.float32]:
    """Return the mean of the model's last hidden layer over each text's tokens, in fp32.

    Texts of like length share a batch, so that little is spent on padding.
    """
    import torch

    def mean(ids: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        return _mean(model, mask, input_ids=ids, attention_mask=square(mask))

    able = wanted(model.device) and takes_square_masks(model)
    graphs = Graphs(mean, model.device, after=2) if able else None
    order = sorted(range(len(texts)), key=lambda i: len(texts[i]), reverse=True)
    means = np.empty((len(texts), model.config.hidden_size), dtype=np.float32)
    with torch.inference_mode():
        for start in range(0, len(order), BATCH):
            rows = order[start : start + BATCH]
            batch = tokenizer(
                [texts[i] for i in rows],
                padding=True,
                pad_to_multiple_of=16 if graphs else None,
                truncation=True,
                max_length=MAX_TOKENS,
                return_tensors="pt",
            )
            given = batch["input_ids"], batch["attention_mask"]
            means[rows] = (
                _mean(model, batch.to(model.device)["attention_mask"], **batch)
                if graphs is None
                else graphs.either(*given)
            ).cpu()
    return means


def _mean(model: PreTrainedModel, mask: torch.Tensor, **inputs: torch.Tensor) -> torch.Tensor:
    """Return the mean of the last hidden layer over the tokens that ``mask`` (rows, tokens) has."""
    hidden = model(**inputs).last_hidden_state
    shown = mask.unsqueeze(-1)
    return ((hidden * shown).sum(1) / shown.sum(1)).float()


def fingerprint(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase) -> str:
    """Return a hash of all weights and of the vocabulary."""
    total = hashlib.sha256()
    for name, tensor in sorted(model.state_dict().items()):
        total.update(name.encode())
        total.update(tensor.detach().cpu().contiguous().numpy().tobytes())
    for word, number in sorted(tokenizer.get_vocab().items()):
        total.update(f"{word}\t{number}\n".encode())
    return total.hexdigest()
