"""What a run leaves behind: results.json, and the views of it."""

from __future__ import annotations

import re

_COLORS = re.compile(r"\x1b\[[0-9;]*m")


def without_color(text: str) -> str:
    """The text without ANSI color sequences, with which newer CPythons adorn their tracebacks."""
    return _COLORS.sub("", text)
