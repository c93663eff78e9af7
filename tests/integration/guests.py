"""Small hand-written guests, by name, for each engine: every way in which a guest can end.

Those of Node are factories of the kind Emscripten makes, with just as much of its interface as our host uses.
"""

from __future__ import annotations

import contextlib
import functools
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import wasmtime

from harness.engines import browser as browser_engine
from harness.engines import node as node_engine
from harness.engines import wasmtime as wasmtime_engine
from harness.engines.exports import exporting
from harness.engines.protocol import JOURNAL, EngineSession, GuestExit, GuestRun
from harness.engines.session import ChildEngine
from harness.targets import Engine
from harness.toolchains.browsers import program_on_path

NODE = shutil.which("node") or ""
NEEDS_NODE = pytest.mark.skipif(not NODE, reason="there is no node on PATH")
BROWSERS = {engine: program_on_path(engine) for engine in (Engine.CHROMIUM, Engine.FIREFOX)}
NEEDS_BROWSER = {
    engine: pytest.mark.skipif(not program, reason=f"there is no {engine.label} on PATH")
    for engine, program in BROWSERS.items()
}
Opener = Callable[[str], ChildEngine]

_WASI_IMPORTS = """
  (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_pwrite" (func $pwrite (param i32 i32 i32 i64 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_close" (func $close (param i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 16) "hello\\n")
"""
_WASI_HELLO = """(i32.store (i32.const 0) (i32.const 16)) (i32.store (i32.const 4) (i32.const 6))
  (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)))"""
# wasmtime stops a guest at its next access to memory.
_LOOP = "(loop $again (i32.store (i32.const 0) (i32.const 1)) (br $again))"
# It calls WASI all the time, which writes to its memory.
_CALLING_LOOP = """(loop $again (drop (i32.load (i32.const 20000))) (drop (call $write (i32.const 1)
  (i32.const 0) (i32.const 0) (i32.const 40000))) (br $again))"""
_WASI_BODIES = {
    "well": _WASI_HELLO,
    "status": "(call $exit (i32.const 3))",
    "trap": f"{_WASI_HELLO} unreachable",
    "loop": _LOOP,
    "loop-without-memory": "(loop $again (br $again))",
    "recurse": "(call $start)",
    "status-200": "(call $exit (i32.const 200))",
    "status-minus-1": "(call $exit (i32.const -1))",
    # In two parts; the status is the error and the number of bytes.
    "journal": f"""(i32.store (i32.const 0) (i32.const 16)) (i32.store (i32.const 4) (i32.const 2))
      (i32.store (i32.const 8) (i32.const 18)) (i32.store (i32.const 12) (i32.const 4))
      (call $exit (i32.add (call $pwrite (i32.const {JOURNAL}) (i32.const 0) (i32.const 2) (i64.const 7) (i32.const 40))
                           (i32.load (i32.const 40))))""",
    "journal-of-too-much": f"""(i32.store (i32.const 0) (i32.const 16)) (i32.store (i32.const 4) (i32.const 65530))
      (call $exit (call $pwrite (i32.const {JOURNAL}) (i32.const 0) (i32.const 1) (i64.const 0) (i32.const 40)))""",
    "journal-from-beyond": f"""
      (call $exit (call $pwrite (i32.const {JOURNAL}) (i32.const -4) (i32.const 1) (i64.const 0) (i32.const 40)))""",
    "journal-answered-beyond": f"""
      (call $exit (call $pwrite (i32.const {JOURNAL}) (i32.const 0) (i32.const 0) (i64.const 0) (i32.const -4)))""",
    # The first is a mount, the second is not open.
    "closes": """(call $exit
      (i32.add (call $close (i32.const 3)) (i32.mul (i32.const 8) (call $close (i32.const -1)))))""",
}
# With one argument it pauses as the agent does; with more it runs from its start. Resumed, it prints its stack pointer
# (as a letter), the letter that it left in its memory before the pause, and the first two of its code. Then it loops if
# the code begins with an l, and traps if it does with a t. What a guest can call differs: `$say` prints, `$exit` ends
# it, `$args` gives the number of its arguments.
_PAUSING = """
  (global $__stack_pointer (mut i32) (i32.const 65))
  (data (i32.const 32) "{\\"code\\": 604, \\"limit\\": 20}  from the start\\n")
  (func $start (export "_start")
    (if (i32.ne (call $args) (i32.const 1)) (then (call $say (i32.const 60) (i32.const 15)) (return)))
    (global.set $__stack_pointer (i32.const 66))
    (drop (memory.grow (i32.const 1)))
    (i32.store (i32.const 601) (i32.const 0x70)) (i32.store8 (i32.const 70000) (i32.const 71))
    (call $say (i32.const 32) (i32.const 28))
    (call $exit (i32.const STATUS)))
  (func $NAME (param $code i32) (param i32) (result i32)
    (i32.store8 (i32.const 602) (global.get $__stack_pointer)) (global.set $__stack_pointer (i32.const 90))
    (i32.store8 (i32.const 603) (i32.load8_u (i32.const 70000))) (i32.store8 (i32.const 70000) (i32.const 90))
    (call $say (i32.const 601) (i32.const 5))
    (if (i32.eq (i32.load8_u (i32.const 604)) (i32.const 108)) (then (loop $again (br $again))))
    (if (i32.eq (i32.load8_u (i32.const 604)) (i32.const 116)) (then unreachable))
    AFTER)
"""
_WASI_PAUSING = """
  (import "wasi_snapshot_preview1" "args_sizes_get" (func $count (param i32 i32) (result i32)))
IMPORTS
  (func $args (result i32) (drop (call $count (i32.const 0) (i32.const 4))) (i32.load (i32.const 0)))
  (func $say (param i32 i32)
    (i32.store (i32.const 0) (local.get 0)) (i32.store (i32.const 4) (local.get 1))
    (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8))))
"""
_NODE_PAUSING = """
  (import "env" "args" (func $args (result i32)))
  (import "env" "say" (func $say (param i32 i32)))
  (import "env" "exit" (func $exit (param i32)))
  (memory (export "m") 1 4)
  (table (export "t") 1 funcref)
"""
# What of CPython a guest has that can say where it trapped.
_STACK = """
  (global $__stack_pointer (mut i32) (i32.const 0))
  (func $PyRun_SimpleStringFlags (param i32 i32) (result i32) (i32.const 0))
  (func $PyGILState_GetThisThreadState (result i32) (i32.const 20000))
  (func $_Py_DumpTraceback (param i32 i32) DUMP)
"""
_STACK_ENDS = {
    "trap-with-a-stack": "",
    "trap-with-an-endless-stack": _LOOP,
    "trap-twice": "unreachable",
    "trap-at-the-end-of-the-stack": "",
    "loop-with-a-stack": "",
    "loop-with-an-endless-stack": _LOOP,
    "loop-with-calls": "",
}
# It can print nothing until it has a stack.
_STACK_STARTS = {"trap-at-the-end-of-the-stack": "(if (i32.eqz (global.get $__stack_pointer)) (then unreachable))"}
_NODE_CODE = """(module
  (func (export "trap") unreachable)
  (func (export "loop") (loop $again (br $again)))
  (func $again (export "recurse") (result i32) (i32.add (call $again) (i32.const 1)))
)"""
_NODE_FACTORY = """import * as require_fs from "node:fs";
let guests = 0;
export default async function (given) {
  const FS = {
    streams: [0, 1, 2].map(String),
    cwd: () => "/",
    chdir() {},
    filesystems: { NODEFS: { node_ops: {}, stream_ops: {}, tryFSOperation: (call) => call() } },
    makedev: () => 1,
    registerDevice: (device, operations) => { FS.operations = operations; },
    mkdev() {},
    open() {},
    init() {},
  };
  const instance = { FS, ENV: {} };
  given.preRun(instance);
  const env = {
    args: () => env.given.length + 1,
    say: (at, length) => print(Buffer.from(code.m.buffer, at, length).toString()),
    exit(status) {
      given.onExit(status);
      EXITING;
      throw Object.assign(new Error(), { name: "ExitStatus" });
    },
    // What a pthread has the main thread do.
    proxy: function __emscripten_receive_on_main_thread_js(status) {
      throw Object.assign(new Error(), { name: "ExitStatus", status });
    },
    resize: function _emscripten_resize_heap(size) { code.m.grow((size - code.m.buffer.byteLength) / 65536); },
  };
  // With dynamic linking Emscripten makes a symbol of whatever is read of it.
  const GOT = new Proxy({ symbol: 1 }, { get() { throw new Error("GOT.mem was read"); } });
  const imports = { env, "GOT.mem": GOT };
  const code = await new Promise((receive) => given.instantiateWasm(imports, (made) => receive(made.exports)));
  const print = (text) => FS.operations.write(null, Buffer.from(text), 0, text.length);
  const exit = given.onExit;
  instance.callMain = (args) => { BODY };
  return instance;
}
"""
_NODE_BODIES = {
    "well": 'print("hello\\n"); exit(0)',
    "status": "exit(3)",
    "status-200": "exit(200)",
    "status-minus-1": "exit(-1)",
    "trap": 'print("hello\\n"); code.trap()',
    "loop": "code.loop()",
    "loop-in-an-operation-on-files": "FS.filesystems.NODEFS.tryFSOperation(() => code.loop())",
    "recurse": "code.recurse()",
    "process-exit": "process.exit(5)",
    "status-then-fault": 'exit(4); throw new Error("in the clean-up")',
    "nothing": "",
    "out-of-memory": "const kept = []; for (;;) kept.push(new Array(1e6).fill(0))",
    "exit-in-a-thread": "setTimeout(() => { try { env.proxy(7); } catch {} }, 50); setTimeout(() => {}, 60000)",
    "later": "setTimeout(() => exit(6), 50)",
    "argv": "print(JSON.stringify([given.thisProgram, ...args, instance.ENV.NAME, process.env.PATH ?? null])); exit(0)",
    "kills-its-host": 'process.kill(process.pid, "SIGSEGV"); code.loop()',
    "reads-input": "print(String(require_fs.readSync(0, Buffer.alloc(10)))); exit(0)",
    "status-file": 'print(require_fs.readFileSync("/proc/self/status", "latin1")); exit(0)',
    "throws-a-number": "throw 1234",
    # Slowly, so that it can be killed meanwhile.
    "counts": """for (let number = 0; number < 150; number += 1) {
      print(`${number}\\n`);
      for (const end = performance.now() + 10; performance.now() < end;);
    }
    exit(0)""",
}
# The same in a browser, which has no descriptors and no Buffer.
_BROWSER_FACTORY = (
    _NODE_FACTORY.replace('import * as require_fs from "node:fs";\n', "")
    .replace(
        "Buffer.from(code.m.buffer, at, length).toString()",
        "new TextDecoder().decode(new Uint8Array(code.m.buffer, at, length).slice())",
    )
    .replace(
        "FS.operations.write(null, Buffer.from(text), 0, text.length)",
        "FS.operations.write(null, new TextEncoder().encode(text), 0, text.length)",
    )
)
# What a guest leaves behind in its thread. Those that go on say how many have done so in it.
_COUNTING = "if (!env.given) { guests += 1; print(String(guests)); }"
_NODE_EXITING = {
    "pausing-counting": _COUNTING,
    "pausing-leaving-a-file": 'FS.streams.push({ nfd: require_fs.openSync("/dev/zero") })',
    "pausing-leaving-a-global": f"{_COUNTING} globalThis.left = true;",
    "pausing-changing-a-global": f"{_COUNTING} globalThis.Map = class extends Map {{}};",
    "pausing-leaving-a-timer": f"{_COUNTING} setTimeout(() => globalThis.process?.kill(process.pid, 'SIGKILL'), 100);",
    "pausing-leaving-a-connection": f"{_COUNTING} new WebSocket('ws://127.0.0.1:9');",
    "pausing-leaving-a-promise": f"{_COUNTING} Promise.reject(new Error('late'));",
    "pausing-failing-at-its-end": f"{_COUNTING} throw new Error('in the clean-up');",
}
_NODE_BEFORE_THE_PAUSE = {"with-a-library": "code.t.grow(1)", "with-a-file": "FS.streams.push('a file')"}


def wasmtime_session(folder: Path, name: str) -> ChildEngine:
    """A session for the guest of that name, written into `folder` as `<name>.wasm`."""
    wasm = folder / f"{name}.wasm"
    wasm.write_bytes(wasmtime.wat2wasm(f"(module {_wasi_text(name)})"))
    return wasmtime_engine.open_session(
        wasm=wasm,
        compiled=wasm.with_suffix(".cwasm"),
        wasm_stack=8 << 20,
        runtime=Path(),
        log=folder / "engine.log",
        index=0,
    )


def _wasi_text(name: str) -> str:
    if name in _STACK_ENDS:
        hello = _WASI_HELLO.replace("(call $write (i32.const 1)", "(call $write (local.get 0)")
        stack = _STACK.replace("DUMP", _STACK_STARTS.get(name, "") + hello + _STACK_ENDS[name])
        return f'{_WASI_IMPORTS} {stack} (func $start (export "_start") {_end_of(name)})'
    if not name.startswith("pausing"):
        return f'{_WASI_IMPORTS} (func $start (export "_start") {_WASI_BODIES[name]})'
    return f"{_WASI_PAUSING.replace('IMPORTS', _WASI_IMPORTS)} {_pausing_text(name)}"


def _end_of(name: str) -> str:
    """What a guest with a stack of Python does until it is stopped, or traps."""
    if name == "loop-with-calls":
        return f"""(i32.store (i32.const 0) (i32.const 16)) (drop (call $pwrite (i32.const {JOURNAL}) (i32.const 0)
          (i32.const 1) (i64.const 0) (i32.const 40))) {_CALLING_LOOP}"""
    return _LOOP if name.startswith("loop") else "unreachable"


def _pausing_text(name: str) -> str:
    raises = name == "pausing-with-code-that-raises"
    return (
        _PAUSING.replace("STATUS", "1" if name == "pausing-badly" else "0")
        .replace("NAME", "PyRun_Other" if name == "pausing-without-a-way-in" else "PyRun_SimpleStringFlags")
        .replace("AFTER", "(i32.const -1)" if raises else "(call $exit (i32.const 4)) (i32.const 0)")
    )


def node_session(folder: Path, name: str, node: Path = Path(NODE), stack: int | None = None) -> ChildEngine:
    """A session for the guest of that name, written into `folder` as `<name>.mjs` and `<name>.wasm`."""
    module, wasm = _written(folder, name, _NODE_FACTORY)
    return node_engine.open_session(module=module, wasm=wasm, node=node, log=folder / "engine.log", stack=stack)


def browser_session(
    kind: str, folder: Path, name: str, program: Path | None = None, *, on_page: bool = False
) -> ChildEngine:
    """A session for the guest of that name as Node has it, in a browser: that of this machine unless one is given."""
    module, wasm = _written(folder, name, _BROWSER_FACTORY)
    found = program or BROWSERS[Engine(kind)]
    assert found
    log = folder / "engine.log"
    return browser_engine.open_session(kind=kind, program=found, module=module, wasm=wasm, log=log, on_page=on_page)


def _written(folder: Path, name: str, factory: str) -> tuple[Path, Path]:
    """The files of a guest with JavaScript: its module, and its code with the exports that the harness adds."""
    module = folder / f"{name}.mjs"
    body, code = _node_parts(name)
    exiting = _NODE_EXITING.get(name, "")
    module.write_text(factory.replace("BODY", body).replace("EXITING", exiting), encoding="utf-8")
    wasm = module.with_suffix(".wasm")
    wasm.write_bytes(wasmtime.wat2wasm(code))
    return module, exporting(wasm, module.with_suffix(".exporting.wasm"))


def _node_parts(name: str) -> tuple[str, str]:
    """What its `callMain` does in JavaScript, and the text of its module."""
    if name in _STACK_ENDS:
        hello = "(call $say (i32.const 16) (i32.const 6))"
        data = f'(data (i32.const 16) "hello\\n") (func $start (export "trap") {_end_of(name)})'
        stack = _STACK.replace("DUMP", _STACK_STARTS.get(name, "") + hello + _STACK_ENDS[name])
        return "code.trap()", f"(module {_NODE_PAUSING} {data} {stack})"
    if not name.startswith("pausing"):
        return _NODE_BODIES[name], _NODE_CODE
    first = _NODE_BEFORE_THE_PAUSE.get(name.removeprefix("pausing-"), "")
    # Emscripten catches what an exit throws.
    body = f"env.given = args; {first}; try {{ code._start(); exit(0); }} catch {{}}"
    memory = _NODE_PAUSING.replace(" 1 4)", " 1 4 shared)") if name.endswith("shared-memory") else _NODE_PAUSING
    return body, f"(module {memory} {_pausing_text(name)})"


SESSIONS: dict[str, Callable[[Path, str], ChildEngine]] = {
    "wasmtime": wasmtime_session,
    "node": node_session,
    **{engine.value: functools.partial(browser_session, engine.value) for engine in BROWSERS},
}
# For a test that is about every engine.
ENGINES = (
    "wasmtime",
    pytest.param("node", marks=NEEDS_NODE),
    *(pytest.param(engine.value, marks=mark) for engine, mark in NEEDS_BROWSER.items()),
)


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
