"""What is special to the wasmtime engine: the compiled module that is kept, its mounts, its processors."""

from __future__ import annotations

import dataclasses
import os
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.engines import wasmtime as wasmtime_engine
from harness.engines.protocol import Ending, GuestRun, Mount
from harness.engines.wasmtime import processor_for
from harness.errors import EngineFailedError
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
    with pytest.raises(EngineFailedError, match="the engine could not run a guest"):
        opened("well").run(guest, lambda: None)


def test_a_wasmtime_with_another_interface_is_a_fault_of_the_engine(opened: Opener, tmp_path: Path) -> None:
    """The fault shows at the first guest at the latest: here wasmtime lacks one of its calls."""
    session = opened("well")
    shutil.copytree(Path(wasmtime_engine.__file__).with_name("child"), tmp_path / "engines")
    worker = tmp_path / "engines" / "wasmtime_worker.py"
    session._command = dataclasses.replace(session._command, argv=(*session._command.argv[:2], str(worker), "."))
    code = worker.read_text(encoding="utf-8")
    for call in ("store.set_limits(", "self.wasmtime.Engine("):
        assert call in code
        worker.write_text(code.replace(call, call.replace("(", "_no_more(")), encoding="utf-8")
        with pytest.raises(EngineFailedError, match=r"AttributeError.*_no_more"):
            run(session, tmp_path)


@pytest.mark.parametrize(
    ("name", "status", "journal"),
    [
        ("journal", 6, "before\nhello\n"),
        ("journal-of-too-much", 21, "before\n"),
        ("journal-from-beyond", 21, "before\n"),
        ("journal-answered-beyond", 21, "before\n"),
    ],
)
def test_what_a_guest_writes_to_its_journal_is_appended(
    opened: Opener, tmp_path: Path, name: str, status: int, journal: str
) -> None:
    (tmp_path / "journal").write_text("before\n")
    guest = GuestRun(argv=("guest",), mounts=(), output=tmp_path / "o", journal=tmp_path / "journal")
    assert opened(name).run(guest, lambda: None).status == status
    assert (tmp_path / "journal").read_text() == journal


def test_a_guest_without_a_journal_has_no_such_descriptor(opened: Opener, tmp_path: Path) -> None:
    badf = 8
    assert run(opened("journal"), tmp_path).status == badf


def test_a_guest_that_is_busy_with_wasi_calls_is_stopped_softly(opened: Opener, tmp_path: Path) -> None:
    """WASI writes to the guest's memory too, and must not meet what is taken away: the engine would die of it."""
    session = opened("loop-with-calls")
    for number in (1, 2):
        deadline = time.monotonic() + 0.5
        guest = GuestRun(argv=("guest",), mounts=(), output=tmp_path / "o", journal=tmp_path / f"journal{number}")
        ended = session.run(guest, lambda end=deadline: "enough" if time.monotonic() > end else None)  # type: ignore[misc]
        assert (ended.ending, ended.python_stack) == (Ending.STOPPED, "hello\n")
    assert session.starts == 1


def test_a_loop_that_touches_no_memory_is_ended_with_its_engine(opened: Opener, tmp_path: Path) -> None:
    session = opened("loop-without-memory")
    for number in (1, 2):
        ended = run(session, tmp_path, stop_after=0.2)
        assert (ended.ending, ended.reason, session.starts) == (Ending.STOPPED, "enough", number)


def test_a_guest_that_is_stopped_before_it_begins_does_not_begin(opened: Opener, tmp_path: Path) -> None:
    session = opened("loop")
    for _ in range(5):
        guest = GuestRun(argv=("guest",), mounts=(), output=tmp_path / "o")
        assert session.run(guest, lambda: "enough").ending is Ending.STOPPED
    assert session.starts == 1


def test_the_folders_of_a_guest_stay_open(opened: Opener, tmp_path: Path) -> None:
    badf = 8
    mounts = (Mount(host=tmp_path, guest="/"),)
    ended = opened("closes").run(GuestRun(argv=("guest",), mounts=mounts, output=tmp_path / "o"), lambda: None)
    assert ended.status == badf + 8 * badf


def test_sessions_side_by_side_spread_over_the_processors() -> None:
    count = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 1
    assert len({processor_for(index) for index in range(count)}) == count


@pytest.mark.skipif(not hasattr(os, "SCHED_BATCH"), reason="the system has no such policy")
def test_the_threads_of_an_engine_are_batch_jobs(opened: Opener, tmp_path: Path) -> None:
    session = opened("well")
    run(session, tmp_path)
    assert os.sched_getscheduler(session.pid) == os.SCHED_BATCH


@pytest.mark.skipif(not Path("/sys/kernel/mm/transparent_hugepage").exists(), reason="the system has no huge pages")
def test_the_memory_of_a_guest_may_have_huge_pages(opened: Opener, tmp_path: Path) -> None:
    session, deadline = opened("loop"), time.monotonic() + 20
    marked: list[str] = []

    def look() -> str | None:
        text = Path(f"/proc/{session.pid}/smaps").read_text(encoding="utf-8")
        marked[:] = [line for line in text.splitlines() if line.startswith("VmFlags:") and " hg" in line]
        return "enough" if marked or time.monotonic() > deadline else None

    session.run(GuestRun(argv=("guest",), mounts=(), output=tmp_path / "o"), look)
    assert marked
