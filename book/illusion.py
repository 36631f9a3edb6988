"""Add an illusion: begin its page, and ask what is still missing.

    python book/illusion.py new ID --step collect    begin chapters/03-pipeline/collect/ID.ipynb
    python book/illusion.py check ID                 say what is missing; exit status 1 if anything

CONTRIBUTING.md says how an illusion is added, in five steps. `check` goes through them in that
order, and the tests ask it about every registered experiment.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import nbformat
import yaml
from nbformat import NotebookNode

sys.path.insert(0, str(Path(__file__).resolve().parent))
import address
import hygiene
import notebooks
from execute import METADATA

from illusionkit.errors import DesignError, ResultsError
from illusionkit.illusions import experiment as registered
from illusionkit.illusions import results

UNWRITTEN = "TO WRITE"
FOLDERS = {"collect": "collect", "pre-train": "pretrain", "fine-tune": "fine-tune",
           "evaluate": "evaluate-and-deploy", "generate": "evaluate-and-deploy"}  # fmt: skip
PARTS = (
    ("Predict first", "Ask for one number before it is shown; `predict` reveals it."),
    ("Turn the knob", "`explore` the table of results; then read the figure with the reader."),
    ("Why", "The mathematics, short: a formula that could turn out wrong, and its check."),
    ("What would have caught it", "One line of code on the reader's own data."),
    ("Exercises", "Two or three, each with an open cell and a folded solution."),
    ("What this page does not show", "One corpus, one learner: where does it end?"),
    ("References", "The data, and works that you have seen, with DOI or arXiv id."),
)
CALLS = {
    "predict": "ask the reader first",
    "explore": "let the reader turn the knob",
    "claim": "prove the numbers of the text",
    "verdict": "say what control and cure came to",
    "check": "grade the exercises",
}
CODE = """\
from illusionkit.illusions import experiment
from illusionkit.illusions import results
from illusionkit.experiment.sweep import verdict

spec, kept = experiment("{id}"), results("{id}")
for row in kept.cells.to_dict("records"):
    print(row["arm"], f"{{row['dose']:g}}", verdict(spec, row))
"""


def page_of(name: str, root: Path = notebooks.ROOT) -> Path | None:
    """Return the notebook called `name`, wherever it stands among the chapters."""
    return next((path for path in notebooks.pages(root) if path.stem == name), None)


def skeleton(name: str) -> NotebookNode:
    """Return a page that has every part and no sentence yet."""
    markdown, code = nbformat.v4.new_markdown_cell, nbformat.v4.new_code_cell
    opening = f"# {UNWRITTEN}: a title\n\nA procedure, its score, and a question. **Is it true?**"
    cells = [markdown(opening, id="title"), code(CODE.format(id=name), id="results")]
    for title, hint in PARTS:
        text = f"## {title}\n\n{UNWRITTEN}: {hint}"
        cells.append(markdown(text, id="-".join(re.findall("[a-z]+", title.lower()))))
    return nbformat.v4.new_notebook(cells=cells, metadata=METADATA)


def begin(name: str, step: str, root: Path = notebooks.ROOT) -> Path:
    """Write the page that an illusion of this step begins with, and return where it lies.

    Raises FileExistsError if there is a page of this name, ValueError for a name that is no slug.
    """
    if not re.fullmatch(r"[a-z]+(-[a-z]+)*", name):
        raise ValueError(f"An id is lower-case words joined by hyphens, not {name!r}.")
    if found := page_of(name, root):
        raise FileExistsError(f"There is a page of this name: {found}.")
    path = root / "chapters" / "03-pipeline" / FOLDERS[step] / f"{name}.ipynb"
    path.parent.mkdir(parents=True, exist_ok=True)
    notebooks.write(address.with_cell(skeleton(name), address.load(root)), path)
    return path


def missing(name: str, root: Path = notebooks.ROOT) -> list[str]:
    """Return what an illusion still lacks, in the order of the five steps; empty if nothing."""
    try:
        spec = registered(name)
    except DesignError as error:
        return [f"spec: {error} Add it to EXPERIMENTS of a module in illusionkit/illusions/."]
    return [
        *_untested(name, root),
        *_unmeasured(name, root),
        *_unwritten(name, spec.page, root),
    ]


def _untested(name: str, root: Path) -> list[str]:
    tests = (root / "tests" / "kit").glob("test_*.py")
    if any(_names(path.read_text(encoding="utf-8"), name) for path in tests):
        return []
    return [f'spec: no test in tests/kit names "{name}": test what holds by construction']


def _names(code: str, name: str) -> bool:
    """Return whether code names an experiment: whole, or by the beginning of several ids."""
    begun = re.findall(r'"([a-z]+(?:-[a-z]+)*-)(?:\{|")', code)
    return f'"{name}"' in code or any(name.startswith(part) for part in begun)


def _unmeasured(name: str, root: Path) -> Iterator[str]:
    try:
        results(name)
    except ResultsError as error:
        yield f"measure: {error}"
        return
    if not _spec_came_first(name, root):
        yield f"measure: results/{name}.csv was committed before, or together with, its spec"


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
    yield from _headless(prose, path)
    for call, purpose in CALLS.items():
        if not re.search(rf"\b{call}\(", code):
            yield f"page: it never calls {call}(…) to {purpose}"
    if not _names(code, name):
        yield f'page: {path.name} does not name "{name}"'
    if (lines := hygiene.visible_lines(notebook)) > hygiene.PAGE_LINES:
        yield f"page: {lines} visible lines of code, {hygiene.PAGE_LINES} at most"


def _headless(prose: str, path: Path) -> Iterator[str]:
    headings = re.findall(r"^#{2,3} (.+)$", prose, re.MULTILINE)
    for title, hint in PARTS:
        if title == "Why" and path.parent.name == "04-mathematics":
            continue  # there every part says why
        if not any(heading.startswith(title) for heading in headings):
            yield f"page: no heading begins with '{title}'. {hint}"


def main(argv: list[str] | None = None) -> int:
    """Run the command line and return its exit status."""
    parser = argparse.ArgumentParser(prog="book/illusion.py", description=__doc__.split("\n")[0])
    commands = parser.add_subparsers(dest="command", required=True)
    new = commands.add_parser("new", help="begin a page")
    new.add_argument("id")
    new.add_argument("--step", choices=FOLDERS, default="collect")
    commands.add_parser("check", help="say what is missing").add_argument("id")
    asked = parser.parse_args(argv)
    if asked.command == "check":
        found = missing(asked.id)
        print("\n".join(found) or f"{asked.id}: nothing is missing that this program can see")
        return 1 if found else 0
    try:
        print(begin(asked.id, asked.step))
    except (ValueError, OSError) as error:
        print(f"illusion: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
