"""*The* fine-tuned model: trained once, kept in the cache, used by every page that needs it."""

from __future__ import annotations

import functools
import hashlib
import json
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from illusionkit import cache
from illusionkit.arrays import Array
from illusionkit.data import corpora, registry
from illusionkit.errors import TrainingError
from illusionkit.meaning import code_hash
from illusionkit.models import encoders, encoding
from illusionkit.training.batches import BUDGETS, Settings, Split
from illusionkit.training.finetune import fit

if TYPE_CHECKING:
    import pandas as pd
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

SEALED = (
    "model.safetensors",
    "config.json",
    "tokenizer.json",
    "tokenizer_config.json",
    "history.csv",
)
SHARES = {"train": 0.8, "validation": 0.1, "test": 0.1}
STILL = 1e-6
"""Features that vary less are left as they are: three of the encoder's do not vary at all."""


@dataclass(frozen=True)
class Spec:
    """What to train: a corpus of five classes, an encoder's name, a budget and a seed."""

    corpus: str = "movie_reviews"
    name: str = encoders.PACKAGED
    budget: str = "small"
    seed: int = 0

    @property
    def settings(self) -> Settings:
        """Return the budget's settings with this seed."""
        if self.budget not in BUDGETS:
            raise TrainingError(f"No budget is called '{self.budget}': {', '.join(BUDGETS)}.")
        return replace(BUDGETS[self.budget], seed=self.seed)


@dataclass(frozen=True)
class Finetuned:
    """A fine-tuned classifier with its tokenizer, its history (`fit`) and where it was trained."""

    model: PreTrainedModel
    tokenizer: PreTrainedTokenizerBase
    history: pd.DataFrame
    origin: Mapping[str, str]


def require_corpus(corpus: str) -> None:
    """Raise `TrainingError` unless there is a corpus of this name."""
    if corpus not in corpora.CORPORA:
        known = ", ".join(corpora.CORPORA)
        raise TrainingError(f"No corpus is called '{corpus}'. There are: {known}.")


def splits(corpus: str = "movie_reviews") -> dict[str, Split]:
    """Return the book's training, validation and test split of a corpus (about 80, 10, 10 %).

    A unit falls into its split by a hash, so that copies stay together and a row never moves.

    Raises
    ------
    TrainingError
        No corpus has this name.
    """
    return {name: split_of(rows) for name, rows in tables(corpus).items()}


def split_of(rows: pd.DataFrame) -> Split:
    """Return rows of a corpus as what is trained or judged on."""
    return Split(list(rows["text"]), list(rows["label"]))


def tables(corpus: str = "movie_reviews") -> dict[str, pd.DataFrame]:
    """Return the rows of the three splits, with all columns of the corpus; errors as in `splits`.

    Raters, units and all: what `splits` gives row by row stands here in the same order.
    """
    require_corpus(corpus)
    table = corpora.CORPORA[corpus]()
    key = table.groupby("unit")["text"].transform("min")
    draws = [int(hashlib.sha256(f"split:{text}".encode()).hexdigest()[:8], 16) for text in key]
    edges = np.cumsum(list(SHARES.values())[:-1]) * 2**32
    place = np.searchsorted(edges, np.array(draws, dtype=float), side="right")
    return {name: table[place == number] for number, name in enumerate(SHARES)}


@functools.cache
def units(part: str = "book") -> tuple[pd.DataFrame, Array]:
    """Return movie reviews to train heads on, one a unit, and their frozen features, standardised.

    Features have shape (rows, 384). Rows come from the training split, so that the book's test
    split stays unread; with ``part="confirm"`` those of the confirm part stand below them. Column
    ``part`` says which. Mean and scale are those of the book's rows.
    """
    import pandas as pd

    rows = tables()["train"].drop_duplicates("unit").assign(part="book")
    known = encoding.features(list(corpora.movie_reviews()["text"]))[rows.index]
    parts, features = [rows], [known]
    if part != "book":
        more = corpora.movie_reviews(part)
        parts.append(more.drop_duplicates("unit").assign(part=part))
        features.append(encoding.features(list(more["text"]))[parts[-1].index])
    scale = np.maximum(known.std(axis=0), STILL)
    whole = (np.concatenate(features) - known.mean(axis=0)) / scale
    return pd.concat(parts, ignore_index=True), whole


def finetuned(spec: Spec | None = None) -> Finetuned:
    """Return the fine-tuned model of ``spec``, trained if the cache does not hold it.

    Training happens once, under a lock; a folder that is incomplete or was damaged is thrown away
    and made anew. A complete one is read without the lock, so a cache that can only be read serves.
    Used in chapters 1 and 5.

    Raises
    ------
    ModelError, TrainingError
        As in `models.encoders.classifier` and `training.finetune.fit`.
    """
    spec = spec or Spec()
    key = _key(spec)
    folder = cache.folder("models") / f"finetuned-{key[:20]}"
    if not _complete(folder, key):
        with cache.locked(folder):
            if not _complete(folder, key):  # nobody trained it while this process waited
                shutil.rmtree(folder, ignore_errors=True)
                _train(spec, folder, key)
    return _read(folder)


def _key(spec: Spec) -> str:
    """Return a hash of what the weights depend on."""
    require_corpus(spec.corpus)
    fixed = json.dumps({**asdict(spec), **asdict(spec.settings)}, sort_keys=True)
    base, tokenizer = encoders.encoder(spec.name)
    data = registry.fingerprint(spec.corpus)
    return cache.digest(fixed, data, encoding.fingerprint(base, tokenizer), code_hash(fit, splits))


def _train(spec: Spec, folder: Path, key: str) -> None:
    """Train a model and put its folder in place in one move."""
    parts = splits(spec.corpus)
    classes = int(max(parts["train"].labels)) + 1
    model, tokenizer = encoders.classifier(classes, spec.name, seed=spec.seed)
    fitted = fit(model, tokenizer, parts["train"], parts["validation"], spec.settings)
    with cache.explained(folder.parent):
        work = Path(tempfile.mkdtemp(dir=folder.parent, prefix=cache.part(folder)))
        try:
            fitted.save(work, model, tokenizer, "Free some space.")
            seal = {"key": key, "weights": _sha256(work), "device": fitted.device}
            seal |= {"precision": fitted.precision, "best_epoch": str(fitted.best_epoch)}
            (work / "origin.json").write_text(json.dumps(seal), encoding="utf-8")
            work.chmod(0o755)  # mkdtemp lets nobody else read
            work.replace(folder)
        finally:
            shutil.rmtree(work, ignore_errors=True)


def _complete(folder: Path, key: str) -> bool:
    """Tell whether a folder holds what was sealed under ``key``, to the byte."""
    try:
        seal = json.loads((folder / "origin.json").read_text(encoding="utf-8"))
        return seal["key"] == key and seal["weights"] == _sha256(folder)
    except (OSError, ValueError, KeyError, TypeError):
        return False


def _sha256(folder: Path) -> str:
    """Return a hash of every file that `_read` reads, but for the seal itself."""
    return cache.digest(*((folder / name).read_bytes() for name in SEALED))


def _read(folder: Path) -> Finetuned:
    import pandas as pd

    model, tokenizer = encoders.tuned(folder)
    origin = json.loads((folder / "origin.json").read_text(encoding="utf-8"))
    return Finetuned(model, tokenizer, pd.read_csv(folder / "history.csv"), origin)
