"""What the book predicted, and what came of it: one row a prediction that stands in a spec.

The list is kept by hand beside this module. Tests hold each row to its page: the words that show
the outcome must stand there.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from illusionkit.errors import DataError

if TYPE_CHECKING:
    import pandas as pd

OUTCOMES = ("held", "refuted", "open")
PARTS = {
    "01-background": "background", "02-concepts": "concepts", "collect": "collect",
    "fine-tune": "fine-tune", "evaluate-and-deploy": "evaluate", "03-pipeline": "the pipeline",
    "04-mathematics": "mathematics", "05-practice": "practice", "06-applications": "applications",
    "08-outlook": "outlook", "09-faq": "questions",
}  # fmt: skip
"""What a part of the book is called, by a folder of its pages; the innermost known one counts."""


def predictions() -> pd.DataFrame:
    """Return every prediction with its outcome, in the order of the list.

    Columns: id (the experiment; empty where a page measures by itself), page (below ``chapters``,
    without its ending), part of the book, prediction, outcome (`OUTCOMES`), words of the page that
    show it; seen (a pilot or a first measurement had shown the figure, or its like), told (the
    page itself says held, refuted or open; otherwise the outcome is read off its figures).
    Used in chapter 8. Raises DataError: a row names an unknown outcome or part.
    """
    return read(Path(__file__).with_name("predictions.csv"))


def read(file: Path) -> pd.DataFrame:
    """Return such a list from a file, checked."""
    import pandas as pd

    table = pd.read_csv(file, dtype=str, keep_default_na=False)
    for name, known in (("outcome", OUTCOMES), ("seen", ("yes", "no")), ("told", ("yes", "no"))):
        if strange := set(table[name]) - set(known):
            raise DataError(f"'{strange.pop()}' is no {name}: {', '.join(known)}.")
    flags = {name: table[name] == "yes" for name in ("seen", "told")}
    return table.assign(part=[_part(page) for page in table["page"]], **flags)


def _part(page: str) -> str:
    """Return the part of the book that a page belongs to."""
    found = [PARTS[folder] for folder in page.split("/")[:-1] if folder in PARTS]
    if not found:
        raise DataError(f"The page '{page}' lies in no known part of the book.")
    return found[-1]
