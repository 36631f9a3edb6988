"""The tests are handed out heaviest first, in units, and their cost is told by gate."""

from __future__ import annotations

import json
import os
from collections import defaultdict
from types import SimpleNamespace
from typing import Any

import gates
import notebooks
import pytest
import rota

STEM, LIGHT = (page.stem for page in notebooks.pages()[:2])
RUN = f"{gates.PAGES}::test_page_shows_what_is_stored[{STEM}]"
VISIT = f"tests/browser/test_site.py::test_in_dark_on_a_phone[chapters/x/{STEM}]"


def item(nodeid: str, *fixtures: str) -> Any:
    return SimpleNamespace(nodeid=nodeid, fixturenames=fixtures)


@pytest.fixture
def known(monkeypatch: pytest.MonkeyPatch) -> dict[str, float]:
    """Seconds of a run that was timed."""
    seconds = {"tests/kit/test_slow.py": 90.0, f"{gates.HEAVY}::test_a[x]": 400.0}
    monkeypatch.setattr(rota, "costs", lambda: seconds)
    return seconds


@pytest.fixture
def spent(monkeypatch: pytest.MonkeyPatch) -> None:
    """An account of its own."""
    monkeypatch.setattr(gates, "SPENT", defaultdict(gates.Spent))


@pytest.mark.parametrize(
    ("nodeid", "name"),
    [
        (RUN, f"page {STEM}"),
        (f"{gates.PAGES}::test_page_runs_to_the_same_bytes[{STEM}]", f"page {STEM}"),
        (f"{gates.PAGES}::test_a_table_that_moved_would_be_seen", gates.PAGES),
        (f"{gates.HEAVY}::test_a[x]", f"{gates.HEAVY}::test_a[x]"),
        (VISIT, VISIT),
        ("tests/kit/test_a.py::TestB::test_c[d::e]", "tests/kit/test_a.py"),
        ("chapters/x/y.ipynb::Cell 3", "chapters/x/y.ipynb"),
        (f"{gates.ALONE}::test_page_runs_alone[{STEM}]", gates.ALONE),
    ],
)
def test_what_a_test_is_handed_out_with(
    nodeid: str, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("ALL", raising=False)
    assert gates.unit(nodeid) == name


def test_all_pages_alone_take_two_environments(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALL", "1")
    names = {
        gates.unit(f"{gates.ALONE}::test_page_runs_alone[{path.stem}]") for path in rota.chosen()
    }
    assert len(names) == 2


def test_the_build_is_first_then_the_heaviest_and_the_site_is_last(
    known: dict[str, float],
) -> None:
    order = [
        item(f"{gates.BUILD}::test_b", "strict_build"),
        item(f"{gates.HEAVY}::test_a[x]"),
        item("tests/kit/test_slow.py::test_c"),
        item("tests/kit/test_slow.py::test_b"),
        item(RUN),
        item("chapters/x/y.ipynb::Cell 0"),
        item("tests/kit/test_quick.py::test_d"),
        item("tests/book/test_links.py::test_e", "site"),
        item("tests/book/test_links.py::test_f"),
        item(VISIT, "visit", "site"),
    ]
    for step in (3, 7, 9):
        shuffled = [order[n * step % len(order)] for n in range(len(order))]
        shuffled.sort(key=lambda i: i.nodeid == "tests/kit/test_slow.py::test_b")  # as in its file
        gates.pytest_collection_modifyitems(shuffled)
        units = list(dict.fromkeys(gates.unit(i.nodeid) for i in shuffled))
        assert units == list(dict.fromkeys(gates.unit(i.nodeid) for i in order))
        inside = [i.nodeid for i in shuffled if "slow" in i.nodeid]
        assert inside == ["tests/kit/test_slow.py::test_c", "tests/kit/test_slow.py::test_b"]


def report(nodeid: str, cores: float, clock: float) -> Any:
    return SimpleNamespace(
        nodeid=nodeid, duration=clock, user_properties=[(gates.CORE_SECONDS, cores)]
    )


def test_the_cost_is_told_by_gate_and_for_more_pages(spent: None) -> None:
    for nodeid, cores in ((RUN, 10.0), (RUN, 2.0), (VISIT, 5.0), ("tests/kit/test_a.py::b", 60.0)):
        gates.pytest_runtest_logreport(report(nodeid, cores, 2 * cores))
    lines, have = gates.table(), len(notebooks.pages())
    row = next(line for line in lines if line.startswith(gates.GATES[gates.PAGES][0]))
    assert row.split()[-4:] == ["12", "24", "1", "12.0"]
    more = 60 + 17 * gates.PLANNED / have
    assert f"by cores: 77 s for {have} pages; {more:.0f} s for {gates.PLANNED} pages" in lines[-2]
    assert gates.heaviest().startswith("heaviest, clock-s: tests/kit/test_a.py 120")


def test_the_seconds_that_are_kept_are_those_of_this_run_and_the_rest(
    spent: None, known: dict[str, float], tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gates, "SECONDS", tmp_path / "seconds.json")
    gates.pytest_runtest_logreport(report(RUN, 10.0, 20.4))
    gates.pytest_runtest_logreport(report("tests/kit/test_a.py::b", 0.1, 0.1))
    gates.pytest_runtest_logreport(report(RUN.replace(STEM, LIGHT), 0.1, 0.6))
    gates.keep_seconds()
    kept = json.loads(gates.SECONDS.read_text())
    assert kept == {**known, f"page {STEM}": 20, f"page {LIGHT}": 1}


def test_what_this_run_draws_is_said_with_what_repeats_it() -> None:
    said = "\n".join(gates.drawn())
    assert f"DRAW={os.environ['DRAW']}\n" in said and f"TURN={rota.turn()}" in said
    assert all(path.stem in said for path in rota.chosen())
