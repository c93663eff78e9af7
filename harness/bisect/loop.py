"""A bisection from its question to its report; whatever was finished is not done again."""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import json
import logging
from collections.abc import Callable, Iterator
from pathlib import Path

from harness.bisect.answers import BisectStep, check_end, check_ends
from harness.bisect.commits import Checkout
from harness.bisect.question import BisectAxis, Candidate, Question, between, check_axis, only
from harness.bisect.report import Bisection
from harness.bisect.search import steps_left
from harness.bisect.steps import Steps, Supply
from harness.bisect.versions import known_versions, pin_version
from harness.errors import EXIT_OK, EXIT_UNEXPECTED, ConfigError, did_you_mean
from harness.matrix.cells import Matrix
from harness.matrix.load import load_configuration
from harness.matrix.pins import Pins, load_pins
from harness.project import project_root
from harness.results.command_line import RunOptions
from harness.run.options import BUILD_OPTIONS, RUN_DIR, TESTS, as_arguments
from harness.util.cache import cache_root
from harness.util.files import disk_errors_as_unavailable, write_atomically
from harness.util.hashing import content_key
from harness.util.locks import locked
from harness.util.paths import expanded, shown
from harness.util.progress import Progress

logger = logging.getLogger(__name__)

RECORD, REPORT, PINS = "bisect.json", "report.txt", "pins.toml"
# What was asked here: written first, so that a folder is never gone on with by another question.
_QUESTION = "question.json"


def add_bisect_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares what a bisection is asked with."""
    parser.add_argument("cell", metavar="CELL")
    parser.add_argument("--case", required=True, metavar="ID", help="the case, as in results.json, or MODULE::ID")
    parser.add_argument("--axis", required=True, metavar="AXIS", help=", ".join(BisectAxis))
    parser.add_argument("--good", required=True, metavar="A", help="a version or commit at which it is right")
    parser.add_argument("--bad", required=True, metavar="B", help="one at which it is not; it may be an earlier one")
    parser.add_argument("--versions", default="", metavar="V,V", help="only these between the ends, known or not")
    parser.add_argument("--tries", type=int, default=1, metavar="K", help="run it K times; mixed outcomes are a skip")
    parser.add_argument("--bad-when-changed", action="store_true", help="every other outcome than at --good is bad")
    for option in (*BUILD_OPTIONS, TESTS, RUN_DIR):
        option.add(parser.add_argument)


def run_bisection(options: argparse.Namespace) -> int:
    """Bisects and prints the report; 0 when one candidate is left, 1 when skips hide which of some it is."""
    bisection, report = bisected(options)
    print(f"\n{report.read_text(encoding='utf-8')}", end="")
    return EXIT_OK if len(bisection.found) == 1 else EXIT_UNEXPECTED


def bisected(options: argparse.Namespace) -> tuple[Bisection, Path]:
    """What a bisection by the options of `bisect` has found, and where its report is."""
    matrix, pins = load_configuration()
    pins = load_pins(Path(options.pins), pins) if options.pins else pins
    question = _question(options, matrix)
    # The same folder for the same question: so the same command goes on.
    usual = project_root() / "reports" / f"bisect-{question.cell}-{question.axis}-{question.key}"
    folder = Path(options.run_dir).absolute() if options.run_dir else usual
    if options.run_dir and question.checkout and folder.resolve().is_relative_to(Path(question.checkout).resolve()):
        raise ConfigError(
            f"--run-dir {options.run_dir} is in the checkout {question.checkout}, which a bisection leaves as it is",
            hint="choose a folder elsewhere, or leave --run-dir out",
        )
    progress = Progress(f"bisect {question.cell}")
    # The tree of a checkout (commits.py) has a lock of its own, which is taken within this one.
    with locked(cache_root() / "work" / f"bisection-{content_key(str(folder))}.lock"):
        row = _row(question, folder, lambda: _candidates(question, matrix, pins))
        if options.pins and not (folder / PINS).exists():
            write_atomically(folder / PINS, Path(options.pins).read_text(encoding="utf-8"))
        supply = _supply(question, folder, pins)
        steps = Steps(question=question, folder=folder / "steps", supply=supply)
        return _bisect(steps, row, progress, folder), folder / REPORT


def _question(options: argparse.Namespace, matrix: Matrix) -> Question:
    """ConfigError for what is wrong with it, as far as that can be said without running anything."""
    if options.axis not in list(BisectAxis):
        raise ConfigError(
            f"there is no axis {options.axis!r}; {did_you_mean(options.axis, [axis.value for axis in BisectAxis])}"
        )
    if options.tries < 1:
        raise ConfigError(f"--tries {options.tries}: a case is run once at least", hint="give 1 or more")
    axis, cell = BisectAxis(options.axis), matrix.cell(options.cell)
    check_axis(axis, cell, {f"--{name}": str(value) for name, value in vars(options).items()})
    further = tuple(wish for wish in (*BUILD_OPTIONS, TESTS) if wish.flag not in {axis.option, "--pins"})
    # Paths as they are from every folder: the report may be read in another one.
    given = RunOptions.of(options)
    named = {name: getattr(given, name) for name in vars(options) if isinstance(getattr(given, name, None), str)}
    question = Question(
        cell=cell.id,
        case=options.case,
        axis=axis,
        good=options.good,
        bad=options.bad,
        tries=options.tries,
        changed=options.bad_when_changed,
        versions=tuple(filter(None, options.versions.replace(",", " ").split())),
        options=tuple(as_arguments(argparse.Namespace(**(vars(options) | named)), further)),
    )
    if axis is BisectAxis.CPYTHON:
        checkout = Checkout(root=expanded(Path(options.cpython)))
        checkout.check()
        good, bad = checkout.commit(options.good), checkout.commit(options.bad)
        question = dataclasses.replace(question, checkout=str(checkout.root), good=good, bad=bad)
    if question.good == question.bad:
        raise ConfigError(f"--good and --bad are the same {axis.label}, {question.good}", hint="give two ends")
    return question


def _candidates(question: Question, matrix: Matrix, pins: Pins) -> list[Candidate]:
    ends = question.good, question.bad
    if question.axis is BisectAxis.CPYTHON:
        return Checkout(root=Path(question.checkout)).row(*ends)
    if question.versions:
        names = only(question.versions, *ends)
    else:
        names = between(known_versions(question.axis, matrix, pins), *ends)
    return [Candidate(name=name) for name in names]


def _row(question: Question, folder: Path, candidates: Callable[[], list[Candidate]]) -> tuple[Candidate, ...]:
    """The candidates, the oldest first. They are listed once and kept in `folder`: a version that is published
    meanwhile changes nothing.
    """
    record = folder / _QUESTION
    if record.exists():
        try:
            known = json.loads(record.read_text(encoding="utf-8"))
            candidates_there = tuple(Candidate(**each) for each in known["candidates"])
            key, asked = known["key"], known["question"]
        except (OSError, ValueError, TypeError, KeyError) as error:
            raise ConfigError(
                f"{record} cannot be read: {error}", hint="remove that folder, or choose another --run-dir"
            ) from error
        if key != question.key:
            raise ConfigError(f"{folder} holds another bisection: {asked}", hint="choose another --run-dir")
        return candidates_there
    row = tuple(candidates())
    listed = [dataclasses.asdict(candidate) for candidate in row]
    known = {"key": question.key, "question": question.to_json(), "candidates": listed}
    with disk_errors_as_unavailable(folder):
        folder.mkdir(parents=True, exist_ok=True)
    write_atomically(record, json.dumps(known, indent=1) + "\n")
    return row


def _supply(question: Question, folder: Path, pins: Pins) -> Supply:
    @contextlib.contextmanager
    def version(name: str) -> Iterator[list[str]]:
        pin_version(question.axis, name, folder / PINS, pins)
        further = [f"--pins={folder / PINS}"] if (folder / PINS).exists() else []
        yield [f"{question.axis.option}={name}", *further]

    @contextlib.contextmanager
    def commit(name: str) -> Iterator[list[str]]:
        with Checkout(root=Path(question.checkout)).shown(name, cache_root()) as tree:
            yield [f"--cpython={tree}"]

    return commit if question.axis is BisectAxis.CPYTHON else version


def _bisect(steps: Steps, row: tuple[Candidate, ...], progress: Progress, folder: Path) -> Bisection:
    """Asks the ends, then each time the candidate that narrows the most, until none narrows any more."""
    question, backwards = steps.question, row[0].name != steps.question.good
    row = row[::-1] if backwards else row
    logger.info("%s on %s: %s more between the ends", question.case, question.cell, len(row) - 2)
    good = _asked(steps, row[0], "the good end", progress)
    check_end(good, "good")
    bad = _asked(steps, row[-1], "the bad end", progress)
    check_end(bad, "bad")
    check_ends(good, bad)
    found = Bisection(question=question, row=row, backwards=backwards, steps=(good, bad))
    _write(found, folder)
    while (place := found.next) is not None:
        step = _asked(steps, row[place], f"about {steps_left(found.answers)} to go", progress)
        found = dataclasses.replace(found, steps=(*found.steps, step))
        _write(found, folder)
    return found


def _asked(steps: Steps, candidate: Candidate, why: str, progress: Progress) -> BisectStep:
    with progress.step(f"{steps.question.axis.label} {candidate}", why) as tick:
        step = steps.of(candidate.name, tick)
    logger.info("  %s", step.seen)
    return step


def _write(found: Bisection, folder: Path) -> None:
    write_atomically(folder / RECORD, json.dumps(found.to_json(), indent=1) + "\n")
    write_atomically(folder / REPORT, found.render(shown(folder)))
