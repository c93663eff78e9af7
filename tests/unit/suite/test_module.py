"""Running a module with an engine that crashes, hangs and dies on purpose."""

from __future__ import annotations

import fnmatch
import json
import os
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from harness.engines.protocol import JOURNAL, Ending, GuestExit, GuestRun, Watch
from harness.expectations.compare import compare_module
from harness.expectations.entries import CellExpectations
from harness.results.outcomes import CaseResult, Detail, ModuleResult, Outcome, decode_module, encode_module
from harness.results.signatures import signature_of
from harness.results.verdicts import Verdict
from harness.suite.module import ModuleJob, RunStoppedError, run_module
from harness.suite.parts import joined, part_named, part_names

CASES = tuple(f"test.test_x.{name}" for name in ("T.test_a", "T.test_b", "U.test_c", "U.test_d"))
A, B, C, D = CASES
TRAPPED = GuestExit(ending=Ending.TRAPPED, reason="Caused by:\n  wasm trap: unreachable")
DIED = GuestExit(ending=Ending.ENGINE_DIED, reason="the engine process ended with signal 11")
EXITED = GuestExit(ending=Ending.EXITED)
# How regrtest ends after each word.
AFTER = {"failed": 2, "uncaught_exc": 2, "interrupted": 130, "resource_denied": 4, "did_not_run": 4}


def exited(status: int) -> GuestExit:
    return GuestExit(ending=Ending.EXITED, status=status)


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
    seconds: float = 0.1
    starts: int = 0

    def run(self, guest: GuestRun, watch: Watch) -> GuestExit:
        self.starts += 1
        guest.output.write_text(self.prints)
        assert guest.journal
        with guest.journal.open("w") as stream:
            events, ending = self._play(self._ignored(guest))
            stream.writelines(json.dumps(event) + "\n" for event in events)
        return ending

    def close(self) -> None:
        pass

    def _patterns(self, guest: GuestRun, option: str) -> set[str]:
        folder, name = guest.argv[guest.argv.index(option) + 1].rsplit("/", 1)
        host = next(mount.host for mount in guest.mounts if mount.guest == folder)
        return set((host / name).read_text().split("\n"))

    def _ignored(self, guest: GuestRun) -> set[str]:
        matched = self._patterns(guest, "--matchfile") if "--matchfile" in guest.argv else None
        unmatched = {
            case
            for case in self.cases
            if matched is not None and not any(fnmatch.fnmatch(case, each) for each in matched)
        }
        return unmatched | (self._patterns(guest, "--ignorefile") if "--ignorefile" in guest.argv else set())

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
                events.append({"e": "module", "state": "interrupted", "known": True})
                return events, exited(130)
            events.append({"e": "end", "id": case, "t": self.seconds, "o": ["pass"], "d": {}, "s": []})
            if f"after {case}" in self.faults:
                return events, self.faults[f"after {case}"]
        events.append({"e": "module", "state": self.state})
        return events, self.faults.get("exit", exited(AFTER.get(self.state, 0)))


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


def test_the_host_s_files_are_not_where_a_guest_can_write(run: Callable[..., ModuleResult]) -> None:
    class Looking(ScriptedGuest):
        def run(self, guest: GuestRun, watch: Watch) -> GuestExit:
            assert guest.journal
            (writable,) = [mount for mount in guest.mounts if mount.writable]
            (patterns,) = [mount for mount in guest.mounts if mount.guest == "/patterns"]
            assert writable.guest == "/tmp"
            for path in (guest.journal, guest.output, patterns.host):
                assert not path.is_relative_to(writable.host)
                assert not writable.host.is_relative_to(path)
            assert not any(guest.journal.is_relative_to(mount.host) for mount in guest.mounts)
            return super().run(guest, watch)

    assert run(Looking(faults={A: TRAPPED}), match=CASES).attempts == 2


def test_the_guest_is_asked_for_the_cases_wanted_without_those_that_are_finished(
    run: Callable[..., ModuleResult],
) -> None:
    asked: list[tuple[tuple[str, ...], dict[str, str]]] = []

    class Looking(ScriptedGuest):
        def run(self, guest: GuestRun, watch: Watch) -> GuestExit:
            (patterns,) = [mount.host for mount in guest.mounts if mount.guest == "/patterns"]
            asked.append((guest.argv, {path.name: path.read_text() for path in patterns.iterdir()}))
            return super().run(guest, watch)

    run(Looking(faults={A: TRAPPED}), options=("--fail-env-changed",))
    run(Looking(), match=(A, "*test_b"))
    usual = ("--tempdir", "/tmp", "-u", "all", "--randseed", "0")
    started = ("/python.wasm", "/harness", str(JOURNAL), "test_x", *usual)
    assert asked == [
        ((*started, "--fail-env-changed"), {}),
        ((*started, "--fail-env-changed", "--ignorefile", "/patterns/done.txt"), {"done.txt": f"{A}\n"}),
        ((*started, "--matchfile", "/patterns/match.txt"), {"match.txt": f"{A}\n*test_b\n"}),
    ]


def test_the_guest_gets_the_seed_and_whether_it_gives_the_order(run: Callable[..., ModuleResult]) -> None:
    class Looking(ScriptedGuest):
        def run(self, guest: GuestRun, watch: Watch) -> GuestExit:
            seen.append(guest.argv)
            return super().run(guest, watch)

    seen: list[tuple[str, ...]] = []
    run(Looking())
    run(Looking(), seed=7, randomize=True)
    assert [argv[argv.index("--randseed") + 1] for argv in seen] == ["0", "7"]
    assert ["--randomize" in argv for argv in seen] == [False, True]


@pytest.mark.parametrize("fault", ["", A, D, "setUpClass (test.test_x.U)", "import", "exit"])
@pytest.mark.parametrize("others", [((A,),), ((A,), (C, D)), ((B, C),), ((D,), ("test.test_x.V.gone",), (B,))])
def test_the_parts_of_a_module_come_to_what_the_whole_comes_to(
    run: Callable[..., ModuleResult], others: tuple[tuple[str, ...], ...], fault: str
) -> None:
    faults = {fault: TRAPPED} if fault else {}
    whole = run(ScriptedGuest(faults=faults))
    cut = {"test_x": others}
    parts = [run(ScriptedGuest(faults=faults), part=part_named(name, cut)) for name in part_names("test_x", others)]
    found = joined(parts, CASES)
    assert found.complete is whole.complete
    if fault in {"", A, "import"}:
        assert (found.word, found.exit_status, found.attempts) == (whole.word, whole.exit_status, whole.attempts)
    assert (outcomes(found), found.outcome) == (outcomes(whole), whole.outcome)
    assert {case.case: case.detail.reason for case in found.cases} == {
        case.case: case.detail.reason for case in whole.cases
    }


def test_a_new_case_runs_in_the_first_part_alone(run: Callable[..., ModuleResult]) -> None:
    cut = {"test_x": ((B,), (C,))}
    names = part_names("test_x", cut["test_x"])
    first, second, third = (run(ScriptedGuest(), part=part_named(name, cut)) for name in names)
    assert [list(outcomes(each)) for each in (first, second, third)] == [[A, D], [B], [C]]


def test_each_start_has_an_empty_folder_to_write_in_and_nothing_of_it_is_left(
    run: Callable[..., ModuleResult], tmp_path: Path
) -> None:
    class Writing(ScriptedGuest):
        def run(self, guest: GuestRun, watch: Watch) -> GuestExit:
            (scratch,) = [mount.host for mount in guest.mounts if mount.writable]
            assert list(scratch.iterdir()) == []
            (scratch / "left").mkdir()
            return super().run(guest, watch)

    assert run(Writing(faults={A: TRAPPED})).attempts == 2
    assert not list(tmp_path.rglob("left"))


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


def test_a_crash_has_the_trap_s_headline_and_what_fits_of_its_reason(run: Callable[..., ModuleResult]) -> None:
    reason = TRAPPED.reason + "." * 4000
    result = run(ScriptedGuest(faults={A: GuestExit(ending=Ending.TRAPPED, reason=reason)}))
    headline = reason.splitlines()[1].strip()[:200]
    detail = Detail(exception=headline, message=reason[:4000])
    assert result.cases[0] == CaseResult(case=A, outcome=Outcome.CRASH, detail=detail)


def test_a_crash_keeps_what_ran_in_python(run: Callable[..., ModuleResult]) -> None:
    printed = 'Stack (most recent call first):\n  File "/t.py", line 2 in inner\n  File "/t.py", line 7 in test\n'
    for ending in Ending.TRAPPED, Ending.STOPPED:
        result = run(ScriptedGuest(faults={A: GuestExit(ending=ending, reason="trap", python_stack=printed)}))
        assert result.cases[0].detail.python_stack.splitlines()[1:] == [
            '  File "/t.py", line 7 in test',
            '  File "/t.py", line 2 in inner',
        ]


@pytest.mark.parametrize(("kind", "named"), [("call stack exhausted", "; f 3 times"), ("unreachable", "")])
def test_a_crash_keeps_what_was_called_in_wasm(run: Callable[..., ModuleResult], kind: str, named: str) -> None:
    ending = GuestExit(ending=Ending.TRAPPED, reason=f"wasm trap: {kind}", frames=("f", "f", "f", "main"))
    result = run(ScriptedGuest(faults={A: ending}))
    assert result.cases[0].detail.wasm_stack.splitlines() == [
        f"wasm stack, the innermost of 4 frames first{named}:",
        "  f, 3 times",
        "  main",
    ]


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


@pytest.mark.parametrize(
    ("cases", "crashing", "left"),
    [((A, B, B), (A, B), {f"{B}#2": B}), ((A, A, A), (f"{A}#2",), {f"{A}#3": f"{A}#2"})],
)
def test_a_case_that_is_left_out_with_one_of_its_id_names_the_one_that_crashed(
    run: Callable[..., ModuleResult], cases: tuple[str, ...], crashing: tuple[str, ...], left: dict[str, str]
) -> None:
    result = run(ScriptedGuest(cases=cases, faults=dict.fromkeys(crashing, TRAPPED)))
    assert {case.case: case.detail.reason for case in result.cases if case.outcome is Outcome.NOT_RUN} == left


def test_a_module_is_started_a_hundred_times_at_most(run: Callable[..., ModuleResult]) -> None:
    cases = tuple(f"test.test_x.T.test_{number:03}" for number in range(102))
    result = run(ScriptedGuest(cases=cases, faults=dict.fromkeys(cases, TRAPPED)))
    assert (result.attempts, result.counts()) == (100, {Outcome.CRASH: 100, Outcome.NOT_RUN: 2})
    assert result.cases[-1].detail.reason == "gave up after 100 attempts"


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
    own = CaseResult(case="test.test_x", outcome=Outcome.NOT_RUN, detail=Detail(reason="run = false"))
    assert (result, guest.starts) == (
        ModuleResult(module="test_x", outcome=Outcome.NOT_RUN, seconds=0.0, attempts=0, complete=False, cases=(own,)),
        0,
    )


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


def test_a_crash_before_the_first_case_is_named_after_the_module(run: Callable[..., ModuleResult]) -> None:
    class Planning(ScriptedGuest):
        def _play(self, ignored: set[str]) -> tuple[list[dict[str, object]], GuestExit]:
            return ([{"e": "plan", "ids": [A]}], TRAPPED) if self.starts == 1 else super()._play(ignored)

    result = run(Planning(cases=(A,)))
    assert outcomes(result) == {"after (test.test_x)": Outcome.CRASH, A: Outcome.PASS}


def test_cases_of_a_class_that_is_skipped_are_skipped_with_it(run: Callable[..., ModuleResult]) -> None:
    class Skipping(ScriptedGuest):
        def _play(self, ignored: set[str]) -> tuple[list[dict[str, object]], GuestExit]:
            skip: dict[str, object] = {
                "e": "outside",
                "id": "setUpClass (test.test_x.U)",
                "o": "skip",
                "d": {"reason": "no threads"},
            }
            return [{"e": "plan", "ids": [C, D]}, skip, {"e": "module", "state": "passed"}], EXITED

    result = run(Skipping())
    why = Detail(reason="no threads")
    skipped = [CaseResult(case=name, outcome=Outcome.SKIP, detail=why) for name in (FIXTURE, C, D)]
    assert (list(result.cases), result.attempts) == (skipped, 1)


def test_a_fixture_may_fail_before_anything_is_planned(run: Callable[..., ModuleResult]) -> None:
    class Failing(ScriptedGuest):
        def _play(self, ignored: set[str]) -> tuple[list[dict[str, object]], GuestExit]:
            return [{"e": "outside", "id": FIXTURE, "o": "error", "d": {}}, {"e": "module", "state": "failed"}], exited(
                2
            )

    assert outcomes(run(Failing())) == {FIXTURE: Outcome.ERROR}


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


@pytest.mark.parametrize(
    ("state", "status"),
    [
        *(("passed", status) for status in (1, 2, 3, 4, 7, 120, 130, 200, -1)),
        *(("failed", 0), ("failed", 1), ("uncaught_exc", 0), ("interrupted", 0), ("interrupted", 2)),
        *(("env_changed", 2), ("skipped", 4), ("resource_denied", 2), ("did_not_run", 5)),
    ],
)
def test_a_status_that_does_not_fit_regrtest_s_word_is_a_crash_of_the_module(
    run: Callable[..., ModuleResult], state: str, status: int
) -> None:
    result = run(ScriptedGuest(state=state, faults={"exit": exited(status)}))
    own = next(case for case in result.cases if case.case == "test.test_x")
    assert (result.outcome, own.outcome) == (Outcome.CRASH, Outcome.CRASH)
    assert (own.detail.exception, signature_of(own)) == (f"exit: {status}", f"exit: {status}")
    assert state in own.detail.message
    assert (result.word, result.exit_status, result.attempts) == (state, status, 1)
    assert compare_module(result, CellExpectations()).unexpected


@pytest.mark.parametrize(
    ("state", "status"),
    [("passed", 0), ("env_changed", 0), ("env_changed", 3)],
)
def test_a_status_that_fits_is_recorded_with_the_word(
    run: Callable[..., ModuleResult], state: str, status: int
) -> None:
    result = run(ScriptedGuest(state=state, faults={"exit": exited(status)}))
    assert (result.outcome, result.word, result.exit_status) == (Outcome.PASS, state, status)
    read = decode_module("test_x", encode_module(result))
    assert (read.word, read.exit_status) == (state, status)


@pytest.mark.parametrize("ending", [TRAPPED, DIED])
def test_a_trap_after_the_word_has_no_status(run: Callable[..., ModuleResult], ending: GuestExit) -> None:
    result = run(ScriptedGuest(faults={"exit": ending}))
    assert (result.outcome, result.word, result.exit_status) == (Outcome.CRASH, "passed", None)
    assert result.cases[-1].detail.message == ending.reason


def test_a_guest_that_stands_still_after_the_word_is_a_timeout_of_the_module(run: Callable[..., ModuleResult]) -> None:
    stopped = GuestExit(ending=Ending.STOPPED, reason="no progress for 5 s")
    result = run(ScriptedGuest(faults={"exit": stopped}))
    assert (outcomes(result)["test.test_x"], result.outcome) == (Outcome.TIMEOUT, Outcome.TIMEOUT)


@pytest.mark.parametrize("status", [0, 1, 126, 256, -1])
def test_an_exit_inside_a_case_is_named_by_its_status(run: Callable[..., ModuleResult], status: int) -> None:
    result = run(ScriptedGuest(faults={B: exited(status)}))
    case = result.cases[1]
    detail = Detail(exception=f"exit: {status}", message=f"the interpreter exited with status {status}")
    assert case == CaseResult(case=B, outcome=Outcome.CRASH, detail=detail)
    assert (result.word, result.exit_status) == ("passed", 0)


class Talkative(ScriptedGuest):
    """Prints in each start which one it is, and appends it as an engine does."""

    def run(self, guest: GuestRun, watch: Watch) -> GuestExit:
        before = guest.output.read_text() if guest.output.exists() else ""
        self.prints = f"{before}start {self.starts + 1}\n"
        return super().run(guest, watch)


@pytest.mark.parametrize("ending", [exited(3), DIED])
def test_a_death_without_a_stack_has_what_was_printed_in_its_own_start(
    run: Callable[..., ModuleResult], ending: GuestExit
) -> None:
    result = run(Talkative(faults={B: ending, D: ending}))
    assert [case.detail.output for case in result.cases] == ["", "start 1", "", "start 2"]
    assert result.output == "start 1\nstart 2"


def test_a_death_with_a_stack_needs_no_output(run: Callable[..., ModuleResult]) -> None:
    stack = GuestExit(ending=Ending.TRAPPED, reason=TRAPPED.reason, python_stack='  File "/Lib/a.py", line 1 in f\n')
    result = run(Talkative(faults={B: stack}))
    assert result.cases[1].detail.python_stack
    assert not result.cases[1].detail.output


@dataclass
class StubbornGuest(ScriptedGuest):
    """Dies in the same place whatever it is asked to leave out."""

    def _ignored(self, guest: GuestRun) -> set[str]:
        return set()


@pytest.mark.parametrize(
    ("place", "starts"),
    [(A, 2), (D, 2), (f"after {A}", 2), ("setUpClass (test.test_x.T)", 2), ("import", 1), ("exit", 1)],
)
@pytest.mark.parametrize("ending", [TRAPPED, DIED, exited(7), GuestExit(ending=Ending.STOPPED, reason="no progress")])
def test_what_ends_twice_in_the_same_place_is_not_started_again(
    run: Callable[..., ModuleResult], place: str, starts: int, ending: GuestExit
) -> None:
    guest = StubbornGuest(faults={place: ending})
    result = run(guest)
    assert guest.starts == result.attempts <= starts
    assert result.outcome in {Outcome.CRASH, Outcome.TIMEOUT}


def test_only_the_case_with_an_id_that_ends_like_a_number_has_crashed(run: Callable[..., ModuleResult]) -> None:
    odd = f"{A}#2"
    result = run(ScriptedGuest(cases=(odd, A, B), faults={odd: TRAPPED}))
    assert outcomes(result) == {odd: Outcome.CRASH, A: Outcome.PASS, B: Outcome.PASS}


def test_a_number_that_an_id_has_already_is_not_given_to_another(run: Callable[..., ModuleResult]) -> None:
    odd = f"{A}#2"

    class Guest(ScriptedGuest):
        def run(self, guest: GuestRun, watch: Watch) -> GuestExit:
            ending = super().run(guest, watch)
            self.faults = {}
            return ending

    result = run(Guest(cases=(A, odd, B, A), faults={odd: TRAPPED}))
    assert outcomes(result) == {A: Outcome.PASS, odd: Outcome.CRASH, B: Outcome.PASS, f"{A}#3": Outcome.PASS}
    ids = {case.case: case.unittest_id for case in result.cases}
    assert ids == {A: A, odd: odd, B: B, f"{A}#3": A}


@pytest.mark.parametrize("odd", [f"{A} ", f" {A}", "word", f"{A}[1]", f"{A}?", f"{A}\n"])
def test_an_odd_id_that_crashed_is_left_out_and_nothing_else(run: Callable[..., ModuleResult], odd: str) -> None:
    class Guest(ScriptedGuest):
        def _ignored(self, guest: GuestRun) -> set[str]:
            patterns = {line.strip() for line in super()._ignored(guest) if line}
            return {case for case in self.cases if any(fnmatch.fnmatchcase(case, pattern) for pattern in patterns)}

    result = run(Guest(cases=(odd, A, B), faults={odd: TRAPPED}))
    (crashed,) = [case for case in result.cases if case.outcome is not Outcome.PASS]
    assert (crashed.unittest_id, crashed.outcome, len(result.cases)) == (odd, Outcome.CRASH, 3)


@pytest.mark.parametrize("own", ["test.test_x", "test_x"])
def test_a_case_of_the_module_s_own_id_is_not_the_module(run: Callable[..., ModuleResult], own: str) -> None:
    class Failing(ScriptedGuest):
        def _play(self, ignored: set[str]) -> tuple[list[dict[str, object]], GuestExit]:
            events, ending = super()._play(ignored)
            return [event | {"o": ["fail"]} if event.get("id") == A and "o" in event else event for event in events], (
                ending
            )

    result = run(Failing(cases=(own, A), state="failed", prints="what was printed"))
    assert outcomes(result) == {f"{own}.__doc__": Outcome.PASS, A: Outcome.FAIL}
    assert (result.outcome, result.output) == (Outcome.FAIL, "what was printed")
    crashed = run(ScriptedGuest(cases=(own, A), faults={own: exited(6)}))
    assert outcomes(crashed) == {f"{own}.__doc__": Outcome.CRASH, A: Outcome.PASS}
    both = run(ScriptedGuest(cases=(own, A), faults={"exit": exited(7)}))
    assert outcomes(both) == {f"{own}.__doc__": Outcome.PASS, A: Outcome.PASS, "test.test_x": Outcome.CRASH}


@dataclass
class EndedGuest(ScriptedGuest):
    """An exception that belongs to no case ends the module in the middle, the first time or whenever it runs."""

    at: str = f"start {B}"
    word: dict[str, object] = field(default_factory=dict)
    always: bool = False

    def _play(self, ignored: set[str]) -> tuple[list[dict[str, object]], GuestExit]:
        events, ending = super()._play(ignored)
        kind, _, name = self.at.partition(" ")
        index = next((at for at, event in enumerate(events) if event["e"] == kind and event.get("id") == name), None)
        if index is None or (self.starts > 1 and not self.always):
            return events, ending
        word = {"e": "module", "state": "uncaught_exc", "d": {"exception": "Odd", "message": "why"}}
        return [*events[: index + 1], word | self.word], exited(AFTER[str((word | self.word)["state"])])


@pytest.mark.parametrize("state", ["uncaught_exc", "interrupted"])
def test_an_exception_that_gets_out_of_a_case_is_that_case_s(run: Callable[..., ModuleResult], state: str) -> None:
    result = run(EndedGuest(word={"state": state}))
    assert outcomes(result) == dict.fromkeys(CASES, Outcome.PASS) | {B: Outcome.ERROR}
    detail = next(case.detail for case in result.cases if case.case == B)
    assert (detail.exception, detail.message, result.attempts) == ("Odd", "why", 2)


def test_a_word_of_failure_inside_a_case_is_the_module_s(run: Callable[..., ModuleResult]) -> None:
    result = run(EndedGuest(word={"state": "failed"}))
    assert outcomes(result) == dict.fromkeys(CASES, Outcome.PASS) | {"test.test_x": Outcome.FAIL}


@pytest.mark.parametrize("later", ["failed", "uncaught_exc"])
def test_the_first_of_the_worst_words_on_a_module_stays(run: Callable[..., ModuleResult], later: str) -> None:
    result = run(EndedGuest(at=f"end {A}", state=later, prints="ValueError: at the end\n"))
    assert (result.outcome, result.detail.message, result.word) == (Outcome.ERROR, "why", later)


def test_an_exception_between_two_cases_is_the_module_s_and_the_rest_runs(run: Callable[..., ModuleResult]) -> None:
    result = run(EndedGuest(at=f"end {A}"))
    assert outcomes(result) == dict.fromkeys(CASES, Outcome.PASS) | {"test.test_x": Outcome.ERROR}
    assert (result.outcome, result.detail.exception, result.attempts) == (Outcome.ERROR, "Odd", 2)


def test_an_exception_that_ends_the_module_whenever_it_runs_is_what_the_rest_did_not_run_for(
    run: Callable[..., ModuleResult],
) -> None:
    result = run(EndedGuest(at="plan ", always=True))
    assert outcomes(result) == dict.fromkeys(CASES, Outcome.PASS)

    class Ended(EndedGuest):
        def _play(self, ignored: set[str]) -> tuple[list[dict[str, object]], GuestExit]:
            word: dict[str, object] = {"e": "module", "state": "uncaught_exc", "d": {"exception": "Odd"}}
            return [{"e": "plan", "ids": list(CASES)}, word], exited(2)

    result = run(Ended())
    assert {case.detail.reason for case in result.cases if case.outcome is Outcome.NOT_RUN} == {"test.test_x"}
    assert (result.outcome, result.attempts, len(result.cases)) == (Outcome.ERROR, 1, 5)


def test_a_module_that_is_interrupted_at_its_import_is_not_a_pass(run: Callable[..., ModuleResult]) -> None:
    class Interrupted(ScriptedGuest):
        def _play(self, ignored: set[str]) -> tuple[list[dict[str, object]], GuestExit]:
            return [{"e": "module", "state": "interrupted", "d": {"exception": "KeyboardInterrupt"}}], exited(130)

    result = run(Interrupted())
    assert outcomes(result) == {"test.test_x": Outcome.ERROR}
    assert (result.outcome, result.detail.exception) == (Outcome.ERROR, "KeyboardInterrupt")
    assert compare_module(result, CellExpectations()).unexpected


def test_what_unittest_left_out_after_a_stop_runs_in_another_start(run: Callable[..., ModuleResult]) -> None:
    class Stopping(ScriptedGuest):
        def _play(self, ignored: set[str]) -> tuple[list[dict[str, object]], GuestExit]:
            events, ending = super()._play(ignored)
            if self.starts > 1:
                return events, ending
            until = next(at for at, event in enumerate(events) if event["e"] == "end")
            return [*events[: until + 1], events[-1]], ending

    result = run(Stopping())
    assert (outcomes(result), result.attempts) == (dict.fromkeys(CASES, Outcome.PASS), 2)


def test_what_one_start_said_of_the_module_stays_when_the_next_one_says_nothing(
    run: Callable[..., ModuleResult],
) -> None:
    class Changing(ScriptedGuest):
        def run(self, guest: GuestRun, watch: Watch) -> GuestExit:
            ending = super().run(guest, watch)
            self.faults, self.state = {}, "passed"
            return ending

    class ChangingAndStopping(Changing):
        def _play(self, ignored: set[str]) -> tuple[list[dict[str, object]], GuestExit]:
            events, ending = super()._play(ignored)
            return [*events[:4], events[-1]] if self.starts == 1 else events, ending

    assert run(ChangingAndStopping(state="env_changed")).env_changed
    result = run(ChangingAndStopping(state="failed"))
    assert (result.outcome, result.word) == (Outcome.FAIL, "passed")


class SkippingGuest(ScriptedGuest):
    """A module that says something of itself and has no cases."""

    def _play(self, ignored: set[str]) -> tuple[list[dict[str, object]], GuestExit]:
        return [{"e": "module", "state": self.state}], exited(AFTER.get(self.state, 0))


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
    # Nothing more is seen of a module that skips itself.
    assert result.complete == (outcome is Outcome.SKIP)


def test_a_module_in_which_no_case_matched_is_not_one_without_tests(run: Callable[..., ModuleResult]) -> None:
    result = run(SkippingGuest(state="did_not_run"), match=("no_such_case",))
    assert (result.outcome, result.detail.reason) == (Outcome.SKIP, "no case matched")


def test_a_module_has_tests_when_its_last_start_had_nothing_left_to_run(run: Callable[..., ModuleResult]) -> None:
    result = run(ScriptedGuest(state="did_not_run"))
    assert (result.outcome, len(result.cases)) == (Outcome.PASS, len(CASES))


def test_a_module_that_failed_without_a_failing_case_is_not_a_pass(run: Callable[..., ModuleResult]) -> None:
    result = run(ScriptedGuest(state="uncaught_exc", prints="ValueError: after all\n"))
    assert result.outcome is Outcome.ERROR
    assert outcomes(result)["test.test_x"] is Outcome.ERROR


def test_the_last_forty_lines_of_a_module_that_went_wrong_are_kept(run: Callable[..., ModuleResult]) -> None:
    printed = [f"line {number}" for number in range(50)]
    result = run(ScriptedGuest(state="failed", prints="\n".join(printed)))
    assert result.output.splitlines() == printed[-40:]


def test_a_changed_environment_is_noted(run: Callable[..., ModuleResult]) -> None:
    result = run(ScriptedGuest(state="env_changed", prints="Warning -- os.environ was modified by test_x\n"))
    assert result.env_changed
    assert "os.environ was modified" in result.output
    assert not run(ScriptedGuest(prints="much\n")).output


def test_what_must_not_run_is_not_run(run: Callable[..., ModuleResult]) -> None:
    result = run(ScriptedGuest(faults={B: DIED}), excluded=(B,))
    assert outcomes(result) == dict.fromkeys(CASES, Outcome.PASS) | {B: Outcome.NOT_RUN}
    assert result.attempts == 1


@pytest.mark.parametrize("odd", [f"{A}[1]", f"{A}?", f"{A} "])
def test_what_must_not_run_may_be_called_like_a_pattern(run: Callable[..., ModuleResult], odd: str) -> None:
    class Guest(ScriptedGuest):
        def _ignored(self, guest: GuestRun) -> set[str]:
            patterns = {line.strip() for line in super()._ignored(guest) if line}
            return {case for case in self.cases if any(fnmatch.fnmatchcase(case, pattern) for pattern in patterns)}

    result = run(Guest(cases=(odd, A, f"{A}1", C), faults={odd: DIED}), excluded=(odd, "test.test_x.U.*"))
    wanted = {odd: Outcome.NOT_RUN, "test.test_x.U.*": Outcome.NOT_RUN, A: Outcome.PASS, f"{A}1": Outcome.PASS}
    assert (outcomes(result), result.attempts) == (wanted, 1)


class MatchingGuest(ScriptedGuest):
    """Reads what must not run as regrtest does: as patterns."""

    def _play(self, ignored: set[str]) -> tuple[list[dict[str, object]], GuestExit]:
        return super()._play({case for case in self.cases if any(fnmatch.fnmatchcase(case, each) for each in ignored)})


def test_no_case_of_a_class_that_must_not_run_is_started(run: Callable[..., ModuleResult]) -> None:
    result = run(MatchingGuest(faults={A: DIED, B: DIED}), excluded=("test.test_x.T.*",))
    assert outcomes(result) == {"test.test_x.T.*": Outcome.NOT_RUN, C: Outcome.PASS, D: Outcome.PASS}
    assert result.attempts == 1


def test_the_docstring_of_a_module_may_be_what_must_not_run(run: Callable[..., ModuleResult]) -> None:
    doctest = "test.test_x"
    guest = ScriptedGuest(cases=(doctest, A), faults={doctest: DIED})
    result = run(guest, excluded=(f"{doctest}.__doc__",))
    assert outcomes(result) == {f"{doctest}.__doc__": Outcome.NOT_RUN, A: Outcome.PASS}


def test_a_module_is_not_complete_when_a_part_of_it_was_asked_for(run: Callable[..., ModuleResult]) -> None:
    assert not run(ScriptedGuest(), match=(A,)).complete


def test_a_run_that_is_stopped_keeps_nothing_of_the_module(run: Callable[..., ModuleResult]) -> None:
    stopped = GuestExit(ending=Ending.STOPPED, reason="the run is being stopped")
    with pytest.raises(RunStoppedError):
        run(ScriptedGuest(faults={B: stopped}), should_stop=lambda: True)


def test_a_module_that_came_to_its_end_keeps_its_result_when_the_run_is_stopped(
    run: Callable[..., ModuleResult],
) -> None:
    assert outcomes(run(ScriptedGuest(), should_stop=lambda: True)) == dict.fromkeys(CASES, Outcome.PASS)


@dataclass
class Clock:
    """Stands in for the module `time`."""

    now: float = 0.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr("harness.suite.module.time", clock)
    return clock


@dataclass
class HangingGuest(ScriptedGuest):
    """Hangs in its faults, and asks its watch every `step` seconds until that has had enough, as an engine does."""

    clock: Clock = field(default_factory=Clock)
    step: float = 0.5

    def run(self, guest: GuestRun, watch: Watch) -> GuestExit:
        ending = super().run(guest, watch)
        while ending.ending is Ending.STOPPED:
            if reason := watch():
                return GuestExit(ending=Ending.STOPPED, reason=reason)
            self.clock.now += self.step
        return ending


HANGS = GuestExit(ending=Ending.STOPPED)
FIXTURE = "setUpClass (test.test_x.U)"


@pytest.mark.parametrize(
    ("expected", "waiting", "ended"),
    [
        (A, (8.0, 0.5), (8, 8.5)),
        (B, (8.0, 0.5), (5, 5.5)),
        (B, (3.0, 0.5), (3, 3.5)),
        (B, (3.0, 9.0), (3, 9.0)),
    ],
)
def test_a_guest_may_stand_still_for_the_case_timeout_and_for_five_seconds_where_a_hang_is_expected(
    run: Callable[..., ModuleResult],
    clock: Clock,
    expected: str,
    waiting: tuple[float, float],
    ended: tuple[int, float],
) -> None:
    (case_timeout, step), (limit, seconds) = waiting, ended
    guest = HangingGuest(faults={B: HANGS}, clock=clock, step=step)
    result = run(guest, case_timeout=case_timeout, module_timeout=60.0, expects_hang=lambda case: case == expected)
    message = f"no progress for {limit} s"
    detail = Detail(exception=message, message=message)
    assert result.cases[1] == CaseResult(case=B, outcome=Outcome.TIMEOUT, detail=detail)
    assert result.seconds == seconds


@pytest.mark.parametrize(
    ("finished", "seconds", "limits"),
    [(19, 0.1, (5, 1)), (20, 0.1, (1, 1)), (20, 1.0, (2, 2)), (20, 60.0, (5, 5))],
)
def test_the_other_cases_of_a_module_show_how_long_is_long_where_a_hang_is_expected(
    run: Callable[..., ModuleResult], clock: Clock, finished: int, seconds: float, limits: tuple[int, int]
) -> None:
    """Also those that another start has finished."""
    done = tuple(f"test.test_x.T.test_{number}" for number in range(finished))
    guest = HangingGuest(cases=(*done, A, B, C), faults={A: HANGS, C: HANGS}, clock=clock, step=0.5, seconds=seconds)
    result = run(guest, case_timeout=60.0, module_timeout=600.0, expects_hang=lambda case: case in {A, C})
    hung = [case.detail.message for case in result.cases if case.outcome is Outcome.TIMEOUT]
    assert hung == [f"no progress for {limit} s" for limit in limits]


def test_a_case_of_another_version_than_the_interpreter_may_stand_still_for_a_minute(
    run: Callable[..., ModuleResult], clock: Clock
) -> None:
    for case_timeout, limit in ((120.0, 60), (20.0, 20)):
        guest = HangingGuest(faults={B: HANGS}, clock=clock, step=0.5)
        result = run(guest, case_timeout=case_timeout, module_timeout=600.0, is_of_other_version=B.__eq__)
        assert result.cases[1].detail.message == f"no progress for {limit} s"


@pytest.mark.parametrize(
    ("place", "name"),
    [(FIXTURE, FIXTURE), ("test.test_x", "test.test_x.__doc__"), ("test_x", "test_x.__doc__"), (f"{A}#2", f"{A}#2")],
)
def test_whether_a_hang_is_expected_is_asked_once_when_it_matters_by_the_name_of_the_case_or_fixture(
    run: Callable[..., ModuleResult], clock: Clock, place: str, name: str
) -> None:
    asked = []

    def expects_hang(case: str) -> bool:
        asked.append((case, clock.now))
        return False

    guest = HangingGuest(faults={place: HANGS}, cases=("test.test_x", "test_x", A, A, C), clock=clock)
    result = run(guest, case_timeout=8.0, module_timeout=60.0, expects_hang=expects_hang)
    assert [case.case for case in result.cases if case.outcome is Outcome.TIMEOUT] == [name]
    assert asked == [(name, 1.5)]


def test_whatever_the_journal_gets_is_progress_and_the_module_timeout_bounds_it(
    run: Callable[..., ModuleResult], clock: Clock
) -> None:
    class Slow(HangingGuest):
        def run(self, guest: GuestRun, watch: Watch) -> GuestExit:
            assert guest.journal
            while not (reason := watch()):
                clock.now += 4.0
                with guest.journal.open("a") as stream:
                    stream.write(json.dumps({"e": "start", "id": A}) + "\n")
            return GuestExit(ending=Ending.STOPPED, reason=reason)

    result = run(Slow(), case_timeout=4.5, module_timeout=20.0)
    assert (result.cases[0].detail.message, clock.now) == ("the module took more than 20 s", 24.0)


def test_the_watch_ends_a_guest_as_soon_as_the_run_is_being_stopped(
    run: Callable[..., ModuleResult], clock: Clock
) -> None:
    with pytest.raises(RunStoppedError):
        run(HangingGuest(faults={B: HANGS}, clock=clock), should_stop=lambda: clock.now >= 2)
    assert clock.now == 2


def test_the_output_and_the_journal_on_disk_are_bounded(run: Callable[..., ModuleResult]) -> None:
    class Chatty(ScriptedGuest):
        def run(self, guest: GuestRun, watch: Watch) -> GuestExit:
            assert guest.journal
            guest.output.touch()
            guest.journal.touch()
            # Files that are as long as this, and take no space.
            for file, limit in (guest.output, 16 << 20), (guest.journal, 512 << 20):
                os.truncate(file, limit)
            assert (watch(), guest.output.stat().st_size) == (None, 16 << 20)
            os.truncate(guest.output, (16 << 20) + 1)
            os.truncate(guest.journal, (512 << 20) + 1)
            reason = watch() or ""
            assert (guest.output.stat().st_size, reason) == (0, "more than 512 MiB of journal")
            guest.journal.unlink()
            return super().run(guest, watch)

    assert outcomes(run(Chatty())) == dict.fromkeys(CASES, Outcome.PASS)
