"""The command line of the benchmarks: `nox -s bench -- CELL --part PART`."""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from harness import bench
from harness.bench import browsers, builds, history, lists, report, shards, site, suite
from harness.errors import HarnessError
from harness.run.options import one_or_more
from harness.run.prepare import BuildRequest, prepare
from harness.util.cache import cache_root
from harness.util.files import remove_tree
from harness.util.locks import locked
from harness.util.log import show_log, to_stdout
from harness.util.process import Command, run


class Part(NamedTuple):
    """One part: what measures it, described by its docstring, and how long that usually takes on two processors."""

    measure: Callable[[argparse.Namespace, Path], None]
    usual: str

    @property
    def what(self) -> str:
        return (self.measure.__doc__ or "").strip()


def main(arguments: Sequence[str] | None = None) -> int:
    """Measures and prints; without arguments, says what can be measured. Modules that are named limit the suite, for a
    quick look.
    """
    show_log(to_stdout)
    arguments = sys.argv[1:] if arguments is None else arguments
    if not arguments:
        print(overview(), end="")
        return 0
    parser = argparse.ArgumentParser(prog="nox -s bench --", description=bench.__doc__)
    parser.add_argument("cell", nargs="?", default="wasi")
    parser.add_argument("module", nargs="*", help="only these modules of the suite")
    parser.add_argument("-n", "--workers", type=one_or_more, default=os.cpu_count() or 1)
    parts = " ".join(f"{name}: {part.what}" for name, part in PARTS.items())
    parser.add_argument("--part", action="append", choices=list(PARTS), help=f"may be repeated. {parts}")
    options = parser.parse_intermixed_args(arguments)
    for name in options.part or DEFAULT_PARTS:
        folder = cache_root() / "bench" / name
        with locked(folder.with_name(f"{name}.lock")):
            remove_tree(folder)
            folder.mkdir()
            PARTS[name].measure(options, folder)
    return 0


def overview() -> str:
    """What can be measured, and how long each part usually takes."""
    rows = [f"  {name:<12} {part.usual:<15} {part.what}" for name, part in PARTS.items()]
    first = f"nox -s bench -- CELL --part {next(iter(PARTS))}; without --part: {' and '.join(DEFAULT_PARTS)}"
    return "\n".join(["what can be measured, and how long that usually takes:", *rows, "", first]) + "\n"


def first_test(options: argparse.Namespace, folder: Path) -> None:
    """seconds to the first test when nothing has changed."""
    prepare(options.cell, BuildRequest())
    print(f"to the first test, nothing changed: {seconds_to_first_test(options.cell, folder):.2f} s", flush=True)


def the_suite(options: argparse.Namespace, folder: Path) -> None:
    """the suite next to regrtest's on the same build, and next to a single process where upstream's CI has one."""
    suite.measure(options.cell, tuple(options.module), options.workers, folder)


def in_browsers(options: argparse.Namespace, folder: Path) -> None:
    """the suite in browsers next to Node's, on the build of a cell of Node."""
    browsers.measure(options.cell, tuple(options.module), options.workers, folder)


def second_cell(options: argparse.Namespace, folder: Path) -> None:
    """the build of a second cell after that of a first."""
    builds.measure_second_cell(options.cell, folder)


def rebuild(options: argparse.Namespace, folder: Path) -> None:
    """the build of a checkout with one changed C file."""
    builds.measure_rebuild(options.cell, folder)


def the_lists(options: argparse.Namespace, folder: Path) -> None:  # noqa: ARG001 - as every part
    """comparing, checking and updating lists of 5,000 entries; of no cell."""
    lists.measure(folder)


def the_report(options: argparse.Namespace, folder: Path) -> None:  # noqa: ARG001 - as every part
    """the report on 50 cells with 30,000 cases; of no cell."""
    report.measure(folder)


def the_history(options: argparse.Namespace, folder: Path) -> None:  # noqa: ARG001 - as every part
    """a year of nights of 12 cells in the history; of no cell."""
    history.measure(folder)


def the_site(options: argparse.Namespace, folder: Path) -> None:  # noqa: ARG001 - as every part
    """the site of the year that the part history has made, or of one that is made first; of no cell."""
    site.measure(folder, folder.with_name("history") / "history.sqlite")


def the_shards(options: argparse.Namespace, folder: Path) -> None:
    """merging 8 shards; by the cell's recorded durations the longest of them, and runs with 2 to 32 workers."""
    shards.measure(options.cell, folder)


PARTS: dict[str, Part] = {
    "first-test": Part(first_test, "5 s"),
    "suite": Part(the_suite, "5 min"),
    "browsers": Part(in_browsers, "8 min"),
    "second-cell": Part(second_cell, "5 to 10 min"),
    "rebuild": Part(rebuild, "5 min"),
    "lists": Part(the_lists, "1 min"),
    "report": Part(the_report, "2 min"),
    "history": Part(the_history, "10 min or more"),
    "site": Part(the_site, "1 to 15 min"),
    "shards": Part(the_shards, "5 s"),
}
DEFAULT_PARTS = ("first-test", "suite")


def seconds_to_first_test(cell: str, folder: Path) -> float:
    """Seconds from the command to the first line of the first journal."""
    journal = folder / cell / "journal" / "test_bool" / "journal" / "1.jsonl"
    argv = (sys.executable, "-m", "harness", "test", cell, "-n", "1", "-k", "test_bool", "--run-dir", str(folder))
    start, seen = time.monotonic(), 0.0

    def look(_: float) -> None:
        nonlocal seen
        if not seen and journal.exists():
            seen = time.monotonic() - start

    done = run(Command(argv=argv, cwd=Path.cwd()), log=folder / "first.log", on_tick=look)
    if not seen:
        sys.exit(f"the harness {done.ending}; its words are in {folder / 'first.log'}")
    return seen


if __name__ == "__main__":
    try:
        sys.exit(main())
    except HarnessError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(error.exit_code)
