"""A plausible map taken for evidence: ``interpretability``.

Integrated gradients (captum's) put a number on each word of a film review: how much it adds to the
probability of the right side, good or bad. The three words with the most are the map's words. A
test compares them with three others, and the score is the share of comparisons won. The models here
have seen *no label*, so a test that shows what a model has learned gives them one half: the truth
is known. The dose: how many of the network's eight parts are pre-trained; the rest is drawn anew.

Flawed ("it marks what I would mark"): more of the map's words stand in a list of sentiment words
than of three random ones; half a win for as many. Deletion: cut out of the text they lower that
probability by more than three random words do, three draws. Control: the list again, the map's
numbers dealt out among the words. Cured: the list, and the others are the words of another model
that has seen no label, wholly pre-trained, with another head. Rarest: the list, and the others are
the three words that training reviews have least. Extras: the book's fine-tuned model in each test.

Said before anything was measured. (1) Flawed, all parts pre-trained: optimism above .05; nothing
pre-trained: equivalent to 0. (2) Deletion is won in more than three quarters at every dose, even by
a network of random numbers. (3) The control is equivalent to 0. (4) The cured arm has no more than
the margin at any dose, and the fine-tuned model still wins it, by more than .15; so it does the
rarest words. (5) By the list the fine-tuned model leads the untaught one by less than .3; by
deletion by less than .15, but the probability falls ten times as far. (6) The sum misses what
it should be by less than a tenth, for both, at 8 steps. (7) The methods agree (rank correlation of
integrated gradients and occlusion) at least as well for the untaught model as for the fine-tuned
one; the maps of two untaught models are alike by less than .2, untaught and fine-tuned ones too.
Before a result was seen three doses and five seeds became two and four, for want of time. When the
flawed arm was known, and no other, the cured arm and (7) were left out for the same reason. They
were put back, as foretold, when every other arm, the page and the next one had been read. Of (7)
eight reviews of draw 0 had been seen: the methods agree by .7 for the fine-tuned model, by .5 for
the untaught one. Extras of the cured arm, with all parts pre-trained, answer it. What an interval
leaves open (of the arm; of an extra, over the draws) is inconclusive. Used in chapter 8.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from illusionkit.arrays import Array
from illusionkit.experiment.reading import Metric, Reading, Rows
from illusionkit.experiment.spec import Dose, Experiment, Knob
from illusionkit.illusions.material.attributed import spans
from illusionkit.illusions.material.map_readers import (
    TAUGHT,
    WORDS,
    Case,
    Reader,
    agreement,
    lowered,
    marked,
    missed,
)  # fmt: skip
from illusionkit.illusions.material.map_tests import asked, by_deletion, rarity, top

TEXTS, ALL, OTHER, TRUTH = 40, 8, 1000, 0.5
"""Reviews of a reading; parts of a network; how far off another head's seed is; a coin's score."""

WON = Metric("comparisons won", per_row=lambda rows: rows.prediction)
"""A row is a review; its prediction, from 0 to 1, says how often the map's words win there."""


def reviews(seed: int, part: str) -> pd.DataFrame:
    """Return the reviews of a reading, drawn by ``seed``."""
    order = np.random.default_rng([seed, 84]).permutation(len(asked(part)))
    return asked(part).iloc[order[:TEXTS]]


def won(case: Case, arm: str, seed: int) -> Array:
    """Return how often the words of a case's maps win the test of an arm, shape (reviews,)."""
    if arm == "deletion":
        return by_deletion(case.falls(seed))
    if arm == "control":
        rng = np.random.default_rng([seed, 86])
        return case.by_list([rng.permutation(len(spans(text)))[:WORDS] for text in case.texts])
    if arm == "flawed":
        return case.by_list(case.words())
    rarest = [top(rarity(text), WORDS) for text in case.texts]
    return case.by_list(case.words(), twin(case, seed).words() if arm == "cured" else rarest)


def twin(case: Case, seed: int) -> Case:
    """Return the case of another untaught model, wholly pre-trained, on the same reviews."""
    return Case(Reader(ALL, seed + OTHER), case.texts, case.sides)


def run(dose: Dose, seed: int, arm: str, part: str) -> Reading:
    """Read ``interpretability``: how often the words of an untaught model's map win a test."""
    rows = reviews(seed, part)
    asked_of = list(rows["text"]), list(rows["side"])
    own, taught = (Case(Reader(n, seed), *asked_of) for n in (round(dose["parts"]), TAUGHT))
    told = Rows(rows["side"].to_numpy(), won(own, arm, seed), rows["unit"].to_numpy())
    extras = {"taught": float(won(taught, arm, seed).mean())}
    for name, case in (("", own), ("_taught", taught)):
        extras |= {key + name: value for key, value in _measured(case, arm, seed).items()}
    return Reading(WON.score(told), TRUTH, told, None, extras=extras)


def _measured(case: Case, arm: str, seed: int) -> dict[str, float]:
    """Return what else is told of a model's maps, beside the arm that it belongs to."""
    told = {"deletion": lambda: lowered(case, seed), "flawed": lambda: marked(case)}
    told["cured"] = lambda: agreement(case, twin(case, seed))
    return told.get(arm, lambda: missed(case))()


EXPERIMENTS = (
    Experiment(
        id="interpretability", step="outlook", page="interpretability", kind="text",
        title="A model that has seen no label, and its plausible maps",
        symptom="The map marks the words that I would mark, so the model must have understood.",
        caught_by="Draw the map of a model that has learned nothing, and compare.",
        design="known-truth", metric=WON, margin=0.1, sign=1, seeds=tuple(range(4)),
        arms=("flawed", "deletion", "control", "cured", "rarest"),
        knobs=(Knob(
            "parts", "pre-trained parts of the network", "parts", low=0, high=ALL, default=ALL,
            doses=(0, ALL),
        ),),
        data=("movie_reviews", "sentiment_words"), weights=("minilm",), cost=5.0,
        # The fine-tuned model is trained anew elsewhere; the scores are those of untaught ones.
        tolerance=0.05, run=run,
    ),
)  # fmt: skip
