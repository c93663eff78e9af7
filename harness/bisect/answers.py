"""What one step of a bisection has seen, and what that means. Pure."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from harness.bisect.search import Judgement
from harness.errors import (
    EXIT_BUILD,
    EXIT_UNAVAILABLE,
    BuildError,
    ConfigError,
    HarnessError,
    UnavailableError,
)
from harness.results.case_ids import dotted
from harness.results.cell_results import CellResults
from harness.results.command_line import literal, split_word
from harness.results.outcomes import Outcome
from harness.suite.unseen import NO_SUCH_CASE


@dataclass(frozen=True, kw_only=True)
class BisectStep:
    """What one candidate did. `outcome` is empty when it could not be asked, `why` says why. `tries` are its outcomes
    when it was asked more than once. `status` is the exit status of the command, `seconds` what it took with its build.
    """

    candidate: str
    outcome: str = ""
    tries: tuple[str, ...] = ()
    why: str = ""
    status: int = 0
    seconds: float = 0.0
    command: str = ""

    @property
    def is_final(self) -> bool:
        """Whether asking again would be of no use: what is not available now may be later."""
        return bool(self.outcome) or self.status == EXIT_BUILD

    @property
    def seen(self) -> str:
        """What the case did at this step, in a few words."""
        if len(set(self.tries)) > 1:
            return f"flaky: {', '.join(self.tries)}"
        why, _, _ = (self.why or "no reason is known").partition("\n")
        return self.outcome or f"cannot tell: {why.rstrip(':')}"

    @property
    def is_clear(self) -> bool:
        return bool(self.outcome) and len(set(self.tries)) < 2

    def to_json(self) -> dict[str, Any]:
        return dataclasses.asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> BisectStep:
        return cls(**{**data, "tries": tuple(data["tries"])})


def outcome_of(results: CellResults, case: str) -> tuple[str, tuple[str, ...]]:
    """The outcome of the case, which is named as for `--case`, and of all its tries. What its module did as a whole
    stands for a case that it kept from running. The outcome is empty when the suite does not have the case.
    """
    named, wanted = split_word(case)
    for module in results.modules:
        for found in module.cases:
            if found.case in {case, wanted, literal(case), literal(wanted)} and found.detail.reason != NO_SUCH_CASE:
                return found.outcome.value, tuple(each.value for each in found.tries)
    for module in results.modules:
        name = dotted(module.module, own=module.own)
        if named in {module.module, name} or name == case or case.startswith(f"{name}."):
            return ("" if module.detail.reason == NO_SUCH_CASE else module.outcome.value), ()
    return "", ()


def judge_step(step: BisectStep, *, good: str, bad: str, changed: bool) -> Judgement:
    """A candidate is good or bad when it does what that end does. Any other outcome says nothing, unless `changed`."""
    if not step.is_clear:
        return Judgement.SKIP
    if step.outcome == good:
        return Judgement.GOOD
    return Judgement.BAD if changed or step.outcome == bad else Judgement.SKIP


def check_end(step: BisectStep, which: str) -> None:
    """The ends must have an outcome that is certainly theirs."""
    if not step.is_clear:
        why, _, _ = step.why.partition("\n  -> ")
        kinds: dict[int, type[HarnessError]] = {EXIT_UNAVAILABLE: UnavailableError, EXIT_BUILD: BuildError}
        raise kinds.get(step.status, ConfigError)(
            f"nothing can be bisected: at the {which} end, {step.candidate}, {why or step.seen}",
            hint=f"choose another --{which}; what was done there: {step.command}",
        )


def check_ends(good: BisectStep, bad: BisectStep) -> None:
    """ConfigError when they do the same, or have been confused."""
    if good.outcome == bad.outcome:
        raise ConfigError(
            f"nothing can be bisected: both ends do the same, {good.outcome}: {good.candidate} and {bad.candidate}",
            hint="choose ends between which the outcome changes",
        )
    if Outcome(bad.outcome).is_good and not Outcome(good.outcome).is_good:
        raise ConfigError(
            f"the good end, {good.candidate}, is {good.outcome}, and the bad end, {bad.candidate}, is {bad.outcome}",
            hint=f"to find what fixed it, exchange them: --good {bad.candidate} --bad {good.candidate}",
        )
