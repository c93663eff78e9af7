"""Two results held against each other, case by case. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from harness.compare import judged_cases
from harness.outcomes import ModuleResult, Outcome
from harness.report.console import plain
from harness.report.results import CellResults


@dataclass(frozen=True, kw_only=True, order=True)
class CaseDifference:
    """One case, and what it did in either; None where it does not appear."""

    case: str
    first: Outcome | None
    second: Outcome | None


def differing_cases(first: Iterable[ModuleResult], second: Iterable[ModuleResult]) -> tuple[CaseDifference, ...]:
    """The cases whose outcomes differ, or that only one of the two has, sorted by their ids."""
    one, other = _outcomes(first), _outcomes(second)
    return tuple(
        CaseDifference(case=case, first=one.get(case), second=other.get(case))
        for case in sorted({*one, *other})
        if one.get(case) is not other.get(case)
    )


def _outcomes(modules: Iterable[ModuleResult]) -> dict[str, Outcome]:
    return {case.case: case.outcome for module in modules for case in judged_cases(module)}


def render_differences(found: Sequence[CaseDifference], first: CellResults, second: CellResults) -> str:
    """A line for each difference, and a last one with the counts."""
    lines = [f"{plain(each.case)}: {each.first or 'absent'}, {each.second or 'absent'}" for each in found]
    counts = [f"{sum(results.counts().values()):,}" for results in (first, second)]
    summary = f"{plain(first.cell.id)}, {counts[0]} cases; {plain(second.cell.id)}, {counts[1]} cases"
    lines.append(f"{summary}: {len(found) or 'no'} difference{'' if len(found) == 1 else 's'}")
    return "\n".join(lines) + "\n"
