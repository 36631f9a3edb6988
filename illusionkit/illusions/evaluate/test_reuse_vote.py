"""A board that answers every submission: ``test-reuse-vote``.

The coins of `test_reuse`, and a vote of all that the board said to be above one half (Blum and
Hardt 2015, section 3.1). What was said before anything was measured stands there. Used in
chapter 3.
"""

from __future__ import annotations

import numpy as np

from illusionkit.arrays import Array
from illusionkit.experiment.reading import Reading
from illusionkit.experiment.spec import Dose
from illusionkit.illusions.evaluate.test_reuse import TRUTH, accuracy, judged, spec, tests, thrown


def ladder(scores: Array, rows: int) -> Array:
    """Return what a Ladder tells of each score, in order: the best so far, or a new one.

    A score is told only if it is better than the one told before by more than a standard error of
    a half. The first is compared with one half. Blum and Hardt (2015), section 3, simplified: the
    step is fixed.
    """
    told, best, step = [], TRUTH, TRUTH / np.sqrt(rows)
    for score in scores:
        best = float(score) if score > best + step else best
        told.append(best)
    return np.array(told)


def vote(dose: Dose, seed: int, arm: str, part: str) -> Reading:
    """Read ``test-reuse-vote``: the majority of all coins that were told to be above one half.

    Control: told by the answers of other reviews. Cured: told by the Ladder, the coins one after
    another; only a coin that raises what is told counts as told to be above.
    """
    test, other = sets = tests(seed, round(dose["rows"]), part)
    here, there = thrown(round(dose["coins"]), sets, np.random.default_rng([seed, 33]))
    told = accuracy(other, there) if arm == "control" else accuracy(test, here)
    if arm == "cured":
        told = TRUTH + np.diff(ladder(told, len(test.truth)), prepend=TRUTH)
    voters = here[told > TRUTH] if (told > TRUTH).any() else here[:1]
    share = voters.mean(axis=0)  # a tie goes to the first voter
    decided = np.where(share == TRUTH, voters[0], share > TRUTH).astype(int)
    return judged(test, decided, voters=float(len(voters)))


EXPERIMENTS = (
    spec(
        "test-reuse-vote", page="board-that-answers", run=vote,
        title="A vote of the submissions that did well on the test",
        symptom="Scores rise from submission to submission, and nothing was learned.",
        caught_by="Keep rows back that no score was ever told of.",
    ),
)  # fmt: skip
