"""The HTML shell that every widget and figure of the book shares.

An output is one self-contained piece of HTML: a constant style sheet, a first frame that means
something without scripts, data as JSON, and (where it interacts) one constant script. Style and
script are the same bytes in every output, so that one content-security hash serves them all.
What depends on a measurement stands between the comments measured and /measured, and nothing else.

A frame is a template of `templates/`. Whatever is put into one is escaped, but for `Markup`.
"""

from __future__ import annotations

import html
import json
import math
import re
from collections.abc import Mapping, Sequence
from functools import cache, partial
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from illusionkit.interactive.palette import declarations
from illusionkit.language import every_language, knows, language, text

if TYPE_CHECKING:
    from IPython.display import HTML
    from jinja2 import Environment

MINUS = "\N{MINUS SIGN}"
ROLES = ("ik-apparent", "ik-honest")


def widget(kind: str, *, label: str, tag: str = "div", **values: object) -> HTML:
    """Return a whole interactive output, its inside the frame ``kind`` filled with ``values``.

    The script stands last, when its data has been read.
    """
    role = ' role="group"' if tag == "div" else ""
    opening = f'<{tag} class="ik ik-{kind}" data-ik="{kind}"{role} aria-label="{escape(label)}">'
    return output(f"{opening}{style_sheet()}{render(kind, **values)}{script()}</{tag}>")


def output(content: str) -> HTML:
    """Return HTML as a cell's output."""
    from IPython.display import HTML

    return HTML(content)  # type: ignore[no-untyped-call]


def render(frame: str, **values: object) -> Markup:
    """Return ``templates/<frame>.html`` filled with values."""
    return Markup(_environment().get_template(f"{frame}.html").render(values))


@cache
def _environment() -> Environment:
    from jinja2 import Environment, FunctionLoader, StrictUndefined

    made = Environment(
        loader=FunctionLoader(_template),
        autoescape=True,
        finalize=escape,
        undefined=StrictUndefined,
    )
    known = (dot, fixed, knows, number, own, phrase, place, text, word)
    helpers: dict[str, Any] = {helper.__name__: helper for helper in known}
    made.filters |= {**helpers, "longest": partial(max, key=len)}
    made.globals |= {**helpers, "roles": ROLES}
    return made


def _template(name: str) -> str:
    """Return a template without its indentation: a tag or a block follows what is before it."""
    source = re.sub(r"\n\s*(?=[<{]|$)", "", packaged("templates", name))
    return re.sub(r"\n\s*", " ", source)


def packaged(folder: str, name: str) -> str:
    """Return the text of a file that lies in a folder of this package."""
    return (files("illusionkit.interactive") / folder / name).read_text(encoding="utf-8")


@cache
def style_sheet() -> Markup:
    """Return the constant ``<style>`` element, with the palette of both themes filled in."""
    sheet = re.sub(r"/\*(?!light\*/|dark\*/).*?\*/\n", "", packaged("static", "widget.css"))
    for theme in ("light", "dark"):
        sheet = sheet.replace(f"/*{theme}*/", declarations(dark=theme == "dark"))
    return Markup(f"<style>{sheet}</style>")


@cache
def script() -> Markup:
    """Return the constant ``<script>`` element that brings every widget on the page to life."""
    return Markup(f"<script>{packaged('static', 'widget.js')}</script>")


def escape(value: object) -> Markup:
    """Return text that is inert in HTML content and in a quoted attribute; `Markup` stays so."""
    if isinstance(value, Markup):
        return value
    cleaned = re.sub(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]", "\N{REPLACEMENT CHARACTER}", str(value))
    return Markup(html.escape(cleaned, quote=True))


def own(value: object) -> Markup:
    """Return an author's text, escaped, its reading direction kept from its surroundings."""
    return Markup(f"<bdi>{escape(value)}</bdi>")


def word(key: str) -> str:
    """Return the string of a key; a key that the catalogue lacks is a word itself."""
    return text(key) if knows(key) else key


def entry(group: str, name: str) -> str:
    """Return the key of a name in a group of the catalogue, the name itself where there is none."""
    return f"{group}.{name}" if knows(f"{group}.{name}") else name


def phrase(key: str, tag: str = "span") -> Markup:
    """Return `word` as an element whose language the page's script may change."""
    if not knows(key):
        return own(key) if tag == "span" else Markup(f"<{tag}>{escape(key)}</{tag}>")
    return Markup(f'<{tag} data-text="{escape(key)}">{escape(text(key))}</{tag}>')


def payload(data: Mapping[str, Any], keys: Sequence[str]) -> Markup:
    """Return data and the strings of ``keys`` as a JSON script element that can't end early."""
    full = {**data, "lang": language(), "text": every_language(keys)}
    body = json.dumps(full, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    for sign in "<>&\u2028\u2029":
        body = body.replace(sign, f"\\u{ord(sign):04x}")
    return Markup(f'<script type="application/json">{body}</script>')


def dot(which: int, half: float) -> Markup:
    """Return the mark of the first (filled) or second (open) score, by half of its width."""
    if which == 0:
        return Markup(f'<circle class="ik-dot" r="{half:g}"/>')
    side = f'x="-{half:g}" y="-{half:g}" width="{2 * half:g}" height="{2 * half:g}"'
    return Markup(f'<rect class="ik-open" {side}/>')


def place(value: float) -> str:
    """Return a coordinate with two decimals, as the script rounds it: the same to the byte."""
    return f"{math.floor(value * 100 + 0.5) / 100:g}"


def number(value: float) -> str:
    """Return a dose or a tick in its shortest form: ``0.25``, ``1,000``."""
    plain = f"{value:.6g}" if abs(value) < 1000 else f"{value:,.0f}"
    return plain.replace("-", MINUS)


def fixed(value: float, decimals: int, *, sign: bool = False) -> str:
    """Return a score with a fixed number of decimals, a true minus sign, and no minus zero."""
    shown = f"{value:{'+' if sign else ''}.{decimals}f}"
    if not any(digit in "123456789" for digit in shown):
        shown = shown.lstrip("+-")
    return shown.replace("-", MINUS)


def finite(name: str, value: float, advice: str = "") -> float:
    """Return value as a float. Raises ValueError where it isn't a finite number."""
    try:
        given = float(value)
    except (TypeError, ValueError):
        given = math.nan
    if not math.isfinite(given):
        raise ValueError(f"{name} must be a finite number, not {value!r}{advice}")
    return given
