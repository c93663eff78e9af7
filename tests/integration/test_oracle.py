"""CPython's own runner on real builds, held against the harness."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from harness.diagnostics.agreement import Agreement, agree
from harness.diagnostics.native_suite import with_native
from harness.diagnostics.oracle import RegrtestAnswer, ask_regrtest, run_harness
from harness.diagnostics.regrtest_runner import Key, RegrtestRunner, Task
from harness.results.outcomes import Outcome
from harness.run.prepared import Prepared

pytestmark = [pytest.mark.integration, pytest.mark.toolchain]
FATAL = Key("test_compile", "test.test_compile.TestSpecifics.test_compiler_recursion_limit")


def ask(
    prepared: Prepared, folder: Path, *modules: str, build: tuple[str, ...] = ()
) -> tuple[RegrtestAnswer, Agreement]:
    # -k takes parts of names: test_stat is in test_statistics too.
    found = run_harness(prepared.cell.id, " or ".join(modules), 2, folder, build=build)[1].modules
    ours = [result for result in found if result.module in modules]
    answer = ask_regrtest(RegrtestRunner.of(prepared, folder), Task(workers=2, modules=modules), ours)
    return answer, agree(answer.outcomes, answer.words, ours)


def test_emscripten_has_the_same_outcomes_under_both(emscripten: Prepared, tmp_path: Path) -> None:
    # Files and links; an interpreter that dies; the deepest recursion that CPython allows; what nothing is said of.
    answer, found = ask(emscripten, tmp_path, "test_stat", "test_json", "test_compile", "test_posixpath")
    assert found.differing == ()
    assert found.unexplained == ()
    recursion = Key("test_json", "test.test_json.test_recursion.TestCRecursion.test_endless_recursion")
    assert answer.outcomes[recursion] is Outcome.PASS
    assert FATAL in answer.alone
    assert answer.outcomes[FATAL] is Outcome.CRASH
    assert found.total > 400


def test_wasi_has_the_same_outcomes_under_both(wasi: Prepared, tmp_path: Path) -> None:
    _, found = ask(wasi, tmp_path, "test_stat", "test_bool")
    assert found.differing == ()
    assert found.unexplained == ()
    assert found.total > 40


def test_pyodide_has_the_same_outcomes_under_both(pyodide: Prepared, wasi: Prepared, tmp_path: Path) -> None:
    """A native Python of the version of its suite runs regrtest."""
    ready = with_native(pyodide, wasi.build.manifest.native)
    _, found = ask(ready, tmp_path, "test_bool", "test_linecache", build=("--suite=3.13.5",))
    assert found.differing == ()
    assert found.unexplained == ()
    assert found.total > 40


def test_a_module_that_skips_itself_on_both_sides_does_not_count_as_agreement(wasi: Prepared, tmp_path: Path) -> None:
    _, found = ask(wasi, tmp_path, "test_threading")
    assert found.by_rule() == {"module-as-a-whole": 1}
    assert not found.is_agreement


@pytest.mark.parametrize(
    ("code", "status", "said"),
    [
        ("import sys; print(sys.argv, flush=True); sys.exit(3)", 3, "['-c', 'one']"),
        ("import os; os.write(1, b'half'); os._exit(4)", 4, "half"),
        ("import os; print(os.environ['NAME'], os.path.basename(os.getcwd()))", 0, "value here"),
        ("print(open('file').read())", 0, "of the host"),
        ("import os; os.abort()", 1, "Aborted"),
    ],
)
def test_a_plain_node_runs_the_guest_as_a_program_of_the_host(
    emscripten: Prepared, tmp_path: Path, code: str, status: int, said: str
) -> None:
    (tmp_path / "here").mkdir()
    (tmp_path / "here" / "file").write_text("of the host")
    runner = Path(__file__).parents[2] / "harness" / "engines" / "child" / "plain_node.mjs"
    node = emscripten.runtime / "bin" / "node"
    argv = [str(node), str(runner), str(emscripten.build.program), "-c", code, "one"]
    done = subprocess.run(
        argv, cwd=tmp_path / "here", env={"NAME": "value"}, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == status
    assert said in done.stdout + done.stderr
