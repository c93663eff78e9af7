"""One run of one cell: prepares its folder, tests its modules and writes their results.

The result of each module is written as soon as it is known, so that a killed run loses nothing that was finished.
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import pickle
import shlex
import shutil
import sys
import time
from argparse import Namespace
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import msgspec

from harness.build.artifact import Build
from harness.build.libraries import describe_libraries
from harness.engines.fresh import FreshEngine
from harness.engines.protocol import NO_SNAPSHOT, EngineSession
from harness.expectations.compare import compare, compare_module, set_apart
from harness.expectations.entries import CellExpectations
from harness.matrix.cells import Cell
from harness.results.cell_results import CellResults, OtherSuite, RunInfo, Work
from harness.results.command_line import DEFAULT, RunOptions, go_on_line
from harness.results.outcomes import ModuleResult, Outcome, encode_module
from harness.results.run_folder import (
    ERROR_FILE,
    PARTS_FOLDER,
    PYTHON_INFO_FILE,
    RESULTS_FILE,
    claim,
    new_run_folder,
    remove_views,
)
from harness.results.verdicts import Comparison
from harness.run.asked import Asked
from harness.run.keywords import ANY, Keyword
from harness.run.options import check_numbers, with_seed
from harness.run.own_tests import OwnTests, unimportable
from harness.run.prepare import expectations_for
from harness.run.prepared import OwnSuite, Prepared
from harness.run.publish import publish
from harness.run.python_info import keep_python_info
from harness.run.records import Records
from harness.run.rerun import with_environment_tries, with_tries, worth_another_try
from harness.run.resume import (
    as_begun,
    asked_for,
    check_resumed,
    read_cut,
    run_folder_for,
    said_by,
    seconds_before,
    write_asked,
    write_cut,
)
from harness.run.selection import TestSelection, planned
from harness.suite.durations import record_imports, record_run
from harness.suite.module import ModuleJob, RunStoppedError, run_module
from harness.suite.other_version import differing_cases
from harness.suite.parts import as_part, module_of_work, part_named
from harness.suite.regrtest import exact_pattern
from harness.suite.unseen import lost_module, with_unmet
from harness.util.files import disk_errors_as_unavailable
from harness.util.versions import shown_version

WIDTH = 110
# The folder below the cell's that has the copy of the user's own tests.
TESTS_FOLDER = "tests"


@dataclass(frozen=True, kw_only=True)
class CellRun:
    """A run of a cell. `folder` is the cell's folder in the run folder. `reruns` is how often an unexpected case runs
    again, `verify` how often every case runs in total. `isolated` gives every start of the interpreter an engine
    process of its own. `tests` are the user's own tests if they replace the suite. `options` are those for the command
    that runs a case again. `started` is a Unix time. `claimed` is the descriptor that marks the folder as that of a run
    in progress. `show_known` says that known failures are shown. `said` are the values of the command line for
    asked.json. `seconds_before` is how long a resumed run has tested before.
    """

    prepared: Prepared
    folder: Path
    expectations: CellExpectations
    chosen: TestSelection
    reruns: int = 0
    verify: int = 1
    resume: bool = False
    isolated: bool = False
    tests: OwnTests | None = None
    options: RunOptions = DEFAULT
    started: float = field(default_factory=time.time)
    claimed: int | None = None
    show_known: bool = False
    said: Mapping[str, Any] = field(default_factory=dict)
    seconds_before: float = 0.0

    @classmethod
    def start(cls, options: Namespace, keyword: Keyword = ANY, workers: int = 1) -> CellRun:
        """Prepares the cell and a folder for its results, and returns the run. `keyword` is the expression that modules
        have to match, `workers` the number of workers that will share the modules.
        """
        # Mistakes are reported before anything is built.
        check_numbers(options)
        run_dir = run_folder_for(options)
        before = 0.0
        if run_dir and options.resume:
            options, keyword = as_begun(options, keyword, run_dir / options.cell)
            before = seconds_before(run_dir / options.cell)
        asked = Asked.of(with_seed(options), keyword, run_dir)
        options, tests = asked.options, asked.tests
        prepared = asked.prepare()
        expectations = expectations_for(prepared.cell, prepared.build)
        expectations = replace(expectations, fail_env_changed=options.fail_env_changed)
        chosen = asked.choose(prepared)
        base = run_dir or new_run_folder()
        if not tests:
            # A resumed run must have the same parts as at its start.
            chosen = read_cut(base / prepared.cell.id, chosen) if options.resume else chosen
            chosen = planned(chosen, prepared, 1 if options.resume else workers, cut_by=options.cut_by)
        run = cls(
            prepared=prepared,
            folder=base / prepared.cell.id,
            expectations=expectations,
            chosen=chosen,
            reruns=options.reruns,
            verify=options.verify,
            resume=options.resume,
            isolated=options.isolated,
            claimed=claim(base / prepared.cell.id),
            show_known=options.show_known,
            tests=tests,
            options=RunOptions.of(options),
            said=said_by(options, keyword.expression),
            seconds_before=before,
        )
        run.clear()
        # If pythoninfo is not known yet, it is run after the last test, so that it does not delay the first one.
        keep_python_info(prepared, run.folder, ask=False)
        return replace(run, tests=tests.copied_into(run.folder / TESTS_FOLDER)) if tests else run

    def clear(self) -> None:
        """Prepares the folder. The files of an earlier run are removed, unless this run resumes it."""
        asked = asked_for(self.prepared, self.chosen, self.tests)
        if self.resume:
            check_resumed(self.folder, asked)
        else:
            for name in ("modules", PARTS_FOLDER, "journal", "logs"):
                shutil.rmtree(self.folder / name, ignore_errors=True)
        with disk_errors_as_unavailable(self.folder):
            (self.folder / "modules").mkdir(parents=True, exist_ok=True)
            remove_views(self.folder.parent)
            write_asked(self.folder, {**self.said, **asked}, seconds=self.seconds_before)
            if not self.resume:
                write_cut(self.folder, self.chosen)
            # These are written at the end. Until then those of an earlier run must not be mistaken for this run's.
            for name in (self.stop_file.name, RESULTS_FILE, "junit.xml", ERROR_FILE, PYTHON_INFO_FILE):
                (self.folder / name).unlink(missing_ok=True)

    @property
    def records(self) -> Records:
        """The records of the run's modules."""
        return Records(self.folder, self.chosen.parts, self.chosen.elsewhere, self.prepared.durations)

    @property
    def stop_file(self) -> Path:
        """The file that makes every worker of this run stop as long as it exists."""
        return self.folder / "stop"

    def to_json(self) -> dict[str, Any]:
        """The run as JSON for the workers of xdist."""
        return {
            "cell": self.prepared.cell.to_json(),
            "runtime_version": self.prepared.cell.runtime,
            "build": str(self.prepared.build.folder),
            "runtime": str(self.prepared.runtime),
            "cache": str(self.prepared.cache),
            "own_suite": self.prepared.own_suite.to_json() if self.prepared.own_suite else None,
            "folder": str(self.folder),
            "chosen": dataclasses.asdict(self.chosen),
            "reruns": self.reruns,
            "verify": self.verify,
            "resume": self.resume,
            "isolated": self.isolated,
            "tests": self.tests.to_json() if self.tests else None,
            # All workers judge by the lists as they were at the start, even if somebody edits them during the run.
            "expectations": pickle.dumps(self.expectations),
            "started": self.started,
        }

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> CellRun:
        cell = dataclasses.replace(Cell.from_json(data["cell"]), runtime=data["runtime_version"])
        build = Build.load(Path(data["build"]))
        own_suite = OwnSuite.from_json(data["own_suite"]) if data["own_suite"] else None
        prepared = Prepared(
            cell=cell, build=build, runtime=Path(data["runtime"]), cache=Path(data["cache"]), own_suite=own_suite
        )
        return cls(
            prepared=prepared,
            folder=Path(data["folder"]),
            expectations=pickle.loads(data["expectations"]),
            chosen=TestSelection(**data["chosen"]),
            reruns=data["reruns"],
            verify=data["verify"],
            resume=data["resume"],
            isolated=data["isolated"],
            tests=OwnTests.from_json(data["tests"]) if data["tests"] else None,
            started=data["started"],
        )

    def header(self) -> list[str]:
        """The lines at the top of the report that say what is tested."""
        manifest = self.prepared.build.manifest
        toolchain = manifest.toolchain
        cell = self.prepared.cell
        tested = f"CPython {manifest.python} by {manifest.source.provider}"
        compiler = f"{cell.target.traits.toolchain_name} {shown_version(toolchain)} by {toolchain.provider}"
        return [
            f"cell {cell.id}: {tested}, {compiler}, {cell.engine} {cell.runtime}",
            *describe_libraries(manifest),
            *([f"suite: {other}"] if (other := manifest.other_suite) else []),
            *([f"own tests: {self.tests.source}"] if self.tests else []),
            f"results in {self.folder}",
        ]

    def open_engine(self, index: int) -> EngineSession:
        """The engine of the worker with that number."""
        log = self.folder / "logs" / f"engine-{index}.log"
        log.parent.mkdir(parents=True, exist_ok=True)
        engine = self.prepared.open_engine(log, index)
        return FreshEngine(engine) if self.isolated else engine

    def work(self) -> list[str]:
        """The names of the modules to test, or of the parts of those that are cut, the longest first, without those
        that a resumed run has finished.
        """
        return [name for name in self.chosen.work() if not (self.resume and self.records.has(name))]

    def expected_seconds(self) -> dict[str, float]:
        """The expected seconds of each module or part, by the record of earlier runs; 0 if there is no record."""
        return {name: self.chosen.seconds.get(name, 0.0) for name in self.work()}

    def job(self, name: str, should_stop: Callable[[], bool]) -> ModuleJob:
        """The job that runs the module or part of that name. A case that was selected by name gets the full timeout,
        even if it is known to hang.
        """
        module, part = module_of_work(name), part_named(name, self.chosen.parts)
        match = self.chosen.cases_in(module)
        excluded = () if match else self.expectations.not_to_run(module, own=self.tests is not None)
        job = self.prepared.job(
            module, self.folder / "journal" / module, match=match, excluded=excluded, should_stop=should_stop
        )
        if self.tests:
            job = self.tests.given_to(job)
        job = replace(job, seed=self.chosen.seed, randomize=self.chosen.randomize)
        if part:
            job = replace(job, folder=job.folder / f"part-{part.number}", part=part)
        if match:
            return job
        is_of_other_version = functools.partial(self._is_of_other_version, module)
        return replace(job, expects_hang=self.expectations.expects_hang, is_of_other_version=is_of_other_version)

    def test(self, job: ModuleJob, engine: EngineSession) -> ModuleResult:
        """Runs one module or part, writes its result and returns it. If the run was stopped, nothing is written."""
        try:
            result = unimportable(job.module) if job.own else None
            result = result or self._tried_again(run_module(job, engine), job, engine)
            result = with_unmet(result, self.chosen.cases_in(job.module))
        except RunStoppedError:
            return ModuleResult(
                module=job.module,
                outcome=Outcome.NOT_RUN,
                seconds=0.0,
                attempts=0,
                complete=False,
                cases=(),
                own=job.own,
            )
        self.records.take(job.name, encode_module(result))
        return as_part(result) if job.part else result

    def _tried_again(self, result: ModuleResult, job: ModuleJob, engine: EngineSession) -> ModuleResult:
        """The result with further tries of its cases: of all cases with `verify`, else of the unexpected ones."""
        cases = worth_another_try(result, self.compared(result))
        environment = result.env_changed and self.expectations.fail_env_changed
        if self.verify > 1:
            jobs = [job] * (self.verify - 1)
        elif environment:
            # It is unknown which case changed the environment, so that the whole module has to run again.
            jobs = [job] * self.reruns
        else:
            ids = {case.case: case.unittest_id for case in result.cases}
            match = tuple(exact_pattern(ids[case]) for case in cases)
            jobs = [replace(job, match=match, excluded=())] * (self.reruns if cases else 0)
        folders = (job.folder.with_name(f"{job.folder.name}.{number}") for number in range(2, len(jobs) + 2))
        again: list[ModuleResult] = []
        # If the run is stopped now, the tries that are finished are kept.
        with contextlib.suppress(RunStoppedError):
            for each, folder in zip(jobs, folders, strict=True):
                again.append(run_module(replace(each, folder=folder), engine))
        if self.verify > 1 or environment:
            result = with_environment_tries(result, again)
        return (
            with_tries(result, again, whole=True)
            if self.verify > 1
            else with_tries(result, again, only=cases if environment else None)
        )

    def compared(self, result: ModuleResult) -> Comparison:
        """The verdicts on one module or part."""
        comparison = compare_module(result, self.expectations)
        return set_apart(comparison, differing) if (differing := self._differing(comparison)) else comparison

    def _differing(self, comparison: Comparison) -> tuple[str, ...]:
        """The unexpected cases that differ in the suite of the interpreter's own version."""
        return self._of_other_version([(row.module, row.case) for row in comparison.unexpected])

    def _of_other_version(self, cases: Sequence[tuple[str, str]]) -> tuple[str, ...]:
        """Those of the cases, each given with its module, that are a different test in the suite of the interpreter's
        own version. There are none if that is the suite which is run, if it is not available, or if the user's own
        tests are run.
        """
        own = self.prepared.own_suite
        # The folder does not exist on other machines of a run; the final verdicts are made on this one.
        if self.tests or not own or not own.folder.is_dir():
            return ()
        return differing_cases(cases, self.prepared.build.tests, own.folder)

    def _is_of_other_version(self, module: str, case: str) -> bool:
        return bool(self._of_other_version([(module, case)]))

    def finish(
        self, *, interrupted: bool, color: bool, lost: Mapping[str, str] | None = None, work: Sequence[Work] = ()
    ) -> tuple[str, bool]:
        """Writes results.json and junit.xml from the finished modules. Returns the summary, and whether anything is
        unexpected. `lost` has the modules that could not be run, with the reasons. They are not recorded as finished,
        so that a resumed run tests them. `work` has what each worker ran, and when.
        """
        self.stop_file.unlink(missing_ok=True)
        modules = self.records.results(self.prepared.build.modules())
        finished = {module.module for module in modules}
        own = self.tests is not None
        modules += tuple(
            lost_module(module, why, own=own)
            for module, why in self.records.lacking(lost or {}).items()
            if module not in finished
        )
        is_part = interrupted or own or self.chosen.cases or self.chosen.changed or self.chosen.elsewhere
        complete = not is_part and finished == set(self.prepared.build.modules())
        comparison = compare(modules, self.expectations, complete=complete)
        differing = self._differing(comparison)
        results = CellResults(
            cell=self.prepared.cell,
            modules=tuple(msgspec.structs.replace(module, imports=()) for module in modules),
            comparison=set_apart(comparison, differing),
            other_suite=self._other_suite(differing),
            run=self._run_info(finished, work, interrupted=interrupted, complete=complete),
            build=self.prepared.build.manifest,
            engine=self.prepared.engine_facts(),
            identity=self.prepared.identity.to_json() if self.prepared.identity else {},
        )
        self._remember(modules)
        # A user who names a case wants to see its failure, even if that is known.
        looked_at = [row for row in results.comparison.rows if self.show_known or self.chosen.cases_in(row.module)]
        known = [row for row in looked_at if not row.verdict.is_unexpected]
        go_on = go_on_line(sys.argv, self.folder.parent)
        page = publish(results, self.folder, color=color, known=known, go_on=go_on)
        return page, bool(results.comparison.unexpected)

    def _other_suite(self, differing: tuple[str, ...]) -> OtherSuite | None:
        """The differing cases if the suite is of another version than the interpreter, or why they are unknown. None if
        the versions are the same, or if the suite was not run.
        """
        prepared, manifest = self.prepared, self.prepared.build.manifest
        if not manifest.other_suite or self.tests:
            return None
        if not prepared.own_suite:
            return OtherSuite(not_compared=f"the tests of CPython {manifest.python} are not available")
        return OtherSuite(differing=differing, compared=prepared.own_suite.version)

    def _remember(self, modules: Sequence[ModuleResult]) -> None:
        """Records durations and imports for later runs. A shard records none, since the shards that run later have to
        be cut in the same way. Neither does a run of the user's own tests, nor one with other resources, which skips
        cases that the next run does not.
        """
        if not self.chosen.shard and not self.tests and not self.options.use:
            record_run(self.prepared.durations, modules)
            record_imports(self.prepared.durations, modules, self.prepared.build.manifest.python)

    def _run_info(
        self, finished: Collection[str], work: Sequence[Work], *, interrupted: bool, complete: bool
    ) -> RunInfo:
        return RunInfo(
            started=time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(self.started)),
            seconds=round(self.seconds_before + time.time() - self.started, 1),
            command=shlex.join(sys.argv),
            complete=complete,
            interrupted=interrupted,
            seed=self.chosen.seed,
            shard=self.chosen.shard,
            plan=self.chosen.plan,
            lacking=len(set(self.chosen.modules).difference(finished)),
            options=self.options,
            tests=self.tests.key if self.tests else "",
            fail_env_changed=self.expectations.fail_env_changed,
            no_snapshot=self._no_snapshot(),
            work=tuple(work),
            changed=self.chosen.reached,
        )

    def _no_snapshot(self) -> str:
        """The message in the log of an engine of this machine that could take no snapshot; empty if there is none."""
        for log in sorted((self.folder / "logs").glob("engine-*.log")):
            with log.open(encoding="utf-8", errors="replace") as lines:
                for line in lines:
                    if line.startswith(NO_SNAPSHOT):
                        return line.removeprefix(NO_SNAPSHOT).strip()
        return ""
