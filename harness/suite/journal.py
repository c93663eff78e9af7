"""The journal of one attempt at a module, read into what is known afterwards. Pure.

The agent writes one JSON line per event (harness/guest/agent/agent.py lists them). What the last lines leave open
is where the guest stood when it ended: inside a case, inside a fixture, between two cases, or outside of all.

What a guest writes is not trusted: a line that is no event as the agent writes them costs that line alone.
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

from harness.results.outcomes import NO_DETAIL, CaseResult, Detail, Outcome, SubtestResult, worst

NO_OUTCOME = "unittest reported no outcome"
_FIXTURE = re.compile(r"(?:setUp|tearDown)(?:Class|Module) \(.*\)")
# What results call other things than cases.
_NOT_A_CASE = re.compile(rf"{_FIXTURE.pattern}|after \(.*\)")
# What a name has behind the id of a module's own doctest, which is that of the module.
DOCSTRING = ".__doc__"
_NUMBER = re.compile(r"#\d+$")
# What unittest reports; that an interpreter died, or a case was not run, is not for a guest to say.
_OUTCOMES = frozenset({"pass", "fail", "error", "skip", "expected-failure", "unexpected-success"})
_NO_DURATION = 1e10
_DETAIL_FIELDS = frozenset(Detail.__struct_fields__)


class Names:
    """What results call the cases of one module: each by its id on one line, if nothing else is called so.

    The second case of an id has `#2` behind it, or the next number that is free. One whose id is that of its module,
    as a doctest of the module's docstring, has `.__doc__` behind it; one whose id is a fixture's name `#1`. `modules`
    are the ids that stand for the module itself.
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
    """What one start of the guest reported. `open_case` or `open_fixture` is what it was in when the journal
    ended.

    `state` is regrtest's word on the module, empty when it never came to it. `error` is the exception that ended the
    module there, if any; `error_is_known` says that it is already in the result of a case. `planned` are the cases that
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
    """Folds the events of one attempt. `names` are those of earlier attempts at the module, and come to be those of
    this one too.
    """
    names = names or Names()
    planned: list[str] | None = None
    cases: list[CaseResult] = []
    announced: Counter[str] = Counter()
    seen: Counter[str] = Counter()
    fixtures: Counter[str] = Counter()
    imports: set[str] = set()
    attempt = Attempt()
    for event in events:
        match event["e"]:
            case "plan":
                planned = [*(planned or ()), *_planned(event["ids"], announced, names)]
            case "start":
                name = names.of(event["id"], seen[event["id"]] + 1)
                attempt = replace(attempt, open_case=name, open_fixture="")
            case "end":
                seen[event["id"]] += 1
                cases.append(_case_of(event, name := names.of(event["id"], seen[event["id"]])))
                still_open = "" if attempt.open_case == name else attempt.open_case
                attempt = replace(attempt, open_case=still_open, last_case=clean_id(event["id"]))
            case "outside":
                # What is not called like a fixture is a case that did not even start.
                is_fixture = bool(_FIXTURE.fullmatch(event["id"]))
                count = fixtures if is_fixture else seen
                count[event["id"]] += 1
                cases.append(_outside(event, names.of(event["id"], count[event["id"]], is_fixture=is_fixture)))
                attempt = replace(attempt, open_fixture="")
            case "fixture":
                attempt = replace(attempt, open_fixture=clean_id(event["id"]))
            case "module":
                attempt = replace(attempt, open_fixture="", **_word(event))
            case "import":
                imports.add(clean_id(event["path"]))
    return replace(
        attempt,
        planned=None if planned is None else tuple(planned),
        cases=tuple(cases),
        imports=frozenset(imports),
    )


def _planned(ids: Sequence[str], announced: Counter[str], names: Names) -> Iterator[str]:
    """The names of planned cases. An id that only looks like a number of another one keeps its own name."""
    for case in ids:
        names.of(case)
    for case in ids:
        announced[case] += 1
        yield names.of(case, announced[case])


def _word(event: Mapping[str, Any]) -> dict[str, Any]:
    given = event.get("d", {})
    error = _detail(given) if _is_detail(given) else Detail()
    return {"state": clean_id(event["state"]), "error": error, "error_is_known": event.get("known") is True}


def clean_id(case: str) -> str:
    """The id on one line: a parametrised name may hold anything."""
    return "".join(character if character.isprintable() else "?" for character in case)


def unnumbered(case: str) -> str:
    """A case's name without the number that it has if there is another one of its id."""
    return _NUMBER.sub("", case)


def _case_of(event: Mapping[str, Any], case: str) -> CaseResult:
    subtests = tuple(
        SubtestResult(params=clean_id(sub["params"]), outcome=Outcome(sub["outcome"]), detail=_detail(sub["detail"]))
        for sub in event["s"]
    )
    # unittest has a word for every case but one that runs itself in a way of its own.
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
    """A detail whose texts can be written to any file: no encoding has half a surrogate pair."""
    if not fields:
        return NO_DETAIL
    return Detail(**{name: text.encode("utf-8", "backslashreplace").decode() for name, text in fields.items()})


def victims_of(fixture: str, planned: Sequence[str]) -> tuple[str, ...]:
    """The planned cases that a failing or skipping fixture keeps from running: `setUpClass (a.B)` those of
    `a.B`.
    """
    kind, _, scope = fixture.rstrip(")").partition(" (")
    if kind not in {"setUpClass", "setUpModule"}:
        return ()
    return tuple(case for case in planned if case.startswith(scope + "."))


def settle(attempt: Attempt, results: Mapping[str, CaseResult], planned: Sequence[str]) -> dict[str, CaseResult]:
    """Outcomes of planned cases that a fixture keeps from starting: skipped with it, or not run."""
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
