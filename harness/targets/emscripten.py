"""Emscripten: built with its compiler, run under Node and in browsers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from harness.targets.protocol import Engine


@dataclass(frozen=True, kw_only=True)
class Emscripten:
    """The traits of Emscripten."""

    toolchain_name: str = "Emscripten"
    engines: tuple[Engine, ...] = (Engine.NODE, Engine.CHROMIUM, Engine.FIREFOX)
    toolchain_axis: str = "emscripten"
    bisect_axes: tuple[str, ...] = ("cpython", "emscripten", "node")
    threads_in_id: str = "-pthreads"
    no_libraries: str = ""
    # Not threads and dynamic linking (configure.ac of 3.13.5): their flags are in CFLAGS_NODIST, LDFLAGS_NODIST and
    # LINKFORSHARED, with which configure tests nothing, and the one answer that depends on them, ac_cv_func_dlopen, it
    # sets by itself whatever its cache says.
    flags_of_configure: tuple[str, ...] = ("pydebug",)
    has_pthread_option: bool = True
    # In proportional set sizes, looked at once a second. The peaks of whole suites: 730 MiB with one worker, 1,252 with
    # two and threads, 1,125 with four. More may be needed for a moment: a module may take 1.9 GiB.
    worker_bytes: int = 700 << 20
    support_flag: str = "support.is_emscripten"

    @property
    def impossible_flags(self) -> Mapping[str, str]:
        return {}

    def guest_platform(self, toolchain: str) -> str:
        return f"emscripten-{toolchain}-wasm32"
