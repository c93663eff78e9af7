"""The suite by the harness and by CPython's own runner, on the same build."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from harness.bench.memory import PeakMemory
from harness.diagnostics.agreement import agree
from harness.diagnostics.oracle import ask_regrtest, render_oracle, run_harness
from harness.diagnostics.regrtest_runner import RegrtestRunner, Task
from harness.expectations.entries import CellExpectations
from harness.results.outcomes import NOTHING_RAN, Outcome
from harness.run.prepare import BuildRequest, expectations_for, prepare
from harness.run.prepared import Prepared


def measure(cell: str, modules: tuple[str, ...], workers: int, folder: Path) -> None:
    """Runs both and prints seconds, cases, memory, the ratio, and every case on which they disagree.

    Without `modules` it is the whole suite, but for the modules with a case that is expected to stand still: waiting
    for it is no work, and regrtest would wait longer than the harness.
    """
    prepared = prepare(cell, BuildRequest())
    expected = expectations_for(prepared.cell, prepared.build)
    left_out = () if modules else standing_still(expected, prepared)
    if left_out:
        print(f"left out on both sides, since cases of theirs are expected to stand still: {', '.join(left_out)}")
    memory = PeakMemory()
    select = " or ".join(modules) or " and ".join(f"not {module}" for module in left_out)
    done, results = run_harness(cell, select, workers, folder, on_tick=memory)
    _say("harness:", done.seconds, executed(results.counts()), memory.peak)
    memory = PeakMemory()
    task = Task(workers=workers, modules=modules, left_out=left_out)
    answer = ask_regrtest(RegrtestRunner.of(prepared, folder), task, results.modules, on_tick=memory)
    counts = {outcome: list(answer.outcomes.values()).count(outcome) for outcome in Outcome}
    _say("regrtest:", answer.seconds, executed(counts), memory.peak)
    print(f"ratio:    {done.seconds / answer.seconds:7.2f}")
    print(render_oracle(cell, agree(answer.outcomes, answer.words, results.modules, expected)))


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


def _say(who: str, seconds: float, cases: tuple[int, int], memory: int) -> None:
    total, ran = cases
    print(f"{who:9} {seconds:7.1f} s  {total:6} cases, {ran} executed  peak {memory / 2**20:5.0f} MiB", flush=True)
