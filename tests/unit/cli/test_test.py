"""`test`: which cells, modules and run folder its words mean."""

from __future__ import annotations

import argparse
import json
import os
from pathlib import Path

import pytest

from harness.cli import test as command
from harness.cli.main import main
from harness.errors import EXIT_CONFIG, EXIT_UNAVAILABLE, UnavailableError
from harness.results.run_folder import claim
from harness.run.parallel import ParallelCells


def parsed(*words: str) -> tuple[argparse.Namespace, list[str]]:
    parser = argparse.ArgumentParser()
    command.add_test(parser)
    return parser.parse_known_args(words)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, list[str]]]:
    """Instead of testing a cell: what would be tested."""
    calls: list[tuple[str, list[str]]] = []

    def tested(options: argparse.Namespace, cell: object, rest: list[str]) -> int:
        calls.append((getattr(cell, "id", ""), options.case))
        return 0

    monkeypatch.setattr(command, "_test_one", tested)
    return calls


@pytest.mark.parametrize(
    ("words", "cases"),
    [
        (["wasi", "test_bool"], ["test.test_bool"]),
        (["test_bool", "test.test_asyncio.test_events", "wasi"], ["test.test_bool", "test.test_asyncio.test_events"]),
        (["wasi", "test_bool", "--case", "test.test_json.A.*"], ["test.test_json.A.*", "test.test_bool"]),
        (["wasi", "test_mine", "--tests", "folder"], ["test_mine"]),
        (["wasi"], []),
    ],
)
def test_modules_are_named_as_for_regrtest(
    asked: list[tuple[str, list[str]]], words: list[str], cases: list[str]
) -> None:
    assert command.run_test(*parsed(*words)) == 0
    assert asked == [("wasi", cases)]


def test_the_help_of_build_names_only_cells() -> None:
    for add, speaks in ((command.add_build, False), (command.add_test, True)):
        parser = argparse.ArgumentParser()
        add(parser)
        assert ("modules" in (parser.description or "")) is speaks


def test_only_a_test_takes_modules(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["build", "wasi", "test_bool"]) == EXIT_CONFIG
    assert "only `test` takes modules" in capsys.readouterr().err


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty project with the cells of this one."""
    (tmp_path / "matrices").symlink_to(Path(__file__).parents[3] / "matrices")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_keyword_that_is_not_an_expression_is_refused_before_any_cell(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["test", "wasi", "wasi-debug", "-k", "test_json and"]) == EXIT_CONFIG
    assert "-k test_json and: expected" in capsys.readouterr().err
    assert not (project / "reports").exists()


def unfinished(cell: Path) -> None:
    (cell / "modules").mkdir(parents=True)
    (cell / "modules" / "test_bool.json").write_text("{}")
    (cell / "asked.json").write_text(json.dumps({}))


def test_a_path_below_a_package_of_tests_names_what_is_in_it(asked: list[tuple[str, list[str]]]) -> None:
    for path in ("test_json/test_decode.py", "Lib/test/test_json/test_decode.py"):
        assert command.run_test(*parsed("wasi", path)) == 0
    assert asked == [("wasi", ["test.test_json.test_decode"])] * 2


def test_several_cells_lose_no_run_that_did_not_come_to_its_end(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    unfinished(project / "run" / "wasi-debug")
    assert main(["test", "wasi", "wasi-debug", "--run-dir", "run"]) == EXIT_CONFIG
    assert "run/wasi-debug has a run that did not come to its end: 1 module is finished" in capsys.readouterr().err


def test_several_cells_resume_the_last_run_or_say_that_there_is_none(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["test", "wasi", "wasi-debug", "--resume"]) == EXIT_CONFIG
    assert "no run in reports has left wasi or wasi-debug unfinished" in capsys.readouterr().err
    unfinished(project / "reports" / "a" / "wasi-debug")
    folders: list[Path] = []

    def run(cells: ParallelCells) -> int:
        folders.append(cells.folder)
        return 0

    monkeypatch.setattr(ParallelCells, "run", run)
    main(["test", "wasi", "wasi-debug", "--resume"])
    assert folders == [project / "reports" / "a"]


def test_a_refused_run_hides_no_results(project: Path) -> None:
    unfinished(project / "run" / "wasi")
    assert main(["test", "wasi", "--run-dir", "run", "--case", "test.test_bool"]) == EXIT_CONFIG
    # What this process starts next has pytest's plugins.
    assert "PYTEST_DISABLE_PLUGIN_AUTOLOAD" not in os.environ
    assert not (project / "run" / "wasi" / "error.json").exists()


def test_several_cells_are_resumed_together_or_not_at_all(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    unfinished(project / "run" / "wasi")
    (project / "run" / "wasi" / "asked.json").write_text(json.dumps({"choice of cases": ["test.test_os"]}))
    assert main(["test", "wasi", "wasi-debug", "test_json", "--run-dir", "run", "--resume"]) == EXIT_CONFIG
    said = capsys.readouterr()
    assert "run/wasi cannot be resumed like this: it has another choice of modules or cases" in said.err
    assert "==" not in said.out


def test_the_run_of_several_cells_has_what_each_is_to_begin_with(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:

    def run(cells: ParallelCells) -> int:
        (cells.folder / "wasi").mkdir()
        return 0

    monkeypatch.setattr(ParallelCells, "run", run)
    main(["test", "wasi", "wasi-debug", "test_os", "-k", "os", "--run-dir", "run"])
    asked = json.loads((project / "run" / "asked.json").read_text())
    assert {cell: (each["choice of cases"], each["expression of -k"]) for cell, each in asked.items()} == {
        "wasi": (["test.test_os"], "os"),
        "wasi-debug": (["test.test_os"], "os"),
    }


@pytest.mark.parametrize(
    "words",
    [
        ["-v", "wasi", "test_bool"],
        ["wasi", "-v", "test_bool"],
        ["wasi", "Lib/test/test_bool.py"],
        ["wasi", "test_bool.py"],
    ],
)
def test_modules_are_found_behind_switches_and_by_their_path(
    asked: list[tuple[str, list[str]]], words: list[str]
) -> None:
    assert command.run_test(*parsed(*words)) == 0
    assert asked == [("wasi", ["test.test_bool"])]


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["wasi", "--caes", "x"], "there is no option --caes; did you mean --case?"),
        (["wasi", "wasi-debug", "--rerun=2"], "there is no option --rerun; did you mean --reruns?"),
        (["wasi", "tset_json"], "'tset_json' is neither a cell nor a module"),
        (["wasi", "wasi-debugg"], "there is no cell 'wasi-debugg'; did you mean 'wasi-debug'?"),
        (["wasi", "test_bool", "-j4"], "regrtest's -j N is -n N here"),
        (["wasi", "--reruns", "-1"], "--reruns -1: must be 0 or more"),
        (["wasi", "--verify", "0"], "--verify 0: must be 1 or more"),
    ],
)
def test_a_mistyped_word_is_refused_in_one_line(
    words: list[str], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["test", *words]) == EXIT_CONFIG
    assert says in capsys.readouterr().err


def test_a_folder_that_the_system_refuses_gives_no_traceback(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["test", "wasi", "wasi-debug", "--run-dir", "/proc/no/such"]) == EXIT_UNAVAILABLE
    assert "cannot write /proc/no/such" in capsys.readouterr().err
    with pytest.raises(UnavailableError, match="cannot write /proc/no/such/wasi"):
        claim(Path("/proc/no/such/wasi"))
