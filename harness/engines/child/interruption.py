"""Stops a running guest from another thread: its memory is taken away, and so the next access to it is a trap.

Run by path with the wasmtime child, so it imports nothing of the harness. wasmtime's own means for this, epochs, are a
check at every call and every turn of a loop, which cost CPython a fifth of its time. This costs a guest nothing.

The calls of WASI read and write that memory too, outside of what traps: one that meets what is taken away brings the
process down. So what goes first is the state of Python's thread, which the interpreter looks at all the time and WASI
never. All else follows a moment later, for a loop of C that looks at other things.
"""

from __future__ import annotations

import contextlib
import ctypes
import mmap
import threading
from collections.abc import Iterator

ALL_AFTER_SECONDS = 0.5
# As much of the structure of a thread as holds what the interpreter reads at every step.
_THREAD_BYTES = 128
_NONE, _READ_WRITE = 0, mmap.PROT_READ | mmap.PROT_WRITE


class StoppedError(Exception):
    """The guest was to be stopped before it began."""


class Interruption:
    """Of one guest after the other: only one of them runs at a time."""

    def __init__(self) -> None:
        self._protect = ctypes.CDLL(None, use_errno=True).mprotect
        self._protect.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
        self._lock = threading.Lock()
        self._is_stopping = False
        self._memory: tuple[int, int] | None = None
        self._thread = 0
        self._timer: threading.Timer | None = None

    def begin(self) -> None:
        """From now on `stop` is for another guest."""
        self._is_stopping = False

    @contextlib.contextmanager
    def of(self, start: int, size: int) -> Iterator[None]:
        """While it is entered, `stop` takes this memory, by its address in this process, which is given back at the
        end. Raises StoppedError if `stop` was called before.
        """
        with self._lock:
            if self._is_stopping:
                raise StoppedError("it was stopped before it began")
            self._memory, self._thread = (start, size), 0
        try:
            yield
        finally:
            with self._lock:
                self._memory = None
                if self._timer is not None:
                    self._timer.cancel()
                self._protect(start, size, _READ_WRITE)

    def thread_is_at(self, address: int) -> None:
        """Where in the guest's memory the state of its running thread of Python is."""
        self._thread = address

    def stop(self) -> None:
        with self._lock:
            self._is_stopping = True
            if self._memory is None:
                return
            start, size = self._memory
            if not self._thread:
                self._protect(start, size, _NONE)
                return
            first = (start + self._thread) // mmap.PAGESIZE * mmap.PAGESIZE
            self._protect(first, start + self._thread + _THREAD_BYTES - first, _NONE)
            self._timer = threading.Timer(ALL_AFTER_SECONDS, self._take_all, [self._memory])
            self._timer.start()

    def _take_all(self, memory: tuple[int, int]) -> None:
        with self._lock:
            if self._memory is memory:
                self._protect(*memory, _NONE)
