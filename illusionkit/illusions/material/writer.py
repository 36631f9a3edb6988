"""A small language model writes film reviews; what is kept of them is a table without texts.

``python -m illusionkit.illusions.material.writer`` makes ``results/derived/written-reviews.json``.
Drawn words differ from one CPU to the next, so that a second run elsewhere gives other texts: the
table is kept, and pinned by its hash in `written`.

The prompt names what the label is, a kind of film and what to write of; the answer's first words
are given, the same for both labels. This was fixed before any classifier was trained on what came,
after two other prompts had been read for sense: without first words the model rambles, and asked
for the review of a critic it writes of critics. Used in chapter 8.
"""

from __future__ import annotations

import hashlib
import json
import re
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from illusionkit import cache
from illusionkit.data import corpora
from illusionkit.data.slips import words_of
from illusionkit.experiment.provenance import machine
from illusionkit.illusions.material import language_model, written
from illusionkit.illusions.material.copied import RUN, Sources
from illusionkit.models import encoding

ASKED = ("negative", "positive")
FILMS = (
    "comedy", "drama", "thriller", "romance", "horror film", "documentary", "western", "war film",
)  # fmt: skip
ABOUT = (
    "story", "acting", "ending", "direction", "humour", "characters", "dialogue", "photography",
)  # fmt: skip
PROMPT = "Write one sentence of a {asked} review of a {film}. The sentence is about the {about}."
START = "The {about} of this {film}"
EACH = 5
END = re.compile(r"(?<=[.!?])[\"”']?(?=\s|$)")


def asked() -> pd.DataFrame:
    """Return what is asked for: ``label``, ``prompt`` and ``start`` of each text, in order."""
    rows = []
    for _, film, about, (label, word) in product(range(EACH), FILMS, ABOUT, enumerate(ASKED)):
        names = {"asked": word, "film": film, "about": about}
        rows.append((label, PROMPT.format(**names), START.format(**names)))
    return pd.DataFrame(rows, columns=["label", "prompt", "start"])


def sentence(text: str) -> str:
    """Return the first sentence of the first line of a text, without marks round it."""
    line = next(filter(None, (each.strip(" \"“”'") for each in text.splitlines())), "")
    return END.split(line, maxsplit=1)[0].strip()


def texts() -> list[str]:
    """Return one text for each row of `asked`; kept in the cache once written."""
    told, drawn = asked(), vars(language_model)
    settings = tuple(drawn[name] for name in ("BATCH", "TOKENS", "TEMPERATURE", "TOP_P", "SEED"))
    words = [*told["prompt"], *told["start"], repr(settings)]
    origin = [*language_model.versions(), machine()["cpu"]]
    key = cache.digest(language_model.WEIGHTS.sha256, *words, *origin)

    def make() -> dict[str, Any]:
        answers = language_model.continued(list(told["prompt"]), list(told["start"]))
        return {"text": np.array([sentence(each) for each in answers])}

    return [str(text) for text in cache.arrays("written", key, make)["text"]]


def about() -> dict[str, Any]:
    """Return how the texts are made, as the table says it."""
    model = language_model.MODEL
    return {
        "model": f"{model.package} {model.version}", "weights": language_model.WEIGHTS.path,
        "prompt": PROMPT, "answer_begins": START, "films": FILMS, "about": ABOUT,
        "texts_a_prompt": EACH, "batch": language_model.BATCH,
        "new_tokens": language_model.TOKENS, "temperature": language_model.TEMPERATURE,
        "top_p": language_model.TOP_P, "seed": language_model.SEED, "threads": 1,
        "versions": language_model.versions(), **machine(), "words_in_a_run": RUN,
        "rounding": f"features times {written.STEPS}, base64 of int8", "columns": written.COLUMNS,
    }  # fmt: skip


def write() -> Path:
    """Let the model write, and keep the table; `written.SHA256` must then be set to its hash."""
    made, real = texts(), Sources(list(corpora.movie_reviews()["text"]))
    features = written.rounded(encoding.features(made))
    rows = [
        [int(label), len(words_of(text)), hashlib.sha256(text.encode()).hexdigest()[:16],
         round(real.share(text), 3), written.packed(row)]
        for label, text, row in zip(asked()["label"], made, features, strict=True)
    ]  # fmt: skip
    lines = ",\n".join(map(json.dumps, rows))
    head = json.dumps(about(), indent=1)[:-2]
    file = written.path()
    file.parent.mkdir(parents=True, exist_ok=True)
    with cache.replacing(file) as fresh:
        fresh.write_text(f'{head},\n "rows": [\n{lines}\n]}}\n', encoding="utf-8")
    return file


if __name__ == "__main__":
    import torch

    torch.set_num_threads(1)
    made = write()
    print(f"{made}: sha256 {hashlib.sha256(made.read_bytes()).hexdigest()}")
