"""Toolchains: small stand-ins for an SDK, and the real one by apt."""

from __future__ import annotations

import dataclasses
import hashlib
import io
import os
import subprocess
import tarfile
from pathlib import Path

import pytest

from harness.errors import UnavailableError
from harness.matrix.cells import Cell
from harness.matrix.pins import Pins, WasiSdkArchive, WasiSdkPin, load_pins
from harness.matrix.python_source import PythonSource
from harness.targets import Engine, Target
from harness.toolchains import check_toolchain, obtain_toolchain
from harness.toolchains.base import wasi_toolchain
from harness.toolchains.wasi import release
from harness.toolchains.wasi.own import with_sysroot
from tests.integration.origin import Answer, serving
from tests.trees import wasi_sdk_tree

pytestmark = pytest.mark.integration

CELL = Cell(
    id="wasi",
    target=Target.WASI,
    engine=Engine.WASMTIME,
    toolchain="25",
    python=PythonSource.parse("3.13.5"),
    runtime="50.0.1",
    description="for tests",
)
PIN = WasiSdkPin(version="25", llvm="19.1", wasi_libc="574b88d", evidence="e")
PINS = Pins(wasi_sdk=(PIN,))
BROKEN = "#!/bin/sh\necho 'wasm-ld: error: unable to find library -lc'\nexit 1\n"
EMPTY = '#!/bin/sh\nwhile [ $# -gt 0 ]; do if [ "$1" = -o ]; then echo ELF > "$2"; fi; shift; done\n'


@pytest.fixture(autouse=True)
def no_sdk_of_the_users(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WASI_SDK_PATH", raising=False)


def packed(tree: Path) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        tar.add(tree, "wasi-sdk-25.0-x86_64-linux")
    return buffer.getvalue()


def pins_for(url: str, body: bytes) -> Pins:
    sha256 = hashlib.sha256(body).hexdigest()
    archive = WasiSdkArchive(version="25", platform=release.platform_name(), url=f"{url}/a.tar.gz", sha256=sha256)
    return Pins(wasi_sdk=(PIN,), wasi_sdk_archive=(archive,))


def test_the_release_archive_is_downloaded_once(tmp_path: Path) -> None:
    body = packed(wasi_sdk_tree(tmp_path / "sdk"))
    with serving(Answer(body)) as origin:
        pins = pins_for(origin.url, body)
        toolchain = obtain_toolchain(CELL, pins, tmp_path / "cache")
        assert obtain_toolchain(CELL, pins, tmp_path / "cache") == toolchain
        assert len(origin.requests) == 1
    assert (toolchain.provider, toolchain.version) == ("wasi-sdk", "25")
    assert toolchain.facts["url"] == f"{origin.url}/a.tar.gz"
    assert {path.name for path in toolchain.root.parent.iterdir()} == {"sdk", "toolchain.json"}


@pytest.mark.parametrize(("clang", "words"), [(BROKEN, "unable to find library -lc"), (EMPTY, "does not make")])
def test_an_sdk_that_does_not_work_is_reported_in_its_own_words_and_removed(
    tmp_path: Path, clang: str, words: str
) -> None:
    body = packed(wasi_sdk_tree(tmp_path / "sdk", clang=clang))
    with serving(Answer(body)) as origin, pytest.raises(UnavailableError, match=words):
        obtain_toolchain(CELL, pins_for(origin.url, body), tmp_path / "cache")
    assert [path.suffix for path in (tmp_path / "cache" / "toolchains").iterdir()] == [".lock"]


def test_every_provider_that_failed_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WASI_SDK_PATH", str(tmp_path))
    with serving(Answer(status=404)) as origin, pytest.raises(UnavailableError) as caught:
        obtain_toolchain(CELL, pins_for(origin.url, b""), tmp_path / "cache")
    for word in ("has no bin/clang", "404", "apt: no suite is pinned"):
        assert word in caught.value.message
    assert "WASI_SDK_PATH=FOLDER" in caught.value.hint


def test_a_path_is_taken_as_it_is(tmp_path: Path) -> None:
    sdk = wasi_sdk_tree(tmp_path / "sdk")
    toolchain = obtain_toolchain(CELL, PINS, tmp_path / "cache", path=sdk)
    assert (toolchain.provider, toolchain.root) == ("path", sdk)
    assert (toolchain.facts["llvm"], toolchain.facts["wasi_libc"]) == ("19.1.5", "574b88da4815")
    assert not (tmp_path / "cache").exists()


@pytest.mark.parametrize("part", ["bin/wasm-ld", "share/wasi-sysroot/lib/wasm32-wasip1/libc.a"])
def test_a_part_that_is_replaced_in_place_makes_another_toolchain(tmp_path: Path, part: str) -> None:
    sdk = wasi_sdk_tree(tmp_path / "sdk")
    before = obtain_toolchain(CELL, PINS, tmp_path / "cache", path=sdk)
    (sdk / part).parent.mkdir(parents=True, exist_ok=True)
    (sdk / part).write_text("mine")
    assert obtain_toolchain(CELL, PINS, tmp_path / "cache", path=sdk).id != before.id


@pytest.mark.parametrize(("version", "stated"), [("25", "25.5g0fd1d10e1c5f+m"), ("99", "99.0")])
def test_an_sdk_that_is_not_a_pinned_release_is_taken_by_its_number(tmp_path: Path, version: str, stated: str) -> None:
    sdk = wasi_sdk_tree(tmp_path / "sdk", version=stated, llvm="21.0")
    cell = dataclasses.replace(CELL, toolchain=version)
    toolchain = obtain_toolchain(cell, PINS, tmp_path / "cache", path=sdk)
    assert (toolchain.version, toolchain.facts["wasi_sdk"]) == (version, stated)


def test_an_sdk_of_no_pin_and_no_stated_version_is_refused(tmp_path: Path) -> None:
    sdk = wasi_sdk_tree(tmp_path / "sdk", version="", llvm="21.0")
    with pytest.raises(UnavailableError, match="one that no pin names, and there is no file VERSION"):
        obtain_toolchain(dataclasses.replace(CELL, toolchain="99"), PINS, tmp_path / "cache", path=sdk)


def sysroot_tree(root: Path, triple: str) -> Path:
    """What wasi-libc's own build leaves."""
    for name in (f"include/{triple}/stdio.h", f"lib/{triple}/libc.a"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text("mine")
    return root


@pytest.mark.parametrize(("below", "triple"), [("", "wasm32-wasip1"), ("sysroot", "wasm32-wasi")])
def test_a_sysroot_takes_the_place_of_the_one_in_the_cell_s_sdk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, below: str, triple: str
) -> None:
    """A checkout of wasi-libc has no clang."""
    monkeypatch.setenv("WASI_SDK_PATH", str(sdk := wasi_sdk_tree(tmp_path / "sdk")))
    sysroot_tree(tmp_path / "libc" / below, triple)
    cache = tmp_path / "cache"
    assert check_toolchain(CELL, PINS, path=tmp_path / "libc") == tmp_path / "libc"
    toolchain = obtain_toolchain(CELL, PINS, cache, path=tmp_path / "libc")
    assert (toolchain.version, toolchain.provider, toolchain.facts["wasi_sdk"]) == ("25", "path", "25.0")
    assert toolchain.facts["sysroot"] == str(tmp_path / "libc" / below).rstrip("/")
    assert (toolchain.root / "bin" / "clang").samefile(sdk / "bin" / "clang")
    # Each clang finds it by the name that it has for WASI preview 1.
    for name in ("wasm32-wasi", "wasm32-wasip1"):
        assert (toolchain.root / "share" / "wasi-sysroot" / "lib" / name / "libc.a").read_text() == "mine"
        assert (toolchain.root / "share" / "wasi-sysroot" / "include" / name / "stdio.h").read_text() == "mine"
    assert obtain_toolchain(CELL, PINS, cache, path=tmp_path / "libc") == toolchain
    os.utime(tmp_path / "libc" / below / "lib" / triple / "libc.a", (1, 1))
    assert obtain_toolchain(CELL, PINS, cache, path=tmp_path / "libc").id != toolchain.id


def test_the_packages_are_those_without_the_libc_that_was_replaced(tmp_path: Path) -> None:
    facts = {
        "llvm": "19.1",
        "packages": "clang-19=1:19.1.7 wasi-libc=0.0~git20241209.574b88d-2",
        "wasi_libc": "574b88d",
    }
    base = wasi_toolchain("apt", "25", wasi_sdk_tree(tmp_path / "sdk"), facts)
    found = with_sysroot(base, sysroot_tree(tmp_path / "libc", "wasm32-wasi"), tmp_path / "cache").facts
    assert (found["packages"], found["wasi_libc"]) == ("clang-19=1:19.1.7", "")


def test_a_sysroot_with_which_nothing_links_is_named_with_the_linker_s_words(tmp_path: Path) -> None:
    base = wasi_toolchain("apt", "25", wasi_sdk_tree(tmp_path / "sdk", clang=BROKEN), {})
    sysroot = sysroot_tree(tmp_path / "libc", "wasm32-wasi")
    with pytest.raises(UnavailableError) as caught:
        with_sysroot(base, sysroot, tmp_path / "cache")
    assert f"the sysroot {sysroot} does not work with the clang of WASI SDK 25:" in caught.value.message
    assert "unable to find library -lc" in caught.value.message


def test_the_commit_of_a_sysroot_is_recorded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WASI_SDK_PATH", str(wasi_sdk_tree(tmp_path / "sdk")))
    sysroot_tree(tmp_path / "libc" / "sysroot", "wasm32-wasip1")
    git = ("git", "-C", str(tmp_path / "libc"), "-c", "user.name=n", "-c", "user.email=n@example.org")
    subprocess.run([*git, "init", "--quiet"], check=True)
    subprocess.run([*git, "commit", "--quiet", "--allow-empty", "-m", "one"], check=True)
    head = subprocess.run([*git, "rev-parse", "HEAD"], check=True, capture_output=True, text=True).stdout.strip()
    # The checkout of another project has it in a folder.
    assert obtain_toolchain(CELL, PINS, tmp_path / "cache", path=tmp_path / "libc").facts["wasi_libc"] == ""
    (tmp_path / "libc" / "libc-bottom-half").mkdir()
    assert obtain_toolchain(CELL, PINS, tmp_path / "cache2", path=tmp_path / "libc").facts["wasi_libc"] == head


def test_a_folder_that_is_neither_an_sdk_nor_a_sysroot_is_reported(tmp_path: Path) -> None:
    with pytest.raises(UnavailableError, match="it has no bin/clang") as caught:
        check_toolchain(CELL, PINS, path=tmp_path)
    assert "a sysroot of wasi-libc" in caught.value.hint


def test_the_variable_is_taken_when_it_is_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WASI_SDK_PATH", str(wasi_sdk_tree(tmp_path / "sdk")))
    assert obtain_toolchain(CELL, PINS, tmp_path / "cache").provider == "path"


def test_a_variable_of_another_version_is_not_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: list[str]
) -> None:
    monkeypatch.setenv("WASI_SDK_PATH", str(wasi_sdk_tree(tmp_path / "old", version="24.0", llvm="18.1")))
    body = packed(wasi_sdk_tree(tmp_path / "sdk"))
    with serving(Answer(body)) as origin:
        toolchain = obtain_toolchain(CELL, pins_for(origin.url, body), tmp_path / "cache")
    assert toolchain.provider == "wasi-sdk"
    assert "its VERSION says 24.0, the cell wants 25" in said[0]


def test_a_path_of_another_version_is_refused_with_both(tmp_path: Path) -> None:
    sdk = wasi_sdk_tree(tmp_path / "sdk", version="", llvm="18.1")
    with pytest.raises(UnavailableError, match=r"its clang is 18\.1\.5, WASI SDK 25 has 19\.1"):
        obtain_toolchain(CELL, PINS, tmp_path / "cache", path=sdk)


def test_an_sdk_that_is_replaced_in_place_has_another_id(tmp_path: Path) -> None:
    sdk = wasi_sdk_tree(tmp_path / "sdk")
    first = obtain_toolchain(CELL, PINS, tmp_path / "cache", path=sdk)
    os.utime(sdk / "bin" / "clang", (1, 1))
    assert obtain_toolchain(CELL, PINS, tmp_path / "cache", path=sdk).id != first.id


@pytest.mark.toolchain
@pytest.mark.parametrize(
    ("version", "llvm", "wasi_libc"), [("25", "19.1", "20241209.574b88d"), ("33", "22.1", "20260423.161b319")]
)
def test_debians_packages_are_a_wasi_sdk(tmp_path: Path, version: str, llvm: str, wasi_libc: str) -> None:
    cell = dataclasses.replace(CELL, toolchain=version)
    pins = load_pins(Path(__file__).parents[2] / "matrices" / "pins.toml")
    toolchain = obtain_toolchain(cell, pins, tmp_path / "cache", provider="apt")
    assert f"wasi-libc=0.0~git{wasi_libc}" in toolchain.facts["packages"]
    binaries = toolchain.root / "bin"
    for name in (
        "clang",
        "clang++",
        "clang-cpp",
        "llvm-ar",
        "ar",
        "ranlib",
        "llvm-ranlib",
        "llvm-nm",
        "wasm-ld",
    ):
        done = subprocess.run([binaries / name, "--version"], check=False, capture_output=True, text=True)
        assert done.returncode == 0, (name, done.stderr)
        assert llvm in done.stdout
        assert "deprecated" not in done.stderr
    # It is an SDK like any other: its own path serves as WASI_SDK_PATH.
    assert obtain_toolchain(cell, pins, tmp_path / "cache", path=toolchain.root).provider == "path"
