"""From what runs saw to what the lists should say: which entries change, and which are new. Pure.

Where no run was seen, everything stays as it is: an entry that holds for such a cell goes on holding for it, and one
that does not goes on not holding. Only a new entry may come to hold there, and only one that is stale wherever a run
was seen on that target goes there too, unless the rule `cautious` forbids it.
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
    """What an entry says of a test: with these outcomes and signatures, under this condition."""

    outcome: tuple[Outcome, ...]
    signature: tuple[str, ...]
    when: Condition


@dataclass(frozen=True, kw_only=True)
class ListsPlan:
    """`kept` has each entry's pieces with the tests of each, by its place; `added` what no entry can say. `assumed` are
    the settings without a run in which a test is to change as in all that were seen.

    An entry that is as it was has one piece, its own.
    """

    kept: Mapping[str, tuple[tuple[Piece, tuple[str, ...]], ...]]
    added: Mapping[Piece, tuple[str, ...]]
    held: tuple[Skipped, ...]
    assumed: Mapping[str, tuple[Setting, ...]] = field(default_factory=dict)


def make_plan(
    entries: Sequence[Expectation], evidence: Evidence, declared: Iterable[Setting], rules: Rules
) -> ListsPlan:
    """What the lists should say. `declared` are the settings of the cells that can be run."""
    declared = tuple(declared)
    planner = _Planner(EntryRequirements(entries, evidence, declared, rules), evidence, declared, rules)
    kept = {entry.place: planner.regroup(entry) for entry in entries}
    added = planner.new()
    return ListsPlan(kept=kept, added=added, held=tuple(sorted(set(planner.needs.held))), assumed=dict(planner.assumed))


class _Planner:
    """Works the plan out, entry by entry. A need that an entry was widened for is claimed, and not served twice."""

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

    # An entry that exists.

    def regroup(self, entry: Expectation) -> tuple[tuple[Piece, tuple[str, ...]], ...]:
        """The entry's pieces with the tests of each; several where its tests have come to differ."""
        by_piece: dict[Piece, list[str]] = {}
        for test in self._split_wildcards(entry):
            for piece in self._pieces(entry, test):
                self._final.setdefault(test, []).append(piece.when)
                by_piece.setdefault(piece, []).append(test)
        return tuple((piece, tuple(tests)) for piece, tests in by_piece.items())

    def _split_wildcards(self, entry: Expectation) -> list[str]:
        """The entry's tests; a class whose cases have come to differ is named case by case."""
        tests: list[str] = []
        for test in entry.tests:
            cases = self._covered(entry, test) if test.endswith(".*") else []
            wants = set()
            for setting, case in cases:
                want = self.needs.of_test(case, setting)
                # Nothing changes where the entry says that already.
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
        """What is left to say of a test. Its own piece comes first: the outcomes of the entry and what joined them."""
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

        A setting without a run needs no entry where none of its target with one does: of an entry for `wasi` whose
        case passes in the runs of `wasi` and `wasi-debug`, nothing is left for `wasi-24` either. Otherwise it needs
        what there is.
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
        """Conditions for where the entry is needed, and for where else its tests fail in its way: one condition for
        both if that can be, else the entry's own stays as it is.
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
        """Whether a case, or every case of a class, fails where nothing is said of it in the very way that this entry
        names, or in which it was seen to fail where the entry holds.
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
        # That an assertion failed does not say why: a person has to look at it.
        fits = signatures != {AssertionError.__name__} and all(is_one_of(name, named) for name in signatures)
        return 0 < len(alike) == len(wants) and fits

    def _signatures(self, entry: Expectation, test: str) -> frozenset[str]:
        """The signatures that the entry names, or else those that were seen where it holds."""
        if entry.signature:
            return frozenset(entry.signature)
        cases = self.needs.cases_of(test)
        return frozenset(
            name for case in cases for name in signatures_seen(self._evidence, case, entry.when, self._rules.runs)
        )

    def _conditions(self, entry: Expectation, test: str, needed: set[Setting]) -> tuple[Condition, ...]:
        """Conditions that hold for the needed settings and for no other: the entry's own where it does so already."""
        if all(entry.when.holds(dict(setting)) == (setting in needed) for setting in self.needs.universe):
            return (entry.when,)
        found = infer(needed, (setting for setting in self.needs.universe if setting not in needed), entry.when)
        if found is None:
            self.needs.held.append(Skipped(test, "", f"no condition can say where: {entry.place} stays as it is"))
            return (entry.when,)
        return found

    # What no entry says.

    def new(self) -> dict[Piece, tuple[str, ...]]:
        """Pieces for what fails where no entry speaks, each with its tests."""
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
        """Where the new entry must not hold: where the case does well, and where another entry names it."""
        conditions = self._said(test)
        return [
            setting
            for setting in self.needs.universe
            if setting not in needed
            and (self.needs.is_seen(test, setting) or any(condition.holds(dict(setting)) for condition in conditions))
        ]

    def _said(self, test: str) -> list[Condition]:
        """Where entries name the test or its class by now."""
        return [*self._final.get(test, ()), *self._final.get(wildcard_of(test), ())]

    def _scopes(
        self, needed: Iterable[Setting], excluded: Sequence[Setting], others: Sequence[Condition]
    ) -> tuple[Condition, ...]:
        """Conditions for the needed settings, which end where the `others` begin. A target without any run is left
        out.
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
    """How far a new entry reaches for what fails in these settings of the target: what fails in a browser alone, or in
    somebody else's build alone, says nothing of CPython's own under the target's usual engine.
    """
    usual = {"engine": target.traits.engines[0].value, "distribution": Distribution.CPYTHON.value}
    values = {axis: {str(dict(setting)[axis]) for setting in settings} for axis in usual}
    only = {axis: next(iter(found)) for axis, found in values.items() if len(found) == 1 and found != {usual[axis]}}
    return read_condition({"target": target.value, **only})[0]
