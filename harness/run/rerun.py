"""Running cases again, to tell what is flaky from what is broken. Pure: who runs them is the caller's."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

import msgspec

from harness.results.case_ids import dotted
from harness.results.outcomes import CaseResult, ModuleResult, Outcome
from harness.results.verdicts import Comparison

# A module with more unexpected cases than this is broken, not flaky.
MANY = 20


def worth_another_try(result: ModuleResult, compared: Comparison) -> tuple[str, ...]:
    """The cases of a module that did what nobody expects, by what its result was compared with, and can be asked for by
    their names; none of them when there are MANY.

    Fixtures and what happened between two cases have no name that regrtest could be given.
    """
    cases = {case.case for case in result.cases}
    name = dotted(result.module, own=result.own)
    found = [row.case for row in compared.unexpected if row.case in cases and row.case != name and "(" not in row.case]
    return tuple(found) if len(found) <= MANY else ()


def with_environment_tries(result: ModuleResult, again: Sequence[ModuleResult]) -> ModuleResult:
    """The result with what further runs of the whole module left of its environment; unchanged when none did more."""
    tries = (result.env_changed, *(rerun.env_changed for rerun in again))
    return msgspec.structs.replace(result, env_tries=tries) if again and any(tries) else result


def with_tries(
    result: ModuleResult, again: Sequence[ModuleResult], *, whole: bool = False, only: Collection[str] | None = None
) -> ModuleResult:
    """The result with what further runs made of its cases. Its outcomes stay those of the first run: no case has passed
    because it passes now and then. Of a run of the whole module, `only` these cases are of interest; None for all.

    `whole` says that those were of all that the first run was asked for. What went wrong in them and was not there
    before (a crash between two cases, an import that failed) is in the result too, with a pass for each run without it.
    """
    further: dict[str, list[Outcome]] = {}
    for rerun in again:
        for case in rerun.cases if only is None else (case for case in rerun.cases if case.case in only):
            further.setdefault(case.case, []).append(case.outcome)
    cases = [
        msgspec.structs.replace(case, tries=(case.outcome, *further[case.case])) if case.case in further else case
        for case in result.cases
    ]
    if whole:
        cases += _new_faults(result, again)
    return msgspec.structs.replace(result, cases=tuple(cases))


def _new_faults(result: ModuleResult, again: Sequence[ModuleResult]) -> Iterator[CaseResult]:
    known = {case.case for case in result.cases}
    runs = [{case.case: case for case in rerun.cases} for rerun in again]
    for name in dict.fromkeys(name for run in runs for name in run if name not in known):
        seen = [run[name] for run in runs if name in run]
        if bad := next((case for case in seen if not case.outcome.is_good), None):
            tries = (run[name].outcome if name in run else Outcome.PASS for run in runs)
            yield msgspec.structs.replace(bad, tries=(Outcome.PASS, *tries))
