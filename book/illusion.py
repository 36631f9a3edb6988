"""Add an illusion: begin its files, propose its claims' metadata, ask what is still missing.

    python book/illusion.py new ID --step collect    begin module, page, answers, hints, contents
    python book/illusion.py claims PAGE [--write]    which claim proves which numeral of a page
    python book/illusion.py check ID                 say what is missing; exit status 1 if anything

CONTRIBUTING.md says how an illusion is added, in five steps. `check` goes through them in that
order, and the tests ask it about every registered experiment. Where nothing is missing it also
says what is to be entered elsewhere by hand: a hint, which the tests don't ask for.
"""

from __future__ import annotations

import argparse
import csv
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from html import escape
from pathlib import Path

import yaml

sys.path.insert(0, str(Path(__file__).resolve().parent))
import hygiene
import notebooks
import numerals
from begin import FOLDERS, PARTS, UNWRITTEN, begin

from illusionkit.errors import DesignError, ResultsError
from illusionkit.experiment.results import results
from illusionkit.experiment.spec import Experiment
from illusionkit.illusions import experiment as registered

CALLS = {
    "predict": "ask the reader first",
    "explore": "let the reader turn the knob",
    "claim": "prove the numbers of the text",
    "verdict": "say what control and cure came to",
    "check": "grade the exercises",
}


EVERY = re.compile(r"\bcatalogue\(\)|\bexperiments\(\)\.values\(\)")
"""How the code of a page asks for all illusions."""
ALSO = {"predict": "Guess"}
"""What serves as well: the guess of a scene asks the reader first, above any heading."""


def page_of(name: str, root: Path = notebooks.ROOT) -> Path | None:
    """Return the notebook called `name`, wherever it stands among the chapters."""
    return next((path for path in notebooks.pages(root) if path.stem == name), None)


def missing(name: str, root: Path = notebooks.ROOT) -> list[str]:
    """Return what an illusion still lacks, in the order of the five steps; empty if nothing."""
    try:
        spec = registered(name)
    except DesignError as error:
        return [f"spec: {error} Begin it with `new`."]
    return [
        *_begun(name, root),
        *_unmeasured(spec, root),
        *_unwritten(name, spec.page, root),
    ]


def _begun(name: str, root: Path) -> Iterator[str]:
    """Yield the files that `begin` made and in which something is still to be written."""
    module = f"{name.replace('-', '_')}.py"
    kit = root / "illusionkit"
    for path in sorted([*kit.glob(f"illusions/*/{module}"), *kit.glob(f"answers/{module}")]):
        if left := path.read_text(encoding="utf-8").count(UNWRITTEN):
            yield f"spec: {left} parts of {path.relative_to(root)} are still to be written"
    hints = (kit / "locale" / "en.json").read_text(encoding="utf-8")
    if left := len(re.findall(rf'"check\.{name}-\d": "{UNWRITTEN}', hints)):
        yield f"page: {left} hints in illusionkit/locale/en.json are still to be written"


def _unmeasured(spec: Experiment, root: Path) -> Iterator[str]:
    try:
        results(spec)
    except ResultsError as error:
        yield f"measure: {error}"
        return
    if not _spec_came_first(spec.id, root):
        yield f"measure: results/{spec.id}.csv was committed before, or together with, its spec"


def _spec_came_first(name: str, root: Path) -> bool:
    """Return whether the id stood in the kit when its table was not committed yet.

    True as well where nothing can be said: no repository, a shallow one, no such commit yet.
    """
    if _git(root, "rev-parse", "--is-shallow-repository") != "false":
        return True
    asked = ("log", "--diff-filter=A", "--format=%H", "--", f"results/{name}.csv")
    added = _git(root, *asked).splitlines()
    if not added:
        return True
    before = f"{added[-1]}^"
    return bool(_git(root, "grep", "-l", "-F", f'"{name}"', before, "--", "illusionkit"))


def _git(root: Path, *asked: str) -> str:
    done = subprocess.run(["git", *asked], cwd=root, capture_output=True, text=True, check=False)
    return done.stdout.strip() if done.returncode == 0 else ""


def _unwritten(name: str, page: str, root: Path) -> Iterator[str]:
    path = page_of(page, root)
    if path is None:
        yield f"page: there is no chapters/…/{page}.ipynb; begin it with `new`"
        return
    if f"/{page}" not in str(yaml.safe_load((root / "_toc.yml").read_text(encoding="utf-8"))):
        yield f"page: {path.name} is not in _toc.yml"
    notebook = notebooks.read(path)
    prose = "\n".join(c.source for c in notebook.cells if c.cell_type == "markdown")
    code = "\n".join(c.source for c in notebooks.code_cells(notebook))
    if UNWRITTEN in prose:
        yield f"page: {prose.count(UNWRITTEN)} parts of it are still to be written"
    yield from _headless(prose, path, asked=bool(re.search(r"\bGuess\(", code)))
    for call, purpose in CALLS.items():
        if not re.search(rf"\b(?:{call}|{ALSO.get(call, call)})\(", code):
            yield f"page: it never calls {call}(…) to {purpose}"
    if not re.search(rf'"{name}"|"{name.rpartition("-")[0]}-', code):
        yield f'page: {path.name} does not name "{name}"'
    if (lines := hygiene.visible_lines(notebook)) > hygiene.PAGE_LINES:
        yield f"page: {lines} visible lines of code, {hygiene.PAGE_LINES} at most"
    if left := hygiene.never_run(notebook):
        yield f"page: {left} cells were never run; `make notebooks PAGES={path.relative_to(root)}`"


def _headless(prose: str, path: Path, *, asked: bool) -> Iterator[str]:
    headings = re.findall(r"^#{2,3} (.+)$", prose, re.MULTILINE)
    for title, hint in PARTS:
        if title == "Why" and path.parent.name == "04-mathematics":
            continue  # there every part says why
        if title == "Predict first" and asked:
            continue  # the scene at the top of the page asks
        if not any(heading.startswith(title) for heading in headings):
            yield f"page: no heading begins with '{title}'. {hint}"


def elsewhere(name: str, root: Path = notebooks.ROOT) -> list[str]:
    """Return where an illusion is to be entered by hand besides its own files, and is not yet.

    Hints for whoever adds one, not rules: older experiments share a page, a test or a prediction.
    """
    spec = registered(name)
    return [*_unlinked(spec, root), *_unlisted(spec, root)]


def _unlinked(spec: Experiment, root: Path) -> Iterator[str]:
    """Yield the pages that should show the illusion: its step's, and those of all illusions."""
    path = page_of(spec.page, root)
    if path is None:
        return
    step = path.parent.with_suffix(".ipynb")
    if step.exists() and f"{path.parent.name}/{path.stem}" not in step.read_text(encoding="utf-8"):
        yield f"{step.relative_to(root)} does not link to {path.stem}: give it a row there"
    for other in notebooks.pages(root):
        notebook = notebooks.read(other)
        code = "\n".join(cell.source for cell in notebooks.code_cells(notebook))
        told = " ".join(notebooks.html_of(notebooks.code_cells(notebook)))
        named = escape(spec.title) in told or f"/{path.stem}.ipynb" in told
        if EVERY.search(code) and not named:
            yield (
                f"{other.relative_to(root)} shows all illusions, and not this one: "
                "`make notebooks PAGES=…`, then mend its counts, claims and prose"
            )


def _unlisted(spec: Experiment, root: Path) -> Iterator[str]:
    """Yield the tests and the list of predictions, where they do not name the illusion."""
    kit = root / "tests" / "kit"
    if not any(f'"{spec.id}"' in p.read_text(encoding="utf-8") for p in kit.glob("test_*.py")):
        yield f'no test in tests/kit names "{spec.id}": what its functions do, by hand-made cases'
    listed = root / "illusionkit" / "data" / "predictions.csv"
    with listed.open(encoding="utf-8", newline="") as lines:
        if spec.id not in {row["id"] for row in csv.DictReader(lines)}:
            yield (
                f"{listed.relative_to(root)} holds no prediction of it: a row for each that its "
                "page says held, was refuted or is open; then chapters/08-outlook/findings.ipynb"
            )


def propose(path: Path, *, write: bool) -> list[str]:
    """Return a line for each unproven numeral of a page, with the page's claims that show it,
    and for each that is not rounded from what was measured.

    ``write`` puts those into the metadata that only one claim shows, and drops what is stale.
    """
    notebook, lines = notebooks.read(path), []
    known = numerals.all_claims(notebooks.pages()) | _own(path)
    made = numerals.all_made([*notebooks.pages(), path])
    for cell in notebook.cells:
        prose = numerals.cell_prose(path.stem, cell)
        shown = numerals.numerals(prose.text)
        proven = {key for numeral in shown for key in numeral.keys}
        kept = {key: claim for key, claim in prose.claims.items() if key in proven}
        for numeral in shown:
            if not numerals.complaint(numeral, prose, known):
                continue
            fitting = [name for name, value in _own(path).items() if numeral.shows(value)]
            told = " or ".join(fitting) or "shown by no claim of this page"
            lines.append(f"{cell.id}: {numeral.printed!r} is {told}")
            if len(fitting) == 1:
                kept[numeral.printed] = fitting[0]
        if kept != prose.claims:
            cell.metadata.setdefault("illusionkit", {})["claims"] = kept
        lines += numerals.unrounded(replace(prose, claims=kept), made)
    if write:
        notebooks.write(notebook, path)
    return lines


def _own(path: Path) -> dict[str, float]:
    """Return the page's own claims by "page#name"."""
    return {f"{path.stem}#{name}": value for name, value in numerals.claims_of(path).items()}


def main(argv: list[str] | None = None) -> int:
    """Run the command line and return its exit status."""
    parser = argparse.ArgumentParser(prog="book/illusion.py", description=__doc__.split("\n")[0])
    commands = parser.add_subparsers(dest="command", required=True)
    new = commands.add_parser("new", help="begin all files of an illusion")
    new.add_argument("id")
    new.add_argument("--step", choices=FOLDERS, default="collect")
    commands.add_parser("check", help="say what is missing").add_argument("id")
    claims = commands.add_parser("claims", help="propose the metadata of a page's numerals")
    claims.add_argument("page", type=Path)
    claims.add_argument("--write", action="store_true", help="write what has one meaning only")
    asked = parser.parse_args(argv)
    if asked.command == "check":
        lines = missing(asked.id)
        print("\n".join(lines) or f"{asked.id}: nothing is missing that this program can see")
        for line in [] if lines else elsewhere(asked.id):
            print(f"elsewhere: {line}")
        return 1 if lines else 0
    try:
        if asked.command == "new":
            print(*begin(asked.id, asked.step), sep="\n")
        else:
            print("\n".join(propose(asked.page, write=asked.write)) or "every numeral is proven")
    except (ValueError, OSError) as error:
        print(f"illusion: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
