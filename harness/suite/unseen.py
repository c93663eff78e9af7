"""Cases and modules that were to run and have no outcome. They turn a run red, but say nothing of CPython. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from fnmatch import fnmatchcase

import msgspec

from harness.results.case_ids import dotted
from harness.results.outcomes import CaseResult, Detail, ModuleResult, Outcome, judged_cases
from harness.suite.journal import DOCSTRING, unnumbered
from harness.suite.regrtest import NOTHING_MATCHED

NO_SUCH_CASE = "its module has no case of this name (all cases of a class or a file: its name and .*)"
_LOST = "lost: "


def with_unmet(result: ModuleResult, wanted: Collection[str]) -> ModuleResult:
    """The result with an outcome not-run for each wanted case that did not appear, so that a mistyped name does not
    look like a case that is skipped.
    """
    skipped = result.outcome is Outcome.SKIP and result.detail.reason != NOTHING_MATCHED
    name = dotted(result.module, own=result.own)
    died = any(case.case == name and not case.outcome.is_good for case in result.cases)
    found = [case.case for case in result.cases]
    unmet = [case for case in wanted if not any(is_wanted(each, (case, unnumbered(case))) for each in found)]
    if skipped or died or not unmet:
        return result
    detail = Detail(reason=NO_SUCH_CASE)
    lacking = tuple(CaseResult(case=case, outcome=Outcome.NOT_RUN, detail=detail) for case in unmet)
    cases = tuple(case for case in result.cases if case.detail.reason != NOTHING_MATCHED)
    return msgspec.structs.replace(result, outcome=Outcome.NOT_RUN, cases=(*cases, *lacking), detail=detail)


def is_wanted(case: str, patterns: Iterable[str]) -> bool:
    """Whether regrtest runs the case, given by its name in results, for one of the patterns."""
    names = {case, unnumbered(case), unnumbered(case).removesuffix(DOCSTRING)}
    return any(name == wanted or fnmatchcase(name, wanted) for name in names for wanted in patterns)


def lost_module(module: str, why: str, *, own: bool = False) -> ModuleResult:
    """The result of a module that was to run and is lost. `own` is as in ModuleResult."""
    case = CaseResult(case=dotted(module, own=own), outcome=Outcome.NOT_RUN, detail=Detail(reason=f"{_LOST}{why}"))
    return ModuleResult(
        module=module,
        outcome=case.outcome,
        seconds=0.0,
        attempts=0,
        complete=False,
        cases=(case,),
        detail=case.detail,
        own=own,
    )


def seen_cases(result: ModuleResult) -> tuple[CaseResult, ...]:
    """The module's cases as they are judged, without those of this file: what lists and history learn from."""
    return tuple(case for case in judged_cases(result) if not _is_unseen(case))


def _is_unseen(case: CaseResult) -> bool:
    reason = case.detail.reason
    return case.outcome is Outcome.NOT_RUN and (reason == NO_SUCH_CASE or reason.startswith(_LOST))
