"""Expectations: the entries of the lists, the selection of those that hold for a cell, and their look-up by case id.

An entry names exact case ids. `test.test_foo`, a module's dotted name, is the module itself, for results that belong
to no case. `test.test_foo.Class.*` are all cases of a class that have no entry of their own.
"""

from __future__ import annotations

import bisect
import functools
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from harness.errors import ConfigError, Problem, did_you_mean
from harness.limitations.registry import Limitation
from harness.matrix.cells import Cell
from harness.matrix.conditions import ALWAYS, Condition, Facts, condition_values
from harness.results.case_ids import WILDCARD, dotted, module_of, subject_of, wildcard_of
from harness.results.outcomes import Outcome


@dataclass(frozen=True, kw_only=True)
class ExpectTable:
    """An `[[expect]]` table as it is written, without its `when`.

    The first `outcome` is the usual one; the others are known to happen now and then. `signature` has the signatures of
    the known failures, and is empty where any failure is known. With `run = false` the tests are not run, because they
    would take down the machine, and that they have not run is expected.
    """

    tests: tuple[str, ...]
    outcome: tuple[Outcome, ...]
    reason: str
    limitation: str = ""
    issue: str = ""
    signature: tuple[str, ...] = ()
    run: bool = True
    note: str = ""


@dataclass(frozen=True, kw_only=True)
class Expectation(ExpectTable):
    """One entry. `place` is its file and line."""

    place: str
    when: Condition = ALWAYS


@dataclass(frozen=True)
class CellExpectations:
    """The expectations for one cell. `entries` are those whose conditions hold, by the test that they name, and
    `elsewhere` those whose conditions do not hold. `intermittent` are the limitations that may make any case fail, by
    the signature of that failure. `fail_env_changed` says that a module which alters its environment needs an entry.
    """

    entries: Mapping[str, Expectation] = field(default_factory=dict)
    intermittent: Mapping[str, Limitation] = field(default_factory=dict)
    fail_env_changed: bool = False
    elsewhere: Mapping[str, Expectation] = field(default_factory=dict)

    @functools.cached_property
    def _subjects(self) -> Sequence[tuple[str, str]]:
        return sorted((subject_of(test), test) for test in self.entries)

    def _between(self, low: tuple[str], high: tuple[str]) -> Sequence[tuple[str, str]]:
        return self._subjects[bisect.bisect_left(self._subjects, low) : bisect.bisect_left(self._subjects, high)]

    def lookup(self, case: str) -> Expectation | None:
        """The entry for a case, a fixture or a module's dotted name: its own, or else that of its class."""
        return self.entries.get(case) or self.entries.get(wildcard_of(case))

    def lookup_elsewhere(self, case: str) -> Expectation | None:
        """An entry that names a case, or its class, for other cells than this one."""
        return self.elsewhere.get(case) or self.elsewhere.get(wildcard_of(case))

    def expects_hang(self, case: str) -> bool:
        """Whether the only expected outcome of a case is a timeout."""
        entry = self.lookup(case)
        return entry is not None and entry.outcome == (Outcome.TIMEOUT,)

    def of_module(self, module: str, *, own: bool = False) -> tuple[str, ...]:
        """The tests of that module that have an entry, sorted, with its own dotted name. `own` is as for `dotted`."""
        name = dotted(module, own=own)
        # "/" is the character after ".": the bounds enclose what begins with the name and a dot.
        inner = self._between((name + ".",), (name + "/",))
        return tuple(sorted(test for _, test in (*self._between((name,), (name + "\0",)), *inner)))

    def not_to_run(self, module: str, *, own: bool = False) -> tuple[str, ...]:
        """The tests of that module that must not be run."""
        return tuple(test for test in self.of_module(module, own=own) if not self.entries[test].run)

    def modules(self, known: Iterable[str]) -> tuple[str, ...]:
        """Those of the `known` modules that have an entry, in their order."""
        return tuple(module for module in known if self.of_module(module))

    def check_modules(self, known: Collection[str]) -> None:
        """ConfigError, with every such entry, if the module of an entry is not one of the suite's `known` modules."""
        _check_modules({entry.place: entry for entry in self.entries.values()}.values(), known)


@dataclass(frozen=True)
class Expectations:
    """All entries of all files, in the order of the files, and the limitations that name intermittent failures."""

    entries: tuple[Expectation, ...]
    intermittent: tuple[Limitation, ...] = ()

    def for_cell(
        self,
        cell: Cell,
        *,
        python: str = "",
        toolchain: str = "",
        runtime: str = "",
        libraries: Collection[str] | None = None,
    ) -> CellExpectations:
        """The expectations for `cell`. ConfigError when two entries that hold for it name the same test.

        `python`, `toolchain`, `runtime` and `libraries` are the versions in use, as for `condition_values`: a cell may
        name less than the whole version.
        """
        facts = condition_values(cell, python=python, toolchain=toolchain, runtime=runtime, libraries=libraries)
        found, problems = self._select(facts)
        if problems:
            raise ConfigError(f"expectations for {cell.id} contradict each other:", problems=problems)
        return found

    def for_facts(self, facts: Facts) -> CellExpectations:
        """The expectations under these facts. Of two entries that name the same test it has the first."""
        return self._select(facts)[0]

    def overlaps(self, cells: Iterable[Cell]) -> list[Problem]:
        """A problem for every test for which two entries hold at once in one of the cells."""
        # Many cells fulfil the same conditions: each such set is checked once.
        ways = dict.fromkeys(self._holding(condition_values(cell)) for cell in cells)
        return [problem for holds in ways for problem in self._entries_where(holds)[1]]

    def overlaps_elsewhere(self, cells: Iterable[Cell]) -> list[Problem]:
        """A problem for every test for which two entries would hold at once at versions that none of these cells has,
        and another cell of the same kind may have: its run would be refused.
        """
        facts = [condition_values(cell) for cell in cells]
        conditions, numbers = self._conditions
        holding = [{cell for cell, each in enumerate(facts) if condition.holds(each)} for condition in conditions]
        meeting: dict[tuple[int, int], bool] = {}
        standing: dict[str, list[tuple[Expectation, int]]] = {}
        problems = []
        for entry, number in zip(self.entries, numbers, strict=True):
            for test in entry.tests:
                for first, other in standing.setdefault(test, []):
                    # Where a declared cell has both, `overlaps` says so.
                    pair = (other, number)
                    if pair not in meeting:
                        meeting[pair] = not holding[other] & holding[number] and conditions[other].meets(
                            conditions[number], facts
                        )
                    if meeting[pair]:
                        message = f"stands already at {first.place}, at versions that no declared cell has"
                        problems.append(problem_of(entry, test, message, _CONFLICT))
                standing[test].append((entry, number))
        return problems

    def check_modules(self, known: Collection[str]) -> None:
        """ConfigError, with every such entry, if the module of an entry is not one of the suite's `known` modules."""
        _check_modules(self.entries, known)

    @functools.cached_property
    def _conditions(self) -> tuple[Sequence[Condition], Sequence[int]]:
        """The distinct conditions, and the number of the one of each entry: thousands of entries share a few."""
        known: dict[Condition, int] = {}
        numbers = [known.setdefault(entry.when, len(known)) for entry in self.entries]
        return tuple(known), numbers

    def _holding(self, facts: Facts) -> tuple[bool, ...]:
        """Which of the distinct conditions hold under these facts."""
        return tuple(condition.holds(facts) for condition in self._conditions[0])

    def _select(self, facts: Facts) -> tuple[CellExpectations, list[Problem]]:
        holds = self._holding(facts)
        found, problems = self._entries_where(holds)
        numbered = zip(self.entries, self._conditions[1], strict=True)
        elsewhere = {test: entry for entry, number in numbered if not holds[number] for test in entry.tests}
        holding = (limitation for limitation in self.intermittent if limitation.holds_for(facts))
        intermittent = {signature: limitation for limitation in holding for signature in limitation.intermittent}
        return CellExpectations(found, intermittent, elsewhere=elsewhere), problems

    def _entries_where(self, holds: tuple[bool, ...]) -> tuple[dict[str, Expectation], list[Problem]]:
        found: dict[str, Expectation] = {}
        problems: list[Problem] = []
        for entry, number in zip(self.entries, self._conditions[1], strict=True):
            if not holds[number]:
                continue
            for test in entry.tests:
                first = found.setdefault(test, entry)
                if first is not entry:
                    other = f", with {' or '.join(first.outcome)}" if first.outcome != entry.outcome else ""
                    message = f"stands already at {first.place}{other}"
                    problems.append(problem_of(entry, test, message, _CONFLICT))
        return found, problems


_CONFLICT = "merge the two, or give them conditions that exclude each other"


# The id of a case in a test file of the user's. In the suite it would begin with `test.test_`.
_OWN = re.compile(r"test_\w+\..")


def is_own(test: str) -> bool:
    """Whether the id is that of a case in a test file of the user's, which is not a part of the suite."""
    return bool(_OWN.match(subject_of(test)))


def _check_modules(entries: Iterable[Expectation], known: Collection[str]) -> None:
    names = {dotted(module) for module in known}
    problems = [problem for entry in entries for test in entry.tests for problem in suite_mistakes(entry, test, names)]
    if problems:
        raise ConfigError("expectations name modules that the suite does not have:", problems=problems)


def suite_mistakes(entry: Expectation, test: str, names: Collection[str]) -> Iterator[Problem]:
    """What is wrong with the module of a test; `names` are the dotted names of the suite's modules."""
    if mistake := _suite_mistake(test, names):
        yield problem_of(entry, test, *mistake)


def _suite_mistake(test: str, names: Collection[str]) -> tuple[str, str] | None:
    """What is wrong with the module of a test id, and a suggestion; None when nothing is known to be wrong.

    The module of some ids is not in `names`: doctests are named after what they document, and some cases after the
    helper module that defines their class (`test.datetimetester`).
    """
    subject = subject_of(test)
    parts = subject.split(".")
    if is_own(test) and module_of(f"test.{subject}", names):
        return "is not a full id", f"did you mean 'test.{test}'?"
    if subject in names and test.endswith(WILDCARD):
        return "is a module: .* stands for the cases of a class", f"name the class, as in {subject}.Class.*"
    if parts[0] != "test" or module_of(test, names):
        return None
    packages = {name.rpartition(".")[0] for name in names}
    package = module_of(test, packages) or "test"
    first = parts[package.count(".") + 1 : package.count(".") + 2]
    if first and not first[0].startswith("test_"):
        return None
    return "belongs to no module of the suite", did_you_mean(".".join([package, *first]), names)


def problem_of(entry: Expectation, test: str, message: str, suggestion: str) -> Problem:
    """The problem of a mistake in one of the tests that an entry names."""
    return problem_at(entry.place, "expect.tests", f"{test!r} {message}", suggestion)


def problem_at(place: str, key: str, message: str, suggestion: str) -> Problem:
    """The problem of a mistake at a place such as `expected_failures/fs.toml:12`."""
    file, _, line = place.rpartition(":")
    return Problem(file=file, line=int(line), key=key, message=message, suggestion=suggestion)
