"""What the host does for a probe that asks; what it does to a real process is tested in tests/integration."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import Any

import pytest

from harness.diagnostics import probe_host
from harness.diagnostics.probe_host import Host, Request, read_requests


class Engine:
    """An engine with the one thing that the host needs: its process."""

    def __init__(self, pid: int = 0) -> None:
        self.pid = pid

    def run(self, *_: Any) -> Any:
        raise NotImplementedError

    def close(self) -> None:
        pass


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probe_host, "DELAY", 0.0)


def asked(folder: Path, *lines: str, pid: int = 0) -> Host:
    (folder / "output").write_text("".join(f"{line}\n" for line in lines))
    return Host(Engine(pid), folder / "output", folder)


def test_requests_are_whole_lines_that_the_host_knows() -> None:
    output = (
        b"host: interrupt 7\nxhost: interrupt 8\nhost: format 9\nhost: datagram 80\nhost: connect x\nhost: connect 1"
    )
    assert read_requests(output) == (Request("interrupt", 7), Request("datagram", 80))


@pytest.mark.usefixtures("at_once")
def test_an_interrupt_goes_to_the_engine_s_process_and_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[tuple[int, int]] = []
    monkeypatch.setattr(os, "kill", lambda pid, number: sent.append((pid, number)))
    for pid in (0, 1234):
        helper = asked(tmp_path, "host: interrupt 42", pid=pid)
        helper.look()
        helper.look()
    assert sent == [(42, signal.SIGINT), (1234, signal.SIGINT)]


def test_a_request_waits_until_the_guest_waits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[int] = []
    monkeypatch.setattr(os, "kill", lambda pid, _: sent.append(pid))
    now = [0.0]
    monkeypatch.setattr("harness.diagnostics.probe_host.time.monotonic", lambda: now[0])
    helper = asked(tmp_path, "host: interrupt 42")
    helper.look()
    assert sent == []
    now[0] = probe_host.DELAY
    helper.look()
    assert sent == [42]


@pytest.mark.usefixtures("at_once")
@pytest.mark.skipif(sys.platform != "linux", reason="there is no /proc")
def test_descriptors_are_counted_and_answers_numbered(tmp_path: Path) -> None:
    helper = asked(tmp_path, f"host: descriptors {os.getpid()}", "host: descriptors 999999999")
    helper.look()
    assert int((tmp_path / "answer-1").read_text()) >= 3
    assert (tmp_path / "answer-2").read_text() == "unknown\n"


@pytest.mark.usefixtures("at_once")
def test_an_answer_is_not_written_through_a_link_of_the_guest(tmp_path: Path) -> None:
    (tmp_path / "answer-1").symlink_to(tmp_path / "outside")
    asked(tmp_path, f"host: descriptors {os.getpid()}").look()
    assert not (tmp_path / "outside").exists()
