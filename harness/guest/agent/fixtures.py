"""Class and module fixtures: an event before each, and errors of theirs that unittest itself would not report.

unittest reports an Exception of a fixture and goes on with the next class. Anything else, such as the SystemExit of a
`setUpClass`, ends the whole module there. Here it costs no more than an Exception does.
"""

import contextlib
import sys
import unittest
import unittest.case
import unittest.util
from collections.abc import Callable
from typing import Any

from harness.guest.agent.journal import emit
from harness.guest.agent.texts import error_holder


def report_fixture(result: Any, name: str) -> None:
    """Reports the exception that is being handled as an error of the fixture of that name."""
    result.addError(error_holder(name), sys.exc_info())


def clean_up_class(kind: Any, result: Any, name: str) -> None:
    """What unittest does after a class fixture that raised an Exception."""
    with contextlib.suppress(Exception):
        kind._classSetupFailed = True

    def report_kept() -> None:
        for err in vars(kind).get("tearDown_exceptions", ()):
            result.addError(error_holder(name), err)
        kind.tearDown_exceptions = []

    def clean_up() -> None:
        try:
            kind.doClassCleanups()
        finally:
            report_kept()

    if hasattr(kind, "doClassCleanups"):
        report_kept()
        clean_up_with(clean_up, kind._class_cleanups, result, name)


def clean_up_module(_: Any, result: Any, name: str) -> None:
    """What unittest does after a module fixture that raised an Exception."""
    result._moduleSetUpFailed = True
    clean_up_with(unittest.case.doModuleCleanups, unittest.case._module_cleanups, result, name)  # type: ignore[attr-defined]


def clean_up_with(clean_up: Callable[[], None], left: list[Any], result: Any, name: str) -> None:
    """Calls unittest's `clean_up` until none of its functions is `left`: it stops at one that raises what is no
    Exception.
    """
    while left:
        count = len(left)
        try:
            clean_up()
        except BaseException:
            report_fixture(result, name)
        if len(left) == count:
            return


def class_to_set_up(_: Any, test: Any, result: Any) -> tuple[str, Any]:
    """The fixture's name and its class; no name where there is none to run."""
    kind = test.__class__
    is_new = kind is not getattr(result, "_previousTestClass", None)
    return (f"setUpClass ({unittest.util.strclass(kind)})" if is_new else ""), kind


def class_to_tear_down(_: Any, test: Any, result: Any) -> tuple[str, Any]:
    kind: Any = getattr(result, "_previousTestClass", None)
    is_over = kind is not None and kind is not test.__class__
    return (f"tearDownClass ({unittest.util.strclass(kind)})" if is_over else ""), kind


def module_to_set_up(suite: Any, test: Any, result: Any) -> tuple[str, Any]:
    module = test.__class__.__module__
    return (f"setUpModule ({module})" if module != suite._get_previous_module(result) else ""), None


def module_to_tear_down(suite: Any, result: Any) -> tuple[str, Any]:
    module = suite._get_previous_module(result)
    return (f"tearDownModule ({module})" if module is not None else ""), None


# unittest's methods that run fixtures. For each: the function that names the fixture, and the one that cleans up after
# a fixture that raised what is no Exception.
FIXTURES: dict[str, tuple[Callable[..., tuple[str, Any]], Callable[[Any, Any, str], None]]] = {
    "_handleClassSetUp": (class_to_set_up, clean_up_class),
    "_tearDownPreviousClass": (class_to_tear_down, clean_up_class),
    "_handleModuleFixture": (module_to_set_up, clean_up_module),
    "_handleModuleTearDown": (module_to_tear_down, clean_up_module),
}


def watched_fixture(method: str, journal_result: Any) -> Callable[..., None]:
    """unittest's method of that name, with an event before the fixture that it runs."""
    handle = getattr(unittest.TestSuite, method)
    fixture_of, clean_up_after = FIXTURES[method]

    def watched(self: Any, *arguments: Any) -> None:
        result = arguments[-1]
        if not isinstance(result, journal_result):
            handle(self, *arguments)
            return
        name, kind = fixture_of(self, *arguments)
        if name:
            emit(e="fixture", id=name)
        try:
            handle(self, *arguments)
        except BaseException:
            # As in unittest, what a clean-up prints is kept with its error.
            result._setupStdout()
            report_fixture(result, name)
            clean_up_after(kind, result, name)
            result._restoreStdout()

    return watched
