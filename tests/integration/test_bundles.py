"""A bundle tested where there is nothing but Python and a runtime: no compiler, no network, no cache of ours."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from harness.bundles.index import portable_manifest
from harness.manifest import Manifest
from harness.run.prepared import Prepared
from tests.integration.disk import small_disk

pytestmark = [pytest.mark.integration, pytest.mark.toolchain]
ROOT = Path(__file__).parents[2]
SELECTED = ("-k", "test_bool or test_glob or test_sysconfig", "-n", "2")


# What may differ: times, and `path`, the place of a machine's own runtime;
# `work` says when each worker began each module.
PROVENANCE = {"seconds", "started", "command", "path", "work"}


def harness(*arguments: str, env: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "harness", *arguments],
        cwd=ROOT,
        env=dict(env or os.environ) | {"PYTHONPATH": str(ROOT)},
        text=True,
        capture_output=True,
        timeout=300,
        check=False,
    )


def bare_machine(folder: Path) -> dict[str, str]:
    """The environment of a machine with no program on PATH, no network and no cache yet."""
    (folder / "bin").mkdir(parents=True)
    return {
        "PATH": str(folder / "bin"),
        "HOME": str(folder),
        "WASM_HARNESS_CACHE": str(folder / "cache"),
        "https_proxy": "http://127.0.0.1:9",
        "http_proxy": "http://127.0.0.1:9",
    }


def own_runtime(prepared: Prepared) -> str:
    node = prepared.runtime / "bin" / "node"
    return f"--runtime=path:{node if node.exists() else prepared.runtime}"


def without_times_and_provenance(results: Any) -> Any:
    if isinstance(results, dict):
        return {key: without_times_and_provenance(value) for key, value in results.items() if key not in PROVENANCE}
    return [without_times_and_provenance(each) for each in results] if isinstance(results, list) else results


@pytest.fixture(scope="module")
def bundle(wasi: Prepared, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made(wasi, tmp_path_factory.mktemp("wasi"))


def made(prepared: Prepared, folder: Path) -> Path:
    done = harness("bundle", prepared.cell.id, "--into", str(folder))
    assert done.returncode == 0, done.stderr
    (bundle,) = folder.iterdir()
    assert f"bundle: {bundle}" in done.stdout
    return bundle


@pytest.mark.parametrize("cell", ["wasi", "emscripten"])
def test_the_run_of_a_bundle_is_that_of_its_build(cell: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    prepared: Prepared = request.getfixturevalue(cell)
    bundle = made(prepared, tmp_path / "bundle")
    runtime, env = own_runtime(prepared), bare_machine(tmp_path / "elsewhere")
    found = {}
    for name, more, where in (("direct", (), None), ("bundle", ("--bundle", str(bundle)), env)):
        done = harness(
            "test", prepared.cell.id, runtime, *more, *SELECTED, "--run-dir", str(tmp_path / name), env=where
        )
        assert done.returncode == 0, done.stdout + done.stderr
        found[name] = json.loads((tmp_path / name / prepared.cell.id / "results.json").read_text())
    cache = str(prepared.cache)
    assert found["bundle"]["build"] == portable_manifest(Manifest.from_json(found["direct"]["build"]), cache)
    # The command that repeats a case has the bundle in it.
    options = {name: results["run"].pop("options") for name, results in found.items()}
    assert options["bundle"].pop("bundle") == str(bundle)
    for results in found.values():
        results["build"] = without_times_and_provenance(portable_manifest(Manifest.from_json(results["build"]), cache))
    assert without_times_and_provenance(found["bundle"]) == without_times_and_provenance(found["direct"])
    assert {"test_bool", "test_sysconfig"} <= found["bundle"]["modules"].keys()


def test_the_second_test_of_a_bundle_starts_at_once(wasi: Prepared, bundle: Path, tmp_path: Path) -> None:
    env = bare_machine(tmp_path / "elsewhere")
    command = ("test", "wasi", own_runtime(wasi), "--bundle", str(bundle), "-k", "test_bool", "-n", "1")
    first, second = (harness(*command, "--run-dir", str(tmp_path / name), env=env) for name in ("1", "2"))
    assert (first.returncode, second.returncode) == (0, 0), first.stderr + second.stderr
    assert f"opening {bundle}" in first.stdout
    assert "opening" not in second.stdout
    assert "asking" not in second.stdout


def test_a_bundle_that_cannot_be_tested_is_reported_and_leaves_nothing(bundle: Path, tmp_path: Path) -> None:
    env = bare_machine(tmp_path / "elsewhere")
    whole = bundle.read_bytes()
    (tmp_path / "cut.tar.gz").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "other.tar.gz").write_bytes(whole[:9_000_000] + bytes([whole[9_000_000] ^ 1]) + whole[9_000_001:])
    for cell, name, status, words in (
        ("wasi", "cut.tar.gz", 3, "cannot be opened: "),
        ("wasi", "other.tar.gz", 3, "cannot be opened: "),
        ("wasi", "none.tar.gz", 2, "is not a file"),
        ("wasi-debug", str(bundle), 2, "is a bundle of wasi, and the cell to be tested is wasi-debug"),
    ):
        done = harness("test", cell, "--bundle", str(tmp_path / name), "-k", "test_bool", env=env)
        said = done.stdout + done.stderr
        assert (done.returncode, words in said, "Traceback" in said) == (status, True, False), said
    left = [path for path in (tmp_path / "elsewhere/cache/bundles").iterdir() if path.suffix != ".lock"]
    assert not left


def test_a_disk_that_cannot_hold_the_bundle_is_reported(bundle: Path, tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk") as disk:
        env = bare_machine(tmp_path / "elsewhere") | {"WASM_HARNESS_CACHE": str(disk)}
        opened = harness("test", "wasi", "--bundle", str(bundle), "-k", "test_bool", env=env)
        packed = harness("bundle", "wasi", "--into", str(disk))
        assert not list(disk.glob("*.gz"))
    for done, words in ((opened, "MiB free"), (packed, "No space left on device")):
        said = done.stdout + done.stderr
        assert (done.returncode, words in said, "Traceback" in said) == (3, True, False), said
