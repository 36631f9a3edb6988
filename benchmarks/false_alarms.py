"""How often the audit alarms on tables that were made to have no such flaw.

    python benchmarks/false_alarms.py           200 resamples of each corpus, print a table
    python benchmarks/false_alarms.py --write   keep the record, and the table in README.md

A resample: texts of one of the book's corpora, one of each component of copies and near copies (by
the measure that the audit itself uses), about a thousand rows, whole documents drawn by lot; split
80 to 20 by units at random. The label is praise or not. Beside the text stand ten columns that are
drawn by lot and know nothing of the label, five of numbers and five of categories; and a
prediction, the probability of praise, drawn so that it is calibrated at any class shares.

Which alarms are false was written down before anything was run:

- *copies*, *near copies*, *conflicting labels*: no two texts of a resample are copies or near
  copies. *Embedded copies* may be there: a longer sentence may hold a shorter one. They are
  counted all the same. *Copies within* and *near copies of each other* would tell of the same.
- *units on both sides*: the split keeps units whole.
- *two worlds*: both sides are drawn from one corpus by lot.
- *gives the label away*: the ten columns are drawn by lot. *Constant*, *missing* and *id* columns:
  there is none.
- *calibration* and *worst group*: the predictions are calibrated, and no column knows anything of
  whether they are right.

Not counted as false, since they may be true of these corpora: *constant answer* (how common a
class is), *class without a test row*, *size of the test* (200 rows are few), *suspicious labels*
(the raters did err; it never is more than a note), *predictions* (says the score alone).

The severity: planted rows count as found by `audit --inject` if they are marked at all, so for the
checks that mark rows an alarm is a finding of any severity; *calibration* and *worst group* always
say something, as a note, and alarm from "low" on, as *two worlds* does. Beside that stands how many
are "medium" or above, which is what a reader's exit status tells. At most 5 % may alarm.

In a trial of 20 resamples *calibration* and *worst group* alarmed too often, and were mended: the
tosses of a calibrated model know nothing of documents, so that a sure gap over units is asked for
as well; and a group that is served better on the other half of the test is no finding. In the
first whole run *two worlds* alarmed, as "low", on up to 16 of 200 resamples of a corpus: its
interval is one of 99 % since then. All three were mended by resamples 0 to 199. The record is of
others, from `FIRST` on, which nothing was mended by.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import bench

NAME = "false-alarms"
CORPORA = ("movie_reviews", "product_reviews", "editorials", "tweets", "chinese_reviews")
ROWS, COLUMNS, CATEGORIES, SHARPNESS, FIRST = 1000, 5, 4, 3.0, 1000
MARKING = (
    "copies", "near copies", "embedded copies", "copies within", "near copies of each other",
    "conflicting labels", "units on both sides", "gives the label away", "constant column",
    "missing column", "id column",
)  # fmt: skip
SPEAKING = ("two worlds", "calibration", "worst group")
CHECKS = ("copies", "conflicts", "groups", "columns", "worlds", "given")
ABOUT = (
    "Audits of clean resamples of the book's corpora, about 1,000 rows each, split 80 to 20 by "
    "units. 'any' counts findings of any severity for checks that mark rows or columns, and of "
    "'low' and above for those that always speak; 'medium' those of medium and above. Which "
    "alarms are false, and why, stands in the program."
)


def praised(corpus: str) -> Any:
    """Return one text of each component of near copies, whether it praises, and its unit."""
    from illusionkit.data import corpora, duplicates

    table = corpora.CORPORA[corpus]()
    table = table.assign(label=table["label" if corpus == "chinese_reviews" else "mean"] > 0)
    table = table.sample(frac=1, random_state=0)
    if corpus == "chinese_reviews":
        table = table[:12_000]
    one = duplicates.components(list(table["text"]))
    table = table[~table.assign(one=one)["one"].duplicated()]
    return table[["text", "label", "unit"]].astype({"label": int}).reset_index(drop=True)


def resample(table: Any, seed: int) -> tuple[Any, Any]:
    """Return a training and a test table, drawn by units."""
    import numpy as np

    rng = np.random.default_rng([seed, 17])
    names, unit = np.unique(table["unit"].to_numpy(), return_inverse=True)
    turn = rng.permutation(len(names))[unit]
    order = np.argsort(turn, kind="stable")
    last = turn[order[min(ROWS, len(order)) - 1]]
    some = table.iloc[order[turn[order] <= last]].reset_index(drop=True)
    some = some.assign(**lots(some["label"].to_numpy(), rng))
    inside, where = np.unique(some["unit"].to_numpy(), return_inverse=True)
    tested = rng.permutation(len(inside))[where] < 0.2 * len(inside)
    return some[~tested], some[tested]


def lots(label: Any, rng: Any) -> dict[str, Any]:
    """Return columns drawn by lot, and a calibrated probability of label 1."""
    size, share = len(label), label.mean()
    a, b = SHARPNESS * share, SHARPNESS * (1 - share)
    found = {f"number{k}": rng.normal(size=size) for k in range(COLUMNS)}
    found |= {f"kind{k}": rng.choice(list("abcd")[:CATEGORIES], size) for k in range(COLUMNS)}
    return {**found, "p": rng.beta(a + label, b + 1 - label)}


def audited(corpus: str, number: int, threads: int) -> dict[str, Any]:
    """Return how many resamples of a corpus each check alarms on."""
    from illusionkit.audit import audit

    table, alarms, medium = praised(corpus), Counter(), Counter()
    began = time.process_time()
    for seed in range(FIRST, FIRST + number):
        report = audit(
            *resample(table, seed), label="label", text="text", group="unit", prediction="p",
            checks=CHECKS,
        )  # fmt: skip
        told = report.findings
        some = [f for f in told if f.check in MARKING or (f.rank and f.check in SPEAKING)]
        alarms.update({finding.check for finding in some})
        medium.update({finding.check for finding in some if finding.rank >= 2})
    return {
        "alarms": dict(alarms), "medium": dict(medium), "units": len(table),
        "cpu_s": time.process_time() - began,
    }  # fmt: skip


CASES: dict[str, bench.Case] = {"audited": audited}


def whole(*, resamples: int) -> dict[str, Any]:
    """Return the record."""
    rows: dict[str, dict[str, Any]] = {
        check: {"case": check, "resamples": resamples} for check in (*MARKING, *SPEAKING)
    }
    for corpus in CORPORA:
        found = bench.measured(__file__, "audited", corpus=corpus, number=resamples, threads=1)
        for check, row in rows.items():
            row[corpus] = found["alarms"].get(check, 0)
            row[f"{corpus}_medium"] = found["medium"].get(check, 0)
            row["peak_mb"] = max(row.get("peak_mb", 0), found["peak_mb"])
    return bench.record(ABOUT, rows.values())


def lines(found: Mapping[str, Any]) -> Iterator[str]:
    """Yield the record as a table in Markdown."""
    yield f"{bench.where(found)} {found['rows'][0]['resamples']} resamples of each corpus."
    yield ""
    head = ("Alarms", *(corpus.replace("_", " ") for corpus in CORPORA))
    yield from bench.table(head, map(cells, found["rows"]))


def cells(row: Mapping[str, Any]) -> list[str]:
    """Return a check's cells: alarms, and in brackets those of medium and above."""
    return [row["case"], *(f"{row[name]} ({row[f'{name}_medium']})" for name in CORPORA)]


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command line."""
    bench.main(NAME, argv, CASES, whole, lines, resamples=200)


if __name__ == "__main__":
    main()
