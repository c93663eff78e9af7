"""What the site is made of, read: the history, and of each cell the newest results whose files are still there."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from harness.errors import ConfigError
from harness.expectations.entries import CellExpectations, Expectations
from harness.history.query import cell_runs
from harness.history.record import Case, utc
from harness.history.store import Store, StoredRun, durations, total_seconds
from harness.history.summary import Trend, trend
from harness.history.timeline import CellRuns, Kept
from harness.limitations.findings import read_probes
from harness.limitations.registry import Registry
from harness.limitations.skips import explainer_for
from harness.results.case_ids import dotted
from harness.results.cell_results import CellResults, load_results
from harness.results.diff import differing_values
from harness.results.outcomes import Outcome, judged_cases
from harness.results.run_folder import RESULTS_FILE
from harness.site.model import (
    CaseOnCell,
    CaseReader,
    Difference,
    Newest,
    RunNumbers,
    Site,
    SiteCell,
    count_runs,
    steps_of,
)

LOOKED_AT = 5
"""How many of a cell's results are read at most until one is of a run of the history."""
MESSAGE_LENGTH = 400


def read_site(store: Store, reports: Path, *, registry: Registry, expectations: Expectations, made: datetime) -> Site:
    """All that the history has. ConfigError when no run is recorded."""
    numbers = dict(store.cases("1", ""))
    reader = _Reader(store=store, numbers=numbers, expectations=expectations, reports=reports, registry=registry)
    cells = [reader.cell(name, number) for name, number in store.cells().items()]
    if not cells:
        raise ConfigError("the history has no run", hint="record runs first: python -m harness record RUN...")
    seen = {number for cell in cells for number in cell.cases}
    return Site(
        made=made,
        cells=sorted(cells, key=lambda cell: cell.order),
        cases={number: case for number, case in numbers.items() if number in seen},
        registry=registry,
        expectations=expectations,
    )


@dataclass(frozen=True, kw_only=True)
class _Reader:
    """What all cells are read from. `numbers` has every case by its number."""

    store: Store
    numbers: Mapping[int, Case]
    expectations: Expectations
    reports: Path
    registry: Registry

    def cell(self, name: str, number: int) -> SiteCell:
        runs = self.store.runs(number)
        facts = cell_runs(self.store, runs)
        lists: dict[int, CellExpectations] = {}
        for run, fact in zip(runs, facts.runs, strict=True):
            if run.setup not in lists:
                lists[run.setup] = self.expectations.for_facts(fact.setup.facts)
        cases = dict(self._cases(number, runs, facts, lists[runs[-1].setup]))
        places = [place for place, coverage in enumerate(facts.coverages) if coverage.whole]
        of_places = [lists[runs[place].setup] for place in places]
        counted = count_runs(cases, self.numbers, facts.states, places, of_places)
        newest = read_newest(self.reports, name, {run.started for run in facts.runs}, self.registry)
        return SiteCell(
            name=name,
            runs=facts.runs,
            states=facts.states,
            numbers=list(_numbers(runs, facts, places, counted)),
            cases=cases,
            differences=self._differences(cases, newest if newest and newest.started == runs[-1].started else None),
            seconds=dict(_seconds(self.store, runs, facts)),
            newest=newest,
        )

    def _differences(self, cases: Mapping[int, CaseOnCell], newest: Newest | None) -> list[Difference]:
        """What differs from the lists: as the newest run said or, where its files are gone, by today's."""
        if newest is None:
            return [
                Difference(self.numbers[number], case.state.outcome, case.verdict, number)
                for number, case in cases.items()
                if case.verdict.is_unexpected
            ]
        numbers = {self.numbers[number]: number for number in cases}
        rows = ((Case(dotted(row.module), row.case), row) for row in newest.unexpected)
        return [Difference(case, row.outcome, row.verdict, numbers.get(case, 0)) for case, row in rows]

    def _cases(
        self, cell: int, runs: Sequence[StoredRun], facts: CellRuns, lists: CellExpectations
    ) -> Iterator[tuple[int, CaseOnCell]]:
        steps = self.store.steps(cell, runs)
        apart = self.store.steps(cell, runs, table="sightings")
        own = {case.module: number for number, case in self.numbers.items() if case.name == case.module}
        reader = CaseReader(facts.runs, [run.setup for run in runs], facts.states, lists)
        for number in steps.keys() | apart.keys():
            module, name = self.numbers[number]
            covering = facts.covering(module)
            found = tuple(steps.get(number, ()))
            of_module = tuple(steps.get(own[module], ())) if module in own and name != module else ()
            # Elsewhere the steps themselves are what each of the covering runs saw.
            if number in apart or (of_module and (len(found) > 1 or of_module[0].at < found[0].at)):
                seen = facts.seen(Kept(module, found, tuple(apart.get(number, ())), of_module))
                found, covering = steps_of(seen), tuple(each.at for each in seen)
            if found:
                yield number, reader.case(name, found, covering)


def _numbers(
    runs: Sequence[StoredRun], facts: CellRuns, places: Sequence[int], counted: Sequence[Counter[str]]
) -> Iterator[RunNumbers]:
    before = None
    for place, counts in zip(places, counted, strict=True):
        run = facts.runs[place]
        yield RunNumbers(
            run=run,
            passed=counts["passed"],
            skipped=counts["skipped"],
            known=counts["known"],
            unlisted=counts["unlisted"],
            seconds=round(total_seconds(runs[place].seconds), 1),
            changed_axes=differing_values(before.setup.axes, run.setup.axes) if before else (),
        )
        before = run


def _seconds(store: Store, runs: Sequence[StoredRun], facts: CellRuns) -> Iterator[tuple[str, Trend]]:
    """How long each module takes, by the runs of all its cases."""
    alike: dict[tuple[int, ...], dict[int, str]] = {}
    for name, number in store.modules().items():
        alike.setdefault(facts.covering(name), {})[number] = name
    for places, names in alike.items():
        for number, seconds in durations([runs[place].seconds for place in places], names).items():
            if found := trend(seconds):
                yield names[number], found


def read_newest(reports: Path, cell: str, recorded: set[str], registry: Registry) -> Newest | None:
    """What a recorded run of the cell left in the folder of the reports: the newest of the whole suite among those that
    are looked at, or else the newest. None where all are gone.
    """
    paths = sorted(reports.glob(f"*/{cell}/{RESULTS_FILE}"), key=lambda path: path.parent.parent.name, reverse=True)
    found = [path for path in paths if not path.parent.parent.is_symlink()]
    newest = None
    for path in found[:LOOKED_AT]:
        with suppress(ConfigError):
            results = load_results(path)
            started = utc(results.run.started)
            if started in recorded and (newest is None or results.run.complete):
                newest = newest_of(results, started, registry, read_probes(path.parent, results.probes))
                if results.run.complete:
                    break
    return newest


def newest_of(results: CellResults, started: str, registry: Registry, probes: Mapping[str, tuple[str, str]]) -> Newest:
    """What the site says of results beyond what the history keeps of them."""
    explain = explainer_for(results, registry).cause_id
    skips = Counter(
        explain(case.detail.reason)
        for module in results.modules
        for case in judged_cases(module)
        if case.outcome is Outcome.SKIP
    )
    messages = {}
    for row in results.comparison.rows:
        detail = row.detail
        text = ": ".join(filter(None, (detail.exception, detail.message or detail.reason)))
        if text:
            messages[Case(dotted(row.module), row.case)] = text[:MESSAGE_LENGTH]
    return Newest(
        started=started,
        unexpected=results.comparison.unexpected,
        skips=skips,
        probes=probes,
        messages=messages,
    )
