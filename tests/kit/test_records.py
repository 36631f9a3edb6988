"""Benchmark records: read as they were kept, refused where they can't be trusted."""

import json
import zipfile
from datetime import date

import pytest

from illusionkit.data import travelling
from illusionkit.errors import ResultsError
from illusionkit.experiment import records

GOOD = {
    "about": "How it was measured.",
    "date": "2026-01-31",
    "machine": {
        "cpu": "A CPU, 2 cores",
        "cores": 2,
        "system": "Linux x86_64",
        "python": "3.11.7",
        "device": "cpu",
        "precision": "fp32: no GPU was found",
    },
    "versions": {"torch": "2.13.0"},
    "rows": [
        {"case": "interpreter", "peak_mb": 15.5},
        {"case": "peak", "batch": 8, "threads": 2, "peak_mb": 1000.0, "seconds": None},
        {"case": "peak", "batch": 32, "threads": 2, "peak_mb": 1500.0, "seconds": None},
    ],
}


@pytest.fixture
def keep(tmp_path, monkeypatch):
    """Put a record called "trial" where the kit looks for it."""
    monkeypatch.setenv("ILLUSIONKIT_RESULTS", str(tmp_path))
    (tmp_path / "benchmarks").mkdir()

    def put(content):
        raw = content if isinstance(content, bytes) else json.dumps(content).encode()
        (tmp_path / "benchmarks" / "trial.json").write_bytes(raw)

    return put


def test_a_record_says_what_was_kept(keep):
    keep(GOOD)
    kept = records.record("trial")
    assert (kept.name, kept.about, kept.date) == ("trial", GOOD["about"], "2026-01-31")
    assert kept.machine == GOOD["machine"] and kept.versions == GOOD["versions"]
    assert list(kept.rows) == GOOD["rows"]
    assert kept.row("peak", batch=32)["peak_mb"] == 1500
    assert kept.row("interpreter") is kept.rows[0]


def test_the_table_of_a_case_has_its_own_columns_only(keep):
    keep(GOOD)
    table = records.record("trial").table("peak")
    assert list(table.columns) == ["batch", "threads", "peak_mb"]
    assert list(table["batch"]) == [8, 32]


@pytest.mark.parametrize(
    ("case", "where", "said"),
    [
        ("peak", {}, "has 2 rows"),
        ("peak", {"batch": 64}, "has 0 rows"),
        ("peak", {"colour": 1}, "has 0 rows"),
        ("nowhere", {}, "Its cases: interpreter, peak"),
    ],
)
def test_a_row_that_is_not_one_is_refused(keep, case, where, said):
    keep(GOOD)
    with pytest.raises(ResultsError, match=said):
        records.record("trial").row(case, **where)


def test_an_unknown_case_has_no_table(keep):
    keep(GOOD)
    with pytest.raises(ResultsError, match="no case 'nowhere', but interpreter, peak"):
        records.record("trial").table("nowhere")


def test_a_missing_record_is_named_with_those_there_are(keep):
    keep(GOOD)
    with pytest.raises(ResultsError, match=r"no record 'other' .*kept: trial.*--write"):
        records.record("other")


def test_without_any_record_it_says_so(keep):
    with pytest.raises(ResultsError, match="kept: none"):
        records.record("trial")


@pytest.mark.parametrize("name", ["../trial", "Trial", "", "a b", "a/b", "trial.json", "a--b"])
def test_a_name_that_leads_elsewhere_is_refused(keep, name):
    keep(GOOD)
    with pytest.raises(ResultsError, match="lower-case words"):
        records.record(name)


@pytest.mark.parametrize(
    "raw",
    [b"", b"{", b"\xff\xfe", json.dumps(GOOD).encode()[:-40]],
    ids=["empty", "open", "no text", "cut short"],
)
def test_what_is_no_json_is_refused(keep, raw):
    keep(raw)
    with pytest.raises(ResultsError, match=r"trial\.json can't be used: it is no JSON.*Restore"):
        records.record("trial")


def without(mapping, key):
    return {name: value for name, value in mapping.items() if name != key}


def test_a_record_or_a_machine_without_a_key_is_refused(keep):
    for key in records.KEYS:
        keep(without(GOOD, key))
        with pytest.raises(ResultsError, match=f"it lacks {key}"):
            records.record("trial")
    for key in records.MACHINE:
        keep({**GOOD, "machine": without(GOOD["machine"], key)})
        with pytest.raises(ResultsError, match=f"its 'machine' lacks {key}"):
            records.record("trial")


WRONG = {
    "a list": ([GOOD], "it is no mapping"),
    "no versions": ({**GOOD, "versions": {}}, "its 'versions' lacks torch"),
    "versions in words": ({**GOOD, "versions": "torch"}, "its 'versions' is no mapping"),
    "no rows": ({**GOOD, "rows": []}, "'rows' are no list, or an empty one"),
    "rows by name": ({**GOOD, "rows": {"a": 1}}, "'rows' are no list"),
    "a row in words": ({**GOOD, "rows": [*GOOD["rows"], "x"]}, "row 4 is no mapping"),
    "a row without a case": ({**GOOD, "rows": [{"peak_mb": 1}]}, "row 1 lacks case"),
    "a row without memory": ({**GOOD, "rows": [{"case": "peak"}]}, "row 1 lacks peak_mb"),
    "a day in words": ({**GOOD, "date": "yesterday"}, "'date' is no day"),
    "no such day": ({**GOOD, "date": "2026-02-30"}, "'date' is no day"),
    "a day as a number": ({**GOOD, "date": 20260131}, "'date' is no day"),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_record_of_another_shape_is_refused(keep, name):
    content, said = WRONG[name]
    keep(content)
    with pytest.raises(ResultsError, match=said):
        records.record("trial")


@pytest.mark.parametrize(
    "row",
    [
        {"case": "peak", "peak_mb": -1},
        {"case": "peak", "peak_mb": float("nan")},
        {"case": "peak", "peak_mb": float("inf")},
        {"case": "peak", "peak_mb": "1500"},
        {"case": "peak", "peak_mb": True},
        {"case": "peak", "peak_mb": None},
        {"case": 7, "peak_mb": 1},
        {"case": "peak", "peak_mb": 1, "seconds": "long"},
        {"case": "peak", "peak_mb": 1, "batch": [8]},
    ],
    ids=repr,
)
def test_a_number_that_is_none_is_refused(keep, row):
    keep({**GOOD, "rows": [row]})
    with pytest.raises(ResultsError, match="row 1"):
        records.record("trial")


def test_a_record_is_found_beside_the_book(root, monkeypatch):
    monkeypatch.delenv("ILLUSIONKIT_RESULTS", raising=False)
    assert records.path("training") == root / "results" / "benchmarks" / "training.json"


def test_a_record_travels_inside_an_installed_package(tmp_path, monkeypatch):
    monkeypatch.delenv("ILLUSIONKIT_RESULTS", raising=False)
    monkeypatch.setattr(travelling, "files", lambda package: tmp_path / package)
    (tmp_path / "illusionkit" / "results" / "benchmarks").mkdir(parents=True)
    inside = tmp_path / "illusionkit" / "results" / "benchmarks" / "trial.json"
    inside.write_text(json.dumps(GOOD), encoding="utf-8")
    assert records.record("trial").date == "2026-01-31"


def test_the_wheel_holds_the_records(root, tmp_path):
    from hatchling.builders.wheel import WheelBuilder

    built = next(WheelBuilder(str(root)).build(directory=str(tmp_path), versions=["standard"]))
    with zipfile.ZipFile(built) as wheel:
        kept = json.loads(wheel.read("illusionkit/results/benchmarks/training.json"))
    assert kept["rows"]


class TestTraining:
    """The kept record of the book's own training run is plausible."""

    @pytest.fixture
    def kept(self, monkeypatch):
        monkeypatch.delenv("ILLUSIONKIT_RESULTS", raising=False)
        return records.record("training")

    def test_it_is_of_a_day_that_has_been(self, kept):
        assert date(2026, 1, 1) <= date.fromisoformat(kept.date)
        assert kept.machine["device"] == "cpu" and "fp32" in kept.machine["precision"]

    def test_what_holds_more_needs_more(self, kept):
        steps = [kept.row(case)["peak_mb"] for case in ("interpreter", "libraries", "encoder")]
        batches = kept.table("peak").sort_values("batch")
        assert list(batches["batch"]) == [8, 16, 32, 64, 128]
        needs = [*steps, *batches["peak_mb"]]
        assert needs == sorted(needs) and len(set(needs)) == len(needs)

    def test_training_needs_more_than_its_parameters_count_up_to(self, kept):
        for row in kept.table("peak").itertuples():
            assert row.peak_mb > 16 * row.parameters / 1e6 + kept.row("interpreter")["peak_mb"]

    def test_longer_texts_need_more_and_parts_need_less_than_the_whole(self, kept):
        lengths = kept.table("length").sort_values("tokens")["peak_mb"]
        assert lengths.is_monotonic_increasing and len(lengths) == 5
        parts = kept.table("parts").sort_values("tokens_at_once")["peak_mb"]
        assert parts.is_monotonic_increasing
        assert parts.max() < kept.row("peak", batch=128)["peak_mb"]

    def test_times_are_all_there_or_none(self, kept):
        timed = [row for row in kept.rows if row["case"] in ("epoch", "encode")]
        assert len(timed) in (0, 4)
        for row in timed:
            assert row["seconds_lowest"] <= row["seconds"] <= row["seconds_highest"]
            assert row["times_faster"] > 0 and row["rounds"] >= 3
