"""Runs tests/data/escape.py in a cell and looks at what it has changed on the host.

`python -m tests.integration.hostile PREPARED FOLDER START UID` does it as an ordinary user: PREPARED is a file with a
pickled `Prepared`, UID that of the user, to whom FOLDER belongs. It prints what `attack` gives, as JSON.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import pickle
import shutil
import sys
import time
from collections.abc import Mapping
from pathlib import Path

from harness.build.stage import make_read_only
from harness.engines.fresh import FreshEngine
from harness.engines.protocol import JOURNAL, GuestRun, Mount, Prologue
from harness.run.prepared import Prepared
from harness.util.files import remove_tree

DATA = Path(__file__).parent.parent / "data"
WARM, FRESH = "warm", "fresh"
# It takes two, on a machine with nothing else to do.
SECONDS = 300.0
# From <linux/prctl.h> and <linux/capability.h>.
_KEEPCAPS, _AMBIENT, _RAISE = 8, 47, 2
_VERSION_3, _READ_SEARCH = 0x20080522, 2
# The exit status of a process that could not become an ordinary user.
CANNOT = 77


def attack(prepared: Prepared, folder: Path, start: str) -> dict[str, object]:
    """How the program ended, what it printed, what is in its journal, and what of the host's files it has changed.

    The guest is continued from a pause if `start` is WARM and the engine can do that.
    """
    run, watched = hostile_run(prepared, folder)
    before = {name: state_of(path) for name, path in watched.items()}
    deadline = time.monotonic() + SECONDS
    engine = prepared.open_engine(folder / "engine.log", 0)
    with contextlib.closing(FreshEngine(engine) if start == FRESH else engine) as session:
        ended = session.run(run, lambda: "it takes too long" if time.monotonic() > deadline else None)
    changed = [name for name, path in watched.items() if state_of(path) != before[name]]
    scratch = folder / "scratch"
    left = bool(scratch.stat().st_mode & 0o777 == 0 or list(scratch.iterdir()))
    remove_tree(scratch)
    changed += [name for name, path in watched.items() if state_of(path) != before[name]]
    assert run.journal
    return {
        "ended": [ended.ending, ended.status, ended.reason],
        "printed": run.output.read_text().splitlines(),
        "journal": run.journal.read_text().splitlines(),
        "changed": sorted(set(changed)),
        "left": left,
        "scratch": scratch.exists(),
    }


def hostile_run(prepared: Prepared, folder: Path) -> tuple[GuestRun, Mapping[str, Path]]:
    """The run, and what it must not change. The sealed folder's files are hard links, as those of a staged library."""
    watched = {name: folder / name for name in ("outside", "source", "given", "sealed")}
    for name in ("outside", "source", "given"):
        (folder / name / "folder").mkdir(parents=True)
        (folder / name / "secret").write_text("hidden")
    shutil.copytree(folder / "source", folder / "sealed", copy_function=os.link)
    make_read_only(folder / "sealed")
    shutil.copytree(DATA, folder / "data")
    (folder / "scratch").mkdir()
    job = prepared.job("unused", folder / "job", match=(), excluded=(), should_stop=lambda: False)
    arguments = ["/data/escape.py", str(JOURNAL), str(folder / "outside")]
    code = f"import sys; sys.argv = {arguments!r}; exec(open(sys.argv[0]).read(), {{}})"
    mounts = (
        *job.mounts,
        Mount(host=folder / "data", guest="/data"),
        Mount(host=folder / "given", guest="/given"),
        Mount(host=folder / "sealed", guest="/sealed", sealed=True),
        Mount(host=folder / "scratch", guest="/tmp", writable=True),
    )
    run = GuestRun(
        argv=(*job.python, *arguments),
        mounts=mounts,
        env=job.env,
        output=folder / "output.txt",
        journal=folder / "journal.txt",
        prologue=Prologue(argv=(*job.python, "/harness"), resume=code),
    )
    return run, watched


def state_of(folder: Path) -> dict[str, tuple[object, ...]]:
    """Contents, times, modes, owners, links and names of all below a folder, without the times of access."""
    found: dict[str, tuple[object, ...]] = {}
    for path in (folder, *sorted(folder.rglob("*"))):
        stat = path.lstat()
        content = path.read_bytes() if path.is_file() and not path.is_symlink() else b""
        times = (stat.st_mtime_ns, stat.st_ctime_ns)
        found[str(path)] = (stat.st_mode, stat.st_ino, stat.st_nlink, stat.st_uid, stat.st_gid, *times, content)
    return found


def become_ordinary(uid: int) -> None:
    """Gives up all of root's rights but the one to read everything: the interpreters may lie in root's own folder.

    OSError when that is not possible here.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    bit = 1 << _READ_SEARCH
    header = (ctypes.c_uint32 * 2)(_VERSION_3, 0)
    # Effective, permitted and inheritable, 32 bits low and then high.
    sets = (ctypes.c_uint32 * 6)(bit, bit, bit, 0, 0, 0)

    def must(result: int, what: str) -> None:
        if result != 0:
            raise OSError(ctypes.get_errno(), what)

    must(libc.prctl(_KEEPCAPS, *map(ctypes.c_ulong, (1, 0, 0, 0))), "keep capabilities")
    os.setgroups([])
    os.setgid(uid)
    os.setuid(uid)
    must(libc.capset(header, sets), "set capabilities")
    must(libc.prctl(_AMBIENT, *map(ctypes.c_ulong, (_RAISE, _READ_SEARCH, 0, 0))), "hand capabilities on")


def main(prepared: str, folder: str, start: str, uid: str) -> None:
    if os.geteuid() == 0:
        try:
            become_ordinary(int(uid))
        except OSError as error:
            print(f"{error.filename or error}", file=sys.stderr)
            sys.exit(CANNOT)
    print(json.dumps(attack(pickle.loads(Path(prepared).read_bytes()), Path(folder), start)))


if __name__ == "__main__":
    main(*sys.argv[1:])
