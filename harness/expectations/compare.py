"""Compares outcomes with expectations: every case gets a verdict, in whatever order they come. Pure."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any

import msgspec

from harness.expectations.entries import CellExpectations, Expectation, is_own
from harness.limitations.registry import Limitation
from harness.results.case_ids import dotted, wildcard_of
from harness.results.outcomes import CaseResult, Detail, ModuleResult, Outcome, follows, judged_cases
from harness.results.signatures import has_failure, is_one_of, signature_of
from harness.results.verdicts import CaseVerdict, Comparison, Verdict

ENVIRONMENT_ALTERED = "the module altered the execution environment (--fail-env-changed)"


def judge_outcome(outcome: Outcome, entry: Expectation | None, signature: str = "") -> Verdict:
    """The verdict on an outcome. Only the outcomes that an entry lists are known: an expected fail excuses no crash.

    If the entry lists signatures, the failure has to have one of them, unless it has none (`signature` is empty).
    """
    if entry is None:
        return Verdict.AS_EXPECTED if outcome.is_good else Verdict.REGRESSION
    if outcome in entry.outcome:
        other = entry.signature and signature and not is_one_of(signature, entry.signature)
        return Verdict.CHANGED if other else Verdict.KNOWN
    if outcome is Outcome.NOT_RUN and not entry.run:
        return Verdict.KNOWN
    return Verdict.FIXED if outcome is Outcome.PASS else Verdict.CHANGED


def judge_case(case: CaseResult, entry: Expectation | None) -> Verdict:
    """The verdict on a case whose failure is not intermittent.

    A case whose runs had different outcomes is flaky, unless all of these are expected. The signature is computed only
    where the entry has one.
    """
    if case.is_inconsistent and any(judge_outcome(outcome, entry).is_unexpected for outcome in case.tries):
        return Verdict.FLAKY
    return judge_outcome(case.outcome, entry, signature_of(case) if entry and entry.signature else "")


def intermittent_cause(
    case: CaseResult, entry: Expectation | None, intermittent: Mapping[str, Limitation]
) -> Limitation | None:
    """The limitation behind an intermittent failure of the case; None if the failure is not intermittent.

    It is when the first run has a signature of the limitation, and every further run had an expected outcome.
    """
    further = case.tries[1:]
    if not intermittent or not further or any(judge_outcome(outcome, entry).is_unexpected for outcome in further):
        return None
    if not judge_outcome(case.outcome, entry).is_unexpected:
        return None
    return next((cause for name, cause in intermittent.items() if has_failure(case, name)), None)


def compare_module(result: ModuleResult, expectations: CellExpectations) -> Comparison:
    """The verdicts on one module. If it is complete, an entry whose case did not appear is missing."""
    cases = {case.case: case for case in judged_cases(result)}
    counts: Counter[Verdict] = Counter()
    rows: list[CaseVerdict] = []
    followed = 0
    for case in cases.values():
        entry = expectations.lookup(case.case)
        cause = intermittent_cause(case, entry, expectations.intermittent)
        verdict = Verdict.KNOWN if cause else judge_case(case, entry)
        if verdict.is_unexpected and follows(case, cases):
            verdict = Verdict.AS_EXPECTED
            followed += 1
        counts[verdict] += 1
        if verdict is not Verdict.AS_EXPECTED:
            rows.append(
                CaseVerdict(
                    case=case.case,
                    module=result.module,
                    verdict=verdict,
                    outcome=case.outcome,
                    detail=case.detail,
                    tries=case.tries,
                    # An intermittent failure is the limitation's: no entry has a part in that.
                    elsewhere="" if cause or entry else _elsewhere(case.case, expectations),
                    **({"limitation": cause.id, "reason": cause.statement} if cause else _about(entry)),
                )
            )
    for row in (*_unseen(result, cases, expectations), *_environment(result, cases, expectations)):
        counts[row.verdict] += 1
        rows.append(row)
    return Comparison(counts=dict(counts), rows=_sorted(rows), followed=followed)


def compare(results: Iterable[ModuleResult], expectations: CellExpectations, *, complete: bool = False) -> Comparison:
    """The verdicts on a cell. `complete` says that the whole suite was run: only then is an entry missing whose module
    is none of the suite's.
    """
    results = tuple(results)
    parts = [compare_module(result, expectations) for result in results]
    counts = sum((Counter(part.counts) for part in parts), Counter[Verdict]())
    rows = [row for part in parts for row in part.rows]
    if complete:
        claimed = {test for result in results for test in expectations.of_module(result.module)}
        left = {test for test in expectations.entries if test not in claimed and not is_own(test)}
        seen = {case.case for result in results for case in result.cases} if left else set()
        unclaimed = sorted(left - seen - {wildcard_of(case) for case in seen})
        counts[Verdict.MISSING] += len(unclaimed)
        rows.extend(_missing(test, "", expectations.entries[test]) for test in unclaimed)
    return Comparison(counts=dict(+counts), rows=_sorted(rows), followed=sum(part.followed for part in parts))


def set_apart(comparison: Comparison, differing: Collection[str]) -> Comparison:
    """The comparison in which unexpected cases that another version of the suite explains have the verdict
    other-version.

    These are the `differing` cases, whose tests the interpreter's own version of the suite does not have, or has with
    other source; and cases of the same modules that only failed because one of these ran before them: they passed when
    they were run again without it.
    """
    modules = {row.module for row in comparison.unexpected if row.case in differing}

    def is_apart(row: CaseVerdict) -> bool:
        return row.case in differing or (row.module in modules and _failed_once(row))

    rows = [
        msgspec.structs.replace(row, verdict=Verdict.OTHER_VERSION)
        if row.verdict.is_unexpected and is_apart(row)
        else row
        for row in comparison.rows
    ]
    moved = Counter(old.verdict for old, new in zip(comparison.rows, rows, strict=True) if old is not new)
    counts = Counter(comparison.counts)
    counts.subtract(moved)
    counts[Verdict.OTHER_VERSION] += moved.total()
    return msgspec.structs.replace(comparison, counts=dict(+counts), rows=tuple(rows))


def _failed_once(row: CaseVerdict) -> bool:
    """Whether the case failed in the first of several runs, and in no other one."""
    return len(row.tries) > 1 and not row.tries[0].is_good and all(each.is_good for each in row.tries[1:])


def _unseen(
    result: ModuleResult, cases: Mapping[str, CaseResult], expectations: CellExpectations
) -> Iterator[CaseVerdict]:
    """The verdicts on entries of a complete module whose case did not appear; none if the module itself went wrong."""
    module = dotted(result.module, own=result.own)
    own = cases.get(module)
    if not result.complete or (own and not own.outcome.is_good):
        return
    seen = cases.keys() | {wildcard_of(case) for case in cases}
    # That a module leaves its environment unchanged is only checked with --fail-env-changed.
    is_environment_right = expectations.fail_env_changed and not result.env_changed and not any(result.env_tries)
    for test in expectations.of_module(result.module, own=result.own):
        if test in seen:
            continue
        entry = expectations.entries[test]
        if test == module and Outcome.ENV_CHANGED in entry.outcome and not is_environment_right:
            continue
        missing = _missing(test, result.module, entry)
        if test == module:
            yield msgspec.structs.replace(missing, verdict=Verdict.FIXED, outcome=Outcome.PASS)
        else:
            yield msgspec.structs.replace(missing, detail=own.detail) if own else missing


def _environment(
    result: ModuleResult, cases: Mapping[str, CaseResult], expectations: CellExpectations
) -> Iterator[CaseVerdict]:
    """The verdict on a module that altered its environment, under its name, in a run with --fail-env-changed."""
    name = dotted(result.module, own=result.own)
    if not expectations.fail_env_changed or name in cases or not (result.env_changed or any(result.env_tries)):
        return
    tries = tuple(Outcome.ENV_CHANGED if changed else Outcome.PASS for changed in result.env_tries)
    case = CaseResult(
        case=name,
        outcome=Outcome.ENV_CHANGED if result.env_changed else Outcome.PASS,
        detail=Detail(message=": ".join([ENVIRONMENT_ALTERED, *altered_by(result.output)])),
        tries=tries,
    )
    entry = expectations.lookup(name)
    yield CaseVerdict(
        case=name,
        module=result.module,
        verdict=judge_case(case, entry),
        outcome=case.outcome,
        detail=case.detail,
        tries=tries,
        **_about(entry),
    )


def altered_by(output: str) -> list[str]:
    """regrtest's warnings of an altered environment, in one text; none if the output has none. The values from before
    and after, which it prints indented, are left out.
    """
    warnings = re.findall(r"^Warning -- (\S.*)$", output, re.MULTILINE)
    return ["; ".join(dict.fromkeys(warnings))] if warnings else []


def _elsewhere(case: str, expectations: CellExpectations) -> str:
    other = expectations.lookup_elsewhere(case)
    return f"{other.place}, where {other.when}" if other else ""


def _missing(test: str, module: str, entry: Expectation) -> CaseVerdict:
    return CaseVerdict(case=test, module=module, verdict=Verdict.MISSING, outcome=None, **_about(entry))


def _about(entry: Expectation | None) -> dict[str, Any]:
    """The fields of a row that are its entry's."""
    if entry is None:
        return {}
    return {
        "expected": entry.outcome,
        "signature": entry.signature,
        "place": entry.place,
        "limitation": entry.limitation,
        "issue": entry.issue,
        "reason": entry.reason,
    }


def _sorted(rows: Iterable[CaseVerdict]) -> tuple[CaseVerdict, ...]:
    return tuple(sorted(rows, key=lambda row: (row.module, row.case)))
