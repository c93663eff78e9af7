"""JSON by msgspec, and what it refuses: half a surrogate pair, as in the text of a path whose bytes are no UTF-8."""

from __future__ import annotations

import json
from typing import Any, TypeVar

import msgspec

_T = TypeVar("_T")


def encode_json(value: Any, *, indent: int = 0) -> str:
    """The value as JSON text: on one line, or indented by the given number of spaces for each level."""
    try:
        text = msgspec.json.encode(value)
    except UnicodeEncodeError:
        return json.dumps(msgspec.to_builtins(value), indent=indent or None)
    return (msgspec.json.format(text, indent=indent) if indent else text).decode()


def decode_json(text: bytes, kind: type[_T]) -> _T:
    """The value of the given type in the JSON text.

    json.JSONDecodeError, UnicodeDecodeError or RecursionError for what is no JSON,
    msgspec.ValidationError, with the path of the fault, for another type.
    """
    try:
        return msgspec.json.decode(text, type=kind)
    except msgspec.ValidationError:
        raise
    except msgspec.DecodeError:
        return msgspec.convert(json.loads(text), kind)
