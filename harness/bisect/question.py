"""What a bisection is asked, and the row of its candidates. Pure."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from packaging.version import InvalidVersion, Version

from harness.errors import ConfigError, did_you_mean
from harness.matrix.axes import VERSION_LABELS
from harness.matrix.cells import Cell
from harness.util.hashing import content_key


class BisectAxis(StrEnum):
    """What is bisected over."""

    EMSCRIPTEN = "emscripten"
    WASMTIME = "wasmtime"
    NODE = "node"
    CPYTHON = "cpython"

    @property
    def option(self) -> str:
        """The option of `test` that chooses one of its candidates."""
        return {BisectAxis.EMSCRIPTEN: "--toolchain", BisectAxis.CPYTHON: "--cpython"}.get(self, "--runtime")

    @property
    def label(self) -> str:
        """What people call one of its candidates."""
        return "commit" if self is BisectAxis.CPYTHON else VERSION_LABELS[self.value]


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """A version, or a commit with its subject."""

    name: str
    subject: str = ""

    def __str__(self) -> str:
        return f"{self.name[:12]} ({self.subject})" if self.subject else self.name


@dataclass(frozen=True, kw_only=True)
class Question:
    """`good` and `bad` are names of candidates. `tries` is how often each of them is asked. `changed` says that every
    other outcome than that of the good end is bad. `options` are further arguments of `test`, `checkout` is the
    absolute path of the one whose commits are the candidates.
    """

    cell: str
    case: str
    axis: BisectAxis
    good: str
    bad: str
    tries: int = 1
    changed: bool = False
    versions: tuple[str, ...] = ()
    options: tuple[str, ...] = ()
    checkout: str = ""

    @property
    def key(self) -> str:
        return content_key(self.to_json())

    def again(self, candidate: str, chosen: list[str]) -> list[str]:
        """The arguments that choose the candidate later too: the tree of a commit then shows another one."""
        return [f"--cpython=git:{self.checkout}@{candidate}"] if self.checkout else chosen

    def to_json(self) -> dict[str, Any]:
        return dataclasses.asdict(self)


def check_axis(axis: BisectAxis, cell: Cell, options: Mapping[str, str]) -> None:
    """ConfigError when the cell has no such axis, or one of the `options` of the command settles it already."""
    others = {engine.value for engine in cell.target.traits.engines if engine is not cell.engine}
    if axis not in (allowed := [each for each in cell.target.traits.bisect_axes if each not in others]):
        raise ConfigError(
            f"{cell.id} has no axis {axis}: it is built for {cell.target} and runs under {cell.engine}",
            hint=f"its axes are {', '.join(allowed)}",
        )
    if axis is BisectAxis.CPYTHON and not options["--cpython"]:
        raise ConfigError("--axis cpython needs a checkout", hint="give one with --cpython PATH")
    if axis is BisectAxis.CPYTHON and options["--versions"]:
        raise ConfigError("--versions names no commits", hint="leave it out: all commits between the ends are asked")
    if axis is not BisectAxis.CPYTHON and options[axis.option]:
        raise ConfigError(f"--axis {axis} and {axis.option} say the same", hint=f"leave {axis.option} out")


def between(names: Collection[str], one: str, other: str) -> list[str]:
    """The versions from one to the other, both included, the oldest first. ConfigError for what is no version, and
    when either is not among the names.
    """
    ordered = _sorted(names)
    for name in (one, other):
        if name not in names:
            longer = [each for each in ordered if each.startswith(f"{name}.")]
            near = f"did you mean {longer[-1]!r}?" if longer else did_you_mean(name, names)
            near = near or f"the newest are {', '.join(ordered[-5:])}"
            raise ConfigError(
                f"{name!r} is not among the versions that are known; {near}", hint="--versions names others"
            )
    low, high = _sorted((one, other))
    return [name for name in ordered if Version(low) <= Version(name) <= Version(high)]


def only(versions: Collection[str], one: str, other: str) -> list[str]:
    """The two and the versions that the user has named, in order. ConfigError when one of them is not between."""
    row = between({*versions, one, other}, one, other)
    if outside := sorted({*versions} - {*row}):
        raise ConfigError(f"{', '.join(outside)} of --versions: not between {one} and {other}", hint="leave it out")
    return row


def _sorted(names: Collection[str]) -> list[str]:
    try:
        return sorted(names, key=Version)
    except InvalidVersion as error:
        raise ConfigError(f"a version is expected: {error}", hint="such as 50.0.1") from error
