"""Runs unit tests in a forked process: to measure which test runs which line, and to try one change.

The parent never imports the harness, so each child imports it for itself, with the changed module in its place.
"""

from __future__ import annotations

import ast
import functools
import gc
import importlib
import importlib.abc
import importlib.machinery
import importlib.util
import json
import os
import resource
import shutil
import signal
import sys
import time
import traceback
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import CodeType, FunctionType
from typing import Any, NoReturn

import coverage
import hypothesis
import pytest

from tests.mutants.changes import Change

_MEMORY = 4 << 30


# The test failed; any other status that is not 0 is a failure of pytest itself.
_FAILED = 1
_UNKNOWN = 99


@dataclass(frozen=True, kw_only=True)
class Trial:
    """One change of a file, the tests that could notice it, and the seconds that they may take of a processor."""

    file: str
    tree: ast.Module
    change: Change
    tests: tuple[str, ...]
    seconds: float


@dataclass(frozen=True, kw_only=True)
class Ending:
    """`word` is killed, timeout, survived, or unknown where the change could not be made; `test` failed first."""

    word: str
    test: str = ""


def start(run: Callable[[], int], seconds: float) -> int:
    """Forks a child that may use so many seconds of a processor and ends with what `run` returns; its id."""
    sys.stdout.flush()
    child = os.fork()
    if child:
        return child
    status = 3
    try:
        resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
        resource.setrlimit(resource.RLIMIT_CPU, (int(seconds) + 1, int(seconds) + 10))
        signal.alarm(int(seconds * 20) + 60)  # for one that waits
        _scratch(os.getpid()).mkdir()
        os.environ["PYTEST_DEBUG_TEMPROOT"] = str(_scratch(os.getpid()))
        with output(os.getpid()).open("wb") as printed:
            os.dup2(printed.fileno(), 1)
            os.dup2(printed.fileno(), 2)
        status = run()
    except BaseException:  # noqa: BLE001 - a child must not go on as a second parent
        traceback.print_exc()
    finally:
        leave(status)


def leave(status: int) -> NoReturn:
    """Ends a child without what the parent has to do at its own end."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


def ended(child: int, wait_status: int) -> Ending:
    """What became of a child; its files are gone then."""
    failed = output(child).with_suffix(".failed")
    test = failed.read_text() if failed.exists() else ""
    failed.unlink(missing_ok=True)
    output(child).unlink(missing_ok=True)
    shutil.rmtree(_scratch(child), ignore_errors=True)
    if os.WIFSIGNALED(wait_status) and os.WTERMSIG(wait_status) in {signal.SIGXCPU, signal.SIGKILL, signal.SIGALRM}:
        return Ending(word="timeout")
    status = os.waitstatus_to_exitcode(wait_status)
    return Ending(word={0: "survived", _UNKNOWN: "unknown"}.get(status, "killed"), test=test)


def output(child: int) -> Path:
    """The file with everything that a child printed, until `ended`."""
    return Path.cwd().parent / f"output-{child}"


def _scratch(child: int) -> Path:
    return Path.cwd().parent / f"tmp-{child}"


class Reporter:
    """A plugin of pytest: ends the process at the first failure, and draws the same examples each time."""

    def pytest_configure(self) -> None:
        usual = hypothesis.settings.get_profile("harness")
        phases = (hypothesis.Phase.explicit, hypothesis.Phase.generate)
        fixed = hypothesis.settings(usual, database=None, derandomize=True, phases=phases)
        hypothesis.settings.register_profile("mutants", fixed)
        hypothesis.settings.load_profile("mutants")

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_makereport(self, item: pytest.Item, call: pytest.CallInfo[None]) -> None:
        # Before there is a report: to format a traceback takes longer than most tests.
        if not call.excinfo or call.excinfo.errisinstance(pytest.skip.Exception) or item.get_closest_marker("xfail"):
            return
        traceback.print_exception(call.excinfo.value, limit=-5)
        output(os.getpid()).with_suffix(".failed").write_text(item.nodeid)
        leave(_FAILED)


def run_pytest(tests: Sequence[str], *plugins: object) -> int:
    """pytest's status for these tests, in the folder it is called in."""
    for name in [name for name in sys.modules if name.partition(".")[0] == "tests"]:
        del sys.modules[name]
    sys.path[:] = [str(Path.cwd()), *(entry for entry in sys.path if entry not in {"", str(Path(__file__).parents[2])})]
    imported = "ignore:Module already imported so cannot be rewritten:pytest.PytestAssertRewriteWarning"
    # pytest rewrites the modules of a plugin too, and would read the changed one from its file. What it captures must
    # not be in a file, which forked processes would share.
    options = ["-x", "-q", "--assert=plain", "--capture=sys", "-p", "no:cacheprovider", "-W", imported]
    return int(pytest.main([*options, *tests], plugins=[Reporter(), *plugins]))


class ChangedModule(importlib.machinery.SourceFileLoader):
    """Loads one module from code that is in no file."""

    def __init__(self, name: str, path: Path, code: CodeType) -> None:
        super().__init__(name, str(path))
        self.code = code

    def get_code(self, fullname: str) -> CodeType:
        return self.code


class Finder(importlib.abc.MetaPathFinder):
    """Finds the changed module before anything else does."""

    def __init__(self, loader: ChangedModule) -> None:
        self.loader = loader

    def find_spec(self, fullname: str, path: object, target: object = None) -> importlib.machinery.ModuleSpec | None:
        if fullname != self.loader.name:
            return None
        return importlib.util.spec_from_file_location(fullname, self.loader.path, loader=self.loader)


def try_imported(trial: Trial) -> Callable[[], int]:
    """What a child does to try a change that has to be there when its module is imported."""

    def run() -> int:
        path = Path(trial.file).resolve()
        sys.meta_path.insert(0, Finder(ChangedModule(_module(trial.file), path, _changed(trial))))
        return run_pytest(trial.tests)

    return run


def _module(file: str) -> str:
    return ".".join(Path(file).with_suffix("").parts).removesuffix(".__init__")


def _changed(trial: Trial) -> CodeType:
    trial.change.apply()
    return compile(trial.tree, str(Path(trial.file).resolve()), "exec", dont_inherit=True)


class Trials:
    """A plugin of pytest: instead of running the tests that were collected, tries one change after the other, each in a
    fork in which the function has other code, and writes for each a line of JSON: its index, and its ending.
    """

    def __init__(self, trials: Sequence[Trial], jobs: int, pipe: int) -> None:
        self.trials, self.jobs, self.pipe = trials, jobs, pipe
        self.running: dict[int, int] = {}

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        items: dict[str, list[pytest.Item]] = {}
        for item in session.items:
            items.setdefault(item.nodeid.partition("[")[0], []).append(item)
        for file in {trial.file for trial in self.trials}:
            importlib.import_module(_module(file))  # where the harness itself imports it late
        gc.freeze()  # less memory that each fork has to copy
        for index, trial in enumerate(self.trials):
            if len(self.running) >= self.jobs:
                self._end_one()
            wanted = [item for test in trial.tests for item in items.get(test, ())]
            self.running[start(functools.partial(_try_live, trial, wanted), trial.seconds)] = index
        while self.running:
            self._end_one()
        return True

    def _end_one(self) -> None:
        child, status = os.wait()
        ending = ended(child, status)
        os.write(self.pipe, f"{json.dumps([self.running.pop(child), ending.word, ending.test])}\n".encode())


def _try_live(trial: Trial, items: Sequence[pytest.Item]) -> int:
    live = _function(sys.modules.get(_module(trial.file)), trial.change.function)
    code = _code(_changed(trial), live) if live else None
    if live is None or code is None or not items:
        return _UNKNOWN
    live.__code__ = code
    for item in items:
        item.config.hook.pytest_runtest_protocol(item=item, nextitem=None)
    return 0


def _function(owner: Any, name: str) -> FunctionType | None:
    """The outermost function on the way to a qualified name."""
    for part in name.split("."):
        owner = vars(owner).get(part) if hasattr(owner, "__dict__") else None
        for inner in ("fget", "func", "__func__", "__wrapped__"):
            owner = getattr(owner, inner, None) or owner
        if isinstance(owner, FunctionType):
            return owner
    return None


def _code(code: CodeType, live: FunctionType) -> CodeType | None:
    """The new code of a function, which stands in the same line."""
    for inner in code.co_consts:
        if isinstance(inner, CodeType):
            if (inner.co_qualname, inner.co_firstlineno) == (live.__qualname__, live.__code__.co_firstlineno):
                return inner
            found = _code(inner, live)
            if found:
                return found
    return None


def try_live(trials: Sequence[Trial], jobs: int) -> Iterator[tuple[Trial, Ending]]:
    """Tries changes of functions, several hundred times as quickly as one import each; yields each as it ends."""
    read, write = os.pipe()
    files = sorted({test.partition("::")[0] for trial in trials for test in trial.tests})
    child = start(lambda: run_pytest(files, Trials(trials, jobs, write)), 24 * 3600)
    os.close(write)
    with os.fdopen(read) as lines:
        for line in lines:
            index, word, test = json.loads(line)
            yield trials[index], Ending(word=word, test=test)
    status = os.waitpid(child, 0)[1]
    printed = output(child).read_text(errors="replace")
    ended(child, status)
    if status:
        raise SystemExit(f"the trials ended before their end:\n{printed}")


class Measurer:
    """A plugin of pytest: names in the coverage the test that is running, and times each."""

    def __init__(self, measured: coverage.Coverage) -> None:
        self.measured = measured
        self.seconds: defaultdict[str, float] = defaultdict(float)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[Any]:
        name = item.nodeid.partition("[")[0]
        self.measured.switch_context(name)
        started = time.process_time()
        result = yield
        self.seconds[name] += time.process_time() - started
        return result


def measure(files: Sequence[str], target: Path) -> Callable[[], int]:
    """What a child does to write into `target` which test of these files runs which lines of the harness:
    `{"seconds": {test: seconds}, "lines": {file: {test: [line, ...]}}}`.
    """

    def run() -> int:
        here = str(Path.cwd())
        measured = coverage.Coverage(data_file=None, source=[f"{here}/harness"], config_file=False)
        measured.start()
        measurer = Measurer(measured)
        status = run_pytest(files, measurer)
        measured.stop()
        data = measured.get_data()
        lines: dict[str, dict[str, list[int]]] = {}
        for file in data.measured_files():
            by_test = lines.setdefault(str(Path(file).relative_to(here)), {})
            for line, contexts in data.contexts_by_lineno(file).items():
                for test in filter(None, contexts):
                    by_test.setdefault(test, []).append(line)
        target.write_text(json.dumps({"seconds": dict(measurer.seconds), "lines": lines}))
        return status

    return run
