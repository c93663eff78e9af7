"""A run of the suite in a browser whose tabs are killed all the time: no result is lost."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from harness.errors import EXIT_OK
from harness.results.cell_results import load_results
from harness.run.prepared import Prepared
from tests.integration.test_browser_engine import kill_tab
from tests.integration.test_own_tests import ROOT, harness

pytestmark = [pytest.mark.toolchain, pytest.mark.long]
CELL = "emscripten-3.1.69-chromium"
KILLS = 20
# Twice as many as kills: a short one is over before its tab is killed.
MODULES = (
    *("test_abc", "test_argparse", "test_array", "test_ast", "test_base64", "test_bool", "test_bytes"),
    *("test_calendar", "test_cmath", "test_codecs", "test_collections", "test_configparser", "test_contextlib"),
    *("test_copy", "test_csv", "test_dataclasses", "test_datetime", "test_decimal", "test_deque", "test_enum"),
    *("test_float", "test_fractions", "test_functools", "test_grammar", "test_heapq", "test_itertools"),
    *("test_json", "test_list", "test_long", "test_math", "test_patma", "test_posix", "test_re", "test_set"),
    *("test_statistics", "test_str", "test_string", "test_unicodedata", "test_zipfile"),
)
RUN_SECONDS = 500.0


def outcomes(folder: Path) -> dict[str, str]:
    found = load_results(folder / CELL / "results.json")
    return {case.case: case.outcome.value for module in found.modules for case in module.cases}


def finished(folder: Path) -> set[str]:
    """The modules that have a result."""
    return {path.stem for path in (folder / CELL / "modules").glob("[!.]*.json")}


def begun(folder: Path) -> set[str]:
    """The modules that have something in the journal."""
    journals = (folder / CELL / "journal").glob("*/journal/*.jsonl")
    return {path.parents[1].name for path in journals if path.stat().st_size}


def run_with_kills(folder: Path) -> tuple[int, int]:
    """The status of the run, and how many tabs were killed: each under another module, sooner or later after its
    beginning. A guest that is killed again when it runs once more has crashed.
    """
    argv = [sys.executable, "-m", "harness", "test", CELL, *MODULES, "-n", "1", "--run-dir", str(folder)]
    env = os.environ | {"PYTHONPATH": str(ROOT)}
    child = subprocess.Popen(argv, cwd=ROOT, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.STDOUT)
    killed, untouched, deadline = 0, 0, time.monotonic() + RUN_SECONDS
    try:
        while child.poll() is None and time.monotonic() < deadline:
            time.sleep(0.05)
            if killed < KILLS and len(finished(folder)) >= untouched and begun(folder) - finished(folder):
                time.sleep(0.05 * (killed % 8))
                killed += kill_tab(child.pid)
                # Meanwhile the next one may have been under it.
                untouched = len(finished(folder)) + 1
        return child.wait(timeout=1), killed
    finally:
        child.kill()


def test_tabs_that_are_killed_cost_no_result(chromium: Prepared, tmp_path: Path) -> None:
    undisturbed = harness("test", CELL, *MODULES, "-n", "1", "--run-dir", tmp_path / "undisturbed")
    assert undisturbed.returncode == EXIT_OK, undisturbed.stdout
    status, killed = run_with_kills(tmp_path / "killed")
    log = (tmp_path / "killed" / CELL / "logs" / "engine-0.log").read_text()
    assert killed == KILLS
    assert log.count("the tab died") + log.count("the tab had died") >= KILLS
    assert status == EXIT_OK
    assert outcomes(tmp_path / "killed") == outcomes(tmp_path / "undisturbed")
