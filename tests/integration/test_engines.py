"""What any engine must do, on small guests: every way in which a guest can end, and in which we can."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.engines.fresh import FreshEngine
from harness.engines.protocol import Ending, GuestRun, Prologue, Watch
from harness.engines.session import ChildEngine
from harness.errors import EngineFailedError, UnavailableError
from harness.util.process import Command
from tests.integration.guests import BROWSERS, ENGINES, Opener, opener, run
from tests.processes import PATIENCE, is_running, wait_for

pytestmark = pytest.mark.integration
ROOT = Path(__file__).parents[2]


@pytest.fixture(params=ENGINES)
def engine(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


# A thread of JavaScript is more than the instance in it.
WITH_THREADS = pytest.mark.parametrize("engine", [each for each in ENGINES if each != "wasmtime"], indirect=True)


@pytest.fixture
def opened(engine: str, tmp_path: Path) -> Iterator[Opener]:
    with opener(engine, tmp_path) as open_it:
        yield open_it


@pytest.mark.parametrize(
    ("name", "ending", "status"),
    [
        ("well", Ending.EXITED, 0),
        ("status", Ending.EXITED, 3),
        ("status-200", Ending.EXITED, 200),
        ("status-minus-1", Ending.EXITED, -1),
        ("trap", Ending.TRAPPED, 0),
    ],
)
def test_how_a_guest_ends(opened: Opener, tmp_path: Path, name: str, ending: Ending, status: int) -> None:
    session = opened(name)
    for _ in range(2):
        ended = run(session, tmp_path)
        assert (ended.ending, ended.status) == (ending, status)
    assert session.starts == 1


def test_a_failure_of_the_engine_is_not_taken_for_an_end_of_the_guest(opened: Opener, tmp_path: Path) -> None:
    session = opened("well")
    guest = GuestRun(argv=("guest",), mounts=(), output=tmp_path / "no-such-folder" / "output.txt")
    with pytest.raises(EngineFailedError, match=r"the engine could not run a guest: .*no-such-folder") as caught:
        session.run(guest, lambda: None)
    assert "engine.log" in caught.value.hint
    assert session.pid == 0


def test_an_isolated_guest_has_a_child_of_its_own(opened: Opener, tmp_path: Path) -> None:
    session = opened("well")
    fresh = FreshEngine(session)
    for number in (1, 2):
        assert run(fresh, tmp_path).ending is Ending.EXITED
        assert (session.starts, session.pid) == (number, 0)


def test_a_trap_says_which(engine: str, opened: Opener, tmp_path: Path) -> None:
    words = "unreachable" if engine == "wasmtime" else "RuntimeError: unreachable"
    assert words in run(opened("trap"), tmp_path).reason


def test_endless_recursion_is_a_trap_and_leaves_the_engine_alive(engine: str, opened: Opener, tmp_path: Path) -> None:
    words = {"wasmtime": "call stack exhausted", "firefox": "InternalError: too much recursion"}
    of_v8 = "RangeError: Maximum call stack size exceeded"
    session = opened("recurse")
    for _ in range(2):
        ended = run(session, tmp_path)
        assert ended.ending is Ending.TRAPPED
        assert words.get(engine, of_v8) in ended.reason
    assert session.pid
    assert session.starts == 1


def test_an_endless_loop_is_stopped_softly_and_the_engine_goes_on(opened: Opener, tmp_path: Path) -> None:
    session = opened("loop")
    for _ in range(3):
        ended = run(session, tmp_path, stop_after=0.5)
        assert (ended.ending, ended.reason) == (Ending.STOPPED, "enough")
    assert session.starts == 1


def test_what_a_guest_prints_is_appended_to_its_output(opened: Opener, tmp_path: Path) -> None:
    session = opened("well")
    run(session, tmp_path)
    run(session, tmp_path)
    assert (tmp_path / "output.txt").read_text() == "hello\nhello\n"


def test_what_was_printed_before_a_trap_is_kept(opened: Opener, tmp_path: Path) -> None:
    run(opened("trap"), tmp_path)
    assert (tmp_path / "output.txt").read_text() == "hello\n"


def test_code_that_is_not_a_module_is_reported(engine: str, opened: Opener, tmp_path: Path) -> None:
    words = "WasmtimeError" if engine == "wasmtime" else ".*CompileError"
    session = opened("well")
    (tmp_path / "well.wasm").write_bytes(b"\0asm nonsense")
    with pytest.raises(UnavailableError, match=f"the engine did not start: {words}"):
        run(session, tmp_path)


def test_an_engine_that_is_not_ready_in_time_says_so(tmp_path: Path) -> None:
    command = Command(argv=(sys.executable, "-c", "input(); input()"), cwd=tmp_path)
    with pytest.raises(EngineFailedError, match="the engine did not start: it was not ready after 1 s"):
        run(ChildEngine(command, {}, tmp_path / "engine.log", load_seconds=1.0), tmp_path)


def test_an_engine_that_is_killed_is_data_and_starts_again(opened: Opener, tmp_path: Path) -> None:
    session = opened("loop")

    def kill_it() -> None:
        assert session.pid
        os.kill(session.pid, signal.SIGKILL)

    ended = session.run(GuestRun(argv=("guest",), mounts=(), output=tmp_path / "o"), kill_it)
    assert ended.ending is Ending.ENGINE_DIED
    assert "signal 9" in ended.reason
    assert run(session, tmp_path, stop_after=0.2).ending is Ending.STOPPED
    assert session.starts == 2


def test_an_engine_ends_when_its_input_does_even_if_a_guest_loops(opened: Opener, tmp_path: Path) -> None:
    session = opened("loop")
    began = 0.0

    def hang_up() -> str | None:
        nonlocal began
        began = began or time.monotonic()  # it has started by now
        child, elapsed = session._child, time.monotonic() - began
        if child is not None and child.stdin is not None and elapsed > 0.5:
            child.stdin.close()
        return "it did not notice" if elapsed > PATIENCE else None

    ended = session.run(GuestRun(argv=("guest",), mounts=(), output=tmp_path / "o"), hang_up)
    assert ended.ending is Ending.ENGINE_DIED


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_an_engine_does_not_outlive_the_harness(engine: str, tmp_path: Path, how: signal.Signals) -> None:
    script = f"""
from pathlib import Path
from harness.engines.protocol import GuestRun
from tests.integration.guests import SESSIONS
folder = Path({str(tmp_path)!r})
session = SESSIONS[{engine!r}](folder, "loop")
printed = False
def watch():
    global printed
    if not printed:
        print(session.pid, flush=True)
        printed = True
session.run(GuestRun(argv=("guest",), mounts=(), output=folder / "o"), watch)
"""
    with subprocess.Popen([sys.executable, "-c", script], cwd=ROOT, stdout=subprocess.PIPE) as harness:
        assert harness.stdout is not None
        pid = int(harness.stdout.readline())
        harness.send_signal(how)
    wait_for(lambda: not is_running(pid), "the engine ends after the harness")


def test_a_resumed_guest_whose_code_raised_ends_as_from_its_start(opened: Opener, tmp_path: Path) -> None:
    """Python prints the exception, and what is called returns: with the status of a program that ends so."""
    status, _ = resumed(opened("pausing-with-code-that-raises"), tmp_path)
    assert status == 1


def resumed(session: ChildEngine, folder: Path, code: str = "xy", watch: Watch = lambda: None) -> tuple[int, str]:
    """The status of a guest that may be continued from its prologue, and what it printed."""
    output = folder / "output.txt"
    output.unlink(missing_ok=True)
    prologue = Prologue(argv=("guest",), resume=code)
    ended = session.run(
        GuestRun(argv=("guest", "one"), mounts=(), output=output, prologue=prologue),
        watch,
    )
    return ended.status, output.read_text()


def test_every_guest_goes_on_from_the_same_pause(opened: Opener, tmp_path: Path) -> None:
    session = opened("pausing")
    assert resumed(session, tmp_path, "xy") == (4, "pBGxy")
    assert resumed(session, tmp_path, "zz") == (4, "pBGzz")


@pytest.mark.parametrize("guest", ["pausing-badly", "pausing-without-a-way-in"])
def test_a_guest_that_cannot_pause_runs_from_its_start(opened: Opener, tmp_path: Path, guest: str) -> None:
    session = opened(guest)
    for _ in range(2):
        assert resumed(session, tmp_path) == (0, "from the start\n")


def test_code_that_is_too_large_for_the_paused_guest_runs_from_the_start(opened: Opener, tmp_path: Path) -> None:
    assert resumed(opened("pausing"), tmp_path, "x" * 20) == (0, "from the start\n")
    assert resumed(opened("pausing"), tmp_path, "x" * 19) == (4, "pBGxx")


def test_a_guest_that_is_stopped_at_its_pause_does_not_keep_the_next_one_from_pausing(
    opened: Opener, tmp_path: Path
) -> None:
    session = opened("pausing")
    guest = GuestRun(
        argv=("guest", "one"), mounts=(), output=tmp_path / "o", prologue=Prologue(argv=("guest",), resume="xy")
    )
    assert session.run(guest, lambda: "enough").ending in {Ending.STOPPED, Ending.EXITED}
    assert resumed(session, tmp_path) == (4, "pBGxy")


@WITH_THREADS
def test_the_thread_of_a_resumed_guest_that_exits_runs_the_next_one_too(opened: Opener, tmp_path: Path) -> None:
    session = opened("pausing-counting")
    assert [resumed(session, tmp_path) for _ in range(3)] == [(4, f"pBGxy{number}") for number in (1, 2, 3)]
    assert run(session, tmp_path).ending is Ending.EXITED
    assert (tmp_path / "output.txt").read_text() == "pBGxy3from the start\n"


@WITH_THREADS
@pytest.mark.parametrize(
    "name",
    [
        *("pausing-leaving-a-global", "pausing-changing-a-global", "pausing-leaving-a-timer"),
        *("pausing-leaving-a-connection", "pausing-leaving-a-promise", "pausing-failing-at-its-end"),
    ],
)
def test_a_thread_with_something_left_by_a_guest_runs_no_other_guest(
    engine: str, opened: Opener, tmp_path: Path, name: str
) -> None:
    if engine == "node" and name == "pausing-leaving-a-connection":
        pytest.skip("Node has WebSocket from version 22 on")
    session = opened(name)
    for _ in range(3):
        assert resumed(session, tmp_path) == (4, "pBGxy1")
    time.sleep(0.3)
    assert resumed(session, tmp_path) == (4, "pBGxy1")
    assert session.starts == 1


@WITH_THREADS
def test_the_thread_of_a_guest_that_was_stopped_or_trapped_runs_no_other_guest(opened: Opener, tmp_path: Path) -> None:
    session, output = opened("pausing-counting"), tmp_path / "output.txt"

    def once_it_has_printed() -> str | None:
        return "enough" if output.exists() and "lo" in output.read_text() else None

    for code in ("loop", "trap"):
        assert [resumed(session, tmp_path) for _ in range(2)] == [(4, "pBGxy1"), (4, "pBGxy2")]
        assert resumed(session, tmp_path, code, once_it_has_printed) == (0, f"pBG{code[:2]}")
    assert resumed(session, tmp_path) == (4, "pBGxy1")
    assert session.starts == 1


def test_a_trap_names_the_functions_that_were_called(engine: str, opened: Opener, tmp_path: Path) -> None:
    frames = run(opened("recurse"), tmp_path).frames
    assert set(frames) == {"start" if engine == "wasmtime" else "again"}
    # Newer versions of wasmtime keep no more.
    assert len(frames) >= (20 if engine == "wasmtime" else 100)


@pytest.mark.parametrize("name", ["trap-with-a-stack", "trap-twice", "trap-at-the-end-of-the-stack"])
def test_a_trap_comes_with_the_stack_of_python(opened: Opener, tmp_path: Path, name: str) -> None:
    session = opened(name)
    for _ in range(2):
        ended = run(session, tmp_path)
        assert (ended.ending, ended.python_stack) == (Ending.TRAPPED, "hello\n")
        assert "unreachable" in ended.reason
    assert (tmp_path / "output.txt").read_text() == ""
    assert session.starts == 1


def test_a_stack_that_never_ends_costs_a_second_and_no_result(opened: Opener, tmp_path: Path) -> None:
    session = opened("trap-with-an-endless-stack")
    ended = run(session, tmp_path)
    assert ended.ending is Ending.TRAPPED
    assert "unreachable" in ended.reason
    assert session.starts == 1


def test_a_trap_without_a_stack_has_none(opened: Opener, tmp_path: Path) -> None:
    assert run(opened("trap"), tmp_path).python_stack == ""


@pytest.mark.parametrize("name", ["loop-with-a-stack", "loop-with-an-endless-stack"])
def test_a_guest_that_is_stopped_says_where_it_was(engine: str, opened: Opener, tmp_path: Path, name: str) -> None:
    session = opened(name)
    for _ in range(2):
        ended = run(session, tmp_path, stop_after=0.5)
        # Nothing interrupts the guest of a browser.
        said = ("", ()) if engine in BROWSERS else ("hello\n", ("start",))
        assert (ended.ending, ended.python_stack, ended.frames) == (Ending.STOPPED, *said)
    assert (tmp_path / "output.txt").read_text() == ""
    assert session.starts == 1
