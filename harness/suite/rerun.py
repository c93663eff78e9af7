"""Running cases again, to tell what is flaky from what is broken. Pure: who runs them is the caller's."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable

from harness.compare import compare_module
from harness.expectations import CellExpectations, dotted
from harness.outcomes import ModuleResult, Outcome

# A module with more unexpected cases than this is broken, not flaky.
MANY = 20


def worth_another_try(result: ModuleResult, expectations: CellExpectations) -> tuple[str, ...]:
    """The cases of a module that did what nobody expects, and can be asked for by their names; none of them when there
    are MANY.

    Fixtures and what happened between two cases have no name that regrtest could be given.
    """
    cases = {case.case for case in result.cases}
    rows = compare_module(result, expectations).unexpected
    found = [
        row.case for row in rows if row.case in cases and row.case != dotted(result.module) and "(" not in row.case
    ]
    return tuple(found) if len(found) <= MANY else ()


def with_tries(result: ModuleResult, again: Iterable[ModuleResult]) -> ModuleResult:
    """The result with what further runs made of its cases. Its outcomes stay those of the first run: no case has passed
    because it passes now and then.
    """
    further: dict[str, list[Outcome]] = {}
    for rerun in again:
        for case in rerun.cases:
            further.setdefault(case.case, []).append(case.outcome)
    cases = (
        dataclasses.replace(case, tries=(case.outcome, *further[case.case])) if case.case in further else case
        for case in result.cases
    )
    return dataclasses.replace(result, cases=tuple(cases))
