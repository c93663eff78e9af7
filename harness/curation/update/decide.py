"""What a case needs of the lists in one setting, after what its runs saw. Pure.

`NeededEntry` is an entry with those outcomes and signatures, `NO_ENTRY` none at all, `KEEP` what there is: an entry, or
none. `held` is the reason why something that was seen changes nothing.
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
    """The usual outcome first; `signature` in order."""

    outcome: tuple[Outcome, ...]
    signature: tuple[str, ...]


DesiredEntry: TypeAlias = NeededEntry | ListAction


@dataclass(frozen=True, kw_only=True)
class Rules:
    """`runs` must agree before an entry goes. `accept_regression` marks also what used to pass, `cautious` leaves an
    entry as it is wherever no run was seen, even where all that were seen agree.
    """

    runs: int = RUNS_WANTED
    accept_regression: bool = False
    cautious: bool = False


class Decision(NamedTuple):
    """`held` says why nothing is done, where something might be."""

    want: DesiredEntry
    held: str = ""


def decide(
    sequence: Sequence[CaseSighting], entry: Expectation | None, rules: Rules, *, passed_in: str = ""
) -> Decision:
    """What a case needs in one setting. `sequence` has the oldest first; `passed_in` names a run in which it passed."""
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
        # Of the environment of a module only a run with --fail-env-changed says something, and its verdict does.
        return Decision(KEEP)
    if not bad:
        return _passing(sequence, rules)
    return _with_entry(bad, good, entry, rules)


def settled(sequence: Sequence[CaseSighting], runs: int) -> Sequence[CaseSighting]:
    """What is left after the last change that lasted: `pass pass fail fail` is `fail fail`, and what alternates stays
    whole, unless so many whole runs have seen nothing bad since.
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
    return seen.outcome is not None and judge_outcome(seen.outcome, entry, seen.signature) is Verdict.KNOWN


def _without_entry(bad: Sequence[CaseSighting], good: Sequence[CaseSighting], rules: Rules, passed_in: str) -> Decision:
    if not bad:
        return Decision(NO_ENTRY)
    outcomes = _ranked(bad)
    if Outcome.NOT_RUN in outcomes:
        return Decision(NO_ENTRY, "was not run, which is no failure of its own")
    if passed_in and not rules.accept_regression:
        return Decision(NO_ENTRY, f"is a regression: it passed in {passed_in}; --accept-regression would list it")
    if (held := _unspeakable(good)) is not None:
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
    """How many runs in a row, up to the newest, are whole and saw nothing bad. What is not whole is passed over."""
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
    if (held := _unspeakable(good)) is not None:
        return Decision(KEEP, held)
    now_and_then = (Outcome.PASS,) if good else ()
    signatures = _signatures(bad)
    if set(outcomes) & set(entry.outcome):
        raw = {seen.signature for seen in bad}
        # A run that could not name a place says nothing against the one that is listed; two other places do.
        telling = [
            name
            for name in signatures
            if not is_one_of(name, entry.signature) or name in settled_signatures(raw - {name})
        ]
        learnt = joined(entry.signature, telling) if entry.signature else ()
        return Decision(NeededEntry(merged(entry.outcome, (*outcomes, *now_and_then)), learnt))
    return Decision(NeededEntry((*outcomes, *now_and_then), signatures))


def _unspeakable(good: Sequence[CaseSighting]) -> str | None:
    """What a list cannot say of a case that is good now and then; None when it can."""
    others = sorted({str(seen.outcome or "missing") for seen in good if seen.outcome is not Outcome.PASS})
    return f"is {' or '.join(others)} now and then, which no list can say" if others else None


def _ranked(bad: Iterable[CaseSighting]) -> tuple[Outcome, ...]:
    """The outcomes, the usual one first."""
    counts = Counter(seen.outcome for seen in bad if seen.outcome is not None)
    return tuple(sorted(counts, key=lambda outcome: (-counts[outcome], -outcome.severity)))


def _signatures(bad: Iterable[CaseSighting]) -> tuple[str, ...]:
    return settled_signatures(seen.signature for seen in bad)


def merged(listed: Iterable[T], seen: Iterable[T]) -> tuple[T, ...]:
    """What is listed, in its order, and what was seen besides."""
    return tuple(dict.fromkeys([*listed, *seen]))
