"""Runs one module until each of its cases has an outcome.

When the guest crashes or hangs, that is the outcome of the case that it was in, and the module is started again with
the cases that are left.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import msgspec

from harness.engines.protocol import JOURNAL, Ending, EngineSession, GuestExit, GuestRun, Mount, Prologue
from harness.results.case_ids import dotted
from harness.results.outcomes import DEATHS, CaseResult, Detail, ModuleResult, Outcome, worst
from harness.results.signatures import STACK_EXHAUSTED, trap_kind
from harness.suite.journal import Attempt, Names, parse_events, read_attempt, settle, victims_of
from harness.suite.parts import Part
from harness.suite.regrtest import RegrtestReport, exact_pattern, fits, own_result, stack_in_order, trap_headline
from harness.suite.wasm_stack import wasm_stack
from harness.util.files import disk_errors_as_unavailable, remove_tree
from harness.util.process import last_lines

OUTPUT_LIMIT = 16 * 1024 * 1024
# Ten times what a module of 10,000 cases writes if all of them fail.
JOURNAL_LIMIT = 512 * 1024 * 1024
OUTPUT_TAIL_LINES = 40
MAX_ATTEMPTS = 100
# For a case that is expected to hang: longer than any case takes that does not, and much shorter than `case_timeout`.
EXPECTED_HANG_SECONDS = 5.0
# When so many cases of the module are finished, which shows how fast this machine is, such a case gets only this many
# times as long as the longest of them took, but at least a second.
CASES_THAT_SHOW = 20
TIMES_THE_LONGEST = 2.0
LEAST_HANG_SECONDS = 1.0
# A test from a later version of CPython may loop for ever on a fault that is fixed only there.
OTHER_VERSION_SECONDS = 60.0


@dataclass(frozen=True, kw_only=True)
class ModuleJob:
    """The parameters of running one module.

    What runs: `match` are regrtest patterns of the cases to run, empty for all. `excluded` are ids, or `Class.*`, that
    must not run. `part` is the part of the module to run, None for the whole. `own` says that the module is a test file
    of the user's, and not one of the suite.

    How it runs: `folder` gets its journal, output and scratch folder. `agent` is the folder of the guest that the
    interpreter starts. `options` are further options of regrtest. `seed` seeds `random`, and with `randomize` also the
    order of classes and cases.

    How long: it is stopped after `case_timeout` seconds without an event, and after `module_timeout` seconds in each
    attempt. A case for which `expects_hang` is true gets at most EXPECTED_HANG_SECONDS: the lists expect nothing but a
    timeout of it. A case for which `is_of_other_version` is true gets at most OTHER_VERSION_SECONDS: its test is not
    from the interpreter's version. When `should_stop` returns true, which is called all the time, the run ends and
    keeps what is finished.
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
    is_of_other_version: Callable[[str], bool] = lambda case: False  # noqa: ARG005 - likewise
    should_stop: Callable[[], bool] = lambda: False
    own: bool = False
    seed: int = 0
    randomize: bool = False
    part: Part | None = None

    @property
    def dotted(self) -> str:
        """The module's name as Python imports it."""
        return dotted(self.module, own=self.own)

    @property
    def name(self) -> str:
        """The name of the module, or of the part."""
        return str(self.part or self.module)


class RunStoppedError(Exception):
    """The run was stopped while this module ran."""


@dataclass
class _Progress:
    """What is known of the module so far. `state` is regrtest's state of it at the last start of the guest, and
    `exit_status` the status with which that exited, None when it ended in another way. `printed` is the size of the
    output before that start.
    """

    names: Names
    results: dict[str, CaseResult] = field(default_factory=dict)
    planned: tuple[str, ...] | None = None
    state: str = ""
    exit_status: int | None = None
    env_changed: bool = False
    imports: set[str] = field(default_factory=set)
    attempts: int = 0
    printed: int = 0

    def remaining(self) -> list[str]:
        return [case for case in self.planned or () if case not in self.results]

    def finished(self) -> Iterator[str]:
        """The ids that are not to run again. Cases of the same id can only run together: while one of them is left, the
        others run again, unless one of them ended the interpreter.
        """
        left = {self.names.id_of(case) for case in self.remaining()}
        died = {self.names.id_of(name) for name, case in self.results.items() if case.outcome in DEATHS}
        ids = dict.fromkeys(map(self.names.id_of, self.results))
        return (case for case in ids if case not in left or case in died)

    def why_left(self, case: str, otherwise: str) -> str:
        """Why a case did not run: a case of the same id that ended the interpreter, or else what `otherwise` says."""
        wanted = self.names.id_of(case)
        died = (name for name, one in self.results.items() if one.outcome in DEATHS)
        return next((name for name in died if self.names.id_of(name) == wanted), otherwise)

    def with_id(self, result: CaseResult) -> CaseResult:
        """The result with the id of its case, where that is not its name."""
        case = self.names.id_of(result.case)
        return result if case == result.case else msgspec.structs.replace(result, id=case)

    def outcomes(self, *, but: str) -> dict[str, Outcome]:
        """The outcome of each case, without the result of that name."""
        return {name: case.outcome for name, case in self.results.items() if name != but}


def run_module(job: ModuleJob, engine: EngineSession) -> ModuleResult:
    """The module's result. Raises RunStoppedError when `should_stop` said so."""
    start = time.monotonic()
    progress = _Progress(names=Names({job.dotted, job.module}))
    remove_tree(job.folder)
    for name in ("journal", "patterns", "scratch"):
        (job.folder / name).mkdir(parents=True)
    for case in job.excluded:
        progress.results[case] = CaseResult(case=case, outcome=Outcome.NOT_RUN, detail=Detail(reason="run = false"))
    if job.dotted in job.excluded:
        return _not_started(job, progress)
    # The excluded ids have results now, and become exact patterns as all finished cases do. A wildcard stays a pattern.
    job = replace(job, excluded=tuple(case for case in job.excluded if case.endswith(".*")))
    while progress.attempts < MAX_ATTEMPTS:
        progress.attempts += 1
        before = progress.outcomes(but=job.dotted)
        ending, attempt = _attempt(job, engine, progress)
        if ending.ending is Ending.STOPPED and job.should_stop():
            raise RunStoppedError(job.module)
        _absorb(progress, attempt, ending)
        _blame(job, progress, attempt, ending)
        # An attempt that changes nothing would repeat itself for ever.
        if not progress.remaining() or progress.outcomes(but=job.dotted) == before:
            break
    gave_up = f"gave up after {progress.attempts} attempts"
    for case in progress.remaining():
        reason = progress.why_left(case, job.dotted if job.dotted in progress.results else gave_up)
        left = CaseResult(case=case, outcome=Outcome.NOT_RUN, detail=Detail(reason=reason))
        progress.results[case] = progress.with_id(left)
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
        own=job.own,
    )


def _attempt(job: ModuleJob, engine: EngineSession, progress: _Progress) -> tuple[GuestExit, Attempt]:
    journal = job.folder / "journal" / f"{progress.attempts}.jsonl"
    scratch = job.folder / "scratch"
    progress.printed = _size(job.folder / "output.txt")
    watch = _Watch(job, journal, time.monotonic(), [case.seconds for case in progress.results.values()])
    ending = engine.run(_guest(job, journal, scratch, progress), watch)
    remove_tree(scratch)
    with disk_errors_as_unavailable(scratch):
        scratch.mkdir()
    return ending, read_attempt(parse_events(_read(journal)), progress.names)


def _guest(job: ModuleJob, journal: Path, scratch: Path, progress: _Progress) -> GuestRun:
    patterns = job.folder / "patterns"
    options = ["--tempdir", "/tmp", "-u", job.resources, "--randseed", str(job.seed)]
    options += [*(["--randomize"] if job.randomize else []), *job.options]
    part = job.part or Part(module=job.module, number=1, count=1)
    if wanted := job.match or tuple(map(exact_pattern, part.cases)):
        options += ["--matchfile", _write_patterns(patterns / "match.txt", wanted)]
    done = [case if case in job.excluded else exact_pattern(case) for case in progress.finished()]
    if done or part.elsewhere:
        ignored = [*done, *map(exact_pattern, part.elsewhere)]
        options += ["--ignorefile", _write_patterns(patterns / "done.txt", ignored)]
    arguments = [str(JOURNAL), job.module, *options]
    return GuestRun(
        argv=(*job.python, job.agent, *arguments),
        # The agent has put itself there when it paused. Strings of JSON are strings of Python.
        prologue=Prologue(
            argv=(*job.python, job.agent),
            resume=f'__import__("sys").modules.pop("harness agent")(*{json.dumps(arguments)})',
        ),
        mounts=(
            *job.mounts,
            Mount(host=scratch, guest="/tmp", writable=True),
            Mount(host=patterns, guest="/patterns"),
        ),
        env=job.env,
        output=job.folder / "output.txt",
        journal=journal,
    )


def _write_patterns(path: Path, patterns: Iterable[str]) -> str:
    path.write_text("".join(f"{pattern}\n" for pattern in patterns), encoding="utf-8")
    return f"/patterns/{path.name}"


class _Watch:
    """Stops a guest that makes no progress, takes too long, or belongs to a run that ends; limits its output."""

    def __init__(self, job: ModuleJob, journal: Path, now: float, earlier: Sequence[float]) -> None:
        self._job = job
        # Seconds of the cases that earlier starts have finished.
        self._earlier = earlier
        self._journal = journal
        self._output = job.folder / "output.txt"
        self._size = -1
        self._open_limit: float | None = None
        self._progress_at = self._started_at = now

    def __call__(self) -> str | None:
        now = time.monotonic()
        if (size := _size(self._journal)) != self._size:
            self._size, self._progress_at, self._open_limit = size, now, None
        if _size(self._output) > OUTPUT_LIMIT:
            os.truncate(self._output, 0)
        if self._job.should_stop():
            return "the run is being stopped"
        if size > JOURNAL_LIMIT:
            return f"more than {JOURNAL_LIMIT >> 20} MiB of journal"
        if (still := now - self._progress_at) > (limit := self._limit(still)):
            return f"no progress for {limit:.0f} s"
        if now - self._started_at > self._job.module_timeout:
            return f"the module took more than {self._job.module_timeout:.0f} s"
        return None

    def _limit(self, still: float) -> float:
        """How many seconds may pass without an event. The journal is read to see which case is open, but only when that
        matters, and once after each event.
        """
        if still <= LEAST_HANG_SECONDS:
            return self._job.case_timeout
        if self._open_limit is None:
            names = Names({self._job.dotted, self._job.module})
            attempt = read_attempt(parse_events(_read(self._journal)), names)
            seconds = [*self._earlier, *(case.seconds for case in attempt.cases)]
            patience = self._patience(attempt.open_case or attempt.open_fixture, seconds)
            self._open_limit = min(patience, self._job.case_timeout)
        return self._open_limit

    def _patience(self, case: str, seconds: Sequence[float]) -> float:
        """How many seconds a case may take; `seconds` are what the module's finished cases took."""
        if self._job.expects_hang(case):
            if len(seconds) < CASES_THAT_SHOW:
                return EXPECTED_HANG_SECONDS
            return min(EXPECTED_HANG_SECONDS, max(LEAST_HANG_SECONDS, TIMES_THE_LONGEST * max(seconds)))
        return OTHER_VERSION_SECONDS if self._job.is_of_other_version(case) else self._job.case_timeout


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


def _absorb(progress: _Progress, attempt: Attempt, ending: GuestExit) -> None:
    """Adds what an attempt has reported to what is known.

    The first attempt plans a, b and c, finishes a and dies in b. The second plans c, and perhaps a case d that the
    first did not get to. The plan is the union, a, b, c, d. A case keeps its first result.
    """
    if attempt.planned is not None:
        progress.planned = tuple(dict.fromkeys([*(progress.planned or ()), *attempt.planned]))
    for case in attempt.cases:
        progress.results.setdefault(case.case, case)
    progress.results.update(settle(attempt, progress.results, progress.planned or ()))
    progress.state = attempt.state
    progress.exit_status = ending.status if ending.ending is Ending.EXITED else None
    progress.env_changed |= attempt.state == "env_changed"
    progress.imports |= attempt.imports


def _blame(job: ModuleJob, progress: _Progress, attempt: Attempt, ending: GuestExit) -> None:
    """Records regrtest's report on the module, and a crash or a timeout for a guest that did not end as it should.

    A guest that exits with status 7 inside a case is a crash of that case. If it does so after regrtest has reported
    that the module passed, in a handler of atexit, it is a crash of the module itself.
    """
    if attempt.state:
        _record_report(job, progress, attempt)
    if ending.ending is Ending.EXITED and fits(attempt.state, ending.status):
        return
    outcome = Outcome.TIMEOUT if ending.ending is Ending.STOPPED else Outcome.CRASH
    culprit = job.dotted if attempt.state else _open_at_end(job, attempt)
    detail = _detail_of_ending(attempt, ending)
    if not detail.python_stack and not detail.wasm_stack:
        printed = last_lines(job.folder / "output.txt", OUTPUT_TAIL_LINES, begin=progress.printed)
        detail = msgspec.structs.replace(detail, output=printed)
    _record(progress, CaseResult(case=culprit, outcome=outcome, detail=detail))


def _detail_of_ending(attempt: Attempt, ending: GuestExit) -> Detail:
    if ending.ending is not Ending.EXITED:
        headline = trap_headline(ending.reason)
        return Detail(
            exception=headline,
            message=ending.reason[:4000],
            python_stack=stack_in_order(ending.python_stack),
            wasm_stack=wasm_stack(ending.frames, is_overflow=trap_kind(headline) == STACK_EXHAUSTED),
        )
    after = f" after regrtest's state of the module: {attempt.state}" if attempt.state else ""
    return Detail(
        exception=f"exit: {ending.status}", message=f"the interpreter exited with status {ending.status}{after}"
    )


def _record_report(job: ModuleJob, progress: _Progress, attempt: Attempt) -> None:
    """Records regrtest's report on the module, if the results of its cases do not account for it."""
    output = last_lines(job.folder / "output.txt", OUTPUT_TAIL_LINES)
    report = RegrtestReport(
        module=job.module,
        state=attempt.state,
        output=output,
        filtered=bool(job.match or job.part),
        error=attempt.error,
        error_is_known=attempt.error_is_known,
    )
    own = own_result(job.dotted, report, progress.results)
    if own is None:
        return
    is_inside = own.outcome is Outcome.ERROR and bool(attempt.open_case)
    _record(progress, msgspec.structs.replace(own, case=attempt.open_case) if is_inside else own)


def _open_at_end(job: ModuleJob, attempt: Attempt) -> str:
    """The name of what the guest was in when its journal ended."""
    if attempt.open_case or attempt.open_fixture:
        return attempt.open_case or attempt.open_fixture
    return job.dotted if attempt.planned is None else f"after ({attempt.last_case or job.dotted})"


def _record(progress: _Progress, result: CaseResult) -> None:
    """Records a result unless the case has a worse one. The cases that a failed fixture keeps from running are not
    run because of it.
    """
    before = progress.results.get(result.case)
    if before is None or result.outcome.severity > before.outcome.severity:
        progress.results[result.case] = progress.with_id(result)
    for case in victims_of(result.case, progress.remaining()):
        progress.results[case] = CaseResult(case=case, outcome=Outcome.NOT_RUN, detail=Detail(reason=result.case))


def _result(job: ModuleJob, progress: _Progress, seconds: float) -> ModuleResult:
    own = progress.results.get(job.dotted)
    cases = tuple(progress.results.values())
    outcome = own.outcome if own else worst([case.outcome for case in cases])
    # What an altered environment was, regrtest only prints.
    keeps_output = not outcome.is_good or progress.env_changed
    return ModuleResult(
        module=job.module,
        outcome=outcome,
        seconds=seconds,
        attempts=progress.attempts,
        complete=not job.match and (progress.planned is not None or outcome is Outcome.SKIP),
        cases=cases,
        env_changed=progress.env_changed,
        detail=own.detail if own else Detail(),
        output=last_lines(job.folder / "output.txt", OUTPUT_TAIL_LINES) if keeps_output else "",
        word=progress.state,
        exit_status=progress.exit_status,
        own=job.own,
        imports=tuple(sorted(progress.imports)),
    )
