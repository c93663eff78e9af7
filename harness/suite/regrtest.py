"""What regrtest reports of a module, the patterns that it takes, and the stacks that interpreters print. Pure.

regrtest has a state for a module, besides the outcomes of its cases. The reason for the state it only prints.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from harness.results.outcomes import NOTHING_RAN, CaseResult, Detail, Outcome

_STATE_OUTCOMES = {
    "skipped": Outcome.SKIP,
    "resource_denied": Outcome.SKIP,
    "did_not_run": Outcome.NO_TESTS,
    "uncaught_exc": Outcome.ERROR,
    "interrupted": Outcome.ERROR,
    "failed": Outcome.FAIL,
    "refleak": Outcome.FAIL,
    "passed": None,
    "env_changed": None,
}
# The exit status of regrtest by the state of its only module: `State` in Lib/test/libregrtest/result.py and
# `TestResults.get_exitcode` in results.py, which are the same in CPython 3.11.5 and later, 3.12, 3.13 and 3.14. The
# second of two is that of an option (--fail-env-changed), or of `Regrtest._main` in 3.11.0 to 3.11.4, which does not
# fail for a module that ran no test.
_STATUSES = {
    "passed": (0,),
    "skipped": (0,),
    "resource_denied": (4, 0),
    "did_not_run": (4, 0),
    "env_changed": (0, 3),
    "failed": (2,),
    "uncaught_exc": (2,),
    "refleak": (2,),
    "interrupted": (130,),
}
NOTHING_MATCHED = "no case matched"
NO_TESTS = "the module has no tests"
# The text of the exception that regrtest raises after it has printed why.
_NOT_LOADED = "errors while loading tests"
_EXCEPTION = re.compile(r"^(?:\w+\.)*(\w*(?:Error|Exception|Exit|Warning|Interrupt))(?:: (.*))?$", re.MULTILINE)
# Characters that would end a line of a file, as a range for fnmatch that includes them.
_IN_A_SET = {"\n": "[\t-\v]", "\r": "[\f-\x0e]"}
_SURROGATE = "[\ud7ff-\ue000]"


@dataclass(frozen=True, kw_only=True)
class RegrtestReport:
    """What regrtest reports of a module: its `state` (Lib/test/libregrtest/result.py) in lower case, and the output.

    `filtered` says that only some of its cases were to run. `error` is the exception that ended the module, if any;
    `error_is_known` says that the result of a case has it already.
    """

    module: str
    state: str
    output: str
    filtered: bool = False
    error: Detail = field(default_factory=Detail)
    error_is_known: bool = False


def fits(state: str, status: int) -> bool:
    """Whether the exit status of the interpreter is the one that regrtest gives this state. A state that is not known
    fits any status: its module has failed anyway.
    """
    return bool(state) and status in _STATUSES.get(state, (status,))


_FRAME = re.compile(r'  File ".*", line (\d+|\?\?\?) in ')
_CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f]")
_OUR_FRAME = '"<harness agent>"'


def own_result(dotted: str, report: RegrtestReport, cases: Mapping[str, CaseResult]) -> CaseResult | None:
    """The module's own result, under its dotted name: a module-level skip, an exception outside of all cases, a state
    that is not known. None when the results of its cases account for the state.
    """
    outcome = _STATE_OUTCOMES.get(report.state, Outcome.ERROR)
    explained = any(not case.outcome.is_good for case in cases.values())
    if outcome is None or (explained and outcome is Outcome.FAIL) or (cases and outcome in NOTHING_RAN):
        return None
    if report.error_is_known and outcome is Outcome.ERROR:
        return None
    if outcome is Outcome.NO_TESTS and report.filtered:
        # The module may have tests, but none of those that were to run.
        outcome = Outcome.SKIP
    return CaseResult(case=dotted, outcome=outcome, detail=_detail(report))


def _detail(report: RegrtestReport) -> Detail:
    if report.state == "did_not_run":
        return Detail(reason=NOTHING_MATCHED if report.filtered else NO_TESTS)
    if report.state not in _STATE_OUTCOMES:
        return Detail(message=f"regrtest's state of the module is {report.state!r}, which is not known")
    skipped = re.search(rf"^{re.escape(report.module)} skipped -- (.*)$", report.output, re.MULTILINE)
    if skipped:
        return Detail(reason=skipped.group(1))
    exception, message = report.error.exception, report.error.message
    if not exception or message == _NOT_LOADED:
        printed = _EXCEPTION.findall(report.output.replace(f"Exception: {_NOT_LOADED}", ""))
        exception, message = (printed or [(exception, message)])[-1]
        return Detail(exception=exception, message=message, traceback=report.output)
    return Detail(exception=exception, message=message, traceback=report.error.traceback or report.output)


def exact_pattern(case: str) -> str:
    """A pattern for regrtest's fnmatch, on one line, that matches only this id of unittest's."""
    last = len(case) - 1
    return "".join(_literal(character, index in {0, last}) for index, character in enumerate(case))


def _literal(character: str, is_at_end: bool) -> str:
    """A pattern for the character. White space at the end of a line needs one, since regrtest strips the lines."""
    if "\ud800" <= character <= "\udfff":
        return _SURROGATE
    if character in "[*?" or (is_at_end and character.isspace()):
        return _IN_A_SET.get(character, f"[{character}]")
    return _IN_A_SET.get(character, character)


def stack_in_order(printed: str) -> str:
    """The stack of Python that an interpreter printed after a trap, in the order of tracebacks, the most recent call
    last. Empty when none of it can be read.

    It prints `Stack (most recent call first):`, then `  File "/Lib/json/encoder.py", line 262 in _iterencode` and so
    on, at most 100 frames (Python/traceback.c). The agent's own frames are left out. Where the stack of wasm has
    overwritten static data, single characters are wrong: control characters become spaces.
    """
    frames = [line for line in _CONTROL.sub(" ", printed).splitlines() if _FRAME.match(line)]
    shown = [frame for frame in reversed(frames) if _OUR_FRAME not in frame]
    return "\n".join(["Stack (most recent call last):", *shown]) if shown else ""


def trap_headline(reason: str) -> str:
    """The line of a trap's text that names its kind: the last one under `Caused by` of wasmtime, the first of Node."""
    lines = [line.strip() for line in reason.splitlines() if line.strip()]
    traps = [line for line in lines if line.startswith("wasm trap:") or "memory fault" in line]
    causes = lines[lines.index("Caused by:") + 1 :] if "Caused by:" in lines else []
    return (traps or causes[-1:] or lines or [""])[0][:200]
