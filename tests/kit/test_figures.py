"""Still figures: the palette's contrast, and SVG that is accessible, themed and repeatable."""

import re
import xml.etree.ElementTree as ET

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.figure import Figure

from illusionkit.interactive import figures
from illusionkit.interactive.palette import APPARENT, HONEST, PALETTE

WHITE, DARK = PALETTE["surface"]


def contrast(first, second):
    """Return the contrast ratio of two colours (WCAG 2)."""

    def light(colour):
        parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
        return float(np.dot(linear, [0.2126, 0.7152, 0.0722]))

    dark, bright = sorted((light(first), light(second)))
    return (bright + 0.05) / (dark + 0.05)


def curves(label="Copies"):
    """Return a figure that a page draws by itself: two curves, bands, words."""
    figure = Figure()
    with mpl.rc_context(figures.settings()):
        axes = figure.add_subplot()
        for score, height in (("apparent", 0.95), ("honest", 0.85)):
            shape = figures.SHAPES[score]
            axes.plot([0, 0.5, 1], [0.85, 0.9, height], **shape)
            axes.fill_between([0, 1], 0.84, height, color=shape["color"], alpha=0.15, lw=0)
            axes.annotate(score.title(), (1, height), fontweight="bold", color=shape["color"])
        axes.set_xlabel(label)
    return figure


def svg_of(shown):
    """Return the parsed SVG of an output."""
    return ET.fromstring(re.search(r"<svg.*</svg>", shown.data, flags=re.S)[0])


@pytest.mark.parametrize("role", ["apparent", "honest", "third", "fourth", "ink", "soft"])
def test_text_colours_reach_their_contrast_on_both_surfaces(role):
    light, dark = PALETTE[role]
    assert contrast(light, WHITE) >= 4.5 and contrast(dark, DARK) >= 4.5


def test_lines_and_the_two_main_colours_reach_3_to_1():
    assert contrast(PALETTE["line"][0], WHITE) >= 3 and contrast(PALETTE["line"][1], DARK) >= 3
    for colour in (APPARENT, HONEST):
        assert contrast(colour, WHITE) >= 3 and contrast(colour, DARK) >= 3


def test_soft_text_stays_readable_on_the_wash():
    for theme in (0, 1):
        assert contrast(PALETTE["soft"][theme], PALETTE["wash"][theme]) >= 4.5


def test_the_svg_is_named_themed_and_bare():
    shown = figures.show(curves(), alt='Two "curves" & more', caption="C")
    svg = svg_of(shown)
    assert svg.get("role") == "img" and svg.get("aria-label") == 'Two "curves" & more'
    source = re.search(r"<svg.*</svg>", shown.data, flags=re.S)[0]
    assert f"var(--ik-apparent,{APPARENT})" in source and f"var(--ik-honest,{HONEST})" in source
    for unwanted in ("style", "<metadata", "<!--", "font-family", "#000000", "http", ' id="axes'):
        assert unwanted not in source
    assert not re.search(r"\d\.\d{3}", source)
    assert "<text" in source and ">Apparent</text>" in source


def test_same_bytes_every_time():
    first, second = (figures.show(curves(), alt="a").data for _ in range(2))
    assert first == second


def test_every_id_is_referred_to_and_differs_between_figures():
    one = figures.show(curves(), alt="a").data
    other = figures.show(curves("Other"), alt="a").data
    ids = [set(re.findall(r' id="([^"]+)"', page)) for page in (one, other)]
    assert ids[0] and not ids[0] & ids[1]
    for page, names in zip((one, other), ids, strict=True):
        assert names == set(re.findall(r'(?:url\(#|href="#)([^")]+)', page))


def test_the_markers_hold_the_drawing_and_the_caption_stays_outside():
    page = figures.show(figures.dots(["a"], [0.5]), alt="a", caption="Said").data
    inside = re.search(r"<!--measured-->(.*)<!--/measured-->", page, flags=re.S)[1]
    assert inside.startswith("<svg") and inside.endswith("</svg>")
    assert "<bdi>Said</bdi></figcaption>" in page.replace(inside, "")


def test_labels_of_a_hostile_corpus_stay_text():
    hostile = "</svg><script>alert(1)</script>"
    shown = figures.show(figures.dots([hostile], [0.5]), alt=hostile, caption=hostile)
    assert "<script" not in shown.data
    assert shown.data.count("</svg>") == 1 and len(svg_of(shown)) > 0


def test_alt_text_is_demanded():
    with pytest.raises(ValueError, match="needs alt text"):
        figures.show(Figure(), alt="  ")


def test_dots_stand_where_their_scores_are():
    figure = figures.dots(
        ["a", "b"], [0.9, 0.8], [0.88, 0.7], [0.92, 0.85], roles=["apparent", "honest"]
    )
    axes = figure.axes[0]
    assert [list(line.get_xdata()) for line in axes.lines] == [
        [0.88, 0.92],
        [0.9],
        [0.7, 0.85],
        [0.8],
    ]
    assert [text.get_text() for text in axes.texts] == ["0.900", "0.800"]
    assert axes.lines[1].get_marker() != axes.lines[3].get_marker()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((["a"], [0.1, 0.2]), "one length"),
        (([], []), "one length"),
        ((["a"], [float("nan")]), "a must be a finite number"),
    ],
)
def test_wrong_dots_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        figures.dots(*arguments)


def test_an_unknown_role_is_refused():
    with pytest.raises(ValueError, match="unknown role 'red'"):
        figures.dots(["a"], [0.5], roles=["red"])


def test_style_reaches_a_page_own_figures():
    with mpl.rc_context():
        figures.style()
        assert mpl.rcParams["axes.prop_cycle"].by_key()["color"][:2] == [APPARENT, HONEST]
        assert mpl.rcParams["svg.fonttype"] == "none"
