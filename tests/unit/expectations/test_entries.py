"""Expectations: what holds for a cell, what is found by a case's id, and what contradicts."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from harness.errors import ConfigError
from harness.expectations.compare import compare_module
from harness.expectations.entries import CellExpectations
from harness.matrix.cells import with_python
from harness.results.case_ids import dotted, module_of, subject_of
from harness.results.outcomes import CaseResult, ModuleResult, Outcome
from tests.unit.sample_cells import EMSCRIPTEN, WASI
from tests.unit.sample_lists import entry, load


def for_wasi(folder: Path, text: str) -> CellExpectations:
    return load(folder, text).for_cell(WASI)


@pytest.mark.parametrize("fixture", ["setUpClass (test.test_os.LinkTests)", "tearDownModule (test.test_os)"])
def test_fixtures_are_ids(tmp_path: Path, fixture: str) -> None:
    found = for_wasi(tmp_path, entry(tests=f'["{fixture}"]'))
    assert found.lookup(fixture)
    assert found.of_module("test_os") == (fixture,)


def test_a_cell_has_only_the_entries_whose_condition_holds_for_it(tmp_path: Path) -> None:
    expectations = load(tmp_path, entry(when='{ target = "emscripten" }'))
    case = "test.test_os.LinkTests.test_link"
    assert expectations.for_cell(WASI).lookup(case) is None
    assert expectations.for_cell(EMSCRIPTEN).lookup(case) is expectations.entries[0]
    assert expectations.for_cell(WASI).lookup_elsewhere(case) is expectations.entries[0]
    assert expectations.for_cell(EMSCRIPTEN).lookup_elsewhere(case) is None


def test_a_class_is_named_for_other_cells_too(tmp_path: Path) -> None:
    when = '{ target = "emscripten", emscripten = "<3.1.70" }'
    expectations = load(tmp_path, entry(tests='["test.test_os.LinkTests.*"]', when=when)).for_cell(WASI)
    case = CaseResult(case="test.test_os.LinkTests.test_link", outcome=Outcome.ERROR)
    module = ModuleResult(
        module="test_os", outcome=Outcome.ERROR, seconds=1.0, attempts=1, complete=True, cases=(case,)
    )
    (row,) = compare_module(module, expectations).rows
    assert row.elsewhere == "expected_failures/fs.toml:1, where target emscripten, emscripten <3.1.70"


def test_the_version_that_was_built_decides_where_the_cell_names_a_path(tmp_path: Path) -> None:
    expectations = load(tmp_path, entry(when='{ python = ">=3.14" }'))
    cell = with_python(WASI, "/src/cpython")
    case = "test.test_os.LinkTests.test_link"
    assert expectations.for_cell(cell).lookup(case) is None
    assert expectations.for_cell(cell, python="3.15.0a2+").lookup(case)


def test_the_versions_in_use_decide_where_the_cell_names_a_series(tmp_path: Path) -> None:
    expectations = load(tmp_path, entry(when='{ node = ">=24.20", emscripten = ">3.1.73" }'))
    cell = dataclasses.replace(EMSCRIPTEN, runtime="24")
    case = "test.test_os.LinkTests.test_link"
    assert expectations.for_cell(cell).lookup(case) is None
    assert expectations.for_cell(cell, runtime="24.20.1", toolchain="3.1.74").lookup(case)


def test_two_entries_for_a_test_conflict_only_where_both_hold(tmp_path: Path) -> None:
    text = entry() + entry(outcome='"crash"', when='{ target = "wasi" }')
    expectations = load(tmp_path, text)
    assert expectations.for_cell(EMSCRIPTEN).lookup("test.test_os.LinkTests.test_link")
    with pytest.raises(ConfigError) as caught:
        expectations.for_cell(WASI)
    (problem,) = caught.value.problems
    assert str(problem) == (
        "expected_failures/fs.toml:7: expect.tests: 'test.test_os.LinkTests.test_link' stands already at "
        "expected_failures/fs.toml:1, with error (merge the two, or give them conditions that exclude each other)"
    )
    assert expectations.overlaps([EMSCRIPTEN, WASI]) == [problem]
    assert expectations.overlaps([EMSCRIPTEN]) == []


def test_a_wildcard_covers_the_cases_of_its_class_that_have_no_entry_of_their_own(tmp_path: Path) -> None:
    text = entry(tests='["test.test_os.LinkTests.*"]') + entry(outcome='"crash"')
    found = for_wasi(tmp_path, text)
    outcomes = {
        name: (hit := found.lookup(f"test.test_os.{name}")) and hit.outcome[0]
        for name in ("LinkTests.test_link", "LinkTests.test_other", "LinkTestsToo.test_link", "LinkTests")
    }
    assert outcomes == {
        "LinkTests.test_link": Outcome.CRASH,
        "LinkTests.test_other": Outcome.ERROR,
        "LinkTestsToo.test_link": None,
        "LinkTests": None,
    }
    assert found.lookup("setUpClass (test.test_os.LinkTests)") is None


def test_entries_are_found_by_module(tmp_path: Path) -> None:
    tests = [
        "test.test_os",
        "test.test_os.LinkTests.*",
        "test.test_os_more.X.test_a",
        "test.test_os-x.X.test_a",
        "test.test_asyncio.test_tasks.T.test_a",
        "setUpModule (test.test_os)",
    ]
    found = for_wasi(tmp_path, entry(tests=str(tests).replace("'", '"')))
    assert found.of_module("test_os") == (
        "setUpModule (test.test_os)",
        "test.test_os",
        "test.test_os.LinkTests.*",
    )
    assert found.of_module("test.test_asyncio.test_tasks") == ("test.test_asyncio.test_tasks.T.test_a",)
    assert found.modules(["test_json", "test_os_more", "test_os"]) == ("test_os_more", "test_os")


def test_what_must_not_run_is_listed_by_module(tmp_path: Path) -> None:
    found = for_wasi(tmp_path, entry(run="false") + entry(tests='["test.test_os.LinkTests.test_other"]'))
    assert found.not_to_run("test_os") == ("test.test_os.LinkTests.test_link",)
    assert found.not_to_run("test_json") == ()


def test_a_class_that_must_not_run_is_named_as_such(tmp_path: Path) -> None:
    text = entry(tests='["test.test_os.LinkTests.*"]', run="false")
    assert load(tmp_path, text).for_cell(WASI).not_to_run("test_os") == ("test.test_os.LinkTests.*",)


@pytest.mark.parametrize(
    ("outcome", "expects"), [('"timeout"', True), ('["timeout", "pass"]', False), ('"crash"', False)]
)
def test_a_hang_is_expected_where_nothing_else_is(tmp_path: Path, outcome: str, expects: bool) -> None:
    found = for_wasi(tmp_path, entry(tests='["test.test_os.LinkTests.*"]', outcome=outcome))
    assert found.expects_hang("test.test_os.LinkTests.test_link") is expects
    assert not found.expects_hang("test.test_os.Other.test_link")


SUITE = ("test_os", "test_json", "test.test_asyncio.test_tasks")


@pytest.mark.parametrize(
    "test",
    [
        "test.test_os",
        "test.test_os.LinkTests.test_link",
        "test.test_os.LinkTests.*",
        "test.test_json.test_decode.TestCDecode.test_decimal",
        "test.test_asyncio.test_tasks.TaskTests.test_a",
        "setUpClass (test.test_json.test_decode.TestCDecode)",
        "test.datetimetester.TestDate_Pure.test_a",  # named after a helper module
        "json.encoder",  # a doctest
        "json.test_extra",  # a doctest, whatever its name begins with
    ],
)
def test_ids_of_the_suite_are_accepted(tmp_path: Path, test: str) -> None:
    load(tmp_path, entry(tests=f'["{test}"]')).check_modules(SUITE)


@pytest.mark.parametrize(
    ("test", "message", "suggestion"),
    [
        (
            "test.test_jsn.AClassWithALongName.Inner.test_a",
            "belongs to no module of the suite",
            "did you mean 'test.test_json'?",
        ),
        ("test.test_jsn.X.test_a", "belongs to no module of the suite", "did you mean 'test.test_json'?"),
        ("test_json.X.test_a", "is not a full id", "did you mean 'test.test_json.X.test_a'?"),
        (
            "test.test_asyncio.test_task.X.test_a",
            "belongs to no module of the suite",
            "did you mean 'test.test_asyncio.test_tasks'?",
        ),
        (
            "test.test_os.*",
            "is a module: .* stands for the cases of a class",
            "name the class, as in test.test_os.Class.*",
        ),
    ],
)
def test_ids_outside_the_suite_are_reported_with_the_nearest_name(
    tmp_path: Path, test: str, message: str, suggestion: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, entry(tests=f'["{test}"]')).check_modules(SUITE)
    with pytest.raises(ConfigError, match="the suite does not have"):
        load(tmp_path, entry(tests=f'["{test}"]')).for_cell(WASI).check_modules(SUITE)
    (problem,) = caught.value.problems
    assert (problem.line, problem.message, problem.suggestion) == (1, f"{test!r} {message}", suggestion)


def test_a_package_is_not_a_module(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, entry(tests='["test.test_asyncio"]')).check_modules(SUITE)
    (problem,) = caught.value.problems
    assert problem.message == "'test.test_asyncio' belongs to no module of the suite"


def test_a_case_belongs_to_the_longest_module() -> None:
    known = {dotted(module) for module in (*SUITE, "test_asyncio")}
    assert module_of("test.test_asyncio.test_tasks.T.test_a", known) == "test.test_asyncio.test_tasks"
    assert module_of("test.test_asyncio.utils.T.test_a", known) == "test.test_asyncio"
    assert module_of("setUpClass (test.test_os.T)", known) == "test.test_os"
    assert module_of("test.test_oss.T", known) is None


def test_subjects() -> None:
    assert subject_of("tearDownClass (test.test_os.T)") == "test.test_os.T"
    assert subject_of("test.test_os.T.*") == "test.test_os.T"
    assert subject_of("test.test_os.T.test_a") == "test.test_os.T.test_a"
