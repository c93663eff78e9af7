"""The pytest plugin: with `--cell ID`, pytest collects a cell's modules instead of its own tests.

It only connects the two: `harness.suite.module.run_module` runs a module, `harness.run.cell_run.finish` writes the
results, and pytest and xdist distribute the modules. Each xdist worker keeps one engine.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import time
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import pytest

from harness.engines.protocol import EngineSession
from harness.errors import ConfigError, EngineFailedError, HarnessError
from harness.matrix.load import load_configuration
from harness.project import matrix_file
from harness.results.cell_results import Work
from harness.results.outcomes import NOTHING_RAN, ModuleResult
from harness.run.capacity import plan_here
from harness.run.cell_run import CellRun
from harness.run.hosts.pool import LOST, HostPool, is_remote, name_of
from harness.run.keywords import Keyword
from harness.run.live import Means, Ticker, above, board, write_whole_line
from harness.run.options import OPTIONS_HINT, TESTING
from harness.run.publish import module_failure
from harness.run.python_info import keep_python_info
from harness.run.state import RunState
from harness.suite.parts import module_of_work
from harness.util.log import show_log, to_stdout
from harness.util.text import plain

_KEY = pytest.StashKey["CellPlugin"]()
# Names of user properties in the report of a module. From a worker on another machine: the record of its result.
RECORD = "harness-record"
# The verdicts of its cases, and the last unexpected one.
VERDICTS = "harness-verdicts"
# The message of an engine that failed.
ENGINE_FAILED = "harness-engine-failed"


class FrontEnd:
    """The plugin by which `python -m harness test` gets an error that has an exit status of its own."""

    error: HarnessError | None = None

    @pytest.hookimpl(wrapper=True)
    def pytest_cmdline_parse(self) -> Generator[None, pytest.Config, pytest.Config]:
        """Shows an error in the options without pytest's usage, which does not mention cells."""
        try:
            return (yield)
        except pytest.UsageError as error:
            wrong = str(error).partition(": error: ")[2].partition("\n")[0] or str(error)
            raise pytest.UsageError(f"{wrong}\n  -> {OPTIONS_HINT}") from error


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("cpython-wasm-harness")
    group.addoption("--cell", metavar="ID", help="test this cell of the matrix instead of the harness itself")
    for option in TESTING:
        option.add(group.addoption)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers(config: pytest.Config) -> int | None:
    """The workers for `-n auto` of a cell, which depend on memory too; None, for xdist's own number, without a cell."""
    cells = [cell for cell in load_configuration()[0].cells if cell.id == config.getoption("--cell")]
    return plan_here([cell.target for cell in cells]).workers if cells else None


@pytest.hookimpl(trylast=True)
def pytest_configure(config: pytest.Config) -> None:
    if not config.getoption("--cell"):
        return
    worker = getattr(config, "workerinput", None)
    if not worker:
        show_log(to_stdout)
    try:
        if not worker:
            _check_words(config)
        keyword = Keyword(config.option.keyword, config.getoption("--cell"))
        run = (
            CellRun.from_json(worker["harness"]) if worker else CellRun.start(config.option, keyword, _workers(config))
        )
    except HarnessError as error:
        raise _usage_error(config, error) from error
    plugin = CellPlugin(config, run, worker["workerid"] if worker else "")
    config.stash[_KEY] = plugin
    config.pluginmanager.register(plugin, "harness-cell")


def _workers(config: pytest.Config) -> int:
    """How many workers of xdist there will be, on this machine or on others; 1 without xdist."""
    given = getattr(config.option, "tx", None) or ["popen"]
    counts = (str(spec).partition("*")[0] for spec in given)
    return sum(int(count) if count.isdecimal() else 1 for count in counts)


def _check_words(config: pytest.Config) -> None:
    """ConfigError for an argument that pytest would take for a file. The only one for a cell is the matrix's."""
    given = config.args if config.args_source is pytest.Config.ArgsSource.ARGS else []
    if others := [word for word in given if word not in {str(matrix_file()), "matrices"}]:
        raise ConfigError(
            f"unknown argument {others[0]!r}",
            hint="cells and modules stand before all options; a choice of modules is -k, of cases --case",
        )


def _usage_error(config: pytest.Config, error: HarnessError) -> pytest.UsageError:
    """The error as pytest's UsageError. A front end gets the error itself, with its exit status."""
    _pass_to_front_end(config, error)
    return pytest.UsageError(str(error))


def _pass_to_front_end(config: pytest.Config, error: HarnessError) -> None:
    for front in config.pluginmanager.get_plugins():
        if isinstance(front, FrontEnd):
            front.error = error


class CellPlugin:
    """The hooks of pytest while a cell is tested."""

    def __init__(self, config: pytest.Config, run: CellRun, worker: str) -> None:
        self.run = run
        self.is_controller = not worker
        # A worker on another machine: the files that it writes are not seen here.
        self.is_remote = bool(worker) and bool(config.workerinput["harness"].get("sends_results"))  # type: ignore[attr-defined]
        self._config = config
        self._hosts: HostPool | None = None
        self.index = int(worker.removeprefix("gw")) if worker else 0
        self._parent = os.getppid()
        self._engine: EngineSession | None = None
        self.summary = ""
        self._failures: dict[str, str] = {}
        self._work: list[Work] = []
        self._ticker = Ticker(RunState(cell=run.prepared.cell.id, started=time.time()))
        self._has_board = self.is_controller and config.option.verbose < 0 and self._ticker.how is Means.BOARD
        config.args = [str(matrix_file())]
        if hasattr(config.option, "maxschedchunk") and config.option.maxschedchunk is None:
            config.option.maxschedchunk = 1
        _quiet_reporters(config)
        if self.is_controller:
            show_log(self._write_line)
        else:
            # A terminal sends Ctrl-C to workers as well, and the controller stops them in its own way.
            signal.signal(signal.SIGINT, signal.SIG_IGN)

    def should_stop(self) -> bool:
        """Whether the run is being stopped, or the process that started this worker has ended."""
        return self.run.stop_file.exists() or (not self.is_controller and os.getppid() != self._parent)

    def engine(self) -> EngineSession:
        if self._engine is None:
            self._engine = self.run.open_engine(self.index)
        return self._engine

    def test(self, name: str) -> ModuleResult:
        """Runs one module, or one part of one, and writes its result at once."""
        job = self.run.job(name, self.should_stop)
        return self.run.test(job, self.engine())

    @pytest.hookimpl(wrapper=True)
    def pytest_sessionstart(self) -> Iterator[None]:
        try:
            return (yield)
        except HarnessError as error:
            raise _usage_error(self._config, error) from error

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_setupnodes(self, specs: list[Any]) -> None:
        self._hosts = HostPool(self._config.pluginmanager.get_plugin("dsession"))
        self._ticker.state = self._ticker.state.planned(self.run.expected_seconds(), len(specs))

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node: Any) -> None:
        node.workerinput["harness"] = self.run.to_json()
        if is_remote(node.gateway.spec):
            from harness.bundles.pack import kept_bundle  # noqa: PLC0415 - only a run over hosts needs them
            from harness.run.hosts.join import join_host  # noqa: PLC0415

            host, option = name_of(node.gateway.spec), self._config.option
            bundle = Path(option.bundle) if option.bundle else kept_bundle(self.run.prepared)
            node.workerinput["harness"] |= join_host(node.gateway, host, self.run.prepared.cell, option.runtime, bundle)

    @pytest.hookimpl(optionalhook=True)
    def pytest_handlecrashitem(self, crashitem: str, report: Any, sched: Any) -> None:
        if self._hosts:
            self._hosts.try_again(crashitem, report, sched)
        self._ended(crashitem, finished=report.outcome != LOST)

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        self._ticker.state = self._ticker.state.begun(_work_of(nodeid), time.time())

    def pytest_runtest_logfinish(self, nodeid: str) -> None:
        self._ended(nodeid)

    def _ended(self, nodeid: str, *, finished: bool = True) -> None:
        self._ticker.state = self._ticker.state.ended(_work_of(nodeid), finished=finished)

    @pytest.hookimpl(wrapper=True)
    def pytest_report_teststatus(self, report: Any) -> Generator[None, tuple[str, Any, Any], tuple[str, Any, Any]]:
        """What the reporter prints of a module: nothing if there is a board."""
        category, letter, word = yield
        if report.outcome == LOST:
            category, letter, word = "lost and run again", "L", "LOST"
        return (category, "", "") if self._hosts and self._has_board else (category, letter, word)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Takes over what the report of a module has: a record from another machine, verdicts, a failure."""
        if not self.is_controller:
            return
        work = _work_of(report.nodeid)
        for name, record in report.user_properties:
            if name == RECORD:
                self.run.records.take(work, str(record))
            if name == VERDICTS and report.when == "call":
                self._ticker.state = self._ticker.state.judged(*json.loads(str(record)))
            if name == ENGINE_FAILED:
                _pass_to_front_end(self._config, EngineFailedError(str(record)))
        # A module that was stopped or lost has no record.
        if report.when == "call" and self.run.records.has(work):
            # By our own clock: a worker may be on another machine.
            begin = max(0.0, time.time() - report.duration - self.run.started)
            worker = getattr(report, "worker_id", "main")
            done = Work(name=work, worker=worker, begin=round(begin, 2), seconds=round(report.duration, 2))
            self._work.append(done)
        if report.failed:
            # The last line of pytest's report, without the hint after an error of the harness.
            lines = [each for each in report.longreprtext.splitlines() if not each.lstrip().startswith("-> ")]
            self._failures[work] = next((each.strip() for each in reversed(lines) if each.strip()), "")

    def _write_line(self, line: str) -> None:
        if reporter := self._config.pluginmanager.get_plugin("terminalreporter"):
            write_whole_line(reporter, line)

    def pytest_collect_file(self, file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
        if file_path != matrix_file():
            return None
        file: MatrixFile = MatrixFile.from_parent(parent, path=file_path)
        return file

    def pytest_report_header(self) -> list[str]:
        return self.run.header()

    @pytest.hookimpl(wrapper=True)
    def pytest_runtestloop(self) -> Iterator[None]:
        """On Ctrl-C the controller makes the file that workers check several times a second, so that they stop too."""
        with self._shown():
            try:
                return (yield)
            except KeyboardInterrupt:
                self.run.stop_file.touch()
                raise

    @contextlib.contextmanager
    def _shown(self) -> Iterator[None]:
        """Shows the state of the run while the block runs; nothing for a run without xdist."""
        with contextlib.ExitStack() as stack:
            if self._hosts:
                stack.enter_context(self._ticker.shown())
            if self._hosts and self._has_board:
                console = stack.enter_context(board(lambda: [self._ticker.state.row(time.time())]))
                stack.enter_context(above(console, self._config.pluginmanager.get_plugin("terminalreporter")))
            yield

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> None:
        if self._engine is not None:
            self._engine.close()
        if self.is_remote:
            shutil.rmtree(self.run.folder, ignore_errors=True)
        if self.is_controller and not session.config.option.collectonly:
            interrupted = exitstatus == pytest.ExitCode.INTERRUPTED
            # Modules that failed and have no result are lost, for instance by an engine that does not start.
            lost = {} if interrupted else self._failures
            reporter = session.config.pluginmanager.get_plugin("terminalreporter")
            color = bool(reporter and reporter.hasmarkup)
            if not interrupted:
                keep_python_info(self.run.prepared, self.run.folder)
            self.summary, unexpected = self.run.finish(interrupted=interrupted, color=color, lost=lost, work=self._work)
            if exitstatus == pytest.ExitCode.NO_TESTS_COLLECTED and self.run.resume:
                # A run with an empty selection does not start: all modules were finished before it was resumed.
                session.exitstatus = pytest.ExitCode.OK
            if unexpected and session.exitstatus == pytest.ExitCode.OK:
                session.exitstatus = pytest.ExitCode.TESTS_FAILED
            if not unexpected and session.exitstatus == pytest.ExitCode.TESTS_FAILED and self._is_only_judged_red():
                session.exitstatus = pytest.ExitCode.OK

    def _is_only_judged_red(self) -> bool:
        """Whether all modules that failed have a result, so that the verdict of this process counts: a worker on
        another machine does not have the interpreter's own tests, with which cases of another version are compared.
        """
        return bool(self.run.prepared.own_suite) and all(map(self.run.records.has, self._failures))

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        terminalreporter.ensure_newline()
        terminalreporter.write(self.summary + "\n")


def _quiet_reporters(config: pytest.Config) -> None:
    """Keeps the reporters of pytest and xdist from printing what the summary and the board replace."""
    if reporter := config.pluginmanager.get_plugin("terminalreporter"):
        # pytest would show where in its code Ctrl-C was pressed; the summary says what that means for the run.
        reporter._report_keyboardinterrupt = lambda: None  # noqa: SLF001 - there is no option for it
    workers = config.pluginmanager.get_plugin("terminaldistreporter")
    if workers and config.option.verbose < 0:
        # It prints "bringing up nodes..." for each of them, where the board is drawn.
        workers.rewrite = workers.ensure_show_status = lambda *_, **__: None


def _work_of(nodeid: str) -> str:
    """The name of the module, or of the part of one, that an item is."""
    return nodeid.rpartition("::")[2]


class MatrixFile(pytest.File):
    """The file of the matrix. With `--cell` its only child is the cell."""

    def collect(self) -> Iterator[pytest.Collector]:
        run = self.config.stash[_KEY].run
        cell: CellNode = CellNode.from_parent(self, name=run.prepared.cell.id)
        yield cell


class CellNode(pytest.Collector):
    """A cell; its items are the modules, or their parts, that this run is to test, longest first."""

    def collect(self) -> Iterator[pytest.Item]:
        for name in self.config.stash[_KEY].run.work():
            # pytest's -k looks at the name, and selects all parts of a module.
            item: ModuleItem = ModuleItem.from_parent(self, name=module_of_work(name), nodeid=f"{self.nodeid}::{name}")
            yield item


class UnexpectedOutcomeError(Exception):
    """A module had unexpected outcomes; the text lists them."""


class ModuleItem(pytest.Item):
    """One module, or one part of one. It fails if an outcome is unexpected, and is skipped if nothing in it ran."""

    def runtest(self) -> None:
        plugin = self.config.stash[_KEY]
        if plugin.should_stop():
            pytest.skip("the run was stopped")
        try:
            result = plugin.test(_work_of(self.nodeid))
        except EngineFailedError as error:
            if not plugin.is_remote:
                # It would fail at every module; what is finished is kept.
                plugin.run.stop_file.touch()
                self.user_properties.append((ENGINE_FAILED, str(error)))
            raise
        if plugin.is_remote and (record := plugin.run.records.read(_work_of(self.nodeid))):
            self.user_properties.append((RECORD, record))
        compared = plugin.run.compared(result)
        last = [f"{row.verdict} {plain(row.case)}: {row.outcome or '-'}" for row in compared.unexpected[-1:]]
        self.user_properties.append((VERDICTS, json.dumps([compared.counts, "".join(last)])))
        if failure := module_failure(compared):
            raise UnexpectedOutcomeError(failure)
        if result.outcome in NOTHING_RAN:
            pytest.skip(result.detail.reason or "skipped")

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        if isinstance(excinfo.value, UnexpectedOutcomeError | HarnessError):
            return str(excinfo.value)
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, int | None, str]:
        return self.path, None, f"{self.config.stash[_KEY].run.prepared.cell.id}: {_work_of(self.nodeid)}"
