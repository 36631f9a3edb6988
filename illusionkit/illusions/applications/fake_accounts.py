"""Accounts that are no users: ``fake-accounts``.

Somebody wants forty films to be recommended that few have rated, and opens accounts that each rate
thirty of them. Of each account one rating is held out: a user's last, one by chance of a fake. EASE
learns from all accounts, and all films that an account has not rated are ranked. Flawed (apparent):
HR@10 over all accounts. Honest: over the users alone, same model. *Control*: the accounts that are
added are users, who had been kept back. *Cured*: accounts that share more than half of their films
with five others are struck out before anything is learned or scored.

Seen before, once: with a fifth fakes the score on all accounts doubles, that on users stays. Said
before this was measured: the optimism grows as the share of fakes; users are hit as often as with
no fakes, to within two points; control and cure are equivalent to 0. Fakes that are not alike would
not be struck out: that is not tried. Used in chapter 6.
"""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import numpy as np
import pandas as pd

from illusionkit.arrays import Array
from illusionkit.data import movielens
from illusionkit.data.movielens import FILMS, matrix
from illusionkit.errors import DataError
from illusionkit.experiment.draws import first
from illusionkit.experiment.reading import Reading, Rows
from illusionkit.experiment.spec import Dose, Experiment, Knob
from illusionkit.experiment.task import read
from illusionkit.illusions.material.films import HIT_RATE, LIST, held_out
from illusionkit.models.recommenders import ease

USERS, KEPT_BACK, PUSHED, RATED = 600, 150, 40, 30
"""Users learned from, and kept back for the control; films that are pushed, and rated by a fake."""
ALIKE, OTHERS = 0.5, 5  # struck out: shares more than this with at least so many others
RATE = replace(HIT_RATE, rate=True)  # whoever the accounts are


class Accounts(NamedTuple):
    """What each account rated (accounts, films), the film held out of it, and its number."""

    given: Array
    target: Array
    unit: Array

    def rows(self, which: Array) -> Accounts:
        """Return some of the accounts."""
        return Accounts(*(values[which] for values in self))

    def beside(self, other: Accounts) -> Accounts:
        """Return these accounts, and others below them."""
        return Accounts(*(np.concatenate(pair) for pair in zip(self, other, strict=True)))


def users(table: pd.DataFrame, rng: np.random.Generator) -> Accounts:
    """Return the accounts of a table of ratings, the last rating of each held out."""
    held = held_out(table, True, rng)
    given, asked = matrix(table.drop(held)), table.loc[held]
    if len(given) < len(asked):
        raise DataError("A user has one rating, and no other to go by: leave such users out.")
    return Accounts(given, asked["film"].to_numpy() - 1, asked["unit"].to_numpy())


def fakes(histories: Array, number: int, rng: np.random.Generator) -> Accounts:
    """Return so many fake accounts; they push the films that the fewest rated, if anybody did."""
    count = histories.sum(axis=0)
    rated = np.argsort(np.where(count > 0, count, np.inf), kind="stable")[: (count > 0).sum()]
    pushed = first(rated, PUSHED, "rated films")
    films = np.array([rng.permutation(pushed)[:RATED] for _ in range(number)], dtype=int)
    given, films = np.zeros((number, FILMS)), films.reshape(number, RATED)
    np.put_along_axis(given, films[:, 1:], 1, axis=1)
    return Accounts(given, films[:, 0], 10_000 + 20 * np.arange(number))


def alike(accounts: Array) -> Array:
    """Return which accounts share more than half of their films with at least five others."""
    shared, size = accounts @ accounts.T, accounts.sum(axis=1)
    jaccard = shared / np.maximum(size[:, None] + size - shared, 1)
    return np.asarray((jaccard > ALIKE).sum(axis=1) > OTHERS)  # each is like itself


def judged(histories: Array, asked: Accounts) -> Rows:
    """Return whose film held out stands among the first ten of all that were not given."""
    scores = np.where(asked.given > 0, -np.inf, ease(histories, asked.given))
    own = scores[np.arange(len(asked.target)), asked.target]
    hit = (scores > own[:, None]).sum(axis=1) < LIST
    return Rows(asked.target, np.where(hit, asked.target, -1), asked.unit)


def run(dose: Dose, seed: int, arm: str, part: str) -> Reading:
    """Read EASE's hit rate over all accounts and over users, at a share of added accounts."""
    table, rng = read(movielens.film_ratings, part), np.random.default_rng([seed, 63])
    book = users(table[table["part"] == "book"], rng)
    order = first(rng.permutation(len(book.unit)), USERS + KEPT_BACK, "users")
    real, odds = book.rows(order[:USERS]), dose["share"] / (1 - dose["share"])
    number = round(odds * USERS)
    spare = book.rows(order[USERS:][:number])
    everybody = real.beside(spare if arm == "control" else fakes(real.given, number, rng))
    more = everybody.rows(np.arange(USERS, USERS + number))
    asked = real if part == "book" else users(table[table["part"] == part], rng)
    shown = asked.beside(more.rows(np.arange(round(odds * len(asked.unit)))))
    struck = alike(everybody.given) & (arm == "cured")
    learned, gone = everybody.given[~struck], np.isin(shown.unit, everybody.unit[struck])
    sides = (judged(learned, each) for each in (shown.rows(~gone), asked))
    return Reading.scored(RATE, *sides, extras={"users_struck": float(struck[:USERS].mean())})


EXPERIMENTS = (
    Experiment(
        id="fake-accounts", step="applications", page="recommendation", kind="table",
        title="Fake accounts in the test of a recommender",
        symptom="The score of a recommender rises from month to month, and users notice nothing.",
        caught_by="Score the accounts apart that share most of their items with several others.",
        design="two-populations", metric=RATE, margin=0.02, sign=1, seeds=tuple(range(6)),
        knobs=(Knob.share("share", "accounts that are added", (0.0, 0.05, 0.1, 0.2), high=0.2),),
        null_dose=0.0, data=("film_ratings",), cost=1.0, tolerance=0.005, run=run,
    ),
)  # fmt: skip
