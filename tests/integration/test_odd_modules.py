"""The modules of tests/data/odd in the real interpreters: each does what tests/data/odd/outcomes.toml says."""

from __future__ import annotations

import dataclasses
import shutil
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from harness.engines.fresh import FreshEngine
from harness.engines.protocol import EngineSession, Mount
from harness.errors import EXIT_UNEXPECTED
from harness.results.cell_results import load_results
from harness.results.outcomes import CaseResult, ModuleResult
from harness.results.signatures import signature_of
from harness.run.prepared import Prepared
from harness.suite.module import run_module
from tests.integration.test_own_tests import harness

pytestmark = pytest.mark.toolchain
ODD = Path(__file__).parent.parent / "data" / "odd"
TABLE: dict[str, Any] = tomllib.loads((ODD / "outcomes.toml").read_text(encoding="utf-8"))
OWN = "(module)"
WORKERS = 2
# Seconds, for a module without a `case_timeout` in the table: long enough for any start of a guest.
CASE_TIMEOUT = 60.0


def expected(entry: Mapping[str, Any], target: str) -> dict[str, str]:
    """The table's entry for a module on a target, flat: the module's outcome under an empty name. Pyodide does what
    Emscripten does, unless the table says otherwise.
    """
    other = entry.get(target, entry.get("emscripten", {}) if target == "pyodide" else {})
    cases = entry.get("cases", {}) | other.get("cases", {})
    outcome = other.get("module", entry["module"])
    return {"": outcome, **{case: text for case, text in cases.items() if text}}


def found(result: ModuleResult, wanted: Mapping[str, str]) -> dict[str, str]:
    """What a module did in the form of the table; with signatures only where the table has them, or no such case."""
    cases = {_name(case.case, result.module): case for case in result.cases}
    texts = {name: _text(case, result.module, wanted.get(name, ",")) for name, case in cases.items()}
    return {"": result.outcome.value, **texts}


def _name(case: str, module: str) -> str:
    return OWN if case in {module, f"test.{module}"} else case.replace(f"{module}.", "", 1)


def _text(case: CaseResult, module: str, wanted: str) -> str:
    signature = signature_of(case).removeprefix(f"{module}.")
    return f"{case.outcome.value}, {signature}" if "," in wanted and signature else case.outcome.value


def run_all(prepared: Prepared, folder: Path, modules: Sequence[str], *, isolated: bool) -> list[ModuleResult]:
    """The results of these modules, by engines side by side."""

    def run_some(worker: int) -> list[ModuleResult]:
        engine = prepared.open_engine(folder / f"engine-{worker}.log", worker)
        try:
            session = FreshEngine(engine) if isolated else engine
            return [run_one(prepared, session, folder, module) for module in modules[worker::WORKERS]]
        finally:
            engine.close()

    with ThreadPoolExecutor(WORKERS) as pool:
        return [result for some in pool.map(run_some, range(WORKERS)) for result in some]


def run_one(prepared: Prepared, session: EngineSession, folder: Path, module: str) -> ModuleResult:
    job = prepared.job(module, folder / module, match=(), excluded=(), should_stop=lambda: False)
    given = Mount(host=ODD, guest="/given")
    options = ("--testdir", given.guest)
    timeout = TABLE[module].get("case_timeout", CASE_TIMEOUT)
    job = dataclasses.replace(job, mounts=(*job.mounts, given), options=options, case_timeout=timeout)
    return run_module(job, session)


def differences(results: Iterable[ModuleResult], target: str) -> list[str]:
    """What the modules did that the table does not say, and the other way round."""
    wrong = []
    for result in results:
        wanted = expected(TABLE[result.module], target)
        did = found(result, wanted)
        wrong += [
            f"{result.module} {name or 'as a whole'}: {did.get(name)}, not {wanted.get(name)}"
            for name in sorted({*did, *wanted})
            if did.get(name) != wanted.get(name)
        ]
    return wrong


def test_the_table_has_every_module() -> None:
    assert sorted(TABLE) == sorted(path.stem for path in ODD.glob("test_*.py"))


@pytest.mark.parametrize(
    ("target", "isolated"),
    [
        ("wasi", False),
        ("wasi", True),
        ("emscripten", False),
        ("emscripten", True),
        ("pyodide", False),
        ("pyodide_in_chromium", False),
    ],
)
def test_every_odd_module_has_the_outcomes_of_the_table(
    request: pytest.FixtureRequest, tmp_path: Path, target: str, isolated: bool
) -> None:
    prepared: Prepared = request.getfixturevalue(target)
    modules = [module for module, entry in TABLE.items() if entry.get("isolated") or not isolated]
    wrong = differences(run_all(prepared, tmp_path, modules, isolated=isolated), target.partition("_")[0])
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize(("target", "cell"), [("wasi", "wasi"), ("emscripten", "emscripten-3.1.69")])
def test_the_command_line_gives_the_outcomes_of_the_table(
    request: pytest.FixtureRequest, tmp_path: Path, target: str, cell: str
) -> None:
    """As a user runs a folder of tests. A module that hangs takes all of a cell's time there, and is left out."""
    request.getfixturevalue(target)
    (tmp_path / "odd").mkdir()
    for module, entry in TABLE.items():
        if "case_timeout" not in entry:
            shutil.copy(ODD / f"{module}.py", tmp_path / "odd")
    done = harness("test", cell, "--tests", tmp_path / "odd", "--reruns", "0", "--run-dir", tmp_path / "run")
    assert done.returncode == EXIT_UNEXPECTED, done.stdout
    results = load_results(tmp_path / "run" / cell / "results.json")
    assert len(results.modules) == sum("case_timeout" not in entry for entry in TABLE.values())
    assert not (wrong := differences(results.modules, target)), "\n".join(wrong)
