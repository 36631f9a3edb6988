"""nbval blanks what a run measured, and nothing else."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from nbval.plugin import get_sanitize_patterns

CLAIM = "a gap: expected 0.13 ± 0.02 · this run ⟨0.128⟩ ✓"
FIGURE = "<figure aria-label='a gap'><!--measured--><svg>1\n2</svg><!--/measured--><p>text</p>"


@pytest.fixture
def blank(root: Path):
    text = (root / "tests" / "nbval-sanitize.cfg").read_text(encoding="utf-8")
    patterns = dict(get_sanitize_patterns(text))

    def apply(output: str) -> str:
        for pattern, replacement in patterns.items():
            output = re.sub(pattern, replacement, output)
        return output

    assert len(patterns) == 2
    return apply


def test_what_a_run_measured_may_differ(blank) -> None:
    assert blank(CLAIM) == blank(CLAIM.replace("0.128", "0.1312"))
    assert blank(FIGURE) == blank(FIGURE.replace("1\n2", "3\n\n4"))


@pytest.mark.parametrize(
    ("text", "old", "new"),
    [
        (CLAIM, "0.13 ", "0.14 "),
        (CLAIM, "0.02", "0.05"),
        (CLAIM, "✓", "✗"),
        (CLAIM, "a gap", "the gap"),
        (FIGURE, "<p>text", "<p>other"),
        (FIGURE, "a gap", "the gap"),
        (FIGURE + FIGURE, "<p>text</p><figure", "<p>0.9</p><figure"),
        ("seven\n", "seven", "eight"),
    ],
)
def test_all_else_may_not(blank, text: str, old: str, new: str) -> None:
    assert old in text
    assert blank(text) != blank(text.replace(old, new))


def test_one_mark_does_not_blank_the_rest(blank) -> None:
    assert "0.5" in blank("⟨ opens and\n0.5 ⟩ on another line")
    assert "0.5" in blank("<!--measured--> without its end 0.5")
