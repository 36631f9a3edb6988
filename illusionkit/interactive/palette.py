"""The book's colours, once: figures, widgets and style sheet all take them from here.

Each role has a colour for a light and one for a dark page. As text a colour reaches a contrast
of 4.5:1 on the surface of its own theme; the light apparent and honest colours reach 3:1 on both
surfaces, for pictures that can't know the theme. Orange and blue stay apart for the common kinds
of colour blindness; shape and line style tell them apart as well.
"""

from __future__ import annotations

PALETTE: dict[str, tuple[str, str]] = {
    "apparent": ("#c2500a", "#ffa45c"),
    "honest": ("#1a6fb8", "#6fb7ff"),
    "third": ("#0f7a5f", "#5fd0ad"),
    "fourth": ("#7a3e9d", "#d3a6f5"),
    "ink": ("#1c2430", "#e9edf3"),
    "soft": ("#566172", "#aab4c3"),
    "line": ("#808a99", "#6b7686"),
    "grid": ("#e6e9ee", "#2a313c"),
    "wash": ("#f4f5f7", "#1d232c"),
    "surface": ("#ffffff", "#14181e"),
}

APPARENT = PALETTE["apparent"][0]
HONEST = PALETTE["honest"][0]


def variable(role: str) -> str:
    """Return the CSS value of a role, with its light colour where the style sheet is missing."""
    return f"var(--ik-{role},{PALETTE[role][0]})"


def declarations(*, dark: bool) -> str:
    """Return the CSS declarations of every role for one theme."""
    colours = "".join(f"--ik-{role}:{pair[dark]};" for role, pair in PALETTE.items())
    return f"color-scheme:{'dark' if dark else 'light'};{colours}"
