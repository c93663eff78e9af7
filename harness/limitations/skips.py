"""Every skip of a run accounted for: by a limitation of the platform, by a circumstance, or by nothing yet. Pure.

The suite says why it skips in words of its own, and CPython's decorators say which need of the case is not met. The
registry has patterns for both. The native reference says whether the case runs anywhere else.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeVar

from harness.limitations.registry import Circumstance, Limitation, Need, Registry
from harness.matrix.conditions import Facts, condition_values
from harness.results.case_ids import FIXTURE, dotted
from harness.results.cell_results import CellResults
from harness.results.outcomes import ModuleResult, Outcome

T = TypeVar("T")
# What unittest's loader puts in the place of a file that raised SkipTest while it was imported.
MODULE_SKIPPED = "unittest.loader.ModuleSkipped."


class Elsewhere(StrEnum):
    """What the native reference says of a case that is skipped here."""

    ONLY_HERE = "only here"
    EVERYWHERE = "everywhere"
    ABSENT = "not there"
    UNKNOWN = "unknown"


@dataclass(frozen=True, kw_only=True)
class SkipCause:
    """Why the suite skips: the id of a limitation or of a circumstance. `need` is the one it came by, if any."""

    id: str
    is_limitation: bool
    need: str = ""


@dataclass(frozen=True, kw_only=True)
class Skip:
    """One case that was skipped, or a class or module as a whole; `hides` counts what runs natively in its place."""

    case: str
    module: str
    reason: str
    cause: SkipCause | None
    elsewhere: Elsewhere = Elsewhere.UNKNOWN
    hides: int = 0

    @property
    def is_module(self) -> bool:
        return self.case == dotted(self.module)


@dataclass(frozen=True, kw_only=True)
class SkipAccount:
    """The skips of one run. `absent` are the cases that run natively and do not exist here, though their module runs;
    `compared` is the number of this run's modules that the native reference has.
    """

    skips: tuple[Skip, ...]
    absent: tuple[str, ...] = ()
    modules: int = 0
    compared: int = 0

    @property
    def unexplained(self) -> tuple[Skip, ...]:
        return tuple(skip for skip in self.skips if skip.cause is None)

    def by_cause(self) -> Counter[SkipCause]:
        """How many skips each cause explains; the same cause by two needs counts as two."""
        return Counter(skip.cause for skip in self.skips if skip.cause)


class Explainer:
    """Finds the cause of a skip by its reason, for the cell with the given facts."""

    def __init__(self, registry: Registry, facts: Facts) -> None:
        # What is documented for this target alone says more than what all WebAssembly platforms have in common.
        holding = sorted(
            (item for item in registry.limitations.values() if item.holds_for(facts)),
            key=lambda item: len(item.targets),
        )
        self._limitations = tuple((_patterns(item), item) for item in holding)
        self._needs = tuple((_patterns(need), need) for need in registry.needs.values())
        self._circumstances = tuple((_patterns(item), item) for item in registry.circumstances.values())
        self._known: dict[str, SkipCause | None] = {}

    def cause(self, reason: str) -> SkipCause | None:
        """None when nothing in the registry explains the reason."""
        if reason not in self._known:
            self._known[reason] = next(self._causes(reason), None)
        return self._known[reason]

    def cause_id(self, reason: str) -> str:
        """The id of the cause; empty when there is none."""
        cause = self.cause(reason)
        return cause.id if cause else ""

    def _causes(self, reason: str) -> Iterator[SkipCause]:
        for item in _matching(self._limitations, reason):
            yield SkipCause(id=item.id, is_limitation=True)
        for need in _matching(self._needs, reason):
            for _, item in self._limitations:
                if need.id in item.needs:
                    yield SkipCause(id=item.id, is_limitation=True, need=need.id)
            for _, circumstance in self._circumstances:
                if need.id in circumstance.needs:
                    yield SkipCause(id=circumstance.id, is_limitation=False, need=need.id)
        for circumstance in _matching(self._circumstances, reason):
            yield SkipCause(id=circumstance.id, is_limitation=False)


def _patterns(entry: Limitation | Need | Circumstance) -> re.Pattern[str] | None:
    """One pattern for all of an entry's; None when it has none."""
    joined = "|".join(f"(?:{pattern})" for pattern in entry.skips)
    return re.compile(joined, re.DOTALL) if joined else None


def _matching(entries: Sequence[tuple[re.Pattern[str] | None, T]], reason: str) -> Iterator[T]:
    return (entry for pattern, entry in entries if pattern and pattern.fullmatch(reason))


def account_of_skips(
    modules: Iterable[ModuleResult], explainer: Explainer, native: Iterable[ModuleResult] = ()
) -> SkipAccount:
    """The account of a run's modules; `native` are the results of the native reference, as far as there are any."""
    modules, reference = tuple(modules), {module.module: module for module in native}
    skips: list[Skip] = []
    absent: list[str] = []
    for module in modules:
        there = reference.get(module.module)
        found = [
            Skip(
                case=case.case,
                module=module.module,
                reason=case.detail.reason,
                cause=explainer.cause(case.detail.reason),
                elsewhere=_elsewhere(case.case, there),
                hides=len(_hidden(case.case, there)),
            )
            for case in module.cases
            if case.outcome is Outcome.SKIP
        ]
        if there is not None:
            known = {case.case for case in module.cases}
            known.update(name for skip in found for name in _hidden(skip.case, there))
            absent += (name for name in _running(there) if name not in known)
        skips += found
    compared = sum(module.module in reference for module in modules)
    return SkipAccount(skips=tuple(skips), absent=tuple(absent), modules=len(modules), compared=compared)


def _elsewhere(case: str, there: ModuleResult | None) -> Elsewhere:
    if there is None:
        return Elsewhere.UNKNOWN
    outcome = next((found.outcome for found in there.cases if found.case == case), None)
    if outcome is Outcome.SKIP:
        return Elsewhere.EVERYWHERE
    return Elsewhere.ONLY_HERE if outcome or _hidden(case, there) else Elsewhere.ABSENT


def _hidden(case: str, there: ModuleResult | None) -> tuple[str, ...]:
    """The cases that run natively and are not asked here, because their module or class is skipped as a whole."""
    if there is None:
        return ()
    if case == dotted(there.module):
        return tuple(_running(there))
    fixture = FIXTURE.fullmatch(case)
    if not fixture and not case.startswith(MODULE_SKIPPED):
        return ()
    owner = fixture.group(1) if fixture else case.removeprefix(MODULE_SKIPPED)
    return tuple(name for name in _running(there) if name.startswith(f"{owner}."))


def _running(there: ModuleResult) -> Iterator[str]:
    return (case.case for case in there.cases if case.outcome not in {Outcome.SKIP, Outcome.NOT_RUN})


def explainer_for(results: CellResults, registry: Registry) -> Explainer:
    """What explains the skips of these results: the limitations that hold for their cell."""
    build = results.build
    facts = condition_values(
        results.cell, python=build.python, toolchain=build.toolchain.version, libraries=build.libraries
    )
    return Explainer(registry, facts)
