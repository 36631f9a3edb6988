"""One style for every still figure, light and dark: matplotlib in, accessible inline SVG out.

Used from chapter 1 on. Apparent and honest have the same two colours and the same two shapes on
every page: filled and solid for apparent, open and dashed for honest.
"""

from __future__ import annotations

import hashlib
import io
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import matplotlib as mpl
from cycler import cycler

from illusionkit.interactive.palette import APPARENT, HONEST, PALETTE, variable
from illusionkit.interactive.widget import (
    escape,
    finite,
    fixed,
    output,
    own,
    style_sheet,
)

if TYPE_CHECKING:
    from IPython.display import HTML
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WIDTH = 4.9
"""Width of a figure in inches: on a phone its text still has some ten pixels."""

INK, SOFT, LINE, GRID, SURFACE = (
    PALETTE[role][0] for role in ("ink", "soft", "line", "grid", "surface")
)
SHAPES: dict[str, dict[str, Any]] = {
    "apparent": {"color": APPARENT, "marker": "o", "linestyle": "-"},
    "honest": {"color": HONEST, "marker": "s", "linestyle": (0, (4, 2.5)), "mfc": SURFACE},
    "third": {"color": PALETTE["third"][0], "marker": "^", "linestyle": ":"},
    "fourth": {"color": PALETTE["fourth"][0], "marker": "D", "linestyle": "-."},
    "ink": {"color": INK, "marker": "o", "linestyle": "-"},
}


def settings() -> dict[Any, Any]:
    """Return the matplotlib settings of the book."""
    cycle = [PALETTE[role][0] for role in ("apparent", "honest", "third", "fourth")]
    return {
        "svg.fonttype": "none", "svg.hashsalt": "illusionkit", "savefig.transparent": True,
        "figure.figsize": (WIDTH, 3.0), "figure.constrained_layout.use": True,
        "font.size": 11.0, "font.family": "sans-serif", "font.sans-serif": ["DejaVu Sans"],
        "text.color": INK, "axes.labelcolor": SOFT, "axes.edgecolor": LINE,
        "axes.prop_cycle": cycler(color=cycle), "axes.grid": True, "axes.grid.axis": "y",
        "axes.axisbelow": True, "axes.spines.top": False, "axes.spines.right": False,
        "axes.spines.left": False, "axes.titlelocation": "left", "axes.titleweight": "bold",
        "grid.color": GRID, "grid.linewidth": 0.9, "xtick.color": LINE, "ytick.color": LINE,
        "xtick.labelcolor": SOFT, "ytick.labelcolor": SOFT, "ytick.major.size": 0,
        "lines.linewidth": 2.2, "lines.markersize": 7, "lines.markeredgewidth": 1.8,
        "legend.frameon": False,
    }  # fmt: skip


def style() -> None:
    """Set matplotlib to the book's style, for figures that a page draws by itself."""
    mpl.rcParams.update(settings())


def show(fig: Figure, *, alt: str, caption: str = "") -> HTML:
    """Return a figure as inline SVG that follows the page's theme, the same bytes every time.

    ``alt`` says what is to be seen; without it ValueError is raised. A ``caption`` stands below.
    """
    if not alt.strip():
        raise ValueError("a figure needs alt text: say in a sentence what is to be seen in it")
    below = f'<figcaption class="ik-figure-caption">{own(caption)}</figcaption>' if caption else ""
    svg = f"<!--measured-->{_svg(fig, alt)}<!--/measured-->"
    return output(f'<figure class="ik ik-figure">{style_sheet()}{svg}{below}</figure>')


def _svg(fig: Figure, alt: str) -> str:
    target = io.StringIO()
    quiet = {"Date": None, "Creator": None, "Format": None, "Type": None}
    with mpl.rc_context(settings()):
        fig.savefig(target, format="svg", metadata=quiet, bbox_inches="tight", pad_inches=0.04)
    drawn = re.sub(
        # matplotlib's <style> would reach every other picture of the page.
        r"<metadata>.*?</metadata>|<style.*?</style>|<!--.*?-->",
        "",
        target.getvalue(),
        flags=re.S,
    )
    drawn = re.sub(r"<[^>]+>", lambda tag: _tag(tag[0]), drawn[drawn.index("<svg") :])
    return _named(re.sub(r">\s+<", "><", drawn).strip(), alt)


def _tag(tag: str) -> str:
    """Return a tag with short numbers, and attributes that a theme can override for its style."""
    tag = re.sub(r"\s+", " ", tag.replace("xlink:href", "href"))
    tag = re.sub(r'\s*style="([^"]*)"', lambda match: _attributes(match[1]), tag)
    tag = re.sub(
        r"\d+\.\d{3,}", lambda match: f"{round(float(match[0]), 2)}".removesuffix(".0"), tag
    )
    return re.sub(r"#[0-9a-f]{6}\b", lambda match: _COLOURS.get(match[0], match[0]), tag)


_COLOURS = {pair[0]: variable(role) for role, pair in PALETTE.items()}
_COLOURS |= {INK: "currentColor", "#000000": "currentColor"}


def _attributes(css: str) -> str:
    pairs = dict(part.split(":", 1) for part in css.split(";") if ":" in part)
    kept = ""
    for name, value in ((name.strip(), value.strip()) for name, value in pairs.items()):
        if name == "font":
            size = re.search(r"[\d.]+px", value)
            kept += f' font-size="{size[0]}"' if size else ""
            kept += ' font-weight="bold"' if re.search(r"bold|[67]00", value) else ""
        elif name != "font-family":
            kept += f' {name}="{escape(value)}"'
    return kept


def _named(svg: str, alt: str) -> str:
    """Return the SVG with its alt text, and with no id but those that it refers to itself."""
    used = set(re.findall(r"(?:url\(#|href=\"#)([\w-]+)", svg))
    prefix = "ik" + hashlib.sha256(svg.encode()).hexdigest()[:8]
    svg = re.sub(r' id="([\w.-]+)"', lambda m: m[0] if m[1] in used else "", svg)
    for name in sorted(used):
        svg = re.sub(rf'(id="|url\(#|href="#){name}(?=["\)])', rf"\g<1>{prefix}-{name}", svg)
    svg = re.sub(r' (?:width|height)="[\d.]+pt"| xmlns(?::xlink)?="[^"]*"| version="1.1"', "", svg)
    opening = f'<svg role="img" aria-label="{escape(alt)}" stroke-linejoin="round"'
    return svg.replace("<svg", opening, 1)


def dots(
    labels: Sequence[str],
    values: Sequence[float],
    lo: Sequence[float] | None = None,
    hi: Sequence[float] | None = None,
    *,
    roles: Sequence[str] | None = None,
    axis_label: str = "accuracy",
    decimals: int = 3,
    reference: float | None = None,
) -> Figure:
    """Return a dot with its interval for each of a handful of scores, first on top.

    ``roles`` says how each is drawn: "apparent", "honest", "third", "fourth" or "ink".
    ``reference`` draws a vertical line, such as the score of guessing.
    Raises ValueError for sequences of unequal length, an unknown role, or a value that isn't
    finite. Used in chapter 1.
    """
    from matplotlib.figure import Figure

    rows = _dot_rows(labels, values, lo, hi, ["ink"] * len(labels) if roles is None else roles)
    with mpl.rc_context({**settings(), "axes.grid": False}):
        figure = Figure(figsize=(WIDTH, 0.75 + 0.42 * len(rows)))
        axes = figure.add_subplot()
        axes.hlines(
            range(len(rows)), 0, 1, color=GRID, linewidth=0.9, zorder=0,
            transform=axes.get_yaxis_transform(),
        )  # fmt: skip
        for level, (_, score, role) in enumerate(rows):
            _dot(axes, level, score, role, decimals)
        if reference is not None:
            axes.axvline(reference, color=SOFT, linewidth=1, linestyle=(0, (3, 3)), zorder=0)
        axes.set_yticks(range(len(rows)), list(labels))
        axes.tick_params(axis="y", labelcolor=INK)
        axes.set_ylim(len(rows) - 0.4, -0.6)
        axes.set_xlabel(axis_label)
    return figure


def _dot_rows(
    labels: Sequence[str],
    values: Sequence[float],
    lo: Sequence[float] | None,
    hi: Sequence[float] | None,
    roles: Sequence[str],
) -> list[tuple[str, list[float], str]]:
    """Return each dot, checked: its label, its score with the interval's ends, its role."""
    columns = (labels, values, values if lo is None else lo, values if hi is None else hi, roles)
    sizes = sorted(set(map(len, columns)))
    if len(sizes) != 1 or sizes == [0]:
        raise ValueError(f"labels, values, lo, hi and roles need one length, at least 1: {sizes}")
    if unknown := [role for role in roles if role not in SHAPES]:
        raise ValueError(f"unknown role {unknown[0]!r}; roles: {', '.join(SHAPES)}")
    return [
        (label, [finite(label, number) for number in numbers], role)
        for label, *numbers, role in zip(*columns, strict=True)
    ]


def _dot(axes: Axes, level: int, score: Sequence[float], role: str, decimals: int) -> None:
    shape, (value, low, high) = {**SHAPES[role], "linestyle": "none"}, score
    axes.plot([low, high], [level, level], color=shape["color"], linewidth=6, alpha=0.4)
    axes.plot([value], [level], **shape)
    axes.annotate(
        fixed(value, decimals), (1, level), xycoords=("axes fraction", "data"), xytext=(6, 0),
        textcoords="offset points", va="center", fontweight="bold", color=shape["color"],
        annotation_clip=False,
    )  # fmt: skip
