"""What the page says of one cell: what was tested, from what and with what it was built, and how that went. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from harness.manifest import as_table
from harness.report.headline import when
from harness.results.cell_results import CellResults
from harness.results.diff import axes_of
from harness.util.text import visible


@dataclass(frozen=True, kw_only=True)
class CellFacts:
    """`facts` are names and values, `steps` those of the build with their seconds, `departures` where its recipe leaves
    CPython's own. `again` is the command that tests the cell again, `own` says that it runs the user's own tests.
    """

    label: str
    id: str
    title: str
    facts: tuple[tuple[str, str], ...]
    steps: tuple[tuple[str, float], ...]
    departures: tuple[str, ...]
    manifest: Mapping[str, Any]
    folder: str
    again: str = ""
    own: bool = False

    def to_json(self) -> dict[str, Any]:
        return {
            "label": visible(self.label),
            "id": visible(self.id),
            "title": visible(self.title),
            "facts": [[name, visible(value)] for name, value in self.facts],
            "steps": [[visible(name), seconds] for name, seconds in self.steps],
            "departures": list(map(visible, self.departures)),
            "manifest": json.dumps(self.manifest, indent=1),
            "folder": self.folder,
            "again": visible(self.again),
            "own": self.own,
        }


def cell_facts(label: str, results: CellResults, *, folder: str = "") -> CellFacts:
    """The facts of a cell. `folder` is where its files are, seen from the page; empty when they are elsewhere."""
    build = results.build
    steps = [step for step in _list(build.get("steps")) if isinstance(step, Mapping)]
    return CellFacts(
        label=label,
        id=results.cell.id,
        title=results.cell.description,
        facts=tuple((name, value) for name, value in _facts(results) if value),
        steps=tuple((str(step.get("name", "?")), _seconds(step)) for step in steps),
        departures=tuple(map(str, _list(as_table(build.get("recipe")).get("departures")))),
        manifest={key: value for key, value in build.items() if key != "steps"},
        folder=folder,
        again=results.run.options.command(results.cell.id),
        own=bool(results.run.options.tests),
    )


def _facts(results: CellResults) -> Iterator[tuple[str, str]]:
    cell, build, run = results.cell, results.build, results.run
    source, toolchain, wasm = (as_table(build.get(key)) for key in ("source", "toolchain", "wasm"))
    yield from ((axis.value, str(value)) for axis, value in axes_of(results).items())
    yield "source", _words(source.get("origin"), f"by {source['provider']}" if source.get("provider") else "")
    yield "toolchain's packages", _words(toolchain.get("packages"))
    yield "interpreter", f"{wasm['bytes']:,} bytes, sha256 {wasm.get('sha256', '')}" if wasm.get("bytes") else ""
    yield "built", when(_words(build.get("built")))
    yield "tested", f"{when(run.started)}, {run.seconds:,.0f} s" + ("" if run.complete else ", only in part")
    yield "command", run.command
    yield "tags", ", ".join(cell.tags)
    yield "broken", cell.broken


def _seconds(step: Mapping[str, Any]) -> float:
    seconds = step.get("seconds", 0)
    return round(float(seconds), 1) if isinstance(seconds, int | float) else 0.0


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _words(*parts: Any) -> str:
    return " ".join(str(part) for part in parts if part)
