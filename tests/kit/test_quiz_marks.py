"""`quiz`: what it refuses, what it marks as right, and that no text can break out of it."""

import re

import pytest

from illusionkit.interactive.quiz import LETTERS, Situation, Suspect, quiz

HOSTILE = "</p><script>alert(1)</script> \"'> {{ 7 * 7 }} <b onclick=x>"
COPIES = Suspect("copies", "Count what stands in both.", "../collect/copies.ipynb")
LUCK = Suspect("best of many", "Ask fresh rows.", "luck.ipynb")
LEAK = Suspect("a leak", "Shuffle the labels.", "leak.ipynb")
ROUND = (
    Situation("Too good.", COPIES),
    Situation("Never again.", LUCK),
    Situation("Shuffled: chance.", LEAK, "It was tried."),
)


def shown(*situations, title="A round"):
    return quiz(situations or ROUND, title=title).data


def right(page):
    """Return the names of the right buttons, in their order."""
    return re.findall(r'aria-label="([^"]*)"[^>]*? data-right=""', page)


def test_the_right_buttons_are_the_situation_s_own():
    assert right(shown()) == [
        "3: copies", "B: Count what stands in both.", "2: best of many", "A: Ask fresh rows.",
        "none: Nothing is wrong", "C: Shuffle the labels.",
    ]  # fmt: skip


def test_the_folded_solution_says_what_the_buttons_say():
    found = re.findall(r"<details>.*?</details>", shown())
    plain = [re.sub(r"<[^>]+>", " ", each).split() for each in found]
    assert plain == [
        ["Solution", "3", "·", "B", "·", "copies"],
        ["Solution", "2", "·", "A", "·", "luck"],
        ["Solution", "–", "·", "C", "·", "leak", "It", "was", "tried."],
    ]
    assert [re.search(r'href="([^"]+)"', each)[1] for each in found] == [
        each.suspect.page for each in ROUND
    ]


def test_neither_list_is_in_the_order_of_the_situations():
    page = shown()
    lists = [re.findall(r"<bdi>(.*?)</bdi></li>", part) for part in page.split("<ol")[1:]]
    assert lists[0] == ["a leak", "best of many", "copies"]
    assert lists[1] == ["Ask fresh rows.", "Count what stands in both.", "Shuffle the labels."]


def test_every_question_has_buttons_of_its_own():
    names = re.findall(r'type="radio" name="([^"]+)"', shown())
    assert [names.count(name) for name in dict.fromkeys(names)] == [4, 3] * len(ROUND)


def test_a_suspect_may_be_met_twice():
    page = shown(*ROUND, Situation("Copies again.", COPIES))
    assert right(page).count("3: copies") == 2 and page.count("<li>") == 6


def test_there_is_no_script_in_it_and_nothing_from_elsewhere():
    page = shown()
    assert "<script" not in page and "http" not in page and "url(" not in page
    assert "<form" not in page  # the key Enter must not send anything


def test_every_rule_of_its_sheet_is_its_own():
    from illusionkit.interactive.quiz import own_sheet

    sheet = re.sub(r"@media[^{]+\{(.*)\}", r"\1", str(own_sheet())[len("<style>") : -8])
    selectors = [each for rule in re.findall(r"([^{}]+)\{", sheet) for each in rule.split(",.")]
    assert len(selectors) > 20
    assert all(each.strip().lstrip(".").startswith("ik-quiz") for each in selectors)


def test_no_text_breaks_out():
    hostile = Suspect(HOSTILE, HOSTILE, "a.ipynb")
    page = shown(Situation(HOSTILE, hostile, HOSTILE), ROUND[0], title=HOSTILE)
    inside = page[page.rindex("</style>") :]
    assert "<script" not in inside and "<b onclick" not in inside and "49" not in inside
    assert inside.count("<fieldset") == inside.count("</fieldset>") == 4


@pytest.mark.parametrize(
    ("suspects", "says"),
    [
        ([], "2 to 10 suspects, not 0"),
        ([COPIES], "2 to 10 suspects, not 1"),
        ([Suspect(str(k), str(k), "p.ipynb") for k in range(len(LETTERS) + 1)], "not 11"),
        ([COPIES, Suspect("other", COPIES.caught_by, "p.ipynb")], "share a name or a check"),
        ([COPIES, Suspect(COPIES.name, "Look.", "p.ipynb")], "share a name or a check"),
        ([COPIES, Suspect("no check", "", "p.ipynb")], "no check is known of 'no check'"),
        ([COPIES, Suspect("n", "c", "javascript:x.ipynb")], "no link to a page"),
        ([COPIES, Suspect("n", "c", "page.html")], "no link to a page"),
    ],
)
def test_what_can_not_be_asked_is_refused(suspects, says):
    with pytest.raises(ValueError, match=says):
        quiz([Situation("s", each) for each in suspects], title="A round")
