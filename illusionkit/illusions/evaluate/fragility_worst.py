"""The worst slips that a search finds: ``fragility-worst``.

`fragility` draws slips by chance. Here they are chosen: of the reviews that the model has right,
one word after another is misspelled, by the slip that leaves the true class the smallest lead
(greedy, as in Jin et al. 2020, with slips for synonyms). Reviews that the model has wrong stay as
they are. Flawed: the accuracy on clean texts, against that after the search. Control: as many words
of the same reviews, misspelled by chance, in one try. ``as many tries``: the worst of as many
random tries as the search took. Cured: the corrector of `fragility` before the model, on the clean
texts and on those that the search found; the search does not know of it.

The rival explanation is that such texts can't be read any more. It is tested by another model: a
linear probe on frozen features of the same encoder reads clean and found texts.

Said before this was measured, after a pilot (.542 on 120 clean texts, .350, .242, .200 at one, two,
three words; the probe .433 and .383): the search takes more than .15 at one word and more than .25
at three, the control less than .08 at one. As many tries take more than one try, and at three words
less than the search. The probe loses less than a third of what the model loses. The cure gives more
than half of it back. One random slip takes what the single slips of the search take on average.
Used in chapter 3.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np

from illusionkit.data import corpora
from illusionkit.data.slips import rewritten
from illusionkit.experiment.reading import ACCURACY, Reading
from illusionkit.experiment.spec import Dose, Experiment, Knob
from illusionkit.illusions.evaluate import fragility
from illusionkit.illusions.evaluate.fragility import judged
from illusionkit.illusions.material.misspelled import chances, corrector
from illusionkit.illusions.material.worst_slips import BUDGET, found, tried
from illusionkit.models.encoding import features
from illusionkit.models.learners import linear_probe
from illusionkit.training.book_model import tables

ROWS, TRIES = 120, "as many tries"
"""Reviews of a reading; the name of an arm."""


@cache
def probe() -> Any:
    """Return the rival: a linear probe on frozen features of the training reviews."""
    train = tables()["train"]
    known = features(list(corpora.movie_reviews()["text"]))[train.index]
    return linear_probe().fit(known, train["label"])


def run(dose: Dose, seed: int, arm: str, part: str) -> Reading:
    """Read ``fragility-worst``: the answers to clean reviews and to the worst that was found."""
    rows, words = judged(seed, ROWS, part), round(dose["words"])
    texts, label = list(rows["text"]), rows["label"].to_numpy()
    edits, tries, breaks = found(rows, seed)
    clean = texts
    after = [rewritten(text, own[:words]) for text, own in zip(texts, edits, strict=True)]
    count = tries[:, words - 1] if words else np.zeros(len(rows), dtype=int)
    extras = {"tries": float(count[tries[:, 0] > 0].mean()), "breaks": float(breaks.mean())}
    extras["breakable"] = float((breaks > 0).mean())
    extras["expected"] = float((1 - (1 - breaks) ** tries[:, 0]).mean())
    if arm in ("control", TRIES):
        count = np.minimum(count, 1) if arm == "control" else count
        streams = [np.random.default_rng([seed, 74, row]) for row in rows.index]
        each = zip(texts, label, count, streams, strict=True)
        after = [tried(text, own, words, number, rng) for text, own, number, rng in each]
    elif arm == "cured":
        clean, after = ([corrector().text(text) for text in side] for side in (texts, after))
    else:
        for name, side in (("probe_clean", clean), ("probe_after", after)):
            extras[name] = float((probe().predict(features(side)) == label).mean())
    return fragility.scored(rows, chances(clean), chances(after), **extras)


EXPERIMENTS = (
    Experiment(
        id="fragility-worst", step="evaluate", page="fragility", kind="text",
        title="The worst slips that a search finds",
        symptom="Nobody types like that by chance; somebody who wants a wrong answer does.",
        caught_by="Search for the worst slip of each text, and ask another model about it.",
        design="same-rows", metric=ACCURACY, margin=0.03, sign=1, seeds=(0, 1, 2),
        knobs=(Knob(
            "words", "most words that are misspelled in a review", "words", low=0, high=BUDGET,
            default=BUDGET, doses=(0, 1, 2, 3),
        ),),
        # The model is trained anew elsewhere: two trainings agree on about 85 % of 120 answers.
        arms=("flawed", "control", TRIES, "cured"), null_dose=0,
        data=("movie_reviews", "slips"), weights=("minilm",), cost=40.0, tolerance=0.1, run=run,
    ),
)  # fmt: skip
