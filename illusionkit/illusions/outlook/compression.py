"""A smaller model with nearly the same accuracy, and other answers: two experiments.

A model is made smaller, and the two accuracies are told: so much was lost. Right answers that were
won hide as many that were lost. Apparent: the right answers lost less those won, which is what two
accuracies tell. Honest: the right answers lost. One model, the same reviews; the optimism is the
share won, which is never below 0: that is arithmetic. Its size is not, nor are the others.

``compression``. Flawed: the weights rounded, a scale for each row of a matrix. Control: as many
bytes saved where nobody looks, word vectors of pieces that no training review has (as far as there
are such). Cured: a scale for every 32 weights. ``compression-rivals``: "noise" of the rounding's
size, which saves nothing; "inputs", where what goes into a layer is rounded too, as libraries do.

Said before anything was measured, after a pilot with another model (torch's dynamic int8: accuracy
.442 to .421, 19 % of the answers changed): with the weights at 8 bits less than 4 % of the answers
change and accuracy moves by less than a point; at 4 bits accuracy falls by less than a third of the
share that changes, and the optimism is .03 to .10. The control's optimism is below .01 throughout.
Blocks leave less than half of the flawed arm's optimism at 4 bits. Noise changes as many answers as
rounding does, within 5 points. With the inputs rounded too, 8 bits change 2 to 10 %. Of the answers
that change at 4 bits at least 80 % are among the half that the whole model was less sure of; more
change in the three middle classes than in the outer two, and in longer reviews as often as in
shorter ones, within 5 points. The rivals were first two more arms, at all doses; before anything
of them was measured, they became an experiment of their own. Used in chapter 8.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from illusionkit.arrays import Array
from illusionkit.experiment.reading import Reading, Rows
from illusionkit.experiment.spec import Dose, Experiment, Knob
from illusionkit.illusions.material.compressed import RIGHT_LOST, WHOLE, pool, told

ROWS, TURNS = 400, 2
"""Reviews of a reading; how many draws of noise there are."""
WAYS = {
    "flawed": "rounded",
    "control": "trimmed",
    "cured": "blocks",
    "noise": "noise",
    "inputs": "inputs",
}


def sides(label: Array, before: Array, after: Array, unit: Array) -> tuple[Rows, Rows]:
    """Return what accuracies tell of two sets of answers, and what became of the right ones."""
    right, now = (label == before).astype(int), (label == after).astype(int)
    return Rows(right, now, unit), Rows(right, right * now, unit)


def margins(chances: Array) -> Array:
    """Return by how much the likeliest class leads, from probabilities (rows, classes)."""
    ranked = np.sort(chances, axis=1)
    return np.asarray(ranked[:, -1] - ranked[:, -2])


def who(rows: pd.DataFrame, lead: Array, changed: Array) -> dict[str, float]:
    """Return the share of answers that changed in groups of reviews.

    By class of the truth, by half of their length in words, and by half of the ``lead``. A group
    without reviews has none.
    """
    words = np.array([len(text.split()) for text in rows["text"]])
    label = rows["label"].to_numpy()
    groups = {f"class_{k}": label == k for k in np.unique(label)}
    groups |= {"long": words > np.median(words), "short": words <= np.median(words)}
    groups |= {"unsure": lead <= np.median(lead), "sure": lead > np.median(lead)}
    return {name: float(changed[group].mean()) for name, group in groups.items() if group.any()}


def run(dose: Dose, seed: int, arm: str, part: str) -> Reading:
    """Read ``compression``: the reviews that a smaller model still has right."""
    drawn = np.random.default_rng([seed, 81]).permutation(len(pool(part)))[:ROWS]
    rows, bits = pool(part).iloc[drawn], WHOLE - round(dose["bits"])
    more = {"turn": seed % TURNS} if arm == "noise" else {}
    small = told(part, WAYS[arm], bits, **more) if bits < WHOLE else told(part)
    whole, small = told(part)[drawn], small[drawn]
    before, after = whole.argmax(axis=1), small.argmax(axis=1)
    label, unit = rows["label"].to_numpy(), rows["unit"].to_numpy()
    extras = {
        "changed": float(np.mean(before != after)),
        "right": float(np.mean(label == before)),
        "right_after": float(np.mean(label == after)),
        **who(rows, margins(whole), before != after),
    }
    return Reading.scored(RIGHT_LOST, *sides(label, before, after, unit), extras=extras)


def _spec(name: str, doses: tuple[float, ...], **own: Any) -> Experiment:
    """Return what both experiments fixed alike."""
    return Experiment(
        id=name, step="outlook", page="compression", kind="text",
        design="same-rows", metric=RIGHT_LOST, margin=0.02, sign=1, seeds=tuple(range(5)),
        knobs=(Knob(
            "bits", "bits taken from each weight's 32", "bits", low=0, high=30, default=28,
            doses=doses,
        ),),
        # Trained anew elsewhere, the model agrees with itself on about 85 % of the answers.
        null_dose=0, data=("movie_reviews",), weights=("minilm",), cost=9.0, tolerance=0.05,
        run=run, **own,
    )  # fmt: skip


EXPERIMENTS = (
    _spec(
        "compression", (0, 16, 24, 26, 27, 28),
        title="Right answers that a smaller model loses, and how many accuracy shows",
        symptom="The small model is as accurate as the large one, and customers still complain.",
        caught_by="Count the answers that differ between the two models, and for whom.",
    ),
    _spec(
        "compression-rivals", (0, 24, 28), arms=("flawed", "noise", "inputs"),
        title="Rounded weights beside noise, and beside rounded inputs",
        symptom="The library's small model differs more often than its rounding explains.",
    ),
)  # fmt: skip
