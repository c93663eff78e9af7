"""What the agent says of a case, whatever the case is."""

from __future__ import annotations

import doctest
import json
import os
import sys
import types
import unittest
from pathlib import Path
from typing import Any

import pytest

from harness.guest import agent
from harness.guest.agent import id_of, main_module, result_class


def test_an_event_is_one_line_appended_to_the_descriptor(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    path = tmp_path / "journal"
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    monkeypatch.setattr(agent, "_descriptor", -1)
    agent.open_journal(str(descriptor))
    try:
        agent.emit(e="start", id="a\nb")
        agent.emit(e="end", id="a\nb")
        assert not os.get_inheritable(descriptor)
    finally:
        os.close(descriptor)
    lines = path.read_text().splitlines()
    assert [json.loads(line) for line in lines] == [{"e": "start", "id": "a\nb"}, {"e": "end", "id": "a\nb"}]


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
    assert id_of(unittest.FunctionTestCase(test_a_fixture_that_failed_is_told_by_its_name)).endswith("by_its_name")


def test_a_fixture_that_failed_is_told_by_its_name() -> None:
    holder = unittest.suite._ErrorHolder("setUpClass (test.test_os.T)")  # type: ignore[attr-defined]
    assert id_of(holder) == "setUpClass (test.test_os.T)"


def test_what_is_no_test_at_all_is_told_as_a_text() -> None:
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


def test_an_error_after_a_skip_is_told_with_its_exception(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[dict[str, Any]] = []
    monkeypatch.setattr("harness.guest.agent.emit", lambda **event: told.append(event))
    SkipsThenBreaks().run(result_class(unittest.TestResult)())
    (end,) = [event for event in told if event["e"] == "end"]
    assert sorted(end["o"]) == ["error", "skip"]
    assert (end["d"]["exception"], end["d"]["message"]) == ("OSError", "[Errno 63] not permitted")
