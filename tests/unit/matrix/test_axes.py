"""The axes, and which targets have them."""

from __future__ import annotations

import dataclasses

import pytest

from harness.matrix.axes import (
    AXES,
    LIKELIEST_FIRST,
    VERSION_LABELS,
    VERSIONS,
    engines_with,
    targets_with,
    version_axes,
)
from harness.matrix.files import Defaults
from harness.targets import Engine, Target

WASI, EMSCRIPTEN = Target.WASI, Target.EMSCRIPTEN


@pytest.mark.parametrize(
    ("axis", "value", "targets"),
    [
        ("target", "wasi", {WASI}),
        ("engine", "node", {EMSCRIPTEN}),
        ("engine", "firefox", {EMSCRIPTEN}),
        ("chromium", ">=150", {EMSCRIPTEN}),
        ("wasi_sdk", ">=25", {WASI}),
        ("node", "24", {EMSCRIPTEN}),
        ("python", "3.13", {WASI, EMSCRIPTEN}),
        ("pthreads", True, {WASI, EMSCRIPTEN}),
        ("dynamic_linking", True, {EMSCRIPTEN}),
        ("dynamic_linking", False, {WASI, EMSCRIPTEN}),
        ("libffi", True, {EMSCRIPTEN}),
        ("libffi", False, {WASI, EMSCRIPTEN}),
    ],
)
def test_some_values_belong_to_some_targets(axis: str, value: object, targets: set[Target]) -> None:
    assert targets_with(axis, value) == targets


@pytest.mark.parametrize(
    ("axis", "value", "engines"),
    [
        ("target", "wasi", {Engine.WASMTIME}),
        ("engine", "firefox", {Engine.FIREFOX}),
        ("chromium", ">=150", {Engine.CHROMIUM}),
        ("emscripten", ">=4", {Engine.NODE, Engine.CHROMIUM, Engine.FIREFOX}),
        ("python", "3.13", {*Engine}),
        ("pthreads", True, {*Engine}),
    ],
)
def test_some_values_belong_to_some_engines(axis: str, value: object, engines: set[Engine]) -> None:
    assert engines_with(axis, value) == engines


def test_an_inferred_condition_may_name_every_axis() -> None:
    assert {*AXES} == {*LIKELIEST_FIRST}
    assert len(LIKELIEST_FIRST) == len({*LIKELIEST_FIRST})


def test_the_matrix_has_a_default_version_for_every_engine_of_every_target() -> None:
    fields = {field.name for field in dataclasses.fields(Defaults)}
    assert {engine.value for target in Target for engine in target.traits.engines} <= fields


def test_a_version_of_a_cell_is_an_axis_of_its_target() -> None:
    assert version_axes(WASI, Engine.WASMTIME) == {"toolchain": "wasi_sdk", "python": "python", "runtime": "wasmtime"}
    assert version_axes(EMSCRIPTEN, Engine.NODE) == {"toolchain": "emscripten", "python": "python", "runtime": "node"}
    assert version_axes(EMSCRIPTEN, Engine.FIREFOX)["runtime"] == "firefox"
    assert [VERSION_LABELS[axis] for axis in version_axes(WASI, Engine.WASMTIME).values()] == [
        "WASI SDK",
        "CPython",
        "wasmtime",
    ]
    assert {*VERSION_LABELS} == {*VERSIONS}
