"""The doctor: what its facts mean, and that it looks where the harness puts things."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from harness import build, doctor, runtimes
from harness.doctor import Found, Line, Machine, is_usable, judge_cell, judge_machine, render
from harness.matrix import Cell, Matrix, Target
from harness.pins import CPythonPin, EmscriptenPin, EmsdkPin, Pins, RuntimePin, WasiSdkArchive, WasiSdkPin
from harness.sources import obtain_source
from harness.sources.base import Provenance, Source, make_source
from harness.toolchains import Toolchain, wasi_sdk
from tests.trees import cpython_tree

CELL = Cell(id="wasi", target=Target.WASI, toolchain="25", python="3.13.5", runtime="50.0.1", description="for tests")
EMSCRIPTEN = dataclasses.replace(CELL, id="emscripten-4.0.10", target=Target.EMSCRIPTEN, toolchain="4.0.10")
CPYTHON = CPythonPin(
    version="3.13.5",
    url="https://source.example.org/a.tgz",
    sha256="ab" * 32,
    apt_suite="trixie",
    apt_source="python3.13",
    apt_file="a.tgz",
)
SDK = WasiSdkPin(
    version="25",
    llvm="19.1",
    wasi_libc="574b88d",
    evidence="e",
    apt_suite="trixie",
    apt_packages=("clang-19",),
)
ARCHIVE = WasiSdkArchive(
    version="25", platform=wasi_sdk.platform_name(), url="https://sdk.example.org/sdk.tgz", sha256="ab" * 32
)
RUNTIME = RuntimePin(name="wasmtime", version="50.0.1", sha256=("ab" * 32,))
PINS = Pins(cpython=(CPYTHON,), wasi_sdk=(SDK,), wasi_sdk_archive=(ARCHIVE,), runtime=(RUNTIME,))
PROGRAMS = {name: f"/usr/bin/{name}" for name in ("gcc", "make", "git", "apt-get", "dpkg-deb", "patchelf")}
MACHINE = Machine(
    python="3.12.1",
    cache=Path("/cache"),
    disk_free=80_000_000_000,
    memory=8_000_000_000,
    processors=4,
    programs=PROGRAMS,
    compiler="gcc 12.2.0",
    pip="25.0",
    has_debian_archive=True,
)
NOTHING = Found()
EVERYTHING = Found(source="tarball", toolchain="wasi-sdk", build=True, runtime=True)
UNREACHABLE = {
    "source.example.org": "source.example.org cannot be reached (no route)",
    "sdk.example.org": "sdk.example.org cannot be reached (no route)",
}


def without(*names: str) -> dict[str, str]:
    return {name: path for name, path in PROGRAMS.items() if name not in names}


def judged(part: str, machine: Machine = MACHINE, found: Found = NOTHING, pins: Pins = PINS) -> Line:
    return next(line for line in judge_cell(CELL, pins, machine, found) if line.name == part)


def of_machine(name: str, machine: Machine = MACHINE) -> Line:
    return next(line for line in judge_machine(machine) if line.name == name)


def test_an_empty_cache_is_filled_from_the_first_provider_that_can() -> None:
    lines = judge_cell(CELL, PINS, MACHINE, NOTHING)
    assert is_usable(lines)
    assert [line.text for line in lines] == [
        "CPython 3.13.5: will be had from tarball",
        "WASI SDK 25: will be had from wasi-sdk",
        "will be made here",
        "wasmtime 50.0.1: will be had from pip",
    ]


def test_a_full_cache_needs_nothing_else() -> None:
    bare = Machine(python="3.12.1", cache=Path("/cache"), disk_free=0, memory=1, processors=1, offline=True)
    lines = judge_cell(CELL, PINS, bare, EVERYTHING)
    assert is_usable(lines)
    assert [line.text for line in lines] == [
        "CPython 3.13.5: in the cache, from tarball",
        "WASI SDK 25: in the cache, from wasi-sdk",
        "in the cache",
        "wasmtime 50.0.1: in the cache",
    ]


def test_apt_serves_where_the_origins_do_not_answer() -> None:
    machine = dataclasses.replace(MACHINE, faults=UNREACHABLE)
    assert judged("source", machine) == Line(True, "source", "CPython 3.13.5: will be had from apt")
    assert judged("toolchain", machine) == Line(True, "toolchain", "WASI SDK 25: will be had from apt")


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"programs": without("apt-get", "dpkg-deb")}, "apt: there is no apt-get and no dpkg-deb"),
        ({"has_debian_archive": False}, "apt: its configuration names no Debian archive"),
        ({"programs": without("patchelf")}, "apt: there is no patchelf"),
    ],
)
def test_a_toolchain_that_nobody_provides_says_why_and_what_to_do(change: dict[str, Any], fault: str) -> None:
    line = judged("toolchain", dataclasses.replace(MACHINE, faults=UNREACHABLE, **change))
    assert not line.good
    assert "wasi-sdk: sdk.example.org cannot be reached (no route); " in line.text
    assert fault in line.text
    assert line.text.endswith("-> one of your own serves: WASI_SDK_PATH=FOLDER")


def test_a_source_without_a_package_is_not_had_from_apt() -> None:
    bare = dataclasses.replace(CPYTHON, apt_suite="", apt_source="", apt_file="")
    machine = dataclasses.replace(MACHINE, faults=UNREACHABLE)
    line = judged("source", machine, pins=dataclasses.replace(PINS, cpython=(bare,)))
    assert not line.good
    assert "apt: no package is pinned" in line.text
    assert line.text.endswith("--cpython PATH")


def test_a_toolchain_needs_a_pinned_archive_for_this_platform() -> None:
    pins = dataclasses.replace(PINS, wasi_sdk_archive=(dataclasses.replace(ARCHIVE, platform="vax-vms"),))
    assert judged("toolchain", pins=pins).text == "WASI SDK 25: will be had from apt"
    alone = dataclasses.replace(MACHINE, has_debian_archive=False)
    assert "no archive is pinned for this platform" in judged("toolchain", alone, pins=pins).text


def test_what_is_not_pinned_is_told_with_the_pins_own_words() -> None:
    for part, said in (
        ("source", "CPython 3.13.5 is not pinned"),
        ("toolchain", "WASI SDK 25 is not pinned"),
        ("runtime", "wasmtime 50.0.1 is not pinned"),
    ):
        line = judged(part, pins=Pins())
        assert not line.good
        assert said in line.text
        assert "matrices/pins.toml" in line.text


def test_offline_nothing_can_be_fetched() -> None:
    lines = judge_cell(CELL, PINS, dataclasses.replace(MACHINE, offline=True), NOTHING)
    assert [line.name for line in lines if not line.good] == ["source", "toolchain", "runtime"]
    assert not is_usable(lines)


def test_offline_the_machine_says_that_the_network_was_not_tried() -> None:
    assert not of_machine("network", dataclasses.replace(MACHINE, offline=True)).good
    assert of_machine("network").good


def test_every_origin_that_does_not_answer_has_a_line() -> None:
    lines = judge_machine(dataclasses.replace(MACHINE, faults=UNREACHABLE))
    network = [line for line in lines if line.name == "network"]
    assert [line.text for line in network] == list(UNREACHABLE.values())
    assert not any(line.good for line in network)


@pytest.mark.parametrize(
    ("change", "lacks"),
    [
        ({"compiler": ""}, "a C compiler"),
        ({"programs": without("make")}, "make"),
        ({"disk_free": 1_000_000_000}, "2.5 GB of free disk"),
    ],
)
def test_a_build_that_is_not_there_yet_needs_its_tools(change: dict[str, Any], lacks: str) -> None:
    machine = dataclasses.replace(MACHINE, **change)
    line = judged("build", machine)
    assert not line.good
    assert line.text.startswith(f"lacks {lacks} ->")
    assert judged("build", machine, EVERYTHING).good


def test_a_runtime_needs_pip() -> None:
    machine = dataclasses.replace(MACHINE, pip="")
    assert "there is no pip" in judged("runtime", machine).text
    assert not judged("runtime", machine).good
    assert "ensurepip" in of_machine("pip", machine).text


def test_an_sdk_of_the_users_is_taken_or_its_fault_is_told() -> None:
    assert judged("toolchain", found=Found(toolchain="path")).text == "WASI SDK 25: your own, WASI_SDK_PATH"
    line = judged("toolchain", found=Found(own_sdk_fault="it is 24"))
    assert line.good
    assert line.text == "WASI_SDK_PATH is passed over (it is 24); WASI SDK 25: will be had from wasi-sdk"


def of_emscripten(machine: Machine, *, apt_suite: str = "", found: Found = NOTHING) -> Line:
    pins = dataclasses.replace(
        PINS,
        emsdk=EmsdkPin(url="https://emsdk.example.org/emsdk.git", commit="ab" * 20),
        emscripten=(EmscriptenPin(version="4.0.10", node="24.19.0", apt_suite=apt_suite),),
    )
    return next(line for line in judge_cell(EMSCRIPTEN, pins, machine, found) if line.name == "toolchain")


def test_who_provides_emscripten() -> None:
    away = dataclasses.replace(MACHINE, faults={"emsdk.example.org": "emsdk.example.org cannot be reached (no route)"})
    assert of_emscripten(MACHINE, found=EVERYTHING).text == "Emscripten 4.0.10: in the cache, from wasi-sdk"
    assert of_emscripten(MACHINE).text == "Emscripten 4.0.10: will be had from emsdk"
    assert of_emscripten(dataclasses.replace(MACHINE, programs=without("git"))).good is False
    assert of_emscripten(away, apt_suite="trixie").text == "Emscripten 4.0.10: will be had from apt"
    nobody = of_emscripten(away)
    assert not nobody.good
    assert "no Debian suite is pinned" in nobody.text
    assert "--toolchain PATH" in nobody.text


def test_programs_are_shown_with_their_paths_and_missing_ones_with_their_use() -> None:
    assert of_machine("git") == Line(True, "git", "/usr/bin/git")
    assert of_machine("ccache").text == "would make a second Emscripten build of the same source faster"
    assert "gcc or clang" in of_machine("C compiler", dataclasses.replace(MACHINE, compiler="")).text


def test_a_disk_that_is_too_small_is_missing() -> None:
    line = of_machine("disk", dataclasses.replace(MACHINE, disk_free=1_000_000_000))
    assert line == Line(False, "disk", "1.0 GB free for /cache; a first build takes about 2.5 GB")


def test_the_page_is_aligned_and_counts_the_cells() -> None:
    broken = dataclasses.replace(EMSCRIPTEN, broken="it does not link")
    page = render(
        [Line(True, "Python", "3.12.1"), Line(False, "make", "install it")],
        {CELL: [Line(True, "build", "in the cache")], broken: [Line(False, "recipe", "none")]},
    )
    assert page == "\n".join(
        [
            "this machine",
            "  ok       Python      3.12.1",
            "  missing  make        install it",
            "",
            "wasi: for tests",
            "  ok       build       in the cache",
            "",
            "emscripten-4.0.10: for tests (known to be broken: it does not link)",
            "  missing  recipe      none",
            "",
            "1 of 2 cells can be built and tested here",
        ]
    )


def test_one_usable_cell_is_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    found = {CELL: EVERYTHING, EMSCRIPTEN: NOTHING}
    monkeypatch.setattr(doctor, "load_configuration", lambda: (Matrix(tuple(found)), PINS))
    monkeypatch.setattr(doctor, "_look_at_machine", lambda *_, **__: MACHINE)
    monkeypatch.setattr(doctor, "_look_for", lambda cell, *_: found[cell])
    page, good = doctor.report(offline=False)
    assert good
    assert page.endswith("1 of 2 cells can be built and tested here")
    del found[CELL]
    assert not doctor.report(offline=False)[1]


def found_in(cache: Path, pins: Pins = PINS) -> Found:
    return doctor._look_for(CELL, pins, cache)


@pytest.fixture(autouse=True)
def no_sdk_of_the_users(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WASI_SDK_PATH", raising=False)


def put_source(cache: Path) -> Source:
    """A source where `obtain_source` finds it without asking anyone."""

    def fill(tree: Path) -> Provenance:
        cpython_tree(tree)
        return Provenance(provider="apt", origin="o", revision="r")

    entry = cache / "sources" / f"3.13.5-{CPYTHON.sha256[:16]}"
    make_source(entry, fill, say=lambda _: None)
    return obtain_source("3.13.5", PINS, cache, say=lambda _: None)


def put_toolchain(cache: Path) -> Toolchain:
    entry = wasi_sdk.entry(SDK, PINS, cache)
    assert entry is not None
    entry.mkdir(parents=True)
    record = {"id": "sdk", "kind": "wasi-sdk", "version": "25", "provider": "wasi-sdk", "facts": {}}
    (entry / "toolchain.json").write_text(json.dumps(record))
    return Toolchain(**record, root=entry / "sdk")  # type: ignore[arg-type]


def test_nothing_is_found_in_a_cache_that_is_not_there(tmp_path: Path) -> None:
    assert found_in(tmp_path / "none") == NOTHING
    assert not (tmp_path / "none").exists()


def test_a_cached_source_and_toolchain_are_found(tmp_path: Path) -> None:
    put_source(tmp_path)
    assert found_in(tmp_path) == Found(source="apt")
    put_toolchain(tmp_path)
    assert found_in(tmp_path) == Found(source="apt", toolchain="wasi-sdk")


def test_a_build_is_looked_for_where_the_builder_puts_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source, toolchain = put_source(tmp_path), put_toolchain(tmp_path)
    assert not found_in(tmp_path).build

    def make(_: object, inputs: object, final: Path) -> None:
        final.mkdir(parents=True)
        (final / "manifest.json").write_text("{}")

    monkeypatch.setattr(build._Builder, "make", make)
    build.ensure_build(CELL, source, toolchain, tmp_path, jobs=1)
    assert found_in(tmp_path).build


def test_a_runtime_is_looked_for_where_it_is_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def install(final: Path, make: Callable[[Path], None], *, say: Callable[[str], None]) -> Path:
        final.mkdir(parents=True)
        return final

    monkeypatch.setattr(runtimes, "make_entry", install)
    runtimes.obtain_runtime("wasmtime", "50.0.1", PINS, tmp_path)
    assert found_in(tmp_path) == Found(runtime=True)


def test_an_sdk_of_the_users_that_is_none_is_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put_toolchain(tmp_path)
    monkeypatch.setenv("WASI_SDK_PATH", str(tmp_path / "none"))
    found = found_in(tmp_path)
    assert found.toolchain == "wasi-sdk"
    assert "is no WASI SDK" in found.own_sdk_fault


def test_origins_are_tried_once_each(monkeypatch: pytest.MonkeyPatch) -> None:
    tried: list[str] = []

    def fault(url: str, seconds: float) -> str:
        tried.append(url)
        return "no route" if "source" in url else ""

    monkeypatch.setattr(doctor, "connection_fault", fault)
    twice = dataclasses.replace(PINS, cpython=(CPYTHON, dataclasses.replace(CPYTHON, version="3.14.1")))
    assert doctor._faults(twice) == {"source.example.org": "source.example.org cannot be reached (no route)"}
    assert tried == ["https://source.example.org/a.tgz", "https://sdk.example.org/sdk.tgz"]
