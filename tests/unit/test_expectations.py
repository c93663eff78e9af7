"""Expectation lists: what is read, what is refused and where, and what holds for a cell."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from harness.errors import ConfigError, Problem
from harness.expectations import (
    CellExpectations,
    Expectations,
    dotted,
    load_expectations,
    module_of,
    subject_of,
)
from harness.limitations import Limitation, Registry
from harness.matrix import Cell, Target
from harness.outcomes import Outcome

WASI = Cell(
    id="wasi",
    target=Target.WASI,
    toolchain="25.0",
    python="3.13.5",
    runtime="50.0.1",
    description="the default",
)
EMSCRIPTEN = Cell(
    id="emscripten-3.1.73",
    target=Target.EMSCRIPTEN,
    toolchain="3.1.73",
    python="3.13.5",
    runtime="22.14.0",
    description="the default",
)


def limitation(name: str, *targets: Target) -> Limitation:
    return Limitation(id=name, section="File system", statement=name, source=f"https://x.org/#{name}", targets=targets)


REGISTRY = Registry(
    {
        "fs-hard-links": limitation("fs-hard-links", Target.EMSCRIPTEN, Target.WASI),
        "wasi-no-dup": limitation("wasi-no-dup", Target.WASI),
    }
)
LINK = {
    "tests": '["test.test_os.LinkTests.test_link"]',
    "outcome": '"error"',
    "limitation": '"fs-hard-links"',
    "reason": '"os.link() fails with ENOSYS"',
}


def entry(**changes: str) -> str:
    """An `[[expect]]`; an empty string leaves a key out."""
    lines = [f"{key} = {value}" for key, value in (LINK | changes).items() if value]
    return "\n".join(["[[expect]]", *lines, "", ""])


def load(folder: Path, text: str, file: str = "fs.toml") -> Expectations:
    path = folder / "expected_failures" / file
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return load_expectations(folder / "expected_failures", REGISTRY)


def problems(folder: Path, text: str) -> list[Problem]:
    with pytest.raises(ConfigError) as caught:
        load(folder, text)
    return list(caught.value.problems)


def for_wasi(folder: Path, text: str) -> CellExpectations:
    return load(folder, text).for_cell(WASI)


def test_an_entry_is_read_as_written(tmp_path: Path) -> None:
    text = entry(outcome='["fail", "timeout"]', when='{ target = "wasi" }', run="false", note='"seen on macOS"')
    found = load(tmp_path, "\n" + text, "wasi/fs.toml").entries[0]
    assert found.place == "expected_failures/wasi/fs.toml:2"
    assert found.tests == ("test.test_os.LinkTests.test_link",)
    assert found.outcome == (Outcome.FAIL, Outcome.TIMEOUT)
    assert (found.limitation, found.issue, found.run) == ("fs-hard-links", "", False)
    assert str(found.when) == "target wasi"
    assert found.note == "seen on macOS"


def test_the_registry_is_no_list_but_a_like_named_file_deeper_down_is(tmp_path: Path) -> None:
    load(tmp_path, entry())
    registry = tmp_path / "expected_failures" / "limitations.toml"
    registry.write_text("[[limitation]]\n", encoding="utf-8")
    assert len(load_expectations(registry.parent, REGISTRY).entries) == 1
    (registry.parent / "wasi").mkdir()
    registry.rename(registry.parent / "wasi" / "limitations.toml")
    with pytest.raises(ConfigError, match="unknown table or key"):
        load_expectations(registry.parent, REGISTRY)


def test_no_folder_is_a_mistake_and_an_empty_one_is_not(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="there is no folder"):
        load_expectations(tmp_path / "nowhere", REGISTRY)
    assert load_expectations(tmp_path, REGISTRY).entries == ()


@pytest.mark.parametrize(
    ("changes", "where", "message", "suggestion"),
    [
        ({"test": "1"}, (6, "test"), "unknown key", "did you mean 'tests'?"),
        ({"reason": ""}, (1, ""), "'reason' is missing", None),
        ({"reason": '" "'}, (5, "reason"), "must not be empty", None),
        ({"reason": '"TODO"'}, (5, "reason"), "is still to be written", None),
        ({"reason": '"todo: look"'}, (5, "reason"), "is still to be written", None),
        ({"outcome": '"eror"'}, (3, "outcome"), None, "did you mean 'error'?"),
        ({"outcome": "3"}, (3, "outcome"), None, None),
        ({"outcome": '"skip"'}, (3, "outcome"), "'skip' needs no expectation", None),
        ({"outcome": '["fail", "pass"]'}, (3, "outcome"), "'pass' needs no expectation", None),
        ({"outcome": '["fail", "fail"]'}, (3, "outcome"), "names an outcome twice", None),
        ({"outcome": "[]"}, (3, "outcome"), "must name at least one outcome", None),
        (
            {"limitation": '"fs-hardlinks"'},
            (4, "limitation"),
            "'fs-hardlinks' is not in limitations.toml",
            "did you mean 'fs-hard-links'?",
        ),
        (
            {"limitation": '"wasi-no-dup"'},
            (4, "limitation"),
            "'wasi-no-dup' is not documented for emscripten",
            None,
        ),
        (
            {"limitation": ""},
            (1, "limitation"),
            "an entry has a limitation or an issue, exactly one of them",
            None,
        ),
        (
            {"issue": '"https://github.com/python/cpython/issues/1"'},
            (4, "limitation"),
            "an entry has a limitation or an issue, exactly one of them",
            None,
        ),
        ({"limitation": "", "issue": '"gh-1"'}, (5, "issue"), "must be an https address, not 'gh-1'", None),
        ({"run": '"no"'}, (6, "run"), None, None),
        ({"tests": "[]"}, (2, "tests"), "must name at least one test", None),
        ({"tests": '["test.test_os.*.x"]'}, (2, "tests"), "'test.test_os.*.x' is no test id", None),
        ({"tests": '["test.test_os X"]'}, (2, "tests"), "'test.test_os X' is no test id", None),
        ({"tests": '["*"]'}, (2, "tests"), "'*' is no test id", None),
        (
            {"tests": '["test_os.LinkTests.test_link"]'},
            (2, "tests"),
            "'test_os.LinkTests.test_link' is not a full id",
            "did you mean 'test.test_os.LinkTests.test_link'?",
        ),
        ({"tests": '["test.a.b", "test.a.b"]'}, (2, "tests"), "'test.a.b' stands here 2 times", None),
        ({"when": '"wasi"'}, (6, "when"), "must be an inline table, { target = ... }", None),
        ({"when": '{ traget = "wasi" }'}, (6, "when.traget"), "unknown axis", "did you mean 'target'?"),
        (
            {"when": '{ node = ">=4,<3" }'},
            (6, "when.node"),
            "'>=4,<3' is an empty range: no version is in it",
            None,
        ),
    ],
)
def test_a_mistake_is_told_with_line_key_and_what_is_near(
    tmp_path: Path,
    changes: dict[str, str],
    where: tuple[int, str],
    message: str | None,
    suggestion: str | None,
) -> None:
    (problem,) = problems(tmp_path, entry(**changes))
    assert problem.file == "expected_failures/fs.toml"
    assert (problem.line, problem.key) == (where[0], f"expect.{where[1]}".rstrip("."))
    assert message is None or problem.message == message
    assert suggestion is None or problem.suggestion == suggestion


def test_all_mistakes_of_all_files_are_told_at_once(tmp_path: Path) -> None:
    folder = tmp_path / "expected_failures"
    folder.mkdir()
    (folder / "a.toml").write_text("[[expect]\n", encoding="utf-8")
    text = entry() + entry(reason='""', when='{ target = "wasi", node = "22" }')
    assert [(problem.file.split("/")[1], problem.line) for problem in problems(tmp_path, text)] == [
        ("a.toml", 1),
        ("fs.toml", 11),
        ("fs.toml", 12),
    ]


def test_a_limitation_of_one_target_serves_an_entry_for_that_target(tmp_path: Path) -> None:
    text = entry(limitation='"wasi-no-dup"', when='{ wasi_sdk = ">=24" }')
    assert len(load(tmp_path, text).entries) == 1


@pytest.mark.parametrize("fixture", ["setUpClass (test.test_os.LinkTests)", "tearDownModule (test.test_os)"])
def test_fixtures_are_ids(tmp_path: Path, fixture: str) -> None:
    found = for_wasi(tmp_path, entry(tests=f'["{fixture}"]'))
    assert found.lookup(fixture)
    assert found.of_module("test_os") == (fixture,)


def test_only_entries_whose_condition_holds_are_the_cells(tmp_path: Path) -> None:
    expectations = load(tmp_path, entry(when='{ target = "emscripten" }'))
    case = "test.test_os.LinkTests.test_link"
    assert expectations.for_cell(WASI).lookup(case) is None
    assert expectations.for_cell(EMSCRIPTEN).lookup(case) is expectations.entries[0]


def test_the_version_that_was_built_decides_where_the_cell_names_a_path(tmp_path: Path) -> None:
    expectations = load(tmp_path, entry(when='{ python = ">=3.14" }'))
    cell = dataclasses.replace(WASI, python="/src/cpython")
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
        "expected_failures/fs.toml:1 (merge the two, or give them conditions that exclude each other)"
    )
    with pytest.raises(ConfigError, match="contradict"):
        expectations.check_cells([EMSCRIPTEN, WASI])
    expectations.check_cells([EMSCRIPTEN])


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
    ],
)
def test_ids_of_the_suite_are_accepted(tmp_path: Path, test: str) -> None:
    load(tmp_path, entry(tests=f'["{test}"]')).check_modules(SUITE)


@pytest.mark.parametrize(
    ("test", "message", "suggestion"),
    [
        ("test.test_jsn.X.test_a", "belongs to no module of the suite", "did you mean 'test.test_json'?"),
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
def test_ids_outside_the_suite_are_told_with_the_nearest_name(
    tmp_path: Path, test: str, message: str, suggestion: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, entry(tests=f'["{test}"]')).check_modules(SUITE)
    with pytest.raises(ConfigError, match="the suite does not have"):
        load(tmp_path, entry(tests=f'["{test}"]')).for_cell(WASI).check_modules(SUITE)
    (problem,) = caught.value.problems
    assert (problem.line, problem.message, problem.suggestion) == (1, f"{test!r} {message}", suggestion)


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
