"""What regrtest says, and how it wants to be told. Pure.

It has a word for a module beyond its cases, but prints the reason for it and keeps it nowhere else.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from harness.outcomes import NOTHING_RAN, CaseResult, Detail, Outcome
from harness.suite.journal import unnumbered

_STATE_OUTCOMES = {
    "skipped": Outcome.SKIP,
    "resource_denied": Outcome.SKIP,
    "did_not_run": Outcome.NO_TESTS,
    "uncaught_exc": Outcome.ERROR,
    "failed": Outcome.FAIL,
}
NOTHING_MATCHED = "no case matched"
NO_TESTS = "the module has no tests"
_EXCEPTION = re.compile(r"^(?:\w+\.)*(\w+(?:Error|Exception|Exit|Warning|Interrupt))(?:: (.*))?$", re.MULTILINE)


@dataclass(frozen=True, kw_only=True)
class RegrtestWord:
    """regrtest's `state` of a module (Lib/test/libregrtest/result.py), in lower case, and what was printed.

    `filtered` says that only some of its cases were asked for.
    """

    module: str
    state: str
    output: str
    filtered: bool = False


def own_result(dotted: str, word: RegrtestWord, cases: Mapping[str, CaseResult]) -> CaseResult | None:
    """The module's own result under its dotted name: a module-level skip, an exception outside any case.

    None when its cases say it all.
    """
    outcome = _STATE_OUTCOMES.get(word.state)
    explained = any(not case.outcome.is_good for case in cases.values())
    if outcome is None or (explained and outcome is Outcome.FAIL) or (cases and outcome in NOTHING_RAN):
        return None
    if outcome is Outcome.NO_TESTS and word.filtered:
        # The module may well have tests: none of them is among those that were asked for.
        outcome = Outcome.SKIP
    return CaseResult(case=dotted, outcome=outcome, detail=_detail(word))


def _detail(word: RegrtestWord) -> Detail:
    if word.state == "did_not_run":
        return Detail(reason=NOTHING_MATCHED if word.filtered else NO_TESTS)
    skipped = re.search(rf"^{re.escape(word.module)} skipped -- (.*)$", word.output, re.MULTILINE)
    if skipped:
        return Detail(reason=skipped.group(1))
    exception, message = (_EXCEPTION.findall(word.output) or [("", "")])[-1]
    return Detail(exception=exception, message=message, traceback=word.output)


def exact_pattern(case: str) -> str:
    """A pattern for regrtest's fnmatch that matches this id alone; `?` stands for what is not printable."""
    return re.sub(r"([\[*])", r"[\1]", unnumbered(case))


def trap_headline(reason: str) -> str:
    """The line of a trap that names its kind: wasmtime has it last, under `Caused by`; Node first."""
    lines = [line.strip() for line in reason.splitlines() if line.strip()]
    traps = [line for line in lines if line.startswith("wasm trap:") or "memory fault" in line]
    return (traps or lines or [""])[0][:200]
