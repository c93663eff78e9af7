"""`nox -s bench`: the harness against CPython's own runner, on the same build, in one invocation.

Every figure is a ratio or stands beside its peer; nothing here passes or fails.
"""

from __future__ import annotations

import argparse
import json
import os
import shlex
import shutil
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

from harness.cache import remove_tree
from harness.prepare import Prepared, Wishes, prepare
from harness.process import Command, run
from harness.recipes import wasi

RUNNER = Path(__file__).parent / "engines" / "plain_runner.py"
SAMPLE_SECONDS = 0.5


@dataclass(frozen=True, kw_only=True)
class Measured:
    """One run of a suite. `memory` is the peak of proportional set sizes of all its processes, in bytes."""

    seconds: float
    cases: int
    memory: int


def main() -> int:
    """Measures and prints. `--part` limits the suite for a quick look."""
    parser = argparse.ArgumentParser(prog="nox -s bench --", description=__doc__)
    parser.add_argument("cell", nargs="?", default="wasi")
    parser.add_argument("-n", "--workers", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--part", nargs="*", default=[], metavar="MODULE", help="only these modules")
    options = parser.parse_args()
    prepared = prepare(options.cell, Wishes())
    folder = prepared.cache / "bench"
    remove_tree(folder)
    folder.mkdir(parents=True)
    print(f"to the first test, nothing changed: {first_test(options.cell, folder):.2f} s")
    ours = harness_suite(options.cell, options.workers, options.part, folder)
    print(
        f"harness:  {ours.seconds:7.1f} s  {ours.cases:6} cases  peak {ours.memory / 2**20:5.0f} MiB",
        flush=True,
    )
    theirs = regrtest_suite(prepared, options.workers, options.part, folder)
    print(f"regrtest: {theirs.seconds:7.1f} s  {theirs.cases:6} cases  peak {theirs.memory / 2**20:5.0f} MiB")
    print(f"ratio:    {ours.seconds / theirs.seconds:7.2f}")
    return 0


def first_test(cell: str, folder: Path) -> float:
    """Seconds from the command to the first line of the first journal."""
    run_folder = folder / "first"
    journal = run_folder / cell / "journal" / "test_bool" / "journal" / "1.jsonl"
    seen: list[float] = []
    start = time.monotonic()

    def look(_: float) -> None:
        if not seen and journal.exists():
            seen.append(time.monotonic() - start)

    argv = (
        sys.executable,
        "-m",
        "harness",
        "test",
        cell,
        "-n",
        "1",
        "-k",
        "test_bool",
        "--run-dir",
        str(run_folder),
    )
    done = run(Command(argv=argv, cwd=Path.cwd()), log=folder / "first.log", on_tick=look)
    if not seen:
        sys.exit(f"the harness {done.ending}; its words are in {folder / 'first.log'}")
    return seen[0]


def harness_suite(cell: str, workers: int, part: list[str], folder: Path) -> Measured:
    """The whole suite by the harness."""
    select = ["-k", " or ".join(part)] if part else []
    argv = (
        sys.executable,
        "-m",
        "harness",
        "test",
        cell,
        "-n",
        str(workers),
        "--run-dir",
        str(folder / "ours"),
        *select,
    )
    seconds, memory = _timed(Command(argv=argv, cwd=Path.cwd()), folder / "ours.log")
    results = json.loads((folder / "ours" / cell / "results.json").read_text(encoding="utf-8"))
    return Measured(
        seconds=seconds,
        cases=sum(len(module["cases"]) for module in results["modules"].values()),
        memory=memory,
    )


def regrtest_suite(prepared: Prepared, workers: int, part: list[str], folder: Path) -> Measured:
    """The same suite by the native build Python's regrtest, one process per module. It writes into its own
    copy.
    """
    root, junit = folder / "root", folder / "regrtest.xml"
    shutil.copytree(prepared.build.root, root, symlinks=True)
    _make_writable(root)
    argv = regrtest_argv(prepared, root, folder, workers, junit)
    env = dict(os.environ) | {"GUEST_PYTHONPATH": guest_path(prepared)}
    command = Command(argv=(*argv, *part), cwd=root / wasi.BUILD_FOLDER, env=env)
    seconds, memory = _timed(command, folder / "regrtest.log")
    cases = len(ElementTree.parse(junit).findall(".//testcase"))
    return Measured(seconds=seconds, cases=cases, memory=memory)


def regrtest_argv(prepared: Prepared, root: Path, folder: Path, workers: int, junit: Path) -> tuple[str, ...]:
    """regrtest as the buildbots start it, with the plain runner in the place of the wasmtime program."""
    native = prepared.build.manifest["native"]
    compiled, stack = folder / "plain.cwasm", wasi.wasm_stack(prepared.series)
    runner = (
        sys.executable,
        "-I",
        "-c",
        _BOOT,
        RUNNER,
        prepared.runtime,
        compiled,
        root,
        stack,
        "--",
        f"/{wasi.WASM}",
    )
    python = shlex.join(map(str, runner))
    options = ("-j", str(workers), "-u", prepared.cell.resources, "--timeout", "600", "--randseed", "0")
    return (str(native), "-m", "test", *options, "--python", python, "--junit-xml", str(junit))


# `-I` leaves the script's folder out of the path.
_BOOT = """\
import os, runpy, sys
sys.argv.pop(0)
sys.path.insert(0, os.path.dirname(sys.argv[0]))
runpy.run_path(sys.argv[0])
"""


def guest_path(prepared: Prepared) -> str:
    return wasi.guest_environment(prepared.series, pydebug=prepared.cell.pydebug)["PYTHONPATH"]


def _timed(command: Command, log: Path) -> tuple[float, int]:
    peak, last = 0, -SAMPLE_SECONDS

    def sample(elapsed: float) -> None:
        nonlocal peak, last
        if elapsed - last >= SAMPLE_SECONDS:
            last = elapsed
            peak = max(peak, tree_memory(os.getpid()))

    done = run(command, log=log, on_tick=sample)
    return done.seconds, peak


def tree_memory(pid: int) -> int:
    """Bytes of proportional set size of all descendants of a process; 0 where /proc does not tell."""
    parents: dict[int, list[int]] = {}
    for entry in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = entry.read_text().rpartition(")")[2].split()
            parents.setdefault(int(fields[1]), []).append(int(entry.parent.name))
        except OSError:
            continue
    waiting, total = list(parents.get(pid, [])), 0
    while waiting:
        child = waiting.pop()
        waiting.extend(parents.get(child, []))
        total += _pss(child)
    return total


def _pss(pid: int) -> int:
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:"))


def _make_writable(root: Path) -> None:
    on_each: Callable[[str], None] = lambda path: os.chmod(path, os.stat(path).st_mode | 0o200)  # noqa: E731, PTH101, PTH116
    for folder, _, files in os.walk(root):
        on_each(folder)
        for name in files:
            if not Path(folder, name).is_symlink():
                on_each(str(Path(folder, name)))


if __name__ == "__main__":
    sys.exit(main())
