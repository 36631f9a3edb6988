"""Sphinx extension: pages that load nothing from elsewhere and raise no error in the browser.

What it does, each because the page was wrong without it:

* Sphinx 7.4 writes inline scripts twice; a second `const` is an error on every page.
* Thebe is off in this book, but its scripts, which load a remote one, stay in every page.
* An empty header cell, as pandas writes it, is a finding of the accessibility test, and so are
  the roles of a bibliography; three folds that are all called "Toggle hidden content" should be.
* Without scripts the theme is neither light nor dark, and shows the pictures of both.
* The theme gives the folds of the contents no name.
* What a cell's output links to is a notebook, and here a page.
* A number was parted from its unit at the end of a line, a formula from its comma.
* MathJax is copied from a pip-installed package instead of being called from a CDN.
* The repository's address, kept in address.toml, turns buttons on once it is a real one.
"""

from __future__ import annotations

import re
import shutil
import sys
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.config import Config
from sphinx.errors import ExtensionError
from sphinx.transforms.post_transforms import SphinxPostTransform

sys.path.insert(0, str(Path(__file__).resolve().parent))
import address

MATHJAX = "mathjax/tex-chtml.js"
# Beside the script: the fonts it draws with, TeX packages it loads on demand (\\cancel, …),
# and what its own menu may ask for. The other twelve bundles of the package are not needed.
MATHJAX_PARTS = ("output/chtml/fonts", "input/tex/extensions", "a11y", "sre", "ui")

MENDED = {
    # pandas leaves the corner of a table's head an empty header cell, which a screen reader
    # announces as a header without a name.
    "<th></th>": "<td></td>",
    # The role is deprecated, and a list may hold only items.
    'role="doc-biblioentry"': 'role="listitem"',
    # The fold says by itself what it holds.
    ' aria-label="Toggle hidden content"': "",
    # The verdict on a claim stays on the line of its value, which stays whole.
    "⟩ ✓": "⟩\N{NO-BREAK SPACE}✓",
    " ± ": "\N{NO-BREAK SPACE}±\N{NO-BREAK SPACE}",
}
UNIT = re.compile(r"(?<=\d)[ \n](?=%|points?\b)")
PAGE_LINK = re.compile(r'(<a data-page="" href="[^"]+)\.(?:ipynb|md)"')
CELL_UNIT = re.compile(r"(<t[dh]>[^<]*\d) (?=%|points?\b)")
FORMULA_END = re.compile(r'(<span class="math[^>]*>[^<]{1,60}</span>[,.;:!?)]+)')
NO_NAME = re.compile(r"(>([^<>]+)</a>\s*<details[^>]*>\s*<summary)(?=>)")
NO_THEME, LIGHT = 'data-theme="auto"', 'data-theme="light"'


def mathjax_source() -> Path:
    """Return the folder of MathJax in the installed package; raise if it is not installed."""
    try:
        package = distribution("sphinx-mathjax-offline")
    except PackageNotFoundError as error:
        raise ExtensionError("MathJax is missing: pip install 'illusionkit[book]'") from error
    return Path(str(package.locate_file("sphinx-mathjax-offline/static/mathjax")))


def use_local_mathjax(app: Sphinx, config: Config) -> None:
    """Point pages with formulas at the copy beside them."""
    config.mathjax_path = MATHJAX


def copy_mathjax(app: Sphinx, error: Exception | None) -> None:
    """Copy the parts of MathJax that pages use into the site's static files."""
    if error is not None or app.builder.format != "html":
        return
    source, target = mathjax_source(), Path(app.outdir, "_static", "mathjax")
    target.mkdir(parents=True, exist_ok=True)
    shutil.copy2(source / Path(MATHJAX).name, target)
    for part in MATHJAX_PARTS:
        shutil.copytree(source / part, target / part, dirs_exist_ok=True)


def use_address(app: Sphinx, config: Config) -> None:
    """Turn on the repository's and Colab's buttons, if a real address was set."""
    place = address.load(Path(app.srcdir))
    if not place.known:
        return
    options = config.html_theme_options
    options.update(repository_url=place.url, repository_branch=place.branch)
    options.update(use_repository_button=True, use_issues_button=True)
    if place.url.startswith("https://github.com/"):
        options.setdefault("launch_buttons", {})["colab_url"] = "https://colab.research.google.com"


def keep_scripts(scripts: list[Any]) -> list[Any]:
    """Return the page's scripts without Thebe and without doubles, in their order."""
    kept, seen = [], set()
    for script in scripts:
        name = str(getattr(script, "filename", script) or "")
        body = (getattr(script, "attributes", None) or {}).get("body") or ""
        if "THEBE_JS_URL" in body or name.endswith("sphinx-thebe.js") or (name, body) in seen:
            continue
        seen.add((name, body))
        kept.append(script)
    return kept


def keep_styles(styles: list[Any]) -> list[Any]:
    """Return the page's style sheets without Thebe's."""
    names = [str(getattr(style, "filename", style)) for style in styles]
    return [s for s, name in zip(styles, names, strict=True) if "sphinx-thebe" not in name]


def tidy_page(app: Sphinx, page: str, template: str, context: dict[str, Any], tree: Any) -> None:
    """Clean the assets of one page, after every other extension has added its own."""
    context["script_files"] = keep_scripts(context.get("script_files", []))
    context["css_files"] = keep_styles(context.get("css_files", []))
    if "body" in context:
        context["body"] = mended(context["body"])


def mended(body: str) -> str:
    """Return the HTML of a page's text without what the accessibility test finds."""
    for wrong, right in MENDED.items():
        body = body.replace(wrong, right)
    body = CELL_UNIT.sub("\\1\N{NO-BREAK SPACE}", body)
    body = PAGE_LINK.sub(r'\1.html"', body)
    return FORMULA_END.sub(r'<span class="book-keep">\1</span>', body)


def _around(text: nodes.Text) -> str:
    """Return the end of a line of the source and the beginning of the next; each is a node."""
    beside, place = text.parent.children, _place(text)
    before, after = beside[max(place - 1, 0)], beside[min(place + 1, len(beside) - 1)]
    return f"{before.astext()[-1:]}{text}{after.astext()[:7]}"


def _place(text: nodes.Text) -> int:
    """Return where a text stands among its neighbours; two may be equal, as ends of lines."""
    return next(n for n, beside in enumerate(text.parent.children) if beside is text)


class KeepUnits(SphinxPostTransform):
    """Sets a no-break space between a number and its unit, in text but not in code."""

    default_priority = 800
    formats = ("html",)

    def run(self, **_: Any) -> None:
        """Change the page's text."""
        for text in list(self.document.findall(nodes.Text)):
            code = isinstance(text.parent, (nodes.literal, nodes.FixedTextElement, nodes.raw))
            if not code and UNIT.search(text):
                text.parent[_place(text)] = nodes.Text(UNIT.sub("\N{NO-BREAK SPACE}", text))
            elif not code and text == "\n" and UNIT.search(_around(text)):
                text.parent[_place(text)] = nodes.Text("\N{NO-BREAK SPACE}")


def finish_pages(app: Sphinx, error: Exception | None) -> None:
    """Write the light theme and the names of the contents' folds into each page.

    The theme is light until the page's first script puts the reader's choice.
    """
    if error is not None or app.builder.format != "html":
        return
    for page in Path(app.outdir).rglob("*.html"):
        text = page.read_text(encoding="utf-8")
        done = NO_NAME.sub(r'\1 aria-label="Pages under: \2"', text.replace(NO_THEME, LIGHT, 1))
        if done != text:
            page.write_text(done, encoding="utf-8")


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the extension."""
    app.connect("config-inited", use_local_mathjax, priority=900)
    app.connect("config-inited", use_address, priority=900)
    app.connect("html-page-context", tidy_page, priority=900)
    app.connect("build-finished", copy_mathjax)
    app.connect("build-finished", finish_pages)
    app.add_post_transform(KeepUnits)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
