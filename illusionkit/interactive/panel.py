"""What every live panel shares: the card, the button, and the printed form of a strict run."""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import cached_property
from typing import Any

from illusionkit.interactive.widget import escape, style_sheet
from illusionkit.language import text

KEPT = 8
"""Earlier runs that a panel goes on showing."""

VIEW = "application/vnd.jupyter.widget-view+json"
PLAIN = {"description_width": "initial"}
"""The style of a widget whose label is as wide as its words."""


def live() -> bool:
    """Return whether a kernel's front end may show widgets: no strict run, and a kernel at all."""
    from IPython.core.getipython import get_ipython

    if os.environ.get("ILLUSIONKIT_STRICT") == "1":
        return False
    shell: Any = get_ipython()
    return shell is not None and hasattr(shell, "kernel")


def card(content: str) -> str:
    """Return HTML in the book's frame, with its style sheet."""
    return f'<div class="ik ik-play">{style_sheet()}{content}</div>'


def earlier(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return the runs before the newest as a table of plain texts, newest first; "" for none.

    ``rows`` stand in the order they were run, as long as ``heads`` and one: what was asked first.
    """
    if not rows:
        return ""
    names = "".join(f'<th scope="col">{escape(name)}</th>' for name in heads)
    body = "".join(
        f"<tr>{''.join(f'<td>{escape(value)}</td>' for value in row)}</tr>"
        for row in rows[: -KEPT - 1 : -1]
    )
    return (
        f'<table><thead><tr><th scope="col">{escape(text("play.earlier"))}</th>{names}</tr></thead>'
        f"<tbody>{body}</tbody></table>"
    )


class LivePanel:
    """A panel around one button: `run` shows an answer in `output`, and nothing runs before.

    Widgets are made when first asked for: a strict run that only displays the panel stores its
    printed form and no widget state. A panel says what is its own: `title`, `waiting`, `fallback`,
    `offers`, `controls` and `answer`.
    """

    title = ""
    waiting = ""
    fallback = ""

    def offers(self) -> list[str]:
        """Return what the reader may choose, a line each, for the printed form."""
        raise NotImplementedError

    def controls(self) -> list[Any]:
        """Return the widgets above the output, in their order."""
        raise NotImplementedError

    def answer(self) -> str:
        """Run once with the values now chosen and return what to show, as HTML."""
        raise NotImplementedError

    @cached_property
    def run(self) -> Any:
        """Return the button that runs the panel once."""
        import ipywidgets

        button = ipywidgets.Button(description=text("play.run"), button_style="primary")
        button.on_click(self._asked)
        return button

    @cached_property
    def output(self) -> Any:
        """Return the area that shows the newest answer, or why there is none."""
        import ipywidgets

        return ipywidgets.HTML(value=card(f"<p>{escape(self.waiting)}</p>"))

    @cached_property
    def box(self) -> Any:
        """Return all widgets together, as they are shown."""
        import ipywidgets

        head = ipywidgets.HTML(value=f"<b>{escape(self.title)}</b>")
        parts = [head, *self.controls(), self.output]
        return ipywidgets.VBox(parts, layout=ipywidgets.Layout(max_width="46rem"))

    def _asked(self, _event: object) -> None:
        """Run once; a failure is told in the panel, and the next run starts afresh."""
        self.run.disabled, self.run.description = True, text("play.running")
        try:
            self.output.value = card(self.answer())
        except Exception as error:  # whatever a run may raise belongs on the page
            self.output.value = card(_failure(error))
        finally:
            self.run.disabled, self.run.description = False, text("play.run")

    def printed(self) -> str:
        """Return the panel's printed form as HTML: what it would do, and how to open it."""
        lines = "".join(f"<li>{escape(line)}</li>" for line in self.offers())
        return card(
            f'<p class="ik-title">{escape(self.title)}</p>'
            f"<p>{escape(self.fallback)}</p>"
            f'<ul class="ik-list">{lines}</ul>'
            f"<p>{escape(text('play.how'))}</p>"
        )

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, Any]:
        shown: dict[str, Any] = {"text/plain": repr(self), "text/html": self.printed()}
        if live():
            model = {"version_major": 2, "version_minor": 0, "model_id": self.box.model_id}
            shown[VIEW] = model
        return shown


def _failure(error: Exception) -> str:
    said = f"{type(error).__name__}: {error}"
    return f'<p>{escape(text("play.failed"))}</p><p class="ik-error">{escape(said)}</p>'
