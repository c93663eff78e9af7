"""Runs of made-up cells, and what the updater makes of them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from harness.curation.update.decide import Rules
from harness.curation.update.evidence import read_run
from harness.curation.update.update import Update, update
from harness.curation.workspace import Workspace
from harness.expectations.compare import compare
from harness.expectations.entries import Expectations
from harness.expectations.files import read_lists
from harness.limitations.registry import Registry
from harness.manifest import Manifest
from harness.matrix.cells import Cell
from harness.matrix.python_source import PythonSource
from harness.results.cell_results import CellResults, RunInfo
from harness.results.outcomes import CaseResult, Detail, ModuleResult, Outcome, worst
from harness.results.verdicts import Comparison
from harness.targets import Engine, Target
from tests.unit.sample_cells import emscripten
from tests.unit.sample_lists import REGISTRY

FILE = "expected_failures/fs.toml"


OLD, MIDDLE, NEW = emscripten("3.1.69"), emscripten("4.0.7"), emscripten("4.0.12")
THREADS = emscripten("3.1.69", pthreads=True)
WASI = Cell(
    id="wasi",
    target=Target.WASI,
    engine=Engine.WASMTIME,
    toolchain="25",
    python=PythonSource.parse("3.13.5"),
    runtime="50.0.1",
    description="d",
)
CELLS = (OLD, MIDDLE, NEW, THREADS, WASI)

OUTCOMES = {
    "P": (Outcome.PASS, ""),
    "S": (Outcome.SKIP, ""),
    "F": (Outcome.FAIL, "AssertionError"),
    "E": (Outcome.ERROR, "OSError"),
    "V": (Outcome.ERROR, "ValueError"),
    "C": (Outcome.CRASH, "wasm trap: call stack exhausted"),
    "T": (Outcome.TIMEOUT, "no progress for 120 s"),
    "N": (Outcome.NOT_RUN, ""),
}


def run_of(
    cell: Cell, cases: Mapping[str, str], *, day: int = 1, complete: bool = True, module_complete: bool = True
) -> CellResults:
    """One run. `cases` maps `test_os.T.test_a` to a letter of OUTCOMES; `-` is a case that does not appear."""
    modules: dict[str, list[CaseResult]] = {}
    for name, letter in cases.items():
        found = modules.setdefault(name.split(".")[0], [])
        if letter != "-":
            outcome, exception = OUTCOMES[letter]
            message = "[Errno 58] Not supported" if exception == "OSError" else "what it says"
            detail = Detail(exception=exception, message=message if exception else "")
            found.append(CaseResult(case=f"test.{name}", outcome=outcome, detail=detail))
    return CellResults(
        cell=cell,
        modules=tuple(
            ModuleResult(
                module=name,
                outcome=worst([case.outcome for case in found]) if found else Outcome.PASS,
                seconds=1,
                attempts=1,
                complete=module_complete,
                cases=tuple(found),
            )
            for name, found in modules.items()
        ),
        comparison=Comparison(),
        run=RunInfo(started=f"2026-11-{day:02}T00:00:00Z", seconds=1, command="", complete=complete),
        build=Manifest.from_json({"python": str(cell.python)}),
    )


def runs_of(cell: Cell, case: str, letters: str) -> list[CellResults]:
    """One run a day, in which that case did as the letters say; another case of its module passes."""
    other = case.partition(".")[0] + ".Other.test_fine"
    return [run_of(cell, {case: letter, other: "P"}, day=day) for day, letter in enumerate(letters, 1)]


def workspace_of(
    texts: Mapping[str, str], *, cells: tuple[Cell, ...] = CELLS, registry: Registry = REGISTRY
) -> Workspace:
    lists = read_lists(texts, registry)
    assert not lists.problems
    return Workspace(
        folder=Path("expected_failures"),
        reports=Path("reports"),
        registry=registry,
        cells=cells,
        texts=dict(texts),
        lists=lists,
        unreadable=(),
    )


def updated(
    texts: Mapping[str, str] | str,
    results: list[CellResults],
    *,
    runs: int = 3,
    accept: bool = False,
    learn: bool = False,
    cautious: bool = False,
    cells: tuple[Cell, ...] = CELLS,
    registry: Registry = REGISTRY,
) -> Update:
    """The update that those results ask for; a text alone is that of FILE."""
    workspace = workspace_of({FILE: texts} if isinstance(texts, str) else texts, cells=cells, registry=registry)
    read = [read_run(found, source=f"run {index}", index=index) for index, found in enumerate(results)]
    rules = Rules(runs=runs, accept_regression=accept, cautious=cautious)
    return update(workspace, read, rules, learn_signatures=learn)


def verdicts(found: Update, results: CellResults) -> Comparison:
    """What a run is worth against the updated lists."""
    expectations = Expectations(found.entries).for_cell(results.cell)
    return compare(results.modules, expectations, complete=results.run.complete)
