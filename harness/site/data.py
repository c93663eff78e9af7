"""The JSON of the site: docs/site.md describes it. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from harness.history.summary import RunFacts
from harness.site.closable import Cause, Closable
from harness.site.index import Index, case_path, cause_path, cell_path, file_name, module_path
from harness.site.model import CaseOnCell, RunNumbers, Site, SiteCell

SITE_SCHEMA = 1


def cell_data_path(name: str) -> str:
    return f"api/cells/{file_name(name)}.json"


def module_data_path(name: str) -> str:
    return f"api/modules/{file_name(name)}.json"


def all_data(index: Index, closed: list[Closable]) -> Iterator[tuple[str, Any]]:
    """Each file's path and what it holds."""
    site = index.site
    yield "api/site.json", site_data(index)
    for cell in site.cells:
        yield cell_data_path(cell.name), _stamped(site, cell_data(cell))
    for module in index.modules:
        yield module_data_path(module), _stamped(site, module_data(index, module))
    yield "api/causes.json", _stamped(site, {"causes": [cause_data(index, each) for each in index.causes.values()]})
    yield "api/closed.json", _stamped(site, {"closed": [closed_data(each) for each in closed]})


def _stamped(site: Site, data: dict[str, Any]) -> dict[str, Any]:
    return {"schema": SITE_SCHEMA, "made": site.made.isoformat(timespec="seconds"), **data}


def site_data(index: Index) -> dict[str, Any]:
    """What there is, and where."""
    site = index.site
    cells = [
        {
            "cell": cell.name,
            "page": cell_path(cell.name),
            "data": cell_data_path(cell.name),
            "last_run": _run(cell.last),
            "is_stale": site.is_stale(cell),
            "unexpected": cell.unexpected,
            "numbers": _numbers(cell.counts) if cell.counts else None,
        }
        for cell in site.cells
    ]
    modules = [
        {"module": name, "page": module_path(name), "data": module_data_path(name), "cases": len(numbers)}
        for name, numbers in index.modules.items()
    ]
    return _stamped(
        site, {"cells": cells, "modules": modules, "causes": "api/causes.json", "closed": "api/closed.json"}
    )


def cell_data(cell: SiteCell) -> dict[str, Any]:
    """A cell: what was tested last, the numbers of every whole run, and what differs from the lists."""
    wrong = [
        {"case": each.case.name, "module": each.case.module}
        | (_case(cell, cell.cases[each.number]) if each.number else {})
        | {"outcome": each.outcome or "absent", "verdict": each.verdict}
        for each in cell.differences
    ]
    return {
        "cell": cell.name,
        "axes": {axis.value: str(value) for axis, value in cell.last.setup.axes.items()},
        "runs": [_numbers(each) for each in cell.numbers],
        "unexpected": wrong,
    }


def module_data(index: Index, module: str) -> dict[str, Any]:
    """A module: its seconds on each cell, and each case. Of a case that was always the same and good on a cell, only
    its outcome stands there.
    """
    site = index.site
    cases = {}
    for number in index.modules[module]:
        name = site.cases[number].name
        on = {
            cell.name: str(case.state.outcome) if case.is_quiet else _case(cell, case)
            for cell, case in index.on_cells(number)
        }
        page = {"page": case_path(site.cases[number])} if number in index.paged else {}
        cases[name] = page | {"cells": on}
    seconds = {cell.name: cell.seconds[module].to_json() for cell in site.cells if module in cell.seconds}
    return {"module": module, "seconds": seconds, "cases": cases}


def _case(cell: SiteCell, case: CaseOnCell) -> dict[str, Any]:
    entry = case.entry
    about = {"limitation": entry.limitation, "issue": entry.issue, "place": entry.place} if entry else {}
    return {
        "outcome": case.state.outcome or "absent",
        "signature": case.state.signature,
        "verdict": case.verdict,
        "since": cell.runs[case.since].started,
        "changes": case.changes,
        "flaky": case.is_flaky,
    } | {key: value for key, value in about.items() if value}


def cause_data(index: Index, cause: Cause) -> dict[str, Any]:
    """A limitation or an issue: its cases, and what they do on each cell."""
    limitation = index.site.registry.limitations.get(cause.name)
    cells = {}
    for cell in index.site.cells:
        seen = cause.cells.get(cell.name)
        newest = cell.newest
        data: dict[str, Any] = {"pass": seen.passing, "others": seen.others, "stale": seen.stale} if seen else {}
        if newest and not cause.is_issue:
            data |= {"skips": newest.skips.get(cause.name, 0)}
            if cause.name in newest.probes:
                data |= {"probes": newest.probes[cause.name][0]}
        if data:
            cells[cell.name] = data
    return {
        "cause": cause.name,
        "kind": "issue" if cause.is_issue else "limitation",
        "page": cause_path(cause.name),
        "statement": limitation.statement if limitation else "",
        "source": limitation.source if limitation else cause.name if cause.is_issue else "",
        "cases": sorted(index.site.cases[number].name for number in cause.cases),
        "cells": cells,
    }


def closed_data(each: Closable) -> dict[str, Any]:
    """A cause that can be closed."""
    return {
        "cause": each.cause.name,
        "page": cause_path(each.cause.name),
        "newest_cell": each.newest.name,
        "stale_entries": each.stale,
        "pass_on": each.passing,
        "not_on": each.left,
    }


def _numbers(numbers: RunNumbers) -> dict[str, Any]:
    return {
        **_run(numbers.run),
        "cpython": numbers.python,
        "cases": numbers.cases,
        "passed": numbers.passed,
        "skipped": numbers.skipped,
        "known": numbers.known,
        "unlisted": numbers.unlisted,
        "pass_rate": round(numbers.pass_rate, 5),
        "seconds": numbers.seconds,
        "changed": [str(axis) for axis in numbers.changed_axes],
    }


def _run(run: RunFacts) -> dict[str, Any]:
    return {"run": run.source, "started": run.started}
