"""The version since which a case misbehaves, from a comparison of the cells of one run. Pure."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from packaging.version import Version

from harness.matrix.axes import VERSION_FIELDS, VERSION_LABELS, version_axes
from harness.matrix.cells import Cell
from harness.matrix.conditions import parse_version

_NO_IDENTITY = {"id", "description", "tags", "broken", "case_timeout", "module_timeout"}


@dataclass(frozen=True, kw_only=True)
class Since:
    """The first version at which a case misbehaves, and `good`, the last version below it at which it does not."""

    name: str
    version: str
    good: str

    def __str__(self) -> str:
        return f"{self.name} {self.version} (not with {self.good})"


def first_bad_version(good: Collection[Cell], bad: Collection[Cell]) -> Since | None:
    """The version that separates the good cells from the bad ones: that of the toolchain, of CPython, or of the engine.

    Only cells that differ in nothing but that version are compared with each other, and the boundary must be the same
    in every such group. None when there is no such version, or when several axes have one.
    """
    found = {since for axis in VERSION_FIELDS if (since := _parted_by(axis, good, bad))}
    return found.pop() if len(found) == 1 else None


def _parted_by(axis: str, good: Collection[Cell], bad: Collection[Cell]) -> Since | None:
    groups: dict[tuple[object, ...], list[tuple[Version, str, bool]]] = {}
    for cells, is_bad in ((good, False), (bad, True)):
        for cell in cells:
            text = str(getattr(cell, axis))
            version = parse_version(text)
            if version is None:
                return None
            groups.setdefault(_apart_from(axis, cell), []).append((version, text, is_bad))
    parted = {_boundary(sorted(group)) for group in groups.values() if any(is_bad for _, _, is_bad in group)}
    boundary = parted.pop() if len(parted) == 1 else None
    if boundary is None:
        return None
    one = next(iter(bad))
    label = VERSION_LABELS[version_axes(one.target, one.engine)[axis]]
    return Since(name=label, version=boundary[1], good=boundary[0])


@lru_cache
def _apart_from(axis: str, cell: Cell) -> tuple[object, ...]:
    return tuple(
        getattr(cell, field.name)
        for field in dataclasses.fields(cell)
        if field.name != axis and field.name not in _NO_IDENTITY
    )


def _boundary(group: Sequence[tuple[Version, str, bool]]) -> tuple[str, str] | None:
    """The last good version and the first bad one; None unless all good versions come before all bad ones."""
    states = [is_bad for _, _, is_bad in group]
    if states != sorted(states) or not any(states) or all(states):
        return None
    first = states.index(True)
    if group[first - 1][0] == group[first][0]:
        return None
    return group[first - 1][1], group[first][1]


def listed_since(found: Iterable[tuple[Since, int]]) -> list[tuple[Since, int]]:
    """Each version with the number of cases that misbehave since then. `found` has the version of each case, and the
    number of cells on which it misbehaves; the version with the largest sum of these comes first.
    """
    cases, cells = Counter[Since](), Counter[Since]()
    for since, count in found:
        cases[since] += 1
        cells[since] += count
    return [(since, cases[since]) for since, _ in cells.most_common()]
