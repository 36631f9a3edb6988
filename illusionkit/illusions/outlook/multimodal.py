"""A sibling of the picture was in training: ``multimodal`` and ``multimodal-base``.

A model looks at the pixels of an emoji and finds its name among a hundred (recall at 1). Most
pictures of people come in families: one drawing in five skin tones, of three genders. Fifty
families are asked about, one picture each. Flawed: so many siblings of each are trained on, in
place of other pictures. Honest, for all arms: trained on as many pictures, no sibling among them.
*Control*: as many siblings of fifty families that nobody asks about. *Cured*, split by family: the
pictures that the siblings replaced are replaced by others of the pool. ``multimodal-base`` splits
by *base*, which keeps skin tones together: siblings of another base, another gender, stay.

Seen before, in a pilot with other settings (recall at 1 by the dose of siblings .04, .61, .82;
random split .525, by base .28, by family .12). So the sizes are known roughly. Said before this was
measured: the optimism grows with the siblings, and one alone gives more than half of what seventeen
give. Control and cured are equivalent to 0. The split by base keeps between a quarter and three
quarters of the optimism at seventeen. Rivals: chance, one in a hundred; the name of the nearest
picture by pixels has at least two thirds of the model's optimism at seventeen, since copying is
enough; a sibling's name alone, without a pixel, finds the right name for nine in ten. Honest, the
model is better than chance and below a fifth. Nothing is tuned. Before a result was looked at,
1,200 pictures to learn from became 1,000, since one draw ran out of others, and twenty seeds became
ten. Used in chapter 8.
"""

from __future__ import annotations

from functools import partial

import numpy as np
import pandas as pd

from illusionkit.arrays import Array
from illusionkit.experiment.draws import first
from illusionkit.experiment.reading import ACCURACY, Metric, Reading
from illusionkit.experiment.spec import Dose, Experiment, Knob
from illusionkit.experiment.task import Task
from illusionkit.illusions.material.drawings import Cast, Finder, cast, drawings

ASKED, LEAST, NAMES, TRAINED = 50, 6, 100, 1000
"""Families asked about, pictures of the smallest; names offered, pictures learned from."""

RECALL = Metric("names found first", per_row=ACCURACY.per_row)
"""R@1. A row is a picture: its own row number, and that of the name found."""


def kept_apart(table: pd.DataFrame, drawn: Cast) -> Cast:
    """Return the cast without the siblings that a split by base keeps with the picture asked."""
    base = table["base"].to_numpy()
    kin = [own[base[own] != base[row]] for row, own in zip(drawn.asked, drawn.kin, strict=True)]
    return drawn._replace(kin=kin)


def trained(drawn: Cast, siblings: int, arm: str) -> Array:
    """Return the rows to train on: at most so many siblings each, in place of as many others."""
    families = drawn.strangers_kin if arm == "control" else drawn.kin
    planted = np.concatenate([own[:siblings] for own in families])
    if arm == "cured":
        planted = first(drawn.pool[TRAINED:], len(planted), "pictures of other families")
    return np.concatenate([drawn.pool[: TRAINED - len(planted)], planted])


def run(dose: Dose, seed: int, arm: str, part: str, *, by_base: bool) -> Reading:
    """Read how often a picture's own name is found first, with siblings in training and without."""
    table, alike, names = drawings(part)
    drawn = cast(table, np.random.default_rng([seed, 81]), ASKED, LEAST, NAMES)
    drawn = kept_apart(table, drawn) if by_base else drawn
    finder = Finder(alike, names, drawn.gallery)
    task = Task(table.assign(label=np.arange(len(table))), finder)
    train, clean = trained(drawn, round(dose["siblings"]), arm), trained(drawn, 0, "flawed")
    (leaky,), (honest,) = task.judge(train, drawn.asked), task.judge(clean, drawn.asked)
    return task.reading(RECALL, leaky, honest, **rivals(finder, drawn, train, clean))


def rivals(finder: Finder, drawn: Cast, train: Array, clean: Array) -> dict[str, float]:
    """Return how often copying is right: the nearest picture's name, or blindly a sibling's."""
    asked = drawn.asked
    kin = [(row, own[0]) for row, own in zip(asked, drawn.kin, strict=True) if len(own)]
    row, sibling = np.array(kin).T
    blind = finder.closest(finder.names[sibling], finder.names[clean].mean(axis=0))
    return {
        "nearest": float((finder.copied(train, asked) == asked).mean()),
        "nearest_honest": float((finder.copied(clean, asked) == asked).mean()),
        "sibling_name": float((blind == row).mean()),
        "chance": 1 / len(drawn.gallery),
    }


_experiment = partial(
    Experiment, step="outlook", page="multimodal", kind="table", design="paired-models",
    metric=RECALL, margin=0.05, sign=1, seeds=tuple(range(10)), null_dose=0, tolerance=0.04,
    knobs=(Knob(
        "siblings", "siblings of each picture in training", "siblings", low=0, high=17,
        default=5, doses=(0, 1, 2, 5, 17),
    ),),
    data=("emoji",), weights=("minilm",), cost=1.0,
)  # fmt: skip

EXPERIMENTS = (
    _experiment(
        id="multimodal", title="A picture's siblings in training, by skin tone and gender",
        symptom="A model names new pictures well, until they show something new.",
        caught_by="Name each test picture after its nearest one in training, and score that.",
        run=partial(run, by_base=False),
    ),
    _experiment(
        id="multimodal-base", title="Split by base: siblings of another gender stay",
        symptom="Variants were kept together, and the score still falls on new kinds.",
        arms=("flawed",), run=partial(run, by_base=True),
    ),
)  # fmt: skip
