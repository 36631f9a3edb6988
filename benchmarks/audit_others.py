"""What the audit, deepchecks or Datalab say of tables; run by the Python they are installed in.

    PYTHON benchmarks/audit_others.py deepchecks '[["FOLDER", "exact copies"]]'

The folder holds ``train.jsonl`` and ``test.jsonl``. A line of JSON is printed for
each: ``said``, how loud each check is that could tell of the flaw (a share, a count), and what
that took.
"""

from __future__ import annotations

import importlib
import json
import os
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

ISSUES = {
    "exact copies": "near_duplicate", "near copies": "near_duplicate",
    "embedded copies": "near_duplicate", "wrong labels": "label", "conflicting labels": "label",
    "two worlds": "non_iid",
}  # fmt: skip
"""The issue of Datalab that could tell of a flaw, in training and test together."""


PROPERTIES = ["Text Length", "Average Word Length", "Max Word Length", "% Special Characters"]
"""The properties of a text that want no model."""


OURS = {
    "exact copies": "copies", "near copies": "near copies", "embedded copies": "embedded copies",
    "conflicting labels": "conflicting labels", "wrong labels": "suspicious labels",
    "units on both sides": "units on both sides", "two worlds": "two worlds",
    "leaking column": "gives the label away", "id column": "id column",
    "constant column": "constant column", "rows from later": "training rows from later",
}  # fmt: skip
"""What the audit calls a flaw."""

CHECKED = {
    "text": (
        "exact copies", "near copies", "embedded copies", "conflicting labels", "two worlds",
    ),
    "table": (
        "exact copies", "conflicting labels", "leaking column", "constant column",
        "units on both sides", "rows from later", "two worlds",
    ),
}  # fmt: skip
"""The flaws that a check of deepchecks could tell of."""


def datalab(train: Any, test: Any, flaw: str) -> Callable[[], dict[str, float]] | None:
    """Return what asks Datalab, given the features and probabilities of a plain model."""
    import pandas as pd
    from cleanlab import Datalab
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import cross_val_predict

    if flaw not in ISSUES:
        return None
    both = pd.concat([train, test], ignore_index=True)
    features = _features(both)
    model = LogisticRegression(max_iter=200)
    chances = cross_val_predict(model, features, both["label"], cv=5, method="predict_proba")

    def ask() -> dict[str, float]:
        lab = Datalab(pd.DataFrame({"label": both["label"]}), label_name="label", verbosity=0)
        lab.find_issues(features=features, pred_probs=chances)
        name = ISSUES[flaw]
        return {name: float(lab.get_issues(name)[f"is_{name}_issue"].mean())}

    return ask


def _features(both: Any) -> Any:
    from sklearn.decomposition import TruncatedSVD
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.preprocessing import StandardScaler

    if "text" in both:
        words = TfidfVectorizer(min_df=2).fit_transform(both["text"])
        return TruncatedSVD(100, random_state=0).fit_transform(words)
    plain = both.drop(columns=["label", "user", "date"]).select_dtypes("number")
    return StandardScaler().fit_transform(plain.fillna(plain.mean()))


def deepchecks(train: Any, test: Any, flaw: str) -> Callable[[], dict[str, float]] | None:
    """Return what asks the checks of deepchecks that could tell of a flaw."""
    if flaw not in CHECKED["text" if "text" in train else "table"]:
        return None
    return _of_texts(train, test, flaw) if "text" in train else _of_tables(train, test, flaw)


def _of_texts(train: Any, test: Any, flaw: str) -> Callable[[], dict[str, float]] | None:
    import nltk
    from deepchecks.nlp import TextData, checks

    # It asks the network for stop words at every text. Without a network it goes on without them,
    # after a wait that would be all that is measured.
    nltk.download = lambda *asked, **how: False
    sides = [
        TextData(list(side["text"]), label=list(side["label"]), task_type="text_classification")
        for side in (train, test)
    ]
    if flaw in ("exact copies", "near copies", "embedded copies"):
        check = checks.TrainTestSamplesMix()
        return lambda: {"mix": float(check.run(*sides).value["ratio"])}
    if flaw == "conflicting labels":
        conflict = checks.ConflictingLabels()
        # one data set at a time: a conflict across the split is asked of both together
        both = TextData(
            [*train["text"], *test["text"]], label=[*train["label"], *test["label"]],
            task_type="text_classification",
        )  # fmt: skip
        return lambda: {"conflict": _conflicting(conflict.run(both).value)}
    if flaw == "two worlds":
        drift = checks.PropertyDrift()
        for side in sides:
            side.calculate_builtin_properties(include_properties=PROPERTIES)
        return lambda: {"drift": _drift(drift.run(*sides).value)}
    return None


def _drift(value: dict[str, Any]) -> float:
    """Return how many columns or properties are above the threshold of 0.2 that its suite has."""
    return float(sum((each["Drift score"] or 0) > 0.2 for each in value.values()))


def _conflicting(value: dict[str, Any]) -> float:
    return float(value.get("percent_of_conflicting_samples", value.get("percent", 0)))


def _strong(value: dict[str, float]) -> float:
    """Return how many columns predict the label by more than 0.8, as its suite asks."""
    return float(sum(score > 0.8 for score in value.values()))


def _of_tables(train: Any, test: Any, flaw: str) -> Callable[[], dict[str, float]] | None:
    from deepchecks.tabular import Dataset, checks

    known = {"label": "label", "index_name": "user", "datetime_name": "date"}
    kinds = [name for name in train if str(train[name].dtype) in ("object", "str", "category")]
    sides = [Dataset(side, cat_features=kinds, **known) for side in (train, test)]

    def both(name: str, read: Callable[[Any], float]) -> Callable[[], dict[str, float]]:
        check = getattr(checks, name)()
        return lambda: {name: float(read(check.run(*sides).value))}

    def one(name: str, read: Callable[[Any], float]) -> Callable[[], dict[str, float]]:
        import pandas as pd

        check, whole = getattr(checks, name)(), pd.concat([train, test], ignore_index=True)
        plain = Dataset(whole.drop(columns=["user", "date"]), cat_features=kinds, label="label")
        return lambda: {name: float(read(check.run(plain).value))}

    # An id column is one that the reader names to it: none is looked for.
    asked: dict[str, Callable[[], Callable[[], dict[str, float]]]] = {
        "exact copies": lambda: both("TrainTestSamplesMix", lambda value: value["ratio"]),
        "conflicting labels": lambda: one("ConflictingLabels", _conflicting),
        "leaking column": lambda: one("FeatureLabelCorrelation", _strong),
        "constant column": lambda: one("IsSingleValue", lambda v: sum(n == 1 for n in v.values())),
        "units on both sides": lambda: both("IndexTrainTestLeakage", lambda value: value),
        "rows from later": lambda: both("DateTrainTestLeakageOverlap", lambda value: value),
        "two worlds": lambda: both("FeatureDrift", _drift),
    }  # fmt: skip
    return asked[flaw]() if flaw in asked else None


def ours(train: Any, test: Any, flaw: str) -> Callable[[], dict[str, float]]:
    """Return what asks the audit: the share of rows that it marks, or the number of columns."""
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
    from illusionkit.audit import audit

    audit(train[:300], test[:100], label="label", checks=["copies", "worlds", "doubt"])

    def ask() -> dict[str, float]:
        report = audit(train, test, label="label", group="user", time="date")
        told = [found for found in report.findings if found.check == OURS[flaw]]
        if flaw.endswith("column"):
            return {OURS[flaw]: float(len(told))}
        return {OURS[flaw]: max((found.share or 1.0 for found in told), default=0.0)}

    return ask


TOOLS = {"ours": ours, "deepchecks": deepchecks, "Datalab": datalab}
BEFORE = {
    "ours": ("illusionkit.audit.report", "cleanlab.filter", "sklearn.linear_model"),
    "deepchecks": ("deepchecks.nlp.checks", "deepchecks.tabular.checks"),
    "Datalab": ("cleanlab.datalab.datalab", "sklearn.linear_model"),
}
"""What is imported before a process is split off for each table."""


def asked(tool: str, folder: str, flaw: str) -> dict[str, Any]:
    """Return what one tool says of one table, and what that took."""
    import pandas as pd

    files = (Path(folder) / f"{side}.jsonl" for side in ("train", "test"))
    train, test = (pd.read_json(file, lines=True, convert_dates=["date"]) for file in files)
    ask = TOOLS[tool](train, test, flaw)
    began, of_cpu = time.perf_counter(), time.process_time()
    said = ask() if ask else {}
    took = {"wall_s": time.perf_counter() - began, "cpu_s": time.process_time() - of_cpu}
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6
    return {"said": said, **(took if ask else {}), "peak_mb": peak}


def split_off(tool: str, folder: str, flaw: str) -> dict[str, Any]:
    """Ask one tool in a process that is split off, so that no table counts in the next one."""
    read, write = os.pipe()
    child = os.fork()
    if not child:
        try:
            found = asked(tool, folder, flaw)
        except Exception as error:  # what a tool raises is its result here
            found = {"error": f"{type(error).__name__}: {error}".splitlines()[0][:200]}
        os.write(write, json.dumps(found).encode())
        os._exit(0)
    os.close(write)
    with os.fdopen(read, "rb") as pipe:
        told = pipe.read()
    os.waitpid(child, 0)
    return dict(json.loads(told)) if told else {"error": "it ended"}


def main(tool: str, jobs: str) -> None:
    """Ask one tool of each table, and print a line for each."""
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
    for name in BEFORE[tool]:
        importlib.import_module(name)
    for folder, flaw in json.loads(jobs):
        print(json.dumps(split_off(tool, folder, flaw)), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
