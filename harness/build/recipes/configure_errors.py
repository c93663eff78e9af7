"""What configure says when it refuses, found in the end of its log. Pure."""

from __future__ import annotations

import re

_REFUSAL = re.compile(r"^configure: error: (.+)$", re.MULTILINE)
_OPTION = re.compile(r"unrecognized option|invalid (package|feature|variable) name|ambiguous")


def configure_refusal(words: str) -> str:
    """Its own words, and where the argument comes from if it is about one; empty when it did not refuse."""
    found = _REFUSAL.findall(words)
    if not found:
        return ""
    source = " (a cell's own arguments are its `configure` in matrices/*.toml)" if _OPTION.search(found[-1]) else ""
    return f": {found[-1]}{source}"


def without_command(words: str) -> str:
    """The end of a log without the line that repeats the command, which messages show otherwise."""
    return "\n".join(line for line in words.splitlines() if not line.startswith("+ cd "))
