"""The suite by the harness and by CPython's own runner, on the same build."""

from __future__ import annotations

import dataclasses
import resource
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from harness.bench.memory import PeakMemory
from harness.diagnostics.agreement import agree
from harness.diagnostics.oracle import ask_regrtest, render_oracle, run_harness
from harness.diagnostics.regrtest_runner import RegrtestRunner, Task
from harness.expectations.entries import CellExpectations
from harness.results.cell_results import CellResults
from harness.results.outcomes import DEATHS, NOTHING_RAN, Outcome
from harness.run.prepare import BuildRequest, expectations_for, prepare
from harness.run.prepared import Prepared


def measure(cell: str, modules: tuple[str, ...], workers: int, folder: Path) -> None:
    """Runs both and prints seconds, cases, memory, the ratio, and every case on which they disagree; then, where
    upstream's CI runs the suite in a single process, that too.

    Without `modules` it is the whole suite, but for the modules with a case that is expected to stand still: waiting
    for it is no work, and regrtest would wait longer than the harness.
    """
    prepared = prepare(cell, BuildRequest())
    expected = expectations_for(prepared.cell, prepared.build)
    left_out = () if modules else standing_still(expected, prepared)
    if left_out:
        print(f"left out on both sides, since cases of theirs are expected to stand still: {', '.join(left_out)}")
    memory, cpu = PeakMemory(), children_cpu()
    select = " or ".join(modules) or " and ".join(f"not {module}" for module in left_out)
    done, results = run_harness(cell, select, workers, folder, on_tick=memory)
    say("harness:", done.seconds, results.counts(), memory.peak)
    ours = Cost(seconds=done.seconds, cpu=children_cpu() - cpu)
    memory = PeakMemory()
    task = Task(workers=workers, modules=modules, left_out=left_out)
    peer = RegrtestRunner.of(prepared, folder)
    answer = ask_regrtest(peer, task, results.modules, on_tick=memory)
    counts = {outcome: list(answer.outcomes.values()).count(outcome) for outcome in Outcome}
    say("regrtest:", answer.seconds, counts, memory.peak)
    print(f"ratio:    {done.seconds / answer.seconds:7.2f}")
    print(render_oracle(cell, agree(answer.outcomes, answer.words, results.modules, expected)))
    if peer.has_single:
        _measure_single(peer, task, results, ours)


class Cost(NamedTuple):
    """What a run took: seconds of the clock, and of all processors."""

    seconds: float
    cpu: float


def _measure_single(peer: RegrtestRunner, task: Task, results: CellResults, ours: Cost) -> None:
    """Runs the suite in a single process and prints what that took, next to the harness.

    A module that ends the interpreter is left out there: it would end all others too.
    """
    ending = ending_the_interpreter(results)
    modules = tuple(module for module in task.modules if module not in ending)
    left_out = () if task.modules else tuple(sorted({*task.left_out, *ending}))
    if task.modules and not modules:
        return
    memory, cpu = PeakMemory(), children_cpu()
    single = dataclasses.replace(task, name="single", modules=modules, left_out=left_out)
    done = peer.run_single(single, on_tick=memory)
    theirs = Cost(seconds=done.seconds, cpu=children_cpu() - cpu)
    lacking = f", without what ends it: {', '.join(ending)}" if ending else ""
    print(f"regrtest in a single process, as upstream's CI runs it{lacking}")
    for who, cost in (("harness:", ours), ("single:", theirs)):
        print(f"{who:9} {cost.seconds:7.1f} s  {cost.cpu:7.1f} s of CPU")
    print(f"peak:     {memory.peak / 2**20:5.0f} MiB in a single process")
    print(f"ratio:    {ours.seconds / theirs.seconds:7.2f} of its time, {ours.cpu / theirs.cpu:.2f} of its CPU time")


def ending_the_interpreter(results: CellResults) -> tuple[str, ...]:
    """The modules in which the interpreter died or was stopped."""
    return tuple(
        module.module
        for module in results.modules
        if module.outcome in DEATHS or any(case.outcome in DEATHS for case in module.cases)
    )


def children_cpu() -> float:
    """Seconds of CPU that all ended descendants of this process have taken."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def standing_still(expected: CellExpectations, prepared: Prepared) -> tuple[str, ...]:
    """The modules with a case that usually ends in a timeout."""
    return tuple(
        module
        for module in prepared.build.modules()
        if any(expected.entries[test].outcome[0] is Outcome.TIMEOUT for test in expected.of_module(module))
    )


def executed(counts: Mapping[Outcome, int]) -> tuple[int, int]:
    """How many cases there are, and how many of them were not skipped."""
    total = sum(counts.values())
    return total, total - sum(counts.get(outcome, 0) for outcome in (*NOTHING_RAN, Outcome.NOT_RUN))


def say(who: str, seconds: float, counts: Mapping[Outcome, int], memory: int) -> None:
    """Prints what one run took, and how much of the suite it was."""
    total, ran = executed(counts)
    print(f"{who:9} {seconds:7.1f} s  {total:6} cases, {ran} executed  peak {memory / 2**20:5.0f} MiB", flush=True)
