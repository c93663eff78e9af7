"""Stops a running guest from another thread: its memory is protected, so that its next access to it traps.

Run by path with the wasmtime child, so it imports nothing of the harness. wasmtime's own mechanism for this, epochs,
adds a check to every call and every iteration, which costs CPython a fifth of its time. This costs a guest nothing.

The calls of WASI access the guest's memory as well, but in code of the host, which does not trap there: it would crash
the process. So the first memory that is protected is the state of Python's thread, which the interpreter reads all the
time and WASI never. The rest follows half a second later, for a loop in C that does not read that state.
"""

from __future__ import annotations

import contextlib
import ctypes
import mmap
import threading
from collections.abc import Iterator

ALL_AFTER_SECONDS = 0.5
# The bytes at the beginning of PyThreadState that the interpreter reads all the time.
_THREAD_BYTES = 128
_NONE, _READ_WRITE = 0, mmap.PROT_READ | mmap.PROT_WRITE


class StoppedError(Exception):
    """The guest was stopped before it began."""


class Interruption:
    """Stops the guest that runs. Guests run one after the other."""

    def __init__(self) -> None:
        self._protect = ctypes.CDLL(None, use_errno=True).mprotect
        self._protect.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
        self._lock = threading.Lock()
        self._is_stopping = False
        self._memory: tuple[int, int] | None = None
        self._thread = 0
        self._timer: threading.Timer | None = None

    def begin(self) -> None:
        """Begins a new guest: an earlier `stop` does not concern it."""
        self._is_stopping = False

    @contextlib.contextmanager
    def of(self, start: int, size: int) -> Iterator[None]:
        """While the block runs, `stop` protects this memory of the guest, `size` bytes at the address `start` of this
        process. At the end it is accessible again. StoppedError if `stop` was called before.
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
        """Sets where in the guest's memory the state of its running thread of Python is."""
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
