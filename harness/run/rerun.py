"""Which cases run again, to distinguish flaky from broken ones, and what their further runs add to a result. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

import msgspec

from harness.results.case_ids import dotted
from harness.results.outcomes import CaseResult, ModuleResult, Outcome
from harness.results.verdicts import Comparison

# A module with more unexpected cases than this is broken, not flaky.
MANY = 20


def worth_another_try(result: ModuleResult, compared: Comparison) -> tuple[str, ...]:
    """The unexpected cases of a module that can be run again by their names; none if there are more than MANY.

    regrtest cannot run a fixture by itself, nor what happened between two cases.
    """
    cases = {case.case for case in result.cases}
    name = dotted(result.module, own=result.own)
    found = [row.case for row in compared.unexpected if row.case in cases and row.case != name and "(" not in row.case]
    return tuple(found) if len(found) <= MANY else ()


def with_environment_tries(result: ModuleResult, again: Sequence[ModuleResult]) -> ModuleResult:
    """The result with whether each further run of the whole module altered its environment; unchanged if no run did."""
    tries = (result.env_changed, *(rerun.env_changed for rerun in again))
    return msgspec.structs.replace(result, env_tries=tries) if again and any(tries) else result


def with_tries(
    result: ModuleResult, again: Sequence[ModuleResult], *, whole: bool = False, only: Collection[str] | None = None
) -> ModuleResult:
    """The result with the outcomes of its cases in further runs as their `tries`. The outcome of a case stays that of
    the first run, so that a case which only passes now and then has not passed. Only the cases in `only` get tries; all
    cases if it is None.

    `whole` says that the further runs had all cases of the first one. A failure in one of them under a name that the
    first run does not have, such as a crash between two cases, is then added to the result, with a pass for each run
    without it.
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
