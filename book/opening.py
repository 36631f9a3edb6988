"""Draw the picture of the README from the measured table: what the test says, and a question.

    python book/opening.py

It writes book/static/opening-light.svg and opening-dark.svg, the same bytes from the same table.
What new reviews say stays open: the first page of the book lets the reader guess.
"""

from __future__ import annotations

from pathlib import Path

from illusionkit.illusions import results
from illusionkit.interactive.palette import PALETTE

HERE = Path(__file__).resolve().parent / "static"
STEP, RADIUS, TOP = 22, 7.5, 78
FONT = "system-ui, -apple-system, Segoe UI, Roboto, Noto Sans, sans-serif"


def main() -> None:
    """Write both pictures."""
    cell = results("duplicates-as-shipped").cell("flawed", 1.0)
    for theme, dark in (("light", False), ("dark", True)):
        colours = {role: pair[dark] for role, pair in PALETTE.items()}
        picture = draw(round(100 * cell["apparent"]), colours)
        (HERE / f"opening-{theme}.svg").write_text(picture, encoding="utf-8")


def draw(apparent: int, colours: dict[str, str]) -> str:
    """Return an SVG with two grids of a hundred dots: as many filled as were right, and none."""
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="20 8 540 300" font-family="{FONT}">'
        + _grid(20, apparent, str(apparent), "the test says", colours["apparent"], colours)
        + _grid(330, 0, "?", "new reviews say", colours["honest"], colours)
        + f'<path d="M262 176h44m-10 -9l10 9l-10 9" fill="none" stroke="{colours["line"]}" '
        'stroke-width="2.5" stroke-linecap="round" stroke-linejoin="round"/></svg>\n'
    )


def _grid(
    left: int, right: int, number: str, words: str, colour: str, colours: dict[str, str]
) -> str:
    """Return one grid: ``right`` filled dots, the rest as rings, under its number."""
    dots = "".join(
        f'<circle cx="{left + 10 + STEP * (n % 10)}" cy="{TOP + 10 + STEP * (n // 10)}" '
        + (f'r="{RADIUS}" fill="{colour}"/>' if n < right else _ring(colours["line"]))
        for n in range(100)
    )
    return (
        f'<text x="{left}" y="44" font-size="40" font-weight="700" fill="{colour}">{number}</text>'
        f'<text x="{left + 64}" y="32" font-size="15" fill="{colours["ink"]}">{words}:</text>'
        f'<text x="{left + 64}" y="52" font-size="15" fill="{colours["soft"]}">'
        f"right, of 100 reviews</text>{dots}"
    )


def _ring(colour: str) -> str:
    return f'r="{RADIUS - 1}" fill="none" stroke="{colour}" stroke-width="1.5"/>'


if __name__ == "__main__":
    main()
