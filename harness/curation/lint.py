"""Lint: checks every entry against every declared cell, and every id against the suite. Pure. Reports all problems."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence

from harness.curation.suite_index import KnownSuite, Suites
from harness.errors import Problem, did_you_mean
from harness.expectations.entries import Expectation, Expectations, is_own, problem_at, problem_of, suite_mistakes
from harness.expectations.files import ReadLists
from harness.limitations.registry import Limitation, Registry
from harness.matrix.cells import Cell
from harness.matrix.conditions import Condition, Facts, VersionRange, condition_values
from harness.results.case_ids import subject_of
from harness.results.outcomes import Outcome
from harness.util.text import counted

# Near names are searched for this many ids: each search takes milliseconds, and hundreds of ids that match nothing have
# one common cause.
NEAR_NAMES = 50


def find_problems(lists: ReadLists, registry: Registry, cells: Sequence[Cell], suites: Suites) -> list[Problem]:
    """All problems of the lists and the registry, sorted by file and line."""
    facts = {cell.id: condition_values(cell) for cell in cells}
    reach = _Reach(facts)
    return sorted(
        {
            *lists.problems,
            *lists.unfinished,
            *Expectations(lists.entries).overlaps(cells),
            *Expectations(lists.entries).overlaps_elsewhere(cells),
            *(problem for entry in lists.entries for problem in _unreachable(entry, reach)),
            *(problem for entry in lists.entries for problem in _undocumented(entry, reach, registry)),
            *(problem for entry in lists.entries for problem in _loose(entry)),
            *_unmatched(lists.entries, reach, suites, {cell.id: cell.python.series for cell in cells}),
            # An unreadable entry may name any limitation, so that none is certainly unused.
            *(() if lists.problems else _dead(registry, lists.entries)),
        }
    )


class _Reach:
    """The cells for which a condition holds, computed once for each condition."""

    def __init__(self, facts: Mapping[str, Facts]) -> None:
        self.facts = facts
        self._known: dict[object, tuple[str, ...]] = {}

    def of(self, entry: Expectation) -> tuple[str, ...]:
        if entry.when not in self._known:
            held = tuple(cell for cell, facts in self.facts.items() if entry.when.holds(facts))
            self._known[entry.when] = held
        return self._known[entry.when]


def _unreachable(entry: Expectation, reach: _Reach) -> Iterator[Problem]:
    if reach.of(entry) or reach.of(_for_any_checkout(entry)):
        return
    message = f"no declared cell is reached by {entry.when}"
    yield problem_at(entry.place, "expect.when", message, _why_unreachable(entry, reach.facts))


def _for_any_checkout(entry: Expectation) -> Expectation:
    """The entry without its range of CPython versions if that names a pre-release, which a cell has only with
    `--cpython`.
    """
    return dataclasses.replace(
        entry, when=Condition(tuple(term for term in entry.when.terms if not _names_prerelease(*term)))
    )


def _names_prerelease(axis: str, wanted: object) -> bool:
    return axis == "python" and isinstance(wanted, VersionRange) and wanted.names_prerelease


def _why_unreachable(entry: Expectation, cells: Mapping[str, Facts]) -> str:
    """The term of the condition that no cell fulfils, with the values that the cells have on its axis."""
    for axis, wanted in entry.when.terms:
        values = sorted({str(facts[axis]).lower() for facts in cells.values() if axis in facts})
        held = any(type(entry.when)(((axis, wanted),)).holds(facts) for facts in cells.values())
        if not held:
            shown = wanted.text if isinstance(wanted, VersionRange) else str(wanted).lower()
            return f"none has {axis} {shown}; declared: {', '.join(values)}"
    return "each term holds somewhere, but never all in one cell; `python -m harness cells` lists them"


def _undocumented(entry: Expectation, reach: _Reach, registry: Registry) -> Iterator[Problem]:
    """A problem if the entry names a limitation that some of its cells do not have."""
    limitation = registry.limitations.get(entry.limitation)
    if limitation is None or not limitation.when.terms:
        return
    others = [cell for cell in reach.of(entry) if not limitation.when.holds(reach.facts[cell])]
    if others:
        message = f"{entry.limitation!r} holds for {limitation.when}, and the entry names {others[0]} too"
        yield problem_at(entry.place, "expect.when", message, "narrow `when`")


def _loose(entry: Expectation) -> Iterator[Problem]:
    """Problems with what rules 7 and 8 of expected_failures/README.md require and the entry lacks."""
    if not entry.signature and _SIGNED & set(entry.outcome):
        hint = "`update --learn-signatures` takes it from runs"
        yield problem_at(entry.place, "expect.signature", "is missing: the case may fail for any other reason", hint)
    if Outcome.PASS in entry.outcome and not any(_has_end(wanted) for _, wanted in entry.when.terms):
        message = "has no version as its end, and no run finds an entry fixed that expects a pass too"
        yield problem_at(entry.place, "expect.when", message, "add an upper bound, such as python = '<3.15'")


# The outcomes that an entry has to narrow by a signature.
_SIGNED = frozenset({Outcome.FAIL, Outcome.ERROR, Outcome.CRASH})


def _has_end(wanted: object) -> bool:
    return isinstance(wanted, VersionRange) and any(
        each.operator not in {">", ">=", "!="} for each in wanted.specifiers
    )


def _unmatched(
    entries: Iterable[Expectation], reach: _Reach, suites: Suites, series: Mapping[str, str | None]
) -> Iterator[Problem]:
    """Problems with ids that match nothing. `series` is the series of CPython of each cell: suites of one series have
    the same modules, with few exceptions.
    """
    names_left = NEAR_NAMES
    modules: dict[str | None, set[str]] = {}
    for cell in suites.by_cell.keys() & series.keys():
        modules.setdefault(series[cell], set()).update(suites.by_cell[cell].modules)
    for entry in entries:
        known = _known(entry, reach, suites)
        for test in entry.tests:
            answers = [suite.has(test) for suite in known]
            # If no module of a suite can hold the test, a run with that suite is refused.
            others = {suite.modules: None for suite, has in zip(known, answers, strict=True) if not has}
            if refused := [problem for names in others for problem in suite_mistakes(entry, test, names)]:
                yield refused[0]
                continue
            if True in answers:
                continue
            if is_own(test):
                yield from _not_own(entry, test, suites)
                continue
            if False in answers:
                suite = known[answers.index(False)]
                near = did_you_mean(test, suite.near(test)) if names_left > 0 else ""
                names_left -= 1
                yield problem_of(entry, test, f"matches no case of the suite, says {suite.source}", near)
            elif (wanted := {series[cell] for cell in reach.of(entry)}) and wanted <= modules.keys():
                yield from suite_mistakes(entry, test, set().union(*(modules[each] for each in wanted)))


def _known(entry: Expectation, reach: _Reach, suites: Suites) -> list[KnownSuite]:
    """The known suites among those of the cells for which the entry holds."""
    return [suites.by_cell[cell] for cell in reach.of(entry) if cell in suites.by_cell]


def _not_own(entry: Expectation, test: str, suites: Suites) -> Iterator[Problem]:
    """A problem if the id is that of a case of the suite without its beginning, and so looks like one of the user's
    own tests.
    """
    tail = "." + ".".join(subject_of(test).split(".")[-2:])
    for suite in suites.by_cell.values():
        if meant := next((case for case in sorted(suite.cases) if case.endswith(tail)), ""):
            yield problem_of(entry, test, "is not a full id", f"did you mean {meant!r}?")
            return


def unchecked_text(lists: ReadLists, cells: Sequence[Cell], suites: Suites) -> str:
    """The text about ids of the lists that could not be checked against the suite, for the end of a report without a
    problem; empty when all ids were checked.
    """
    reach = _Reach({cell.id: condition_values(cell) for cell in cells})
    counts: Counter[str] = Counter()
    for entry in lists.entries:
        known = _known(entry, reach, suites)
        counts.update(_unchecked(test, known) for test in entry.tests)
    del counts[""]
    return "; ".join(f"{counted(number, 'id')} {why}" for why, number in sorted(counts.items()))


def _unchecked(test: str, known: Sequence[KnownSuite]) -> str:
    """The reason why it is unknown whether a test exists; empty when it is known."""
    if is_own(test):
        return "of tests of your own not checked"
    if any(suite.has(test) is not None for suite in known):
        return ""
    return "checked by the module alone" if known else "not checked: there is neither a run nor a build"


def _dead(registry: Registry, entries: Iterable[Expectation]) -> Iterator[Problem]:
    named = {entry.limitation for entry in entries}
    for limitation in registry.limitations.values():
        if limitation.id not in named and not _speaks_for_itself(limitation):
            message = f"{limitation.id!r} is dead: no entry names it, and it takes away nothing that a test needs"
            yield problem_at(
                registry.places[limitation.id], "limitation.id", message, "remove it, or name it where it is the cause"
            )


def _speaks_for_itself(limitation: Limitation) -> bool:
    """Whether a limitation is useful without any entry: it has a probe or the reason why it cannot be probed, or it
    explains skips or future failures.
    """
    of_use = (limitation.probes, limitation.page_probes, limitation.unprobed, limitation.needs, limitation.skips)
    return any((*of_use, limitation.explains, limitation.intermittent))


def causes_text(entries: Iterable[Expectation], registry: Registry) -> str:
    """The number of the tests named by entries for each kind of cause, as text; a class counts as one test."""
    kinds = Counter[str]()
    for entry in entries:
        limitation = registry.limitations.get(entry.limitation)
        kind = _ISSUE if limitation is None else _FAULT if limitation.fault else _DOCUMENTED
        kinds[kind] += len(entry.tests)
    total = sum(kinds.values())
    return f"{total:,} tests: " + ", ".join(f"{kinds[kind]:,} by {kind}" for kind in _KINDS)


_DOCUMENTED, _FAULT, _ISSUE = "a documented limitation", "an acknowledged fault that is probed", "an issue alone"
_KINDS = (_DOCUMENTED, _FAULT, _ISSUE)
