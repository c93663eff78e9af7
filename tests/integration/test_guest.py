"""The agent inside the real interpreter, against a module that crashes, hangs, exits and tries to get out."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from harness.engines.protocol import GuestRun, Mount, Prologue
from harness.results.outcomes import ModuleResult, Outcome
from harness.run.prepared import Prepared
from harness.suite.module import run_module

pytestmark = pytest.mark.toolchain
DATA = Path(__file__).parent.parent / "data"


@pytest.fixture(scope="module", params=["wasi", "emscripten"])
def faults(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> ModuleResult:
    """The result of tests/data/test_faults.py on each target."""
    prepared: Prepared = request.getfixturevalue(request.param)
    folder = tmp_path_factory.mktemp("faults")
    (folder / "given").mkdir()
    (folder / "given" / "test_faults.py").write_bytes((DATA / "test_faults.py").read_bytes())
    job = prepared.job("test_faults", folder / "test_faults", match=(), excluded=(), should_stop=lambda: False)
    job = dataclasses.replace(
        job,
        mounts=(*job.mounts, Mount(host=folder / "given", guest="/given")),
        options=("--testdir", "/given"),
        case_timeout=8.0,
    )
    engine = prepared.open_engine(folder / "engine.log", 0)
    try:
        return run_module(job, engine)
    finally:
        engine.close()


@pytest.mark.parametrize(
    ("case", "outcome"),
    [
        ("Faults.test_0_passes", Outcome.PASS),
        ("Faults.test_1_aborts", Outcome.CRASH),
        ("Faults.test_2_exits", Outcome.CRASH),
        ("Faults.test_3_loops", Outcome.TIMEOUT),
        ("Faults.test_5_asks_for_all_memory", Outcome.PASS),
        ("Faults.test_6_prints_without_measure", Outcome.PASS),
        ("Faults.test_7_closes_every_file", Outcome.PASS),
        ("Faults.test_8_is_interrupted", Outcome.ERROR),
        ("Faults.test_9_passes", Outcome.PASS),
        ("Subtests.test_some_fail", Outcome.FAIL),
        ("Skipped.test_a", Outcome.SKIP),
        ("BrokenFixture.test_a", Outcome.NOT_RUN),
        ("BrokenFixture.test_b", Outcome.NOT_RUN),
        ("CrashingFixture.test_a", Outcome.NOT_RUN),
    ],
)
def test_every_case_has_the_outcome_it_earned(faults: ModuleResult, case: str, outcome: Outcome) -> None:
    found = {result.case.removeprefix("test_faults."): result for result in faults.cases}
    assert found[case].outcome is outcome, found[case]


def test_fixtures_are_named(faults: ModuleResult) -> None:
    found = {result.case: result.outcome for result in faults.cases}
    assert found["setUpClass (test_faults.BrokenFixture)"] is Outcome.ERROR
    assert found["setUpClass (test_faults.CrashingFixture)"] is Outcome.CRASH


def test_a_failing_subtest_is_named(faults: ModuleResult) -> None:
    case = next(result for result in faults.cases if result.case.endswith("test_some_fail"))
    assert [(subtest.params, subtest.outcome) for subtest in case.subtests] == [("(number=2)", Outcome.FAIL)]


@pytest.mark.parametrize(
    "case",
    [
        "the_library_cannot_be_written",
        "a_file_that_is_not_there_is_not_there",
        "the_host_is_out_of_reach",
        "a_link_does_not_lead_out",
        "the_scratch_folder_is_empty_and_writable",
        "the_scratch_folder_is_empty_and_writable_again",
    ],
)
def test_the_guest_sees_only_what_it_is_given(faults: ModuleResult, case: str) -> None:
    result = next(result for result in faults.cases if result.case.endswith(f"Isolation.test_{case}"))
    assert result.outcome is Outcome.PASS, result


def test_each_crash_costs_one_restart(faults: ModuleResult) -> None:
    crashed = [result for result in faults.cases if result.outcome in {Outcome.CRASH, Outcome.TIMEOUT}]
    interrupted = 1
    assert faults.attempts == 1 + len(crashed) + interrupted
    assert faults.complete


def test_a_wasi_guest_goes_on_from_the_pause_of_the_agent(wasi: Prepared, tmp_path: Path) -> None:
    """Not from the start: that would take 0.2 s or more of each module's time, and nothing else would tell."""
    job = wasi.job("test_bool", tmp_path, match=(), excluded=(), should_stop=lambda: False)
    program, harness = job.python[0], "/harness"
    code = "import sys; left = 'left' in dir(sys); sys.left = True; __import__('os')._exit(5 + left)"
    guest = GuestRun(
        argv=(program, "-c", "raise SystemExit(3)"),
        mounts=job.mounts,
        env=job.env,
        output=tmp_path / "output.txt",
        prologue=Prologue(argv=(program, harness), resume=code),
    )
    engine = wasi.open_engine(tmp_path / "engine.log", 0)
    try:
        assert [engine.run(guest, lambda: None).status for _ in range(2)] == [5, 5]
    finally:
        engine.close()
