"""The manifest of a build: what is read of one, whatever has written it."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.manifest import Manifest, StepRecord, WasmRecord

RECORD = {
    "schema": 2,
    "python": "3.13.5",
    "native": "/n/python",
    "cell": "wasi",
    "built": "2026-11-22T10:00:00Z",
    "inputs": {"source": "3.13.5-a", "dependencies": ["zlib-1"]},
    "source": {"provider": "tarball", "origin": "https://example.org", "revision": "abc", "id": "3.13.5-a"},
    "toolchain": {"version": "25", "provider": "apt", "llvm": "19.1", "wasi_sdk": "25.0", "packages": "clang-19"},
    "layout": {"build_folder": "b", "program": "b/python.wasm", "wasm": "b/python.wasm"},
    "recipe": {"name": "wasi", "version": 9, "departures": ["one"]},
    "dependencies": {"zlib": {"version": "1.3.1"}},
    "missing_dependencies": {"libffi": "away"},
    "steps": [{"name": "make-host", "seconds": 2, "command": ["make"]}],
    "wasm": {"bytes": 5, "sha256": "ff"},
    "of a later version": [1],
}


def test_a_commit_is_one_of_git_s_whole_names() -> None:
    source = {"provider": "checkout", "revision": "5d0f" * 10, "dirty": "True"}
    found = Manifest.from_json({**RECORD, "source": source})
    assert (found.source.commit, found.source.dirty) == ("5d0f" * 10, True)


@pytest.mark.parametrize(
    ("facts", "revision"),
    [({"emscripten_revision": "1ff81ab"}, "1ff81ab"), ({"wasi_libc": "574b88d"}, "wasi-libc 574b88d"), ({}, "")],
)
def test_the_revision_of_a_toolchain_says_of_what(facts: dict[str, str], revision: str) -> None:
    assert Manifest.from_json({**RECORD, "toolchain": facts}).toolchain.revision == revision


def test_every_record_has_its_field() -> None:
    found = Manifest.from_json(RECORD)
    assert (found.python, found.native, found.cell, found.built) == ("3.13.5", "/n/python", "wasi", RECORD["built"])
    assert (found.source.provider, found.source.origin, found.source.revision) == (
        "tarball",
        "https://example.org",
        "abc",
    )
    assert (found.source.commit, found.source.dirty) == ("", False)
    assert found.toolchain.revision == ""
    assert (found.toolchain.version, found.toolchain.stated, found.toolchain.packages) == ("25", "25.0", "clang-19")
    assert (found.layout.build_folder, found.layout.program) == ("b", "b/python.wasm")
    assert (found.recipe.name, found.recipe.version, found.recipe.departures) == ("wasi", "9", ("one",))
    assert (found.libraries, found.missing_libraries) == ({"zlib": "1.3.1"}, ("libffi",))
    assert found.steps == (StepRecord(name="make-host", seconds=2.0, command=("make",)),)
    assert found.wasm == WasmRecord(bytes=5, sha256="ff")


def test_what_has_no_field_is_written_again() -> None:
    assert Manifest.from_json(RECORD).to_json() == RECORD


def test_an_older_one_knows_no_libraries_and_a_newer_one_may_have_none() -> None:
    assert Manifest.from_json({"python": "3.13.5"}).libraries is None
    assert Manifest.from_json({"dependencies": {}}).libraries == {}


@pytest.mark.parametrize(
    ("changed", "same"), [({"built": "later"}, True), ({"inputs": {}}, False), ({"wasm": 1}, False)]
)
def test_two_manifests_are_of_one_build_by_its_inputs_and_outputs(changed: dict[str, Any], same: bool) -> None:
    assert (Manifest.from_json(RECORD).identity == Manifest.from_json(RECORD | changed).identity) is same


@given(st.dictionaries(st.sampled_from(sorted(RECORD)), st.none() | st.integers() | st.text() | st.just([{"a": 1}])))
def test_what_has_another_type_counts_as_not_recorded(record: dict[str, Any]) -> None:
    assert Manifest.from_json(record).to_json() == record
