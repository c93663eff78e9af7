"""The wasmtime engine on small hand-written modules: every way in which a guest can end, and we."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import wasmtime

from harness.engines import Ending, EngineSession, GuestExit, GuestRun, Mount
from harness.engines.session import ChildEngine
from harness.engines.wasmtime import open_session, processor_for
from harness.errors import UnavailableError

pytestmark = pytest.mark.integration

IMPORTS = """
  (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 16) "hello\\n")
"""
HELLO = """(i32.store (i32.const 0) (i32.const 16)) (i32.store (i32.const 4) (i32.const 6))
  (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)))"""
BODIES = {
    "well": HELLO,
    "status": "(call $exit (i32.const 3))",
    "trap": f"{HELLO} unreachable",
    "loop": "(loop $again (br $again))",
    "recurse": "(call $start)",
}
Opener = Callable[[str], EngineSession]


def write_module(folder: Path, name: str) -> Path:
    path = folder / f"{name}.wasm"
    text = f'(module {IMPORTS} (func $start (export "_start") {BODIES[name]}))'
    path.write_bytes(wasmtime.wat2wasm(text))
    return path


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Opener]:
    """Opens sessions by the name of a module and closes them in the end."""
    with contextlib.ExitStack() as stack:

        def open_it(name: str) -> EngineSession:
            session = open_session(
                wasm=write_module(tmp_path, name),
                compiled=tmp_path / f"{name}.cwasm",
                wasm_stack=8 << 20,
                runtime=Path(),
                log=tmp_path / "engine.log",
                index=0,
            )
            stack.callback(session.close)
            return session

        yield open_it


def run(session: EngineSession, folder: Path, stop_after: float = 60.0) -> GuestExit:
    deadline = time.monotonic() + stop_after
    guest = GuestRun(argv=("guest",), mounts=(), output=folder / "output.txt")
    return session.run(guest, lambda: "enough" if time.monotonic() > deadline else None)


@pytest.mark.parametrize(
    ("name", "ending", "status"),
    [("well", Ending.EXITED, 0), ("status", Ending.EXITED, 3), ("trap", Ending.TRAPPED, 0)],
)
def test_how_a_guest_ends(opened: Opener, tmp_path: Path, name: str, ending: Ending, status: int) -> None:
    ended = run(opened(name), tmp_path)
    assert (ended.ending, ended.status) == (ending, status)


def test_a_trap_says_which(opened: Opener, tmp_path: Path) -> None:
    assert "unreachable" in run(opened("trap"), tmp_path).reason


def test_endless_recursion_is_a_trap_and_leaves_the_engine_alive(opened: Opener, tmp_path: Path) -> None:
    session = opened("recurse")
    for _ in range(2):
        ended = run(session, tmp_path)
        assert ended.ending is Ending.TRAPPED
        assert "call stack exhausted" in ended.reason


def test_an_endless_loop_is_stopped_softly_and_the_engine_goes_on(opened: Opener, tmp_path: Path) -> None:
    session = opened("loop")
    assert isinstance(session, ChildEngine)
    for _ in range(2):
        start = time.monotonic()
        ended = run(session, tmp_path, stop_after=0.3)
        assert (ended.ending, ended.reason) == (Ending.STOPPED, "enough")
        assert time.monotonic() - start < 2
    assert session.starts == 1


def test_what_a_guest_prints_is_appended_to_its_output(opened: Opener, tmp_path: Path) -> None:
    session = opened("well")
    run(session, tmp_path)
    run(session, tmp_path)
    assert (tmp_path / "output.txt").read_text() == "hello\nhello\n"


def test_what_was_printed_before_a_trap_is_kept(opened: Opener, tmp_path: Path) -> None:
    run(opened("trap"), tmp_path)
    assert (tmp_path / "output.txt").read_text() == "hello\n"


def test_an_engine_that_is_killed_is_data_and_starts_again(opened: Opener, tmp_path: Path) -> None:
    session = opened("loop")
    assert isinstance(session, ChildEngine)

    def kill_it() -> None:
        assert session.pid
        os.kill(session.pid, signal.SIGKILL)

    ended = session.run(GuestRun(argv=("guest",), mounts=(), output=tmp_path / "o"), kill_it)
    assert ended.ending is Ending.ENGINE_DIED
    assert "signal 9" in ended.reason
    assert run(session, tmp_path, stop_after=0.2).ending is Ending.STOPPED
    assert session.starts == 2


def test_a_module_is_compiled_once_and_kept(opened: Opener, tmp_path: Path) -> None:
    run(opened("well"), tmp_path)
    compiled = tmp_path / "well.cwasm"
    before = compiled.stat().st_mtime_ns
    run(opened("well"), tmp_path)
    assert compiled.stat().st_mtime_ns == before


def test_a_damaged_compiled_module_is_made_again(opened: Opener, tmp_path: Path) -> None:
    (tmp_path / "well.cwasm").write_bytes(b"not compiled")
    assert run(opened("well"), tmp_path).ending is Ending.EXITED


def test_a_file_that_is_no_module_is_told(tmp_path: Path) -> None:
    (tmp_path / "x.wasm").write_bytes(b"\0asm nonsense")
    session = open_session(
        wasm=tmp_path / "x.wasm",
        compiled=tmp_path / "x.cwasm",
        wasm_stack=1 << 20,
        runtime=Path(),
        log=tmp_path / "engine.log",
        index=0,
    )
    with pytest.raises(UnavailableError, match="the engine did not start"):
        run(session, tmp_path)


def test_a_mount_that_is_not_there_is_a_fault_of_the_engine_not_a_hang(opened: Opener, tmp_path: Path) -> None:
    guest = GuestRun(argv=("guest",), mounts=(Mount(host=tmp_path / "no", guest="/"),), output=tmp_path / "o")
    ended = opened("well").run(guest, lambda: None)
    assert ended.ending is Ending.TRAPPED
    assert "could not run the guest" in ended.reason


def test_sessions_side_by_side_spread_over_the_processors() -> None:
    count = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 1
    assert len({processor_for(index) for index in range(count)}) == count


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_an_engine_does_not_outlive_the_harness(tmp_path: Path, how: signal.Signals) -> None:
    wasm = write_module(tmp_path, "loop")
    script = f"""
import sys
from pathlib import Path
from harness.engines import GuestRun
from harness.engines.wasmtime import open_session
folder = Path({str(tmp_path)!r})
session = open_session(wasm=Path({str(wasm)!r}), compiled=folder / "c", wasm_stack=1 << 20, runtime=Path(),
                       log=folder / "log", index=0)
told = False
def watch():
    global told
    if not told:
        print(session.pid, flush=True)
        told = True
session.run(GuestRun(argv=("guest",), mounts=(), output=folder / "o"), watch)
"""
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE) as harness:
        assert harness.stdout is not None
        pid = int(harness.stdout.readline())
        harness.send_signal(how)
    deadline = time.monotonic() + 2
    while _is_alive(pid):
        assert time.monotonic() < deadline, "the engine still runs 2 s after the harness is gone"
        time.sleep(0.02)


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    stat = Path(f"/proc/{pid}/stat")
    return not stat.exists() or stat.read_text().rpartition(")")[2].split()[0] != "Z"
