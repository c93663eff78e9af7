"""The host's side of an engine: starts the child, sends it guests, and starts another one when it has died."""

from __future__ import annotations

import contextlib
import json
import selectors
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from harness.engines.protocol import Ending, GuestExit, GuestRun, Watch
from harness.errors import EngineFailedError, SettingRefusedError
from harness.util.process import Command, kill_group, last_lines, start_child

TICK_SECONDS = 0.1
STOP_GRACE_SECONDS = 6.0
LOAD_SECONDS = 120.0


class ChildEngine:
    """A session with a child that speaks the protocol. The child is started when it is first needed, and again after it
    died. `load_seconds` is how long it may take to be ready.
    """

    def __init__(
        self, command: Command, load: Mapping[str, Any], log: Path, load_seconds: float = LOAD_SECONDS
    ) -> None:
        self._command = command
        self._load_seconds = load_seconds
        self._load = {"op": "load", **load}
        self._log = log
        self._child: subprocess.Popen[bytes] | None = None
        self._buffer = b""
        self.starts = 0

    @property
    def pid(self) -> int:
        """The child's process id; 0 while there is none."""
        return self._child.pid if self._child else 0

    def run(self, guest: GuestRun, watch: Watch) -> GuestExit:
        child = self._ready_child()
        _send(child, guest.to_json())
        stop_reason, deadline = "", float("inf")
        while True:
            answer, alive = self._receive(child, TICK_SECONDS)
            if answer is not None:
                return self._exit_of(answer, stop_reason)
            if not alive:
                self.close()
                return self._death(child, stop_reason)
            if not stop_reason and (reason := watch()):
                stop_reason, deadline = reason, time.monotonic() + STOP_GRACE_SECONDS
                _send(child, {"op": "stop"})
            if time.monotonic() > deadline:
                self.close()
                return GuestExit(ending=Ending.STOPPED, reason=stop_reason)

    def close(self) -> None:
        if self._child is not None:
            kill_group(self._child)
            for pipe in (self._child.stdin, self._child.stdout):
                with contextlib.suppress(OSError):
                    assert pipe is not None
                    pipe.close()
            self._child = None
            self._buffer = b""

    def _ready_child(self) -> subprocess.Popen[bytes]:
        if self._child is None:
            self.starts += 1
            self._child = start_child(self._command, log=self._log)
            _send(self._child, self._load)
            answer, alive = self._receive(self._child, self._load_seconds)
            if answer and "refused" in answer:
                self.close()
                raise SettingRefusedError(
                    f"this runtime refuses {answer['refused']}",
                    hint="leave --runtime out, or name another version; wasmtime is 27 or newer",
                )
            if answer is None or "error" in answer:
                self.close()
                said = f"it was not ready after {self._load_seconds:.0f} s" if alive else "nothing"
                said = answer["error"] if answer else last_lines(self._log) or said
                raise self._failure(f"the engine did not start: {said}")
        return self._child

    def _exit_of(self, answer: Mapping[str, Any], stop_reason: str) -> GuestExit:
        if type(answer.get("status")) is int:
            return GuestExit(ending=Ending.EXITED, status=answer["status"])
        if stop_reason or "trap" in answer:
            return GuestExit(
                ending=Ending.STOPPED if stop_reason else Ending.TRAPPED,
                reason=stop_reason or str(answer["trap"]),
                python_stack=str(answer.get("stack", "")),
                frames=tuple(map(str, answer.get("frames") or ())),
            )
        self.close()
        raise self._failure(f"the engine could not run a guest: {answer.get('engine_error', answer)}")

    def _death(self, child: subprocess.Popen[bytes], stop_reason: str) -> GuestExit:
        """How a guest ended whose child ended. A guest can end the child with a signal or with status 0; any other
        status means that the child's own script failed, which is an EngineFailedError.
        """
        if stop_reason:
            return GuestExit(ending=Ending.STOPPED, reason=stop_reason)
        status = child.returncode
        if status > 0:
            raise self._failure(f"the engine process ended with status {status}: {last_lines(self._log) or 'nothing'}")
        how = f"signal {-status}" if status else "status 0"
        return GuestExit(ending=Ending.ENGINE_DIED, reason=f"the engine process ended with {how}")

    def _failure(self, message: str) -> EngineFailedError:
        return EngineFailedError(message, hint=f"its log is {self._log}")

    def _receive(self, child: subprocess.Popen[bytes], seconds: float) -> tuple[dict[str, Any] | None, bool]:
        """The next answer, None if there is none within `seconds`, and whether the child is still there."""
        assert child.stdout is not None
        deadline = time.monotonic() + seconds
        with selectors.DefaultSelector() as selector:
            selector.register(child.stdout, selectors.EVENT_READ)
            while b"\n" not in self._buffer:
                if not selector.select(max(0.0, deadline - time.monotonic())):
                    return None, True
                chunk = child.stdout.read1(65536)  # type: ignore[attr-defined]
                if not chunk:
                    return None, False
                self._buffer += chunk
        line, _, self._buffer = self._buffer.partition(b"\n")
        try:
            answer = json.loads(line)
        except ValueError:
            answer = None
        return answer if isinstance(answer, dict) else {"engine_error": f"it answered {line[:200]!r}"}, True


def _send(child: subprocess.Popen[bytes], message: Mapping[str, Any]) -> None:
    """Sends a message. A child that is gone is noticed when its answer is read."""
    assert child.stdin is not None
    with contextlib.suppress(BrokenPipeError):
        child.stdin.write(json.dumps(message).encode() + b"\n")
        child.stdin.flush()
