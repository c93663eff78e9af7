"""`python -m harness oracle CELL`: the harness held against CPython's own runner, on the same build.

regrtest runs every module in a process of its own and writes JUnit. Each case it reports must have the same
outcome here; every difference is listed with its reason, and one without a reason is a fault of the harness.
"""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.build import Build
from harness.cache import locked, remove_tree
from harness.errors import ConfigError
from harness.expectations import CellExpectations, Expectation
from harness.outcomes import CaseResult, ModuleResult, Outcome
from harness.peer import Peer, Task
from harness.prepare import Wishes, expectations_for, prepare
from harness.process import Command, Completed, run
from harness.report.results import CellResults, load_results

# Seconds for a case that took its module down here; regrtest waits half as long again.
ALONE_SECONDS = 20
_ZONES = "it wants the time zones of the host, which regrtest's run may see and a guest of the harness may not"
# What a skip reason mentions, and what it means that regrtest's run has it.
_SKIPPED_FOR = {
    "write": "it wants to write into the library, which regrtest's run may and a guest of the harness may not",
    "/usr/share/zoneinfo/": _ZONES,
    "find timezone datebase": _ZONES,
    "No time zone data": _ZONES,
    "source code directory": "it wants the source where it was built, which is not there for a guest of the harness",
}
NOTHING_EXPECTED = CellExpectations()


@dataclass(frozen=True, kw_only=True)
class Difference:
    """A case on which the two disagree. `ours` is None for a case the harness has not; `why` may be empty."""

    case: str
    theirs: Outcome
    ours: Outcome | None
    why: str


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What regrtest says: outcomes by case, and the cases that took their module down there as they did here.

    `seconds` are those of its run; what the `dead` took by themselves is not in it.
    """

    outcomes: Mapping[str, Outcome]
    dead: tuple[str, ...] = ()
    seconds: float = 0.0


def consult(cell: str, modules: Sequence[str], workers: int, run_dir: str = "") -> tuple[str, bool]:
    """Runs both on the cell, or on some of its modules. Gives the text, and whether all is explained.

    With `run_dir` the harness does not run again: the results are there.
    """
    prepared = prepare(cell, Wishes())
    folder = prepared.cache / "oracle" / cell
    with locked(folder.with_name(f"{cell}.lock")):
        remove_tree(folder)
        folder.mkdir()
        if run_dir:
            ours = results_of(Path(run_dir) / cell / "results.json", prepared.build)
        else:
            print(f"oracle {cell}: the harness's run", flush=True)
            ours = run_harness(cell, " or ".join(modules), workers, folder)[1]
        print(f"oracle {cell}: regrtest's run", flush=True)
        answer = ask_regrtest(Peer.of(prepared, folder), Task(workers=workers, modules=tuple(modules)), ours.modules)
    found = differences(answer.outcomes, ours.modules, expectations_for(prepared.cell, prepared.build))
    return render(cell, answer, found), all(difference.why for difference in found)


def results_of(path: Path, build: Build) -> CellResults:
    """The results of an earlier run. ConfigError when they are of another build."""
    results = load_results(path)
    if results.build.get("inputs") != build.manifest["inputs"]:
        raise ConfigError(f"{path} is of another build than {build.folder}", hint="leave out --run-dir to test it now")
    return results


def run_harness(
    cell: str, select: str, workers: int, folder: Path, on_tick: Callable[[float], None] | None = None
) -> tuple[Completed, CellResults]:
    """The harness's own results, by its own command, into `folder`/CELL. `select` is for pytest's `-k`, or empty."""
    options = ("-n", str(workers), "--run-dir", str(folder), *(("-k", select) if select else ()))
    argv = (sys.executable, "-m", "harness", "test", cell, *options)
    done = run(Command(argv=argv, cwd=Path.cwd()), log=folder / "ours.log", on_tick=on_tick)
    return done, load_results(folder / cell / "results.json")


def ask_regrtest(
    peer: Peer, task: Task, ours: Iterable[ModuleResult], on_tick: Callable[[float], None] | None = None
) -> Answer:
    """regrtest's outcomes by case. A case that takes its module down has none.

    Such a case costs regrtest all others of its module. So those that did it here run by themselves there.
    """
    asked = [module for module in ours if not task.modules or module.module in task.modules]
    fatal = fatal_cases(asked)
    done, theirs = peer.run(dataclasses.replace(task, excluded=tuple(case for case, _ in fatal)), on_tick)
    for number, (case, module) in enumerate(fatal):
        print(f"  {case} by itself", flush=True)
        alone = Task(workers=1, name=f"alone-{number}", modules=(module,), match=(case,), seconds=ALONE_SECONDS)
        theirs |= peer.run(alone)[1]
    dead = tuple(case for case, _ in fatal if case not in theirs)
    return Answer(outcomes=theirs, dead=dead, seconds=done.seconds)


def fatal_cases(ours: Iterable[ModuleResult]) -> tuple[tuple[str, str], ...]:
    """The cases in which the interpreter died or stood still, each with its module. What is no case has no dotted id
    of its own.
    """
    return tuple(
        (case.case, module.module)
        for module in ours
        for case in module.cases
        if case.outcome in {Outcome.CRASH, Outcome.TIMEOUT}
        and " " not in case.case
        and case.case.removeprefix("test.") != module.module
    )


def differences(
    theirs: Mapping[str, Outcome], ours: Iterable[ModuleResult], expected: CellExpectations = NOTHING_EXPECTED
) -> tuple[Difference, ...]:
    """The cases on which the two disagree, sorted. A case that only the harness reports is no difference."""
    cases = {case.case: case for module in ours for case in module.cases}
    found = []
    for name, outcome in theirs.items():
        case = cases.get(name)
        if case is None or case.outcome is not outcome:
            why = _by_nature(outcome, case, expected.lookup(name)) or _explanation(name, outcome, case, cases)
            found.append(Difference(case=name, theirs=outcome, ours=case.outcome if case else None, why=why))
    return tuple(sorted(found, key=lambda difference: (difference.why, difference.case)))


def _by_nature(theirs: Outcome, case: CaseResult | None, entry: Expectation | None) -> str:
    """Whether the lists know the case for having now the one outcome, now the other."""
    if case is not None and entry is not None and {theirs, case.outcome} <= set(entry.outcome):
        return "it has now the one outcome, now the other: its entry in the lists names both"
    return ""


def _explanation(name: str, theirs: Outcome, case: CaseResult | None, cases: Mapping[str, CaseResult]) -> str:
    """Why the two differ, as far as it lies in how they are made; empty when it does not."""
    owner = name.partition(" ")[0]
    if case is None and theirs is Outcome.SKIP and name != owner and owner in cases:
        return "regrtest gives a skipped subtest the place of its case; here it stands within it"
    # What unittest puts in the place of all cases of a module that skips itself when it is imported.
    case = case or cases.get(f"unittest.loader.ModuleSkipped.{'.'.join(name.split('.')[:-2])}")
    if case is None:
        return ""
    if case.outcome is Outcome.SKIP:
        return next((why for word, why in _SKIPPED_FOR.items() if word in case.detail.reason), "")
    if theirs is Outcome.PASS and case.outcome is Outcome.ERROR and "/../" in case.detail.message:
        return "its path climbs out of the scratch folder, which is mounted by itself here"
    return ""


def render(cell: str, answer: Answer, found: Sequence[Difference]) -> str:
    """The differences, by reason, and a last line with the counts."""
    lines = []
    for why in dict.fromkeys(difference.why for difference in found):
        lines.append(why or "UNEXPLAINED")
        lines += [
            f"  {difference.case}: regrtest {difference.theirs}, here {difference.ours or 'no such case'}"
            for difference in found
            if difference.why == why
        ]
    if answer.dead:
        lines += ["the interpreter dies or stands still in them, there as here", *(f"  {case}" for case in answer.dead)]
    unexplained = sum(not difference.why for difference in found)
    same = len(answer.outcomes) - len(found)
    lines.append(
        f"{cell}: {len(answer.outcomes):,} cases of regrtest's, {same:,} with the same outcome here, "
        f"{len(found) - unexplained} explained differences, {unexplained} unexplained"
    )
    return "\n".join(lines)
