"""The facts of one cell for the page: what was tested, how it was built, and what the build took. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from harness.report.headline import when
from harness.results.cell_results import CellResults, Work
from harness.results.diff import axes_of
from harness.util.text import visible


@dataclass(frozen=True, kw_only=True)
class CellFacts:
    """The facts of one cell. `facts` has names and values, `steps` the steps of the build with their seconds, and
    `departures` the places where its recipe differs from CPython's own. `again` is the command that tests the cell
    again. `own` says that it tests the user's own tests, `python_info` that its files include the output of CPython's
    pythoninfo. `work` has what each worker ran, and when.
    """

    label: str
    id: str
    title: str
    facts: tuple[tuple[str, str], ...]
    steps: tuple[tuple[str, float], ...]
    departures: tuple[str, ...]
    manifest: Mapping[str, Any]
    folder: str
    engine: str = ""
    again: str = ""
    own: bool = False
    python_info: bool = False
    work: tuple[Work, ...] = ()

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
            "engine": self.engine,
            "again": visible(self.again),
            "own": self.own,
            "python_info": self.python_info,
            "work": [[visible(done.name), visible(done.worker), done.begin, done.seconds] for done in self.work],
        }


def cell_facts(label: str, results: CellResults, *, folder: str = "", python_info: bool = False) -> CellFacts:
    """The facts of a cell. `folder` is the path of its files relative to the page; empty if they are not below it."""
    build = results.build
    return CellFacts(
        label=label,
        id=results.cell.id,
        title=results.cell.description,
        facts=tuple((name, value) for name, value in _facts(results) if value),
        steps=tuple((step.name, round(step.seconds, 1)) for step in build.steps),
        departures=build.recipe.departures,
        manifest={key: value for key, value in build.record.items() if key != "steps"},
        folder=folder,
        engine=results.cell.engine.value,
        again=results.run.options.command(results.cell.id),
        own=bool(results.run.options.tests),
        python_info=python_info,
        work=results.run.work,
    )


def _facts(results: CellResults) -> Iterator[tuple[str, str]]:
    cell, build, run = results.cell, results.build, results.run
    source, wasm, engine = build.source, build.wasm, results.engine
    yield from ((axis.value, str(value)) for axis, value in axes_of(results).items())
    yield "source", f"{source.origin} by {source.provider}".strip() if source.provider else source.origin
    yield "commit", f"{source.commit}{', with changes that are in no commit' if source.dirty else ''}"
    yield "stack", str(engine.get("stack", ""))
    yield "JSPI", str(engine.get("jspi", ""))
    yield "toolchain's revision", build.toolchain.revision
    yield "toolchain's packages", build.toolchain.packages
    yield "interpreter", f"{wasm.bytes:,} bytes, sha256 {wasm.sha256}" if wasm.bytes else ""
    yield "built", when(build.built)
    yield "tested", f"{when(run.started)}, {run.seconds:,.0f} s" + ("" if run.complete else ", only in part")
    yield "command", run.command
    yield "tags", ", ".join(cell.tags)
    yield "broken", cell.broken
