"""The `when` language, which says for which cells an expectation holds. Pure.

A condition is a conjunction over declared axes. Versions are compared as PEP 440 has it, but that a
pre-release counts as the release it leads to, unless the range itself names a pre-release: `>=3.15` holds for
3.15.0b2, `<3.15` does not.
"""

from __future__ import annotations

import contextlib
import functools
import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from packaging.specifiers import InvalidSpecifier, Specifier, SpecifierSet
from packaging.version import InvalidVersion, Version

from harness.errors import did_you_mean
from harness.matrix import axes
from harness.matrix.cells import Cell
from harness.matrix.jspi import has_jspi
from harness.targets import Engine, Target
from harness.util.toml_tables import Mistake, TableReader

_UNRELEASED = re.compile(r"(?<=\d)-[a-z].*$")

Facts = Mapping[str, str | bool]
"""What a cell is, axis by axis; an axis that the cell does not have is not among them."""


@dataclass(frozen=True)
class VersionRange:
    """A version range as written, and the specifiers it stands for."""

    text: str
    specifiers: tuple[Specifier, ...] = field(hash=False)

    def holds(self, version: str) -> bool:
        """False also for what is no version at all (a path, a branch)."""
        return _in_range(self, version)

    @property
    def names_prerelease(self) -> bool:
        """True when a bound is a pre-release: the range then tells one pre-release from another."""
        return any(Version(specifier.version.removesuffix(".*")).is_prerelease for specifier in self.specifiers)

    @property
    def is_empty(self) -> bool:
        """True when no version can be in the range."""
        return not any(
            all(_within(candidate, specifier) for specifier in self.specifiers)
            for candidate in _candidates(self.specifiers)
        )


@functools.cache
def _in_range(wanted: VersionRange, version: str) -> bool:
    """Worked out once: thousands of entries ask the same of a few cells."""
    parsed = parse_version(version)
    return parsed is not None and all(_within(parsed, specifier) for specifier in wanted.specifiers)


_Wanted: TypeAlias = str | bool | VersionRange
_Term: TypeAlias = tuple[str, _Wanted]


@dataclass(frozen=True)
class Condition:
    """Terms that must all hold; without terms it always holds."""

    terms: tuple[_Term, ...] = ()

    def holds(self, facts: Facts) -> bool:
        """A term on an axis that `facts` lack does not hold."""
        return all(_term_holds(wanted, facts.get(axis)) for axis, wanted in self.terms)

    def meets(self, other: Condition, cells: Collection[Facts]) -> bool:
        """Whether both can hold at once in one of these cells, whatever versions it is given by `--cpython`,
        `--toolchain` and `--runtime`.
        """
        ranges: dict[str, list[Specifier]] = {}
        switches = []
        for axis, wanted in (*self.terms, *other.terms):
            if isinstance(wanted, VersionRange):
                ranges.setdefault(axis, []).extend(wanted.specifiers)
            else:
                switches.append((axis, wanted))
        if any(VersionRange("", tuple(specifiers)).is_empty for specifiers in ranges.values()):
            return False
        rest = Condition(tuple(switches))
        return any(rest.holds(facts) and facts.keys() >= ranges.keys() for facts in cells)

    @property
    def targets(self) -> frozenset[Target]:
        """The targets for which the condition can hold."""
        return frozenset(Target).intersection(*(targets for _, targets in _targets_of(self.terms)))

    def __str__(self) -> str:
        return ", ".join(_term_text(axis, wanted) for axis, wanted in self.terms)


ALWAYS = Condition()


def condition_values(
    cell: Cell, *, python: str = "", toolchain: str = "", runtime: str = "", libraries: Collection[str] | None = None
) -> dict[str, str | bool]:
    """The cell's value on every axis it has.

    `python`, `toolchain` and `runtime` are the versions in use, where the cell
    names less: a path, or a series. `libraries` are those that its build is linked with, where some were not available.
    """
    linked = cell.libraries if libraries is None else libraries
    own_axes = axes.version_axes(cell.target, cell.engine)
    versions = {"toolchain": toolchain, "python": python, "runtime": runtime}
    facts: dict[str, str | bool] = {
        "target": cell.target.value,
        "engine": cell.engine.value,
        "distribution": cell.distribution.value,
        **{axis: versions[name] or str(getattr(cell, name)) for name, axis in own_axes.items()},
        **{flag: bool(getattr(cell, flag)) for flag in axes.FLAGS},
        **{library: library in linked for library in axes.LIBRARIES},
        **({axes.JSPI: has_jspi(cell, runtime)} if cell.engine is Engine.NODE else {}),
    }
    return {
        axis: value
        for axis, value in facts.items()
        if axis not in axes.VERSIONS or parse_version(str(value)) is not None
    }


def read_condition(data: Mapping[str, object]) -> tuple[Condition, tuple[Mistake, ...]]:
    """The condition that an inline table spells, and all that is wrong with it."""
    terms: list[_Term] = []
    mistakes: list[Mistake] = []
    for axis, value in data.items():
        term = _read_term(axis, value)
        if isinstance(term, Mistake):
            mistakes.append(term)
        else:
            terms.append((axis, term))
    # What excludes each other by target does so by engine too.
    mistakes += _exclusions(terms, axes.targets_with) or _exclusions(terms, axes.engines_with)
    return Condition(tuple(terms)), tuple(mistakes)


def _exclusions(terms: Sequence[_Term], having: Callable[[str, object], frozenset[Any]]) -> list[Mistake]:
    """A mistake for each term that nothing can have which has an earlier one: `having` gives what can have a value."""
    holders = [(axis, having(axis, wanted)) for axis, wanted in terms]
    found = []
    for number, (axis, mine) in enumerate(holders):
        other = next(((other, its) for other, its in holders[:number] if not its & mine), None)
        if other:
            message = f"can never hold: it names {_joined(mine)}, but {other[0]!r} of {_joined(other[1])}"
            found.append(Mistake(axis, message))
    return found


def _joined(names: Collection[str]) -> str:
    return " and ".join(sorted(names))


def read_when(reader: TableReader, data: object, *, table: str, index: int) -> Condition:
    """The condition under the key `when` of a table; what is wrong with it is reported to `reader`."""
    if not isinstance(data, dict):
        reader.problem("must be an inline table, { target = ... }", table=table, index=index, key="when")
        return ALWAYS
    when, mistakes = read_condition(data)
    reader.report(mistakes, table, index, within="when")
    return when


@functools.cache
def parse_version(text: str) -> Version | None:
    """None for what is no version. The `+` of a CPython between two releases is left out, and what a toolchain or a
    runtime that is no release has behind its number: `3.1.73-git` is 3.1.73.
    """
    text = text.removesuffix("+")
    for spelled in (text, _UNRELEASED.sub("", text)):
        with contextlib.suppress(InvalidVersion):
            return Version(spelled)
    return None


def _read_term(axis: str, value: object) -> _Wanted | Mistake:
    if axis in axes.SWITCHES:
        return value if isinstance(value, bool) else Mistake(axis, f"must be true or false, not {value!r}")
    if axis not in axes.AXES:
        return Mistake(axis, "unknown axis", did_you_mean(axis, axes.AXES))
    if not isinstance(value, str):
        return Mistake(axis, f"must be a string, not {value!r}")
    if allowed := axes.ENUMS.get(axis):
        if value in allowed:
            return value
        return Mistake(axis, f"must be one of {', '.join(allowed)}, not {value!r}", did_you_mean(value, allowed))
    return _read_range(axis, value)


@functools.cache
def _read_range(axis: str, text: str) -> VersionRange | Mistake:
    bare = text.strip()
    try:
        if bare[:1].isdigit():
            version = Version(bare)
            # A bare version names what it spells and what lies under it: `25` every 25.x, `3.13` every
            # 3.13.x.
            bare = f"=={bare}" if version.is_prerelease else f"=={bare}.*"
        specifiers = tuple(sorted(SpecifierSet(bare), key=str))
    except (InvalidSpecifier, InvalidVersion):
        specifiers = ()
    if not specifiers or any(specifier.operator == "===" for specifier in specifiers):
        return Mistake(axis, f"{text!r} is no version range", 'such as ">=3.1.69,<6" or "25"')
    found = VersionRange(text, specifiers)
    return Mistake(axis, f"{text!r} is an empty range: no version is in it") if found.is_empty else found


def _targets_of(terms: tuple[_Term, ...]) -> Iterator[tuple[str, frozenset[Target]]]:
    """Each axis that not all targets can have with that value, and those that can."""
    for axis, wanted in terms:
        if (targets := axes.targets_with(axis, wanted)) != frozenset(Target):
            yield axis, targets


def _term_holds(wanted: _Wanted, fact: str | bool | None) -> bool:
    if isinstance(wanted, VersionRange):
        return isinstance(fact, str) and wanted.holds(fact)
    return fact == wanted


def _term_text(axis: str, wanted: _Wanted) -> str:
    if isinstance(wanted, bool):
        return axis if wanted else f"no {axis}"
    return f"{axis} {wanted.text if isinstance(wanted, VersionRange) else wanted}"


def _within(version: Version, specifier: Specifier) -> bool:
    named = Version(specifier.version.removesuffix(".*"))
    seen = version if named.is_prerelease else Version(version.base_version)
    return specifier.contains(seen, prereleases=True)


def _candidates(specifiers: tuple[Specifier, ...]) -> Iterator[Version]:
    """Versions at, well above and just below every bound: a range without any of them is empty."""
    for specifier in specifiers:
        version = Version(specifier.version.removesuffix(".*"))
        yield version
        yield _extended(version.epoch, version.release)
        parts = list(version.release)
        while parts and parts[-1] == 0:
            parts.pop()
        if parts:
            yield _extended(version.epoch, (*parts[:-1], parts[-1] - 1))


def _extended(epoch: int, release: tuple[int, ...]) -> Version:
    return Version(f"{epoch}!{'.'.join(map(str, release))}.999999")
