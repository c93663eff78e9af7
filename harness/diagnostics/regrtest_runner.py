"""Runs CPython's own runner, regrtest, on a build of the harness, whose results are compared with the harness's.

regrtest runs on the native build Python and starts a fresh, plain runtime for each module, as the buildbots do.
"""

from __future__ import annotations

import dataclasses
import os
import re
import resource
import shlex
import shutil
import sys
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import NamedTuple
from xml.etree import ElementTree

from harness.build.entry_script import ENTRY_SCRIPT, NODE_ENTRY, script_in
from harness.build.prebuilt import PREBUILT
from harness.engines.node import STACK_MB, node_environment
from harness.errors import BuildError, ConfigError
from harness.matrix.cells import Cell, Distribution
from harness.matrix.jspi import node_options
from harness.results.case_ids import FIXTURE, dotted
from harness.results.outcomes import Outcome
from harness.run.prepared import Prepared
from harness.suite.journal import Names
from harness.targets import Target
from harness.util.files import remove_tree
from harness.util.process import Command, Completed, last_lines, run

_ENGINES = Path(__file__).parents[1] / "engines" / "child"
# Bytes of stack that V8 does not count, for its own runtime and for the system.
STACK_MARGIN = 1 << 20
_BUILT_IN = re.compile(r"'abs_builddir': '([^']+)'")
# With `-I` Python does not add the script's folder to its path, so that this program does.
_BOOT = """\
import os, runpy, sys
sys.argv.pop(0)
sys.path.insert(0, os.path.dirname(sys.argv[0]))
runpy.run_path(sys.argv[0])
"""


class Word(StrEnum):
    """regrtest's words for the result of a module, as it prints them (Lib/test/libregrtest/result.py)."""

    PASSED = "passed"
    FAILED = "failed"
    UNCAUGHT = "failed (uncaught exception)"
    ENV_CHANGED = "failed (env changed)"
    LEAKED = "failed (reference leak)"
    SKIPPED = "skipped"
    DENIED = "skipped (resource denied)"
    INTERRUPTED = "interrupted"
    DIED = "worker non-zero exit code"
    BUG = "worker bug"
    NO_TESTS = "ran no tests"
    TIMED_OUT = "timed out"


# CPython 3.12 prints this word in another tense.
_OTHER_WORDS = {"run no tests": Word.NO_TESTS}
_WORDS = {word.value: word for word in Word} | _OTHER_WORDS
_PROGRESS = re.compile(
    r"^\d+:\d\d:\d\d (?:load avg: [\d.]+ )?(?:mem: \S+ )?\[ *\d+/\d+(?:/\d+)?\] (?:Re-run )?(\S+) "
    rf"({'|'.join(re.escape(word) for word in sorted(_WORDS, key=len, reverse=True))})(?=\s|$)",
    re.MULTILINE,
)


# By the element of a JUnit case.
_OUTCOMES = {
    "error": Outcome.ERROR,
    "failure": Outcome.FAIL,
    "skipped": Outcome.SKIP,
    "output": Outcome.EXPECTED_FAILURE,
    "outcome": Outcome.UNEXPECTED_SUCCESS,
}
# Of such a module JUnit has a suite, in the order of the progress lines; one with an exception of its own may have one.
_WITH_SUITE = frozenset({Word.PASSED, Word.FAILED, Word.ENV_CHANGED, Word.NO_TESTS})


class Key(NamedTuple):
    """A case by its module and its id: two modules may have cases of one id."""

    module: str
    case: str


@dataclass(frozen=True, kw_only=True)
class Reply:
    """The results of one run of regrtest: its seconds, its word on each module, and the outcome of each case.

    JUnit has no name for a case that fails only by its subtests. `unnamed` has the outcome for each module whose only
    case is of this kind. If regrtest ran a single case, it is the outcome of that case.
    """

    seconds: float = 0.0
    words: Mapping[str, Word] = field(default_factory=dict)
    outcomes: Mapping[Key, Outcome] = field(default_factory=dict)
    unnamed: Mapping[str, Outcome] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Task:
    """What regrtest has to run. `name` is the name of its log and JUnit file. Empty `modules` stand for all modules but
    those `left_out`.

    `match` are patterns of the cases to run, none for all; `excluded` are patterns of cases not to run. regrtest kills
    the process of a module after 1.5 times `seconds`.
    """

    workers: int
    name: str = "regrtest"
    modules: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()
    match: tuple[str, ...] = ()
    excluded: tuple[str, ...] = ()
    seconds: int = 600


@dataclass(frozen=True, kw_only=True)
class RegrtestRunner:
    """regrtest with a copy of the build below `folder`, since its modules may write into the whole tree. With
    `upstream` each module is started by the entry script of CPython's own build instead of the harness's plain runner.
    """

    prepared: Prepared
    folder: Path
    upstream: bool = False

    @property
    def root(self) -> Path:
        return self.folder / "root"

    @classmethod
    def of(cls, prepared: Prepared, folder: Path, *, upstream: bool = False) -> RegrtestRunner:
        """The runner with a fresh copy of the build. ConfigError for a cell in a browser, which regrtest cannot start,
        and with `upstream` for a build without an entry script.
        """
        check_regrtest_can_run(prepared.cell, upstream=upstream)
        if upstream:
            check_has_entry(prepared)
        peer = cls(prepared=prepared, folder=folder, upstream=upstream)
        remove_tree(peer.root)
        shutil.copytree(prepared.build.root, peer.root, symlinks=True)
        for place, _, files in os.walk(peer.root):
            for path in (Path(place), *(Path(place, name) for name in files)):
                if not path.is_symlink():
                    path.chmod(path.stat().st_mode | 0o200)
        # sysconfig has the full path of the build folder, to which regrtest changes; it must be that of the copy.
        built_in = peer.root / prepared.build.manifest.layout.build_folder
        for data in built_in.glob("build/lib.*/_sysconfigdata*.py"):
            text = data.read_text(encoding="utf-8")
            if built := _BUILT_IN.search(text):
                data.write_text(text.replace(built.group(1), str(built_in)), encoding="utf-8")
        if upstream:
            script = built_in / ENTRY_SCRIPT
            moved = script_in(script.read_text(encoding="utf-8"), built_in)
            script.write_text(moved, encoding="utf-8")
        return peer

    def run(self, task: Task, on_tick: Callable[[float], None] | None = None) -> Reply:
        """Runs regrtest and returns its results. BuildError when it printed no word on any module, or when its JUnit
        file does not fit the modules.
        """
        junit, log = self.folder / f"{task.name}.xml", self.folder / f"{task.name}.log"
        command = self.command(task, junit)
        done = run(command, log=log, on_tick=on_tick)
        words = read_words(log.read_text(encoding="utf-8", errors="replace"))
        if not words:
            raise BuildError(
                f"regrtest {done.ending} and wrote no results:\n{last_lines(log)}",
                hint=f"run it by hand: {command.reproduce()}",
            )
        # regrtest writes no JUnit file if every module died or was skipped before its first case.
        reply = read_junit(junit, words) if junit.exists() else Reply(words=words)
        return dataclasses.replace(reply, seconds=done.seconds)

    @property
    def _runner(self) -> _Runner:
        """The runner that starts the interpreter for each module."""
        if self.upstream:
            return _UPSTREAM
        is_pyodide = self.prepared.cell.distribution is Distribution.PYODIDE
        return _PYODIDE if is_pyodide else _RUNNERS[self.prepared.cell.target]

    @property
    def has_single(self) -> bool:
        """Whether upstream's CI runs the suite of this target in a single process."""
        return _RUNNERS[self.prepared.cell.target].has_single

    def run_single(self, task: Task, on_tick: Callable[[float], None] | None = None) -> Completed:
        """Runs all modules of the task one after the other in one interpreter, as upstream's CI does, and returns the
        ended process. BuildError when the run does not come to its end: if a module kills the interpreter, the others
        have no result.
        """
        log, command = self.folder / f"{task.name}.log", self.single_command(task)
        done = run(command, log=log, on_tick=on_tick)
        if "Result: " not in log.read_text(encoding="utf-8", errors="replace"):
            raise BuildError(
                f"regrtest in a single process {done.ending} before its end:\n{last_lines(log)}",
                hint=f"leave out the module that it was in; by hand: {command.reproduce()}",
            )
        return done

    def single_command(self, task: Task) -> Command:
        """The command that runs all modules of the task in one interpreter."""
        prepared, program = self.prepared, Path(self.prepared.build.manifest.layout.program)
        runner = self._runner
        # Before 3.13 regrtest has no such option, and a single process is its default.
        knows = tuple(map(int, prepared.build.manifest.python.split(".")[:2])) >= (3, 13)
        argv = (
            *runner.command(self, str(program)),
            *("-m", "test", *(("--single-process",) if knows else ())),
            # Upstream's CI runs the modules in their order, and --randseed would shuffle them.
            *("-u", prepared.cell.resources),
            *(("--exclude", *task.left_out) if task.left_out else task.modules),
        )
        env = os.environ | runner.environment(self)
        return Command(argv=argv, cwd=(self.root / program).parent, env=env)

    def command(self, task: Task, junit: Path) -> Command:
        """The command that runs the task; regrtest writes its results into the file `junit`."""
        prepared, program = self.prepared, Path(self.prepared.build.manifest.layout.program)
        runner = self._runner
        python = shlex.join(runner.command(self, str(program)))
        argv = (
            *(prepared.build.manifest.native, "-m", "test"),
            *("-j", str(task.workers), "-u", prepared.cell.resources, "--timeout", str(task.seconds)),
            *("--randseed", "0", "--python", python, "--junit-xml", str(junit)),
            *(word for case in task.match for word in ("--match", case)),
            *(word for case in task.excluded for word in ("--ignore", case)),
            *(("--exclude", *task.left_out) if task.left_out else task.modules),
        )
        env = os.environ | runner.environment(self)
        return Command(argv=argv, cwd=(self.root / program).parent, env=env)


def _wasmtime_runner(peer: RegrtestRunner, program: str) -> tuple[str, ...]:
    runner, prepared = _ENGINES / "plain_wasmtime.py", peer.prepared
    settings = (prepared.runtime, peer.folder / "plain.cwasm", peer.root, prepared.build.wasm_stack)
    return (sys.executable, "-I", "-c", _BOOT, str(runner), *map(str, settings), "--", f"/{program}")


def _node_runner(peer: RegrtestRunner, program: str) -> tuple[str, ...]:
    node = _node_of(peer)
    stack = stack_flag(resource.getrlimit(resource.RLIMIT_STACK)[0])
    return (
        str(node),
        stack,
        *node_options(peer.prepared.cell),
        str(_ENGINES / "plain_node.mjs"),
        str(peer.root / program),
    )


def _pyodide_runner(peer: RegrtestRunner, program: str) -> tuple[str, ...]:
    prepared = peer.prepared
    guest_tests = PREBUILT[prepared.cell.distribution].tests_of(prepared.build.manifest.python)
    return (
        str(_node_of(peer)),
        stack_flag(resource.getrlimit(resource.RLIMIT_STACK)[0]),
        *node_options(prepared.cell),
        str(_ENGINES / "plain_pyodide.mjs"),
        str(peer.root / program),
        str(peer.root / "Lib" / "test"),
        guest_tests,
    )


def stack_flag(limit: int) -> str:
    """Node's option for the stack of its first thread, if the system's limit for that stack is `limit` bytes.

    Without the option V8 uses 984 KiB, however large the limit is. With so little, some modules end with a RangeError,
    and regrtest loses all their cases. `python.sh` of CPython 3.14 has NODEFLAGS for this.
    """
    stack = STACK_MB << 20 if limit == resource.RLIM_INFINITY else min(limit, STACK_MB << 20)
    return f"--stack-size={max(stack - STACK_MARGIN, stack // 2) >> 10}"


def _node_of(peer: RegrtestRunner) -> Path:
    runtime = peer.prepared.runtime
    return runtime if runtime.is_file() else runtime / "bin" / "node"


def check_regrtest_can_run(cell: Cell, *, upstream: bool) -> None:
    """ConfigError for a cell in a browser, and with `upstream` for a cell whose entry script starts a program that
    cannot be installed. It needs no build of the cell.
    """
    if cell.engine.is_browser:
        raise ConfigError(
            f"{cell.id}: regrtest starts interpreters as programs, and a browser runs none",
            hint=f"compare the cell with another one of its build: python -m harness diff; "
            f"regrtest can run {cell.build_id}",
        )
    if upstream and cell.target is Target.WASI:
        raise ConfigError(
            f"{cell.id}: CPython's entry script for WASI starts the program `wasmtime`, which no package of PyPI has",
            hint="leave --engine out: each module then runs in a plain wasmtime with the stack, the folder and the "
            "environment of that script",
        )


def check_has_entry(prepared: Prepared) -> None:
    """ConfigError when the build has no entry script of CPython."""
    cell, layout = prepared.cell, prepared.build.manifest.layout
    places = [prepared.build.root / layout.build_folder / name for name in (ENTRY_SCRIPT, NODE_ENTRY)]
    if lacking := [path.name for path in places if not path.is_file()]:
        raise ConfigError(
            f"{cell.id}: CPython {prepared.build.manifest.python} has made no {lacking[0]} that starts its interpreter",
            hint="CPython has it from 3.14 on: name a tree of 3.14 or later with --cpython, or leave --engine out",
        )


class _Runner(NamedTuple):
    """The functions for the command that starts a target's program and for the variables that this needs. `has_single`
    says that upstream's CI runs the suite of that target in a single process.
    """

    command: Callable[[RegrtestRunner, str], tuple[str, ...]]
    environment: Callable[[RegrtestRunner], dict[str, str]]
    has_single: bool = False


_RUNNERS = {
    # A WASI guest sees only the variables that its runner passes on.
    Target.WASI: _Runner(
        _wasmtime_runner,
        lambda peer: {"GUEST_PYTHONPATH": peer.prepared.guest_environment.get("PYTHONPATH", "")},
    ),
    Target.EMSCRIPTEN: _Runner(
        _node_runner, lambda peer: node_environment() | peer.prepared.guest_environment, has_single=True
    ),
}
_PYODIDE = _Runner(_pyodide_runner, lambda peer: node_environment() | peer.prepared.guest_environment)
# The entry script searches `node` on PATH, and passes the whole environment to the guest.
_UPSTREAM = _Runner(
    lambda peer, program: (str((peer.root / program).with_name(ENTRY_SCRIPT)),),
    lambda peer: {"PATH": os.pathsep.join([str(_node_of(peer).parent), os.environ.get("PATH", os.defpath)])},
)


def read_words(log: str) -> dict[str, Word]:
    """regrtest's word on each module in its progress lines, in their order."""
    return {module: _WORDS[word] for module, word in _PROGRESS.findall(log)}


def read_junit(path: Path, words: Mapping[str, Word]) -> Reply:
    """The results in the JUnit file `path` of a run with these words, which are in the order of the progress lines.
    Cases have the same names as in the journal. BuildError when the file does not have a suite for each module that
    ran.

    In this file an expected failure is an `<output>` element, and an unexpected success an `<outcome>` element
    (Lib/test/libregrtest/testresult.py).
    """
    outcomes: dict[Key, Outcome] = {}
    unnamed: dict[str, Outcome] = {}
    suites = list(ElementTree.parse(path).iter("testsuite"))
    for module, suite in zip(_modules_with_suite(words, len(suites), path), suites, strict=True):
        cases, seen, names = suite.findall("testcase"), Counter[str](), Names((dotted(module),))
        for element in cases:
            if case := element.get("name"):
                seen[case] += 1
                name = names.of(case, seen[case], is_fixture=FIXTURE.fullmatch(case) is not None)
                tags = {child.tag for child in element}
                found = (outcome for tag, outcome in _OUTCOMES.items() if tag in tags)
                outcomes[Key(module, name)] = next(found, Outcome.PASS)
        # The outcome of the only case of a suite, from the counts of the suite; none if these have no failure.
        counts = {"errors": Outcome.ERROR, "failures": Outcome.FAIL}
        failed = next((outcome for name, outcome in counts.items() if int(suite.get(name, 0))), None)
        if failed and len(cases) == 1 and not cases[0].get("name"):
            unnamed[module] = failed
    return Reply(words=words, outcomes=outcomes, unnamed=unnamed)


def _modules_with_suite(words: Mapping[str, Word], count: int, path: Path) -> list[str]:
    """The modules of the `count` suites, in their order, which is needed since suites have no name."""
    for further in (set(), {Word.UNCAUGHT}):
        modules = [module for module, word in words.items() if word in _WITH_SUITE | further]
        if len(modules) == count:
            return modules
    raise BuildError(
        f"{path} has {count} suites, and regrtest's progress lines name {len(modules)} modules that ran",
        hint="compare fewer modules at a time",
    )
