"""Claims: a number in the text holds, or a strict run fails."""

import math

import pytest

from illusionkit.errors import ClaimError
from illusionkit.experiment.claims import claim, decimals


@pytest.fixture(params=["strict", "reader"])
def strict(request, monkeypatch):
    monkeypatch.setenv("ILLUSIONKIT_STRICT", "1" if request.param == "strict" else "0")
    return request.param == "strict"


def test_a_claim_that_is_met_is_printed(strict, capsys):
    claim("optimism", 0.1283, expect=0.13, within=0.02)
    assert capsys.readouterr().out == "optimism: expected 0.13 ± 0.02 · this run ⟨0.128⟩ ✓\n"


@pytest.mark.parametrize("value", [0.16, 0.10, math.nan, math.inf])
def test_a_claim_that_is_missed_raises_in_a_strict_run_only(strict, value, capsys):
    if strict:
        with pytest.raises(ClaimError, match=r"'optimism' was .*: the text claims 0.13 ± 0.02"):
            claim("optimism", value, expect=0.13, within=0.02)
    else:
        claim("optimism", value, expect=0.13, within=0.02)
    line = capsys.readouterr().out
    assert line.startswith("optimism: expected 0.13 ± 0.02 · this run ⟨")
    assert line.endswith("⟩ ✗\n")


@pytest.mark.parametrize("within", [0, -0.1, math.nan])
def test_a_claim_without_a_tolerance_is_refused_everywhere(strict, within):
    with pytest.raises(ClaimError, match="needs a tolerance above 0"):
        claim("optimism", 0.13, expect=0.13, within=within)


@pytest.mark.parametrize(
    ("expect", "within", "false_at"),
    [(0.13, 0.065, 0), (0.63, 0.01, 0.61), (0.61, 0.01, 0.63), (-0.05, 0.025, 0), (0.3, 0.05, 0.2)],
)
def test_a_tolerance_of_half_the_way_to_a_false_sentence_is_the_widest(
    strict, expect, within, false_at, capsys
):
    claim("x", expect, expect=expect, within=within, false_at=false_at)
    told = capsys.readouterr().out
    claim("x", expect, expect=expect, within=within)
    assert told == capsys.readouterr().out  # the reader sees the same line
    with pytest.raises(ClaimError, match="more than half the way") as refused:
        claim("x", expect, expect=expect, within=within * 1.001, false_at=false_at)
    assert f"false at {false_at}" in str(refused.value)
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("false_at", [0.13, math.nan])
def test_a_sentence_that_is_false_where_it_stands_has_no_tolerance(strict, false_at):
    with pytest.raises(ClaimError, match="more than half the way"):
        claim("x", 0.13, expect=0.13, within=1e-6, false_at=false_at)


@pytest.mark.parametrize(
    ("number", "places"),
    [(0.5, 1), (0.02, 2), (2, 0), (2.0, 0), (100, 0), (0.125, 3), (-0.25, 2), (1e-6, 6), (0, 0)],
)
def test_decimals_are_those_it_takes_to_write_the_number(number, places):
    assert decimals(number) == places


@pytest.mark.parametrize(
    ("expect", "within", "shown"),
    [
        (0.13, 0.5, "expected 0.13 ± 0.50 · this run ⟨0.200⟩"),
        (0.1, 0.125, "expected 0.100 ± 0.125 · this run ⟨0.2000⟩"),
        (3, 5, "expected 3 ± 5 · this run ⟨0.2⟩"),
        (-0.05, 0.5, "expected -0.05 ± 0.50 · this run ⟨0.200⟩"),
    ],
)
def test_neither_the_number_nor_its_tolerance_is_rounded(capsys, expect, within, shown):
    claim("x", 0.2, expect=expect, within=within)
    assert shown in capsys.readouterr().out
