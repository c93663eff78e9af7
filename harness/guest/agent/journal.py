"""The journal: one JSON line per event, written with a single system call, so that it is complete up to a crash.

Its descriptor is the engine's, and can be appended to and nothing else.
"""

import contextlib
import json
import os
from collections.abc import Callable
from typing import Any

# Bound now: tests replace functions of os and json for a while, and the journal must not notice.
write = os.pwrite
_dumps = json.dumps
_quoted: Callable[[str], str] = json.encoder.encode_basestring_ascii


class _Journal:
    """The one journal of this interpreter; `descriptor` is negative until it is open."""

    descriptor = -1


JOURNAL = _Journal()


def open_journal(number: str) -> None:
    JOURNAL.descriptor = int(number)
    with contextlib.suppress(OSError):
        # The native reference is a process that can start others, which would inherit it. A guest has no such call.
        os.set_inheritable(JOURNAL.descriptor, False)


def emit(**event: Any) -> None:
    """Appends one event.

    It begins with a line end too: a test may have written to the descriptor without one, and that must not cost an
    event.
    """
    write(JOURNAL.descriptor, f"\n{line_of(event)}\n".encode(), 0)


def line_of(event: dict[str, Any]) -> str:
    """The event as JSON.

    The two most frequent events, `start` and the `end` of a case that passed, are formatted here: `json.dumps` takes
    several times as long, since it makes an encoder for each call.
    """
    if event["e"] == "start":
        return f'{{"e": "start", "id": {_quoted(event["id"])}}}'
    if event["e"] == "end" and event["o"] == ["pass"] and not event["d"] and not event["s"]:
        return f'{{"e": "end", "id": {_quoted(event["id"])}, "t": {event["t"]!r}, "o": ["pass"], "d": {{}}, "s": []}}'
    return _dumps(event)
