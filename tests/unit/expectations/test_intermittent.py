"""Intermittent failures, which any case may have now and then, for example by a race in the toolchain."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import msgspec
import pytest

from harness.expectations.compare import compare
from harness.expectations.entries import CellExpectations, Expectation, Expectations
from harness.limitations.registry import Limitation
from harness.matrix.cells import Cell
from harness.matrix.conditions import read_condition
from harness.report.console import render_console
from harness.report.digest import digest_cell, digest_run
from harness.report.headline import statements
from harness.report.junit import write_junit
from harness.results.outcomes import ModuleResult, Outcome
from harness.results.verdicts import CaseVerdict, Comparison, Verdict
from harness.run.rerun import with_tries
from harness.suite.wasm_stack import wasm_stack
from harness.targets import Target
from tests.unit.sample_cells import WASI, emscripten
from tests.unit.sample_results import case, expecting, module, results

A, B = "test_os.T.test_a", "test_os.T.test_b"
PASS, FAIL, CRASH, SKIP = Outcome.PASS, Outcome.FAIL, Outcome.CRASH, Outcome.SKIP
UNALIGNED = "RuntimeError: operation does not support unaligned accesses"
OUT_OF_BOUNDS = "RuntimeError: memory access out of bounds"
RACE = Limitation(
    id="a-race",
    section="Faults of Emscripten's threads",
    statement="A call that ends may wake a thread that is gone.",
    source="https://example.org/pull/1",
    targets=(Target.EMSCRIPTEN,),
    when=read_condition({"pthreads": True, "emscripten": "<5"})[0],
    intermittent=("trap: unaligned access", "trap: memory out of bounds in call_then_finish_task"),
    fault=True,
)
OLD, NEW = emscripten("3.1.69", pthreads=True), emscripten("6.0.5", pthreads=True)


def tried(*outcomes: Outcome, message: str = UNALIGNED) -> ModuleResult:
    """test_a with these outcomes, one for each run; test_b ran once."""
    first, *further = (module("test_os", case(A, outcome, message=message), case(B)) for outcome in outcomes)
    return with_tries(first, [module("test_os", *rerun.cases[:1]) for rerun in further])


def expected(*entries: Expectation, cell: Cell = OLD) -> CellExpectations:
    return Expectations(entries, (RACE,)).for_cell(cell)


def judged(result: ModuleResult, *entries: Expectation, cell: Cell = OLD) -> Comparison:
    return compare((result,), expected(*entries, cell=cell))


def row(result: ModuleResult, *entries: Expectation, cell: Cell = OLD) -> CaseVerdict:
    (found,) = judged(result, *entries, cell=cell).rows
    return found


def test_a_case_with_an_intermittent_failure_is_known_by_the_limitation() -> None:
    comparison = judged(tried(CRASH, PASS, PASS))
    assert comparison.is_as_expected
    (found_row,) = comparison.rows
    assert (found_row.verdict, found_row.outcome, found_row.limitation) == (Verdict.KNOWN, CRASH, "a-race")
    assert (found_row.reason, found_row.tries) == (RACE.statement, (CRASH, PASS, PASS))


def test_one_that_fails_so_in_every_try_is_a_regression() -> None:
    assert row(tried(CRASH, CRASH, CRASH)).verdict is Verdict.REGRESSION
    assert row(tried(CRASH)).verdict is Verdict.REGRESSION


def test_an_intermittent_failure_may_be_in_any_function() -> None:
    first = case(A, CRASH, message=UNALIGNED, python_stack='  File "/Lib/test/test_os.py", line 7 in test_a')
    passed = module("test_os", case(A))
    assert row(with_tries(module("test_os", first), [passed, passed])).verdict is Verdict.KNOWN


@pytest.mark.parametrize("outcomes", [(CRASH, PASS, CRASH), (CRASH, PASS, FAIL), (PASS, CRASH)])
def test_one_that_failed_in_a_further_try_is_flaky(outcomes: tuple[Outcome, ...]) -> None:
    """The cause of a crash in a further try is not kept, so nobody can say that it was the same."""
    assert row(tried(*outcomes)).verdict is Verdict.FLAKY


@pytest.mark.parametrize(
    ("function", "message", "verdict"),
    [
        ("call_then_finish_task", OUT_OF_BOUNDS, Verdict.KNOWN),
        ("then_finish_task", OUT_OF_BOUNDS, Verdict.FLAKY),
        ("call_then_finish_task", "RuntimeError: unreachable", Verdict.FLAKY),
    ],
)
def test_a_trap_of_one_function_is_intermittent_there_alone(function: str, message: str, verdict: Verdict) -> None:
    """Any fault may read beyond the memory, and only that of the race does so where it wakes a thread."""
    frames = ["python.wasm.a_cas", *["python.wasm.receive", f"python.wasm.{function}"] * 2]
    first = case(A, CRASH, message=message, wasm_stack=wasm_stack(frames))
    passed = module("test_os", case(A))
    assert row(with_tries(module("test_os", first), [passed, passed])).verdict is verdict


def test_another_failure_is_flaky() -> None:
    assert row(tried(CRASH, PASS, message="RuntimeError: unreachable")).verdict is Verdict.FLAKY
    assert row(tried(FAIL, PASS)).verdict is Verdict.FLAKY


@pytest.mark.parametrize("cell", [NEW, emscripten("3.1.69"), WASI])
def test_where_the_limitation_does_not_hold_it_excuses_nothing(cell: Cell) -> None:
    assert row(tried(CRASH, PASS), cell=cell).verdict is Verdict.FLAKY


def test_one_that_is_listed_may_have_one_too() -> None:
    listed = judged(tried(CRASH, FAIL, FAIL), expecting(A, FAIL))
    (found_row,) = listed.rows
    assert listed.intermittent == (found_row,)
    assert (found_row.limitation, found_row.place, found_row.expected) == ("a-race", "", ())
    assert row(tried(CRASH, PASS, PASS), expecting(A, FAIL)).verdict is Verdict.FLAKY


def test_an_entry_that_knows_the_crash_goes_first() -> None:
    listed = dataclasses.replace(expecting(A, PASS, CRASH), signature=("trap: unaligned access",))
    assert row(tried(CRASH, PASS), listed).limitation == listed.limitation


def test_an_intermittent_failure_is_shown(tmp_path: Path) -> None:
    found = msgspec.structs.replace(results(tried(CRASH, SKIP)), comparison=judged(tried(CRASH, SKIP)))
    line = next(line for line in render_console(found, color=False, width=200).splitlines() if "sometimes" in line)
    assert line.split(maxsplit=1)[1] == f"test.{A} (crash, skip; a-race)"
    write_junit(found, tmp_path / "junit.xml")
    assert "known: A call that ends may wake a thread that is gone. (a-race)" in (tmp_path / "junit.xml").read_text()


def test_the_page_says_which_case_had_one() -> None:
    found = msgspec.structs.replace(results(tried(CRASH, PASS)), comparison=judged(tried(CRASH, PASS)))
    run = digest_run("tonight", [digest_cell("cell", found)], passed=lambda *_: False)
    lines = [statement.text for statement in statements(run, "reports/tonight")]
    assert f"1 case had an intermittent failure: test.{A}, by a-race." in lines
    assert run.is_as_expected
