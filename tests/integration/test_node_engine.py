"""The Node engine on small hand-written modules: every way in which a guest can end, and in which we can.

The modules are factories of the kind Emscripten makes, with just as much of its interface as our host uses.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import wasmtime

from harness.engines import Ending, EngineSession, GuestExit, GuestRun, Mount
from harness.engines.node import open_session
from harness.engines.session import ChildEngine
from harness.errors import UnavailableError
from harness.outcomes import Outcome
from harness.prepare import Prepared
from harness.suite.module import run_module

NODE = shutil.which("node")
pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(NODE is None, reason="there is no node on PATH"),
]

WAT = """(module
  (func (export "trap") unreachable)
  (func (export "loop") (loop $again (br $again)))
  (func $again (export "recurse") (result i32) (i32.add (call $again) (i32.const 1)))
)"""
FACTORY = """
export default async function (given) {
  const FS = {
    filesystems: { NODEFS: { node_ops: {}, stream_ops: {} } },
    makedev: () => 1,
    registerDevice: (device, operations) => { FS.operations = operations; },
    mkdev() {},
    open() {},
    init() {},
  };
  const instance = { FS, ENV: {} };
  given.preRun(instance);
  const code = await new Promise((receive) => given.instantiateWasm({}, (made) => receive(made.exports)));
  const print = (text) => FS.operations.write(null, Buffer.from(text), 0, text.length);
  const exit = given.onExit;
  instance.callMain = (args) => { BODY };
  return instance;
}
"""
BODIES = {
    "well": 'print("hello\\n"); exit(0)',
    "status": "exit(3)",
    "trap": 'print("hello\\n"); code.trap()',
    "loop": "code.loop()",
    "recurse": "code.recurse()",
    "process-exit": "process.exit(5)",
    "status-then-fault": 'exit(4); throw new Error("in the clean-up")',
    "nothing": "",
    "out-of-memory": "const kept = []; for (;;) kept.push(new Array(1e6).fill(0))",
    "exit-code": "setTimeout(() => { process.exitCode = 7; }, 50); setTimeout(() => {}, 60000)",
    "later": "setTimeout(() => exit(6), 50)",
    "argv": "print(JSON.stringify([given.thisProgram, ...args, instance.ENV.NAME, process.env.PATH ?? null])); exit(0)",
    "kills-its-host": 'process.kill(process.pid, "SIGSEGV"); code.loop()',
    "reads-input": "print(String(require_fs.readSync(0, Buffer.alloc(10)))); exit(0)",
    "status-file": 'print(require_fs.readFileSync("/proc/self/status", "latin1")); exit(0)',
    "throws-a-number": "throw 1234",
}
Opener = Callable[[str], ChildEngine]


def write_module(folder: Path, name: str) -> Path:
    path = folder / f"{name}.mjs"
    imports = 'import * as require_fs from "node:fs";'
    path.write_text(imports + FACTORY.replace("BODY", BODIES[name]), encoding="utf-8")
    path.with_suffix(".wasm").write_bytes(wasmtime.wat2wasm(WAT))
    return path


def session_of(module: Path) -> ChildEngine:
    assert NODE is not None
    log = module.with_name("engine.log")
    return open_session(module=module, wasm=module.with_suffix(".wasm"), node=Path(NODE), log=log)


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Opener]:
    """Opens sessions by the name of a module and closes them in the end."""
    with contextlib.ExitStack() as stack:

        def open_it(name: str) -> ChildEngine:
            session = session_of(write_module(tmp_path, name))
            stack.callback(session.close)
            return session

        yield open_it


def run(session: EngineSession, folder: Path, stop_after: float = 60.0) -> GuestExit:
    deadline = time.monotonic() + stop_after
    guest = GuestRun(argv=("guest", "one"), mounts=(), output=folder / "output.txt", env={"NAME": "value"})
    return session.run(guest, lambda: "enough" if time.monotonic() > deadline else None)


@pytest.mark.parametrize(
    ("name", "ending", "status"),
    [
        ("well", Ending.EXITED, 0),
        ("status", Ending.EXITED, 3),
        ("later", Ending.EXITED, 6),
        ("exit-code", Ending.EXITED, 7),
        ("status-then-fault", Ending.EXITED, 4),
        ("trap", Ending.TRAPPED, 0),
        ("process-exit", Ending.TRAPPED, 0),
        ("nothing", Ending.TRAPPED, 0),
    ],
)
def test_how_a_guest_ends(opened: Opener, tmp_path: Path, name: str, ending: Ending, status: int) -> None:
    session = opened(name)
    for _ in range(2):
        ended = run(session, tmp_path)
        assert (ended.ending, ended.status) == (ending, status)
    assert session.starts == 1


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("trap", "RuntimeError: unreachable"),
        ("recurse", "RangeError: Maximum call stack size exceeded"),
        ("process-exit", "ended with status 5"),
        ("nothing", "ended with status 0"),
        ("out-of-memory", "memory limit"),
        ("throws-a-number", "1234"),
    ],
)
def test_a_trap_says_which_and_leaves_the_engine_alive(opened: Opener, tmp_path: Path, name: str, words: str) -> None:
    session = opened(name)
    ended = run(session, tmp_path)
    assert ended.ending is Ending.TRAPPED
    assert words in ended.reason
    assert session.pid
    assert session.starts == 1


def test_an_endless_loop_is_stopped_softly_and_the_engine_goes_on(opened: Opener, tmp_path: Path) -> None:
    session = opened("loop")
    for _ in range(2):
        start = time.monotonic()
        ended = run(session, tmp_path, stop_after=0.5)
        assert (ended.ending, ended.reason) == (Ending.STOPPED, "enough")
        assert time.monotonic() - start < 2.5
    assert session.starts == 1


def test_what_a_guest_prints_is_appended_to_its_output(opened: Opener, tmp_path: Path) -> None:
    session = opened("well")
    run(session, tmp_path)
    run(session, tmp_path)
    assert (tmp_path / "output.txt").read_text() == "hello\nhello\n"


def test_what_was_printed_before_a_trap_is_kept(opened: Opener, tmp_path: Path) -> None:
    run(opened("trap"), tmp_path)
    assert (tmp_path / "output.txt").read_text() == "hello\n"


def test_a_guest_has_its_own_arguments_and_environment_and_none_of_ours(opened: Opener, tmp_path: Path) -> None:
    run(opened("argv"), tmp_path)
    assert (tmp_path / "output.txt").read_text() == '["guest","one","value",null]'


def test_a_guest_cannot_read_the_requests_of_the_harness(opened: Opener, tmp_path: Path) -> None:
    session = opened("reads-input")
    assert run(session, tmp_path).ending is Ending.EXITED
    assert (tmp_path / "output.txt").read_text() == "0"
    assert run(session, tmp_path).ending is Ending.EXITED


@pytest.mark.skipif(sys.platform != "linux", reason="capabilities are Linux's")
def test_node_cannot_override_file_permissions_even_for_root(opened: Opener, tmp_path: Path) -> None:
    run(opened("status-file"), tmp_path)
    lines = (tmp_path / "output.txt").read_text().splitlines()
    fields = {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}
    overrides = 1 << 1 | 1 << 3  # CAP_DAC_OVERRIDE and CAP_FOWNER of <linux/capability.h>
    held = [name for name in ("CapInh", "CapPrm", "CapEff", "CapAmb") if int(fields[name], 16) & overrides]
    assert held == []
    assert fields["NoNewPrivs"] == "1"  # and so nothing that it starts can have them


def test_an_engine_that_a_guest_takes_down_is_data_and_starts_again(opened: Opener, tmp_path: Path) -> None:
    session = opened("kills-its-host")
    for _ in range(2):
        ended = run(session, tmp_path)
        assert ended.ending is Ending.ENGINE_DIED
        assert "signal 11" in ended.reason
    assert session.starts == 2


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


@pytest.mark.parametrize("how", ["no code", "no node"])
def test_an_engine_that_cannot_start_says_why(tmp_path: Path, how: str) -> None:
    module = write_module(tmp_path, "well")
    if how == "no code":
        module.with_suffix(".wasm").write_bytes(b"\0asm nonsense")
        session, words = session_of(module), "CompileError"
    else:
        log, missing = tmp_path / "engine.log", tmp_path / "node"
        session = open_session(module=module, wasm=module.with_suffix(".wasm"), node=missing, log=log)
        words = f"cannot start {missing}: No such file or directory"
    with pytest.raises(UnavailableError, match=f"the engine did not start: {words}"):
        run(session, tmp_path)


def test_a_module_that_is_not_there_is_a_fault_of_that_guest(opened: Opener, tmp_path: Path) -> None:
    session = opened("well")
    (tmp_path / "well.mjs").unlink()
    ended = run(session, tmp_path)
    assert ended.ending is Ending.TRAPPED
    assert "Cannot find module" in ended.reason


def test_a_folder_for_the_output_that_is_not_there_is_a_fault_of_the_engine_not_a_hang(
    opened: Opener, tmp_path: Path
) -> None:
    guest = GuestRun(argv=("guest",), mounts=(), output=tmp_path / "no" / "output.txt")
    ended = opened("well").run(guest, lambda: None)
    assert ended.ending is Ending.TRAPPED
    assert "ENOENT" in ended.reason


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_an_engine_does_not_outlive_the_harness(tmp_path: Path, how: signal.Signals) -> None:
    module = write_module(tmp_path, "loop")
    script = f"""
from pathlib import Path
from harness.engines import GuestRun
from harness.engines.node import open_session
folder = Path({str(tmp_path)!r})
session = open_session(module=Path({str(module)!r}), wasm=folder / "loop.wasm", node=Path({NODE!r}), log=folder / "log")
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


def test_an_engine_ends_when_its_input_does_even_if_a_guest_loops(opened: Opener, tmp_path: Path) -> None:
    session = opened("loop")
    began = time.monotonic()

    def hang_up() -> None:
        child = session._child
        if child is not None and child.stdin is not None and time.monotonic() - began > 0.5:
            child.stdin.close()

    ended = session.run(GuestRun(argv=("guest",), mounts=(), output=tmp_path / "o"), hang_up)
    assert ended.ending is Ending.ENGINE_DIED


REAL = pytest.mark.toolchain
SCRIPTS = Path(__file__).parent.parent / "data"


@REAL
@pytest.mark.parametrize("module", ["test_json", "test_dict", "test_enum"])
def test_a_module_of_the_suite_runs_to_its_end(emscripten: Prepared, tmp_path: Path, module: str) -> None:
    """With deep recursion in it: Node's stack must not end before CPython's own limits do."""
    with contextlib.closing(emscripten.open_engine(tmp_path / "engine.log", 0)) as engine:
        job = emscripten.job(module, tmp_path / module, match=(), excluded=(), should_stop=lambda: False)
        result = run_module(job, engine)
    assert (result.outcome, result.attempts, result.complete) == (Outcome.PASS, 1, True), result
    assert len(result.cases) > 50


def run_script(prepared: Prepared, folder: Path, name: str, *arguments: str) -> list[str]:
    """What a script of tests/data prints inside the built interpreter, with `folder`/scratch as its /tmp."""
    (folder / "given").mkdir()
    shutil.copy(SCRIPTS / name, folder / "given")
    (folder / "scratch").mkdir()
    job = prepared.job("unused", folder / "job", match=(), excluded=(), should_stop=lambda: False)
    guest = GuestRun(
        argv=(*job.python, f"/given/{name}", *arguments),
        mounts=(
            *job.mounts,
            Mount(host=folder / "given", guest="/given"),
            Mount(host=folder / "scratch", guest="/tmp", writable=True),
        ),
        env=job.env,
        output=folder / "output.txt",
    )
    deadline = time.monotonic() + 60
    with contextlib.closing(prepared.open_engine(folder / "engine.log", 0)) as engine:
        ended = engine.run(guest, lambda: "too long" if time.monotonic() > deadline else None)
    printed = guest.output.read_text()
    assert (ended.ending, ended.status) == (Ending.EXITED, 0), (ended, printed)
    return printed.splitlines()


def content(folder: Path) -> dict[str, tuple[int, float, bytes]]:
    paths = [folder, *folder.iterdir()]
    return {
        path.name: (path.stat().st_mode, path.stat().st_mtime, path.read_bytes() if path.is_file() else b"")
        for path in paths
    }


@REAL
def test_no_way_leads_out_of_what_is_mounted(emscripten: Prepared, tmp_path: Path) -> None:
    outside = Path(tempfile.mkdtemp(dir="/var/tmp"))  # not below /tmp: the guest has a /tmp of its own
    try:
        (outside / "secret").write_text("hidden")
        before = content(outside)
        assert run_script(emscripten, tmp_path, "escape.py", str(outside)) == ["end"]
        assert content(outside) == before
    finally:
        shutil.rmtree(outside)


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    stat = Path(f"/proc/{pid}/stat")
    return not stat.exists() or stat.read_text().rpartition(")")[2].split()[0] != "Z"
