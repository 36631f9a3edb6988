"""The list of references holds every work that a page links to."""

from __future__ import annotations

import re
from pathlib import Path

import notebooks

WORK = re.compile(r"https://(?:doi\.org/|arxiv\.org/abs/|(?:www\.)?jmlr\.org/papers/)([^\s)\]>]+)")


def cited(text: str) -> set[str]:
    """Return the DOIs, arXiv ids and journal pages that a text links to."""
    return {work.rstrip(".,;") for work in WORK.findall(text)}


def test_a_link_to_a_work_is_seen() -> None:
    text = "See [it](https://doi.org/10.1214/07-AOAS122), <https://arxiv.org/abs/2002.06305>."
    assert cited(text) == {"10.1214/07-AOAS122", "2002.06305"}


def test_the_list_holds_what_every_page_cites(root: Path) -> None:
    listed, missing = (root / "references.bib").read_text(encoding="utf-8"), []
    for path in notebooks.pages():
        cells = notebooks.read(path).cells
        works = set().union(*(cited(c.source) for c in cells if c.cell_type == "markdown"))
        missing += [f"{path.stem}: {work}" for work in sorted(works) if work not in listed]
        missing += [] if works else [f"{path.stem}: no work, and a page cites at least its data"]
    assert not missing, "\n".join(missing)
