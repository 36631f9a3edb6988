"""`illusionkit train`: a whole training from a file, killed, called again, and by two processes."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time

import numpy as np
import pandas as pd
import pytest
from launch import LAUNCH
from transformers import AutoModelForSequenceClassification, pipeline

from illusionkit.__main__ import main
from illusionkit.audit import own_training
from illusionkit.data.corpora import movie_reviews
from illusionkit.training.batches import Settings
from illusionkit.training.own_data import labelled
from illusionkit.training.own_parts import parted

WORDS = {
    "good": ("great", "fine", "lovely", "superb"),
    "poor": ("awful", "dull", "boring", "flat"),
}
ROLES = ("--text", "said", "--label", "stars")


def table_of(size=240):
    """Return texts that a small model learns at once, some of them twice, of a writer each."""
    rng = np.random.default_rng(0)
    words = sorted({word for text in movie_reviews()["text"].head(300) for word in text.split()})
    rows = []
    for n in range(size):
        label = ("good", "poor")[n % 2]
        some = " ".join(rng.choice(words, 6))
        rows.append([n, f"{some} {rng.choice(WORDS[label])} {rng.choice(WORDS[label])}", label])
    table = pd.DataFrame(rows, columns=["number", "said", "stars"])
    table.loc[40:79, ["said", "stars"]] = table.loc[:39, ["said", "stars"]].to_numpy()
    return table.assign(writer=table["number"] // 2, day=table["number"] * 7 % 120)


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    file = tmp_path_factory.mktemp("corpus") / "mine.csv"
    table_of().to_csv(file, index=False)
    return file


@pytest.fixture(scope="module")
def options(small, corpus):
    """What every run here is told."""
    return ["train", str(corpus), *ROLES, "--model", str(small), "--rate", "2e-3",
            "--batch", "16", "--tokens", "32", "--epochs", "3"]  # fmt: skip


@pytest.fixture(scope="module")
def begin(root, options):
    """Start the command in a process of its own, or in two."""

    def call(*more, launch=()):
        command = [sys.executable, *launch, "-m", "illusionkit", *options, *map(str, more)]
        env = {**os.environ, "ACCELERATE_USE_CPU": "true", "PYTHONPATH": str(root)}
        return subprocess.Popen(
            command, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )

    return call


def ended(process):
    """Return what a process printed, or its message."""
    out, err = process.communicate()
    return out if process.returncode == 0 else f"failed: {err}"


@pytest.fixture(scope="module")
def done(begin, tmp_path_factory):
    """The folder of a training that nothing stopped, and what it printed."""
    out = tmp_path_factory.mktemp("done") / "model"
    return out, ended(begin("--out", out, "--group", "writer"))


def test_it_trains_scores_and_saves(done, corpus):
    out, printed = done
    told = json.loads((out / "report.json").read_text(encoding="utf-8"))
    scores = told["scores"]
    assert scores["model"]["value"] > scores["majority"]["value"] + 0.2
    assert scores["model"]["low"] > scores["majority"]["value"]
    assert 40 < told["rows"]["test"] < 56 and told["precision"].startswith("fp32")
    assert "The audit of the training against the test part" in printed
    assert f"{scores['model']['value']:.1%}" in printed and "may be chance" in printed
    assert not (out / "checkpoints").exists() and not list(out.glob("*.part"))
    assert told["units"]["test"] < told["rows"]["test"]  # texts that stand twice count once


def test_the_folder_is_read_by_transformers(done):
    out, _ = done
    saved = AutoModelForSequenceClassification.from_pretrained(out)
    assert saved.config.id2label == {0: "good", 1: "poor"}
    assert saved.config.label2id == {"good": 0, "poor": 1}
    said = pipeline("text-classification", model=str(out), device="cpu")(
        ["a superb lovely film", "an awful boring film"]
    )
    assert [each["label"] for each in said] == ["good", "poor"]


def test_finished_and_called_again_it_tells_the_same_and_trains_nothing(
    done, options, capsys, monkeypatch
):
    out, printed = done
    before = (out / "model.safetensors").stat().st_mtime_ns
    monkeypatch.setattr("illusionkit.audit.own_training.fit", None)
    assert main([*options, "--out", str(out), "--group", "writer"]) == 0
    again = capsys.readouterr().out
    assert "finished before" in again and again.split("Parts:")[1].strip() in printed
    assert (out / "model.safetensors").stat().st_mtime_ns == before


def test_killed_and_called_again_it_goes_on_to_the_same_report(done, begin, tmp_path):
    out, more = tmp_path / "model", ("--group", "writer", "--every", "1")
    first = begin("--out", out, *more)
    while not list(out.glob("checkpoints/step-*")) and first.poll() is None:
        time.sleep(0.05)
    first.send_signal(signal.SIGKILL)
    first.communicate()
    assert first.returncode == -signal.SIGKILL and not (out / "report.json").exists()
    assert "goes on from its last checkpoint" in ended(begin("--out", out, *more))
    assert (out / "report.json").read_bytes() == (done[0] / "report.json").read_bytes()
    assert (out / "model.safetensors").read_bytes() == (done[0] / "model.safetensors").read_bytes()


def test_two_processes_tell_the_same_once(begin, tmp_path):
    out = tmp_path / "model"
    printed = ended(begin("--out", out, "--epochs", "2", launch=LAUNCH))
    assert printed.count("Right on the test part") == 1, printed
    told = json.loads((out / "report.json").read_text(encoding="utf-8"))
    assert told["scores"]["model"]["value"] > told["scores"]["majority"]["value"]
    again = ended(begin("--out", out, "--epochs", "2", launch=LAUNCH))  # nothing is left to do
    assert again.count("finished before") == 1
    assert (
        again.split("Parts:")[1].strip() == printed.split("Parts:")[1].split("Model and")[0].strip()
    )


def test_two_processes_refuse_in_one_sentence(begin, tmp_path):
    said = ended(begin("--out", tmp_path / "model", "--label", "nobody", launch=LAUNCH))
    assert said.count("There is no column 'nobody' (label)") == 1


@pytest.fixture
def call(options, capsys):
    """Call the command here, and return its status, what it printed, and its message."""

    def run(*more, instead=None):
        given = [instead, *map(str, more)] if instead else [*options[1:], *map(str, more)]
        status = main(["train", *map(str, given)])
        return status, *capsys.readouterr()

    return run


def test_with_a_time_it_is_tested_on_the_latest_part(call, corpus, tmp_path):
    status, out, _ = call("--out", tmp_path / "m", "--time", "day", "--epochs", "1")
    table = pd.read_csv(corpus)
    expected = parted(labelled(table, text="said", label="stars"), time="day")
    told = json.loads((tmp_path / "m" / "report.json").read_text(encoding="utf-8"))
    assert status == 0 and told["rows"]["test"] == len(expected.test)
    assert "later rows of theirs are left out" in out  # texts that stand twice, on two days


def test_what_the_audit_finds_can_stop_it(call, corpus, tmp_path):
    table = pd.read_csv(corpus)
    table["stars"] = np.random.default_rng(0).permutation(table["stars"])
    table.assign(answer=table["stars"] + "!").to_csv(tmp_path / "told.csv", index=False)
    asked = ("--out", tmp_path / "m", *ROLES, "--fail-on", "high")
    status, out, _ = call(*asked, instead=tmp_path / "told.csv")
    assert status == 1 and "[high] gives the label away" in out
    assert "nothing was trained" in out and not (tmp_path / "m" / "report.json").exists()
    table.to_csv(tmp_path / "told.csv", index=False)  # mended, and the same folder will do
    status, out, _ = call(*asked, "--fail-on", "low", instead=tmp_path / "told.csv")
    assert status == 1 and "another training" not in out


def test_columns_are_guessed_and_that_is_said(call, corpus, tmp_path):
    table = pd.read_csv(corpus).rename(columns={"writer": "user_id"})
    table.to_csv(tmp_path / "t.csv", index=False)
    asked = ("--out", tmp_path / "m", "--fail-on", "low")
    status, out, _ = call(*asked, instead=tmp_path / "t.csv")
    assert status == 1 and "Guessed: text 'said'. " in out.replace("\n", " ")
    assert "'user_id' may be a group: if so, name it (--group)." in out


def test_long_texts_are_cut_and_that_is_said(call, tmp_path):
    status, out, _ = call("--out", tmp_path / "m", "--tokens", "6", "--fail-on", "low")
    assert status == 1 and "240 of 240 texts have more than 6 tokens and are cut there" in out


def test_blank_texts_are_left_out_and_that_is_said(call, corpus, tmp_path):
    table = pd.read_csv(corpus)
    table.loc[100:102, "said"] = [None, "", "  "]
    table.to_csv(tmp_path / "t.csv", index=False)
    _, out, _ = call(
        "--out", tmp_path / "m", *ROLES, "--fail-on", "low", instead=tmp_path / "t.csv"
    )
    assert "3 of 240 rows have no text and are left out" in out


def test_a_corpus_of_the_kit_goes_by_its_name(call, small, tmp_path):
    asked = ("--out", tmp_path / "m", "--model", small, "--tokens", "8", "--fail-on", "low")
    status, _, _ = call(*asked, instead="product_reviews")
    plan = json.loads((tmp_path / "m" / "training.json").read_text(encoding="utf-8"))
    assert status == 1 and (plan["text"], plan["group"]) == ("text", "unit")


CHANGES = {
    "few units": (lambda t: t.head(40), (), "50 are needed"),
    "one group": (lambda t: t.assign(writer=1), ("--group", "writer"), "are 1 units"),
    "one class": (lambda t: t.assign(stars="good"), (), "one label"),
    "unlabelled": (lambda t: t.assign(stars=t["stars"].where(t.index > 1)), (), "2 of 240 labels"),
    "class of one unit": (lambda t: t.assign(stars=t["stars"].where(t.index > 0, "odd")), (),
                          "1 classes have one unit only ('odd')"),
    "amounts": (lambda t: t.assign(stars=t.index + 0.5), (), "or learn the number"),
    "numbers as texts": (lambda t: t.assign(said=t["number"]), (), "240 of 240 entries"),
    "no column": (lambda t: t, ("--group", "nobody"), "no column 'nobody' (group)"),
    "two columns": (lambda t: t, ("--text", "writer"), "takes two columns, as pairs"),
    "too many tokens": (lambda t: t, ("--tokens", "100000"), "not 100000"),
    "no epoch": (lambda t: t, ("--epochs", "0"), "At least 1 epoch"),
    "no model": (lambda t: t, ("--model", "./nowhere"), "is no folder"),
}  # fmt: skip


@pytest.mark.parametrize(("change", "asked", "says"), CHANGES.values(), ids=CHANGES)
def test_what_can_not_be_trained_on_is_refused_in_a_sentence(
    call, corpus, small, tmp_path, change, asked, says
):
    change(pd.read_csv(corpus)).to_csv(tmp_path / "t.csv", index=False)
    given = ("--out", tmp_path / "m", *ROLES, "--model", small, "--tokens", "32", *asked)
    status, out, err = call(*given, instead=tmp_path / "t.csv")
    assert (status, out) == (2, "") and says in err and err.count("\n") == 1
    assert not (tmp_path / "m").exists()


def test_a_file_that_is_not_there_is_refused(call, tmp_path):
    status, _, err = call("--out", tmp_path / "m", instead=tmp_path / "none.csv")
    assert status == 2 and "can't be read" in err


def test_a_folder_that_holds_something_else_is_left_alone(call, done, tmp_path):
    (tmp_path / "diary.txt").write_text("mine", encoding="utf-8")
    status, _, err = call("--out", tmp_path)
    assert status == 2 and "no training of this command" in err
    assert [path.name for path in tmp_path.iterdir()] == ["diary.txt"]
    status, _, err = call("--out", done[0], "--group", "writer", "--rate", "1e-3", "--seed", "4")
    assert status == 2 and "another training: not the same" in err
    assert "learning_rate" in err and "seed" in err and "batch_size" not in err
    status, _, err = call("--out", tmp_path / "diary.txt" / "m")
    assert status == 2 and "can't be written" in err


def test_a_full_disk_is_said_and_the_folder_stays_ours(call, small_disk):
    status, _, err = call("--out", small_disk / "m", "--epochs", "1")
    assert status == 2 and "the disk is full" in err and "CACHE" not in err
    assert not (small_disk / "m" / "report.json").exists()
    assert call("--out", small_disk / "m", "--epochs", "1")[0] == 2


def test_another_programs_plan_is_no_training(call, tmp_path):
    (tmp_path / "training.json").write_text('{"epochs": 3}', encoding="utf-8")
    status, _, err = call("--out", tmp_path)
    assert status == 2 and "no training of this command" in err
    assert (tmp_path / "training.json").read_text(encoding="utf-8") == '{"epochs": 3}'


def test_a_model_that_was_lost_is_trained_again(done, call, tmp_path):
    out = tmp_path / "copy"
    shutil.copytree(done[0], out)
    (out / "model.safetensors").write_bytes(b"")
    status, printed, _ = call("--out", out, "--group", "writer")
    assert status == 0 and "It is trained now" in printed
    assert (out / "report.json").read_bytes() == (done[0] / "report.json").read_bytes()


def test_every_option_reaches_the_settings(monkeypatch, tmp_path):
    told = []
    monkeypatch.setattr(own_training, "train", lambda asked, settings: told.append(settings) or 0)
    given = {"--epochs": 3, "--batch": 4, "--rate": 5e-6, "--tokens": 7, "--seed": 8, "--frozen": 2,
             "--at-once": 900, "--precision": "bf16", "--class-weights": "balanced",
             "--patience": 2}  # fmt: skip
    words = [str(each) for pair in given.items() for each in pair]
    assert main(["train", "mine.csv", "--out", str(tmp_path), *words]) == 0
    assert told == [
        Settings(epochs=3, batch_size=4, learning_rate=5e-6, max_tokens=7, seed=8, frozen_layers=2,
                 tokens_at_once=900, precision="bf16", class_weights="balanced", patience=2)
    ]  # fmt: skip
