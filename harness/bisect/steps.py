"""One step: a candidate is got, and `python -m harness test` asked what the case does there.

Each step has a folder, in which `step.json` appears when it is finished: that is all that a later run needs to know.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path

from harness.bisect.answers import BisectStep, outcome_of
from harness.bisect.question import Question
from harness.errors import EXIT_INTERRUPTED, EXIT_OK, EXIT_UNEXPECTED, ConfigError, HarnessError
from harness.results.cell_results import load_results
from harness.results.command_line import RunOptions
from harness.results.run_folder import ERROR_FILE, RESULTS_FILE, read_failure
from harness.util.files import disk_errors_as_unavailable, remove_tree, write_atomically
from harness.util.process import POLL_SECONDS, Background, Command, Completed

RECORD, LOG_FILE = "step.json", "output.log"
_STOP_SECONDS = 20.0

# Gets a candidate, and gives the arguments of `test` that choose it.
Supply = Callable[[str], AbstractContextManager[list[str]]]


@dataclass(frozen=True, kw_only=True)
class Steps:
    """The steps of one bisection, below its folder."""

    question: Question
    folder: Path
    supply: Supply

    def of(self, candidate: str, on_tick: Callable[[float], None] = lambda _: None) -> BisectStep:
        """The step of that candidate: the one that is recorded, if asking again would be of no use, or a new one."""
        # The folder is removed and made again: what is no name would be another folder than one of ours.
        if not re.fullmatch(r"\w[\w.+-]*", candidate):
            raise ConfigError(f"{candidate!r} is neither a version nor a commit", hint="choose another --run-dir")
        place = self.folder / candidate
        if (known := read_step(place)) and known.is_final:
            return known
        remove_tree(place)
        with disk_errors_as_unavailable(place):
            place.mkdir(parents=True)
        start = time.monotonic()
        try:
            with self.supply(candidate) as chosen:
                step = self._asked(candidate, chosen, place, on_tick)
        except HarnessError as error:
            step = BisectStep(
                candidate=candidate, why=str(error), status=error.exit_code, seconds=time.monotonic() - start
            )
        write_atomically(place / RECORD, json.dumps(step.to_json(), indent=1) + "\n")
        return step

    def _asked(self, candidate: str, chosen: list[str], place: Path, on_tick: Callable[[float], None]) -> BisectStep:
        question = self.question
        ours = [f"--case={question.case}", "-n", "1", "--reruns=0", f"--verify={question.tries}"]
        asking = ["test", question.cell, *ours, *question.options]
        done = run_to_end(harness_command([*asking, *chosen, f"--run-dir={place}"]), place / LOG_FILE, on_tick)
        if done.returncode == EXIT_INTERRUPTED:
            raise KeyboardInterrupt
        step = BisectStep(
            candidate=candidate,
            status=done.returncode,
            seconds=round(done.seconds, 1),
            command=RunOptions.here().line([*asking, *question.again(candidate, chosen)]),
        )
        if done.returncode not in {EXIT_OK, EXIT_UNEXPECTED}:
            why = f"the test {done.ending}"
            with contextlib.suppress(ConfigError):
                why = read_failure(place / question.cell / ERROR_FILE)[1]
            return replace(step, why=why)
        outcome, tries = outcome_of(load_results(place / question.cell / RESULTS_FILE), question.case)
        why = "" if outcome else f"the suite has no case {question.case}"
        return replace(step, outcome=outcome, tries=tries, why=why)


def read_step(place: Path) -> BisectStep | None:
    """The finished step in that folder."""
    with contextlib.suppress(OSError, ValueError, TypeError, KeyError):
        return BisectStep.from_json(json.loads((place / RECORD).read_text(encoding="utf-8")))
    return None


def harness_command(arguments: Sequence[str]) -> Command:
    """A command of the harness that we are, wherever the current folder is."""
    package = str(Path(__file__).resolve().parents[2])
    paths = os.pathsep.join(filter(None, [package, os.environ.get("PYTHONPATH")]))
    argv = (sys.executable, "-u", "-m", "harness", *arguments)
    return Command(argv=argv, cwd=Path.cwd(), env=os.environ | {"PYTHONPATH": paths})


def run_to_end(command: Command, log: Path, on_tick: Callable[[float], None]) -> Completed:
    """Runs a command of the harness. On Ctrl-C it is interrupted, and gets the time to end what it has started."""
    start = time.monotonic()
    child = Background(command, log=log)
    try:
        while (done := child.poll()) is None:
            on_tick(time.monotonic() - start)
            time.sleep(POLL_SECONDS)
    except BaseException:
        try:
            child.interrupt()
            deadline = time.monotonic() + _STOP_SECONDS
            while child.poll() is None and time.monotonic() < deadline:
                time.sleep(POLL_SECONDS)
        finally:
            child.kill()
        raise
    return done
