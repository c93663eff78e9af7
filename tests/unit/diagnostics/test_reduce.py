"""A failure reduced to the cases that it needs: which are candidates, what is left of them, and what is shown."""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.diagnostics.reduce import (
    Reduced,
    ddmin,
    ends_alike,
    failure_in,
    needed,
    reduce_case,
    render_reduced,
    script_of,
)
from harness.engines.protocol import Ending, GuestExit
from harness.errors import ConfigError
from harness.results.command_line import RunOptions
from harness.results.outcomes import CaseResult, Detail, ModuleResult, Outcome
from harness.run.own_tests import find_tests
from harness.run.prepare import BuildRequest
from tests.unit.sample_results import case, module

NAMES = tuple(f"test_os.T.test_{letter}" for letter in "abcdefgh")
LAST = "test.test_os.T.test_h"


def ids(cases: Sequence[CaseResult]) -> str:
    """Their last letters."""
    return "".join(each.case[-1] for each in cases)


def running(culprits: str, outcome: Outcome = Outcome.FAIL) -> Callable[[tuple[str, ...]], ModuleResult]:
    """A module whose last case does `outcome` if all of those ran before it."""

    def run(match: tuple[str, ...]) -> ModuleResult:
        chosen = [name for name in NAMES if not match or f"test.{name}" in match]
        fails = set(culprits) <= {name[-1] for name in chosen}
        exception = "AssertionError" if outcome is Outcome.FAIL else "wasm trap: unreachable"
        return module(
            "test_os",
            *(
                case(name, outcome, exception=exception) if fails and name == NAMES[-1] else case(name)
                for name in chosen
            ),
        )

    return run


@pytest.mark.parametrize("culprits", ["", "a", "g", "bf", "abc", "abcdefg"])
@pytest.mark.parametrize("outcome", [Outcome.FAIL, Outcome.CRASH])
def test_a_failure_needs_what_it_fails_by(culprits: str, outcome: Outcome) -> None:
    run = running(culprits, outcome)
    failure, before = failure_in(run(()), LAST)
    assert failure.outcome is outcome
    assert ids(before) == "abcdefg"
    assert ids(needed(failure, before, run)) == culprits


@given(st.sets(st.integers(0, 59), min_size=1, max_size=6))
def test_nothing_can_be_left_out_of_what_is_left(culprits: set[int]) -> None:
    cases = [CaseResult(case=str(number), outcome=Outcome.PASS) for number in range(60)]
    runs = 0

    def fails(some: Sequence[CaseResult]) -> bool:
        nonlocal runs
        runs += 1
        return culprits <= {int(each.case) for each in some}

    assert [int(each.case) for each in ddmin(cases, fails)] == sorted(culprits)
    assert runs <= 15 or len(culprits) > 1


def test_only_what_ran_in_the_same_interpreter_is_a_candidate() -> None:
    result = module(
        "test_os",
        case("test_os.T.test_a"),
        case("test_os.T.test_b", Outcome.CRASH),
        CaseResult(case="setUpClass (test.test_os.T)", outcome=Outcome.SKIP),
        case("test_os.T.test_c", Outcome.NOT_RUN),
        case("test_os.T.test_d", Outcome.SKIP),
        case("test_os.T.test_e", Outcome.FAIL),
        case("test_os.T.test_f"),
    )
    failure, before = failure_in(result, "test.test_os.T.test_e")
    assert (failure.case[-1], ids(before)) == ("e", "d")


def test_another_failure_is_not_the_same_one_and_both_are_named() -> None:
    def run(match: tuple[str, ...]) -> ModuleResult:
        exception = "AssertionError" if not match else "ValueError"
        return module("test_os", case("test_os.T.test_a"), case("test_os.T.test_h", Outcome.FAIL, exception=exception))

    failure, before = failure_in(run(()), LAST)
    with pytest.raises(
        ConfigError, match=r"in its module: fail \(AssertionError\); with the 1 case .* alone: fail \(ValueError\)"
    ) as raised:
        needed(failure, before, run)
    assert "signatures differ" in raised.value.hint


@pytest.mark.parametrize(
    ("others", "instead"), [((), "did not run"), ((case("test_os.T.test_h"),), "pass")], ids=["gone", "passes"]
)
def test_what_comes_only_in_the_whole_module_may_be_flaky(others: tuple[CaseResult, ...], instead: str) -> None:
    def run(match: tuple[str, ...]) -> ModuleResult:
        failing = (case("test_os.T.test_h", Outcome.FAIL),)
        return module("test_os", case("test_os.T.test_a"), *(others if match else failing))

    failure, before = failure_in(run(()), LAST)
    with pytest.raises(ConfigError, match=f"alone: {instead}\n") as raised:
        needed(failure, before, run)
    assert "flaky" in raised.value.hint


def test_a_case_that_the_module_does_not_have_is_a_mistake() -> None:
    with pytest.raises(ConfigError, match=r"has no case 'test.test_os.T.test_hh'; did you mean"):
        failure_in(running("a")(()), "test.test_os.T.test_hh")


def test_the_script_has_the_cases_and_is_one_of_python() -> None:
    earlier = CaseResult(case="odd#2", id='test.test_os.T.test_"""odd\\', outcome=Outcome.PASS)
    failure = case("test_os.T.test_h", Outcome.CRASH, exception="wasm trap: unreachable")
    text = script_of("wasi", "test.test_os", "reduced-test_h.py", failure, [earlier])
    assigned = {
        node.targets[0].id: ast.literal_eval(node.value)
        for node in ast.parse(text).body
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and node.targets[0].id.isupper()
    }
    assert assigned == {"MODULE": "test.test_os", "CASES": [earlier.id, failure.case]}
    assert text.startswith("# test.test_os.T.test_h: crash (trap: unreachable) on wasi.\n")
    assert "python -m harness python wasi reduced-test_h.py" in text


TRAP = GuestExit(ending=Ending.TRAPPED, reason="wasm trap: unreachable")
STACK = 'Stack (most recent call last):\n  File "/Lib/test/test_os.py", line 7 in test_h'


@pytest.mark.parametrize(
    ("outcome", "exception", "ending", "alike"),
    [
        (Outcome.CRASH, "wasm trap: unreachable", TRAP, True),
        (Outcome.CRASH, "wasm trap: call stack exhausted", TRAP, False),
        (Outcome.CRASH, "exit: 3", GuestExit(ending=Ending.EXITED, status=3), True),
        (Outcome.CRASH, "exit: 3", GuestExit(ending=Ending.EXITED, status=1), False),
        (Outcome.CRASH, "exit: 3", TRAP, False),
        (Outcome.TIMEOUT, "no progress", GuestExit(ending=Ending.STOPPED), True),
        (Outcome.CRASH, "exit: 3", GuestExit(ending=Ending.STOPPED), False),
        (Outcome.FAIL, "AssertionError", GuestExit(ending=Ending.EXITED, status=1), True),
        (Outcome.FAIL, "AssertionError", GuestExit(ending=Ending.EXITED, status=0), False),
        (Outcome.TIMEOUT, "no progress", GuestExit(ending=Ending.EXITED, status=1), False),
        (Outcome.FAIL, "AssertionError", TRAP, False),
    ],
)
def test_whether_the_script_ends_as_the_case_did(
    outcome: Outcome, exception: str, ending: GuestExit, alike: bool
) -> None:
    stack = STACK if outcome is Outcome.CRASH else ""
    failure = CaseResult(case=LAST, outcome=outcome, detail=Detail(exception=exception, python_stack=stack))
    assert ends_alike(failure, ending) is alike


def test_the_commands_of_own_tests_name_them_where_they_can(tmp_path: Path) -> None:
    failure = CaseResult(case="test_mine.T.test_h", outcome=Outcome.FAIL)
    found = Reduced(
        cell="wasi",
        module="test_mine",
        failure=failure,
        earlier=(),
        before=7,
        runs=2,
        script=tmp_path / "reduced-test_h" / "reduced-test_h.py",
        ends_alike=True,
        own=True,
    )
    again, script = render_reduced(found, RunOptions(tests="/mine")).splitlines()[-2:]
    assert again == "  again   python -m harness test wasi --tests=/mine --case test_mine.T.test_h"
    assert script == f"  script  python -m harness python wasi {found.script}"


def test_own_tests_are_not_copied_into_their_own_folder(tmp_path: Path) -> None:
    (tmp_path / "test_mine.py").write_text("")
    with pytest.raises(ConfigError, match="is in the folder of the tests"):
        reduce_case("wasi", BuildRequest(), "x", tmp_path / "into", RunOptions(), tests=find_tests(str(tmp_path)))


@pytest.mark.parametrize("alike", [True, False])
def test_the_page_names_what_is_needed_and_both_commands(tmp_path: Path, alike: bool) -> None:
    failure, before = failure_in(running("bf")(()), LAST)
    found = Reduced(
        cell="wasi",
        module="test_os",
        failure=failure,
        earlier=tuple(each for each in before if each.case[-1] in "bf"),
        before=7,
        runs=12,
        script=tmp_path / "reduced-test_h.py",
        ends_alike=alike,
    )
    cases = " ".join(f"--case test.test_os.T.test_{letter}" for letter in "bfh")
    again = f"python -m harness test wasi --runtime=50.0.1 {cases}"
    word = "script" if alike else "script, which does not fail so"
    assert render_reduced(found, RunOptions(runtime="50.0.1")).splitlines() == [
        "wasi: test.test_os.T.test_h: fail (AssertionError)",
        "  it needs 2 cases of the 7 that run before it in its module (12 runs):",
        "    test.test_os.T.test_b",
        "    test.test_os.T.test_f",
        f"  again   {again}",
        f"  {word}  python -m harness python --runtime=50.0.1 wasi {tmp_path / 'reduced-test_h.py'}",
    ]
