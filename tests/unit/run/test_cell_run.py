"""What a run asks of each module."""

from __future__ import annotations

import dataclasses
import json
import pickle
from dataclasses import dataclass
from pathlib import Path

import execnet
import pytest

from harness.build.artifact import Build
from harness.engines.protocol import GuestExit, GuestRun, Watch
from harness.errors import ConfigError
from harness.expectations.compare import compare_module
from harness.expectations.entries import CellExpectations
from harness.manifest import Manifest
from harness.matrix.cells import Library
from harness.results.cell_results import OtherSuite, load_results
from harness.results.outcomes import CaseResult, Detail, ModuleResult, Outcome, encode_module
from harness.run import cell_run as cell_run_module
from harness.run.cell_run import CellRun
from harness.run.merge import merge
from harness.run.own_tests import find_tests
from harness.run.prepared import OwnSuite, Prepared
from harness.run.publish import module_failure
from harness.run.resume import read_cut
from harness.run.selection import TestSelection
from tests.unit.sample_cells import WASI
from tests.unit.sample_lists import entry, load
from tests.unit.sample_trees import lay_build
from tests.unit.suite.test_module import CASES, TRAPPED, A, C, ScriptedGuest

HANGING = "test.test_os.LinkTests.test_link"


@dataclass
class HealingGuest(ScriptedGuest):
    """Its faults are gone after its first start."""

    def run(self, guest: GuestRun, watch: Watch) -> GuestExit:
        ending = super().run(guest, watch)
        self.faults = {}
        return ending


def cell_run(folder: Path, cases: tuple[str, ...] = (), *, reruns: int = 0, verify: int = 1) -> CellRun:
    lay_build(folder / "root", "built")
    layout = {"program": "python.wasm", "build_folder": "built"}
    build = Build(folder=folder, manifest=Manifest.from_json({"python": "3.13.5", "layout": layout}))
    return CellRun(
        prepared=Prepared(cell=WASI, build=build, runtime=folder, cache=folder),
        folder=folder,
        expectations=load(folder, entry(outcome='"timeout"')).for_cell(WASI),
        chosen=TestSelection(modules=("test_os",), cases=cases, patterns={"test_os": cases}),
        reruns=reruns,
        verify=verify,
    )


def test_a_case_that_the_lists_know_to_hang_is_given_little_time(tmp_path: Path) -> None:
    job = cell_run(tmp_path).job("test_os", lambda: False)
    assert job.expects_hang(HANGING)
    assert not job.expects_hang("test.test_os.LinkTests.test_other")


def test_the_guest_learns_where_its_build_has_the_sysconfig_data(tmp_path: Path) -> None:
    job = cell_run(tmp_path).job("test_os", lambda: False)
    assert job.env["PYTHONPATH"] == "/built/build/lib.wasi-wasm32-3.13"


def test_a_case_that_was_named_is_given_all_its_time(tmp_path: Path) -> None:
    job = cell_run(tmp_path, (HANGING,)).job("test_os", lambda: False)
    assert not job.expects_hang(HANGING)


@pytest.mark.parametrize("tests", ["test.test_os.LinkTests.test_link", "test.test_os.LinkTests.*"])
def test_what_must_not_run_is_left_out_unless_cases_are_named(tmp_path: Path, tests: str) -> None:
    lists = load(tmp_path, entry(tests=f'["{tests}"]', run="false")).for_cell(WASI)
    whole = dataclasses.replace(cell_run(tmp_path), expectations=lists)
    assert whole.job("test_os", lambda: False).excluded == (tests,)
    named = dataclasses.replace(
        whole, chosen=TestSelection(modules=("test_os",), cases=(HANGING,), patterns={"test_os": (HANGING,)})
    )
    assert named.job("test_os", lambda: False).excluded == ()


def tries(folder: Path, guest: ScriptedGuest, *, reruns: int = 0, verify: int = 1) -> dict[str, tuple[Outcome, ...]]:
    run = cell_run(folder, reruns=reruns, verify=verify)
    (run.folder / "modules").mkdir()
    result = run.test(run.job("test_x", lambda: False), guest)
    return {case.case: case.tries for case in result.cases if case.tries}


@pytest.mark.parametrize("reruns", [0, 1, 2])
def test_an_unexpected_case_runs_again_by_itself(tmp_path: Path, reruns: int) -> None:
    passed = (Outcome.PASS,) * reruns
    found = tries(tmp_path, HealingGuest(faults={A: TRAPPED}), reruns=reruns)
    assert found.get(A, ()) == ((Outcome.CRASH, *passed) if reruns else ())


def test_verify_runs_everything_as_often_as_was_asked(tmp_path: Path) -> None:
    found = tries(tmp_path, ScriptedGuest(), verify=3)
    assert found == dict.fromkeys(CASES, (Outcome.PASS,) * 3)


@dataclass
class UntidyGuest(ScriptedGuest):
    """Alters its environment in its first start, and in all others if it is `always` so."""

    always: bool = False

    def run(self, guest: GuestRun, watch: Watch) -> GuestExit:
        self.state = "env_changed" if self.always or not self.starts else "passed"
        return super().run(guest, watch)


@pytest.mark.parametrize(
    ("strict", "always", "verdict"),
    [(True, True, "regression"), (True, False, "flaky"), (False, True, ""), (False, False, "")],
)
def test_a_module_that_alters_its_environment_runs_again_as_a_whole_where_that_is_asked(
    tmp_path: Path, strict: bool, always: bool, verdict: str
) -> None:
    run = cell_run(tmp_path, reruns=2)
    run = dataclasses.replace(run, expectations=CellExpectations(fail_env_changed=strict))
    (run.folder / "modules").mkdir()
    (run.prepared.build.folder / "modules.json").write_text('["test_x"]')
    guest = UntidyGuest(always=always)
    result = run.test(run.job("test_x", lambda: False), guest)
    assert (guest.starts, result.env_tries) == ((3, (True, always, always)) if strict else (1, ()))
    assert not any(case.tries for case in result.cases)
    failure = module_failure(compare_module(result, run.expectations))
    assert failure == (f"{verdict}: test.test_x: env-changed" if verdict else "")
    page, unexpected = run.finish(interrupted=False, color=False)
    assert unexpected is bool(verdict)
    assert ("the module altered the execution environment (--fail-env-changed)" in page) is bool(verdict)
    assert load_results(run.folder / "results.json").run.fail_env_changed is strict


def test_workers_judge_the_environment_too(tmp_path: Path) -> None:
    run = dataclasses.replace(cell_run(tmp_path), expectations=CellExpectations(fail_env_changed=True))
    assert pickle.loads(run.to_json()["expectations"]).fail_env_changed is True


def test_a_module_that_was_lost_is_red_and_not_finished(tmp_path: Path) -> None:
    run = cell_run(tmp_path)
    (run.folder / "modules").mkdir()
    (run.prepared.build.folder / "modules.json").write_text('["test_os"]')
    page, unexpected = run.finish(interrupted=False, color=False, lost={"test_os": "the engine does not start"})
    assert unexpected
    assert "lost: the engine does not start" in page
    found = load_results(run.folder / "results.json")
    assert (found.run.complete, found.run.lacking) == (False, 1)
    assert run.work() == ["test_os"]


def test_unexpected_cases_that_the_interpreter_s_own_suite_has_differently_are_counted_apart(tmp_path: Path) -> None:
    run = cell_run(tmp_path)
    manifest = Manifest.from_json({**run.prepared.build.manifest.record, "suite": {"version": "3.13.7"}})
    build = Build(folder=tmp_path, manifest=manifest)
    (tmp_path / "modules.json").write_text('["test_os"]')
    for folder, expected in ((build.tests, 1), (own := tmp_path / "own", 2)):
        folder.mkdir(parents=True, exist_ok=True)
        methods = f"def test_a(self): return {expected}\n def test_b(self): pass"
        (folder / "test_os.py").write_text(f"class T:\n {methods}\n")
    cases = tuple(CaseResult(case=f"test.test_os.T.test_{x}", outcome=Outcome.FAIL, seconds=0) for x in "ab")
    failed = ModuleResult(
        module="test_os", outcome=Outcome.FAIL, seconds=1, attempts=1, complete=True, cases=cases, detail=Detail()
    )
    unknown = "the tests of CPython 3.13.5 are not available"
    own_suite: OwnSuite | None
    for own_suite, other, words in (
        (
            OwnSuite(version="3.13.5", folder=own),
            OtherSuite(differing=("test.test_os.T.test_a",), compared="3.13.5"),
            "0 known, 1 of another version -> 2 UNEXPECTED (1 regression, 1 missing)",
        ),
        (None, OtherSuite(not_compared=unknown), f"how many of the unexpected ones is not known: {unknown}"),
    ):
        prepared = dataclasses.replace(run.prepared, build=build, own_suite=own_suite)
        compared = dataclasses.replace(run, prepared=prepared, folder=tmp_path / f"run-{own_suite is None}")
        compared.records.take("test_os", encode_module(failed))
        page, _ = compared.finish(interrupted=False, color=False)
        assert words in " ".join(page.split())
        assert load_results(compared.folder / "results.json").other_suite == other
    page, _ = dataclasses.replace(run, folder=tmp_path / "run-True").finish(interrupted=False, color=False)
    assert load_results(tmp_path / "run-True" / "results.json").other_suite is None


def cut_run(folder: Path) -> CellRun:
    """A run of test_x in two parts, C alone in the second."""
    chosen = TestSelection(modules=("test_x",), parts={"test_x": ((C,),)})
    run = dataclasses.replace(cell_run(folder), chosen=chosen, expectations=CellExpectations())
    (run.prepared.build.folder / "modules.json").write_text('["test_x"]')
    run.clear()
    return run


def test_the_parts_of_a_module_become_its_result_with_the_last_of_them(tmp_path: Path) -> None:
    run = cut_run(tmp_path)
    assert run.work() == ["test_x[1/2]", "test_x[2/2]"]
    first, second = (run.test(run.job(name, lambda: False), ScriptedGuest()) for name in run.work()[:1] * 2)
    assert not first.complete
    assert [case.case for case in second.cases] == [A, CASES[1], CASES[3]]
    assert run.records.read("test_x") == ""
    run.test(run.job("test_x[2/2]", lambda: False), ScriptedGuest())
    page, unexpected = run.finish(interrupted=False, color=False)
    (found,) = load_results(run.folder / "results.json").modules
    assert (found.module, found.complete, {case.case for case in found.cases}) == ("test_x", True, set(CASES))
    assert not unexpected
    assert "[1/2]" not in page


def test_a_resumed_run_has_the_same_parts_and_runs_those_that_are_left(tmp_path: Path) -> None:
    run = cut_run(tmp_path)
    run.test(run.job("test_x[2/2]", lambda: False), ScriptedGuest())
    assert read_cut(run.folder, TestSelection(modules=("test_x",))) == run.chosen
    again = dataclasses.replace(run, resume=True)
    again.clear()
    assert again.work() == ["test_x[1/2]"]
    # A run that was killed before it put the parts together does so when it is resumed.
    run.test(run.job("test_x[1/2]", lambda: False), ScriptedGuest())
    (run.folder / "modules" / "test_x.json").unlink()
    assert again.work() == []
    again.finish(interrupted=False, color=False)
    assert run.records.read("test_x") != ""
    run.clear()
    assert len(run.work()) == 2
    assert not dataclasses.replace(run, resume=True).records.read("test_x[2/2]")


def test_a_shard_runs_its_own_parts_and_merge_makes_the_whole_module(tmp_path: Path) -> None:
    names = ("test_x[1/2]", "test_x[2/2]")
    shards = []
    for here, elsewhere in (names, names[::-1]):
        chosen = TestSelection(
            modules=("test_x",), parts={"test_x": ((C,),)}, elsewhere=(elsewhere,), shard=f"{here[7]}/2", plan="p"
        )
        run = dataclasses.replace(cell_run(tmp_path / here[7]), chosen=chosen, expectations=CellExpectations())
        (run.prepared.build.folder / "modules.json").write_text('["test_x"]')
        run.clear()
        assert run.work() == [here]
        run.test(run.job(here, lambda: False), ScriptedGuest())
        page, unexpected = run.finish(interrupted=False, color=False)
        assert not unexpected
        assert f"shard {here[7]} of 2 was run" in page
        shards.append(load_results(run.folder / "results.json"))
        assert (shards[-1].run.complete, shards[-1].run.lacking) == (False, 0)
        # A shard is resumed as it was cut, whatever has been recorded since.
        again = TestSelection(modules=("test_y",), shard=f"{here[7]}/2", plan="another")
        assert read_cut(run.folder, again) == chosen
    (found,) = merge(shards, CellExpectations(), command="merge").modules
    whole = dataclasses.replace(cell_run(tmp_path / "whole"), chosen=TestSelection(modules=("test_x",)))
    expected = whole.test(whole.job("test_x", lambda: False), ScriptedGuest())
    assert {each.case: each.outcome for each in found.cases} == {each.case: each.outcome for each in expected.cases}
    assert (found.complete, found.parts, found.outcome) == (True, None, expected.outcome)


def test_a_shard_without_one_of_its_parts_lacks_the_module(tmp_path: Path) -> None:
    run = cut_run(tmp_path)
    run = dataclasses.replace(
        run, chosen=dataclasses.replace(run.chosen, parts={"test_x": ((CASES[1],), (C,))}, elsewhere=("test_x[2/3]",))
    )
    run.test(run.job("test_x[3/3]", lambda: False), ScriptedGuest())
    run.finish(interrupted=True, color=False)
    assert load_results(run.folder / "results.json").run.lacking == 1


def test_a_part_that_was_lost_loses_the_module_and_one_that_failed_is_not_why(tmp_path: Path) -> None:
    run = cut_run(tmp_path)
    run.test(run.job("test_x[2/2]", lambda: False), ScriptedGuest(faults={C: TRAPPED}))
    lost = {"test_x[1/2]": "the worker died", "test_x[2/2]": "regression: crash"}
    page, unexpected = run.finish(interrupted=False, color=False, lost=lost)
    assert unexpected
    assert "lost: the worker died" in page


def resumed(run: CellRun, **changes: object) -> None:
    dataclasses.replace(run, resume=True, **changes).clear()  # type: ignore[arg-type]


def test_own_tests_are_resumed_with_the_same_files_alone(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    file = tmp_path / "mine" / "test_mine.py"
    file.write_text("X = 1\n")
    tests = find_tests(str(tmp_path / "mine"))
    run = dataclasses.replace(cell_run(tmp_path), tests=tests)
    run.clear()
    resumed(run)
    with pytest.raises(ConfigError, match="another folder of own tests"):
        resumed(run, tests=None)
    file.write_text("X = 2\n")
    with pytest.raises(ConfigError, match="another folder of own tests"):
        resumed(run, tests=find_tests(str(tmp_path / "mine")))
    run = cell_run(tmp_path)
    run.clear()
    with pytest.raises(ConfigError, match="another folder of own tests"):
        resumed(run, tests=tests)


def test_own_tests_run_under_their_own_name_and_see_their_folder(tmp_path: Path) -> None:
    (tmp_path / "test_mine.py").touch()
    run = dataclasses.replace(cell_run(tmp_path), tests=find_tests(str(tmp_path / "test_mine.py")))
    job = run.job("test_mine", lambda: False)
    assert (job.dotted, job.options) == ("test_mine", ("--testdir", "/tests"))
    assert [(mount.guest, mount.writable) for mount in job.mounts if mount.host == tmp_path] == [("/tests", False)]


def test_a_run_is_resumed_with_what_it_was_asked_for(tmp_path: Path) -> None:
    run = cell_run(tmp_path, (HANGING,))
    run.clear()
    (run.folder / "modules" / "test_os.json").touch()
    resumed(run)
    assert (run.folder / "modules" / "test_os.json").exists()
    rebuilt = dataclasses.replace(run.prepared.build, manifest=Manifest.from_json({"wasm": {"sha256": "another"}}))
    for changes, word in (
        ({"chosen": TestSelection(modules=("test_os",))}, "another choice of modules or cases"),
        ({"chosen": TestSelection(modules=("test_os",), cases=(HANGING,), shard="1/2")}, "another shard"),
        ({"prepared": dataclasses.replace(run.prepared, build=rebuilt)}, "another build"),
        (
            {"prepared": dataclasses.replace(run.prepared, cell=dataclasses.replace(WASI, runtime="1"))},
            "another engine",
        ),
    ):
        with pytest.raises(ConfigError, match=word):
            resumed(run, **changes)
    run.clear()
    assert not (run.folder / "modules" / "test_os.json").exists()


@pytest.mark.parametrize("text", ["", "{", "[]", "null"])
def test_a_folder_that_does_not_say_what_it_was_asked_for_is_resumed(tmp_path: Path, text: str) -> None:
    run = cell_run(tmp_path)
    run.clear()
    (run.folder / "asked.json").write_text(text)
    resumed(run)


@pytest.mark.parametrize(
    ("cases", "show_known", "shown"), [((), False, False), ((), True, True), ((HANGING,), False, True)]
)
def test_a_known_failure_is_shown_when_asked_for(
    tmp_path: Path, cases: tuple[str, ...], show_known: bool, shown: bool
) -> None:
    run = dataclasses.replace(cell_run(tmp_path, cases), show_known=show_known)
    (run.folder / "modules").mkdir()
    (run.prepared.build.folder / "modules.json").write_text('["test_os"]')
    hanging = CaseResult(case=HANGING, outcome=Outcome.TIMEOUT, detail=Detail(reason="stood still"))
    result = ModuleResult(
        module="test_os", outcome=Outcome.TIMEOUT, seconds=1.0, attempts=1, complete=True, cases=(hanging,)
    )
    (run.folder / "modules" / "test_os.json").write_text(encode_module(result))
    page, unexpected = run.finish(interrupted=False, color=False)
    assert not unexpected
    assert (f"KNOWN  {HANGING}" in page) is shown
    assert ("stood still" in page) is shown


@pytest.mark.parametrize(("log", "why"), [("", ""), ("loading\nno snapshot: it has threads\n", "it has threads")])
def test_a_run_says_once_why_there_is_no_snapshot(tmp_path: Path, log: str, why: str) -> None:
    run = cell_run(tmp_path)
    (run.prepared.build.folder / "modules.json").write_text('["test_os"]')
    (run.folder / "logs").mkdir()
    for number in range(2):
        (run.folder / "logs" / f"engine-{number}.log").write_text(log)
    page, _ = run.finish(interrupted=False, color=False)
    assert load_results(run.folder / "results.json").run.no_snapshot == why
    assert page.count("no snapshot can be kept: it has threads") == bool(why)


def test_what_a_worker_is_given_is_plain_data_and_becomes_the_same_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """execnet, which carries it, knows no enums."""
    run = cell_run(tmp_path)
    (tmp_path / "manifest.json").write_text(json.dumps(run.prepared.build.manifest.to_json()))
    (tmp_path / "modules.json").write_text('["test_os"]')
    cell = dataclasses.replace(run.prepared.cell, toolchain="33", libraries=(Library.ZLIB,), resources="all")
    run = dataclasses.replace(run, prepared=dataclasses.replace(run.prepared, cell=cell))

    def read_again(*_: object) -> CellExpectations:
        raise AssertionError("the lists may have changed since")

    monkeypatch.setattr(cell_run_module, "expectations_for", read_again)
    carried = CellRun.from_json(execnet.loads(execnet.dumps(run.to_json())))
    assert carried.prepared.cell == cell
    assert carried.expectations == run.expectations
    assert carried.expectations.lookup(HANGING)


def test_the_time_of_a_resumed_run_includes_its_earlier_parts(tmp_path: Path) -> None:
    run = dataclasses.replace(cell_run(tmp_path), seconds_before=1000.0)
    (run.folder / "modules").mkdir()
    (run.prepared.build.folder / "modules.json").write_text('["test_os"]')
    run.finish(interrupted=False, color=False)
    assert 1000.0 <= load_results(run.folder / "results.json").run.seconds < 1060.0
