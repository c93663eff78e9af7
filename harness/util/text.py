"""Text for people: counts, durations, and text from tests without what a terminal or a browser would obey."""

from __future__ import annotations

import json
import re
from typing import Any

_COLORS = re.compile(r"\x1b\[[0-9;]*m")
# What a terminal might obey, and what can hide or turn around text: control characters but for the line's end and the
# tab, lone surrogates, separators of lines and paragraphs, and Unicode's format characters: marks of direction,
# characters without width, tags.
_UNSEEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u0600-\u0605\u061c\u06dd\u070f\u0890\u0891\u08e2\u180e\u200b-\u200f\u2028-\u202e"
    "\u2060-\u206f\ud800-\udfff\ufeff\ufff9-\ufffb\U000110bd\U000110cd\U00013430-\U0001343f\U0001bca0-\U0001bca3"
    "\U0001d173-\U0001d17a\U000e0001\U000e0020-\U000e007f]"
)


def counted(number: int, noun: str) -> str:
    """`1 case`, `2,000 cases`, `3 entries`."""
    if number == 1:
        return f"1 {noun}"
    plural = f"{noun[:-1]}ies" if noun.endswith("y") else f"{noun}es" if noun.endswith("s") else f"{noun}s"
    return f"{number:,} {plural}"


def without_color(text: str) -> str:
    """The text without ANSI color sequences, with which newer CPythons adorn their tracebacks."""
    return _COLORS.sub("", text)


def visible(text: str) -> str:
    """The text without color, with all that could mislead a reader as an escape. Lines stay as they are."""
    return _UNSEEN.sub(_escape, without_color(text).replace("\r\n", "\n"))


def plain(text: str) -> str:
    """The text as by `visible`, and in one line: tabs as spaces, ends of lines as escapes."""
    return _UNSEEN.sub(_escape, without_color(text)).replace("\t", "    ").replace("\n", "\\x0a")


def _escape(found: re.Match[str]) -> str:
    code = ord(found[0])
    return f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}" if code < 65536 else f"\\U{code:08x}"


def as_script_data(data: Any) -> str:
    """JSON that can stand in a script element: neither an end tag nor a comment can begin in it. ASCII, so that no text
    of a test's can be no text of the file's.
    """
    text = json.dumps(data, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def clock(seconds: float) -> str:
    """`0:07`, `12:30`, `1:02:03`."""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
