"""Which tables a change makes stale: it is made in a copy of the kit, and the copy is asked."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import illusionkit
from illusionkit.experiment.results import path
from illusionkit.illusions import experiments

PACKAGE = Path(illusionkit.__file__).parent
ALL = set(experiments())
MAIL = {"mail-triage", "mail-triage-easy"}


@pytest.fixture
def copy(tmp_path):
    """A copy of the kit, and of its tables beside it."""
    shutil.copytree(PACKAGE, tmp_path / "illusionkit", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(path("small-sample").parent, tmp_path / "results")
    return tmp_path


def stale(copy):
    """Return why the table of each experiment is stale, where it is, as the copy itself says."""
    places = {"PYTHONPATH": str(copy), "ILLUSIONKIT_RESULTS": str(copy / "results")}
    done = subprocess.run(
        [sys.executable, "-m", "illusionkit", "list", "--json"],
        capture_output=True,
        text=True,
        check=False,
        cwd=copy,
        env={**os.environ, **places},
    )
    assert done.returncode == 0, done.stderr
    found = {spec["id"]: spec["why"] for spec in json.loads(done.stdout) if spec["stale"]}
    assert {spec["id"] for spec in json.loads(done.stdout)} == ALL
    return found


def replace(copy, module, old, new):
    """Put ``new`` in place of what the pattern ``old`` finds in a module, wherever it stands."""
    files = list((copy / "illusionkit").rglob(f"{module}.py"))
    assert len(files) >= 1
    changed = 0
    for file in files:
        source, count = re.subn(old, new, file.read_text(encoding="utf-8"))
        file.write_text(source, encoding="utf-8")
        changed += count
    assert changed, f"{old} is not in {module}"


def move(copy):
    """Put every module of the kit into a folder."""
    package = copy / "illusionkit"
    rooms = package / "rooms"
    rooms.mkdir()
    for file in list(package.iterdir()):
        module = file.suffix == ".py" and not file.name.startswith("__")
        if module or (file / "__init__.py").exists():
            file.rename(rooms / file.name)
    (rooms / "__init__.py").write_text("", encoding="utf-8")
    replace(copy, "*", r"\billusionkit\.(?=[a-z_])", "illusionkit.rooms.")
    replace(copy, "*", r"\bfrom illusionkit import\b", "from illusionkit.rooms import")


SAME = {
    "an entry of SOURCES": (
        "corpora",
        r"(SOURCES.* = \{\n)",
        r'\1    "more": ("vader", ("a",)),\n',
    ),
    "a line is wrapped": ("unit_copies", r"plain = re\.sub\(", "plain = re.sub(\n        "),
    "a local has a new name": ("corpora", r"\bplace\b", "where_it_stands"),
    "the words of an error": ("batches", r"At least 1 epoch", "At the least 1 epoch"),
    "a method that nobody calls": (
        "*",
        r"(class Reading:\n(?:.*\n)*?)(    @classmethod\n)",
        r"\1    def nobody_asks(self):\n        return self.apparent + 1\n\n\2",
    ),
    "a class has a new name": ("*", r"\bCountedTexts\b", "TextsThatAreCounted"),
    "a function has a new name": ("*", r"\bplanted\b", "with_copies_planted"),
}
OTHER = {
    "the regex of a field": (
        "mail",
        r"\[a-z0-9-\]\{1,40\}",
        "[a-z0-9-]{1,41}",
        {*MAIL, "temporal-mail"},
    ),
    "the months": (
        "credit",
        r"MONTHS = range\(1, 7\)",
        "MONTHS = range(1, 6)",
        {
            "class-imbalance",
            *("temporal-leakage", "scaling-leakage", "encoding-leakage", "oversampling-leakage"),
            *("scaling-published", "scaling-published-census"),
            *("accepted-only", "rule-made-label", "chosen-threshold"),
            *("fairwashing", "fairness-elsewhere"),
        },
    ),
    "an operator deep down": (
        "mail_triage",
        r"\brng\.permutation\(",
        "rng.permuted(",
        MAIL,
    ),
}


def test_a_copy_is_as_fresh_as_the_kit(copy):
    assert stale(copy) == {}


def test_modules_that_move_into_a_folder_make_nothing_stale(copy):
    move(copy)
    assert stale(copy) == {}


@pytest.mark.parametrize("change", SAME)
def test_what_changes_no_number_makes_nothing_stale(copy, change):
    replace(copy, *SAME[change])
    assert stale(copy) == {}


@pytest.mark.parametrize("change", OTHER)
def test_what_changes_numbers_makes_those_stale_that_use_it(copy, change):
    *edit, expected = OTHER[change]
    replace(copy, *edit)
    found = stale(copy)
    assert set(found) == expected
    assert all(why == ["code"] for why in found.values())


def test_another_score_makes_everything_stale(copy):
    old = r"return float\(np\.average\(self\.per_row\(rows\), weights=weights\)\)"
    new = "return 0.05 + float(np.average(self.per_row(rows), weights=weights))"
    replace(copy, "*", old, new)
    found = stale(copy)
    assert set(found) == ALL
    assert all(why == ["code", "intervals"] for why in found.values())


def test_another_level_makes_all_intervals_stale_and_no_reading(copy):
    replace(copy, "*", r"\bLEVEL = 0\.95\b", "LEVEL = 0.5")
    assert stale(copy) == {name: ["intervals"] for name in ALL}
