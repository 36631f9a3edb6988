"""A model that learns from what the last one wrote: ``model-collapse``.

A language model of trigrams (`material.trigrams`) learns from 2,000 film reviews. It writes 2,000
texts, from which the next one learns, and so on (Shumailov et al. 2024). Each generation is tested
as labs test: on other texts of the same source, by the mean loss in nats a word. Honest is the same
model's loss on real reviews that nobody uses. As many reviews praise as blame; the vocabulary, the
words that stand twice in the first 2,000, stays; the rest is one strange word.

Flawed: all texts of a generation, those that fit its weights and its test too, are by the last
model. Control: drawn anew from real reviews each time. Cured: half of the texts, and of the test,
are of the first real ones (Gerstgrasser et al. 2024 keep all). Plenty: as flawed, but 8,000 texts.

The rival of "collapse" is luck. If a word is drawn anew as often as it stood, on average, one that
stands c times is lost by luck with chance q_g^c after g generations: q_1 = 1/e and
q_g = exp(q_(g-1) - 1), the formula of names that die out (Watson and Galton 1875). It knows nothing
of language models.

Said before this was measured; one smoke run, on a few made-up texts, had shown only that it runs.
(1) The optimism grows from dose to dose, is equivalent to 0 where nothing was generated, and above
.5 nats after 8 generations. (2) It looks like progress: after 8 generations the apparent loss is
lower than that of the first model, the honest one higher by more than .3. (3) Part of the gap is no
collapse: after one generation it is above the margin, and more than a third of that after 8. (4)
Luck is enough for the words: the share of the vocabulary that is left is within .02 of the formula
after one generation, within .05 after 8. (5) With plenty of texts at least half of the words that
8 generations lose stay, and more than half of the optimism too. (6) The control is equivalent to 0
at each dose. The cured arm is not, but its honest loss after 8 generations is within .1 of that
after one. (7) After 8 generations the honest loss at words that stood up to 5 times in the first
texts has grown by more than 1 nat, at the others by less than .3. Used in chapter 8.
"""

from __future__ import annotations

import numpy as np

from illusionkit.arrays import Array
from illusionkit.experiment.reading import Metric, Reading, Rows, nats
from illusionkit.experiment.spec import Dose, Experiment, Knob
from illusionkit.illusions.material.generations import MANY, Lab, Texts, generations
from illusionkit.illusions.material.trigrams import MARKS, STRANGE, Trigrams, places

RARE, COUNTS = 5, (2, 3, 5, 10)

LOSS = Metric("loss a word", per_row=nats, greater_is_better=False)
"""Nats; a row is a word, or the end of a text, and ``prediction`` the chance it was given."""


def lost(count: Array, turns: int, first: int = 1) -> Array:
    """Return how likely words that stand ``count`` times are lost by luck after some generations.

    ``first``: how many times as many texts the first generation has, and all after it. Watson and
    Galton (1875), where the number of copies of each is Poisson.
    """
    gone = 0.0
    for turn in range(turns):
        gone = float(np.exp((first if turn == turns - 1 else 1) * (gone - 1)))
    return np.asarray(gone, dtype=float) ** count


def stands(texts: Texts, size: int) -> Array:
    """Return how often each word of the vocabulary stands in texts, marks left out."""
    return np.bincount(texts.words.ravel(), minlength=size)[MARKS:]


def run(dose: Dose, seed: int, arm: str, part: str) -> Reading:
    """Read ``model-collapse``: a generation's loss on its own kind of texts and on real reviews.

    Extras: shares of the vocabulary that are left, by luck (``luck``), by first count (``left_2``
    and so on); share of the judges' words that is lost (``gone``); honest loss at rare and common
    words and at those that are left; shares of strange words; weights; words a text.
    """
    lab, turns = Lab(seed, part), round(dose["generations"])
    *_, (model, sets) = generations(lab, arm, turns)
    seen, honest = read_by(model, sets[2]), read_by(model, lab.judges)
    first, now = (stands(texts, lab.size) for texts in (lab.first[0], sets[0]))
    extras = {
        "left": float((now > 0).mean()),
        **{f"left_{c}": float((now[first == c] > 0).mean()) for c in COUNTS},
        **_by_words(honest, first, now),
        "strange_own": float((seen.truth == STRANGE).mean()),
        "strange_real": float((honest.truth == STRANGE).mean()),
        "weight_two": float(model.weights[0]), "weight_none": float(model.weights[2]),
        "length": len(seen.truth) / len(sets[2].unit),
    }  # fmt: skip
    if arm in ("flawed", "plenty"):
        by_luck = lost(first, turns, MANY if arm == "plenty" else 1)
        extras["luck"] = float(1 - by_luck.mean())
    return Reading.scored(LOSS, seen, honest, extras=extras, used_units=lab.used)


def read_by(model: Trigrams, texts: Texts) -> Rows:
    """Return what the loss of a model on texts is computed from, a row a word."""
    threes, text = places(texts.words)
    chance = model.chances(threes)
    return Rows(threes[:, 2], chance, texts.unit[text], chance)


def _by_words(rows: Rows, first: Array, now: Array) -> dict[str, float]:
    """Return what the honest loss is made of, of words of the vocabulary alone."""
    known = rows.truth >= MARKS
    word, loss = rows.truth[known] - MARKS, nats(rows)[known]
    rare, gone = first[word] <= RARE, now[word] == 0
    return {
        "gone": float(gone.mean()), "loss_rare": float(loss[rare].mean()),
        "loss_common": float(loss[~rare].mean()), "loss_left": float(loss[~gone].mean()),
    }  # fmt: skip


EXPERIMENTS = (
    Experiment(
        id="model-collapse", step="outlook", page="model-collapse", kind="text",
        title="A model that learned from what the last one wrote",
        symptom="Each generation learns from the last one's texts, and is tested on them.",
        caught_by="Score every generation on the same real texts; count the words that are left.",
        design="fresh-sample", metric=LOSS, margin=0.1, sign=1, seeds=tuple(range(20)),
        arms=("flawed", "control", "cured", "plenty"),
        knobs=(Knob("generations", "generations of models", "generations", low=0, high=16,
                    default=8, doses=(0, 1, 2, 4, 8)),),
        null_dose=0, data=("movie_reviews",), cost=1.5, tolerance=0.01, run=run,
    ),
)  # fmt: skip
