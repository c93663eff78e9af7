"""One run over two machines by pytest-xdist over ssh; one of the machines may die."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from harness.run.prepared import Prepared
from tests.integration.ssh_hosts import ROOT, Host, ssh_hosts

pytestmark = [pytest.mark.integration, pytest.mark.toolchain]
SELECTED = "test_bool or test_glob or test_sysconfig or test_json or test_heapq or test_deque or test_colorsys"


@pytest.fixture(scope="module")
def hosts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Host]]:
    with ssh_hosts(tmp_path_factory.mktemp("hosts"), ("north", "south")) as found:
        yield found


def start(wasi: Prepared, run: Path, *arguments: str) -> subprocess.Popen[str]:
    runtime = f"--runtime=path:{wasi.runtime}"
    argv = [sys.executable, "-m", "harness", "test", "wasi", runtime, "-k", SELECTED, "--run-dir", str(run), *arguments]
    env = dict(os.environ) | {"PYTHONPATH": str(ROOT)}
    return subprocess.Popen(argv, cwd=ROOT, env=env, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


def ended(child: subprocess.Popen[str]) -> tuple[int, str]:
    said, _ = child.communicate(timeout=300)
    return child.returncode, said


def outcomes(run: Path) -> dict[str, Any]:
    """What every module and case did, without the times."""
    results = json.loads((run / "wasi" / "results.json").read_text())
    return {
        name: (module["outcome"], {case: found["outcome"] for case, found in module["cases"].items()})
        for name, module in results["modules"].items()
    }


def test_hosts_share_nothing_and_give_what_one_machine_gives(wasi: Prepared, hosts: list[Host], tmp_path: Path) -> None:
    status, said = ended(start(wasi, tmp_path / "here", "-n", "2"))
    assert status == 0, said
    status, said = ended(start(wasi, tmp_path / "hosts", "-d", *[host.tx for host in hosts]))
    assert status == 0, said
    assert outcomes(tmp_path / "hosts") == outcomes(tmp_path / "here")
    for host in hosts:
        assert [path for path in (host.cache / "bundles").iterdir() if path.is_dir()]
        assert not list(host.home.glob("tmp/wasm-harness-*"))
    # What is written on a host is written there only: the journal of no module is here.
    assert not (tmp_path / "hosts" / "wasi" / "journal").exists()


def test_a_host_that_cannot_take_part_is_reported_before_anything_runs(
    wasi: Prepared, hosts: list[Host], tmp_path: Path
) -> None:
    stranger = hosts[0].tx.replace("ssh=north", "ssh=nowhere.invalid")
    status, said = ended(start(wasi, tmp_path / "1", hosts[0].tx, stranger))
    assert (status, "nowhere.invalid cannot be reached" in said, "Traceback" in said) == (3, True, False), said
    assert "ResourceWarning" not in said
    list_ = next((hosts[1].checkout / "expected_failures").rglob("*.toml"))
    text = list_.read_text()
    list_.write_text(text + "\n# another state\n")
    try:
        status, said = ended(start(wasi, tmp_path / "2", *[host.tx for host in hosts]))
    finally:
        list_.write_text(text)
    assert (status, "south cannot take part: its harness in" in said, "Traceback" in said) == (2, True, False), said


def test_a_host_that_dies_in_the_middle_loses_no_result(wasi: Prepared, hosts: list[Host], tmp_path: Path) -> None:
    status, said = ended(start(wasi, tmp_path / "here", "-n", "2"))
    assert status == 0, said
    child = start(wasi, tmp_path / "hosts", *[host.tx for host in hosts])
    while not hosts[1].journals():
        assert child.poll() is None, child.communicate()[0]
        time.sleep(0.02)
    hosts[1].die()
    status, said = ended(child)
    assert "south is lost; what it had not finished goes to the others" in said
    assert status == 0, said
    assert outcomes(tmp_path / "hosts") == outcomes(tmp_path / "here")


def test_a_run_keeps_what_is_finished_when_its_last_host_dies(wasi: Prepared, tmp_path: Path) -> None:
    with ssh_hosts(tmp_path, ("alone",)) as (host,):
        child = start(wasi, tmp_path / "run", host.tx)
        while len(host.journals()) < 3:
            assert child.poll() is None, child.communicate()[0]
            time.sleep(0.02)
        host.die()
        status, said = ended(child)
    assert (status, "no host is left" in said, "Traceback" in said) == (130, True, False), said
    kept = outcomes(tmp_path / "run")
    assert len(kept) >= 1
    status, said = ended(start(wasi, tmp_path / "run", "--resume", "-n", "2"))
    assert status == 0, said
    assert outcomes(tmp_path / "run").items() >= kept.items()
