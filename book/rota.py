"""Which pages this run of the tests runs once more: a few by turns, so that each has its turn.

    python book/rota.py          what this run takes, in words
    python book/rota.py nbval    the paths that plain nbval runs

Every page is run once in every run of the tests, and compared. To run it again, for the same bytes
or alone in an empty folder as Colab does, is for `A_RUN` pages a run. The turn is the number of
commits: it grows by one from commit to commit, and a fresh clone knows it.

The environment may say more: TURN=… gives the turn, BASE=… adds the pages that differ from that
commit, ALL=1 takes every page.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import date
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
import notebooks

A_RUN, BY_NBVAL = 4, 2


def git(*words: str, root: Path = notebooks.ROOT) -> str | None:
    """Return what git says, or None where there is no git or it refuses."""
    try:
        done = subprocess.run(["git", *words], cwd=root, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    return done.stdout.strip()


def turn(root: Path = notebooks.ROOT) -> int:
    """Return the number of commits on the way here; without git's whole history, that of the day.

    Of a merge only the first parent counts: what a branch brought is one step.
    """
    given = os.environ.get("TURN")
    if given:
        return int(given)
    whole = git("rev-parse", "--is-shallow-repository", root=root) == "false"
    count = git("rev-list", "--count", "--first-parent", "HEAD", root=root) if whole else None
    return int(count) if count else date.today().toordinal()


def costs(root: Path = notebooks.ROOT) -> dict[str, float]:
    """Return the seconds that units of the tests took when they were last kept, by name."""
    kept = root / "tests" / "seconds.json"
    return json.loads(kept.read_text(encoding="utf-8")) if kept.is_file() else {}


def by_turns(
    pages: list[Path], number: int, known: dict[str, float], a_run: int = A_RUN
) -> list[Path]:
    """Return at most `a_run` pages, light and heavy ones; all have been had after a round."""
    runs = -(-len(pages) // a_run)
    ordered = sorted(pages, key=lambda page: (known.get(f"page {page.stem}", 0.0), page))
    return ordered[number % runs :: runs] if runs else []


def changed(base: str, root: Path = notebooks.ROOT) -> set[Path]:
    """Return the pages that are not as in a commit, also where nothing is committed yet.

    Raises ValueError where the repository does not have that commit.
    """
    fork = git("merge-base", base, "HEAD", root=root)
    if fork is None:
        raise ValueError(f"BASE={base} is no commit that this repository has in common with HEAD")
    where = ("--", "chapters", notebooks.OPENING)
    new = git("ls-files", "--others", "--exclude-standard", *where, root=root) or ""
    old = git("diff", "--name-only", "--relative", fork, *where, root=root) or ""
    return {root / name for name in (*new.splitlines(), *old.splitlines())}


def chosen(root: Path = notebooks.ROOT) -> list[Path]:
    """Return the pages of this run, by turns and by the environment."""
    pages, base = notebooks.pages(root), os.environ.get("BASE")
    if os.environ.get("ALL") == "1":
        return pages
    differ = changed(base, root) if base else set()
    taken = {*by_turns(pages, turn(root), costs(root)), *differ}
    return [page for page in pages if page in taken]


def by_nbval(root: Path = notebooks.ROOT) -> list[Path]:
    """Return the pages that plain nbval runs in this run: two by turns of its own."""
    pages = notebooks.pages(root)
    everything = os.environ.get("ALL") == "1"
    return pages if everything else by_turns(pages, turn(root), costs(root), BY_NBVAL)


def told(root: Path = notebooks.ROOT) -> list[str]:
    """Return in words what this run takes, and how another run takes the same."""
    again, plain = ([p.stem for p in pages] for pages in (chosen(root), by_nbval(root)))
    return [
        f"by turns, TURN={turn(root)}: once more for the same bytes, and alone as in Colab: "
        + ", ".join(again),
        "by turns: plain nbval: " + ", ".join(plain),
    ]


def main(argv: list[str]) -> int:
    """Run the command line and return its exit status."""
    try:
        lines = told()  # also where only paths are asked for: a wrong BASE is said at once
    except ValueError as error:
        print(f"rota.py: {error}", file=sys.stderr)
        return 2
    print("\n".join(map(str, by_nbval()) if argv == ["nbval"] else lines))
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
