"""The HTML shell that every widget and figure of the book shares.

An output is one self-contained piece of HTML: a constant style sheet, a first frame that means
something without scripts, data as JSON, and (where it interacts) one constant script. Style and
script are the same bytes in every output, so that one content-security hash serves them all.
What depends on a measurement stands between `MEASURED` and `END_MEASURED`, nothing else does.
"""

from __future__ import annotations

import html
import json
import math
import re
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from illusionkit.interactive.palette import declarations
from illusionkit.language import every_language, knows, language, text

if TYPE_CHECKING:
    from IPython.display import HTML

MEASURED = "<!--measured-->"
END_MEASURED = "<!--/measured-->"
MINUS = "\N{MINUS SIGN}"
DOTS = (
    '<circle class="ik-dot" r="{}"/>',
    '<rect class="ik-open" x="-{0}" y="-{0}" width="{1}" height="{1}"/>',
)
ROLES = ("ik-apparent", "ik-honest")


@cache
def style_sheet() -> str:
    """Return the constant ``<style>`` element, with the palette of both themes filled in."""
    sheet = (files("illusionkit.interactive") / "static" / "widget.css").read_text(encoding="utf-8")
    sheet = re.sub(r"/\*(?!light\*/|dark\*/).*?\*/\n", "", sheet)
    light, dark = declarations(dark=False), declarations(dark=True)
    return f"<style>{sheet.replace('/*light*/', light).replace('/*dark*/', dark)}</style>"


@cache
def script() -> str:
    """Return the constant ``<script>`` element that brings every widget on the page to life."""
    source = (files("illusionkit.interactive") / "static" / "widget.js").read_text(encoding="utf-8")
    return f"<script>{source}</script>"


def escape(value: object) -> str:
    """Return text that is inert in HTML content and in a quoted attribute."""
    cleaned = re.sub(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]", "\N{REPLACEMENT CHARACTER}", str(value))
    return html.escape(cleaned, quote=True)


def own(value: object) -> str:
    """Return an author's text, escaped, its reading direction kept from its surroundings."""
    return f"<bdi>{escape(value)}</bdi>"


def said(key: str, tag: str = "span") -> str:
    """Return a string of the catalogue as an element whose language the page's script may change.

    The key counts as the text itself where the catalogue lacks it.
    """
    if not knows(key):
        return own(key) if tag == "span" else f"<{tag}>{escape(key)}</{tag}>"
    return f'<{tag} data-text="{escape(key)}">{escape(text(key))}</{tag}>'


def measured(content: str) -> str:
    """Return content between the markers that name it as dependent on a measurement."""
    return f"{MEASURED}{content}{END_MEASURED}"


def payload(data: Mapping[str, Any], keys: Sequence[str]) -> str:
    """Return data and the strings of ``keys`` as a JSON script element that can't end early."""
    full = {**data, "lang": language(), "text": every_language(keys)}
    body = json.dumps(full, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    for sign in "<>&\u2028\u2029":
        body = body.replace(sign, f"\\u{ord(sign):04x}")
    return f'<script type="application/json">{body}</script>'


def widget(kind: str, *, label: str, body: str, tag: str = "div") -> HTML:
    """Return a whole interactive output; the script stands last, when its data has been read."""
    role = ' role="group"' if tag == "div" else ""
    opening = f'<{tag} class="ik ik-{kind}" data-ik="{kind}"{role} aria-label="{escape(label)}">'
    return output(f"{opening}{style_sheet()}{body}{script()}</{tag}>")


def output(content: str) -> HTML:
    """Return HTML as a cell's output."""
    from IPython.display import HTML

    return HTML(content)  # type: ignore[no-untyped-call]


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


def finite(name: str, value: float) -> float:
    """Return value as a float. Raises ValueError where it isn't a finite number."""
    try:
        given = float(value)
    except (TypeError, ValueError):
        given = math.nan
    if not math.isfinite(given):
        raise ValueError(f"{name} must be a finite number, not {value!r}")
    return given


def place(value: float) -> str:
    """Return a coordinate with two decimals, as the script rounds it: the same to the byte."""
    return f"{math.floor(value * 100 + 0.5) / 100:g}"


def glyph(which: int) -> str:
    """Return the small sign of the first (filled) or second (open) score, for a heading."""
    shape = DOTS[which].format(*((5,), (4, 8))[which])
    return f'<svg viewBox="-7 -7 14 14" aria-hidden="true">{shape}</svg>'


def readout(names: Sequence[str], means: Sequence[str], values: Sequence[str]) -> str:
    """Return the two large scores with the gap between them.

    Names: first, second, gap, as HTML. Means: a line under each of the two scores, or "".
    Values: first, its interval, second, its interval, gap, its interval.
    """
    first, second = (_score(which, names, means, values) for which in (0, 1))
    gap = (
        f'<div class="ik-gap"><span class="ik-chip" data-value="4">{escape(values[4])}</span>'
        f'<span class="ik-name">{names[2]}</span>'
        f'<span class="ik-small" data-value="5">{escape(values[5])}</span></div>'
    )
    return f'<div class="ik-readout">{first}{gap}{second}</div>'


def _score(which: int, names: Sequence[str], means: Sequence[str], values: Sequence[str]) -> str:
    below = f'<span class="ik-small">{means[which]}</span>' if means[which] else ""
    return (
        f'<div class="ik-score"><span class="ik-name {ROLES[which]}">{glyph(which)}{names[which]}'
        f'</span><span class="ik-big {ROLES[which]}" data-value="{2 * which}">'
        f"{escape(values[2 * which])}</span>"
        f'<span class="ik-small" data-value="{2 * which + 1}">{escape(values[2 * which + 1])}'
        f"</span>{below}</div>"
    )
