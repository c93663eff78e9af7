"""What the tests share: a project to be spoilt, and the cells that are built with real toolchains."""

from __future__ import annotations

import shutil
from collections.abc import Generator
from pathlib import Path

import pytest

from harness.run.prepare import BuildRequest, prepare
from harness.run.prepared import Prepared
from tests.integration.third_party import skipped_without_origin

ROOT = Path(__file__).parents[2]
ALPHA_CELL, ALPHA = "emscripten-3.1.73", "git:https://github.com/python/cpython@v3.14.0a3"
NEEDS_TOOLCHAIN = pytest.StashKey[bool]()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_setup(item: pytest.Item) -> Generator[None]:
    """A fixture, such as a build, that needs an archive which does not have it skips the tests that use it."""
    item.session.stash[NEEDS_TOOLCHAIN] = item.get_closest_marker("toolchain") is not None
    with skipped_without_origin(item):
        return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None]:
    """The same for what a test itself asks for."""
    with skipped_without_origin(item):
        return (yield)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project of its own: the files that a maintainer edits, ready to be spoilt."""
    for name in ("matrices", "expected_failures"):
        shutil.copytree(ROOT / name, tmp_path / name)
    for name in ("pyproject.toml", "noxfile.py"):
        shutil.copy(ROOT / name, tmp_path / name)
    return tmp_path


@pytest.fixture(scope="session")
def wasi(request: pytest.FixtureRequest) -> Prepared:
    """The default WASI cell, built unless the cache has it."""
    return built("wasi", request)


@pytest.fixture(scope="session")
def emscripten(request: pytest.FixtureRequest) -> Prepared:
    """The first Emscripten cell that packages can provide, built unless the cache has it."""
    return built("emscripten-3.1.69", request)


@pytest.fixture(scope="session")
def chromium(request: pytest.FixtureRequest) -> Prepared:
    """The build of `emscripten` in the Chromium that is pinned."""
    return built("emscripten-3.1.69-chromium", request)


@pytest.fixture(scope="session")
def firefox(request: pytest.FixtureRequest) -> Prepared:
    """The build of `emscripten` in the machine's Firefox."""
    return built("emscripten-3.1.69-firefox", request)


@pytest.fixture(scope="session")
def pyodide(request: pytest.FixtureRequest) -> Prepared:
    """Pyodide as npm has it, with the tests of a CPython near its own that packages can provide."""
    return built("pyodide-0.29.5", request, suite="3.13.5")


@pytest.fixture(scope="session")
def pyodide_in_chromium(request: pytest.FixtureRequest) -> Prepared:
    """The same in the Chromium that is pinned."""
    return built("pyodide-0.29.5-chromium", request, suite="3.13.5")


@pytest.fixture(scope="session")
def alpha() -> Prepared:
    """The first CPython whose makefile makes the web example, with the Emscripten that it asks for."""
    return prepare(ALPHA_CELL, BuildRequest(cpython=ALPHA))


def built(cell: str, request: pytest.FixtureRequest, suite: str = "") -> Prepared:
    """The cell, for a test that says that it needs one: the others must pass in a minute on an empty cache."""
    assert request.session.stash[NEEDS_TOOLCHAIN], f"a test that uses {cell} has the mark toolchain"
    return prepare(cell, BuildRequest(suite=suite))
