"""A real browser, driven through its own protocol over a pipe: no port, no driver, no further library."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

VARIABLE = "CHROMIUM"
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
WAIT_SECONDS = 60.0


def find_chromium() -> str:
    """The program in the variable CHROMIUM, or one on PATH; empty when there is none."""
    return os.environ.get(VARIABLE) or next((found for name in NAMES if (found := shutil.which(name))), "")


class Page:
    """One page. `problems` are what its console has complained of, exceptions and refused scripts included."""

    def __init__(self, reading: int, writing: int) -> None:
        self._reading, self._writing = reading, writing
        self._number = 0
        self._rest = b""
        self._session = ""
        self.problems: list[str] = []
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log"):
            self.call(f"{domain}.enable")

    def call(self, method: str, **details: Any) -> Any:
        """The result of one command."""
        self._number += 1
        session = {"sessionId": self._session} if self._session else {}
        message = {"id": self._number, "method": method, "params": details} | session
        os.write(self._writing, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._next()
            if answer.get("id") == self._number:
                assert "error" not in answer, answer
                return answer["result"]

    def _next(self) -> dict[str, Any]:
        while b"\0" not in self._rest:
            more = os.read(self._reading, 1 << 20)
            assert more, "the browser has gone"
            self._rest += more
        line, _, self._rest = self._rest.partition(b"\0")
        message: dict[str, Any] = json.loads(line)
        self._note(message)
        return message

    def _note(self, message: dict[str, Any]) -> None:
        method, details = message.get("method"), message.get("params", {})
        if method == "Runtime.exceptionThrown":
            self.problems.append(details["exceptionDetails"].get("exception", {}).get("description", str(details)))
        elif method == "Log.entryAdded" and details["entry"]["level"] in {"error", "warning"}:
            self.problems.append(details["entry"]["text"])
        elif method == "Runtime.consoleAPICalled" and details["type"] in {"error", "warning"}:
            self.problems.append(str(details["args"]))
        elif method == "Page.javascriptDialogOpening":
            self.problems.append(f"a dialog: {details['message']}")

    def open(self, path: Path) -> float:
        """Opens a file and waits until it says that it is ready. Gives the milliseconds that it took to get so far."""
        self.call("Page.navigate", url=path.as_uri())
        deadline = time.monotonic() + WAIT_SECONDS
        while time.monotonic() < deadline:
            ready = self.value("document.documentElement?.dataset.ready ?? ''")
            if ready:
                return float(ready)
            time.sleep(0.02)
        raise AssertionError(f"the page is not ready after {WAIT_SECONDS} s: {self.problems}")

    def value(self, expression: str) -> Any:
        """What a piece of JavaScript gives."""
        result = self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in result, result["exceptionDetails"]
        return result["result"].get("value")

    def key(self, name: str, code: int) -> None:
        """Presses and releases a key."""
        for kind in ("keyDown", "keyUp"):
            self.call("Input.dispatchKeyEvent", type=kind, key=name, code=name, windowsVirtualKeyCode=code)


@contextmanager
def chromium(program: str, profile: Path) -> Iterator[Page]:
    """A browser with a profile of its own, which ends with the block."""
    to_browser, from_browser = os.pipe(), os.pipe()
    options = (
        "--headless=new",
        "--no-sandbox",
        "--disable-gpu",
        f"--user-data-dir={profile}",
        "--remote-debugging-pipe",
    )
    # The browser wants the pipe as descriptors 3 and 4.
    shell = f'exec "$@" 3<&{to_browser[0]} 4>&{from_browser[1]} 2>/dev/null'
    child = subprocess.Popen(
        ["bash", "-c", shell, "bash", program, *options],
        pass_fds=(to_browser[0], from_browser[1]),
        start_new_session=True,
    )
    os.close(to_browser[0])
    os.close(from_browser[1])
    try:
        yield Page(from_browser[0], to_browser[1])
    finally:
        child.terminate()
        child.wait(timeout=20)
        os.close(to_browser[1])
        os.close(from_browser[0])
