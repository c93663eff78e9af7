"""One module, run until every one of its cases has an outcome.

A guest that crashes or hangs costs the case it was in, and one restart with the cases that are left.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from harness.cache import remove_tree
from harness.engines import Ending, EngineSession, GuestExit, GuestRun, Mount, Prologue
from harness.outcomes import DEATHS, CaseResult, Detail, ModuleResult, Outcome, worst
from harness.process import last_lines
from harness.suite.journal import Attempt, parse_events, read_attempt, settle, unnumbered, victims_of
from harness.suite.regrtest import RegrtestWord, exact_pattern, own_result, trap_headline

OUTPUT_LIMIT = 16 * 1024 * 1024
OUTPUT_TAIL_LINES = 40
MAX_ATTEMPTS = 100
# Long enough for any case that has not hung, on any machine that runs suites; short beside `case_timeout`.
EXPECTED_HANG_SECONDS = 5.0


@dataclass(frozen=True, kw_only=True)
class ModuleJob:
    """All that running a module takes. `folder` is where its journal, output and scratch go; `match` are
    regrtest patterns of the cases wanted, empty for all; `excluded` are ids, or `Class.*`, that must not run;
    `options` are further ones for regrtest; `agent` is the guest's folder to start. Seconds: `case_timeout` without
    any event, `module_timeout` for each attempt. `expects_hang` says of a case that nothing but a timeout is expected
    of it: it gets at most EXPECTED_HANG_SECONDS. `should_stop` is asked while the guest runs; true ends the run,
    keeping what is finished.
    """

    module: str
    folder: Path
    python: tuple[str, ...]
    mounts: tuple[Mount, ...]
    env: Mapping[str, str]
    resources: str
    case_timeout: float
    module_timeout: float
    match: tuple[str, ...] = ()
    excluded: tuple[str, ...] = ()
    options: tuple[str, ...] = ()
    agent: str = "/harness"
    expects_hang: Callable[[str], bool] = lambda case: False  # noqa: ARG005 - as every such callable
    should_stop: Callable[[], bool] = lambda: False

    @property
    def dotted(self) -> str:
        """The module's name as Python imports it."""
        return self.module if self.module.startswith("test.") else f"test.{self.module}"


class RunStoppedError(Exception):
    """The run was asked to stop while this module was under way."""


@dataclass
class _Progress:
    """What is known of the module so far."""

    results: dict[str, CaseResult] = field(default_factory=dict)
    planned: tuple[str, ...] | None = None
    state: str = ""
    attempts: int = 0

    def remaining(self) -> list[str]:
        return [case for case in self.planned or () if case not in self.results]

    def finished(self) -> Iterator[str]:
        """What is not to run again. A case that shares its id with one that is left has to, or that one could not be
        had; unless it would take the interpreter down again.
        """
        left = {unnumbered(case) for case in self.remaining()}
        died = {unnumbered(name) for name, case in self.results.items() if case.outcome in DEATHS}
        return (case for case in self.results if (name := unnumbered(case)) not in left or name in died)

    def why_left(self, case: str, otherwise: str) -> str:
        """What kept a case from running: the one of its id that died."""
        same = (name for name, one in self.results.items() if one.outcome in DEATHS and unnumbered(name) == case)
        return next(same, otherwise)


def run_module(job: ModuleJob, engine: EngineSession) -> ModuleResult:
    """The module's result. Raises RunStoppedError when `should_stop` said so."""
    start = time.monotonic()
    progress = _Progress()
    _prepare(job.folder)
    for case in job.excluded:
        progress.results[case] = CaseResult(case=case, outcome=Outcome.NOT_RUN, detail=Detail(reason="run = false"))
    if job.dotted in job.excluded:
        return _not_started(job, progress)
    while progress.attempts < MAX_ATTEMPTS:
        progress.attempts += 1
        ending, attempt = _attempt(job, engine, progress)
        if ending.ending is Ending.STOPPED and job.should_stop():
            raise RunStoppedError(job.module)
        _absorb(progress, attempt)
        if not _blame(job, progress, attempt, ending) or not progress.remaining():
            break
    gave_up = f"gave up after {progress.attempts} attempts"
    for case in progress.remaining():
        reason = job.dotted if job.dotted in progress.results else progress.why_left(unnumbered(case), gave_up)
        progress.results[case] = CaseResult(case=case, outcome=Outcome.NOT_RUN, detail=Detail(reason=reason))
    return _result(job, progress, time.monotonic() - start)


def _not_started(job: ModuleJob, progress: _Progress) -> ModuleResult:
    """The result of a module that must not even be imported."""
    return ModuleResult(
        module=job.module,
        outcome=Outcome.NOT_RUN,
        seconds=0.0,
        attempts=0,
        complete=False,
        cases=(progress.results[job.dotted],),
    )


def _prepare(folder: Path) -> None:
    remove_tree(folder)
    for name in ("journal", "scratch"):
        (folder / name).mkdir(parents=True)


def _attempt(job: ModuleJob, engine: EngineSession, progress: _Progress) -> tuple[GuestExit, Attempt]:
    journal = job.folder / "journal" / f"{progress.attempts}.jsonl"
    scratch = job.folder / "scratch"
    _empty(scratch)
    watch = _Watch(job, journal, time.monotonic())
    ending = engine.run(_guest(job, journal, scratch, progress), watch)
    _empty(scratch)
    return ending, read_attempt(parse_events(_read(journal)))


def _guest(job: ModuleJob, journal: Path, scratch: Path, progress: _Progress) -> GuestRun:
    options = ["--tempdir", "/tmp", "-u", job.resources, "--randseed", "0", *job.options]
    if job.match:
        options += ["--matchfile", _write_patterns(journal.with_name("match.txt"), job.match)]
    if progress.results:
        done = (case if case in job.excluded else exact_pattern(case) for case in progress.finished())
        options += ["--ignorefile", _write_patterns(journal.with_name("done.txt"), done)]
    arguments = [f"/journal/{journal.name}", job.module, *options]
    return GuestRun(
        argv=(*job.python, job.agent, *arguments),
        # The agent waits under this name; json's strings are Python's too.
        prologue=Prologue(
            argv=(*job.python, job.agent),
            resume=f'__import__("sys").modules.pop("harness agent")(*{json.dumps(arguments)})',
        ),
        mounts=(
            *job.mounts,
            Mount(host=scratch, guest="/tmp", writable=True),
            Mount(host=journal.parent, guest="/journal", writable=True),
        ),
        env=job.env,
        output=job.folder / "output.txt",
    )


def _write_patterns(path: Path, patterns: Iterable[str]) -> str:
    path.write_text("".join(f"{pattern}\n" for pattern in patterns), encoding="utf-8")
    return f"/journal/{path.name}"


class _Watch:
    """Stops a guest that stands still, takes too long or is not wanted any more; bounds what it prints."""

    def __init__(self, job: ModuleJob, journal: Path, now: float) -> None:
        self._job = job
        self._journal = journal
        self._output = job.folder / "output.txt"
        self._size = -1
        self._expects_hang: bool | None = None
        self._progress_at = self._started_at = now

    def __call__(self) -> str | None:
        now = time.monotonic()
        if (size := _size(self._journal)) != self._size:
            self._size, self._progress_at, self._expects_hang = size, now, None
        if _size(self._output) > OUTPUT_LIMIT:
            os.truncate(self._output, 0)
        if self._job.should_stop():
            return "the run is being stopped"
        if (still := now - self._progress_at) > (limit := self._limit(still)):
            return f"no progress for {limit:.0f} s"
        if now - self._started_at > self._job.module_timeout:
            return f"the module took more than {self._job.module_timeout:.0f} s"
        return None

    def _limit(self, still: float) -> float:
        """Seconds that the guest may stand still where it is; the journal is asked once, when it begins to matter."""
        if still <= EXPECTED_HANG_SECONDS:
            return self._job.case_timeout
        if self._expects_hang is None:
            attempt = read_attempt(parse_events(_read(self._journal)))
            self._expects_hang = self._job.expects_hang(attempt.open_case or attempt.open_fixture)
        return min(EXPECTED_HANG_SECONDS, self._job.case_timeout) if self._expects_hang else self._job.case_timeout


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return b""


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


def _absorb(progress: _Progress, attempt: Attempt) -> None:
    if attempt.planned is not None:
        progress.planned = tuple(dict.fromkeys([*(progress.planned or ()), *attempt.planned]))
    for case in attempt.cases:
        progress.results.setdefault(case.case, case)
    progress.results.update(settle(attempt, progress.results, progress.planned or ()))
    progress.state = attempt.state or progress.state


def _blame(job: ModuleJob, progress: _Progress, attempt: Attempt, ending: GuestExit) -> bool:
    """Records what a guest that did not end well was doing; true when the rest is worth another start."""
    if attempt.state == "interrupted":
        # A case that raised KeyboardInterrupt ended regrtest's run of the module, not ours.
        return bool(attempt.cases)
    if ending.ending is Ending.EXITED and attempt.state:
        return False
    outcome = Outcome.TIMEOUT if ending.ending is Ending.STOPPED else Outcome.CRASH
    reason = ending.reason or f"the interpreter exited with status {ending.status}"
    detail = Detail(exception=trap_headline(reason), message=reason[:4000])
    if attempt.open_case:
        culprit = attempt.open_case
    elif attempt.open_fixture:
        culprit = attempt.open_fixture
        for case in victims_of(culprit, progress.remaining()):
            progress.results[case] = CaseResult(case=case, outcome=Outcome.NOT_RUN, detail=Detail(reason=culprit))
    elif attempt.state or attempt.planned is None:
        culprit = job.dotted
    else:
        culprit = f"after ({attempt.last_case or job.dotted})"
    before = progress.results.get(culprit)
    fresh = before is None or before.outcome.is_good
    if fresh:
        progress.results[culprit] = CaseResult(case=culprit, outcome=outcome, detail=detail)
    return fresh and attempt.planned is not None and not attempt.state


def _empty(folder: Path) -> None:
    remove_tree(folder)
    folder.mkdir()


def _result(job: ModuleJob, progress: _Progress, seconds: float) -> ModuleResult:
    output = last_lines(job.folder / "output.txt", OUTPUT_TAIL_LINES)
    word = RegrtestWord(module=job.module, state=progress.state, output=output, filtered=bool(job.match))
    own = progress.results.get(job.dotted) or own_result(job.dotted, word, progress.results)
    if own is not None:
        progress.results[own.case] = own
    cases = tuple(progress.results.values())
    outcome = own.outcome if own else worst([case.outcome for case in cases])
    return ModuleResult(
        module=job.module,
        outcome=outcome,
        seconds=seconds,
        attempts=progress.attempts,
        complete=not job.match and (progress.planned is not None or outcome is Outcome.SKIP),
        cases=cases,
        env_changed=progress.state == "env_changed",
        detail=own.detail if own else Detail(),
        # regrtest prints what a module altered, and keeps it nowhere else.
        output="" if outcome.is_good and progress.state != "env_changed" else output,
    )
