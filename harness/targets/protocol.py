"""What the harness asks of a target: one frozen value each, in a file of its own."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Protocol


class Engine(StrEnum):
    """The driver of a runtime. The axis of the runtime's versions has the engine's name."""

    NODE = "node"
    WASMTIME = "wasmtime"
    CHROMIUM = "chromium"
    FIREFOX = "firefox"

    @property
    def label(self) -> str:
        """What people call its runtime."""
        return "wasmtime" if self is Engine.WASMTIME else self.value.capitalize()

    @property
    def is_browser(self) -> bool:
        """Whether guests run in a page."""
        return self in {Engine.CHROMIUM, Engine.FIREFOX}


class TargetTraits(Protocol):
    """What one target has and what it calls it. What needs more than that (recipes, providers of toolchains, drivers of
    runtimes) is found by the target's name in a table of the package that has it.
    """

    @property
    def toolchain_name(self) -> str:
        """What people call its toolchain."""

    @property
    def engines(self) -> tuple[Engine, ...]:
        """What can run it; the first is that of a cell which names none."""

    @property
    def toolchain_axis(self) -> str:
        """The axis of its toolchain's versions, which is also the key of the default version under `[defaults]`."""

    @property
    def bisect_axes(self) -> tuple[str, ...]:
        """What can be bisected over; the versions of a runtime only in cells of its engine."""

    @property
    def threads_in_id(self) -> str:
        """How an id spells that a cell has threads."""

    @property
    def impossible_flags(self) -> Mapping[str, str]:
        """The flags that none of its cells can have, and why."""

    @property
    def no_libraries(self) -> str:
        """Why no cell can be linked with a library; empty where one can."""

    @property
    def flags_of_configure(self) -> tuple[str, ...]:
        """The flags that change the answers of configure's own tests."""

    @property
    def has_pthread_option(self) -> bool:
        """Whether threads are an option of the compiler, which changes its macros."""

    @property
    def worker_bytes(self) -> int:
        """Bytes for a worker with its engine, and a share of what a run has only once."""

    @property
    def support_flag(self) -> str:
        """The expression with which CPython's test suite asks for the target."""

    def guest_platform(self, toolchain: str) -> str:
        """What `sysconfig.get_platform()` gives in the guest: the system, its release and the machine of `os.uname()`.
        `toolchain` is the number of the toolchain's version.
        """
