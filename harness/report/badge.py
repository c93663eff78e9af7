"""One line for a badge, in the format of shields.io's endpoint: https://shields.io/badges/endpoint-badge. Pure."""

from __future__ import annotations

from typing import Any

from harness.report.digest import RunDigest
from harness.report.headline import status_line
from harness.util.text import counted

LABEL = "CPython on WebAssembly"


def badge(run: RunDigest) -> dict[str, Any]:
    """The JSON of the badge. It is green only when every cell was run to its end and everything is as expected."""
    message = f"{counted(run.cases, 'case')}, {status_line(run)}"
    color = (
        "red"
        if run.unexpected
        else "orange"
        if run.failed or run.unfinished
        else "brightgreen"
        if run.cells
        else "lightgrey"
    )
    return {"schemaVersion": 1, "label": LABEL, "message": message, "color": color}
