"""Whole runs of the default cell from the command line: results, selections, interruptions, what is kept."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from junitparser import JUnitXml

from harness.results.case_ids import dotted
from harness.run.keywords import Keyword
from harness.run.past_cases import NO_PAST
from harness.run.prepared import Prepared
from harness.run.selection import check_names
from tests.processes import descendants, is_running, wait_for

pytestmark = pytest.mark.toolchain
ROOT = Path(__file__).parents[2]
# A few seconds of work for each of two workers, so that there is something to interrupt.
SLOW = "test_set or test_pickle or test_bool or test_socket"


def start(*arguments: str | Path) -> subprocess.Popen[str]:
    argv = [sys.executable, "-m", "harness", "test", "wasi", *map(str, arguments)]
    return subprocess.Popen(argv, cwd=ROOT, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


def finish(process: subprocess.Popen[str], seconds: float = 120) -> tuple[int, str]:
    output, _ = process.communicate(timeout=seconds)
    return process.returncode, output


def results(run_dir: Path) -> dict[str, Any]:
    data: dict[str, Any] = json.loads((run_dir / "wasi" / "results.json").read_text())
    return data


def test_a_selection_of_modules(wasi: Prepared, tmp_path: Path) -> None:
    status, output = finish(start("-n", "2", "-k", "test_json or test_socket", "--run-dir", tmp_path))
    assert status == 0, output
    found = results(tmp_path)
    modules = {name: module["outcome"] for name, module in found["modules"].items()}
    assert modules == {"test_json": "pass", "test_socket": "skip", "test_socketserver": "skip"}
    assert len(found["modules"]["test_json"]["cases"]) > 150
    assert found["modules"]["test_socket"]["detail"]["reason"]
    assert found["run"]["complete"] is False
    assert found["build"]["python"] == "3.13.5"
    assert "0 unexpected" in output
    work = {each["name"]: each for each in found["run"]["work"]}
    assert work.keys() == modules.keys()
    assert {each["worker"] for each in work.values()} == {"gw0", "gw1"}
    for each in work.values():
        assert 0 <= each["begin"] <= each["begin"] + each["seconds"] <= found["run"]["seconds"] + 1
    assert work["test_json"]["seconds"] >= found["modules"]["test_json"]["seconds"] - 0.1


# A run in which modules are cut that are short.
CUT_FINELY = """
import math, sys
from pathlib import Path
from harness.cli import main as cli
from harness.results.cell_results import load_results
from harness.run import selection
from harness.suite import parts

cases = {module.module: parts.recorded_cases(module) for module in load_results(Path(sys.argv[1])).modules}
selection.read_case_durations = lambda _: cases
selection.guessed_seconds = lambda modules, *_: {name: math.fsum(cases[name].values()) for name in modules}
parts.LEAST_SECONDS, parts.FRACTION = 0.0, 0.2
sys.exit(cli.main(["test", "wasi", *sys.argv[2:]]))
"""


def test_modules_that_are_cut_come_to_the_same_results(wasi: Prepared, tmp_path: Path) -> None:
    usual = ("-n", "2", "-k", "test_bool or test_unittest", "--run-dir")
    finish(start(*usual, tmp_path / "whole"))
    whole = tmp_path / "whole" / "wasi" / "results.json"
    argv = [sys.executable, "-c", CUT_FINELY, whole, *usual, tmp_path / "cut"]
    done = subprocess.run(list(map(str, argv)), cwd=ROOT, text=True, capture_output=True, check=False)
    assert done.returncode == 0, done.stdout
    assert len(list((tmp_path / "cut" / "wasi" / "parts").glob("*/*.json"))) > 2
    modules, cut = results(tmp_path / "whole")["modules"], results(tmp_path / "cut")["modules"]
    assert modules.keys() == cut.keys()
    for name, module in modules.items():
        assert {key: case["outcome"] for key, case in cut[name]["cases"].items()} == {
            key: case["outcome"] for key, case in module["cases"].items()
        }
        same = ("outcome", "attempts", "complete", "word", "exit_status")
        assert [cut[name].get(key) for key in same] == [module.get(key) for key in same]


def test_pytest_keeps_no_temporary_folder_and_so_deletes_no_older_ones_at_the_end(
    wasi: Prepared, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "temporary").mkdir()
    monkeypatch.setenv("TMPDIR", str(tmp_path / "temporary"))
    status, output = finish(start("-n", "2", "-k", "test_bool", "--run-dir", tmp_path / "run"))
    assert status == 0, output
    assert list((tmp_path / "temporary").glob("pytest-of-*")) == []


def test_junit_is_read_by_junitparser_and_by_xml(wasi: Prepared, tmp_path: Path) -> None:
    finish(start("-n", "1", "-k", "test_json", "--run-dir", tmp_path))
    path = tmp_path / "wasi" / "junit.xml"
    cases = results(tmp_path)["modules"]["test_json"]["cases"]
    assert len(ElementTree.parse(path).findall(".//testcase")) == len(cases)
    suites = JUnitXml.fromfile(str(path))
    assert (suites.tests, suites.failures, suites.errors) == (len(cases), 0, 0)


def test_one_case_alone(wasi: Prepared, tmp_path: Path) -> None:
    case = "test.test_json.test_decode.TestCDecode.test_decimal"
    status, output = finish(start("--case", case, "--run-dir", tmp_path))
    assert status == 0, output
    assert "KNOWN" not in output
    assert list(results(tmp_path)["modules"]["test_json"]["cases"]) == [case]


def test_a_known_failure_can_be_looked_at(wasi: Prepared, tmp_path: Path) -> None:
    case = "test.test_importlib.metadata.test_api.APITests.test_files_egg_info"
    status, output = finish(start("--case", case, "--run-dir", tmp_path))
    assert status == 0, output
    assert f"KNOWN  {case}\n  got        error: PermissionError" in output
    assert "| PermissionError: [Errno 63]" in output
    assert "says expected_failures/wasi/" in output


def test_modules_are_named_as_for_regrtest(wasi: Prepared, tmp_path: Path) -> None:
    status, output = finish(start("test_bool", "test_float", "--run-dir", tmp_path))
    assert status == 0, output
    assert "bringing up nodes" not in output
    assert set(results(tmp_path)["modules"]) == {"test_bool", "test_float"}


def test_pytest_by_hand(wasi: Prepared, tmp_path: Path) -> None:
    argv = ["-m", "pytest", "--cell", "wasi", "-k", "test_bool", "-n", "2", "--run-dir", str(tmp_path)]
    done = subprocess.run([sys.executable, *argv], cwd=ROOT, text=True, capture_output=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout
    assert "1 passed" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "status", "says"),
    [
        (["--case", "test.test_jsom.X.y"], 2, "did you mean 'test.test_json'?"),
        (["-k", "no_such_module"], 2, "the selection holds no module"),
        (["-k", "test_json", "test_bool"], 2, "unknown argument 'test_bool'"),
        (["test_jsn"], 2, "the suite has no module 'test.test_jsn'; did you mean 'test.test_json'?"),
        (["--shard", "1/2", "-k", "test_json"], 2, "--shard cuts the whole suite, and -k names modules"),
        (["--cpython", "/no/such/checkout"], 2, "/no/such/checkout"),
        (["--cpython", "3.99.1"], 3, "3.13.5"),
    ],
)
def test_a_wrong_option_is_reported(
    wasi: Prepared, tmp_path: Path, arguments: list[str], status: int, says: str
) -> None:
    found, output = finish(start(*arguments, "--run-dir", tmp_path))
    assert found == status, output
    assert says in output
    assert "Traceback" not in output


def test_every_module_of_a_build_is_one_that_its_source_may_have(wasi: Prepared) -> None:
    for module in wasi.build.modules():
        check_names(wasi.build.root / "Lib" / "test", [dotted(module)], Keyword(module), NO_PAST)


def test_a_run_folder_that_cannot_be_made_is_reported(wasi: Prepared, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    status, output = finish(start("-k", "test_bool", "--run-dir", tmp_path / "file" / "run"))
    assert status == 3, output
    assert "cannot write" in output
    assert "Traceback" not in output


def wait_for_first_result(run_dir: Path, process: subprocess.Popen[str]) -> None:
    def is_there() -> bool:
        assert process.poll() is None, process.communicate()[0]
        return bool(list(run_dir.glob("wasi/modules/test*.json")))

    wait_for(is_there, "the first result")


@pytest.mark.skipif(sys.platform != "linux", reason="looks at /proc")
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_an_interrupted_run_keeps_what_it_has_and_can_go_on(
    wasi: Prepared, tmp_path: Path, how: signal.Signals
) -> None:
    process = start("-n", "2", "-k", SLOW, "--run-dir", tmp_path)
    wait_for_first_result(tmp_path, process)
    children = descendants(process.pid)
    assert children
    os.kill(process.pid, how)
    wait_for(lambda: not any(map(is_running, children)), f"the children end after {how.name}")
    status, output = finish(process)
    kept = {path.stem for path in tmp_path.glob("wasi/modules/test*.json")}
    assert kept
    if how is not signal.SIGKILL:
        assert status == 130, output
        assert "Traceback" not in output
        assert "KeyboardInterrupt" not in output
        assert f"interrupted: {len(kept)} of 8 modules finished" in output
        assert f"-k '{SLOW}' --run-dir={tmp_path} --resume\n" in output
        assert set(results(tmp_path)["modules"]) == kept

    status, output = finish(start("-n", "2", "-k", SLOW, "--run-dir", tmp_path))
    assert status == 2, output
    assert "has a run that did not come to its end" in output
    status, output = finish(start("-n", "2", "-k", SLOW, "--run-dir", tmp_path, "--resume"))
    assert status == 0, output
    assert len(results(tmp_path)["modules"]) > len(kept)
    assert kept <= set(results(tmp_path)["modules"])


def test_a_full_disk_is_reported(wasi: Prepared, tmp_path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("mounting a small disk takes root")
    small = tmp_path / "small"
    small.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=96k", "tmpfs", str(small)], check=True)
    try:
        status, output = finish(start("-n", "1", "-k", "test_json", "--run-dir", small))
    finally:
        subprocess.run(["umount", str(small)], check=True)
    assert status == 3, output
    assert "No space left on device" in output
    assert "Traceback" not in output


def test_a_case_with_a_wrong_name_is_reported_with_the_names_of_earlier_results(wasi: Prepared, tmp_path: Path) -> None:
    finish(start("-n", "1", "-k", "test_json", "--run-dir", tmp_path / "first"))
    case = "test.test_json.test_decode.TestCDecode.test_decimel"
    status, output = finish(start("--case", case, "--run-dir", tmp_path / "second"))
    assert status == 2, output
    assert f"test_json has no case '{case}'; did you mean '{case[:-2]}al'" in output
    assert not (tmp_path / "second").exists()


def test_a_module_is_reported_as_lost_when_its_engine_does_not_start(emscripten: Prepared, tmp_path: Path) -> None:
    node = tmp_path / "node"
    once = f"if [ -e {tmp_path}/asked ]; then exit 9; fi; touch {tmp_path}/asked"  # it identifies itself, and dies then
    node.write_text(f'#!/bin/sh\ncase "$*" in *node_host*) {once};; esac\nexec {emscripten.runtime}/bin/node "$@"\n')
    node.chmod(0o755)
    argv = [sys.executable, "-m", "harness", "test", emscripten.cell.id, "--runtime", f"path:{node}"]
    argv += ["-n", "1", "-k", "test_bool", "--run-dir", str(tmp_path / "run")]
    done = subprocess.run(argv, cwd=ROOT, text=True, capture_output=True, timeout=120, check=False)
    assert done.returncode == 3, done.stdout
    assert "REGRESSION  test.test_bool" in done.stdout
    assert "lost: the engine did not start" in done.stdout


def test_an_engine_that_does_not_work_stops_the_run_at_once(wasi: Prepared, tmp_path: Path) -> None:
    """Only root may write to a file that is made under this umask, and root gives up that right for guests."""
    argv = [sys.executable, "-m", "harness", "test", "wasi", "-n", "1", "-k", "test_bool or test_set or test_float"]
    done = subprocess.run(
        [*argv, "--run-dir", str(tmp_path)], cwd=ROOT, text=True, capture_output=True, check=False, umask=0o277
    )
    if os.geteuid() != 0:
        pytest.skip("without root's rights the harness itself cannot write")
    assert done.returncode == 3, done.stdout
    assert (
        done.stdout.count("the engine could not run a guest: PermissionError") == 2
    )  # by pytest, and as a lost module
    assert "crash" not in done.stdout
    assert len(results(tmp_path)["modules"]) == 1
