"""How far a model can be pruned, by the test that chose it: ``compression-chosen``.

A model is pruned further and further, and the furthest that loses at most a point on the test is
shipped, with that test's loss. Apparent: that loss. Honest: the loss of the same pruned model on
fresh reviews. A loss is the share of right answers lost less the share won.

Flawed: the test that tells the loss chose the share. Control: a share named beforehand, three
tenths, told by the same test. Cured: as many other reviews choose, and the test tells.

Said before anything was measured: the flawed arm's optimism falls as the test grows, is above .02
at 50 reviews and below .02 at 300; the control's is equivalent to 0 at every size; the cured arm's
is less than half of the flawed arm's at 50. The share shipped after a look at 50 reviews is larger
than after a look at 300. Used in chapter 8.
"""

from __future__ import annotations

from functools import cache

import numpy as np

from illusionkit.arrays import Array
from illusionkit.experiment.draws import first
from illusionkit.experiment.reading import Reading, Rows
from illusionkit.experiment.spec import Dose, Experiment, Knob
from illusionkit.illusions.material.compressed import RIGHT_LOST, pool, told
from illusionkit.training.book_model import tables

SHARES = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6)
FIXED, ALLOWED, MOST = 0.3, 0.01, 300
"""The share named beforehand; the loss that counts as none; the reviews of the largest test."""


def answered(share: float, part: str, where: Array) -> Rows:
    """Return which of some reviews the whole model has right, and which a pruned one."""
    rows = pool(part).iloc[where]
    label = rows["label"].to_numpy()
    models = (told(part), told(part, "pruned", share) if share else told(part))
    right = [label == chances[where].argmax(axis=1) for chances in models]
    return Rows(right[0].astype(int), right[1].astype(int), rows["unit"].to_numpy())


def furthest(losses: Array, allowed: float) -> int:
    """Return the place of the last loss that is allowed, 0 if there is none."""
    return int(np.flatnonzero(losses <= allowed).max(initial=0))


def run(dose: Dose, seed: int, arm: str, part: str) -> Reading:
    """Read ``compression-chosen``: the furthest pruning that a test passes, on fresh reviews."""
    size, rng = round(dose["reviews"]), np.random.default_rng([seed, 82])
    order = rng.permutation(len(pool("book")))
    test, other = (first(rows, size, "reviews") for rows in (order[:MOST], order[MOST : 2 * MOST]))
    fresh = order[2 * MOST :] if part == "book" else np.arange(len(pool(part)))
    choosing = other if arm == "cured" else test
    losses = [RIGHT_LOST.score(answered(share, "book", choosing)) for share in SHARES]
    share = FIXED if arm == "control" else SHARES[furthest(np.array(losses), ALLOWED)]
    seen, honest = answered(share, "book", test), answered(share, part, fresh)
    looked_at = pool("book")["unit"].to_numpy()[np.concatenate([choosing, test])]
    used = np.unique(np.concatenate([looked_at, *_trained_on()]))
    extras = {"share": share, "zero": float(share == 0)}
    return Reading.scored(RIGHT_LOST, seen, honest, extras=extras, used_units=used)


@cache
def _trained_on() -> list[Array]:
    """Return the units that the model was trained on, or chosen by."""
    return [tables()[name]["unit"].to_numpy() for name in ("train", "validation")]


EXPERIMENTS = (
    Experiment(
        id="compression-chosen", step="outlook", page="compression", kind="text",
        title="The furthest pruning that loses nothing on a test",
        symptom="Half of the weights were superfluous on the test, and in use they were not.",
        caught_by="Score the model that was chosen on reviews that did not choose it.",
        design="fresh-sample", metric=RIGHT_LOST, margin=0.02, sign=1, seeds=tuple(range(40)),
        knobs=(Knob(
            "reviews", "reviews of the test", "reviews", low=20, high=MOST, default=50,
            doses=(50, 100, 200, 300),
        ),),
        data=("movie_reviews",), weights=("minilm",), cost=3.0, tolerance=0.05, run=run,
    ),
)  # fmt: skip
