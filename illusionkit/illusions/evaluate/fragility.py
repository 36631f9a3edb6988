"""Slips of the pen in reviews that the fine-tuned model reads: ``fragility``.

A model is scored on clean texts, and then people type. Flawed: some words of each test review are
misspelled as people misspelled them (`data.slips`), words and slips drawn by chance. Control: the
same words in capitals. No reader minds them, and the book's tokenizer makes them small again, so
this arm must be an identity: it tests the cutting and pasting, no more. Cured: a spelling corrector
stands before the model, on clean and misspelled texts alike. It knows the training reviews and the
correct words of the list, not the slips.

Said before this was measured, after a pilot of one seed (.567 on clean texts, .548, .535, .518,
.462 at one, two, four, eight slips; one slip moved 11 % of the answers): the optimism grows with
the slips, to .07-.14 at eight, and is below .04 at one. The control is 0 throughout. The corrector
leaves less than two thirds of the optimism at eight, and costs less than .02 on clean texts. Of the
answers fewer move than 1 - (1 - f)^k, where f is the share that one slip moves. Used in chapter 3.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import pandas as pd

from illusionkit.arrays import Array
from illusionkit.data import corpora
from illusionkit.data.slips import drawn, rewritten
from illusionkit.experiment.reading import ACCURACY, Reading, Rows
from illusionkit.experiment.spec import Dose, Experiment, Knob
from illusionkit.experiment.task import read
from illusionkit.illusions.material.misspelled import chances, corrector, misspelled
from illusionkit.training.book_model import tables

ROWS = 400


@cache
def _pool(part: str) -> pd.DataFrame:
    table = read(lambda of: tables()["test"] if of == "book" else corpora.movie_reviews(of), part)
    return table[table["part"] == part].drop_duplicates("unit").reset_index(drop=True)


def judged(seed: int, rows: int, part: str) -> pd.DataFrame:
    """Return so many test reviews, one a unit, drawn by ``seed``; or of the confirm part."""
    order = np.random.default_rng([seed, 71]).permutation(len(_pool(part)))
    return _pool(part).iloc[order[:rows]]


def _said(rows: pd.DataFrame, told: Array) -> Rows:
    """Return what the answers to reviews are scored from."""
    return Rows(rows["label"].to_numpy(), told.argmax(axis=1), rows["unit"].to_numpy())


def scored(rows: pd.DataFrame, clean: Array, after: Array, **extras: float) -> Reading:
    """Return the reading of two answers (rows, classes) to the same reviews."""
    sides = [_said(rows, told) for told in (clean, after)]
    moved = np.mean(sides[0].prediction != sides[1].prediction)
    return Reading.scored(ACCURACY, *sides, extras={**extras, "moved": float(moved)})


def run(dose: Dose, seed: int, arm: str, part: str) -> Reading:
    """Read ``fragility``: the answers to clean reviews and to the same ones with slips."""
    rows, known = judged(seed, ROWS, part), misspelled()
    texts, number = list(rows["text"]), round(dose["slips"])
    streams = (np.random.default_rng([seed, 72, row]) for row in rows.index)
    edits = [drawn(text, known, rng)[:number] for text, rng in zip(texts, streams, strict=True)]
    made = float(np.mean([len(own) for own in edits]))
    if arm == "control":
        pairs = zip(texts, edits, strict=True)
        edits = [[(a, b, text[a:b].upper()) for a, b, _ in own] for text, own in pairs]
    after = [rewritten(text, own) for text, own in zip(texts, edits, strict=True)]
    if arm != "cured":
        return scored(rows, chances(texts), chances(after), made=made)
    plain, mend = ACCURACY.score(_said(rows, chances(texts))), corrector()
    undone = [
        mend.word(new) == text[a:b].lower()
        for text, own in zip(texts, edits, strict=True)
        for a, b, new in own
    ]
    clean, after = ([mend.text(text) for text in side] for side in (texts, after))
    extras = {"made": made, "undone": float(np.mean(undone or [0.0])), "plain": plain}
    return scored(rows, chances(clean), chances(after), **extras)


EXPERIMENTS = (
    Experiment(
        id="fragility", step="evaluate", page="fragility", kind="text",
        title="Slips of the pen in the reviews that a model reads",
        symptom="The score was measured on clean texts, and the users do not type like that.",
        caught_by="Misspell a word or two of each test text, and score again.",
        design="same-rows", metric=ACCURACY, margin=0.03, sign=1, seeds=tuple(range(5)),
        knobs=(Knob(
            "slips", "misspelled words in each review", "slips", low=0, high=20, default=8,
            doses=(0, 1, 2, 4, 8),
        ),),
        # The model is trained anew elsewhere: two trainings agree on about 85 % of the answers.
        null_dose=0, data=("movie_reviews", "slips"), weights=("minilm",), cost=5.0,
        tolerance=0.05, run=run,
    ),
)  # fmt: skip
