"""A cache that is not ours to write is told by whatever wants to write there."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from harness import ask
from harness.build import Build
from harness.cache import VARIABLE, cache_root, locked, make_entry
from harness.errors import UnavailableError
from harness.git import fetch_commit
from harness.prepared import Prepared
from tests.unit.sample_cells import WASI


def hold(cache: Path) -> None:
    with locked(cache / "lock"):
        pass


def fetch(cache: Path) -> None:
    fetch_commit("https://example.org/x.git", "main", cache, say=print)


def prepared(cache: Path) -> Prepared:
    build = Build(folder=cache, manifest={"wasm": {"sha256": "0" * 64}})
    return Prepared(cell=WASI, build=build, runtime=cache, cache=cache)


def compile_module(cache: Path) -> None:
    prepared(cache).compiled()


def identify(cache: Path) -> None:
    ask.ensure_identity(prepared(cache), dict, say=lambda _: None)


@pytest.mark.parametrize("write", [hold, fetch, compile_module, identify])
def test_a_cache_that_cannot_be_written_is_told(
    write: Callable[[Path], None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def nothing(*_: Any) -> Any:
        return {}

    for name in ("ask_interpreter", "check", "answer_key"):
        monkeypatch.setattr(ask, name, nothing)
    (tmp_path / "file").touch()
    with pytest.raises(UnavailableError, match=r"cannot write .*file/") as caught:
        write(tmp_path / "file" / "cache")
    assert "WASM_HARNESS_CACHE" in caught.value.hint


def test_what_a_killed_run_has_left_of_an_entry_is_deleted_and_nothing_else(tmp_path: Path) -> None:
    final = tmp_path / "sdk-[25]"
    left = Path(tempfile.mkdtemp(dir=tmp_path, prefix=f".{final.name}."))
    (left / "clang").touch()
    others = {Path(tempfile.mkdtemp(dir=tmp_path, prefix=f".{name}.")) for name in (f"{final.name}.1", "sdk-2")}
    make_entry(final, lambda _: None)
    assert set(tmp_path.iterdir()) == {final, tmp_path / f"{final.name}.lock", *others}


def test_the_variable_may_begin_with_the_home_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a workflow's `env:`, where no shell expands it."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv(VARIABLE, "~/cache")
    assert cache_root() == tmp_path / "cache"
