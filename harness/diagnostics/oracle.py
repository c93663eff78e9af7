"""`python -m harness oracle CELL`: compares the harness with CPython's own runner on the same build.

regrtest runs every module in a process of its own and writes JUnit. docs/oracle.md explains the output.
"""

from __future__ import annotations

import dataclasses
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from harness.build.artifact import Build
from harness.build.entry_script import ENTRY_SCRIPT
from harness.diagnostics.agreement import RULES, Agreement, OutcomeDifference, agree
from harness.diagnostics.native_suite import check_has_native, with_native
from harness.diagnostics.regrtest_runner import (
    Key,
    RegrtestRunner,
    Reply,
    Task,
    Word,
    check_has_entry,
    check_regrtest_can_run,
)
from harness.errors import ConfigError
from harness.results.cell_results import CellResults, load_results
from harness.results.outcomes import DEATHS, ModuleResult, Outcome
from harness.run.prepare import BuildRequest, expectations_for, named_cell, prepare
from harness.suite.regrtest import exact_pattern
from harness.util.files import remove_tree
from harness.util.locks import locked
from harness.util.process import Command, Completed, run

# Seconds for a case that regrtest runs alone; regrtest itself waits 1.5 times as long.
ALONE_SECONDS = 20
MODULES_SHOWN = 40
_DEATH_WORDS = {Word.DIED: Outcome.CRASH, Word.TIMED_OUT: Outcome.TIMEOUT}


@dataclass(frozen=True, kw_only=True)
class RegrtestAnswer:
    """The results of regrtest: outcomes by case, its word on each module, and the cases that it ran alone.

    `seconds` is the time of its run of the suite, without the runs of the cases in `alone`.
    """

    outcomes: Mapping[Key, Outcome]
    words: Mapping[str, Word] = field(default_factory=dict)
    alone: tuple[Key, ...] = ()
    seconds: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Question:
    """What both runners have to run: the cell, or some of its modules. `build` are the options of `test` that select
    the build. With `run_dir` the harness does not run, and its results are read from there. With `upstream` regrtest
    starts each module by CPython's own entry script. `native` is the Python that runs regrtest; empty for that of the
    build.
    """

    cell: str
    modules: Sequence[str] = ()
    workers: int = 1
    build: Sequence[str] = ()
    run_dir: str = ""
    upstream: bool = False
    native: str = ""


def consult(question: Question, request: BuildRequest) -> tuple[str, bool]:
    """Runs both runners. Returns the text of the comparison, and whether the two agree."""
    cell, modules, workers = question.cell, question.modules, question.workers
    check_has_native(cell, request.prebuilt, question.native)
    check_regrtest_can_run(named_cell(cell, request), upstream=question.upstream)
    prepared = with_native(prepare(cell, request), question.native)
    if question.upstream:
        check_has_entry(prepared)
    folder = prepared.cache / "oracle" / cell
    with locked(folder.with_name(f"{cell}.lock")):
        remove_tree(folder)
        folder.mkdir()
        if question.run_dir:
            ours = results_of(Path(question.run_dir) / cell / "results.json", prepared.build)
        else:
            print(f"oracle {cell}: the harness's run", flush=True)
            ours = run_harness(cell, " or ".join(modules), workers, folder, build=question.build)[1]
        by = f", each module by CPython's own {ENTRY_SCRIPT}" if question.upstream else ""
        print(f"oracle {cell}: regrtest's run{by}", flush=True)
        peer = RegrtestRunner.of(prepared, folder, upstream=question.upstream)
        answer = ask_regrtest(peer, Task(workers=workers, modules=tuple(modules)), ours.modules)
    asked = [module for module in ours.modules if not modules or module.module in modules]
    found = agree(answer.outcomes, answer.words, asked, expectations_for(prepared.cell, prepared.build))
    return render_oracle(cell, found), found.is_agreement


def results_of(path: Path, build: Build) -> CellResults:
    """The results of an earlier run, read from `path`. ConfigError when they are of another build."""
    results = load_results(path)
    if results.build.inputs != build.manifest.inputs:
        raise ConfigError(f"{path} is of another build than {build.folder}", hint="leave out --run-dir to test it now")
    return results


def run_harness(
    cell: str,
    select: str,
    workers: int,
    folder: Path,
    on_tick: Callable[[float], None] | None = None,
    *,
    build: Sequence[str] = (),
) -> tuple[Completed, CellResults]:
    """Runs the harness by its own command, with results in `folder`/CELL. Returns the ended process and the results.
    `select` is the expression of pytest's `-k`, empty for none. `build` are further options of `test`.
    """
    options = (*build, "-n", str(workers), "--run-dir", str(folder), *(("-k", select) if select else ()))
    argv = (sys.executable, "-m", "harness", "test", cell, *options)
    done = run(Command(argv=argv, cwd=Path.cwd()), log=folder / "ours.log", on_tick=on_tick)
    return done, load_results(folder / cell / "results.json")


def ask_regrtest(
    peer: RegrtestRunner, task: Task, ours: Iterable[ModuleResult], on_tick: Callable[[float], None] | None = None
) -> RegrtestAnswer:
    """Runs regrtest and returns its results.

    If a case kills the interpreter, regrtest loses all cases of the module. A case that fails only by its subtests has
    no name in JUnit. So regrtest runs such cases again, one by one.
    """
    asked = [module for module in ours if not task.modules or module.module in task.modules]
    fatal = fatal_cases(asked)
    patterns = {
        Key(module.module, case.case): exact_pattern(case.unittest_id) for module in asked for case in module.cases
    }
    whole = peer.run(dataclasses.replace(task, excluded=tuple(patterns[key] for key in fatal)), on_tick)
    outcomes = dict(whole.outcomes)
    alone = (*fatal, *(key for key in failed_by_subtests(asked) if key not in outcomes))
    for number, key in enumerate(alone):
        print(f"  {key.case} by itself", flush=True)
        match, name = (patterns[key],), f"alone-{number}"
        only = Task(workers=1, name=name, modules=(key.module,), match=match, seconds=ALONE_SECONDS)
        if outcome := outcome_alone(key, whole, peer.run(only)):
            outcomes[key] = outcome
    return RegrtestAnswer(outcomes=outcomes, words=whole.words, alone=alone, seconds=whole.seconds)


def fatal_cases(ours: Iterable[ModuleResult]) -> tuple[Key, ...]:
    """The cases in which the interpreter crashed or hung, without ids of anything else than a case."""
    return tuple(
        Key(module.module, case.case)
        for module in ours
        for case in module.cases
        if case.outcome in DEATHS and " " not in case.case and case.case.removeprefix("test.") != module.module
    )


def failed_by_subtests(ours: Iterable[ModuleResult]) -> tuple[Key, ...]:
    """The cases that failed in a subtest."""
    bad = {Outcome.FAIL, Outcome.ERROR}
    return tuple(
        Key(module.module, case.case)
        for module in ours
        for case in module.cases
        if case.outcome in bad and any(subtest.outcome in bad for subtest in case.subtests)
    )


def outcome_alone(key: Key, whole: Reply, alone: Reply) -> Outcome | None:
    """The outcome of a case that regrtest ran alone; None when it cannot be derived.

    If the interpreter dies in that run, this is due to the case only if the module did not die without the case, in the
    run of the `whole` suite. If no test ran, the name of the case did not match, and nothing is known about it.
    """
    if key in alone.outcomes:
        return alone.outcomes[key]
    if death := _DEATH_WORDS.get(alone.words.get(key.module, Word.NO_TESTS)):
        without = whole.words.get(key.module)
        return None if without is None or without in {*_DEATH_WORDS, Word.BUG} else death
    return alone.unnamed.get(key.module)


def render_oracle(cell: str, found: Agreement) -> str:
    """The text of a comparison: the differences by rule, the modules with a difference, the number of differences of
    each rule, and a last line with the totals.
    """
    lines, nothing = [], "has no such case"
    for name in (*(rule.name for rule in RULES), ""):
        same = [difference for difference in found.differences if difference.rule == name]
        lines += [name or "UNEXPLAINED"] if same else []
        lines += [f"  {each.case}: regrtest {each.theirs or nothing}, here {each.ours or nothing}" for each in same]
    lines += _by_module(found)
    counts = found.by_rule()
    rules = [f"  {counts[rule.name]:6,}  {rule.name}: {rule.why}" for rule in RULES if counts[rule.name]]
    lines += ["rules", *rules] if rules else []
    return "\n".join([*lines, _last_line(cell, found)])


def _by_module(found: Agreement) -> Iterator[str]:
    """A line for each module with a difference; those with an unexplained difference come first."""
    for side, lone in found.lone_modules.items():
        yield f"modules {side}, UNEXPLAINED: {', '.join(lone)}"
    counts = {name: Counter(each.module for each in group) for name, group in _groups(found).items()}
    unexplained = Counter(each.module for each in found.unexplained)
    modules = sorted({each.module for each in found.differences}, key=lambda name: (-unexplained[name], name))
    if modules:
        yield f"modules with a difference: {len(modules)} of {len(found.here | found.there)}"
    for module in modules[:MODULES_SHOWN]:
        parts = [f"{found.compared.get(module, 0):,} compared"]
        parts += [f"{count[module]:,} {name}" for name, count in counts.items() if count[module]]
        parts += [f"{unexplained[module]:,} UNEXPLAINED"] if unexplained[module] else []
        yield f"  {module or 'of no module'}: {', '.join(parts)}"
    if len(modules) > MODULES_SHOWN:
        yield f"  ... and {len(modules) - MODULES_SHOWN} more"


def _groups(found: Agreement) -> Mapping[str, Sequence[OutcomeDifference]]:
    return {"differing": found.differing, "only there": found.only_there, "only here": found.only_here}


def _last_line(cell: str, found: Agreement) -> str:
    same = found.total - len(found.differing)
    counts = ", ".join(f"{len(group):,} {name}" for name, group in _groups(found).items())
    lone = [module for modules in found.lone_modules.values() for module in modules]
    explained = len(found.differences) - len(found.unexplained)
    if not found.total:
        return f"{cell}: NOTHING WAS COMPARED: the two have no case in common ({counts})"
    return (
        f"{cell}: {found.total:,} cases compared, {same:,} with the same outcome, {counts}; "
        f"{explained:,} explained, {len(found.unexplained) + len(lone):,} unexplained"
    )
