"""Fresh outputs against stored ones, by nbval's own rules, without another run."""

from __future__ import annotations

from collections import OrderedDict
from pathlib import Path

import notebooks
import pytest
from nbformat import NotebookNode
from nbval.plugin import IPyNbCell, IPyNbFile, coalesce_streams, get_sanitize_patterns

RULES = Path(__file__).with_name("nbval-sanitize.cfg")


def differences(path: Path, fresh: NotebookNode, session: pytest.Session) -> list[str]:
    """Return, of each cell whose fresh outputs are not those stored at `path`, what nbval says."""
    file = IPyNbFile.from_parent(session, path=path)
    file.sanitize_patterns = OrderedDict(get_sanitize_patterns(RULES.read_text(encoding="utf-8")))
    pairs = list(zip(file.collect(), notebooks.code_cells(fresh), strict=True))
    found = [(stored, difference(stored, ran)) for stored, ran in pairs]
    return [f"cell {stored.cell.id}: {said}" for stored, said in found if said]


def difference(stored: IPyNbCell, ran: NotebookNode) -> str:
    """Return how a cell differs, or nothing: `IPyNbCell.runtest` after its kernel's part."""
    if stored.options["skip"] or not stored.options["check"]:
        return ""
    if stored.cell.source != ran.source:
        return "another cell was run"
    if stored.cell.execution_count is None:
        return "it holds outputs and was never run" if stored.cell.outputs else ""
    old, new = (coalesce_streams(cell.outputs) for cell in (stored.cell, ran))
    return "" if stored.compare_outputs(new, old) else "\n".join(stored.comparison_traceback)
