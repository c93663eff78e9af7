"""The loopback server between an engine and its page: it serves files to the page, and receives what guests write.

Every path begins with a secret that only the newest browser knows; other requests are refused. The headers of every
response make the page cross-origin isolated, without which it would have no shared memory.

Run by path with the engine's child, so it imports nothing of the harness.
"""

from __future__ import annotations

import contextlib
import hmac
import json
import queue
import secrets
import select
import socket
import sys
import threading
import time
from collections.abc import Iterable, Mapping
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

# How many seconds a request for work is left open.
POLL_SECONDS = 3.0
_TICK_SECONDS = 0.2
_CHUNK = 1 << 20
_TYPES = {".html": "text/html; charset=utf-8", ".mjs": "text/javascript", ".js": "text/javascript"}
_TYPES |= {".wasm": "application/wasm", ".json": "application/json"}
# Guests reach no other server, and cannot run text as code.
_POLICY = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'; connect-src 'self';"
_POLICY += " frame-src 'self'"
_HEADERS = {
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Embedder-Policy": "require-corp",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Content-Security-Policy": _POLICY,
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}


class Tab:
    """The engine's side of one page. `commands` are for the page. `events` are what happens: `("ready", facts)` from
    the page, `("taken", run)` when it has received a guest, `("answer", [run, answer])`, and `("gone", why)` when its
    connection is closed.
    """

    def __init__(self) -> None:
        self.secret = secrets.token_urlsafe(32)
        self.events: queue.Queue[tuple[str, Any]] = queue.Queue()
        self.commands: queue.Queue[Mapping[str, Any]] = queue.Queue()
        self.asking = 0
        self.asked_at = time.monotonic()
        self._taken = 0
        self._lock = threading.Lock()

    def took(self, run: int) -> None:
        """Notes that the page has received that guest: it requests the next command, or has answered already."""
        with self._lock:
            if run > self._taken:
                self._taken = run
                self.events.put(("taken", run))

    def silent_for(self) -> float:
        """Seconds since the page last requested work; 0 while a request is open."""
        return 0.0 if self.asking else time.monotonic() - self.asked_at


class Server(ThreadingHTTPServer):
    """Serves `tab`, the page of the newest browser. `files`, `texts` and `streams` are what it may read, by the path
    after the secret; a stream is a size and a function that returns its parts. `written` is called with what a guest
    writes.
    """

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.tab = Tab()
        self.files: dict[str, Path] = {}
        self.streams: dict[str, Any] = {}
        self.texts: dict[str, bytes] = {}
        self.written: Any = None
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def address(self) -> str:
        """The address of the page of `tab`."""
        return f"http://127.0.0.1:{self.server_address[1]}/{self.tab.secret}/page.html"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Shows an error of ours. A broken connection is none: a browser that ends breaks all of its own."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    server: Server
    connection: socket.socket
    protocol_version = "HTTP/1.1"
    # Headers and body go out as one packet.
    wbufsize = -1
    disable_nagle_algorithm = True

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name is that of the base class
        """Logs nothing: a run makes thousands of requests."""

    def do_GET(self) -> None:
        if (found := self._admitted()) is None:
            return
        tab, path = found
        if path.startswith("next/"):
            tab.took(int(path.removeprefix("next/")))
            self._wait_for_command(tab)
        elif path in self.server.texts:
            self._send(HTTPStatus.OK, self.server.texts[path], path)
        elif path in self.server.files:
            file = self.server.files[path]
            with file.open("rb") as stream:
                self._send_parts(file.stat().st_size, iter(lambda: stream.read(_CHUNK), b""), file.name)
        elif path in self.server.streams:
            size, parts = self.server.streams[path]
            self._send_parts(size, parts(), path)
        else:
            self._send(HTTPStatus.NOT_FOUND, b"")

    def do_POST(self) -> None:
        if (found := self._admitted()) is None:
            return
        tab, path = found
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if path == "ready":
            tab.events.put(("ready", json.loads(body)))
        elif path == "log":
            print(body.decode(errors="replace"), file=sys.stderr)
        else:
            self._receive(tab, path, body)
        self._send(HTTPStatus.NO_CONTENT, b"")

    def _receive(self, tab: Tab, path: str, body: bytes) -> None:
        """Receives what a guest has written, `written/NUMBER/NAME=SIZE...` with so many bytes for each name, or its
        answer, `answer/NUMBER/NAME=SIZE...`, which follows the last bytes that it wrote.
        """
        what, number, *parts = path.split("/")
        for part in parts:
            name, _, size = part.partition("=")
            self.server.written(int(number), name, body[: int(size)])
            body = body[int(size) :]
        if what == "answer":
            tab.took(int(number))
            tab.events.put(("answer", [int(number), json.loads(body)]))

    def _admitted(self) -> tuple[Tab, str] | None:
        """The tab of the request and the path after its secret; None if the request was refused."""
        tab = self.server.tab
        secret, _, path = self.path.removeprefix("/").partition("/")
        if hmac.compare_digest(secret.encode(), tab.secret.encode()):
            return tab, path
        self.close_connection = True
        self._send(HTTPStatus.FORBIDDEN, b"this address is that of one page, and this is not it\n")
        return None

    def _wait_for_command(self, tab: Tab) -> None:
        """Responds with the next command, or that there is none yet. If the connection is closed meanwhile the tab has
        died: the browser closes it when the process of the tab ends.
        """
        deadline = time.monotonic() + POLL_SECONDS
        tab.asking += 1
        try:
            while time.monotonic() < deadline:
                command = None
                with contextlib.suppress(queue.Empty):
                    command = tab.commands.get(timeout=_TICK_SECONDS)
                if select.select([self.connection], [], [], 0)[0]:
                    tab.events.put(("gone", "its connection was closed"))
                    self.close_connection = True
                    return
                if command is not None:
                    self._send(HTTPStatus.OK, json.dumps(command).encode(), "command.json")
                    return
            self._send(HTTPStatus.NO_CONTENT, b"")
        finally:
            tab.asked_at = time.monotonic()
            tab.asking -= 1

    def _send(self, status: HTTPStatus, body: bytes, name: str = "") -> None:
        self._send_head(status, len(body), name)
        self.wfile.write(body)

    def _send_parts(self, size: int, parts: Iterable[bytes], name: str) -> None:
        self._send_head(HTTPStatus.OK, size, name)
        for part in parts:
            self.wfile.write(part)

    def _send_head(self, status: HTTPStatus, size: int, name: str) -> None:
        self.send_response(status)
        for header, value in _HEADERS.items():
            self.send_header(header, value)
        if status is not HTTPStatus.NO_CONTENT:
            self.send_header("Content-Type", _TYPES.get(Path(name).suffix, "application/octet-stream"))
            self.send_header("Content-Length", str(size))
        self.end_headers()
