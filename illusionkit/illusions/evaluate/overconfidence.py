"""Surer than right: ``overconfidence-films``, ``-products``, ``-tweets``, ``-editorials``.

Apparent: how sure the fine-tuned model of film reviews is, the mean probability of the class it
names. Honest: how often it is right, on the same rows. The logits are divided by a temperature T.

Pilot figures had been seen, as mean confidence/accuracy at T = 1: films .642/.567, products
.591/.424, tweets .591/.314; .021 left on films at T = 1.2; .047 and .056 after scaling on 200 rows
of a target; products .116, and .018 at the films' class shares; a calibrated model's binned error
near .035. Editorials had not been seen. Said before this spec was measured:

- at T = 1 all four are overconfident, and each of the three targets more so than the films;
- it falls with T (accuracy can't), and passes 0 between 1 and 2 on films, not up to 3 on tweets;
- the control is equivalent to 0; scaled on films ("elsewhere") the targets stay overconfident;
- 200 rows of a target take away more than half of what T = 1 shows there;
- scaled on films, at the films' class shares, products fall below the margin, tweets do not;
- after scaling, the films' binned error is within .02 of that of a calibrated model;
- the surer half of the films is right at least .08 more often than all, that of tweets less so.
Used in chapter 3.
"""

from __future__ import annotations

from functools import partial

import numpy as np
import pandas as pd
from scipy.special import softmax

from illusionkit.arrays import Array
from illusionkit.experiment.draws import first, turns
from illusionkit.experiment.reading import Metric, Reading, Rows
from illusionkit.experiment.spec import Dose, Experiment, Knob
from illusionkit.illusions.material.sentences import sentences, to_films
from illusionkit.models.calibration import binned_error, surest, temperature

LABELLED, TOSSES = 200, 200
"""Labels of the other domain that the cure may have; tosses of a calibrated model."""


def _said(rows: Rows) -> Array:
    """Return the probability of the named class, or where there is none whether it is right."""
    return (rows.truth == rows.prediction) * 1.0 if rows.probability is None else rows.probability


RIGHT = Metric("chance of being right", per_row=_said)


def _dealt(table: pd.DataFrame, rng: np.random.Generator) -> tuple[Array, Array]:
    """Return rows for the cure, and rows to judge by, which share no unit with them."""
    unit, book = table["unit"].to_numpy(), np.flatnonzero(table["part"] == "book")
    order = book[np.argsort(turns(unit[book], rng), kind="stable")]
    labelled = first(order, LABELLED, "labelled sentences")
    confirm = np.flatnonzero(table["part"] != "book")
    return labelled, confirm if len(confirm) else order[~np.isin(unit[order], unit[labelled])]


def run(dose: Dose, seed: int, arm: str, part: str, *, corpus: str) -> Reading:
    """Read one corpus. Flawed: at the temperature of the dose.

    Control (films) and "elsewhere" (the others): at that of the films' validation split. Cured:
    at that of 200 labelled sentences of the corpus itself, drawn by the seed and not judged.
    """
    (table, logs), rng = sentences(corpus, part), np.random.default_rng([seed, 91])
    label, (labelled, judged) = table["label"].to_numpy(), _dealt(table, rng)
    home, known = sentences("validation")
    if arm == "flawed":
        scale = dose["temperature"]
    elif arm == "cured":
        scale = temperature(logs[labelled], label[labelled])
    else:
        scale = temperature(known, home["label"].to_numpy())
    facts = label[judged], logs[judged].argmax(axis=1), table["unit"].to_numpy()[judged]
    shown, so = Rows(*facts, softmax(logs[judged] / scale, axis=1).max(axis=1)), Rows(*facts)
    sure, right, alike = _said(shown), _said(so), to_films(so.truth)
    tossed = binned_error(sure, rng.random((TOSSES, len(sure))) < sure)  # as right as it says
    extras = {
        "temperature": scale, "half": surest(sure, right, 0.5),
        "at_the_films_shares": RIGHT.score(shown, alike) - RIGHT.score(so, alike),
        "binned_error": float(binned_error(sure, right)),
        "calibrated": float(tossed.mean()), "calibrated_hi": float(np.quantile(tossed, 0.95)),
    }  # fmt: skip
    return Reading.scored(RIGHT, shown, so, extras=extras)


_DOSES = (0.25, 0.5, 0.75, 1, 1.25, 1.5, 2, 3)
_experiment = partial(
    Experiment, step="evaluate", page="overconfidence", kind="text", design="same-rows",
    # Some 720 films and 1,300 sentences elsewhere tell no less than the margin from nothing.
    margin=0.07, sign=-1, seeds=tuple(range(20)), arms=("flawed", "elsewhere", "cured"),
    knobs=(Knob("temperature", "what the logits are divided by", "", 0.1, 10, 1, _DOSES),),
    metric=RIGHT, weights=("minilm",), cost=0.1, tolerance=0.04,
)  # fmt: skip

EXPERIMENTS = (
    _experiment(
        id="overconfidence-films", title="How sure and how right on other film reviews",
        symptom="The model says that it is nearly certain, and is wrong more often than it says.",
        caught_by="Compare mean confidence with accuracy on the same rows.",
        arms=("flawed", "control", "cured"), data=("movie_reviews",),
        run=partial(run, corpus="movie_reviews"),
    ),
    _experiment(
        id="overconfidence-products", title="How sure and how right on product reviews",
        symptom="A threshold on confidence that held in the lab lets too many errors through.",
        caught_by="Print how many of the answers above the threshold are right.",
        data=("movie_reviews", "product_reviews"), run=partial(run, corpus="product_reviews"),
    ),
    _experiment(
        id="overconfidence-tweets", title="How sure and how right on tweets", sign=1,
        symptom="The answers became worse on new texts, and the model is as sure as ever.",
        caught_by="Label two hundred rows of the new place, and compare again.",
        data=("movie_reviews", "tweets"), run=partial(run, corpus="tweets"),
    ),
    _experiment(
        id="overconfidence-editorials", title="How sure and how right on editorials",
        symptom="The calibration was checked, on other texts than those it is used on.",
        caught_by="Calibrate on rows of the place of use.",
        data=("movie_reviews", "editorials"), run=partial(run, corpus="editorials"),
    ),
)  # fmt: skip
