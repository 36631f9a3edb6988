"""Which words of a text an answer is put down to, by captum's methods; models that know nothing.

A *map* gives each word of a text a number: how much it adds to the probability of a side, which is
bad (the two lower classes) or good (the two higher ones).
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from illusionkit.arrays import Array
from illusionkit.data.slips import WORD
from illusionkit.models import encoders
from illusionkit.training.book_model import finetuned

if TYPE_CHECKING:
    import torch

NEUTRAL, CLASSES = 2, 5
"""The class that is of no side, and how many there are."""
STEPS, BATCH, MOST_TOKENS = 8, 16, 128
"""Points on the way from nothing to the text; texts at once; tokens that are read of a text."""
METHODS = ("integrated gradients", "gradient times input", "occlusion")


class Told(NamedTuple):
    """A map's numbers, one a word, and what they should add up to: see `maps`."""

    words: Array
    whole: float
    change: float


def spans(text: str) -> list[tuple[int, int]]:
    """Return where each word of a text begins and ends."""
    return [match.span() for match in WORD.finditer(text)]


def untaught(kept: int, seed: int) -> Any:
    """Return a classifier that has seen no label, its lowest ``kept`` parts pre-trained.

    The eight parts are the embeddings, six layers and the pooler; the others and the head are drawn
    by ``seed``. The caller's random numbers stay as they are. With all eight it is what a
    fine-tuning begins with.
    """
    import torch

    source, _ = encoders.classifier(CLASSES, seed=seed)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = type(source)(source.config)
    for own, known in list(zip(_parts(model), _parts(source), strict=True))[:kept]:
        own.load_state_dict(known.state_dict())
    return model.eval()


def _parts(model: Any) -> list[Any]:
    """Return the parts of a BERT classifier below its head, from below."""
    base = model.base_model
    return [base.embeddings, *base.encoder.layer, base.pooler]


def maps(
    model: Any,
    texts: Sequence[str],
    sides: Sequence[int],
    method: str = METHODS[0],
    steps: int = STEPS,
) -> list[Told]:
    """Return a map of each text. Beside it: the sum over all its tokens, and what that should be.

    By integrated gradients the sum is the side's probability less that of an empty text, whose
    tokens are all padding, but for an error that falls with the ``steps``.
    """
    model = copy.deepcopy(model).eval().requires_grad_(False)
    order = np.argsort([len(text) for text in texts], kind="stable")
    told: dict[int, Told] = {}
    for start in range(0, len(order), BATCH):
        rows = order[start : start + BATCH]
        own = _batch(model, [texts[i] for i in rows], [sides[i] for i in rows], method, steps)
        told.update(zip(map(int, rows), own, strict=True))
    return [told[row] for row in range(len(texts))]


def _batch(model: Any, texts: list[str], sides: list[int], method: str, steps: int) -> list[Told]:
    import torch

    tokenizer = finetuned().tokenizer
    read = tokenizer(
        texts, padding=True, truncation=True, max_length=MOST_TOKENS, return_tensors="pt",
        return_offsets_mapping=True,
    )  # fmt: skip
    places = [_places(*pair) for pair in zip(texts, read["offset_mapping"].tolist(), strict=True)]
    given = _Given(model, read, sides, places, tokenizer.pad_token_id)
    each = given.explained(method, steps).detach().numpy()
    with torch.no_grad():
        change = given.said(given.words, *given.args) - given.said(given.nothing, *given.args)
    return [
        Told(_summed(row, at, len(spans(text))), float(row.sum()), float(moved))
        for text, row, at, moved in zip(texts, each, places, change.tolist(), strict=True)
    ]


def _places(text: str, offsets: list[list[int]]) -> list[int]:
    """Return of each token the number of its word, -1 where it belongs to none."""
    found = spans(text)
    inside = [[n for n, (a, b) in enumerate(found) if a <= s < e <= b] for s, e in offsets]
    return [(numbers or [-1])[0] for numbers in inside]


def _summed(row: Array, at: list[int], words: int) -> Array:
    return np.array([row[np.array(at) == word].sum() for word in range(words)])


class _Given:
    """What captum is asked with: the vectors of a batch's tokens, and those of an empty text."""

    def __init__(
        self, model: Any, read: Any, sides: Sequence[int], places: list[list[int]], padding: int
    ) -> None:
        import torch

        ids, self.places = read["input_ids"], torch.tensor(places)
        special = torch.zeros_like(ids, dtype=torch.bool)
        special[:, 0] = True
        ends = read["attention_mask"].sum(dim=1) - 1
        special[torch.arange(len(ids)), ends] = True
        vectors = model.get_input_embeddings()
        self.words = vectors(ids).detach().requires_grad_()
        self.nothing = vectors(ids.where(special, padding)).detach()
        self.args = (read["attention_mask"], torch.tensor(list(sides)))
        self._model = model

    def said(self, vectors: torch.Tensor, mask: torch.Tensor, sides: torch.Tensor) -> torch.Tensor:
        """Return the probability of each text's side, shape (texts,)."""
        chances = self._model(inputs_embeds=vectors, attention_mask=mask).logits.softmax(dim=-1)
        return chances[:, NEUTRAL + 1 :].sum(1).where(sides == 1, chances[:, :NEUTRAL].sum(1))

    def explained(self, method: str, steps: int) -> torch.Tensor:
        """Return what a method puts down to each token, shape (texts, tokens)."""
        from captum.attr import FeatureAblation, InputXGradient, IntegratedGradients

        more: dict[str, Any] = {"additional_forward_args": self.args}
        if method == METHODS[0]:
            more |= {"baselines": self.nothing, "n_steps": steps}
            return IntegratedGradients(self.said).attribute(self.words, **more).sum(-1)
        if method == METHODS[1]:
            return InputXGradient(self.said).attribute(self.words, **more).sum(-1)
        groups = self.places.where(self.places >= 0, self.places.max() + 1)
        more |= {"baselines": self.nothing, "feature_mask": groups.unsqueeze(-1)}
        each = FeatureAblation(self.said).attribute(self.words, **more)[..., 0]
        return each / (groups.unsqueeze(2) == groups.unsqueeze(1)).sum(-1)  # shared by a word's
