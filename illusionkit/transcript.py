"""What a walk through code writes down, and the text of it that is blind to names."""

from __future__ import annotations

from collections.abc import Iterator

from illusionkit.syntax import Attribute, Form, Text

DECIDES_NO_NUMBER = True  # see illusionkit.meaning


class Transcript:
    """Tokens in the order in which they were met.

    ``used`` are names of attributes and texts met so far: they may ask for a member of a class.
    ``known`` are names of members of the kit's classes, ``handed`` names of arguments of which
    can't be known who takes them; ``functions`` the functions written, by what stands for them.
    """

    def __init__(self) -> None:
        self.used: dict[str, None] = {}
        self.known: set[str] = set()
        self.handed: set[str] = set()
        self.functions: list[tuple[str, Form]] = []
        self._written: list[str | Attribute | Text] = []

    def write(self, *tokens: str | Attribute | Text) -> None:
        """Write tokens."""
        self._written += tokens
        for token in tokens:
            if isinstance(token, Attribute):
                self.used.setdefault(token.name)
            elif isinstance(token, Text):
                self.used.setdefault(token.value)

    def text(self) -> Iterator[str]:
        """Yield all that was written; names of members are numbered in the order they are met.

        A name that stands in the code as a text of its own, of a column or for ``getattr``, stays.
        """
        said = {part for each in self._written if isinstance(each, Text)
                for part in (each.value, *each.value.split("."))}  # fmt: skip
        marks: dict[str, str] = {}
        for each in (*self._written, *self._parameters()):
            if isinstance(each, Text):
                yield f"text {each.value!a}"
            elif isinstance(each, Attribute):
                own = each.name in self.known and each.name not in said
                own = own and not each.name.startswith("__")
                yield marks.setdefault(each.name, f"~{len(marks)}") if own else f".{each.name}"
            else:
                yield each

    def _parameters(self) -> Iterator[str | Attribute]:
        """Yield the names of parameters that may be given by name from a place unknown."""
        for number, form in self.functions:
            for place, name in enumerate(form.parameters):
                if form.flexible or name in self.handed:
                    yield from (number, str(place), Attribute(name))
