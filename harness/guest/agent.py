"""Runs one module of the test suite inside the built interpreter and writes a journal of what happens.

CPython's own runner does the work: `test.libregrtest` with its resources, filters and environment checks.
This agent only puts its own result class in the place of regrtest's, and notes what unittest's suites do
around the cases. Every event is one JSON line, written with a single system call, so that a journal is whole
up to the moment of a crash. The journal is a descriptor of the engine: it can be appended to, and nothing else.

Usage: `python /harness JOURNAL MODULE [regrtest options...]` with the number of that descriptor, or
`python /harness` alone to get ready and pause: an engine that can keep the memory of the paused interpreter
continues every guest from there.

Events (`e`): `plan` the ids about to run; `start` and `end` of a case; `fixture` a class or module fixture
begins; `outside` something unittest reports under a fixture's name; `module` regrtest's own word on the
module.
"""

import contextlib
import functools
import importlib
import json
import os
import sys
import time
import unittest
import unittest.util
from collections.abc import Iterator
from typing import Any

MESSAGE_LIMIT = 500
TRACEBACK_LIMIT = 6000
RESUME_CODE_LIMIT = 65536

# Tests replace functions of os, time and json for a while; the journal must not notice.
_write, _dumps, _clock = os.pwrite, json.dumps, time.perf_counter
_descriptor = -1


def open_journal(number: str) -> None:
    global _descriptor  # noqa: PLW0603 - there is one journal, and the tests must find nothing of it
    _descriptor = int(number)
    with contextlib.suppress(OSError):
        # In the native reference, processes that a test starts would have it too. A guest has no such call for it.
        os.set_inheritable(_descriptor, False)


def emit(**event: Any) -> None:
    """Appends one event, wherever it is written to."""
    _write(_descriptor, _dumps(event).encode() + b"\n", 0)


def id_of(test: Any) -> str:
    """The id of a case, or of what stands in for one when a fixture fails.

    It is asked of the library's own class: a test may have an `id` of its own, which is another thing or changes while
    it runs. A doctest's id is doctest's to tell; for `unittest.TestCase` all of them have the same.
    """
    try:
        given = next(vars(kind)["id"] for kind in type(test).__mro__ if "id" in vars(kind) and is_of_library(kind))
        return str(given(test))
    except Exception:
        return str(test)


def is_of_library(kind: type) -> bool:
    return kind.__module__.partition(".")[0] in {"unittest", "doctest"}


def type_name(kind: Any) -> str:
    name: str = getattr(kind, "__qualname__", repr(kind))
    module = getattr(kind, "__module__", "builtins")
    return name if module == "builtins" else f"{module}.{name}"


def text_of(value: object) -> str:
    try:
        return str(value)[:MESSAGE_LIMIT]
    except Exception as error:
        return f"<its text cannot be had: {type(error).__name__}>"


def result_class(base: Any) -> Any:
    """regrtest's result class, with a journal."""

    class JournalResult(base):  # type: ignore[misc] # which class it is, the CPython under test decides
        # One result may serve many suites; only the outermost announces its plan.
        journal_planned = False

        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, **kwargs)
            self.journal_case: Any = None

        @property
        def buffer(self) -> bool:
            """Always on, as under `--junit-xml`: what a case prints then stands in its traceback."""
            return True

        @buffer.setter
        def buffer(self, value: bool) -> None:
            pass

        def startTest(self, test: Any) -> None:
            self.journal_case = {"outcomes": [], "detail": {}, "subtests": []}
            emit(e="start", id=id_of(test))
            self.journal_began = _clock()
            super().startTest(test)

        def stopTest(self, test: Any) -> None:
            super().stopTest(test)
            case, self.journal_case = self.journal_case, None
            if case is not None:
                seconds = round(_clock() - self.journal_began, 6)
                emit(
                    e="end",
                    id=id_of(test),
                    t=seconds,
                    o=case["outcomes"],
                    d=case["detail"],
                    s=case["subtests"],
                )

        def journal_note(self, test: Any, outcome: str, detail: dict[str, str] | None = None) -> None:
            case = self.journal_case
            if case is None:
                emit(e="outside", id=id_of(test), o=outcome, d=detail or {})
            else:
                case["outcomes"].append(outcome)
                # What went wrong tells more than why a part was skipped before it.
                if detail and ("exception" in detail or not case["detail"]) and "exception" not in case["detail"]:
                    case["detail"] = detail

        def journal_error(self, test: Any, err: Any) -> dict[str, str]:
            try:
                trace = self._exc_info_to_string(err, test)
            except Exception as error:
                trace = f"<no traceback: {type(error).__name__}>"
            return {
                "exception": type_name(err[0]),
                "message": text_of(err[1]),
                "traceback": trace[-TRACEBACK_LIMIT:],
            }

        def addSuccess(self, test: Any) -> None:
            self.journal_note(test, "pass")
            super().addSuccess(test)

        def addFailure(self, test: Any, err: Any) -> None:
            self.journal_note(test, "fail", self.journal_error(test, err))
            super().addFailure(test, err)

        def addError(self, test: Any, err: Any) -> None:
            self.journal_note(test, "error", self.journal_error(test, err))
            super().addError(test, err)

        def addSkip(self, test: Any, reason: str) -> None:
            case = self.journal_case
            params = getattr(test, "_subDescription", None)
            if params is not None and case is not None:
                # A skipped subTest: unittest reports neither success nor failure of its case after it.
                case["subtests"].append({"params": params(), "outcome": "skip", "detail": {"reason": text_of(reason)}})
            self.journal_note(test, "skip", {"reason": text_of(reason)})
            super().addSkip(test, reason)

        def addExpectedFailure(self, test: Any, err: Any) -> None:
            self.journal_note(test, "expected-failure")
            super().addExpectedFailure(test, err)

        def addUnexpectedSuccess(self, test: Any) -> None:
            self.journal_note(test, "unexpected-success")
            super().addUnexpectedSuccess(test)

        def addSubTest(self, test: Any, subtest: Any, err: Any) -> None:
            if err is not None and self.journal_case is not None:
                outcome = "fail" if issubclass(err[0], test.failureException) else "error"
                detail = self.journal_error(subtest, err)
                self.journal_case["subtests"].append(
                    {"params": subtest._subDescription(), "outcome": outcome, "detail": detail}
                )
                self.journal_note(test, outcome, detail)
            super().addSubTest(test, subtest, err)

    return JournalResult


def ids_in(suite: Any) -> Iterator[str]:
    for test in suite:
        if isinstance(test, unittest.TestSuite):
            yield from ids_in(test)
        elif test is not None:
            yield id_of(test)


def watch_suites(journal_result: Any) -> None:
    """Makes unittest's suites tell what they are about to run, and when a fixture begins."""
    suite: Any = unittest.TestSuite
    run, set_up_class = suite.run, suite._handleClassSetUp
    set_up_module, tear_down_class = suite._handleModuleFixture, suite._tearDownPreviousClass
    tear_down_module = suite._handleModuleTearDown

    def is_ours(result: Any) -> bool:
        return isinstance(result, journal_result)

    def planned_run(self: Any, result: Any, debug: bool = False) -> Any:
        if is_ours(result) and not result.journal_planned:
            result.journal_planned = True
            emit(e="plan", ids=list(ids_in(self)))
        return run(self, result, debug)

    def class_set_up(self: Any, test: Any, result: Any) -> Any:
        if is_ours(result) and test.__class__ is not getattr(result, "_previousTestClass", None):
            emit(e="fixture", id=f"setUpClass ({unittest.util.strclass(test.__class__)})")
        return set_up_class(self, test, result)

    def module_set_up(self: Any, test: Any, result: Any) -> Any:
        if is_ours(result) and test.__class__.__module__ != self._get_previous_module(result):
            emit(e="fixture", id=f"setUpModule ({test.__class__.__module__})")
        return set_up_module(self, test, result)

    def class_tear_down(self: Any, test: Any, result: Any) -> Any:
        previous = getattr(result, "_previousTestClass", None)
        if is_ours(result) and previous is not None and previous is not test.__class__:
            emit(e="fixture", id=f"tearDownClass ({unittest.util.strclass(previous)})")
        return tear_down_class(self, test, result)

    def module_tear_down(self: Any, result: Any) -> Any:
        previous = self._get_previous_module(result)
        if is_ours(result) and previous is not None:
            emit(e="fixture", id=f"tearDownModule ({previous})")
        return tear_down_module(self, result)

    suite.run, suite._handleClassSetUp = planned_run, class_set_up
    suite._handleModuleFixture, suite._tearDownPreviousClass = module_set_up, class_tear_down
    suite._handleModuleTearDown = module_tear_down


def state_of(result: Any) -> str:
    """regrtest's state of a module in lower case: 3.12 and later have a string, 3.11 a class of its own for
    each.
    """
    state = getattr(result, "state", None)
    if state is not None:
        return str(state).lower()
    names = {"Failed": "failed", "UncaughtException": "uncaught_exc", "EnvChanged": "env_changed"}
    names |= {
        "Passed": "passed",
        "Skipped": "skipped",
        "ResourceDenied": "resource_denied",
        "DidNotRun": "did_not_run",
    }
    return names.get(type(result).__name__, type(result).__name__)


def watch_module(main: Any) -> None:
    """Makes regrtest tell what it thinks of the module: `run_single_test` from 3.12 on, `runtest` in 3.11."""
    name = "run_single_test" if hasattr(main, "run_single_test") else "runtest"
    run = getattr(main, name)

    def journalled(*args: Any, **kwargs: Any) -> Any:
        result = run(*args, **kwargs)
        emit(e="module", state=state_of(result))
        return result

    setattr(main, name, journalled)


def main_module() -> Any:
    """In 3.11 the package has a function of that name too, and `from` gives that one."""
    return importlib.import_module("test.libregrtest.main")


def ready_regrtest() -> Any:
    """regrtest's main module, with our result class and our ears in it."""
    regrtest = main_module()
    try:
        from test.libregrtest import testresult
    except ImportError:
        from test.support import testresult
    journal_result = result_class(testresult.RegressionTestResult)
    testresult.RegressionTestResult = journal_result
    watch_suites(journal_result)
    watch_module(regrtest)
    return regrtest


def run(regrtest: Any, journal: str, module: str, *options: str) -> None:
    """Runs one module; ends the interpreter with regrtest's status."""
    open_journal(journal)
    sys.argv = ["-m test", *options, module]
    # The module is named; listing all others costs a slow walk through every test folder, for nothing.
    regrtest.findtests = lambda *_, **__: [module]
    regrtest.main()
    sys.exit()


def pause(regrtest: Any) -> None:
    """Ends the interpreter where its memory, if it is kept, can go on with `run`.

    Tells where in that memory the engine may write the code to go on with, a string of C. That is the inside of an
    object which nothing else refers to.
    """
    code = bytes(RESUME_CODE_LIMIT)
    sys.modules["harness agent"] = functools.partial(run, regrtest)  # type: ignore[assignment] # gone once resumed
    print(_dumps({"code": id(code) + bytes.__basicsize__ - 1, "limit": len(code)}), flush=True)
    os._exit(0)


def main(arguments: list[str]) -> None:
    # As `python -m test` has it: the working folder first.
    sys.path[0] = os.getcwd()  # noqa: PTH109 - pathlib would be imported for the test's part
    regrtest = ready_regrtest()
    if arguments:
        run(regrtest, *arguments)
    else:
        pause(regrtest)
