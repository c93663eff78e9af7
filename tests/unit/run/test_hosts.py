"""Hosts of a run: who takes a lost worker's place, and how a host that does not fit is reported."""

from __future__ import annotations

import json
import tempfile
from argparse import Namespace
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import execnet
import pytest

from harness.cli.test import worker_arguments
from harness.errors import ConfigError, UnavailableError
from harness.project import project_root
from harness.run.hosts import join as joining
from harness.run.hosts.pool import LOST, TRIES, HostPool, is_remote, name_of
from harness.util.log import show_log
from tests.unit.sample_cells import WASI


@dataclass(eq=False)
class Worker:
    """As much of xdist's controller of a worker as the pool looks at."""

    host: str
    shutting_down: bool = False

    def __post_init__(self) -> None:
        self.gateway = SimpleNamespace(spec=execnet.XSpec(f"ssh={self.host}"))


@dataclass
class Session:
    """xdist's session: `dead` hosts do not answer. `started` are the hosts on which a worker was started."""

    workers: list[Worker]
    dead: set[str] = field(default_factory=set)
    started: list[str] = field(default_factory=list)
    said: list[str] = field(default_factory=list)
    shouldstop: str = ""

    def __post_init__(self) -> None:
        self._active_nodes = set(self.workers)
        specs = [worker.gateway.spec for worker in self.workers]
        self.nodemanager = SimpleNamespace(setup_node=self._setup, specs=specs, roots=["pytest"])
        show_log(self.said.append)
        self.pool = HostPool(self)

    def _setup(self, spec: Any, putevent: Any) -> str:
        if name_of(spec) in self.dead:
            raise execnet.HostNotFound(spec.ssh)
        self.started.append(name_of(spec))
        return name_of(spec)

    def _clone_node(self, node: Worker) -> Any:
        return self.nodemanager.setup_node(node.gateway.spec, None)


def test_no_host_gets_a_copy_of_pytest_and_ssh_asks_nothing() -> None:
    worker = Worker("north")
    session = Session([worker])
    assert not session.nodemanager.roots
    session.nodemanager.setup_node(worker.gateway.spec, None)
    assert "BatchMode=yes" in worker.gateway.spec.ssh
    assert name_of(worker.gateway.spec) == "north"
    assert is_remote(worker.gateway.spec)
    assert not is_remote(execnet.XSpec("popen"))


def test_a_host_that_does_not_answer_is_reported() -> None:
    session = Session([worker := Worker("north")], dead={"north"})
    with pytest.raises(UnavailableError, match="north cannot be reached") as caught:
        session.pool.start(worker.gateway.spec, None)
    assert "ssh north python --version" in caught.value.hint


def test_a_lost_worker_starts_again_on_its_own_host_but_not_for_ever() -> None:
    session = Session([lost := Worker("north"), Worker("south")])
    for _ in range(TRIES + 1):
        session.pool.replace(lost)
    assert session.started == ["north"] * TRIES
    assert session.said == ["north is lost; what it had not finished goes to the others"]
    assert not session.shouldstop


def test_hosts_that_are_still_at_work_take_what_a_dead_host_leaves() -> None:
    session = Session([lost := Worker("north"), Worker("south"), Worker("west", shutting_down=True)], dead={"north"})
    session.pool.replace(lost)
    assert session.started == []
    assert not session.shouldstop


def test_when_all_others_are_at_their_end_another_host_gets_one_more_worker() -> None:
    """Otherwise nobody would run what the dead one had begun."""
    session = Session([lost := Worker("north"), Worker("south", shutting_down=True)], dead={"north"})
    assert session.pool.replace(lost) == "south"
    assert session.started == ["south"]


def test_without_any_host_the_run_stops() -> None:
    session = Session([lost := Worker("north")], dead={"north"})
    session.pool.replace(lost)
    assert "no host is left" in session.shouldstop


def test_a_module_that_was_under_way_runs_again_but_not_for_ever() -> None:
    session, pending = Session([Worker("north")]), list[str]()
    scheduler = SimpleNamespace(mark_test_pending=pending.append)
    found = []
    for _ in range(TRIES + 1):
        report = SimpleNamespace(outcome="failed", when="???", longrepr="crashed")
        session.pool.try_again("wasi::test_os", report, scheduler)
        found.append(report.outcome)
    assert found == [LOST] * TRIES + ["failed"]
    assert pending == ["wasi::test_os"] * TRIES


def test_hosts_are_named_in_the_projects_folder_and_count_their_own_workers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(project_root())
    hosts = ["--tx=ssh=north"]
    assert "-n" not in worker_arguments(Namespace(workers=0, tests=""), hosts)
    assert worker_arguments(Namespace(workers=3, tests=""), [])[:2] == ["-n", "3"]
    with pytest.raises(ConfigError, match="-n counts workers of this machine"):
        worker_arguments(Namespace(workers=3, tests=""), hosts)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError, match="in the project's own folder only"):
        worker_arguments(Namespace(workers=0, tests=""), hosts)


class Channel:
    """One end of execnet's channel, where the other end gives these answers."""

    def __init__(self, *answers: Any) -> None:
        self.answers = [json.dumps(answer) if isinstance(answer, dict) else answer for answer in answers]
        self.sent: list[Any] = []
        self.send = self.sent.append

    def receive(self) -> Any:
        if not self.answers:
            raise EOFError
        return self.answers.pop(0)

    def waitclose(self) -> None:
        """Closed already."""


def asked(channel: Channel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    (tmp_path / "b").write_bytes(b"x" * 10)
    monkeypatch.setattr(joining, "read_bundle_head", lambda _: SimpleNamespace(build="wasi-1", key="2"))
    gateway = SimpleNamespace(remote_exec=lambda _: channel)
    return joining.join_host(gateway, "north", WASI, "", tmp_path / "b")


def test_a_host_is_sent_the_bundle_only_when_it_lacks_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    answer = {"build": "/b", "runtime_version": WASI.runtime}
    assert asked(has := Channel(answer), tmp_path, monkeypatch) == answer
    assert [json.loads(text)["entry"] for text in has.sent] == ["wasi-1-2"]
    assert asked(lacks := Channel({"wants": "bundle"}, answer), tmp_path, monkeypatch) == answer
    assert lacks.sent[1:] == [b"x" * 10, b""]


@pytest.mark.parametrize(
    ("answers", "kind", "words"),
    [
        (
            [{"error": "no space", "hint": "free some", "status": 3}],
            UnavailableError,
            "north cannot take part: no space",
        ),
        ([{"error": "other lists", "hint": "", "status": 2}], ConfigError, "other lists"),
        ([{"runtime_version": "49.0.0"}], ConfigError, "north has wasmtime 49.0.0, and this machine 50.0.1"),
        ([], UnavailableError, "north was lost while it joined"),
    ],
)
def test_a_host_that_does_not_fit_is_reported_by_its_name(
    answers: list[Any], kind: type[Exception], words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(kind, match=words):
        asked(Channel(*answers), tmp_path, monkeypatch)


def test_a_host_with_another_harness_takes_no_part(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    channel = Channel({"fingerprint": "of another", "cell": "wasi", "runtime": "", "entry": "wasi-1-2"})
    joining.join(channel)
    (answer,) = map(json.loads, channel.sent)
    assert (answer["status"], "is another than the one" in answer["error"]) == (2, True)


def test_a_host_that_refuses_leaves_no_folder(
    tmp_path: Path, empty_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    (temporary := tmp_path / "temporary").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    (empty_cache / "bundles" / "wasi-1-2").mkdir(parents=True)
    request = {"fingerprint": joining.fingerprint(), "cell": "wasi", "runtime": "", "entry": "wasi-1-2"}
    joining.join(channel := Channel(request))
    (answer,) = map(json.loads, channel.sent)
    assert answer["status"] == 2, answer
    assert not list(temporary.iterdir())


def test_a_list_is_a_part_of_the_harness(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("matrices", "expected_failures", "harness/__pycache__"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "matrices" / "default.toml").touch()
    monkeypatch.chdir(tmp_path)
    before = joining.fingerprint()
    (tmp_path / "harness" / "__pycache__" / "x.pyc").touch()
    assert joining.fingerprint() == before
    (tmp_path / "expected_failures" / "more.toml").touch()
    assert joining.fingerprint() != before
