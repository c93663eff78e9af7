"""Sources: what is decided, and copies of checkouts without git."""

from __future__ import annotations

import dataclasses
import os
import shutil
from pathlib import Path

import pytest

from harness.errors import ConfigError, UnavailableError
from harness.matrix.pins import CPythonPin, Pins
from harness.matrix.python_source import PythonSource
from harness.sources import SOURCE_PROVIDERS, cached_source, debian, obtain_source
from harness.sources.base import Provenance, check_landmarks, read_version
from harness.util.cache import make_entry
from harness.util.providers import first_available
from tests.trees import cpython_tree

PIN = CPythonPin(version="3.13.5", url="https://example.org/Python-3.13.5.tar.xz", sha256="ab" * 32)
PINS = Pins(cpython=(PIN, dataclasses.replace(PIN, version="3.14.6", sha256="cd" * 32)))


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The providers in the order in which they were asked; tarball refuses, apt delivers."""
    names: list[str] = []

    def refuse(pin: CPythonPin, tree: Path, cache: Path) -> Provenance:
        names.append("tarball")
        raise UnavailableError("the origin is away", hint="wait")

    def deliver(pin: CPythonPin, tree: Path, cache: Path) -> Provenance:
        names.append("apt")
        cpython_tree(tree, pin.version)
        return Provenance(provider="apt", origin="debian", revision=pin.sha256)

    monkeypatch.setattr("harness.sources.tarball.fill", refuse)
    monkeypatch.setattr("harness.sources.debian.fill", deliver)
    return names


def test_providers_are_asked_in_order_until_one_delivers(tmp_path: Path, asked: list[str], said: list[str]) -> None:
    source = obtain_source(PythonSource.parse("3.13.5"), PINS, tmp_path)
    assert asked == ["tarball", "apt"]
    assert (source.version, source.provider, source.revision) == ("3.13.5", "apt", PIN.sha256)
    assert said == [
        "tarball cannot provide CPython 3.13.5: the origin is away",
        "CPython 3.13.5 is from apt: debian",
    ]


def test_what_the_cache_has_is_asked_of_no_provider(tmp_path: Path, asked: list[str]) -> None:
    first = obtain_source(PythonSource.parse("3.13.5"), PINS, tmp_path)
    asked.clear()
    assert obtain_source(PythonSource.parse("3.13.5"), PINS, tmp_path) == first
    assert asked == []


def test_a_source_that_the_cache_has_is_found_without_asking_anybody(tmp_path: Path, asked: list[str]) -> None:
    assert cached_source("3.13.5", PINS, tmp_path) is None
    obtained = obtain_source(PythonSource.parse("3.13.5"), PINS, tmp_path)
    asked.clear()
    assert cached_source("3.13.5", PINS, tmp_path) == obtained
    assert cached_source("3.13.99", PINS, tmp_path) is None
    assert asked == []


def test_a_provider_that_is_named_is_asked_alone_and_its_reason_is_reported(tmp_path: Path, asked: list[str]) -> None:
    with pytest.raises(UnavailableError) as caught:
        obtain_source(PythonSource.parse("3.13.5"), PINS, tmp_path, provider="tarball")
    assert asked == ["tarball"]
    assert "CPython 3.13.5 is not available:\n  the origin is away\n    -> wait" in str(caught.value)
    assert "--cpython PATH" in caught.value.hint
    assert not list((tmp_path / "sources").glob("3.13.5-*[!k]"))


def test_an_unknown_provider_is_reported_with_a_suggestion(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="'tarbal'; did you mean 'tarball'"):
        obtain_source(PythonSource.parse("3.13.5"), PINS, tmp_path, provider="tarbal")
    assert list(SOURCE_PROVIDERS) == ["tarball", "apt"]


@pytest.mark.parametrize("version", ["3.13", "3.13.4", "3.15.0a1", "3.14.0rc2"])
def test_a_version_that_is_not_pinned_is_reported_with_those_that_are(tmp_path: Path, version: str) -> None:
    with pytest.raises(UnavailableError, match=r"is not pinned; pinned: 3\.13\.5, 3\.14\.6") as caught:
        obtain_source(PythonSource.parse(version), PINS, tmp_path)
    assert "--cpython PATH" in caught.value.hint


def test_our_copy_gets_the_landmark_that_getpath_looks_for(tmp_path: Path, asked: list[str]) -> None:
    source = obtain_source(PythonSource.parse("3.13.5"), PINS, tmp_path)
    lines = (source.root / "Modules" / "Setup.local").read_text().splitlines()
    assert len(lines) == 1
    assert lines[0].startswith("# Made by cpython-wasm-harness")


def test_what_is_neither_version_nor_folder_is_reported(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="neither a version nor a folder") as caught:
        obtain_source(PythonSource.parse("3.x"), PINS, tmp_path)
    assert "git:URL@REF" in caught.value.hint


def test_a_folder_that_is_not_cpython_is_reported_with_what_it_lacks(tmp_path: Path) -> None:
    (tmp_path / "mine" / "Lib").mkdir(parents=True)
    (tmp_path / "mine" / "Lib" / "os.py").touch()
    with pytest.raises(ConfigError) as caught:
        obtain_source(PythonSource.parse(str(tmp_path / "mine")), PINS, tmp_path / "cache")
    assert "no Include/patchlevel.h, no Modules/Setup.stdlib.in, no configure" in caught.value.message
    assert "Lib/os.py" not in caught.value.message
    assert not (tmp_path / "cache").exists()


@pytest.mark.parametrize("version", ["3.13.5", "3.14.0a2+", "3.15.0rc1"])
def test_the_version_is_patchlevels(tmp_path: Path, version: str) -> None:
    assert read_version(cpython_tree(tmp_path, version)) == version


def test_a_patchlevel_without_version_is_reported(tmp_path: Path) -> None:
    cpython_tree(tmp_path)
    (tmp_path / "Include" / "patchlevel.h").write_text("")
    with pytest.raises(ConfigError, match="defines no PY_VERSION"):
        read_version(tmp_path)


def test_a_patchlevel_may_have_a_byte_that_is_not_utf_8(tmp_path: Path) -> None:
    (tmp_path / "Include").mkdir()
    (tmp_path / "Include" / "patchlevel.h").write_bytes(b'/* caf\xe9 */\n#define PY_VERSION "3.14.1+"\n')
    assert read_version(tmp_path) == "3.14.1+"


def test_the_landmarks_of_cpython_are_enough(tmp_path: Path) -> None:
    check_landmarks(cpython_tree(tmp_path), "mine")


def test_a_checkout_is_copied_and_not_touched(tmp_path: Path) -> None:
    mine = cpython_tree(tmp_path / "mine", "3.14.0a2+")
    before = sorted((path, path.stat().st_mtime_ns) for path in mine.rglob("*"))
    source = obtain_source(PythonSource.parse(str(mine)), PINS, tmp_path / "cache")
    assert sorted((path, path.stat().st_mtime_ns) for path in mine.rglob("*")) == before
    assert source.root.is_relative_to(tmp_path / "cache")
    assert (source.version, source.provider, source.origin) == ("3.14.0a2+", "checkout", str(mine))
    assert os.access(source.root / "configure", os.X_OK)


def test_products_of_a_build_are_left_out_and_do_not_count(tmp_path: Path) -> None:
    mine = cpython_tree(tmp_path / "mine")
    first = obtain_source(PythonSource.parse(str(mine)), PINS, tmp_path / "cache")
    products = ["Makefile", "config.log", "pyconfig.h", "python", "Modules/Setup.local", "Modules/a.o"]
    for name in (*products, "build/x.c", "cross-build/wasm32-wasip1/x.c", "Lib/__pycache__/os.pyc"):
        (mine / name).parent.mkdir(parents=True, exist_ok=True)
        (mine / name).write_text("built")
    second = obtain_source(PythonSource.parse(str(mine)), PINS, tmp_path / "cache")
    assert second == first
    assert not (second.root / "Makefile").exists()
    assert (second.root / "Modules" / "Setup.local").read_text() != "built"


@pytest.mark.parametrize(
    "name", ["Lib/Makefile", "Tools/config.log", "Lib/platform/x.py", "Lib/test/python", "Tools/build/x.py"]
)
def test_what_is_named_like_a_product_elsewhere_is_source(tmp_path: Path, name: str) -> None:
    mine = cpython_tree(tmp_path / "mine")
    (mine / name).parent.mkdir(parents=True, exist_ok=True)
    (mine / name).write_text("source")
    assert (obtain_source(PythonSource.parse(str(mine)), PINS, tmp_path / "cache").root / name).is_file()


def test_a_change_gives_another_source_and_taking_it_back_gives_the_first(tmp_path: Path) -> None:
    mine = cpython_tree(tmp_path / "mine")
    first = obtain_source(PythonSource.parse(str(mine)), PINS, tmp_path / "cache")
    (mine / "Lib" / "os.py").write_text("import sys, io\n")
    second = obtain_source(PythonSource.parse(str(mine)), PINS, tmp_path / "cache")
    (mine / "Lib" / "os.py").write_text("import sys\n")
    assert second.id != first.id
    assert (second.root / "Lib" / "os.py").read_text() == "import sys, io\n"
    assert obtain_source(PythonSource.parse(str(mine)), PINS, tmp_path / "cache") == first


def test_a_program_that_becomes_a_file_counts(tmp_path: Path) -> None:
    mine = cpython_tree(tmp_path / "mine")
    first = obtain_source(PythonSource.parse(str(mine)), PINS, tmp_path / "cache")
    (mine / "configure").chmod(0o644)
    assert obtain_source(PythonSource.parse(str(mine)), PINS, tmp_path / "cache").id != first.id


def test_the_same_files_elsewhere_are_the_same_source_of_another_origin(tmp_path: Path) -> None:
    one, two = cpython_tree(tmp_path / "one"), cpython_tree(tmp_path / "two")
    first = obtain_source(PythonSource.parse(str(one)), PINS, tmp_path / "cache")
    second = obtain_source(PythonSource.parse(str(two)), PINS, tmp_path / "cache")
    assert (second.id, second.root) == (first.id, first.root)
    assert (first.origin, second.origin) == (str(one), str(two))


def test_a_link_is_copied_as_a_link(tmp_path: Path) -> None:
    mine = cpython_tree(tmp_path / "mine")
    (mine / "Lib" / "link.py").symlink_to("os.py")
    source = obtain_source(PythonSource.parse(str(mine)), PINS, tmp_path / "cache")
    assert str((source.root / "Lib" / "link.py").readlink()) == "os.py"


def test_a_checkout_that_changes_while_it_is_copied_is_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine = cpython_tree(tmp_path / "mine")
    copy = shutil.copy2

    def meddle(source: Path, goal: Path, *, follow_symlinks: bool) -> None:
        copy(source, goal, follow_symlinks=follow_symlinks)
        goal.write_text("changed")

    monkeypatch.setattr(shutil, "copy2", meddle)
    with pytest.raises(UnavailableError, match="changed while it was copied"):
        obtain_source(PythonSource.parse(str(mine)), PINS, tmp_path / "cache")


APT_PIN = dataclasses.replace(PIN, apt_suite="trixie", apt_source="python3.13", apt_file="p.orig.tar.xz")


def test_a_version_that_no_suite_has_is_refused_by_apt(tmp_path: Path) -> None:
    with pytest.raises(UnavailableError, match=r"no source package is pinned that has CPython 3\.13\.5"):
        debian.fill(PIN, tmp_path, tmp_path)


def test_another_version_in_the_suite_is_reported_with_what_is_there(tmp_path: Path) -> None:
    (tmp_path / "p2.orig.tar.xz").touch()
    with pytest.raises(UnavailableError, match=r"wanted p\.orig\.tar\.xz, found p2\.orig\.tar\.xz"):
        debian.checked(APT_PIN, tmp_path)


def test_a_repacked_tarball_is_reported_with_both_hashes(tmp_path: Path) -> None:
    (tmp_path / "p.orig.tar.xz").write_text("other")
    with pytest.raises(UnavailableError) as caught:
        debian.checked(APT_PIN, tmp_path)
    found = "d9298a10d1b0735837dc4bd85dac641b0f3cef27a47e5d53a54f2f3f5b2fcffa"
    assert APT_PIN.sha256 in caught.value.message
    assert found in caught.value.message


def test_what_each_provider_said_is_reported_together(said: list[str]) -> None:
    def refuse(word: str) -> int:
        raise UnavailableError(f"{word} is away\nin two lines", hint="wait")

    attempts = {name: lambda name=name: refuse(name) for name in ("first", "second")}
    with pytest.raises(UnavailableError) as caught:
        first_available("X", attempts, hint="make it yourself")
    assert caught.value.message == (
        "X is not available:\n  first is away\n  in two lines\n    -> wait\n"
        "  second is away\n  in two lines\n    -> wait"
    )
    assert said == ["first cannot provide X: first is away", "second cannot provide X: second is away"]


def test_a_disk_that_cannot_be_written_is_reported(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UnavailableError, match=r"cannot write .*file/entry") as caught:
        make_entry(tmp_path / "file" / "entry", lambda _: None)
    assert "WASM_HARNESS_CACHE" in caught.value.hint
