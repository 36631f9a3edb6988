"""The one type that every room of the kit shares."""

from __future__ import annotations

from typing import Any

from numpy.typing import NDArray

Array = NDArray[Any]
"""A numpy array of any shape and type; docstrings say which."""
