"""The illusion of testing until it is significant: ``optional-stopping``.

Two *rivals* that are equal as procedures: one learner, trained on two draws of a thousand movie
reviews. Test reviews are labelled in batches. After each batch McNemar's test is looked at, and the
labelling ends where p < .05 (flawed). Control: one look, when all thousand are labelled. Cured: the
same looks, but what is looked at is a bet. Who starts with 1, stakes it on *the rivals are not
equal*, and splits it evenly over all chances that one wins a review on which they differ, has

    E = 2^(w + l) B(1 + w, 1 + l)    after w won and l lost of those reviews;

if they are equal, E is a martingale, and ever reaches 1 / .05 with probability .05 at most (Ville's
inequality). A winner is named there. In every arm the score is the lead that is reported, in the
rows at hand when the labelling ended, and the honest score the lead of that same winner in the
holdout; where nobody is named, no lead is reported or owed, and both are 0.

Said before anything was measured (from ``underpowered-win`` it is known that a mean lead is two
points on 500 reviews, that rivals differ on 37 % of them, and that one look at 500 named two
winners in a hundred; 100,000 simulated walks of a normal mean were named significant by .05, .083,
.143, .194, .251 and .322 of them at 1, 2, 5, 10, 20 and 50 looks):

- The share of contests with a winner grows with the looks; at 50 it lies between 20 and 40 in a
  hundred, in the control between 1 and 9. At each number of looks its interval holds what
  simulated walks of equal rivals give; and that is under the share of the normal walks.
- Optimism at 50 looks: between 1.5 and 4 points; above 1 point, the margin, from 10 looks up. The
  winners' mean lead at 50 looks is between 6 and 14 points, of which less than 1 is left.
- Half of the winners at 50 looks are named before 300 reviews are labelled.
- Control: equivalent to none. Cured: names under 5 in a hundred, equivalent to none at all doses.
- The price, where one rival has learnt from a quarter of the rows (250): one look at a thousand
  names a winner in 50 to 90 of a hundred, the bet in fewer, by 10 to 40, yet in those after fewer
  than 700 reviews on average. Looking until it is significant names one more often than either.

After the first table the least p-value of each reading was added to it; nothing else changed.
Used in chapter 3.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
from scipy.special import betaln
from scipy.stats import binom

from illusionkit.arrays import Array
from illusionkit.experiment.power import LEVEL
from illusionkit.experiment.reading import Reading
from illusionkit.experiment.spec import Dose, Experiment, Knob
from illusionkit.experiment.task import Fit, Task
from illusionkit.illusions.evaluate.underpowered_win import (
    LEAD,
    TESTED,
    TRAIN_ROWS,
    dealt,
    leads,
)
from illusionkit.illusions.tune.small_sample import reviews


def p_values(won: Array, lost: Array) -> Array:
    """Return the p-value of McNemar's exact test at each look, from the reviews won and lost."""
    return np.asarray(np.minimum(1, 2 * binom.cdf(np.minimum(won, lost), won + lost, 0.5)))


def bets(won: Array, lost: Array) -> Array:
    """Return what a bet of 1 on unequal rivals has become at each look. Used in chapter 3.

    Of equal rivals it ever becomes 1 / `LEVEL` with probability `LEVEL` at most, at any looks.
    """
    return np.asarray(np.exp((won + lost) * np.log(2) + betaln(1 + won, 1 + lost)))


def looked(leads: Array, looks: int) -> tuple[Array, Array, Array]:
    """Return the rows at hand at each of so many looks, and those won and lost by then.

    ``leads`` has 1, 0 or -1 a row, in the order of labelling; looks lie at equal distances.
    """
    rows = np.unique(np.ceil(len(leads) * np.arange(1, looks + 1) / looks).astype(int))
    return rows, np.cumsum(leads > 0)[rows - 1], np.cumsum(leads < 0)[rows - 1]


@cache
def contest(seed: int, second: int, part: str) -> tuple[Task, tuple[Array, Array], list[Array]]:
    """Return a trained pair: the task, rows of test and holdout, and the first one's leads there.

    Used in chapter 3.
    """
    task, rng = Task(*reviews(part)), np.random.default_rng([seed, 71])
    test, holdout, pool = dealt(task, rng, TESTED)
    draws = pool[:TRAIN_ROWS], pool[TRAIN_ROWS:][:second]
    return task, (test, holdout), leads(task, draws, test, holdout)


def run(dose: Dose, seed: int, arm: str, part: str) -> Reading:
    """Read ``optional-stopping``: the reported lead of the named winner, and its lead after."""
    drawn, (test, holdout), (seen, held) = contest(seed, round(dose["second"]), part)
    task = replace(drawn, fits=[Fit(fit.train, fit.size) for fit in drawn.fits])
    seen = seen[: round(dose["rows"])]
    rows, won, lost = looked(seen, 1 if arm == "control" else round(dose["looks"]))
    p = p_values(won, lost)
    sure = bets(won, lost) >= 1 / LEVEL if arm == "cured" else p < LEVEL
    end = int(np.argmax(sure)) if sure.any() else -1
    winner = int(np.sign(won[end] - lost[end])) if sure.any() else 0
    stop = int(rows[end])
    sides = task.rows(test[:stop], winner * seen[:stop]), task.rows(holdout, winner * held)
    extras: dict[str, Any] = {"least_p": float(p.min()), "disagreement": float((held != 0).mean())}
    return task.reading(LEAD, *sides, named=abs(winner), stop=stop, **extras)


EXPERIMENTS = (
    Experiment(
        id="optional-stopping", step="evaluate", page="optional-stopping", kind="text",
        title="Labelled until the win was significant",
        symptom="The win was significant when the labelling ended, and on new rows it is gone.",
        caught_by="Ask how often the p-value was looked at, and who decided when to stop.",
        design="fresh-sample", metric=LEAD, margin=0.01, sign=1, seeds=tuple(range(200)),
        knobs=(
            Knob("looks", "looks at the p-value", "looks", low=1, high=1000, default=50,
                 doses=(1, 2, 5, 10, 20, 50)),
            Knob("rows", "reviews labelled at most", "reviews", low=50, high=3000, default=1000,
                 doses=(300, 1000, 3000)),
            Knob("second", "training reviews of the second rival", "reviews", low=100, high=1000,
                 default=1000, doses=(250, 500, 1000)),
        ),
        null_dose=1, data=("movie_reviews",), weights=("minilm",), cost=0.1, tolerance=0.01,
        run=run,
    ),
)  # fmt: skip
