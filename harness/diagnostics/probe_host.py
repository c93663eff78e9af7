"""Actions of the host that probes request, since some limitations are about effects from outside of the guest.

A probe requests an action with a line of its output, `host: WORD NUMBER`. The host performs each request once, DELAY
seconds after it has read the line, so that the guest is already waiting:

- `interrupt PID`: SIGINT for the process that runs the guest, as Ctrl-C would send it. PID is the guest's own number of
  that process; only a guest without an engine of ours around it (the native one) knows it.
- `descriptors PID`: the number of descriptors that this process has open, into the file `answer-N` of the guest's
  scratch folder; N counts the answers from 1. The answer is `unknown` on a host without /proc.
- `datagram PORT` and `connect PORT`: a datagram to, or a connection to, this port of the loopback interface.
"""

from __future__ import annotations

import contextlib
import os
import re
import signal
import socket
import time
from dataclasses import dataclass
from pathlib import Path

from harness.engines.protocol import EngineSession

# Seconds from a request to the action.
DELAY = 0.3
GREETING = b"hello"
_LOOPBACK = "127.0.0.1"
_REQUEST = re.compile(rb"^host: (interrupt|descriptors|datagram|connect) (\d+)$", re.MULTILINE)


@dataclass(frozen=True)
class Request:
    """A request of a probe."""

    word: str
    number: int


def read_requests(output: bytes) -> tuple[Request, ...]:
    """All requests in the output of a guest so far, without a last line that has not ended."""
    whole = output[: output.rfind(b"\n") + 1]
    return tuple(Request(word.decode(), int(number)) for word, number in _REQUEST.findall(whole))


class Host:
    """Performs the requests of one guest. `output` is the file with the output of the guest, `scratch` a folder that
    the guest can read.
    """

    def __init__(self, engine: EngineSession, output: Path, scratch: Path) -> None:
        self._engine = engine
        self._output = output
        self._scratch = scratch
        self._seen: list[float] = []
        self._done = 0
        self._answers = 0

    def look(self) -> None:
        """Reads new requests and performs those that are due. It is called many times a second while the guest runs."""
        deeds = {
            "interrupt": lambda number: os.kill(self._process(number), signal.SIGINT),
            "descriptors": self._count_descriptors,
            "datagram": _send_datagram,
            "connect": _connect,
        }
        requests = read_requests(self._output.read_bytes())
        now = time.monotonic()
        self._seen += [now] * (len(requests) - len(self._seen))
        while self._done < len(requests) and now - self._seen[self._done] >= DELAY:
            request = requests[self._done]
            self._done += 1
            # If the guest has ended or does not listen, the observation of the probe shows it.
            with contextlib.suppress(OSError):
                deeds[request.word](request.number)

    def _process(self, number: int) -> int:
        """The id of the process that runs the guest: that of the engine, or the number that the guest has given."""
        return getattr(self._engine, "pid", 0) or number

    def _count_descriptors(self, number: int) -> None:
        try:
            answer = str(sum(1 for _ in Path(f"/proc/{self._process(number)}/fd").iterdir()))
        except FileNotFoundError:
            answer = "unknown"
        self._answers += 1
        # Only a new file is written, since a guest could have made a symbolic link at its path.
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
        descriptor = os.open(self._scratch / f"answer-{self._answers}", flags, 0o644)
        try:
            os.write(descriptor, f"{answer}\n".encode())
        finally:
            os.close(descriptor)


def _send_datagram(port: int) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.sendto(GREETING, (_LOOPBACK, port))


def _connect(port: int) -> None:
    with socket.create_connection((_LOOPBACK, port), timeout=1) as client:
        client.sendall(GREETING)
