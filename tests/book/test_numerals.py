"""Every measured numeral in the text is what a claim of the book says, or names its source."""

from __future__ import annotations

from pathlib import Path

import nbformat
import notebooks
import numerals
import pytest

NOTEBOOKS = notebooks.pages()
PAGES = [*NOTEBOOKS, *notebooks.markdown_pages()]
CLAIMS = {"page#accuracy": 0.983, "page#optimism": 0.128, "page#ratio": 14.2, "page#fall": -0.05}


def prose(text: str, claims: dict | None = None, sources: dict | None = None) -> numerals.Prose:
    return numerals.Prose("page", numerals.plain(text), claims or {}, sources or {})


def printed(text: str) -> list[str]:
    return [n.printed for n in numerals.numerals(numerals.plain(text))]


@pytest.fixture(scope="module")
def claims() -> dict[str, float]:
    return numerals.all_claims(NOTEBOOKS)


def test_pages_prove_their_numerals(claims: dict[str, float]) -> None:
    proses = [prose for path in PAGES for prose in numerals.page_prose(path)]
    found = [complaint for prose in proses for complaint in numerals.complaints(prose, claims)]
    assert not found, "\n".join(found)


def test_numerals_are_rounded_from_what_was_measured() -> None:
    made = numerals.all_made(NOTEBOOKS)
    proses = [prose for path in PAGES for prose in numerals.page_prose(path)]
    found = [told for prose in proses for told in numerals.unrounded(prose, made)]
    assert not found, "\n".join(found)


def test_every_page_makes_claims(claims: dict[str, float]) -> None:
    making = {name.partition("#")[0] for name in claims}
    assert [path.stem for path in NOTEBOOKS if path.stem not in making] == []


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("It reaches 0.98 here.", ["0.98"]),
        ("It reaches 98% and 98 % here.", ["98%", "98 %"]),
        ("Lower by 13 points, a 13-point fall, 5 percentage points.", None),
        ("It is 14 times as long, takes 3 seconds and 2.5 nats.", None),
        ("From 0.12–0.14 to −0.05.", ["0.12", "0.14", "−0.05"]),
        ("(0.5), 0.25. And .75; 1,234.5 in all", ["0.5", "0.25", ".75", "1,234.5"]),
        ("准确率 98%，高 13 个百分点，慢 14 倍，0.98。", None),
        ("Of 35,123 reviews in 2014, 52 stand twice; chapter 3 has 7 pages.", []),
        ("Python 3.11.4 is a version, §3.2 and § 4.1–4.3 are paragraphs.", []),
        ("`0.98` and ``1.5 nats`` and {cite}`x2.5` are code.", []),
        ("```python\nx = 0.98\n```\ntext", []),
        ("```{note}\nIt is 0.98.\n```", ["0.98"]),
        (":::{figure} x.svg\n:width: 60%\n:alt: a bar at 0.98\n\nA bar.\n:::", ["0.98"]),
        ("$0.98$ and $$\nx = 0.5\n$$ and $a_{0.5}$", []),
        ("It costs $5 at 0.98 and $6 at 0.97.", ["0.98", "0.97"]),
        ("# A 98% score\n\n## 0.5\n\nOver 0.5\n========\n", []),
        ("[98% of it](x.md), <https://x.org/0.98> and https://x.org/1.5", []),
        ("![a bar at 0.98](x.svg)", ["0.98"]),
        ('<img src="x0.5.svg" alt="a bar at 0.98" width="60%">', ["0.98"]),
        ("<!-- 0.98 --> <b>0.97</b>", ["0.97"]),
        ("| a | b |\n|---|---|\n| 0.98 | 3 |", ["0.98"]),
        ("**0.98** and *13 points*", None),
        ("---\nillusionkit:\n  sources: {}\nx: 0.5\n---\nText 0.98.", ["0.98"]),
    ],
)
def test_which_numerals_count(text: str, found: list[str] | None) -> None:
    assert (len(printed(text)) > 1) if found is None else printed(text) == found


def test_how_many_of_a_row_count() -> None:
    assert len(printed("Lower by 13 points, a 13-point fall, 5 percentage points.")) == 3
    assert len(printed("It is 14 times as long, takes 3 seconds and 2.5 nats.")) == 3
    assert len(printed("准确率 98%，高 13 个百分点，慢 14 倍，0.98。")) == 4
    assert len(printed("**0.98** and *13 points*")) == 2


@pytest.mark.parametrize(
    ("text", "key", "claim"),
    [
        ("0.98", "0.98", "accuracy"),
        ("0.983", "0.983", "accuracy"),
        ("98%", "98%", "accuracy"),
        ("98 %", "98", "accuracy"),
        ("98.3 percent", "98.3", "accuracy"),
        ("+13 points", "+13 points", "optimism"),
        ("12.8 points", "12.8", "optimism"),
        ("14 times", "14 times", "ratio"),
        ("falls by 5 points", "5 points", "fall"),
        ("−0.05", "−0.05", "fall"),
    ],
)
def test_a_right_numeral_passes(text: str, key: str, claim: str) -> None:
    assert numerals.complaints(prose(text, {key: f"page#{claim}"}), CLAIMS) == []


@pytest.mark.parametrize(
    ("text", "key", "claim"),
    [
        ("0.97", "0.97", "accuracy"),
        ("0.99", "0.99", "accuracy"),
        ("0.984", "0.984", "accuracy"),
        ("97%", "97%", "accuracy"),
        ("0.98%", "0.98%", "accuracy"),
        ("98.3", "98.3", "accuracy"),
        ("12 points", "12 points", "optimism"),
        ("-13 points", "-13 points", "optimism"),
        ("15 times", "15 times", "ratio"),
        ("+0.05", "+0.05", "fall"),
    ],
)
def test_a_wrong_numeral_is_caught(text: str, key: str, claim: str) -> None:
    found = numerals.complaints(prose(text, {key: f"page#{claim}"}), CLAIMS)
    assert len(found) == 1 and "claims" in found[0]


def test_a_numeral_without_proof_is_caught() -> None:
    assert "names no claim" in numerals.complaints(prose("It is 0.98."), CLAIMS)[0]


def test_a_claim_that_no_page_makes_is_caught() -> None:
    found = numerals.complaints(prose("It is 0.98.", {"0.98": "page#gone"}), CLAIMS)
    assert "no page makes" in found[0]


def test_one_numeral_may_show_two_claims_and_both_must_fit() -> None:
    both = {"0.98": ["page#accuracy", "page#optimism"]}
    assert "optimism" in numerals.complaints(prose("It is 0.98.", both), CLAIMS)[0]


def test_a_source_proves_a_numeral_and_an_empty_one_does_not() -> None:
    assert numerals.complaints(prose("5%", sources={"5%": "Efron 1983, p. 3"}), {}) == []
    assert numerals.complaints(prose("5%", sources={"5%": ""}), {})


@pytest.mark.parametrize(
    ("text", "expect", "measured", "rounded"),
    [
        ("56 %", 0.56, "0.568", False),
        ("57 %", 0.56, "0.568", True),
        ("34 %", 0.335, "0.3347", False),
        ("6.0 points", 0.06, "0.061", False),
        ("6 points", 0.06, "0.061", True),
        ("0.34", 0.345, "0.345", True),  # it may have been 0.3446, and 0.3454
        ("0.35", 0.345, "0.345", True),
        ("falls by 5 points", -0.05, "-0.0512", True),
        ("1,234 times", 1234, "1234.2", True),
        ("nothing measured", 0.1, "0.1", True),
    ],
)
def test_a_numeral_is_rounded_from_what_was_measured(
    text: str, expect: float, measured: str, rounded: bool
) -> None:
    found = numerals.numerals(text)
    told = prose(text, {n.printed: "page#it" for n in found})
    wrong = numerals.unrounded(told, {"page#it": numerals.Claim(expect, measured)})
    assert [w for w in wrong if measured in w] == wrong
    assert len(wrong) == (0 if rounded else 1)


def test_metadata_left_behind_is_caught() -> None:
    found = numerals.complaints(prose("No numeral.", {"0.98": "page#accuracy"}), CLAIMS)
    assert len(found) == 1 and "the text does not" in found[0]


def test_captions_alt_texts_and_strings_of_code_count() -> None:
    source = (
        '%pip list\ndef f(x):\n    """About 0.11 of it."""\n    return f"{x:.2f} of it"\n'
        'claim("share over 0.5 of all", f(0.7), expect=0.7, within=0.1)  # 0.13 of it\n'
        'explore(t, knob="0.5", alt="a line that falls to 0.71", threshold=0.25)'
    )
    cell = nbformat.v4.new_code_cell(source, id="figure")
    cell.metadata["mystnb"] = {"image": {"alt": "a bar at 0.98"}, "figure": {"caption": "To 5%."}}
    found = numerals.numerals(numerals.cell_prose("page", cell).text)
    assert [n.printed for n in found] == ["0.98", "5%", "0.71"]


def test_claims_are_read_from_stored_outputs(tmp_path: Path) -> None:
    lines = (
        "a gap: expected 0.13 ± 0.02 · this run ⟨0.128⟩ ✓\n"
        "its sign: expected -0.050 ± 0.010 · this run ⟨-0.0512⟩ ✓\nanything else: 3\n"
    )
    path = stored(tmp_path / "one.ipynb", lines)
    assert numerals.all_claims([path]) == {"one#a gap": 0.13, "one#its sign": -0.05}


def test_a_missed_or_doubled_claim_is_refused(tmp_path: Path) -> None:
    line = "a gap: expected 0.13 ± 0.02 · this run ⟨0.128⟩ "
    with pytest.raises(ValueError, match="misses"):
        numerals.claims_of(stored(tmp_path / "one.ipynb", line + "✗\n"))
    with pytest.raises(ValueError, match="two claims"):
        numerals.claims_of(stored(tmp_path / "two.ipynb", (line + "✓\n") * 2))


def test_what_the_kit_prints_is_what_is_read(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from illusionkit.experiment.claims import claim

    claim("gap at half", 0.128, expect=0.13, within=0.02)
    path = stored(tmp_path / "one.ipynb", capsys.readouterr().out)
    assert numerals.claims_of(path) == {"gap at half": 0.13}


def stored(path: Path, text: str) -> Path:
    """Write a notebook whose only cell printed a text."""
    cell = nbformat.v4.new_code_cell("claim()", id="claim", execution_count=1)
    cell.outputs = [nbformat.v4.new_output("stream", name="stdout", text=text)]
    notebooks.write(nbformat.v4.new_notebook(cells=[cell]), path)
    return path
