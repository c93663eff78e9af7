"""Which issues and limitations can be closed: all the cases that the lists name for them pass. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from harness.expectations.entries import Expectation
from harness.matrix.conditions import Condition, VersionRange
from harness.results.case_ids import wildcard_of
from harness.results.outcomes import Outcome
from harness.site.model import Site, SiteCell


@dataclass(kw_only=True)
class CauseOnCell:
    """The cases of one cause on one cell, as its newest run saw them. `stale` are those that an entry still names there
    although they pass.
    """

    passing: int = 0
    others: int = 0
    stale: int = 0

    @property
    def all_pass(self) -> bool:
        return self.passing > 0 and not self.others


@dataclass(frozen=True, kw_only=True)
class Cause:
    """An issue (its address) or a limitation (its id), the numbers of its cases, and what they do on each cell that it
    is about, whatever its versions.
    """

    name: str
    is_issue: bool
    entries: list[Expectation] = field(default_factory=list)
    cases: set[int] = field(default_factory=set)
    cells: dict[str, CauseOnCell] = field(default_factory=dict)

    @property
    def passing(self) -> list[str]:
        """The cells on which all of its cases pass."""
        return [cell for cell, seen in self.cells.items() if seen.all_pass]

    @property
    def is_over(self) -> bool:
        """Whether all of its cases pass wherever they were seen."""
        return bool(self.cells) and len(self.passing) == len(self.cells)


@dataclass(frozen=True, kw_only=True)
class Closable:
    """A cause whose cases pass on the newest toolchain of a target. `newest` is a cell with it, that of the last run;
    `left` are the cells of the target where they do not all pass.
    """

    cause: Cause
    newest: SiteCell
    passing: tuple[str, ...]
    left: tuple[str, ...]

    @property
    def stale(self) -> int:
        """How many cases still have an entry on a cell on which all pass."""
        return sum(self.cause.cells[cell].stale for cell in self.passing)


def causes_of(site: Site) -> dict[str, Cause]:
    """Every limitation of the registry, and every issue that the lists name, by name."""
    causes = {name: Cause(name=name, is_issue=False) for name in site.registry.limitations}
    # Of the entries of a cause for one case several may differ in versions alone: the case counts once.
    by_test: dict[str, dict[str, list[Condition]]] = {}
    for entry in site.expectations.entries:
        about = _without_versions(entry.when)
        for cause in _named(entry, causes):
            cause.entries.append(entry)
            for test in entry.tests:
                by_test.setdefault(test, {}).setdefault(cause.name, []).append(about)
    for number, case in site.cases.items():
        for name, abouts in (by_test.get(case.name) or by_test.get(wildcard_of(case.name), {})).items():
            causes[name].cases.add(number)
            for cell in site.cells:
                if any(about.holds(cell.last.setup.facts) for about in abouts):
                    _count(causes[name], cell, number)
    return causes


def _named(entry: Expectation, causes: dict[str, Cause]) -> Iterator[Cause]:
    for name, is_issue in ((entry.limitation, False), (entry.issue, True)):
        if name:
            yield causes.setdefault(name, Cause(name=name, is_issue=is_issue))


def _without_versions(when: Condition) -> Condition:
    """What a condition says but for versions: newer ones than it names are of interest."""
    return Condition(tuple(term for term in when.terms if not isinstance(term[1], VersionRange)))


def _count(cause: Cause, cell: SiteCell, number: int) -> None:
    case = cell.cases.get(number)
    if case is None or not case.is_there:
        return
    seen = cause.cells.setdefault(cell.name, CauseOnCell())
    if case.state.outcome is Outcome.PASS:
        seen.passing += 1
        seen.stale += case.entry is not None and Outcome.PASS not in case.entry.outcome
    else:
        seen.others += 1


def closable(site: Site, causes: Mapping[str, Cause]) -> list[Closable]:
    """The causes whose cases pass on the newest toolchain of a target; those that pass on all cells of the target come
    first. Of either kind the newest toolchain is first, by its number and then by the date of its last run.
    """
    found = []
    for cause in causes.values():
        cells = [cell for cell in site.cells if cell.name in cause.cells]
        for target in dict.fromkeys(cell.target for cell in cells):
            of_target = [cell for cell in cells if cell.target == target]
            newest = _newest(of_target)
            if all(cause.cells[cell.name].all_pass for cell in newest):
                passing = tuple(cell.name for cell in of_target if cause.cells[cell.name].all_pass)
                left = tuple(cell.name for cell in of_target if cell.name not in passing)
                found.append(Closable(cause=cause, newest=newest[-1], passing=passing, left=left))
    found.sort(key=lambda each: each.cause.name)
    found.sort(key=lambda each: (each.newest.toolchain, each.newest.last.started), reverse=True)
    return sorted(found, key=lambda each: bool(each.left))


def _newest(cells: Sequence[SiteCell]) -> list[SiteCell]:
    """The cells with the newest toolchain and, of those, with the newest CPython, by the dates of their last runs."""
    versions = max((cell.toolchain, cell.python) for cell in cells)
    newest = [cell for cell in cells if (cell.toolchain, cell.python) == versions]
    return sorted(newest, key=lambda cell: cell.last.started)
