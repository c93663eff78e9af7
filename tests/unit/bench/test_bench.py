"""What the benchmarks choose to measure."""

from __future__ import annotations

import dataclasses
import json
import os
import time
from pathlib import Path

import pytest

from harness.bench import __main__ as command
from harness.bench import builds, history, shards
from harness.bench.browsers import in_browsers
from harness.bench.builds import neighbour
from harness.bench.memory import tree_memory
from harness.bench.suite import ending_the_interpreter, executed, standing_still
from harness.build.artifact import NO_LIBRARIES, Build
from harness.build.libraries import Libraries
from harness.errors import ConfigError
from harness.expectations.entries import CellExpectations
from harness.history.database import opened
from harness.history.store import Store
from harness.manifest import Manifest
from harness.matrix.cells import Cell, Matrix
from harness.matrix.python_source import PythonSource
from harness.results.cell_results import load_results
from harness.results.outcomes import Outcome
from harness.run.prepared import Prepared
from harness.sources import Source
from harness.suite.durations import record_durations
from harness.targets import Engine
from harness.toolchains import Toolchain
from tests.trees import cpython_tree
from tests.unit.sample_cells import EMSCRIPTEN, WASI
from tests.unit.sample_results import case, expecting, module, results

THREADS = dataclasses.replace(EMSCRIPTEN, id="threads", pthreads=True)


def test_a_process_that_ends_while_memory_is_measured_counts_as_zero(monkeypatch: pytest.MonkeyPatch) -> None:
    listed = [process.name for process in Path("/proc").iterdir()]
    monkeypatch.setattr(os, "listdir", lambda _: [*listed, "4194305", "self"])
    assert tree_memory(os.getppid()) > 0


def test_the_help_says_what_each_part_measures(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        command.main(["--help"])
    assert "first-test: seconds to the first test" in " ".join(capsys.readouterr().out.split())


def test_the_second_cell_shares_the_toolchain_and_the_source_of_the_first() -> None:
    strangers = (
        WASI,
        dataclasses.replace(EMSCRIPTEN, id="newer", toolchain="6.0.5"),
        dataclasses.replace(EMSCRIPTEN, id="older", python=PythonSource.parse("3.11.2")),
        dataclasses.replace(EMSCRIPTEN, id="broken", broken="it crashes"),
    )
    assert neighbour(Matrix((*strangers, EMSCRIPTEN, THREADS)), EMSCRIPTEN) is THREADS
    with pytest.raises(ConfigError, match="no second cell"):
        neighbour(Matrix((*strangers, EMSCRIPTEN)), EMSCRIPTEN)


def test_a_browser_is_measured_next_to_node_on_the_same_build() -> None:
    chromium, of_threads = (
        dataclasses.replace(cell, id=f"{cell.id}-chromium", engine=Engine.CHROMIUM) for cell in (EMSCRIPTEN, THREADS)
    )
    matrix = Matrix((WASI, EMSCRIPTEN, THREADS, of_threads, chromium))
    assert in_browsers(matrix, EMSCRIPTEN) == [chromium]
    for other in (WASI, chromium):
        with pytest.raises(ConfigError, match=f"no cell runs the build of {other.id} in a browser"):
            in_browsers(matrix, other)


def test_modules_that_are_expected_to_hang_are_known(tmp_path: Path) -> None:
    (tmp_path / "modules.json").write_text(json.dumps(["test_os", "test_json", "test_pathlib"]))
    prepared = Prepared(
        cell=EMSCRIPTEN, build=Build(folder=tmp_path, manifest=Manifest()), runtime=Path(), cache=Path()
    )
    entries = (
        expecting("test_os.T.test_a", Outcome.CRASH),
        expecting("test_json.T.test_a", Outcome.PASS, Outcome.TIMEOUT),
        expecting("test_pathlib.test_pathlib.T.test_a", Outcome.TIMEOUT),
    )
    expected = CellExpectations({test: entry for entry in entries for test in entry.tests})
    assert standing_still(expected, prepared) == ("test_pathlib",)


def test_what_was_skipped_was_not_executed() -> None:
    assert executed({Outcome.PASS: 5, Outcome.FAIL: 1, Outcome.SKIP: 3, Outcome.NOT_RUN: 2}) == (11, 6)


class Builds:
    """Takes the place of the builds, and notes each with its cache and options."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        self.made: list[tuple[str, tuple[str, ...]]] = []
        self.states: list[str] = []
        tree = cpython_tree(tmp_path / "sources" / "3.13.5" / "tree")
        (tree / "Objects").mkdir()
        (tree / builds.CHANGED_FILE).write_text("int x;\n")
        (tree / builds.CHANGED_FILE).chmod(0o444)
        source = Source(id="3.13.5-1", version="3.13.5", root=tree, provider="tarball", origin="x", revision="1")
        toolchain = Toolchain(id="emcc", kind="x", version="1", provider="x", root=tmp_path, facts={})
        monkeypatch.setenv("WASM_HARNESS_CACHE", str(tmp_path))
        monkeypatch.setattr(builds, "obtain_source", lambda *_: source)
        monkeypatch.setattr(builds, "obtain_toolchain", lambda *_: toolchain)
        monkeypatch.setattr(builds, "obtain_libraries", lambda *_, **__: NO_LIBRARIES)
        monkeypatch.setattr(builds, "load_configuration", lambda: (Matrix((EMSCRIPTEN, THREADS)), None))
        monkeypatch.setattr(builds, "build", self.build)
        monkeypatch.setattr(builds, "ensure_build", self.ensure_build)

    def ensure_build(
        self, cell: Cell, source: Source, toolchain: Toolchain, cache: Path, *, jobs: int, libraries: Libraries
    ) -> None:
        assert toolchain.root == source.root.parents[2]
        assert jobs
        assert libraries is NO_LIBRARIES
        self.made.append((cell.id, tuple(sorted(path.name for path in cache.iterdir()))))
        time.sleep(0.2 if cell.id == EMSCRIPTEN.id else 0.05)

    def build(self, cell: str, folder: Path, *options: str) -> float:
        self.made.append((cell, options))
        self.states.append((Path(options[1]) / builds.CHANGED_FILE).read_text())
        return 100.0


def test_both_cells_are_built_where_nothing_is_built_yet_from_what_is_there(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made = Builds(monkeypatch, tmp_path)
    for name in ("toolchains", "natives", "builds", "configure", "work"):
        (tmp_path / name).mkdir()
    folder = tmp_path / "bench" / "second-cell"
    folder.mkdir(parents=True)
    builds.measure_second_cell(EMSCRIPTEN.id, folder)
    # The builds find nothing in the cache but what belongs to the toolchain.
    assert made.made == [(EMSCRIPTEN.id, (builds.SYSTEM_LIBRARIES,)), (THREADS.id, (builds.SYSTEM_LIBRARIES,))]
    ratio = capsys.readouterr().out.split()[-1]
    assert 0 < float(ratio) < 1


def test_one_file_of_a_checkout_changes_between_the_first_build_and_the_second(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made = Builds(monkeypatch, tmp_path)
    (tmp_path / "bench" / "rebuild").mkdir(parents=True)
    builds.measure_rebuild(EMSCRIPTEN.id, tmp_path / "bench" / "rebuild")
    first, changed, unchanged = made.states
    assert first == "int x;\n"
    assert changed.startswith(first)
    assert changed == unchanged != first
    assert len({options for _, options in made.made}) == 1
    assert capsys.readouterr().out.count("100.0 s") == 3


def test_shards_are_as_even_as_their_longest_case_is_short() -> None:
    seconds = {"test_a": 20.0, "test_b": 10.0}
    assert list(shards.balance(seconds, {}, 2)) == [
        "2 shards:          the longest is 1.33 of the mean, limit 1.15; 0 modules in 0 parts",
        "  of 2 workers:      20.0 s, 2.67 of the least",
        "  of 4 workers:      20.0 s, 5.33 of the least",
    ]
    cases = {"test_a": {f"A{number}.test": 1.0 for number in range(20)}}
    assert list(shards.balance(seconds, cases, 2)) == [
        "2 shards:          the longest is 1.00 of the mean, limit 1.15; 1 module in 7 parts",
        "  of 2 workers:      10.0 s, 1.33 of the least",
        "  of 4 workers:      10.0 s, 2.67 of the least",
    ]


def test_shards_are_merged_and_their_balance_is_reported(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("WASM_HARNESS_CACHE", str(tmp_path))
    shards.measure("wasi", tmp_path / "first", cases=1_000)
    assert "no run of wasi has been recorded here" in capsys.readouterr().out
    assert load_results(next((tmp_path / "first" / "merged").glob("*/results.json"))).run.complete
    record_durations(tmp_path / "durations" / "wasi.json", {"test_a": 3.0, "test_b": 1.0})
    shards.measure("wasi", tmp_path / "second", cases=1_000)
    said = capsys.readouterr().out
    assert "8 shards:          the longest is 6.00 of the mean, limit 1.15; 0 modules in 0 parts" in said
    assert "unknown, no run has recorded the cases" in said


def test_a_suite_is_simulated_with_more_and_more_workers() -> None:
    seconds = {"test_long": 20.0, "test_case": 10.0, **{f"test_{number}": 1.0 for number in range(30)}}
    cases = {"test_long": {f"T.test_{number}": 2.0 for number in range(10)}, "test_case": {"T.test": 10.0}}
    lines = list(shards.simulate(seconds, cases))
    assert lines[0] == "longest case:       10.0 s of 60.0 s: T.test"
    assert lines[1] == "  2 workers:        30.0 s, 1.00 of the least, limit 1.10; 1 module in 2 parts"
    assert lines[4].startswith(" 16 workers:        10.0 s, 1.00 of the least, limit 1.10; 1 module in ")
    assert lines[5].endswith("0.27 of a share is its longest piece of several cases, limit 1.00: test_9")
    assert not lines[6].startswith(" 32 workers:        10.0 s, 1.00 of the least, limit")


def test_the_modules_that_end_the_interpreter_are_those_with_a_death() -> None:
    found = results(
        module("test_a", case("test_a.T.x")),
        module("test_b", case("test_b.T.x", Outcome.CRASH)),
        module("test_c", case("test_c.T.x", Outcome.FAIL)),
        module("test_d", case("test_d", Outcome.TIMEOUT)),
    )
    assert ending_the_interpreter(found) == ("test_b", "test_d")


def test_a_worker_takes_the_next_piece_when_it_has_nothing_to_do() -> None:
    assert shards.makespan([5.0, 3.0, 3.0, 1.0], 2) == 6.0
    assert shards.makespan([], 2) == 0.0


def test_some_nights_of_the_history_are_recorded_and_asked_for(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    history.measure(tmp_path, nights=3, cells=2, cases=1_000)
    assert capsys.readouterr().out.count("limit 1 s") == 3
    with opened(tmp_path / "history.sqlite", write=False) as connection:
        store = Store(connection)
        assert [len(store.runs(number)) for number in store.cells().values()] == [3, 3]
        changed = [len(store.steps(number, store.runs(number))) for number in store.cells().values()]
    assert all(1_000 <= cases <= 1_010 for cases in changed)


def test_without_words_the_parts_are_listed_and_nothing_is_measured(capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main([]) == 0
    said = capsys.readouterr().out
    for name, part in command.PARTS.items():
        assert f"  {name} " in said
        assert part.usual in said
