"""What holds for every test: none starts a process or opens a socket unless its mark says so."""

from __future__ import annotations

import socket
import subprocess
import time
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any, NoReturn

import hypothesis
import pytest

from harness import project
from harness.run.live import Means, Ticker, write_whole_line
from harness.run.state import RunState
from harness.util.log import show_log

pytest_plugins = ["pytester"]
# How long an example takes depends mostly on what else the machine does.
hypothesis.settings.register_profile("harness", deadline=None)
hypothesis.settings.load_profile("harness")
# What runs in the guest: crashes and hangs, on purpose.
collect_ignore = ["data"]


def pytest_configure(config: pytest.Config) -> None:
    if config.pluginmanager.has_plugin("dsession"):
        config.pluginmanager.register(StillRunning(config))


class StillRunning:
    """A line every minute of the tests that run: one that builds a cell is silent for minutes."""

    def __init__(self, config: pytest.Config) -> None:
        self._reporter = config.pluginmanager.get_plugin("terminalreporter")
        self._ticker = Ticker(RunState(cell="tests", started=time.time(), noun="test"), Means.LINES)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtestloop(self) -> Generator[None]:
        show_log(lambda line: write_whole_line(self._reporter, line))
        with self._ticker.shown():
            return (yield)

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_node_collection_finished(self, ids: list[str]) -> None:
        self._ticker.state = self._ticker.state.planned(dict.fromkeys(ids, 0.0), 1)

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        self._ticker.state = self._ticker.state.begun(nodeid, time.time())

    def pytest_runtest_logfinish(self, nodeid: str) -> None:
        self._ticker.state = self._ticker.state.ended(nodeid)


@pytest.fixture(autouse=True)
def unit_tests_touch_nothing(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Forbids processes and sockets to tests without the mark `integration` or `toolchain`."""
    if request.node.get_closest_marker("integration") or request.node.get_closest_marker("toolchain"):
        return

    def forbidden(*args: Any, **kwargs: Any) -> NoReturn:
        raise AssertionError("a unit test must not start a process or open a connection: mark it integration")

    monkeypatch.setattr(subprocess, "Popen", forbidden)
    monkeypatch.setattr(socket.socket, "connect", forbidden)
    monkeypatch.setattr(socket.socket, "bind", forbidden)


@pytest.fixture
def said() -> Iterator[list[str]]:
    """The messages of the harness, as a front end shows them."""
    lines: list[str] = []
    show_log(lines.append)
    yield lines
    show_log(lambda _: None)


@pytest.fixture
def empty_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache of the test's own, moved there as a user would move it."""
    folder = tmp_path / "cache"
    monkeypatch.setenv(project.CACHE_VARIABLE, str(folder))
    return folder
