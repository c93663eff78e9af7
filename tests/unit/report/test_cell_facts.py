"""What the page says of one cell."""

from __future__ import annotations

import msgspec
import pytest

from harness.manifest import Manifest
from harness.report.cell_facts import cell_facts
from tests.unit.sample_results import results

COMMIT = "5d0f" * 10


@pytest.mark.parametrize(
    ("source", "fact"),
    [
        ({"provider": "checkout", "revision": COMMIT, "dirty": "False"}, COMMIT),
        (
            {"provider": "checkout", "revision": COMMIT, "dirty": "True"},
            f"{COMMIT}, with changes that are in no commit",
        ),
        ({"provider": "tarball", "revision": "ab" * 32}, None),
    ],
)
def test_the_commit_that_was_tested_is_named_and_whether_it_is_all(source: dict[str, str], fact: str | None) -> None:
    found = msgspec.structs.replace(results(), build=Manifest.from_json({"source": source}))
    assert dict(cell_facts("wasi", found).facts).get("commit") == fact


def test_the_revision_of_the_toolchain_is_named() -> None:
    toolchain = {"version": "6.0.11", "emscripten": "6.0.11-git", "emscripten_revision": "1ff81ab"}
    found = msgspec.structs.replace(results(), build=Manifest.from_json({"toolchain": toolchain}))
    assert dict(cell_facts("wasi", found).facts)["toolchain's revision"] == "1ff81ab"


def test_a_sysroot_of_the_user_s_own_is_named() -> None:
    toolchain = {"version": "25", "provider": "path", "llvm": "19.1", "sysroot": "/me/libc"}
    found = msgspec.structs.replace(results(), build=Manifest.from_json({"toolchain": toolchain}))
    shown = "WASI SDK 25 with the sysroot /me/libc (path, LLVM 19.1)"
    assert dict(cell_facts("wasi", found).facts)["toolchain"] == shown
