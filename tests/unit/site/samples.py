"""A site out of a few made-up nights, read by way of a real history in memory."""

from __future__ import annotations

import dataclasses
import itertools
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from harness.expectations.entries import Expectation, Expectations
from harness.history.database import TABLES
from harness.history.record import record_of
from harness.history.store import Store
from harness.limitations.registry import Limitation, Registry
from harness.manifest import Manifest
from harness.results.cell_results import CellResults
from harness.results.outcomes import CaseResult, ModuleResult, Outcome
from harness.site.model import Site
from harness.site.read import read_site
from harness.targets import Target
from tests.unit.sample_results import case, module, results

LINK = "test.test_os.T.test_link"
LETTERS = {"P": Outcome.PASS, "F": Outcome.FAIL, "S": Outcome.SKIP, "C": Outcome.CRASH}
LINKS = Limitation(
    id="fs-hard-links",
    section="Files",
    statement="os.link() fails.",
    source="https://example.org/doc#files",
    targets=(Target.WASI,),
)
PROCESSES = dataclasses.replace(LINKS, id="proc-none", statement="There are no processes.")
REGISTRY = Registry({each.id: each for each in (LINKS, PROCESSES)})


def did(letter: str, name: str = "test_os.T.test_link") -> CaseResult:
    """A case that did what the letter stands for."""
    failed = letter in "FC"
    return case(name, LETTERS[letter], **({"exception": "OSError", "message": "[Errno 58] no"} if failed else {}))


def night(
    day: int, *modules: ModuleResult, cell: str = "wasi", python: str = "3.13.5", toolchain: str = "25"
) -> CellResults:
    """The results of a whole run on that day of September."""
    made = results(*modules)
    return msgspec.structs.replace(
        made,
        cell=dataclasses.replace(made.cell, id=cell, toolchain=toolchain),
        run=msgspec.structs.replace(made.run, started=f"2026-09-{day:02}T03:00:00Z"),
        build=Manifest.from_json({"python": python}),
    )


def nights(letters: str, *, cell: str = "wasi", toolchain: str = "25") -> list[CellResults]:
    """A night for each letter: the letter says what `LINK` did, and `-` that it is absent. Another case passes."""
    other = case("test_os.T.test_other")
    return [
        night(
            day,
            module("test_os", *([] if letter == "-" else [did(letter)]), other),
            cell=cell,
            toolchain=toolchain,
        )
        for day, letter in enumerate(letters, 1)
    ]


def expecting(test: str = LINK, *, issue: str = "", limitation: str = "fs-hard-links") -> Expectation:
    return Expectation(
        tests=(test,),
        outcome=(Outcome.FAIL,),
        reason="os.link() fails",
        limitation=limitation,
        issue=issue,
        place="expected_failures/wasi/fs.toml:12",
    )


@contextmanager
def history_of(results: Iterable[CellResults]) -> Iterator[Store]:
    """A history in memory, with those runs."""
    connection = sqlite3.connect(":memory:")
    try:
        connection.executescript(TABLES)
        store = Store(connection)
        for each in results:
            store.record(record_of(each, source=f"reports/{each.run.started[:10]}"))
        yield store
    finally:
        connection.close()


def site_from(
    store: Store,
    *,
    entries: tuple[Expectation, ...] = (),
    made: datetime = datetime(2026, 9, 10, 12, tzinfo=UTC),
    reports: Path = Path("/nowhere"),
) -> Site:
    """The site of what is in the history."""
    return read_site(store, reports, registry=REGISTRY, expectations=Expectations(entries), made=made)


def site_of(
    *runs: Iterable[CellResults],
    entries: tuple[Expectation, ...] = (),
    made: datetime = datetime(2026, 9, 10, 12, tzinfo=UTC),
    reports: Path = Path("/nowhere"),
) -> Site:
    """The site of those runs."""
    with history_of(itertools.chain.from_iterable(runs)) as store:
        return site_from(store, entries=entries, made=made, reports=reports)
