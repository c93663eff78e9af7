"""Runs the interpreter of a cell as the suite's guests are run: `python -m harness python CELL -c CODE`."""

from __future__ import annotations

import math
import shutil
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO

from harness.engines.protocol import Ending, GuestExit, Mount
from harness.errors import EXIT_UNEXPECTED, ConfigError
from harness.run.prepared import Prepared
from harness.util.files import remove_tree

# The guest's path of the folder of a script, and of a folder that it may write to.
HERE = "/here"
SCRATCH = "/scratch"
MAX_STATUS = 255


def run_interpreter(
    prepared: Prepared, arguments: Sequence[str], output: BinaryIO, *, seconds: float = math.inf
) -> tuple[GuestExit, int]:
    """Runs the interpreter with Python's own arguments, and copies its output to `output` as it comes. After so many
    seconds it is stopped.

    Returns how it ended, and an exit status for the shell: its own, or 1 if it did not exit by itself. A script among
    the arguments is a path of the host, whose folder the guest has as `/here`. ConfigError when it does not exist.
    """
    argv, mounts = with_script(arguments)
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        printed = folder / "output"
        printed.touch()
        (folder / "scratch").mkdir()
        scratch_mount = Mount(host=folder / "scratch", guest=SCRATCH, writable=True)
        engine = prepared.open_engine(folder / "engine.log", 0)
        deadline = time.monotonic() + seconds
        with printed.open("rb") as reader:

            def watch() -> str | None:
                """Copies the output since the last call. Returns a reason to stop after too long."""
                shutil.copyfileobj(reader, output)
                output.flush()
                return None if time.monotonic() < deadline else f"it took more than {seconds:.0f} s"

            try:
                ending = engine.run(prepared.guest_python(argv, (*mounts, scratch_mount), printed), watch)
            finally:
                engine.close()
                # A guest may leave files in there that the context manager cannot delete.
                remove_tree(scratch_mount.host)
            watch()
    return ending, status_of(ending)


def status_of(ending: GuestExit) -> int:
    """The exit status for the shell; 1 for a status above 255, since the shell would see 256 as 0."""
    is_status = ending.ending is Ending.EXITED and 0 <= ending.status <= MAX_STATUS
    return ending.status if is_status else EXIT_UNEXPECTED


def with_script(arguments: Sequence[str]) -> tuple[tuple[str, ...], tuple[Mount, ...]]:
    """The arguments with the guest's path of the script among them, if there is one, and the mount of its folder."""
    words = iter(enumerate(arguments))
    for index, word in words:
        if word.startswith(("-c", "-m")):
            return tuple(arguments), ()
        if word in {"-W", "-X"}:
            next(words, None)
        elif not word.startswith("-"):
            script = Path(word).absolute()
            if not script.is_file():
                raise ConfigError(f"{word}: there is no such script", hint="name a file of this machine, or -c CODE")
            named = f"{HERE}/{script.name}"
            return (*arguments[:index], named, *arguments[index + 1 :]), (Mount(host=script.parent, guest=HERE),)
    raise ConfigError(
        "there is nothing to run: a guest has no terminal to read from", hint="give -c CODE, -m MODULE or a script"
    )
