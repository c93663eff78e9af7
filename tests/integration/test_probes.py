"""The probes in real interpreters: natively, where what they try works, and on both targets."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from harness.engines.native import NativeEngine
from harness.limitations import Registry, load_registry
from harness.prepared import Prepared
from harness.probes.observation import Did, Finding, Observation, judge
from harness.probes.results import CellProbes, load_probes
from harness.probes.run import probe_cell, run_probes

pytestmark = pytest.mark.toolchain
ROOT = Path(__file__).parents[2]
# A native Python is built with what its machine has.
OPTIONAL = {"modules.ctypes_call", "modules.readline_history", "modules.ssl_context", "modules.curses_terminal"}
OPTIONAL |= {"modules.dbm_sqlite", "modules.dbm_gnu", "modules.dbm_ndbm", "modules.ensurepip_bootstrap"}


@pytest.fixture(scope="module")
def registry() -> Registry:
    return load_registry(ROOT / "expected_failures" / "limitations.toml")


@pytest.fixture(scope="module")
def native(wasi: Prepared, registry: Registry, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Observation]:
    """What every probe does in the build Python."""
    probes = [probe for item in registry.limitations.values() for probe in item.probes]
    return run_probes(
        tuple(dict.fromkeys(probes)),
        NativeEngine(),
        tmp_path_factory.mktemp("native"),
        python=str(wasi.build.manifest["native"]),
        mounts=(),
        env={"PYTHONDONTWRITEBYTECODE": "1"},
        say=print,
    )


@pytest.fixture(scope="module")
def answers(
    wasi: Prepared, emscripten: Prepared, registry: Registry, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, CellProbes]:
    """What the probes find on each target."""
    folder = tmp_path_factory.mktemp("probes")
    return {
        prepared.cell.target.value: probe_cell(prepared, registry, folder / prepared.cell.id, say=print)
        for prepared in (wasi, emscripten)
    }


def test_natively_what_a_probe_tries_works(native: dict[str, Observation]) -> None:
    failed = {probe: str(seen) for probe, seen in native.items() if seen.did not in {Did.WORKS, Did.NOT_APPLICABLE}}
    assert {probe: said for probe, said in failed.items() if probe not in OPTIONAL} == {}
    assert sum(seen.did is Did.NOT_APPLICABLE for seen in native.values()) <= 6


def test_every_statement_that_holds_somewhere_does_not_natively(
    native: dict[str, Observation], answers: dict[str, CellProbes], registry: Registry
) -> None:
    same = set()
    for found in answers.values():
        for answer in found.answers.values():
            item = registry.limitations[answer.limitation]
            there = {judge(native[probe], item.fails) for probe in item.probes}
            if answer.finding is Finding.HOLDS and not there - {Finding.HOLDS, Finding.NOT_APPLICABLE}:
                same.add(answer.limitation)
    assert not {item for item in same if not set(registry.limitations[item].probes) & OPTIONAL}


@pytest.mark.parametrize(
    ("target", "limitation", "finding"),
    [
        ("wasi", "wasi-no-threads", Finding.HOLDS),
        ("wasi", "wasi-no-subprocess", Finding.HOLDS),
        ("wasi", "wasi-absolute-symlinks", Finding.HOLDS),
        ("wasi", "wasi-no-compileall", Finding.LIFTED),
        ("wasi", "wasi-no-time-zones", Finding.DIFFERS),
        ("wasi", "fs-umask", Finding.NOT_APPLICABLE),
        ("emscripten", "proc-none", Finding.HOLDS),
        ("emscripten", "fs-umask", Finding.HOLDS),
        ("emscripten", "fs-positioned-io", Finding.DIFFERS),
        ("emscripten", "signal-sigterm", Finding.LIFTED),
        ("emscripten", "emscripten-one-time-of-a-file", Finding.HOLDS),
        ("emscripten", "emscripten-rename-keeps-the-replaced", Finding.HOLDS),
        ("emscripten", "emscripten-readlink-resolves", Finding.HOLDS),
        ("emscripten", "browser-shell", Finding.NOT_APPLICABLE),
    ],
)
def test_what_is_found_on_each_target(
    answers: dict[str, CellProbes], target: str, limitation: str, finding: Finding
) -> None:
    answer = answers[target].answers[limitation]
    assert answer.finding is finding, answer


def test_a_probe_that_brings_the_runtime_down_is_data_and_the_next_one_runs(answers: dict[str, CellProbes]) -> None:
    answer = answers["emscripten"].answers["net-accept"]
    (seen,) = answer.observations
    assert seen.did is Did.CRASH
    assert seen.message
    assert answers["emscripten"].answers["mem-no-obmalloc"].finding is Finding.HOLDS


def test_the_command_sets_cells_side_by_side(wasi: Prepared, tmp_path: Path) -> None:
    argv = [sys.executable, "-m", "harness", "probe", "wasi", "--run-dir", str(tmp_path)]
    done = subprocess.run(argv, cwd=ROOT, text=True, capture_output=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    assert "statement" in done.stdout
    (found,) = load_probes(tmp_path)
    assert found.answers["wasi-no-threads"].finding is Finding.HOLDS
    assert "# Documented against observed" in (tmp_path / "probes.md").read_text()


def test_a_run_folder_that_cannot_be_made_is_told(wasi: Prepared, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    argv = [sys.executable, "-m", "harness", "probe", "wasi", "--run-dir", str(tmp_path / "file")]
    done = subprocess.run(argv, cwd=ROOT, text=True, capture_output=True, timeout=300, check=False)
    assert done.returncode == 3
    assert f"cannot write {tmp_path}/file/wasi" in done.stderr
    assert "Traceback" not in done.stderr
