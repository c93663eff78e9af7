"""Running a module with an engine that crashes, hangs and dies on purpose."""

from __future__ import annotations

import json
import re
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path

import pytest

from harness.compare import compare_module
from harness.engines import Ending, GuestExit, GuestRun, Watch
from harness.expectations import CellExpectations
from harness.outcomes import ModuleResult, Outcome
from harness.suite.module import ModuleJob, RunStoppedError, run_module
from harness.verdicts import Verdict

CASES = tuple(f"test.test_x.{name}" for name in ("T.test_a", "T.test_b", "U.test_c", "U.test_d"))
A, B, C, D = CASES
TRAPPED = GuestExit(ending=Ending.TRAPPED, reason="Caused by:\n  wasm trap: unreachable")
DIED = GuestExit(ending=Ending.ENGINE_DIED, reason="the engine process ended with signal 11")
EXITED = GuestExit(ending=Ending.EXITED)


@dataclass
class ScriptedGuest:
    """Stands in for an interpreter: unittest's order of events over its cases, with a fault at chosen places.

    `faults` maps a case (the second of its id with `#2`), a fixture or a moment (`import`, `exit`) to how the guest
    ends there.
    """

    faults: dict[str, GuestExit] = field(default_factory=dict)
    cases: tuple[str, ...] = CASES
    state: str = "passed"
    interrupted_at: str = ""
    prints: str = ""
    starts: int = 0

    def run(self, guest: GuestRun, watch: Watch) -> GuestExit:
        self.starts += 1
        guest.output.write_text(self.prints)
        journal = next(mount.host for mount in guest.mounts if mount.guest == "/journal") / Path(guest.argv[2]).name
        with journal.open("w") as stream:
            events, ending = self._play(self._ignored(guest, journal))
            stream.writelines(json.dumps(event) + "\n" for event in events)
        return ending

    def close(self) -> None:
        pass

    def _ignored(self, guest: GuestRun, journal: Path) -> set[str]:
        if "--ignorefile" not in guest.argv:
            return set()
        name = guest.argv[guest.argv.index("--ignorefile") + 1]
        return set(journal.with_name(Path(name).name).read_text().split("\n"))

    def _play(self, ignored: set[str]) -> tuple[list[dict[str, object]], GuestExit]:
        events: list[dict[str, object]] = []
        if "import" in self.faults:
            return events, self.faults["import"]
        left = [case for case in self.cases if case not in ignored]
        times: Counter[str] = Counter()
        events.append({"e": "plan", "ids": left})
        for case in left:
            fixture = f"setUpClass ({case.rpartition('.')[0]})"
            if {"e": "fixture", "id": fixture} not in events:
                events.append({"e": "fixture", "id": fixture})
                if fixture in self.faults:
                    return events, self.faults[fixture]
            events.append({"e": "start", "id": case})
            times[case] += 1
            if (nth := case if times[case] == 1 else f"{case}#{times[case]}") in self.faults:
                return events, self.faults[nth]
            if case == self.interrupted_at:
                events.append({"e": "end", "id": case, "t": 0.1, "o": [], "d": {}, "s": []})
                events.append({"e": "module", "state": "interrupted"})
                return events, EXITED
            events.append({"e": "end", "id": case, "t": 0.1, "o": ["pass"], "d": {}, "s": []})
            if f"after {case}" in self.faults:
                return events, self.faults[f"after {case}"]
        events.append({"e": "module", "state": self.state})
        return events, self.faults.get("exit", EXITED)


@pytest.fixture
def run(tmp_path: Path) -> Callable[..., ModuleResult]:
    def run_it(guest: ScriptedGuest, **more: object) -> ModuleResult:
        settings: dict[str, object] = {
            "module": "test_x",
            "folder": tmp_path / "test_x",
            "python": ("/python.wasm",),
            "mounts": (),
            "env": {},
            "resources": "all",
            "case_timeout": 5.0,
            "module_timeout": 10.0,
        }
        return run_module(ModuleJob(**(settings | more)), guest)  # type: ignore[arg-type]

    return run_it


def outcomes(result: ModuleResult) -> dict[str, Outcome]:
    return {case.case: case.outcome for case in result.cases}


def test_a_module_that_goes_well_is_started_once(run: Callable[..., ModuleResult]) -> None:
    result = run(ScriptedGuest())
    assert outcomes(result) == dict.fromkeys(CASES, Outcome.PASS)
    assert (result.outcome, result.attempts, result.complete) == (Outcome.PASS, 1, True)


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("ending", [TRAPPED, DIED, GuestExit(ending=Ending.EXITED, status=134)])
def test_a_crash_costs_its_own_case_and_one_restart(
    run: Callable[..., ModuleResult], case: str, ending: GuestExit
) -> None:
    result = run(ScriptedGuest(faults={case: ending}))
    assert outcomes(result) == dict.fromkeys(CASES, Outcome.PASS) | {case: Outcome.CRASH}
    assert result.attempts == (1 if case == D else 2)
    assert result.complete


def test_the_trap_is_the_crash_s_headline(run: Callable[..., ModuleResult]) -> None:
    result = run(ScriptedGuest(faults={A: TRAPPED}))
    assert result.cases[0].detail.exception == "wasm trap: unreachable"


def test_every_case_may_crash(run: Callable[..., ModuleResult]) -> None:
    result = run(ScriptedGuest(faults=dict.fromkeys(CASES, TRAPPED)))
    assert outcomes(result) == dict.fromkeys(CASES, Outcome.CRASH)
    assert result.attempts == 4


def test_a_crash_of_the_second_case_of_an_id_is_not_the_pass_of_the_first(run: Callable[..., ModuleResult]) -> None:
    result = run(ScriptedGuest(cases=(A, A, B), faults={f"{A}#2": TRAPPED}))
    assert outcomes(result) == {A: Outcome.PASS, f"{A}#2": Outcome.CRASH, B: Outcome.PASS}


def test_a_crash_between_two_cases_of_one_id_loses_neither(run: Callable[..., ModuleResult]) -> None:
    result = run(ScriptedGuest(cases=(A, B, A, C), faults={B: TRAPPED}))
    assert outcomes(result) == {A: Outcome.PASS, B: Outcome.CRASH, f"{A}#2": Outcome.PASS, C: Outcome.PASS}


def test_the_second_case_of_an_id_that_crashes_is_not_run_because_of_the_first(
    run: Callable[..., ModuleResult],
) -> None:
    result = run(ScriptedGuest(cases=(A, A, B), faults={A: TRAPPED}))
    assert outcomes(result) == {A: Outcome.CRASH, f"{A}#2": Outcome.NOT_RUN, B: Outcome.PASS}
    assert compare_module(result, CellExpectations()).followed == 1


def test_a_case_that_has_to_run_again_and_crashes_then_has_crashed(run: Callable[..., ModuleResult]) -> None:
    """Its id is asked for again because of the second one."""

    class Moody(ScriptedGuest):
        def run(self, guest: GuestRun, watch: Watch) -> GuestExit:
            ending = super().run(guest, watch)
            self.faults = {A: TRAPPED}
            return ending

    result = run(Moody(cases=(A, B, A, C), faults={B: TRAPPED}))
    assert outcomes(result) == {
        A: Outcome.CRASH,
        B: Outcome.CRASH,
        f"{A}#2": Outcome.NOT_RUN,
        C: Outcome.PASS,
    }


def test_a_module_that_must_not_run_is_not_even_started(run: Callable[..., ModuleResult]) -> None:
    guest = ScriptedGuest()
    result = run(guest, excluded=("test.test_x",))
    assert (outcomes(result), guest.starts) == ({"test.test_x": Outcome.NOT_RUN}, 0)


def test_a_stopped_guest_is_a_timeout_of_the_case_it_was_in(run: Callable[..., ModuleResult]) -> None:
    stopped = GuestExit(ending=Ending.STOPPED, reason="no progress for 5 s")
    result = run(ScriptedGuest(faults={B: stopped}))
    assert outcomes(result) == dict.fromkeys(CASES, Outcome.PASS) | {B: Outcome.TIMEOUT}
    assert result.cases[1].detail.message == "no progress for 5 s"


def test_a_crash_in_a_fixture_is_the_fixture_s_and_spares_other_classes(
    run: Callable[..., ModuleResult],
) -> None:
    fixture = "setUpClass (test.test_x.U)"
    result = run(ScriptedGuest(faults={fixture: TRAPPED}))
    assert outcomes(result) == {
        A: Outcome.PASS,
        B: Outcome.PASS,
        fixture: Outcome.CRASH,
        C: Outcome.NOT_RUN,
        D: Outcome.NOT_RUN,
    }
    assert result.complete
    comparison = compare_module(result, CellExpectations())
    assert [(row.case, row.verdict) for row in comparison.unexpected] == [(fixture, Verdict.REGRESSION)]


def test_a_crash_between_cases_is_blamed_on_neither(run: Callable[..., ModuleResult]) -> None:
    result = run(ScriptedGuest(faults={f"after {A}": TRAPPED}))
    assert outcomes(result) == dict.fromkeys(CASES, Outcome.PASS) | {f"after ({A})": Outcome.CRASH}


def test_a_crash_on_import_is_the_module_s_own(run: Callable[..., ModuleResult]) -> None:
    result = run(ScriptedGuest(faults={"import": TRAPPED}))
    assert outcomes(result) == {"test.test_x": Outcome.CRASH}
    assert (result.outcome, result.attempts, result.complete) == (Outcome.CRASH, 1, False)


def test_a_crash_when_the_interpreter_ends_is_the_module_s_own(run: Callable[..., ModuleResult]) -> None:
    result = run(ScriptedGuest(faults={"exit": TRAPPED}))
    assert outcomes(result) == dict.fromkeys(CASES, Outcome.PASS) | {"test.test_x": Outcome.CRASH}
    assert result.attempts == 1


def test_a_keyboard_interrupt_inside_a_case_is_that_case_s(run: Callable[..., ModuleResult]) -> None:
    result = run(ScriptedGuest(interrupted_at=B))
    assert outcomes(result) == dict.fromkeys(CASES, Outcome.PASS) | {B: Outcome.ERROR}
    assert result.attempts == 2


class SkippingGuest(ScriptedGuest):
    """A module that says something of itself and has no cases."""

    def _play(self, ignored: set[str]) -> tuple[list[dict[str, object]], GuestExit]:
        return [{"e": "module", "state": self.state}], EXITED


@pytest.mark.parametrize(
    ("state", "prints", "outcome", "detail"),
    [
        ("skipped", "test_x skipped -- requires threads\n", Outcome.SKIP, "requires threads"),
        (
            "resource_denied",
            "test_x skipped -- Use of the 'gui' resource\n",
            Outcome.SKIP,
            "Use of the 'gui' resource",
        ),
        ("did_not_run", "", Outcome.NO_TESTS, "the module has no tests"),
        ("uncaught_exc", "Traceback:\nImportError: no _ssl\n", Outcome.ERROR, "no _ssl"),
    ],
)
def test_what_regrtest_says_of_a_module_without_cases(
    run: Callable[..., ModuleResult], state: str, prints: str, outcome: Outcome, detail: str
) -> None:
    result = run(SkippingGuest(state=state, prints=prints))
    assert outcomes(result) == {"test.test_x": outcome}
    assert (result.outcome, result.detail.reason or result.detail.message) == (outcome, detail)


def test_a_module_in_which_no_case_matched_is_not_one_without_tests(run: Callable[..., ModuleResult]) -> None:
    result = run(SkippingGuest(state="did_not_run"), match=("no_such_case",))
    assert (result.outcome, result.detail.reason) == (Outcome.SKIP, "no case matched")


def test_a_module_whose_last_start_had_nothing_left_to_run_has_tests(run: Callable[..., ModuleResult]) -> None:
    result = run(ScriptedGuest(state="did_not_run"))
    assert (result.outcome, len(result.cases)) == (Outcome.PASS, len(CASES))


def test_a_module_that_failed_without_a_failing_case_is_not_a_pass(run: Callable[..., ModuleResult]) -> None:
    result = run(ScriptedGuest(state="uncaught_exc", prints="ValueError: after all\n"))
    assert result.outcome is Outcome.ERROR
    assert outcomes(result)["test.test_x"] is Outcome.ERROR


def test_a_changed_environment_is_noted(run: Callable[..., ModuleResult]) -> None:
    result = run(ScriptedGuest(state="env_changed", prints="Warning -- os.environ was modified by test_x\n"))
    assert result.env_changed
    assert "os.environ was modified" in result.output
    assert not run(ScriptedGuest(prints="much\n")).output


def test_what_must_not_run_is_not_run(run: Callable[..., ModuleResult]) -> None:
    result = run(ScriptedGuest(faults={B: DIED}), excluded=(B,))
    assert outcomes(result) == dict.fromkeys(CASES, Outcome.PASS) | {B: Outcome.NOT_RUN}
    assert result.attempts == 1


class MatchingGuest(ScriptedGuest):
    """Reads what must not run as regrtest does: as patterns."""

    def _play(self, ignored: set[str]) -> tuple[list[dict[str, object]], GuestExit]:
        return super()._play({case for case in self.cases if any(fnmatchcase(case, each) for each in ignored)})


def test_no_case_of_a_class_that_must_not_run_is_started(run: Callable[..., ModuleResult]) -> None:
    result = run(MatchingGuest(faults={A: DIED, B: DIED}), excluded=("test.test_x.T.*",))
    assert outcomes(result) == {"test.test_x.T.*": Outcome.NOT_RUN, C: Outcome.PASS, D: Outcome.PASS}
    assert result.attempts == 1


def test_a_module_of_which_a_part_was_asked_is_not_complete(run: Callable[..., ModuleResult]) -> None:
    assert not run(ScriptedGuest(), match=(A,)).complete


def test_a_run_that_is_stopped_keeps_nothing_of_the_module(run: Callable[..., ModuleResult]) -> None:
    stopped = GuestExit(ending=Ending.STOPPED, reason="the run is being stopped")
    with pytest.raises(RunStoppedError):
        run(ScriptedGuest(faults={B: stopped}), should_stop=lambda: True)


class WatchedGuest(ScriptedGuest):
    """Asks its watch until it is told to stop, as an engine does with a guest that hangs."""

    def run(self, guest: GuestRun, watch: Watch) -> GuestExit:
        while not (reason := watch()):
            pass
        return GuestExit(ending=Ending.STOPPED, reason=reason)


def test_a_guest_without_progress_is_stopped(run: Callable[..., ModuleResult]) -> None:
    result = run(WatchedGuest(), case_timeout=0.05)
    assert result.outcome is Outcome.TIMEOUT
    assert re.match("no progress", result.detail.message)


@dataclass
class StandingGuest(ScriptedGuest):
    """Hangs in one case: its journal ends there, until its watch has had enough."""

    hangs_in: str = B

    def __post_init__(self) -> None:
        self.faults = {self.hangs_in: GuestExit(ending=Ending.STOPPED, reason="stopped")}

    def run(self, guest: GuestRun, watch: Watch) -> GuestExit:
        ending = super().run(guest, watch)
        if ending.ending is not Ending.STOPPED:
            return ending
        while not (reason := watch()):
            time.sleep(0.001)
        return GuestExit(ending=Ending.STOPPED, reason=reason)


def test_a_case_that_is_expected_to_hang_gets_little_time(
    run: Callable[..., ModuleResult], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("harness.suite.module.EXPECTED_HANG_SECONDS", 0.05)
    result = run(StandingGuest(), case_timeout=60.0, expects_hang=lambda case: case == B)
    assert outcomes(result) == dict.fromkeys(CASES, Outcome.PASS) | {B: Outcome.TIMEOUT}
    assert result.seconds < 30


def test_a_case_that_is_not_expected_to_hang_gets_all_its_time(
    run: Callable[..., ModuleResult], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("harness.suite.module.EXPECTED_HANG_SECONDS", 0.01)
    result = run(StandingGuest(hangs_in=C), case_timeout=0.3, expects_hang=lambda case: case == B)
    assert outcomes(result)[C] is Outcome.TIMEOUT
    assert result.seconds >= 0.3


def test_the_case_timeout_bounds_an_expected_hang_too(run: Callable[..., ModuleResult]) -> None:
    result = run(StandingGuest(), case_timeout=0.05, expects_hang=lambda case: True)  # noqa: ARG005
    assert outcomes(result)[B] is Outcome.TIMEOUT
    assert result.seconds < 5


def test_a_guest_that_takes_too_long_is_stopped(run: Callable[..., ModuleResult]) -> None:
    result = run(WatchedGuest(), module_timeout=0.05)
    assert re.match("the module took more", result.detail.message)


def test_the_output_on_disk_is_bounded(
    run: Callable[..., ModuleResult], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("harness.suite.module.OUTPUT_LIMIT", 10)

    class Chatty(WatchedGuest):
        def run(self, guest: GuestRun, watch: Watch) -> GuestExit:
            guest.output.write_text("x" * 100)
            watch()
            assert guest.output.stat().st_size == 0
            return super().run(guest, watch)

    run(Chatty(), case_timeout=0.05)
