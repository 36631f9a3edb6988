"""The illusion of the falling loss: ``pretraining-loss``.

The source document pre-trains by W = argmin L(W) (§4.1), and a training log that falls is read as a
model that learns language. But L is a loss on the training pairs. Here a small BERT is trained from
scratch on 50 documents, and its loss on them is set beside its loss on documents that no arm has
met, and beside the loss of somebody who has counted the words of the same 50 documents and reads no
sentence.

Said before anything was measured: the loss on the training pairs falls with every look; the loss
on held-out documents falls at first and then stays near, or above, that of the counted words; so
the optimism is positive at the highest dose, and grows with the steps. The control, the same model
judged by development documents, shows none; the cure, which also chooses the step by them, next to
none. The margin is what 68 development and 70 held-out documents can tell from nothing: the loss of
counted words on the development documents has a standard error of 0.06 nats.

A pilot on development documents came before: on all 411 training documents, 1,600 steps, the
loss on both sides fell below that of the counted words, and they lay 0.26 nats apart; which is why
the documents are few here. A seed draws them, and the weights, the masks, the strangers and the
order of the pairs; development and held-out documents are the book's own. Used in chapter 4.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib.metadata import version
from typing import TYPE_CHECKING

import numpy as np

from illusionkit import cache as kept
from illusionkit.arrays import Array
from illusionkit.data import archives
from illusionkit.experiment.reading import Metric, Reading, Rows, nats
from illusionkit.experiment.spec import Dose, Experiment, Knob
from illusionkit.meaning import code_hash
from illusionkit.models.encoders import LIBRARIES, encoder
from illusionkit.training.pairs import WITH_DOCUMENTS, Masked, PairBatches, read_pairs
from illusionkit.training.pretraining import (
    Judged,
    Plan,
    from_scratch,
    judge,
    pretrain,
    unigram_nats,
)

if TYPE_CHECKING:
    import pandas as pd

STEPS, LOOKS, LEARNING_RATE = 600, 4, 1e-3
"""The training of every reading; the learning rate was chosen on development documents."""
DOCUMENTS = 50
JUDGED_IN_TRAINING = 300
"""Training pairs that the model is asked about again."""
PLACES = ("train", "development", "held_out")


LOSS = Metric("masked-language loss", per_row=nats, greater_is_better=False)
"""Mean surprise in nats at the masked places; a row is such a place."""


@cache
def material(
    seed: int, part: str = "book"
) -> tuple[dict[str, pd.DataFrame], dict[str, PairBatches], dict[str, list[Masked]]]:
    """Return pairs, batches, and batches masked once to judge by; each by place.

    The training pairs are those of `DOCUMENTS` documents drawn by ``seed``. Used in chapter 4.
    """
    _, tokenizer = encoder()
    pairs = read_pairs(seed=seed, part=part)
    units = np.random.default_rng([seed, 17]).permutation(pairs["train"]["unit"].unique())
    drawn = pairs["train"]["unit"].isin(units[:DOCUMENTS])
    pairs["train"] = pairs["train"][drawn].reset_index(drop=True)
    batches = {place: PairBatches(tokenizer, pairs[place]) for place in PLACES}
    sizes = {"train": JUDGED_IN_TRAINING}
    masked = {place: batches[place].fixed(sizes.get(place), seed=seed + 1000) for place in PLACES}
    return pairs, batches, masked


def plan(seed: int, stop: int | None = None) -> Plan:
    """Return the training of a reading, to be stopped early where ``stop`` says so."""
    return Plan(steps=STEPS, learning_rate=LEARNING_RATE, looks=LOOKS, seed=seed, stop=stop)


def looks(seed: int, part: str = "book") -> dict[str, Array]:
    """Return what a small BERT from scratch lost at each look of `plan`, trained once and kept.

    Keys: a place, a dot, and a field of `training.pretraining.Judged`; one row a look.
    """

    def make() -> dict[str, Array]:
        _, batches, masked = material(seed, part)
        model = from_scratch(batches["train"].tokenizer, seed=seed)
        noted: dict[str, list[Array]] = {}

        def note(_step: int) -> None:
            for place, judged in masked.items():
                for name, values in vars(judge(model, judged)).items():
                    noted.setdefault(f"{place}.{name}", []).append(values)

        pretrain(model, batches["train"], {}, plan(seed), note)
        return {name: np.array(values) for name, values in noted.items()}

    pinned = [archives.source(name).members for name in ("vader", "minilm")]
    files = sorted(member.sha256 for members in pinned for member in members.values())
    key = kept.digest(f"{seed} {part}", *files, code_hash(make), *map(version, LIBRARIES))
    return kept.arrays("runs", key, make)


def run(dose: Dose, seed: int, arm: str, part: str) -> Reading:
    """Read ``pretraining-loss``, at the look that is nearest to the dose.

    Flawed: the model at that step, judged by pairs that it was trained on, masked afresh. Control:
    the same model, judged by development documents. Cured: of all looks until then the one with the
    lowest loss on the development documents, judged by them. Honest: held-out documents.
    """
    lost, (pairs, batches, masked) = looks(seed, part), material(seed, part)
    shown = "train" if arm == "flawed" else "development"
    look = round(dose["steps"] * LOOKS / STEPS) - 1
    if arm == "cured":
        look = int(lost["development.nats"][: look + 1].mean(axis=1).argmin())
    sides = {"apparent": shown, "honest": "held_out"}
    extras, rows = {"step": STEPS / LOOKS * (look + 1)}, []
    for side, place in sides.items():
        judged = _judged(lost, place, look)
        known = unigram_nats(batches["train"].word_counts(), masked[place])
        extras[f"unigram_{side}"] = float(known.mean())
        extras[f"guessed_{side}"] = float((judged.guess == judged.word).mean())
        extras[f"next_sentence_{side}"] = float(judged.right.mean())
        rows.append(_rows(pairs[place], judged))
    used = np.concatenate([pairs[place]["unit"].unique() for place in PLACES[:2]]).astype(str)
    return Reading.scored(LOSS, *rows, extras=extras, used_units=used)


def _judged(lost: Mapping[str, Array], place: str, look: int) -> Judged:
    """Return what a place lost at one look."""
    return Judged(**{name: lost[f"{place}.{name}"][look] for name in Judged.__dataclass_fields__})


def _rows(pairs: pd.DataFrame, judged: Judged) -> Rows:
    unit = pairs["unit"].to_numpy()[judged.pair].astype(str)
    return Rows(judged.word, judged.guess, unit, np.exp(-judged.nats.astype(float)))


EXPERIMENTS = (
    Experiment(
        id="pretraining-loss", step="pre-train", page="bert-objective", kind="text",
        title="A model pre-trained from scratch, judged by the pairs it was trained on",
        symptom="The pre-training loss falls and falls, and a table of word counts does as well.",
        caught_by="Print the loss of a table of word counts beside it.",
        design="fresh-sample", metric=LOSS, margin=0.4, sign=1, seeds=(0, 1, 2),
        knobs=(Knob(
            "steps", "training steps", "steps", low=150, high=600, default=600,
            doses=(150, 300, 450, 600),
        ),),
        data=WITH_DOCUMENTS, weights=("minilm",), cost=80.0, tolerance=0.1, run=run,
    ),
)  # fmt: skip
