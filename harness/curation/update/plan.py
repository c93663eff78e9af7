"""Plans from the evidence of runs which entries of the lists change, and which are new. Pure.

In settings without a run nothing changes: each existing entry holds for the same ones as before. There are two
exceptions. A new entry may hold there, and an entry that is stale in all settings with a run of the same target is
removed there too, unless the rule `cautious` is set.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from harness.curation.update.decide import KEEP, NO_ENTRY, DesiredEntry, NeededEntry, Rules, merged
from harness.curation.update.evidence import Evidence, Setting
from harness.curation.update.infer_condition import cut_at_bounds, infer
from harness.curation.update.requirements import EntryRequirements, Skipped, signatures_seen
from harness.expectations.entries import Expectation
from harness.matrix.cells import Distribution
from harness.matrix.conditions import ALWAYS, Condition, read_condition
from harness.results.case_ids import wildcard_of
from harness.results.outcomes import Outcome
from harness.results.signatures import is_one_of, joined
from harness.targets import Target


class Piece(NamedTuple):
    """The outcomes and signatures that an entry has for a test, and the condition under which it does."""

    outcome: tuple[Outcome, ...]
    signature: tuple[str, ...]
    when: Condition


@dataclass(frozen=True, kw_only=True)
class ListsPlan:
    """The plan for the lists. `kept` has, by the place of each entry, its pieces with the tests of each; an unchanged
    entry has one piece, its own. `added` has the new pieces, each with its tests. `assumed` has, by test, the settings
    without a run in which its entry is removed, as in all settings with one.
    """

    kept: Mapping[str, tuple[tuple[Piece, tuple[str, ...]], ...]]
    added: Mapping[Piece, tuple[str, ...]]
    held: tuple[Skipped, ...]
    assumed: Mapping[str, tuple[Setting, ...]] = field(default_factory=dict)


def make_plan(
    entries: Sequence[Expectation], evidence: Evidence, declared: Iterable[Setting], rules: Rules
) -> ListsPlan:
    """The plan for the lists. `declared` are the settings of the cells that can be run."""
    declared = tuple(declared)
    planner = _Planner(EntryRequirements(entries, evidence, declared, rules), evidence, declared, rules)
    kept = {entry.place: planner.regroup(entry) for entry in entries}
    added = planner.new()
    return ListsPlan(kept=kept, added=added, held=tuple(sorted(set(planner.needs.held))), assumed=dict(planner.assumed))


class _Planner:
    """Makes the plan, entry by entry. A need that a widened entry covers is claimed, so that no other entry has it."""

    def __init__(
        self, needs: EntryRequirements, evidence: Evidence, declared: tuple[Setting, ...], rules: Rules
    ) -> None:
        self.needs = needs
        self._evidence = evidence
        self._declared = declared
        self._rules = rules
        self._claimed: set[tuple[str, Setting]] = set()
        self._final: dict[str, list[Condition]] = {}
        self.assumed: dict[str, tuple[Setting, ...]] = {}

    # Existing entries.

    def regroup(self, entry: Expectation) -> tuple[tuple[Piece, tuple[str, ...]], ...]:
        """The pieces of the entry, each with its tests. There are several if its tests now differ in what they need."""
        by_piece: dict[Piece, list[str]] = {}
        for test in self._split_wildcards(entry):
            for piece in self._pieces(entry, test):
                self._final.setdefault(test, []).append(piece.when)
                by_piece.setdefault(piece, []).append(test)
        return tuple((piece, tuple(tests)) for piece, tests in by_piece.items())

    def _split_wildcards(self, entry: Expectation) -> list[str]:
        """The tests of the entry. A class is replaced by its cases if these now differ in what they need."""
        tests: list[str] = []
        for test in entry.tests:
            cases = self._covered(entry, test) if test.endswith(".*") else []
            wants = set()
            for setting, case in cases:
                want = self.needs.of_test(case, setting)
                # A need that the entry already fulfils is no change.
                wants.add((setting, KEEP if want == (entry.outcome, entry.signature) else want))
            if len(wants) > len({setting for setting, _ in wants}):
                tests.extend(dict.fromkeys(case for _, case in cases))
            else:
                tests.append(test)
        return tests

    def _covered(self, entry: Expectation, wildcard: str) -> list[tuple[Setting, str]]:
        """The cases that the entry covers by that wildcard, in each setting where they were seen."""
        return [
            (setting, case)
            for setting in self._evidence.runs
            if entry.when.holds(dict(setting))
            for case in self.needs.cases_of(wildcard)
            if not self.needs.is_listed(case, setting) and self._evidence.appears(case, setting)
        ]

    def _pieces(self, entry: Expectation, test: str) -> tuple[Piece, ...]:
        """The pieces for a test of the entry. The entry's own piece comes first, with the outcomes that were added."""
        own, others = NeededEntry(entry.outcome, entry.signature), dict[NeededEntry, set[Setting]]()
        needed: set[Setting] = set()
        wants = self._wants(entry, test)
        for setting in self.needs.universe:
            want = wants.get(setting, NO_ENTRY)
            if isinstance(want, NeededEntry) and not set(want.outcome) & set(entry.outcome) - {Outcome.PASS}:
                others.setdefault(want, set()).add(setting)
                continue
            if want is not NO_ENTRY:
                needed.add(setting)
            if isinstance(want, NeededEntry):
                own = NeededEntry(merged(own.outcome, want.outcome), joined(own.signature, want.signature))
        return (
            *(Piece(*own, when) for when in self._widened(entry, test, needed)),
            *(
                Piece(*need, when)
                for need, settings in sorted(others.items())
                for when in self._conditions(entry, test, settings)
            ),
        )

    def _wants(self, entry: Expectation, test: str) -> dict[Setting, DesiredEntry]:
        """What a test of the entry needs in each setting for which the entry holds.

        A setting without a run needs no entry if no setting of its target with a run does: if the case of an entry for
        `wasi` passes in the runs of `wasi` and `wasi-debug`, the entry is removed for `wasi-24` too. Otherwise a
        setting without a run keeps its entry.
        """
        holding = [setting for setting in self.needs.universe if entry.when.holds(dict(setting))]
        wants = {setting: self.needs.of_entry(entry, test, setting) for setting in holding}
        if self._rules.cautious:
            return wants
        seen: dict[str, set[DesiredEntry]] = {}
        unseen: dict[str, list[Setting]] = {}
        for setting in holding:
            target = str(dict(setting)["target"])
            if any(self.needs.is_seen(case, setting) for case in (test, *self.needs.cases_of(test))):
                seen.setdefault(target, set()).add(wants[setting])
            else:
                unseen.setdefault(target, []).append(setting)
        for target, settings in unseen.items():
            if seen.get(target) == {NO_ENTRY}:
                wants.update(dict.fromkeys(settings, NO_ENTRY))
                self.assumed[test] = (*self.assumed.get(test, ()), *settings)
        return wants

    def _widened(self, entry: Expectation, test: str, needed: set[Setting]) -> tuple[Condition, ...]:
        """The conditions for the settings that need the entry, and for others in which its tests fail in the same way:
        one condition for all of these if possible, else separate ones.
        """
        more = {setting for setting in self.needs.universe if self._may_widen(entry, test, setting)}
        for setting in more:
            self._claimed.update((case, setting) for case in (test, *self.needs.cases_of(test)))
        together = self._conditions(entry, test, needed | more)
        if len(together) <= 1:
            return together
        elsewhere = [setting for setting in self.needs.universe if setting not in more]
        own = self._conditions(entry, test, needed)
        return (*own, *self._scopes(more, elsewhere, own))

    def _may_widen(self, entry: Expectation, test: str, setting: Setting) -> bool:
        """Whether the entry may come to hold for a setting: no entry covers the test there, and the case, or every case
        of the class, fails with a signature that the entry has, or that was seen where it holds.
        """
        if Target(str(dict(setting)["target"])) not in entry.when.targets:
            return False
        cases = [case for case in self.needs.cases_of(test) if self._evidence.appears(case, setting)]
        if any(self.needs.lookup(case, setting) or (case, setting) in self._claimed for case in cases):
            return False
        wants = [self.needs.of_test(case, setting) for case in cases]
        alike = [want for want in wants if isinstance(want, NeededEntry) and set(want.outcome) <= set(entry.outcome)]
        signatures = {name for want in alike for name in want.signature}
        named = self._signatures(entry, test)
        # A failed assertion alone does not show the cause, so that a person has to decide.
        fits = signatures != {AssertionError.__name__} and all(is_one_of(name, named) for name in signatures)
        return 0 < len(alike) == len(wants) and fits

    def _signatures(self, entry: Expectation, test: str) -> frozenset[str]:
        """The signatures of the entry, or if it has none, those that were seen where it holds."""
        if entry.signature:
            return frozenset(entry.signature)
        cases = self.needs.cases_of(test)
        return frozenset(
            name for case in cases for name in signatures_seen(self._evidence, case, entry.when, self._rules.runs)
        )

    def _conditions(self, entry: Expectation, test: str, needed: set[Setting]) -> tuple[Condition, ...]:
        """The conditions that hold for the needed settings and for no other, or the entry's own if it already does. The
        entry's own also if no condition can express that, which is then noted in `held`.
        """
        if all(entry.when.holds(dict(setting)) == (setting in needed) for setting in self.needs.universe):
            return (entry.when,)
        found = infer(needed, (setting for setting in self.needs.universe if setting not in needed), entry.when)
        if found is None:
            self.needs.held.append(Skipped(test, "", f"no condition can say where: {entry.place} stays as it is"))
            return (entry.when,)
        return found

    # New entries.

    def new(self) -> dict[Piece, tuple[str, ...]]:
        """The pieces for failures without an entry, each with its tests."""
        found: dict[Piece, list[str]] = {}
        for test in self._evidence.failing():
            for piece in self._new_pieces(test):
                found.setdefault(piece, []).append(test)
        return {piece: tuple(tests) for piece, tests in found.items()}

    def _new_pieces(self, test: str) -> list[Piece]:
        needs: dict[tuple[Outcome, ...], dict[Setting, NeededEntry]] = {}
        for setting in self._evidence.runs:
            if self.needs.lookup(test, setting) is None and (test, setting) not in self._claimed:
                want = self.needs.of_test(test, setting)
                if isinstance(want, NeededEntry):
                    needs.setdefault(want.outcome, {})[setting] = want
        pieces: list[Piece] = []
        for outcome, settings in sorted(needs.items()):
            signature = tuple(sorted(joined((), (name for need in settings.values() for name in need.signature))))
            scopes = self._scopes(settings, self._taken(test, settings), self._said(test))
            if not scopes:
                self.needs.held.append(Skipped(test, "", "fails where no condition can say so"))
            for when in scopes:
                pieces.append(Piece(outcome, signature, when))
                self._final.setdefault(test, []).append(when)
        return pieces

    def _taken(self, test: str, needed: Iterable[Setting]) -> list[Setting]:
        """The settings in which the new entry must not hold: those with other results, and those of other entries."""
        conditions = self._said(test)
        return [
            setting
            for setting in self.needs.universe
            if setting not in needed
            and (self.needs.is_seen(test, setting) or any(condition.holds(dict(setting)) for condition in conditions))
        ]

    def _said(self, test: str) -> list[Condition]:
        """The conditions of the planned entries that name the test or its class."""
        return [*self._final.get(test, ()), *self._final.get(wildcard_of(test), ())]

    def _scopes(
        self, needed: Iterable[Setting], excluded: Sequence[Setting], others: Sequence[Condition]
    ) -> tuple[Condition, ...]:
        """The conditions for the needed settings, cut where the `others` begin. They do not hold for a target without
        any run.
        """
        needed = tuple(needed)
        by_target: dict[str, list[Setting]] = {}
        for setting in needed:
            by_target.setdefault(str(dict(setting)["target"]), []).append(setting)
        parts = [
            infer(settings, excluded, _base(Target(target), settings)) for target, settings in sorted(by_target.items())
        ]
        separate = tuple(condition for part in parts for condition in part or ()) if None not in parts else ()
        every_target = {dict(setting)["target"] for setting in self._declared} <= set(by_target)
        whole = infer((s for settings in by_target.values() for s in settings), excluded, ALWAYS)
        return tuple(
            cut_at_bounds(condition, [setting for setting in needed if condition.holds(dict(setting))], others)
            for condition in (whole if every_target and whole else separate)
        )


def _base(target: Target, settings: Sequence[Setting]) -> Condition:
    """The widest condition for a new entry about failures in these settings of the target. It is limited to an engine
    or a distribution other than the usual one if all settings have that: a failure that was seen only in a browser, or
    only in a published build, says nothing about CPython's own build under the usual engine.
    """
    usual = {"engine": target.traits.engines[0].value, "distribution": Distribution.CPYTHON.value}
    values = {axis: {str(dict(setting)[axis]) for setting in settings} for axis in usual}
    only = {axis: next(iter(found)) for axis, found in values.items() if len(found) == 1 and found != {usual[axis]}}
    return read_condition({"target": target.value, **only})[0]
