"""A quality filter, and a test that passed through it as well: ``data-quality``.

A file of reviews, eight in ten of films, two of products, each labelled by one rater in five
classes. A filter asks a model, cross-validated, how probable each label is, and throws away the
least probable ones: some are wrong, some are right and hard. Flawed: the file is filtered, then
split. Control: as many rows are thrown away by lot. Cured: split first; only the training side is
filtered. Honest, for all: the trained model on reviews as they come, in the same mixture, labelled
by one rater as well. Which kind of row goes is counted by corpus, and by the consensus of fourteen
other raters, which no arm learns from. Beside the flawed score stands a rival: a model of all
training rows, scored on the test rows that the filter left.

Said before anything was measured: the flawed optimism grows with the share thrown away, to more
than .10 at four tenths; control and cure are equivalent to 0. Against the consensus, filtering the
training side moves the honest score by less than .02 at two tenths. At two tenths most of the
labels thrown away are not the consensus', and more than a quarter are. Product sentences, the
smaller group, are thrown away more often than film reviews, and the longer half of the texts more
often than the shorter. The rival scores within .03 of the flawed arm on the cleaned test: the test
has become easier, the model no better. Used in chapter 8.
"""

from __future__ import annotations

import numpy as np

from illusionkit.arrays import Array
from illusionkit.data import corpora
from illusionkit.data.raters import classes, dealt
from illusionkit.experiment.draws import turns
from illusionkit.experiment.reading import ACCURACY, Reading
from illusionkit.experiment.spec import Dose, Experiment, Knob
from illusionkit.experiment.task import Task
from illusionkit.illusions.material.films_and_products import mixture, sentences
from illusionkit.models.learners import Probe, discriminant

TEST, FOLDS, RATERS = 0.3, 5, 15
"""Share of the units that is tested on; folds of the filter; raters of a row."""


def probable(task: Task, rows: Array, labels: Array, rng: np.random.Generator) -> Array:
    """Return how probable a model that did not see it finds the label of each row, 0 to 1."""
    fold, found = turns(task.unit[rows], rng) % FOLDS, np.zeros(len(rows))
    for number in range(FOLDS):
        train, asked = rows[fold != number], rows[fold == number]
        model = task.learner.fit(train, labels[train])
        chances = model.predict_proba(task.learner.features[asked])
        hit = model.classes_[None, :] == labels[asked][:, None]
        found[fold == number] = (chances * hit).sum(axis=1)
    return found


def kept(worth: Array, share: float) -> Array:
    """Return which rows stay when the least worthy share is thrown away."""
    stays = np.ones(len(worth), dtype=bool)
    stays[np.argsort(worth, kind="stable")[: round(share * len(worth))]] = False
    return stays


def run(dose: Dose, seed: int, arm: str, part: str) -> Reading:
    """Read ``data-quality``: a file filtered, split, trained and tested; then the holdout."""
    table, features = sentences(part)
    rng = np.random.default_rng([seed, 91])
    ratings = dealt(table["ratings"], RATERS, rng)
    given, consensus = classes(ratings[:, 0]), classes(ratings[:, 1:].mean(axis=1))
    task = Task(table.assign(label=given), Probe(features, discriminant))
    holdout, work = mixture(task, rng)
    turn = turns(task.unit[work], rng)
    tested, filter_rng = turn < TEST * (turn.max() + 1), np.random.default_rng([seed, 92])
    stays, asked = np.ones(len(work), dtype=bool), np.flatnonzero(~tested | (arm != "cured"))
    worth = (
        filter_rng.random(len(work))
        if arm == "control"
        else probable(task, work[asked], given, filter_rng)
    )
    stays[asked] = kept(worth, dose["share"])
    apparent, honest = task.judge(work[stays & ~tested], work[stays & tested], holdout)
    out = work[~stays]
    extras = {"consensus": float(np.mean(honest.prediction == consensus[holdout]))}
    extras["apparent_consensus"] = float(
        np.mean(apparent.prediction == consensus[work[stays & tested]])
    )
    product = task.table["product"].to_numpy()
    for name, side in (("films", ~product), ("products", product)):
        right = honest.prediction[side[holdout]] == consensus[holdout][side[holdout]]
        extras[f"consensus_{name}"] = float(np.mean(right))
        extras[f"dropped_{name}"] = float(np.mean(~stays[asked][side[work[asked]]]))
    words = task.table["words"].to_numpy()[work[asked]]
    for name, side in (("long", words > np.median(words)), ("short", words <= np.median(words))):
        extras[f"dropped_{name}"] = float(np.mean(~stays[asked][side]))
    if arm == "flawed":
        unfiltered = task.predict(work[~tested], work[stays & tested])
        extras["rival"] = float(np.mean(unfiltered == given[work[stays & tested]]))
    for number, name in enumerate(corpora.CLASS_NAMES):
        of_class = consensus[work[asked]] == number
        extras[f"dropped {name}"] = float(np.mean(~stays[asked][of_class]))
    if len(out):
        extras["right"] = float(np.mean(given[out] == consensus[out]))
    return task.reading(ACCURACY, apparent, honest, **extras)


EXPERIMENTS = (
    Experiment(
        id="data-quality", step="outlook", page="data-quality", kind="ratings",
        title="A file filtered for quality, and its test rows with it",
        symptom="The test score rose when bad rows were thrown away.",
        caught_by="Filter the training rows only, and score the test rows as they came.",
        design="fresh-sample", metric=ACCURACY, margin=0.05, sign=1, seeds=tuple(range(10)),
        knobs=(Knob.share("share", "rows thrown away by the filter", (0.0, 0.1, 0.2, 0.4),
                          high=0.6),),
        null_dose=0.0, data=("movie_reviews", "product_reviews"), weights=("minilm",),
        cost=2.0, tolerance=0.01, run=run,
    ),
)  # fmt: skip
