"""WASI: built with a WASI SDK, run under wasmtime."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from harness.targets.protocol import Engine


@dataclass(frozen=True, kw_only=True)
class Wasi:
    """The traits of WASI."""

    toolchain_name: str = "WASI SDK"
    engines: tuple[Engine, ...] = (Engine.WASMTIME,)
    toolchain_axis: str = "wasi_sdk"
    bisect_axes: tuple[str, ...] = ("cpython", "wasmtime")
    threads_in_id: str = "-threads"
    no_libraries: str = "the harness builds no library for WASI: neither do CPython's scripts"
    # The flags of threads are in CFLAGS, with which configure tests.
    flags_of_configure: tuple[str, ...] = ("pydebug", "pthreads")
    has_pthread_option: bool = False
    # In proportional set sizes, looked at once a second. The peaks of whole suites: 614 MiB with one worker, 876 with
    # two, 1,081 with four.
    worker_bytes: int = 450 << 20
    support_flag: str = "support.is_wasi"

    @property
    def impossible_flags(self) -> Mapping[str, str]:
        return {"dynamic_linking": "CPython's configure has no dynamic linking for WASI"}

    def guest_platform(self, toolchain: str) -> str:  # noqa: ARG002 - wasi-libc has no version in os.uname()
        return "wasi-0.0.0-wasm32"
