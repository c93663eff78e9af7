"""The probes in real interpreters: natively, where what they try works, and on both targets."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from harness.diagnostics.probe import packages_for, probe_cell, run_probes
from harness.engines.native import NativeEngine
from harness.limitations.findings import CellProbes, load_probes
from harness.limitations.observation import Did, Finding, Observation, judge_observation
from harness.limitations.registry import Registry, load_registry
from harness.run.prepared import Prepared
from tests.probe_findings import FINDINGS, load_findings, seed_statements

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
        python=wasi.build.manifest.native,
        mounts=(),
        env={"PYTHONDONTWRITEBYTECODE": "1"},
    )


@pytest.fixture(scope="module")
def answers(
    wasi: Prepared,
    emscripten: Prepared,
    chromium: Prepared,
    registry: Registry,
    tmp_path_factory: pytest.TempPathFactory,
) -> dict[str, CellProbes]:
    """What the probes find in each cell."""
    folder = tmp_path_factory.mktemp("probes")
    return {
        prepared.cell.id: probe_cell(
            prepared,
            registry,
            folder / prepared.cell.id,
            packages=packages_for(prepared, ""),
        )
        for prepared in (wasi, emscripten, chromium)
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
            there = {judge_observation(native[probe], item.fails) for probe in item.probes}
            if answer.finding is Finding.HOLDS and not there - {Finding.HOLDS, Finding.NOT_APPLICABLE}:
                same.add(answer.limitation)
    assert not {item for item in same if not set(registry.limitations[item].probes) & OPTIONAL}


@pytest.mark.parametrize("cell", ["wasi", "emscripten-3.1.69", "emscripten-3.1.69-chromium"])
def test_what_is_found_on_each_target(answers: dict[str, CellProbes], cell: str) -> None:
    found = {name: answer for name, answer in answers[cell].answers.items() if answer.observations}
    expected = load_findings(FINDINGS)[cell]
    wrong = {name: str(answer) for name, answer in found.items() if answer.finding is not expected.get(name)}
    assert wrong == {}
    assert set(found) == set(expected)


def test_natively_every_seed_statement_with_a_probe_is_said_not_to_hold(
    native: dict[str, Observation], registry: Registry
) -> None:
    """So that `holds` is an answer of the platform, and not all that the probe can say."""
    holding = {}
    for item in seed_statements(registry):
        seen = [native[probe] for probe in item.probes if native[probe].did is not Did.NOT_APPLICABLE]
        if item.probes and not any(observation.did is Did.WORKS for observation in seen):
            holding[item.id] = [str(observation) for observation in seen]
    assert holding == {}


def test_no_probe_dies_in_its_preparations(answers: dict[str, CellProbes]) -> None:
    found = [answer for cell in answers.values() for answer in cell.answers.values()]
    dead = [seen for answer in found for seen in answer.observations if not seen.reached]
    assert [f"{seen.probe}: {seen}" for seen in dead] == []


def test_a_probe_that_ends_the_runtime_is_data_and_the_next_one_runs(answers: dict[str, CellProbes]) -> None:
    """Ctrl-C ends Node itself, the guest's engine."""
    found = answers["emscripten-3.1.69"].answers
    (seen,) = found["signal-keyboard-interrupt"].observations
    assert (seen.did, seen.message) == (Did.CRASH, "the engine process ended with signal 2")
    assert found["mem-no-obmalloc"].finding is Finding.HOLDS


def test_the_command_sets_cells_side_by_side(wasi: Prepared, tmp_path: Path) -> None:
    argv = [sys.executable, "-m", "harness", "probe", "wasi", "--run-dir", str(tmp_path)]
    done = subprocess.run(argv, cwd=ROOT, text=True, capture_output=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    assert "statement" in done.stdout
    (found,) = load_probes(tmp_path)
    assert found.answers["wasi-no-threads"].finding is Finding.HOLDS
    assert "# Documented against observed" in (tmp_path / "probes.md").read_text()


def test_a_run_folder_that_cannot_be_made_is_reported(wasi: Prepared, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    argv = [sys.executable, "-m", "harness", "probe", "wasi", "--run-dir", str(tmp_path / "file")]
    done = subprocess.run(argv, cwd=ROOT, text=True, capture_output=True, timeout=300, check=False)
    assert done.returncode == 3
    assert f"cannot write {tmp_path}/file/wasi" in done.stderr
    assert "Traceback" not in done.stderr
