"""What the tests share that use the real toolchain."""

from __future__ import annotations

import pytest

from harness.prepare import Wishes, prepare
from harness.prepared import Prepared


@pytest.fixture(scope="session")
def wasi() -> Prepared:
    """The default WASI cell, built unless the cache has it."""
    return prepare("wasi", Wishes())


@pytest.fixture(scope="session")
def emscripten() -> Prepared:
    """The first Emscripten cell that packages can provide, built unless the cache has it."""
    return prepare("emscripten-3.1.69", Wishes())
