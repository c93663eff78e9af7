"""Several cells in one run: what they share, one that is not available, Ctrl-C, and the table at the end."""

from __future__ import annotations

import json
import os
import re
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
SLOW = "test_set or test_pickle or test_bool or test_socket"
MORE_CELLS = """
[[cell]]
id = "wasi-99"
target = "wasi"
toolchain = "99"
description = "an SDK that is not pinned"
tags = ["mixed"]

[[cell]]
id = "wasi-99-debug"
target = "wasi"
toolchain = "99"
pydebug = true
description = "one that is known not to work"
tags = ["mixed"]
broken = "for this test"
"""


@pytest.fixture
def project(project: Path) -> Path:
    """A project in which the tag `mixed` has a cell that works, one that is not available, and a broken one."""
    matrix = project / "matrices" / "default.toml"
    text = matrix.read_text().replace('tags = ["wasi", "nightly"]', 'tags = ["wasi", "nightly", "mixed"]', 1)
    assert "mixed" in text
    matrix.write_text(text + MORE_CELLS)
    return project


def start(module: str, *arguments: str, cwd: Path, own_group: bool = False) -> subprocess.Popen[str]:
    argv = [sys.executable, "-m", module, *arguments]
    env = dict(os.environ) | {"PYTHONPATH": str(ROOT)}
    return subprocess.Popen(
        argv,
        cwd=cwd,
        env=env,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=own_group,
    )


def finish(process: subprocess.Popen[str], seconds: float = 180) -> tuple[int, str]:
    output, _ = process.communicate(timeout=seconds)
    assert "Traceback" not in output
    return process.returncode, output


def table_of(output: str) -> dict[str, str]:
    """The lines of the last table, by cell, with single spaces."""
    table = output.rpartition("\ncell ")[2].partition("\n\n")[0].splitlines()[2:]
    return {line.split()[0]: re.sub(" +", " ", line) for line in table}


def results(folder: Path) -> dict[str, Any]:
    data: dict[str, Any] = json.loads((folder / "results.json").read_text())
    return data


def test_a_tag_ends_with_one_table_and_the_worst_status(wasi: Prepared, project: Path) -> None:
    arguments = ("test", "-t", "mixed", "-k", "test_bool", "--run-dir", "run")
    status, output = finish(start("harness", *arguments, cwd=project))
    assert status == 3, output
    table = table_of(output)
    assert list(table) == ["wasi", "wasi-99", "wasi-99-debug"]
    assert re.fullmatch(r"wasi 31 31 0 0 0 \d+ as expected, in part", table["wasi"])
    assert table["wasi-99"].endswith("not available here")
    assert table["wasi-99-debug"].endswith("left out")
    assert "wasi-99: not available here: " in output
    assert "wasi-99-debug: left out: declared as broken: for this test" in output
    assert results(project / "run" / "wasi")["run"]["interrupted"] is False

    again, shown = finish(start("harness", "table", "--run-dir", "run", cwd=project))
    assert again == 3
    assert table_of(shown) == {name: line for name, line in table.items() if name != "wasi-99-debug"}


def test_nox_ends_a_tag_with_the_same_table(wasi: Prepared, project: Path) -> None:
    status, output = finish(start("nox", "-t", "mixed", "--", "-k", "test_bool", cwd=project))
    assert status == 1, output
    table = table_of(output)
    assert list(table) == ["wasi", "wasi-99"]
    assert table["wasi"].endswith("as expected, in part")
    assert table["wasi-99"].endswith("not available here")
    run_folder = (project / "reports" / "latest").resolve()
    assert {path.name for path in run_folder.iterdir()} == {"wasi", "wasi-99"}


def test_two_targets_side_by_side_have_a_folder_each(wasi: Prepared, emscripten: Prepared, tmp_path: Path) -> None:
    cells = ("wasi", "emscripten-3.1.69")
    status, output = finish(
        start("harness", "test", *cells, "-n", "1", "-k", "test_bool", "--run-dir", str(tmp_path), cwd=ROOT)
    )
    assert status == 0, output
    assert list(table_of(output)) == list(cells)
    for cell in cells:
        found = results(tmp_path / cell)
        assert found["cell"]["id"] == cell
        assert len(found["modules"]["test_bool"]["cases"]) == 31
        assert found["identity"]["interpreter"]["platform"] == cell.partition("-")[0]


def test_builds_end_with_a_table_too(wasi: Prepared, project: Path) -> None:
    status, output = finish(start("harness", "build", "wasi", "wasi-99", "--run-dir", "run", cwd=project))
    assert status == 3, output
    table = table_of(output)
    assert table["wasi"].endswith("built")
    assert table["wasi-99"].endswith("not available here")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("test",), "no cell is named"),
        (("test", "-k", "test_bool", "wasi"), "no cell is named"),
        (("test", "wasi", "wasj"), "there is no cell 'wasj'"),
        (("test", "-t", "no-such"), "no cell has the tag 'no-such'"),
        (("test", "wasi", "-n", "many"), "'many' is neither a number of workers, 1 or more, nor auto"),
        (("build", "wasi", "--no-such"), "unknown argument '--no-such'"),
        (("table", "--run-dir", "/no/such"), "/no/such does not exist"),
        (("diff", "/no/such", "/no/such"), "/no/such does not exist"),
    ],
)
def test_mistakes_are_reported(arguments: tuple[str, ...], says: str) -> None:
    status, output = finish(start("harness", *arguments, cwd=ROOT))
    assert status == 2
    assert says in output


def wait_for_first_result(process: subprocess.Popen[str], run_dir: Path) -> None:
    def is_there() -> bool:
        assert process.poll() is None
        return bool(list(run_dir.glob("wasi/modules/test*.json")))

    wait_for(is_there, "the first result")


def test_ctrl_c_in_nox_leaves_time_to_write_results(wasi: Prepared, project: Path) -> None:
    arguments = ("-t", "mixed", "--", "-n", "1", "-k", SLOW, "--run-dir", "run")
    process = start("nox", *arguments, cwd=project, own_group=True)
    wait_for_first_result(process, project / "run")
    os.killpg(process.pid, signal.SIGINT)
    assert finish(process)[0] == 130
    assert results(project / "run" / "wasi")["run"]["interrupted"] is True


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_an_interruption_ends_all_cells_and_keeps_results(
    wasi: Prepared, emscripten: Prepared, tmp_path: Path, how: signal.Signals
) -> None:
    cells = ("wasi", "emscripten-3.1.69", "wasi-debug")
    process = start("harness", "test", *cells, "-n", "1", "-k", SLOW, "--run-dir", str(tmp_path), cwd=ROOT)
    wait_for_first_result(process, tmp_path)
    os.kill(process.pid, how)
    status, output = finish(process)
    assert status == 130, output
    assert list(table_of(output)) == list(cells)
    found = results(tmp_path / "wasi")
    assert found["modules"]
    assert found["run"]["interrupted"] is True
    assert "interrupted" in table_of(output)["wasi-debug"]


@pytest.mark.parametrize("cell", ["wasi", "emscripten-3.1.69"])
def test_warm_or_isolated_one_worker_or_four_the_outcomes_are_the_same(
    wasi: Prepared, emscripten: Prepared, tmp_path: Path, cell: str
) -> None:
    """A slice with skips, cases that are known to fail, and deep recursion."""
    slice_ = "test_bool or test_posixpath or test_socket or test_exceptions or test_support or test_marshal or test_os"
    ways = {"one": ("-n", "1"), "four": ("-n", "4"), "isolated": ("-n", "2", "--isolated")}
    for name, arguments in ways.items():
        run_dir = str(tmp_path / name)
        process = start("harness", "test", cell, *arguments, "-k", slice_, "--run-dir", run_dir, cwd=ROOT)
        finish(process, 400)
    files = {name: str(tmp_path / name / cell / "results.json") for name in ways}
    first = results(tmp_path / "one" / cell)
    assert len(first["modules"]) > 7
    # The only case that is known to fail on WASI is in a module that takes too long for this.
    assert first["comparison"]["counts"]["known"] or cell == "wasi"
    for name in ("four", "isolated"):
        status, output = finish(start("harness", "diff", files["one"], files[name], cwd=ROOT))
        assert status == 0, output
        assert "no difference among" in output
