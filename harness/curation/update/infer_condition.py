"""Infers the tightest condition that holds for some settings and not for others. Pure.

A condition is a conjunction, so a set of settings may need several, which then exclude each other. Versions are
ordered: a range begins at the first version that needs it and ends before the first one after it that does not.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Iterable, Iterator, Sequence
from typing import TypeAlias

from packaging.version import Version

from harness.curation.update.evidence import Setting
from harness.matrix import axes
from harness.matrix.conditions import (
    Condition,
    Facts,
    VersionRange,
    parse_version,
    read_condition,
)

Literal: TypeAlias = tuple[str, str | bool]
"""An axis with one value or one bound: `("pthreads", True)`, `("emscripten", "<4")`."""

MOST_CUTS = 3
_OUTSIDE = {">=": "<", "<": ">=", ">": "<=", "<=": ">"}


def infer(needed: Iterable[Setting], excluded: Iterable[Setting], base: Condition) -> tuple[Condition, ...] | None:
    """The conditions for the `needed` settings: exactly one of them holds for each, and none for any of the `excluded`.

    They are as few and as short as possible. The terms of `base` that hold for all the `needed` are part of each. None
    when no condition can separate the two.
    """
    wanted = tuple(sorted(set(needed), key=repr))
    unwanted = tuple(sorted(set(excluded), key=repr))
    kept = tuple(literal for literal in literals_of(base) if all(_holds(literal, setting) for setting in wanted))
    found = _cover(wanted, unwanted, kept, MOST_CUTS) if wanted else ()
    if found is None:
        return None
    return tuple(_condition(literals, base) for literals in found)


def narrowed(condition: Condition, other: Condition) -> Condition:
    """The condition that holds where both conditions hold. There must be a setting for which they do."""
    return _condition((*literals_of(condition), *literals_of(other)), condition)


def cut_at_bounds(condition: Condition, needed: Sequence[Setting], others: Iterable[Condition]) -> Condition:
    """The condition, cut at a version bound of each of the `others` that it overlaps, so that they exclude each other
    also at versions that no cell has. It still overlaps one if each bound of that would cut off some of the `needed`.
    """
    for other in others:
        if not _exclude_each_other(condition, other):
            outside = (literal for literal in _beyond_bounds(other) if all(_holds(literal, one) for one in needed))
            if (literal := next(outside, None)) is not None:
                # The new bound replaces the one on the same side, which is wider: the two overlapped in spite of it.
                left = (one for one in literals_of(condition) if _side(one) != _side(literal))
                condition = _condition((*left, literal), condition)
    return condition


def _beyond_bounds(condition: Condition) -> Iterator[Literal]:
    """For each version bound of the condition the literal for the other side of it, the likeliest axis first."""
    terms = sorted(condition.terms, key=lambda term: axes.LIKELIEST_FIRST.index(term[0]))
    for axis, wanted in terms:
        for specifier in wanted.specifiers if isinstance(wanted, VersionRange) else ():
            if specifier.operator in _OUTSIDE:
                yield axis, f"{_OUTSIDE[specifier.operator]}{specifier.version}"


def _side(literal: Literal) -> Literal:
    """The axis of a bound and the side from which it limits that; the literal itself if it is not a bound."""
    axis, value = literal
    return (axis, str(value)[0]) if axis in axes.VERSIONS else literal


def _exclude_each_other(one: Condition, other: Condition) -> bool:
    together: dict[str, str | bool] = {}
    for axis, value in (*literals_of(one), *literals_of(other)):
        if axis in axes.VERSIONS and axis in together:
            together[axis] = f"{together[axis]},{value}"
        elif together.setdefault(axis, value) != value:
            return True
    _, contradictions = read_condition(together)
    return bool(contradictions)


def literals_of(condition: Condition) -> tuple[Literal, ...]:
    """The terms of a condition as literals; a version range gives one for each of its bounds."""
    found: list[Literal] = []
    for axis, wanted in condition.terms:
        if isinstance(wanted, VersionRange):
            found.extend((axis, str(specifier)) for specifier in wanted.specifiers)
        else:
            found.append((axis, wanted))
    return tuple(found)


@functools.cache
def _cover(
    needed: tuple[Setting, ...], excluded: tuple[Setting, ...], kept: tuple[Literal, ...], cuts: int
) -> tuple[tuple[Literal, ...], ...] | None:
    """The conjunctions that cover the needed: one if possible, else the fewest that a division of the needed gives.
    All divisions are tried down to a depth of `cuts`, and below it only the first one. None when no division works.

    A case fails on Emscripten 3.1.69 with threads and on WASI, and passes on 3.1.69 without threads and on 6.0.5 with
    them. No conjunction holds for both that fail. Divided by `target` each part has one: `target = "emscripten",
    emscripten = "<6.0.5", pthreads = true`, and `target = "wasi"`.
    """
    left = tuple(setting for setting in excluded if all(_holds(literal, setting) for literal in kept))
    if (one := _fewest(needed, left)) is not None:
        return ((*kept, *one),)
    best: tuple[tuple[Literal, ...], ...] | None = None
    # Flags that always occur together give the same division: the likeliest of them represents all.
    divisions: dict[tuple[bool, ...], tuple[Literal, Literal]] = {}
    for pair in _divisions(_facts(needed), _facts(left)):
        if all(_holds(pair[0], one) != _holds(pair[1], one) for one in needed):
            divisions.setdefault(tuple(_holds(pair[0], one) for one in needed), pair)
    for pair in list(divisions.values())[: None if cuts > 0 else 1]:
        parts = [
            _cover(tuple(one for one in needed if _holds(literal, one)), left, (*kept, literal), cuts - 1)
            for literal in pair
        ]
        if parts[0] is not None and parts[1] is not None and (best is None or len(best) > len(parts[0] + parts[1])):
            best = parts[0] + parts[1]
    return best


def _fewest(needed: Sequence[Setting], excluded: Sequence[Setting]) -> tuple[Literal, ...] | None:
    """The smallest set of literals, all true of the needed, such that each excluded setting breaks one.

    Needed on 3.1.69 with threads; excluded are 3.1.69 without threads, which breaks `pthreads`, and 6.0.5 with threads,
    which breaks `emscripten <6.0.5`. Neither literal excludes both, and together they do.
    """
    candidates = [
        (literal, frozenset(number for number, setting in enumerate(excluded) if not _holds(literal, setting)))
        for literal in _candidates(_facts(needed), _facts(excluded))
        if all(_holds(literal, setting) for setting in needed)
    ]
    # Flags that always occur together exclude the same settings: the likeliest of them represents all.
    likeliest: dict[frozenset[int], Literal] = {}
    for literal, broken in candidates:
        likeliest.setdefault(broken, literal)
    useful = [(literal, broken) for broken, literal in likeliest.items() if broken]
    if len(frozenset[int]().union(*(broken for _, broken in useful))) < len(excluded):
        return None
    for size in range(len(useful) + 1):
        for chosen in itertools.combinations(useful, size):
            if len(frozenset[int]().union(*(broken for _, broken in chosen))) == len(excluded):
                return tuple(literal for literal, _ in chosen)
    return None


def _candidates(needed: Sequence[Facts], excluded: Sequence[Facts]) -> Iterator[Literal]:
    """Literals that may hold for all the needed, the likeliest first."""
    for axis in axes.LIKELIEST_FIRST:
        values = {facts.get(axis) for facts in needed}
        if None in values:
            continue
        if axis in axes.VERSIONS:
            yield from _bounds(axis, needed, excluded)
        elif len(values) == 1:
            (value,) = values
            assert value is not None
            yield axis, value


def _bounds(axis: str, needed: Sequence[Facts], excluded: Sequence[Facts]) -> Iterator[Literal]:
    """The bounds of a version range for the needed: from the first version that needs the entry, and to before the next
    one that does not; else bounds for pre-releases.
    """
    versions, others = _versions(axis, needed), _versions(axis, excluded)
    low, high = min(versions), max(versions)
    below = [version for version in others if version < low]
    above = [version for version in others if version > high]
    if below:
        yield axis, f">={low}"
    if above:
        yield axis, f"<{min(above)}"
    if below:
        yield axis, f">{max(below)}"
    if above:
        yield axis, f"<={high}"


def _divisions(needed: Sequence[Facts], excluded: Sequence[Facts]) -> Iterator[tuple[Literal, Literal]]:
    """Pairs of literals that divide the needed into two parts."""
    for axis in axes.LIKELIEST_FIRST:
        values = {facts.get(axis) for facts in needed}
        if len(values) < 2:
            continue
        if axis in axes.VERSIONS:
            versions, between = sorted(_versions(axis, needed)), sorted(_versions(axis, excluded))
            for lower, upper in itertools.pairwise(versions):
                # As in `_bounds`, the range ends before the first version that does not need the entry.
                end = next((version for version in between if lower < version <= upper), upper)
                yield (axis, f"<{end}"), (axis, f">={upper}")
        elif axis in axes.SWITCHES:
            yield (axis, True), (axis, False)
        elif len(values) == 2:
            first, second = sorted(map(str, values))
            yield (axis, first), (axis, second)


def _versions(axis: str, settings: Iterable[Facts]) -> set[Version]:
    texts = {str(facts.get(axis, "")) for facts in settings}
    return {version for text in texts if (version := parse_version(text)) is not None}


@functools.cache
def _holds(literal: Literal, setting: Setting) -> bool:
    return _condition_of((literal,)).holds(dict(setting))


def _facts(settings: Iterable[Setting]) -> list[Facts]:
    return [dict(setting) for setting in settings]


def _condition(literals: Sequence[Literal], base: Condition) -> Condition:
    """The literals as a condition. A version range that equals that of the base keeps the text of the base."""
    written = {(axis, wanted.specifiers): wanted for axis, wanted in base.terms if isinstance(wanted, VersionRange)}
    spelled = _condition_of(literals)
    return Condition(
        tuple(
            (axis, written.get((axis, wanted.specifiers), wanted) if isinstance(wanted, VersionRange) else wanted)
            for axis, wanted in spelled.terms
        )
    )


def _condition_of(literals: Iterable[Literal]) -> Condition:
    data: dict[str, str | bool] = {}
    bounds: dict[str, list[str]] = {}
    for axis, value in literals:
        if axis in axes.VERSIONS:
            bounds.setdefault(axis, []).append(str(value))
            data[axis] = ""
        else:
            data[axis] = value
    for axis, texts in bounds.items():
        data[axis] = ",".join(_tightest(texts))
    condition, mistakes = read_condition(data)
    assert not mistakes, mistakes
    return condition


def _tightest(bounds: Sequence[str]) -> list[str]:
    """The bounds, lower before upper, without those that another one implies."""
    lower = [bound for bound in bounds if bound.startswith(">=")]
    upper = [bound for bound in bounds if bound.startswith("<") and not bound.startswith("<=")]
    others = [bound for bound in bounds if bound not in lower and bound not in upper]
    first = [max(lower, key=lambda bound: Version(bound[2:]))] if lower else []
    last = [min(upper, key=lambda bound: Version(bound[1:]))] if upper else []
    return list(dict.fromkeys([*first, *others, *last]))
