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
from illusionkit.experiment.draws import first, sides
from illusionkit.experiment.reading import Metric, Reading, Rows
from illusionkit.experiment.spec import Dose, Experiment, Knob
from illusionkit.experiment.task import Task, read
from illusionkit.models.learners import Probe, sparse_probe

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
    """Mails as words and marks, ``counts`` 0 or 1 (mails, tokens), sparse; and their columns."""

    counts: Any
    tokens: Array
    table: pd.DataFrame
    label: Array
    unit: Array
    kind: Array

    def fit(self, train: Array) -> Any:
        """Return the filter: a logistic regression trained on rows ``train``."""
        return sparse_probe().fit(self.counts[train], self.label[train])


@cache
def words_and_marks(part: str = "book") -> Mails:
    """Return all mails with their words and marks counted; tokens as `mail.mails` names marks.

    The confirm part is read for ``part="confirm"`` only. Used in chapter 3.
    """
    from scipy.sparse import hstack
    from sklearn.feature_extraction.text import CountVectorizer

    table = read(mail.mails, part)
    patterns = {"text": WORDS, "marks": r"\S+"}
    counters = {
        name: CountVectorizer(binary=True, min_df=RARE, token_pattern=pattern)
        for name, pattern in patterns.items()
    }
    counts = hstack([counters[name].fit_transform(table[name]) for name in patterns]).tocsr()
    tokens = np.concatenate([each.get_feature_names_out() for each in counters.values()])
    table = table.drop(columns=list(patterns))
    return Mails(counts, tokens, table, *(table[n].to_numpy() for n in ("label", "unit", "kind")))


def pools(task: Task, part: str, rng: np.random.Generator) -> list[dict[str, Array]]:
    """Return shuffled rows by kind: to train on, for the lab to hold out, to judge by.

    A unit's mails of all kinds share a pool. Confirm rows can be judged only.
    """
    cut = sides(task.unit, rng, held=HELD_SHARE, judged=JUDGED_SHARE)
    train, held, judged = (side & task.book for side in cut)
    judged = judged if part == "book" else ~task.book
    order = rng.permutation(len(task.table))
    order = order[pd.Series(task.unit[order]).groupby(task.unit[order]).cumcount() < MOST]
    kind = task.table["kind"].to_numpy()
    return [
        {each: order[(side & (kind == each))[order]] for each in KINDS}
        for side in (train, held, judged)
    ]


def mixed(rows: Mapping[str, Array], share: float, size: int) -> Array:
    """Return ``size`` wanted mails, a share of them easy; `DataError` if one kind is too few."""
    wanted = {"easy": round(share * size), "hard": size - round(share * size)}
    return np.concatenate([first(rows[k], n, f"{k} mails") for k, n in wanted.items()])


def run(dose: Dose, seed: int, arm: str, part: str, *, to_come: str = "hard") -> Reading:
    """Read ``mail-triage``: of the wanted mail that was collected, a share is easy.

    Honest: the rate on mail ``to_come``, of unseen senders; hard, or, in ``mail-triage-easy``,
    easy as well. Flawed: the rate on the wanted mail that the lab held out of its collection.
    Cured: the same filter, its rate on held-out hard mail. Control: on held-out easy mail.
    """
    mails, rng = words_and_marks(part), np.random.default_rng([seed, 22])
    task = Task(mails.table, Probe(mails.counts, sparse_probe))
    train, held, judged = pools(task, part, rng)
    wanted = mixed(train, dose["easy"], TRAIN)
    lab = {"cured": held["hard"], "control": held["easy"]}.get(arm)
    lab = mixed(held, dose["easy"], HELD) if lab is None else lab
    trained = np.concatenate([wanted, train["spam"][:TRAIN]])
    seen, honest, junk = task.judge(trained, lab, judged[to_come], held["spam"][:HELD])
    caught, alarms = (float(rows.prediction.mean()) for rows in (junk, seen))
    extras = {"spam_caught": caught, "accuracy_in_the_lab": float(np.mean([1 - alarms, caught]))}
    return task.reading(FALSE_ALARMS, seen, honest, **extras)


_experiment = partial(
    Experiment,
    step="collect", page="mail-triage", kind="mail",
    design="two-populations", metric=FALSE_ALARMS, margin=0.05, seeds=tuple(range(30)),
    knobs=(Knob.share(
        "easy", "wanted mail in the collection that is easy", (0.9, 0.95, 0.97, 0.99, 1.0),
        low=0.9,
    ),),
    data=("mails",), cost=0.3, tolerance=0.01,
)  # fmt: skip

EXPERIMENTS = (
    _experiment(
        id="mail-triage",
        title="A spam filter tested on mail that is easy to tell",
        symptom="Hardly a false alarm in the lab, and users miss receipts and newsletters.",
        caught_by="Report the false alarms of each kind of mail.",
        sign=1,
        arms=("flawed", "cured"), run=run,
    ),
    _experiment(
        id="mail-triage-easy",
        title="The same spam filter on easy mail of other senders",
        symptom="Few false alarms in the lab, and as few on the same kind of mail by others.",
        sign=0,
        arms=("control",), run=partial(run, to_come="easy"),
    ),
)  # fmt: skip
