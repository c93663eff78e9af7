"""The runtimes: what is decided before pip runs."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

from harness.errors import UnavailableError
from harness.pins import Pins, RuntimePin
from harness.runtimes import obtain_runtime

PINS = Pins(runtime=(RuntimePin(name="wasmtime", version="50.0.1", sha256=("ab" * 32,)),))


def test_a_version_that_is_not_pinned_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnavailableError, match=r"wasmtime 49 is not pinned; pinned: 50\.0\.1"):
        obtain_runtime("wasmtime", "49", PINS, tmp_path)


def test_without_pip_the_way_to_get_it_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    with pytest.raises(UnavailableError, match="installed with pip") as caught:
        obtain_runtime("wasmtime", "50.0.1", PINS, tmp_path)
    assert "ensurepip" in caught.value.hint
    assert "uv venv --seed" in caught.value.hint


def test_what_the_cache_has_needs_no_pip(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[Path] = []
    monkeypatch.setattr("harness.runtimes._install", lambda *arguments: made.append(arguments[1]))
    first = obtain_runtime("wasmtime", "50.0.1", PINS, tmp_path)
    assert obtain_runtime("wasmtime", "50.0.1", PINS, tmp_path) == first
    assert len(made) == 1
