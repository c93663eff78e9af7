"""The targets, and what differs between them: one file each behind one Protocol, and one table of all by name."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from harness.targets.emscripten import Emscripten
from harness.targets.protocol import Engine, TargetTraits
from harness.targets.wasi import Wasi

__all__ = ["TRAITS", "Engine", "Target", "TargetTraits"]


class Target(StrEnum):
    """The name of a target. What the target is stands in its traits."""

    EMSCRIPTEN = "emscripten"
    WASI = "wasi"

    @property
    def traits(self) -> TargetTraits:
        return TRAITS[self]


TRAITS: Mapping[Target, TargetTraits] = {Target.EMSCRIPTEN: Emscripten(), Target.WASI: Wasi()}
