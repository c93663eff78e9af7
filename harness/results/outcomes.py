"""Outcomes of cases and modules, and their records in results.json.

The names of outcomes are regrtest's and unittest's; `crash`, `timeout` and `not-run` are the harness's own.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Annotated, Any

import msgspec

from harness.results.case_ids import dotted
from harness.util.json_text import decode_json, encode_json


class Outcome(StrEnum):
    """What one case did.

    Two are outcomes of modules only: `no-tests` of a module without any test, and `env-changed` of one that altered
    its environment, in a run with `--fail-env-changed`.
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
"""Outcomes with which the interpreter ended: the remaining cases of the module ran in another one."""

NOTHING_RAN = frozenset({Outcome.SKIP, Outcome.NO_TESTS})
"""Outcomes of a module that ran no case: it was skipped as a whole, or has none."""

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


class Record(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A part of results.json, which leaves out what has its default value."""


Seconds = Annotated[float, msgspec.Meta(ge=0, lt=1e10)]
"""A duration. The limit, 300 years, only keeps out numbers that the history could not store."""


class Detail(Record, frozen=True, kw_only=True):
    """Why an outcome is what it is. Every field may be empty.

    `reason` is a skip reason or, for a case that was not run, the name of the fixture or case that prevented it.
    `exception` is the type of an exception, or the trap of a crash; `message` is its text, and `traceback` the end of
    its traceback. `python_stack` is the stack of Python when the interpreter crashed or was stopped, the most recent
    call last; `wasm_stack` is the stack of wasm functions then, the innermost first. `output` is the end of the output
    of an interpreter that died without either stack.
    """

    reason: str = ""
    exception: str = ""
    message: str = ""
    traceback: str = ""
    python_stack: str = ""
    wasm_stack: str = ""
    output: str = ""

    @property
    def frames(self) -> str:
        """Where in Python it happened: the tail of the traceback, or the stack of an interpreter that died."""
        return self.traceback or self.python_stack


# An empty detail is left out of results.json, which msgspec decides by its identity.
NO_DETAIL = Detail()


class SubtestResult(Record, frozen=True, kw_only=True):
    """One subTest that did not pass: its parameters as unittest prints them, and what it did."""

    params: str
    outcome: Outcome
    detail: Detail = NO_DETAIL


class CaseResult(Record, frozen=True, kw_only=True):
    """The outcome of one case. `case` is its name, and `id` its unittest id if that is another text, else empty.
    `seconds` is wall time inside the guest. `tries` are the outcomes of all its runs in their order; empty when it ran
    once.
    """

    case: str = ""
    outcome: Outcome
    # A factory, so that zero is written too.
    seconds: Seconds = msgspec.field(default_factory=float)
    detail: Detail = NO_DETAIL
    subtests: tuple[SubtestResult, ...] = ()
    tries: tuple[Outcome, ...] = ()
    id: str = ""

    @property
    def unittest_id(self) -> str:
        """The id that unittest gives the case."""
        return self.id or self.case

    @property
    def is_inconsistent(self) -> bool:
        """Whether its runs had different outcomes."""
        return len(set(self.tries)) > 1

    @property
    def shown_detail(self) -> Detail:
        """The detail to show: its own, or that of its first failed subtest if only subtests failed."""
        if self.detail != NO_DETAIL:
            return self.detail
        return next((subtest.detail for subtest in self.subtests if not subtest.outcome.is_good), self.detail)


class PartsRun(Record, frozen=True, kw_only=True):
    """Which parts of a module a shard has run, by their numbers from 1, and the `count` of all. `complete` says that
    each of them was run to its end, `besides` is the least that one of them took besides its cases, in seconds.
    """

    numbers: tuple[int, ...]
    count: int
    complete: bool
    besides: Seconds


class _ModuleFields(Record, frozen=True, kw_only=True):
    """The fields of a module's result that are the same in memory and in results.json."""

    outcome: Outcome
    seconds: Seconds
    attempts: int
    complete: bool
    env_changed: bool = False
    env_tries: tuple[bool, ...] = ()
    detail: Detail = NO_DETAIL
    output: str = ""
    word: str = ""
    exit_status: int | None = None
    own: bool = False
    imports: tuple[str, ...] = ()
    parts: PartsRun | None = None


class ModuleResult(_ModuleFields, frozen=True, kw_only=True):
    """One module's cases and how running them went.

    `outcome` is that of the module itself where it has one (a module-level skip, an import that failed), else the worst
    of its cases. A result that belongs to no case is in `cases` under the module's dotted name. `complete` says that
    every case of the module was to run and has an outcome: only then does a case that is absent not exist.

    `env_changed` is regrtest's "altered the execution environment"; `env_tries` has the same for each of several runs
    of the whole module, in their order, and is empty when it ran once. `own` says that it is a test file of the user's,
    and not a module of the suite.

    `word` is regrtest's state of the module at the last start of the interpreter, in lower case; empty when it ended
    before that. `exit_status` is the status with which that interpreter exited, None when it ended in another way.
    Results from before these were recorded have neither.

    `imports` are the files of the standard library that it imported, without those that regrtest itself imports, by
    their paths in the library. They are stored with the durations and not in results.json.

    `parts` says which parts of the module ran, when the others are in other shards: such a result is not `complete`,
    and `seconds` is the sum over these parts.
    """

    module: str
    cases: tuple[CaseResult, ...]

    def counts(self) -> Counter[Outcome]:
        """How many cases had each outcome."""
        return Counter(case.outcome for case in self.cases)


class ModuleRecord(_ModuleFields, frozen=True, kw_only=True):
    """A module in results.json, where the name of a case is its key."""

    cases: dict[str, CaseResult]

    @classmethod
    def of(cls, result: ModuleResult) -> ModuleRecord:
        """The record of a result, with durations rounded to the precision of the clock."""
        fields = _shared(result) | {"seconds": round(result.seconds, 3), "detail": _omitted_if_empty(result.detail)}
        cases = {
            case.case: msgspec.structs.replace(
                case, case="", seconds=round(case.seconds, 4), detail=_omitted_if_empty(case.detail)
            )
            for case in result.cases
        }
        return cls(**fields, cases=cases)

    def result(self, module: str) -> ModuleResult:
        """The result of the module of that name, as this record has it."""
        cases = tuple(msgspec.structs.replace(case, case=name) for name, case in self.cases.items())
        return ModuleResult(**_shared(self), module=module, cases=cases)


def _omitted_if_empty(detail: Detail) -> Detail:
    """The detail; for an empty one NO_DETAIL itself, which is left out of results.json."""
    return detail if detail != NO_DETAIL else NO_DETAIL


def _shared(module: _ModuleFields) -> dict[str, Any]:
    return {name: getattr(module, name) for name in _ModuleFields.__struct_fields__}


def encode_module(result: ModuleResult) -> str:
    """The JSON of one module's result, which a run writes when the module is finished, and reads when it is resumed."""
    return encode_json(ModuleRecord.of(result))


def decode_module(module: str, text: str) -> ModuleResult:
    """The result of the module that `encode_module` wrote. ValueError for any other text."""
    return decode_json(text.encode(), ModuleRecord).result(module)


def worst(outcomes: Sequence[Outcome]) -> Outcome:
    """The most severe outcome; `not-run` when there is none."""
    return max(outcomes, key=lambda outcome: outcome.severity, default=Outcome.NOT_RUN)


_PREVENTING = frozenset(Outcome) - {Outcome.PASS, Outcome.EXPECTED_FAILURE, Outcome.NOT_RUN}


def judged_cases(result: ModuleResult) -> tuple[CaseResult, ...]:
    """The cases of the module that get a verdict: its own cases, and the module itself if no case accounts for its
    outcome.

    A module that was skipped as a whole, or died before its first case, is one case under its dotted name. A module
    that has none of the cases that were to run has no case here either.
    """
    nothing_asked = not result.complete and result.outcome is Outcome.NOT_RUN
    unaccounted = not result.outcome.is_good and all(case.outcome.is_good for case in result.cases)
    if nothing_asked or (result.cases and not unaccounted):
        return result.cases
    name = dotted(result.module, own=result.own)
    own = CaseResult(case=name, outcome=result.outcome, seconds=result.seconds, detail=result.detail)
    return (*(case for case in result.cases if case.case != name), own)


def follows(case: CaseResult, cases: Mapping[str, CaseResult]) -> bool:
    """Whether the case was not run because of another one, which gets the verdict instead."""
    cause = cases.get(case.detail.reason)
    return case.outcome is Outcome.NOT_RUN and cause is not None and cause.outcome in _PREVENTING
