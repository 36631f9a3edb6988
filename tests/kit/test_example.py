"""The example script: a whole training from a CSV file, by one process and by two."""

import csv
import json
import os
import subprocess
import sys

import pytest
from launch import LAUNCH
from transformers import AutoModelForSequenceClassification

WORDS = {
    "good": ("great", "fine", "lovely", "superb"),
    "poor": ("awful", "dull", "boring", "flat"),
}


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    """A CSV file of 240 texts that a small model learns at once, some of them twice."""
    file = tmp_path_factory.mktemp("corpus") / "mine.csv"
    with file.open("w", newline="", encoding="utf-8") as stream:
        rows = csv.writer(stream)
        rows.writerow(["id", "text", "label"])
        for n in range(240):
            label = ("good", "poor")[n % 2]
            text = f"a {WORDS[label][n // 2 % 4]} film number {n // 2 % 100}"
            rows.writerow([n, text, label])
    return file


@pytest.fixture
def run(root, small):
    """Run the script and return what it printed, or its message."""

    def call(*options, launch=()):
        command = [sys.executable, *launch, str(root / "examples" / "train.py"), *map(str, options)]
        env = {**os.environ, "ACCELERATE_USE_CPU": "true", "PYTHONPATH": str(root)}
        done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
        return done.stdout if done.returncode == 0 else f"failed: {done.stderr}"

    return lambda *options, **more: call(
        "--model", small, "--rate", "2e-3", "--batch", "16", "--tokens", "32", *options, **more
    )


def test_it_trains_scores_and_saves(run, corpus, tmp_path):
    out = tmp_path / "model"
    printed = run("--corpus", corpus, "--epochs", "3", "--out", out)
    told = json.loads(printed.splitlines()[-1])
    assert told["test_accuracy"] > told["majority_accuracy"] + 0.2
    assert 5 < told["rows"] < 60 and told["precision"].startswith("fp32")
    saved = AutoModelForSequenceClassification.from_pretrained(out)
    assert saved.config.id2label == {0: "good", 1: "poor"}


def test_two_processes_tell_the_same_once(run, corpus, tmp_path):
    options = ("--corpus", corpus, "--epochs", "2", "--checkpoints", tmp_path / "kept")
    printed = run(*options, launch=LAUNCH)
    assert printed.count("test_accuracy") == 1, printed
    again = run(*options, launch=LAUNCH)  # nothing is left to do
    assert again.splitlines()[-1] == printed.splitlines()[-1]
    assert any((tmp_path / "kept").iterdir())


def test_a_file_without_the_columns_is_refused_in_a_sentence(run, tmp_path):
    (tmp_path / "other.csv").write_text("words,stars\nfine,1\n", encoding="utf-8")
    said = run("--corpus", tmp_path / "other.csv")
    assert "no CSV file with the columns text and label" in said and "Traceback" not in said
