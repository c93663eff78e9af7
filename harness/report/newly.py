"""Modules that ran in the previous run and are skipped as a whole now. Pure.

Skips do not fail a run, so that a broken build option could disable a part of the suite without notice. The reports
name these modules.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from harness.results.outcomes import NOTHING_RAN, ModuleResult, Outcome

MODULES_NAMED = 10


@dataclass(frozen=True, kw_only=True)
class NewSkip:
    """One module that ran in the previous run, with its outcome now, skip or no tests, and the reason, if any."""

    module: str
    outcome: Outcome
    reason: str

    def __str__(self) -> str:
        return f"{self.module} ({self.reason or self.outcome})"


def nothing_ran(modules: Iterable[ModuleResult]) -> tuple[ModuleResult, ...]:
    """The modules that ran nothing although all their cases were selected."""
    return tuple(module for module in modules if module.complete and module.outcome in NOTHING_RAN)


def newly_skipped(modules: Iterable[ModuleResult], before: Mapping[str, Outcome]) -> tuple[NewSkip, ...]:
    """The modules that ran nothing now and something in the previous run, whose outcomes by module are `before`."""
    ran = {name for name, outcome in before.items() if outcome not in {*NOTHING_RAN, Outcome.NOT_RUN}}
    return tuple(
        NewSkip(module=module.module, outcome=module.outcome, reason=_reason(module))
        for module in nothing_ran(modules)
        if module.module in ran
    )


def _reason(module: ModuleResult) -> str:
    """The reason why the module was skipped, or the most frequent reason of its cases."""
    reasons = Counter(case.detail.reason for case in module.cases if case.detail.reason)
    return module.detail.reason or next((reason for reason, _ in reasons.most_common(1)), "")


def listed(skips: Sequence[NewSkip]) -> str:
    """The first MODULES_NAMED modules in one line, and the number of the others."""
    more = f", and {len(skips) - MODULES_NAMED:,} more" if len(skips) > MODULES_NAMED else ""
    return ", ".join(map(str, skips[:MODULES_NAMED])) + more
