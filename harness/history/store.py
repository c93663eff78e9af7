"""A run put into the history, and what is there read back. Effects: SQLite, through `database.py`."""

from __future__ import annotations

import bisect
import functools
import itertools
import json
import sqlite3
import struct
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from harness.history.changes import ABSENT, StateChange, changed_cases, insert
from harness.history.record import Case, Coverage, RecordedRun, Setup, State
from harness.results.outcomes import Outcome

_PAIR = struct.Struct("<If")
FEW = 16
"""Of so many modules or cases durations are looked up; of more all are read."""


class StoredRun(NamedTuple):
    """A run of a cell. `setup` and `coverage` are numbers; `seconds` and `slow` are packed, see `durations`."""

    number: int
    started: str
    source: str
    setup: int
    coverage: int
    seconds: bytes
    slow: bytes


class Store:
    """The tables behind a connection, within its transaction."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._all = connection.execute
        self._many = connection.executemany

    def record(self, seen: RecordedRun) -> bool:
        """Adds a run; False when it is there already."""
        if self._all("SELECT 1 FROM runs WHERE digest = ?", (seen.digest,)).fetchone():
            return False
        cell = self._number("cells", seen.cell)
        cases = self._numbers_of_cases(seen.states.keys(), seen.seconds.keys())
        modules = self.modules()
        new = self._all(
            "INSERT INTO runs (digest, cell, started, source, setup, coverage, seconds, slow) VALUES (?,?,?,?,?,?,?,?)",
            (
                seen.digest,
                cell,
                seen.started,
                seen.source,
                self._number("setups", seen.setup.to_text()),
                self._number("coverages", seen.coverage.to_text()),
                _packed((modules[name], seconds) for name, seconds in seen.seconds.items()),
                _packed((cases[case], seconds) for case, seconds in seen.slow.items()),
            ),
        ).lastrowid
        assert new is not None
        self._place(cell, new, seen, cases)
        return True

    def record_stacks(self, seen: RecordedRun, needs: Mapping[Case, int | None]) -> bool:
        """Adds what was measured of a run that is recorded: the bytes of stack that cases need, None where nothing is
        enough. False when all of that is there already.
        """
        (run,) = self._all("SELECT id FROM runs WHERE digest = ?", (seen.digest,)).fetchone()
        cases = self._numbers_of_cases(needs.keys())
        before = set(self._all("SELECT case_id, bytes FROM stacks WHERE run = ?", (run,)))
        new = {(cases[case], size) for case, size in needs.items()} - before
        self._many("INSERT OR REPLACE INTO stacks VALUES (?, ?, ?)", [(run, case, size) for case, size in new])
        return bool(new)

    def _place(self, cell: int, new: int, seen: RecordedRun, cases: Mapping[tuple[str, str], int]) -> None:
        """Puts what a run saw among what is there."""
        covered = {name for name in self.modules() if seen.coverage.has(name)}
        rows = [(state.outcome, state.signature, state.steady) for state in set(seen.states.values())]
        sql = "INSERT INTO states (outcome, signature, steady) VALUES (?, ?, ?) ON CONFLICT DO NOTHING"
        self._many(sql, rows)
        numbers = {state: number for number, state in self.states().items()}
        now, apart = {}, []
        for case, state in seen.states.items():
            if case.module in covered:
                now[cases[case]] = numbers[state]
            else:
                apart.append((cell, cases[case], new, numbers[state]))
        self._many("INSERT INTO sightings VALUES (?, ?, ?, ?)", apart)
        module = {number: case[0] for case, number in cases.items()}
        # The state of every case just before the run, unless it was absent.
        before: dict[int, int] = dict(
            self._all(
                "SELECT case_id, state FROM changes JOIN runs ON runs.id = run WHERE changes.cell = ? AND "
                "(started, digest) < (SELECT started, digest FROM runs WHERE id = ?) ORDER BY started, digest",
                (cell, new),
            )
        )
        different = changed_cases({case: state for case, state in before.items() if state != ABSENT}, now)
        self._insert(cell, new, {case: (module[case], now.get(case, ABSENT)) for case in different}, covered)

    def _insert(self, cell: int, new: int, saw: Mapping[int, tuple[str, int]], covered: Collection[str]) -> None:
        """Writes the steps that are new and removes those that are superfluous. `saw` are modules and states of cases
        that the run before saw otherwise, or that this one does not cover.
        """
        runs = self.runs(cell)
        at = next(place for place, run in enumerate(runs) if run.number == new)
        # For each module the next run with it, if any.
        coverages, modules = self.coverages(), self.modules()
        following: dict[str, int] = {}
        for place in range(len(runs) - 1, at, -1):
            coverage = coverages[runs[place].coverage]
            following |= {module: place for module in modules if coverage.has(module)}
        spoken_of = {case: found for case, found in saw.items() if found[0] in covered}
        steps = self.steps(cell, runs, spoken_of)
        edits = {
            case: insert(steps.get(case, ()), at, state, following.get(module))
            for case, (module, state) in spoken_of.items()
        }
        drop = [(cell, case, runs[place].number) for case, edit in edits.items() for place in edit.drop]
        put = [(cell, case, runs[step.at].number, step.state) for case, edit in edits.items() for step in edit.put]
        self._many("DELETE FROM changes WHERE cell = ? AND case_id = ? AND run = ?", drop)
        self._many("INSERT INTO changes VALUES (?, ?, ?, ?)", put)

    def _number(self, table: str, text: str) -> int:
        """The number of a text in one of the tables that have nothing else."""
        self._all(f"INSERT INTO {table} (name) VALUES (?) ON CONFLICT DO NOTHING", (text,))
        number: int = self._all(f"SELECT id FROM {table} WHERE name = ?", (text,)).fetchone()[0]
        return number

    def _numbers_of_cases(
        self, cases: Collection[Case], modules: Collection[str] = ()
    ) -> Mapping[tuple[str, str], int]:
        """All cases that there are, these among them; so are these modules."""
        if missing := ({case.module for case in cases} | set(modules)) - self.modules().keys():
            self._many("INSERT INTO modules (name) VALUES (?)", [(name,) for name in sorted(missing)])
        if new := set(cases) - self._cases.keys():
            modules = self.modules()
            rows = [(modules[module], name) for module, name in new]
            self._many("INSERT INTO cases (module, name) VALUES (?, ?)", rows)
            del self._cases
        return self._cases

    @functools.cached_property
    def _cases(self) -> dict[tuple[str, str], int]:
        # Plain pairs are found as well as a Case, and made in a third of the time.
        modules = {number: name for name, number in self.modules().items()}
        rows = self._all("SELECT id, module, name FROM cases")
        return {(modules[module], name): number for number, module, name in rows}

    # Reading.

    def cells(self) -> dict[str, int]:
        """The number of each cell, by name."""
        return dict(self._all("SELECT name, id FROM cells ORDER BY name"))

    def modules(self) -> dict[str, int]:
        """The number of each module, by its dotted name."""
        return dict(self._all("SELECT name, id FROM modules"))

    def states(self) -> dict[int, State]:
        """Every state by its number."""
        rows = self._all("SELECT id, outcome, signature, steady FROM states")
        return {
            number: State(Outcome(outcome) if outcome else None, signature, bool(steady))
            for number, outcome, signature, steady in rows
        }

    def stacks(self, cell: int, cases: Collection[int]) -> dict[int, list[int | None]]:
        """The bytes of stack that those cases needed on a cell whenever they were measured, the oldest first."""
        if not self._all("SELECT 1 FROM sqlite_master WHERE name = 'stacks'").fetchone():
            return {}
        rows = self._all(
            "SELECT case_id, bytes FROM stacks JOIN runs ON runs.id = run WHERE cell = ? AND case_id IN "
            "(SELECT value FROM json_each(?)) ORDER BY started, digest",
            (cell, json.dumps(list(cases))),
        )
        found: dict[int, list[int | None]] = {}
        for case, size in rows:
            found.setdefault(case, []).append(size)
        return found

    def setups(self) -> dict[int, Setup]:
        """Every setup by its number."""
        return {number: Setup.from_text(text) for number, text in self._all("SELECT id, name FROM setups")}

    def coverages(self) -> dict[int, Coverage]:
        """Every coverage by its number."""
        return {number: Coverage.from_text(text) for number, text in self._all("SELECT id, name FROM coverages")}

    def runs(self, cell: int) -> list[StoredRun]:
        """The runs of a cell, the oldest first."""
        columns = "id, started, source, setup, coverage, seconds, slow"
        rows = self._all(f"SELECT {columns} FROM runs WHERE cell = ? ORDER BY started, digest", (cell,))
        return list(itertools.starmap(StoredRun, rows))

    def steps(
        self, cell: int, runs: Sequence[StoredRun], cases: Collection[int] | None = None, *, table: str = "changes"
    ) -> dict[int, list[StateChange]]:
        """The steps of every case, or of those cases; `runs` are all of the cell. `table` is `changes`, or `sightings`,
        whose rows are no steps but what each of those runs saw.
        """
        place = {run.number: at for at, run in enumerate(runs)}
        found: dict[int, list[StateChange]] = {}
        sql = f"SELECT case_id, run, state FROM {table} WHERE cell = ?"
        if cases is None:
            rows = self._all(sql, (cell,))
        else:
            chosen = json.dumps(list(cases))
            rows = self._all(f"{sql} AND case_id IN (SELECT value FROM json_each(?))", (cell, chosen))
        for case, run, state in rows:
            found.setdefault(case, []).append(StateChange(place[run], state))
        for steps in found.values():
            steps.sort()
        return found

    def cases(self, where: str, value: str) -> list[tuple[int, Case]]:
        """The cases for which a condition in SQL over `cases.name` and `modules.name` holds, in order."""
        sql = f"SELECT cases.id, modules.name, cases.name FROM cases JOIN modules ON modules.id = module WHERE {where}"
        rows = self._all(f"{sql} ORDER BY modules.name, cases.name", {"value": value})
        return [(number, Case(module, name)) for number, module, name in rows]


def _packed(pairs: Iterable[tuple[int, float]]) -> bytes:
    return b"".join(_PAIR.pack(number, seconds) for number, seconds in sorted(pairs))


def numbers_in(packed: bytes) -> list[int]:
    """The numbers of the modules, or cases, whose seconds a run has."""
    return [number for number, _ in _PAIR.iter_unpack(packed)]


def total_seconds(packed: bytes) -> float:
    """The sum of the seconds of a run."""
    return float(sum(seconds for _, seconds in _PAIR.iter_unpack(packed)))


def durations(packed: Iterable[bytes], wanted: Collection[int]) -> dict[int, list[float]]:
    """The seconds of those modules or cases in each run that has some, the runs in order."""
    found: dict[int, list[float]] = {number: [] for number in wanted}
    for each in packed:
        for number, seconds in _found(each, wanted) if len(wanted) <= FEW else _PAIR.iter_unpack(each):
            if number in found:
                found[number].append(seconds)
    return found


def _found(packed: bytes, wanted: Iterable[int]) -> Iterator[tuple[int, float]]:
    """The pairs of those numbers, without reading the others."""
    places = range(0, len(packed), _PAIR.size)
    for number in wanted:
        place = bisect.bisect_left(places, number, key=lambda place: int(_PAIR.unpack_from(packed, place)[0]))
        if place < len(places) and (pair := _PAIR.unpack_from(packed, places[place]))[0] == number:
            yield pair
