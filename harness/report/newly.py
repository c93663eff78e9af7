"""Modules that run nothing any more: the run before ran them, and this one skips them as a whole. Pure.

No skip turns a run red, so that a broken build option can switch off a part of the suite unseen. This makes it seen.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from harness.results.outcomes import NOTHING_RAN, ModuleResult, Outcome

MODULES_NAMED = 10


@dataclass(frozen=True, kw_only=True)
class NewSkip:
    """One module that ran before: whether it skips everything now or has no tests, and its reason, if it has one."""

    module: str
    outcome: Outcome
    reason: str

    def __str__(self) -> str:
        return f"{self.module} ({self.reason or self.outcome})"


def nothing_ran(modules: Iterable[ModuleResult]) -> tuple[ModuleResult, ...]:
    """The modules that ran nothing though all of their cases were asked for."""
    return tuple(module for module in modules if module.complete and module.outcome in NOTHING_RAN)


def newly_skipped(modules: Iterable[ModuleResult], before: Mapping[str, Outcome]) -> tuple[NewSkip, ...]:
    """The modules that ran nothing now and something in the run before; `before` are its outcomes by module."""
    ran = {name for name, outcome in before.items() if outcome not in {*NOTHING_RAN, Outcome.NOT_RUN}}
    return tuple(
        NewSkip(module=module.module, outcome=module.outcome, reason=_reason(module))
        for module in nothing_ran(modules)
        if module.module in ran
    )


def _reason(module: ModuleResult) -> str:
    """The module's own reason, or the one that most of its cases have."""
    reasons = Counter(case.detail.reason for case in module.cases if case.detail.reason)
    return module.detail.reason or next((reason for reason, _ in reasons.most_common(1)), "")


def listed(skips: Sequence[NewSkip]) -> str:
    """The first MODULES_NAMED in one line, and how many more there are."""
    more = f", and {len(skips) - MODULES_NAMED:,} more" if len(skips) > MODULES_NAMED else ""
    return ", ".join(map(str, skips[:MODULES_NAMED])) + more
