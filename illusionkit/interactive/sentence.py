"""The reader's own sentence: what a fine-tuned model says, beside raters of similar reviews."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from traitlets import CUnicode

from illusionkit.arrays import Array
from illusionkit.data.corpora import CLASS_EDGES, CLASS_NAMES
from illusionkit.errors import TrainingError
from illusionkit.interactive.neighbours import CLASSES, FEWEST, MOST, Neighbours, Raters, neighbours
from illusionkit.interactive.palette import variable
from illusionkit.interactive.panel import PLAIN, LivePanel, card, earlier
from illusionkit.interactive.widget import escape, fixed
from illusionkit.language import text
from illusionkit.models import encoders
from illusionkit.models.encoding import encode
from illusionkit.training.book_model import Finetuned, Spec
from illusionkit.training.finetune import probabilities

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

UNUSUAL = 0.05
"""Less similar than all but this share of held-out reviews: nothing is much like the sentence."""

SAME = 0.9999
"""A cosine this high: but for case and spaces, the same text."""

HALF = "\N{REPLACEMENT CHARACTER}"
SHORT = 90
SCORES = range(-4, 5)


@dataclass(frozen=True)
class Pieces:
    """How a tokenizer reads a sentence.

    ``found`` word pieces, ``unknown`` ones among them, ``characters`` read out of ``length``.
    """

    found: int
    unknown: int
    characters: int
    length: int


@dataclass(frozen=True)
class Judged:
    """What was read of a sentence: the model's probabilities (classes,), and the raters' side."""

    sentence: str
    pieces: Pieces
    probabilities: Array
    raters: Raters

    @property
    def likeliest(self) -> int:
        """Return the class that the model finds likeliest."""
        return int(self.probabilities.argmax())

    @property
    def agreement(self) -> float:
        """Return the share of single ratings that fall into the model's class."""
        return float(self.raters.shares[self.likeliest])


class _Whole(CUnicode):  # type: ignore[type-arg]  # older traitlets take no arguments
    """A text in which half a character is marked, so that it can be sent and shown."""

    def validate(self, obj: Any, value: Any) -> Any:
        pairs = super().validate(obj, value).encode("utf-16-le", "surrogatepass")
        return pairs.decode("utf-16-le", "replace")


class SentencePanel(LivePanel):
    """A text field, a slider of similar reviews, and what model and raters say; by name.

    ``spec`` is what the model was trained by: it names the corpus and how much of a text is read.
    Raises `TrainingError` for a model of other than five classes.
    """

    def __init__(self, finetuned: Finetuned, spec: Spec | None = None) -> None:
        classes = int(finetuned.model.config.num_labels or 0)
        if classes != CLASSES:
            raise TrainingError(
                f"The panel shows the five classes of rated reviews, the model has {classes}: "
                "take a model of a rated corpus, such as finetuned()."
            )
        self.finetuned = finetuned
        self.spec = spec or Spec()
        self.reading: Judged | None = None
        self.title, self.waiting = text("sentence.title"), text("sentence.wait")
        self.fallback = text("sentence.fallback")
        self._earlier: list[Judged] = []
        self._feature: Array = np.zeros(0)

    @cached_property
    def sentence(self) -> Any:
        """Return the text field; Enter, or leaving it, reads a sentence that was changed."""
        import ipywidgets

        field = ipywidgets.Text(
            description=text("sentence.label"), placeholder=text("sentence.placeholder"),
            continuous_update=False, style=PLAIN, layout=ipywidgets.Layout(width="95%"),
        )  # fmt: skip
        # An echo would send half a character back as it came, and break the message.
        field.add_traits(value=_Whole().tag(sync=True, echo_update=False))
        field.observe(self._asked, "value")
        return field

    @cached_property
    def similar(self) -> Any:
        """Return the slider: how many similar reviews the raters' side is made of."""
        import ipywidgets

        slider = ipywidgets.IntSlider(
            value=50, min=FEWEST, max=MOST, step=5, continuous_update=False, style=PLAIN,
            description=text("sentence.similar"), layout=ipywidgets.Layout(width="95%"),
        )  # fmt: skip
        slider.observe(self._moved, "value")
        return slider

    @cached_property
    def neighbours(self) -> Neighbours:
        """Return the training reviews to compare with."""
        return neighbours(self.spec.corpus)

    @cached_property
    def encoder(self) -> tuple[Any, Any]:
        """Return the frozen encoder and its tokenizer."""
        return encoders.encoder()

    def controls(self) -> list[Any]:
        """Return field, slider and button."""
        return [self.sentence, self.similar, self.run]

    def offers(self) -> list[str]:
        """Return what to type and what to move."""
        slider = text("sentence.similar")
        return [
            text("sentence.offer"),
            text("play.knob", label=slider, low=FEWEST, high=MOST),
        ]

    def answer(self) -> str:
        """Read the sentence once and return what model and raters say of it, or what is wrong."""
        sentence = str(self.sentence.value)
        if HALF in sentence:
            return _warning(text("sentence.half"))
        pieces = read(sentence, self.finetuned.tokenizer, self.spec.settings.max_tokens)
        if not pieces.found:
            return _warning(text("sentence.empty"))
        if "neighbours" not in self.__dict__:
            self.output.value = card(f"<p>{escape(text('sentence.first'))}</p>")
        said = probabilities(
            self.finetuned.model, self.finetuned.tokenizer, [sentence], self.spec.settings
        )[0]
        self._feature = encode([sentence], *self.encoder)[0]
        raters = self.neighbours.raters(self._feature, int(self.similar.value))
        if self.reading is not None and self.reading.sentence != sentence:
            self._earlier.append(self.reading)
        self.reading = Judged(sentence, pieces, said, raters)
        return self._shown(self.reading)

    def _moved(self, _change: object) -> None:
        """Show the raters of more or fewer reviews; before the first sentence there are none."""
        if self.reading is not None:
            raters = self.neighbours.raters(self._feature, int(self.similar.value))
            self.reading = replace(self.reading, raters=raters)
            self.output.value = card(self._shown(self.reading))

    def _shown(self, judged: Judged) -> str:
        before = [_row(done) for done in self._earlier]
        heads = [text("sentence.model"), text("sentence.agree")]
        return (
            f'<p class="ik-question"><bdi>{escape(short(judged.sentence))}</bdi></p>'
            f"{_warnings(judged)}{_bars(judged, self.spec.corpus)}{_says(judged)}"
            f'<p class="ik-note">{escape(text("sentence.note"))}</p>{earlier(heads, before)}'
        )

    def __repr__(self) -> str:
        return f"play(finetuned({self.spec.corpus!r}))"


def read(sentence: str, tokenizer: PreTrainedTokenizerBase, most: int) -> Pieces:
    """Return how much of a sentence is read by a model that is given ``most`` tokens at most."""
    if not sentence.strip():
        return Pieces(0, 0, 0, 0)
    asked = tokenizer(
        sentence, truncation=True, max_length=most, return_offsets_mapping=True,
        return_special_tokens_mask=True,
    )  # fmt: skip
    kept = [i for i, special in enumerate(asked["special_tokens_mask"]) if not special]
    unknown = sum(asked["input_ids"][i] == tokenizer.unk_token_id for i in kept)
    cut = len(kept) + tokenizer.num_special_tokens_to_add() >= most
    length = len(sentence.rstrip())
    end = max((asked["offset_mapping"][i][1] for i in kept), default=0)
    return Pieces(len(kept), unknown, end if cut else length, length)


def short(sentence: str) -> str:
    """Return a sentence, its end left out where it is long."""
    plain = " ".join(sentence.split())
    return plain if len(plain) <= SHORT else f"{plain[: SHORT - 2]} …"


def _name(which: int) -> str:
    return text(f"class.{CLASS_NAMES[which]}")


def _percent(share: float) -> str:
    return f"{fixed(100 * share, 1)}\N{NO-BREAK SPACE}%"


def _scores(which: int) -> str:
    """Return the single ratings that fall into a class, in words."""
    inside = [score for score in SCORES if np.digitize(score, CLASS_EDGES) == which]
    low, high = (fixed(score, 0, sign=score > 0) for score in (inside[0], inside[-1]))
    return low if low == high else text("explore.range", lo=low, hi=high)


def _warnings(judged: Judged) -> str:
    """Return what a reader must know before the bars: what was cut off, what is unknown."""
    pieces, said = judged.pieces, []
    if pieces.characters < pieces.length:
        said.append(text("sentence.cut", **vars(pieces)))
    if pieces.unknown == pieces.found:
        said.append(text("sentence.foreign"))
    elif pieces.unknown:
        said.append(text("sentence.unknown", unknown=pieces.unknown, pieces=pieces.found))
    if judged.raters.nearest > SAME:
        said.append(text("sentence.seen"))
    return "".join(_warning(line) for line in said)


def _warning(line: str) -> str:
    return f'<p class="ik-error">{escape(line)}</p>'


def _bars(judged: Judged, corpus: str) -> str:
    raters = judged.raters
    heads = [
        (text("sentence.class"), text("sentence.rating")),
        (text("sentence.model"), text("sentence.chance")),
        (
            text("sentence.raters"),
            text("sentence.of", reviews=raters.reviews, ratings=raters.ratings, corpus=corpus),
        ),
    ]
    columns = "".join(
        f'<th scope="col" style="text-align:left">{escape(head)}'
        f'<span class="ik-small">{escape(below)}</span></th>'
        for head, below in heads
    )
    rows = "".join(_bar_row(judged, which) for which in range(CLASSES))
    return f"<table><thead><tr>{columns}</tr></thead><tbody>{rows}</tbody></table>"


def _bar_row(judged: Judged, which: int) -> str:
    name = f'{escape(_name(which))}<span class="ik-small">{_scores(which)}</span>'
    cells = _bar(judged.probabilities[which], "third") + _bar(judged.raters.shares[which], "fourth")
    return f'<tr><th scope="row">{name}</th>{cells}</tr>'


def _bar(share: float, role: str) -> str:
    """Return a cell with a share as text, and as a bar for the eye."""
    drawn = f"height:.6rem;border-radius:3px;background:{variable(role)};width:{100 * share:.1f}%"
    return (
        f'<td style="width:38%;text-align:left">{_percent(share)}'
        f'<span aria-hidden="true" style="display:block;{drawn}"></span></td>'
    )


def _says(judged: Judged) -> str:
    raters, which = judged.raters, judged.likeliest
    chance = _percent(judged.probabilities[which])
    model = text("sentence.says", name=_name(which), chance=chance)
    shares = {"share": _percent(judged.agreement), "overall": _percent(raters.overall[which])}
    agree = text("sentence.agrees", ratings=raters.ratings, **shares)
    key = "sentence.far" if raters.less_similar < UNUSUAL else "sentence.near"
    less = f"{100 * raters.less_similar:.0f}"
    near = text(key, cosine=fixed(raters.cosine, 2), less=less)
    lines = (f"{model} {agree}", near)
    return "".join(f'<p style="margin-top:.7rem">{escape(line)}</p>' for line in lines)


def _row(judged: Judged) -> tuple[str, str, str]:
    chance = _percent(judged.probabilities[judged.likeliest])
    agreement = _percent(judged.agreement)
    return short(judged.sentence), f"{_name(judged.likeliest)}, {chance}", agreement
