"""`python -m harness audit-skips CELL`: finds stale skips of the suite.

The cases that a run skipped because of the platform are run again, with the suite's own gates forced open. Each module
has a folder and interpreters of its own, so that a crash affects only the case in which it happens. A case that passes
now need not be skipped any more, or not for the given reason.
"""

from __future__ import annotations

import dataclasses
import json
import logging
import queue
import threading
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.engines.protocol import EngineSession, Mount
from harness.errors import ConfigError, did_you_mean
from harness.limitations.skip_account import account_for
from harness.limitations.skips import MODULE_SKIPPED, Elsewhere, Skip, SkipAccount
from harness.project import project_root
from harness.results.case_ids import FIXTURE, dotted
from harness.results.cell_results import load_results
from harness.results.outcomes import ModuleResult, Outcome
from harness.results.run_folder import results_in
from harness.run.prepare import BuildRequest, prepare
from harness.run.prepared import Prepared
from harness.suite.module import ModuleJob, run_module
from harness.suite.pool import side_by_side
from harness.util.files import disk_errors_as_unavailable, write_atomically
from harness.util.paths import shown

logger = logging.getLogger(__name__)

GATES_FOLDER = Path(__file__).parents[1] / "guest" / "gates"
AUDIT_FILE = "audit.json"
# Seconds. Many cases hang behind open gates, and they do so at once, so that a short limit is enough.
CASE_TIMEOUT, MODULE_TIMEOUT = 10.0, 300.0
CLASSES_SHOWN = 12


@dataclass(frozen=True, kw_only=True)
class Forced:
    """The outcome of a case behind open gates. `limitation` explained its skip, and `reason` is the suite's own."""

    case: str
    outcome: Outcome
    limitation: str
    reason: str


def audit_cell(cell: str, request: BuildRequest, results: str, only: Sequence[str], workers: int) -> str:
    """Audits the skips in the results of a run, or of the latest run if none is named. Returns the page, which names
    the run.
    """
    # An absolute path, since guests get folders next to it, and the current folder of the engine's process is another.
    path = _results_of(cell, Path(results).absolute() if results else project_root() / "reports" / "latest")
    loaded = load_results(path)
    if loaded.cell.id != cell:
        raise ConfigError(f"{path} holds the results of {loaded.cell.id}, not of {cell}")
    only = named_modules(only, [module.module for module in loaded.modules], shown(path.resolve()))
    print(f"the skips are those of {shown(path.resolve())}", flush=True)
    prepared = prepare(cell, request)
    found = audit(prepared, account_for(loaded), path.parent, only=only, workers=workers)
    return render_audit(cell, found, read=shown(path.resolve()))


def _results_of(cell: str, run: Path) -> Path:
    """The path of the cell's results.json for the path `run` that the user has named: the folder of a run or of the
    cell, or the file itself.
    """
    found = results_in(run)
    return next((path for path in found if path.absolute().parent.name == cell), found[0])


def named_modules(words: Sequence[str], known: Collection[str], where: str) -> tuple[str, ...]:
    """The modules that the words name, by regrtest's name or with `test.` in front. ConfigError for a module that the
    run in `where` did not test.
    """
    by_name = {name: module for module in known for name in (module, dotted(module))}
    if unknown := [word for word in words if word not in by_name]:
        near = did_you_mean(unknown[0], known)
        raise ConfigError(
            f"the run in {where} has no module {unknown[0]!r}" + (f"; {near}" if near else ""),
            hint="--results RUN names another run, a whole one at best",
        )
    return tuple(by_name[word] for word in words)


def audited(account: SkipAccount) -> dict[str, tuple[Skip, ...]]:
    """The skips to audit, by module: those that a limitation explains, without cases that are also skipped natively."""
    found: dict[str, list[Skip]] = defaultdict(list)
    for skip in account.skips:
        if skip.cause and skip.cause.is_limitation and skip.elsewhere is not Elsewhere.EVERYWHERE:
            found[skip.module].append(skip)
    return {module: tuple(skips) for module, skips in found.items()}


def patterns(skips: Iterable[Skip]) -> tuple[str, ...]:
    """regrtest's patterns for the cases of these skips; empty for the whole module."""
    found = []
    for skip in skips:
        fixture = FIXTURE.fullmatch(skip.case)
        if skip.is_module or (fixture and skip.case.startswith("setUpModule")):
            return ()
        found.append(f"{fixture.group(1)}.*" if fixture else skip.case)
    return tuple(
        f"{case.removeprefix(MODULE_SKIPPED)}.*" if case.startswith(MODULE_SKIPPED) else case for case in found
    )


def explained_by(case: str, skips: Sequence[Skip]) -> Skip | None:
    """The skip that prevented this case from running; None for a case that ran."""
    for skip in skips:
        fixture = FIXTURE.fullmatch(skip.case)
        owner = fixture.group(1) if fixture else skip.case.removeprefix(MODULE_SKIPPED)
        if case == skip.case or case.startswith(f"{owner}.") or skip.is_module:
            return skip
    return None


def audit(
    prepared: Prepared,
    account: SkipAccount,
    folder: Path,
    *,
    only: Sequence[str],
    workers: int,
) -> tuple[Forced, ...]:
    """Runs the cases behind the gates, of all modules or of those in `only`, and writes audit.json into `folder`.
    Returns their outcomes. After an interrupt it writes those of the finished modules.
    """
    wanted = {module: skips for module, skips in audited(account).items() if not only or module in only}
    engines = _Engines(prepared, folder / "logs", workers)
    found: list[Forced] = []
    stopping = threading.Event()

    def force(module: str) -> tuple[Forced, ...]:
        job = _job(prepared, folder / "audit" / module, module, patterns(wanted[module]), stopping.is_set)
        return forced_cases(engines.run(job), wanted[module])

    try:
        with side_by_side(force, list(wanted), workers, stopping) as results:
            for number, (module, forced) in enumerate(zip(wanted, results, strict=True), 1):
                found += forced
                logger.info("audit %s/%s %s: %s of %s pass", number, len(wanted), module, _passed(forced), len(forced))
    finally:
        engines.close()
        rows = [dataclasses.asdict(case) for case in found]
        write_atomically(folder / AUDIT_FILE, json.dumps(rows, indent=1) + "\n")
    return tuple(found)


def read_audit(path: Path) -> tuple[Forced, ...]:
    """The outcomes behind open gates in the audit.json at `path`; empty if there is no such file. ConfigError for a
    file of another form.
    """
    if not path.is_file():
        return ()
    try:
        rows = json.loads(path.read_text(encoding="utf-8"))
        return tuple(Forced(**{**row, "outcome": Outcome(row["outcome"])}) for row in rows)
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise ConfigError(
            f"{shown(path)} is no audit of skips: {error}", hint="`audit-skips` writes it again"
        ) from error


class _Engines:
    """A pool of engines of the cell, from which each thread takes one that is free."""

    def __init__(self, prepared: Prepared, logs: Path, count: int) -> None:
        with disk_errors_as_unavailable(logs):
            logs.mkdir(exist_ok=True)
        self._opened = [prepared.open_engine(logs / f"audit-engine-{index}.log", index) for index in range(count)]
        self._free: queue.SimpleQueue[EngineSession] = queue.SimpleQueue()
        for engine in self._opened:
            self._free.put(engine)

    def run(self, job: ModuleJob) -> ModuleResult:
        engine = self._free.get()
        try:
            return run_module(job, engine)
        finally:
            self._free.put(engine)

    def close(self) -> None:
        for engine in self._opened:
            engine.close()


def forced_cases(result: ModuleResult, skips: Sequence[Skip]) -> tuple[Forced, ...]:
    """The module's cases that one of these skips had prevented from running, with their outcomes."""
    return tuple(
        Forced(case=case.case, outcome=case.outcome, limitation=skip.cause.id, reason=skip.reason)
        for case in result.cases
        if (skip := explained_by(case.case, skips)) and skip.cause
    )


def _job(
    prepared: Prepared, folder: Path, module: str, match: tuple[str, ...], should_stop: Callable[[], bool]
) -> ModuleJob:
    job = prepared.job(module, folder, match=match, excluded=(), should_stop=should_stop)
    mounts = (*job.mounts, Mount(host=GATES_FOLDER, guest="/gates"))
    return dataclasses.replace(
        job, agent="/gates", mounts=mounts, case_timeout=CASE_TIMEOUT, module_timeout=MODULE_TIMEOUT
    )


def render_audit(cell: str, found: Sequence[Forced], *, read: str = "") -> str:
    """The page: the cases that pass now, by the limitation that explained their skips, and the counts of the others.
    `read` is the file that the skips are from.
    """
    if not found:
        return f"{cell}: no limitation explains a skip of {read or 'the run'}: nothing was run behind open gates"
    by_limitation: Mapping[str, list[Forced]] = defaultdict(list)
    for case in found:
        by_limitation[case.limitation].append(case)
    lines = [f"{cell}: {len(found):,} cases run behind open gates: {_counted(found)}"]
    for name, cases in sorted(by_limitation.items(), key=lambda item: -_passed(item[1])):
        lines += ["", f"{name}: {_counted(cases)}"]
        # The numbers of cases that pass now, with a line for each class.
        passing = Counter(case.case.rpartition(".")[0] for case in cases if case.outcome is Outcome.PASS)
        lines += [f"  {count:6,}  {owner}" for owner, count in passing.most_common(CLASSES_SHOWN)]
        if len(passing) > CLASSES_SHOWN:
            lines.append(f"  ... and {len(passing) - CLASSES_SHOWN} more classes: {AUDIT_FILE} has every case")
    return "\n".join(lines)


def _counted(cases: Iterable[Forced]) -> str:
    counts = Counter(case.outcome for case in cases)
    return ", ".join(f"{counts[outcome]:,} {outcome}" for outcome in Outcome if counts[outcome]) or "none"


def _passed(cases: Iterable[Forced]) -> int:
    return sum(case.outcome is Outcome.PASS for case in cases)
