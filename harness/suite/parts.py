"""Cuts modules that take longer than their share of a run into parts that run in parallel, and joins the results. Pure.

A part is a run of the module with some of its cases, in unittest's order. The fixtures of the module and its classes
run in each part that has one of their cases. The first part runs every case that is in no other part, so that a case
that is newer than the recorded durations runs exactly once.
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

# The seconds of the shortest part that is worth the start of one more interpreter.
LEAST_SECONDS = 1.0
# The largest part as a fraction of the work of one worker, so that the part which starts last does not delay the end.
FRACTION = 0.5
_PART = re.compile(r"(?P<module>.+)\[(?P<number>\d+)/(?P<count>\d+)\]")
# The names in results that are not those of cases: fixtures, events after a case, and classes that must not run.
_NOT_A_CASE = re.compile(r"(?:setUp|tearDown)(?:Class|Module) \(.*|after \(.*|.*\.\*")
# regrtest's words on a module, the worst first.
_WORDS = ("interrupted", "uncaught_exc", "failed", "refleak", "env_changed", "passed", "skipped", "resource_denied")


@dataclass(frozen=True, kw_only=True)
class Part:
    """The `number`-th of `count` parts of a module, counted from 1. `cases` are the ids of its cases. They are empty
    for the first part, which runs all cases but those in `elsewhere`.
    """

    module: str
    number: int
    count: int
    cases: tuple[str, ...] = ()
    elsewhere: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.module}[{self.number}/{self.count}]"


def module_of_work(name: str) -> str:
    """The module of a name, which is that of a module or of one of its parts."""
    found = _PART.fullmatch(name)
    return found["module"] if found else name


def part_named(name: str, cut: Mapping[str, Sequence[Sequence[str]]]) -> Part | None:
    """The part with that name; None for a whole module. `cut` has by module the ids of each part but the first."""
    found = _PART.fullmatch(name)
    if found is None:
        return None
    others, number = cut[found["module"]], int(found["number"])
    cases = () if number == 1 else tuple(others[number - 2])
    elsewhere = tuple(itertools.chain.from_iterable(others)) if number == 1 else ()
    return Part(module=found["module"], number=number, count=len(others) + 1, cases=cases, elsewhere=elsewhere)


def part_names(module: str, others: Sequence[Sequence[str]]) -> tuple[str, ...]:
    """The names of all parts of a module. `others` has the ids of each part but the first."""
    count = len(others) + 1
    return tuple(str(Part(module=module, number=number, count=count)) for number in range(1, count + 1))


def cut_modules(
    seconds: Mapping[str, float], cases: Mapping[str, Mapping[str, float]], workers: int, whole: Collection[str]
) -> dict[str, tuple[tuple[str, ...], ...]]:
    """The ids of each part but the first, for each module that is to be cut.

    `seconds` are those of each module of the run, `cases` those of each case of a long module by id, and `whole` are
    the modules that are never cut. The time that a module needs apart from its cases is needed by each of its parts
    too, and so limits how short these can be.
    """
    limit = max(math.fsum(seconds.values()) / workers * FRACTION, LEAST_SECONDS)
    long = (module for module in seconds if workers > 1 and seconds[module] > limit and module not in whole)
    found = {}
    for module in long:
        known = cases.get(module, {})
        found[module] = cut_cases(known, max(limit, seconds[module] - math.fsum(known.values())))
    return {module: parts[1:] for module, parts in found.items() if len(parts) > 1}


def cut_cases(seconds: Mapping[str, float], limit: float) -> tuple[tuple[str, ...], ...]:
    """The cases of a module, divided into parts that take at most `limit` seconds, unless a single case takes longer.
    The part with the most cases is the first one.

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
    """The groups of cases that stay together: all cases of a class, or single cases if the class exceeds the limit."""
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
    """The seconds of each module, or of each part of one that is cut, the longest first. The time that a module needs
    apart from its cases, mostly for its import, is needed by each of its parts too.
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
    """The result of a module from those of its parts in one shard, by their numbers. The other parts are in other
    shards, and `joined` makes the result of the whole module from those of all shards.
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
    """The result of a module from those of all its parts, or of the shards that ran these. It is the same as that of
    one run of the whole module.

    A result that several parts have, such as a skip of the whole module or a failed fixture, is taken once, the worst
    of them. A part in which the interpreter dies in the last case has no word of regrtest; a run of the whole module
    would have been started again after it, and so have the word of the other parts. The time that each part needs apart
    from its cases counts once. `order` is the order of cases in the last run of the whole module; other cases follow.
    """
    count = sum(len(part.parts.numbers) if part.parts else 1 for part in parts)
    least = min(part.parts.besides if part.parts else _besides(part) for part in parts)
    seconds = math.fsum(part.seconds for part in parts) - (count - 1) * least
    complete = all(part.parts.complete if part.parts else part.complete for part in parts)
    whole = _joined(parts, order, seconds=seconds, complete=complete)
    if [case.detail.reason for case in whole.cases] != [NOTHING_MATCHED]:
        return whole
    # The module no longer has any case that the record has.
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
    """The result of a module from those of its parts, as `joined` describes it."""
    module, own = results[0].module, results[0].own
    name = dotted(module, own=own)
    cases = _joined_cases(results, name)
    place = {case: index for index, case in enumerate(order)}
    found = sorted(cases.values(), key=lambda case: place.get(case.case, len(place)))
    ended = [result for result in results if result.word]
    said = min(ended or results, key=lambda result: _WORDS.index(result.word) if result.word in _WORDS else len(_WORDS))
    # Each part has a start of its own only because the module is cut. One start counts for all parts with a word.
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
    """The cases of all parts by name, each with its worst result. `name` is the name of the module."""
    cases: dict[str, CaseResult] = {}
    for case in (case for part in parts for case in part.cases):
        there = cases.get(case.case)
        if there is None or case.outcome.severity > there.outcome.severity:
            cases[case.case] = case
    if len(cases) > 1 and name in cases and cases[name].detail.reason == NOTHING_MATCHED:
        # If the module no longer has any case of a part, that part says nothing about the module.
        del cases[name]
    return cases


def _besides(result: ModuleResult) -> float:
    """The seconds of a module or part apart from its cases: for its start, its import and its fixtures."""
    return max(0.0, result.seconds - math.fsum(case.seconds for case in result.cases))


def as_part(result: ModuleResult) -> ModuleResult:
    """The result of a part in the form in which it is judged, so that the absence of a case means nothing."""
    return msgspec.structs.replace(result, complete=False)


def recorded_cases(result: ModuleResult) -> dict[str, float]:
    """The seconds of each case of a whole module by its id, in the order of the cases. They are empty if the name of
    some case differs from its id, since regrtest can select cases only by id.

    A case in which the interpreter died or was stopped has no duration of its own. The time of the module apart from
    its cases is mostly the wait for such cases and the new start after them, so that each of these gets an equal share.
    """
    name = dotted(result.module, own=result.own)
    cases = [case for case in result.cases if case.case != name and not _NOT_A_CASE.fullmatch(case.case)]
    if any(case.id for case in cases):
        return {}
    dead = [case for case in cases if case.outcome in DEATHS]
    waited = {case.case: _besides(result) / len(dead) for case in dead}
    return {case.case: round(case.seconds + waited.get(case.case, 0.0), 3) for case in cases}
