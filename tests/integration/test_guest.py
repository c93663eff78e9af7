"""The agent inside the real interpreter, against a module that crashes, hangs, exits and tries to get out."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from harness.diagnostics.reduce import failure_in, needed
from harness.engines import node
from harness.engines.fresh import FreshEngine
from harness.engines.protocol import EngineSession, GuestRun, Mount, Prologue
from harness.results.outcomes import ModuleResult, Outcome
from harness.run.prepared import Prepared
from harness.suite.module import run_module
from harness.targets import Engine
from tests.integration.guests import NEEDS_BROWSER

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


@pytest.mark.parametrize("case", ["test_1_aborts", "test_3_loops"])
def test_a_crash_names_the_line_of_python(faults: ModuleResult, case: str) -> None:
    """So does a hang that is stopped."""
    result = next(result for result in faults.cases if result.case.endswith(case))
    innermost = result.detail.python_stack.rpartition("\n")[2]
    assert innermost.startswith('  File "/given/test_faults.py", line ')
    assert innermost.endswith(case)


@pytest.mark.parametrize("target", ["wasi", "emscripten"])
def test_a_crash_is_reduced_to_the_cases_that_it_needs(
    request: pytest.FixtureRequest, tmp_path: Path, target: str
) -> None:
    prepared: Prepared = request.getfixturevalue(target)
    (tmp_path / "given").mkdir()
    (tmp_path / "given" / "test_order.py").write_bytes((DATA / "test_order.py").read_bytes())
    job = prepared.job("test_order", tmp_path / "test_order", match=(), excluded=(), should_stop=lambda: False)
    mounts = (*job.mounts, Mount(host=tmp_path / "given", guest="/given"))
    job = dataclasses.replace(job, mounts=mounts, options=("--testdir", "/given"))
    with contextlib.closing(prepared.open_engine(tmp_path / "engine.log", 0)) as engine:

        def run(match: tuple[str, ...]) -> ModuleResult:
            return run_module(dataclasses.replace(job, match=match), engine)

        failure, before = failure_in(run(()), "test_order.Order.test_18_needs_two_others")
        assert (failure.outcome, len(before)) == (Outcome.CRASH, 18)
        found = needed(failure, before, run)
    assert [case.case.rpartition(".")[2] for case in found] == ["test_03", "test_11"]


def test_each_crash_costs_one_restart(faults: ModuleResult) -> None:
    crashed = [result for result in faults.cases if result.outcome in {Outcome.CRASH, Outcome.TIMEOUT}]
    interrupted = 1
    assert faults.attempts == 1 + len(crashed) + interrupted
    assert faults.complete


@pytest.mark.parametrize("target", ["wasi", "emscripten"])
def test_a_guest_goes_on_from_the_pause_of_the_agent(
    request: pytest.FixtureRequest, tmp_path: Path, target: str
) -> None:
    """Not from the start: that would take 0.2 s or more of each module's time, and nothing else would show it."""
    prepared: Prepared = request.getfixturevalue(target)
    job = prepared.job("test_bool", tmp_path, match=(), excluded=(), should_stop=lambda: False)
    program, harness = job.python[0], "/harness"
    code = "import sys; left = 'left' in dir(sys); sys.left = True; __import__('os')._exit(5 + left)"
    guest = GuestRun(
        argv=(program, "-c", "raise SystemExit(3)"),
        mounts=job.mounts,
        env=job.env,
        output=tmp_path / "output.txt",
        prologue=Prologue(argv=(program, harness), resume=code),
    )
    engine = prepared.open_engine(tmp_path / "engine.log", 0)
    try:
        assert [engine.run(guest, lambda: None).status for _ in range(2)] == [5, 5]
    finally:
        engine.close()


@pytest.mark.parametrize(
    "target",
    [
        *("wasi", "emscripten", "chromium", "pyodide", "pyodide_in_chromium"),
        pytest.param("firefox", marks=NEEDS_BROWSER[Engine.FIREFOX]),
    ],
)
def test_nothing_passes_from_one_guest_to_the_next(request: pytest.FixtureRequest, tmp_path: Path, target: str) -> None:
    """Guests from one snapshot, and one that starts by itself: what they know of themselves is the same, what is random
    is not, and time goes on. Between them others from the same snapshot leave behind what they can.
    """
    prepared: Prepared = request.getfixturevalue(target)
    with contextlib.closing(prepared.open_engine(tmp_path / "engine.log", 0)) as engine:
        states = [state_of(prepared, tmp_path / str(number), engine) for number in range(2)]
        for kind in ("files_and_settings", "javascript", "timers"):
            leave(kind, prepared, tmp_path / f"leaves-{kind}", engine)
            states.append(state_of(prepared, tmp_path / f"after-{kind}", engine))
        states.append(state_of(prepared, tmp_path / "fresh", FreshEngine(engine)))
    first, *rest, fresh = states
    for state in rest:
        assert state["same"] == first["same"]
    # The agent is a file of Pyodide's program from the start, and code that is given to it when it makes a snapshot.
    own = {"modules", "path"} if target.startswith("pyodide") else set()
    assert {name for name, value in fresh["same"].items() if value != first["same"][name]} == own
    for name in first["other"]:
        assert len({state["other"][name] for state in states}) == len(states), name
    times = [state["time"] for state in states]
    assert times == sorted(set(times))


def state_of(prepared: Prepared, folder: Path, engine: EngineSession) -> dict[str, Any]:
    """What tests/data/test_state.py prints in a guest of that engine."""
    assert own_module("test_state", prepared, folder, engine).outcome is Outcome.PASS
    printed = (folder / "run" / "output.txt").read_text().partition("STATE ")[2]
    state: dict[str, Any] = json.loads(printed.splitlines()[0])
    return state


def leave(kind: str, prepared: Prepared, folder: Path, engine: EngineSession) -> None:
    """Runs a guest that leaves things of a kind behind, as tests/data/test_leaving.py does."""
    own_module("test_leaving", prepared, folder, engine, match=(f"test_leaving.Leaving.test_{kind}",))
    assert (folder / "run" / "output.txt").read_text().count("LEFT ") == 1


def own_module(
    name: str, prepared: Prepared, folder: Path, engine: EngineSession, match: tuple[str, ...] = ()
) -> ModuleResult:
    (folder / "given").mkdir(parents=True)
    (folder / "given" / f"{name}.py").write_bytes((DATA / f"{name}.py").read_bytes())
    job = prepared.job(name, folder / "run", match=match, excluded=(), should_stop=lambda: False)
    mounts = (*job.mounts, Mount(host=folder / "given", guest="/given"))
    return run_module(dataclasses.replace(job, mounts=mounts, options=("--testdir", "/given")), engine)


def test_pyodides_package_is_read_once_for_all_guests_of_an_engine(pyodide: Prepared, tmp_path: Path) -> None:
    """The package is not there any more when the second guest starts."""
    package = tmp_path / "package"
    shutil.copytree(pyodide.build.program.parent, package)
    engine = node.open_session(
        module=package / pyodide.build.program.name,
        wasm=package / pyodide.build.wasm.name,
        node=pyodide.runtime / "bin" / "node",
        log=tmp_path / "engine.log",
        guest=node.PYODIDE_GUEST,
    )
    with contextlib.closing(engine):
        for guest in ("first", "second"):
            job = pyodide.job("test_bool", tmp_path / guest, match=(), excluded=(), should_stop=lambda: False)
            assert run_module(job, engine).outcome is Outcome.PASS
            if package.exists():
                package.rename(tmp_path / "away")
