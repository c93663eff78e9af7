"""Processes, their ids, and what one process may say to another."""

import os
import signal
import sys
from collections.abc import Callable

from observed import NoEffect, NotApplicable, ask_host, scratch

# What wasi-libc and Emscripten's C library both give as the process id.
MADE_UP_ID = 42


def ended_well(pid: int) -> None:
    _, status = os.waitpid(pid, 0)
    if status != 0:
        raise NoEffect(f"the child ended with status {status}")


def fork() -> None:
    pid = os.fork()
    if pid == 0:
        os._exit(0)
    ended_well(pid)


def execv() -> None:
    """A program that is not there must not be found; the attempt itself is what counts."""
    try:
        os.execv(scratch("no-such-program"), ["no-such-program"])
    except FileNotFoundError:
        return


def posix_spawn() -> None:
    try:
        os.posix_spawn(scratch("no-such-program"), ["no-such-program"], {})
    except FileNotFoundError:
        return


def waitpid() -> None:
    """There is no child to wait for."""
    try:
        os.waitpid(-1, 0)
    except ChildProcessError:
        return
    raise NoEffect("waitpid() found a child that nobody started")


def system() -> None:
    if os.system("exit 3") == 0:
        raise NoEffect("a shell that ends with status 3 gives 0")


def popen() -> None:
    with os.popen("echo hello") as stream:
        if stream.read() != "hello\n":
            raise NoEffect("what the shell prints is lost")


def subprocess_run() -> None:
    import subprocess

    program = sys.executable or "python"
    done = subprocess.run([program, "-c", "print('hello')"], capture_output=True, text=True)
    if done.stdout != "hello\n":
        raise NoEffect(f"what the child prints is lost: {done.stdout!r} {done.stderr!r}")


def _child() -> None:
    pass


def multiprocessing_process() -> None:
    import multiprocessing

    child = multiprocessing.get_context("fork").Process(target=_child)
    child.start()
    child.join()
    if child.exitcode != 0:
        raise NoEffect(f"the child ended with status {child.exitcode}")


def kill() -> None:
    os.kill(os.getpid(), 0)


def killpg() -> None:
    os.killpg(os.getpgrp(), 0)


def getpid() -> None:
    if os.getpid() == MADE_UP_ID and not os.path.exists(f"/proc/{MADE_UP_ID}/stat"):
        raise NoEffect(f"the id is always {MADE_UP_ID}")


def getppid() -> None:
    if os.getppid() < 0:
        raise NoEffect(f"the parent's id is {os.getppid()}")


def getsid() -> None:
    os.getsid(0)


def getpgrp() -> None:
    os.getpgrp()


def getpriority() -> None:
    os.getpriority(os.PRIO_PROCESS, 0)


def nice() -> None:
    before = os.nice(0)
    if before < 19 and os.nice(1) != before + 1:
        raise NoEffect("nice(1) changes nothing")


def getrusage() -> None:
    import resource

    sum(range(10**6))
    if resource.getrusage(resource.RUSAGE_SELF).ru_utime <= 0:
        raise NoEffect("no time was used")


def setrlimit() -> None:
    import resource

    _, hard = resource.getrlimit(resource.RLIMIT_CORE)
    resource.setrlimit(resource.RLIMIT_CORE, (0, hard))
    if resource.getrlimit(resource.RLIMIT_CORE)[0] != 0:
        raise NoEffect("the limit is not changed")


def syslog() -> None:
    """Opens a connection to the log, and writes nothing to it."""
    import syslog

    syslog.openlog("probe", syslog.LOG_NDELAY)
    syslog.closelog()


def shared_memory() -> None:
    from multiprocessing import shared_memory

    block = shared_memory.SharedMemory(create=True, size=16)
    block.close()
    block.unlink()


def alarm() -> None:
    """The signal must come while the interpreter is busy."""
    _wait_for(signal.SIGALRM, lambda: signal.alarm(1))


def itimer() -> None:
    _wait_for(signal.SIGALRM, lambda: signal.setitimer(signal.ITIMER_REAL, 0.1))


def siginterrupt() -> None:
    signal.siginterrupt(signal.SIGUSR1, False)


def sigterm() -> None:
    """With a handler, SIGTERM is only a signal."""
    _wait_for(signal.SIGTERM, lambda: os.kill(os.getpid(), signal.SIGTERM))


def keyboard_interrupt() -> None:
    """What Ctrl-C sends: SIGINT for the process that runs the interpreter, while it is busy."""
    if sys.platform == "emscripten" and sys._emscripten_info.runtime.startswith("Mozilla/"):
        raise NotApplicable("what is pressed in a page is no signal for its process")
    # Who starts a program in the background may have it ignored.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        ask_host("interrupt", os.getpid())
        _be_busy(5)
    except KeyboardInterrupt:
        return
    raise NoEffect("KeyboardInterrupt was not raised")


def _be_busy(seconds: float) -> None:
    """A loop that must not stand in the `try` itself: since 3.12 its jump back is outside the exception table, and an
    interrupt that comes exactly there passes the `except`.
    """
    import time

    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        pass


def _wait_for(number: int, send: Callable[[], object]) -> None:
    import time

    seen = []
    signal.signal(number, lambda *_: seen.append(number))
    send()
    deadline = time.monotonic() + 3
    while not seen:
        if time.monotonic() > deadline:
            raise NoEffect("the handler was never called")


def exit_codes() -> None:
    if os.EX_USAGE <= os.EX_OK:
        raise NoEffect("the codes are not what they should be")


def wait_status() -> None:
    if not os.WIFEXITED(0) or os.WEXITSTATUS(3 << 8) != 3:
        raise NoEffect("a status is taken apart wrongly")
