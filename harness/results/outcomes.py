"""What cases and modules did, and how that is written down.

The words are regrtest's and unittest's where they have one; `crash`, `timeout` and `not-run` are what they
lack.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from harness.results.case_ids import dotted


class Outcome(StrEnum):
    """What one case did.

    Two outcomes are those of modules alone: `no-tests` of one that has no test at all, and `env-changed` of one that
    left its environment altered, where the run asks for that (`--fail-env-changed`).
    """

    PASS = "pass"
    FAIL = "fail"
    ERROR = "error"
    SKIP = "skip"
    NO_TESTS = "no-tests"
    ENV_CHANGED = "env-changed"
    EXPECTED_FAILURE = "expected-failure"
    UNEXPECTED_SUCCESS = "unexpected-success"
    CRASH = "crash"
    TIMEOUT = "timeout"
    NOT_RUN = "not-run"

    @property
    def is_good(self) -> bool:
        """True for an outcome that needs no expectation."""
        return self in _GOOD

    @property
    def severity(self) -> int:
        """Rank for choosing the worst of several; higher is worse."""
        return _SEVERITY[self]


DEATHS = frozenset({Outcome.CRASH, Outcome.TIMEOUT})
"""What ends the interpreter that the case ran in: the cases after it run in another one."""

NOTHING_RAN = frozenset({Outcome.SKIP, Outcome.NO_TESTS})
"""The outcomes of a module of which, as a whole, nothing ran: it skipped all it has, or it has nothing."""

# Thousands of cases are read at a time, and a look-up here takes a third of a call of Outcome.
_BY_NAME = {outcome.value: outcome for outcome in Outcome}
_GOOD = frozenset({Outcome.PASS, Outcome.SKIP, Outcome.NO_TESTS, Outcome.EXPECTED_FAILURE})
_SEVERITY = {
    outcome: rank
    for rank, outcome in enumerate(
        (
            Outcome.NO_TESTS,
            Outcome.SKIP,
            Outcome.PASS,
            Outcome.EXPECTED_FAILURE,
            Outcome.ENV_CHANGED,
            Outcome.UNEXPECTED_SUCCESS,
            Outcome.FAIL,
            Outcome.ERROR,
            Outcome.NOT_RUN,
            Outcome.TIMEOUT,
            Outcome.CRASH,
        )
    )
}


@dataclass(frozen=True, kw_only=True)
class Detail:
    """Why an outcome is what it is. Every field may be empty.

    `reason` is a skip reason or, for a case that was not run, the id of the fixture or case that prevented
    it. `exception` is the exception's type, or the trap of a crash. `message` is its text, `traceback` its
    tail. `python_stack` is what ran in Python when the interpreter crashed or was stopped, the most recent call last.
    """

    reason: str = ""
    exception: str = ""
    message: str = ""
    traceback: str = ""
    python_stack: str = ""

    @property
    def frames(self) -> str:
        """Where in Python it happened: the tail of the traceback, or the stack of an interpreter that died."""
        return self.traceback or self.python_stack

    def to_json(self) -> dict[str, str]:
        """Only the fields that say something."""
        return {key: value for key, value in vars(self).items() if value}


_NO_DETAIL = Detail()


@dataclass(frozen=True, kw_only=True)
class SubtestResult:
    """One subTest that did not pass: its parameters as unittest prints them, and what it did."""

    params: str
    outcome: Outcome
    detail: Detail = Detail()

    def to_json(self) -> dict[str, Any]:
        return {"params": self.params, "outcome": self.outcome.value, "detail": self.detail.to_json()}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> SubtestResult:
        return cls(params=data["params"], outcome=Outcome(data["outcome"]), detail=Detail(**data["detail"]))


@dataclass(frozen=True, kw_only=True)
class CaseResult:
    """The outcome of one case. `seconds` is wall time inside the guest. `tries` are the outcomes of all its runs, the
    first one's first; empty when it ran once. `id` is what unittest calls it where that is not `case`: empty otherwise.
    """

    case: str
    outcome: Outcome
    seconds: float = 0.0
    detail: Detail = Detail()
    subtests: tuple[SubtestResult, ...] = ()
    tries: tuple[Outcome, ...] = ()
    id: str = ""

    @property
    def unittest_id(self) -> str:
        """What unittest calls it."""
        return self.id or self.case

    @property
    def changed_its_mind(self) -> bool:
        """Whether its runs did not all come out alike."""
        return len(set(self.tries)) > 1

    @property
    def telling(self) -> Detail:
        """Its detail, or that of its first bad subtest when only subtests failed."""
        if self.detail != _NO_DETAIL:
            return self.detail
        return next((subtest.detail for subtest in self.subtests if not subtest.outcome.is_good), self.detail)

    def to_json(self) -> dict[str, Any]:
        """The case's value in results.json; its id is the key there."""
        data: dict[str, Any] = {"outcome": self.outcome.value, "seconds": round(self.seconds, 4)}
        if detail := self.detail.to_json():
            data["detail"] = detail
        if self.subtests:
            data["subtests"] = [subtest.to_json() for subtest in self.subtests]
        if self.tries:
            data["tries"] = [outcome.value for outcome in self.tries]
        if self.id:
            data["id"] = self.id
        return data

    @classmethod
    def from_json(cls, case: str, data: Mapping[str, Any]) -> CaseResult:
        return cls(
            case=case,
            outcome=_BY_NAME[data["outcome"]],
            seconds=_seconds(data["seconds"]),
            detail=Detail(**data["detail"]) if "detail" in data else _NO_DETAIL,
            subtests=tuple(map(SubtestResult.from_json, data["subtests"])) if "subtests" in data else (),
            tries=tuple(map(Outcome, data["tries"])) if "tries" in data else (),
            id=data.get("id", ""),
        )


@dataclass(frozen=True, kw_only=True)
class ModuleResult:
    """One module's cases and how running them went.

    `outcome` is the module's own word where it has one (a module-level skip, an import that failed), else the
    worst of its cases. What belongs to no case stands in `cases` under the module's dotted name. `complete`
    says that every case of the module was asked for and has its outcome: only then does the absence of a case
    mean something. `env_changed` is regrtest's "altered the execution environment"; `env_tries` says so of each of its
    whole runs, the first one first, and is empty when it ran once. `own` says that it is a test file of the user's, and
    not a module of the suite.

    `word` is what regrtest said of the module when the interpreter ran last, in lower case; empty when it did not come
    to that. `exit_status` is the status with which that interpreter ended, None when it ended otherwise. Results that
    were written before these were recorded have neither.
    """

    module: str
    outcome: Outcome
    seconds: float
    attempts: int
    complete: bool
    cases: tuple[CaseResult, ...]
    env_changed: bool = False
    env_tries: tuple[bool, ...] = ()
    detail: Detail = Detail()
    output: str = ""
    word: str = ""
    exit_status: int | None = None
    own: bool = False

    def counts(self) -> Counter[Outcome]:
        """How many cases had each outcome."""
        return Counter(case.outcome for case in self.cases)

    def to_json(self) -> dict[str, Any]:
        data: dict[str, Any] = {
            "outcome": self.outcome.value,
            "seconds": round(self.seconds, 3),
            "attempts": self.attempts,
            "complete": self.complete,
            "cases": {case.case: case.to_json() for case in self.cases},
        }
        if self.env_changed:
            data["env_changed"] = True
        if self.env_tries:
            data["env_tries"] = list(self.env_tries)
        if detail := self.detail.to_json():
            data["detail"] = detail
        if self.output:
            data["output"] = self.output
        if self.word:
            data["word"] = self.word
        if self.exit_status is not None:
            data["exit_status"] = self.exit_status
        if self.own:
            data["own"] = True
        return data

    @classmethod
    def from_json(cls, module: str, data: Mapping[str, Any]) -> ModuleResult:
        return cls(
            module=module,
            outcome=Outcome(data["outcome"]),
            seconds=_seconds(data["seconds"]),
            attempts=data["attempts"],
            complete=data["complete"],
            cases=tuple(CaseResult.from_json(case, value) for case, value in data["cases"].items()),
            env_changed=data.get("env_changed", False),
            env_tries=tuple(map(bool, data.get("env_tries", ()))),
            detail=Detail(**data.get("detail", {})),
            output=data.get("output", ""),
            word=data.get("word", ""),
            exit_status=data.get("exit_status"),
            own=data.get("own", False),
        )


def _seconds(value: Any) -> float:
    """A duration as it was written down. ValueError for what is none."""
    if type(value) not in {int, float} or not 0 <= value < _NO_DURATION:
        raise ValueError(f"seconds: {value!r}")
    return float(value)


# Three hundred years. Beyond it, and for NaN, a duration is a mistake, and the history cannot keep all of them.
_NO_DURATION = 1e10


def worst(outcomes: Sequence[Outcome]) -> Outcome:
    """The most severe outcome; `not-run` when there is none."""
    return max(outcomes, key=lambda outcome: outcome.severity, default=Outcome.NOT_RUN)


_PREVENTING = frozenset(Outcome) - {Outcome.PASS, Outcome.EXPECTED_FAILURE, Outcome.NOT_RUN}


def judged_cases(result: ModuleResult) -> tuple[CaseResult, ...]:
    """The module's cases, and the module itself where no case accounts for its outcome.

    A module that was skipped as a whole, or died before its first case, is one case under its dotted name. Of
    a module of which nothing was asked there is none.
    """
    nothing_asked = not result.complete and result.outcome is Outcome.NOT_RUN
    unaccounted = not result.outcome.is_good and all(case.outcome.is_good for case in result.cases)
    if nothing_asked or (result.cases and not unaccounted):
        return result.cases
    name = dotted(result.module, own=result.own)
    own = CaseResult(case=name, outcome=result.outcome, seconds=result.seconds, detail=result.detail)
    return (*(case for case in result.cases if case.case != name), own)


def follows(case: CaseResult, cases: Mapping[str, CaseResult]) -> bool:
    """Whether the case was not run because of another one, which is judged in its place."""
    cause = cases.get(case.detail.reason)
    return case.outcome is Outcome.NOT_RUN and cause is not None and cause.outcome in _PREVENTING
