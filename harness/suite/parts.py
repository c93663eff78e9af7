"""A module that takes longer than its share of a run, cut into parts that run side by side, and what becomes of them.

Pure. A part is a run of the module with some of its cases, in the order that unittest gives them; the fixtures of its
classes and of the module run in each part that has a case of theirs. The first part runs every case that is in no other
one: so a case that is new since the durations were recorded runs once, and one that is gone runs nowhere.
"""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import msgspec

from harness.results.case_ids import dotted
from harness.results.outcomes import DEATHS, CaseResult, Detail, ModuleResult, Outcome, PartsRun, worst
from harness.suite.regrtest import NO_TESTS, NOTHING_MATCHED

# A shorter part is not worth the start of one more interpreter.
LEAST_SECONDS = 1.0
# Parts are at most so much of what a worker has to do, so that the last of them to begin does not decide when all end.
FRACTION = 0.5
_PART = re.compile(r"(?P<module>.+)\[(?P<number>\d+)/(?P<count>\d+)\]")
# What results call other things than cases; the last is a class that must not run.
_NOT_A_CASE = re.compile(r"(?:setUp|tearDown)(?:Class|Module) \(.*|after \(.*|.*\.\*")
# regrtest's words on a module from the worst to the best.
_WORDS = ("interrupted", "uncaught_exc", "failed", "refleak", "env_changed", "passed", "skipped", "resource_denied")


@dataclass(frozen=True, kw_only=True)
class Part:
    """The `number`-th of `count` parts of a module, counted from 1. `cases` are the ids of those that run in it: none
    for the first part, which runs all but those that are `elsewhere`.
    """

    module: str
    number: int
    count: int
    cases: tuple[str, ...] = ()
    elsewhere: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.module}[{self.number}/{self.count}]"


def module_of_work(name: str) -> str:
    """The module that the name of a module, or of one of its parts, is about."""
    found = _PART.fullmatch(name)
    return found["module"] if found else name


def part_named(name: str, cut: Mapping[str, Sequence[Sequence[str]]]) -> Part | None:
    """The part of that name, None for a whole module; `cut` has the ids of each part of a module but the first."""
    found = _PART.fullmatch(name)
    if found is None:
        return None
    others, number = cut[found["module"]], int(found["number"])
    cases = () if number == 1 else tuple(others[number - 2])
    elsewhere = tuple(itertools.chain.from_iterable(others)) if number == 1 else ()
    return Part(module=found["module"], number=number, count=len(others) + 1, cases=cases, elsewhere=elsewhere)


def part_names(module: str, others: Sequence[Sequence[str]]) -> tuple[str, ...]:
    """The names of all parts of a module, where `others` has the ids of each but the first."""
    count = len(others) + 1
    return tuple(str(Part(module=module, number=number, count=count)) for number in range(1, count + 1))


def cut_modules(
    seconds: Mapping[str, float], cases: Mapping[str, Mapping[str, float]], workers: int, whole: Collection[str]
) -> dict[str, tuple[tuple[str, ...], ...]]:
    """The ids of each part but the first, for each module that is to be cut.

    `seconds` is how long each module of the run takes, `cases` how long each case of a long one takes, by their ids;
    `whole` are the modules that are never cut. What a module takes besides its cases each part of it takes too: it
    bounds how short they can be.
    """
    limit = max(math.fsum(seconds.values()) / workers * FRACTION, LEAST_SECONDS)
    long = (module for module in seconds if workers > 1 and seconds[module] > limit and module not in whole)
    found = {}
    for module in long:
        known = cases.get(module, {})
        found[module] = cut_cases(known, max(limit, seconds[module] - math.fsum(known.values())))
    return {module: parts[1:] for module, parts in found.items() if len(parts) > 1}


def cut_cases(seconds: Mapping[str, float], limit: float) -> tuple[tuple[str, ...], ...]:
    """The cases of a module in parts that take at most `limit` seconds, but for a case that alone takes longer. The
    first part is that of the most cases.

    The cases of a class stay together unless all of them take longer than the limit. So `A` with 3 s, `B` with 2 s and
    a single case `C.test` of 20 s become, for a limit of 6 s, two parts: `C.test`, and all cases of `A` and `B`.
    """
    parts: list[list[str]] = []
    loads: list[float] = []
    units = [(math.fsum(seconds[case] for case in unit), unit) for unit in _units(seconds, limit)]
    for took, unit in sorted(units, key=lambda each: (-each[0], each[1])):
        fits = next((index for index, load in enumerate(loads) if load + took <= limit), len(loads))
        if fits == len(loads):
            parts.append([])
            loads.append(0.0)
        parts[fits] += unit
        loads[fits] += took
    place = {case: index for index, case in enumerate(seconds)}
    ordered = [tuple(sorted(part, key=place.__getitem__)) for part in parts]
    return tuple(sorted(ordered, key=lambda part: (-len(part), place[part[0]])))


def _units(seconds: Mapping[str, float], limit: float) -> Iterator[list[str]]:
    """What is not torn apart: the cases of a class, or each case of a class that takes longer than the limit."""
    classes: dict[str, list[str]] = {}
    for case in seconds:
        classes.setdefault(case.rpartition(".")[0], []).append(case)
    for cases in classes.values():
        if math.fsum(seconds[case] for case in cases) <= limit:
            yield cases
        else:
            yield from ([case] for case in cases)


def work_seconds(
    seconds: Mapping[str, float],
    cases: Mapping[str, Mapping[str, float]],
    cut: Mapping[str, Sequence[Sequence[str]]],
) -> dict[str, float]:
    """How long each module, or each part of one that is cut, takes, the longest first. What a module takes besides its
    cases, its import above all, each part of it takes too.
    """
    found: dict[str, float] = {}
    for module, took in seconds.items():
        others = cut.get(module, ())
        if not others:
            found[module] = took
            continue
        known = cases.get(module, {})
        besides = max(0.0, took - math.fsum(known.values()))
        shares = [math.fsum(known.get(case, 0.0) for case in part) for part in others]
        first = math.fsum(known.values()) - math.fsum(shares)
        found |= zip(part_names(module, others), (besides + share for share in (first, *shares)), strict=True)
    return dict(sorted(found.items(), key=lambda item: (-item[1], item[0])))


def joined_in_shard(parts: Mapping[int, ModuleResult], count: int, order: Iterable[str] = ()) -> ModuleResult:
    """The result of those parts, by their numbers, of a module whose other parts are in other shards. `joined` makes
    the whole of the results of all shards.
    """
    results = tuple(parts.values())
    ran = PartsRun(
        numbers=tuple(parts),
        count=count,
        complete=all(part.complete for part in results),
        besides=min(map(_besides, results)),
    )
    seconds = math.fsum(part.seconds for part in results)
    return _joined(results, order, seconds=seconds, complete=False, parts=ran)


def joined(parts: Sequence[ModuleResult], order: Iterable[str] = ()) -> ModuleResult:
    """The result of a module from those of all its parts, or of the shards that ran them, as one run of the whole would
    have it.

    What several parts report, such as a skip of the whole module or a fixture that fails, stands there once, at its
    worst. A part that ends with a case in which the interpreter dies has no word of regrtest's: in a run of the whole
    another start would have come after it, with the word that other parts have. What each part took besides its cases,
    the whole would have taken once. `order` is that of the cases in the last run of the whole module; others come
    behind.
    """
    count = sum(len(part.parts.numbers) if part.parts else 1 for part in parts)
    least = min(part.parts.besides if part.parts else _besides(part) for part in parts)
    seconds = math.fsum(part.seconds for part in parts) - (count - 1) * least
    complete = all(part.parts.complete if part.parts else part.complete for part in parts)
    whole = _joined(parts, order, seconds=seconds, complete=complete)
    if [case.detail.reason for case in whole.cases] != [NOTHING_MATCHED]:
        return whole
    # All cases that the record has are gone from the module.
    none = CaseResult(case=whole.cases[0].case, outcome=Outcome.NO_TESTS, detail=Detail(reason=NO_TESTS))
    return msgspec.structs.replace(whole, cases=(none,), outcome=none.outcome, detail=none.detail)


def _joined(
    results: Sequence[ModuleResult],
    order: Iterable[str],
    *,
    seconds: float,
    complete: bool,
    parts: PartsRun | None = None,
) -> ModuleResult:
    """The results of a module's parts in one; `joined` says how."""
    module, own = results[0].module, results[0].own
    name = dotted(module, own=own)
    cases = _joined_cases(results, name)
    place = {case: index for index, case in enumerate(order)}
    found = sorted(cases.values(), key=lambda case: place.get(case.case, len(place)))
    ended = [result for result in results if result.word]
    said = min(ended or results, key=lambda result: _WORDS.index(result.word) if result.word in _WORDS else len(_WORDS))
    # Each part was started once more only because the module is cut, but for one after which the whole would have been.
    attempts = sum(result.attempts for result in results) - len(ended) + bool(ended)
    if name in cases and cases[name].outcome in DEATHS and not ended:
        attempts = max(result.attempts for result in results)
    tries = (result.env_tries for result in results)
    return ModuleResult(
        module=module,
        outcome=cases[name].outcome if name in cases else worst([case.outcome for case in found]),
        seconds=seconds,
        attempts=attempts,
        complete=complete,
        cases=tuple(found),
        env_changed=any(result.env_changed for result in results),
        env_tries=tuple(map(any, itertools.zip_longest(*tries, fillvalue=False))),
        detail=cases[name].detail if name in cases else Detail(),
        output="\n".join(result.output for result in results if result.output),
        word=said.word,
        exit_status=said.exit_status,
        own=own,
        imports=tuple(sorted({path for result in results for path in result.imports})),
        parts=parts,
    )


def _joined_cases(parts: Sequence[ModuleResult], name: str) -> dict[str, CaseResult]:
    """The cases of all parts by their names, each at its worst; `name` is that of the module."""
    cases: dict[str, CaseResult] = {}
    for case in (case for part in parts for case in part.cases):
        there = cases.get(case.case)
        if there is None or case.outcome.severity > there.outcome.severity:
            cases[case.case] = case
    if len(cases) > 1 and name in cases and cases[name].detail.reason == NOTHING_MATCHED:
        # All cases of a part are gone from the module: that says nothing of the module.
        del cases[name]
    return cases


def _besides(result: ModuleResult) -> float:
    """Seconds of a module, or part, that are not those of its cases: for its start, its import, its fixtures."""
    return max(0.0, result.seconds - math.fsum(case.seconds for case in result.cases))


def as_part(result: ModuleResult) -> ModuleResult:
    """The result of a part as it is judged: that a case does not appear in it means nothing."""
    return msgspec.structs.replace(result, complete=False)


def recorded_cases(result: ModuleResult) -> dict[str, float]:
    """The seconds of each case of a whole module by its id, in their order; none when some case has another name than
    its id, by which alone regrtest can be asked for it.

    A case in which the interpreter died, or was stopped, has no duration of its own. What the module took besides its
    cases was, above all, waiting for those and starting again after them: each has an equal part of it.
    """
    name = dotted(result.module, own=result.own)
    cases = [case for case in result.cases if case.case != name and not _NOT_A_CASE.fullmatch(case.case)]
    if any(case.id for case in cases):
        return {}
    dead = [case for case in cases if case.outcome in DEATHS]
    waited = {case.case: _besides(result) / len(dead) for case in dead}
    return {case.case: round(case.seconds + waited.get(case.case, 0.0), 3) for case in cases}
