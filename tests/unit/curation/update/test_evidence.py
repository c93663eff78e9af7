"""What runs say of a case: what is read from results, and how far a pass or an absence counts."""

from __future__ import annotations

import msgspec
import pytest

from harness.curation.update.evidence import (
    CaseSighting,
    CrashSighting,
    Evidence,
    Failure,
    JudgedRun,
    Run,
    as_setting,
    read_run,
    setting_of,
)
from harness.expectations.entries import CellExpectations, Expectation, Expectations
from harness.results.cell_results import CellResults
from harness.results.outcomes import CaseResult, Detail, ModuleResult, Outcome, SubtestResult
from tests.unit.sample_results import case, module, results
from tests.unit.sample_runs import NEW, WASI, run_of

PASSES = CaseSighting(Outcome.PASS, "", True)
GONE = CaseSighting(None, "", True)
TRAP = {"exception": "wasm trap: unreachable"}
CRASH = CaseSighting(Outcome.CRASH, "trap: unreachable", True)


def read(*modules: ModuleResult, complete: bool = True) -> Run:
    return read_run(results(*modules, complete=complete), source="run 1")


def test_versions_of_the_same_number_are_the_same_setting() -> None:
    built: dict[str, str | bool] = {"target": "wasi", "python": "3.15.0a1+", "pthreads": False}
    assert as_setting(built) == as_setting(built | {"python": "3.15.0a1"})
    assert as_setting(built) == (("pthreads", False), ("python", "3.15.0a1"), ("target", "wasi"))


def test_a_run_has_what_was_seen_module_by_module() -> None:
    found = read(
        module(
            "test_os",
            case("test_os.T.test_a"),
            case("test_os.T.test_b", Outcome.ERROR, exception="OSError", message="[Errno 52] Function not implemented"),
            case("test_os.T.test_c", Outcome.CRASH, **TRAP),
        ),
        msgspec.structs.replace(module("test_json", case("test_json.T.test_a")), complete=False),
        module("test_re", case("test_re", Outcome.ERROR, exception="ImportError", message="no")),
        module("test_abc", outcome=Outcome.PASS),
    )
    assert found == Run(
        cell="wasi",
        source="run 1",
        order=("2026-09-30T03:00:00+00:00", 0),
        setting=setting_of(results().cell, python="3.13.5"),
        complete=True,
        seen={
            "test.test_os.T.test_a": PASSES,
            "test.test_os.T.test_b": CaseSighting(Outcome.ERROR, "OSError ENOSYS", True),
            "test.test_os.T.test_c": CRASH,
            "test.test_json.T.test_a": CaseSighting(Outcome.PASS, "", False),
            "test.test_re": CaseSighting(Outcome.ERROR, "ImportError", True),
            "test.test_abc": PASSES,
        },
        modules=frozenset({"test.test_os", "test.test_abc"}),
        all_modules=frozenset({"test.test_os", "test.test_json", "test.test_re", "test.test_abc"}),
        failures={
            "test.test_os.T.test_b": Failure("OSError", "[Errno 52] Function not implemented", "OSError ENOSYS"),
            "test.test_os.T.test_c": Failure("wasm trap: unreachable", "", "trap: unreachable"),
            "test.test_re": Failure("ImportError", "no", "ImportError"),
        },
        deaths=(
            CrashSighting(
                "test.test_os.T.test_c",
                CRASH,
                "test.test_os",
                frozenset(f"test.test_os.T.test_{letter}" for letter in "abc"),
            ),
        ),
    )


def failure_of(found: CaseResult) -> Failure:
    return read(module("test_os", found)).failures[found.case]


def test_a_failure_is_described_by_the_first_bad_subtest_where_the_case_itself_has_no_exception() -> None:
    subtests = tuple(
        SubtestResult(params="", outcome=outcome, detail=Detail(exception=exception, message="why"))
        for outcome, exception in (
            (Outcome.SKIP, "SkipTest"),
            (Outcome.FAIL, ""),
            (Outcome.FAIL, "AssertionError"),
            (Outcome.ERROR, "OSError"),
        )
    )
    of_subtests = CaseResult(case="test.test_os.T.test_a", outcome=Outcome.FAIL, subtests=subtests)
    assert failure_of(of_subtests)[:2] == ("AssertionError", "why")
    own = msgspec.structs.replace(of_subtests, detail=Detail(exception="ValueError", message="own"))
    assert failure_of(own)[:2] == ("ValueError", "own")


def test_a_failure_without_an_exception_is_described_by_its_reason() -> None:
    assert failure_of(case("test_os.T.test_a", Outcome.TIMEOUT, reason="no progress for 120 s"))[:2] == (
        "",
        "no progress for 120 s",
    )


def test_the_four_innermost_lines_of_source_of_a_traceback_are_kept() -> None:
    frames = "".join(f'  File "/Lib/{line}.py", line {line}, in f\n    call({line})\n' for line in range(6))
    failed = case("test_os.T.test_a", Outcome.ERROR, exception="OSError", traceback=f"Traceback:\n{frames}OSError\n")
    assert failure_of(failed).lines == ("call(5)", "call(4)", "call(3)", "call(2)")


# What of it counts.


def judged(*modules: ModuleResult, complete: bool = True, entry: Expectation | None = None) -> JudgedRun:
    expected = CellExpectations(dict.fromkeys(entry.tests, entry) if entry else {})
    return JudgedRun.of(read(*modules, complete=complete), expected)


OS = module("test_os", case("test_os.T.test_a"))
DYING = module("test_os", case("test_os.T.test_a"), case("test_os.T.test_c", Outcome.CRASH, **TRAP))


@pytest.mark.parametrize(
    ("modules", "complete", "seen"),
    [
        ([OS], True, GONE),
        ([OS], False, GONE._replace(whole=False)),
        ([msgspec.structs.replace(OS, complete=False)], True, None),
        ([DYING], True, GONE._replace(whole=False)),
        ([OS, msgspec.structs.replace(module("test_re", case("test_re.T.test_a")), complete=False)], True, GONE),
    ],
)
def test_an_absence_counts_in_a_module_that_was_seen_to_its_end(
    modules: list[ModuleResult], complete: bool, seen: CaseSighting | None
) -> None:
    assert judged(*modules, complete=complete).sight("test.test_os.T.test_gone") == seen


@pytest.mark.parametrize(
    ("modules", "complete", "seen"),
    [
        ([OS], True, GONE),
        ([OS], False, None),
        ([DYING], True, GONE._replace(whole=False)),
        ([OS, msgspec.structs.replace(module("test_re", case("test_re.T.test_a")), complete=False)], True, None),
    ],
)
def test_the_absence_of_a_module_counts_where_all_others_were_seen_to_their_end(
    modules: list[ModuleResult], complete: bool, seen: CaseSighting | None
) -> None:
    assert judged(*modules, complete=complete).sight("test.test_json.T.test_a") == seen


@pytest.mark.parametrize(
    ("reason", "outcome", "signature", "whole"),
    [
        ("as documented", Outcome.CRASH, (), True),
        ("as documented", Outcome.CRASH, ("trap: unreachable",), True),
        ("as documented", Outcome.CRASH, ("trap: out of memory",), False),
        ("as documented", Outcome.ERROR, (), False),
        ("TODO: perhaps threads", Outcome.CRASH, (), False),
    ],
)
def test_a_crash_that_a_person_has_explained_leaves_its_module_whole(
    reason: str, outcome: Outcome, signature: tuple[str, ...], whole: bool
) -> None:
    entry = Expectation(
        tests=("test.test_os.T.test_c",), outcome=(outcome,), signature=signature, reason=reason, place="a:1"
    )
    assert judged(DYING, entry=entry).sight("test.test_os.T.test_a") == PASSES._replace(whole=whole)


# All runs.


def evidence(*found: CellResults) -> Evidence:
    return Evidence.of(
        [read_run(run, source=f"run {index}", index=index) for index, run in enumerate(found)], Expectations(())
    )


A, B = "test.test_os.T.test_a", "test.test_os.T.test_b"


def test_evidence_is_by_setting_and_in_the_order_of_time() -> None:
    found = evidence(
        run_of(WASI, {"test_os.T.test_a": "E"}, day=3),
        run_of(WASI, {"test_os.T.test_a": "P"}, day=2),
        run_of(NEW, {"test_os.T.test_a": "V", "test_os.T.test_b": "P"}, day=1),
    )
    wasi, new = setting_of(WASI), setting_of(NEW)
    assert set(found.runs) == {wasi, new}
    assert [seen.outcome for seen in found.sequence(A, wasi)] == [Outcome.PASS, Outcome.ERROR]
    assert [found.appears(B, setting) for setting in (wasi, new)] == [False, True]
    assert found.cells(wasi) == ("wasi",)
    assert list(found.failing()) == [A]


def test_the_newest_of_several_failures_and_passes_is_described() -> None:
    found = evidence(
        *(run_of(WASI, {"test_os.T.test_a": letter}, day=day) for day, letter in enumerate("PPEVP", 1)),
        run_of(NEW, {"test_os.T.test_a": "P"}, day=9),
    )
    wasi = setting_of(WASI)
    assert found.failure(A, wasi).exception == "ValueError"
    assert found.failure(B, wasi) == Failure("", "")
    assert found.passed_in(A, ["wasi"]) == "run 4"
    assert found.passed_in(A, ["wasi", NEW.id]) == "run 5"
    assert found.passed_in(B, ["wasi"]) == ""
