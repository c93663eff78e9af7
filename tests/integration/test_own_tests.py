"""`test CELL --tests`: files of the user's own through the real command line, on both targets."""

from __future__ import annotations

import dataclasses
import json
import os
import shlex
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from harness.run.prepared import Prepared
from tests.processes import wait_for

pytestmark = pytest.mark.toolchain
ROOT = Path(__file__).parents[2]
CASE = "import unittest\n\n\nclass T(unittest.TestCase):\n    def test_a(self):\n        pass\n"
FILES = {
    "helper.py": "X = 1\n",
    "test_good.py": "import helper\n" + CASE,
    "test_bad.py": CASE.replace("pass", "self.fail('as it should')")
    + "\n    def test_b(self):\n        import os\n        os.abort()\n"
    + "\n\nsetattr(T, 'test_c [$HOME] \"#1\"', T.test_a)\n"
    + "\n\ndef load_tests(loader, tests, pattern):\n"
    + "    import doctest, types\n"
    + "    made = types.ModuleType('elsewhere')\n"
    + "    made.__doc__ = '>>> 1 + 1\\n3\\n'\n"
    + "    tests.addTest(doctest.DocTestSuite(made))\n"
    + "    return tests\n",
    "test_pkg/__init__.py": "",
    "test_pkg/test_inner.py": "from . import other\n" + CASE,
    "test_pkg/other.py": "",
    "test_binary.py": "\0\1\2",
    "test_syntax.py": "def f(:\n",
    "test_missing.py": "import nothing_of_this_name\n",
    "test_hangs.py": "while True:\n    pass\n",
    "test_loud.py": CASE.replace("pass", "import os; [os.write(1, b'x' * (1 << 20)) for _ in range(1024)]"),
    "test_loud_import.py": "for _ in range(1024):\n    print('x' * (1 << 20))\n" + CASE,
    "test_bad-name.py": CASE,
}
# What comes out of each module: its one case, or its own line, and what its text says.
EXPECTED = {
    "test_good": ("test_good.T.test_a", "pass", ""),
    "test_pkg.test_inner": ("test_pkg.test_inner.T.test_a", "pass", ""),
    "test_binary": ("test_binary", "error", "null bytes"),
    "test_syntax": ("test_syntax", "error", "invalid syntax"),
    "test_missing": ("test_missing", "error", "No module named 'nothing_of_this_name'"),
    "test_hangs": ("test_hangs", "timeout", "no progress for 25 s"),
    "test_loud": ("test_loud.T.test_a", "pass", ""),
    "test_loud_import": ("test_loud_import.T.test_a", "pass", ""),
    "test_bad-name": ("test_bad-name", "error", "is not the name of a module"),
}


def harness(*arguments: str | Path, cwd: Path = ROOT, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "harness", *map(str, arguments)],
        cwd=cwd,
        env=dict(os.environ) | {"PYTHONPATH": str(ROOT)} | env,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=580,
        check=False,
    )


def results(run: Path, cell: str) -> dict[str, Any]:
    data: dict[str, Any] = json.loads((run / cell / "results.json").read_text())
    return data


@pytest.fixture(scope="module")
def tests(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("own") / "my tests"
    for name, text in FILES.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


@pytest.fixture(scope="module")
def quick(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project in which a case has 25 s."""
    folder = tmp_path_factory.mktemp("project")
    for name in ("matrices", "expected_failures"):
        (folder / name).mkdir()
        for path in (ROOT / name).rglob("*.toml"):
            goal = folder / path.relative_to(ROOT)
            goal.parent.mkdir(parents=True, exist_ok=True)
            goal.write_text(path.read_text())
    (folder / "pyproject.toml").write_text((ROOT / "pyproject.toml").read_text())
    default = folder / "matrices" / "default.toml"
    text = default.read_text()
    for cell in ("wasi", "emscripten-3.1.69"):
        text = text.replace(f'id = "{cell}"\n', f'id = "{cell}"\ncase_timeout = 25\n')
    default.write_text(text)
    (folder / "expected_failures" / "own.toml").write_text(
        '[[expect]]\ntests = ["test_bad.T.test_a"]\noutcome = "fail"\n'
        'issue = "https://github.com/python/cpython/issues/1"\nreason = "as it should"\n'
    )
    return folder


@dataclasses.dataclass(frozen=True)
class Run:
    cell: str
    folder: Path
    said: str
    status: int

    @property
    def modules(self) -> dict[str, Any]:
        found: dict[str, Any] = results(self.folder, self.cell)["modules"]
        return found


@pytest.fixture(scope="module", params=["wasi", "emscripten"])
def run(request: pytest.FixtureRequest, tests: Path, quick: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    prepared: Prepared = request.getfixturevalue(request.param)
    folder = tmp_path_factory.mktemp("run") / "a"
    done = harness("test", prepared.cell.id, "--tests", tests, "-n", "2", "--run-dir", folder, cwd=quick)
    return Run(cell=prepared.cell.id, folder=folder, said=done.stdout, status=done.returncode)


def test_each_module_has_one_clear_result(run: Run) -> None:
    assert run.status == 1, run.said
    assert 'Traceback (most recent call last):\n  File "/work' not in run.said
    for module, (case, outcome, says) in EXPECTED.items():
        cases = run.modules[module]["cases"]
        assert list(cases) == [case], (module, cases)
        assert cases[case]["outcome"] == outcome, cases
        assert says in json.dumps(cases[case]), cases
    assert (run.folder / run.cell / "junit.xml").stat().st_size < 1 << 20
    assert not list((run.folder / run.cell).rglob("__pycache__"))


def test_a_failing_case_is_named_and_a_listed_one_is_known(run: Run) -> None:
    cases = run.modules["test_bad"]["cases"]
    assert {name: case["outcome"] for name, case in cases.items()} == {
        "test_bad.T.test_a": "fail",
        "test_bad.T.test_b": "crash",
        'test_bad.T.test_c [$HOME] "#1"': "fail",
        "elsewhere": "fail",
    }
    counts = results(run.folder, run.cell)["comparison"]["counts"]
    assert counts["known"] == 1
    assert cases["test_bad.T.test_b"]["tries"] == ["crash"] * 3


def test_a_run_of_own_tests_is_not_a_run_of_the_suite(run: Run, tests: Path) -> None:
    found = results(run.folder, run.cell)["run"]
    assert (found["complete"], found["options"]["tests"]) == (False, str(tests))
    assert f"the tests of {tests} were run; of the suite nothing is said" in " ".join(run.said.split())
    for command in ("record", "merge", "update"):
        done = harness(command, run.folder)
        assert done.returncode == 2, done.stdout
        assert "own tests" in done.stdout


def again_lines(run: Run) -> dict[str, str]:
    """The printed commands by the case that they are of."""
    found, case = {}, ""
    for line in run.said.splitlines():
        if line.startswith("REGRESSION  "):
            case = line.removeprefix("REGRESSION  ")
        if line.startswith("  again "):
            found[case] = line.removeprefix("  again ").strip()
    return found


@pytest.mark.parametrize("case", ["test_bad.T.test_b", 'test_bad.T.test_c [$HOME] "#1"', "elsewhere", "test_syntax"])
def test_the_printed_command_runs_that_case_alone(run: Run, case: str, tmp_path: Path) -> None:
    line = f"{again_lines(run)[case]} --run-dir {shlex.quote(str(tmp_path))}"
    done = subprocess.run(["sh", "-c", line], cwd=tmp_path, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 1, done.stdout + done.stderr
    modules = results(tmp_path, run.cell)["modules"]
    assert [list(module["cases"]) for module in modules.values()] == [[case]]


def test_a_finished_run_is_resumed_as_it_ended(run: Run, tests: Path, quick: Path) -> None:
    before = results(run.folder, run.cell)
    (run.folder / run.cell / "results.json").unlink()
    where = ("--run-dir", run.folder, "--resume")
    done = harness("test", run.cell, "--tests", tests, "-n", "2", *where, cwd=quick)
    assert done.returncode == 1, done.stdout
    after = results(run.folder, run.cell)
    assert after["modules"] == before["modules"]
    assert after["comparison"] == before["comparison"]
    some = harness("test", run.cell, "--tests", tests, "-k", "good", "-n", "1", *where, cwd=quick)
    assert "holds no module" not in some.stdout
    (tests / "helper.py").write_text("X = 2\n")
    try:
        changed = harness("test", run.cell, "--tests", tests, *where, cwd=quick)
    finally:
        (tests / "helper.py").write_text("X = 1\n")
    assert changed.returncode == 2, changed.stdout
    assert "another folder of own tests" in changed.stdout


def test_a_mistyped_case_is_reported_before_anything_is_created(run: Run, tests: Path, quick: Path) -> None:
    wrong = run.folder.parent / "wrong"
    asked = ("test", run.cell, "--tests", tests, "--run-dir", wrong)
    done = harness(*asked, "--case", "test_bad.T.test_aa", cwd=quick)
    assert (done.returncode, "did you mean 'test_bad.T.test_a'" in done.stdout) == (2, True), done.stdout
    done = harness(*asked, "--case", "test_bda.T.test_a", cwd=quick)
    assert (done.returncode, "did you mean 'test_bad" in done.stdout) == (2, True), done.stdout
    assert not wrong.exists()


def test_one_file_by_its_path_and_isolated(wasi: Prepared, tests: Path, tmp_path: Path) -> None:
    repro = tmp_path / "repro.py"
    repro.write_text(CASE)
    repro.chmod(0o400)
    done = harness("test", "wasi", "--tests", repro, "--isolated", "-n", "1", "--run-dir", tmp_path / "run")
    assert done.returncode == 0, done.stdout
    assert list(results(tmp_path / "run", "wasi")["modules"]["repro"]["cases"]) == ["repro.T.test_a"]


@pytest.mark.parametrize("cells", [["wasi"], ["wasi", "emscripten-3.1.69"]])
def test_what_cannot_be_read_ends_with_status_2_and_its_path(cells: list[str], tmp_path: Path) -> None:
    (tmp_path / "notes.txt").touch()
    (tmp_path / "empty").mkdir()
    for name in ("nowhere", "notes.txt", "empty"):
        done = harness("test", *cells, "--tests", tmp_path / name, "--run-dir", tmp_path / "run")
        assert done.returncode == 2, done.stdout
        assert str(tmp_path / name) in done.stdout
        assert "Traceback" not in done.stdout


def finished(run: Path) -> set[str]:
    return {path.stem for path in run.glob("wasi/modules/*.json")}


def test_a_run_that_was_killed_after_its_last_module_is_resumed(wasi: Prepared, tmp_path: Path) -> None:
    """SIGKILL before results.json is written; what is left to do is nothing."""
    asked = ["test", "wasi", "-k", "test_bool or test_float", "-n", "1", "--run-dir", str(tmp_path)]
    process = subprocess.Popen([sys.executable, "-m", "harness", *asked], cwd=ROOT, stdout=subprocess.DEVNULL)
    wait_for(lambda: {"test_bool", "test_float"} <= finished(tmp_path), "both modules have a result")
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    (tmp_path / "wasi" / "results.json").unlink(missing_ok=True)
    kept = finished(tmp_path)
    done = harness(*asked, "--resume")
    assert done.returncode == 0, done.stdout
    assert set(results(tmp_path, "wasi")["modules"]) == kept
    several = harness("test", "wasi", "emscripten-3.1.69", "-k", "test_bool", "--run-dir", tmp_path / "two")
    again = harness("test", "wasi", "emscripten-3.1.69", "-k", "test_bool", "--run-dir", tmp_path / "two", "--resume")
    assert (several.returncode, again.returncode) == (0, 0), again.stdout
    assert "2 cells: 2 as expected, in part" in again.stdout


def test_a_keyword_that_matches_nothing_makes_no_run(wasi: Prepared, tmp_path: Path) -> None:
    done = harness("test", "wasi", "-k", "test_jsoon", "--run-dir", tmp_path / "run")
    assert (done.returncode, (tmp_path / "run").exists()) == (2, False), done.stdout
    assert "did you mean 'test_json'" in done.stdout


def test_the_report_has_the_options_of_the_run(wasi: Prepared, tmp_path: Path) -> None:
    (tmp_path / "test_x.py").write_text(CASE.replace("pass", "self.fail('x')"))
    run = tmp_path / "run"
    own = ("--tests", tmp_path / "test_x.py", "--runtime", wasi.cell.runtime, "--isolated", "--reruns", "0")
    done = harness("test", "wasi", *own, "-n", "1", "--run-dir", run)
    line = f" -m harness test wasi --runtime={wasi.cell.runtime} --tests={tmp_path}/test_x.py --isolated --case "
    assert f"{line}test_x.T.test_a" in done.stdout
    harness("report", run, "--exit-zero")
    for name in ("summary.md", "junit.xml", "index.html", "annotations.txt"):
        assert line.strip() in (run / name).read_text().replace("&#95;", "_"), name


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may read what is nobody's")
def test_the_guest_reads_what_root_alone_can_read(wasi: Prepared, tmp_path: Path) -> None:
    """Engines give up the right to override a file's mode: of another user's files they see a copy."""
    folder = tmp_path / "theirs"
    folder.mkdir()
    (folder / "test_x.py").write_text(CASE)
    os.chown(folder / "test_x.py", 12345, 12345)
    (folder / "test_x.py").chmod(0o600)
    os.chown(folder, 12345, 12345)
    folder.chmod(0o700)
    done = harness("test", "wasi", "--tests", folder, "-n", "1", "--run-dir", tmp_path / "run")
    assert done.returncode == 0, done.stdout


def test_a_file_of_the_users_may_be_named_as_one(wasi: Prepared, tmp_path: Path) -> None:
    for name in ("test_x", "test_y"):
        (tmp_path / f"{name}.py").write_text(CASE)
    done = harness("test", "wasi", "test_y.py", "--tests", tmp_path, "-n", "1", "--run-dir", tmp_path / "run")
    assert done.returncode == 0, done.stdout
    assert set(results(tmp_path / "run", "wasi")["modules"]) == {"test_y"}


def test_a_module_that_does_not_import_shows_where(wasi: Prepared, tmp_path: Path) -> None:
    (tmp_path / "test_x.py").write_text(f"import no_such_module\n{CASE}")
    done = harness(
        "test", "wasi", "--tests", tmp_path / "test_x.py", "--reruns=0", "-n1", "--run-dir", tmp_path / "run"
    )
    assert done.returncode == 1, done.stdout
    lines = [line.strip() for line in done.stdout.splitlines()]
    ends = lines.index("| ModuleNotFoundError: No module named 'no_such_module'")
    assert lines[ends - 1] == "|     import no_such_module"
    assert lines[ends + 1].startswith("again ")


@pytest.mark.parametrize("target", ["wasi", "emscripten"])
def test_a_case_is_reduced_and_its_script_has_the_tests_with_it(
    request: pytest.FixtureRequest, tmp_path: Path, target: str
) -> None:
    prepared: Prepared = request.getfixturevalue(target)
    given = tmp_path / "given"
    given.mkdir()
    order = (Path(__file__).parents[1] / "data" / "test_order.py").read_text()
    (given / "test_order.py").write_text(f"import helper\n{order}")
    (given / "helper.py").write_text("")
    case = "test_order.Order.test_18_needs_two_others"
    done = harness("reduce", prepared.cell.id, "--tests", given, "--case", case, "--into", tmp_path / "into")
    *_, needs, third, eleventh, again, script = done.stdout.splitlines()
    assert "it needs 2 cases of the 18 that run before it" in needs
    assert (third.strip(), eleventh.strip()) == ("test_order.Order.test_03", "test_order.Order.test_11")
    assert f"--tests={given}" in again
    word, path = script.split()[0], Path(script.split()[-1])
    assert (word, path) == ("script", tmp_path / "into" / "reduced-test_18_needs_two_others" / path.name)
    assert (path.parent / "test_order.py").is_file()
    assert done.returncode == 0
