"""Texts that a generator writes, trained on and judged by: ``synthetic-data``, ``-added``.

Does a film review praise or blame? (Means of the raters above 0.75 or below -0.75; as many of
each.) Reviews are scarce, so a generator writes some for a label that is asked of it. Frozen
features, a linear probe. A lab's own test is made like its training set; honest is the accuracy on
other real reviews. ``synthetic-data``: nothing but generated texts. ``synthetic-data-added``: they
are added to 50 real reviews, and the lab's test has the same share of them.

Flawed: SmolLM2-135M-Instruct writes (`material.writer`: made once, kept as features). Control: as
many real reviews in their place. Cured: as flawed, but tested on real reviews. Chain: a Markov
chain of words for each label, learned from the 50 real reviews, writes training and test.

Seen before, in a pilot with other prompts, labels and settings: trained on the language model's
texts .555 on real ones, .60 on its own kind; added to 50 real ones .654 -> .600; a chain 1.000 on
its own text, of which 22 to 41 % was a verbatim copy. The written texts had been read when this was
written, and no classifier had seen them.

Said before this was measured. (1) Of 400 written texts and nothing else the optimism is above .05,
and it grows with their number. (2) The honest score of those 400 is below that of 50 real reviews.
(3) Control and cure are equivalent to 0. (4) 400 written texts added to 50 reviews gain nothing:
the honest score moves by less than .02 or falls; as many real ones gain more than .05. (5) The
chain's optimism is the larger one, its apparent score above .95; its honest score lies within .03
of that of the 50 reviews it knows; more than 20 % of its texts are verbatim copies. (6) The score
of a mixed test is the mixture of two scores, to the last digit. Used in chapter 8.
"""

from __future__ import annotations

from functools import partial

import numpy as np
import pandas as pd

from illusionkit.arrays import Array
from illusionkit.experiment.draws import mixed, pools
from illusionkit.experiment.reading import ACCURACY, Reading, Rows
from illusionkit.experiment.spec import Dose, Experiment, Knob
from illusionkit.experiment.task import Task
from illusionkit.illusions.collect.domain_shift import least
from illusionkit.illusions.material.generated import generated, reviews, shares, together
from illusionkit.models.learners import Probe, linear_probe

NAMES = ("negative texts", "positive texts")
KNOWN, MOST, TESTED, JUDGED = 50, 400, 200, 1500
"""Reviews that the lab has, the most that is added, rows of its test, reviews that judge it."""
HELD_SHARE, JUDGED_SHARE = 0.1, 0.3


def run(dose: Dose, seed: int, arm: str, part: str, *, own: int) -> Reading:
    """Read a lab that has ``own`` real reviews and adds texts of a generator, or other reviews.

    Extras: the scores of the two kinds of rows in a mixed test; how often praise is said of the
    judging reviews; of the chain's texts how many are copies.
    """
    rng, (table, features) = np.random.default_rng([seed, 91]), reviews(part)
    real, unit = (table["part"] == "book").to_numpy(), table["unit"].to_numpy()
    train, held, judged = pools(
        unit, np.flatnonzero(real), rng, held=HELD_SHARE, judged=JUDGED_SHARE
    )
    if part != "book":
        judged = rng.permutation(np.flatnonzero(~real))
    pick = partial(mixed, table["label"].to_numpy(), share=0.0, names=NAMES)
    final = pick(judged, judged, size=least(table["label"].to_numpy(), judged, JUDGED // 2))
    known = table.iloc[pick(train, train, size=KNOWN // 2)]
    made = generated("chained" if arm == "chain" else "written", known, seed)
    task = Task(*_prepared((table, features), made))
    more = len(table) + rng.permutation(len(made[0]))
    far, far_held = (train[::-1], held[::-1]) if arm == "control" else (more, more[::-1])
    size = own + round(dose["added"])
    share, mix = 1 - own / size, partial(mixed, task.label, names=NAMES)
    rows = mix(train, far, share=share, size=size // 2)
    test = mix(held, far_held, share=0.0 if arm == "cured" else share, size=TESTED // 2)
    seen, honest = task.judge(rows, test, final)
    extras = _kinds(seen, test >= len(table)) | {"praise": float(honest.prediction.mean())}
    return task.reading(ACCURACY, seen, honest, **extras, **shares(made[0]))


def _prepared(*parts: tuple[pd.DataFrame, Array]) -> tuple[pd.DataFrame, Probe]:
    table, features = together(*parts)
    return table, Probe(features, linear_probe)


def _kinds(seen: Rows, foreign: Array) -> dict[str, float]:
    """Return the scores of the generated and of the real rows of a test, where it has some."""
    sides = {"on_generated": foreign, "on_reviews": ~foreign}
    return {
        name: ACCURACY.score(seen, side.astype(float)) for name, side in sides.items() if side.any()
    }


_experiment = partial(
    Experiment, step="outlook", page="synthetic-data", kind="text", design="two-populations",
    metric=ACCURACY, margin=0.05, seeds=tuple(range(10)), sign=1,
    arms=("flawed", "control", "cured", "chain"), data=("movie_reviews",), weights=("minilm",),
    cost=0.5, tolerance=0.01,
)  # fmt: skip

EXPERIMENTS = (
    _experiment(
        id="synthetic-data", title="Trained on texts that a model wrote, and tested on them",
        symptom="A generator wrote the training set and the test set, and only there it works.",
        caught_by="Score a hundred real rows that no generator has seen.",
        knobs=(Knob("added", "generated texts to learn from", "texts", low=10, high=MOST,
                    default=MOST, doses=(50, 100, 200, 400)),),
        run=partial(run, own=0),
    ),
    _experiment(
        id="synthetic-data-added", title="Texts that a model wrote, added to fifty real ones",
        symptom="The data set grew by generated rows and so did the score, but not for users.",
        caught_by="Test on real rows alone, and compare with as many real rows added.",
        knobs=(Knob("added", "texts added to fifty reviews", "texts", low=0, high=MOST,
                    default=MOST, doses=(0, 50, 100, 200, 400)),),
        null_dose=0, run=partial(run, own=KNOWN),
    ),
)  # fmt: skip
