"""Small hand-written guests, by name, for each engine: every way in which a guest can end.

Those of Node are factories of the kind Emscripten makes, with just as much of its interface as our host uses.
"""

from __future__ import annotations

import contextlib
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import wasmtime

from harness.engines import EngineSession, GuestExit, GuestRun
from harness.engines import node as node_engine
from harness.engines import wasmtime as wasmtime_engine
from harness.engines.session import ChildEngine

NODE = shutil.which("node") or ""
NEEDS_NODE = pytest.mark.skipif(not NODE, reason="there is no node on PATH")
Opener = Callable[[str], ChildEngine]

_WASI_IMPORTS = """
  (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 16) "hello\\n")
"""
_WASI_HELLO = """(i32.store (i32.const 0) (i32.const 16)) (i32.store (i32.const 4) (i32.const 6))
  (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)))"""
_WASI_BODIES = {
    "well": _WASI_HELLO,
    "status": "(call $exit (i32.const 3))",
    "trap": f"{_WASI_HELLO} unreachable",
    "loop": "(loop $again (br $again))",
    "recurse": "(call $start)",
}
_NODE_CODE = """(module
  (func (export "trap") unreachable)
  (func (export "loop") (loop $again (br $again)))
  (func $again (export "recurse") (result i32) (i32.add (call $again) (i32.const 1)))
)"""
_NODE_FACTORY = """import * as require_fs from "node:fs";
export default async function (given) {
  const FS = {
    filesystems: { NODEFS: { node_ops: {}, stream_ops: {}, tryFSOperation: (call) => call() } },
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
_NODE_BODIES = {
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


def wasmtime_session(folder: Path, name: str) -> ChildEngine:
    """A session for the guest of that name, written into `folder` as `<name>.wasm`."""
    wasm = folder / f"{name}.wasm"
    text = f'(module {_WASI_IMPORTS} (func $start (export "_start") {_WASI_BODIES[name]}))'
    wasm.write_bytes(wasmtime.wat2wasm(text))
    return wasmtime_engine.open_session(
        wasm=wasm,
        compiled=wasm.with_suffix(".cwasm"),
        wasm_stack=8 << 20,
        runtime=Path(),
        log=folder / "engine.log",
        index=0,
    )


def node_session(folder: Path, name: str, node: Path = Path(NODE)) -> ChildEngine:
    """A session for the guest of that name, written into `folder` as `<name>.mjs` and `<name>.wasm`."""
    module = folder / f"{name}.mjs"
    module.write_text(_NODE_FACTORY.replace("BODY", _NODE_BODIES[name]), encoding="utf-8")
    wasm = module.with_suffix(".wasm")
    wasm.write_bytes(wasmtime.wat2wasm(_NODE_CODE))
    return node_engine.open_session(module=module, wasm=wasm, node=node, log=folder / "engine.log")


SESSIONS = {"wasmtime": wasmtime_session, "node": node_session}


@contextlib.contextmanager
def opener(engine: str, folder: Path) -> Iterator[Opener]:
    """Opens sessions of that engine by the name of a guest, and closes them in the end."""
    with contextlib.ExitStack() as stack:

        def open_it(name: str) -> ChildEngine:
            session = SESSIONS[engine](folder, name)
            stack.callback(session.close)
            return session

        yield open_it


def run(session: EngineSession, folder: Path, stop_after: float = 60.0) -> GuestExit:
    """Runs the guest; what it prints is appended to `folder`/output.txt. It is stopped after so many seconds."""
    deadline = time.monotonic() + stop_after
    guest = GuestRun(argv=("guest", "one"), mounts=(), output=folder / "output.txt", env={"NAME": "value"})
    return session.run(guest, lambda: "enough" if time.monotonic() > deadline else None)
