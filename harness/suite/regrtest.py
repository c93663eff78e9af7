"""What regrtest says, and how it is asked. Pure.

It has a word for a module beyond its cases, but prints the reason for it and keeps it nowhere else.
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
# The status with which regrtest ends after its word on the only module: `State` in Lib/test/libregrtest/result.py and
# `TestResults.get_exitcode` in results.py, alike in CPython 3.11.5 and later, 3.12, 3.13 and 3.14. Where there are two,
# the second is that of an option (--fail-env-changed), or of `Regrtest._main` in 3.11.0 to 3.11.4, for which a module
# that ran no test is no reason to fail.
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
# regrtest raises it itself, after it has printed why.
_NOT_LOADED = "errors while loading tests"
_EXCEPTION = re.compile(r"^(?:\w+\.)*(\w*(?:Error|Exception|Exit|Warning|Interrupt))(?:: (.*))?$", re.MULTILINE)
# What cannot stand in a line of a file as it is, as a set of characters that has it inside.
_IN_A_SET = {"\n": "[\t-\v]", "\r": "[\f-\x0e]"}
_SURROGATE = "[\ud7ff-\ue000]"


@dataclass(frozen=True, kw_only=True)
class RegrtestWord:
    """regrtest's `state` of a module (Lib/test/libregrtest/result.py), in lower case, and what was printed.

    `filtered` says that only some of its cases were asked for. `error` is the exception that ended the module, if any;
    `error_is_known` says that a case has it already.
    """

    module: str
    state: str
    output: str
    filtered: bool = False
    error: Detail = field(default_factory=Detail)
    error_is_known: bool = False


def fits(state: str, status: int) -> bool:
    """Whether the interpreter has to end with this status after that word. Of a word that is not known, which is no
    good one, any status will do.
    """
    return bool(state) and status in _STATUSES.get(state, (status,))


_FRAME = re.compile(r'  File ".*", line (\d+|\?\?\?) in ')
_CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f]")
_OUR_FRAME = '"<harness agent>"'


def own_result(dotted: str, word: RegrtestWord, cases: Mapping[str, CaseResult]) -> CaseResult | None:
    """The module's own result under its dotted name: a module-level skip, an exception outside any case, a word that is
    not known.

    None when its cases say it all.
    """
    outcome = _STATE_OUTCOMES.get(word.state, Outcome.ERROR)
    explained = any(not case.outcome.is_good for case in cases.values())
    if outcome is None or (explained and outcome is Outcome.FAIL) or (cases and outcome in NOTHING_RAN):
        return None
    if word.error_is_known and outcome is Outcome.ERROR:
        return None
    if outcome is Outcome.NO_TESTS and word.filtered:
        # The module may well have tests: none of them is among those that were asked for.
        outcome = Outcome.SKIP
    return CaseResult(case=dotted, outcome=outcome, detail=_detail(word))


def _detail(word: RegrtestWord) -> Detail:
    if word.state == "did_not_run":
        return Detail(reason=NOTHING_MATCHED if word.filtered else NO_TESTS)
    if word.state not in _STATE_OUTCOMES:
        return Detail(message=f"regrtest's word on the module is {word.state!r}, which is not known")
    skipped = re.search(rf"^{re.escape(word.module)} skipped -- (.*)$", word.output, re.MULTILINE)
    if skipped:
        return Detail(reason=skipped.group(1))
    exception, message = word.error.exception, word.error.message
    if not exception or message == _NOT_LOADED:
        printed = _EXCEPTION.findall(word.output.replace(f"Exception: {_NOT_LOADED}", ""))
        exception, message = (printed or [(exception, message)])[-1]
        return Detail(exception=exception, message=message, traceback=word.output)
    return Detail(exception=exception, message=message, traceback=word.error.traceback or word.output)


def exact_pattern(case: str) -> str:
    """A pattern for regrtest's fnmatch, on one line, that matches this id of unittest's alone."""
    last = len(case) - 1
    return "".join(_literal(character, index in {0, last}) for index, character in enumerate(case))


def _literal(character: str, is_at_end: bool) -> str:
    """A pattern for the character. regrtest strips its lines of white space."""
    if "\ud800" <= character <= "\udfff":
        return _SURROGATE
    if character in "[*?" or (is_at_end and character.isspace()):
        return _IN_A_SET.get(character, f"[{character}]")
    return _IN_A_SET.get(character, character)


def stack_in_order(printed: str) -> str:
    """The stack of Python that an interpreter printed when it had trapped, as tracebacks have it: the most recent call
    last. Empty when nothing of it can be read.

    `Stack (most recent call first):`, then `  File "/Lib/json/encoder.py", line 262 in _iterencode`, and so on: of 100
    frames at most (Python/traceback.c). What the harness itself has at the bottom is left out. Where the stack of
    wasm grew over static data, single characters of what is printed are others: those that cannot be are spaces.
    """
    frames = [line for line in _CONTROL.sub(" ", printed).splitlines() if _FRAME.match(line)]
    shown = [frame for frame in reversed(frames) if _OUR_FRAME not in frame]
    return "\n".join(["Stack (most recent call last):", *shown]) if shown else ""


def trap_headline(reason: str) -> str:
    """The line of a trap that names its kind: wasmtime has it last, under `Caused by`; Node first."""
    lines = [line.strip() for line in reason.splitlines() if line.strip()]
    traps = [line for line in lines if line.startswith("wasm trap:") or "memory fault" in line]
    causes = lines[lines.index("Caused by:") + 1 :] if "Caused by:" in lines else []
    return (traps or causes[-1:] or lines or [""])[0][:200]
