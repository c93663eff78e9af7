"""The native reference with the real build Python: the same ids as a guest's, and nothing of ours is written to."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from harness.diagnostics.native_suite import run_reference
from harness.engines.native import NativeEngine
from harness.engines.protocol import Ending, GuestRun, Mount
from harness.errors import ConfigError
from harness.limitations.native_results import load_reference
from harness.results.outcomes import Outcome
from harness.run.prepared import Prepared

ROOT = Path(__file__).parents[2]


def run(code: str, folder: Path, reason: str | None = None) -> tuple[Ending, int, str]:
    (folder / "scratch").mkdir()
    scratch = Mount(host=folder / "scratch", guest="/tmp", writable=True)
    guest = GuestRun(argv=(sys.executable, "-c", code), mounts=(scratch,), output=folder / "output")
    ended = NativeEngine().run(guest, lambda: reason)
    return ended.ending, ended.status, ended.reason


@pytest.mark.integration
@pytest.mark.parametrize(
    ("code", "reason", "ended"),
    [
        ("", None, (Ending.EXITED, 0, "")),
        ("raise SystemExit(3)", None, (Ending.EXITED, 3, "")),
        ("import os; os.abort()", None, (Ending.TRAPPED, 0, "killed by SIGABRT")),
        ("while True: pass", "enough", (Ending.STOPPED, 0, "enough")),
    ],
)
def test_how_a_native_run_ends(tmp_path: Path, code: str, reason: str | None, ended: tuple[Ending, int, str]) -> None:
    assert run(code, tmp_path, reason) == ended


@pytest.mark.integration
@pytest.mark.skipif(sys.platform != "linux", reason="only Linux lets root give up single rights")
def test_what_may_not_be_written_is_not_written_even_by_root(tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    kept.write_text("kept")
    kept.chmod(0o444)
    assert run(f"open({str(kept)!r}, 'w')", tmp_path)[:2] == (Ending.EXITED, 1)
    assert kept.read_text() == "kept"


@pytest.fixture(scope="module")
def own_cache(wasi: Prepared, tmp_path_factory: pytest.TempPathFactory) -> Prepared:
    """The cell with a cache of the test's own for what it finds."""
    cache = tmp_path_factory.mktemp("cache")
    return Prepared(cell=wasi.cell, build=wasi.build, runtime=wasi.runtime, cache=cache)


@pytest.mark.toolchain
def test_a_module_has_the_ids_it_has_in_a_guest_and_is_run_once(own_cache: Prepared, said: list[str]) -> None:
    wanted = ["test_bool", "test.test_asyncio.test_queues"]
    found = {module.module: module for module in run_reference(own_cache, only=wanted, workers=2)}
    assert set(found) == set(wanted)
    queues = {case.case: case.outcome for case in found["test.test_asyncio.test_queues"].cases}
    assert queues["test.test_asyncio.test_queues.QueueBasicTests.test_empty"] is Outcome.PASS
    assert found["test_bool"].complete
    again = run_reference(own_cache, only=wanted, workers=2)
    assert {module.module: module for module in again} == found
    assert load_reference(own_cache.build.manifest, own_cache.cache) == again


@pytest.mark.toolchain
def test_the_reference_s_own_tree_is_the_library_and_not_writable(own_cache: Prepared) -> None:
    run_reference(own_cache, only=["test_bool"], workers=1)
    (tree,) = (own_cache.cache / "references").glob("*/tree")
    ask = "import os, sysconfig; print(os.__file__); print(sysconfig.get_config_var('srcdir'))"
    argv = [str(tree / "natives" / "python" / "python"), "-c", ask]
    for line in subprocess.run(argv, text=True, capture_output=True, check=True).stdout.splitlines():
        assert Path(line).is_relative_to(tree)
    (library,) = (tree / "sources").glob("*/tree/Lib")
    assert library.stat().st_mode & 0o222 == 0


@pytest.mark.toolchain
def test_a_module_that_the_suite_does_not_have_is_reported(own_cache: Prepared) -> None:
    with pytest.raises(ConfigError, match="did you mean 'test_json'"):
        run_reference(own_cache, only=["test_jsom"], workers=1)


@pytest.mark.toolchain
def test_the_command_line_reports_which_skips_are_explained(wasi: Prepared, tmp_path: Path) -> None:
    argv = [sys.executable, "-m", "harness", "test", "wasi", "-k", "test_syslog", "-n", "1", "--run-dir", str(tmp_path)]
    subprocess.run(argv, cwd=ROOT, text=True, capture_output=True, timeout=300, check=False)
    results = tmp_path / "wasi" / "results.json"
    argv = [sys.executable, "-m", "harness", "skips", str(results)]
    done = subprocess.run(argv, cwd=ROOT, text=True, capture_output=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert "wasi: skips 1: 1 explained by 1 limitation and 0 circumstances, 0 not" in done.stdout
    assert "wasi-no-syslog  needs syslog" in done.stdout
    other = [sys.executable, "-m", "harness", "audit-skips", "wasi-24", "--results", str(results)]
    done = subprocess.run(other, cwd=ROOT, text=True, capture_output=True, timeout=60, check=False)
    assert (done.returncode, "holds the results of wasi, not of wasi-24" in done.stderr) == (2, True)


@pytest.mark.toolchain
@pytest.mark.parametrize(("target", "cell"), [("wasi", "wasi"), ("emscripten", "emscripten-3.1.69")])
def test_behind_open_gates_a_skipped_case_shows_what_it_does(
    request: pytest.FixtureRequest, tmp_path: Path, target: str, cell: str
) -> None:
    request.getfixturevalue(target)
    test = [sys.executable, "-m", "harness", "test", cell, "-k", "test_thread and not ed", "-n", "1"]
    subprocess.run([*test, "--run-dir", str(tmp_path)], cwd=ROOT, capture_output=True, timeout=300, check=False)
    results = tmp_path / cell / "results.json"
    argv = [sys.executable, "-m", "harness", "audit-skips", cell, "test_thread", "-n", "1", "--results", str(results)]
    done = subprocess.run(argv, cwd=ROOT, text=True, capture_output=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    found = {case["case"]: case["outcome"] for case in json.loads((results.parent / "audit.json").read_text())}
    # Behind the gate of a whole module: what needs no second thread passes, what starts one does not.
    assert found["test.test_thread.LockTests.test_acquire_release"] == "pass"
    assert found["test.test_thread.ThreadRunningTests.test_starting_threads"] == "error"
