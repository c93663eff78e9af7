"""Lists and results of any size, made up from a seed: for the figures and for the tests."""

from __future__ import annotations

import msgspec

from harness.expectations.entries import Expectations
from harness.manifest import Manifest
from harness.matrix.cells import Cell
from harness.matrix.conditions import condition_values
from harness.results.cell_results import CellResults, RunInfo
from harness.results.outcomes import CaseResult, Detail, ModuleResult, Outcome, worst
from harness.results.verdicts import Comparison

CASES_OF_CLASS = 10
CLASSES_OF_MODULE = 8
CONDITIONS = (
    '{ target = "emscripten" }',
    '{ target = "wasi" }',
    '{ target = "emscripten", emscripten = "<4" }',
    '{ target = "emscripten", pthreads = false }',
    '{ target = "wasi", wasi_sdk = ">=25" }',
    '{ python = "<3.14" }',
    "{ pydebug = false }",
)


def case_name(number: int) -> str:
    """The id of the `number`-th case: ten to a class, eight classes to a module."""
    kind, case = divmod(number, CASES_OF_CLASS)
    module, kind = divmod(kind, CLASSES_OF_MODULE)
    return f"test.test_made{module}.Made{kind}Tests.test_{case}"


def sample_lists(entries: int, *, limitation: str, cases: int) -> dict[str, str]:
    """That many entries, spread over files as lists are, each naming another one of the `cases`."""
    files: dict[str, list[str]] = {}
    for number in range(entries):
        name = case_name(number * cases // entries)
        area = name.split(".")[1]
        files.setdefault(f"expected_failures/made/{area}.toml", []).append(
            "[[expect]]\n"
            f'tests = ["{name}"]\n'
            'outcome = "error"\n'
            f'limitation = "{limitation}"\n'
            'reason = "os.link() fails with ENOTSUP, as it does for every file of this file system"\n'
            'signature = "OSError ENOTSUP"\n'
            f"when = {CONDITIONS[number % len(CONDITIONS)]}\n"
        )
    return {name: "\n".join(blocks) for name, blocks in files.items()}


def sample_results(
    cell: Cell, cases: int, expectations: Expectations, *, started: str, surprise: int = 0
) -> CellResults:
    """A whole run of a cell: what an entry names fails with its signature.

    Every `surprise`-th case does the opposite; none for 0.
    """
    expected = expectations.for_cell(cell)
    modules: dict[str, list[CaseResult]] = {}
    for number in range(cases):
        name = case_name(number)
        fails = expected.lookup(name) is not None
        if surprise and number % surprise == 0:
            fails = not fails
        case = msgspec.structs.replace(_FAILS if fails else _PASSES, case=name)
        modules.setdefault(name.split(".")[1], []).append(case)
    return CellResults(
        cell=cell,
        build=Manifest.from_json({"python": str(condition_values(cell).get("python", str(cell.python)))}),
        engine={"name": cell.engine.value, "version": cell.runtime},
        run=RunInfo(started=started, seconds=1.0, command="made up", complete=True, seed=0),
        comparison=Comparison(),
        modules=tuple(
            ModuleResult(
                module=name,
                outcome=worst([case.outcome for case in found]),
                seconds=1.0,
                attempts=1,
                complete=True,
                cases=tuple(found),
            )
            for name, found in modules.items()
        ),
    )


_PASSES = CaseResult(outcome=Outcome.PASS, seconds=0.01)
_FAILS = CaseResult(
    outcome=Outcome.ERROR,
    seconds=0.01,
    detail=Detail(
        exception="OSError",
        message="[Errno 58] Not supported: '/tmp/a' -> '/tmp/b'",
        traceback="Traceback (most recent call last):\n" + '  File "/Lib/os.py", line 1, in link\n' * 12,
    ),
)
