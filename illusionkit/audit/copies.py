"""Checks: copies, near copies and embedded copies, and one text under two labels."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from illusionkit.arrays import Array
from illusionkit.audit import sketches
from illusionkit.audit.case import Case
from illusionkit.audit.finding import Finding, at_most
from illusionkit.audit.near import Pieces, inside, links, touched

MOST_TEXTS, MOST_SIGNS, SHUFFLED = 100_000, 30_000_000, 1000
"""Texts, and their signs, that are compared each with each; texts whose pieces are shuffled, to see
chance."""
PAGE, LABELS = "a-score-to-distrust", "label-noise"
TODO = "Remove the copies, or keep them on one side of the split, and score again."


def copies(case: Case) -> Iterator[Finding]:
    """Yield what is known of copies across the split and within the training table."""
    found = case.keys
    if not len(found):
        return
    size, what = len(case.train), "text" if case.roles.text else "row"
    exact = np.isin(found[size:], found[:size])
    within = 1 - len(np.unique(found[:size])) / size
    if exact.any():
        yield Finding(
            "copies", f"{_of(exact)} test rows have an equal {what} in training.", TODO, PAGE,
            share=float(exact.mean()), worth=case.worth_of(exact), weight=at_most(exact.mean()),
            values=_shown(case, exact), rows=exact,
        )  # fmt: skip
    if within > 0:
        yield Finding(
            "copies within", f"{within:.1%} of the training rows repeat a {what} before them.",
            "Count units, not rows; split by them.", PAGE, share=within,
        )  # fmt: skip
    if case.roles.text is not None:
        yield from _sketched(case, exact) if too_many(case) else _near(case, exact)


def too_many(case: Case) -> bool:
    """Return whether there are more texts than can be compared."""
    texts = case.texts[1]
    return len(texts) > MOST_TEXTS or sum(map(len, texts)) > MOST_SIGNS


def _sketched(case: Case, exact: Array) -> Iterator[Finding]:
    """Yield what is known of near copies among more texts than can be compared."""
    if not sketches.is_there():
        return
    texts, number = case.texts[1], case.keys
    train, test = np.unique(number[: len(case.train)]), number[len(case.train) :]
    asked = np.setdiff1d(test, train)
    found = sketches.touched([texts[k] for k in train], [texts[k] for k in asked])
    near = np.isin(test, asked[found.hit])
    how = f"Of {found.planted:,} near copies that were planted {found.recall:.0%} were found."
    yield from _found(
        case, "near copies", near, exact | near, f"is nearly equal to one in training. {how}"
    )


def _near(case: Case, exact: Array) -> Iterator[Finding]:
    """Yield what is known of near copies, and of test texts inside longer training texts."""
    texts, number = case.texts[1], case.keys
    train, test = np.unique(number[: len(case.train)]), number[len(case.train) :]
    asked = np.setdiff1d(test, train)
    some = np.random.default_rng(0).permutation(test)[:SHUFFLED]
    pieces = Pieces.of(
        [
            *(texts[k] for k in train),
            *(texts[k] for k in asked),
            *(_shuffled(texts[k]) for k in some),
        ]
    )
    like = touched(pieces, len(train))
    near, chance = np.isin(test, asked[like[: len(asked)]]), float(like[len(asked) :].mean())
    held = inside(pieces, len(train))[: len(asked)]
    embedded = np.isin(test, asked[held]) & ~near
    yield from _found(
        case, "near copies", near, exact | near, "is nearly equal to one in training.", chance
    )
    how = "stands inside a longer one in training."
    yield from _found(case, "embedded copies", embedded, exact | embedded, how)
    yield from _hanging(texts, Pieces.of(texts))


def _found(
    case: Case, name: str, marked: Array, all_copies: Array, how: str, chance: float | None = None
) -> Iterator[Finding]:
    if marked.any():
        yield Finding(
            name, f"The text of {_of(marked)} test rows {how}", TODO, "how-far-a-copy-reaches",
            share=float(marked.mean()), chance=chance, worth=case.worth_of(all_copies),
            weight="low", values=_shown(case, marked), rows=marked,
        )  # fmt: skip


def _hanging(texts: list[str], pieces: Pieces) -> Iterator[Finding]:
    """Yield how many texts hang together as near copies, and by how weak a link the most do."""
    kept = links(pieces).strongest(len(texts))
    if not len(kept.left):
        return
    number = kept.components(len(texts))
    size = np.bincount(number)
    largest = int(size.argmax())
    weakest = float(kept.share[number[kept.left] == largest].min())
    share = float((size[number] > 1).mean())
    yield Finding(
        "near copies of each other",
        f"{share:.1%} of the {len(texts):,} different texts are near copies of another; "
        f"{int(size[largest]):,} hang together, their weakest link shares {weakest:.0%} of its "
        "pieces.",
        "Give what hangs together one unit, and split by it.", "how-far-a-copy-reaches",
        share=share,
    )  # fmt: skip


def _shuffled(text: str) -> str:
    """Return a text's pieces of three letters in another order: its letters, not its words."""
    pieces = [text[k : k + 3] for k in range(0, len(text), 3)]
    return "".join(np.random.default_rng(len(text)).permutation(pieces)) if pieces else text


def conflicts(case: Case) -> Iterator[Finding]:
    """Yield how many rows share their text, or all their columns, with a row of another label."""
    if not len(case.keys):
        return
    rows = pd.Series(case.labels).groupby(case.keys).transform("nunique").to_numpy() > 1
    if rows.any():
        share = float(rows.mean())
        yield Finding(
            "conflicting labels", f"{_of(rows)} rows are equal to a row with another label.",
            "Have people look at them; no model can be right on both.", LABELS, share=share,
            weight=at_most(share), rows=rows[len(case.train) :],
        )  # fmt: skip


def _of(marked: Array) -> str:
    return f"{int(marked.sum()):,} of {len(marked):,}"


def _shown(case: Case, marked: Array) -> tuple[str, ...]:
    if case.roles.text is None:
        return ()
    return tuple(str(value) for value in case.test.loc[marked, case.roles.text].head(20))
