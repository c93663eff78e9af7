"""The entry that each test needs in each setting, from the evidence of runs and the present lists. Pure."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from harness.curation.update.decide import KEEP, NO_ENTRY, Decision, DesiredEntry, NeededEntry, Rules, decide, settled
from harness.curation.update.evidence import CaseSighting, Evidence, Setting
from harness.expectations.entries import CellExpectations, Expectation, Expectations
from harness.expectations.files import is_test_id
from harness.matrix.conditions import Condition
from harness.results.case_ids import wildcard_of
from harness.results.signatures import settled_signatures


class Skipped(NamedTuple):
    """A test for which the updater changes nothing in spite of what runs saw, and the reason."""

    test: str
    cell: str
    why: str


class EntryRequirements:
    """The entries that tests need. `universe` has the settings of runs and those of declared cells. `held` collects the
    tests that should perhaps change and do not, with the reasons.
    """

    def __init__(
        self, entries: Sequence[Expectation], evidence: Evidence, declared: Iterable[Setting], rules: Rules
    ) -> None:
        self._evidence = evidence
        self._rules = rules
        self.universe: tuple[Setting, ...] = tuple(dict.fromkeys([*evidence.runs, *declared]))
        everything = Expectations(tuple(entries))
        self._expected: dict[Setting, CellExpectations] = {
            setting: everything.for_facts(dict(setting)) for setting in self.universe
        }
        self._members = self._cases_of_wildcards({test for entry in entries for test in entry.tests})
        self.held: list[Skipped] = []
        self._decide = functools.cache(self._decide_once)

    def _cases_of_wildcards(self, named: set[str]) -> dict[str, list[str]]:
        wanted = {test for test in named if test.endswith(".*")}
        found: dict[str, set[str]] = {test: set() for test in wanted}
        for run in self._evidence.all_runs() if wanted else ():
            for case in run.seen.keys() | run.unsettled:
                if (wildcard := wildcard_of(case)) in wanted:
                    found[wildcard].add(case)
        return {test: sorted(cases) for test, cases in found.items()}

    def _decide_once(self, test: str, setting: Setting) -> Decision:
        entry = self.lookup(test, setting)
        # If a class is listed as a whole, not every suite needs to have each of its cases.
        listed = self.is_listed(test, setting)
        sequence = [
            seen
            for seen in self._evidence.sequence(test, setting)
            if listed or entry is None or seen.outcome is not None
        ]
        cells = self._evidence.cells(setting)
        fails = entry is None and not all(seen.is_good for seen in sequence)
        passed = self._evidence.passed_in(test, cells) if fails else ""
        decision = decide(sequence, entry, self._rules, passed_in=passed)
        if isinstance(decision.want, NeededEntry) and not is_test_id(test):
            decision = Decision(KEEP, "has an id that no list can name")
        if decision.held:
            self._hold(test, setting, decision.held)
        return decision

    def _hold(self, test: str, setting: Setting, why: str) -> None:
        self.held.append(Skipped(test, ", ".join(self._evidence.cells(setting)), why))

    def lookup(self, test: str, setting: Setting) -> Expectation | None:
        """The present entry for the test in that setting, if any."""
        return self._expected[setting].lookup(test)

    def is_listed(self, test: str, setting: Setting) -> bool:
        """Whether an entry names the test itself and not only its class."""
        return test in self._expected[setting].entries

    def is_seen(self, test: str, setting: Setting) -> bool:
        """Whether a run in that setting has evidence on the test, even if only that it did not appear."""
        return bool(self._evidence.sequence(test, setting))

    def cases_of(self, test: str) -> Sequence[str]:
        """The cases that runs saw of a class which an entry names as a whole; for any other test, the test itself."""
        return self._members.get(test, [test])

    def of_test(self, test: str, setting: Setting) -> DesiredEntry:
        """The entry that a test needs."""
        return self._decide(test, setting).want

    def of_entry(self, entry: Expectation, test: str, setting: Setting) -> DesiredEntry:
        """What a test needs of an entry that holds in the setting: NO_ENTRY if the entry should not hold there."""
        if test.endswith(".*"):
            return self._of_class(test, setting)
        return self.of_test(test, setting) if test in entry.tests else self._of_member(test, setting)

    def _of_class(self, wildcard: str, setting: Setting) -> DesiredEntry:
        cases = [case for case in self.cases_of(wildcard) if self._evidence.appears(case, setting)]
        own = [case for case in cases if not self.is_listed(case, setting)]
        if own:
            return self._of_covered(own, setting)
        return KEEP if cases else self.of_test(wildcard, setting)

    def _of_member(self, case: str, setting: Setting) -> DesiredEntry:
        """The need of a case that the entry covers through its class. It is NO_ENTRY if the case has an entry of its
        own, or does not exist in the suite of the setting.
        """
        absent = self.is_seen(case, setting) and not self._evidence.appears(case, setting)
        return NO_ENTRY if absent or self.is_listed(case, setting) else self._of_covered([case], setting)

    def _of_covered(self, cases: Sequence[str], setting: Setting) -> DesiredEntry:
        """The need of cases that an entry covers through their class. If all of them are absent from the newest runs,
        the entry is removed like any other, when enough whole runs agree.
        """
        absences = min((self._absences(case, setting) for case in cases), key=len)
        if not absences:
            return self.of_test(cases[0], setting)
        decision = decide(absences, self.lookup(cases[0], setting), self._rules)
        if decision.held:
            self._hold(cases[0], setting, decision.held)
        return decision.want

    def _absences(self, case: str, setting: Setting) -> Sequence[CaseSighting]:
        """The sightings of the newest runs in which the case is absent; empty if the newest run has it."""
        newest = list(self._evidence.sequence(case, setting))[::-1]
        return list(itertools.takewhile(lambda seen: seen.outcome is None, newest))[::-1]


def signatures_seen(evidence: Evidence, test: str, when: Condition, runs: int) -> tuple[str, ...]:
    """The signatures with which a case fails in the settings for which the condition holds."""
    found: set[str] = set()
    for setting in evidence.runs:
        if when.holds(dict(setting)):
            state = settled(evidence.sequence(test, setting), runs)
            found |= {seen.signature for seen in state}
    return settled_signatures(found)
