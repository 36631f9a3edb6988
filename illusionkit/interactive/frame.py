"""The first frame of `explore`: everything it shows, as HTML that means something by itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from illusionkit.interactive import chart
from illusionkit.interactive.chart import Curves, ScaleKind, ScoreScale
from illusionkit.interactive.scoretable import Columns, Row
from illusionkit.interactive.widget import (
    escape,
    fixed,
    measured,
    number,
    own,
    payload,
    readout,
    said,
)
from illusionkit.language import knows, text


@dataclass(frozen=True)
class Look:
    """How the figure words its numbers; ``names`` are the first score's, the second's, the gap's.

    A name is a key of the catalogue or, where the catalogue does not know it, the word itself.
    """

    columns: Columns
    title: str
    alt: str
    names: tuple[str, str, str]
    knob_label: str
    unit: str
    score_label: str
    interval: str | None
    decimals: int

    def dose(self, row: Row) -> str:
        """Return the row's dose with its unit."""
        return f"{number(row[self.columns.knob])} {self.unit}".strip()

    def range(self, row: Row, name: str) -> str:
        """Return the interval of a score in words, or "" where the table has none."""
        if f"{name}_lo" not in row:
            return ""
        low, high = (fixed(row[f"{name}_{end}"], self.decimals) for end in ("lo", "hi"))
        return text("explore.range", lo=low, hi=high)

    def says(self, row: Row) -> list[str]:
        """Return both scores, each with its interval, then the signed gap with its own."""
        first, second = self.columns.scores
        gap = fixed(row.get("optimism", row[first] - row[second]), self.decimals, sign=True)
        scores = (
            (fixed(row[name], self.decimals), self.range(row, name)) for name in (first, second)
        )
        return [*(part for pair in scores for part in pair), gap, self.range(row, "optimism")]

    def six(self, row: Row) -> list[float]:
        """Return score, low, high of both scores; without an interval the ends are the score."""
        ends = ("", "_lo", "_hi")
        return [row.get(name + end, row[name]) for name in self.columns.scores for end in ends]


@dataclass(frozen=True)
class Frame:
    """Everything the first frame and the script need, worked out once."""

    look: Look
    groups: Mapping[str, Sequence[Row]]
    curves: tuple[Curves, ...]
    scale: ScoreScale
    where: Mapping[float, float]
    dose: int

    @classmethod
    def of(
        cls, groups: Mapping[str, Sequence[Row]], look: Look, start: float | None, kind: ScaleKind
    ) -> Frame:
        """Return the figure of checked groups. Raises ValueError for a start that is no dose."""
        rows = [row for group in groups.values() for row in group]
        knob = look.columns.knob
        scale = ScoreScale.around([value for row in rows for value in look.six(row)])
        where = chart.dose_scale(sorted({row[knob] for row in rows}), kind)
        curves = tuple(_curves(group, look, scale, where) for group in groups.values())
        doses = [row[knob] for row in next(iter(groups.values()))]
        return cls(look, groups, curves, scale, where, _opening(doses, start))

    @property
    def first(self) -> Sequence[Row]:
        """Return the rows of the group shown first."""
        return next(iter(self.groups.values()))

    @property
    def rows(self) -> list[dict[str, float | str]]:
        """Return the rows as they are recorded: the group, then every number, six decimals."""
        by = self.look.columns.by
        return [
            {**({by: arm} if by else {}), **{name: round(v, 6) for name, v in row.items()}}
            for arm, group in self.groups.items()
            for row in group
        ]

    def body(self) -> str:
        """Return the inside of the figure: constant controls, then all that was measured."""
        frame = self.readout() + self.chart() + self.status() + self.table() + self.data()
        return (
            f'<figcaption class="ik-title">{own(self.look.title)}</figcaption>'
            f'<div class="ik-controls">{self.radios()}{self.slider()}</div>{measured(frame)}'
        )

    def radios(self) -> str:
        """Return the groups as radio buttons, hidden until the script can answer them."""
        by = self.look.columns.by
        if by is None:
            return ""
        buttons = "".join(
            f'<label><input type="radio" value="{index}" {"checked " if not index else ""}'
            f'autocomplete="off" data-lm-suppress-shortcuts="true">{said(_arm(by, arm))}</label>'
            for index, arm in enumerate(self.groups)
        )
        legend = said(f"by.{by}") if knows(f"by.{by}") else own(by)
        return (
            '<fieldset class="ik-arms" data-needs-script="" hidden>'
            f"<legend>{legend}</legend><div>{buttons}</div></fieldset>"
        )

    def slider(self) -> str:
        """Return the knob: its name and value for every reader, the slider where it can move."""
        dose = escape(self.look.dose(self.first[self.dose]))
        return (
            f'<label class="ik-knob"><span class="ik-label">{own(self.look.knob_label)}'
            f'<b aria-hidden="true" data-dose="">{dose}</b></span>'
            f'<input type="range" min="0" max="{len(self.first) - 1}" step="1" '
            f'value="{self.dose}" aria-valuetext="{dose}" autocomplete="off" '
            'data-lm-suppress-shortcuts="true" data-needs-script="" hidden></label>'
        )

    def readout(self) -> str:
        """Return the two large numbers of the first frame."""
        means = [f"{name}.means" for name in self.look.names[:2]]
        return readout(
            [said(name) for name in self.look.names],
            [said(mean) if knows(mean) else "" for mean in means],
            self.look.says(self.first[self.dose]),
        )

    def chart(self) -> str:
        """Return the chart with its two axis titles and its notes."""
        look = self.look
        plot = chart.plot(
            self.curves[0], dose=self.dose, scale=self.scale, ticks=self.where,
            most=max(len(curves.x) for curves in self.curves),
            names=look.names, tag=look.says(self.first[self.dose])[4], alt=look.alt,
        )  # fmt: skip
        return (
            f'<div class="ik-chart"><p class="ik-axis">{own(look.score_label)}</p>{plot}'
            f'<p class="ik-axis">{own(look.knob_label)}</p></div>{self.notes()}'
        )

    def notes(self) -> str:
        """Return how to touch the figure, and what its bands are."""
        touch = f'<span data-needs-script="" hidden>{said("explore.touch")} </span>'
        if not any(f"{name}_lo" in self.first[0] for name in self.look.columns.scores):
            return f'<p class="ik-note">{touch}</p>'
        what = self.look.interval
        bands = f"{said('explore.bands')} {own(what)}." if what else said("explore.intervals")
        return f'<p class="ik-note">{touch}{bands}</p>'

    def status(self) -> str:
        """Return the sentence that a screen reader hears when something moved."""
        row = self.first[self.dose]
        a, _, h, _, g, _ = self.look.says(row)
        first, second, gap = map(_word, self.look.names)
        heard = text(
            "explore.says", dose=self.look.dose(row), first=first, second=second, gap=gap,
            a=a, h=h, g=g,
        )  # fmt: skip
        return f'<p class="ik-quiet" role="status" aria-live="polite">{escape(heard)}</p>'

    def table(self) -> str:
        """Return every number of the figure as a folded table."""
        by = self.look.columns.by
        heads = [own(self.look.knob_label), *map(said, self.look.names)]
        if by:
            heads.insert(0, said(f"by.{by}") if knows(f"by.{by}") else own(by))
        head = "".join(f'<th scope="col">{cell}</th>' for cell in heads)
        body = "".join(
            f"<tr>{f'<td>{said(_arm(by, arm))}</td>' if by else ''}{self.cells(row)}</tr>"
            for arm, group in self.groups.items()
            for row in group
        )
        return (
            f"<details><summary>{said('explore.table')}</summary>"
            f'<div class="ik-scroll" role="group" tabindex="0" '
            f'aria-label="{escape(text("explore.table"))}"><table><thead><tr>{head}</tr></thead>'
            f"<tbody>{body}</tbody></table></div></details>"
        )

    def cells(self, row: Row) -> str:
        """Return a row's dose, scores and gap, each score over its interval."""
        says = self.look.says(row)
        pairs = zip(says[::2], says[1::2], strict=True)
        scores = "".join(
            f"<td><span>{escape(value)}</span> <span>{escape(span)}</span></td>"
            for value, span in pairs
        )
        return f"<td>{escape(self.look.dose(row))}</td>{scores}"

    def data(self) -> str:
        """Return the JSON that the script reads, with the strings it may have to say."""
        names = self.look.names
        by = self.look.columns.by
        keys = [*names, *(f"{n}.means" for n in names), "explore.says", "explore.touch",
                "explore.table", "explore.bands", "explore.intervals", f"by.{by}",
                *(_arm(by, arm) for arm in self.groups if by)]  # fmt: skip
        groups = zip(self.groups.values(), self.curves, strict=True)
        return payload(
            {
                "start": [0, self.dose],
                "names": [[name if knows(name) else "", _word(name)] for name in names],
                "arms": [
                    {**vars(curves), "doses": [self.look.dose(row) for row in group],
                     "says": [self.look.says(row) for row in group]}
                    for group, curves in groups
                ],
                "table": self.rows,
            },
            keys,
        )  # fmt: skip


def _word(name: str) -> str:
    return text(name) if knows(name) else name


def _arm(by: str | None, value: str) -> str:
    return f"{by}.{value}" if knows(f"{by}.{value}") else value


def _curves(
    rows: Sequence[Row], look: Look, scale: ScoreScale, where: Mapping[float, float]
) -> Curves:
    y = [[scale.height(value) for value in look.six(row)] for row in rows]
    last = chart.ends(y[-1][0], y[-1][3])
    return Curves([where[row[look.columns.knob]] for row in rows], y, last)


def _opening(doses: Sequence[float], start: float | None) -> int:
    if start is None:
        return 0
    if start not in doses:
        known = ", ".join(number(dose) for dose in doses)
        raise ValueError(f"start={start!r} is no dose of the first group; its doses: {known}")
    return doses.index(start)
