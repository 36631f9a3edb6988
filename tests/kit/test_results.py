"""Results tables: edited, stale, cut short or missing ones are refused; real ones recomputed."""

import json

import numpy as np
import pandas as pd
import pytest
import synthetic

from illusionkit.data import archives
from illusionkit.errors import CacheError, ResultsError
from illusionkit.experiment import results
from illusionkit.experiment.reading import Reading, Rows
from illusionkit.experiment.sweep import cells, sweep
from illusionkit.illusions import experiments

SCORES = ("apparent", "honest", "optimism")
HEAVY_S = 30
"""A reading that takes longer is sampled by test_trained_results.py, one row a table."""


class Trial:
    """The synthetic experiment as a test has it at the moment."""

    now = synthetic.experiment()


@pytest.fixture
def register():
    """Let the synthetic experiment be another one from here on; return it."""

    def put(trial):
        Trial.now = trial
        return trial

    yield put
    Trial.now = synthetic.experiment()


@pytest.fixture
def table(tmp_path, monkeypatch, empty_cache, run_log, register):
    """The path of a freshly measured table of the synthetic experiment, which needs no archive."""
    monkeypatch.setattr(archives, "fetch", lambda source_id: None)
    monkeypatch.setenv("ILLUSIONKIT_RESULTS", str(tmp_path / "results"))
    return results.write(register(synthetic.experiment()), workers=1)


def edit(path, change):
    """Put a changed frame of texts in place of a table."""
    frame = change(pd.read_csv(path, dtype=str, keep_default_na=False))
    frame.to_csv(path, index=False, lineterminator="\n")


def signed(frame):
    """Give every row the checksum that fits it."""
    return frame.assign(check=[results._checksum(row) for _, row in frame.iterrows()])


def test_a_table_says_what_the_sweep_said(table):
    trial = synthetic.experiment()
    kept = results.results(Trial.now)
    readings = sweep(trial, workers=1)
    assert len(kept.table) == len(readings) == 27
    pd.testing.assert_frame_equal(kept.cells, cells(trial, readings), atol=1e-6, rtol=0)
    assert kept.cell("flawed", 0.5)["dose"] == 0.5
    assert kept.extra("seed_squared") == pytest.approx(5 / 3, abs=1e-6)
    assert set(kept.provenance) >= {"code", "spec", "data", "versions", "python", "cpu", "date"}
    with pytest.raises(ResultsError, match=r"no cell of arm 'flawed' at dose 0\.3"):
        kept.cell("flawed", 0.3)


def test_a_complete_table_is_left_as_it_is_to_the_byte(table, run_log):
    before, runs = table.read_bytes(), len(synthetic.runs(run_log))
    state = table.stat().st_mtime_ns
    assert results.write(synthetic.experiment(), workers=1) == table
    assert table.read_bytes() == before
    assert table.stat().st_mtime_ns == state
    assert len(synthetic.runs(run_log)) == runs


EDITS = {
    "a score": lambda f: f.assign(apparent=["0.999999", *f["apparent"][1:]]),
    "the last row": lambda f: f.assign(honest=[*f["honest"][:-1], "0.1"]),
    "an interval": lambda f: f.assign(optimism_lo="0.000000"),
    "a seed": lambda f: f.assign(seed=["7", *f["seed"][1:]]),
    "the extras": lambda f: f.assign(extras="{}"),
    "the date": lambda f: f.assign(date="2020-01-01"),
    "a score left empty": lambda f: f.assign(apparent=["", *f["apparent"][1:]]),
    "a score that is no number": lambda f: f.assign(apparent=["good", *f["apparent"][1:]]),
    "a column dropped": lambda f: f.drop(columns="n_rows"),
    "the checksum dropped": lambda f: f.drop(columns="check"),
    "a column added": lambda f: f.assign(note="fine"),
    "no row left": lambda f: f[:0],
}


@pytest.mark.parametrize("name", EDITS)
def test_an_edited_table_is_refused(table, name):
    edit(table, EDITS[name])
    message = r"results/synthetic\.csv was edited by hand: .* (Restore the file|`make measure`)"
    with pytest.raises(ResultsError, match=message):
        results.results(Trial.now)


def test_the_edited_row_is_named(table):
    edit(table, EDITS["the last row"])
    with pytest.raises(ResultsError, match="row 27 does not fit its checksum"):
        results.results(Trial.now)


@pytest.mark.parametrize(
    "change",
    [
        lambda f: f[f["seed"] != "0"],
        lambda f: f[1:],
        lambda f: pd.concat([f, f[:1]]),
        lambda f: f[f["arm"] != "cured"],
    ],
)
def test_rows_left_out_or_doubled_are_noticed(table, change):
    """Each row left is untouched: only the choice of rows is dishonest."""
    edit(table, change)
    with pytest.raises(ResultsError, match=r"rows are missing or doubled.*`make measure`"):
        results.results(Trial.now)


@pytest.mark.parametrize("content", [b"", b"\n", b"id,arm\n", b"\xff\xfe\x00", b'a,b\n1,2,3\n"x'])
def test_a_file_that_is_no_table_is_refused_and_measured_anew(table, content):
    table.write_bytes(content)
    with pytest.raises(ResultsError, match=r"edited by hand.*`make measure`"):
        results.results(Trial.now)
    results.write(synthetic.experiment(), workers=1)
    assert len(results.results(Trial.now).table) == 27


def test_a_missing_table_is_named(table):
    table.unlink()
    with pytest.raises(ResultsError, match=r"no results/synthetic\.csv. Run `make measure`"):
        results.results(Trial.now)


def other_run(dose, seed, arm, part):
    return synthetic.draw(dose, seed + 1, arm, part)


@pytest.mark.parametrize(
    ("name", "changed"),
    [
        ("code", {"run": other_run}),
        ("spec", {"margin": 0.1}),
        ("spec", {"seeds": (0, 1, 2, 3)}),
        ("data and spec|spec and data", {"data": ("tweets",)}),
    ],
)
def test_a_stale_table_is_refused_and_measured_anew(table, register, name, changed):
    trial = register(synthetic.experiment(**changed))
    message = rf"is stale: ({name}) changed.*`illusionkit measure synthetic --write`"
    with pytest.raises(ResultsError, match=message):
        results.results(Trial.now)
    before = table.read_bytes()
    results.write(trial, workers=1)
    assert table.read_bytes() != before
    assert len(results.results(Trial.now).table) == 9 * len(trial.seeds)


def test_data_that_changed_make_it_stale(table, register, repin):
    trial = register(synthetic.experiment(data=("tweets",)))
    results.write(trial, workers=1)
    results.results(Trial.now)
    repin("tweets_truth")
    with pytest.raises(ResultsError, match="is stale: data changed"):
        results.results(Trial.now)


def test_a_better_title_makes_nothing_stale(table, register):
    register(synthetic.experiment(title="A better title", page="another"))
    assert len(results.results(Trial.now).table) == 27


def test_the_confirm_part_is_scored_once(table, run_log):
    trial = synthetic.experiment()
    book = table.read_bytes()
    path = results.write(trial, part="confirm", workers=1)
    assert path.name == "synthetic.confirmed.csv"
    assert path.parent == table.parent
    runs = synthetic.runs(run_log)
    assert [line.split()[-1] for line in runs] == ["book"] * 27 + ["confirm"] * 27
    before = path.read_bytes()
    with pytest.raises(ResultsError, match=r"was confirmed before: .*scored once"):
        results.write(trial, part="confirm", workers=1)
    assert synthetic.runs(run_log) == runs
    assert path.read_bytes() == before
    assert table.read_bytes() == book


def test_a_folder_that_cannot_be_written(tmp_path, monkeypatch, empty_cache):
    (tmp_path / "in the way").write_text("")
    monkeypatch.setenv("ILLUSIONKIT_RESULTS", str(tmp_path / "in the way"))
    with pytest.raises(CacheError, match=r"can't be written.*ILLUSIONKIT_RESULTS"):
        results.write(synthetic.experiment(seeds=(0,)), workers=1)


def test_a_disk_full_while_writing_leaves_the_old_table(table, register, monkeypatch):
    before = table.read_bytes()

    def half(self, path, **settings):
        path.write_text("half")
        raise OSError(28, "No space left on device")

    trial = register(synthetic.experiment(margin=0.1))
    with monkeypatch.context() as patched:
        patched.setattr(pd.DataFrame, "to_csv", half)
        with pytest.raises(CacheError, match="the disk is full"):
            results.write(trial, workers=1)
    assert table.read_bytes() == before
    assert [path.name for path in table.parent.iterdir()] == [table.name]
    results.write(trial, workers=1)
    assert len(results.results(Trial.now).table) == 27


def test_scores_that_are_whole_numbers_survive_the_table(table, register):
    def run(dose, seed, arm, part):
        two = Rows(np.arange(2), np.arange(2), np.arange(2))
        return Reading(1, seed, two, two, train_sizes=(1, 1))

    results.write(register(synthetic.experiment(run=run)), workers=1)
    kept = results.results(Trial.now).table
    assert kept["apparent"].eq(1).all()
    assert kept["honest"].equals(kept["seed"].astype(float))


def test_a_sample_recomputes_and_flags_what_differs(table, run_log):
    found = results.sample(Trial.now, rows=5, draw=3)
    assert found["within"].all()
    assert len(found) == len(found.drop_duplicates(["arm", "dose", "seed"])) == 5
    assert len(synthetic.runs(run_log)) == 27 + 5  # nothing came out of the cache
    again = results.sample(Trial.now, rows=5, draw=3)
    pd.testing.assert_frame_equal(found, again)
    assert not found[["arm", "dose", "seed"]].equals(
        results.sample(Trial.now, rows=5, draw=4)[["arm", "dose", "seed"]]
    )

    def skilled(frame):
        """Forge one row so well that its checksum fits."""
        better = frame["apparent"].where(frame.index != 8, "0.990000")
        return signed(frame.assign(apparent=better))

    edit(table, skilled)
    flagged = results.sample(Trial.now, rows=99, draw=0)
    assert len(flagged) == 27
    assert flagged.index[~flagged["within"]].tolist() == [8]


def test_a_sample_allows_the_tolerance_of_the_spec(table, register):
    def nudge(frame):
        score = (frame["honest"].astype(float) + 0.0019).map("{:.6f}".format)
        return signed(frame.assign(honest=score))

    edit(table, nudge)
    assert results.sample(Trial.now, rows=27, draw=0)["within"].all()
    edit(table, nudge)
    assert not results.sample(Trial.now, rows=27, draw=0)["within"].any()


@pytest.mark.parametrize("name", experiments())
def test_the_kept_table_is_whole_and_up_to_date(name):
    trial = experiments()[name]
    kept = results.results(trial)
    assert (kept.table["id"] == name).all()
    gap = kept.table["optimism"] - trial.metric.sign * (
        kept.table["apparent"] - kept.table["honest"]
    )
    assert gap.abs().max() < 2e-6
    assert (kept.cells["n_seeds"] == len(trial.seeds)).all()
    for score in SCORES:
        assert kept.cells[score].between(kept.cells[f"{score}_lo"], kept.cells[f"{score}_hi"]).all()
    assert all(isinstance(json.loads(text), dict) for text in kept.table["extras"])
    assert "text" not in kept.table.columns


@pytest.mark.parametrize("name", [n for n, trial in experiments().items() if trial.cost < HEAVY_S])
def test_a_random_sample_of_the_kept_rows_is_measured_again(name, draw):
    found = results.sample(experiments()[name], rows=3, draw=draw)
    print(found.to_string())
    assert found["within"].all(), found.to_string()


def test_the_kept_intervals_are_those_of_the_kept_readings():
    trial = experiments()["duplicate-leakage"]
    kept = results.results(trial).cell("flawed", 1.0)
    fresh = cells(trial, sweep(trial, doses=(1.0,), arms=("flawed",))).iloc[0]
    for score in SCORES:
        for end in ("", "_lo", "_hi"):
            name = score + end
            assert fresh[name] == pytest.approx(kept[name], abs=trial.tolerance), name
    assert fresh["n_units"] == kept["n_units"]
