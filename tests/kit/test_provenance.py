"""Provenance: what changes a number changes the hash, what only reads better does not."""

import dataclasses
import json
import re

import pytest
import synthetic

from illusionkit.errors import DataError
from illusionkit.experiment.provenance import code_hash, machine, provenance
from illusionkit.illusions import experiment
from illusionkit.models import encoders, encoding


@pytest.mark.parametrize("changed", [{"title": "x"}, {"step": "x"}, {"page": "x"}, {"cost": 9.0}])
def test_what_only_a_reader_sees_is_not_in_the_spec_hash(changed):
    assert provenance(synthetic.experiment(**changed)) == provenance(synthetic.experiment())


@pytest.mark.parametrize(
    "changed",
    [
        {"margin": 0.06},
        {"seeds": (0, 1)},
        {"sign": -1},
        {"design": "same-rows"},
        {"tolerance": 0.1},
        {"knobs": (dataclasses.replace(synthetic.SHARE, doses=(0.0, 1.0)),)},
        {"metric": dataclasses.replace(synthetic.ACCURACY, greater_is_better=False)},
    ],
)
def test_what_was_fixed_beforehand_is_in_the_spec_hash(changed):
    first, other = provenance(synthetic.experiment()), provenance(synthetic.experiment(**changed))
    assert first["spec"] != other["spec"]
    assert first["code"] == other["code"]


def test_the_metric_is_part_of_the_code():
    other = dataclasses.replace(synthetic.ACCURACY, per_row=lambda rows: rows.truth)
    first, second = synthetic.experiment(), synthetic.experiment(metric=other)
    assert provenance(first)["code"] != provenance(second)["code"]


def test_the_data_hash_follows_the_pins(repin):
    trial = synthetic.experiment(data=("tweets",))
    before = provenance(trial)
    repin("tweets_ratings")
    after = provenance(trial)
    assert [name for name in before if before[name] != after[name]] == ["data"]


def test_a_data_set_that_is_none_is_refused_with_those_there_are():
    with pytest.raises(DataError, match=r"'nowhere'.*movie_reviews"):
        provenance(synthetic.experiment(data=("nowhere",)))


def test_the_machine_and_the_versions_are_named():
    found = machine()
    assert re.match(r"3\.\d+\.\d+", found["python"])
    assert re.search(r"\S, \d+ cores$", found["cpu"])
    assert re.search(
        r"numpy \d.*scipy \d.*scikit-learn \d", provenance(synthetic.experiment())["versions"]
    )
    json.dumps(found)


def _another_encode(texts: list[str], model: object, tokenizer: object) -> None:
    """Stand where `features.encode` stood."""


def test_a_function_that_is_imported_inside_another_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    run = experiment("group-leakage").run  # it imports `features` where it needs it
    before = code_hash(run)
    _another_encode.__module__ = "illusionkit.models.encoding"
    monkeypatch.setattr(encoding, "encode", _another_encode)
    assert code_hash(run) != before


def test_loaders_do_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    run = experiment("group-leakage").run
    before = code_hash(run)
    _another_encode.__module__ = "illusionkit.models.encoders"
    _another_encode.__qualname__ = "encoder"
    monkeypatch.setattr(encoders, "encoder", _another_encode)
    assert code_hash(run) == before
