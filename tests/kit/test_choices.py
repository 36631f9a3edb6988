"""`finder`: what it refuses, what it shows, and that no text can break out of it."""

import re

import pytest

from illusionkit.interactive import choices
from illusionkit.interactive.choices import Entry, finder

HOSTILE = "</li><script>alert(1)</script> \"'> {{ 7 * 7 }} <b onclick=x>"
LEAK = Entry("Too good.", "a leak", "collect/group-leakage.ipynb", "Look twice.", ("text", "one"))
LUCK = Entry("Never again.", "luck", "test-reuse.ipynb", "Count looks.", ("table", "two"))


def shown(*entries, by=("Data", "Step")):
    return finder(entries or (LEAK, LUCK), title="Symptoms", by=by).data


def test_every_entry_stands_there_with_its_page_and_its_check():
    page = shown()
    assert [page.count(f'href="{each.page}"') for each in (LEAK, LUCK)] == [1, 1]
    assert page.index("Too good.") < page.index("Look twice.") < page.index("Never again.")


def test_a_choice_and_the_entries_it_keeps_bear_the_same_number():
    page = shown(LEAK, LUCK, LEAK)
    assert re.findall(r'<li data-a="(.)" data-b="(.)">', page) == [
        ("1", "1"),
        ("2", "2"),
        ("1", "1"),
    ]
    asked = re.findall(r'data-a="(.)"( checked)? [^>]*>(?:<[^>]*>)(\w+)', page)
    assert asked == [("0", " checked", "All"), ("1", "", "text"), ("2", "", "table")]


def test_every_number_that_can_occur_has_its_rule():
    sheet = str(choices.own_sheet())
    for letter in choices.GROUPS:
        for n in range(1, choices.MOST_CHOICES + 1):
            rule = f'.ik-finder:has([data-{letter}="{n}"]:checked) li:not([data-{letter}="{n}"])'
            assert rule in sheet


def test_there_is_no_script_in_it():
    assert "<script" not in shown()


def test_no_text_breaks_out():
    page = finder(
        [Entry(HOSTILE, HOSTILE, "a.ipynb", HOSTILE, (HOSTILE,))], title=HOSTILE, by=[HOSTILE]
    ).data
    inside = page[page.rindex("</style>") :]
    assert "<script" not in inside and "<b onclick" not in inside and "49" not in inside
    assert inside.count("<li ") == inside.count("</li>") == 1


@pytest.mark.parametrize(
    ("entries", "by", "says"),
    [
        ((), ("Data",), "needs entries"),
        ((LEAK,), (), "one or two groups"),
        ((LEAK,), ("Data",), "is in 2 groups, not 1"),
        ((Entry("s", "n", "javascript:x.ipynb", "c", ("t",)),), ("Data",), "no link to a page"),
        ((Entry("s", "n", "page.html", "c", ("t",)),), ("Data",), "no link to a page"),
        ([Entry("s", "n", "p.ipynb", "c", (str(k),)) for k in range(9)], ("Data",), "8 choices"),
    ],
)
def test_what_can_not_be_shown_is_refused(entries, by, says):
    with pytest.raises(ValueError, match=says):
        finder(entries, title="Symptoms", by=by)
