"""Two results held against each other."""

from __future__ import annotations

from harness.outcomes import Outcome
from harness.report.diff import CaseDifference, differing_cases, render_differences
from tests.unit.sample_results import case, module, results


def test_the_same_is_no_difference_whatever_the_time_and_the_order() -> None:
    first = results(
        module("test_os", case("test_os.T.test_a"), case("test_os.T.test_b", Outcome.FAIL)), module("test_x")
    )
    second = results(
        module("test_x"), module("test_os", case("test_os.T.test_b", Outcome.FAIL), case("test_os.T.test_a"))
    )
    assert differing_cases(first.modules, second.modules) == ()
    assert render_differences((), first, second) == "wasi, 3 cases; wasi, 3 cases: no differences\n"


def test_other_outcomes_and_cases_that_only_one_has_are_differences() -> None:
    first = results(module("test_os", case("test_os.T.test_a"), case("test_os.T.test_b")))
    second = results(module("test_os", case("test_os.T.test_a", Outcome.SKIP), case("test_os.T.test_c")))
    found = differing_cases(first.modules, second.modules)
    assert found == (
        CaseDifference(case="test.test_os.T.test_a", first=Outcome.PASS, second=Outcome.SKIP),
        CaseDifference(case="test.test_os.T.test_b", first=Outcome.PASS, second=None),
        CaseDifference(case="test.test_os.T.test_c", first=None, second=Outcome.PASS),
    )
    assert render_differences(found, first, second).splitlines() == [
        "test.test_os.T.test_a: pass, skip",
        "test.test_os.T.test_b: pass, absent",
        "test.test_os.T.test_c: absent, pass",
        "wasi, 2 cases; wasi, 2 cases: 3 differences",
    ]


def test_a_module_that_was_skipped_as_a_whole_is_one_case() -> None:
    skipped = [module("test_mmap", outcome=Outcome.SKIP, reason="No module named 'mmap'")]
    ran = [module("test_mmap", case("test_mmap.T.test_a"))]
    assert [found.case for found in differing_cases(skipped, ran)] == ["test.test_mmap", "test.test_mmap.T.test_a"]
