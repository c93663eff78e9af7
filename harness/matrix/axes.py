"""The axes of the matrix: the properties in which cells can differ, and their names. Pure.

`when` is written in them, an update infers conditions over them, a report says since which version of one a case fails,
a bisection searches along one. An axis of versions belongs to a field of the cell: `emscripten` and `wasi_sdk` are
versions of its toolchain, and one with the name of its engine of its runtime.
"""

from __future__ import annotations

from collections.abc import Mapping

from harness.matrix.cells import Distribution, Library
from harness.targets import Engine, Target

PYTHON = "python"
# The fields of a cell that are versions.
VERSION_FIELDS = ("toolchain", PYTHON, "runtime")
# The flags of a cell, each with the word that an id and a product have for it.
FLAGS: Mapping[str, str] = {"pthreads": "pthreads", "dynamic_linking": "dynlink", "pydebug": "debug"}
LIBRARIES = tuple(library.value for library in Library)
# Whether the Node of a cell has JSPI: by its version, or by an option. No other engine has the axis.
JSPI = "jspi"
SWITCHES = (*FLAGS, *LIBRARIES, JSPI)
ENUMS: Mapping[str, tuple[str, ...]] = {
    "target": tuple(target.value for target in Target),
    "engine": tuple(engine.value for engine in Engine),
    "distribution": tuple(distribution.value for distribution in Distribution),
}
# Two targets may have the same toolchain, or the same runtime.
_TOOLCHAINS = tuple(dict.fromkeys(target.traits.toolchain_axis for target in Target))
_RUNTIMES = tuple(dict.fromkeys(engine.value for target in Target for engine in target.traits.engines))
VERSIONS = (*_TOOLCHAINS, PYTHON, *_RUNTIMES)
AXES = (*ENUMS, *VERSIONS, *SWITCHES)
# What most likely explains a difference comes first.
_BUILT_WITH = (*_TOOLCHAINS, *FLAGS, *LIBRARIES)
LIKELIEST_FIRST = ("target", "distribution", "engine", *_BUILT_WITH, PYTHON, *_RUNTIMES, JSPI)


def version_axes(target: Target, engine: Engine) -> dict[str, str]:
    """The axis of versions that each of VERSION_FIELDS is in a cell of the target that the engine runs."""
    return {"toolchain": target.traits.toolchain_axis, PYTHON: PYTHON, "runtime": engine.value}


# What people call the product whose versions an axis has.
VERSION_LABELS: Mapping[str, str] = {
    PYTHON: "CPython",
    **{target.traits.toolchain_axis: target.traits.toolchain_name for target in Target},
    **{engine.value: engine.label for engine in Engine},
}


def _can_have(target: Target, axis: str) -> bool:
    """Whether a cell of the target can have a version on the axis, or the flag, or the library."""
    if axis in VERSIONS:
        return axis in {PYTHON, target.traits.toolchain_axis, *target.traits.engines}
    if axis == JSPI:
        return Engine.NODE in target.traits.engines
    return not target.traits.no_libraries if axis in LIBRARIES else axis not in target.traits.impossible_flags


_TARGETS = {axis: frozenset(target for target in Target if _can_have(target, axis)) for axis in (*VERSIONS, *SWITCHES)}
_TARGETS_OF_ENGINE = {
    engine.value: frozenset(target for target in Target if engine in target.traits.engines) for engine in Engine
}


def targets_with(axis: str, value: object) -> frozenset[Target]:
    """The targets whose cells can have that value on the axis, whatever else they have. A version is any value."""
    if axis == "target":
        return frozenset({Target(str(value))})
    if axis == "engine":
        return _TARGETS_OF_ENGINE[str(value)]
    if axis == "distribution":
        return frozenset({Target.EMSCRIPTEN} if value == Distribution.PYODIDE else Target)
    return frozenset(Target) if value is False and axis != JSPI else _TARGETS[axis]


def engines_with(axis: str, value: object) -> frozenset[Engine]:
    """The engines whose cells can have that value on the axis, whatever else they have."""
    if axis == "target":
        return frozenset(Target(str(value)).traits.engines)
    if axis == "engine" or axis in _RUNTIMES:
        return frozenset({Engine(str(value) if axis == "engine" else axis)})
    if axis == JSPI:
        return frozenset({Engine.NODE})
    return frozenset(engine for target in targets_with(axis, value) for engine in target.traits.engines)
