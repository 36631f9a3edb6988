"""Train a classifier of texts with the kit, score it on texts it never saw, print the scores.

    python examples/train.py                                  the packaged movie reviews
    python examples/train.py --corpus mine.csv --out model    a CSV file with text and label
    python examples/train.py --checkpoints kept --every 50    go on where it stopped
    accelerate launch --multi_gpu --num_processes=2 examples/train.py

Rows of the same text stay in one part of the data, so that nothing is tested on what was learnt.
"""

from __future__ import annotations

import argparse
import hashlib
import json
from pathlib import Path

import pandas as pd
import torch
from accelerate import PartialState

from illusionkit.data import corpora
from illusionkit.errors import DataError, IllusionError
from illusionkit.models import encoders
from illusionkit.training import book_model
from illusionkit.training.batches import Settings, Split
from illusionkit.training.finetune import evaluate, fit


def splits_of(file: Path) -> tuple[dict[str, Split], list[str]]:
    """Return the three parts of a CSV file, and the names of its classes in the order of numbers.

    A text falls into its part by a hash: the same part in every run, in every process.
    """
    try:
        table = pd.read_csv(file, usecols=["text", "label"]).dropna()
    except (OSError, ValueError) as error:
        raise DataError(
            f"{file} is no CSV file with the columns text and label: {error}"
        ) from error
    codes, names = pd.factorize(table["label"], sort=True)
    draws = [int(hashlib.sha256(str(text).encode()).hexdigest()[:8], 16) for text in table["text"]]
    place, parts, edge = pd.Series(draws, index=table.index) / 2**32, {}, 0.0
    for name, share in book_model.SHARES.items():
        inside = ((place >= edge) & (place < edge + share)).to_numpy()
        parts[name] = Split(list(table["text"][inside].astype(str)), codes[inside].tolist())
        edge += share
    return parts, [str(name) for name in names]


def settings_of(asked: argparse.Namespace) -> Settings:
    """Return the settings that were asked for."""
    return Settings(
        epochs=asked.epochs, batch_size=asked.batch, learning_rate=asked.rate, seed=asked.seed,
        max_tokens=asked.tokens, precision=asked.precision, frozen_layers=asked.frozen,
    )  # fmt: skip


def train(asked: argparse.Namespace) -> None:
    """Train, score on the test part, and print the scores as a line of JSON."""
    if asked.corpus is None:
        parts = book_model.splits()
        names = list(corpora.CLASS_NAMES)
    else:
        parts, names = splits_of(asked.corpus)
    settings = settings_of(asked)
    model, tokenizer = encoders.classifier(len(names), asked.model, seed=asked.seed)
    fitted = fit(
        model, tokenizer, parts["train"], parts["validation"], settings,
        checkpoints=asked.checkpoints, every=asked.every,
    )  # fmt: skip
    if not PartialState().is_main_process:
        return
    print(fitted.history.to_string(index=False))
    scores = evaluate(model, tokenizer, parts["test"], settings)
    usual = pd.Series(parts["train"].labels).mode()[0]
    scores["majority_accuracy"] = (pd.Series(parts["test"].labels) == usual).mean()
    told = {key.replace("validation", "test"): round(float(n), 4) for key, n in scores.items()}
    print(json.dumps({**told, "rows": len(parts["test"]), "precision": fitted.precision}))
    if asked.out is not None:
        model.config.id2label = dict(enumerate(names))
        model.config.label2id = {name: number for number, name in enumerate(names)}
        model.save_pretrained(asked.out)
        tokenizer.save_pretrained(asked.out)


def main() -> None:
    """Read the command line and train."""
    usual = Settings()
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--corpus", type=Path, help="a CSV file with the columns text and label")
    parser.add_argument("--model", default=encoders.PACKAGED, help="a folder or a name on the hub")
    parser.add_argument("--epochs", type=int, default=usual.epochs)
    parser.add_argument("--batch", type=int, default=usual.batch_size, help="texts a step, in all")
    parser.add_argument("--rate", type=float, default=usual.learning_rate, help="learning rate")
    parser.add_argument("--tokens", type=int, default=usual.max_tokens, help="longer texts are cut")
    parser.add_argument("--seed", type=int, default=usual.seed)
    parser.add_argument("--precision", default=usual.precision, help="auto, fp32, bf16 or fp16")
    parser.add_argument("--frozen", type=int, default=0, help="lowest layers that stay as they are")
    parser.add_argument("--checkpoints", type=Path, help="a folder to go on from")
    parser.add_argument("--every", type=int, help="steps between two checkpoints")
    parser.add_argument("--out", type=Path, help="a folder for the trained model")
    try:
        train(parser.parse_args())
    except IllusionError as error:
        raise SystemExit(f"train.py: {error}") from error
    finally:
        if torch.distributed.is_initialized():
            torch.distributed.destroy_process_group()


if __name__ == "__main__":
    main()
