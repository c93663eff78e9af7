"""CPython's pythoninfo of a cell, which no run depends on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from harness.build.artifact import Build
from harness.engines.protocol import Ending, EngineSession, GuestExit, GuestRun, Watch
from harness.errors import EngineFailedError
from harness.manifest import LayoutRecord, Manifest
from harness.run.prepared import Prepared
from harness.run.python_info import keep_python_info
from tests.unit.sample_cells import WASI

PRINTED = "platform.machine: wasm32\n"


@dataclass
class Answering:
    """An engine whose guest prints a line and ends in a given way."""

    ending: GuestExit | None
    guests: list[GuestRun] = field(default_factory=list)

    def run(self, guest: GuestRun, watch: Watch) -> GuestExit:
        self.guests.append(guest)
        if self.ending is None:
            raise EngineFailedError("no memory for a wasm")
        guest.output.write_text(PRINTED)
        return self.ending

    def close(self) -> None:
        pass


@dataclass(frozen=True, kw_only=True)
class PreparedWith(Prepared):
    engine: Answering

    @property
    def guest_environment(self) -> dict[str, str]:
        return {}

    def open_engine(self, log: Path, index: int, packages: Path | None = None) -> EngineSession:
        return self.engine


@pytest.fixture
def cell(tmp_path: Path) -> Callable[[GuestExit | None], PreparedWith]:
    layout = LayoutRecord(build_folder="b", program="python.wasm", wasm="python.wasm")
    build = Build(folder=tmp_path / "build", manifest=Manifest(layout=layout))
    build.root.mkdir(parents=True)
    build.wasm.write_bytes(b"wasm")
    (tmp_path / "run").mkdir()
    return lambda ending: PreparedWith(
        cell=WASI, build=build, engine=Answering(ending), runtime=tmp_path, cache=tmp_path / "cache"
    )


def test_it_is_asked_once_for_a_build_and_kept_in_each_run(
    cell: Callable[[GuestExit | None], PreparedWith], tmp_path: Path
) -> None:
    first, second = (cell(GuestExit(ending=Ending.EXITED)) for _ in range(2))
    (tmp_path / "later").mkdir()
    # Before the first test nobody waits for an answer.
    keep_python_info(first, tmp_path / "run", ask=False)
    assert (first.engine.guests, [*(tmp_path / "run").iterdir()]) == ([], [])
    keep_python_info(first, tmp_path / "run")
    keep_python_info(second, tmp_path / "later", ask=False)
    (guest,) = first.engine.guests
    assert guest.argv[-2:] == ("-m", "test.pythoninfo")
    assert [(mount.guest, mount.writable) for mount in guest.mounts[-1:]] == [("/tmp", True)]
    assert second.engine.guests == []
    assert [(tmp_path / name / "pythoninfo.txt").read_text() for name in ("run", "later")] == [PRINTED] * 2


def test_errors_that_pythoninfo_prints_itself_do_not_end_it(
    cell: Callable[[GuestExit | None], PreparedWith], tmp_path: Path
) -> None:
    keep_python_info(cell(GuestExit(ending=Ending.EXITED, status=1)), tmp_path / "run")
    assert (tmp_path / "run" / "pythoninfo.txt").read_text() == PRINTED


@pytest.mark.parametrize(
    ("ending", "how"),
    [
        (GuestExit(ending=Ending.STOPPED, reason="no end within 60 s"), "no end within 60 s"),
        (GuestExit(ending=Ending.TRAPPED, reason="wasm trap: unreachable"), "wasm trap: unreachable"),
        (GuestExit(ending=Ending.EXITED, status=7), "it exited with status 7"),
    ],
)
def test_what_breaks_off_is_kept_as_far_as_it_came(
    cell: Callable[[GuestExit | None], PreparedWith], ending: GuestExit, how: str, tmp_path: Path
) -> None:
    keep_python_info(cell(ending), tmp_path / "run")
    assert (tmp_path / "run" / "pythoninfo.txt").read_text() == f"{PRINTED}\nIt broke off here: {how}\n"
    # The next run asks again.
    keep_python_info(cell(GuestExit(ending=Ending.EXITED)), tmp_path / "run")
    assert (tmp_path / "run" / "pythoninfo.txt").read_text() == PRINTED


def test_an_engine_that_does_not_work_leaves_no_file_and_is_asked_again(
    cell: Callable[[GuestExit | None], PreparedWith], tmp_path: Path
) -> None:
    keep_python_info(cell(None), tmp_path / "run")
    assert not (tmp_path / "run" / "pythoninfo.txt").exists()
    keep_python_info(cell(GuestExit(ending=Ending.EXITED)), tmp_path / "run")
    assert (tmp_path / "run" / "pythoninfo.txt").read_text() == PRINTED
