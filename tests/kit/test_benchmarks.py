"""The benchmark programs: cases in processes of their own, paired ratios, records and tables."""

import importlib.util
import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from illusionkit.experiment import records
from illusionkit.models import encoders
from illusionkit.models.encoding import encode
from illusionkit.training.batches import Split
from illusionkit.training.finetune import probabilities

FOLDER = Path(__file__).resolve().parents[2] / "benchmarks"
sys.path.append(str(FOLDER))  # a program finds what it shares with others beside it

import bench  # noqa: E402  (after the path is set)
import limit  # noqa: E402
import ways  # noqa: E402

PROGRAMS = (
    "audit",
    "compression",
    "equal_accuracy",
    "false_alarms",
    "finetune",
    "frozen",
    "gpu",
    "graphs",
    "maps",
    "scoring",
    "threads",
    "tools",
    "training",
)
TABLES = {
    name: name
    for name in ("compression", "finetune", "frozen", "gpu", "graphs", "scoring", "threads")
}
TABLES["tools"] = "tools"
TABLES |= {"audit": "audit", "audit-others": "audit", "false-alarms": "false_alarms"}
TABLES |= {f"equal-accuracy-{study}": "equal_accuracy" for study in (1, 2, 3, 4)}


def loaded(name):
    """Return a program as a module, under a name that hides no other."""
    found = importlib.util.spec_from_file_location(f"benchmark_{name}", FOLDER / f"{name}.py")
    module = importlib.util.module_from_spec(found)
    found.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def training():
    return loaded("training")


@pytest.fixture(scope="module")
def finetune():
    return loaded("finetune")


@pytest.fixture(scope="module")
def scoring():
    return loaded("scoring")


@pytest.fixture(scope="module")
def threads():
    return loaded("threads")


@pytest.fixture(scope="module")
def gpu():
    return loaded("gpu")


@pytest.fixture(scope="module")
def graphs():
    return loaded("graphs")


@pytest.fixture(scope="module")
def equal():
    return loaded("equal_accuracy")


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


@pytest.fixture
def kept_apart(tmp_path, monkeypatch):
    """Records and the README's tables in a folder of this test's own."""
    monkeypatch.setenv("ILLUSIONKIT_RESULTS", str(tmp_path / "results"))
    copy = tmp_path / "README.md"
    copy.write_text(bench.README.read_text(encoding="utf-8"), encoding="utf-8")
    monkeypatch.setattr(bench, "README", copy)
    return copy


@pytest.fixture(scope="module")
def few():
    """Twenty-one made-up reviews of different lengths, and their classes."""
    words = ("good", "bad", "film", "plot", "actor", "scene", "never", "always", "quite", "dull")
    texts = [" ".join(words[(7 * n + k * n) % 10] for k in range(3 + n % 11)) for n in range(21)]
    return Split(texts, [n % 2 for n in range(21)])


def settings_of(rows):
    """Return what every way is asked, for a small model that reads short texts only."""
    return replace(ways.settings_of(rows), max_tokens=32)


class TestProcesses:
    """Every case is measured in a process of its own, started by a small one."""

    @pytest.mark.parametrize("name", PROGRAMS)
    def test_nothing_large_is_loaded_before_a_case_asks_for_it(self, name):
        program = (
            "import sys; sys.path.insert(0, sys.argv[1]); __import__(sys.argv[2]); "
            "print([n for n in ('torch', 'numpy', 'pandas', 'illusionkit') if n in sys.modules])"
        )
        command = [sys.executable, "-c", program, str(FOLDER), name]
        assert subprocess.check_output(command, text=True).strip() == "[]"

    def test_what_an_earlier_case_held_does_not_count_in_a_later_one(self, training):
        program = (
            "import sys; sys.path.insert(0, sys.argv[1]); from training import measured; "
            "print(measured('libraries')['peak_mb'], measured('interpreter')['peak_mb'])"
        )
        command = [sys.executable, "-c", program, str(FOLDER)]
        large, small = map(float, subprocess.check_output(command, text=True).split())
        assert 5 < small < 40 and large > 5 * small

    def test_its_peak_is_the_peak(self):
        """200 MB that were held and given back count, in a process started by a small one."""
        held = (
            "import sys; sys.path.insert(0, sys.argv[1]); from bench import peak_mb; "
            "a = peak_mb(); x = bytearray(200_000_000); x[::4096] = b'x' * len(x[::4096]); del x; "
            "print(peak_mb() - a)"
        )
        small = "import subprocess, sys; subprocess.run([sys.executable, '-c', *sys.argv[1:]])"
        command = [sys.executable, "-c", small, held, str(FOLDER)]
        assert 190 < float(subprocess.check_output(command, text=True)) < 230

    def test_a_case_that_fails_stops_the_run_with_its_message(self, training):
        with pytest.raises(SystemExit, match=r"The case peak .* failed[\s\S]*TypeError"):
            training.measured("peak", colour=1)

    def test_the_kit_beside_the_program_is_measured(self):
        program = (
            "import sys; sys.path.insert(0, sys.argv[1]); import bench, illusionkit; "
            "print(illusionkit.__file__)"
        )
        command = [sys.executable, "-c", program, str(FOLDER)]
        found = subprocess.check_output(command, text=True, cwd="/").strip()
        assert Path(found) == FOLDER.parent / "illusionkit" / "__init__.py"


class TestRounds:
    """What is compared is compared within a round, and takes turns."""

    def test_the_order_turns_around(self):
        order = []
        found = bench.alternating("abc", lambda key, turn: order.append((key, turn)) or {}, 2)
        assert order == [("a", 0), ("b", 0), ("c", 0), ("c", 1), ("b", 1), ("a", 1)]
        assert {key: len(rows) for key, rows in found.items()} == {"a": 2, "b": 2, "c": 2}

    def test_some_take_part_in_the_first_rounds_only(self):
        order = []
        bench.alternating("abc", lambda key, turn: order.append((key, turn)) or {}, 3, {"b": 1})
        assert [turn for key, turn in order if key == "b"] == [0]
        assert [turn for key, turn in order if key == "c"] == [0, 1, 2]

    def test_the_median_of_ratios_is_not_the_ratio_of_medians(self):
        assert bench.paired_ratio([2.0, 8.0, 4.0], [1.0, 8.0, 1.0]) == 2.0
        with pytest.raises(ValueError, match="zip"):
            bench.paired_ratio([2.0, 9.0], [1.0, 3.0, 100.0])

    def test_an_interval_is_students(self):
        mean, half = bench.interval([1.0, 2.0, 3.0, 4.0, 5.0])
        assert mean == 3.0 and half == pytest.approx(2.776 * 2.5**0.5 / 5**0.5, rel=1e-3)

    @pytest.mark.parametrize(
        ("value", "told"),
        [(218_123_456_789.0, 218_123_456_789), (1234.56, 1235), (3.14159, 3.142), (0.0, 0)],
    )
    def test_a_number_is_kept_with_four_figures(self, value, told):
        assert bench.short(value) == told

    def test_a_small_number_keeps_its_figures(self):
        assert bench.short(1.23456e-7) == 1.235e-7


class TestTraining:
    """training.py: what a run of the book needs."""

    def test_threads_take_turns_and_are_compared_within_a_round(self, training, faked):
        one, two = training.timed_rows("epoch", batch=32, steps=2)
        order = [asked["threads"] for _, asked in faked]
        assert order == [1, 2, 2, 1, 1, 2]
        assert one["threads"] == 1 and two["threads"] == 2 and one["rounds"] == 3
        assert one["times_faster"] == 1 and two["times_faster"] == pytest.approx(2, abs=0.01)
        assert two["seconds_lowest"] < two["seconds"] < two["seconds_highest"]

    @pytest.mark.parametrize(("timed", "cases"), [(True, 20), (False, 16)])
    def test_what_is_written_can_be_read(self, training, faked, kept_apart, timed, cases):
        found = training.whole(timed=timed)
        bench.write(training.NAME, found)
        kept = records.record("training")
        assert len(kept.rows) == len(faked) - 8 * timed == cases
        assert kept.machine["device"] == "cpu" and kept.machine["cores"] >= 1
        assert set(kept.versions) == set(bench.LIBRARIES)
        folder = records.path("training").parent
        assert [path.name for path in folder.iterdir()] == ["training.json"]
        lines = list(training.lines(found))
        assert len(lines) == cases + 1 and any("interpreter" in line for line in lines)

    def test_the_environment_stays_as_it_was(self):
        before = dict(os.environ)
        bench.machine()
        assert dict(os.environ) == before

    def test_a_cpu_is_named_by_family_and_model(self, tmp_path):
        told = tmp_path / "cpuinfo"
        told.write_text(
            "processor\t: 0\ncpu family\t: 25\nmodel\t\t: 17\nmodel name\t: AMD EPYC\n\n"
            "processor\t: 1\ncpu family\t: 25\nmodel\t\t: 18\n",
            encoding="utf-8",
        )
        assert bench.processor(told) == {"cpu_family": 25, "cpu_model": 17}
        assert bench.processor(tmp_path / "none") == {}

    def test_a_record_says_what_its_cpu_reaches(self):
        rows = [{"case": "limit", "operations_per_s": 207.4e9, "operations_per_s_mm": 188e9}]
        machine = bench.record("How.", rows)["machine"]
        assert (machine["gflops"], machine["gflops_mm"]) == (207, 188)
        told = bench.kind({**machine, "cpu_family": 25, "cpu_model": 17})
        assert told == " (family 25, model 17; 207 GFLOP/s, 188 by torch.mm)"
        assert bench.kind({"cpu": "AMD EPYC, 2 cores"}) == ""
        measured = bench.record("How.", [{"case": "interpreter"}])["machine"]
        assert 0 < measured["gflops_mm"] <= measured["gflops"]

    def test_every_case_says_what_it_is(self, training):
        names = [
            "interpreter",
            "libraries",
            "encoder",
            "peak",
            "length",
            "parts",
            "epoch",
            "encode",
        ]
        assert list(training.CASES) == names
        assert all(case.__doc__ for case in training.CASES.values())


class TestWays:
    """The ways to train that are compared do the same number of updates, and are timed alike."""

    @pytest.mark.parametrize("way", ["Trainer", "Trainer, grouped", "plain grouped loop", "fit"])
    def test_each_makes_one_update_a_batch(self, still, few, way):
        model, tokenizer = encoders.classifier(2, str(still))
        before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
        with ways.clocked(model) as clock:
            ways.WAYS[way].train(model, tokenizer, few, settings_of(4))
        assert len(clock.stamps) == 6 and clock.seconds > 0
        assert any(not before[name].equal(now) for name, now in model.state_dict().items())

    def test_a_budget_of_tokens_makes_as_many_updates(self, still, few):
        model, tokenizer = encoders.classifier(2, str(still))
        with ways.clocked(model) as clock:
            ways.fit_by_tokens(model, tokenizer, few, settings_of(7))
        assert len(clock.stamps) == 3

    def test_batches_of_a_budget_hold_every_row_once_and_no_more_than_that(self):
        lengths = np.random.default_rng(0).integers(3, 60, 200)
        cut = ways.cut_by_tokens(np.argsort(lengths), lengths, 128)
        assert sorted(np.concatenate(cut)) == list(range(200))
        assert max(len(rows) * lengths[rows].max() for rows in cut) <= 128
        assert max(map(len, cut)) > 3 * min(map(len, cut))

    def test_frozen_words_stay_as_they_are(self, still, few):
        model, tokenizer = encoders.classifier(2, str(still))
        words = model.get_input_embeddings().weight
        before = words.detach().clone()
        ways.fit_words_frozen(model, tokenizer, few, settings_of(7))
        assert words.equal(before)

    def test_the_clock_counts_from_the_first_training_step(self):
        model = torch.nn.Linear(3, 1)
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        with ways.clocked(model) as clock:
            model.eval()
            model(torch.ones(1, 3))
            assert not clock.began  # scoring is not timed
            model.train()
            for _ in range(3):
                model(torch.ones(1, 3)).sum().backward()
                optimizer.step()
        model(torch.ones(1, 3))
        optimizer.step()
        assert len(clock.began) == 1 and len(clock.stamps) == 3
        assert clock.seconds == clock.stamps[2] - clock.began[0] > 0

    def test_tokens_are_counted_without_padding(self, tokenizer):
        assert bench.tokens_of(tokenizer, ["good", "a good film"]) == 3 + 5
        assert bench.tokens_of(tokenizer, ["good " * 300], most=128) == 128

    def test_the_limit_is_never_below_torch_mm(self):
        by_mm, best = limit.times(64, 32, 128)
        assert 0 < best <= by_mm


class TestFinetune:
    """finetune.py: ratios within rounds, shares of the limit, and the form of what is printed."""

    KEYS = (
        "name", "precision", "tokens_per_s", "ratio_to_trainer", "ratio_to_grouped",
        "share_of_limit", "peak_mb",
    )  # fmt: skip

    @pytest.fixture
    def found(self, finetune):
        """Two rounds of every row but one; the machine is half as fast in the second."""
        speeds = {
            "Trainer": 100, "Trainer, grouped": 150, "fit": 300, "Trainer, grouped, bf16": 200,
            "fit, bf16": 500, "the document's listing": 5,
        }  # fmt: skip
        shared = {"threads": 2, "peak_mb": 1000.0, "updates": 3}
        rates = [{**shared, "operations_per_s": r, "operations_per_s_mm": r / 2, "parameters": 10}
                 for r in (24_000.0, 12_000.0)]  # fmt: skip
        ran = {
            name: [{**shared, "tokens_per_s": speed / slow} for slow in (1.0, 2.0)]
            for name, speed in speeds.items()
        }
        for row in ran["the document's listing"]:
            row["extrapolated"] = 1
        return {"limit": rates, **ran}

    @pytest.fixture
    def record(self, finetune, found):
        return bench.record("How.", finetune.rows_of(found))

    def test_ratios_and_shares(self, finetune, found):
        rows = {row["case"]: row for row in finetune.rows_of(found)}
        fit, half = rows["fit"], rows["fit, bf16"]
        assert (fit["ratio_to_trainer"], fit["ratio_to_grouped"]) == (3, 2)
        assert (fit["tokens_per_s"], fit["tokens_per_s_lowest"]) == (225, 150)
        assert fit["share_of_limit"] == 6 * 10 * 300 / 24_000
        assert fit["share_of_mm"] == 2 * fit["share_of_limit"]
        assert half["ratio_to_grouped"] == 2.5 and half["ratio_to_trainer"] == 5
        assert half["share_of_limit"] is None and half["bits"] == 16

    def test_a_row_of_fewer_rounds_is_compared_with_the_first(self, finetune, found):
        found["fit"].pop()
        found["Trainer"][1]["tokens_per_s"] = found["limit"][1]["operations_per_s"] = 1.0
        fit = next(row for row in finetune.rows_of(found) if row["case"] == "fit")
        assert (fit["rounds"], fit["ratio_to_trainer"], fit["ratio_to_grouped"]) == (1, 3, 2)
        assert fit["share_of_limit"] == 6 * 10 * 300 / 24_000

    def test_what_was_not_measured_has_no_ratio(self, finetune, found):
        del found["Trainer"]
        rows = {row["case"]: row for row in finetune.rows_of(found)}
        assert rows["fit"]["ratio_to_trainer"] is None and rows["fit"]["ratio_to_grouped"] == 2

    def test_what_json_prints(self, finetune, record):
        shown = finetune.shown(record)
        assert list(shown) == ["machine", "rows"] and len(shown["rows"]) == 6
        assert tuple(shown["rows"][0]) == self.KEYS
        assert tuple(shown["rows"][-1]) == (*self.KEYS, "extrapolated")
        assert [row["precision"] for row in shown["rows"]].count("bf16") == 2
        fit = next(row for row in shown["rows"] if row["name"] == "fit")
        assert fit["tokens_per_s"] == {"median": 225, "min": 150, "max": 300}

    def test_the_record_can_be_read_and_told_in_the_readme(self, finetune, record, kept_apart):
        bench.write("finetune", record)
        assert records.record("finetune").row("fit")["ratio_to_grouped"] == 2
        before = kept_apart.read_text(encoding="utf-8")
        finetune.main(["--table"])
        text = kept_apart.read_text(encoding="utf-8")
        assert "| fit | 2 | 225 | 150–300 | 3.00 | 2.00 | 75% | 150% | 1,000 |" in text
        assert "the document's listing (extrapolated)" in text
        assert text.count("<!--") == before.count("<!--")
        finetune.main(["--table"])
        assert kept_apart.read_text(encoding="utf-8") == text

    def test_a_row_that_may_fail_is_left_out_and_named(self, finetune, monkeypatch):
        def measured(program, case, **asked):
            if case == "fit, compiled":
                raise bench.CaseFailed("no compiler")
            said = {"bf16": 0, "peak_mb": 1.0, "updates": 2, "parameters": 1, "tokens_per_s": 2.0}
            rates = {"operations_per_s": 3.0, "operations_per_s_mm": 3.0}
            return {"case": case, **asked, **said, **rates}

        monkeypatch.setattr(bench, "measured", measured)
        found = finetune.whole(rounds=2, steps=2, others=1)
        rounds = {row["case"]: row["rounds"] for row in found["rows"]}
        assert rounds["fit"] == rounds["limit"] == 2 and rounds["fit, token budget"] == 1
        cases = [row["case"] for row in found["rows"]]
        lost = {"fit, compiled", "fit, bf16", "Trainer, grouped, bf16"}
        assert set(finetune.ROWS) - set(cases) == lost
        assert all(f"'{name}' can't run on this machine." in found["about"] for name in lost)

    def test_any_other_row_that_fails_stops_the_run(self, finetune, monkeypatch):
        def measured(program, case, **asked):
            raise bench.CaseFailed("broken")

        monkeypatch.setattr(bench, "measured", measured)
        with pytest.raises(SystemExit, match="broken"):
            finetune.whole(rounds=1, steps=2, others=1, only=["fit"])

    def test_a_small_run(self, root):
        command = [sys.executable, str(FOLDER / "finetune.py"), "--json", "--rounds", "1"]
        command += ["--steps", "2", "--only", "fit", "--only", "plain grouped loop"]
        shown = json.loads(subprocess.check_output(command, text=True, stderr=subprocess.DEVNULL))
        assert [row["name"] for row in shown["rows"]] == ["plain grouped loop", "fit"]
        for row in shown["rows"]:
            speed = row["tokens_per_s"]
            assert tuple(row) == self.KEYS and row["precision"] == "fp32"
            assert 0 < speed["min"] == speed["median"] == speed["max"]
            assert row["ratio_to_trainer"] is row["ratio_to_grouped"] is None
            assert row["share_of_limit"] > 0 and row["peak_mb"] > 200

    def test_an_unknown_row_is_refused(self, finetune, capsys):
        with pytest.raises(SystemExit):
            finetune.main(["--only", "fast"])
        assert "invalid choice: 'fast'" in capsys.readouterr().err


class TestScoring:
    """scoring.py: the naive loops find what the kit finds, so the time is for the same thing."""

    @pytest.mark.parametrize("padding", [True, "max_length"])
    def test_the_loops_find_the_same(self, scoring, packaged, few, padding):
        encoder, tokenizer = packaged
        model, _ = encoders.classifier(5)
        chances = scoring.padded_evaluation(model, tokenizer, few.texts, padding)
        assert np.allclose(chances, probabilities(model, tokenizer, few.texts), atol=1e-5)
        hidden = scoring.padded_encoding(encoder, tokenizer, few.texts, padding)
        assert np.allclose(hidden, encode(few.texts, encoder, tokenizer), atol=1e-5)

    def test_ratios_are_to_the_loop_of_the_same_work(self, scoring, kept_apart):
        speeds = {"evaluation": 8, "evaluation, naive": 4, "evaluation, padded to 128": 2,
                  "encoding": 9, "encoding, naive": 3}  # fmt: skip
        found = {
            name: [{"tokens_per_s": s, "texts": 5, "peak_mb": 1.0}] for name, s in speeds.items()
        }
        record = bench.record("How.", scoring.rows_of(found))
        rows = {row["case"]: row for row in record["rows"]}
        assert (rows["evaluation"]["ratio_to_naive"], rows["evaluation"]["ratio_to_128"]) == (2, 4)
        assert (rows["encoding"]["ratio_to_naive"], rows["encoding"]["ratio_to_128"]) == (3, None)
        bench.write("scoring", record)
        assert len(list(scoring.lines(record))) == 4 + len(speeds)


def test_frozen_compares_with_nothing_frozen(kept_apart, monkeypatch):
    frozen = loaded("frozen")

    def measured(program, case, layers, threads, seed, **asked):
        score = 0.5 - layers / 100 + seed / 1000
        return {"layers": layers, **asked, "seconds_an_epoch": 10.0 - layers, "seconds_once": 1.0,
                "accuracy": score, "peak_mb": 5.0}  # fmt: skip

    monkeypatch.setattr(bench, "measured", measured)
    found = frozen.whole(rounds=2, steps=4, seeds=3, reviews=64)
    bench.write("frozen", found)
    kept = records.record("frozen")
    assert list(kept.table("time")["times_faster"]) == pytest.approx(
        [10 / (10 - layers) for layers in range(7)], rel=1e-3
    )
    assert kept.row("accuracy", layers=6)["accuracy"] == pytest.approx(0.441)
    assert kept.row("accuracy", layers=6)["half_width"] == pytest.approx(0.00248, rel=1e-2)
    assert "| 6 | 4 | 4–4 | 2.50 | 1 | 5 | 0.441 | 0.440–0.442 |" in list(frozen.lines(found))


class TestThreads:
    """threads.py: weights compared to the bit, processes compared within a round."""

    def test_a_difference_in_one_weight_is_seen(self, threads, tmp_path):
        from safetensors.torch import save_file

        one, other = str(tmp_path / "one"), str(tmp_path / "other")
        save_file({"a": torch.zeros(3), "b": torch.ones(2)}, one)
        save_file({"a": torch.zeros(3), "b": torch.tensor([1.0, 1.25])}, other)
        assert threads.difference(one, other) == {"largest_difference": 0.25, "bit_equal": 0}
        assert threads.difference(one, one) == {"largest_difference": 0.0, "bit_equal": 1}

    def test_processes_are_compared_within_a_round(self, threads, kept_apart, monkeypatch):
        launched = []

        def measured(program, case, *, launcher=(), **asked):
            launched.append((asked.get("processes"), asked.get("threads"), bool(launcher)))
            return {**asked, "case": case, "largest_change": 1e-3, "largest_difference": 0.0,
                    "bit_equal": 1, "tokens_per_s": 100.0 / asked.get("processes", 1),
                    "seconds": 2.0, "peak_mb": 3.0}  # fmt: skip

        monkeypatch.setattr(bench, "measured", measured)
        found = threads.whole(rounds=2, steps=4, sizes=(64,))
        bench.write("threads", found)
        kept = records.record("threads")
        assert launched[-4:] == [(1, 2, False), (2, 1, True), (2, 1, True), (1, 2, False)]
        assert kept.row("processes", processes=2)["times_faster"] == 0.5
        assert len(kept.table("same seed")) == 2 and kept.row("thread count")["bit_equal"] == 1
        assert any("| 2 × 1 | 64 | 50 |" in line for line in threads.lines(found))


class TestEqualAccuracy:
    """equal_accuracy.py: pairs, and equal only where the whole interval lies in the margin."""

    def found(self, **scores):
        return {
            (way, seed): {"reviews": 9, "seed": seed, "accuracy": score, "peak_mb": 1.0}
            for way, all_scores in scores.items()
            for seed, score in enumerate(all_scores)
        }

    @pytest.mark.parametrize(
        ("ours", "within"),
        [
            ((0.50, 0.41, 0.60), 1),  # much of a spread, but not between the two of a pair
            ((0.53, 0.43, 0.63), 0),  # a difference of 0.03 in each pair
            ((0.56, 0.40, 0.54), 0),  # none in the mean, but not known well enough
        ],
    )
    def test_equal_means_the_interval_lies_within_the_margin(self, equal, ours, within):
        found = self.found(one=ours, other=(0.50, 0.40, 0.60))
        (row,) = equal.rows_of([equal.Pairs("one", "other", range(3))], found)
        assert row["case"] == "one against other" and row["seeds"] == 3
        assert row["within_margin"] == within and row["margin"] == 0.02
        assert row["accuracy_of_other"] == pytest.approx(0.5)

    def test_a_training_is_run_once_and_only_with_the_seeds_it_is_needed_for(self, equal):
        pairs = [equal.Pairs("fit", equal.GROUPED, range(3)),
                 equal.Pairs("fit, bf16", "fit", range(1, 2))]  # fmt: skip
        needed = equal.wanted(pairs)
        assert len(needed) == len(set(needed)) == 7
        assert ("fit, bf16", 1) in needed and ("fit, bf16", 0) not in needed
        assert [seed for _, seed in needed] == sorted(seed for _, seed in needed)

    def test_no_seed_is_used_in_two_studies(self, equal):
        used = [{s for p in study for s in p.seeds} for study in equal.STUDIES.values()]
        assert sum(map(len, used)) == len(set.union(*used)) == 61

    def test_a_study_leaves_the_other_as_it_was(self, equal, kept_apart, monkeypatch):
        scores = {"fit": 0.49, equal.GROUPED: 0.5}

        def measured(program, case, **asked):
            if case == equal.ABLE:
                return {"bf16": False}
            drift = asked["seed"] / 1000 if case == "fit" else 0
            return {**asked, "case": case, "accuracy": scores.get(case, 0.4) + drift,
                    "peak_mb": 1.0}  # fmt: skip

        monkeypatch.setattr(bench, "measured", measured)
        equal.main(["--write", "--study", "1"])
        before = records.path("equal-accuracy-1").read_bytes()
        scores["fit"] = 0.52
        equal.main(["--write", "--study", "2"])
        assert records.path("equal-accuracy-1").read_bytes() == before
        first, second = (records.record(f"equal-accuracy-{study}") for study in (1, 2))
        assert len(first.rows) == 11
        assert first.row("fit", seed=1)["accuracy"] == 0.491
        assert second.row("fit", seed=5)["accuracy"] == 0.525
        pair = "fit against Trainer, grouped"
        assert first.row(pair)["within_margin"] == 1
        assert second.row(pair)["within_margin"] == 0
        assert not any("bf16" in row["case"] for row in second.rows)
        text = kept_apart.read_text(encoding="utf-8")
        assert f"| {pair} | 5 | 0.492 | 0.500 | -0.0080 |" in text
        assert any("| 40 |" in line and "| no |" in line for line in text.splitlines())

    def test_an_unknown_study_is_refused_before_anything_is_measured(self, equal, monkeypatch):
        monkeypatch.setattr(bench, "measured", lambda *_, **__: pytest.fail("it was measured"))
        with pytest.raises(SystemExit, match=r"no study 5: ask for one of \[1, 2, 3, 4\]"):
            equal.main(["--study", "5"])


class TestGpu:
    """gpu.py: what can be tested of it where there is none."""

    def test_an_epoch_is_timed_in_steps_and_tokens(self, gpu, monkeypatch):
        monkeypatch.setenv("ACCELERATE_USE_CPU", "true")
        found = gpu.epochs("fit", steps=2, rounds=1, threads=1)
        assert len(found["seconds"]) == len(found["tokens"]) == 2 and min(found["seconds"]) > 0
        assert 500 < min(found["tokens"]) < max(found["tokens"]) < 5000  # of other reviews

    def test_the_first_epoch_is_kept_apart(self, gpu, kept_apart, monkeypatch):
        seconds = {gpu.TRAINER: [9.0, 4.0, 4.0], gpu.GROUPED: [6.0, 3.0, 3.0],
                   gpu.FIT: [3.0, 2.0, 1.0], gpu.GROUPED_BF16: [30.0, 3.0, 3.0],
                   gpu.FIT_BF16: [3.0, 2.0, 2.0]}  # fmt: skip

        def measured(program, case, *, gpu, way, **asked):
            assert gpu and way == case
            held = {"tokens": [90, 60, 60], "gpu_mb": 500.0, "peak_mb": 900.0}
            return {"case": case, **asked, "seconds": seconds[case], **held}

        monkeypatch.setattr(bench, "measured", measured)
        monkeypatch.setattr(bench, "require_gpu", lambda: None)
        monkeypatch.setattr("torch.cuda.get_device_name", lambda: "a GPU")
        gpu.main(["--write", "--rounds", "2"])
        kept = records.record("gpu")
        assert kept.machine["gpu"] == "a GPU"
        ours = kept.row(gpu.FIT)
        assert ours["seconds_first"] == 3.0 and ours["seconds"] == 1.5
        assert ours["ratio_to_trainer"] == 3.0 and ours["ratio_to_grouped"] == 2.25
        assert kept.row(gpu.FIT_BF16)["first_to_grouped"] == 10.0
        assert kept.row(gpu.FIT_BF16)["ratio_to_grouped"] == 1.5
        assert "| fit, bf16 | 3.0 | 2.0 |" in kept_apart.read_text(encoding="utf-8")

    @pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU here")
    def test_without_a_gpu_nothing_is_measured(self, gpu, graphs, equal, monkeypatch):
        monkeypatch.setattr(bench, "measured", lambda *_, **__: pytest.fail("it was measured"))
        for program, asked in ((gpu, []), (graphs, []), (equal, ["--study", "4"])):
            with pytest.raises(SystemExit, match="wants a CUDA GPU, and found none"):
                program.main(asked)

    def test_only_a_case_for_a_gpu_may_use_it(self, monkeypatch):
        seen = []

        def run(command, *, env, **_):
            seen.append(env.get("ACCELERATE_USE_CPU"))
            return subprocess.CompletedProcess(command, 0, "{}", "")

        monkeypatch.setattr(subprocess, "run", run)
        for gpu in (False, True):
            bench.measured("program", "case", gpu=gpu)
        assert seen == ["true", None]


class TestGraphs:
    """graphs.py: what can be tested of it where there is no GPU."""

    @pytest.mark.parametrize("way", ["fit", "plain grouped loop"])
    def test_epochs_are_timed_in_steps_and_tokens(self, graphs, monkeypatch, way):
        monkeypatch.setenv("ACCELERATE_USE_CPU", "true")
        rounds = 1 if way == "fit" else 0  # the plain loop has one epoch
        found = graphs.epochs(way, graphs.PACKAGED, steps=2, rounds=rounds, threads=1)
        assert found["first"] > 0 and len(found["ms"]) == rounds and min(found["ms"], default=1) > 0
        assert 500 < found["tokens"] < 5000

    def test_the_first_epoch_is_kept_apart(self, graphs, kept_apart, monkeypatch):
        ms = {graphs.TRAINER_BF16: [40.0, 60.0], graphs.FIT_EAGER: [30.0, 30.0]}
        ms[graphs.FIT_BF16] = [4.0, 6.0]
        first = {graphs.TRAINER_BF16: 9.0, graphs.FIT_BF16: 3.0}

        def measured(program, case, *, gpu, **asked):
            assert gpu
            if "bits" in asked:
                equal = {"bit_equal": 1, "largest_difference": 0.0}
                losses = {"first_loss": 1.6, "last_loss": 1.5, "peak_mb": 900.0}
                return {"case": case, **asked, **equal, **losses}
            times = {"first": first.get(case, 5.0), "ms": ms.get(case, [20.0, 20.0])}
            memory = {"gpu_mb": 500.0, "reserved_mb": 600.0, "peak_mb": 900.0}
            return {"case": case, **asked, **times, "tokens": 1000, **memory}

        monkeypatch.setattr(bench, "measured", measured)
        monkeypatch.setattr(bench, "require_gpu", lambda: None)
        monkeypatch.setattr("torch.cuda.get_device_name", lambda: "a GPU")
        graphs.main(["--write", "--rounds", "2", "--steps", "10"])
        kept = records.record("graphs")
        assert kept.machine["gpu"] == "a GPU"
        for layers in (graphs.PACKAGED, graphs.BASE):
            ours = kept.row(graphs.FIT_BF16, layers=layers)
            assert ours["seconds_first"] == 3.0 and ours["ms_a_step"] == 5.0
            assert ours["ratio_to_trainer"] == 10.0 and ours["first_to_trainer"] == 3.0
            assert ours["ratio_to_eager"] == 6.25 and ours["tokens_per_s"] == 20_000
            assert kept.row(graphs.EQUAL, layers=layers, bits=16)["bit_equal"] == 1
        told = kept_apart.read_text(encoding="utf-8")
        assert "| fit, bf16 | 12 | 3.0 | 5.00 |" in told
        assert "10 losses with graphs and without, 12 layers, bf16: equal to the bit" in told


class TestCompression:
    """compression.py: answers in other batches, and torchao, which is kept apart."""

    def test_in_sevens_the_order_is_that_of_the_texts(self, few):
        program = loaded("compression")
        model, tokenizer = encoders.classifier(5)
        said = probabilities(model, tokenizer, few.texts).argmax(axis=1)
        assert np.array_equal(program.in_sevens(model, tokenizer, few.texts), said)

    def test_without_torchao_nothing_is_measured(self, tmp_path, monkeypatch):
        program = loaded("compression")
        monkeypatch.setattr(program, "FOLDER", tmp_path)
        with pytest.raises(SystemExit, match="torchao is not in"):
            program.whole(rounds=1, reviews=64, pairs=1)

    def test_it_is_found_in_its_folder_only_inside_the_block(self, tmp_path, monkeypatch):
        program, before = loaded("compression"), list(sys.path)
        (tmp_path / "torchao").mkdir()
        monkeypatch.setattr(program, "FOLDER", tmp_path)
        with program.successor():
            assert sys.path[-1] == str(tmp_path)
        assert sys.path == before


class TestReadme:
    """The README's tables are those of the records."""

    def test_without_its_comments_a_table_has_no_place(self, kept_apart):
        kept_apart.write_text("Nothing here.", encoding="utf-8")
        with pytest.raises(SystemExit, match="lacks the comments of the table 'scoring'"):
            bench.tell("scoring", ["| a |"])

    def test_one_table_leaves_the_others(self, kept_apart):
        bench.tell("scoring", ["| a |"])
        bench.tell("frozen", ["| b |"])
        text = kept_apart.read_text(encoding="utf-8")
        assert "<!-- table: scoring -->\n\n| a |\n\n<!-- end of the table -->" in text
        assert "<!-- table: frozen -->\n\n| b |\n\n<!-- end of the table -->" in text

    @pytest.mark.parametrize("name", TABLES)
    def test_it_shows_what_was_kept(self, name, monkeypatch):
        monkeypatch.delenv("ILLUSIONKIT_RESULTS", raising=False)
        text = bench.README.read_text(encoding="utf-8")
        _, _, rest = text.partition(f"<!-- table: {name} -->\n")
        shown = rest.partition("<!-- end of the table -->")[0].strip()
        program = loaded(TABLES[name])
        lines = program.beside_lines if name == "audit-others" else program.lines
        if records.path(name).exists():
            assert shown == "\n".join(lines(bench.kept(name)))
        else:
            assert shown.startswith("Not measured yet")
