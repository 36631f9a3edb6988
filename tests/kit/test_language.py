"""The catalogue: English by default, another language by setting, key by key."""

import json
from string import Formatter

import pytest

from illusionkit import language


@pytest.fixture
def two_languages(monkeypatch):
    """Add a test-only language that lacks most keys."""
    both = {
        **language.catalogue(),
        "xx": {"score.honest": "Ehrlich", "predict.measured": "M {answer}!"},
    }
    monkeypatch.setattr(language, "catalogue", lambda: both)
    monkeypatch.setenv("ILLUSIONKIT_LANG", "xx")


def test_english_by_default(monkeypatch):
    monkeypatch.delenv("ILLUSIONKIT_LANG", raising=False)
    assert language.language() == "en"
    assert language.text("score.honest") == "Honest"


def test_values_fill_the_places():
    assert language.text("predict.measured", answer="83.7 %") == "Measured: 83.7 %."


def test_braces_in_a_value_are_left_alone():
    assert language.text("predict.measured", answer="{low}") == "Measured: {low}."


@pytest.mark.usefixtures("two_languages")
def test_a_second_language_and_english_where_it_lacks_a_key():
    assert language.text("score.honest") == "Ehrlich"
    assert language.text("score.apparent") == "Apparent"


@pytest.mark.usefixtures("two_languages")
@pytest.mark.parametrize("asked", ["xx-YY", "xx_yy", "XX"])
def test_a_regional_name_finds_its_language(monkeypatch, asked):
    monkeypatch.setenv("ILLUSIONKIT_LANG", asked)
    assert language.language() == "xx"


def test_an_unknown_language_reads_english(monkeypatch):
    monkeypatch.setenv("ILLUSIONKIT_LANG", "tlh")
    assert language.text("score.honest") == "Honest"


def test_an_unknown_key_names_the_known_ones():
    with pytest.raises(KeyError, match=r"no text for 'score.none'.*score\.honest"):
        language.text("score.none")


@pytest.mark.usefixtures("two_languages")
def test_a_page_carries_its_keys_in_every_language():
    assert language.every_language(["score.honest", "score.apparent"]) == {
        "en": {"score.apparent": "Apparent", "score.honest": "Honest"},
        "xx": {"score.honest": "Ehrlich"},
    }


def places(string):
    """Return the names between braces."""
    return {name for _, name, _, _ in Formatter().parse(string) if name}


def test_every_language_has_the_places_of_english():
    english = language.catalogue()["en"]
    for name, strings in language.catalogue().items():
        assert set(strings) <= set(english), f"{name} has keys that English lacks"
        for key, string in strings.items():
            assert places(string) == places(english[key]), (name, key)


def test_the_catalogue_is_plain_text():
    for strings in language.catalogue().values():
        assert json.dumps(strings) and not any("<" in text for text in strings.values())
