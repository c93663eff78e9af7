"""What the targets are, and that no table of them lacks one."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection

import pytest

from harness.bisect.question import BisectAxis
from harness.build import identity, keys
from harness.build.recipes import cpython_tree
from harness.build.recipes import targets as recipes
from harness.diagnostics import doctor, machine, regrtest_runner
from harness.matrix.axes import FLAGS
from harness.matrix.pins import Pins
from harness.run import prepared
from harness.targets import TRAITS, Engine, Target
from harness.toolchains import _WAYS
from tests.unit.sample_cells import WASI

TABLES: dict[str, Collection[object]] = {
    "targets.TRAITS": TRAITS,
    "build.recipes.targets": recipes._RECIPES,
    "build.recipes.cpython_tree._SCRIPTS": cpython_tree._SCRIPTS,
    "build.recipes.cpython_tree._SITES": cpython_tree._SITES,
    "build.recipes.cpython_tree._PINNED": cpython_tree._PINNED,
    "build.identity": identity._OF_TARGET,
    "build.keys": keys._TOOLCHAIN_PINS,
    "toolchains": _WAYS,
    "diagnostics.regrtest_runner": regrtest_runner._RUNNERS,
    "diagnostics.doctor": doctor._TOOLCHAINS,
    "diagnostics.machine": machine._CACHED_TOOLCHAIN,
}


@pytest.mark.parametrize("table", TABLES)
def test_each_table_has_every_target(table: str) -> None:
    assert set(TABLES[table]) == set(Target)


def test_each_engine_is_opened_and_has_cells() -> None:
    assert set(prepared._OPENERS) == set(Engine) == {engine for target in Target for engine in target.traits.engines}


@pytest.mark.parametrize("target", Target)
def test_traits_name_what_exists(target: Target) -> None:
    traits = target.traits
    assert {*traits.bisect_axes} <= {*BisectAxis}
    assert {*traits.impossible_flags, *traits.flags_of_configure} <= {*FLAGS}


@pytest.mark.parametrize("target", Target)
def test_pins_know_the_toolchain_of_every_target(target: Target) -> None:
    lacking = [
        lack.message
        for lack in Pins().lacking_for(dataclasses.replace(WASI, target=target, engine=target.traits.engines[0]))
    ]
    assert any(message.startswith(f"{target.traits.toolchain_name} 25.0 is not pinned") for message in lacking)
