"""An origin of our own on loopback: gives fixed answers or the files of a folder, and counts."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Answer:
    """One answer. `length` is the Content-Length it claims, -1 for the true one; `stalls` after the body."""

    body: bytes = b""
    status: int = 200
    length: int = -1
    stalls: bool = False


@dataclass
class Origin:
    """The server's address, and how often it was asked."""

    url: str = ""
    requests: list[str] = field(default_factory=list)


@contextlib.contextmanager
def serving(*answers: Answer) -> Iterator[Origin]:
    """Gives these answers one after the other, the last one for ever."""
    origin, done = Origin(), threading.Event()
    with _running(_handler(answers, origin, done), origin):
        try:
            yield origin
        finally:
            done.set()


@contextlib.contextmanager
def serving_folder(folder: Path) -> Iterator[Origin]:
    """Gives the files of that folder, and 404 for what it does not have."""
    origin = Origin()

    class Handler(SimpleHTTPRequestHandler):
        def __init__(self, *args: Any) -> None:
            super().__init__(*args, directory=str(folder))

        def send_head(self) -> Any:
            origin.requests.append(self.path)
            return super().send_head()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
            """Says nothing."""

    with _running(Handler, origin):
        yield origin


@contextlib.contextmanager
def _running(handler: type[BaseHTTPRequestHandler], origin: Origin) -> Iterator[None]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    origin.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _handler(answers: Sequence[Answer], origin: Origin, done: threading.Event) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            answer = answers[min(len(origin.requests), len(answers) - 1)]
            origin.requests.append(self.path)
            self.send_response(answer.status)
            self.send_header("Content-Length", str(len(answer.body) if answer.length < 0 else answer.length))
            self.end_headers()
            self.wfile.write(answer.body)
            self.wfile.flush()
            if answer.stalls:
                done.wait(20)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
            """Says nothing."""

    return Handler
