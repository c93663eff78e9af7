"""The files of expectations: the lists under expected_failures/, each entry checked as it is read."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from harness.conditions import Condition, read_when
from harness.errors import ConfigError, Problem, did_you_mean
from harness.expectations import FIXTURE, Expectation, Expectations, ExpectTable
from harness.limitations import REGISTRY_FILE, URL, Registry
from harness.outcomes import Outcome
from harness.tables import TableReader, load_document

EXPECTABLE = tuple(outcome.value for outcome in Outcome if not outcome.is_good)
_TEST_ID = re.compile(r"[^\s*.]+(\.[^\s*.]+)*(\.\*)?")


def load_expectations(folder: Path, registry: Registry) -> Expectations:
    """The entries of every `*.toml` under `folder` but the registry. ConfigError lists all mistakes."""
    if not folder.is_dir():
        raise ConfigError(f"there is no folder {folder}", hint="it holds the expectation lists")
    problems: list[Problem] = []
    entries: list[Expectation] = []
    for path in sorted(folder.rglob("*.toml")):
        if path == folder / REGISTRY_FILE:
            continue
        name = f"{folder.name}/{path.relative_to(folder).as_posix()}"
        reader = TableReader(load_document(path, name, problems), problems)
        reader.check_top_level({"expect"})
        for index, data in enumerate(reader.array("expect")):
            if entry := _read_entry(reader, index, data, registry):
                entries.append(entry)
    if problems:
        raise ConfigError("the expectation lists have mistakes:", problems=problems)
    return Expectations(tuple(entries))


def _read_entry(reader: TableReader, index: int, data: Mapping[str, Any], registry: Registry) -> Expectation | None:
    before = len(reader.problems)
    plain = {key: value for key, value in data.items() if key != "when"}
    if "outcome" in plain and not isinstance(plain["outcome"], list):
        plain["outcome"] = [plain["outcome"]]
    table = reader.read(ExpectTable, plain, table="expect", index=index)
    when = read_when(reader, data.get("when", {}), table="expect", index=index)
    if table is None:
        return None
    for key, message, suggestion in _mistakes(table, when, registry):
        reader.problem(message, table="expect", index=index, key=key, suggestion=suggestion)
    if len(reader.problems) > before:
        return None
    place = f"{reader.document.name}:{reader.document.line_of('expect', index)}"
    return Expectation(**vars(table), place=place, when=when)


_Mistake = tuple[str, str, str]


def _mistakes(table: ExpectTable, when: Condition, registry: Registry) -> Iterator[_Mistake]:
    yield from _test_mistakes(table.tests)
    yield from _outcome_mistakes(table.outcome)
    yield from _cause_mistakes(table, when, registry)
    if not table.reason.strip():
        yield "reason", "must not be empty", "one sentence that says what fails and how"
    elif table.reason.casefold().lstrip().startswith("todo"):
        yield "reason", "is still to be written", "one sentence that says what fails and how"


def _test_mistakes(tests: Sequence[str]) -> Iterator[_Mistake]:
    if not tests:
        yield "tests", "must name at least one test", ""
    for test in tests:
        if not FIXTURE.fullmatch(test) and not _TEST_ID.fullmatch(test):
            yield (
                "tests",
                f"{test!r} is no test id",
                "a case, a module, a fixture, or a class and .*",
            )
        elif test.startswith("test_"):
            yield "tests", f"{test!r} is not a full id", f"did you mean 'test.{test}'?"
    for test, count in Counter(tests).items():
        if count > 1:
            yield "tests", f"{test!r} stands here {count} times", ""


def _outcome_mistakes(outcomes: Sequence[Outcome]) -> Iterator[_Mistake]:
    if not outcomes:
        yield "outcome", "must name at least one outcome", f"allowed: {', '.join(EXPECTABLE)}"
    for place, outcome in enumerate(outcomes):
        # A case that passes now and then names its usual outcome first, and the pass among the intermittents.
        if outcome.is_good and not (outcome is Outcome.PASS and place):
            yield "outcome", f"{outcome.value!r} needs no expectation", f"allowed: {', '.join(EXPECTABLE)}"
    if len(set(outcomes)) < len(outcomes):
        yield "outcome", "names an outcome twice", ""


def _cause_mistakes(table: ExpectTable, when: Condition, registry: Registry) -> Iterator[_Mistake]:
    if bool(table.limitation) == bool(table.issue):
        yield "limitation", "an entry has a limitation or an issue, exactly one of them", ""
    if table.issue and not URL.fullmatch(table.issue):
        yield "issue", f"must be an https address, not {table.issue!r}", ""
    if not table.limitation:
        return
    limitation = registry.limitations.get(table.limitation)
    if limitation is None:
        near = did_you_mean(table.limitation, registry.limitations)
        yield "limitation", f"{table.limitation!r} is not in {REGISTRY_FILE}", near
    elif foreign := sorted(when.targets - set(limitation.targets)):
        names = ", ".join(foreign)
        yield "limitation", f"{table.limitation!r} is not documented for {names}", "narrow `when`"
