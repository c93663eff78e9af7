"""What the output and the end of a probe say about a statement."""

from __future__ import annotations

import pytest

from harness.diagnostics.probe import read_observation
from harness.engines.protocol import Ending, GuestExit
from harness.limitations.observation import Did, Finding, Observation, combine, judge_observation
from harness.limitations.registry import FAILURE

EXITED = GuestExit(ending=Ending.EXITED)
TRAPPED = GuestExit(ending=Ending.TRAPPED, reason="error while executing\n\nCaused by:\n    wasm trap: unreachable")
ATTEMPT = '\nprobe: {"did": "crash"}\n'
ENOSYS = '\nprobe: {"did": "error", "kinds": ["OSError", "Exception"], "errno": ["ENOSYS"], "message": "no"}\n'


def read(output: str, ending: GuestExit = EXITED) -> Observation:
    return read_observation("files.x", output, ending, 0.5)


def seen(did: Did, *kinds: str, errno: tuple[str, ...] = (), reached: bool = True) -> Observation:
    return Observation(probe="files.x", did=did, kinds=kinds, errno=errno, reached=reached)


@pytest.mark.parametrize(
    ("output", "did"),
    [
        (ATTEMPT + '\nprobe: {"did": "works"}\n', Did.WORKS),
        (ATTEMPT + '\nprobe: {"did": "no-effect", "message": "x"}\nand more\n', Did.NO_EFFECT),
        ('\nprobe: {"did": "not-applicable"}\n', Did.NOT_APPLICABLE),
        (ENOSYS, Did.ERROR),
    ],
)
def test_the_last_word_counts(output: str, did: Did) -> None:
    assert read(output).did is did


def test_an_interpreter_that_ends_in_the_attempt_crashed() -> None:
    assert read(ATTEMPT + "Fatal error\n", TRAPPED) == Observation(
        probe="files.x", did=Did.CRASH, message="wasm trap: unreachable", seconds=0.5
    )
    assert read(ATTEMPT, GuestExit(ending=Ending.EXITED, status=3)).message == "the interpreter exited with status 3"


@pytest.mark.parametrize("output", ["", "nothing of ours", "\nprobe: {", "\nprobe: []\n", "\nprobe: \n"])
def test_a_crash_before_the_attempt_says_nothing_of_the_statement(output: str) -> None:
    crash = read(output, TRAPPED)
    assert (crash.did, crash.reached) == (Did.CRASH, False)
    assert judge_observation(crash, ["crash"]) is Finding.CRASH
    assert "in its preparations" in str(crash)


def test_a_probe_that_was_stopped_timed_out_unless_it_had_answered() -> None:
    stopped = GuestExit(ending=Ending.STOPPED, reason="no answer in 30 s")
    assert read(ATTEMPT, stopped).did is Did.TIMEOUT
    assert read('\nprobe: {"did": "works"}\n', stopped).did is Did.WORKS


@pytest.mark.parametrize(
    ("observation", "fails", "finding"),
    [
        (seen(Did.WORKS), ["error"], Finding.LIFTED),
        (seen(Did.NOT_APPLICABLE), ["error"], Finding.NOT_APPLICABLE),
        (seen(Did.NO_EFFECT), ["error", "no-effect"], Finding.HOLDS),
        (seen(Did.NO_EFFECT), ["error"], Finding.DIFFERS),
        (seen(Did.CRASH), ["crash"], Finding.HOLDS),
        (seen(Did.CRASH), ["error"], Finding.CRASH),
        (seen(Did.TIMEOUT), ["timeout"], Finding.HOLDS),
        (seen(Did.TIMEOUT), ["error"], Finding.TIMEOUT),
        (seen(Did.ERROR, "AttributeError", "Exception"), ["missing"], Finding.HOLDS),
        (seen(Did.ERROR, "ModuleNotFoundError", "ImportError"), ["missing"], Finding.HOLDS),
        (seen(Did.ERROR, "OSError", errno=("ENOSYS",)), ["missing"], Finding.DIFFERS),
        (seen(Did.ERROR, "OSError", errno=("ENOSYS",)), ["OSError ENOSYS"], Finding.HOLDS),
        (seen(Did.ERROR, "OSError", errno=("EOPNOTSUPP", "ENOTSUP")), ["OSError ENOTSUP"], Finding.HOLDS),
        (seen(Did.ERROR, "OSError", errno=("EPERM",)), ["OSError ENOSYS"], Finding.DIFFERS),
        (seen(Did.ERROR, "PermissionError", "OSError", errno=("EPERM",)), ["OSError"], Finding.HOLDS),
        (seen(Did.ERROR, "ValueError"), ["crash", "no-effect"], Finding.DIFFERS),
        (seen(Did.ERROR, "ValueError"), ["error"], Finding.HOLDS),
    ],
)
def test_an_observation_is_judged_by_what_is_documented(
    observation: Observation, fails: list[str], finding: Finding
) -> None:
    assert judge_observation(observation, fails) is finding


@pytest.mark.parametrize(
    ("findings", "together"),
    [
        ([Finding.HOLDS, Finding.HOLDS], Finding.HOLDS),
        ([Finding.LIFTED, Finding.LIFTED], Finding.LIFTED),
        ([Finding.HOLDS, Finding.LIFTED], Finding.DIFFERS),
        ([Finding.HOLDS, Finding.NOT_APPLICABLE], Finding.HOLDS),
        ([Finding.NOT_APPLICABLE], Finding.NOT_APPLICABLE),
        ([Finding.HOLDS, Finding.TIMEOUT], Finding.TIMEOUT),
        ([Finding.TIMEOUT, Finding.CRASH, Finding.HOLDS], Finding.CRASH),
    ],
)
def test_a_statement_holds_when_all_of_it_does(findings: list[Finding], together: Finding) -> None:
    assert combine(findings) is together


@pytest.mark.parametrize(
    "observation",
    [
        seen(Did.WORKS),
        seen(Did.CRASH, reached=False),
        Observation(probe="files.x", did=Did.ERROR, kinds=("OSError",), errno=("EPERM",), message="no", seconds=1.5),
        Observation(probe="files.x", did=Did.ERROR, kinds=("OSError",), line="os.link(a, b)", seconds=1.5),
    ],
)
def test_an_observation_comes_back_from_json_as_it_was(observation: Observation) -> None:
    assert Observation.from_json("files.x", observation.to_json()) == observation


@pytest.mark.parametrize("text", ["missing", "no-effect", "error", "crash", "timeout", "OSError", "OSError ENOSYS"])
def test_what_may_be_documented(text: str) -> None:
    assert FAILURE.fullmatch(text)


@pytest.mark.parametrize("text", ["", "broken", "oserror", "OSError enosys", "OSError  ENOSYS"])
def test_what_may_not(text: str) -> None:
    assert not FAILURE.fullmatch(text)
