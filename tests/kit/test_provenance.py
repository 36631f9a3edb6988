"""Provenance: what changes a number changes the hash, what only reads better does not."""

import dataclasses
import importlib.util
import itertools
import json
import re
import sys
import textwrap

import pytest
import synthetic

from illusionkit.data import corpora
from illusionkit.errors import DataError
from illusionkit.experiment.provenance import code_hash, machine, provenance
from illusionkit.illusions import experiment
from illusionkit.models import encoders, encoding

BASE = '''
"""A module."""
from functools import cache

LIMIT = 3

def helper(x):
    """Return more."""
    # Why it is so.
    return x + LIMIT

class Model:
    """A model."""

    slope = 2

    def predict(self, x):
        """Return a prediction."""
        return self.slope * helper(x)

@cache
def data():
    return [1, 2]

def unused():
    return 1

def run(x):
    """Return it all."""
    return [Model().predict(y) for y in data()]
'''
COUNTER = itertools.count()


@pytest.fixture
def hashed(tmp_path, monkeypatch):
    """Return the hash of ``run`` in a module of the kit with the given source."""

    def load(source):
        path = tmp_path / f"trial{next(COUNTER)}.py"
        path.write_text(textwrap.dedent(source), encoding="utf-8")
        spec = importlib.util.spec_from_file_location("illusionkit.trial", path)
        module = importlib.util.module_from_spec(spec)
        monkeypatch.setitem(sys.modules, "illusionkit.trial", module)
        spec.loader.exec_module(module)
        return code_hash(module.run)

    return load


NOTHING = {
    "a comment": ("# Why it is so.", "# Another reason."),
    "a comment more": ("    return x + LIMIT", "    # More.\n    return x + LIMIT"),
    "a docstring": ('"""Return more."""', '"""Return\n    much more.\n    """'),
    "no docstring": ('    """Return more."""\n', ""),
    "a module's docstring": ('"""A module."""', '"""A better module."""'),
    "a class's docstring": ('"""A model."""', '"""A better model."""'),
    "a blank line": ("    # Why it is so.\n", "\n\n"),
    "a function nobody calls": ("return 1\n", "return 2\n"),
    "the order": ("def unused():\n    return 1\n", ""),
}
SOMETHING = {
    "a constant": ("LIMIT = 3", "LIMIT = 4"),
    "a callee": ("return x + LIMIT", "return x - LIMIT"),
    "a class's attribute": ("slope = 2", "slope = 3"),
    "a method": ("self.slope * helper(x)", "self.slope + helper(x)"),
    "a cached callee": ("return [1, 2]", "return [1, 3]"),
    "the root": ("for y in data()]", "for y in data()][:1]"),
}


@pytest.mark.parametrize("change", NOTHING)
def test_what_decides_no_number_leaves_the_hash(hashed, change):
    old, new = NOTHING[change]
    assert old in BASE
    assert hashed(BASE.replace(old, new)) == hashed(BASE)


@pytest.mark.parametrize("change", SOMETHING)
def test_what_may_decide_a_number_changes_the_hash(hashed, change):
    old, new = SOMETHING[change]
    assert old in BASE
    assert hashed(BASE.replace(old, new)) != hashed(BASE)


def test_code_reached_through_a_module_counts(hashed, tmp_path, monkeypatch):
    source = "from illusionkit import corpora\ndef run(x):\n    return corpora.tweets()\n"
    before = hashed(source)

    def other(part="book"):
        return None

    other.__module__ = "illusionkit.data.corpora"
    monkeypatch.setattr(corpora, "tweets", other)
    assert hashed(source) != before


def test_functions_that_call_each_other_end(hashed):
    both = "def a(x):\n    return run(x)\ndef run(x):\n    return a(x)\n"
    assert re.fullmatch("[0-9a-f]{12}", hashed(both))


def test_a_function_typed_at_a_prompt_has_a_hash():
    spaces = [{"__name__": "__main__"}, {"__name__": "__main__"}]
    for number, space in enumerate(spaces):
        exec(f"def run(x):\n    return x + {number}", space)
    assert code_hash(spaces[0]["run"]) != code_hash(spaces[1]["run"])
    assert code_hash(spaces[0]["run"]) == code_hash(spaces[0]["run"])


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
    monkeypatch.setattr(encoders, "encoder", _another_encode)
    assert code_hash(run) == before
