"""The built site in a real browser: in light on a desktop, in dark on a phone, without scripts.

Each page is visited these three times. A visit makes many checks, and tells all that fail.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from html import unescape
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import notebooks
import pytest
import rota
from axe_playwright_python.sync_playwright import Axe
from building import ROOT
from playwright.sync_api import Error as BrowserError

DOCUMENTS = sorted(notebooks.documents())
PAGES = [*DOCUMENTS, "search", "genindex"]
TURNS = [str(path.relative_to(ROOT).with_suffix("")) for path in rota.chosen()]
DESKTOP, PHONE = {"width": 1280, "height": 900}, {"width": 390, "height": 844}
PAGE_BYTES = 1_000_000
EXPLORE, PREDICT, SCENE = (f'[data-ik="{kind}"]' for kind in ("explore", "predict", "scene"))
FOLDED, CLAIMS = "details.hide", "details.book-claims"

# What axe may find because it is the theme's own and can't be mended in book/: {rule: selectors}.
# Nothing so far; name the rule, the selector and the reason.
EXCEPTIONS: dict[str, set[str]] = {}

# Without it, axe asks for style sheets in a way that file:// forbids.
AXE = {"preload": False}

# Elements whose right edge leaves the window although nothing around them scrolls or clips.
TOO_WIDE = """() => {
  const boxed = node => {
    for (let up = node.parentElement; up && up !== document.body; up = up.parentElement)
      if (getComputedStyle(up).overflowX !== 'visible') return true;
    return false;
  };
  return [...document.querySelectorAll('.bd-article-container *')]
    .filter(node => node.getBoundingClientRect().right > innerWidth + 1 && !boxed(node))
    .map(node => node.outerHTML.slice(0, 120));
}"""

# Pictures that say nothing to a reader who does not see them. (Buttons must have names by axe.)
NAMELESS = """() => [...document.querySelectorAll('img, svg')].filter(node => {
  if (node.closest('[aria-hidden=true]')) return false;
  if (node.localName === 'img') return !(node.getAttribute('alt') || '').trim();
  if (node.parentElement.closest('svg, button')) return false;
  const by = node.getAttribute('aria-labelledby');
  const named = by ? by.split(' ').some(id => document.getElementById(id)?.textContent.trim())
    : (node.getAttribute('aria-label') || node.querySelector('title')?.textContent || '').trim();
  return node.getAttribute('role') !== 'img' || !named;
}).map(node => node.outerHTML.slice(0, 120))"""

# Code that scrolls can be scrolled by keyboard; the theme sees to it a moment after a change.
REACHED = """() => [...document.querySelectorAll('pre')]
  .every(node => node.scrollWidth <= node.clientWidth || node.tabIndex === 0)"""

TYPESET = "() => window.MathJax?.startup ? MathJax.startup.promise.then(() => true) : true"

# Unfolds all, and folds it again: what was open before stays open.
UNFOLD = """() => document.querySelectorAll('details:not([open])')
  .forEach(node => { node.open = node.unfolded = true; })"""
FOLD = """() => document.querySelectorAll('details')
  .forEach(node => { if (node.unfolded) node.open = node.unfolded = false; })"""

# The text of the page as it is shown, without some of its parts, which are put back.
TEXT = """without => {
  const parts = [...document.querySelectorAll(without)], before = parts.map(p => p.style.display);
  parts.forEach(part => part.style.setProperty('display', 'none', 'important'));
  const text = document.querySelector('.bd-article').innerText;
  parts.forEach((part, i) => { part.style.display = before[i]; });
  return text;
}"""

# The families that were loaded; the browser loads what the page is set in, and nothing else.
FACES = """() => document.fonts.ready.then(() => [...document.fonts]
  .filter(face => face.status === 'loaded').map(face => face.family.replaceAll('"', '')))"""

# How far each part of the page was read, by its mark.
READ = """() => [...document.querySelectorAll('.book-progress > span > span')]
  .map(part => parseFloat(part.style.width))"""

# The box of the first thing to touch on a page just opened, and how much code stands above it.
FIRST = """() => document.fonts.ready.then(() => {
  const first = document.querySelector('.bd-article [data-ik]');
  if (!first) return null;
  const box = first.getBoundingClientRect(), code = document.querySelectorAll('.bd-article pre');
  const above = node => node.compareDocumentPosition(first) & Node.DOCUMENT_POSITION_FOLLOWING;
  return {kind: first.dataset.ik, top: box.top + scrollY, bottom: box.bottom + scrollY,
    height: innerHeight, above: [...code].filter(above).map(node => node.textContent)};
})"""

Visit = Callable[..., Any]


class Checks:
    """The checks of one visit: each is made, and all that fail are told."""

    def __init__(self) -> None:
        self.failed: list[str] = []

    @contextmanager
    def __call__(self, what: str) -> Iterator[None]:
        """Make one check, and go on where it fails."""
        try:
            yield
        except (AssertionError, BrowserError) as error:
            self.failed.append(f"{what}: {error}")

    def told(self) -> None:
        """Fail if one failed."""
        if self.failed:
            pytest.fail("\n\n".join(self.failed), pytrace=False)


def stored(path: Path) -> dict[str, int]:
    """Return how many figures, questions and folded cells a notebook stores."""
    cells, folds = notebooks.read(path).cells, {"hide-input", "hide-output", "hide-cell"}
    shown = "".join(text for cell in cells for _, text in notebooks.output_texts(cell))
    return {
        EXPLORE: shown.count('data-ik="explore"'),
        PREDICT: shown.count('data-ik="predict"'),
        SCENE: shown.count('data-ik="scene"'),
        FOLDED: sum(bool(folds & set(cell.metadata.get("tags", []))) for cell in cells),
    }


STORED = {str(p.relative_to(ROOT).with_suffix("")): stored(p) for p in notebooks.pages()}


def all_of(page: Any, name: str, kind: str) -> list[Any]:
    """Return a page's figures, questions or folds: as many as its notebook stores."""
    found = page.locator(kind).all()
    assert len(found) == STORED.get(name, {}).get(kind, 0)
    return found


class Quiet(SimpleHTTPRequestHandler):
    """Serves files without a line for each."""

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def served(site: Path) -> Iterator[str]:
    """The address of the site, served by http."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(site)))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()


@pytest.fixture
def visit(browser: Any, site: Path, served: str) -> Iterator[Visit]:
    """Return a function that opens a page of the site; whatever goes wrong there fails the test."""
    contexts, troubles = [], []

    def opened(name: str, *, http: bool = False, query: str = "", **how: Any) -> Any:
        base = served if http else site.as_uri()
        given = {"reduced_motion": "reduce", "viewport": DESKTOP}
        contexts.append(browser.new_context(**(given | how)))
        page = contexts[-1].new_page()
        scripts = how.get("java_script_enabled", True)
        listen(page, f"{base}/", troubles, scripts=scripts)
        page.goto(f"{base}/{name}.html{query}")
        if scripts:
            page.evaluate(TYPESET)
        return page

    yield opened
    for context in contexts:
        context.close()
    assert not troubles, "\n".join(troubles)


def listen(page: Any, base: str, troubles: list[str], *, scripts: bool) -> None:
    """Note every error, warning, dialog, failed request, and request that leaves the site."""

    def noted(kind: str, bad: bool, what: str) -> None:
        if bad:
            troubles.append(f"{page.url}: {kind}: {what}")

    def given_up(sent: Any) -> bool:
        if sent.url.endswith("/favicon.svg"):
            return bool(sent.failure == "net::ERR_ABORTED")
        return not scripts and bool(sent.resource_type == "script")

    quiet = ("log", "info", "debug")
    page.on("pageerror", lambda error: noted("error", True, str(error)))
    page.on("console", lambda said: noted(said.type, said.type not in quiet, said.text))
    page.on("dialog", lambda dialog: (noted("dialog", True, dialog.message), dialog.dismiss()))
    # A browser without scripts begins to load those that a page announces, and gives them up; one
    # that leaves a page gives up its icon.
    page.on("requestfailed", lambda sent: noted("failed", not given_up(sent), sent.url))
    page.on("response", lambda got: noted(str(got.status), got.status >= 400, got.url))
    inside = (base, "data:", "blob:")
    page.on("request", lambda sent: noted("leaves", not sent.url.startswith(inside), sent.url))


def payload(widget: Any) -> Any:
    """Return the data of an interactive output."""
    return json.loads(widget.locator('script[type="application/json"]').text_content())


def violations(page: Any) -> list[str]:
    """Return what axe finds and is not excepted, as rule and place."""
    return [
        f"{rule['id']} at {node['target']}: {node['html'][:120]}"
        for rule in Axe().run(page, options=AXE).response["violations"]
        for node in rule["nodes"]
        if not set(map(str, node["target"])) & EXCEPTIONS.get(rule["id"], set())
    ]


def test_the_site_has_pages_with_knobs_and_questions() -> None:
    assert all(any(kinds[kind] for kinds in STORED.values()) for kind in (EXPLORE, PREDICT, FOLDED))
    assert set(STORED) <= set(DOCUMENTS)


def test_a_check_that_fails_is_told_and_the_next_is_made() -> None:
    checks = Checks()
    with checks("first"):
        assert 1 == 2
    with checks("second"):
        raise BrowserError("gone")
    with checks("third"):
        pass
    with pytest.raises(pytest.fail.Exception, match=r"^first: assert 1 == 2\n\nsecond: gone$"):
        checks.told()


@pytest.mark.parametrize("name", PAGES)
def test_in_light_on_a_desktop(visit: Visit, name: str) -> None:
    page, checks = visit(name, color_scheme="light"), Checks()
    with checks("the first screen has something to touch"):
        can_be_touched(page, name)
    with checks("the theme is the system's"):
        assert page.locator("html").get_attribute("data-theme") == "light"
    if name in DOCUMENTS:
        with checks("mathematics is typeset"):
            typeset(page)
        with checks("it is set in the book's own faces"):
            assert set(page.evaluate(FACES)) >= {"Book Text", "Book Display"}
        with checks("no number is parted from its unit"):
            text = page.evaluate(TEXT, ".bd-article :is(pre, code, .ik)")
            assert not re.findall(r"\d[ \n](?:%|points?\b)", text)
    page.evaluate(UNFOLD)
    with checks("accessible"):
        page.wait_for_function(REACHED)
        assert not violations(page)
    for window in (PHONE, DESKTOP):
        with checks(f"fits into {window['width']} pixels"):
            fits(page, window)
    page.evaluate(FOLD)
    with checks("every knob is moved by keyboard"):
        move_the_knobs(page, name)
    with checks("every guess is committed by keyboard"):
        commit_the_guesses(page, name)
    with checks("every scene is gone through by keyboard"):
        for scene in all_of(page, name, SCENE):
            go_through(page, scene)
    checks.told()


@pytest.mark.parametrize("name", PAGES)
def test_in_dark_on_a_phone(visit: Visit, name: str, site: Path) -> None:
    page, checks = visit(name, http=True, color_scheme="dark", viewport=PHONE), Checks()
    with checks("the first screen has something to touch"):
        can_be_touched(page, name)
    with checks("the theme is the system's"):
        assert page.locator("html").get_attribute("data-theme") == "dark"
    with checks("it is light to load, and all pictures come"):
        weigh(page, site / f"{name}.html", site)
    with checks("a mark says how far it was read"):
        follow_the_mark(page)
    with checks("title, heading, language"):
        assert page.title() and page.locator("h1:visible").count() == 1
        assert page.locator("html").get_attribute("lang") == "en"
    with checks("what is folded unfolds by keyboard"):
        unfold_by_keyboard(page, name)
    with checks("the claims of each section unfold by keyboard"):
        unfold_the_claims(page)
    page.evaluate(UNFOLD)
    with checks("accessible"):
        page.wait_for_function(REACHED)
        assert not violations(page)
    for window in (PHONE, DESKTOP):
        with checks(f"fits into {window['width']} pixels"):
            fits(page, window)
    checks.told()


@pytest.mark.parametrize("name", [*TURNS, "search"])
def test_by_turns_the_other_way_round(visit: Visit, name: str) -> None:
    """What only a phone shows in light, and only a desktop in dark, is the theme's on all pages."""
    checks = Checks()
    for theme, window in (("light", PHONE), ("dark", DESKTOP)):
        page = visit(name, color_scheme=theme, viewport=window)
        page.evaluate(UNFOLD)
        with checks(f"accessible in {theme} at {window['width']} pixels"):
            page.wait_for_function(REACHED)
            assert not violations(page)
    if name in DOCUMENTS:
        page = visit(name, java_script_enabled=False, color_scheme="light")
        say_it_all(page, name, checks)
    checks.told()


@pytest.mark.parametrize("name", DOCUMENTS)
def test_without_scripts_every_page_still_says_it_all(visit: Visit, name: str) -> None:
    checks = Checks()
    page = visit(name, java_script_enabled=False, color_scheme="dark")
    say_it_all(page, name, checks)
    checks.told()


def fits(page: Any, window: dict[str, int]) -> None:
    """Assert that nothing leaves a window of this size, and that every picture has a name in it."""
    page.set_viewport_size(window)
    page.wait_for_function(REACHED)
    assert page.evaluate("document.documentElement.scrollWidth") <= window["width"]
    assert not page.evaluate(TOO_WIDE)
    assert not page.evaluate(NAMELESS)


def weigh(page: Any, file: Path, site: Path) -> None:
    """Assert that a page and its pictures are small, and that every picture is shown."""
    page.evaluate("scrollTo(0, document.body.scrollHeight)")
    pictures = page.evaluate("[...document.images].map(image => new URL(image.src).pathname)")
    own = [file, *{site / path.lstrip("/") for path in pictures}]
    assert sum(path.stat().st_size for path in own) < PAGE_BYTES
    assert all(page.evaluate("[...document.images].map(image => image.naturalWidth > 0)"))


def can_be_touched(page: Any, name: str) -> None:
    """Assert that a notebook's first figure or question stands on its first screen, above code."""
    if name not in STORED:  # a list, such as the glossary and the references
        return
    first = page.evaluate(FIRST)
    assert first is not None, "there is nothing to touch"
    assert not first["above"], "code stands above it"
    assert first["kind"] in ("scene", "predict", "explore")
    assert first["top"] >= 0 and first["bottom"] <= first["height"], first


def follow_the_mark(page: Any) -> None:
    """Assert that the mark has a piece for each part of the page, and fills as it is read."""
    parts = page.locator(".bd-article section > h2").count()
    pieces = page.locator(".book-progress > span").count()
    assert pieces == (parts + 1 if parts > 1 else 0)
    if pieces:
        page.evaluate("scrollTo(0, 0)")
        page.wait_for_function(f"({READ})().at(-1) < 100")
        page.evaluate("scrollTo(0, document.body.scrollHeight)")
        page.wait_for_function(f"({READ})().every(part => part === 100)")


def typeset(page: Any) -> None:
    """Assert that every formula is drawn, with its fonts, and that no mark-up is left over."""
    formulas = page.locator(".bd-article .math").count()
    assert page.locator(".bd-article mjx-container").count() == formulas
    assert page.locator("mjx-merror").count() == 0
    if formulas:
        page.evaluate("document.fonts.ready")
        fonts = "[...document.fonts].filter(f => f.family.includes('MJX') && f.status === 'loaded')"
        assert page.evaluate(f"{fonts}.length") > 0
    text = page.evaluate(TEXT, ".bd-article :is(pre, code, mjx-container)")
    assert not [sign for sign in ("$$", "\\(", "\\[", ":::") if sign in text]


def move_the_knobs(page: Any, name: str) -> None:
    """Move every knob of a page through all doses and arms, by keyboard."""
    figures = all_of(page, name, EXPLORE)
    sliders = page.locator("[data-ik]:not([data-ik=scene]) input[type=range]").count()
    assert sliders == len(figures) + page.locator(PREDICT).count()
    for figure in figures:
        move(page, figure)


def move(page: Any, figure: Any) -> None:
    """Move the knob of one figure: the readings, the words and the picture follow."""
    data = payload(figure)
    slider = figure.locator("input[type=range]")
    radios = figure.locator("input[type=radio]")
    assert radios.count() == (len(data["arms"]) if len(data["arms"]) > 1 else radios.count())
    seen = set()
    for which, arm in enumerate(data["arms"]):
        slider.focus()
        page.keyboard.press("Home")
        for dose, says in enumerate(arm["says"]):
            assert shown(figure) == says
            assert figure.locator("[data-dose]").first.text_content() == arm["doses"][dose]
            assert slider.get_attribute("aria-valuetext") == arm["doses"][dose]
            seen.add(figure.locator("svg.ik-plot").evaluate("node => node.outerHTML"))
            page.keyboard.press("ArrowRight")
        if which + 1 < len(data["arms"]):
            radios.nth(which).focus()
            page.keyboard.press("ArrowRight")
            assert radios.nth(which + 1).is_checked()
    # Two arms may show the same curve, where leaving out either of two lines changes nothing.
    drawn = {json.dumps([a["x"], a["y"], a["ends"]]): len(a["says"]) for a in data["arms"]}
    assert len(seen) == sum(drawn.values())


def shown(figure: Any) -> list[str]:
    """Return the six readings of a figure: both scores and the gap, each with its interval."""
    return figure.evaluate(
        'node => [0, 1, 2, 3, 4, 5].map(i => node.querySelector(`[data-value="${i}"]`).textContent)'
    )


def commit_the_guesses(page: Any, name: str) -> None:
    """Commit a guess to every question of a page, by keyboard."""
    for question in all_of(page, name, PREDICT):
        verdict = question.locator("[data-verdict]")
        assert not verdict.is_visible()
        answer = payload(question)["shown"]
        question.locator("input[type=range]").focus()
        page.keyboard.press("ArrowRight")
        page.keyboard.press("Tab")
        page.keyboard.press("Enter")
        assert verdict.is_visible() and answer in verdict.text_content()
        assert question.locator(".ik-reveal").is_visible()
        assert question.locator("input[type=range]").is_disabled()


def go_through(page: Any, scene: Any) -> None:
    """Commit a scene's guess and turn to its last frame: sentence and picture follow."""
    data = payload(scene)
    count, back = len(data["frames"]), scene.locator("[data-back]")
    if data["guess"]:
        assert not back.is_visible()
        scene.locator("[data-ask] input").focus()
        for key in ("ArrowRight", "Tab", "Enter"):
            page.keyboard.press(key)
        assert data["guess"]["shown"] in scene.locator("[data-verdict]").text_content()
        back.click()
    scene.locator("[data-next]").focus()
    for number, frame in enumerate(data["frames"], 1):
        stands(scene, frame)
        if frame["knob"]:
            drag_the_line(page, scene)
        assert scene.locator("[data-count]").text_content().split()[0] == str(number)
        if number < count:
            scene.locator("[data-next]").press("Enter")
    assert scene.locator("[data-next]").is_disabled()


def stands(scene: Any, frame: Any) -> None:
    """Assert that a frame is what a scene shows: its sentence, and all of its dots."""
    says = scene.locator("[role=status]")
    assert says.is_visible() and says.text_content().startswith(frame["says"])
    assert dots_drawn(scene) == sum(v >= 0 for v in frame["at"]) // 2


def dots_drawn(scene: Any) -> int:
    """Return how many dots the first picture of a scene shows."""
    first = scene.locator("svg.ik-stage").first.locator("path.ik-dots")
    return sum((path.get_attribute("d") or "").count("h0") for path in first.all())


def drag_the_line(page: Any, scene: Any) -> None:
    """Move a threshold from end to end: another sentence, and no dot is lost."""
    slider, says, drawn = scene.locator("[data-knob] input"), set(), dots_drawn(scene)
    slider.focus()
    for key in ("Home", "End"):
        page.keyboard.press(key)
        says.add(scene.locator("[role=status]").text_content())
        assert dots_drawn(scene) == drawn
    assert len(says) == 2
    scene.locator("[data-next]").focus()


def unfold_by_keyboard(page: Any, name: str) -> None:
    """Unfold every folded cell of a page by keyboard."""
    for fold in all_of(page, name, FOLDED):
        code, summary = fold.locator("pre").first, fold.locator("summary")
        assert not code.is_visible()
        closed = summary.inner_text()
        assert summary.get_attribute("aria-label") is None  # it is called what it shows
        summary.focus()
        page.keyboard.press("Enter")
        assert code.is_visible() and code.inner_text().strip()
        assert summary.inner_text() != closed
        assert summary.bounding_box()["height"] >= 24
    page.wait_for_function(REACHED)


def unfold_the_claims(page: Any) -> None:
    """Unfold the claims of every section by keyboard: as many as its line says."""
    for fold in page.locator(CLAIMS).all():
        summary, lines = fold.locator("summary"), fold.locator("li")
        assert not lines.first.is_visible()
        assert summary.bounding_box()["height"] >= 24
        assert summary.inner_text().startswith(f"✓ {lines.count()} number")
        summary.focus()
        page.keyboard.press("Enter")
        assert all(line.is_visible() and line.inner_text().endswith("✓") for line in lines.all())


def say_it_all(page: Any, name: str, checks: Checks) -> None:
    """Check that a page without scripts is light and shows readings, answers and folded code."""
    with checks("light, one heading, the pictures of one theme"):
        assert page.locator("h1:visible").count() == 1
        assert page.locator("html").get_attribute("data-theme") == "light"
        assert not [p for p in page.locator("article .only-dark").all() if p.is_visible()]
    with checks("the figures' readings"):
        for figure in all_of(page, name, EXPLORE):
            stand_still(figure)
    with checks("the questions' answers"):
        for question in all_of(page, name, PREDICT):
            question.locator("summary").click()
            assert payload(question)["shown"] in question.locator("[data-verdict]").text_content()
            assert question.locator(".ik-reveal").is_visible()
            assert question.get_by_role("button").count() == 0
    with checks("the scenes' frames, one under the other"):
        for scene in all_of(page, name, SCENE):
            frames = payload(scene)["frames"]
            said = scene.locator(".ik-says").all()
            assert all(sentence.is_visible() for sentence in said) and len(said) == len(frames)
            assert scene.locator("svg.ik-stage").count() == len(frames)
            assert scene.get_by_role("button").count() == scene.get_by_role("slider").count() == 0
    with checks("the folded code"):
        for fold in all_of(page, name, FOLDED):
            fold.locator("summary").click()
            assert fold.locator("pre").first.is_visible()
    with checks("the claims"):
        for fold in page.locator(CLAIMS).all():
            fold.locator("summary").click()
            assert fold.locator("li").first.is_visible()


def stand_still(figure: Any) -> None:
    """Assert that a figure without its script shows its first readings, and all as a table."""
    data = payload(figure)
    arm, dose = data["start"]
    readings = [figure.locator(f'[data-value="{i}"]').first.text_content() for i in range(6)]
    assert readings == data["arms"][arm]["says"][dose]
    assert figure.locator("svg.ik-plot").is_visible()
    assert figure.get_by_role("slider").count() == 0
    figure.locator("summary").click()
    assert figure.locator("tbody tr").count() == sum(len(a["says"]) for a in data["arms"])
    assert figure.locator("tbody tr").last.is_visible()


def title_of(file: Path) -> str:
    """Return the first heading of a built page."""
    text = file.read_text(encoding="utf-8")
    heading = re.search(r'<h1>((?:(?!</h1>).)*)<a class="headerlink"', text, re.DOTALL)
    assert heading, file
    return unescape(re.sub(r"<[^>]+>", "", heading[1]))


def test_the_search_finds_every_page_by_a_word_of_its_title(
    visit: Visit, site: Path, served: str
) -> None:
    page, checks = visit("search", http=True), Checks()
    for name in DOCUMENTS:
        word = max(title_of(site / f"{name}.html").split(), key=len)
        page.goto(f"{served}/search.html?q={word}")
        with checks(f"{name} by {word}"):
            page.wait_for_function(
                "document.querySelector('.search-summary')?.textContent.match(/found/)"
            )
            found = [a.get_attribute("href") for a in page.locator("ul.search li a").all()]
            assert any(link.partition("?")[0].endswith(f"{name}.html") for link in found)
            assert name not in TURNS or not violations(page)
        page.wait_for_load_state("networkidle")  # who leaves a page early gives up what it loads
    checks.told()


def test_a_word_that_is_nowhere_is_not_found(visit: Visit) -> None:
    page = visit("search", http=True, query="?q=zzyzxqwv")
    page.wait_for_function("/did not match/.test(document.body.innerText)")
    assert page.locator("ul.search li").count() == 0


def test_the_search_opens_by_keyboard_and_leads_to_a_page(visit: Visit) -> None:
    page = visit("intro", http=True)
    page.wait_for_load_state("networkidle")
    page.keyboard.press("Control+k")
    page.keyboard.type("holdout")
    page.keyboard.press("Enter")
    page.wait_for_url("**/search.html?q=holdout*")
    page.wait_for_load_state("networkidle")  # who leaves a page early gives up what it loads
    page.locator("ul.search li a").first.click()
    page.wait_for_load_state()
    assert "holdout" in page.locator(".bd-article").text_content()  # perhaps in a fold


def with_terms(site: Path) -> str:
    """Return the page of the site that links most terms to the glossary."""
    return max(DOCUMENTS, key=lambda name: (site / f"{name}.html").read_text().count("book-term"))


def test_a_term_shows_its_gloss_to_the_pointer_and_to_the_keyboard(
    visit: Visit, site: Path
) -> None:
    """It can be dismissed, hovered, and stays until it is left (WCAG 1.4.13)."""
    page = visit(with_terms(site), color_scheme="light")
    first, second = page.locator("article a.book-term").all()[:2]
    note = page.locator(".book-gloss")
    first.hover()
    note.wait_for()
    assert note.text_content().startswith(first.get_attribute("aria-description"))
    note.hover()
    page.wait_for_timeout(500)
    assert note.is_visible() and not violations(page)
    page.keyboard.press("Escape")
    assert not note.is_visible()
    second.focus()
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Tab")
    note.wait_for()
    assert note.text_content().startswith(second.get_attribute("aria-description"))
    page.mouse.move(3, 3)
    page.wait_for_timeout(500)
    assert note.is_visible()  # as long as the term has the focus
    page.keyboard.press("Escape")
    assert not note.is_visible() and second.evaluate("node => node === document.activeElement")
    page.keyboard.press("Enter")
    page.wait_for_url("**/glossary.html#term-*")


def test_the_first_tap_shows_a_gloss_and_the_second_follows_it(visit: Visit, site: Path) -> None:
    page = visit(with_terms(site), color_scheme="dark", viewport=PHONE, has_touch=True)
    first, note = page.locator("article a.book-term").first, page.locator(".book-gloss")
    first.tap()
    note.wait_for()
    box = note.bounding_box()
    assert box["x"] >= 0 and box["x"] + box["width"] <= PHONE["width"]
    assert not violations(page)
    note.tap()
    assert note.is_visible()
    page.locator("article h1").tap()
    assert not note.is_visible()
    first.tap()
    first.tap()
    page.wait_for_url("**/glossary.html#term-*")


@pytest.mark.parametrize("viewport", [{"width": 1280, "height": 900}, PHONE])
@pytest.mark.parametrize("system", ["light", "dark"])
def test_the_theme_switch_turns_page_and_figures(
    visit: Visit, system: str, viewport: dict[str, int]
) -> None:
    with_knob = next(name for name, kinds in STORED.items() if kinds[EXPLORE])
    page = visit(with_knob, http=True, color_scheme=system, viewport=viewport)
    other = {"light": "dark", "dark": "light"}[system]
    before = colours(page)
    button = page.locator("button.theme-switch-button:visible")
    for _ in range(3):  # from auto through light and dark
        button.focus()
        page.keyboard.press("Enter")
        if page.locator("html").get_attribute("data-theme") == other:
            break
    turned = colours(page)
    assert all(new != old for new, old in zip(turned, before, strict=True))
    page.reload()
    page.evaluate(TYPESET)
    assert page.locator("html").get_attribute("data-theme") == other
    assert colours(page) == turned


def colours(page: Any) -> list[str]:
    """Return the page's ground and text, and those of the first figure, once they rest."""
    page.evaluate("Promise.all(document.getAnimations().map(moving => moving.finished))")
    return [
        page.locator(where).first.evaluate(f"node => getComputedStyle(node).{what}")
        for where in ("body", EXPLORE)
        for what in ("backgroundColor", "color")
    ]


def test_a_phone_reaches_every_page_through_the_menu(visit: Visit) -> None:
    page = visit(DOCUMENTS[0], viewport=PHONE)
    page.locator("button.primary-toggle").click()
    closed = "nav.bd-links details:not([open]) > summary .toctree-toggle:visible"
    while page.locator(closed).count():  # a fold may hold others
        page.locator(closed).first.click()
    links = page.locator("#pst-primary-sidebar-modal nav.bd-links a, #pst-primary-sidebar a")
    names = [a.get_attribute("href") for a in links.all() if a.is_visible()]
    for name in DOCUMENTS[1:]:
        assert any(link.endswith(f"{Path(name).name}.html") for link in names), (name, names)
