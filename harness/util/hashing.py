"""Content keys and checksums."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any


def content_key(value: Any) -> str:
    """Sixteen hex digits that stand for a JSON-able value: the name of a content-addressed entry."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def file_sha256(path: Path) -> str:
    """The sha256 of a file, in hex."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
