"""The journal of one attempt at a module, read into what is known afterwards. Pure.

The agent writes one JSON line per event (harness/guest/agent.py lists them). What the last lines leave open
is where the guest stood when it ended: inside a case, inside a fixture, between two cases, or outside of all.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from harness.outcomes import CaseResult, Detail, Outcome, SubtestResult, worst


@dataclass(frozen=True, kw_only=True)
class Attempt:
    """What one start of the guest told. `open_case` or `open_fixture` is what it was in when the journal
    ended.

    `state` is regrtest's word on the module, empty when it never came to it. `planned` are the ids that
    unittest was about to run, in its order; None when it did not get that far. Of a case that is there twice under one
    id, the second has `#2` behind it.
    """

    planned: tuple[str, ...] | None = None
    cases: tuple[CaseResult, ...] = ()
    open_case: str = ""
    open_fixture: str = ""
    last_case: str = ""
    state: str = ""


def parse_events(text: bytes) -> list[Mapping[str, Any]]:
    """The events of a journal; a last line that was cut off is left out."""
    events: list[Mapping[str, Any]] = []
    for line in text.split(b"\n")[:-1]:
        try:
            event = json.loads(line)
        except ValueError:
            continue
        if isinstance(event, dict) and "e" in event:
            events.append(event)
    return events


def read_attempt(events: Iterable[Mapping[str, Any]]) -> Attempt:
    """Folds the events of one attempt."""
    planned: list[str] | None = None
    cases: list[CaseResult] = []
    announced: Counter[str] = Counter()
    seen: Counter[str] = Counter()
    attempt = Attempt()
    for event in events:
        match event["e"]:
            case "plan":
                planned = [*(planned or ()), *(_numbered(clean_id(case), announced) for case in event["ids"])]
            case "start":
                name = clean_id(event["id"])
                attempt = replace(attempt, open_case=_nth(name, seen[name] + 1), open_fixture="")
            case "end":
                cases.append(_case_of(event, _numbered(clean_id(event["id"]), seen)))
                attempt = replace(attempt, open_case="", last_case=clean_id(event["id"]))
            case "outside":
                cases.append(_outside(event, _numbered(clean_id(event["id"]), seen)))
                attempt = replace(attempt, open_fixture="")
            case "fixture":
                attempt = replace(attempt, open_fixture=clean_id(event["id"]))
            case "module":
                attempt = replace(attempt, state=str(event["state"]), open_fixture="")
    return replace(attempt, planned=None if planned is None else tuple(planned), cases=tuple(cases))


def clean_id(case: str) -> str:
    """The id on one line: a parametrised name may hold anything."""
    return "".join(character if character.isprintable() else "?" for character in case)


def _numbered(case: str, seen: Counter[str]) -> str:
    seen[case] += 1
    return _nth(case, seen[case])


def _nth(case: str, number: int) -> str:
    return case if number == 1 else f"{case}#{number}"


def unnumbered(case: str) -> str:
    """The id as the suite knows it."""
    return re.sub(r"#\d+$", "", case)


def _case_of(event: Mapping[str, Any], case: str) -> CaseResult:
    subtests = tuple(
        SubtestResult(params=clean_id(sub["params"]), outcome=Outcome(sub["outcome"]), detail=Detail(**sub["detail"]))
        for sub in event["s"]
    )
    # unittest has a word for every case but one that a KeyboardInterrupt ended.
    outcome = worst([Outcome(word) for word in event["o"]] or [Outcome.ERROR])
    detail = Detail(**event["d"]) if event["o"] else Detail(exception="KeyboardInterrupt")
    return CaseResult(case=case, outcome=outcome, seconds=event["t"], detail=detail, subtests=subtests)


def _outside(event: Mapping[str, Any], case: str) -> CaseResult:
    return CaseResult(case=case, outcome=Outcome(event["o"]), detail=Detail(**event["d"]))


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
