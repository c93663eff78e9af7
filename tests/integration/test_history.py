"""The history when its file is in trouble: two writers, a kill in the middle, a full disk, a read-only disk."""

from __future__ import annotations

import contextlib
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from harness.cli import main as cli
from harness.errors import EXIT_OK, EXIT_UNAVAILABLE
from harness.history.database import opened
from harness.history.query import query_history
from harness.history.store import Store
from harness.results.cell_results import write_results
from tests.integration.disk import small_disk
from tests.unit.sample_results import case, module, results

pytestmark = pytest.mark.integration
CASE = "test.test_os.T.test_1"

# A writer that has written its pages and never comes to its end.
STALLED = """
import sys, time
from pathlib import Path
from harness.history.database import opened
from harness.history.record import record_of
from harness.history.store import Store
from harness.results.cell_results import load_results
with opened(Path(sys.argv[1]), write=True) as connection:
    connection.execute("PRAGMA cache_size = 1")
    Store(connection).record(record_of(load_results(Path(sys.argv[2])), source="killed"))
    print("written", flush=True)
    time.sleep(60)
"""


def results_of_day(folder: Path, day: int, *, cases: int = 500) -> Path:
    made = results(module("test_os", *(case(f"test_os.T.test_{number}") for number in range(cases))))
    path = folder / f"day-{day:02}" / "wasi" / "results.json"
    run = msgspec.structs.replace(made.run, started=f"2026-09-{day:02}T03:00:00Z")
    write_results(path, msgspec.structs.replace(made, run=run))
    return path


def runs_in(file: Path) -> int:
    with opened(file, write=False) as connection:
        (answer,) = query_history(Store(connection), CASE).cases
    return answer.account.runs


def recording(file: Path, *paths: Path) -> list[str]:
    return [sys.executable, "-m", "harness", "record", "--history", str(file), *map(str, paths)]


def test_writers_at_the_same_time_lose_nothing(tmp_path: Path) -> None:
    file, paths = tmp_path / "history.sqlite", [results_of_day(tmp_path, day) for day in range(1, 13)]
    groups = [paths[0::3], paths[1::3], paths[2::3], paths[0::3]]
    running = [subprocess.Popen(recording(file, *group), stdout=subprocess.DEVNULL) for group in groups]
    assert [process.wait(timeout=60) for process in running] == [EXIT_OK] * 4
    assert runs_in(file) == 12


def test_a_writer_that_is_killed_leaves_nothing_half_written_and_nobody_waiting(tmp_path: Path) -> None:
    file = tmp_path / "history.sqlite"
    assert cli.main(recording(file, results_of_day(tmp_path, 1))[3:]) == EXIT_OK
    late = results_of_day(tmp_path, 2, cases=9_000)
    stalled = [sys.executable, "-c", STALLED, str(file), str(late)]
    with subprocess.Popen(stalled, stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdout
        assert writer.stdout.readline() == "written\n"
        journal = Path(f"{file}-journal")
        assert journal.stat().st_size > 0, "nothing was half written, so that nothing is tested"
        writer.send_signal(signal.SIGKILL)
    assert journal.exists()
    assert runs_in(file) == 1
    assert cli.main(recording(file, late)[3:]) == EXIT_OK
    assert runs_in(file) == 2


def test_a_writer_that_is_killed_anywhere_can_do_it_again(tmp_path: Path) -> None:
    paths = [results_of_day(tmp_path, day, cases=2_000) for day in range(1, 6)]
    file = tmp_path / "history.sqlite"
    for delay in (0.2, 0.35, 0.5, 0.7):
        writer = subprocess.Popen(recording(file, *paths), stdout=subprocess.DEVNULL, start_new_session=True)
        time.sleep(delay)
        writer.kill()
        writer.wait()
    assert cli.main(recording(file, *paths)[3:]) == EXIT_OK
    assert runs_in(file) == 5


def test_a_full_disk_is_reported_and_the_recorded_runs_stay(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with small_disk(tmp_path / "disk", size="512k") as disk:
        file = disk / "history.sqlite"
        assert cli.main(recording(file, results_of_day(tmp_path, 1))[3:]) == EXIT_OK
        assert cli.main(recording(file, results_of_day(tmp_path, 2, cases=9_000))[3:]) == EXIT_UNAVAILABLE
        assert "full; nothing of this was recorded" in capsys.readouterr().err
        assert runs_in(file) == 1


@contextlib.contextmanager
def read_only(folder: Path) -> Iterator[None]:
    subprocess.run(["mount", "-o", "remount,ro", str(folder)], check=True)
    try:
        yield
    finally:
        subprocess.run(["mount", "-o", "remount,rw", str(folder)], check=True)


def test_a_read_only_disk_can_be_asked_and_not_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with small_disk(tmp_path / "disk", size="512k") as disk:
        file, first, second = disk / "history.sqlite", results_of_day(tmp_path, 1), results_of_day(tmp_path, 2)
        assert cli.main(recording(file, first)[3:]) == EXIT_OK
        with read_only(disk):
            assert runs_in(file) == 1
            assert cli.main(recording(file, second)[3:]) == EXIT_UNAVAILABLE
            assert "cannot use the history" in capsys.readouterr().err
            assert cli.main(recording(disk / "new" / "history.sqlite", second)[3:]) == EXIT_UNAVAILABLE
