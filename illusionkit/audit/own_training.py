"""A training on a reader's own table: audited, split by units, trained, saved, told honestly.

Everything lies in one folder (`own_folder`). Called again, a training goes on where it was, or
tells what it told.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from illusionkit import cache
from illusionkit.audit.own_folder import KEPT, claim, clear, finished, keep
from illusionkit.audit.reading import read_table
from illusionkit.audit.report import audit
from illusionkit.audit.roles import Roles, roles
from illusionkit.audit.trained import Trained, judge
from illusionkit.data import corpora
from illusionkit.errors import CacheError, DataError, IllusionError
from illusionkit.models import encoders
from illusionkit.training.batches import Settings
from illusionkit.training.checks import check_length
from illusionkit.training.finetune import fit, probabilities
from illusionkit.training.own_data import Labelled, labelled, one_text
from illusionkit.training.own_parts import Parted, parted

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

    from illusionkit.training.history import Fitted

EVERY = 200
"""Steps between two checkpoints, if nothing else is asked."""


@dataclass(frozen=True)
class Asked:
    """What to train: the file (or a corpus's name), the roles of its columns, where to put it."""

    file: str
    out: Path
    text: str | None = None
    label: str | None = None
    group: str | None = None
    time: str | None = None
    model: str = encoders.PACKAGED
    every: int = EVERY
    fail_on: str = "never"


def command(said: Mapping[str, Any]) -> int:
    """Do what the command line asks for, and return its exit status; None is left as usual.

    Errors as in `train`, and for two columns of text.
    """
    told = {name: value for name, value in said.items() if value is not None}
    if "text" in told:
        told["text"] = one_text(told["text"])
    asked, settings = (
        {each.name: told[each.name] for each in fields(kind) if each.name in told}
        for kind in (Asked, Settings)
    )
    return train(Asked(**asked), Settings(**settings))


def train(asked: Asked, settings: Settings) -> int:
    """Train as asked, print the report, and return the exit status of the command.

    1 where the audit found what ``fail_on`` names, and nothing was trained. Under ``accelerate
    launch`` only the main process prints and writes.

    Raises
    ------
    DataError
        The file, its columns, labels, texts or units are of no use, or ``out`` holds something else
        or can't be written.
    ModelError, TrainingError
        As in `models.encoders.classifier` and `training.finetune.fit`.
    """
    try:
        with _joined():
            return _train(asked, settings)
    except IllusionError:
        if is_main():
            raise
        return 2


def is_main() -> bool:
    """Return whether this process is the one that prints and writes."""
    return int(os.environ.get("RANK", "0")) == 0


@contextmanager
def _joined() -> Iterator[None]:
    """Part from the other processes at the end, if there are any."""
    try:
        yield
    finally:
        if "torch" in sys.modules:
            from torch import distributed

            if distributed.is_available() and distributed.is_initialized():
                distributed.destroy_process_group()


def _say(*lines: str) -> None:
    if is_main() and lines:
        print("\n".join(lines), flush=True)


@dataclass(frozen=True)
class _Job:
    """What is asked for, the data, their parts, and the plan by which the training is known."""

    asked: Asked
    settings: Settings
    of: Roles
    data: Labelled
    parts: Parted
    plan: dict[str, Any]


def _train(asked: Asked, settings: Settings) -> int:
    table, of, notes = _read(asked)
    data = labelled(table, text=str(of.text), label=of.label)
    parts = parted(data, group=of.group, time=of.time, seed=settings.seed)
    job = _Job(asked, settings, of, data, parts, _plan(data, parts, of, asked, settings))
    if (report := finished(asked.out, job.plan)) is not None:
        if is_main():
            clear(asked.out)
        _say(f"{asked.out} holds this training, finished before. Its report:", "", report.text())
        return 0
    model, tokenizer = encoders.classifier(data.names, asked.model, seed=settings.seed)
    check_length(model, settings)
    if is_main() and not _begin(job, tokenizer, notes):
        return 1
    fitted = _fit(job, model, tokenizer)
    if is_main():
        report = _judge(job, model, tokenizer, fitted)
        keep(asked.out, model, tokenizer, fitted, report)
        _say("", report.text(), "", f"Model and report: {asked.out}")
    return 0


def _begin(job: _Job, tokenizer: PreTrainedTokenizerBase, notes: Sequence[str]) -> bool:
    """Claim the folder and audit, and return whether to train."""
    asked, processes = job.asked, int(os.environ.get("WORLD_SIZE", "1"))
    begun = claim(asked.out, {**job.plan, "processes": processes})
    _say(*notes, *job.data.notes, *job.parts.notes, *_cut(tokenizer, job.data, job.settings))
    if _audit(job.data, job.parts, job.of, asked.fail_on):
        _say(f"Stopped by --fail-on {asked.fail_on}: nothing was trained.")
        return False
    _say("", "It goes on from its last checkpoint." if begun else "It is trained now.")
    return True


def _fit(job: _Job, model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase) -> Fitted:
    known, watched = (job.data.split(rows) for rows in (job.parts.train, job.parts.validation))
    out, every = job.asked.out, job.asked.every
    try:
        return fit(
            model, tokenizer, known, watched, job.settings, checkpoints=out / KEPT, every=every
        )
    except CacheError as error:
        raise DataError(
            f"No checkpoint can be kept in {out}: the disk is full, or it can't be written. "
            "Free some space and call it again, or name another folder; what was kept stays."
        ) from error


def _judge(
    job: _Job, model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, fitted: Fitted
) -> Trained:
    """Return the report on the test part, with how it was trained."""
    asked = job.data.split(job.parts.test).texts
    chances = probabilities(model, tokenizer, asked, job.settings)
    about = {
        "plan": job.plan, "model": job.asked.model, "settings": asdict(job.settings),
        "time": job.of.time, "best epoch": fitted.best_epoch, "device": fitted.device,
        "history": fitted.history.drop(columns="seconds").round(4).to_dict("records"),
        "precision": fitted.precision,
    }  # fmt: skip
    aside = [name for name in job.of.known if name != job.of.text]
    return judge(
        job.data, job.parts, chances, text=str(job.of.text), model=job.asked.model, aside=aside,
        about=about,
    )  # fmt: skip


def _read(asked: Asked) -> tuple[pd.DataFrame, Roles, list[str]]:
    """Return the table, the roles of its columns, and what to say of both."""
    if asked.file in corpora.CORPORA and not Path(asked.file).exists():
        table = corpora.CORPORA[asked.file]()[["text", "label", "unit"]]
        return table, Roles(asked.label or "label", "text", asked.group or "unit"), []
    loaded = read_table(asked.file)
    given = {"label": asked.label, "text": asked.text, "group": asked.group, "time": asked.time}
    found = roles(loaded.table, given)
    if found.text is None:
        there = ", ".join(map(str, loaded.table))
        raise DataError(f"Which column is the text? Name one (--text) of: {there}.")
    notes = [f"Guessed: {role} '{getattr(found, role)}'." for role in ("text", "label")
             if role in found.guessed]  # fmt: skip
    for role in ("group", "time"):
        if role in found.guessed:
            notes.append(f"'{getattr(found, role)}' may be a {role}: if so, name it (--{role}).")
    return loaded.table, Roles(found.label, found.text, asked.group, asked.time), notes


def _cut(tokenizer: PreTrainedTokenizerBase, data: Labelled, settings: Settings) -> Iterator[str]:
    """Yield how many texts are longer than what the model is given of them."""
    sizes = np.array([len(ids) for ids in tokenizer(data.texts)["input_ids"]])
    longer = int((sizes > settings.max_tokens).sum())
    if longer:
        yield (
            f"{longer:,} of {len(sizes):,} texts have more than {settings.max_tokens} tokens and "
            f"are cut there; the longest has {sizes.max():,}. --tokens reads more."
        )


def _audit(data: Labelled, parts: Parted, of: Roles, fail_on: str) -> bool:
    """Print what the audit finds of this very split, and return whether that is too much."""
    known = np.sort(np.concatenate([parts.train, parts.validation]))
    found = audit(
        data.table.iloc[known], data.table.iloc[parts.test], label=of.label, text=of.text,
        group=of.group, time=of.time,
    )  # fmt: skip
    severe = found.at_least("medium")
    lesser = len(found.findings) - len(severe)
    _say(f"The audit of the training against the test part: findings of weight {len(severe)}, "
         f"lesser ones {lesser}.")  # fmt: skip
    for finding in severe:
        _say(f"[{finding.severity}] {finding.check}: {finding.seen}", f"    to do: {finding.todo}")
    return fail_on != "never" and bool(found.at_least(fail_on))


def _plan(
    data: Labelled, parts: Parted, of: Roles, asked: Asked, settings: Settings
) -> dict[str, Any]:
    """Return what this training is: the same for each call that asks for it."""
    rows = [part.tolist() for part in (parts.train, parts.validation, parts.test, data.labels)]
    content = cache.digest(json.dumps([data.texts, data.names, *rows]))
    named = {role: getattr(of, role) for role in ("text", "label", "group", "time")}
    start = [path.read_bytes() for path in sorted(Path(asked.model).glob("*.safetensors"))]
    return {"data": content, **named, "model": asked.model, "weights": cache.digest(*start),
            **asdict(settings)}  # fmt: skip
