"""The built site in a real browser: every page, light and dark, on a phone, without scripts."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import notebooks
import pytest
from axe_playwright_python.sync_playwright import Axe
from conftest import ROOT, documents

DOCUMENTS = sorted(documents())
PAGES = [*DOCUMENTS, "search", "genindex"]
WIDTHS = (1280, 390)
PHONE = {"width": 390, "height": 844}
PAGE_BYTES = 1_000_000
EXPLORE, PREDICT = '[data-ik="explore"]', '[data-ik="predict"]'

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

Visit = Callable[..., Any]


def with_widget(kind: str) -> list[str]:
    """Return the pages whose notebook stores an interactive output of this kind."""
    found = []
    for path in notebooks.pages():
        texts = [t for c in notebooks.read(path).cells for _, t in notebooks.output_texts(c)]
        if any(f'data-ik="{kind}"' in text for text in texts):
            found.append(str(path.relative_to(ROOT).with_suffix("")))
    return found


def with_fold() -> list[str]:
    """Return the pages whose notebook folds a cell away."""
    folds = {"hide-input", "hide-output", "hide-cell"}
    return [
        str(path.relative_to(ROOT).with_suffix(""))
        for path in notebooks.pages()
        if any(folds & set(c.metadata.get("tags", [])) for c in notebooks.read(path).cells)
    ]


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
        given = {"reduced_motion": "reduce", "viewport": {"width": 1280, "height": 900}}
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
    assert with_widget("explore") and with_widget("predict") and with_fold()
    assert set(with_widget("explore")) <= set(DOCUMENTS)


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("name", PAGES)
def test_every_page_is_accessible_and_fits(visit: Visit, name: str, theme: str) -> None:
    page = visit(name, color_scheme=theme)
    assert page.locator("html").get_attribute("data-theme") == theme
    page.evaluate("document.querySelectorAll('details').forEach(node => { node.open = true; })")
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 900})
        page.wait_for_function(REACHED)
        assert not violations(page), width
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert not page.evaluate(TOO_WIDE), width
        assert not page.evaluate(NAMELESS), width


@pytest.mark.parametrize("name", PAGES)
def test_every_page_works_from_a_server_and_is_light(visit: Visit, name: str, site: Path) -> None:
    page = visit(name, http=True, viewport=PHONE)
    page.evaluate("scrollTo(0, document.body.scrollHeight)")
    pictures = page.evaluate("[...document.images].map(image => new URL(image.src).pathname)")
    own = [site / f"{name}.html", *{site / path.lstrip("/") for path in pictures}]
    assert sum(path.stat().st_size for path in own) < PAGE_BYTES
    assert all(page.evaluate("[...document.images].map(image => image.naturalWidth > 0)"))
    assert page.title() and page.locator("h1:visible").count() == 1
    assert page.locator("html").get_attribute("lang") == "en"


@pytest.mark.parametrize("name", DOCUMENTS)
def test_mathematics_is_typeset(visit: Visit, name: str) -> None:
    page = visit(name)
    formulas = page.locator(".bd-article .math").count()
    assert page.locator(".bd-article mjx-container").count() == formulas
    assert page.locator("mjx-merror").count() == 0
    if formulas:
        page.evaluate("document.fonts.ready")
        fonts = "[...document.fonts].filter(f => f.family.includes('MJX') && f.status === 'loaded')"
        assert page.evaluate(f"{fonts}.length") > 0
    page.evaluate("document.querySelectorAll('pre, code, mjx-container').forEach(n => n.remove())")
    text = page.locator(".bd-article").inner_text()
    assert not [sign for sign in ("$$", "\\(", "\\[", ":::") if sign in text]


@pytest.mark.parametrize("name", with_widget("explore"))
def test_every_knob_is_moved_by_keyboard(visit: Visit, name: str) -> None:
    page = visit(name)
    figures = page.locator(EXPLORE).all()
    sliders = len(figures) + page.locator(PREDICT).count()
    assert page.locator("input[type=range]").count() == sliders
    for figure in figures:
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
        drawn = {
            json.dumps([arm["x"], arm["y"], arm["ends"]]): len(arm["says"]) for arm in data["arms"]
        }
        assert len(seen) == sum(drawn.values())


def shown(figure: Any) -> list[str]:
    """Return the six readings of a figure: both scores and the gap, each with its interval."""
    return [figure.locator(f'[data-value="{i}"]').first.text_content() for i in range(6)]


@pytest.mark.parametrize("name", with_widget("predict"))
def test_every_guess_is_committed_by_keyboard(visit: Visit, name: str) -> None:
    page = visit(name)
    for question in page.locator(PREDICT).all():
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


@pytest.mark.parametrize("name", with_fold())
def test_what_is_folded_unfolds_by_keyboard(visit: Visit, name: str) -> None:
    page = visit(name, viewport=PHONE)
    folds = page.locator("details.hide").all()
    assert folds
    for fold in folds:
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


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", DOCUMENTS)
def test_without_scripts_every_page_still_says_it_all(visit: Visit, name: str, scheme: str) -> None:
    page = visit(name, java_script_enabled=False, color_scheme=scheme)
    assert page.locator("h1:visible").count() == 1
    assert page.locator("html").get_attribute("data-theme") == "light"
    assert not [p for p in page.locator("article .only-dark").all() if p.is_visible()]
    for figure in page.locator(EXPLORE).all():
        data = payload(figure)
        arm, dose = data["start"]
        assert shown(figure) == data["arms"][arm]["says"][dose]
        assert figure.locator("svg.ik-plot").is_visible()
        assert figure.get_by_role("slider").count() == 0
        figure.locator("summary").click()
        rows = sum(len(arm["says"]) for arm in data["arms"])
        assert figure.locator("tbody tr").count() == rows
        assert figure.locator("tbody tr").last.is_visible()
    for question in page.locator(PREDICT).all():
        question.locator("summary").click()
        assert payload(question)["shown"] in question.locator("[data-verdict]").text_content()
        assert question.locator(".ik-reveal").is_visible()
        assert question.get_by_role("button").count() == 0
    for fold in page.locator("details.hide").all():
        fold.locator("summary").click()
        assert fold.locator("pre").first.is_visible()


@pytest.mark.parametrize("name", DOCUMENTS)
def test_the_search_finds_every_page_by_a_word_of_its_title(visit: Visit, name: str) -> None:
    title = visit(name).locator("h1:visible").inner_text()
    word = max(title.split(), key=len)
    page = visit("search", http=True, query=f"?q={word}")
    page.wait_for_function("document.querySelector('.search-summary')?.textContent.match(/found/)")
    found = [a.get_attribute("href") for a in page.locator("ul.search li a").all()]
    assert any(link.partition("?")[0].endswith(f"{name}.html") for link in found), (word, found)
    assert not violations(page)


def test_a_word_that_is_nowhere_is_not_found(visit: Visit) -> None:
    page = visit("search", http=True, query="?q=zzyzxqwv")
    page.wait_for_function("/did not match/.test(document.body.innerText)")
    assert page.locator("ul.search li").count() == 0


def test_the_search_opens_by_keyboard_and_leads_to_a_page(visit: Visit) -> None:
    page = visit("intro", http=True)
    page.keyboard.press("Control+k")
    page.keyboard.type("vault")
    page.keyboard.press("Enter")
    page.wait_for_url("**/search.html?q=vault*")
    page.locator("ul.search li a").first.click()
    page.wait_for_load_state()
    assert "vault" in page.locator(".bd-article").text_content()  # perhaps in a fold


@pytest.mark.parametrize("viewport", [{"width": 1280, "height": 900}, PHONE])
@pytest.mark.parametrize("system", ["light", "dark"])
def test_the_theme_switch_turns_page_and_figures(
    visit: Visit, system: str, viewport: dict[str, int]
) -> None:
    page = visit(with_widget("explore")[0], http=True, color_scheme=system, viewport=viewport)
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


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_picture_shows_in_its_theme_only(visit: Visit, theme: str) -> None:
    page = visit("intro", color_scheme=theme)
    seen = [i.get_attribute("src") for i in page.locator("article img").all() if i.is_visible()]
    assert seen == [f"_images/opening-{theme}.svg"]


def test_a_phone_reaches_every_page_through_the_menu(visit: Visit) -> None:
    page = visit(DOCUMENTS[0], viewport=PHONE)
    page.locator("button.primary-toggle").click()
    for fold in page.locator("nav.bd-links details:not([open]) .toctree-toggle").all():
        fold.click()
    links = page.locator("#pst-primary-sidebar-modal nav.bd-links a, #pst-primary-sidebar a")
    names = [a.get_attribute("href") for a in links.all() if a.is_visible()]
    for name in DOCUMENTS[1:]:
        assert any(link.endswith(f"{Path(name).name}.html") for link in names), (name, names)


def test_no_number_is_parted_from_its_unit(visit: Visit) -> None:
    for name in DOCUMENTS:
        page = visit(name)
        page.evaluate("document.querySelectorAll('pre, code, .ik').forEach(n => n.remove())")
        assert not re.findall(r"\d[ \n](?:%|points?\b)", page.locator(".bd-article").inner_text())
