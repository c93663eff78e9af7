"""The commands as a user types them: what they print, how they end, no traceback for a mistake of the user's."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from harness.bench.report import write_made_up_run
from harness.results.cell_results import write_results
from harness.run.prepared import Prepared
from tests.unit.sample_results import as_expected

pytestmark = pytest.mark.integration
ROOT = Path(__file__).parents[2]


def harness(*arguments: str, cwd: Path = ROOT, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "harness", *arguments],
        cwd=cwd,
        env=dict(os.environ) | {"PYTHONPATH": str(ROOT)} | (env or {}),
        text=True,
        capture_output=True,
        timeout=300,
        check=False,
    )


def nox(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "nox", *arguments],
        cwd=cwd,
        env=dict(os.environ) | {"PYTHONPATH": str(ROOT)},
        text=True,
        capture_output=True,
        timeout=300,
        check=False,
    )


def test_the_list_of_the_cells_and_the_help_load_nothing_that_builds_or_tests() -> None:
    """Both answer in a tenth of a second, as long as they import little."""
    for arguments in (["cells"], ["--help"]):
        argv = [sys.executable, "-X", "importtime", "-m", "harness", *arguments]
        done = subprocess.run(argv, cwd=ROOT, text=True, capture_output=True, timeout=60, check=True)
        imported = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
        packages = {name.split(".")[1] for name in imported if name.startswith("harness.")}
        assert packages <= {"cli", "errors", "manifest", "matrix", "project", "run", "targets", "util"}
        assert not imported & {"pytest", "http.client", "ssl", "sqlite3", "jinja2", "tomlkit"}


def test_the_harness_without_its_packages_says_how_to_start_it() -> None:
    argv = [sys.executable, "-S", "-m", "harness", "cells"]
    done = subprocess.run(argv, cwd=ROOT, text=True, capture_output=True, timeout=60, check=False)
    assert (done.returncode, "Traceback" in done.stderr) == (3, False)
    assert "which the harness needs\n  -> " in done.stderr


def test_nox_means_a_path_from_where_the_user_is(tmp_path: Path) -> None:
    write_made_up_run(tmp_path / "run", cells=1, cases=500)
    done = nox("-f", str(ROOT / "noxfile.py"), "-s", "table", "--", "run", cwd=tmp_path)
    assert "1 cell: " in done.stdout, done.stdout + done.stderr


def test_nox_leaves_a_question_for_help_to_the_command() -> None:
    for session in ("test-wasi", "probe-wasi"):
        done = nox("-s", session, "--", "--help", cwd=ROOT)
        assert f"usage: python -m harness {session.partition('-')[0]}" in done.stdout, done.stdout + done.stderr


def test_the_cells_are_listed_with_every_field() -> None:
    done = harness("cells", "-l")
    assert done.returncode == 0
    assert "wasi " in done.stdout
    assert "toolchain=25" in done.stdout
    cells = {cell["id"]: cell for cell in json.loads(harness("cells", "--json").stdout)}
    assert cells["wasi"]["engine"] == "wasmtime"
    assert {"python", "runtime", "tags", "pthreads", "case_timeout", "resources"} <= cells["wasi"].keys()


def test_output_that_is_closed_early_is_not_an_error() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    argv = [sys.executable, "-m", "harness", "cells"]
    done = subprocess.run(argv, cwd=ROOT, stdout=writer, stderr=subprocess.PIPE, text=True, timeout=60, check=False)
    os.close(writer)
    assert (done.returncode, done.stderr) == (0, "")


def test_output_to_a_full_disk_is_a_fault_of_the_machine() -> None:
    argv = [sys.executable, "-m", "harness", "cells"]
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(argv, cwd=ROOT, stdout=full, stderr=subprocess.PIPE, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr.splitlines()[0]) == (
        3,
        "error: No space left on device, perhaps for what is printed",
    )
    assert "Traceback" not in done.stderr


def test_a_tag_selects_cells_and_an_unknown_tag_is_reported() -> None:
    assert "wasi" in harness("cells", "-t", "wasi").stdout
    wrong = harness("cells", "-t", "nightli")
    assert wrong.returncode == 2
    assert "did you mean 'nightly'?" in wrong.stderr


@pytest.mark.parametrize("command", ["build", "bundle", "test", "oracle", "probe", "native"])
def test_an_unknown_cell_is_reported_with_the_nearest_name(command: str) -> None:
    done = harness(command, "wasj")
    assert done.returncode == 2
    assert "did you mean 'wasi'?" in done.stderr
    assert "Traceback" not in done.stdout + done.stderr


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--frobnicate"], "unrecognized arguments: --frobnicate"),
        (["--reruns", "many"], "argument --reruns: invalid int value: 'many'"),
        (["--maxfail=x"], "argument --maxfail: invalid int value: 'x'"),
    ],
)
def test_a_wrong_option_of_a_test_is_one_line_and_a_hint(words: list[str], says: str) -> None:
    done = harness("test", "wasi", *words)
    assert done.returncode == 2
    assert says in done.stderr
    assert "`python -m harness test --help` lists the" in done.stderr
    assert "usage:" not in done.stderr


def test_a_benchmark_of_an_unknown_cell_is_reported_with_the_nearest_name() -> None:
    argv = [sys.executable, "-m", "harness.bench", "wasj"]
    done = subprocess.run(argv, cwd=ROOT, text=True, capture_output=True, timeout=60, check=False)
    assert done.returncode == 2
    assert "did you mean 'wasi'?" in done.stderr
    assert "Traceback" not in done.stdout + done.stderr


def test_every_mistake_of_a_matrix_is_reported_at_once(project: Path) -> None:
    with (project / "matrices" / "default.toml").open("a") as stream:
        stream.write('\n[[cell]]\nid = "wasi-24"\ntarget = "wasy"\ndescription = 3\ntolchain = "24"\n')
        stream.write('\n[[cell]]\nid = "wasi-24"\ntarget = "wasi"\ntoolchain = "23"\ndescription = "x"\n')
    done = harness("cells", cwd=project)
    assert done.returncode == 2
    for said in (
        "'wasy'",
        "did you mean 'wasi'?",
        "did you mean 'toolchain'?",
        "must be a string",
        "'wasi-23'",
    ):
        assert said in done.stderr
    assert "matrices/default.toml:" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("text", ["[[cell]\n", "\x00", "a = 1\n", "cell = 3\n", "[defaults]\n"])
def test_a_malformed_file_is_reported(project: Path, text: str) -> None:
    (project / "matrices" / "more.toml").write_text(text)
    for done in (harness("cells", cwd=project), nox("-l", cwd=project)):
        assert done.returncode != 0
        assert "matrices/more.toml" in done.stdout + done.stderr
        assert "Traceback" not in done.stdout + done.stderr


def test_nox_lists_a_session_for_every_cell_and_step() -> None:
    done = nox("-l", cwd=ROOT)
    for cell in json.loads(harness("cells", "--json").stdout):
        assert f" -> Build {cell['id']}: {cell['description']}." in done.stdout
        # No tag selects a broken cell, nor one that needs a tree.
        assert f"\n- test-{cell['id']} {'->' if cell['broken'] or not cell['tags'] else '['}" in done.stdout
        assert f" -> Hold the documented limitations against what {cell['id']} does." in done.stdout
    for name in ("table", "tests", "lint", "doctor", "bench"):
        assert re.search(rf" {name} (\[.*\] )?-> ", done.stdout)


def test_without_network_and_apt_the_message_says_why_each_provider_failed(project: Path) -> None:
    tools = project / "bin"
    tools.mkdir()
    for name in ("sh", "cc", "make"):  # without a compiler and make, nothing would be asked for
        (tools / name).symlink_to("/bin/sh")
    env = {
        "PATH": str(tools),
        "WASM_HARNESS_CACHE": str(project / "cache"),
        "https_proxy": "http://127.0.0.1:9",
    }
    done = harness("build", "wasi", env=env)
    assert done.returncode == 3, done.stderr
    assert "CPython 3.13.5 is not available" in done.stderr
    assert "--cpython" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_folder_that_is_not_cpython_is_refused(project: Path) -> None:
    done = harness("build", "wasi", "--cpython", str(project))
    assert done.returncode == 2
    assert "configure" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.toolchain
def test_an_entry_that_names_no_test_is_reported(wasi: Prepared, project: Path) -> None:
    (project / "expected_failures" / "wrong.toml").write_text(
        '[[expect]]\ntests = ["test.test_jsom.T.test_x"]\noutcome = "fail"\n'
        'issue = "https://github.com/python/cpython/issues/1"\nreason = "x"\n'
    )
    done = harness("test", "wasi", "-k", "test_json", cwd=project)
    said = done.stdout + done.stderr
    assert done.returncode == 2, said
    assert "expected_failures/wrong.toml:" in said
    assert "test_json" in said
    assert "Traceback" not in said


def test_a_run_is_reported_and_compared_with_another(tmp_path: Path) -> None:
    """The views, the status of each command, and no traceback for what a user can do wrong."""
    write_made_up_run(tmp_path / "2026-11-21T03-00-00", cells=2, cases=4000, seed=1)
    write_made_up_run(tmp_path / "2026-11-22T03-00-00", cells=2, cases=4000)
    runs = [str(tmp_path / name) for name in ("2026-11-21T03-00-00", "2026-11-22T03-00-00")]
    done = harness("report", runs[1])
    assert done.returncode == 1, done.stderr
    assert harness("report", runs[1], "--exit-zero", "--no-junit").returncode == 0
    assert "8,000 cases in 2 cells" in done.stdout
    assert (tmp_path / "2026-11-22T03-00-00" / "index.html").is_file()
    data = json.loads(harness("diff", *runs, "--json").stdout)
    assert [pair["compared"] for pair in data["pairs"]] == [4000, 4000]
    same = harness("diff", runs[0], runs[0])
    assert (same.returncode, "no difference among 4,000 cases" in same.stdout) == (0, True)
    wrong = harness("diff", runs[0], str(tmp_path / "nowhere"))
    assert (wrong.returncode, wrong.stderr.splitlines()[0]) == (2, f"error: {tmp_path / 'nowhere'} does not exist")
    other = harness("diff", f"{runs[0]}/wasi-24", f"{runs[0]}/wasi-25")
    assert "only one axis differs: toolchain WASI SDK 24 -> WASI SDK 25" in other.stdout
    assert "RUN_A" in harness("diff").stderr


@pytest.mark.toolchain
@pytest.mark.parametrize("target", ["wasi", "emscripten"])
def test_the_interpreter_of_a_cell_is_started_like_any_python(
    target: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    cell = request.getfixturevalue(target).cell.id
    script = tmp_path / "hello.py"
    script.write_text("import sys\nopen('/scratch/x', 'w').close()\nprint(sys.platform, sys.argv)\nsys.exit(7)\n")
    done = harness("python", cell, str(script), "a")
    assert done.stdout == f"{target} ['/here/hello.py', 'a']\n"
    assert done.returncode == 7, done.stderr
    trapped = harness("python", cell, "-c", "import os; print('before', flush=True); os.abort()")
    assert (trapped.stdout.splitlines()[0], trapped.returncode) == ("before", 1)
    assert f"{cell}: trapped" in trapped.stderr


def test_a_bundle_is_not_written_over_a_folder(tmp_path: Path) -> None:
    done = harness("bundle", "wasi", "--output", str(tmp_path))
    assert (done.returncode, done.stderr.splitlines()[0]) == (2, f"error: --output {tmp_path} is a folder")


def test_bump_needs_something_new_and_says_why_a_side_has_no_results(project: Path) -> None:
    done = harness("bump", "wasi", "test_bool")
    assert done.returncode == 2
    assert "name it with --toolchain, --runtime or --cpython" in done.stderr
    done = harness("bump", "wasi", "--cpython", "3.13.2", "--bisect")
    assert done.returncode == 2
    assert (
        "--bisect of wasi goes from one version to another of one thing, --runtime, and --cpython is new" in done.stderr
    )
    done = harness("bump", "wasi", "--runtime", f"path:{sys.executable}", "--bisect")
    assert done.returncode == 2
    assert f"another, and --runtime path:{sys.executable} names none" in done.stderr
    folder = project / "run"
    new = ("--runtime", "1.2.3", "--provider", "nobody", "--run-dir", str(folder))
    done = harness("bump", "wasi", "test_bool", *new)
    assert done.returncode == 2, done.stderr
    assert "error: new: there is no toolchain provider 'nobody'" in done.stderr
    assert str(folder / "new" / "output.log") in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(("name", "why"), [("none.md", "No such file"), (".", "Is a directory"), ("x.bin", "no UTF-8")])
def test_a_readme_that_cannot_be_read_is_refused_before_anything_is_built(project: Path, name: str, why: str) -> None:
    (project / "x.bin").write_bytes(b"\xff\xfe")
    done = harness("embed", "emscripten-3.1.69", "--readme", str(project / name))
    assert (done.returncode, why in done.stderr) == (2, True), done.stderr
    assert "Traceback" not in done.stderr


def test_stack_needs_a_worker(project: Path) -> None:
    done = harness("stack", "wasi", "-n", "0", "--results", str(project))
    assert (done.returncode, "-n/--workers: 0: must be a number of 1 or more" in done.stderr) == (2, True), done.stderr


def test_stack_refuses_a_wrong_expression_before_it_looks_for_a_run(project: Path) -> None:
    done = harness("stack", "wasi", "-k", "(", "--results", str(project / "none"))
    assert (done.returncode, "-k (: " in done.stderr, "does not exist" in done.stderr) == (2, True, False), done.stderr


def test_stale_skips_needs_runs_that_were_audited(project: Path) -> None:
    folder = project / "run" / "wasi"
    write_results(folder / "results.json", as_expected())
    done = harness("stale-skips", str(folder.parent))
    assert done.returncode == 2
    assert "no cell there has been audited" in done.stderr
    row = {"case": "test.test_os.T.test_a", "outcome": "pass", "limitation": "fs-umask", "reason": "umask is a stub"}
    (folder / "audit.json").write_text(json.dumps([row]))
    done = harness("stale-skips", str(folder.parent))
    assert (done.returncode, done.stderr) == (0, "")
    assert "| 1: WASI SDK 25.0 | 1/1 | umask is a stub | fs-umask |" in done.stdout
    done = harness("stale-skips", str(folder.parent), "--patch", str(project))
    assert (done.returncode, done.stdout) == (2, "")
    assert "there is no Lib/test" in done.stderr
