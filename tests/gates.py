"""How a run of the tests is spread over the workers, and what each gate of it cost.

Work is handed out in units: a page with its gates, a visit to the site, a heavy table, else a file.
The heaviest come first, by the seconds kept in `seconds.json` (TIMES=1 keeps those of a run); what
reads the built site comes last, while the build is the first thing that is done.
"""

from __future__ import annotations

import json
import os
import zlib
from collections import defaultdict
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import notebooks
import psutil
import pytest
import rota
from xdist.scheduler import LoadScopeScheduling

PAGES = "tests/book/test_pages.py"
ALONE = "tests/book/test_alone.py"
BUILD = "tests/book/test_build.py"
HEAVY = "tests/kit/test_trained_results.py"
SPREAD = ("tests/browser/test_site.py", HEAVY)
SECONDS = Path(__file__).with_name("seconds.json")
USUAL_S = {"page": 60.0, "": 4.0}
"""What a unit takes that was never timed."""
PLANNED, WORKERS = 65, 2
"""For how many pages, on how many cores, the cost of a run is told."""

GATES = {
    f"{PAGES}::test_page_runs_to_the_same_bytes": ("the same bytes twice (by turns)", "turn"),
    PAGES: ("one run, compared", "page"),
    ALONE: ("alone, as in Colab (by turns)", "turn"),
    "chapters/": ("plain nbval (by turns)", "turn"),
    "tests/browser/test_site.py": ("the browser's visits", "page"),
    "tests/browser/": ("widgets and JupyterLab", ""),
    BUILD: ("strict build", "page"),
    "tests/book/": ("rules of the pages", "page"),
    HEAVY: ("heavy tables (two drawn)", ""),
    "tests/kit/test_results.py": ("tables, rows drawn", "page"),
    "tests/": ("the kit", ""),
}
"""The gate that a test belongs to, by the first beginning that fits, and what its cost grows by."""


@cache
def stems() -> frozenset[str]:
    """Return the names of the book's notebooks."""
    return frozenset(page.stem for page in notebooks.pages())


def case_of(nodeid: str) -> str:
    """Return what stands in a test's brackets."""
    return nodeid.partition("::")[2].partition("[")[2].removesuffix("]")


def unit(nodeid: str) -> str:
    """Return what a test is handed out with."""
    file, case = nodeid.partition("::")[0], case_of(nodeid)
    if file == PAGES and case in stems():
        return f"page {case}"
    if file == ALONE and os.environ.get("ALL") == "1":  # two environments, if all pages need one
        return f"{file} {zlib.crc32(case.encode()) % 2}"
    return nodeid if file in SPREAD else file


def cost(name: str, known: dict[str, float]) -> float:
    """Return the seconds that a unit took, or what its like takes."""
    return known.get(name, USUAL_S["page" if name.startswith("page ") else ""])


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the build first, then the heaviest units, and those that need the site last."""
    known, needing = rota.costs(), {"site", "strict_build"}
    late = {unit(i.nodeid) for i in items if needing & set(getattr(i, "fixturenames", ()))}

    def place(item: pytest.Item) -> tuple[int, float, str]:
        name = unit(item.nodeid)
        if name == BUILD:
            return 0, 0.0, name
        if name in late:  # the visits stay together: they share a browser
            return 2, 0.0, name.partition("::")[0]
        return 1, -cost(name, known), name

    items.sort(key=place)


class HeaviestFirst(LoadScopeScheduling):
    """Hands out the units in the order of the collection."""

    def _split_scope(self, nodeid: str) -> str:
        return unit(nodeid)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> HeaviestFirst | None:
    """Use it under `--dist loadscope`."""
    if config.getvalue("dist") != "loadscope":
        return None
    config.option.loadscopereorder = False
    return HeaviestFirst(config, log)


CORE_SECONDS = "core-seconds"
_before = sum(os.times()[:4])


def so_far(item: pytest.Item) -> float:
    """Return the core-seconds of this process and its children that ended.

    A browser outlives a test, and nobody waits for all its processes: they are asked as they run.
    """
    total = sum(os.times()[:4])
    alive = "browser" in getattr(item, "fixturenames", ())
    for child in psutil.Process().children(recursive=True) if alive else ():
        with suppress(psutil.Error):
            times = child.cpu_times()
            total += times.user + times.system + times.children_user + times.children_system
    return total


def pytest_collection_finish() -> None:
    """Leave out what it took to collect the tests: it is of no gate."""
    global _before
    _before = sum(os.times()[:4])


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Any:
    """Note the core-seconds since the last report."""
    global _before
    report = yield
    now = so_far(item)
    report.user_properties.append((CORE_SECONDS, max(0.0, now - _before)))
    _before = now
    return report


@dataclass
class Spent:
    """What a gate or a unit took: seconds of cores, seconds by the clock, which pages it had."""

    cores: float = 0.0
    clock: float = 0.0
    pages: set[str] = field(default_factory=set)


SPENT: defaultdict[str, Spent] = defaultdict(Spent)
"""By gate, and by unit; filled where the reports come together."""


def gate(nodeid: str) -> str:
    """Return the beginning in `GATES` that a test falls under."""
    if nodeid.startswith(notebooks.OPENING):  # beside the chapters, and run as they are
        return "chapters/"
    return next((start for start in GATES if nodeid.startswith(start)), "tests/")


def page_of(nodeid: str) -> set[str]:
    """Return the page that a test is about, as far as its name tells."""
    names = (case_of(nodeid), nodeid.partition("::")[0].removesuffix(".ipynb"))
    return {Path(name).name for name in names} & stems()


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Add a test's time to its gate's and its unit's."""
    cores = dict(report.user_properties).get(CORE_SECONDS, 0.0)
    for name in (gate(report.nodeid), f"unit {unit(report.nodeid)}"):
        SPENT[name].cores += cores
        SPENT[name].clock += report.duration
        SPENT[name].pages |= page_of(report.nodeid)


def table() -> list[str]:
    """Return the costs as lines: by gate, and what they would be for the planned number of pages.

    What grows by page is multiplied; what goes by turns and what is no page's stays as it is.
    """
    have, spent = len(notebooks.pages()), {start: SPENT[start] for start in GATES}
    lines = [f"{'':32}{'core-s':>8}{'clock-s':>9}{'pages':>7}{'core-s a page':>15}"]
    for start, (name, grows) in GATES.items():
        it = spent[start]
        pages = len(it.pages) or (have if grows == "page" else 0)
        each = f"{it.cores / pages:15.1f}" if pages else f"{'':15}"
        lines.append(f"{name:32}{it.cores:8.0f}{it.clock:9.0f}{pages or '':>7}{each}")
    for kind in ("cores", "clock"):
        now = sum(getattr(it, kind) for it in spent.values())
        growing = sum(getattr(spent[s], kind) for s, (_, grows) in GATES.items() if grows == "page")
        then = now + growing * (PLANNED / have - 1)
        lines.append(
            f"by {kind}: {now:.0f} s for {have} pages; {then:.0f} s for {PLANNED} pages, "
            f"{then / 60 / WORKERS:.0f} minutes on {WORKERS} cores"
        )
    return lines


def heaviest(count: int = 12) -> str:
    """Return the units that took longest."""
    units = {n.removeprefix("unit "): it.clock for n, it in SPENT.items() if n.startswith("unit ")}
    ordered = sorted(units.items(), key=lambda item: -item[1])[:count]
    return "heaviest, clock-s: " + ", ".join(f"{n} {s:.0f}" for n, s in ordered)


def keep_seconds() -> None:
    """Keep the seconds of the units that were run, beside those of the units that were not."""
    ran = {n.removeprefix("unit "): it.clock for n, it in SPENT.items() if n.startswith("unit ")}
    told = {**rota.costs(), **{name: round(s) for name, s in ran.items()}}
    kept = {n: s for n, s in sorted(told.items()) if n.startswith("page ") or s >= USUAL_S[""]}
    SECONDS.write_text(json.dumps(kept, indent=1) + "\n", encoding="utf-8")


def drawn() -> list[str]:
    """Return what this run drew and took by turns, and how to repeat it."""
    return [f"drawn at random: DRAW={os.environ['DRAW']}", *rota.told()]


def pytest_report_header() -> list[str]:
    """Say at the beginning what is drawn."""
    return drawn()


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """Say at the end what was drawn, and after a whole run what it cost."""
    terminalreporter.section("drawn")
    tables = sorted(case_of(n) for n in SPENT if n.startswith(f"unit {HEAVY}") and case_of(n))
    lines = [*drawn(), *([f"heavy tables: {', '.join(tables)}"] if tables else [])]
    terminalreporter.write_line("\n".join(lines))
    if config.getoption("numprocesses", None):
        terminalreporter.section("core-seconds by gate")
        terminalreporter.write_line("\n".join([*table(), heaviest()]))
    if os.environ.get("TIMES") == "1":
        keep_seconds()
