"""Decides which entry a case needs in one setting, from what its runs did. Pure.

The decision is one of three. `NeededEntry`: an entry with these outcomes and signatures. `NO_ENTRY`: no entry, so that
one that exists goes. `KEEP`: no change, whether there is an entry or not.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from typing import NamedTuple, TypeAlias, TypeVar

from harness.curation.update.evidence import CaseSighting
from harness.expectations.compare import judge_outcome
from harness.expectations.entries import Expectation
from harness.results.outcomes import Outcome
from harness.results.signatures import is_one_of, joined, settled_signatures
from harness.results.verdicts import Verdict
from harness.util.text import counted

T = TypeVar("T")

RUNS_WANTED = 3
_WORSE = frozenset({Outcome.CRASH, Outcome.TIMEOUT})


class ListAction(Enum):
    KEEP = auto()
    NO_ENTRY = auto()


KEEP, NO_ENTRY = ListAction.KEEP, ListAction.NO_ENTRY


class NeededEntry(NamedTuple):
    """The outcomes and signatures of an entry. The most frequent outcome comes first."""

    outcome: tuple[Outcome, ...]
    signature: tuple[str, ...]


DesiredEntry: TypeAlias = NeededEntry | ListAction


@dataclass(frozen=True, kw_only=True)
class Rules:
    """When the lists change. An entry goes once so many `runs` in a row agree. With `accept_regression` a case that
    passed in an earlier run gets an entry too. With `cautious` an entry stays as it is for cells without a run, even
    where the runs of all other cells agree.
    """

    runs: int = RUNS_WANTED
    accept_regression: bool = False
    cautious: bool = False


class Decision(NamedTuple):
    """What a case needs. `held` is why an outcome that the lists do not expect changes nothing, and else empty."""

    want: DesiredEntry
    held: str = ""


def decide(
    sequence: Sequence[CaseSighting], entry: Expectation | None, rules: Rules, *, passed_in: str = ""
) -> Decision:
    """What a case needs in one setting. `sequence` has what each run saw of the case, the oldest first; `passed_in` is
    the name of an earlier run in which it passed, if there is one.
    """
    if not sequence:
        return Decision(KEEP)
    state = settled(sequence, rules.runs)
    bad = [seen for seen in state if not seen.is_good]
    good = [seen for seen in state if seen.is_good]
    if entry is None:
        return _without_entry(bad, good, rules, passed_in)
    if all(_is_known(seen, entry) for seen in state):
        return Decision(KEEP)
    if not bad and Outcome.ENV_CHANGED in entry.outcome:
        # Only a run with --fail-env-changed reports that a module altered its environment, as a verdict on it.
        return Decision(KEEP)
    if not bad:
        return _passing(sequence, rules)
    return _with_entry(bad, good, entry, rules)


def settled(sequence: Sequence[CaseSighting], runs: int) -> Sequence[CaseSighting]:
    """The runs since the case changed for good: `pass pass fail fail` gives `fail fail`. Where outcomes alternate, as
    in `pass fail pass fail`, all runs count, unless the last `runs` whole ones have seen nothing bad.
    """
    if agreeing_runs(sequence) >= runs:
        last_bad = max((place for place, seen in enumerate(sequence) if not seen.is_good), default=-1)
        return sequence[last_bad + 1 :]
    # Good outcomes count as one.
    outcomes = [None if seen.is_good else seen.outcome for seen in sequence]
    for start in range(len(outcomes) - 1, 0, -1):
        if not set(outcomes[:start]) & set(outcomes[start:]):
            return sequence[start:]
    return sequence


def _is_known(seen: CaseSighting, entry: Expectation) -> bool:
    """Whether the entry expects what the run saw."""
    return seen.outcome is not None and judge_outcome(seen.outcome, entry, seen.signature) is Verdict.KNOWN


def _without_entry(bad: Sequence[CaseSighting], good: Sequence[CaseSighting], rules: Rules, passed_in: str) -> Decision:
    if not bad:
        return Decision(NO_ENTRY)
    outcomes = _ranked(bad)
    if Outcome.NOT_RUN in outcomes:
        return Decision(NO_ENTRY, "was not run, which is no failure of its own")
    if passed_in and not rules.accept_regression:
        return Decision(NO_ENTRY, f"is a regression: it passed in {passed_in}; --accept-regression would list it")
    if (held := _not_expressible(good)) is not None:
        return Decision(NO_ENTRY, held)
    return Decision(NeededEntry(outcomes + ((Outcome.PASS,) if good else ()), _signatures(bad)))


def _passing(sequence: Sequence[CaseSighting], rules: Rules) -> Decision:
    agreeing = agreeing_runs(sequence)
    if agreeing >= rules.runs:
        return Decision(NO_ENTRY)
    word = "is gone" if sequence[-1].outcome is None else f"does {sequence[-1].outcome}"
    seen = f"{agreeing} {'has' if agreeing == 1 else 'have'}" if agreeing else "none has"
    return Decision(KEEP, f"{word} now; {counted(rules.runs, 'whole run')} must have seen it, and {seen}")


def agreeing_runs(sequence: Sequence[CaseSighting]) -> int:
    """How many whole runs have seen nothing bad since the last run that did. Runs of a part do not count."""
    count = 0
    for seen in reversed(sequence):
        if not seen.is_good:
            break
        count += seen.whole
    return count


def _with_entry(
    bad: Sequence[CaseSighting], good: Sequence[CaseSighting], entry: Expectation, rules: Rules
) -> Decision:
    if Outcome.NOT_RUN not in entry.outcome:
        bad = [seen for seen in bad if seen.outcome is not Outcome.NOT_RUN]
    if not bad:
        return Decision(KEEP, "was not run, which is no failure of its own")
    outcomes = _ranked(bad)
    worse = [outcome for outcome in outcomes if outcome in _WORSE and outcome not in entry.outcome]
    if worse and not rules.accept_regression:
        return Decision(KEEP, f"does {worse[0]} now, worse than its entry: --accept-regression would list it")
    if (held := _not_expressible(good)) is not None:
        return Decision(KEEP, held)
    now_and_then = (Outcome.PASS,) if good else ()
    signatures = _signatures(bad)
    if set(outcomes) & set(entry.outcome):
        raw = {seen.signature for seen in bad}
        # The entry lists a signature with a place, and a run saw the same without one: that is no new signature. Two
        # signatures with other places are.
        telling = [
            name
            for name in signatures
            if not is_one_of(name, entry.signature) or name in settled_signatures(raw - {name})
        ]
        learnt = joined(entry.signature, telling) if entry.signature else ()
        return Decision(NeededEntry(merged(entry.outcome, (*outcomes, *now_and_then)), learnt))
    return Decision(NeededEntry((*outcomes, *now_and_then), signatures))


def _not_expressible(good: Sequence[CaseSighting]) -> str | None:
    """Why no list can express what a case does when it does not fail: it is skipped, or absent. None when it passes."""
    others = sorted({str(seen.outcome or "missing") for seen in good if seen.outcome is not Outcome.PASS})
    return f"is {' or '.join(others)} now and then, which no list can say" if others else None


def _ranked(bad: Iterable[CaseSighting]) -> tuple[Outcome, ...]:
    """The outcomes, the most frequent one first."""
    counts = Counter(seen.outcome for seen in bad if seen.outcome is not None)
    return tuple(sorted(counts, key=lambda outcome: (-counts[outcome], -outcome.severity)))


def _signatures(bad: Iterable[CaseSighting]) -> tuple[str, ...]:
    return settled_signatures(seen.signature for seen in bad)


def merged(listed: Iterable[T], seen: Iterable[T]) -> tuple[T, ...]:
    """The listed values in their order, then those that were seen and are not listed."""
    return tuple(dict.fromkeys([*listed, *seen]))
