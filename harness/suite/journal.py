"""Reads the journal of one attempt at a module. Pure.

The agent writes one JSON line per event (harness/guest/agent/agent.py lists them). The last events show where the guest
was when it ended: inside a case, inside a fixture, between two cases, or outside of all.

What a guest writes is not trusted: a line that is not an event of the agent's form is left out, and no other one.
"""

from __future__ import annotations

import itertools
import json
import re
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from harness.results.case_ids import FIXTURE_KIND
from harness.results.outcomes import NO_DETAIL, CaseResult, Detail, Outcome, SubtestResult, worst

NO_OUTCOME = "unittest reported no outcome"
_FIXTURE = re.compile(rf"{FIXTURE_KIND} \(.*\)")
# Names in results of what is not a case.
_NOT_A_CASE = re.compile(rf"{_FIXTURE.pattern}|after \(.*\)")
# The end of the name of a module's own doctest, whose id is the name of the module.
DOCSTRING = ".__doc__"
_NUMBER = re.compile(r"#\d+$")
# What unittest reports. Only the host can say that an interpreter died, or that a case was not run.
_OUTCOMES = frozenset({"pass", "fail", "error", "skip", "expected-failure", "unexpected-success"})
_NO_DURATION = 1e10
_DETAIL_FIELDS = frozenset(Detail.__struct_fields__)


class Names:
    """The names of a module's cases in results. They are unique; a case has its id as its name where it can.

    The name is on one line. The second case of an id ends with `#2`, or with the next number that is free; a case whose
    id is its module's, such as the doctest of the module's docstring, with `.__doc__`; a case whose id is the name of a
    fixture with `#1`. `modules` are the ids of the module itself.
    """

    def __init__(self, modules: Collection[str] = ()) -> None:
        self._modules = frozenset(modules)
        self._names: dict[tuple[str, int, bool], str] = {}
        self._ids: dict[str, str] = {}

    def of(self, case: str, nth: int = 1, *, is_fixture: bool = False) -> str:
        """The name of the `nth` case of an id, or of the `nth` report of a fixture."""
        key = (case, nth, is_fixture)
        if key not in self._names:
            name = next(name for name in self._candidates(clean_id(case), nth, is_fixture) if name not in self._ids)
            self._names[key], self._ids[name] = name, case
        return self._names[key]

    def id_of(self, name: str) -> str:
        """The id behind a name, as unittest has it; also of a name that no case has had so far."""
        if name in self._ids:
            return self._ids[name]
        module = name.removesuffix(DOCSTRING)
        return module if module in self._modules else name

    def _candidates(self, name: str, nth: int, is_fixture: bool) -> Iterator[str]:
        if name in self._modules:
            name = f"{name}{DOCSTRING}"
        if nth == 1:
            yield f"{name}#1" if _NOT_A_CASE.fullmatch(name) and not is_fixture else name
        yield from (f"{name}#{number}" for number in itertools.count(max(nth, 2)))


@dataclass(frozen=True, kw_only=True)
class Attempt:
    """What one start of the guest reported. `open_case` or `open_fixture` is what it was in when the journal ended.

    `state` is regrtest's state of the module, empty when the guest ended before that. `error` is the exception that
    ended the module, if any; `error_is_known` says that the result of a case has it. `planned` are the cases that
    unittest was about to run, in its order; None when it did not get that far. Cases are named as by `Names`. `imports`
    are the files of the standard library that were imported, by their paths in it.
    """

    planned: tuple[str, ...] | None = None
    cases: tuple[CaseResult, ...] = ()
    open_case: str = ""
    open_fixture: str = ""
    last_case: str = ""
    state: str = ""
    error: Detail = field(default_factory=Detail)
    error_is_known: bool = False
    imports: frozenset[str] = frozenset()


def parse_events(text: bytes) -> list[Mapping[str, Any]]:
    """The events of a journal; a last line that was cut off is left out."""
    return [event for line in text.split(b"\n")[:-1] if (event := _event(line)) is not None]


def _event(line: bytes) -> Mapping[str, Any] | None:
    try:
        event = json.loads(line)
    except (ValueError, RecursionError):
        return None
    kind = event.get("e") if isinstance(event, dict) else None
    fields = _FIELDS.get(kind) if isinstance(kind, str) else None
    whole = fields is not None and all(name in event and check(event[name]) for name, check in fields.items())
    return event if whole else None


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def _is_outcome(value: object) -> bool:
    return isinstance(value, str) and value in _OUTCOMES


def _is_seconds(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < _NO_DURATION


def _is_detail(value: object) -> bool:
    return isinstance(value, dict) and value.keys() <= _DETAIL_FIELDS and all(map(_is_text, value.values()))


def _is_subtest(value: object) -> bool:
    return (
        isinstance(value, dict)
        and _is_text(value.get("params"))
        and _is_outcome(value.get("outcome"))
        and _is_detail(value.get("detail"))
    )


def _is_list_of(check: Callable[[object], bool], value: object) -> bool:
    return isinstance(value, list) and all(map(check, value))


_FIELDS: Mapping[str, Mapping[str, Callable[[object], bool]]] = {
    "plan": {"ids": partial(_is_list_of, _is_text)},
    "start": {"id": _is_text},
    "end": {
        "id": _is_text,
        "t": _is_seconds,
        "o": partial(_is_list_of, _is_outcome),
        "d": _is_detail,
        "s": partial(_is_list_of, _is_subtest),
    },
    "outside": {"id": _is_text, "o": _is_outcome, "d": _is_detail},
    "fixture": {"id": _is_text},
    "import": {"path": _is_text},
    "module": {"state": _is_text},
}


def read_attempt(events: Iterable[Mapping[str, Any]], names: Names | None = None) -> Attempt:
    """What the events of one attempt say. `names` has the names of earlier attempts at the module, and gets those of
    this one.
    """
    reader = _Reader(names or Names())
    for event in events:
        reader.take(event)
    return reader.attempt()


class _Reader:
    """Takes the events of one attempt in their order.

    A case is open from its `start` to its `end`, a fixture until a case starts, unittest reports something outside of
    cases, or the module ends. The events start a, end a, start b leave b open: if the journal ends there, the guest
    died in b.
    """

    def __init__(self, names: Names) -> None:
        self._names = names
        self._planned: list[str] | None = None
        self._cases: list[CaseResult] = []
        self._imports: set[str] = set()
        # How often each id was planned, has started and ended, and how often each fixture was reported.
        self._planned_ids: Counter[str] = Counter()
        self._ended_ids: Counter[str] = Counter()
        self._fixture_ids: Counter[str] = Counter()
        self._so_far = Attempt()

    def take(self, event: Mapping[str, Any]) -> None:
        match event["e"]:
            case "plan":
                self._planned = [*(self._planned or ()), *self._plan(event["ids"])]
            case "start":
                name = self._names.of(event["id"], self._ended_ids[event["id"]] + 1)
                self._so_far = replace(self._so_far, open_case=name, open_fixture="")
            case "end":
                self._end(event)
            case "outside":
                self._report_outside(event)
            case "fixture":
                self._so_far = replace(self._so_far, open_fixture=clean_id(event["id"]))
            case "module":
                self._so_far = replace(self._so_far, open_fixture="", **_state_fields(event))
            case "import":
                self._imports.add(clean_id(event["path"]))

    def attempt(self) -> Attempt:
        return replace(
            self._so_far,
            planned=None if self._planned is None else tuple(self._planned),
            cases=tuple(self._cases),
            imports=frozenset(self._imports),
        )

    def _plan(self, ids: Sequence[str]) -> Iterator[str]:
        """The names of planned cases. All ids are named before any second case of one: `a#2` may be an id itself."""
        for case in ids:
            self._names.of(case)
        for case in ids:
            self._planned_ids[case] += 1
            yield self._names.of(case, self._planned_ids[case])

    def _end(self, event: Mapping[str, Any]) -> None:
        case = event["id"]
        self._ended_ids[case] += 1
        name = self._names.of(case, self._ended_ids[case])
        self._cases.append(_case_of(event, name))
        # The end of a case that is not the open one leaves that open.
        still_open = "" if self._so_far.open_case == name else self._so_far.open_case
        self._so_far = replace(self._so_far, open_case=still_open, last_case=clean_id(case))

    def _report_outside(self, event: Mapping[str, Any]) -> None:
        """A fixture's outcome. What is not named as a fixture is a case that did not even start."""
        name = event["id"]
        is_fixture = bool(_FIXTURE.fullmatch(name))
        count = self._fixture_ids if is_fixture else self._ended_ids
        count[name] += 1
        self._cases.append(_outside(event, self._names.of(name, count[name], is_fixture=is_fixture)))
        self._so_far = replace(self._so_far, open_fixture="")


def _state_fields(event: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of an attempt that the event `module` sets."""
    given = event.get("d", {})
    error = _detail(given) if _is_detail(given) else Detail()
    return {"state": clean_id(event["state"]), "error": error, "error_is_known": event.get("known") is True}


def clean_id(case: str) -> str:
    """The id on one line: that of a parametrised case may contain any character."""
    return "".join(character if character.isprintable() else "?" for character in case)


def unnumbered(case: str) -> str:
    """A case's name without the number that distinguishes it from others of its id."""
    return _NUMBER.sub("", case)


def _case_of(event: Mapping[str, Any], case: str) -> CaseResult:
    subtests = tuple(
        SubtestResult(params=clean_id(sub["params"]), outcome=Outcome(sub["outcome"]), detail=_detail(sub["detail"]))
        for sub in event["s"]
    )
    # unittest reports an outcome for every case, except for one that overrides `run`.
    outcome = worst([Outcome(word) for word in event["o"]] or [Outcome.ERROR])
    detail = _detail(event["d"]) if event["o"] else Detail(message=NO_OUTCOME)
    seconds = float(event["t"])
    return CaseResult(
        case=case, id=_other(event["id"], case), outcome=outcome, seconds=seconds, detail=detail, subtests=subtests
    )


def _outside(event: Mapping[str, Any], case: str) -> CaseResult:
    outcome = Outcome(event["o"])
    return CaseResult(case=case, id=_other(event["id"], case), outcome=outcome, detail=_detail(event["d"]))


def _other(case: str, name: str) -> str:
    return case if case != name else ""


def _detail(fields: Mapping[str, str]) -> Detail:
    """The detail, with lone surrogates as escapes: they cannot be encoded."""
    if not fields:
        return NO_DETAIL
    return Detail(**{name: text.encode("utf-8", "backslashreplace").decode() for name, text in fields.items()})


def victims_of(fixture: str, planned: Sequence[str]) -> tuple[str, ...]:
    """The planned cases that do not run because a fixture failed or skipped: for `setUpClass (a.B)` those of `a.B`."""
    kind, _, scope = fixture.rstrip(")").partition(" (")
    if kind not in {"setUpClass", "setUpModule"}:
        return ()
    return tuple(case for case in planned if case.startswith(scope + "."))


def settle(attempt: Attempt, results: Mapping[str, CaseResult], planned: Sequence[str]) -> dict[str, CaseResult]:
    """Outcomes of the planned cases that did not start because of a fixture: skipped if it skipped, else not run."""
    settled: dict[str, CaseResult] = {}
    for fixture in attempt.cases:
        for case in victims_of(fixture.case, planned):
            if case in results or case in settled:
                continue
            if fixture.outcome is Outcome.SKIP:
                settled[case] = CaseResult(case=case, outcome=Outcome.SKIP, detail=fixture.detail)
            else:
                settled[case] = CaseResult(case=case, outcome=Outcome.NOT_RUN, detail=Detail(reason=fixture.case))
    return settled
