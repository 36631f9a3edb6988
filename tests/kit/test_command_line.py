"""The command line, each command in a process of its own."""

import json
import os
import shutil
import subprocess
import sys

import pytest

from illusionkit.experiment.results import path, rewrite
from illusionkit.illusions import experiments, results

ONE = ("--knob", "1", "--arm", "flawed")


def call(*arguments, **changed):
    """Run `illusionkit` with the arguments; environment variables by name."""
    return subprocess.run(
        [sys.executable, "-m", "illusionkit", *arguments],
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
        timeout=120,
        env={**os.environ, "PYTHONIOENCODING": "utf-8", **changed},
    )


def measured(*arguments):
    done = call("measure", *arguments, "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_list_names_every_experiment():
    done = call("list")
    assert done.returncode == 0
    for name, found in experiments().items():
        assert f"{name} " in done.stdout
        assert found.title in done.stdout
        assert found.design in done.stdout


def test_list_as_json_holds_the_specs():
    done = call("list", "--json")
    fresh = {"stale": False, "why": []}
    assert json.loads(done.stdout) == json.loads(
        json.dumps([found.spec | fresh for found in experiments().values()])
    )


def test_list_as_json_says_which_table_is_stale_and_why(tmp_path):
    for name in ("small-sample", "group-leakage", "label-noise"):
        shutil.copy(path(name), tmp_path)
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("ILLUSIONKIT_RESULTS", str(tmp_path))
        rewrite(path("small-sample"), code="0" * 12, data="0" * 12)
        rewrite(path("group-leakage"), intervals="0" * 12)
    done = call("list", "--json", ILLUSIONKIT_RESULTS=str(tmp_path))
    found = {spec["id"]: (spec["stale"], spec["why"]) for spec in json.loads(done.stdout)}
    assert found["small-sample"] == (True, ["code", "data"])
    assert found["group-leakage"] == (True, ["intervals"])
    assert found["label-noise"] == (False, [])
    assert found["mail-triage"] == (True, ["table"])


def test_measure_as_json_has_the_promised_shape():
    found = measured("duplicate-leakage", "--knob", "1", "0", "--seeds", "2", "--arm", "all")
    assert set(found) == {"id", "spec", "rows"}
    assert found["id"] == "duplicate-leakage"
    assert found["spec"]["design"] == "paired-models"
    places = [(row["arm"], row["knob"]) for row in found["rows"]]
    assert places == [(arm, dose) for arm in ("flawed", "control", "cured") for dose in (0.0, 1.0)]
    scores = ("apparent", "honest", "optimism")
    for row in found["rows"]:
        assert set(row) == {"arm", "knob", *scores, "n_units", "seeds"}
        for name in scores:
            assert set(row[name]) == {"mean", "lo", "hi"}
            assert row[name]["lo"] <= row[name]["mean"] <= row[name]["hi"]
        assert row["optimism"]["mean"] == pytest.approx(
            row["apparent"]["mean"] - row["honest"]["mean"]
        )
        assert row["seeds"] == [0, 1]
        assert 1500 < row["n_units"] <= 3000
    assert found["rows"][0]["optimism"] == {"mean": 0, "lo": 0, "hi": 0}
    assert found["rows"][1]["optimism"]["lo"] > 0.1


def test_seeds_may_be_named():
    found = measured("duplicate-leakage", *ONE, "--seeds", "101,102")
    assert [row["seeds"] for row in found["rows"]] == [[101, 102]]
    assert measured("duplicate-leakage", *ONE, "--seeds", "101,")["rows"][0]["seeds"] == [101]


def test_at_seeds_that_the_book_does_not_use_the_kept_table_is_borne_out():
    """The whole way of a doubting reader: new seeds, every arm, held against results/."""
    name, dose, seeds = "class-imbalance", 0.9, [101, 102, 103]
    spec, kept = experiments()[name], results(name)
    assert not set(seeds) & set(spec.seeds)
    asked = ("--knob", str(dose), "--seeds", ",".join(map(str, seeds)), "--workers", "1")
    rows = {row["arm"]: row for row in measured(name, *asked)["rows"]}
    assert tuple(rows) == spec.arms
    for arm, row in rows.items():
        assert row["seeds"] == seeds
        cell = kept.cell(arm, dose)
        for score in ("apparent", "honest", "optimism"):
            low, high = cell[f"{score}_lo"], cell[f"{score}_hi"]
            assert row[score]["lo"] <= high and low <= row[score]["hi"], (arm, score)
    assert rows["flawed"]["optimism"]["lo"] > rows["cured"]["optimism"]["hi"] > spec.margin
    assert abs(rows["control"]["optimism"]["mean"]) < spec.margin


def test_more_seeds_than_the_spec_has_go_on_behind_them():
    from illusionkit.__main__ import _chosen

    trial = experiments()["duplicate-leakage"]
    assert _chosen(trial, 12) == list(range(12))
    assert _chosen(trial, None) == trial.seeds


def test_measure_for_a_reader_is_a_table():
    done = call("measure", "duplicate-leakage", *ONE, "--seeds", "1")
    assert done.returncode == 0
    head, names, row = done.stdout.splitlines()
    assert "Copies of test texts" in head
    assert names.split() == ["arm", "share", "apparent", "honest", "optimism"]
    assert row.split()[:2] == ["flawed", "1"]
    assert done.stderr == ""


def test_fetch_names_the_path_of_what_is_there():
    done = call("fetch", "duplicate-leakage", "vader")
    assert done.returncode == 0, done.stderr
    names = [line.partition(": ")[0] for line in done.stdout.splitlines()]
    assert names == ["snownlp", "vader"]
    everything = call("fetch", "--all")
    assert everything.stdout.count("\n") >= 2


WRONG = {
    "an unknown experiment": (("measure", "nothing"), "No experiment is called 'nothing'. There"),
    "an unknown one to confirm": (("confirm", "nothing"), "No experiment is called 'nothing'"),
    "an unknown archive": (("fetch", "nothing"), "No archive is called 'nothing'. There are: "),
    "an unknown arm": (
        ("measure", "duplicate-leakage", "--arm", "best"),
        "no arm 'best'. It has: flawed, control, cured.",
    ),
    "a knob too high": (
        ("measure", "duplicate-leakage", "--knob", "1.5"),
        "Knob 'share' goes from 0 to 1: 1.5 is out of range.",
    ),
    "a knob too low": (("measure", "duplicate-leakage", "--knob", "-1"), "-1.0 is out of range"),
    "a knob that is no number": (
        ("measure", "duplicate-leakage", "--knob", "nan"),
        "nan is out of range",
    ),
    "a knob in words": (
        ("measure", "duplicate-leakage", "--knob", "half"),
        "--knob: invalid float",
    ),
    "no seeds": (("measure", "duplicate-leakage", "--seeds", "0"), "at least one dose, one seed"),
    "fewer than no seeds": (("measure", "duplicate-leakage", "--seeds=-3"), "at least one dose"),
    "a negative seed": (("measure", "duplicate-leakage", "--seeds=-3,1"), "from 0 up, not -3"),
    "an empty list of seeds": (("measure", "duplicate-leakage", "--seeds", ","), "one seed"),
    "seeds in words": (
        ("measure", "duplicate-leakage", "--seeds", "some"),
        "'some' is neither a count such as 10 nor a list such as 101,102",
    ),
    "part of a spec to keep": (
        ("measure", "duplicate-leakage", "--write", "--seeds", "1"),
        "--write measures the whole spec: leave out --knob, --seeds and --arm",
    ),
    "two things at once": (
        ("measure", "duplicate-leakage", "--write", "--restamp"),
        "--write and --restamp are two things: ask for one",
    ),
    "part of a table to restamp": (
        ("measure", "duplicate-leakage", "--restamp", "--arm", "cured"),
        "--restamp takes the table as it is: leave out --knob, --seeds and --arm",
    ),
    "nothing to restamp": (
        ("measure", "duplicate-leakage", "--restamp"),
        "The code behind results/duplicate-leakage.csv has not changed.",
    ),
    "no experiment": (("measure",), "required: ID. See `illusionkit --help`."),
    "no command": ((), "required: list | fetch | measure | confirm | audit | train. See"),
    "an unknown command": (("guess",), "invalid choice: 'guess'"),
    "an unknown option": (("list", "--colour"), "unrecognized arguments: --colour"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_is_said_in_one_line(name):
    arguments, message = WRONG[name]
    done = call(*arguments)
    assert done.returncode == 2
    assert message in done.stderr
    assert done.stderr.startswith("illusionkit: ")
    assert done.stderr.count("\n") == 1
    assert done.stdout == ""


def test_a_cache_that_cannot_be_used_is_one_line_as_well(tmp_path):
    (tmp_path / "in the way").write_text("")
    done = call("fetch", "vader", ILLUSIONKIT_CACHE=str(tmp_path / "in the way"))
    assert done.returncode == 2
    assert "set ILLUSIONKIT_CACHE" in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.usefixtures("empty_cache", "no_network")
def test_no_network_and_no_cache_is_one_line_as_well():
    done = call("measure", "duplicate-leakage", *ONE, "--seeds", "1")
    assert done.returncode == 2
    assert "Is there a network" in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_stop_is_said_without_a_traceback(monkeypatch, capsys):
    from illusionkit import __main__

    def stop(asked):
        raise KeyboardInterrupt

    monkeypatch.setattr(__main__, "_list", stop)
    assert __main__.main(["list"]) == 130
    assert "what was measured is kept" in capsys.readouterr().err


def test_who_reads_no_further_gets_no_traceback():
    read, write = os.pipe()
    os.close(read)
    command = [sys.executable, "-m", "illusionkit", "list"]
    with os.fdopen(write) as closed:
        done = subprocess.run(command, stdout=closed, stderr=subprocess.PIPE, check=False)
    assert (done.returncode, done.stderr) == (141, b"")
