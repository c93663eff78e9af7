"""What only an engine with a browser does: its processes, its page, its tabs that die."""

from __future__ import annotations

import dataclasses
import http.client
import os
import signal
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from harness.engines.child.browser_server import Server, Tab
from harness.engines.protocol import NO_SNAPSHOT, Ending, GuestRun, Mount, Prologue
from harness.engines.session import ChildEngine
from harness.errors import EngineFailedError, UnavailableError
from harness.run.prepare import BuildRequest, prepare
from harness.run.prepared import Prepared
from harness.targets import Engine
from harness.toolchains.browsers import machines_browser
from tests.integration.guests import NEEDS_BROWSER, Opener, browser_session, opener, run
from tests.integration.hostile import WARM, attack
from tests.processes import PATIENCE, descendants, is_running, wait_for

pytestmark = pytest.mark.integration
# As many as the guest `counts` prints, one every 10 ms.
LINES = 150


@pytest.fixture(params=[pytest.param(engine.value, marks=mark) for engine, mark in NEEDS_BROWSER.items()])
def browser(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture
def opened(browser: str, tmp_path: Path) -> Iterator[Opener]:
    with opener(browser, tmp_path) as open_it:
        yield open_it


def kill_tab(pid: int) -> bool:
    """Kills the processes of pages below that engine; False where there are none."""
    tabs = [
        each for each, line in descendants(pid).items() if "--type=renderer" in line or line.rstrip().endswith(" tab")
    ]
    for tab in tabs:
        os.kill(tab, signal.SIGKILL)
    return bool(tabs)


def killing(session: ChildEngine, output: Path, times: int) -> Callable[[], str | None]:
    """A watch that kills the guest's tab so many times, each time after the guest has printed something."""
    log, deadline = output.with_name("engine.log"), time.monotonic() + 120
    killed = before = 0

    def watch() -> str | None:
        nonlocal killed, before
        size = output.stat().st_size if output.exists() else 0
        deaths = log.read_text().count("the tab died") if log.exists() else 0
        # Until the engine has seen that the tab died, the output is that of the dead guest.
        if deaths == killed < times and size not in {0, before}:
            assert kill_tab(session.pid)
            killed += 1
        before = size
        return f"killed {killed} times" if time.monotonic() > deadline else None

    return watch


def test_a_tab_that_dies_loses_no_result(opened: Opener, tmp_path: Path) -> None:
    session, output = opened("counts"), tmp_path / "output.txt"
    ended = session.run(GuestRun(argv=("guest",), mounts=(), output=output), killing(session, output, 1))
    assert (ended.ending, ended.status) == (Ending.EXITED, 0)
    assert output.read_text().splitlines() == [str(number) for number in range(LINES)]
    assert "the tab died" in (tmp_path / "engine.log").read_text()
    assert session.starts == 1


def test_a_module_whose_request_breaks_off_is_asked_for_once_more(opened: Opener, tmp_path: Path) -> None:
    """The server closes the connection where a file is not there, until the file is there again."""
    session, output, log = opened("well"), tmp_path / "output.txt", tmp_path / "engine.log"
    module, away = tmp_path / "well.mjs", tmp_path / "away"
    module.rename(away)

    def watch() -> str | None:
        if away.exists() and log.exists() and "FileNotFoundError" in log.read_text():
            away.rename(module)
        return None

    # It loads the module when it is to run a guest, and knows its files from before.
    module.symlink_to(away.with_name("nowhere"))
    ended = session.run(GuestRun(argv=("guest",), mounts=(), output=output), watch)
    assert (ended.ending, output.read_text()) == (Ending.EXITED, "hello\n")
    assert not away.exists()


def test_a_guest_has_trapped_when_its_tab_dies_a_second_time(opened: Opener, tmp_path: Path) -> None:
    session, output = opened("counts"), tmp_path / "output.txt"
    guest = GuestRun(argv=("guest",), mounts=(), output=output)
    ended = session.run(guest, killing(session, output, 2))
    assert ended.ending is Ending.TRAPPED
    assert ended.reason.startswith("the browser's tab died")
    assert session.run(guest, lambda: None).ending is Ending.EXITED
    assert session.starts == 1


def test_a_tab_that_dies_between_guests_is_not_the_end_of_the_next_one_s(opened: Opener, tmp_path: Path) -> None:
    session, output = opened("counts"), tmp_path / "output.txt"
    guest = GuestRun(argv=("guest",), mounts=(), output=output)
    assert session.run(guest, lambda: None).ending is Ending.EXITED
    assert kill_tab(session.pid)
    time.sleep(1)
    output.unlink()
    assert session.run(guest, killing(session, output, 1)).ending is Ending.EXITED
    assert len(output.read_text().splitlines()) == LINES


def test_an_exit_of_another_thread_is_the_guest_s(opened: Opener, tmp_path: Path) -> None:
    ended = run(opened("exit-in-a-thread"), tmp_path)
    assert (ended.ending, ended.status) == (Ending.EXITED, 7)


def test_a_guest_runs_on_the_page_s_own_thread(browser: str, tmp_path: Path) -> None:
    session = browser_session(browser, tmp_path, "well", on_page=True)
    try:
        for _ in range(2):
            assert run(session, tmp_path).ending is Ending.EXITED
        assert session.starts == 1
        assert (tmp_path / "output.txt").read_text() == "hello\n" * 2
    finally:
        session.close()


@NEEDS_BROWSER[Engine.CHROMIUM]
def test_a_guest_on_the_page_s_thread_that_never_yields_ends_with_its_browser(tmp_path: Path) -> None:
    session = browser_session("chromium", tmp_path, "loop", on_page=True)
    try:
        assert run(session, tmp_path, stop_after=8).ending is Ending.STOPPED
        assert run(session, tmp_path, stop_after=0).ending is Ending.STOPPED
        assert session.starts == 2
    finally:
        session.close()


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("pausing-without-a-way-in", "its module lacks what a snapshot is taken by"),
        ("pausing-with-a-library", "it has loaded dynamic libraries"),
        ("pausing-in-shared-memory", "its memory is shared between threads"),
    ],
)
def test_where_no_snapshot_can_be_taken_the_log_says_so_once(
    opened: Opener, tmp_path: Path, name: str, why: str
) -> None:
    session, output = opened(name), tmp_path / "output.txt"
    prologue = Prologue(argv=("guest",), resume="xy")
    guest = GuestRun(argv=("guest", "one"), mounts=(), output=output, prologue=prologue)
    for _ in range(2):
        assert session.run(guest, lambda: None).ending is Ending.EXITED
    assert output.read_text() == "from the start\n" * 2
    log = (tmp_path / "engine.log").read_text().splitlines()
    assert [line for line in log if line.startswith(NO_SNAPSHOT)] == [f"{NO_SNAPSHOT}{why}"]


@pytest.fixture
def homes() -> Iterator[Path]:
    """A folder with a short name: browsers have sockets in it."""
    with tempfile.TemporaryDirectory(dir="/tmp") as name:
        yield Path(name)


def test_a_browser_leaves_nothing_behind(
    opened: Opener, tmp_path: Path, homes: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TMPDIR", str(homes))
    session = opened("well")
    assert run(session, tmp_path).ending is Ending.EXITED
    processes = descendants(session.pid)
    assert len(processes) > 2
    assert list(homes.iterdir())
    session.close()
    wait_for(lambda: not list(homes.iterdir()), "the profile is gone")
    wait_for(lambda: not any(map(is_running, processes)), "the browser ends")


def test_the_command_line_does_not_have_the_secret(opened: Opener, tmp_path: Path) -> None:
    session = opened("well")
    run(session, tmp_path)
    assert not [line for line in descendants(session.pid).values() if "page.html" in line]


@pytest.mark.parametrize("kind", ["chromium", "firefox"])
def test_a_browser_that_ends_at_once_is_a_failure_of_the_engine(tmp_path: Path, kind: str) -> None:
    program = tmp_path / "browser"
    program.write_text("#!/bin/sh\necho No usable sandbox >&2\nexit 3\n")
    program.chmod(0o755)
    session = browser_session(kind, tmp_path, "well", program)
    with pytest.raises(EngineFailedError, match=r"the engine did not start: .*browser ended with status 3") as caught:
        run(session, tmp_path)
    assert "engine.log" in caught.value.hint
    assert "No usable sandbox" in (tmp_path / "engine.log").read_text()
    assert session.pid == 0


def test_a_program_that_cannot_be_started_is_named(tmp_path: Path) -> None:
    with pytest.raises(EngineFailedError, match=r"did not start: .*/no-browser.*status 127"):
        run(browser_session("chromium", tmp_path, "well", tmp_path / "no-browser"), tmp_path)
    assert "cannot start" in (tmp_path / "engine.log").read_text()


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    made = Server()
    made.texts["page.html"] = b"the page"
    yield made
    made.shutdown()
    made.server_close()


def ask(server: Server, path: str, method: str = "GET") -> tuple[int, dict[str, str], bytes]:
    """The status, the headers and the body of the answer."""
    connection = http.client.HTTPConnection("127.0.0.1", server.server_address[1], timeout=10)
    connection.request(method, path, body=b"{}" if method == "POST" else None)
    answer = connection.getresponse()
    found = answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()
    connection.close()
    return found


def test_a_page_with_the_secret_is_isolated(server: Server) -> None:
    status, headers, body = ask(server, f"/{server.tab.secret}/page.html")
    assert (status, body) == (200, b"the page")
    assert headers["cross-origin-opener-policy"] == "same-origin"
    assert headers["cross-origin-embedder-policy"] == "require-corp"
    assert headers["cache-control"] == "no-store"


@pytest.mark.parametrize("path", ["/", "/page.html", "/wrong/page.html", "/wrong/next/0", "//page.html"])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_request_without_the_secret_is_refused(server: Server, path: str, method: str) -> None:
    assert ask(server, path, method)[0] == 403
    assert server.tab.events.empty()


def test_the_secret_of_a_browser_that_was_replaced_is_worth_nothing(server: Server) -> None:
    old = server.tab.secret
    server.tab = Tab()
    assert ask(server, f"/{old}/page.html")[0] == 403
    assert ask(server, f"/{old}/ready", "POST")[0] == 403


def test_a_path_that_is_not_served_is_not_found(server: Server) -> None:
    assert ask(server, f"/{server.tab.secret}/../../etc/passwd")[0] == 404


def test_a_request_that_breaks_off_means_that_the_tab_has_ended(server: Server) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", server.server_address[1], timeout=10)
    connection.request("GET", f"/{server.tab.secret}/next/0")
    wait_for(lambda: server.tab.asking, "the page asks")
    connection.close()
    assert server.tab.events.get(timeout=PATIENCE)[0] == "gone"


def test_a_closed_page_is_given_nothing(server: Server) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", server.server_address[1], timeout=10)
    connection.request("GET", f"/{server.tab.secret}/next/0")
    wait_for(lambda: server.tab.asking, "the page asks")
    connection.close()
    server.tab.commands.put({"op": "run"})
    assert server.tab.events.get(timeout=PATIENCE)[0] == "gone"


@pytest.fixture(scope="session")
def chromium_cell(request: pytest.FixtureRequest) -> Prepared:
    """An Emscripten cell in the machine's own Chromium."""
    return prepare("emscripten-3.1.69-chromium", BuildRequest(runtime="system"))


@pytest.mark.toolchain
@NEEDS_BROWSER[Engine.CHROMIUM]
def test_a_guest_in_a_browser_changes_nothing_on_the_host(chromium_cell: Prepared, tmp_path: Path) -> None:
    found = attack(chromium_cell, tmp_path, WARM)
    assert found["ended"] == [Ending.EXITED, 0, ""], found["printed"]
    assert found["printed"] == ["end"]
    assert found["changed"] == []
    assert found["journal"] == ["first", "last"]
    assert found["left"] is False


@pytest.mark.toolchain
@NEEDS_BROWSER[Engine.CHROMIUM]
def test_files_are_as_on_the_host(chromium_cell: Prepared, tmp_path: Path) -> None:
    """Contents, modes, times and links; and each guest has a scratch folder of its own."""
    given, scratch = tmp_path / "given", tmp_path / "scratch"
    (given / "folder").mkdir(parents=True)
    (given / "folder" / "file").write_bytes(b"content\n" * 1000)
    (given / "link").symlink_to("folder/file")
    (given / "folder" / "file").chmod(0o640)
    os.utime(given / "folder" / "file", ns=(0, 1_234_567_890_123_000_000))
    scratch.mkdir()
    code = (
        "import os; s = os.stat('/given/link'); print(len(open('/given/link').read()), oct(s.st_mode), s.st_mtime_ns,"
        " oct(os.stat('/tmp').st_mode), os.listdir('/tmp')); open('/tmp/left', 'w')"
    )
    mounts = (Mount(host=given, guest="/given"), Mount(host=scratch, guest="/tmp", writable=True))
    output = tmp_path / "output.txt"
    session = chromium_cell.open_engine(tmp_path / "engine.log", 0)
    try:
        for _ in range(2):
            session.run(chromium_cell.guest_python(("-c", code), mounts, output), lambda: None)
    finally:
        session.close()
    line = "8000 0o100640 1234567890123000000 0o41777 []"
    assert output.read_text().splitlines() == [line, line]


@pytest.mark.toolchain
@NEEDS_BROWSER[Engine.CHROMIUM]
def test_after_a_guest_that_never_yields_the_next_one_runs_in_the_same_browser(
    chromium_cell: Prepared, tmp_path: Path
) -> None:
    session = chromium_cell.open_engine(tmp_path / "engine.log", 0)
    assert isinstance(session, ChildEngine)

    def code(text: str) -> GuestRun:
        return chromium_cell.guest_python(("-c", text), (), tmp_path / "output.txt")

    try:
        assert session.run(code("print('warm')"), lambda: None).ending is Ending.EXITED
        for _ in range(2):
            limit = time.monotonic() + 2
            late = session.run(code("while True: pass"), lambda: "late" if time.monotonic() > limit else None)  # noqa: B023
            assert (late.ending, late.reason) == (Ending.STOPPED, "late")
            assert session.run(code("print('next')"), lambda: None).ending is Ending.EXITED
        assert session.starts == 1
    finally:
        session.close()
    assert (tmp_path / "output.txt").read_text().splitlines() == ["warm", "next", "next"]


@pytest.mark.toolchain
def test_a_guest_on_the_page_s_thread_which_must_not_wait_can_sleep(browser: str, tmp_path: Path) -> None:
    cell = prepare(f"emscripten-3.1.69-{browser}", BuildRequest(runtime="system"))
    session = dataclasses.replace(cell, on_page=True).open_engine(tmp_path / "engine.log", 0)
    code = "import time; time.sleep(0.2); print('slept')"
    try:
        ended = session.run(cell.guest_python(("-c", code), (), tmp_path / "output.txt"), lambda: None)
    finally:
        session.close()
    assert ended.ending is Ending.EXITED, ended.reason
    assert (tmp_path / "output.txt").read_text() == "slept\n"


@NEEDS_BROWSER[Engine.FIREFOX]
def test_the_machine_s_firefox_says_which_it_is() -> None:
    program, version = machines_browser(Engine.FIREFOX)
    assert program.is_file()
    assert int(version.split(".")[0]) >= 121


def test_a_browser_of_another_kind_is_refused(tmp_path: Path) -> None:
    program = tmp_path / "browser"
    program.write_text("#!/bin/sh\necho Mozilla Firefox 140.0.1\n")
    program.chmod(0o755)
    with pytest.raises(UnavailableError, match="is no Chromium that can be used: it calls itself 'Mozilla Firefox"):
        prepare("emscripten-3.1.69-chromium", BuildRequest(runtime=f"path:{program}"))


def test_a_browser_that_is_too_old_is_refused(tmp_path: Path) -> None:
    program = tmp_path / "browser"
    program.write_text("#!/bin/sh\necho Chromium 90.0.1\n")
    program.chmod(0o755)
    with pytest.raises(UnavailableError, match=r"Chromium 90\.0\.1, which is too old: the harness needs 119"):
        prepare("emscripten-3.1.69-chromium", BuildRequest(runtime=f"path:{program}"))


def test_a_machine_without_a_browser_says_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UnavailableError, match="this machine has no Firefox on PATH: firefox, firefox-esr") as caught:
        prepare("emscripten-3.1.69-firefox", BuildRequest())
    assert "--runtime path:" in caught.value.hint
