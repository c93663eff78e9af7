"""The doctor on this machine, whatever it has."""

from __future__ import annotations

import os
import platform
import sys
from pathlib import Path

import pytest

from harness.util.process import Command, Completed, run
from tests.trees import wasi_sdk_tree

pytestmark = pytest.mark.integration
ROOT = Path(__file__).parents[2]


def doctor(cache: Path, *cells: str, **env: str) -> Completed:
    argv = (sys.executable, "-m", "harness", "doctor", "--offline", *cells)
    environment = {key: value for key, value in os.environ.items() if key != "WASI_SDK_PATH"}
    return run(Command(argv=argv, cwd=ROOT, env=environment | {"WASM_HARNESS_CACHE": str(cache)} | env))


def test_an_empty_cache_and_no_network_is_exit_status_3(tmp_path: Path) -> None:
    done = doctor(tmp_path / "cache")
    assert done.returncode == 3, done.output
    assert f"  ok       Python      {platform.python_version()}\n" in done.output
    assert "  missing  source      CPython 3.13.5: tarball: www.python.org was not tried; apt: " in done.output
    assert "0 of " in done.output
    assert not (tmp_path / "cache").exists()


def test_the_users_own_sdk_is_tried(tmp_path: Path) -> None:
    done = doctor(tmp_path / "cache", "wasi", WASI_SDK_PATH=str(wasi_sdk_tree(tmp_path / "sdk")))
    assert "  ok       toolchain   WASI SDK 25: your own, WASI_SDK_PATH\n" in done.output
