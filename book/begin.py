"""What a new illusion begins with: module, page, answers, hints and its line in the contents.

Everything that is to be written by hand is marked `UNWRITTEN`; `illusion.missing` counts it.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

import address
import nbformat
import notebooks
from execute import METADATA
from nbformat import NotebookNode

UNWRITTEN = "TO WRITE"
FOLDERS = {
    "collect": "03-pipeline/collect", "pretrain": "03-pipeline/pretrain",
    "tune": "03-pipeline/fine-tune", "evaluate": "03-pipeline/evaluate-and-deploy",
    "generate": "03-pipeline/evaluate-and-deploy", "applications": "06-applications",
    "outlook": "08-outlook",
}  # fmt: skip
"""The steps of the kit's catalogue, and the folder among the chapters that holds their pages."""
CAPTIONS = {"06-applications": "Applications", "08-outlook": "Outlook"}
"""What the contents call a part of the book that begins with its first illusion."""
PARTS = (
    ("Predict first", "Ask for one number before it is shown; `predict` reveals it."),
    ("Turn the knob", "`explore` the table of results; then read the figure with the reader."),
    ("Why", "The mathematics, short: a formula that could turn out wrong, and its check."),
    ("What would have caught it", "One line of code on the reader's own data."),
    ("Exercises", "Two or three, each with an open cell and a folded solution."),
    ("What this page does not show", "One corpus, one learner: where does it end?"),
    ("References", "The data, and works that you have seen, with DOI or arXiv id."),
)
FOLDED = {
    "tags": ["hide-input", "scene"],
    "mystnb": {"code_prompt_hide": "Hide the code of this figure",
               "code_prompt_show": "Show the code of this figure"},
}  # fmt: skip
"""The metadata of the cell that draws the first screen; its code stands below the figure."""
SKELETONS = Path(__file__).resolve().parent / "skeletons"


def begin(name: str, step: str, root: Path = notebooks.ROOT) -> list[Path]:
    """Write all that an illusion of this step begins with, and return the files, new or changed.

    Raises ValueError for a name that is no slug, FileExistsError if one of its files is there.
    Nothing is written then.
    """
    if not re.fullmatch(r"[a-z]+(-[a-z]+)*", name):
        raise ValueError(f"An id is lower-case words joined by hyphens, not {name!r}.")
    kit, module = root / "illusionkit", name.replace("-", "_")
    page = root / "chapters" / FOLDERS[step] / f"{name}.ipynb"
    made = {
        kit / "illusions" / step / f"{module}.py": _filled("illusion.py.txt", name, step),
        kit / "answers" / f"{module}.py": _filled("answers.py.txt", name, step),
    }
    for path in (page, *made, *(p for p in notebooks.pages(root) if p.stem == name)):
        if path.exists():
            raise FileExistsError(f"There is a file of this name: {path}.")
    for path, text in made.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    face = kit / "illusions" / step / "__init__.py"
    if not face.exists():
        face.write_text(f'"""Illusions of the step {step}."""\n', encoding="utf-8")
    page.parent.mkdir(parents=True, exist_ok=True)
    notebooks.write(address.with_cell(_page(name, step), address.load(root)), page)
    return [*made, page, _hinted(name, root), _listed(page, root)]


def _filled(skeleton: str, name: str, step: str) -> str:
    text = (SKELETONS / skeleton).read_text(encoding="utf-8")
    return text.replace("ILLUSION_ID", name).replace("STEP", step)


def _page(name: str, step: str) -> NotebookNode:
    """Return a page that has every part and no sentence yet."""
    markdown, code = nbformat.v4.new_markdown_cell, nbformat.v4.new_code_cell
    opening = f"# {UNWRITTEN}: a title\n\n{UNWRITTEN}: one sentence, what the reader will know."
    first = code(_filled("scene.py.txt", name, step), id="first-screen", metadata=FOLDED)
    results = code(_filled("page.py.txt", name, step), id="results")
    cells = [markdown(opening, id="title"), first, results]
    for title, hint in PARTS[1:]:  # the scene asks first
        text = f"## {title}\n\n{UNWRITTEN}: {hint}"
        cells.append(markdown(text, id="-".join(re.findall("[a-z]+", title.lower()))))
    place = next(n for n, cell in enumerate(cells) if cell.id == "exercises") + 1
    cells[place:place] = [c for n in (1, 2) for c in _exercise(f"{name}-{n}", n)]
    return nbformat.v4.new_notebook(cells=cells, metadata=METADATA)


def _exercise(exercise: str, number: int) -> list[NotebookNode]:
    """Return the open cell of an exercise and its folded solution."""
    word = ("first", "second")[number - 1]
    solution = nbformat.v4.new_code_cell(
        f'# @title Solution\nanswer = ...  # {UNWRITTEN}\n\ncheck("{exercise}", answer)',
        id=f"{word}-solution",
    )
    solution.metadata = {
        "cellView": "form", "tags": ["hide-cell"],
        "mystnb": {"code_prompt_hide": "Hide the solution",
                   "code_prompt_show": "Show a solution"},
    }  # fmt: skip
    task = nbformat.v4.new_markdown_cell(f"**{number}.** {UNWRITTEN}", id=f"{word}-task")
    opened = nbformat.v4.new_code_cell(
        f'answer = ...\ncheck("{exercise}", answer)', id=f"{word}-answer"
    )
    return [task, opened, solution]


def _hinted(name: str, root: Path) -> Path:
    """Add a hint for each exercise to the English catalogue."""
    path = root / "illusionkit" / "locale" / "en.json"
    texts = json.loads(path.read_text(encoding="utf-8"))
    texts |= {f"check.{name}-{n}": f"{UNWRITTEN}: a hint for {name}-{n}." for n in (1, 2)}
    path.write_text(json.dumps(texts, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
    return path


def _listed(page: Path, root: Path) -> Path:
    """Add the page to the contents: behind the last page of its folder, under its step's page.

    The first page of a chapter that `CAPTIONS` names opens a part of the book, before the appendix.
    """
    path = root / "_toc.yml"
    lines = path.read_text(encoding="utf-8").splitlines()
    folder = page.parent.relative_to(root).as_posix()
    step = next((n for n, line in enumerate(lines) if line.endswith(f"file: {folder}")), None)
    beside = [n for n, line in enumerate(lines) if f"file: {folder}/" in line]
    last = max(beside, default=step)
    entry, opens = f"- file: {folder}/{page.stem}", last is None and page.parent.name in CAPTIONS
    if last is None and not opens:
        last = max(n for n, line in enumerate(lines) if "file: chapters/03-pipeline/" in line)
    if opens:
        place, caption = lines.index("  - caption: Appendix"), CAPTIONS[page.parent.name]
        lines[place:place] = [f"  - caption: {caption}", "    chapters:", f"      {entry}"]
    elif last == step:
        indent = lines[last].index("-") + 2
        lines[last + 1 : last + 1] = [f"{' ' * indent}sections:", f"{' ' * (indent + 2)}{entry}"]
    else:
        indent = min(lines[n].index("-") for n in beside or [last])  # deep dives stand deeper
        lines.insert(last + 1, f"{' ' * indent}{entry}")
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path
