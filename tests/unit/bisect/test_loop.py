"""A bisection from its question to its report, over a made-up history; no test is run."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from harness.bisect import loop, steps
from harness.bisect.question import BisectAxis, Question
from harness.cli import main as cli
from harness.errors import (
    EXIT_BUILD,
    EXIT_INTERRUPTED,
    EXIT_OK,
    EXIT_UNAVAILABLE,
    EXIT_UNEXPECTED,
    ConfigError,
    UnavailableError,
)
from harness.matrix.cells import Matrix
from harness.matrix.pins import Pins, RuntimePin
from harness.results.cell_results import write_results
from harness.results.outcomes import Outcome
from harness.results.run_folder import record_error
from harness.util.process import Command, Completed
from tests.unit.sample_cells import EMSCRIPTEN, WASI
from tests.unit.sample_results import case, module, results

VERSIONS = [f"{major}.0.0" for major in range(30, 51)]
CASE = "test.test_os.StatTests.test_stat"
# An outcome, or the status of a step without one.
Does = Mapping[str, Outcome | int]


class World:
    """What the case does under each version, and which versions were asked."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.does: dict[str, Outcome | int] = {}
        self.asked: list[str] = []

    def answer(self, command: Command, log: Path, on_tick: Callable[[float], None]) -> Completed:
        """In the place of a run of `python -m harness test`."""
        words = dict(word.split("=", 1) for word in command.argv if word.startswith("--") and "=" in word)
        version, place = words["--runtime"], Path(words["--run-dir"]) / "wasi"
        assert words["--case"] == CASE
        self.asked.append(version)
        done = self.does[version]
        status = EXIT_OK if isinstance(done, Outcome) else done
        if isinstance(done, Outcome):
            write_results(place / "results.json", results(module("test_os", case("test_os.StatTests.test_stat", done))))
        elif done == EXIT_UNAVAILABLE:
            record_error(place, UnavailableError(f"wasmtime {version} is not available", hint="later"))
        return Completed(command=command, returncode=status, seconds=1.5, timed_out=False)

    def bisect(self, *options: str, good: str = "30.0.0", bad: str = "50.0.0") -> int:
        ends = ["--good", good, "--bad", bad, "--versions", ",".join(VERSIONS)]
        where = ["--run-dir", str(self.folder)]
        return cli.main(["bisect", "wasi", "--case", CASE, "--axis", "wasmtime", *ends, *where, *options])

    def found(self) -> dict[str, object]:
        data: dict[str, object] = json.loads((self.folder / "bisect.json").read_text())
        return data


def pass_until(first_bad: int, bad: Outcome = Outcome.FAIL) -> dict[str, Outcome | int]:
    return {version: Outcome.PASS if int(version[:2]) < first_bad else bad for version in VERSIONS}


@pytest.fixture
def world(tmp_path: Path, empty_cache: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    made = World(tmp_path / "bisect")
    pins = Pins(runtime=tuple(RuntimePin(name="wasmtime", version=name, sha256=("ab" * 32,)) for name in VERSIONS))
    monkeypatch.setattr(loop, "load_configuration", lambda: (Matrix(cells=(WASI, EMSCRIPTEN)), pins))
    monkeypatch.setattr(steps, "run_to_end", made.answer)
    return made


def test_the_first_bad_version_is_found_in_few_steps(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    world.does = pass_until(43)
    assert world.bisect() == EXIT_OK
    said = capsys.readouterr().out
    assert said.splitlines()[-1] == "first bad: wasmtime 43.0.0: pass before it, fail from it on"
    assert world.asked[:2] == ["30.0.0", "50.0.0"]
    assert len(world.asked) <= 2 + 5
    assert world.found()["suspects"] == ["43.0.0"]
    assert world.found()["finished"] is True


def test_each_step_leaves_its_evidence(world: World) -> None:
    world.does = pass_until(43)
    world.bisect()
    listed = world.found()["steps"]
    assert isinstance(listed, list)
    assert [step["candidate"] for step in listed] == world.asked
    for step in listed:
        folder = world.folder / step["folder"]
        assert (folder / "wasi" / "results.json").is_file()
        assert json.loads((folder / "step.json").read_text())["outcome"] == step["outcome"]
        assert step["command"].endswith(f"--runtime={step['candidate']}")
    assert (world.folder / "report.txt").read_text().endswith("fail from it on\n")


def test_the_fix_is_found_when_the_good_end_is_the_later_one(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    world.does = {version: Outcome.CRASH if int(version[:2]) < 45 else Outcome.PASS for version in VERSIONS}
    assert world.bisect(good="50.0.0", bad="30.0.0") == EXIT_OK
    assert capsys.readouterr().out.splitlines()[-1] == "first good: wasmtime 45.0.0: crash before it, pass from it on"


def test_skips_that_hide_the_first_one_leave_a_range(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    world.does = pass_until(43) | {"42.0.0": EXIT_BUILD, "43.0.0": EXIT_UNAVAILABLE}
    assert world.bisect() == EXIT_UNEXPECTED
    said = capsys.readouterr().out
    assert "first bad: one of 3, wasmtime 42.0.0 to 44.0.0" in said
    assert "cannot tell: wasmtime 43.0.0 is not available" in said
    assert "--runtime=44.0.0" in next(line for line in said.splitlines() if line.startswith("  again"))
    assert world.found()["suspects"] == ["42.0.0", "43.0.0", "44.0.0"]


def test_skips_elsewhere_hide_nothing(world: World) -> None:
    world.does = pass_until(43) | {"40.0.0": EXIT_BUILD, "41.0.0": -9, "36.0.0": 5}
    assert world.bisect() == EXIT_OK
    assert world.found()["suspects"] == ["43.0.0"]


def test_another_outcome_is_skipped_and_said_or_counts_as_bad(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    world.does = pass_until(43) | {f"{major}.0.0": Outcome.CRASH for major in (38, 39, 40, 41, 42)}
    assert world.bisect() == EXIT_UNEXPECTED
    assert "skipped: neither what the good end does nor what the bad one does" in capsys.readouterr().out
    assert world.found()["suspects"] == [f"{major}.0.0" for major in range(38, 44)]
    world.folder = world.folder.with_name("changed")
    assert world.bisect("--bad-when-changed") == EXIT_OK
    assert world.found()["suspects"] == ["38.0.0"]


def test_an_interrupted_bisection_goes_on_and_repeats_nothing(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    world.does = pass_until(43) | {"45.0.0": EXIT_INTERRUPTED}
    assert world.bisect() == EXIT_INTERRUPTED
    assert world.found()["finished"] is False
    assert (world.folder / "report.txt").read_text().endswith("to 50.0.0; the same command goes on\n")
    before, world.asked = world.asked, []
    world.does = pass_until(43)
    assert world.bisect() == EXIT_OK
    assert world.asked[0] == "45.0.0"
    assert not set(world.asked) & set(before[:-1])
    world.asked = []
    assert world.bisect() == EXIT_OK
    assert world.asked == []
    assert capsys.readouterr().out.splitlines()[-1].startswith("first bad: wasmtime 43.0.0")


def test_what_was_not_available_is_tried_again_and_what_was_not_built_is_not(world: World) -> None:
    world.does = pass_until(43) | {"40.0.0": EXIT_BUILD, "43.0.0": EXIT_UNAVAILABLE}
    assert world.bisect() == EXIT_UNEXPECTED
    world.asked, world.does = [], pass_until(43)
    assert world.bisect() == EXIT_OK
    assert world.asked == ["43.0.0"]


def test_the_good_end_is_settled_before_the_bad_one_is_asked(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    world.does = pass_until(43) | {"30.0.0": EXIT_UNAVAILABLE}
    assert world.bisect() == EXIT_UNAVAILABLE
    assert world.asked == ["30.0.0"]
    assert "at the good end, 30.0.0, wasmtime 30.0.0 is not available" in capsys.readouterr().err


def test_a_folder_is_not_shared_by_two_questions(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    world.does = pass_until(43)
    world.bisect()
    assert world.bisect("--tries", "2") == 2
    assert "holds another bisection" in capsys.readouterr().err


@pytest.mark.parametrize("text", ['{"half', "[]", '{"key": ""}'])
def test_a_damaged_folder_is_reported(world: World, capsys: pytest.CaptureFixture[str], text: str) -> None:
    world.does = pass_until(43)
    world.bisect()
    next(world.folder.rglob("question.json")).write_text(text)
    assert world.bisect() == 2
    assert "question.json cannot be read" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--axis", "wasmtim"], "did you mean 'wasmtime'?"),
        (["--good", "50.0.0"], "--good and --bad are the same wasmtime"),
        (["--tries", "0"], "a case is run once at least"),
        (["--versions", "51.0.0"], "51.0.0 of --versions: not between"),
        (["--axis", "node"], "its axes are cpython, wasmtime"),
    ],
)
def test_a_mistake_is_reported_before_anything_is_run(
    world: World, options: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert world.bisect(*options) == 2
    assert words in capsys.readouterr().err
    assert world.asked == []
    assert not world.folder.exists()


@pytest.mark.parametrize("name", ["/{}", "", "..", ".", "../{}", "a/b"])
def test_no_folder_but_one_of_a_step_is_removed(world: World, tmp_path: Path, name: str) -> None:
    """The names may be those of a question.json that was not written by us."""
    (victim := tmp_path / "victim").mkdir()
    (tmp_path / "steps").mkdir()
    question = Question(cell="wasi", case=CASE, axis=BisectAxis.WASMTIME, good="1", bad="2")
    made = steps.Steps(question=question, folder=tmp_path / "steps", supply=lambda _: contextlib.nullcontext([]))
    with pytest.raises(ConfigError, match="is neither a version nor a commit"):
        made.of(name.replace("/{}", str(victim)).replace("{}", "victim"))
    assert victim.is_dir()
    assert (tmp_path / "steps").is_dir()


def test_paths_in_the_printed_command_are_whole(world: World, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "matrices").mkdir()
    (tmp_path / "matrices" / "default.toml").touch()
    monkeypatch.chdir(tmp_path)
    world.does = pass_until(43)
    assert world.bisect("--tests", "mine", "--toolchain=24") == EXIT_OK
    (step, *_) = json.loads((world.folder / "bisect.json").read_text())["steps"]
    assert step["command"].startswith(f"cd {tmp_path} && WASM_HARNESS_CACHE={tmp_path}/cache ")
    assert f"--toolchain=24 --tests={tmp_path}/mine " in step["command"]
