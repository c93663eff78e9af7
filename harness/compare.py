"""Outcomes against expectations: one verdict per case. Pure and total; order does not matter."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from harness.expectations import CellExpectations, Expectation, dotted, wildcard_of
from harness.outcomes import CaseResult, Detail, ModuleResult, Outcome
from harness.signatures import signature_of

_NO_DETAIL = Detail()
_PREVENTING = frozenset(Outcome) - {Outcome.PASS, Outcome.EXPECTED_FAILURE, Outcome.NOT_RUN}


class Verdict(StrEnum):
    """An outcome against its expectation."""

    AS_EXPECTED = "as-expected"
    KNOWN = "known"
    REGRESSION = "regression"
    FIXED = "fixed"
    CHANGED = "changed"
    MISSING = "missing"
    FLAKY = "flaky"

    @property
    def is_unexpected(self) -> bool:
        """True for what turns a run red."""
        return self not in {Verdict.AS_EXPECTED, Verdict.KNOWN}


@dataclass(frozen=True, kw_only=True)
class Row:
    """One verdict that is not as-expected. `outcome` is None when the case was not seen; `tries` as in CaseResult.

    `case` is the entry's own text when it matched nothing. `place`, `limitation`, `issue`, `reason` and
    `signature` are those of the entry; empty when there is none.
    """

    case: str
    module: str
    verdict: Verdict
    outcome: Outcome | None
    expected: tuple[Outcome, ...] = ()
    signature: tuple[str, ...] = ()
    place: str = ""
    limitation: str = ""
    issue: str = ""
    reason: str = ""
    detail: Detail = _NO_DETAIL
    tries: tuple[Outcome, ...] = ()

    @property
    def expectation(self) -> str:
        """The outcomes of the entry; its signatures too where the outcome alone does not tell what has changed."""
        outcomes = " or ".join(self.expected)
        told = self.verdict is Verdict.CHANGED and self.outcome in self.expected
        return f"{outcomes} by {' or '.join(self.signature)}" if told else outcomes

    def to_json(self) -> dict[str, Any]:
        """Its row in results.json; what is empty is left out."""
        data: dict[str, Any] = {
            "case": self.case,
            "module": self.module,
            "verdict": self.verdict.value,
            "outcome": self.outcome and self.outcome.value,
            "expected": [outcome.value for outcome in self.expected],
            "signature": list(self.signature),
            "place": self.place,
            "limitation": self.limitation,
            "issue": self.issue,
            "reason": self.reason,
            "detail": self.detail.to_json(),
            "tries": [outcome.value for outcome in self.tries],
        }
        return {key: value for key, value in data.items() if value}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Row:
        outcome = data.get("outcome")
        return cls(
            case=data["case"],
            module=data["module"],
            verdict=Verdict(data["verdict"]),
            outcome=Outcome(outcome) if outcome else None,
            expected=tuple(Outcome(name) for name in data.get("expected", ())),
            signature=tuple(data.get("signature", ())),
            place=data.get("place", ""),
            limitation=data.get("limitation", ""),
            issue=data.get("issue", ""),
            reason=data.get("reason", ""),
            detail=Detail(**data.get("detail", {})),
            tries=tuple(map(Outcome, data.get("tries", ()))),
        )


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """How often each verdict fell, and a row for each that is not as-expected, by module and case.

    `followed` counts the cases that were not run because of another one, which was judged in their place;
    they are among the as-expected.
    """

    counts: Mapping[Verdict, int] = field(default_factory=dict)
    rows: tuple[Row, ...] = ()
    followed: int = 0

    @property
    def unexpected(self) -> tuple[Row, ...]:
        """The rows that turn the run red."""
        return tuple(row for row in self.rows if row.verdict.is_unexpected)

    @property
    def is_as_expected(self) -> bool:
        return not self.unexpected

    def to_json(self) -> dict[str, Any]:
        return {
            "counts": {verdict.value: self.counts.get(verdict, 0) for verdict in Verdict},
            "followed": self.followed,
            "rows": [row.to_json() for row in self.rows],
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Comparison:
        return cls(
            counts={Verdict(name): count for name, count in data["counts"].items() if count},
            rows=tuple(Row.from_json(row) for row in data["rows"]),
            followed=data["followed"],
        )


def judge(outcome: Outcome, entry: Expectation | None, signature: str = "") -> Verdict:
    """The verdict on an outcome. Only what an entry lists is known: an expected fail excuses no crash.

    So it is with the signature of the failure, where the entry has any and there is one; empty when there is none.
    """
    if entry is None:
        return Verdict.AS_EXPECTED if outcome.is_good else Verdict.REGRESSION
    if outcome in entry.outcome:
        other = entry.signature and signature and signature not in entry.signature
        return Verdict.CHANGED if other else Verdict.KNOWN
    if outcome is Outcome.NOT_RUN and not entry.run:
        return Verdict.KNOWN
    return Verdict.FIXED if outcome is Outcome.PASS else Verdict.CHANGED


def judge_case(case: CaseResult, entry: Expectation | None) -> Verdict:
    """The verdict on a case. Its signature is worked out only where an entry asks for it.

    One that ran more than once and changed its mind is flaky, unless everything it did is expected.
    """
    if case.changed_its_mind and any(judge(outcome, entry).is_unexpected for outcome in case.tries):
        return Verdict.FLAKY
    return judge(case.outcome, entry, signature_of(case) if entry and entry.signature else "")


def compare_module(result: ModuleResult, expectations: CellExpectations) -> Comparison:
    """The verdicts on one module. In a complete one, an entry whose case did not appear is missing."""
    cases = {case.case: case for case in judged_cases(result)}
    counts: Counter[Verdict] = Counter()
    rows: list[Row] = []
    followed = 0
    for case in cases.values():
        entry = expectations.lookup(case.case)
        verdict = judge_case(case, entry)
        if verdict.is_unexpected and follows(case, cases):
            verdict = Verdict.AS_EXPECTED
            followed += 1
        counts[verdict] += 1
        if verdict is not Verdict.AS_EXPECTED:
            rows.append(
                Row(
                    case=case.case,
                    module=result.module,
                    verdict=verdict,
                    outcome=case.outcome,
                    detail=case.detail,
                    tries=case.tries,
                    **_about(entry),
                )
            )
    for row in _unseen(result, cases, expectations):
        counts[row.verdict] += 1
        rows.append(row)
    return Comparison(counts=dict(counts), rows=_sorted(rows), followed=followed)


def compare(results: Iterable[ModuleResult], expectations: CellExpectations, *, complete: bool = False) -> Comparison:
    """The verdicts on a cell. `complete` says that the whole suite was run: only then is an entry missing
    that belongs to none of its modules.
    """
    results = tuple(results)
    parts = [compare_module(result, expectations) for result in results]
    counts = sum((Counter(part.counts) for part in parts), Counter[Verdict]())
    rows = [row for part in parts for row in part.rows]
    if complete:
        unclaimed = _unclaimed(results, expectations)
        counts[Verdict.MISSING] += len(unclaimed)
        rows.extend(_missing(test, "", expectations.entries[test]) for test in unclaimed)
    return Comparison(counts=dict(+counts), rows=_sorted(rows), followed=sum(part.followed for part in parts))


def judged_cases(result: ModuleResult) -> tuple[CaseResult, ...]:
    """The module's cases, and the module itself where no case accounts for its outcome.

    A module that was skipped as a whole, or died before its first case, is one case under its dotted name. Of
    a module of which nothing was asked there is none.
    """
    nothing_asked = not result.complete and result.outcome is Outcome.NOT_RUN
    unaccounted = not result.outcome.is_good and all(case.outcome.is_good for case in result.cases)
    if nothing_asked or (result.cases and not unaccounted):
        return result.cases
    name = dotted(result.module)
    own = CaseResult(case=name, outcome=result.outcome, seconds=result.seconds, detail=result.detail)
    return (*(case for case in result.cases if case.case != name), own)


def follows(case: CaseResult, cases: Mapping[str, CaseResult]) -> bool:
    """Whether the case was not run because of another one, which is judged in its place."""
    cause = cases.get(case.detail.reason)
    return case.outcome is Outcome.NOT_RUN and cause is not None and cause.outcome in _PREVENTING


def _unseen(result: ModuleResult, cases: Mapping[str, CaseResult], expectations: CellExpectations) -> Iterator[Row]:
    """Entries of a complete module that met no case; none when the module as such went wrong."""
    module = dotted(result.module)
    own = cases.get(module)
    if not result.complete or (own and not own.outcome.is_good):
        return
    seen = cases.keys() | {wildcard_of(case) for case in cases}
    for test in expectations.of_module(result.module):
        if test in seen:
            continue
        entry = expectations.entries[test]
        missing = _missing(test, result.module, entry)
        if test == module:
            yield dataclasses.replace(missing, verdict=Verdict.FIXED, outcome=Outcome.PASS)
        else:
            yield dataclasses.replace(missing, detail=own.detail) if own else missing


def _missing(test: str, module: str, entry: Expectation) -> Row:
    return Row(case=test, module=module, verdict=Verdict.MISSING, outcome=None, **_about(entry))


def _unclaimed(results: tuple[ModuleResult, ...], expectations: CellExpectations) -> list[str]:
    claimed = {test for result in results for test in expectations.of_module(result.module)}
    left = expectations.entries.keys() - claimed
    seen = {case.case for result in results for case in result.cases} if left else set()
    return sorted(left - seen - {wildcard_of(case) for case in seen})


def _about(entry: Expectation | None) -> dict[str, Any]:
    """What a row takes over from its entry."""
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


def _sorted(rows: Iterable[Row]) -> tuple[Row, ...]:
    return tuple(sorted(rows, key=lambda row: (row.module, row.case)))
