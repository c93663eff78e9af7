"""Tries changes of the harness's core against the unit tests and prints a table: how many die, which survive.

    python -m tests.mutants [FILE ...] [--sample N] [--seed S] [--jobs N] [--again] [--table]

Results are kept in .mutants/, so an interrupted run goes on where it was, and only what changed is tried again.
"""

from __future__ import annotations

import argparse
import ast
import hashlib
import os
import random
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterator, Sequence
from pathlib import Path

from tests.mutants.changes import changes
from tests.mutants.state import Measured, Results, load, save
from tests.mutants.table import Accepted, table
from tests.mutants.trial import Ending, Trial, ended, measure, output, start, try_imported, try_live

ROOT = Path(__file__).parents[2]
KEPT = ROOT / ".mutants"
ACCEPTED = Path(__file__).with_name("accepted.toml")
CORE = (
    "expectations/compare",
    "expectations/entries",
    "results/verdicts",
    "results/outcomes",
    "matrix/conditions",
    "run/merge",
    "run/rerun",
    "report/junit",
    "suite/*",
    "curation/**/*",
)
# The tests run without a change within this much: a change that takes far longer never ends.
SECONDS_MORE = 5


def main() -> int:
    options = _options()
    KEPT.mkdir(exist_ok=True)
    measured = Measured(by_test_file=load(KEPT / "measured.json"))
    results = Results(by_file=load(KEPT / "results.json"))
    files = options.files or [str(path.relative_to(ROOT)) for path in _core()]
    if options.table:
        print(table(ROOT, files, results, _accepted()))
        return 0
    with tempfile.TemporaryDirectory(prefix="mutants-") as folder:
        copy = Path(folder) / "checkout"
        _copy(copy)
        os.chdir(copy)
        _measure(measured, files)
        trials = _trials(files, measured, results, options)
        if options.sample is not None and options.sample < len(trials):
            chosen = set(random.Random(options.seed).sample(range(len(trials)), options.sample))
            trials = [trial for index, trial in enumerate(trials) if index in chosen]
        _try(trials, measured, results, options.jobs)
        os.chdir(ROOT)
    print(table(ROOT, files, results, _accepted()))
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.mutants", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument(
        "files", nargs="*", metavar="FILE", help="such as harness/expectations/compare.py; the whole core if none"
    )
    parser.add_argument("--sample", type=int, metavar="N", help="so many of the changes that are still to be tried")
    parser.add_argument("--seed", type=int, default=0, help="which ones (default 0)")
    parser.add_argument("--jobs", type=int, default=1, help="so many at a time (default 1)")
    help_seconds = "so many seconds of tests for a change, the nearest first (default 5)"
    parser.add_argument("--seconds", type=float, default=5, metavar="S", help=help_seconds)
    parser.add_argument("--again", action="store_true", help="try those that were tried as well")
    parser.add_argument("--table", action="store_true", help="only print what is known")
    return parser.parse_args()


def _core() -> Iterator[Path]:
    for pattern in CORE:
        yield from sorted((ROOT / "harness").glob(f"{pattern}.py"))


def _accepted() -> list[Accepted]:
    return [Accepted(**entry) for entry in tomllib.loads(ACCEPTED.read_text()).get("change", ())]


def _copy(target: Path) -> None:
    """The files of the checkout: a change may make a test write where it must not."""
    listing = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard", "-z"], cwd=ROOT, check=True, capture_output=True, text=True
    )
    for name in filter(None, listing.stdout.split("\0")):
        if (ROOT / name).is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, target / name)


def _measure(measured: Measured, files: Sequence[str]) -> None:
    stale = measured.stale(Path.cwd(), files)
    if not stale:
        return
    print(f"measuring which test runs which line: {len(stale)} test files", file=sys.stderr)
    target = Path.cwd().parent / "measured.json"
    child = start(measure(stale, target), 3600)
    status = os.waitpid(child, 0)[1]
    printed = output(child).read_text(errors="replace")
    if ended(child, status).word != "survived":
        sys.exit(f"the unit tests fail without any change:\n{printed}")
    measured.add(Path.cwd(), stale, load(target))
    save(KEPT / "measured.json", measured.by_test_file)


def _trials(files: Sequence[str], measured: Measured, results: Results, options: argparse.Namespace) -> list[Trial]:
    """What is to be tried: what was not, and what survived."""
    found = []
    for file in files:
        source = (Path.cwd() / file).read_text()
        tree = ast.parse(source)
        for change in changes(tree, source):
            tests = measured.tests(file, change.lines, options.seconds)
            limit = 3 * sum(tests.values()) + SECONDS_MORE
            kept = None if options.again else results.of(file, change)
            if kept is None or (kept["ending"] == "survived" and kept["tests"] != _state(tuple(tests), measured)):
                found.append(Trial(file=file, tree=tree, change=change, tests=tuple(tests), seconds=limit))
    return found


def _state(tests: tuple[str, ...], measured: Measured) -> str:
    files = sorted({test.partition("::")[0] for test in tests})
    digests = " ".join(measured.by_test_file[file]["digest"] for file in files)
    return hashlib.sha256(f"{sorted(tests)} {digests}".encode()).hexdigest()[:16]


def _try(trials: Sequence[Trial], measured: Measured, results: Results, jobs: int) -> None:
    for number, (trial, ending) in enumerate(_endings(trials, jobs), 1):
        tests = _state(trial.tests, measured)
        results.add(trial.file, trial.change, ending.word, test=ending.test, tests=tests)
        if ending.word != "killed":
            print(f"{ending.word}: {trial.file}: {trial.change.id}", flush=True)
        if number % 20 == 0 or number == len(trials):
            save(KEPT / "results.json", results.by_file)
            print(f"{number} of {len(trials)}", file=sys.stderr, flush=True)


def _endings(trials: Sequence[Trial], jobs: int) -> Iterator[tuple[Trial, Ending]]:
    """Changes of functions first, because they are quick to try. What no test runs survives untried."""
    yield from ((trial, Ending(word="survived")) for trial in trials if not trial.tests)
    late = [trial for trial in trials if trial.tests and not trial.change.lines]
    live = [trial for trial in trials if trial.tests and trial.change.lines]
    for trial, ending in try_live(live, jobs) if live else ():
        if ending.word == "unknown":
            late.append(trial)
        else:
            yield trial, ending
    running: dict[int, Trial] = {}
    for trial in late:
        if len(running) >= jobs:
            yield _one_ended(running)
        running[start(try_imported(trial), trial.seconds)] = trial
    while running:
        yield _one_ended(running)


def _one_ended(running: dict[int, Trial]) -> tuple[Trial, Ending]:
    child, status = os.wait()
    return running.pop(child), ended(child, status)


if __name__ == "__main__":
    sys.exit(main())
