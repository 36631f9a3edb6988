"""Which data sets there are: found by themselves, tied to their pinned bytes, in two parts."""

import sys

import pytest

from illusionkit import data
from illusionkit.data import archives, corpora, registry
from illusionkit.errors import DataError


def test_every_module_with_sources_is_found():
    names = [module.__name__.rpartition(".")[2] for module in registry.modules()]
    assert names == [
        "census",
        "commands",
        "corpora",
        "credit",
        "digits",
        "emoji",
        "lexicon",
        "mail",
        "movielens",
        "questions",
        "slips",
    ]


def test_a_new_module_is_found_without_a_list(tmp_path, monkeypatch):
    (tmp_path / "weather.py").write_text("SOURCES = {'rain': ('almanac', ('july',))}\nrain = len\n")
    monkeypatch.setattr(data, "__path__", [*data.__path__, str(tmp_path)])
    registry.modules.cache_clear()
    try:
        assert registry.loaders()["rain"] is len
        assert registry.members("rain") == ("almanac", ("july",))
    finally:
        registry.modules.cache_clear()
        sys.modules.pop("illusionkit.data.weather", None)


def test_every_data_set_has_a_loader_and_pinned_members():
    loaders = registry.loaders()
    assert len(loaders) == 20 and set(corpora.CORPORA) < set(loaders)
    for name, load in loaders.items():
        source, members = registry.members(name)
        assert load.__name__ == name
        assert set(members) <= set(archives.source(source).members), name


def test_an_unknown_data_set_is_named_with_those_there_are():
    with pytest.raises(DataError, match=r"No data set is called 'x'. There are: census, commands"):
        registry.fingerprint("x")


def test_the_fingerprint_of_a_data_set_changes_with_its_bytes_alone(repin):
    before = {name: registry.fingerprint(name) for name in registry.loaders()}
    assert len(set(before.values())) == len(before)
    assert {len(found) for found in before.values()} == {16}
    repin("tweets_truth")
    assert [name for name in corpora.CORPORA if registry.fingerprint(name) != before[name]] == [
        "tweets"
    ]


@pytest.mark.parametrize("part", ["all", "Book", "", None])
@pytest.mark.parametrize(
    "name",
    [
        "census",
        "digits",
        "emoji",
        "film_ratings",
        "german_credit",
        "mails",
        "question_lines",
        "slips",
        "tweets",
    ],
)
def test_a_wrong_part_is_refused(name, part):
    """One data set of each module."""
    with pytest.raises(DataError, match=r"part is 'book' or 'confirm', not"):
        registry.loaders()[name](part)
