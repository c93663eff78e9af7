"""Runs one module of the test suite inside the built interpreter and writes a journal of what happens.

CPython's own runner does the work: `test.libregrtest` with its resources, filters and environment checks. The agent
only replaces regrtest's result class with one of its own, and journals what unittest's suites do around the cases.

Usage: `python /harness JOURNAL MODULE [regrtest options...]` with the number of the journal's descriptor, or
`python /harness` alone to import all that is needed and pause: an engine that can keep the memory of the paused
interpreter continues every guest from there.

Events (`e`): `plan` the ids about to run; `start` and `end` of a case; `fixture` a class or module fixture begins;
`outside` what unittest reports under a fixture's name; `import` a file of the standard library is imported; `module`
regrtest's state of the module, with the exception that ended it, if one did.
"""

import functools
import importlib
import json
import os
import sys
import traceback
from typing import Any

from harness.guest.agent.frozen_objects import freeze_objects
from harness.guest.agent.journal import open_journal
from harness.guest.agent.journal_result import result_class
from harness.guest.agent.library_imports import watch_imports
from harness.guest.agent.regrtest_hooks import filter_by_journal_id, watch_module
from harness.guest.agent.suites import CHOICE, watch_suites

RESUME_CODE_LIMIT = 65536
# Bound now: a test may replace it.
_write_output = os.write


def main(arguments: list[str]) -> None:
    # As `python -m test` has it: the working folder first.
    sys.path[0] = os.getcwd()  # noqa: PTH109 - pathlib would be imported for the test's part
    regrtest = prepare_regrtest()
    if arguments:
        run(regrtest, *arguments)
    else:
        pause(regrtest)


def prepare_regrtest() -> Any:
    """regrtest's main module, with everything in its place that writes the journal."""
    regrtest = main_module()
    from test import support

    try:
        from test.libregrtest import testresult
    except ImportError:
        from test.support import testresult
    filter_by_journal_id(support)
    journal_result = result_class(testresult.RegressionTestResult)
    testresult.RegressionTestResult = journal_result
    watch_suites(journal_result)
    watch_module(regrtest)
    watch_imports()
    return regrtest


def main_module() -> Any:
    """`test.libregrtest.main` as a module: in 3.11 the package has a function of that name too, which hides it."""
    return importlib.import_module("test.libregrtest.main")


def run(regrtest: Any, journal: str, module: str, *options: str) -> None:
    """Runs one module; ends the interpreter with regrtest's status."""
    open_journal(journal)
    CHOICE.module = module
    if "--randomize" in options:
        # regrtest shuffles modules alone.
        CHOICE.seed = options[options.index("--randseed") + 1]
    sys.argv = ["-m test", *options, module]
    # The module is named. regrtest would list all others too, in a slow walk through every test folder.
    regrtest.findtests = lambda *_, **__: [module]
    try:
        regrtest.main()
    except SystemExit:
        raise
    except BaseException:
        # Python itself prints the traceback and ends with 1, but not for a guest that was resumed. A test may have
        # replaced `print`.
        _write_output(2, traceback.format_exc().encode(errors="backslashreplace"))
        raise SystemExit(1) from None
    # A test may have replaced `sys.exit`.
    raise SystemExit


def pause(regrtest: Any) -> None:
    """Ends the interpreter at a point from which a copy of its memory can continue with `run`.

    It prints the address at which the engine may write the code that continues, as a C string, and how many bytes
    there are. They are the inside of a bytes object that nothing else refers to.
    """
    code = bytes(RESUME_CODE_LIMIT)
    freeze_objects()
    # The resumed guest takes it from there, and removes it.
    sys.modules["harness agent"] = functools.partial(run, regrtest)  # type: ignore[assignment]
    print(json.dumps({"code": id(code) + bytes.__basicsize__ - 1, "limit": len(code)}), flush=True)
    os._exit(0)
