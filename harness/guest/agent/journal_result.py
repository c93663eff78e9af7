"""The result class that journals: a mixin that stands before the result class of the CPython under test."""

import sys
import unittest
from collections.abc import Callable
from time import perf_counter
from typing import Any

from harness.guest.agent.journal import emit
from harness.guest.agent.texts import (
    TRACEBACK_LIMIT,
    error_holder,
    exact,
    id_of,
    kind_of,
    params_of,
    printable,
    text_of,
    type_name,
)

RANKS = {"expected-failure": 1, "unexpected-success": 2, "fail": 3, "error": 4}
# The exceptions that left a case and went on to end the module: the journal has them already, as errors of that case.
EXCEPTIONS_OF_CASES: list[BaseException] = []


class JournalMixin(unittest.TestResult):
    """Writes each report of unittest's to the journal first, and hands it on to regrtest's own class, which comes after
    this one in the method resolution order (`result_class`).
    """

    # One result serves a suite and all suites in it; only the outermost announces its plan.
    journal_planned = False

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.journal_case: Any = None
        self.journal_before: Any = None

    @property
    def buffer(self) -> bool:
        """Always on, as under `--junit-xml`: what a case prints is then a part of its traceback."""
        return True

    @buffer.setter
    def buffer(self, value: bool) -> None:
        pass

    def startTest(self, test: Any) -> None:
        self.journal_case = {"outcomes": [], "detail": {}, "rank": -1, "subtests": []}
        self.journal_before = sys.exc_info()[1]
        emit(e="start", id=id_of(test))
        self.journal_began = perf_counter()
        self.journal_pass_on(super().startTest, test)

    def stopTest(self, test: Any) -> None:
        # unittest calls this also while an exception passes through the case that ends the whole run.
        leaving = sys.exc_info()
        self.journal_pass_on(super().stopTest, test)
        if leaving[1] is not None and leaving[1] is not self.journal_before:
            self.journal_note(test, "error", self.journal_error(test, leaving))
            EXCEPTIONS_OF_CASES.append(leaving[1])
        case, self.journal_case = self.journal_case, None
        if case is not None:
            seconds = round(perf_counter() - self.journal_began, 6)
            emit(
                e="end",
                id=id_of(test),
                t=seconds,
                o=case["outcomes"],
                d=case["detail"],
                s=case["subtests"],
            )

    def journal_pass_on(self, report: Callable[..., None], test: Any, *more: Any) -> None:
        """Calls regrtest's method for a report. An exception that it raises becomes an error of the case."""
        try:
            report(test, *more)
        except BaseException:
            detail = self.journal_error(test, sys.exc_info())
            self.journal_note(test, "error", detail)
            self.errors.append((error_holder(id_of(test)), detail["traceback"]))

    def journal_note(self, test: Any, outcome: str, detail: dict[str, str] | None = None) -> None:
        case = self.journal_case
        if case is None:
            emit(e="outside", id=id_of(test), o=outcome, d=detail or {})
        else:
            case["outcomes"].append(outcome)
            # A case has one detail: that of its worst outcome, and of several equally bad ones that of the first.
            if detail and (rank := RANKS.get(outcome, 0)) > case["rank"]:
                case["detail"], case["rank"] = detail, rank

    def journal_error(self, test: Any, err: Any) -> dict[str, str]:
        try:
            trace = exact(self._exc_info_to_string(err, test))  # type: ignore[attr-defined]
        except BaseException as error:
            trace = f"<no traceback: {type_name(type(error))}>"
        return {
            "exception": type_name(err[0]),
            "message": text_of(err[1]),
            "traceback": trace[-TRACEBACK_LIMIT:],
        }

    def addSuccess(self, test: Any) -> None:
        self.journal_note(test, "pass")
        self.journal_pass_on(super().addSuccess, test)

    def addFailure(self, test: Any, err: Any) -> None:
        self.journal_note(test, "fail", self.journal_error(test, err))
        self.journal_pass_on(super().addFailure, printable(test), err)

    def addError(self, test: Any, err: Any) -> None:
        self.journal_note(test, "error", self.journal_error(test, err))
        self.journal_pass_on(super().addError, printable(test), err)

    def addSkip(self, test: Any, reason: str) -> None:
        case, detail = self.journal_case, {"reason": text_of(reason)}
        if hasattr(test, "_subDescription") and case is not None:
            # A skipped subTest. unittest reports neither success nor failure of the case afterwards.
            case["subtests"].append({"params": params_of(test), "outcome": "skip", "detail": detail})
        self.journal_note(test, "skip", detail)
        self.journal_pass_on(super().addSkip, printable(test), reason)

    def addExpectedFailure(self, test: Any, err: Any) -> None:
        self.journal_note(test, "expected-failure")
        self.journal_pass_on(super().addExpectedFailure, printable(test), err)

    def addUnexpectedSuccess(self, test: Any) -> None:
        self.journal_note(test, "unexpected-success")
        self.journal_pass_on(super().addUnexpectedSuccess, printable(test))

    def addSubTest(self, test: Any, subtest: Any, err: Any) -> None:
        if err is not None and self.journal_case is not None:
            outcome, detail = kind_of(test, err), self.journal_error(test, err)
            self.journal_case["subtests"].append({"params": params_of(subtest), "outcome": outcome, "detail": detail})
            self.journal_note(test, outcome, detail)
        self.journal_pass_on(super().addSubTest, test, printable(subtest) if err else subtest, err)

    def addDuration(self, test: Any, elapsed: float) -> None:
        self.journal_pass_on(super().addDuration, test, elapsed)  # type: ignore[misc] # since 3.12


def result_class(base: Any) -> Any:
    """`base`, the result class of the regrtest under test, with a journal."""
    return type("JournalResult", (JournalMixin, base), {})
