"""A plain WASI runner: one process, one guest, as the wasmtime program would run it. Only the oracle uses it.

Usage: plain_wasmtime.py RUNTIME COMPILED ROOT STACK -- GUEST_ARGUMENTS. It replaces `wasmtime run` with a compiled
module: no supervision, no time limit, and the whole folder ROOT writable as the guest's `/`.
"""

from __future__ import annotations

import os
import sys
import threading

from wasmtime_worker import Worker  # type: ignore[import-not-found] # next to this file, which is started by path


def main() -> None:
    runtime, compiled, root, stack, _, *arguments = sys.argv[1:]
    sys.path.insert(0, runtime)
    import wasmtime  # noqa: PLC0415 - the version to use is an argument

    worker = Worker(wasmtime, answers=2)
    wasm = f"{root}/{arguments[0].lstrip('/')}"
    settings = {"max_wasm_stack": int(stack), "memory_limit": 0, "processor": None}
    answer = worker.load({"wasm": wasm, "compiled": compiled, **settings})
    if "refused" in answer:
        sys.exit(f"wasmtime refuses {answer['refused']}")
    status = 70

    def guest() -> None:
        nonlocal status
        wasi = wasmtime.WasiConfig()
        wasi.argv = arguments
        wasi.env = [("PYTHONPATH", os.environ["GUEST_PYTHONPATH"])]
        wasi.inherit_stdin()
        wasi.inherit_stdout()
        wasi.inherit_stderr()
        wasi.preopen_dir(root, "/", True)
        linker = wasmtime.Linker(worker.engine)
        linker.define_wasi()
        with wasmtime.Store(worker.engine) as store:
            store.set_wasi(wasi)
            answer = worker.start(store, linker.instantiate(store, worker.module).exports(store))
        if "trap" in answer:
            sys.stderr.write(answer["trap"] + "\n")
        status = answer.get("status", 134)

    thread = threading.Thread(target=guest)
    thread.start()
    thread.join()
    sys.stdout.flush()
    os._exit(status)


main()
