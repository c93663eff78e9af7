"""The facts of a machine are looked for where the harness puts things."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from harness.build import cross_build
from harness.diagnostics import machine
from harness.diagnostics.machine import Found, look_for
from harness.matrix.cells import with_python
from harness.matrix.pins import Pins
from harness.matrix.python_source import PythonSource
from harness.sources import obtain_source
from harness.sources.base import Provenance, Source, make_source
from harness.toolchains import Toolchain, runtimes
from harness.toolchains.wasi import release
from tests.trees import cpython_tree
from tests.unit.sample_pins import CELL, CPYTHON, PINS, SDK

NOTHING = Found()


def found_in(cache: Path, pins: Pins = PINS) -> Found:
    return look_for(CELL, pins, cache)


@pytest.fixture(autouse=True)
def no_sdk_of_the_users(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WASI_SDK_PATH", raising=False)


def put_source(cache: Path) -> Source:
    """A source where `obtain_source` finds it without asking anyone."""

    def fill(tree: Path) -> Provenance:
        cpython_tree(tree)
        return Provenance(provider="apt", origin="o", revision="r")

    entry = cache / "sources" / f"3.13.5-{CPYTHON.sha256[:16]}"
    make_source(entry, fill)
    return obtain_source(PythonSource.parse("3.13.5"), PINS, cache)


def put_toolchain(cache: Path) -> Toolchain:
    entry = release.entry(SDK, PINS, cache)
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


@pytest.mark.parametrize("own", [False, True])
def test_a_build_is_looked_for_where_the_builder_puts_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, own: bool
) -> None:
    toolchain = put_toolchain(tmp_path)
    if own:
        tree = cpython_tree(tmp_path / "checkout", "3.14.0a2+")
        cell = with_python(CELL, str(tree))
        assert look_for(cell, PINS, tmp_path) == Found(own_python="3.14.0a2+", toolchain="wasi-sdk")
        assert not (tmp_path / "sources").exists()
        source = obtain_source(cell.python, PINS, tmp_path)
    else:
        cell, source = CELL, put_source(tmp_path)
    (source.root / "Tools" / "wasm").mkdir(parents=True)
    (source.root / "Tools" / "wasm" / "wasi.py").touch()
    assert not look_for(cell, PINS, tmp_path).build

    def make(_: object, inputs: object, final: Path) -> None:
        final.mkdir(parents=True)
        (final / "manifest.json").write_text("{}")

    monkeypatch.setattr(cross_build._Builder, "make", make)
    cross_build.ensure_build(cell, source, toolchain, tmp_path, jobs=1)
    assert look_for(cell, PINS, tmp_path).build


def test_a_runtime_is_looked_for_where_it_is_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def install(final: Path, make: Callable[[Path], None]) -> Path:
        final.mkdir(parents=True)
        return final

    monkeypatch.setattr(runtimes, "make_entry", install)
    runtimes.obtain_runtime("wasmtime", "50.0.1", PINS, tmp_path)
    assert found_in(tmp_path) == Found(runtime=True)


def test_a_user_s_own_folder_that_is_not_an_sdk_is_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
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

    monkeypatch.setattr(machine, "connection_fault", fault)
    twice = dataclasses.replace(PINS, cpython=(CPYTHON, dataclasses.replace(CPYTHON, version="3.14.1")))
    assert machine._faults(twice) == {"source.example.org": "source.example.org cannot be reached (no route)"}
    assert tried == ["https://source.example.org/a.tgz", "https://sdk.example.org/sdk.tgz"]


@pytest.mark.parametrize(("archive", "asked"), [("http://debian.example/debian/", True), ("mirror+file:/m", False)])
def test_the_origin_and_the_debian_archive_are_asked_for_each_cpython(
    monkeypatch: pytest.MonkeyPatch, archive: str, asked: bool
) -> None:
    monkeypatch.setattr(machine, "connection_fault", lambda *_: "")
    monkeypatch.setattr(machine, "head_status", lambda url, *_: 404 if "/pool/" in url else 200)
    answers = machine._answers(PINS, archive, {})
    place = f"{archive}pool/main/p/python3.13/a.tgz"
    assert answers == {CPYTHON.url: 200} | ({place: 404} if asked else {})
    assert CPYTHON.url not in machine._answers(PINS, "", {"source.example.org": "no route"})
