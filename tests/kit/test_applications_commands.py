"""Templates and what they stand for, commands by block, and how they are dealt out."""

import hashlib

import numpy as np
import pytest
from scipy.sparse import csr_matrix

from illusionkit.data import commands
from illusionkit.data.templates import Grammar
from illusionkit.errors import DataError
from illusionkit.illusions import experiment
from illusionkit.illusions.applications.command_templates import dealt
from illusionkit.illusions.material.spoken import look_up

RULES = {"the": "(the|my)", "is": "is|are", "all": "[<the>] all", "loop": "a <loop>"}
GRAMMAR = Grammar(RULES, {"area": ("attic", "(wine|coal) cellar"), "number": ("1", "2")})
PARTS = {"commands": "bbc61781eaf5e2d6", "commands_chinese": "52e5cc37346d2479"}
"""The first digits of a hash of which units are in the confirm part: it never moves."""


def stands_for(template):
    return set(GRAMMAR.sentences(template, 40, "a seed"))


@pytest.mark.parametrize(
    ("template", "sentences"),
    [
        ("stop", {"stop"}),
        ("[now] stop", {"now stop", "stop"}),
        ("(a|b)[c|d]", {"a", "ac", "ad", "b", "bc", "bd"}),
        ("turn <the> lamp", {"turn the lamp", "turn my lamp"}),
        ("<all> lamps", {"the all lamps", "my all lamps", "all lamps"}),
        ("{area} on", {"attic on", "wine cellar on", "coal cellar on"}),
        ("{number:hours} <is>", {"1 is", "1 are", "2 is", "2 are"}),
        ("(one;two)", {"one two", "two one"}),
        ("a ( |-) b", {"a b", "a - b"}),
    ],
)
def test_a_template_stands_for_these_sentences(template, sentences):
    assert stands_for(template) == sentences


@pytest.mark.parametrize(
    ("template", "said"),
    [
        ("(a|b", "bracket '\\(' is not closed"),
        ("[a)", "bracket '\\[' is not closed"),
        ("a]", "'\\]' closes nothing"),
        ("{area", "bracket '{' is not closed"),
        ("<nobody>", "No rule is called 'nobody'"),
        ("{nobody:slot}", "No list is called 'nobody'"),
        ("<loop>", "'loop' stands in itself"),
    ],
)
def test_a_template_that_cannot_be_read_is_named(template, said):
    with pytest.raises(DataError, match=said):
        GRAMMAR.sentences(template, 3, "a seed")


def test_sentences_are_as_many_as_asked_and_the_first_ones_stay():
    few, many = (GRAMMAR.sentences("[<the>] {area} {number}", n, "a") for n in (3, 6))
    assert len(few) == 3 and many[:3] == few
    assert GRAMMAR.sentences("[<the>] {area} {number}", 6, "b") != many


def test_ranges_and_values_become_entries_and_open_lists_none():
    assert commands.entries({"range": {"from": 10, "to": 30, "step": 10}}) == ("10", "20", "30")
    assert commands.entries({"values": [{"in": "(on|up)", "out": "on"}]}) == ("(on|up)",)
    assert commands.entries({"wildcard": True}) == ()


@pytest.mark.parametrize("name", PARTS)
def test_the_documented_commands_are_there(name):
    table = commands._drawn(name)
    assert set(table["label"]) == set(range(len(commands.INTENTS)))
    assert (table.groupby("label")["unit"].nunique() >= 6).all()
    assert (table.groupby("template")["unit"].nunique() == 1).all()
    assert table["turn"].between(0, commands.DRAWN - 1).all()
    assert not table.duplicated(["template", "turn"]).any() and table["text"].is_unique
    assert not table["text"].str.contains(r"[\[\](){}<>|;]").any()


@pytest.mark.parametrize("name", PARTS)
def test_the_confirm_part_never_moves(name):
    each = commands._drawn(name).drop_duplicates("unit").sort_values("unit")
    confirm = (each["part"] == "confirm").to_numpy()
    assert abs(confirm.mean() - 0.1) < 3 * (0.09 / len(each)) ** 0.5
    assert hashlib.sha256(np.packbits(confirm).tobytes()).hexdigest()[:16] == PARTS[name]


@pytest.mark.parametrize("missing", ["lists", "expansion_rules", "intents"])
def test_a_file_without_its_parts_is_refused(missing):
    whole = {"lists": {}, "expansion_rules": {}, "intents": {}}
    del whole[missing]
    with pytest.raises(DataError, match="file of templates has no"):
        commands.expanded(whole, {})


def test_a_fifth_of_the_names_is_tested_whole():
    names = np.repeat(np.arange(10), [1, 2, 3, 4, 5, 6, 7, 8, 9, 10])
    tested = dealt(names, np.random.default_rng(0))
    assert len(set(names[tested])) == 2 and not set(names[tested]) & set(names[~tested])


def test_the_look_up_gives_the_label_of_the_row_most_alike():
    features = csr_matrix(np.array([[1, 1, 0, 0], [1, 1, 1, 1], [0, 0, 1, 1.0], [1, 1, 0, 0]]))
    label = np.array([4, 5, 6, 0])
    assert look_up(features, label, np.array([0, 1, 2]), np.array([3, 2])).tolist() == [4, 6]


def test_control_and_cure_have_no_sibling_in_training_and_by_chance_all_have():
    spec = experiment("command-templates")
    shares = {arm: spec.read(8, seed=3, arm=arm).extras for arm in spec.arms}
    for arm in ("control", "cured"):
        assert shares[arm]["with_block"] == shares[arm]["with_template"] == 0
    assert shares["flawed"]["with_template"] == 1
    assert shares["template"]["with_template"] == 0 < shares["template"]["with_block"]
