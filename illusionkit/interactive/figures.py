"""One style for every still figure, light and dark: matplotlib in, accessible inline SVG out.

Used from chapter 1 on. Apparent and honest have the same two colours and the same two shapes on
every page: filled and solid for apparent, open and dashed for honest.
"""

from __future__ import annotations

import hashlib
import io
import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from illusionkit.interactive.palette import APPARENT, HONEST, PALETTE, variable
from illusionkit.interactive.widget import (
    escape,
    finite,
    fixed,
    measured,
    number,
    output,
    own,
    style_sheet,
)
from illusionkit.language import knows, text

if TYPE_CHECKING:
    import pandas as pd
    from IPython.display import HTML
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["APPARENT", "HONEST", "dose_response", "dots", "show", "style"]

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
    from cycler import cycler

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
    import matplotlib as mpl

    mpl.rcParams.update(settings())


def show(fig: Figure, *, alt: str, caption: str = "") -> HTML:
    """Return a figure as inline SVG that follows the page's theme, the same bytes every time.

    ``alt`` says what is to be seen; without it ValueError is raised. A ``caption`` stands below.
    """
    if not alt.strip():
        raise ValueError("a figure needs alt text: say in a sentence what is to be seen in it")
    below = f'<figcaption class="ik-figure-caption">{own(caption)}</figcaption>' if caption else ""
    svg = measured(_svg(fig, alt))
    return output(f'<figure class="ik ik-figure">{style_sheet()}{svg}{below}</figure>')


def _svg(fig: Figure, alt: str) -> str:
    import matplotlib as mpl

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
    tag = re.sub(r'\s*style="([^"]*)"', lambda found: _attributes(found[1]), tag)
    tag = re.sub(
        r"\d+\.\d{3,}", lambda found: f"{float(found[0]):.2f}".rstrip("0").rstrip("."), tag
    )
    return re.sub(r"#[0-9a-f]{6}\b", lambda found: _COLOURS.get(found[0], found[0]), tag)


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


def _axes(height: float) -> tuple[Figure, Axes]:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(WIDTH, height))
    return figure, figure.add_subplot()


def _word(score: str) -> str:
    return text(f"score.{score}") if knows(f"score.{score}") else score.replace("_", " ")


def dose_response(
    cells: pd.DataFrame,
    *,
    knob_label: str,
    arm: str = "flawed",
    knob: str = "dose",
    score_label: str = "accuracy",
    height: float = 3.0,
) -> Figure:
    """Return a figure of the apparent and the honest score of one arm over the doses.

    ``cells`` is an experiment's table of cells; intervals are drawn where it has them.
    Raises ValueError if it has no row of ``arm``. Used in chapter 1.
    """
    import matplotlib as mpl
    from matplotlib.ticker import MaxNLocator

    rows = cells[cells["arm"] == arm].sort_values(knob)
    if not len(rows):
        raise ValueError(f"no row of arm {arm!r}; arms: {', '.join(sorted(set(cells['arm'])))}")
    with mpl.rc_context(settings()):
        figure, axes = _axes(height)
        for score in ("apparent", "honest"):
            _curve(axes, rows, knob, score)
        axes.set_xlabel(knob_label)
        axes.yaxis.set_major_locator(MaxNLocator(4, steps=[1, 2, 5, 10]))
        if len(rows) <= 7:
            axes.set_xticks(list(rows[knob]), [number(dose) for dose in rows[knob]])
        axes.set_title(score_label, fontsize=11, fontweight="normal", color=SOFT)
        _label_ends(axes, {score: float(rows[score].iloc[-1]) for score in ("apparent", "honest")})
    return figure


def _curve(axes: Axes, rows: pd.DataFrame, knob: str, score: str) -> None:
    axes.plot(rows[knob], rows[score], **SHAPES[score])
    if f"{score}_lo" in rows:
        low, high = rows[f"{score}_lo"], rows[f"{score}_hi"]
        axes.fill_between(rows[knob], low, high, color=SHAPES[score]["color"], alpha=0.15, lw=0)


def _label_ends(axes: Axes, heights: Mapping[str, float]) -> None:
    """Name the curves at their right ends, pushed apart where the names would overlap."""
    low, high = axes.get_ylim()
    room = (high - low) * 0.09
    top, bottom = sorted(heights, key=lambda score: -heights[score])
    push = max(0.0, room - (heights[top] - heights[bottom])) / 2
    for score, shift in ((top, push), (bottom, -push)):
        axes.annotate(
            _word(score), (1, heights[score] + shift), xycoords=("axes fraction", "data"),
            xytext=(4, 0), textcoords="offset points", va="center", fontweight="bold",
            color=SHAPES[score]["color"], annotation_clip=False,
        )  # fmt: skip


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
    import matplotlib as mpl

    roles = ["ink"] * len(labels) if roles is None else roles
    rows = _dot_rows(labels, values, lo, hi, roles)
    with mpl.rc_context({**settings(), "axes.grid": False}):
        figure, axes = _axes(0.75 + 0.42 * len(rows))
        axes.hlines(
            range(len(rows)),
            0,
            1,
            color=GRID,
            linewidth=0.9,
            zorder=0,
            transform=axes.get_yaxis_transform(),
        )
        for level, row in enumerate(rows):
            _dot(axes, level, row, decimals)
        if reference is not None:
            axes.axvline(reference, color=SOFT, linewidth=1, linestyle=(0, (3, 3)), zorder=0)
        axes.set_yticks(range(len(rows)), [row.label for row in rows])
        axes.tick_params(axis="y", labelcolor=INK)
        axes.set_ylim(len(rows) - 0.4, -0.6)
        axes.set_xlabel(axis_label)
    return figure


class DotRow(NamedTuple):
    """One line of `dots`: a score between the ends of its interval, and how it is drawn."""

    label: str
    value: float
    low: float
    high: float
    role: str


def _dot_rows(
    labels: Sequence[str],
    values: Sequence[float],
    lo: Sequence[float] | None,
    hi: Sequence[float] | None,
    roles: Sequence[str],
) -> list[DotRow]:
    low_ends, high_ends = values if lo is None else lo, values if hi is None else hi
    sizes = sorted({len(column) for column in (labels, values, low_ends, high_ends, roles)})
    if len(sizes) != 1 or sizes == [0]:
        raise ValueError(f"labels, values, lo, hi and roles need one length, at least 1: {sizes}")
    if unknown := [role for role in roles if role not in SHAPES]:
        raise ValueError(f"unknown role {unknown[0]!r}; roles: {', '.join(SHAPES)}")
    return [
        DotRow(label, finite(label, value), finite(label, low), finite(label, high), role)
        for label, value, low, high, role in zip(
            labels, values, low_ends, high_ends, roles, strict=True
        )
    ]


def _dot(axes: Axes, level: int, row: DotRow, decimals: int) -> None:
    _, value, low, high, role = row
    shape = {**SHAPES[role], "linestyle": "none"}
    axes.plot([low, high], [level, level], color=shape["color"], linewidth=6, alpha=0.4)
    axes.plot([value], [level], **shape)
    axes.annotate(
        fixed(value, decimals), (1, level), xycoords=("axes fraction", "data"), xytext=(6, 0),
        textcoords="offset points", va="center", fontweight="bold", color=shape["color"],
        annotation_clip=False,
    )  # fmt: skip
