"""What every live panel shares: the card, the button, and the printed form of a strict run."""

from __future__ import annotations

import os
from functools import cached_property
from typing import Any

import ipywidgets

from illusionkit.interactive.widget import escape, render, style_sheet
from illusionkit.language import text

VIEW = "application/vnd.jupyter.widget-view+json"
PLAIN = {"description_width": "initial"}
"""The style of a widget whose label is as wide as its words."""

WIDE: Any = {"style": PLAIN, "layout": {"width": "95%"}, "continuous_update": False}
"""A field or a slider as wide as the panel, which answers when the reader is done."""


def live() -> bool:
    """Return whether a kernel's front end may show widgets: no strict run, and a kernel at all."""
    from IPython.core.getipython import get_ipython

    strict = os.environ.get("ILLUSIONKIT_STRICT") == "1"
    return not strict and hasattr(get_ipython(), "kernel")


def card(frame: str, **values: object) -> str:
    """Return a template's HTML in the book's frame, with its style sheet."""
    return f'<div class="ik ik-play">{style_sheet()}{render(frame, **values)}</div>'


class LivePanel:
    """A panel around one button: `run` shows an answer in `output`, and nothing runs before.

    Widgets are made when first asked for: a strict run that only displays the panel stores its
    printed form and no widget state. A panel says what is its own: `title`, `offers`, `controls`,
    `answer`, and ``kind``, the group of the catalogue that holds its words.
    """

    kind = "play"
    title = ""

    def offers(self) -> list[str]:
        """Return what the reader may choose, a line each, for the printed form."""
        raise NotImplementedError

    def controls(self) -> list[Any]:
        """Return the widgets above the output, in their order."""
        raise NotImplementedError

    def answer(self) -> str:
        """Run once with the values now chosen and return the card to show."""
        raise NotImplementedError

    @cached_property
    def run(self) -> Any:
        """Return the button that runs the panel once."""
        button = ipywidgets.Button(description=text("play.run"), button_style="primary")
        button.on_click(self._asked)
        return button

    @cached_property
    def output(self) -> Any:
        """Return the area that shows the newest answer, or why there is none."""
        return ipywidgets.HTML(value=card("note", note=text(f"{self.kind}.wait")))

    @cached_property
    def box(self) -> Any:
        """Return all widgets together, as they are shown."""
        head = ipywidgets.HTML(value=f"<b>{escape(self.title)}</b>")
        parts = [head, *self.controls(), self.output]
        return ipywidgets.VBox(parts, layout=ipywidgets.Layout(max_width="46rem"))

    def _asked(self, _event: object) -> None:
        """Run once; a failure is told in the panel, and the next run starts afresh."""
        self.run.disabled, self.run.description = True, text("play.running")
        try:
            self.output.value = self.answer()
        except Exception as error:  # whatever a run may raise belongs on the page
            failure = f"{type(error).__name__}: {error}"
            self.output.value = card("note", note=text("play.failed"), error=failure)
        finally:
            self.run.disabled, self.run.description = False, text("play.run")

    def printed(self) -> str:
        """Return the panel's printed form as HTML: what it would do, and how to open it."""
        return card("printed", panel=self)

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, Any]:
        shown: dict[str, Any] = {"text/plain": repr(self), "text/html": self.printed()}
        if live():
            shown[VIEW] = {"version_major": 2, "version_minor": 0, "model_id": self.box.model_id}
        return shown
