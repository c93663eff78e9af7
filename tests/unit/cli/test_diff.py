"""`diff`: what can be compared."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import msgspec
import pytest

from harness.cli.main import main
from harness.errors import EXIT_CONFIG, EXIT_UNEXPECTED
from harness.results.cell_results import write_results
from harness.results.outcomes import Outcome
from harness.targets import Engine
from tests.unit.sample_cells import EMSCRIPTEN
from tests.unit.sample_results import case, module, results


def test_runs_without_a_common_case_cannot_be_compared(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("os", "json"):
        tested = results(module(f"test_{name}", case(f"test_{name}.T.test_a")), complete=False)
        write_results(tmp_path / name / "wasi" / "results.json", tested)
    assert main(["diff", str(tmp_path / "os"), str(tmp_path / "json")]) == EXIT_CONFIG
    assert "the two have no case in common: 2 cases of only one of them" in capsys.readouterr().err


def run_of(folder: Path, engine: Engine, **outcomes: Outcome) -> Path:
    """The folder of a cell with that engine and these outcomes."""
    cell = dataclasses.replace(EMSCRIPTEN, id=f"emscripten-{engine}", engine=engine)
    cases = [case(f"test_a.T.{name}", outcome) for name, outcome in outcomes.items()]
    found = msgspec.structs.replace(results(module("test_a", *cases)), cell=cell)
    write_results(folder / cell.id / "results.json", found)
    return folder / cell.id


@pytest.mark.parametrize(("where", "name", "other"), [("browsers", "stack", "rename"), ("node", "rename", "stack")])
def test_only_what_is_wrong_in_browsers_or_under_node(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], where: str, name: str, other: str
) -> None:
    node = run_of(tmp_path, Engine.NODE, stack=Outcome.PASS, rename=Outcome.ERROR)
    chromium = run_of(tmp_path, Engine.CHROMIUM, stack=Outcome.CRASH, rename=Outcome.PASS)
    for pair in ((node, chromium), (chromium, node)):
        assert main(["diff", *map(str, pair), "--only-in", where]) == EXIT_UNEXPECTED
        printed = capsys.readouterr().out
        assert f"test_a.T.{name}" in printed
        assert f"test_a.T.{other}" not in printed


def test_two_browsers_cannot_be_compared_as_browser_and_node(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pair = [run_of(tmp_path, engine, a=Outcome.PASS) for engine in (Engine.CHROMIUM, Engine.FIREFOX)]
    assert main(["diff", *map(str, pair), "--only-in", "browsers"]) == EXIT_CONFIG
    assert "--only-in browsers is for a cell under Node and one in a browser" in capsys.readouterr().err
