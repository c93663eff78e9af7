"""Verdicts: what a run did, held against what was expected, and their JSON. Pure."""

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
    """Unexpected, and the interpreter's own version of the suite has another test there."""

    @property
    def is_unexpected(self) -> bool:
        """True for what turns a run red."""
        return self not in {Verdict.AS_EXPECTED, Verdict.KNOWN, Verdict.OTHER_VERSION}


class CaseVerdict(Record, frozen=True, kw_only=True):
    """One verdict that is not as-expected. `outcome` is None when the case was not seen; `tries` as in CaseResult.

    `case` is the entry's own text when it matched nothing. `place`, `limitation`, `issue`, `reason` and
    `signature` are those of the entry; empty when there is none. `elsewhere` is then the place of an entry that names
    the case for other cells, and for which.
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
        """The outcomes of the entry; its signatures too where the outcome alone does not tell what has changed."""
        outcomes = " or ".join(self.expected)
        is_other_failure = self.verdict is Verdict.CHANGED and self.outcome in self.expected
        return f"{outcomes} by {' or '.join(self.signature)}" if is_other_failure else outcomes


class Comparison(Record, frozen=True, kw_only=True):
    """How often each verdict fell, and a row for each that is not as-expected, by module and case.

    `followed` counts the cases that were not run because of another one, which was judged in their place;
    they are among the as-expected.
    """

    # Factories, so that all of them are written whatever they are.
    counts: Mapping[Verdict, int] = msgspec.field(default_factory=dict)
    followed: int = msgspec.field(default_factory=int)
    rows: tuple[CaseVerdict, ...] = msgspec.field(default_factory=tuple)

    @property
    def unexpected(self) -> tuple[CaseVerdict, ...]:
        """The rows that turn the run red."""
        return tuple(row for row in self.rows if row.verdict.is_unexpected)

    @property
    def intermittent(self) -> tuple[CaseVerdict, ...]:
        """The rows of cases with an intermittent failure: known by a limitation, and not by an entry."""
        return tuple(row for row in self.rows if row.verdict is Verdict.KNOWN and not row.place)

    @property
    def of_other_version(self) -> tuple[CaseVerdict, ...]:
        """The rows whose tests are those of another version than the interpreter."""
        return tuple(row for row in self.rows if row.verdict is Verdict.OTHER_VERSION)

    @property
    def is_as_expected(self) -> bool:
        return not self.unexpected


def cause_of(limitation: str, issue: str) -> str:
    """Why an entry is there, in a few words: it may name both."""
    return ", ".join(filter(None, (limitation, issue)))
