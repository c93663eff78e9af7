"""What CPython's own runner is given, and what is read of its results."""

from __future__ import annotations

import dataclasses
import os
import resource
import shlex
from pathlib import Path

import pytest

from harness.build.artifact import Build
from harness.diagnostics.regrtest_runner import (
    RegrtestRunner,
    Reply,
    Task,
    Word,
    read_junit,
    read_words,
    stack_flag,
)
from harness.errors import BuildError, ConfigError
from harness.manifest import Manifest
from harness.matrix.cells import Cell
from harness.matrix.load import load_configuration
from harness.results.outcomes import Outcome
from harness.run.prepared import Prepared
from harness.targets import Engine, Target
from harness.util.process import Command, Completed
from tests.unit.sample_cells import EMSCRIPTEN, WASI
from tests.unit.sample_trees import lay_build

FOLDERS = {Target.WASI: "cross-build/wasm32-wasip1", Target.EMSCRIPTEN: "cross-build/wasm32-emscripten"}
PROGRAMS = {Target.WASI: "python.wasm", Target.EMSCRIPTEN: "python.mjs"}
JUNIT = """<testsuites><testsuite>
<testcase name="a" status="run" result="completed" time="0.1" />
<testcase name="b"><failure type="AssertionError">x</failure></testcase>
<testcase name="c"><error type="OSError">x</error></testcase>
<testcase name="d"><skipped>why</skipped></testcase>
<testcase name="e"><system-out /><output>x</output></testcase>
<testcase name="f"><outcome>UNEXPECTED_SUCCESS</outcome></testcase>
<testcase />
</testsuite></testsuites>"""


def prepared(cell: Cell, folder: Path) -> Prepared:
    built = FOLDERS[cell.target]
    layout = {"build_folder": built, "program": f"{built}/{PROGRAMS[cell.target]}", "wasm": f"{built}/python.wasm"}
    manifest = {"native": "/native/python", "python": "3.13.5", "layout": layout}
    lay_build(folder / "build" / "root", built)
    return Prepared(
        cell=cell,
        build=Build(folder=folder / "build", manifest=Manifest.from_json(manifest)),
        runtime=Path("/rt"),
        cache=folder,
    )


def command(cell: Cell, folder: Path, task: Task) -> Command:
    return RegrtestRunner(prepared=prepared(cell, folder), folder=folder).command(task, folder / "x.xml")


def test_each_module_of_pyodide_is_started_by_its_own_loader_with_the_tests_where_it_would_install_them(
    tmp_path: Path,
) -> None:
    cell = load_configuration()[0].cell("pyodide-0.29.5")
    asked = command(cell, tmp_path, Task(workers=2, modules=("test_os",)))
    node, _, runner, program, tests, guest_tests = shlex.split(option(asked.argv, "--python"))
    assert (node, Path(runner).name) == ("/rt/bin/node", "plain_pyodide.mjs")
    assert Path(runner).is_file()
    assert Path(program).is_relative_to(tmp_path / "root")
    assert (tests, guest_tests) == (f"{tmp_path}/root/Lib/test", "/lib/python3.13/site-packages/test")
    assert asked.env["PYTHONINSPECT"] == ""


def option(argv: tuple[str, ...], name: str) -> str:
    return argv[argv.index(name) + 1]


@pytest.mark.parametrize("cell", [WASI, EMSCRIPTEN])
def test_regrtest_runs_on_the_build_python_and_each_module_in_a_plain_process(cell: Cell, tmp_path: Path) -> None:
    asked = command(cell, tmp_path, Task(workers=2, modules=("test_os",)))
    assert asked.argv[:3] == ("/native/python", "-m", "test")
    assert asked.argv[-1] == "test_os"
    assert option(asked.argv, "-j") == "2"
    assert option(asked.argv, "-u") == cell.resources
    assert option(asked.argv, "--junit-xml") == str(tmp_path / "x.xml")
    assert asked.cwd == tmp_path / "root" / FOLDERS[cell.target]
    assert PROGRAMS[cell.target] in shlex.split(option(asked.argv, "--python"))[-1]


def test_a_plain_node_gets_the_program_by_its_own_path_and_the_guests_their_environment(tmp_path: Path) -> None:
    asked = command(EMSCRIPTEN, tmp_path, Task(workers=1))
    node, flag, runner, program = shlex.split(option(asked.argv, "--python"))
    assert node == "/rt/bin/node"
    assert flag.startswith("--stack-size=")
    assert Path(runner).name == "plain_node.mjs"
    assert Path(runner).is_file()
    assert program == str(tmp_path / "root" / FOLDERS[Target.EMSCRIPTEN] / "python.mjs")
    assert asked.env["TZ"] == "UTC"
    assert asked.env["LANG"] == "C.UTF-8"


def test_a_plain_wasmtime_gets_the_path_of_the_library(tmp_path: Path) -> None:
    assert command(WASI, tmp_path, Task(workers=1)).env["GUEST_PYTHONPATH"].startswith("/cross-build/")


def test_cases_are_chosen_and_left_out_by_name_and_modules_too(tmp_path: Path) -> None:
    argv = command(EMSCRIPTEN, tmp_path, Task(workers=1, match=("a",), excluded=("b", "c"), left_out=("test_x",))).argv
    assert option(argv, "--match") == "a"
    assert [argv[place + 1] for place, word in enumerate(argv) if word == "--ignore"] == ["b", "c"]
    assert argv[-2:] == ("--exclude", "test_x")


@pytest.mark.parametrize(("python", "options"), [("3.13.5", ("--single-process",)), ("3.11.2", ())])
def test_in_a_single_process_one_plain_node_runs_all_modules(
    tmp_path: Path, python: str, options: tuple[str, ...]
) -> None:
    found = prepared(EMSCRIPTEN, tmp_path)
    build = dataclasses.replace(found.build, manifest=dataclasses.replace(found.build.manifest, python=python))
    runner = RegrtestRunner(prepared=dataclasses.replace(found, build=build), folder=tmp_path)
    asked = runner.single_command(Task(workers=2, left_out=("test_x", "test_y")))
    whole = shlex.split(option(runner.command(Task(workers=2), tmp_path / "x.xml").argv, "--python"))
    resources = ("-u", EMSCRIPTEN.resources)
    assert asked.argv == (*whole, "-m", "test", *options, *resources, "--exclude", "test_x", "test_y")
    assert runner.single_command(Task(workers=1, modules=("test_x",))).argv[-1] == "test_x"
    assert runner.has_single
    assert not RegrtestRunner(prepared=prepared(WASI, tmp_path / "wasi"), folder=tmp_path).has_single


@pytest.mark.parametrize(
    ("limit", "kilobytes"),
    [(8 << 20, 7 << 10), (resource.RLIM_INFINITY, 31 << 10), (1 << 30, 31 << 10), (1 << 20, 512)],
)
def test_node_s_stack_ends_before_the_system_s(limit: int, kilobytes: int) -> None:
    assert stack_flag(limit) == f"--stack-size={kilobytes}"


def test_a_browser_is_refused_before_anything_is_copied(tmp_path: Path) -> None:
    cell = dataclasses.replace(EMSCRIPTEN, id="emscripten-4-chromium", engine=Engine.CHROMIUM)
    with pytest.raises(ConfigError, match="a browser runs none") as caught:
        RegrtestRunner.of(prepared(cell, tmp_path), tmp_path)
    assert "regrtest can run emscripten-4" in caught.value.hint
    assert not (tmp_path / "root").exists()


def test_the_copy_can_be_written_to_and_knows_where_it_is(tmp_path: Path) -> None:
    built = tmp_path / "build" / "root" / FOLDERS[Target.EMSCRIPTEN]
    data = built / "build" / "lib.emscripten-wasm32-3.13" / "_sysconfigdata__emscripten_.py"
    data.parent.mkdir(parents=True)
    data.write_text("build_time_vars = {'abs_builddir': '/old/place',\n 'abs_srcdir': '/old/place/../..'}")
    data.chmod(0o444)
    data.parent.chmod(0o555)
    peer = RegrtestRunner.of(prepared(EMSCRIPTEN, tmp_path), tmp_path)
    copy = peer.root / FOLDERS[Target.EMSCRIPTEN]
    text = (copy / data.relative_to(built)).read_text()
    assert f"'abs_builddir': '{copy}'" in text
    assert "/old/place" not in text
    assert data.read_text().count("/old/place") == 2
    (copy / data.relative_to(built)).with_name("new").touch()


ENTRY = """\
#!/bin/sh
# node_entry.mjs can set sys.executable correctly.
exec node $NODEFLAGS /cache/view/python/node_entry.mjs --this-program="$($REALPATH "$0")" "$@"
"""


def test_upstream_s_script_starts_what_is_next_to_it_with_the_cell_s_node(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "/usr/bin")
    ready = prepared(EMSCRIPTEN, tmp_path)
    built = ready.build.root / FOLDERS[Target.EMSCRIPTEN]
    with pytest.raises(ConfigError, match=r"CPython 3\.13\.5 has made no python\.sh") as caught:
        RegrtestRunner.of(ready, tmp_path, upstream=True)
    assert "from 3.14 on" in caught.value.hint
    assert not (tmp_path / "root").exists()
    (built / "python.sh").write_text(ENTRY)
    (built / "node_entry.mjs").touch()
    peer = RegrtestRunner.of(ready, tmp_path, upstream=True)
    asked = peer.command(Task(workers=2, modules=("test_os",)), tmp_path / "x.xml")
    script = peer.root / FOLDERS[Target.EMSCRIPTEN] / "python.sh"
    assert shlex.split(option(asked.argv, "--python")) == [str(script)]
    assert asked.env["PATH"] == "/rt/bin:/usr/bin"
    assert asked.env.get("LANG") == os.environ.get("LANG")
    assert script.read_text() == ENTRY.replace("/cache/view/python/", f"{script.parent}/")
    assert (built / "python.sh").read_text() == ENTRY


def test_upstream_s_script_for_wasi_has_nothing_to_start(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="starts the program `wasmtime`"):
        RegrtestRunner.of(prepared(WASI, tmp_path), tmp_path, upstream=True)


def says(log_text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every process that the peer starts only writes this."""

    def run(command: Command, log: Path, **_: object) -> Completed:
        log.write_text(log_text)
        return Completed(command=command, returncode=-9, seconds=1, timed_out=False)

    monkeypatch.setattr("harness.diagnostics.regrtest_runner.run", run)


@pytest.mark.parametrize("match", [(), ("a",)])
def test_a_regrtest_without_a_word_on_any_module_is_an_error(
    match: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    says("no space left", monkeypatch)
    peer = RegrtestRunner(prepared=prepared(EMSCRIPTEN, tmp_path), folder=tmp_path)
    with pytest.raises(BuildError, match="no space left"):
        peer.run(Task(workers=1, match=match))


def test_a_module_that_dies_leaves_no_junit_but_a_word(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    says("0:00:01 [1/1/1] test_x worker non-zero exit code (Exit code 134)\n", monkeypatch)
    reply = RegrtestRunner(prepared=prepared(EMSCRIPTEN, tmp_path), folder=tmp_path).run(Task(workers=1, match=("a",)))
    assert reply == Reply(seconds=1, words={"test_x": Word.DIED})


LOG = """\
Using random seed: 0
0:00:00 load avg: 7.10 Run 4 tests in parallel using 1 worker process
0:00:01 load avg: 7.10 [  1/400] test_good passed
0:00:01 load avg: 7.10 [  2/400] test_bad failed (1 error, 3 failures) (1 min 3 sec)
test test_bad failed -- multiple errors occurred; run in verbose mode for details
0:00:02 load avg: 7.41 [  3/400/1] test_none ran no tests -- running (1): test_slow (31.0 sec)
0:00:02 load avg: 7.41 [  4/400/1] test_older run no tests
0:00:04 load avg: 7.41 [  5/400/1] test_away skipped
0:00:04 load avg: 7.41 [  6/400/1] test_net skipped (resource denied)
0:00:05 load avg: 7.41 [  7/400/2] test_odd failed (uncaught exception)
0:00:05 load avg: 7.41 [  8/400/3] test_env failed (env changed)
0:00:05 load avg: 7.41 [  9/400/4] test_dead worker non-zero exit code (Exit code -6 (SIGABRT))
1:00:05 [ 10/400/5] test.test_asyncio.test_hang timed out (30.0 sec)
0:00:05 load avg: 7.41 [ 11/400/5] test_strange passedly
  0:00:05 [1/2] test_inside passed
1 test failed:
    test_bad
"""


def test_the_word_on_each_module_is_read_of_the_progress_lines() -> None:
    assert read_words(LOG) == {
        "test_good": Word.PASSED,
        "test_bad": Word.FAILED,
        "test_none": Word.NO_TESTS,
        "test_older": Word.NO_TESTS,
        "test_away": Word.SKIPPED,
        "test_net": Word.DENIED,
        "test_odd": Word.UNCAUGHT,
        "test_env": Word.ENV_CHANGED,
        "test_dead": Word.DIED,
        "test.test_asyncio.test_hang": Word.TIMED_OUT,
    }


def suite(counts: str, *cases: str) -> str:
    return f"<testsuites><testsuite {counts}>{''.join(cases)}</testsuite></testsuites>"


@pytest.mark.parametrize(
    ("text", "unnamed"),
    [
        (suite('errors="0" failures="3"', "<testcase />"), {"test_x": Outcome.FAIL}),
        (suite('errors="1" failures="3"', "<testcase />"), {"test_x": Outcome.ERROR}),
        (suite('errors="0" failures="0"', "<testcase />"), {}),
        (suite('errors="0" failures="1"', "<testcase />", "<testcase />"), {}),
        (suite('errors="0" failures="1"', "<testcase />", '<testcase name="a" />'), {}),
        (suite('errors="1" failures="0"'), {}),
    ],
)
def test_the_only_case_of_a_suite_may_have_no_name(text: str, unnamed: dict[str, Outcome], tmp_path: Path) -> None:
    (tmp_path / "x.xml").write_text(text)
    assert read_junit(tmp_path / "x.xml", {"test_x": Word.FAILED}).unnamed == unnamed


def test_a_case_that_is_there_twice_is_numbered_as_in_the_journal(tmp_path: Path) -> None:
    (tmp_path / "x.xml").write_text(suite("", '<testcase name="a" />', '<testcase name="a"><skipped /></testcase>'))
    assert read_junit(tmp_path / "x.xml", {"test_x": Word.PASSED}).outcomes == {
        ("test_x", "a"): Outcome.PASS,
        ("test_x", "a#2"): Outcome.SKIP,
    }


ONE_SUITE = '<testsuite><testcase name="a" /></testsuite>'


@pytest.mark.parametrize(
    ("words", "modules"),
    [
        ([Word.PASSED, Word.SKIPPED, Word.FAILED], ["test_0", "test_2"]),
        ([Word.DENIED, Word.ENV_CHANGED, Word.DIED, Word.TIMED_OUT, Word.NO_TESTS], ["test_1", "test_4"]),
        # With an exception outside of any case there may be a suite, or none.
        ([Word.UNCAUGHT, Word.PASSED, Word.PASSED], ["test_1", "test_2"]),
        ([Word.UNCAUGHT, Word.PASSED, Word.SKIPPED], ["test_0", "test_1"]),
        ([Word.PASSED, Word.SKIPPED], None),
        ([Word.PASSED, Word.PASSED, Word.PASSED], None),
    ],
)
def test_suites_have_no_name_and_are_those_of_the_modules_that_ran(
    words: list[Word], modules: list[str] | None, tmp_path: Path
) -> None:
    (tmp_path / "x.xml").write_text(f"<testsuites>{ONE_SUITE}{ONE_SUITE}</testsuites>")
    named = {f"test_{number}": word for number, word in enumerate(words)}
    if modules is None:
        with pytest.raises(BuildError, match=r"x\.xml has 2 suites, and regrtest's progress lines name"):
            read_junit(tmp_path / "x.xml", named)
    else:
        assert [key.module for key in read_junit(tmp_path / "x.xml", named).outcomes] == modules


def test_regrtest_s_own_dialect_of_junit_is_understood(tmp_path: Path) -> None:
    (tmp_path / "x.xml").write_text(JUNIT)
    outcomes = read_junit(tmp_path / "x.xml", {"test_x": Word.FAILED}).outcomes
    assert {key.case: found for key, found in outcomes.items()} == {
        "a": Outcome.PASS,
        "b": Outcome.FAIL,
        "c": Outcome.ERROR,
        "d": Outcome.SKIP,
        "e": Outcome.EXPECTED_FAILURE,
        "f": Outcome.UNEXPECTED_SUCCESS,
    }
