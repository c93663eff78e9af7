"""The modules of tests/data/odd in the real interpreters: each has the outcomes that tests/data/odd/outcomes.toml says."""

from __future__ import annotations

import dataclasses
import tomllib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from harness.engines import Mount
from harness.engines.fresh import FreshEngine
from harness.outcomes import CaseResult, ModuleResult
from harness.prepared import Prepared
from harness.signatures import signature_of
from harness.suite.module import run_module

pytestmark = pytest.mark.toolchain
ODD = Path(__file__).parent.parent / "data" / "odd"
MODULES = tuple(sorted(path.stem for path in ODD.glob("test_*.py")))
OWN = "(module)"
WORKERS = 2
CASE_TIMEOUT = 3.0


def expected(module: dict[str, Any], target: str) -> dict[str, str]:
    """The table's entry for a module on a target, flat: its own outcome under an empty name."""
    cases = module.get("cases", {}) | module.get(target, {}).get("cases", {})
    outcome = module.get(target, {}).get("module", module["module"])
    return {"": outcome, **{case: text for case, text in cases.items() if text}}


def found(result: ModuleResult, *, signed: dict[str, str]) -> dict[str, str]:
    """What a module did in the form of the table; signatures only where `signed` has them."""
    return {"": result.outcome.value} | {
        name: _text(case, signed.get(name, ""), result.module)
        for case in result.cases
        for name in (_name(case.case, result.module),)
    }


def _name(case: str, module: str) -> str:
    return OWN if case in {module, f"test.{module}"} else case.replace(f"{module}.", "", 1)


def _text(case: CaseResult, wanted: str, module: str) -> str:
    signature = signature_of(case).removeprefix(f"{module}.")
    is_signed = "," in wanted or not wanted
    return f"{case.outcome.value}, {signature}" if is_signed and signature else case.outcome.value


def run_all(prepared: Prepared, folder: Path, *, isolated: bool) -> dict[str, ModuleResult]:
    """The results of all modules, by name."""

    def run_some(worker: int) -> list[ModuleResult]:
        engine = prepared.open_engine(folder / f"engine-{worker}.log", worker)
        try:
            session = FreshEngine(engine) if isolated else engine
            return [run_one(prepared, session, folder, module) for module in MODULES[worker::WORKERS]]
        finally:
            engine.close()

    with ThreadPoolExecutor(WORKERS) as pool:
        return {result.module: result for some in pool.map(run_some, range(WORKERS)) for result in some}


def run_one(prepared: Prepared, session: Any, folder: Path, module: str) -> ModuleResult:
    job = prepared.job(module, folder / module, match=(), excluded=(), should_stop=lambda: False)
    return run_module(
        dataclasses.replace(
            job,
            mounts=(*job.mounts, Mount(host=ODD, guest="/given")),
            options=("--testdir", "/given"),
            case_timeout=CASE_TIMEOUT,
        ),
        session,
    )


@pytest.mark.parametrize("isolated", [False, True], ids=["warm", "isolated"])
@pytest.mark.parametrize("target", ["wasi", "emscripten"])
def test_every_odd_module_has_the_outcomes_of_the_table(
    request: pytest.FixtureRequest, tmp_path: Path, target: str, isolated: bool
) -> None:
    prepared: Prepared = request.getfixturevalue(target)
    table = tomllib.loads((ODD / "outcomes.toml").read_text(encoding="utf-8"))
    results = run_all(prepared, tmp_path, isolated=isolated)
    wrong = {}
    for module, result in results.items():
        wanted = expected(table[module], target) if module in table else {}
        if (did := found(result, signed=wanted)) != wanted:
            wrong[module] = (did, wanted)
    assert not wrong, "\n".join(f"{module}:\n  did {did}\n  not {wanted}" for module, (did, wanted) in wrong.items())
