"""Tables put right without measuring: intervals anew, hashes after some rows were run again."""

import dataclasses

import numpy as np
import pandas as pd
import pytest
import synthetic

from illusionkit import cache
from illusionkit.data import archives
from illusionkit.errors import ResultsError
from illusionkit.experiment import renewal, results, sweep
from illusionkit.experiment.renewal import renew_intervals, restamp

INTERVALS = ("apparent_lo", "apparent_hi", "honest_lo", "honest_hi", "optimism_lo", "optimism_hi")


@pytest.fixture
def table(tmp_path, monkeypatch, empty_cache, run_log):
    """The path of a freshly measured table of the synthetic experiment."""
    monkeypatch.setattr(archives, "fetch", lambda source_id: None)
    monkeypatch.setenv("ILLUSIONKIT_RESULTS", str(tmp_path / "results"))
    return results.write(synthetic.experiment(), workers=1)


def texts(path):
    return pd.read_csv(path, dtype=str, keep_default_na=False)


def same(dose, seed, arm, part):
    """Give what the synthetic experiment gives, by other code."""
    reading = synthetic.draw(dose, seed, arm, part)
    return reading


def trained(dose, seed, arm, part):
    """Give a little more than the synthetic experiment, by what counts as a training."""
    reading = same(dose, seed, arm, part)
    more = cache.arrays("runs", "a key", lambda: {"more": np.array(0.0011)})["more"]
    return dataclasses.replace(reading, apparent=reading.apparent + float(more))


def better(dose, seed, arm, part):
    """Give more than the synthetic experiment at one end of the doses, in one arm."""
    reading = same(dose, seed, arm, part)
    more = 0.000002 if arm == "cured" and dose["share"] == 1.0 else 0.0
    return dataclasses.replace(reading, apparent=reading.apparent + more)


def other_extras(dose, seed, arm, part):
    """Give other extras."""
    return dataclasses.replace(same(dose, seed, arm, part), extras={"seed_squared": -1.0})


def test_intervals_are_made_anew_from_kept_readings(table, monkeypatch, run_log):
    before, ran = texts(table), len(synthetic.runs(run_log))
    monkeypatch.setattr(sweep, "LEVEL", 0.5)
    trial = synthetic.experiment()
    assert results.stale(trial) == ["intervals"]
    assert renew_intervals(trial) == table
    after = texts(table)
    assert results.stale(trial) == []
    changed = [name for name in after if not after[name].equals(before[name])]
    assert set(changed) == {*INTERVALS, "intervals", "check"}
    width = {len(frame): None for frame in (before, after)}
    assert list(width) == [27]
    narrow = (after["optimism_hi"].astype(float) - after["optimism_lo"].astype(float)).max()
    wide = (before["optimism_hi"].astype(float) - before["optimism_lo"].astype(float)).max()
    assert narrow < wide
    assert len(synthetic.runs(run_log)) == ran
    fresh = sweep.cells(trial, sweep.sweep(trial, workers=1))
    kept = after[after["arm"] == "flawed"].drop_duplicates("dose")["apparent_lo"].astype(float)
    assert np.allclose(kept, fresh[fresh["arm"] == "flawed"]["apparent_lo"], atol=1e-6, rtol=0)


def test_intervals_go_back_to_the_byte(table, monkeypatch):
    before = table.read_bytes()
    with monkeypatch.context() as patched:
        patched.setattr(sweep, "LEVEL", 0.5)
        renew_intervals(synthetic.experiment())
    assert table.read_bytes() != before
    renew_intervals(synthetic.experiment())
    assert table.read_bytes() == before


def test_fresh_intervals_are_left_as_they_are(table):
    state = table.stat().st_mtime_ns
    renew_intervals(synthetic.experiment())
    assert table.stat().st_mtime_ns == state


def test_a_table_with_stale_intervals_says_what_to_run(table, monkeypatch):
    monkeypatch.setattr(sweep, "LEVEL", 0.5)
    with pytest.raises(ResultsError, match=r"stale.*`illusionkit measure --intervals synthetic`"):
        results.results(synthetic.experiment())


def test_a_kept_reading_that_is_missing_is_named(table, monkeypatch, empty_cache):
    monkeypatch.setattr(sweep, "LEVEL", 0.5)
    next(iter(sorted((empty_cache / "readings").glob("*.npz")))).unlink()
    before = table.read_bytes()
    with pytest.raises(
        ResultsError, match=r"does not hold the reading of arm '\w+' at dose .*--wr"
    ):
        renew_intervals(synthetic.experiment())
    assert table.read_bytes() == before


def test_intervals_of_stale_readings_are_not_made(table):
    with pytest.raises(ResultsError, match=r"are stale \(spec changed\)"):
        renew_intervals(synthetic.experiment(margin=0.1))


def test_other_code_that_gives_the_same_is_restamped(table, run_log):
    before, ran = texts(table), len(synthetic.runs(run_log))
    trial = synthetic.experiment(run=same)
    assert results.stale(trial) == ["code"]
    found = restamp(trial, draw=1)
    assert (found.path, found.rows, found.gaps) == (table, 9, [])
    after = texts(table)
    assert [name for name in after if not after[name].equals(before[name])] == ["code", "check"]
    assert results.stale(trial) == []
    rerun = [line.split()[:3] for line in synthetic.runs(run_log)[ran:]]
    ends = [[arm, share, "0"] for arm in trial.arms for share in ("0.0", "1.0")]
    assert len(rerun) == 9
    assert all(end in rerun for end in ends)
    assert len({tuple(place) for place in rerun}) == 9


def test_what_is_drawn_follows_the_draw(table, run_log):
    drawn = []
    for draw in (1, 1, 2):
        before, ran = table.read_bytes(), len(synthetic.runs(run_log))
        restamp(synthetic.experiment(run=same), draw=draw)
        drawn.append(synthetic.runs(run_log)[ran:])
        table.write_bytes(before)
    assert drawn[0] == drawn[1] != drawn[2]


@pytest.mark.parametrize(("cost", "rows"), [(22, 9), (23, 8), (60, 3), (90, 2), (5000, 2)])
def test_of_a_costly_table_as_many_rows_are_run_as_the_budget_allows(table, run_log, cost, rows):
    ran = len(synthetic.runs(run_log))
    trial = synthetic.experiment(run=same, cost=float(cost))
    assert results.stale(trial) == ["code"]
    assert restamp(trial, draw=1).rows == rows
    assert len(synthetic.runs(run_log)) == ran + rows


def test_of_a_costly_table_every_row_has_its_chance(table):
    trial, rows = synthetic.experiment(cost=90.0), results.read(table)
    met = {row for draw in range(200) for row in renewal._drawn(trial, rows, draw)}
    assert met == set(range(len(rows)))


def test_kept_readings_stay_at_hand_after_restamping(table, monkeypatch):
    trial = synthetic.experiment(run=same)
    restamp(trial, draw=1)
    monkeypatch.setattr(sweep, "LEVEL", 0.5)
    renew_intervals(trial)
    assert results.stale(trial) == []


@pytest.mark.parametrize("run", [better, other_extras])
def test_other_code_that_gives_something_else_is_refused(table, run):
    before = table.read_bytes()
    with pytest.raises(ResultsError, match=r"left as it is: arm '\w+' at dose .*changed a number"):
        restamp(synthetic.experiment(run=run), draw=1)
    assert table.read_bytes() == before


@pytest.fixture
def by_a_network(table):
    """The experiment whose numbers a network computes, with a table of its own."""
    table.unlink()
    trial = synthetic.experiment(weights=("minilm",))
    results.write(trial, workers=1)
    return dataclasses.replace(trial, run=trained)


def test_what_a_network_computes_may_differ_within_the_tolerance(by_a_network):
    renewed = restamp(by_a_network, draw=1)
    assert len(renewed.gaps) == renewed.rows == 9
    assert max(renewed.gaps) == pytest.approx(0.0011, abs=1e-6)


def test_what_a_network_computes_and_differs_by_more_is_refused(by_a_network, monkeypatch):
    monkeypatch.setattr(renewal, "require_only_code", lambda *_: None)
    with pytest.raises(ResultsError, match="changed a number"):
        restamp(dataclasses.replace(by_a_network, tolerance=0.001), draw=1)


def test_without_a_network_nothing_may_differ(table):
    with pytest.raises(ResultsError, match="changed a number"):
        restamp(synthetic.experiment(run=trained), draw=1)


@pytest.mark.parametrize(
    ("name", "changed"),
    [("spec", {"margin": 0.1}), ("data and spec|spec and data", {"data": ("tweets",)})],
)
def test_what_changed_beside_the_code_is_not_restamped(table, name, changed):
    before = table.read_bytes()
    with pytest.raises(ResultsError, match=rf"can't be restamped: ({name}) changed"):
        restamp(synthetic.experiment(run=same, **changed), draw=1)
    assert table.read_bytes() == before


def test_a_table_that_fits_is_not_restamped(table):
    with pytest.raises(ResultsError, match="has not changed"):
        restamp(synthetic.experiment(), draw=1)


def test_an_edited_table_is_not_restamped(table):
    frame = texts(table)
    frame.loc[0, "apparent"] = "0.999999"
    frame.to_csv(table, index=False, lineterminator="\n")
    with pytest.raises(ResultsError, match="edited by hand"):
        restamp(synthetic.experiment(run=same), draw=1)
