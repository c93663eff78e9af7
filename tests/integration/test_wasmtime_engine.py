"""What is special to the wasmtime engine: the compiled module that is kept, its mounts, its processors."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.engines import Ending, GuestRun, Mount
from harness.engines.wasmtime import processor_for
from tests.integration.guests import Opener, opener, run

pytestmark = pytest.mark.integration


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Opener]:
    with opener("wasmtime", tmp_path) as open_it:
        yield open_it


def test_a_module_is_compiled_once_and_kept(opened: Opener, tmp_path: Path) -> None:
    run(opened("well"), tmp_path)
    compiled = tmp_path / "well.cwasm"
    before = compiled.stat().st_mtime_ns
    run(opened("well"), tmp_path)
    assert compiled.stat().st_mtime_ns == before


def test_a_damaged_compiled_module_is_made_again(opened: Opener, tmp_path: Path) -> None:
    (tmp_path / "well.cwasm").write_bytes(b"not compiled")
    assert run(opened("well"), tmp_path).ending is Ending.EXITED


def test_a_mount_that_is_not_there_is_a_fault_of_the_engine_not_a_hang(opened: Opener, tmp_path: Path) -> None:
    guest = GuestRun(argv=("guest",), mounts=(Mount(host=tmp_path / "no", guest="/"),), output=tmp_path / "o")
    ended = opened("well").run(guest, lambda: None)
    assert ended.ending is Ending.TRAPPED
    assert "could not run the guest" in ended.reason


def test_sessions_side_by_side_spread_over_the_processors() -> None:
    count = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 1
    assert len({processor_for(index) for index in range(count)}) == count
