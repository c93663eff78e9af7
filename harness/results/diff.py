"""Compares two results case by case, and says which axis of the matrix explains the difference. Pure."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, TypeAlias

from harness.matrix.axes import FLAGS
from harness.results.case_ids import dotted
from harness.results.cell_results import CellResults
from harness.results.outcomes import NOTHING_RAN, ModuleResult, Outcome, judged_cases
from harness.results.stack_needs import Growth
from harness.util.versions import shown_version


class Change(StrEnum):
    """What became of one case, in the order of reports."""

    NEW_CRASH = "new crash"
    BROKEN = "broken"
    NEWLY_SKIPPED = "newly skipped"
    NO_TESTS = "newly without tests"
    VANISHED = "vanished"
    OTHERWISE = "otherwise different"
    CRASH_GONE = "crash gone"
    FIXED = "fixed"
    NO_LONGER_SKIPPED = "no longer skipped"
    APPEARED = "appeared"


class DiffAxis(StrEnum):
    """The axes on which two results can differ. `recipe` is the harness's build steps, `settings` are resources and
    time limits.
    """

    CPYTHON = "CPython"
    TOOLCHAIN = "toolchain"
    FLAGS = "flags"
    LIBRARIES = "libraries"
    ENGINE = "engine"
    RECIPE = "recipe"
    SETTINGS = "settings"


@dataclass(frozen=True, kw_only=True)
class AxisChange:
    """An axis on which the two differ, and its value in either."""

    axis: DiffAxis
    before: str
    after: str

    def __str__(self) -> str:
        return f"{self.axis} {self.before} -> {self.after}"


@dataclass(frozen=True, kw_only=True)
class CaseChange:
    """One case whose outcome differs; None where it does not exist."""

    case: str
    module: str
    change: Change
    before: Outcome | None
    after: Outcome | None


@dataclass(frozen=True, kw_only=True)
class CellDiff:
    """The difference of two results, which `before` and `after` name; `is_over_time` says that both are of one cell.

    `compared` counts the cases whose outcome both results have, and `unknown` those that were to run in only
    one of them. `stack` are the cases that need more of the engine's stack than before, if both were measured.
    """

    before: str
    after: str
    axes: tuple[AxisChange, ...]
    changes: tuple[CaseChange, ...]
    compared: int
    unknown: int
    is_over_time: bool = True
    stack: tuple[Growth, ...] = ()

    @property
    def explanation(self) -> AxisChange | None:
        """The only axis on which the two differ; None when there is none, or more than one."""
        return self.axes[0] if len(self.axes) == 1 else None

    def counts(self) -> Counter[Change]:
        """How many cases had each change."""
        return Counter(change.change for change in self.changes)

    def to_json(self) -> dict[str, Any]:
        counts = self.counts()
        return {
            "before": self.before,
            "after": self.after,
            "axes": [dataclasses.asdict(axis) for axis in self.axes],
            "explained_by": self.explanation.axis.value if self.explanation else None,
            "compared": self.compared,
            "unknown": self.unknown,
            "counts": {change.value: counts[change] for change in Change},
            "changes": [dataclasses.asdict(change) for change in self.changes],
            "stack_grown": [dataclasses.asdict(growth) for growth in self.stack],
        }


def diff_cells(before: CellResults, after: CellResults, *, names: tuple[str, str] = ("", "")) -> CellDiff:
    """What differs from one result to another. `names` are what to call the two, else their cells' ids."""
    old, new = _modules(before), _modules(after)
    changes: list[CaseChange] = []
    compared = unknown = 0
    for name in {**old, **new}:
        was, now = _side(old.get(name), before), _side(new.get(name), after)
        for case in _cases_of_both(dotted(name), was, now):
            if not (was.covers(case) and now.covers(case)):
                unknown += 1
                continue
            compared += 1
            first, second = was.cases.get(case, was.rest), now.cases.get(case, now.rest)
            if first is not second:
                change = classify(first, second)
                changes.append(CaseChange(case=case, module=name, change=change, before=first, after=second))
    return CellDiff(
        before=names[0] or before.cell.id,
        after=names[1] or after.cell.id,
        axes=differing_axes(before, after),
        changes=tuple(sorted(changes, key=_report_order)),
        compared=compared,
        unknown=unknown,
        is_over_time=before.cell.id == after.cell.id,
    )


def wrong_only(pair: CellDiff, *, after: bool) -> CellDiff:
    """The difference with only those cases that went wrong in its second result and not in its first, or, without
    `after`, in its first and not in its second.
    """
    changes = (each for each in pair.changes if _is_wrong(each.after if after else each.before))
    changes = (each for each in changes if not _is_wrong(each.before if after else each.after))
    return dataclasses.replace(pair, changes=tuple(changes))


def _is_wrong(outcome: Outcome | None) -> bool:
    """Whether a case ran and went wrong, whatever the lists expect of it."""
    return outcome is not None and outcome not in {*NOTHING_RAN, Outcome.NOT_RUN} and not outcome.is_good


def classify(before: Outcome | None, after: Outcome | None) -> Change:
    """The change of a case from the outcome `before` to the outcome `after`. None for a result without the case."""
    if Outcome.CRASH in {before, after}:
        return Change.NEW_CRASH if after is Outcome.CRASH else Change.CRASH_GONE
    if before is None or after is None:
        return Change.APPEARED if before is None else Change.VANISHED
    if after in NOTHING_RAN:
        return Change.NEWLY_SKIPPED if after is Outcome.SKIP else Change.NO_TESTS
    if before in NOTHING_RAN and after.is_good:
        return Change.NO_LONGER_SKIPPED
    if before.is_good == after.is_good:
        return Change.OTHERWISE
    return Change.FIXED if after.is_good else Change.BROKEN


@dataclass(frozen=True, kw_only=True)
class _Side:
    """What one result says of a module: the outcome of each of its `cases`, and `rest`, the outcome of all other cases.
    Without `is_known` it says nothing of other cases: they were not to run.
    """

    cases: Mapping[str, Outcome]
    rest: Outcome | None
    is_known: bool

    def covers(self, case: str) -> bool:
        return self.is_known or case in self.cases


def _modules(results: CellResults) -> dict[str, ModuleResult]:
    return {module.module: module for module in results.modules}


def _side(module: ModuleResult | None, results: CellResults) -> _Side:
    if module is None:
        return _Side(cases={}, rest=None, is_known=results.run.complete)
    cases = {case.case: case.outcome for case in judged_cases(module)}
    rest = None
    if list(cases) == [dotted(module.module)]:
        # The module was skipped or died as a whole, and so all of its cases were skipped or did not run.
        rest = module.outcome if module.outcome in NOTHING_RAN else Outcome.NOT_RUN
    return _Side(cases=cases, rest=rest, is_known=module.complete)


def _cases_of_both(module: str, was: _Side, now: _Side) -> list[str]:
    """The cases of either side, without the module itself if one side skipped it as a whole and the other has its
    cases.
    """
    cases = {**was.cases, **now.cases}
    if len(cases) > 1 and NOTHING_RAN & {was.rest, now.rest}:
        cases.pop(module, None)
    return list(cases)


def _report_order(change: CaseChange) -> tuple[int, str, str, str, str]:
    order = list(Change).index(change.change)
    return order, change.module, change.before or "", change.after or "", change.case


def differing_axes(before: CellResults, after: CellResults) -> tuple[AxisChange, ...]:
    """The axes on which two results differ."""
    return differing_values(axes_of(before), axes_of(after))


def differing_values(before: Axes, after: Axes) -> tuple[AxisChange, ...]:
    """The axes on which the two values differ. An axis that only one of them has recorded is no difference. Another
    recipe is none either, since it follows from the CPython and the target; another version of the same recipe is one.
    """
    same_recipe = _recipe_name(before) == _recipe_name(after)
    return tuple(
        AxisChange(axis=axis, before=str(before[axis]), after=str(after[axis]))
        for axis in DiffAxis
        if axis in before and axis in after and before[axis].differs_from(after[axis])
        if axis is not DiffAxis.RECIPE or same_recipe
    )


@dataclass(frozen=True)
class AxisValue:
    """The value of a result on an axis: what the user names, and the details that the build has recorded, if any."""

    named: str
    recorded: str = ""

    def __str__(self) -> str:
        return f"{self.named} ({self.recorded})" if self.recorded else self.named

    def differs_from(self, other: AxisValue) -> bool:
        return self.named != other.named or bool(self.recorded and other.recorded and self.recorded != other.recorded)


Axes: TypeAlias = Mapping[DiffAxis, AxisValue]


def axes_of(results: CellResults) -> dict[DiffAxis, AxisValue]:
    """The value on each axis, as far as it is recorded."""
    cell, build, engine = results.cell, results.build, results.engine
    toolchain, recipe = build.toolchain, build.recipe
    flags = [name for name in FLAGS if getattr(cell, name)]
    settings = f"-u {cell.resources}, {cell.case_timeout:g} s a case, {cell.module_timeout:g} s a module"
    if results.run.options.randomize:
        settings += f", random order by the seed {results.run.seed}"
    # A distribution's Emscripten of the same version has another compiler.
    made_with = [toolchain.provider, f"LLVM {toolchain.llvm}" if toolchain.llvm else ""]
    # Those that the build was linked with, which may be fewer than the cell names.
    linked = ", ".join(build.inputs.get("dependencies", ())) or "no library" if build.inputs else ""
    axes = {
        DiffAxis.CPYTHON: AxisValue(build.python or str(cell.python), build.source.revision[:12]),
        DiffAxis.TOOLCHAIN: AxisValue(
            f"{cell.target.traits.toolchain_name} {shown_version(toolchain) or cell.toolchain}",
            ", ".join(filter(None, made_with)),
        ),
        DiffAxis.FLAGS: AxisValue(" ".join([*flags, *cell.configure]) or "plain"),
        DiffAxis.LIBRARIES: AxisValue(", ".join(cell.libraries) or "none", linked),
        DiffAxis.ENGINE: AxisValue(
            f"{engine.get('name') or cell.engine} {engine.get('version') or cell.runtime}"
            + (" with JSPI" if cell.jspi else "")
        ),
        DiffAxis.SETTINGS: AxisValue(settings),
    }
    if recipe.name:
        axes[DiffAxis.RECIPE] = AxisValue(f"{recipe.name} {recipe.version}")
    return axes


def _recipe_name(axes: Axes) -> str:
    return axes[DiffAxis.RECIPE].named.rpartition(" ")[0] if DiffAxis.RECIPE in axes else ""
