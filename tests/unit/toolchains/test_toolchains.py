"""Toolchains: what is decided before anything runs."""

from __future__ import annotations

import dataclasses
import json
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NoReturn

import pytest

from harness.errors import ConfigError, UnavailableError
from harness.matrix.pins import Pins
from harness.targets import Target
from harness.toolchains import obtain_toolchain
from harness.toolchains.base import Toolchain, cached, make_toolchain, wasi_toolchain
from harness.toolchains.wasi import debian, release
from harness.toolchains.wasi.own import other_version
from harness.util.log import show_log
from tests.unit.sample_pins import CELL, PINS
from tests.unit.sample_pins import SDK as PIN

VERSIONS = {"clang-19": "1:19.1.7-3+b1", "wasi-libc": "0.0~git20241209.574b88d-2"}


@pytest.fixture(autouse=True)
def no_sdk_of_the_users(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WASI_SDK_PATH", raising=False)


def put_into_cache(entry: Path, provider: str) -> None:
    toolchain = wasi_toolchain(provider, "25", entry / "sdk", {"llvm": "19.1"})
    entry.mkdir(parents=True)
    record = {name: value for name, value in vars(toolchain).items() if name != "root"}
    (entry / "toolchain.json").write_text(json.dumps(record))


@pytest.mark.parametrize(
    ("system", "machine", "name"),
    [
        ("linux", "x86_64", "x86_64-linux"),
        ("linux", "aarch64", "arm64-linux"),
        ("darwin", "arm64", "arm64-macos"),
        ("darwin", "x86_64", "x86_64-macos"),
        ("freebsd14", "amd64", "x86_64-freebsd14"),
    ],
)
def test_platforms_have_the_names_of_the_releases(system: str, machine: str, name: str) -> None:
    assert release.platform_name(system, machine) == name


def test_packages_of_the_sdks_own_revisions_are_accepted() -> None:
    assert debian.other_revisions(PIN, VERSIONS) == ""


@pytest.mark.parametrize(
    ("package", "version", "wrong"),
    [
        ("clang-19", "1:19.2.0-1", r"clang is 19.2.0-1, wanted 19.1"),
        ("clang-19", "1:19.10.0-1", r"clang is 19.10.0-1, wanted 19.1"),
        (
            "wasi-libc",
            "0.0~git20250101.aaaaaaa-1",
            "wasi-libc is 0.0~git20250101.aaaaaaa-1, wanted git revision 574b88d",
        ),
    ],
)
def test_packages_of_another_revision_are_refused(package: str, version: str, wrong: str) -> None:
    assert debian.other_revisions(PIN, VERSIONS | {package: version}) == wrong


def test_packages_that_are_missing_are_refused() -> None:
    assert debian.other_revisions(PIN, {}) == (
        "clang is missing, wanted 19.1; wasi-libc is missing, wanted git revision 574b88d"
    )


@pytest.mark.parametrize(("llvm", "target"), [("19.1", "wasm32-wasi"), ("22.1", "wasm32-wasip1")])
def test_the_default_target_of_clang_is_the_name_at_which_it_does_not_warn(llvm: str, target: str) -> None:
    assert debian.target_of(dataclasses.replace(PIN, llvm=llvm)) == target


@pytest.mark.parametrize(("stated", "llvm"), [("25.0", "19.1.5"), ("25.0+m", "19.1.5"), ("", "19.1.7")])
def test_an_sdk_of_the_cells_version_is_accepted(stated: str, llvm: str) -> None:
    assert other_version(PIN, stated, llvm) == ""


@pytest.mark.parametrize(
    ("stated", "llvm", "versions"),
    [
        ("24.0", "19.1.5", ("24.0", "25")),
        ("2.50", "19.1.5", ("2.50", "25")),
        ("", "18.1.2", ("18.1.2", "19.1")),
        ("", "19.10.0", ("19.10.0", "19.1")),
        ("", "", ("not working", "19.1")),
    ],
)
def test_an_sdk_of_another_version_is_reported_with_both(stated: str, llvm: str, versions: tuple[str, str]) -> None:
    wrong = other_version(PIN, stated, llvm)
    assert all(word in wrong for word in versions)


def test_a_suite_is_never_taken_for_an_sdk_that_the_pin_does_not_name(tmp_path: Path) -> None:
    pin = dataclasses.replace(PIN, apt_suite="", apt_packages=())
    with pytest.raises(UnavailableError, match="no suite is pinned whose packages are those of WASI SDK 25"):
        debian.obtain(pin, PINS, tmp_path)


def test_a_platform_without_archive_is_reported(tmp_path: Path) -> None:
    with pytest.raises(UnavailableError, match=f"no archive .* is pinned for {release.platform_name()}"):
        release.obtain(PIN, Pins(), tmp_path)


def test_the_cache_at_another_path_is_another_entry_for_programs_that_hold_it() -> None:
    one, two = (debian.entry(PIN, PINS, Path(cache)) for cache in ("/a", "/b"))
    assert one
    assert two
    assert one.name != two.name


@pytest.mark.parametrize("provider", ["wasi-sdk", "apt"])
def test_a_provider_with_the_toolchain_in_the_cache_is_asked_first_and_starts_nothing(
    tmp_path: Path, provider: str, said: list[str]
) -> None:
    entry = {"wasi-sdk": release, "apt": debian}[provider].entry(PIN, PINS, tmp_path)
    assert entry
    put_into_cache(entry, provider)
    toolchain = obtain_toolchain(CELL, PINS, tmp_path)
    assert toolchain.provider == provider
    assert toolchain.root == entry / "sdk"
    assert said == [f"WASI SDK 25 is from {provider}: {toolchain.root}"]


def test_an_entry_that_was_never_tried_does_not_count(tmp_path: Path) -> None:
    entry = debian.entry(PIN, PINS, tmp_path)
    assert entry
    put_into_cache(entry, "apt")
    (entry / "toolchain.json").rename(entry / "untried.json")
    with pytest.raises(AssertionError, match="unit test must not start a process"):
        obtain_toolchain(CELL, PINS, tmp_path, provider="apt")


@pytest.mark.parametrize("works", [True, False])
def test_an_entry_that_is_being_tried_is_neither_tried_nor_used_by_another_run(tmp_path: Path, works: bool) -> None:
    entry, trying, waiting = tmp_path / "entry", threading.Event(), threading.Event()

    def fill(_: Path) -> Toolchain:
        return wasi_toolchain("apt", "25", entry / "sdk", {})

    def try_it(toolchain: Toolchain) -> Toolchain:
        trying.set()
        if not waiting.wait(5) or not works:
            raise UnavailableError("it does not work")
        return toolchain

    def never(_: Toolchain) -> NoReturn:
        raise AssertionError("tried by both")

    with ThreadPoolExecutor() as pool:
        first = pool.submit(make_toolchain, entry, fill, try_it=try_it)
        assert trying.wait(5)
        show_log(lambda _: waiting.set())
        second = pool.submit(make_toolchain, entry, fill, try_it=never)
    if works:
        assert first.result() == second.result() == cached(entry)
    else:
        with pytest.raises(UnavailableError, match="does not work"):
            first.result()
        with pytest.raises(UnavailableError, match="another run has tried"):
            second.result()
        assert not entry.exists()


def test_the_id_stands_for_provider_and_versions() -> None:
    one = wasi_toolchain("apt", "25", Path("/a"), {"llvm": "19.1"})
    assert one.id == wasi_toolchain("apt", "25", Path("/b"), {"llvm": "19.1"}).id
    others = [
        wasi_toolchain("wasi-sdk", "25", Path("/a"), {"llvm": "19.1"}),
        wasi_toolchain("apt", "24", Path("/a"), {"llvm": "19.1"}),
        wasi_toolchain("apt", "25", Path("/a"), {"llvm": "19.2"}),
    ]
    assert len({one.id, *(other.id for other in others)}) == 4


def test_an_sdk_that_is_not_pinned_is_reported_with_those_that_are(tmp_path: Path) -> None:
    with pytest.raises(UnavailableError, match="WASI SDK 26 is not pinned; pinned: 25"):
        obtain_toolchain(dataclasses.replace(CELL, toolchain="26"), PINS, tmp_path)


def test_an_unknown_provider_is_reported_with_a_suggestion(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="'wasisdk'; did you mean 'wasi-sdk'"):
        obtain_toolchain(CELL, PINS, tmp_path, provider="wasisdk")


def test_the_provider_path_needs_its_variable(tmp_path: Path) -> None:
    with pytest.raises(UnavailableError, match="WASI_SDK_PATH is not set"):
        obtain_toolchain(CELL, PINS, tmp_path, provider="path")


def test_a_path_that_is_not_an_sdk_is_reported(tmp_path: Path) -> None:
    with pytest.raises(UnavailableError, match="is no WASI SDK: it has no bin/clang"):
        obtain_toolchain(CELL, PINS, tmp_path, path=tmp_path)


def test_the_pins_of_one_target_are_not_those_of_the_other(tmp_path: Path) -> None:
    cell = dataclasses.replace(CELL, id="emscripten-25", target=Target.EMSCRIPTEN)
    with pytest.raises(UnavailableError, match="Emscripten 25 is not pinned; pinned: none"):
        obtain_toolchain(cell, PINS, tmp_path)
