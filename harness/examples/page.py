"""An example in a page of a real browser: served from the loopback interface, it answers by itself what it is asked."""

from __future__ import annotations

import contextlib
import json
import queue
import secrets
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from harness.errors import UnavailableError
from harness.targets import Engine
from harness.util.process import Command, kill_group, last_lines, start_child

_BROWSER = Path(__file__).parents[1] / "engines" / "child" / "browser_process.py"
_ANSWERS = Path(__file__).parent / "answers.js"
_PAGE = b"""<!doctype html><meta charset="utf-8"><title>example</title>
<script src="answers.js"></script><script type="module" src="example.mjs"></script>
"""
_ISOLATION = {"Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Embedder-Policy": "require-corp"}
_TYPES = {".html": "text/html", ".js": "text/javascript", ".mjs": "text/javascript", ".wasm": "application/wasm"}
PAGE_SECONDS = 90.0
_END_SECONDS = 10.0


@dataclass(frozen=True, kw_only=True)
class Example:
    """A script for a page, with the files that it fetches, by their names. `isolated` says that the page is to be
    cross-origin isolated; `lines` are what it answers when it is asked for input, which then ends.
    """

    script: str
    files: Mapping[str, Path]
    lines: tuple[str, ...]
    isolated: bool = False


@dataclass(frozen=True, kw_only=True)
class Ended:
    """The output of a page, and its errors."""

    printed: tuple[str, ...]
    failed: tuple[str, ...]
    isolated: bool


def run_page(example: Example, engine: Engine, program: Path, log: Path, seconds: float = PAGE_SECONDS) -> Ended:
    """Opens the example in a browser and waits until its input has ended or something has failed; where neither comes
    in that time, that is the failure. UnavailableError when the browser does not open the page.
    """
    with (
        _served(example) as server,
        _browser(engine, program, server.address, log),
        contextlib.suppress(queue.Empty),
    ):
        return server.ended.get(timeout=seconds)
    if not server.asked:
        raise UnavailableError(
            f"{program} did not open the page of the example: {last_lines(log, 5) or 'it said nothing'}",
            hint="`nox -s doctor` says which browsers can be used here",
        )
    return Ended(printed=(), failed=(f"Error: nothing happened in {seconds:.0f} s",), isolated=example.isolated)


@contextlib.contextmanager
def _served(example: Example) -> Iterator[_Server]:
    with _Server(example) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield server
        finally:
            server.shutdown()


@contextlib.contextmanager
def _browser(engine: Engine, program: Path, address: str, log: Path) -> Iterator[None]:
    argv = (sys.executable, "-I", str(_BROWSER), engine.value, str(program))
    child = start_child(Command(argv=argv, cwd=log.parent), log=log)
    assert child.stdin is not None
    assert child.stdout is not None
    try:
        with contextlib.suppress(BrokenPipeError):
            child.stdin.write(f"{address}\n".encode())
            child.stdin.flush()
        yield
    finally:
        # It ends its browser when its input ends.
        child.stdin.close()
        try:
            child.wait(timeout=_END_SECONDS)
        except subprocess.TimeoutExpired:
            kill_group(child)
        child.stdout.close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, example: Example) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.example = example
        self.ended: queue.Queue[Ended] = queue.Queue()
        self.secret = secrets.token_urlsafe(16)
        self.asked = False

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/{self.secret}/page.html"

    def content(self, name: str) -> bytes | None:
        """The content that the page gets under this name; None when there is none."""
        own = {
            "page.html": _PAGE,
            "example.mjs": self.example.script.encode(),
            "input.json": json.dumps(self.example.lines).encode(),
        }
        if name in own:
            return own[name]
        file = _ANSWERS if name == "answers.js" else self.example.files.get(name)
        return file.read_bytes() if file else None

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A browser that goes away breaks its connections; anything else is a fault of ours."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name is that of the base class
        """Nobody reads it."""

    def do_GET(self) -> None:
        content = self.server.content(self._name()) if self._name() else None
        self.server.asked = True
        self._answer(HTTPStatus.NOT_FOUND if content is None else HTTPStatus.OK, content or b"")

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self._name() == "ended":
            said = json.loads(body)
            words = {key: tuple(map(str, said[key])) for key in ("printed", "failed")}
            self.server.ended.put(Ended(isolated=bool(said["isolated"]), **words))
        self._answer(HTTPStatus.OK, b"")

    def _name(self) -> str:
        """What is asked for; empty for a request without the secret of this page."""
        secret, _, name = self.path.removeprefix("/").partition("/")
        return name if secrets.compare_digest(secret.encode(), self.server.secret.encode()) else ""

    def _answer(self, status: HTTPStatus, content: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", _TYPES.get(Path(self.path).suffix, "application/octet-stream"))
        self.send_header("Content-Length", str(len(content)))
        self.send_header("Cache-Control", "no-store")
        for name, value in _ISOLATION.items() if self.server.example.isolated else ():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)
