"""The illusion of the easy inbox: ``mail-triage`` and ``mail-triage-easy``.

A spam filter is trained and tested on wanted mail that is easy to tell from spam: letters between
people, on mailing lists. It is used on all wanted mail, and some of that looks like spam:
newsletters, receipts, offers that were asked for. Used in chapter 3.

What is compared is a rate, the share of wanted mail that is called spam; it exists in both
populations whatever share of the mail is spam.

Said before anything was measured (but after a look, while the book was planned, at one filter that
called about 75 % of unseen hard mail spam): at dose 1 more than half of the hard mail of unseen
senders is called spam, and less than 3 % of the easy mail that the lab held out. Sixty hard mails
among six hundred (dose 0.9) halve that rate. ``mail-triage-easy``, where the mail to come is easy
as well, is equivalent to 0. The cure, to test on hard mail, may stay inconclusive: there are few.

Changed after a first look: at most ten mails of a unit are drawn. One sender had written a sixth
of the easy mail, and the rates on easy mail, apparent and honest, were mostly about which side of
the split it fell on: the control read 0.045 with an interval from -0.04 to 0.19, and the lab's own
rate was 0.090.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, partial
from typing import Any

import numpy as np
import pandas as pd

from illusionkit.arrays import Array
from illusionkit.data import mail
from illusionkit.errors import DataError
from illusionkit.experiment.spec import Experiment, Knob, Metric, Reading, Rows

TRAIN, HELD = 600, 180
"""Wanted mails, and as many of spam, that are trained on, and that the lab holds out."""
HELD_SHARE, JUDGED_SHARE = 0.15, 0.4
"""Units of each kind of mail kept for the lab's test, and for the final one."""
KINDS = ("easy", "hard", "spam")
WORDS = r"(?u)\b[^\W\d_]{2,20}\b"
MOST = 10
"""Mails of one unit that are drawn at most: one sender, a feed, wrote a sixth of the easy mail."""
RARE = 5
"""A word or mark in fewer mails is left out."""


def _alarms(rows: Rows) -> Array:
    return np.asarray(rows.prediction == 1, dtype=float)


FALSE_ALARMS = Metric(
    "share of wanted mail called spam", per_row=_alarms, greater_is_better=False, rate=True
)
"""The false-positive rate; all rows are wanted mail."""


@dataclass(frozen=True)
class Mails:
    """Mails as words and marks: ``counts`` 0 or 1 (mails, tokens), sparse; a label, unit, kind."""

    counts: Any
    tokens: Array
    label: Array
    unit: Array
    kind: Array
    confirm: Array

    def called(self, train: Array, judged: Array) -> Array:
        """Return 1 for each judged mail that is called spam after training on ``train``."""
        return np.asarray(self.fit(train).predict(self.counts[judged]))

    def fit(self, train: Array) -> Any:
        """Return a logistic regression on words and marks, trained on rows ``train``."""
        from sklearn.linear_model import LogisticRegression

        return LogisticRegression(C=0.1, solver="liblinear").fit(
            self.counts[train], self.label[train]
        )


@cache
def words_and_marks(part: str = "book") -> Mails:
    """Return all mails with their words and marks counted; tokens as `mail.mails` names marks.

    The confirm part is read for ``part="confirm"`` only. Used in chapter 3.
    """
    from scipy.sparse import hstack
    from sklearn.feature_extraction.text import CountVectorizer

    names = dict.fromkeys(("book", part))
    table = pd.concat([mail.mails(name).assign(part=name) for name in names], ignore_index=True)
    counters = [
        CountVectorizer(binary=True, min_df=RARE, token_pattern=WORDS),
        CountVectorizer(binary=True, min_df=RARE, token_pattern=r"\S+"),
    ]
    counts = [c.fit_transform(table[n]) for c, n in zip(counters, ("text", "marks"), strict=True)]
    tokens = np.concatenate([counter.get_feature_names_out() for counter in counters])
    label, unit, kind = (table[name].to_numpy() for name in ("label", "unit", "kind"))
    confirm = (table["part"] != "book").to_numpy()
    return Mails(hstack(counts).tocsr(), tokens, label, unit, kind, confirm)


@dataclass(frozen=True)
class Pools:
    """Shuffled rows of one kind of mail: to train on, for the lab to hold out, to judge by."""

    train: Array
    held: Array
    judged: Array


def pools(mails: Mails, part: str, rng: np.random.Generator) -> tuple[Pools, Pools, Pools]:
    """Return the rows of easy, hard and unwanted mail; a unit's mails of all kinds share a pool.

    Confirm rows can be judged only. Used in chapter 3.
    """
    names, place = np.unique(mails.unit, return_inverse=True)
    rank = (rng.permutation(len(names)) / len(names))[place]
    order = rng.permutation(len(rank))
    order = order[pd.Series(mails.unit[order]).groupby(mails.unit[order]).cumcount() < MOST]
    book = ~mails.confirm
    final = book & (rank < JUDGED_SHARE) if part == "book" else mails.confirm
    held = book & (rank >= JUDGED_SHARE) & (rank < JUDGED_SHARE + HELD_SHARE)
    train = book & (rank >= JUDGED_SHARE + HELD_SHARE)
    easy, hard, spam = (
        Pools(*(order[(side & (mails.kind == kind))[order]] for side in (train, held, final)))
        for kind in KINDS
    )
    return easy, hard, spam


def mixed(easy: Array, hard: Array, share: float, size: int) -> Array:
    """Return ``size`` wanted mails, a share of them easy, taken from the front of both.

    Raises
    ------
    DataError
        There are too few mails of one kind.
    """
    count = round(share * size)
    for rows, wanted, kind in ((easy, count, "easy"), (hard, size - count, "hard")):
        if len(rows) < wanted:
            raise DataError(
                f"{wanted} {kind} mails are needed and {len(rows)} are there: choose a share "
                "that needs fewer."
            )
    return np.concatenate([easy[:count], hard[: size - count]])


def _triage(dose: Mapping[str, float], seed: int, arm: str, part: str) -> Reading:
    """Read ``mail-triage``: of the wanted mail that was collected, a share is easy.

    Honest: the rate on hard mail of unseen senders. Flawed: the rate on the wanted mail that the
    lab held out of its collection. Cured: the same filter, its rate on held-out hard mail.
    """
    mails, rng = words_and_marks(part), np.random.default_rng([seed, 22])
    easy, hard, spam = pools(mails, part, rng)
    wanted = mixed(easy.train, hard.train, dose["easy"], TRAIN)
    held = hard.held if arm == "cured" else mixed(easy.held, hard.held, dose["easy"], HELD)
    return _reading(mails, wanted, held, hard.judged, spam)


def _easy(dose: Mapping[str, float], seed: int, arm: str, part: str) -> Reading:
    """Read ``mail-triage-easy``: the same collection, but the mail to come is easy as well."""
    mails, rng = words_and_marks(part), np.random.default_rng([seed, 22])
    easy, hard, spam = pools(mails, part, rng)
    wanted = mixed(easy.train, hard.train, dose["easy"], TRAIN)
    return _reading(mails, wanted, easy.held, easy.judged, spam)


def _reading(mails: Mails, wanted: Array, held: Array, judged: Array, spam: Pools) -> Reading:
    """Return the rates on two sets of wanted mail, and what the lab says of its spam."""
    junk = spam.held[:HELD]
    train = np.concatenate([wanted, spam.train[:TRAIN]])
    said = mails.called(train, np.concatenate([held, judged, junk]))
    seen, final, caught = np.split(said, np.cumsum([len(held), len(judged)]))
    found = [Rows(mails.label[r], p, mails.unit[r]) for r, p in ((held, seen), (judged, final))]
    extras = {
        "spam_caught": float(caught.mean()),
        "accuracy_in_the_lab": float(np.mean([1 - seen.mean(), caught.mean()])),
    }
    return Reading.scored(FALSE_ALARMS, *found, extras=extras)


_experiment = partial(
    Experiment,
    step="collect",
    design="two-populations",
    metric=FALSE_ALARMS,
    knobs=(
        Knob(
            name="easy",
            label="wanted mail in the collection that is easy",
            unit="share",
            low=0.9,
            high=1.0,
            default=1.0,
            doses=(0.9, 0.95, 0.97, 0.99, 1.0),
        ),
    ),
    seeds=tuple(range(30)),
    margin=0.05,
    data=("mails",),
    page="mail-triage",
    cost=0.3,
    tolerance=0.01,
)

EXPERIMENTS = (
    _experiment(
        id="mail-triage",
        title="A spam filter tested on mail that is easy to tell",
        sign=1,
        arms=("flawed", "cured"),
        run=_triage,
    ),
    _experiment(
        id="mail-triage-easy",
        title="The same spam filter on easy mail of other senders",
        sign=0,
        arms=("control",),
        run=_easy,
    ),
)
