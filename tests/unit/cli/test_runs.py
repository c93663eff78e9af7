"""`table`: which run it shows."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.bench.report import write_made_up_run
from harness.cli.main import main
from harness.errors import EXIT_CONFIG, EXIT_UNEXPECTED, ConfigError
from harness.results.run_folder import record_failure
from harness.run.merge import check_not_tested


@pytest.fixture
def run(tmp_path: Path) -> Path:
    write_made_up_run(tmp_path / "run", cells=2, cases=3000)
    return tmp_path / "run"


def test_the_table_is_that_of_the_run_that_is_named(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["table", str(run)]) == EXIT_UNEXPECTED
    of_run = capsys.readouterr().out
    assert "wasi-24" in of_run
    assert "wasi-25" in of_run
    assert main(["table", "--run-dir", str(run)]) == EXIT_UNEXPECTED
    assert capsys.readouterr().out == of_run


@pytest.mark.parametrize("part", ["wasi-24", "wasi-24/results.json"])
def test_a_cell_of_a_run_has_a_table_of_its_own(run: Path, part: str, capsys: pytest.CaptureFixture[str]) -> None:
    main(["table", str(run / part)])
    said = capsys.readouterr().out
    assert "wasi-24" in said
    assert "wasi-25" not in said


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["nonsense"], "nonsense does not exist"),
        ([str(Path(__file__).parent)], "holds no results of a cell"),
        (["a", "--run-dir", "b"], "both name a run"),
    ],
)
def test_what_is_not_a_run_is_refused(words: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["table", *words]) == EXIT_CONFIG
    assert said in capsys.readouterr().err


def test_results_are_not_hidden_by_the_refusal_of_a_later_run(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["table", str(run)])
    before = capsys.readouterr().out
    record_failure(run / "wasi-24", EXIT_CONFIG, "cannot be resumed like this")
    main(["table", str(run)])
    assert capsys.readouterr().out == before


def test_merged_results_do_not_replace_those_of_a_run_that_tested(tmp_path: Path) -> None:
    check_not_tested(tmp_path, ["wasi"])
    (tmp_path / "wasi" / "modules").mkdir(parents=True)
    (tmp_path / "wasi" / "modules" / "test_os.json").write_text("{}")
    with pytest.raises(ConfigError, match="results of a run that tested the cell"):
        check_not_tested(tmp_path, ["wasi"])
