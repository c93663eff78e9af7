"""The views of a run as large as a year's biggest night, made up for the purpose.

The made-up run has the shape of a real one: modules of all sizes, whole classes that are skipped, known failures with
their limitations, a few cases that break with a version, crashes, output with markup in it. The seed is fixed.
"""

from __future__ import annotations

import random
import resource
import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice, product
from pathlib import Path

from harness.limitations.registry import REGISTRY_FILE
from harness.manifest import Manifest
from harness.matrix.cells import Cell
from harness.matrix.python_source import PythonSource
from harness.project import project_root
from harness.report.write import PAGE, write_views
from harness.results.cell_results import CellResults, RunInfo, write_results
from harness.results.outcomes import CaseResult, Detail, ModuleResult, Outcome, worst
from harness.results.run_folder import find_run
from harness.results.verdicts import CaseVerdict, Comparison, Verdict
from harness.targets import Target

EMSCRIPTENS = ("3.1.69", "3.1.73", "4.0.9", "4.0.12", "5.0.4", "5.0.7", "6.0.1", "6.0.5")
WASI_SDKS = ("24", "25", "27", "33")
CELL_SUFFIXES = ("", "-pthreads", "-dynlink", "-debug", "-pthreads-dynlink", "-pthreads-debug")
LIMITATIONS = ("fs-hard-links", "proc-none", "net-af-unix", "mem-heap-and-stack", "fs-permissions", "locale-none")
REASONS = (
    "requires socket support",
    "requires working os.fork()",
    "requires subprocess support",
    "No module named 'mmap'",
)
HOSTILE = "</script><script>alert(1)</script> <!-- ]]> & \u2028 \u202e \\ud800 \x1b[31m %0A::error::"
BROKEN_SINCE = "4.0.12"
STARTED = "2026-11-22T03:00:00Z"
CELLS, CASES = 50, 30_000


def made_up_cells(count: int) -> Iterator[Cell]:
    """That many different cells, first those that a matrix would have."""
    made_up = {Target.WASI: product(("", "-debug"), WASI_SDKS), Target.EMSCRIPTEN: product(CELL_SUFFIXES, EMSCRIPTENS)}
    variants = [(target, version, flag) for target, found in made_up.items() for flag, version in found]
    wanted = product(("3.13.5", "3.14.2", "3.15.0", "3.11.2"), variants)
    for python, (target, version, flag) in islice(wanted, count):
        suffix = "" if python == "3.13.5" else f"-py{python.rpartition('.')[0]}"
        yield Cell(
            id=f"{target}-{version}{flag}{suffix}",
            target=target,
            toolchain=version,
            python=PythonSource.parse(python),
            engine=target.traits.engines[0],
            runtime={Target.EMSCRIPTEN: "24.19.0", Target.WASI: "50.0.1"}[target],
            description=f"made up: {target} {version}{flag}",
            pthreads="-pthreads" in flag,
            dynamic_linking="-dynlink" in flag,
            pydebug="-debug" in flag,
        )


def made_up_results(cell: Cell, cases: int, *, seed: int = 0, started: str = STARTED) -> CellResults:
    """What a cell might have done. Two cells skip and fail mostly the same; `seed` stands for the night."""
    shape = random.Random(1)
    dice = _Dice(cell=cell, shape=shape, chance=random.Random(f"{cell.id} {seed}"))
    rows: list[CaseVerdict] = []
    modules = []
    left, number = cases, 0
    while left > 0:
        size = min(left, max(1, int(shape.expovariate(1 / 62))))
        modules.append(_module(f"test_{number:03}", size, dice, rows))
        left -= size
        number += 1
    counts = {verdict: sum(1 for row in rows if row.verdict is verdict) for verdict in Verdict}
    counts[Verdict.AS_EXPECTED] = cases - len(rows)
    return CellResults(
        cell=cell,
        modules=tuple(modules),
        comparison=Comparison(counts={key: value for key, value in counts.items() if value}, rows=tuple(rows)),
        run=RunInfo(started=started, seconds=300.0, command=f"harness test {cell.id}", complete=True, seed=0),
        build=Manifest.from_json(
            {"python": str(cell.python), "steps": [{"name": "make", "seconds": 240.5, "command": ["make"]}]}
        ),
        engine={"name": cell.engine.value, "version": cell.runtime},
    )


@dataclass(frozen=True, kw_only=True)
class _Dice:
    """What draws: `shape` falls alike for all cells, `chance` for one cell on one night."""

    cell: Cell
    shape: random.Random
    chance: random.Random


def _module(name: str, size: int, dice: _Dice, rows: list[CaseVerdict]) -> ModuleResult:
    per_class = dice.shape.randint(4, 40)
    skipped = {number for number in range(size // per_class + 1) if dice.shape.random() < 0.11}
    found = []
    for number in range(size):
        group = number // per_class
        case = f"test.{name}.Made{group}UpTests.test_number_{number}_of_the_module"
        case_result, row = _case(case, name, REASONS[group % 4] if group in skipped else "", dice)
        found.append(case_result)
        rows.extend([row] if row else [])
    return ModuleResult(
        module=name,
        outcome=worst([case.outcome for case in found]),
        seconds=round(size * dice.chance.uniform(0.005, 0.02), 3),
        attempts=1,
        complete=True,
        cases=tuple(found),
        output=HOSTILE if any(case.outcome is Outcome.CRASH for case in found) else "",
    )


def _case(case: str, module: str, skip: str, dice: _Dice) -> tuple[CaseResult, CaseVerdict | None]:
    cell = dice.cell
    fate, luck = dice.shape.random(), dice.chance.random()
    seconds = round(luck / 50, 4)
    if skip:
        return CaseResult(case=case, outcome=Outcome.SKIP, seconds=seconds, detail=Detail(reason=skip)), None
    known = fate < 0.012
    broken = fate > 0.9995 and cell.toolchain in EMSCRIPTENS[EMSCRIPTENS.index(BROKEN_SINCE) :]
    if not (known or broken or luck < 0.0004):
        return CaseResult(case=case, outcome=Outcome.PASS, seconds=seconds), None
    outcome = Outcome.CRASH if 0 < luck < 0.00002 or fate > 0.9999 else Outcome.ERROR if luck < 0.7 else Outcome.FAIL
    frames = "".join(f'  File "/Lib/test/made_up.py", line {line}, in frame\n    call({line})\n' for line in range(12))
    message = f"[Errno 58] Not supported: '/tmp/tmp{int(luck * 1e9):x}' {HOSTILE}"
    traceback = f"Traceback of {case}:\n{frames}OSError: {message}\n"
    detail = Detail(exception="OSError", message=message, traceback=traceback)
    result = CaseResult(case=case, outcome=outcome, seconds=seconds, detail=detail)
    if not known:
        verdict = Verdict.REGRESSION
        return result, CaseVerdict(case=case, module=module, verdict=verdict, outcome=outcome, detail=detail)
    passes = luck < 0.002
    row = CaseVerdict(
        case=case,
        module=module,
        verdict=Verdict.FIXED if passes else Verdict.KNOWN,
        outcome=Outcome.PASS if passes else outcome,
        expected=(outcome,),
        place=f"expected_failures/{cell.target}/made-up.toml:{int(fate * 10_000)}",
        limitation=LIMITATIONS[int(fate * 10_000) % len(LIMITATIONS)],
        reason="made up, as everything here",
        detail=Detail() if passes else detail,
    )
    return CaseResult(case=case, outcome=Outcome.PASS, seconds=seconds) if passes else result, row


def write_made_up_run(folder: Path, *, cells: int, cases: int, seed: int = 0, started: str = STARTED) -> None:
    """Writes the results.json of that many cells with that many cases each."""
    for cell in made_up_cells(cells):
        write_results(folder / cell.id / "results.json", made_up_results(cell, cases, seed=seed, started=started))


def measure(folder: Path, *, cells: int = CELLS, cases: int = CASES) -> None:
    """Makes up two nights in `folder`, writes the views of each, and prints what that took."""
    night, before = folder / "2026-11-22T03-00-00", folder / "2026-11-21T03-00-00"
    print(f"making up two runs of {cells} cells with {cases:,} cases", flush=True)
    write_made_up_run(before, cells=cells, cases=cases, seed=1, started="2026-11-21T03:00:00Z")
    write_made_up_run(night, cells=cells, cases=cases)
    for what, junit, run in (
        ("one run", False, before),
        ("with the run before", False, night),
        ("and JUnit, first time", True, night),
        ("and JUnit again", True, night),
    ):
        start, used = time.monotonic(), time.process_time()
        write_views(find_run([run]), registry=project_root() / "expected_failures" / REGISTRY_FILE, junit=junit)
        seconds, used = time.monotonic() - start, time.process_time() - used
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        size = (run / PAGE).stat().st_size / 1e6
        times = f"{seconds:6.1f} s ({used:.1f} s of a processor)"
        print(f"{what:22} {times}, peak {peak:4.0f} MiB, page {size:4.1f} MB", flush=True)
