"""Which tests stand for those of the interpreter's own version when its suite is of another version."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from harness.build.artifact import Build
from harness.errors import ConfigError
from harness.manifest import Manifest
from harness.matrix.load import load_configuration
from harness.run import own_suite as own_suite_module
from harness.run.own_suite import with_own_suite
from harness.run.prepared import OwnSuite, Prepared
from harness.sources.base import LANDMARKS
from tests.unit.build.test_prebuilt import suite
from tests.unit.sample_cells import EMSCRIPTEN

PINS = load_configuration()[1]


def prepared(folder: Path, python: str = "3.13.2", tests: str = "3.13.5") -> Prepared:
    manifest = Manifest.from_json({"python": python, "suite": {"version": tests}})
    return Prepared(
        cell=EMSCRIPTEN, build=Build(folder=folder, manifest=manifest), runtime=folder, cache=folder / "cache"
    )


def installed(folder: Path, version: str) -> Path:
    """The part of what `make install` makes that is looked at."""
    for name in ("lib/python3.13/test/libregrtest", "include/python3.13"):
        (folder / name).mkdir(parents=True)
    (folder / "include" / "python3.13" / "patchlevel.h").write_text(f'#define PY_VERSION "{version}"\n')
    (folder / "lib" / "python3.13" / "test" / "test_a.py").write_text("of the prefix")
    return folder


def test_tests_of_the_interpreter_s_own_version_are_used_if_the_cache_has_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = suite(tmp_path, "3.13.2")
    monkeypatch.setattr(own_suite_module, "cached_source", lambda python, *_: own if python == "3.13.2" else None)

    def found(python: str, tests: str) -> OwnSuite | None:
        return with_own_suite(prepared(tmp_path, python, tests), PINS).own_suite

    assert found("3.13.2", "3.13.5") == OwnSuite(version="3.13.2", folder=own.root / "Lib" / "test")
    assert [found("3.13.4", "3.13.5"), found("3.13.2", "3.13.2"), found("3.13.2", "")] == [None, None, None]


def test_a_folder_is_a_source_tree_or_what_make_install_has_made(tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    for name in LANDMARKS:
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        (tree / name).touch()
    (tree / "Include" / "patchlevel.h").write_text('#define PY_VERSION "3.13.1"\n')
    (tree / "Lib" / "test").mkdir()
    (tree / "Lib" / "test" / "test_a.py").write_text("of the tree")
    prefix = installed(tmp_path / "prefix", "3.13.0")
    for named, version, text in ((tree, "3.13.1", "of the tree"), (prefix, "3.13.0", "of the prefix")):
        found = with_own_suite(prepared(tmp_path), PINS, str(named)).own_suite
        assert found
        assert (found.version, (found.folder / "test_a.py").read_text()) == (version, text)
        # A copy: what the user does to the folder meanwhile changes nothing.
        assert not found.folder.is_relative_to(named)


@pytest.mark.parametrize("version", ["3.13.2", "3.13.0", "3.13.2rc1"])
def test_an_own_suite_is_used_when_the_interpreter_s_version_is_between_its_own_and_the_suite_s(
    tmp_path: Path, version: str
) -> None:
    prefix = installed(tmp_path / "prefix", version)
    assert with_own_suite(prepared(tmp_path), PINS, str(prefix)).own_suite
    # The other way round: an older suite in a newer interpreter.
    newer = installed(tmp_path / "newer", "3.13.9")
    assert with_own_suite(prepared(tmp_path, "3.13.7", "3.13.5"), PINS, str(newer)).own_suite


@pytest.mark.parametrize("version", ["3.13.3", "3.13.5", "3.13.9"])
def test_an_own_suite_that_says_nothing_about_the_interpreter_is_refused(tmp_path: Path, version: str) -> None:
    prefix = installed(tmp_path / "prefix", version)
    words = f"the tests of CPython {version} do not say which of 3.13.5 are others in 3.13.2"
    with pytest.raises(ConfigError, match=re.escape(words)):
        with_own_suite(prepared(tmp_path), PINS, str(prefix))


def test_a_folder_without_tests_and_a_suite_that_is_the_interpreter_s_are_refused(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(ConfigError, match="is not a CPython source tree"):
        with_own_suite(prepared(tmp_path), PINS, str(tmp_path / "empty"))
    unstated = installed(tmp_path / "unstated", "3.13.0")
    (unstated / "include" / "python3.13" / "patchlevel.h").unlink()
    with pytest.raises(ConfigError, match="nothing states the version of the tests") as refused:
        with_own_suite(prepared(tmp_path), PINS, str(unstated))
    assert refused.value.hint == "Debian has it in libpython3.13-dev"
    (unstated / "lib" / "python3.13" / "test" / "libregrtest").rmdir()
    with pytest.raises(ConfigError, match="has only a part of the tests") as refused:
        with_own_suite(prepared(tmp_path), PINS, str(unstated))
    assert refused.value.hint == "Debian has them in libpython3.13-testsuite"
    with pytest.raises(ConfigError, match="leave --own-suite out"):
        with_own_suite(prepared(tmp_path, tests="3.13.2"), PINS, str(tmp_path / "empty"))


def test_the_newest_complete_one_of_several_suites_in_a_prefix_is_used(tmp_path: Path) -> None:
    """As in /usr of Debian, where the system's Python has only a part of the tests."""
    prefix = installed(tmp_path / "prefix", "3.13.0")
    for partial in ("3.9", "3.14"):
        (prefix / "lib" / f"python{partial}" / "test").mkdir(parents=True)
    own_suite = with_own_suite(prepared(tmp_path), PINS, str(prefix)).own_suite
    assert own_suite is not None
    assert own_suite.version == "3.13.0"
