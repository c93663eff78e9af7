"""The only file that starts processes.

`run` takes a `Command` and returns a `Completed`. Every child leads a process group of its own and does not outlive the
harness: its whole group is killed when the harness is interrupted, and on Linux the kernel kills it when the harness is
killed. Only a child of `start_child`, or one with a `source`, has a standard input.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import shlex
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from harness.errors import UnavailableError
from harness.util.locks import name_group

POLL_SECONDS = 0.05
_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None) if sys.platform == "linux" else None


@dataclass(frozen=True, kw_only=True)
class Command:
    """One program to run. `env` is the whole environment; `timeout` is in seconds, None for no limit."""

    argv: tuple[str, ...]
    cwd: Path
    env: Mapping[str, str] = field(default_factory=lambda: dict(os.environ))
    timeout: float | None = None

    def __str__(self) -> str:
        return shlex.join(self.argv)

    def reproduce(self) -> str:
        """A line for a shell that runs this command again, with the environment entries that are not the
        caller's own.
        """
        changed = [f"{key}={value}" for key, value in sorted(self.env.items()) if os.environ.get(key) != value]
        words = ["env", *changed, *self.argv] if changed else self.argv
        return f"cd {shlex.quote(str(self.cwd))} && {shlex.join(words)}"


@dataclass(frozen=True, kw_only=True)
class Completed:
    """A command that has ended. `returncode` is negative for a signal. `output` is empty if it went to a log. `errors`
    is its standard error if it ran with `separate_stderr`; otherwise that is a part of `output`.
    """

    command: Command
    returncode: int
    seconds: float
    timed_out: bool
    output: str = ""
    errors: str = ""

    @property
    def combined_output(self) -> str:
        """Its standard error and its output, for an error message."""
        return f"{self.errors}{self.output}".strip()

    @property
    def ok(self) -> bool:
        return self.returncode == 0 and not self.timed_out

    def tail(self, count: int = 8) -> str:
        """The last lines of its output, indented, for an error message."""
        return indented("\n".join(self.output.strip().splitlines()[-count:]))

    @property
    def ending(self) -> str:
        """How it ended, in words."""
        if self.timed_out:
            return f"was stopped after {self.seconds:.0f} s"
        if self.returncode < 0:
            return f"was killed by {signal.Signals(-self.returncode).name}"
        return f"ended with status {self.returncode}"


def run(
    command: Command,
    *,
    log: Path | None = None,
    source: Path | None = None,
    separate_stderr: bool = False,
    keep_open: Sequence[int] = (),
    on_tick: Callable[[float], None] | None = None,
) -> Completed:
    """Runs a command to its end. Its output is appended to `log`, or without one is in the result. Its standard input
    is the file `source`, or empty.

    With `separate_stderr` the output does not contain the standard error. `keep_open` are descriptors of locks that the
    child keeps open. `on_tick` is called with the elapsed seconds a few times a second. UnavailableError when the
    program cannot be started.
    """
    start = time.monotonic()
    with contextlib.ExitStack() as stack:
        target = stack.enter_context(_appended(log)) if log is not None else subprocess.PIPE
        errors = subprocess.PIPE if separate_stderr else subprocess.STDOUT
        given = stack.enter_context(source.open("rb")) if source is not None else subprocess.DEVNULL
        # Leaving the block closes its pipes.
        child = stack.enter_context(_popen(command, stdin=given, stdout=target, stderr=errors, keep_open=keep_open))
        for lock in keep_open:
            name_group(lock, child.pid)
        try:
            timed_out, output, words = _wait(child, command, start, on_tick)
        except BaseException:
            kill_group(child)
            raise
    return Completed(
        command=command,
        returncode=child.returncode,
        seconds=time.monotonic() - start,
        timed_out=timed_out,
        output=output.decode("utf-8", "replace"),
        errors=words.decode("utf-8", "replace"),
    )


def _appended(log: Path) -> IO[bytes]:
    """The log, its folder included, open for what a child prints."""
    log.parent.mkdir(parents=True, exist_ok=True)
    return log.open("ab")


def _wait(
    child: subprocess.Popen[bytes], command: Command, start: float, on_tick: Callable[[float], None] | None
) -> tuple[bool, bytes, bytes]:
    while True:
        elapsed = time.monotonic() - start
        if command.timeout is not None and elapsed > command.timeout:
            kill_group(child)
            return True, b"", b""
        with contextlib.suppress(subprocess.TimeoutExpired):
            output, errors = child.communicate(timeout=POLL_SECONDS * 4)
            return False, output or b"", errors or b""
        if on_tick:
            on_tick(elapsed)


class Background:
    """A command that runs in the background; its output is appended to `log`.

    It is bound to `processors`, if these are given and the system supports that. UnavailableError when it cannot be
    started. The caller has to poll it until it ends, or kill it.
    """

    def __init__(self, command: Command, *, log: Path, processors: frozenset[int] = frozenset()) -> None:
        self._command = command
        self._start = time.monotonic()
        with log.open("ab") as output, _on_processors(processors):
            self._child = _popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT)

    def poll(self) -> Completed | None:
        """The result if the command has ended; None while it runs."""
        status = self._child.poll()
        if status is None:
            return None
        seconds = time.monotonic() - self._start
        return Completed(command=self._command, returncode=status, seconds=seconds, timed_out=False)

    def interrupt(self) -> None:
        """Asks it to end as Ctrl-C does. Only the process itself gets the signal, and ends what it has started."""
        self._child.terminate()

    def kill(self) -> None:
        """Ends it and everything it started, at once."""
        kill_group(self._child)


@contextlib.contextmanager
def _on_processors(processors: frozenset[int]) -> Iterator[None]:
    """Binds this process to the processors while the block runs, so that a child inherits them."""
    if not processors or not hasattr(os, "sched_setaffinity"):
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, processors)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def start_child(command: Command, *, log: Path) -> subprocess.Popen[bytes]:
    """A long-lived child with pipes to its standard input and output. Its standard error goes to `log`."""
    with _appended(log) as errors:
        return _popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors)


def _popen(
    command: Command,
    *,
    stdin: IO[bytes] | int,
    stdout: IO[bytes] | int,
    stderr: IO[bytes] | int,
    keep_open: Sequence[int] = (),
) -> subprocess.Popen[bytes]:
    try:
        return subprocess.Popen(
            command.argv,
            cwd=command.cwd,
            env=dict(command.env),
            stdin=stdin,
            stdout=stdout,
            stderr=stderr,
            pass_fds=tuple(keep_open),
            start_new_session=True,
            # After a SIGKILL of the harness only the kernel can end its children. _libc is loaded already: between fork
            # and exec there is only one system call.
            preexec_fn=_die_with_parent if _libc else None,  # noqa: PLW1509
        )
    except OSError as error:
        raise UnavailableError(
            f"cannot start {command.argv[0]!r} in {command.cwd}: {error.strerror}",
            hint="`nox -s doctor` tells what this machine lacks",
        ) from error


def _die_with_parent() -> None:
    assert _libc is not None
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def kill_group(child: subprocess.Popen[bytes]) -> None:
    """Ends the child and everything it started, at once."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(child.pid, signal.SIGKILL)
    child.wait()


def capture(argv: Sequence[str], *, cwd: Path | None = None, env: Mapping[str, str] | None = None) -> str:
    """What a short command prints on standard output, stripped; empty when it cannot be run or fails."""
    command = Command(
        argv=tuple(argv), cwd=cwd or Path.cwd(), env=env if env is not None else dict(os.environ), timeout=60
    )
    try:
        done = run(command, separate_stderr=True)
    except UnavailableError:
        return ""
    return done.output.strip() if done.ok else ""


def indented(text: str) -> str:
    """Output of a command as it is shown below an error message."""
    return textwrap.indent(text, "  ", lambda _: True)


def last_lines(path: Path, count: int = 20, *, begin: int = 0) -> str:
    """The end of a log, for an error message; `begin` is the first byte that counts, unless the log is shorter."""
    with contextlib.suppress(OSError), path.open("rb") as stream:
        end = stream.seek(0, os.SEEK_END)
        stream.seek(max(begin if begin <= end else 0, end - 16384))
        return "\n".join(stream.read().decode("utf-8", "replace").splitlines()[-count:])
    return ""
