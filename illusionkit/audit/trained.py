"""The honest report after a training: beside what is trivial, each score with its interval."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd

from illusionkit.arrays import Array
from illusionkit.audit import quick
from illusionkit.audit.predictions import worst_group
from illusionkit.audit.quick import Estimate
from illusionkit.models import encoders, encoding, learners
from illusionkit.training.own_data import Labelled
from illusionkit.training.own_parts import Parted

MOST_ROWS, FEWEST_UNITS, RAREST, SURE = 8000, 10, 3, 0.9
"""Rows on which two ways to split are compared; the fewest units of which a share is told; how many
of the classes with the fewest rows are told; from which confidence a model counts as sure."""
ALL_EQUAL = 0.025
"""The chance at which an interval ends where all rows say the same (exact, binomial)."""
UNSEEN = (
    "paraphrases and translations that stand on both sides of the split",
    "whether the pre-trained model has met the texts before",
    "whether the labels are true",
    "how often this test part was looked at: who chooses settings by it has trained on it",
)
"""What no such report can see."""

Plain = Mapping[str, Any]


@dataclass(frozen=True)
class Trained:
    """The report on a trained model, as plain values (``plain``), without any value of a cell."""

    plain: Plain

    def json(self) -> str:
        """Return the report as JSON, the same bytes for the same training."""
        return json.dumps(self.plain, indent=2, ensure_ascii=False) + "\n"

    def text(self) -> str:
        """Return the report as lines."""
        return "\n".join(
            [*_sizes(self.plain), "", *_scores(self.plain), "", *_of_splits(self.plain), "",
             "Where to distrust it:", *(f"  - {each}" for each in _distrust(self.plain)), "",
             "What this report can't see:", *(f"  - {each}" for each in self.plain["unseen"])]
        )  # fmt: skip


def judge(
    data: Labelled, parts: Parted, chances: Array, *, text: str, model: str,
    aside: Sequence[str] = (), about: Plain | None = None,
) -> Trained:  # fmt: skip
    """Return the report on a model's probabilities ``chances`` (test rows, classes).

    ``text`` is the column of the texts and ``aside`` those with another role; ``model`` names what
    was trained, and decides what it is compared with: a linear probe on the frozen features of the
    packaged encoder, or a quick learner on words. ``about`` is kept in the report as it is.
    """
    truth, unit = data.labels[parts.test], parts.unit[parts.test]
    right = (chances.argmax(axis=1) == truth).astype(float)
    usual = int(np.bincount(data.labels[parts.train]).argmax())
    words = quick.hashed(pd.Series(data.texts))
    simple = (_simple(data, parts, words, model) == truth).astype(float)
    constant = (truth == usual).astype(float)
    rows = {name: getattr(parts, name) for name in ("train", "validation", "test")}
    return Trained({
        **(about or {}),
        "rows": {name: len(of) for name, of in rows.items()},
        "units": {name: len(np.unique(parts.unit[of])) for name, of in rows.items()},
        "classes": data.names, "notes": [*data.notes, *parts.notes],
        "majority": data.names[usual], "majority of the test": _majority_of(data, truth),
        "simple": _name_of_simple(model),
        "scores": {
            "majority": share(constant, unit), "simple": share(simple, unit),
            "model": share(right, unit),
        },
        "differences": {
            "model - simple": gap(right, simple, unit),
            "model - majority": gap(right, constant, unit),
        },
        "splits": _splits(data, parts, words),
        "rare": _rare(data, parts, right),
        "group": _group(data, parts, right, {text, *aside}),
        "confidence": _confidence(chances.max(axis=1), right, unit),
        "unseen": list(UNSEEN),
    })  # fmt: skip


def _majority_of(data: Labelled, truth: Array) -> Plain:
    """Return the commonest class of the test part, and its share of the rows."""
    counts = np.bincount(truth, minlength=len(data.names))
    return {"name": data.names[counts.argmax()], "share": float(counts.max() / len(truth))}


def share(right: Array, unit: Array) -> dict[str, float] | None:
    """Return the share of 1 in ``right``, NaN left aside, and its interval over units.

    None where fewer than `FEWEST_UNITS` units count.
    """
    return gap(right, np.where(np.isnan(right), np.nan, 0.0), unit)


def gap(first: Array, second: Array, unit: Array) -> dict[str, float] | None:
    """Return the mean of ``first`` less that of ``second``, row by row, and its interval.

    Where all rows have one difference, no draw of units has another: the interval then comes from
    how many units there are. None where fewer than `FEWEST_UNITS` units count.
    """
    apart = first - second
    counts = ~np.isnan(apart)
    units = len(np.unique(unit[counts]))
    if units < FEWEST_UNITS:
        return None
    found = quick.difference(first[counts], second[counts], unit[counts])
    if np.ptp(apart[counts]) == 0:
        reach = 1 - ALL_EQUAL ** (1 / units)
        least = 0.0 if not second[counts].any() else -1.0
        low, high = max(found.value - reach, least), min(found.value + reach, 1.0)
        found = Estimate(found.value, low, high)
    return asdict(found)


def _simple(data: Labelled, parts: Parted, words: Any, model: str) -> Array:
    """Return what the simple learner says of the test rows."""
    labels = data.labels[parts.train]
    if model != encoders.PACKAGED:
        return quick.predict(words[parts.train], labels, words[parts.test])
    known, asked = (
        encoding.features([data.texts[k] for k in rows]) for rows in (parts.train, parts.test)
    )
    return np.asarray(learners.linear_probe().fit(known, labels).predict(asked))


def _name_of_simple(model: str) -> str:
    probe = "a linear probe on the frozen encoder"
    return probe if model == encoders.PACKAGED else "a quick learner on words"


def _splits(data: Labelled, parts: Parted, words: Any) -> Plain | None:
    """Return the quick learner's score in random folds and in folds of whole units.

    None where each row is a unit.
    """
    rows = np.sort(np.random.default_rng(0).permutation(len(data.texts))[:MOST_ROWS])
    unit, labels = parts.unit[rows], data.labels[rows]
    if len(np.unique(unit)) == len(unit):
        return None
    random, whole = (
        (quick.out_of_fold(words[rows], labels, by) == labels).astype(float)
        for by in (np.arange(len(rows)), unit)
    )
    return {
        "rows": len(rows), "random": share(random, unit), "by unit": share(whole, unit),
        "difference": gap(random, whole, unit),
    }  # fmt: skip


def _rare(data: Labelled, parts: Parted, right: Array) -> list[Plain]:
    """Return the classes with the fewest training rows: their rows, and what is found of them."""
    trained, tested = (
        np.bincount(data.labels[rows], minlength=len(data.names))
        for rows in (parts.train, parts.test)
    )
    truth, unit = data.labels[parts.test], parts.unit[parts.test]
    return [
        {"name": data.names[k], "train": int(trained[k]), "test": int(tested[k]),
         "recall": share(np.where(truth == k, right, np.nan), unit)}
        for k in np.argsort(trained, kind="stable")[:RAREST]
    ]  # fmt: skip


def _group(data: Labelled, parts: Parted, right: Array, aside: set[str]) -> Plain | None:
    """Return the group that is served worst, without its value."""
    columns = [
        str(name) for name in data.table if name not in aside and not _is_nested(data.table[name])
    ]
    test = data.table.iloc[parts.test]
    for found in worst_group(test, columns, right, parts.unit[parts.test]):
        return {"seen": found.seen, "gap": asdict(found.worth)} if found.worth else None
    return None


def _is_nested(column: pd.Series) -> bool:
    return any(pd.api.types.is_list_like(cell) for cell in column)


def _confidence(said: Array, right: Array, unit: Array) -> Plain:
    """Return how sure the model is on average, against how often it is right."""
    sure = said >= SURE
    return {
        "said": float(said.mean()), "less right": gap(said, right, unit),
        "sure": float(sure.mean()), "right where sure": share(np.where(sure, right, np.nan), unit),
    }  # fmt: skip


def _sizes(plain: Plain) -> Iterator[str]:
    rows, units = plain["rows"], plain["units"]
    told = ", ".join(f"{name} {rows[name]:,} rows of {units[name]:,} units" for name in rows)
    yield (f"Parts: {told}. A unit is all that hangs together by group or by texts that are "
           "nearly copies; none stands in two parts.")  # fmt: skip
    if "precision" in plain:
        yield (f"Trained on {plain['device']} in {plain['precision']}; the weights are those of "
               f"epoch {plain['best epoch']} of {plain['settings']['epochs']}.")  # fmt: skip
        for row in plain["history"]:
            yield (f"  epoch {row['epoch']:g}: loss {row['train_loss']:.3f} in training, "
                   f"{row['validation_loss']:.3f} in validation, where "
                   f"{row['validation_accuracy']:.1%} is right")  # fmt: skip
    yield from plain["notes"]


def _scores(plain: Plain) -> Iterator[str]:
    names = {"majority": f"always '{plain['majority']}'", "simple": plain["simple"],
             "model": "the fine-tuned model"}  # fmt: skip
    width = max(map(len, names.values()))
    yield "Right on the test part, with the 95 % interval by units:"
    for key, name in names.items():
        yield f"  {name:<{width}}  {_share(plain['scores'][key])}"
    there = plain["majority of the test"]
    if there["name"] != plain["majority"]:
        yield (f"In the test part '{there['name']}' is the commonest class, with "
               f"{there['share']:.1%}: classes are not as common as in training.")  # fmt: skip
    for key, other in (("simple", plain["simple"]), ("majority", "the constant answer")):
        found = plain["differences"][f"model - {key}"]
        yield f"The fine-tuned model less {other}: {_points(found)}.{_unsure(found)}"


def _unsure(found: Plain | None) -> str:
    if found is None or found["low"] > 0:
        return ""
    return " It is worse." if found["high"] < 0 else " That may be chance."


def _of_splits(plain: Plain) -> Iterator[str]:
    found = plain["splits"]
    if found is None:
        yield "Every row is a unit of its own: random rows would have been the same split."
        return
    yield (
        f"What a random split would have said: a quick learner is right in "
        f"{_share(found['random'])} in folds of random rows, in {_share(found['by unit'])} in "
        f"folds of whole units: {_points(found['difference'])}.{_luck(found['difference'])}"
        + (" Both mix earlier and later rows." if plain.get("time") else "")
    )


def _luck(found: Plain | None) -> str:
    if found is None or found["low"] <= 0:
        return " That may be chance."
    return " So much comes from units that it had met."


def _distrust(plain: Plain) -> Iterator[str]:
    for each in plain["rare"]:
        yield (f"class '{each['name']}': {each['train']:,} rows to train on, {each['test']:,} to "
               f"test; found in {_share(each['recall'])}")  # fmt: skip
    sure = plain["confidence"]
    yield (f"it is {sure['said']:.1%} sure on average, against how often it is right: "
           f"{_points(sure['less right'])}")  # fmt: skip
    yield (f"where it is at least {SURE:.0%} sure ({sure['sure']:.1%} of the rows) it is right in "
           f"{_share(sure['right where sure'])}")  # fmt: skip
    if plain["group"]:
        yield f"{plain['group']['seen']} All less the group: {_points(plain['group']['gap'])}"


def _share(found: Plain | None) -> str:
    if found is None:
        return f"(fewer than {FEWEST_UNITS} units: too few to say)"
    return f"{found['value']:.1%} ({found['low']:.1%} to {found['high']:.1%})"


def _points(found: Plain | None) -> str:
    if found is None:
        return f"(fewer than {FEWEST_UNITS} units: too few to say)"
    value, low, high = (100 * found[key] for key in ("value", "low", "high"))
    return f"{value:+.1f} points ({low:+.1f} to {high:+.1f})"
