"""Verdicts: the outcomes of a run compared with what was expected, as records of results.json. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

import msgspec

from harness.results.outcomes import NO_DETAIL, Detail, Outcome, Record


class Verdict(StrEnum):
    """An outcome against its expectation."""

    AS_EXPECTED = "as-expected"
    KNOWN = "known"
    REGRESSION = "regression"
    FIXED = "fixed"
    CHANGED = "changed"
    MISSING = "missing"
    FLAKY = "flaky"
    OTHER_VERSION = "other-version"
    """Unexpected, but the test differs from that of the interpreter's own version of the suite."""

    @property
    def is_unexpected(self) -> bool:
        """True for a verdict that turns a run red."""
        return self not in {Verdict.AS_EXPECTED, Verdict.KNOWN, Verdict.OTHER_VERSION}


class CaseVerdict(Record, frozen=True, kw_only=True):
    """One verdict that is not as-expected. `outcome` is None when the case was not seen. `tries` is as in CaseResult.

    `expected`, `signature`, `place`, `limitation`, `issue` and `reason` are those of the entry, and empty if there is
    none; then `elsewhere` is the place of an entry that names the case for other cells, and its condition. Of an entry
    that matched no case, `case` is the text of the entry.
    """

    case: str
    module: str = ""
    verdict: Verdict
    outcome: Outcome | None = None
    expected: tuple[Outcome, ...] = ()
    signature: tuple[str, ...] = ()
    place: str = ""
    limitation: str = ""
    issue: str = ""
    reason: str = ""
    detail: Detail = NO_DETAIL
    tries: tuple[Outcome, ...] = ()
    elsewhere: str = ""

    @property
    def expectation(self) -> str:
        """The outcomes of the entry, with its signatures if the outcome is as expected and the failure is another."""
        outcomes = " or ".join(self.expected)
        is_other_failure = self.verdict is Verdict.CHANGED and self.outcome in self.expected
        return f"{outcomes} by {' or '.join(self.signature)}" if is_other_failure else outcomes


class Comparison(Record, frozen=True, kw_only=True):
    """The number of each verdict, and a row for each that is not as-expected, sorted by module and case.

    `followed` counts the cases that were not run because of another one, which has the verdict instead; they are
    counted as as-expected.
    """

    # Factories, so that these fields are written even when they are empty.
    counts: Mapping[Verdict, int] = msgspec.field(default_factory=dict)
    followed: int = msgspec.field(default_factory=int)
    rows: tuple[CaseVerdict, ...] = msgspec.field(default_factory=tuple)

    @property
    def unexpected(self) -> tuple[CaseVerdict, ...]:
        """The rows that turn the run red."""
        return tuple(row for row in self.rows if row.verdict.is_unexpected)

    @property
    def intermittent(self) -> tuple[CaseVerdict, ...]:
        """The rows of intermittent failures, which are known by a limitation and not by an entry."""
        return tuple(row for row in self.rows if row.verdict is Verdict.KNOWN and not row.place)

    @property
    def of_other_version(self) -> tuple[CaseVerdict, ...]:
        """The rows whose tests are from another version of CPython than the interpreter."""
        return tuple(row for row in self.rows if row.verdict is Verdict.OTHER_VERSION)

    @property
    def is_as_expected(self) -> bool:
        return not self.unexpected


def cause_of(limitation: str, issue: str) -> str:
    """The cause that an entry names: a limitation, an issue, or both."""
    return ", ".join(filter(None, (limitation, issue)))
