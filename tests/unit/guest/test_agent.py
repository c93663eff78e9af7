"""What the agent says of a case, whatever the case is."""

from __future__ import annotations

import doctest
import gc
import importlib
import json
import os
import sys
import types
import unittest
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from harness.guest.agent import agent, frozen_objects, journal, library_imports
from harness.guest.agent.agent import main_module, run
from harness.guest.agent.fixtures import FIXTURES
from harness.guest.agent.frozen_objects import would_notice
from harness.guest.agent.journal_result import EXCEPTIONS_OF_CASES, result_class
from harness.guest.agent.library_imports import watch_imports
from harness.guest.agent.regrtest_hooks import WholeId, filter_by_journal_id, state_of, watch_module
from harness.guest.agent.suites import CHOICE, ids_in, shuffle, watch_suites
from harness.guest.agent.texts import detail_of, id_of, params_of, text_of, type_name


@pytest.fixture
def events(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """The events that are written to the journal."""
    found: list[dict[str, Any]] = []
    monkeypatch.setattr(journal, "write", lambda _, line, __: found.append(json.loads(line)))
    EXCEPTIONS_OF_CASES.clear()
    return found


def test_an_event_is_one_line_appended_to_the_descriptor(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    path = tmp_path / "journal"
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    monkeypatch.setattr(journal.JOURNAL, "descriptor", -1)
    journal.open_journal(str(descriptor))
    try:
        journal.emit(e="start", id="a\nb")
        journal.emit(e="fixture", id="a\nb")
        assert not os.get_inheritable(descriptor)
    finally:
        os.close(descriptor)
    lines = [line for line in path.read_text().splitlines() if line]
    assert [json.loads(line) for line in lines] == [{"e": "start", "id": "a\nb"}, {"e": "fixture", "id": "a\nb"}]


@pytest.mark.parametrize("outcomes", [["pass"], ["skip"], ["pass", "fail"], []])
@pytest.mark.parametrize("case", ["a.B.test_c", 'of "quotes" \\ and\x00\n', "\u00e9 \ud800 \U0001f40d"])
@pytest.mark.parametrize("seconds", [0.0, 1e-06, 12.5, 3600.000001])
def test_what_is_written_out_is_what_json_writes(outcomes: list[str], case: str, seconds: float) -> None:
    end = {"e": "end", "id": case, "t": seconds, "o": outcomes, "d": {}, "s": []}
    subtest = {"params": "(i=1)", "outcome": "skip", "detail": {}}
    for event in ({"e": "start", "id": case}, end, end | {"d": {"reason": "why"}}, end | {"s": [subtest]}):
        assert journal.line_of(event) == json.dumps(event)


def test_a_skip_has_no_traceback_and_other_exceptions_have_one() -> None:
    class OwnSkip(unittest.SkipTest):
        pass

    assert detail_of(unittest.SkipTest("why")) == {"exception": "unittest.case.SkipTest", "message": "why"}
    assert "traceback" not in detail_of(OwnSkip("why"))
    assert detail_of(ValueError("why"))["traceback"] == "ValueError: why\n"


@pytest.mark.parametrize(
    ("source", "name", "looks"),
    [
        ("import gc\nprint(len(gc.get_objects()))\n", "test.test_x", True),
        ("import gc\ngc.freeze()\n", "own", True),
        ("import gc\ngc.collect()\nfrozen = {'unfreezes'}\n", "test.test_x", False),
        ("import gc\nprint(len(gc.get_referrers(1)))\n", "library", True),
        ("def freeze(): pass\n", "library", False),
        ("from trace import Trace\n", "test.test_x", True),
        ("import traceback\n", "test.test_x", False),
    ],
)
def test_a_module_that_would_see_frozen_objects_is_known_by_its_source(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, source: str, name: str, looks: bool
) -> None:
    (tmp_path / "file.py").write_text(source)
    module = types.ModuleType(name)
    module.__file__ = str(tmp_path / "file.py")
    if name == "library" and "import gc" in source:
        vars(module)["gc"] = gc
    monkeypatch.setattr(frozen_objects, "_imported_before", set(sys.modules))
    monkeypatch.setitem(sys.modules, name, module)
    monkeypatch.setitem(sys.modules, "test.nothing", None)
    monkeypatch.setitem(sys.modules, "test.built-in", types.ModuleType("built-in"))
    assert would_notice("own") is looks
    frozen_objects._imported_before.add(name)
    assert not would_notice("own")


def test_each_file_of_the_library_that_is_imported_is_noted_once_and_a_tracer_sees_no_frame_more(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    noted: list[bytes] = []
    monkeypatch.setattr(journal.JOURNAL, "descriptor", 9)
    monkeypatch.setattr(library_imports, "write", lambda *event: noted.append(event[1]))
    loader: Any = importlib.import_module("_frozen_importlib_external").SourceFileLoader
    monkeypatch.setattr(loader, "path_stats", before := loader.path_stats)

    def frames_of_an_import() -> list[tuple[str, str]]:
        seen: list[tuple[str, str]] = []

        def trace(frame: Any, event: str, _: object) -> None:
            if event == "call" and frame.f_code.co_filename != __file__:
                seen.append((frame.f_globals["__name__"], frame.f_code.co_name))

        monkeypatch.delitem(sys.modules, "colorsys", raising=False)
        tracer = sys.gettrace()
        # What is finalized by a garbage collection during the import does not belong to the import.
        gc.disable()
        sys.settrace(trace)
        try:
            importlib.import_module("colorsys")
        finally:
            sys.settrace(tracer)
            gc.enable()
        return seen

    frames_of_an_import()
    plain = frames_of_an_import()
    monkeypatch.delitem(sys.modules, "colorsys", raising=False)
    watch_imports()
    assert frames_of_an_import() == plain
    assert frames_of_an_import() == plain
    assert [json.loads(event) for event in noted] == [{"e": "import", "path": "colorsys.py"}]
    assert loader.path_stats.__qualname__ == before.__qualname__
    assert loader("json", json.__file__).path_stats(json.__file__) == before(
        loader("json", json.__file__), json.__file__
    )
    # Modules that were there before are regrtest's own: importing one again is no import by the test module.
    assert json.loads(noted[0]) not in [json.loads(event) for event in noted[1:]]


class Plain(unittest.TestCase):
    def runTest(self) -> None:  # noqa: N802 - unittest's own name
        """A case."""


class Numbered(Plain):
    """As test__interpreters has it: the id of something else, known once the fixture has run."""

    def setUp(self) -> None:
        self.id = 7  # type: ignore[assignment, method-assign]


class Renamed(Plain):
    def id(self) -> str:
        return "the same for all"


@pytest.mark.parametrize("kind", [Plain, Numbered, Renamed])
def test_a_case_has_the_id_that_unittest_gives_it(kind: type[Plain]) -> None:
    case, name = kind(), f"{kind.__module__}.{kind.__qualname__}.runTest"
    assert id_of(case) == name
    case.setUp()
    assert id_of(case) == name


def test_cases_that_the_library_names_in_another_way_keep_those_names() -> None:
    (case,) = doctest.DocTestSuite(types.ModuleType("some.module", ">>> 1\n1\n"))
    assert id_of(case) == "some.module"
    assert id_of(unittest.FunctionTestCase(test_a_fixture_that_failed_is_reported_by_its_name)).endswith("by_its_name")


def test_a_fixture_that_failed_is_reported_by_its_name() -> None:
    holder = unittest.suite._ErrorHolder("setUpClass (test.test_os.T)")  # type: ignore[attr-defined]
    assert id_of(holder) == "setUpClass (test.test_os.T)"


def test_what_is_not_a_test_at_all_is_reported_as_a_text() -> None:
    assert id_of(3) == "3"


def test_regrtest_is_found_behind_the_function_that_3_11_has_of_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    names = ("test", "test.libregrtest", "test.libregrtest.main")
    package, regrtest, main = (types.ModuleType(name) for name in names)
    package.libregrtest = regrtest  # type: ignore[attr-defined]
    regrtest.main = lambda: None  # type: ignore[attr-defined]
    for name, module in zip(names, (package, regrtest, main), strict=True):
        monkeypatch.setitem(sys.modules, name, module)
    assert main_module() is main


class SkipsThenBreaks(unittest.TestCase):
    __test__ = False

    def runTest(self) -> None:  # noqa: N802 - unittest's own name
        raise unittest.SkipTest("no thing")

    def tearDown(self) -> None:
        raise OSError(63, "not permitted")


def test_an_error_after_a_skip_has_its_exception(events: list[dict[str, Any]]) -> None:
    SkipsThenBreaks().run(result_class(unittest.TestResult)())
    (end,) = [event for event in events if event["e"] == "end"]
    assert sorted(end["o"]) == ["error", "skip"]
    assert (end["d"]["exception"], end["d"]["message"]) == ("OSError", "[Errno 63] not permitted")


class Raising:
    """Raises whenever a text of it is asked for."""

    def __init__(self, error: BaseException) -> None:
        self.error = error

    def __str__(self) -> str:
        raise self.error

    __repr__ = __str__
    _subDescription = __str__  # noqa: N815 - unittest's own name


@pytest.mark.parametrize("error", [SystemExit(3), KeyboardInterrupt(), GeneratorExit(), BaseException(), ValueError()])
def test_a_text_that_raises_is_a_text_that_says_so(error: BaseException) -> None:
    name = type(error).__name__
    assert text_of(Raising(error)) == f"<its text raises {name}>"
    assert params_of(Raising(error)) == f"<its parameters raise {name}>"
    assert id_of(Raising(error)).endswith("test_agent.Raising")


def test_a_text_of_a_class_of_its_own_is_a_plain_one() -> None:
    class Text(str):
        __slots__ = ()

        def __getitem__(self, key: Any) -> str:
            raise SystemExit

        def __str__(self) -> str:
            return self

    assert type(text_of(Text("a text"))) is str
    assert text_of(Text("a text")) == "a text"


def test_a_type_without_a_name_has_a_word_for_it() -> None:
    class Kind(type):
        def __getattribute__(cls, name: str) -> Any:
            raise SystemExit

    assert type_name(Kind("T", (), {})) == "a_type_without_a_name"
    assert type_name(ValueError) == "ValueError"


def ends(events: list[dict[str, Any]]) -> dict[str, tuple[list[str], str]]:
    """The outcomes of each case, by the last part of its id, and the exception of its detail."""
    return {
        event["id"].rpartition(".")[2]: (event["o"], event["d"].get("exception", event["d"].get("message", "")))
        for event in events
        if event["e"] == "end"
    }


class Odd(unittest.TestCase):
    __test__ = False

    def tearDown(self) -> None:
        if "clean_up" in self._testMethodName:
            raise OSError(63, "in the clean-up")

    def fails_and_clean_up_too(self) -> None:
        self.fail("in the body")

    def breaks_and_clean_up_too(self) -> None:
        raise KeyError("in the body")

    def skips_and_clean_up_fails(self) -> None:
        self.skipTest("in the body")

    def is_interrupted(self) -> None:
        raise KeyboardInterrupt

    def exits(self) -> None:
        raise SystemExit(3)

    def raises_what_has_no_text(self) -> None:
        class NoTextError(Exception):
            def __str__(self) -> str:
                raise SystemExit

        raise NoTextError


@pytest.mark.parametrize(
    ("method", "outcomes", "exception"),
    [
        ("fails_and_clean_up_too", ["error", "fail"], "OSError"),
        ("breaks_and_clean_up_too", ["error", "error"], "KeyError"),
        ("skips_and_clean_up_fails", ["error", "skip"], "OSError"),
        ("exits", ["error"], "SystemExit"),
    ],
)
def test_the_detail_is_that_of_the_worst_outcome(
    events: list[dict[str, Any]], method: str, outcomes: list[str], exception: str
) -> None:
    Odd(method).run(result_class(unittest.TestResult)())
    found, detail = ends(events)[method]
    assert (sorted(found), detail) == (outcomes, exception)


def test_an_exception_that_ends_the_run_is_an_error_of_its_case(events: list[dict[str, Any]]) -> None:
    with pytest.raises(KeyboardInterrupt) as caught:
        Odd("is_interrupted").run(result_class(unittest.TestResult)())
    assert ends(events) == {"is_interrupted": (["error"], "KeyboardInterrupt")}
    assert [caught.value] == EXCEPTIONS_OF_CASES


def test_an_exception_around_the_run_does_not_belong_to_the_case(events: list[dict[str, Any]]) -> None:
    try:
        raise ValueError
    except ValueError:
        Plain().run(result_class(unittest.TestResult)())
    assert ends(events) == {"runTest": (["pass"], "")}


def test_a_case_is_an_error_when_its_exception_has_no_text(events: list[dict[str, Any]]) -> None:
    Odd("raises_what_has_no_text").run(result := result_class(unittest.TestResult)())
    ((outcomes, exception),) = ends(events).values()
    assert (outcomes, exception.endswith("NoTextError"), len(result.errors)) == (["error"], True, 1)


def test_what_regrtest_cannot_record_is_an_error_of_the_case(events: list[dict[str, Any]]) -> None:
    class Strict(unittest.TestResult):
        def addSuccess(self, test: Any) -> None:  # noqa: N802 - unittest's own name
            raise SystemExit

    Plain().run(result := result_class(Strict)())
    assert ends(events) == {"runTest": (["pass", "error"], "SystemExit")}
    assert not result.wasSuccessful()


class Undescribed(Plain):
    __test__ = False

    def shortDescription(self) -> str:  # noqa: N802 - unittest's own name
        raise SystemExit

    def runTest(self) -> None:  # noqa: N802 - unittest's own name
        for end in (self.fail, self.skipTest):
            with self.subTest(odd=Raising(SystemExit())):
                end("on purpose")


def test_what_cannot_be_printed_is_kept_as_its_id(events: list[dict[str, Any]]) -> None:
    Undescribed().run(result := result_class(unittest.TestResult)())
    assert [str(test) for test, _ in result.failures] != []
    (end,) = [event for event in events if event["e"] == "end"]
    assert {sub["params"] for sub in end["s"]} == {"<its parameters raise SystemExit>"}


@pytest.fixture
def watched() -> Iterator[Any]:
    """The agent's result class, with unittest's suites watched until the end of the test."""
    suite: Any = unittest.TestSuite
    kept = {name: getattr(suite, name) for name in (*FIXTURES, "run")}
    kind = result_class(unittest.TestResult)
    watch_suites(kind)
    yield kind
    for name, method in kept.items():
        setattr(suite, name, method)


class OtherClass(Plain):
    pass


def class_with(**fixtures: Any) -> type[unittest.TestCase]:
    members: dict[str, Any] = {name: classmethod(method) for name, method in fixtures.items()}
    return type("Fixtures", (Plain,), {"__module__": __name__, **members})


def raising(error: BaseException) -> Any:
    def fixture(*_: object) -> None:
        raise error

    return fixture


@pytest.mark.parametrize("error", [SystemExit(3), KeyboardInterrupt(), GeneratorExit(), ValueError("plain")])
@pytest.mark.parametrize(
    ("fixture", "runs"), [("setUpClass", ["OtherClass"]), ("tearDownClass", ["Fixtures", "OtherClass"])]
)
def test_whatever_a_class_fixture_raises_is_its_error_and_the_next_class_runs(
    events: list[dict[str, Any]], watched: Any, fixture: str, runs: list[str], error: BaseException
) -> None:
    unittest.TestSuite([class_with(**{fixture: raising(error)})(), OtherClass()]).run(result := watched())
    (outside,) = [event for event in events if event["e"] == "outside"]
    assert (outside["id"], outside["o"]) == (f"{fixture} ({__name__}.Fixtures)", "error")
    assert outside["d"]["exception"] == type(error).__name__
    assert [event["id"].split(".")[-2] for event in events if event["e"] == "end"] == runs
    assert len(result.errors) == 1


def test_every_clean_up_of_a_class_runs_whatever_the_others_raise(events: list[dict[str, Any]], watched: Any) -> None:
    def set_up(cls: Any) -> None:
        for error in (ValueError("4"), SystemExit("3"), KeyError("2"), KeyboardInterrupt("1")):
            cls.addClassCleanup(raising(error))
        raise GeneratorExit("0")

    unittest.TestSuite([class_with(setUpClass=set_up)(), OtherClass()]).run(watched())
    exceptions = [event["d"]["exception"] for event in events if event["e"] == "outside"]
    assert exceptions[:2] == ["GeneratorExit", "KeyboardInterrupt"]
    assert sorted(exceptions[2:]) == ["KeyError", "SystemExit", "ValueError"]
    assert list(ends(events)) == ["runTest"]


@pytest.mark.parametrize(("fixture", "runs"), [("setUpModule", 0), ("tearDownModule", 1)])
def test_whatever_a_module_fixture_raises_is_its_error(
    events: list[dict[str, Any]], watched: Any, monkeypatch: pytest.MonkeyPatch, fixture: str, runs: int
) -> None:
    module = types.ModuleType("some_module")
    setattr(module, fixture, raising(SystemExit(3)))
    monkeypatch.setitem(sys.modules, "some_module", module)
    unittest.addModuleCleanup(raising(KeyboardInterrupt()))
    case = type("T", (Plain,), {"__module__": "some_module"})()
    unittest.TestSuite([case]).run(watched())
    found = [(event["id"], event["d"]["exception"]) for event in events if event["e"] == "outside"]
    name = f"{fixture} (some_module)"
    assert found == [(name, "SystemExit"), (name, "KeyboardInterrupt")]
    assert len(ends(events)) == runs


def test_suites_of_other_results_are_left_alone(events: list[dict[str, Any]], watched: Any) -> None:
    with pytest.raises(SystemExit):
        unittest.TestSuite([class_with(setUpClass=raising(SystemExit()))()]).run(unittest.TestResult())
    assert not events


def regrtest_like(monkeypatch: pytest.MonkeyPatch, load: Any) -> types.ModuleType:
    """A main module with regrtest's function for a module, and what it calls to load it."""
    main, single = types.ModuleType("main"), types.ModuleType("test.libregrtest.single")

    def run_single_test() -> Any:
        try:
            single._load_run_test()
        except KeyboardInterrupt:
            return types.SimpleNamespace(state="INTERRUPTED")
        except BaseException:  # noqa: BLE001 - as regrtest does it
            return types.SimpleNamespace(state="UNCAUGHT_EXC")
        return types.SimpleNamespace(state="PASSED")

    single._load_run_test = load  # type: ignore[attr-defined]
    main.run_single_test = run_single_test  # type: ignore[attr-defined]
    package = types.ModuleType("test.libregrtest")
    for name, module in (("test.libregrtest", package), ("test.libregrtest.single", single)):
        monkeypatch.setitem(sys.modules, name, module)
    return main


@pytest.mark.parametrize(
    ("load", "word"),
    [
        (lambda: None, {"state": "passed", "d": {}}),
        (raising(Exception("why")), {"state": "uncaught_exc", "d": {"exception": "Exception", "message": "why"}}),
        (
            raising(KeyboardInterrupt()),
            {"state": "interrupted", "d": {"exception": "KeyboardInterrupt", "message": ""}},
        ),
    ],
)
def test_the_word_on_a_module_comes_with_the_exception_that_ended_it(
    events: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch, load: Any, word: dict[str, Any]
) -> None:
    main = regrtest_like(monkeypatch, load)
    watch_module(main)
    main.run_single_test()
    (event,) = events
    shown = event["d"].pop("traceback", "")
    assert event == {"e": "module", "known": False, **word}
    assert ("test_agent.py" in shown and word["d"]["exception"] in shown) if word["d"] else not shown


def test_an_exception_that_a_case_has_is_known(events: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch) -> None:
    error = SystemExit(3)
    EXCEPTIONS_OF_CASES.append(error)
    watch_module(main := regrtest_like(monkeypatch, raising(error)))
    main.run_single_test()
    assert events[0]["known"] is True


@pytest.mark.parametrize(("error", "status"), [(ValueError("x"), 1), (KeyboardInterrupt(), 1), (SystemExit(2), 2)])
def test_whatever_ends_regrtest_ends_the_interpreter_with_its_status(
    monkeypatch: pytest.MonkeyPatch, error: BaseException, status: int
) -> None:
    """Nobody else does this for a guest that was resumed."""
    printed: list[bytes] = []
    monkeypatch.setattr(agent, "open_journal", lambda _: None)
    monkeypatch.setattr(agent, "_write_output", lambda _, text: printed.append(text))
    monkeypatch.setattr(sys, "argv", [])
    regrtest = types.SimpleNamespace(main=raising(error))
    with pytest.raises(SystemExit) as caught:
        run(regrtest, "journal", "test_x")
    assert caught.value.code == status
    assert len(printed) == (0 if isinstance(error, SystemExit) else 1)


def test_the_interpreter_ends_though_sys_exit_was_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(agent, "open_journal", lambda _: None)
    monkeypatch.setattr(sys, "argv", [])
    monkeypatch.setattr(sys, "exit", print)
    with pytest.raises(SystemExit):
        run(types.SimpleNamespace(main=lambda: None), "journal", "test_x")


def test_regrtest_filters_by_the_ids_of_the_journal(monkeypatch: pytest.MonkeyPatch) -> None:
    single = types.ModuleType("test.libregrtest.single")
    asked: list[str] = []
    single.match_test = lambda test: asked.append(test.id()) or True  # type: ignore[attr-defined, func-returns-value]
    monkeypatch.setitem(sys.modules, "test.libregrtest", types.ModuleType("test.libregrtest"))
    monkeypatch.setitem(sys.modules, "test.libregrtest.single", single)
    filter_by_journal_id(None)
    assert single.match_test(Renamed())
    assert asked == [f"{__name__}.Renamed.runTest"]
    assert WholeId("a.b").split(".") == []
    assert hash(WholeId("a.b")) == hash("a.b")


def test_older_regrtest_filters_a_suite_and_its_own_filter_stays_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """CPython 3.11: `run_unittest` calls `_filter_suite(suite, match_test)`, and test_support tests `match_test`."""
    monkeypatch.setitem(sys.modules, "test.libregrtest.single", None)
    support = types.SimpleNamespace(
        match_test=lambda test: test.id() == f"{__name__}.Renamed.runTest",
        _filter_suite=lambda suite, wanted: list(filter(wanted, suite)),
    )
    before = support.match_test
    filter_by_journal_id(support)
    assert support.match_test is before
    renamed, plain = Renamed(), Plain()
    assert support._filter_suite([renamed, plain], lambda _: True) == [renamed, plain]
    assert support._filter_suite([renamed, plain], support.match_test) == [renamed]


@pytest.mark.parametrize(
    ("name", "word"),
    [("Interrupted", "interrupted"), ("DidNotRun", "did_not_run"), ("UncaughtException", "uncaught_exc")],
)
def test_older_regrtest_has_a_class_for_each_word(name: str, word: str) -> None:
    assert state_of(type(name, (), {})()) == word


def cases_of(letter: str) -> unittest.TestSuite:
    names = [f"test_{number}" for number in range(6)]
    members: dict[str, Any] = dict.fromkeys(names, lambda _: None)
    kind: Any = type(f"Class{letter}", (unittest.TestCase,), {"__module__": f"test_{letter.lower()}", **members})
    return unittest.TestSuite(kind(name) for name in names)


def ids(suite: unittest.TestSuite) -> list[str]:
    return list(ids_in(suite))


def test_a_random_order_moves_classes_and_cases_and_keeps_each_class_whole() -> None:
    def loaded() -> unittest.TestSuite:
        return unittest.TestSuite([unittest.TestSuite([cases_of(letter) for letter in "ABCD"])])

    plain, one, again, other = loaded(), loaded(), loaded(), loaded()
    shuffle(one, "1")
    shuffle(again, "1")
    shuffle(other, "2")
    assert sorted(ids(one)) == ids(plain) != ids(one)
    assert ids(again) == ids(one) != ids(other)
    classes = [case.rpartition(".")[0] for case in ids(one)]
    assert [name for at, name in enumerate(classes) if name not in classes[:at]] == list(dict.fromkeys(classes))
    assert all(len(set(classes[at : at + 6])) == 1 for at in range(0, 24, 6))


def test_cases_of_several_classes_in_one_suite_are_put_together_class_by_class() -> None:
    mixed = unittest.TestSuite(case for pair in zip(cases_of("A"), cases_of("B"), strict=True) for case in pair)
    shuffle(mixed, "3")
    classes = [case.rpartition(".")[0] for case in ids(mixed)]
    assert len(set(classes[:6])) == len(set(classes[6:])) == 1


def test_the_rest_keeps_its_order_without_the_cases_that_are_finished() -> None:
    whole, rest = cases_of("A"), cases_of("A")
    shuffle(whole, "5")
    finished = ids(whole)[:2]
    rest._tests = [case for case in rest if id_of(case) not in finished]  # type: ignore[misc]
    shuffle(rest, "5")
    assert ids(rest) == ids(whole)[2:]


def test_a_module_runs_in_random_order_when_regrtest_is_asked_for_one(
    events: list[dict[str, Any]], watched: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def main() -> None:
        cases_of("A").run(watched())

    regrtest = types.ModuleType("main")
    regrtest.main = main  # type: ignore[attr-defined]
    monkeypatch.setattr(agent, "open_journal", lambda _: None)
    plans = []
    for options in (("--randseed", "4"), ("--randseed", "4", "--randomize")):
        monkeypatch.setattr(CHOICE, "seed", "")
        with pytest.raises(SystemExit):
            run(regrtest, "9", "test_a", *options)
        plans.append(next(event["ids"] for event in reversed(events) if event["e"] == "plan"))
    assert plans[0] == ids(cases_of("A"))
    assert sorted(plans[1]) == plans[0] != plans[1]
