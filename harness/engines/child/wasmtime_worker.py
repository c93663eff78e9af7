"""The child that runs WASI guests with wasmtime's Python bindings. Started by path, imports nothing of the harness.

The main thread reads requests, so that it notices a stop, or the end of the harness, while a guest runs: the bindings
release the interpreter's lock while they call the C library. Each guest gets a new store, a new instance, and a thread
whose native stack is larger than the wasm stack that the guest may use. They share the compiled module.
"""

from __future__ import annotations

import contextlib
import ctypes
import inspect
import json
import mmap
import os
import sys
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

# Python was started with -I, which leaves out the folder of this file: only these are imported from there.
sys.path.insert(0, str(Path(__file__).parent))
from guarded_wasi import GuardedWasi  # type: ignore[import-not-found]
from guest_exit import GuestExitedError, define_exit  # type: ignore[import-not-found]
from interruption import Interruption, StoppedError  # type: ignore[import-not-found]
from privileges import give_up_override  # type: ignore[import-not-found]
from snapshot import PausedGuest  # type: ignore[import-not-found]
from wasm_exports import STACK_DUMP, WAY_IN, with_exports  # type: ignore[import-not-found]

del sys.path[0]

NATIVE_STACK_MARGIN = 16 * 1024 * 1024
# Limits for printing the stack of Python of a guest that trapped.
STACK_SECONDS = 3.0
STACK_LIMIT = 64 * 1024
SPARE_STACK_PAGES = 2
# `self`, the folder of the host, that of the guest, and what the guest may do there.
_PREOPEN_PARAMETERS = 4


class Worker:
    def __init__(self, wasmtime: Any, answers: int) -> None:
        self.wasmtime = wasmtime
        self.answers = answers
        self.engine: Any = None
        self.module: Any = None
        self.wasi: GuardedWasi = None
        self.memory_limit = 0
        self.interruption = Interruption()
        self._prologue = ""
        self._guest: PausedGuest | None = None

    def load(self, request: dict[str, Any]) -> dict[str, Any]:
        """Loads the compiled module, and compiles it first if there is no compiled file that fits this engine. Returns
        the answer.
        """
        stack = request["max_wasm_stack"]
        self.memory_limit = request["memory_limit"]
        try:
            self.engine = self._engine(stack)
        except (AttributeError, ValueError, self.wasmtime.WasmtimeError) as error:
            asked = f"a wasm stack of {stack >> 20} MiB, for which CPython's own runner asks"
            return {"refused": f"{asked}: {type(error).__name__}: {error}"}
        if len(inspect.signature(self.wasmtime.WasiConfig.preopen_dir).parameters) < _PREOPEN_PARAMETERS:
            return {"refused": "a folder that must not be written to: its Python bindings have no option for that"}
        self.module = self._module(Path(request["wasm"]), Path(request["compiled"]))
        if request["processor"] is not None:
            # wasmtime's WASI hands each file operation to another thread and waits for it. With both threads on one
            # processor that is several times cheaper, and a guest never uses a second one. Compiling, which is done by
            # now, uses all of them.
            os.sched_setaffinity(0, {request["processor"]})
            if hasattr(os, "SCHED_BATCH"):
                # A batch thread that is woken does not interrupt the one that wakes it and still holds the lock.
                with contextlib.suppress(OSError):  # where that is not allowed
                    os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))
        if "journal" in request:
            journal, thread_is_at = request["journal"], self.interruption.thread_is_at
            self.wasi = GuardedWasi(self.wasmtime, self.engine, journal, "harness.thread", thread_is_at)
            define_exit(self.wasmtime, self.wasi.linker)
        return {"loaded": str(request["wasm"])}

    def _engine(self, stack: int) -> Any:
        """An engine whose guests have `stack` bytes of wasm stack."""
        config = self.wasmtime.Config()
        # The C library aborts if max_wasm_stack exceeds the size of the async stack, for which Config has no property.
        self.wasmtime._ffi.dll.wasmtime_config_async_stack_size_set(config.ptr(), ctypes.c_size_t(stack))  # noqa: SLF001
        config.max_wasm_stack = stack
        threading.stack_size(stack + NATIVE_STACK_MARGIN)
        return self.wasmtime.Engine(config)

    def _module(self, wasm: Path, compiled: Path) -> Any:
        try:
            return self.wasmtime.Module.deserialize_file(self.engine, str(compiled))
        except (self.wasmtime.WasmtimeError, OSError):
            code = wasm.read_bytes()
            module = self.wasmtime.Module(self.engine, with_exports(code, WAY_IN, STACK_DUMP) or code)
        aside = compiled.with_name(f".{compiled.name}.{os.getpid()}")
        aside.write_bytes(module.serialize())
        aside.replace(compiled)
        return module

    def run(self, request: dict[str, Any]) -> dict[str, Any]:
        paused = self._paused(request)
        code = request["resume"].encode()
        self.wasi.open_journal(request["journal"])
        try:
            with self._store(request, Path(request["output"])) as store:
                exports = self._instance(store, request)
                if paused is None or len(code) >= paused.code_limit:
                    answer = self.start(store, exports)
                else:
                    answer = self._outcome(store, exports, paused.resume(store, exports, code))
                return answer | self._python_stack(store, exports) if "trap" in answer else answer
        finally:
            self.wasi.close_journal()

    def _instance(self, store: Any, request: dict[str, Any]) -> Any:
        """The exports of a new instance with the guest's folders."""
        writable = [mount[2] for mount in request["mounts"]]
        exports = self.wasi.instantiate(store, self.module, writable).exports(store)
        _ask_for_huge_pages(exports["memory"].data_ptr(store), self.memory_limit)
        return exports

    def _paused(self, request: dict[str, Any]) -> PausedGuest | None:
        """The snapshot after the prologue of this request, which guests with the same environment and mounts share;
        None if there is none, so that the guest runs from its start.
        """
        if not request["prologue"]:
            return None
        key = json.dumps([request["prologue"], request["env"], [mount[1:] for mount in request["mounts"]]])
        if self._prologue != key:
            self._prologue, self._guest = key, self._pause(request)
        return self._guest

    def _pause(self, request: dict[str, Any]) -> PausedGuest | None:
        prologue = {**request, "argv": request["prologue"]}
        with tempfile.NamedTemporaryFile() as output, self._store(prologue, Path(output.name)) as store:
            exports = self._instance(store, request)
            if not all(name in exports for name in WAY_IN):
                return None
            if self.start(store, exports) != {"status": 0}:
                return None
            fresh = self._instance(store, request)
            try:
                return PausedGuest.of(store, exports, fresh, json.loads(output.read()))
            except ValueError:
                return None

    def _store(self, request: dict[str, Any], output: Path) -> Any:
        """A new store with the guest's arguments, environment and mounts. Its output goes to the file `output`."""
        with output.open("ab") as stream:
            os.dup2(stream.fileno(), 1)
            os.dup2(stream.fileno(), 2)
        wasi = self.wasmtime.WasiConfig()
        wasi.argv = request["argv"]
        wasi.env = request["env"].items()
        if request["input"]:
            wasi.stdin_file = request["input"]
        wasi.inherit_stdout()
        wasi.inherit_stderr()
        # The arguments of `preopen_dir` for a read-only folder; versions before wasmtime 50 have other ones.
        perms = [getattr(self.wasmtime, name, None) for name in ("DirPerms", "FilePerms")]
        reading = tuple(kind.READ_ONLY for kind in perms if kind) or (False,)
        for host, guest, writable, sealed in request["mounts"]:
            # If the operating system refuses to write, wasmtime is not asked to: it would answer EPERM even for a file
            # that does not exist, which no real file system does.
            refuses = sealed and not os.access(host, os.W_OK)
            rights = () if writable or refuses else reading
            wasi.preopen_dir(host, guest, *rights)
        store = self.wasmtime.Store(self.engine)
        store.set_wasi(wasi)
        store.set_limits(memory_size=self.memory_limit)
        return store

    def start(self, store: Any, exports: Any) -> dict[str, Any]:
        """Runs the instance with these exports from its start, and returns the answer."""
        return self._outcome(store, exports, lambda: exports["_start"](store))

    def _outcome(self, store: Any, exports: Any, guest: Callable[[], object]) -> dict[str, Any]:
        """Calls `guest`, which runs the guest with these exports, and returns the answer. A resumed guest whose code
        raised returns a true value, which is status 1 as for one that ran from its start.
        """
        try:
            with self._interruptible(store, exports):
                failed = guest()
        except StoppedError as stopped:
            return {"trap": str(stopped)}
        except GuestExitedError as ending:
            return {"status": ending.status}
        except self.wasmtime.ExitTrap as ending:  # from wasmtime's own proc_exit
            return {"status": ending.code}
        except (self.wasmtime.Trap, self.wasmtime.WasmtimeError) as trap:
            frames = getattr(trap, "frames", None) or ()
            names = [frame.func_name or f"function {frame.func_index}" for frame in frames]
            return {"trap": str(trap), "frames": names}
        return {"status": 1 if failed else 0}

    def _interruptible(self, store: Any, exports: Any) -> contextlib.AbstractContextManager[None]:
        memory = exports["memory"]
        start = ctypes.addressof(memory.data_ptr(store).contents)
        return self.interruption.of(start, memory.data_len(store))  # type: ignore[no-any-return] # found by path

    def _python_stack(self, store: Any, exports: Any) -> dict[str, str]:
        """`stack`, the stack of Python that a guest had when it trapped; empty if the guest cannot print it.

        Its memory may be damaged, so this is limited in time and size. A guest whose stack is exhausted cannot print
        anything; it is then given another stack at the end of its memory.
        """
        if not all(name in exports for name in STACK_DUMP):
            return {}
        timer = threading.Timer(STACK_SECONDS, self.interruption.stop)
        with tempfile.TemporaryFile() as output:
            os.dup2(output.fileno(), 2)
            self.interruption.begin()
            timer.start()
            try:
                self._dump(store, exports)
                if not output.tell() and not timer.finished.is_set():
                    memory = exports["memory"]
                    memory.grow(store, SPARE_STACK_PAGES)
                    exports["harness.stack"].set_value(store, memory.data_len(store))
                    self._dump(store, exports)
            except self.wasmtime.WasmtimeError:  # there is no more memory
                pass
            finally:
                timer.cancel()
            output.seek(0)
            text = output.read(STACK_LIMIT).decode(errors="replace")
        return {"stack": text} if text else {}

    def _dump(self, store: Any, exports: Any) -> None:
        """Makes the guest print the stack of its Python thread to descriptor 2, as far as it can."""
        dump, thread = (exports[name] for name in STACK_DUMP)
        with (
            contextlib.suppress(
                StoppedError, GuestExitedError, self.wasmtime.ExitTrap, self.wasmtime.Trap, self.wasmtime.WasmtimeError
            ),
            self._interruptible(store, exports),
        ):
            dump(store, 2, thread(store))

    def answer(self, message: dict[str, Any]) -> None:
        os.write(self.answers, json.dumps(message).encode() + b"\n")

    def serve(self, request: dict[str, Any]) -> None:
        try:
            answer = self.run(request)
        except Exception as error:  # noqa: BLE001 - without an answer the host would wait for ever
            # Nothing that a guest does raises here.
            answer = {"engine_error": f"{type(error).__name__}: {error}"}
        self.answer(answer)


def _ask_for_huge_pages(memory: Any, size: int) -> None:
    """Asks the system for huge pages behind a guest's memory, if it has them. With them a garbage collection of CPython
    takes a third less time, and code that makes many objects a quarter less.
    """
    if hasattr(mmap, "MADV_HUGEPAGE"):
        start = ctypes.cast(memory, ctypes.c_void_p)
        ctypes.CDLL(None).madvise(start, ctypes.c_size_t(size), mmap.MADV_HUGEPAGE)


def main(runtime: str) -> None:
    """Serves requests until standard input ends. `runtime` is the folder that holds the wasmtime package."""
    # Guests write to descriptors 1 and 2; answers go to a descriptor that no guest can reach.
    answers = os.dup(1)
    give_up_override()
    # New files have the same permissions for each user that runs the suite.
    os.umask(0o022)
    if runtime:
        sys.path.insert(0, runtime)
    import wasmtime  # noqa: PLC0415 - the version to use is an argument

    worker = Worker(wasmtime, answers)
    for line in sys.stdin.buffer:
        request = json.loads(line)
        if request["op"] == "stop":
            worker.interruption.stop()
        elif request["op"] == "run":
            worker.interruption.begin()
            threading.Thread(target=worker.serve, args=(request,), daemon=True).start()
        else:
            try:
                worker.answer(worker.load(request))
            except Exception as error:  # noqa: BLE001 - as above: of a wasmtime with another interface it may be any
                worker.answer({"error": f"{type(error).__name__}: {error}"})
    os._exit(0)


if __name__ == "__main__":
    main(sys.argv[1])
