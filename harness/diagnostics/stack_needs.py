"""`python -m harness stack CELL`: measures how much of the engine's stack those cases need that exhaust it.

These are the cases that exhausted the stack in a run, and those that CPython skips because of the stack, with their
gates forced open. Each case runs alone, with different sizes of the stack. The smallest size with which its outcome is
the same as with plenty of stack is what it needs.
"""

from __future__ import annotations

import dataclasses
import logging
import tempfile
import threading
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from harness.diagnostics.skip_audit import GATES_FOLDER, explained_by, patterns
from harness.engines.protocol import Mount
from harness.errors import ConfigError, did_you_mean
from harness.limitations.skip_account import account_for
from harness.limitations.skips import Skip, SkipAccount
from harness.matrix.load import load_configuration
from harness.results.cell_results import CellResults, load_results
from harness.results.outcomes import CaseResult, ModuleResult, Outcome, judged_cases
from harness.results.run_folder import claimed, results_in
from harness.results.signatures import STACK_EXHAUSTED, signature_of
from harness.results.stack_needs import STACK_FILE, StackNeed, StackNeeds, load_needs, mebibytes, write_needs
from harness.run.keywords import Keyword
from harness.run.prepare import BuildRequest, prepare
from harness.run.prepared import Prepared
from harness.suite.module import run_module
from harness.suite.pool import side_by_side
from harness.suite.regrtest import exact_pattern
from harness.util.files import disk_errors_as_unavailable, remove_tree
from harness.util.paths import shown
from harness.util.text import counted, plain

logger = logging.getLogger(__name__)

LEAST, MOST = 128 << 10, 64 << 20
STEP = 1.02
# The need in the registry of CPython's decorators that skip a case because of the stack.
_NEED = "deep_stack"
# Seconds. Deep recursion takes a while, but does not hang.
_CASE_TIMEOUT = 60.0


@dataclass(frozen=True, kw_only=True)
class Asked:
    """A case to measure, behind open gates if the suite skips it. `unittest_id` is the id that selects it."""

    module: str
    case: str
    unittest_id: str
    gated: bool = False


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """The choice of cases to measure: those that `cases` names, or all that concern the stack, and of these only the
    ones that the expression of `-k` selects. ConfigError when that is no valid expression.
    """

    expression: str = ""
    cases: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        # A mistake in the expression is reported before anything is built or measured.
        if self.expression:
            Keyword(self.expression).compiled()

    def selects(self, case: str) -> bool:
        """Whether `-k` selects the case. A word of the expression is true if the id contains it."""

        def stands_there(word: str, /, **_: object) -> bool:
            return word.lower() in case.lower()

        return not self.expression or Keyword(self.expression).compiled().evaluate(stands_there)


def sizes() -> tuple[int, ...]:
    """The sizes of the stack to try, in bytes, each 2 % larger than the previous one."""
    found = [LEAST]
    while found[-1] < MOST:
        found.append(min(MOST, round(found[-1] * STEP)))
    return tuple(found)


def least_enough(tried: Sequence[int], is_enough: Callable[[int], bool]) -> int:
    """The smallest of the sizes that is enough, by binary search. The last size must be enough."""
    low, high = 0, len(tried) - 1
    while low < high:
        middle = (low + high) // 2
        if is_enough(tried[middle]):
            high = middle
        else:
            low = middle + 1
    return tried[high]


def exhausted(results: CellResults) -> list[Asked]:
    """The cases that exhausted the stack of the engine in a run."""
    return [
        Asked(module=module.module, case=case.case, unittest_id=case.unittest_id)
        for module in results.modules
        for case in module.cases
        if _is_exhausted(case)
    ]


def _is_exhausted(case: CaseResult) -> bool:
    return case.outcome is Outcome.CRASH and signature_of(case).startswith(f"trap: {STACK_EXHAUSTED}")


def skipped(account: SkipAccount) -> Mapping[str, tuple[Skip, ...]]:
    """The skips for which CPython gives the stack as the reason, by module."""
    found: dict[str, list[Skip]] = defaultdict(list)
    for skip in account.skips:
        if skip.cause and skip.cause.need == _NEED:
            found[skip.module].append(skip)
    return {module: tuple(skips) for module, skips in found.items()}


def measure_cells(cells: Sequence[str], request: BuildRequest, results: Path, wanted: Wanted, workers: int) -> str:
    """Measures the cells of a run, writes stack.json next to the results of each, and returns the table of all."""
    found: dict[str, StackNeeds] = {}
    paths = {path.absolute().parent.name: path.absolute() for path in results_in(results)}
    if lacking := next((cell for cell in cells if cell not in paths), ""):
        raise ConfigError(
            f"{shown(results)} has no results of {lacking}; it has those of {', '.join(paths)}",
            hint="run the cell, or name another run with --results RUN",
        )
    matrix, _ = load_configuration()
    for engine in (matrix.cell(cell).engine for cell in cells):
        if engine.is_browser:
            raise ConfigError(
                f"{engine.label} lets nobody choose how much stack a guest has",
                hint="the cell of the same build under Node has a stack that can be chosen",
            )
    for cell in cells:
        # Two measurements at the same time would remove each other's files and overwrite stack.json.
        with claimed(paths[cell].parent, hint="wait for it, or name another run with --results RUN"):
            found[cell] = _measured(cell, request, paths[cell], wanted, workers)
        logger.info("%s: %s", cell, shown(paths[cell].parent / STACK_FILE))
    return render_needs(found)


def _measured(cell: str, request: BuildRequest, results: Path, wanted: Wanted, workers: int) -> StackNeeds:
    """The needs of the cases of one cell, whose results are in the file `results`."""
    loaded = load_results(results)
    if loaded.run.options.tests:
        raise ConfigError(f"{results} is a run of own tests", hint="name a run of the suite with --results RUN")
    named = named_cases(loaded, wanted.cases)
    prepared = prepare(cell, request)
    if loaded.build.inputs != prepared.build.manifest.inputs:
        raise ConfigError(
            f"{results} is of another build than {prepared.build.folder}, whose needs it would get",
            hint="run the cell again, or name its build with the options of that run",
        )
    assert prepared.usual_stack is not None, "browsers have been refused"
    budget = _Budget(prepared, results.parent, prepared.usual_stack, workers)
    try:
        return budget.measure(loaded, named, wanted)
    finally:
        budget.clear()


class _Budget:
    """The measurement of one cell. `folder` is the cell's folder in a run, `usual` the stack of its guests in bytes."""

    def __init__(self, prepared: Prepared, folder: Path, usual: int, workers: int) -> None:
        self._prepared = prepared
        self._folder = folder
        self._usual = usual
        self._workers = workers
        self._stopping = threading.Event()
        self._scratch = folder / "stack"

    def measure(self, results: CellResults, named: Sequence[Asked], wanted: Wanted) -> StackNeeds:
        """Measures the cases in `named`, or if it is empty all that concern the stack, and writes the needs together
        with those of other cases from an earlier measurement of the same engine. Returns all of them.
        """
        with disk_errors_as_unavailable(self._scratch):
            self._scratch.mkdir(exist_ok=True)
        asked = named or [*exhausted(results), *self._behind_gates(account_for(results))]
        asked = [each for each in asked if wanted.selects(each.case)]
        if not asked:
            of_k = f" of -k {wanted.expression}" if wanted.expression else ""
            raise ConfigError(
                f"{results.cell.id}: no case{of_k} exhausts the stack or is skipped because of it in this run",
                hint="--case ID measures any case of the run",
            )
        facts = self._prepared.engine_facts()
        engine = f"{facts['name']} {facts['version']}"
        before = load_needs(self._folder)
        kept = before.cases if before and (before.engine, before.most) == (engine, MOST) else {}
        needs = {}
        with side_by_side(self._need, asked, self._workers, self._stopping) as found:
            for number, (each, need) in enumerate(zip(asked, found, strict=True), 1):
                needs[each.case] = need
                logger.info("stack %s/%s %s: %s", number, len(asked), plain(each.case), mebibytes(need.needs))
        cases = dict(sorted({**kept, **needs}.items()))
        every = StackNeeds(cell=self._prepared.cell.id, engine=engine, usual=self._usual, most=MOST, cases=cases)
        write_needs(self._folder, every)
        return msgspec.structs.replace(every, cases=needs)

    def clear(self) -> None:
        """Removes the files of the guests."""
        if self._scratch.is_dir():
            remove_tree(self._scratch)

    def _behind_gates(self, account: SkipAccount) -> list[Asked]:
        """The cases that the suite skips because of the stack, found by running their modules behind open gates."""
        found = []
        for module, skips in skipped(account).items():
            result = self._run(MOST, module, patterns(skips), gated=True)
            found += [
                Asked(module=module, case=case.case, unittest_id=case.unittest_id, gated=True)
                for case in result.cases
                if explained_by(case.case, skips) and case.outcome is not Outcome.SKIP
            ]
        return found

    def _need(self, asked: Asked) -> StackNeed:
        plenty = self._outcome(MOST, asked)
        if plenty is None or _is_exhausted(plenty):
            outcome = plenty.outcome if plenty else Outcome.NOT_RUN
            return StackNeed(
                module=asked.module, needs=None, outcome=outcome, signature=signature_of(plenty) if plenty else ""
            )

        def is_enough(stack: int) -> bool:
            case = self._outcome(stack, asked)
            return case is not None and case.outcome is plenty.outcome and not _is_exhausted(case)

        return StackNeed(
            module=asked.module,
            needs=least_enough(sizes(), is_enough),
            outcome=plenty.outcome,
            signature=signature_of(plenty),
        )

    def _outcome(self, stack: int, asked: Asked) -> CaseResult | None:
        """The result of the case with that stack; None if the case did not start."""
        result = self._run(stack, asked.module, (exact_pattern(asked.unittest_id),), gated=asked.gated)
        return next((case for case in judged_cases(result) if case.case == asked.case), None)

    def _run(self, stack: int, module: str, match: tuple[str, ...], *, gated: bool) -> ModuleResult:
        prepared = dataclasses.replace(self._prepared, stack_size=stack)
        folder = Path(tempfile.mkdtemp(dir=self._scratch))
        job = prepared.job(module, folder, match=match, excluded=(), should_stop=self._stopping.is_set)
        job = dataclasses.replace(job, case_timeout=_CASE_TIMEOUT)
        if gated:
            mounts = (*job.mounts, Mount(host=GATES_FOLDER, guest="/gates"))
            job = dataclasses.replace(job, agent="/gates", mounts=mounts)
        engine = prepared.open_engine(folder.with_name(f"{folder.name}.log"), 0)
        try:
            return run_module(job, engine)
        finally:
            engine.close()
            remove_tree(folder)


def named_cases(results: CellResults, named: Sequence[str]) -> list[Asked]:
    """The cases of the run with these names; those that it skipped are to be run behind open gates. ConfigError for a
    name that the run does not have.
    """
    known = {case.case: (module, case) for module in results.modules for case in module.cases}
    if unknown := [name for name in named if name not in known]:
        near = did_you_mean(unknown[0], known)
        raise ConfigError(
            f"the run of {results.cell.id} has no case {unknown[0]!r}" + (f"; {near}" if near else ""),
            hint="--results RUN names another run, a whole one at best",
        )
    return [
        Asked(module=module.module, case=name, unittest_id=case.unittest_id, gated=case.outcome is Outcome.SKIP)
        for name, (module, case) in ((name, known[name]) for name in named)
    ]


def render_needs(found: Mapping[str, StackNeeds]) -> str:
    """The table by case and cell, the largest needs first."""
    lines = [
        f"{cell}: {counted(len(needs.cases), 'case')} under {needs.engine}; a run gives {mebibytes(needs.usual)}"
        for cell, needs in found.items()
    ]
    cases = {case for needs in found.values() for case in needs.cases}
    largest = {case: max(_rank(needs.cases.get(case)) for needs in found.values()) for case in cases}
    widths = {cell: max(len(cell), 12) for cell in found}
    lines += ["", "  ".join([*(f"{cell:>{width}}" for cell, width in widths.items()), "case"])]
    for case in sorted(cases, key=lambda case: (-largest[case], case)):
        shown_needs = (f"{_cell_of(found[cell].cases.get(case), found[cell].most):>{widths[cell]}}" for cell in found)
        words = {_word(need) for needs in found.values() if (need := needs.cases.get(case))}
        lines.append("  ".join([*shown_needs, plain(case), *sorted(words - {""})]))
    return "\n".join(lines)


def _rank(need: StackNeed | None) -> int:
    return 0 if need is None else MOST + 1 if need.needs is None else need.needs


def _cell_of(need: StackNeed | None, most: int) -> str:
    if need is None:
        return "-"
    return f"> {most >> 20} MiB" if need.needs is None else mebibytes(need.needs)


def _word(need: StackNeed) -> str:
    """The text for a case that does not pass even with plenty of stack."""
    if need.outcome.is_good:
        return ""
    return f"[{need.outcome}{': ' + need.signature if need.signature else ''}]"
