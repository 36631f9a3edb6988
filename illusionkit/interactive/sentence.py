"""The reader's own sentence: what a fine-tuned model says, beside raters of similar reviews."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import ipywidgets
import numpy as np
from traitlets import CUnicode

from illusionkit.arrays import Array
from illusionkit.data.corpora import CLASS_NAMES
from illusionkit.data.raters import CLASSES, classes
from illusionkit.errors import TrainingError
from illusionkit.interactive.neighbours import FEWEST, MOST, Neighbours, Raters, neighbours
from illusionkit.interactive.palette import variable
from illusionkit.interactive.panel import WIDE, LivePanel, card
from illusionkit.interactive.widget import fixed
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
SCORES = np.arange(-4, 5)


@dataclass(frozen=True)
class Pieces:
    """How a tokenizer reads a sentence.

    ``count`` word pieces, ``unknown`` ones among them, ``characters`` read out of ``length``.
    """

    count: int
    unknown: int
    characters: int
    length: int


@dataclass(frozen=True)
class SentenceReading:
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

    kind = "sentence"

    def __init__(self, finetuned: Finetuned, spec: Spec | None = None) -> None:
        labels = int(finetuned.model.config.num_labels or 0)
        if labels != CLASSES:
            raise TrainingError(
                f"The panel shows the five classes of rated reviews, the model has {labels}: "
                "take a model of a rated corpus, such as finetuned()."
            )
        self.finetuned = finetuned
        self.spec = spec or Spec()
        self.reading: SentenceReading | None = None
        self.title = text("sentence.title")
        self._earlier: list[SentenceReading] = []
        self._feature: Array = np.zeros(0)

    @cached_property
    def sentence(self) -> Any:
        """Return the text field; Enter, or leaving it, reads a sentence that was changed."""
        field = ipywidgets.Text(
            description=text("sentence.label"), placeholder=text("sentence.placeholder"), **WIDE
        )
        # An echo would send half a character back as it came, and break the message.
        field.add_traits(value=_Whole().tag(sync=True, echo_update=False))
        field.observe(self._asked, "value")
        return field

    @cached_property
    def similar(self) -> Any:
        """Return the slider: how many similar reviews the raters' side is made of."""
        slider = ipywidgets.IntSlider(
            value=50, min=FEWEST, max=MOST, step=5, description=text("sentence.similar"), **WIDE
        )
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
        return [text("sentence.offer"), text("play.knob", label=slider, low=FEWEST, high=MOST)]

    def answer(self) -> str:
        """Read the sentence once and return what model and raters say of it, or what is wrong."""
        sentence = str(self.sentence.value)
        if HALF in sentence:
            return card("note", error=text("sentence.half"))
        pieces = read(sentence, self.finetuned.tokenizer, self.spec.settings.max_tokens)
        if not pieces.count:
            return card("note", error=text("sentence.empty"))
        if "neighbours" not in self.__dict__:
            self.output.value = card("note", note=text("sentence.first"))
        model, tokenizer = self.finetuned.model, self.finetuned.tokenizer
        shares = probabilities(model, tokenizer, [sentence], self.spec.settings)[0]
        self._feature = encode([sentence], *self.encoder)[0]
        raters = self.neighbours.raters(self._feature, int(self.similar.value))
        if self.reading is not None and self.reading.sentence != sentence:
            self._earlier.append(self.reading)
        self.reading = SentenceReading(sentence, pieces, shares, raters)
        return self._card(self.reading)

    def _moved(self, _change: object) -> None:
        """Show the raters of more or fewer reviews; before the first sentence there are none."""
        if self.reading is not None:
            raters = self.neighbours.raters(self._feature, int(self.similar.value))
            self.reading = replace(self.reading, raters=raters)
            self.output.value = self._card(self.reading)

    def _card(self, reading: SentenceReading) -> str:
        return card(
            "sentence", reading=reading, corpus=self.spec.corpus, short=short, percent=percent,
            classes=[(_name(which), _scores(which)) for which in range(CLASSES)],
            warnings=_warnings(reading), says=_says(reading), variable=variable,
            before=[_row(done) for done in self._earlier],
        )  # fmt: skip

    def __repr__(self) -> str:
        return f"play(finetuned({self.spec.corpus!r}))"


def read(sentence: str, tokenizer: PreTrainedTokenizerBase, most: int) -> Pieces:
    """Return how much of a sentence is read by a model that is given ``most`` tokens at most."""
    split = tokenizer(
        sentence, truncation=True, max_length=most, return_offsets_mapping=True,
        return_special_tokens_mask=True,
    )  # fmt: skip
    kept = [i for i, special in enumerate(split["special_tokens_mask"]) if not special]
    unknown = sum(split["input_ids"][i] == tokenizer.unk_token_id for i in kept)
    cut = len(kept) + tokenizer.num_special_tokens_to_add() >= most
    length = len(sentence.rstrip())
    end = max((split["offset_mapping"][i][1] for i in kept), default=0)
    return Pieces(len(kept), unknown, end if cut else length, length)


def short(sentence: str) -> str:
    """Return a sentence, its end left out where it is long."""
    plain = " ".join(sentence.split())
    return plain if len(plain) <= SHORT else f"{plain[: SHORT - 2]} …"


def percent(share: float) -> str:
    """Return a share in per cent, with one decimal."""
    return f"{fixed(100 * share, 1)}\N{NO-BREAK SPACE}%"


def _name(which: int) -> str:
    return text(f"class.{CLASS_NAMES[which]}")


def _scores(which: int) -> str:
    """Return the single ratings that fall into a class, in words."""
    inside = SCORES[classes(SCORES) == which]
    low, high = (fixed(score, 0, sign=score > 0) for score in (inside[0], inside[-1]))
    return low if low == high else text("explore.range", lo=low, hi=high)


def _warnings(reading: SentenceReading) -> list[str]:
    """Return what a reader must know before the bars: what was cut off, what is unknown."""
    pieces, warnings = reading.pieces, []
    if pieces.characters < pieces.length:
        warnings.append(text("sentence.cut", **vars(pieces)))
    if pieces.unknown == pieces.count:
        warnings.append(text("sentence.foreign"))
    elif pieces.unknown:
        warnings.append(text("sentence.unknown", **vars(pieces)))
    if reading.raters.nearest > SAME:
        warnings.append(text("sentence.seen"))
    return warnings


def _says(reading: SentenceReading) -> tuple[str, str]:
    """Return what the model says and how many raters agree, then how near the reviews are."""
    raters, which = reading.raters, reading.likeliest
    model = text("sentence.says", name=_name(which), chance=percent(reading.probabilities[which]))
    shares = {"share": percent(reading.agreement), "overall": percent(raters.overall[which])}
    agree = text("sentence.agrees", ratings=raters.ratings, **shares)
    key = "sentence.far" if raters.less_similar < UNUSUAL else "sentence.near"
    less = f"{100 * raters.less_similar:.0f}"
    return f"{model} {agree}", text(key, cosine=fixed(raters.cosine, 2), less=less)


def _row(reading: SentenceReading) -> tuple[str, str, str]:
    which = reading.likeliest
    says = f"{_name(which)}, {percent(reading.probabilities[which])}"
    return short(reading.sentence), says, percent(reading.agreement)
