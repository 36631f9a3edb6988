"""Features of a frozen encoder: computed once, kept on disk."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from illusionkit import cache
from illusionkit.errors import DataError
from illusionkit.meaning import code_hash
from illusionkit.models import fast_layers

if TYPE_CHECKING:
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


def require_texts(texts: Sequence[str]) -> list[str]:
    """Return the texts as a list, or raise `DataError` if they are none, or not all text."""
    given = [] if isinstance(texts, str) else list(texts)
    if not given or not all(isinstance(text, str) for text in given):
        raise DataError("A list of at least one text is needed, and nothing but texts.")
    broken = next((i for i, text in enumerate(given) if not _is_unicode(text)), None)
    if broken is not None:
        raise DataError(f"Text {broken} holds half a character (a lone surrogate): mend it first.")
    return given


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def encode(
    texts: Sequence[str], model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase
) -> NDArray[np.float32]:
    """Return the mean of the model's last hidden layer over each text's tokens, in fp32.

    Texts of like length share a batch, so that little is spent on padding.
    """
    import torch

    order = sorted(range(len(texts)), key=lambda i: len(texts[i]), reverse=True)
    means = np.empty((len(texts), model.config.hidden_size), dtype=np.float32)
    with torch.inference_mode():
        for start in range(0, len(order), BATCH):
            rows = order[start : start + BATCH]
            batch = tokenizer(
                [texts[i] for i in rows],
                padding=True,
                truncation=True,
                max_length=MAX_TOKENS,
                return_tensors="pt",
            ).to(model.device)
            hidden = model(**batch).last_hidden_state
            mask = batch["attention_mask"].unsqueeze(-1)
            means[rows] = ((hidden * mask).sum(1) / mask.sum(1)).float().cpu().numpy()
    return means


def fingerprint(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase) -> str:
    """Return a hash of all weights and of the vocabulary."""
    total = hashlib.sha256()
    for name, tensor in sorted(model.state_dict().items()):
        total.update(name.encode())
        total.update(tensor.detach().cpu().contiguous().numpy().tobytes())
    for word, number in sorted(tokenizer.get_vocab().items()):
        total.update(f"{word}\t{number}\n".encode())
    return total.hexdigest()
