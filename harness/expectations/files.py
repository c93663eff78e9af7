"""Reads the lists under expected_failures/, and checks each entry."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.errors import ConfigError, Problem, did_you_mean
from harness.expectations.entries import Expectation, Expectations, ExpectTable
from harness.limitations.registry import REGISTRY_FILE, URL, Registry, load_registry
from harness.matrix.conditions import Condition, read_when
from harness.project import project_root
from harness.results.case_ids import FIXTURE
from harness.results.outcomes import Outcome
from harness.results.signatures import is_signature
from harness.util.toml_tables import Mistake, TableReader, load_text, parse_document

EXPECTABLE = tuple(outcome.value for outcome in Outcome if not outcome.is_good)
_SIGNATURE_EXAMPLES = "such as 'OSError ENOTSUP', 'trap: stack exhausted' or 'exit: 3'"
_TEST_ID = re.compile(r"[^\s*.]+(\.[^\s*.]+)*(\.\*)?")


@dataclass(frozen=True)
class ReadLists:
    """The entries of the lists, and all mistakes in them.

    `unfinished` are missing causes and reasons. An entry with one is in `entries` all the same: the updater makes such
    entries, and a person then writes the reason. All other mistakes are in `problems`.
    """

    entries: tuple[Expectation, ...]
    problems: tuple[Problem, ...]
    unfinished: tuple[Problem, ...]


def load_expectations(folder: Path, registry: Registry) -> Expectations:
    """The entries of every `*.toml` under `folder`, without the registry's. ConfigError lists all mistakes."""
    problems: list[Problem] = []
    found = read_lists(load_texts(folder, problems), registry)
    problems.extend((*found.problems, *found.unfinished))
    if problems:
        raise ConfigError("the expectation lists have mistakes:", problems=problems)
    return Expectations(found.entries, tuple(each for each in registry.limitations.values() if each.intermittent))


def load_texts(folder: Path, problems: list[Problem]) -> dict[str, str]:
    """The text of every list under `folder`, by the name that is shown to the user."""
    if not folder.is_dir():
        raise ConfigError(f"there is no folder {folder}", hint="it holds the expectation lists")
    texts: dict[str, str] = {}
    for path in sorted(folder.rglob("*.toml")):
        if path == folder / REGISTRY_FILE:
            continue
        name = f"{folder.name}/{path.relative_to(folder).as_posix()}"
        text = load_text(path, name, problems)
        if text is not None:
            texts[name] = text
    return texts


def read_lists(texts: Mapping[str, str], registry: Registry) -> ReadLists:
    """The entries of the lists with these texts, by their names, in the order of the files."""
    problems: list[Problem] = []
    unfinished: list[Problem] = []
    entries: list[Expectation] = []
    for name, text in texts.items():
        reader = TableReader(parse_document(text, name, problems), problems)
        reader.check_top_level({"expect"})
        for index, data in enumerate(reader.array("expect")):
            if entry := _read_entry(reader, index, data, registry, unfinished):
                entries.append(entry)
    return ReadLists(tuple(entries), tuple(problems), tuple(unfinished))


def _read_entry(
    reader: TableReader, index: int, data: Mapping[str, Any], registry: Registry, unfinished: list[Problem]
) -> Expectation | None:
    before = len(reader.problems)
    plain = {key: value for key, value in data.items() if key != "when"}
    for key in ("outcome", "signature"):
        if key in plain and not isinstance(plain[key], list):
            plain[key] = [plain[key]]
    unknown = [word for word in _listed(plain.get("outcome")) if word not in set(Outcome)]
    # The reader would list all outcomes; an entry can have only these.
    allowed = f"must be one of {', '.join(EXPECTABLE)}"
    reader.report(
        (Mistake("outcome", f"{allowed}, not {word!r}", _near_outcome(word)) for word in unknown), "expect", index
    )
    if unknown:
        plain["outcome"] = []
    table = reader.read(ExpectTable, plain, table="expect", index=index)
    conditions = len(reader.problems)
    when = read_when(reader, data.get("when", {}), table="expect", index=index)
    if table is None:
        return None
    # A mistake that only follows from an unreadable outcome or condition is not reported as well.
    mistakes = _mistakes(table, when if len(reader.problems) == conditions else None, registry)
    reader.report((each for each in mistakes if not unknown or each.key != "outcome"), "expect", index)
    if unknown:
        return None
    wrong = len(reader.problems)
    reader.report(_unfinished(table), "expect", index)
    unfinished.extend(reader.problems[wrong:])
    del reader.problems[wrong:]
    if wrong > before:
        return None
    place = f"{reader.document.name}:{reader.document.line_of('expect', index)}"
    return Expectation(**vars(table), place=place, when=when)


def _listed(value: object) -> list[str]:
    return [each for each in value if isinstance(each, str)] if isinstance(value, list) else []


def _near_outcome(word: str) -> str:
    near = did_you_mean(word, EXPECTABLE)
    return near if near.startswith("did you mean") else ""


def _mistakes(table: ExpectTable, when: Condition | None, registry: Registry) -> Iterator[Mistake]:
    yield from _test_mistakes(table.tests)
    if not table.run and any(map(FIXTURE.fullmatch, table.tests)):
        yield Mistake("run", "a fixture cannot be kept from running", "name the cases of its class (.*), or its module")
    if not table.outcome:
        yield Mistake("outcome", "must name at least one outcome", f"allowed: {', '.join(EXPECTABLE)}")
    for outcome in table.outcome:
        # A case that fails now and then also passes: pass may be one of several outcomes.
        if outcome.is_good and not (outcome is Outcome.PASS and len(table.outcome) > 1):
            yield Mistake("outcome", f"{outcome.value!r} needs no expectation", f"allowed: {', '.join(EXPECTABLE)}")
    if len(set(table.outcome)) < len(table.outcome):
        yield Mistake("outcome", "names an outcome twice")
    for signature in table.signature:
        if not is_signature(signature):
            yield Mistake("signature", f"{signature!r} is no signature", _SIGNATURE_EXAMPLES)
    if len(set(table.signature)) < len(table.signature):
        yield Mistake("signature", "names a signature twice")
    yield from _cause_mistakes(table, when, registry)


def _unfinished(table: ExpectTable) -> Iterator[Mistake]:
    if not table.limitation and not table.issue:
        yield Mistake("limitation", "an entry has a limitation, an issue, or both")
    if not table.reason.strip():
        yield Mistake("reason", "must not be empty", "one sentence that says what fails and how")
    elif table.reason.casefold().lstrip().startswith("todo"):
        yield Mistake("reason", "is still to be written", "one sentence that says what fails and how")


def _test_mistakes(tests: Sequence[str]) -> Iterator[Mistake]:
    if not tests:
        yield Mistake("tests", "must name at least one test")
    for test in tests:
        if not is_test_id(test):
            yield Mistake("tests", f"{test!r} is no test id", "a case, a module, a fixture, or a class and .*")
    for test, count in Counter(tests).items() if len(set(tests)) < len(tests) else ():
        if count > 1:
            yield Mistake("tests", f"{test!r} stands here {count} times")


def is_test_id(text: str) -> bool:
    """Whether a list can name the id. Ids of parametrised cases may have characters that it cannot."""
    return bool(FIXTURE.fullmatch(text) or _TEST_ID.fullmatch(text))


def _cause_mistakes(table: ExpectTable, when: Condition | None, registry: Registry) -> Iterator[Mistake]:
    if table.issue and not URL.fullmatch(table.issue):
        yield Mistake("issue", f"must be an https address, not {table.issue!r}")
    if not table.limitation:
        return
    limitation = registry.limitations.get(table.limitation)
    if limitation is None:
        near = did_you_mean(table.limitation, registry.limitations)
        yield Mistake("limitation", f"{table.limitation!r} is not in {REGISTRY_FILE}", near)
    elif when and (foreign := sorted(when.targets - set(limitation.targets))):
        names = ", ".join(foreign)
        yield Mistake("limitation", f"{table.limitation!r} is not documented for {names}", "narrow `when`")


def load_lists() -> Expectations:
    """Every expectation of this project, checked against the registry of limitations."""
    folder = project_root() / "expected_failures"
    return load_expectations(folder, load_registry(folder / "limitations.toml"))
