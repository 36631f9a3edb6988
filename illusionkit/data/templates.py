"""Sentence templates: read, and expanded into sentences, one at a time.

A template is a sentence with places left open, in the notation of Home Assistant: ``[may be]``,
``(this|or that)``, ``(in;any;order)``, ``<a rule>`` and ``{a list}``. It stands for very many
sentences. Here a given number of them is drawn, by a seed: the same on every machine.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from random import Random
from typing import Any

from illusionkit.errors import DataError

TOKEN = re.compile(r"[\[\](){}<>|;]|[^\[\](){}<>|;]+")
CLOSING = {"[": "]", "(": ")"}
DEPTH = 20
"""How deep rules may stand in rules; one that stands in itself is refused there."""

Draw = Callable[[Random, int], str]
"""From a source of chance, and how deep it stands, to a text."""


@dataclass(frozen=True)
class Grammar:
    """What stands for a rule ``<name>``, and the templates that a list ``{name}`` may be."""

    rules: Mapping[str, str]
    lists: Mapping[str, tuple[str, ...]]

    def sentences(self, template: str, number: int, seed: str) -> list[str]:
        """Return up to ``number`` distinct sentences of a template, in the order of their draw.

        As many are drawn as make it likely that there are no more. What is alike but for white
        space is one sentence.

        Raises
        ------
        DataError
            A bracket is not closed, a rule or a list is unknown, or a rule stands in itself.
        """
        chance, found = Random(seed), dict[str, None]()
        draw = self.drawer(template)
        for _ in range(6 * number):
            found.setdefault(" ".join(draw(chance, 0).split()))
            if len(found) == number:
                break
        return list(found)

    def drawer(self, template: str) -> Draw:
        """Return what draws a sentence of a template. Raises DataError, as `sentences`."""
        tokens = iter(TOKEN.findall(template))
        draw, end = self._alternatives(tokens, "")
        if end:
            raise DataError(f"'{end}' closes nothing in the template {template!r}.")
        return draw

    def _alternatives(self, tokens: Iterator[str], closing: str) -> tuple[Draw, str]:
        """Return what draws what stands up to a closing bracket, and that bracket."""
        ways: list[list[Draw]] = [[]]
        ordered = True
        for token in tokens:
            if token in ("|", ";"):
                ways.append([])
                ordered &= token == "|"
            elif token in ("]", ")"):
                if token != closing:
                    return _joined(ways, ordered), token
                return _joined(ways, ordered), ""
            else:
                ways[-1].append(self._piece(token, tokens))
        return _joined(ways, ordered), closing

    def _piece(self, token: str, tokens: Iterator[str]) -> Draw:
        """Return what draws the piece that begins with a token."""
        if token in CLOSING:
            inner, left = self._alternatives(tokens, CLOSING[token])
            if left:
                raise DataError(f"A bracket '{token}' is not closed.")
            return inner if token == "(" else _perhaps(inner)
        if token in ("{", "<"):
            name, end = next(tokens, ""), next(tokens, "")
            if end != {"{": "}", "<": ">"}[token]:
                raise DataError(f"A bracket '{token}' is not closed.")
            return self._named(name.partition(":")[0], token)
        return lambda chance, depth: token

    def _named(self, name: str, bracket: str) -> Draw:
        """Return what draws a rule or an entry of a list."""
        known: Mapping[str, Any] = self.lists if bracket == "{" else self.rules
        if name not in known:
            raise DataError(f"No {'list' if bracket == '{' else 'rule'} is called '{name}'.")

        def draw(chance: Random, depth: int) -> str:
            if depth > DEPTH:
                raise DataError(f"The rule '{name}' stands in itself.")
            entry = known[name] if bracket == "<" else chance.choice(known[name])
            return self.drawer(entry)(chance, depth + 1)

        return draw


def _perhaps(inner: Draw) -> Draw:
    return lambda chance, depth: inner(chance, depth) if chance.random() < 0.5 else ""


def _joined(ways: list[list[Draw]], ordered: bool) -> Draw:
    """Return what draws one of several ways, or all of them in any order."""

    def draw(chance: Random, depth: int) -> str:
        if ordered:
            return "".join(piece(chance, depth) for piece in chance.choice(ways))
        turned = chance.sample(ways, len(ways))
        return " ".join("".join(piece(chance, depth) for piece in way) for way in turned)

    return draw
