"""Runs one module of the test suite inside the built interpreter and writes a journal of what happens.

CPython's own runner does the work: `test.libregrtest` with its resources, filters and environment checks.
This agent only puts its own result class in the place of regrtest's, and notes what unittest's suites do
around the cases. Every event is one JSON line, written with a single system call, so that a journal is whole
up to the moment of a crash. The journal is a descriptor of the engine: it can be appended to, and nothing else.

Usage: `python /harness JOURNAL MODULE [regrtest options...]` with the number of that descriptor, or
`python /harness` alone to get ready and pause: an engine that can keep the memory of the paused interpreter
continues every guest from there.

Events (`e`): `plan` the ids about to run; `start` and `end` of a case; `fixture` a class or module fixture
begins; `outside` something unittest reports under a fixture's name; `import` a file of the standard library is
imported; `module` regrtest's own word on the module, with the exception that ended it, if one did.

A test may raise anything anywhere, also what is no Exception: whatever is asked of it here is asked with care.
"""

import contextlib
import functools
import gc
import importlib
import json
import os
import random
import re
import sys
import time
import traceback
import unittest
import unittest.case
import unittest.suite
import unittest.util
from collections.abc import Callable, Iterator
from typing import Any

MESSAGE_LIMIT = 500
TRACEBACK_LIMIT = 6000
RESUME_CODE_LIMIT = 65536

# Tests replace functions of os, time and json for a while; the journal must not notice.
_write, _dumps, _clock = os.pwrite, json.dumps, time.perf_counter
_quoted: Callable[[str], str] = json.encoder.encode_basestring_ascii
_write_output = os.write
_descriptor = -1
# That of the random order; empty for unittest's own order.
_seed = ""
RANKS = {"expected-failure": 1, "unexpected-success": 2, "fail": 3, "error": 4}
# The exceptions that end the run and are known to the journal as those of a case.
_known: list[BaseException] = []
# The names of the modules that were there when the interpreter paused, and that of the one that it runs.
_paused_with: set[str] = set()
_module = ""
# What the loader's method sees that notes imports.
_importing: dict[str, Any] = {"descriptor": -1}


def open_journal(number: str) -> None:
    global _descriptor  # noqa: PLW0603 - there is one journal, and the tests must find nothing of it
    _descriptor = _importing["descriptor"] = int(number)
    with contextlib.suppress(OSError):
        # In the native reference, processes that a test starts would have it too. A guest has no such call for it.
        os.set_inheritable(_descriptor, False)


def emit(**event: Any) -> None:
    """Appends one event. What a test has written there itself, without an end of line, costs no event."""
    _write(_descriptor, f"\n{line_of(event)}\n".encode(), 0)


def line_of(event: dict[str, Any]) -> str:
    """The event as JSON. What every case begins with and most of them end with is written out: `dumps` makes an encoder
    for each call, and takes several times as long.
    """
    if event["e"] == "start":
        return f'{{"e": "start", "id": {_quoted(event["id"])}}}'
    if event["e"] == "end" and event["o"] == ["pass"] and not event["d"] and not event["s"]:
        return f'{{"e": "end", "id": {_quoted(event["id"])}, "t": {event["t"]!r}, "o": ["pass"], "d": {{}}, "s": []}}'
    return _dumps(event)


def id_of(test: Any) -> str:
    """The id of a case, or of what stands in for one when a fixture fails.

    It is asked of the library's own class: a test may have an `id` of its own, which is another thing or changes while
    it runs. A doctest's id is doctest's to tell; for `unittest.TestCase` all of them have the same.
    """
    for ask in (_id_of_library, str):
        try:
            return exact(ask(test))
        except BaseException:
            continue
    return f"a case of {type_name(type(test))}"


def _id_of_library(test: Any) -> Any:
    for kind in type(test).__mro__:
        if "id" in vars(kind) and is_of_library(kind):
            return vars(kind)["id"](test)
    raise LookupError


def is_of_library(kind: type) -> bool:
    return kind.__module__.partition(".")[0] in {"unittest", "doctest"}


def exact(text: Any, limit: int | None = None) -> str:
    """The text, or its beginning, as a string of no other class: one may have methods of its own."""
    return str.__getitem__(str(text), slice(limit))


def type_name(kind: Any) -> str:
    try:
        name, module = exact(kind.__qualname__), exact(kind.__module__)
    except BaseException:
        return "a_type_without_a_name"
    return name if module == "builtins" else f"{module}.{name}"


def text_of(value: object, limit: int | None = MESSAGE_LIMIT) -> str:
    try:
        return exact(value, limit)
    except BaseException as error:
        return f"<its text raises {type_name(type(error))}>"


def params_of(subtest: Any) -> str:
    """A subtest's parameters as unittest prints them."""
    try:
        return exact(subtest._subDescription())
    except BaseException as error:
        return f"<its parameters raise {type_name(type(error))}>"


def detail_of(error: BaseException) -> dict[str, str]:
    """Of an exception that belongs to no case: its type, its text, and the end of its traceback. A skip needs none: the
    sources of its frames would be read, which takes longer than all else that a module does which is skipped.
    """
    if issubclass(type(error), unittest.SkipTest):
        return {"exception": type_name(type(error)), "message": text_of(error)}
    try:
        trace = exact("".join(traceback.format_exception(error)))
    except BaseException as failed:
        trace = f"<no traceback: {type_name(type(failed))}>"
    return {"exception": type_name(type(error)), "message": text_of(error), "traceback": trace[-TRACEBACK_LIMIT:]}


def kind_of(test: Any, err: Any) -> str:
    """What unittest calls an exception in a subtest."""
    try:
        return "fail" if issubclass(err[0], test.failureException) else "error"
    except BaseException:
        return "error"


def printable(test: Any) -> Any:
    """The case, or a stand-in for one that regrtest could not print: it prints those that failed when all have run."""
    try:
        exact(test)
        test.shortDescription()
    except BaseException:
        return stand_in(id_of(test))
    return test


def stand_in(name: str) -> Any:
    """What unittest reports an error of, if it is of no case."""
    return unittest.suite._ErrorHolder(name)  # type: ignore[attr-defined]


class Journaled(unittest.TestResult):
    """A result with a journal: each report goes there first, and then to regrtest's own class, which stands behind this
    one (`result_class`).
    """

    # One result may serve many suites; only the outermost announces its plan.
    journal_planned = False

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.journal_case: Any = None
        self.journal_before: Any = None

    @property
    def buffer(self) -> bool:
        """Always on, as under `--junit-xml`: what a case prints then stands in its traceback."""
        return True

    @buffer.setter
    def buffer(self, value: bool) -> None:
        pass

    def startTest(self, test: Any) -> None:
        self.journal_case = {"outcomes": [], "detail": {}, "rank": -1, "subtests": []}
        self.journal_before = sys.exc_info()[1]
        emit(e="start", id=id_of(test))
        self.journal_began = _clock()
        self.journal_pass_on(super().startTest, test)

    def stopTest(self, test: Any) -> None:
        # unittest calls this also while an exception that ends the whole run passes through the case.
        leaving = sys.exc_info()
        self.journal_pass_on(super().stopTest, test)
        if leaving[1] is not None and leaving[1] is not self.journal_before:
            self.journal_note(test, "error", self.journal_error(test, leaving))
            _known.append(leaving[1])
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

    def journal_pass_on(self, report: Callable[..., None], test: Any, *more: Any) -> None:
        """Hands a report on to regrtest's class. What that cannot put down is an error of the case."""
        try:
            report(test, *more)
        except BaseException:
            detail = self.journal_error(test, sys.exc_info())
            self.journal_note(test, "error", detail)
            self.errors.append((stand_in(id_of(test)), detail["traceback"]))

    def journal_note(self, test: Any, outcome: str, detail: dict[str, str] | None = None) -> None:
        case = self.journal_case
        if case is None:
            emit(e="outside", id=id_of(test), o=outcome, d=detail or {})
        else:
            case["outcomes"].append(outcome)
            # The detail is that of the worst outcome, the first one of several.
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
            # A skipped subTest: unittest reports neither success nor failure of its case after it.
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
    """regrtest's result class, which the CPython under test has, with a journal."""
    return type("JournalResult", (Journaled, base), {})


def ids_in(suite: Any) -> Iterator[str]:
    for test in suite:
        if isinstance(test, unittest.TestSuite):
            yield from ids_in(test)
        elif test is not None:
            yield id_of(test)


def shuffle(suite: Any, seed: str) -> None:
    """Puts a suite in the random order of the seed: modules, their classes, and the cases of each.

    A class stays whole, since unittest would run its fixtures again for each part of it. Where a case stands in its
    class depends on the seed and its id alone: a start without the cases that are finished keeps the order of the rest.
    """

    def chance(text: str) -> float:
        named = f"{seed} {text}".encode(errors="surrogatepass")
        # By a number, for which random needs no hashlib.
        return random.Random(int.from_bytes(named, "big")).random()

    def place(test: Any) -> tuple[float, ...]:
        while isinstance(test, unittest.TestSuite):
            test = next((one for one in test if one is not None), None)
        return chance(exact(type(test).__module__)), chance(type_name(type(test))), chance(id_of(test))

    suite._tests = sorted((test for test in suite if test is not None), key=place)
    for test in suite._tests:
        if isinstance(test, unittest.TestSuite):
            shuffle(test, seed)


def report_fixture(result: Any, name: str) -> None:
    """Reports the exception that is being handled as an error of a fixture.

    unittest does so itself with an Exception; all others, such as SystemExit, would end the module.
    """
    result.addError(stand_in(name), sys.exc_info())


def clean_up_class(kind: Any, result: Any, name: str) -> None:
    """What unittest does after a class fixture that raised an Exception."""
    with contextlib.suppress(Exception):
        kind._classSetupFailed = True

    def report_kept() -> None:
        for err in vars(kind).get("tearDown_exceptions", ()):
            result.addError(stand_in(name), err)
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
    """Calls what cleans up until nothing is left: what is no Exception ends it at the entry that raised it."""
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


# unittest's methods for fixtures: which fixture it is, and what follows one that raised what is no Exception.
FIXTURES: dict[str, tuple[Callable[..., tuple[str, Any]], Callable[[Any, Any, str], None]]] = {
    "_handleClassSetUp": (class_to_set_up, clean_up_class),
    "_tearDownPreviousClass": (class_to_tear_down, clean_up_class),
    "_handleModuleFixture": (module_to_set_up, clean_up_module),
    "_handleModuleTearDown": (module_to_tear_down, clean_up_module),
}


def watched_fixture(method: str, journal_result: Any) -> Callable[..., None]:
    """unittest's method for a kind of fixture, with a line in the journal before it."""
    handle = getattr(unittest.TestSuite, method)
    which, follow = FIXTURES[method]

    def watched(self: Any, *arguments: Any) -> None:
        result = arguments[-1]
        if not isinstance(result, journal_result):
            handle(self, *arguments)
            return
        name, kind = which(self, *arguments)
        if name:
            emit(e="fixture", id=name)
        try:
            handle(self, *arguments)
        except BaseException:
            # What a clean-up prints is kept with its error, as unittest does it.
            result._setupStdout()
            report_fixture(result, name)
            follow(kind, result, name)
            result._restoreStdout()

    return watched


# The functions of gc that see whether objects are frozen; `trace`, which regrtest has imported, calls one of them.
SEES_FROZEN = re.compile(
    rb"\b(get_objects|get_referrers|get_count|get_stats|get_freeze_count|freeze|unfreeze|(import|from) trace)\b"
)


def looks_at_all_objects() -> bool:
    """Whether a module that has been imported since the pause names what tells frozen objects from others: a test file,
    which may import gc late, or a module that has imported gc.
    """
    for name, module in list(sys.modules.items()):
        if name in _paused_with or type(module) is not type(sys):
            continue
        path, knows_gc = vars(module).get("__file__"), vars(module).get("gc") is gc
        if type(path) is str and (name == _module or name.startswith("test.") or knows_gc):
            with contextlib.suppress(OSError), open(path, "rb") as source:  # noqa: PTH123 - pathlib, as above
                if SEES_FROZEN.search(source.read()):
                    return True
    return False


def watch_suites(journal_result: Any) -> None:
    """Makes unittest's suites note what they are about to run, and when a fixture begins. With `_seed` the outermost
    suite of a module runs in that random order.
    """
    suite: Any = unittest.TestSuite
    run = suite.run

    def planned_run(self: Any, result: Any, debug: bool = False) -> Any:
        if isinstance(result, journal_result) and not result.journal_planned:
            result.journal_planned = True
            if looks_at_all_objects():
                gc.unfreeze()
            if _seed:
                shuffle(self, _seed)
            emit(e="plan", ids=list(ids_in(self)))
        return run(self, result, debug)

    suite.run = planned_run
    for method in FIXTURES:
        setattr(suite, method, watched_fixture(method, journal_result))


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
        "Interrupted": "interrupted",
        "RefLeak": "refleak",
    }
    return names.get(type(result).__name__, type(result).__name__)


def watch_module(main: Any) -> None:
    """Makes regrtest note what it says of the module: `run_single_test` from 3.12 on, `runtest` in 3.11.

    It prints the exception that ended the module and keeps it nowhere: that one is taken from what loads the module.
    """
    name = "run_single_test" if hasattr(main, "run_single_test") else "runtest"
    run, ended_by = getattr(main, name), list[BaseException]()

    def journalled(*args: Any, **kwargs: Any) -> Any:
        result = run(*args, **kwargs)
        error = ended_by.pop() if ended_by else None
        emit(
            e="module",
            state=state_of(result),
            d={} if error is None else detail_of(error),
            known=any(error is one for one in _known),
        )
        return result

    def loading(*args: Any, **kwargs: Any) -> Any:
        try:
            return load(*args, **kwargs)
        except BaseException as error:
            ended_by.append(error)
            raise

    setattr(main, name, journalled)
    for place, inner in (("single", "_load_run_test"), ("runtest", "_runtest_inner2")):
        with contextlib.suppress(ImportError, AttributeError):
            module = importlib.import_module(f"test.libregrtest.{place}")
            load = getattr(module, inner)
            setattr(module, inner, loading)
            break


class WholeId(str):
    """An id that regrtest compares as a whole. It would compare its parts too, and one word as an id is a part of
    others.
    """

    __slots__ = ()

    def split(self, *_: Any) -> list[str]:
        return []

    def id(self) -> str:
        """regrtest asks a case for it."""
        return self


def filter_by_journal_id(support: Any) -> None:
    """Makes regrtest's filters see the ids that are in the journal: `id` of a case may be something else, or raise.

    Only what regrtest itself calls is replaced: a test of `match_test` has to find it as it is.
    """

    def by_id(test: Any) -> bool:
        return bool(match(WholeId(id_of(test))))

    try:
        place: Any = importlib.import_module("test.libregrtest.single")
        match = place.match_test
    except (ImportError, AttributeError):
        of_suite, match = support._filter_suite, support.match_test
        support._filter_suite = lambda suite, wanted: of_suite(suite, by_id if wanted is match else wanted)
    else:
        place.match_test = by_id


# The loader's own method with a line for the journal in it. It is compiled as a part of the import system, and calls
# nothing that is written in Python: a test that traces an import sees what it would see without it.
PATH_STATS = """\
def path_stats(self, path):
    if type(path) is str and path.startswith(library) and path not in seen and descriptor >= 0:
        seen.add(path)
        write(descriptor, b'\\n{"e": "import", "path": %b}\\n' % quoted(path[len(library):]).encode(), 0)
    st = external._path_stat(path)
    return {'mtime': st.st_mtime, 'size': st.st_size}
"""


def watch_imports() -> None:
    """Makes the journal note each file of the standard library that is imported from now on, by its path in there. What
    regrtest itself has imported is there in every guest.

    A loader asks for the time of a source before it takes its bytecode: so every import of a source comes by here.
    """
    external: Any = importlib.import_module("_frozen_importlib_external")
    library = os.path.dirname(os.__file__) + "/"  # noqa: PTH120 - pathlib would be imported for the test's part
    stems = [library + name.replace(".", "/") for name in sys.modules]
    _importing.update(
        __name__=external.__name__,
        external=external,
        library=library,
        seen={stem + end for stem in stems for end in (".py", "/__init__.py")},
        write=_write,
        quoted=json.encoder.encode_basestring_ascii,
    )
    loader = external.SourceFileLoader
    old = loader.path_stats
    exec(compile(PATH_STATS, old.__code__.co_filename, "exec"), _importing)
    new = _importing["path_stats"]
    new.__qualname__, new.__doc__ = old.__qualname__, old.__doc__
    loader.path_stats = new


def main_module() -> Any:
    """In 3.11 the package has a function of that name too, and `from` gives that one."""
    return importlib.import_module("test.libregrtest.main")


def ready_regrtest() -> Any:
    """regrtest's main module, with our result class and our watches in it."""
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


def run(regrtest: Any, journal: str, module: str, *options: str) -> None:
    """Runs one module; ends the interpreter with regrtest's status."""
    global _seed, _module  # noqa: PLW0603 - as the journal
    open_journal(journal)
    _module = module
    if "--randomize" in options:
        # regrtest shuffles modules alone.
        _seed = options[options.index("--randseed") + 1]
    sys.argv = ["-m test", *options, module]
    # The module is named; listing all others costs a slow walk through every test folder, for nothing.
    regrtest.findtests = lambda *_, **__: [module]
    try:
        regrtest.main()
    except SystemExit:
        raise
    except BaseException:
        # Python itself would print it and end with 1, but for a resumed guest. A test may have replaced `print`.
        _write_output(2, traceback.format_exc().encode(errors="backslashreplace"))
        raise SystemExit(1) from None
    # A test may have replaced `sys.exit`.
    raise SystemExit


def pause(regrtest: Any) -> None:
    """Ends the interpreter where its memory, if it is kept, can go on with `run`.

    Tells where in that memory the engine may write the code to go on with, a string of C. That is the inside of an
    object which nothing else refers to.
    """
    code = bytes(RESUME_CODE_LIMIT)
    # What is here is no garbage. A collection that looked at all of it would take 4 ms and write to all of its memory,
    # which an engine would have to copy; regrtest alone collects six times for a module.
    gc.freeze()
    _paused_with.update(sys.modules)
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
