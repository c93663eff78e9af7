"""Verdicts: what a run did, held against what was expected, and their JSON. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from harness.results.outcomes import Detail, Outcome

_NO_DETAIL = Detail()


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
class CaseVerdict:
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
    def from_json(cls, data: Mapping[str, Any]) -> CaseVerdict:
        outcome = data.get("outcome")
        return cls(
            case=data["case"],
            module=data.get("module", ""),
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
    rows: tuple[CaseVerdict, ...] = ()
    followed: int = 0

    @property
    def unexpected(self) -> tuple[CaseVerdict, ...]:
        """The rows that turn the run red."""
        return tuple(row for row in self.rows if row.verdict.is_unexpected)

    @property
    def intermittent(self) -> tuple[CaseVerdict, ...]:
        """The rows of cases with an intermittent failure: known by a limitation, and not by an entry."""
        return tuple(row for row in self.rows if row.verdict is Verdict.KNOWN and not row.place)

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
            rows=tuple(CaseVerdict.from_json(row) for row in data["rows"]),
            followed=data["followed"],
        )


def cause_of(limitation: str, issue: str) -> str:
    """Why an entry is there, in a few words: it may name both."""
    return ", ".join(filter(None, (limitation, issue)))
