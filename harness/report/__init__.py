"""What a run leaves behind: results.json, and the views of it."""

from __future__ import annotations

import re

_COLORS = re.compile(r"\x1b\[[0-9;]*m")


def without_color(text: str) -> str:
    """The text without ANSI color sequences: CPython colors its tracebacks where it believes in a terminal."""
    return _COLORS.sub("", text)
