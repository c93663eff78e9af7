"""Paths of users that begin with somebody's home."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from harness.bisect import loop
from harness.cli.main import main
from harness.errors import EXIT_CONFIG, ConfigError
from harness.matrix.cells import Matrix
from harness.matrix.pins import Pins, WasiSdkPin
from harness.sources import checkout
from harness.toolchains.emscripten.own import find_root
from harness.toolchains.runtimes import own_node, own_wasmtime
from harness.toolchains.wasi import own as own_sdk
from harness.util.paths import expanded
from tests.unit.sample_cells import WASI

NOBODY = Path("~there-is-no-such-user/x")


def test_a_home_is_expanded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    assert expanded(Path("~/x")) == tmp_path / "x"
    assert expanded(Path("./x")) == tmp_path / "x"


@pytest.mark.parametrize(
    "ask",
    [
        own_node,
        own_wasmtime,
        find_root,
        lambda path: own_sdk.obtain(WasiSdkPin(version="25", llvm="19", wasi_libc="", evidence=""), path),
        lambda path: checkout.obtain(path, path),
    ],
)
def test_the_home_of_an_unknown_user_is_reported(ask: Callable[[Path], object]) -> None:
    with pytest.raises(ConfigError, match="~there-is-no-such-user is no home folder") as caught:
        ask(NOBODY)
    assert "write the path" in caught.value.hint


def test_the_home_of_an_unknown_user_is_reported_by_a_command(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(loop, "load_configuration", lambda: (Matrix(cells=(WASI,)), Pins()))
    ends = ["--good=a", "--bad=b"]
    assert main(["bisect", "wasi", "--case=x", "--axis=cpython", f"--cpython={NOBODY}", *ends]) == EXIT_CONFIG
    assert "is no home folder" in capsys.readouterr().err
