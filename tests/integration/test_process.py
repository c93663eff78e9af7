"""Processes: groups, time limits, logs, what is left when the harness is gone; and the locks they inherit."""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from harness.errors import UnavailableError
from harness.util import locks
from harness.util.cache import make_entry
from harness.util.files import write_atomically
from harness.util.locks import locked
from harness.util.process import Background, Command, Completed, capture, last_lines, run
from tests.processes import is_running, wait_for

pytestmark = pytest.mark.integration


def shell(script: str, folder: Path, **more: object) -> Command:
    return Command(argv=("/bin/sh", "-c", script), cwd=folder, **more)  # type: ignore[arg-type]


def test_output_goes_into_the_result(tmp_path: Path) -> None:
    done = run(shell("echo out; echo err >&2; exit 3", tmp_path))
    assert (done.output, done.returncode, done.ok) == ("out\nerr\n", 3, False)
    assert done.ending == "ended with status 3"


def test_output_that_is_data_has_no_errors_in_it(tmp_path: Path) -> None:
    done = run(shell("echo out; echo err >&2; exit 3", tmp_path), separate_stderr=True)
    assert (done.output, done.errors, done.combined_output) == ("out\n", "err\n", "err\nout")
    assert capture(["/bin/sh", "-c", "echo warning >&2; echo 1.2"]) == "1.2"


def test_output_goes_to_the_log_instead(tmp_path: Path) -> None:
    log = tmp_path / "logs" / "x.log"
    for _ in range(2):
        assert run(shell("echo line", tmp_path), log=log).output == ""
    assert log.read_text() == "line\nline\n"


def ended(child: Background) -> Completed:
    wait_for(child.poll, "the command ends")
    done = child.poll()
    assert done is not None
    return done


def test_commands_run_side_by_side(tmp_path: Path) -> None:
    # Each ends only when all three run.
    script = "touch here.$$; until [ $(ls here.* | wc -l) = 3 ]; do sleep 0.01; done; echo $$; exit 3"
    children = [Background(shell(script, tmp_path), log=tmp_path / str(n)) for n in range(3)]
    assert [ended(child).returncode for child in children] == [3, 3, 3]
    assert len({(tmp_path / str(n)).read_text() for n in range(3)}) == 3


def test_a_command_that_is_interrupted_may_still_write_what_it_has(tmp_path: Path) -> None:
    log = tmp_path / "log"
    child = Background(
        shell("trap 'echo kept; exit 130' TERM; echo on; while :; do sleep 0.05; done", tmp_path), log=log
    )
    wait_for(log.read_text, "the command writes")
    child.interrupt()
    assert ended(child).returncode == 130
    assert log.read_text() == "on\nkept\n"


@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="the system cannot bind a process to processors")
def test_a_command_keeps_to_its_processors_and_we_do_not(tmp_path: Path) -> None:
    before = os.sched_getaffinity(0)
    one = frozenset({min(before)})
    program = "import os; print(os.sched_getaffinity(0))"
    command = Command(argv=(sys.executable, "-c", program), cwd=tmp_path)
    ended(Background(command, log=tmp_path / "log", processors=one))
    assert (tmp_path / "log").read_text() == f"{set(one)}\n"
    assert os.sched_getaffinity(0) == before


def test_a_signal_is_named(tmp_path: Path) -> None:
    assert run(shell("kill -SEGV $$", tmp_path)).ending == "was killed by SIGSEGV"


def test_a_command_that_takes_too_long_is_stopped_with_its_children(tmp_path: Path) -> None:
    pid_file = tmp_path / "pid"
    done = run(shell(f"sleep 600 & echo $! > {pid_file}; wait", tmp_path, timeout=0.3))
    assert done.timed_out
    assert "was stopped after" in done.ending
    pid = int(pid_file.read_text())
    wait_for(lambda: not is_running(pid), "its child has ended")


def test_a_program_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(UnavailableError, match="cannot start '/no/such/program'"):
        run(Command(argv=("/no/such/program",), cwd=tmp_path))


def test_there_is_no_standard_input_to_wait_for(tmp_path: Path) -> None:
    assert run(shell("cat", tmp_path, timeout=10)).ok


def test_progress_is_reported_while_a_command_is_running(tmp_path: Path) -> None:
    ticks: list[float] = []
    run(shell("sleep 0.7", tmp_path), on_tick=ticks.append)
    assert len(ticks) >= 2
    assert ticks == sorted(ticks)


def test_the_line_that_reproduces_a_command_does(tmp_path: Path) -> None:
    command = shell('echo "$SPAM in $(pwd)"', tmp_path, env=dict(os.environ) | {"SPAM": "a b'c"})
    again = subprocess.run(command.reproduce(), shell=True, text=True, capture_output=True, check=True)
    assert again.stdout == f"a b'c in {tmp_path}\n"
    assert command.reproduce().count("PATH=") == 0


def test_capture_is_empty_for_what_fails() -> None:
    assert capture(["/bin/echo", "x"]) == "x"
    assert capture(["/bin/false"]) == ""
    assert capture(["/no/such/program"]) == ""


def test_the_last_lines_of_a_long_log(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text("".join(f"{number}\n" for number in range(100_000)))
    assert last_lines(log, 2) == "99998\n99999"
    assert last_lines(tmp_path / "none") == ""


def test_an_interruption_takes_the_children_along(tmp_path: Path) -> None:
    pid_file = tmp_path / "pid"

    def interrupt(_: float) -> None:
        if pid_file.exists() and pid_file.read_text():
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(shell(f"sleep 600 & echo $! > {pid_file}; wait", tmp_path), on_tick=interrupt)
    pid = int(pid_file.read_text())
    wait_for(lambda: not is_running(pid), "its child has ended")


def test_two_threads_make_an_entry_once(tmp_path: Path) -> None:
    made = []

    def make(folder: Path) -> None:
        made.append(folder)
        time.sleep(0.3)
        (folder / "x").touch()

    threads = [threading.Thread(target=make_entry, args=(tmp_path / "entry", make)) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(made) == 1
    assert (tmp_path / "entry" / "x").exists()


def test_an_entry_that_fails_leaves_nothing(tmp_path: Path) -> None:
    def make(folder: Path) -> None:
        (folder / "half").touch()
        raise ValueError("half way")

    with pytest.raises(ValueError, match="half way"):
        make_entry(tmp_path / "entry", make)
    assert [path.name for path in tmp_path.iterdir()] == ["entry.lock"]


def test_a_file_is_replaced_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "x"
    write_atomically(path, "old")
    with pytest.raises(UnicodeEncodeError):
        write_atomically(path, "\ud800")
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_orphans_that_hold_a_lock_are_ended_by_the_next_run(tmp_path: Path, said: list[str]) -> None:
    lock, started = tmp_path / "lock", tmp_path / "started"
    script = f"""
from pathlib import Path
from harness.util import locks
from harness.util.locks import locked
from harness.util.process import Command, run
with locked(Path({str(lock)!r})) as descriptor:
    argv = ("/bin/sh", "-c", "echo $$ > {started}.new; mv {started}.new {started}; sleep 600; true")
    run(Command(argv=argv, cwd=Path("/")), keep_open=[descriptor])
"""
    with subprocess.Popen([sys.executable, "-c", script]) as owner:
        wait_for(started.exists, "the command runs")
        owner.send_signal(signal.SIGKILL)
    pid = int(started.read_text())
    with locked(lock):
        wait_for(lambda: not is_running(pid), "the command has ended")


@pytest.mark.skipif(not Path("/proc/self/ns/pid").is_symlink(), reason="only Linux tells where a pid is one")
@pytest.mark.parametrize(("place", "killed"), [(locks._place(), True), ("0123456789abcdef", False), ("", False)])
def test_a_group_that_has_the_number_elsewhere_is_not_ended(tmp_path: Path, place: str, killed: bool) -> None:
    with subprocess.Popen(["/bin/true"]) as owner:
        owner.wait()
    with (
        subprocess.Popen(["/bin/sleep", "10"], start_new_session=True) as somebody,
        (tmp_path / "lock").open("w") as holder,
    ):
        holder.write(f"{owner.pid:<12}{somebody.pid:<12}{place}")
        holder.flush()
        fcntl.flock(holder, fcntl.LOCK_EX)
        release = threading.Timer(0.5, fcntl.flock, (holder, fcntl.LOCK_UN))
        release.start()
        with locked(tmp_path / "lock"):
            assert (somebody.poll() is not None) == killed
        somebody.kill()


def test_a_lock_that_is_free_names_nobody(tmp_path: Path) -> None:
    lock = tmp_path / "lock"
    with locked(lock) as descriptor:
        run(shell("true", tmp_path), keep_open=[descriptor])
        assert lock.read_text().startswith(f"{os.getpid()} ")
    assert lock.read_text() == ""
