"""The files of expectations: what is read, what is refused and where."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.errors import ConfigError, Problem
from harness.expectations.files import load_expectations, read_lists
from harness.results.outcomes import Outcome
from tests.unit.sample_lists import REGISTRY, entry, load


def problems(folder: Path, text: str) -> list[Problem]:
    with pytest.raises(ConfigError) as caught:
        load(folder, text)
    return list(caught.value.problems)


def test_an_entry_is_read_as_written(tmp_path: Path) -> None:
    text = entry(outcome='["fail", "timeout"]', when='{ target = "wasi" }', run="false", note='"seen on macOS"')
    found = load(tmp_path, "\n" + text, "wasi/fs.toml").entries[0]
    assert found.place == "expected_failures/wasi/fs.toml:2"
    assert found.tests == ("test.test_os.LinkTests.test_link",)
    assert found.outcome == (Outcome.FAIL, Outcome.TIMEOUT)
    assert (found.limitation, found.issue, found.run) == ("fs-hard-links", "", False)
    assert str(found.when) == "target wasi"
    assert found.note == "seen on macOS"


def test_what_only_lacks_its_cause_and_reason_is_read_all_the_same() -> None:
    text = entry(limitation="", reason='"TODO"') + entry(outcome='"what"', reason='"TODO"')
    found = read_lists({"a.toml": text}, REGISTRY)
    assert [read.reason for read in found.entries] == ["TODO"]
    assert [(problem.line, problem.key) for problem in found.unfinished] == [
        (1, "expect.limitation"),
        (4, "expect.reason"),
    ]
    assert [problem.line for problem in found.problems] == [8]


def test_all_mistakes_of_an_entry_are_listed_at_once_without_those_that_follow_from_another(tmp_path: Path) -> None:
    text = entry(
        tests='["no id"]', outcome='"eror"', limitation='"fs-hard-lnks"', when='{ traget = "wasi", wasi_sdk = ">25<" }'
    )
    found = [problem.key for problem in problems(tmp_path, text)]
    named = ["tests", "outcome", "limitation", "when.traget", "when.wasi_sdk"]
    assert sorted(found) == sorted(f"expect.{key}" for key in named)
    unreadable = [problem.key for problem in problems(tmp_path, entry(when='{ traget = "wasi" }'))]
    assert unreadable == ["expect.when.traget"]


def test_the_registry_is_not_a_list_but_a_file_of_that_name_deeper_down_is(tmp_path: Path) -> None:
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
        (
            {"run": "false", "tests": '["setUpClass (test.test_os.LinkTests)"]'},
            (6, "run"),
            "a fixture cannot be kept from running",
            "name the cases of its class (.*), or its module",
        ),
        ({"test": "1"}, (6, "test"), "unknown key", "did you mean 'tests'?"),
        ({"reason": ""}, (1, ""), "'reason' is missing", None),
        ({"reason": '" "'}, (5, "reason"), "must not be empty", None),
        ({"reason": '"TODO"'}, (5, "reason"), "is still to be written", None),
        ({"reason": '"todo: look"'}, (5, "reason"), "is still to be written", None),
        ({"outcome": '"eror"'}, (3, "outcome"), None, "did you mean 'error'?"),
        ({"outcome": "3"}, (3, "outcome"), None, None),
        ({"outcome": '"skip"'}, (3, "outcome"), "'skip' needs no expectation", None),
        ({"outcome": '"pass"'}, (3, "outcome"), "'pass' needs no expectation", None),
        ({"outcome": '["pass"]'}, (3, "outcome"), "'pass' needs no expectation", None),
        ({"outcome": '["fail", "skip"]'}, (3, "outcome"), "'skip' needs no expectation", None),
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
            "an entry has a limitation, an issue, or both",
            None,
        ),
        ({"limitation": "", "issue": '"gh-1"'}, (5, "issue"), "must be an https address, not 'gh-1'", None),
        ({"run": '"no"'}, (6, "run"), None, None),
        (
            {"signature": '"[Errno 2] No such file"'},
            (6, "signature"),
            "'[Errno 2] No such file' is no signature",
            "such as 'OSError ENOTSUP', 'trap: stack exhausted' or 'exit: 3'",
        ),
        ({"signature": '["OSError", "OSError"]'}, (6, "signature"), "names a signature twice", None),
        ({"tests": "[]"}, (2, "tests"), "must name at least one test", None),
        ({"tests": '["test.test_os.*.x"]'}, (2, "tests"), "'test.test_os.*.x' is no test id", None),
        ({"tests": '["test.test_os X"]'}, (2, "tests"), "'test.test_os X' is no test id", None),
        ({"tests": '["*"]'}, (2, "tests"), "'*' is no test id", None),
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
def test_a_mistake_is_reported_with_its_line_its_key_and_the_nearest_name(
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


def test_all_mistakes_of_all_files_are_reported_at_once(tmp_path: Path) -> None:
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


def test_only_outcomes_that_an_entry_can_have_are_proposed(tmp_path: Path) -> None:
    (problem,) = problems(tmp_path, entry(outcome='"failed"'))
    assert problem.key == "expect.outcome"
    assert problem.message.startswith("must be one of fail, error, ")
    assert "pass" not in problem.message
    assert problem.suggestion == "did you mean 'fail'?"
