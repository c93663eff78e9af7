"""`diff`: what can be compared."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.cli.main import main
from harness.errors import EXIT_CONFIG
from harness.results.cell_results import write_results
from tests.unit.sample_results import case, module, results


def test_runs_without_a_common_case_cannot_be_compared(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("os", "json"):
        tested = results(module(f"test_{name}", case(f"test_{name}.T.test_a")), complete=False)
        write_results(tmp_path / name / "wasi" / "results.json", tested)
    assert main(["diff", str(tmp_path / "os"), str(tmp_path / "json")]) == EXIT_CONFIG
    assert "the two have no case in common: 2 cases of only one of them" in capsys.readouterr().err
