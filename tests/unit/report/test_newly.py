"""Modules that skip as a whole and ran in the run before: found, and said first everywhere."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from harness.report import console
from harness.report.earlier import earlier_results, read_before
from harness.report.headline import statements
from harness.report.markdown import render_markdown
from harness.report.newly import MODULES_NAMED, NewSkip, listed, newly_skipped
from harness.results.cell_results import CellResults, write_results
from harness.results.outcomes import ModuleResult, Outcome
from harness.run.publish import newly_skipped_in
from tests.unit.report_runs import digest, html
from tests.unit.sample_results import case, module, results

RAN = module("test_os", case("test_os.T.test_a"))
AWAY = module("test_os", outcome=Outcome.SKIP, reason="No module named '_os'")
EMPTY = module("test_os", outcome=Outcome.NO_TESTS, reason="the module has no tests")
FAILED = module("test_os", case("test_os.T.test_a", Outcome.FAIL))


def partly(found: ModuleResult) -> ModuleResult:
    return msgspec.structs.replace(found, complete=False)


@pytest.mark.parametrize(
    ("before", "now", "is_new"),
    [
        (RAN, AWAY, True),
        (FAILED, AWAY, True),
        (RAN, EMPTY, True),
        (RAN, module("test_os", case("test_os.T.test_a", Outcome.SKIP, reason="No module named '_os'")), True),
        (AWAY, AWAY, False),
        (EMPTY, AWAY, False),
        (AWAY, EMPTY, False),
        (AWAY, RAN, False),
        (RAN, RAN, False),
        (RAN, module("test_os", case("test_os.T.test_a"), case("test_os.T.test_b", Outcome.SKIP)), False),
        (module("test_os", outcome=Outcome.NOT_RUN), AWAY, False),
        (module("test_json", case("test_json.T.test_a")), AWAY, False),
        (RAN, partly(AWAY), False),
    ],
)
def test_a_module_newly_skips_when_it_ran_before_and_nothing_of_it_does_now(
    before: ModuleResult, now: ModuleResult, is_new: bool
) -> None:
    found = newly_skipped([now], {before.module: before.outcome})
    assert bool(found) is is_new
    reason = "the module has no tests" if now is EMPTY else "No module named '_os'"
    assert found == ((NewSkip(module="test_os", outcome=now.outcome, reason=reason),) if is_new else ())


def test_the_first_of_many_are_named() -> None:
    many = [NewSkip(module=f"test_{number}", outcome=Outcome.SKIP, reason="") for number in range(MODULES_NAMED + 2)]
    assert listed(many[:1]) == "test_0 (skip)"
    assert listed(many).startswith("test_0 (skip), test_1 (skip)")
    assert listed(many).endswith(f"test_{MODULES_NAMED - 1} (skip), and 2 more")


OTHER = module("test_json", case("test_json.T.test_a"))


def test_page_and_summary_say_it_right_after_what_ran() -> None:
    run = digest({"wasi": results(AWAY, OTHER)}, {"wasi": results(RAN, OTHER)})
    second = statements(run, "reports/tonight")[1]
    assert second.mood == "bad"
    assert second.text == ("1 module that ran in last-night runs nothing now on wasi: test_os (No module named '_os').")
    lines = render_markdown(run, "reports/tonight").splitlines()
    assert lines[3].startswith("- 1 module that ran in last-night runs nothing now on wasi")


def test_nothing_is_said_without_a_run_before_and_when_nothing_is_new() -> None:
    for befores in ({}, {"wasi": results(AWAY)}):
        texts = [each.text for each in statements(digest({"wasi": results(AWAY)}, befores), "x")]
        assert not [text for text in texts if "runs nothing now" in text]


def test_console_says_it_first() -> None:
    newly = newly_skipped([AWAY], {"test_os": Outcome.PASS})
    lines = console.render_console(results(AWAY), color=False, newly=newly).splitlines()
    assert lines[2] == "NEWLY SKIPPED  1 module that ran in the run before: test_os (No module named '_os')"
    assert "NEWLY" not in console.render_console(results(AWAY), color=False)


def test_modules_without_tests_are_counted_apart_from_those_that_skip() -> None:
    found = results(EMPTY, module("test_mmap", outcome=Outcome.SKIP, reason="no"), OTHER)
    page = console.render_console(found, color=False)
    assert "3: 1 ran, 1 skipped as a whole, 1 without any test" in page
    assert "3: 1 passed, 1 skipped, 1 without any test" in page
    run = digest({"wasi": found})
    assert "1 passed, 1 skipped, 1 module without any test, 0 known to fail" in statements(run, "x")[0].text
    assert '{ id: "no-tests", letter: "0", label: "no tests" }' in html({"wasi": found})
    assert "without any test" not in console.render_console(results(OTHER), color=False)
    assert "without any test" not in statements(digest({"wasi": results(OTHER)}), "x")[0].text


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "matrices").mkdir()
    (tmp_path / "matrices" / "default.toml").touch()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write(project: Path, run: str, found: CellResults) -> Path:
    path = project / "reports" / run / "wasi" / "results.json"
    write_results(path, found)
    return path


def latest(project: Path, run: str) -> None:
    (project / "reports" / "latest").symlink_to(run)


def test_the_run_before_is_the_last_whole_one_of_the_same_cell(project: Path) -> None:
    write(project, "2026-11-20T00-00-00", results(RAN))
    write(project, "2026-11-21T00-00-00", results(AWAY, complete=False))
    (project / "reports" / "2026-11-22T00-00-00" / "other").mkdir(parents=True)
    write(project, "2026-11-24T00-00-00", results(AWAY))
    path = write(project, "2026-11-23T00-00-00", results(AWAY))
    assert [skip.module for skip in newly_skipped_in(results(AWAY), path)] == ["test_os"]
    before = read_before(earlier_results(path))
    assert before is not None
    assert before.run == "2026-11-20T00-00-00"


def test_a_run_folder_of_another_name_is_compared_with_the_run_that_ended_last(project: Path) -> None:
    write(project, "2026-11-20T00-00-00", results(RAN))
    latest(project, "2026-11-20T00-00-00")
    path = project / "elsewhere" / "wasi" / "results.json"
    assert [skip.module for skip in newly_skipped_in(results(AWAY), path)] == ["test_os"]
    before = read_before(earlier_results(path))
    assert before is not None
    assert before.run == "2026-11-20T00-00-00"


def test_a_run_is_not_compared_with_itself(project: Path) -> None:
    path = write(project, "mine", results(RAN))
    latest(project, "mine")
    assert earlier_results(path) == ()


def test_without_a_module_that_skips_no_run_before_is_read(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("harness.report.earlier.load_verdicts", lambda path: pytest.fail(f"read {path}"))
    write(project, "2026-11-20T00-00-00", results(RAN))
    path = project / "reports" / "2026-11-21T00-00-00" / "wasi" / "results.json"
    assert newly_skipped_in(results(RAN), path) == ()


def test_without_a_run_before_nothing_is_new(project: Path) -> None:
    assert newly_skipped_in(results(AWAY), project / "reports" / "2026-11-21T00-00-00" / "wasi" / "results.json") == ()


def test_what_cannot_be_read_is_passed_over(project: Path) -> None:
    write(project, "2026-11-20T00-00-00", results(RAN))
    write(project, "2026-11-21T00-00-00", results(RAN)).write_text("{")
    path = project / "reports" / "2026-11-22T00-00-00" / "wasi" / "results.json"
    assert [skip.module for skip in newly_skipped_in(results(AWAY), path)] == ["test_os"]
