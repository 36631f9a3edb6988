"""The benchmark of a training run: each case in its own process, and a record that can be read."""

import importlib.util
import subprocess
import sys

import pytest

from illusionkit import records


@pytest.fixture(scope="module")
def training(request):
    """The program benchmarks/training.py, as a module."""
    path = request.config.rootpath / "benchmarks" / "training.py"
    found = importlib.util.spec_from_file_location("training", path)
    module = importlib.util.module_from_spec(found)
    found.loader.exec_module(module)
    return module


@pytest.fixture
def faked(training, monkeypatch):
    """Let two threads be twice as fast as one, and remember the calls."""
    calls = []

    def measured(case, **asked):
        calls.append((case, asked))
        seconds = 4.0 / asked.get("threads", 1) + len(calls) / 1000
        return {"case": case, **asked, "peak_mb": 100.0 + asked.get("batch", 0), "seconds": seconds}

    monkeypatch.setattr(training, "measured", measured)
    return calls


def test_it_loads_nothing_large_before_a_case_asks_for_it(root):
    program = (
        "import sys, runpy; runpy.run_path(sys.argv[1]); "
        "print([n for n in ('torch', 'numpy', 'pandas', 'illusionkit') if n in sys.modules])"
    )
    path = str(root / "benchmarks" / "training.py")
    done = subprocess.check_output([sys.executable, "-c", program, path], text=True)
    assert done.strip() == "[]"


def test_a_case_is_measured_in_a_process_of_its_own(root):
    """What an earlier case held does not count in a later one."""
    program = (
        "import sys, runpy; m = runpy.run_path(sys.argv[1]); "
        "print(m['measured']('libraries')['peak_mb'], m['measured']('interpreter')['peak_mb'])"
    )
    path = str(root / "benchmarks" / "training.py")
    told = subprocess.check_output([sys.executable, "-c", program, path], text=True)
    libraries, interpreter = map(float, told.split())
    assert 5 < interpreter < 40 and libraries > 5 * interpreter


def test_its_peak_is_the_peak(training):
    """200 MB that were held and given back count, in a process started by a small one."""
    held = (
        "import sys, runpy; m = runpy.run_path(sys.argv[1]); a = m['peak_mb'](); "
        "x = bytearray(200_000_000); x[::4096] = b'x' * len(x[::4096]); del x; "
        "print(m['peak_mb']() - a)"
    )
    small = "import subprocess, sys; subprocess.run([sys.executable, '-c', *sys.argv[1:]])"
    command = [sys.executable, "-c", small, held, training.__file__]
    assert 190 < float(subprocess.check_output(command, text=True)) < 230


def test_a_case_that_fails_stops_the_run_with_its_message(training):
    with pytest.raises(SystemExit, match=r"The case peak .* failed[\s\S]*TypeError"):
        training.measured("peak", colour=1)


def test_threads_take_turns_and_are_compared_within_a_round(training, faked):
    one, two = training.timed_rows("epoch", batch=32, steps=2)
    order = [asked["threads"] for _, asked in faked]
    assert order == [1, 2, 2, 1, 1, 2]
    assert one["threads"] == 1 and two["threads"] == 2 and one["rounds"] == 3
    assert one["times_faster"] == 1 and two["times_faster"] == pytest.approx(2, abs=0.01)
    assert two["seconds_lowest"] < two["seconds"] < two["seconds_highest"]


def test_the_median_of_ratios_is_not_the_ratio_of_medians(training):
    def rows(*seconds):
        return [{"case": "epoch", "seconds": value} for value in seconds]

    slow, fast = rows(2.0, 8.0, 4.0), rows(1.0, 8.0, 1.0)
    found = training.summary(fast, slow)
    assert found["seconds"] == 1.0 and found["times_faster"] == 2.0


@pytest.mark.parametrize(("timed", "cases"), [(True, 12), (False, 8)])
def test_what_is_written_can_be_read(training, faked, tmp_path, monkeypatch, timed, cases):
    monkeypatch.setenv("ILLUSIONKIT_RESULTS", str(tmp_path / "results"))
    found = training.whole(timed=timed)
    training.write(found)
    kept = records.record("training")
    assert len(kept.rows) == len(faked) - 8 * timed == cases
    assert kept.machine["device"] in ("cpu", "cuda") and kept.machine["cores"] >= 1
    assert set(kept.versions) == set(training.LIBRARIES)
    assert [path.name for path in (tmp_path / "results" / "benchmarks").iterdir()] == [
        "training.json"
    ]
    lines = list(training.lines(found))
    assert len(lines) == cases + 1 and any("interpreter" in line for line in lines)


def test_every_case_says_what_it_is(training):
    assert list(training.CASES) == [
        "interpreter",
        "libraries",
        "encoder",
        "peak",
        "epoch",
        "encode",
    ]
    assert all(case.__doc__ for case in training.CASES.values())
