"""The process that runs Emscripten guests in a browser: `browser_host.py`. It speaks the protocol of
harness/engines/protocol.py on its standard input and output.

It starts the browser and serves the page that runs each guest (page.mjs). When a tab dies, its guest dies with it, and
what the guest wrote last is lost. So the guest runs once more in a new browser, where it waits for each of its writes
to arrive. If the tab dies again, that is how the guest ended.

Run by path, imports nothing of the harness.
"""

from __future__ import annotations

import base64
import json
import os
import queue
import sys
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

# Python was started with -I, which leaves out the folder of this file: only these are imported from there.
sys.path.insert(0, str(Path(__file__).parent))
from browser_process import BrowserProcess  # type: ignore[import-not-found]
from browser_server import Server, Tab  # type: ignore[import-not-found]
from browser_trees import Tree  # type: ignore[import-not-found]

del sys.path[0]

HERE = Path(__file__).parent
# A browser whose page does not report within the first time is started once more, and gets the second.
FIRST_START_SECONDS = 20.0
START_SECONDS = 60.0
# A page requests work all the time. If it has not for as long it is dead: Firefox does not report that.
SILENCE_SECONDS = 15.0
# A folder whose files have no more bytes is sent to the page with the request.
SMALL_TREE = 1 << 16
_TICK_SECONDS = 0.5
_PARTS = frozenset({".mjs", ".js", ".wasm", ".json", ".zip"})
_PAGE = '<!doctype html><meta charset="utf-8"><title>harness</title><body><script type="module" src="{}"></script>'


class NotStartedError(Exception):
    """The browser cannot run guests; the text says why."""


class TabDiedError(Exception):
    """The page is gone, with the guest that ran in it; the text says how that was noticed."""


class SilentError(TabDiedError):
    """The page has not reported at all."""


class Host:
    """One browser, and the guest that runs in it."""

    def __init__(self) -> None:
        self.server = Server()
        self.server.written = self._written
        self._settings: Mapping[str, Any] = {}
        self._browser: BrowserProcess | None = None
        self._number = 0
        self._stopped = threading.Event()
        self._sinks: dict[str, int] = {}
        self._sealed: dict[str, str] = {}

    def load(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """Starts the browser and returns the answer. NotStartedError when its page cannot run guests."""
        self._settings = request
        module = Path(request["module"])
        # Emscripten's threads load the module again, and those of older versions a script next to it. Pyodide loads all
        # files of its package.
        parts = (path for path in module.parent.iterdir() if path.suffix in _PARTS)
        self.server.files.update({path.name: path for path in HERE.glob("*.mjs")})
        self.server.files.update({f"module/{path.name}": path for path in parts})
        self.server.files["code.wasm"] = Path(request["wasm"])
        settings = {
            "module": f"./module/{module.name}",
            "journalNumber": request["journal"],
            "onPage": request["on_page"],
            "guest": request["guest"],
        }
        self.server.texts.update(
            {
                "page.html": _PAGE.format("page.mjs").encode(),
                "frame.html": _PAGE.format("guest_frame.mjs").encode(),
                "settings.json": json.dumps(settings).encode(),
            }
        )
        return {"loaded": str(request["wasm"]), "agent": self._start()["agent"]}

    def _start(self) -> dict[str, Any]:
        """What the page of a new browser reports of itself."""
        program = self._settings["program"]
        try:
            try:
                event, facts = self._open(FIRST_START_SECONDS)
            except SilentError:
                # Its tab may have died before it could report.
                event, facts = self._open(START_SECONDS)
        except TabDiedError as death:
            raise NotStartedError(f"{program}: {death} before it had opened the page of the engine") from None
        if event != "ready":
            raise NotStartedError(f"{program} did not open the page of the engine: {facts}")
        if not facts["isolated"]:
            raise NotStartedError(f"{program} is too old: its pages cannot be cross-origin isolated ({facts['agent']})")
        if "error" in facts:
            raise NotStartedError(f"{program} cannot load the interpreter: {facts['error']}")
        return dict(facts)

    def _open(self, seconds: float) -> tuple[str, Any]:
        """Starts a new browser, and returns the first event of its page."""
        if self._browser is not None:
            self._browser.close()
        self.server.tab = Tab()
        self._browser = BrowserProcess(self._settings["browser"], self._settings["program"], self.server.address)
        return self._next_event(seconds)

    def _next_event(self, start_within: float | None = None) -> tuple[str, Any]:
        """The next event of the page. TabDiedError when the page is gone, or has been silent for too long; SilentError
        when it has not reported within `start_within` seconds.
        """
        tab, deadline = self.server.tab, time.monotonic() + (start_within or 0)
        while True:
            try:
                event, about = tab.events.get(timeout=_TICK_SECONDS)
            except queue.Empty:
                pass
            else:
                if event == "gone":
                    raise TabDiedError(about)
                return event, about
            assert self._browser is not None
            if (status := self._browser.exit_status()) is not None:
                raise TabDiedError(f"the browser ended with status {status}")
            if start_within and time.monotonic() > deadline:
                raise SilentError(f"nothing was heard of it for {start_within:.0f} s")
            if not start_within and tab.silent_for() > SILENCE_SECONDS:
                raise TabDiedError(f"it has been silent for {SILENCE_SECONDS:.0f} s")

    def run(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """Runs a guest and returns the answer. A guest whose tab dies runs a second time."""
        self._stopped.clear()
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
        files = {name: os.open(request[name], flags, 0o666) for name in ("output", "journal") if request[name]}
        before = {name: os.fstat(descriptor).st_size for name, descriptor in files.items()}
        try:
            try:
                return self._guest(request, files, waits=False)
            except TabDiedError as death:
                print(f"the tab died: {death}; the guest runs once more", file=sys.stderr)
            self._start()
            if self._stopped.is_set():
                return {"trap": "stopped"}
            for name, descriptor in files.items():
                os.truncate(descriptor, min(before[name], os.fstat(descriptor).st_size))
            try:
                return self._guest(request, files, waits=True)
            except TabDiedError as death:
                # The next browser is started before the answer, so that a failure to start is not the next guest's.
                self._start()
                return {"trap": f"the browser's tab died: {death}"}
        finally:
            self._sinks = {}
            for descriptor in files.values():
                os.close(descriptor)

    def _guest(self, request: Mapping[str, Any], files: dict[str, int], *, waits: bool) -> dict[str, Any]:
        self._number += 1
        self._sinks = files
        command = {key: request[key] for key in ("op", "argv", "env", "prologue", "resume")}
        command |= {"run": self._number, "waits": waits, "journal": bool(request["journal"])}
        command["mounts"] = [self._mount(*mount) for mount in request["mounts"]]
        if request["input"]:
            self.server.files["input"] = Path(request["input"])
            command["input"] = "input"
        self._hand_over(command)
        while True:
            event, about = self._next_event()
            if event == "answer" and about[0] == self._number:
                return dict(about[1])

    def _hand_over(self, command: Mapping[str, Any]) -> None:
        """Sends the guest to the page. If the page has died since the last guest, which is often noticed only now, a
        new one gets the guest, and that does not count as a run of it.
        """
        self.server.tab.commands.put(command)
        try:
            while self._next_event() != ("taken", self._number):
                pass
        except TabDiedError as death:
            print(f"the tab had died: {death}", file=sys.stderr)
            self._start()
            self.server.tab.commands.put(command)
            if self._stopped.is_set():
                self.stop()

    def _mount(self, folder: str, guest: str, writable: bool, sealed: bool) -> dict[str, Any]:
        """The mount as the page gets it, with its tree if that is small, or else with the name under which the page can
        request the tree. That of a sealed folder, in which nothing changes, is made once.
        """
        mount: dict[str, Any] = {"guest": guest, "writable": writable, "sealed": sealed}
        name = self._sealed.get(folder) if sealed else None
        if name is None:
            name = f"tree/{'sealed' if sealed else 'mount'}{guest.replace('/', '-')}"
            tree = Tree(Path(folder))
            if not sealed and tree.size <= SMALL_TREE:
                content = base64.b64encode(b"".join(tree.content())).decode()
                return mount | {"name": name, "small": tree.index() | {"content": content}}
            self.server.texts[f"{name}.json"] = json.dumps(tree.index()).encode()
            self.server.streams[f"{name}.bin"] = (tree.size, tree.content)
            if sealed:
                self._sealed[folder] = name
        return mount | {"name": name}

    def stop(self) -> None:
        """Asks the page to end the guest that runs."""
        self._stopped.set()
        self.server.tab.commands.put({"op": "stop", "run": self._number})

    def _written(self, number: int, name: str, data: bytes) -> None:
        """Appends what the guest of that number has written. It is dropped if that guest has ended."""
        sink = self._sinks.get(name)
        if number == self._number and sink is not None:
            os.write(sink, data)


def answer(message: Mapping[str, Any]) -> None:
    sys.stdout.write(json.dumps(message) + "\n")
    sys.stdout.flush()


def serve(host: Host, request: Mapping[str, Any]) -> None:
    """Answers a load or a run, whatever goes wrong: without an answer the host would wait for ever."""
    try:
        answer(host.run(request) if request["op"] == "run" else host.load(request))
    except Exception as error:  # noqa: BLE001 - as said above; nothing that a guest does raises here
        text = str(error) if isinstance(error, NotStartedError) else f"{type(error).__name__}: {error}"
        answer({"engine_error" if request["op"] == "run" else "error": text})


def main() -> None:
    """Serves requests until standard input ends."""
    host = Host()
    for line in sys.stdin.buffer:
        request = json.loads(line)
        if request["op"] == "stop":
            host.stop()
        else:
            threading.Thread(target=serve, args=(host, request), daemon=True).start()
    # The guard ends the browser.
    os._exit(0)


if __name__ == "__main__":
    main()
